"""A residual network: blocks of convolutions that add to what they are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from nn import functional as F
from nn import init
from nn.containers import Sequential
from nn.conv import Conv2d
from nn.layers import Linear
from nn.module import Module
from nn.norm import BatchNorm2d
from nn.random import generator


class BasicBlock(Module):
    r"""Two 3x3 convolutions, added to a shortcut past them.

    .. math:: y = \mathrm{relu}(S(x) + F(x)), \quad
              F(x) = \mathrm{bn}_2(w_2 \star \mathrm{relu}(\mathrm{bn}_1(w_1 \star x)))

    S is the identity where it can be; where the stride or the channels change the shape it is a
    1x1 convolution with a norm, the projection of the paper's option B.

    Parameters
    ----------
    in_channels, out_channels : int
    stride : int, default=1
        That of the first convolution.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None

    Attributes
    ----------
    conv1, conv2 : Conv2d, without bias
    bn1, bn2 : BatchNorm2d
    downsample : Sequential of Conv2d and BatchNorm2d, or None

    Examples
    --------
    >>> block = BasicBlock(4, 8, stride=2, rng=0)
    >>> block(Tensor(np.ones((2, 4, 8, 8), np.float32))).shape
    (2, 8, 4, 4)
    >>> [name for name, _ in block.named_parameters()][-3:]
    ['downsample.0.weight', 'downsample.1.weight', 'downsample.1.bias']
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        rng = generator(rng)

        def conv(before: int, size: int, stride: int) -> Conv2d:
            # same size at stride 1; the norm that follows would take a bias away again
            return Conv2d(
                before, out_channels, size, stride, size // 2, bias=False, dtype=dtype, rng=rng
            )

        self.conv1 = conv(in_channels, 3, stride)
        self.bn1 = BatchNorm2d(out_channels, dtype=dtype)
        self.conv2 = conv(out_channels, 3, 1)
        self.bn2 = BatchNorm2d(out_channels, dtype=dtype)
        self.downsample: Sequential | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = Sequential(
                conv(in_channels, 1, stride), BatchNorm2d(out_channels, dtype=dtype)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, h, w) to (batch, out_channels, h / stride, w / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(out + shortcut)  # type: ignore[no-any-return]


class ResNet(Module):
    r"""A residual network for small images, with the names of torchvision's.

    A convolution, stages of `BasicBlock` of which each but the first halves the image, the mean
    over what is left, and a linear layer. Deep networks without shortcuts get worse even on the
    training set, though their gradients are healthy: what shortcuts cure is that optimisation
    fails to find the identity for layers that are not needed.

    Parameters
    ----------
    blocks : sequence of int, default=(1, 1, 1)
        How many blocks each stage has: (n, n, n) makes 6 n + 2 layers with weights.
    channels : sequence of int, default=(16, 32, 64)
        Of each stage.
    in_channels : int, default=3
    num_classes : int, default=10
    zero_init_residual : bool, default=False
        Start the last norm of each block at weight 0, so that each block is the identity at first.
        Without it a block adds to the variance of its input, and batch norm weighs the deeper
        branches down by the root of their number.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights: He's for convolutions, LeCun's for the last layer, see `Conv2d` and
        `Linear`.

    Attributes
    ----------
    conv1, bn1, layer1, layer2, ..., fc : Module
        A block is called ``layer2.0``, and has conv1, bn1, conv2, bn2 and downsample.

    Raises
    ------
    ValueError
        If there are not as many channels as stages, or a size is below 1.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, arXiv:1512.03385,
    section 4.2. Goyal et al., "Accurate, Large Minibatch SGD", 2017, arXiv:1706.02677, section 5.1,
    for the zeros. De and Smith, "Batch Normalization Biases Residual Blocks Towards the Identity
    Function in Deep Networks", 2020, arXiv:2002.10444.

    Examples
    --------
    >>> model = ResNet((1, 1), (8, 16), in_channels=1, rng=0)
    >>> model(Tensor(np.ones((2, 1, 28, 28), np.float32))).shape
    (2, 10)
    """

    def __init__(
        self,
        blocks: Sequence[int] = (1, 1, 1),
        channels: Sequence[int] = (16, 32, 64),
        in_channels: int = 3,
        num_classes: int = 10,
        *,
        zero_init_residual: bool = False,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if len(blocks) != len(channels) or not blocks or min(blocks) < 1:
            raise ValueError(
                f"ResNet: blocks {tuple(blocks)} and channels {tuple(channels)}; pass one of each "
                "for every stage, blocks of 1 or more"
            )
        rng = generator(rng)
        width = channels[0]
        self.conv1 = Conv2d(in_channels, width, 3, padding=1, bias=False, dtype=dtype, rng=rng)
        self.bn1 = BatchNorm2d(width, dtype=dtype)
        self.stages = len(blocks)
        for i, (count, after) in enumerate(zip(blocks, channels, strict=True)):
            stage = Sequential()
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                stage.append(BasicBlock(width, after, stride, dtype=dtype, rng=rng))
                width = after
            setattr(self, f"layer{i + 1}", stage)
        self.fc = Linear(width, num_classes, dtype=dtype, rng=rng)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock) and module.bn2.weight is not None:
                    init.zeros_(module.bn2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, num_classes)."""
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean(axis=(2, 3)))  # type: ignore[no-any-return]
