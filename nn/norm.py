"""Normalisation layers: they keep the size of signals, whatever the weights before them do.

Which values are normalised together is the whole difference between them; see
`autograd.ops.normalization`. What they help is the optimisation: with batch norm, loss and gradient
change more smoothly along a step (Santurkar et al., "How Does Batch Normalization Help
Optimization?", 2018, arXiv:1805.11604).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from nn import functional as F
from nn.module import Module, Parameter


class LayerNorm(Module):
    r"""Bring the features of each example to mean 0 and variance 1, then scale and shift each.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b

    It does the same in training and in use, and asks nothing of the batch.

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


def _shape(where: str, sizes: int | Sequence[int]) -> tuple[int, ...]:
    shape = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    if not shape or min(shape) < 1:
        raise ValueError(f"{where}: normalized_shape is {sizes}; pass sizes of 1 or more")
    return shape


def _ones(shape: tuple[int, ...] | None, dtype: DTypeLike) -> Parameter | None:
    return None if shape is None else Parameter(np.ones(shape, dtype))


def _zeros(shape: tuple[int, ...] | None, dtype: DTypeLike) -> Parameter | None:
    return None if shape is None else Parameter(np.zeros(shape, dtype))
