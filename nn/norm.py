"""Normalisation layers: they keep the size of signals, whatever the weights before them do.

Which values are normalised together is the whole difference between them; see
`autograd.ops.normalization`. What they help is the optimisation: with batch norm, loss and gradient
change more smoothly along a step (Santurkar et al., "How Does Batch Normalization Help
Optimization?", 2018, arXiv:1805.11604).

An input of float16 and parameters of float32, which they are at first, give float32, as NumPy
promotes them; PyTorch returns the dtype of the input. ``model.half()`` converts the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from autograd.recording import rerunning
from nn import functional as F
from nn.module import Module, Parameter


class LayerNorm(Module):
    r"""Bring the features of each example to mean 0 and variance 1, then scale and shift each.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b

    It does the same in training and in evaluation mode, and asks nothing of the batch.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The last axes of the input, which are normalised together.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.
    elementwise_affine : bool, default=True
        Whether there are weights at all.
    bias : bool, default=True
        Whether there is a bias beside the weight.
    dtype : numpy dtype, default=numpy.float32

    Attributes
    ----------
    weight, bias : Parameter of shape normalized_shape, or None
        Ones and zeros at first.

    Raises
    ------
    ValueError
        If a size is below 1; when called, if the input does not end in normalized_shape.

    References
    ----------
    Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eqs. (3)-(4).

    Examples
    --------
    >>> out = LayerNorm(4)(Tensor(np.float32([[1, 2, 3, 4]])))
    >>> out.numpy().round(2)
    array([[-1.34, -0.45,  0.45,  1.34]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.normalized_shape = _shape("LayerNorm", normalized_shape)
        self.eps = eps
        shape = self.normalized_shape if elementwise_affine else None
        self.weight, self.bias = _ones(shape, dtype), _zeros(shape if bias else None, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., *normalized_shape) to the same shape."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.weight is not None}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    r"""Bring the features of each example to a mean square of 1, then scale each.

    .. math:: y = \frac{x}{\sqrt{\langle x^2 \rangle + \epsilon}} \odot w

    Layer norm without the mean and the bias: what is left out is cheap to compute, and hardly
    missed in a transformer.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The last axes of the input, which are normalised together.
    eps : float, optional
        Added to the mean square, inside the root; ``finfo(dtype).eps`` of the input if None.
    elementwise_affine : bool, default=True
        Whether there is a weight.
    dtype : numpy dtype, default=numpy.float32

    Attributes
    ----------
    weight : Parameter of shape normalized_shape, or None
        Ones at first.

    Raises
    ------
    ValueError
        As in `LayerNorm`.

    References
    ----------
    Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467, eq. (4).

    Examples
    --------
    >>> RMSNorm(2)(Tensor(np.float32([[1, 7]]))).numpy().round(4)
    array([[0.2, 1.4]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.normalized_shape = _shape("RMSNorm", normalized_shape)
        self.eps = eps
        self.weight = _ones(self.normalized_shape if elementwise_affine else None, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., *normalized_shape) to the same shape."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"
        )


class GroupNorm(Module):
    r"""Bring each group of channels of each example to mean 0 and variance 1, then scale and shift.

    Unlike batch norm it asks nothing of the batch, whose size may be one. One group is layer norm
    over channels and positions with weights per channel, a group for each channel instance norm.

    Parameters
    ----------
    num_groups, num_channels : int
        Neighbouring channels make a group.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.
    affine : bool, default=True
        Whether there are weight and bias.
    dtype : numpy dtype, default=numpy.float32

    Attributes
    ----------
    weight, bias : Parameter of shape (num_channels,), or None
        Ones and zeros at first.

    Raises
    ------
    ValueError
        If the number of channels is not a multiple of that of groups.

    References
    ----------
    Wu and He, "Group Normalization", 2018, arXiv:1803.08494, eqs. (1)-(7).

    Examples
    --------
    >>> GroupNorm(2, 4)(Tensor(np.float32([[1, 3, 0, 8]]))).numpy().round(4)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if num_groups < 1 or num_channels < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels do not part into {num_groups} groups; "
                "their number must be a multiple of that of groups"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        shape = (num_channels,) if affine else None
        self.weight, self.bias = _ones(shape, dtype), _zeros(shape, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, num_channels, ...) to the same shape."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, "
            f"affine={self.weight is not None}"
        )


class _BatchNorm(Module):
    axes: ClassVar[tuple[int, ...]]  # how many the input may have
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if num_features < 1:
            raise ValueError(
                f"{type(self).__name__}: {num_features} features; pass a size of 1 or more"
            )
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.track_running_stats = track_running_stats
        shape = (num_features,)
        self.weight = _ones(shape if affine else None, dtype)
        self.bias = _zeros(shape if affine else None, dtype)
        self.running_mean: Tensor | None = None
        self.running_var: Tensor | None = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(shape, dtype))
            self.register_buffer("running_var", np.ones(shape, dtype))
            self.register_buffer("num_batches_tracked", np.int64(0))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, num_features, ...) to the same shape."""
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            layouts = " or ".join(
                f"(batch, {self.num_features}{', ...' * (n > 2)})" for n in self.axes
            )
            raise ValueError(
                f"{type(self).__name__}: x of shape {x.shape} is not {layouts} with "
                f"{' or '.join(map(str, self.axes))} axes; the features are axis 1"
            )
        moves = self.training and self.track_running_stats and not rerunning.get()
        tracked = self.num_batches_tracked.item() + 1 if moves else 1
        out: Tensor = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            1 / tracked if self.momentum is None else self.momentum,
            self.eps,
        )
        if moves:
            self.num_batches_tracked.data = np.int64(tracked)
        return out

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.weight is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm2d(_BatchNorm):
    r"""Bring each channel of a batch of images to mean 0 and variance 1, then scale and shift.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b

    In training the mean and the variance are those of the batch, over examples and positions, and
    the gradient flows through them: an example's output depends on the others. In use, `eval()`,
    they are the running statistics, and the layer is an affine map.

    Parameters
    ----------
    num_features : int
        The channels, axis 1.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.
    momentum : float or None, default=0.1
        How far the running statistics move with each batch; None makes them the mean over all
        batches so far.
    affine : bool, default=True
        Whether there are weight and bias.
    track_running_stats : bool, default=True
        If False, use the batch's statistics always.
    dtype : numpy dtype, default=numpy.float32

    Attributes
    ----------
    weight, bias : Parameter of shape (num_features,), or None
        Ones and zeros at first.
    running_mean, running_var : Tensor of shape (num_features,), or None
        Saved, not trained. The variance that is kept is the unbiased one.
    num_batches_tracked : Tensor of shape (), int64

    Raises
    ------
    ValueError
        If the input has other axes or features, or in training one value in each channel.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015, arXiv:1502.03167. Why it helps is another matter: Santurkar et al.,
    2018, arXiv:1805.11604, find a smoother loss, not less covariate shift.

    Examples
    --------
    >>> layer = BatchNorm2d(1)
    >>> x = Tensor(np.float32([[[[1, 3]]]]))
    >>> layer(x).numpy().round(2)
    array([[[[-1.,  1.]]]], dtype=float32)
    >>> layer.running_mean.numpy(), layer.running_var.numpy()
    (array([0.2], dtype=float32), array([1.1], dtype=float32))
    """

    axes = (4,)


class BatchNorm1d(_BatchNorm):
    r"""Bring each feature of a batch to mean 0 and variance 1, then scale and shift.

    `BatchNorm2d`, which see, for (batch, num_features) or (batch, num_features, length).

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, dtype
        As in `BatchNorm2d`.

    Attributes
    ----------
    weight, bias, running_mean, running_var, num_batches_tracked
        As in `BatchNorm2d`.

    Raises
    ------
    ValueError
        As in `BatchNorm2d`.

    Examples
    --------
    >>> layer = BatchNorm1d(2)
    >>> layer(Tensor(np.float32([[1, 5], [3, 5]]))).numpy().round(2)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """

    axes = (2, 3)


def _shape(where: str, sizes: int | Sequence[int]) -> tuple[int, ...]:
    shape = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    if not shape or min(shape) < 1:
        raise ValueError(f"{where}: normalized_shape is {sizes}; pass sizes of 1 or more")
    return shape


def _ones(shape: tuple[int, ...] | None, dtype: DTypeLike) -> Parameter | None:
    return None if shape is None else Parameter(np.ones(shape, dtype))


def _zeros(shape: tuple[int, ...] | None, dtype: DTypeLike) -> Parameter | None:
    return None if shape is None else Parameter(np.zeros(shape, dtype))
