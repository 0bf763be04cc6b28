"""Convolution layers: one set of weights for all positions, so that a shift of the input is one of
the output.

That is exact with stride 1 where the border does not show, as with ``padding_mode="circular"``;
zeros at the border, a stride and pooling break it.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

import autograd
from autograd import Tensor
from autograd.ops.convolution import Geometry, per_axis
from nn import functional as F
from nn import init
from nn.module import Module, Parameter

MODES = {"zeros": "constant", "circular": "wrap", "reflect": "reflect", "replicate": "edge"}
"""What a margin is made of: PyTorch's names, and NumPy's."""


class _Convolution(Module):
    axes: ClassVar[int]
    transposed: ClassVar[bool] = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...],
        dilation: int | tuple[int, ...],
        groups: int,
        bias: bool,
        dtype: DTypeLike,
        rng: np.random.Generator | int | None,
    ) -> None:
        name = type(self).__name__
        channels = (in_channels, out_channels)
        if min(*channels, groups) < 1 or any(n % groups for n in channels):
            raise ValueError(
                f"{name}: {in_channels} to {out_channels} channels in {groups} groups; pass sizes "
                "of 1 or more, and channels that part evenly"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis(name, "stride", stride, self.axes, 1)
        self.dilation = per_axis(name, "dilation", dilation, self.axes, 1)
        self.groups = groups
        first, second = reversed(channels) if not self.transposed else channels
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, dtype))
        self.bias = Parameter(np.zeros(out_channels, dtype)) if bias else None
        # how many products each output is the sum of: a transposed one leaves out, on average, all
        # but one in each step of the stride
        fan_in = in_channels / groups * math.prod(self.kernel_size)
        if self.transposed:
            fan_in /= math.prod(self.stride)
        init.normal_(self.weight, 0, math.sqrt(2 / fan_in), rng=rng)

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults, and the sizes."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        for name, usual in (
            ("padding", 0),
            ("output_padding", 0),
            ("dilation", 1),
            ("groups", 1),
            ("padding_mode", "zeros"),
        ):
            value = getattr(self, name, usual)
            if value not in (usual, (usual,) * self.axes):
                text += f", {name}={value!r}"
        return text if self.bias is not None else f"{text}, bias=False"


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode not in MODES:
            raise ValueError(
                f"{name}: padding_mode {padding_mode!r} is not known; it is one of "
                f"{', '.join(MODES)}"
            )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, bias, dtype, rng
        )
        self.padding = (
            padding
            if isinstance(padding, str)
            else per_axis(name, "padding", padding, self.axes, 0)
        )
        self.padding_mode = padding_mode

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, *sizes) to (batch, out_channels, *counts)."""
        convolve = F.conv1d if self.axes == 1 else F.conv2d
        settings = (self.stride, self.padding, self.dilation, self.groups)
        if self.padding_mode == "zeros":
            return convolve(x, self.weight, self.bias, *settings)  # type: ignore[no-any-return]
        padding = Geometry.of(type(self).__name__, self.kernel_size, *settings).padding
        x = autograd.pad(x, ((0, 0), (0, 0), *padding), MODES[self.padding_mode])  # type: ignore[arg-type]
        return convolve(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)  # type: ignore[no-any-return]


class Conv1d(_Conv):
    r"""Slide filters along sequences; see `Conv2d` for the parameters, here with one axis.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode
        As in `Conv2d`; a tuple has one entry.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None

    Attributes
    ----------
    weight : Parameter of shape (out_channels, in_channels / groups, kernel_size)
    bias : Parameter of shape (out_channels,), or None

    Raises
    ------
    ValueError
        As in `Conv2d`.

    Examples
    --------
    >>> Conv1d(3, 8, 5, padding=2, rng=0)(Tensor(np.ones((2, 3, 40), np.float32))).shape
    (2, 8, 40)
    """

    axes = 1


class Conv2d(_Conv):
    r"""Slide filters over images: at each position the same weights look at what lies there.

    .. math:: y_{n,f,p} = b_f + \sum_{c,k} w_{f,c,k} \, x_{n,c,sp + dk}

    with stride s and dilation d. As a matrix on the flattened image it is Toeplitz: sparse, with
    the same few weights in each row.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or tuple of int
    stride : int or tuple of int, default=1
        How far windows are apart.
    padding : int, tuple of int, 'valid' or 'same', default=0
        How much is put before and after, on each axis; 'same' keeps the sizes, with stride 1.
    dilation : int or tuple of int, default=1
        How far the elements of a window are apart.
    groups : int, default=1
        Parts of the channels that do not see each other; as many as channels is depthwise.
    bias : bool, default=True
        Leave it out in front of a norm, which would take it away again.
    padding_mode : {'zeros', 'circular', 'reflect', 'replicate'}, default='zeros'
        What the padding is made of: zeros, the other end, the mirror image, or the border.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; None is the library's default Generator.

    Attributes
    ----------
    weight : Parameter of shape (out_channels, in_channels / groups, *kernel_size)
        Drawn with He's standard deviation, sqrt(2 / n) where n products make an output, which
        keeps the mean square of the signal through a ReLU: that, or a norm, which forgets the
        scale, is what follows a convolution nearly always. PyTorch's U(-k, k), k = 1 / sqrt(n),
        has a variance six times smaller.
    bias : Parameter of shape (out_channels,), or None
        Zeros.

    Raises
    ------
    ValueError
        If a size is below 1, the channels do not part into the groups, or a setting has no such
        value.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    1998. He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, eq. (10).

    Examples
    --------
    >>> layer = Conv2d(3, 8, 3, stride=2, padding=1, rng=0)
    >>> layer(Tensor(np.ones((2, 3, 32, 32), np.float32))).shape
    (2, 8, 16, 16)
    >>> layer
    Conv2d(3, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))
    """

    axes = 2


class ConvTranspose2d(_Convolution):
    r"""Spread each value over a window: the transpose of `Conv2d`, which makes images larger.

    It undoes what a convolution does to the size, not to the values.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or tuple of int
        A multiple of the stride: else the windows overlap unevenly, which shows as a chequered
        pattern.
    stride : int or tuple of int, default=1
        How far windows are apart.
    padding : int or tuple of int, default=0
        How much is cut off before and after, on each axis.
    output_padding : int or tuple of int, default=0
        How much is added behind, to reach one of the sizes that `Conv2d` takes to the same.
    groups : int, default=1
        Parts of the channels that do not see each other.
    bias : bool, default=True
    dilation : int or tuple of int, default=1
        How far the elements of a window are apart.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; None is the library's default Generator.

    Attributes
    ----------
    weight : Parameter of shape (in_channels, out_channels / groups, *kernel_size)
        Drawn with He's standard deviation, sqrt(2 / n); n is the number of products that make an
        output on average, in_channels / groups * kernel size / stride along both axes.
    bias : Parameter of shape (out_channels,), or None
        Zeros.

    Raises
    ------
    ValueError
        If a size is below 1, or the channels do not part into the groups.

    Examples
    --------
    >>> layer = ConvTranspose2d(8, 3, 4, stride=2, padding=1, rng=0)
    >>> layer(Tensor(np.ones((2, 8, 16, 16), np.float32))).shape
    (2, 3, 32, 32)
    """

    axes = 2
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, bias, dtype, rng
        )
        name = type(self).__name__
        self.padding = per_axis(name, "padding", padding, 2, 0)
        self.output_padding = per_axis(name, "output_padding", output_padding, 2, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, *sizes)."""
        return F.conv_transpose2d(  # type: ignore[no-any-return]
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )
