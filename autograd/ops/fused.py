"""Fused ops: one node where stability or speed asks for it.

Each carries its reference, the same function composed from primitives: its documentation, the
oracle of its tests, and what forward mode and derivatives of higher order differentiate where the
rules here are written for arrays only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Array, op
from .linalg import product, rows
from .precision import floating, in_dtype, widened
from .reduction import logsumexp

__all__ = [
    "linear",
    "log_softmax",
    "softmax",
]


def _linear_reference(x: Array, weight: Array, bias: Array | None = None) -> Array:
    out = x @ weight.swapaxes(0, 1)
    return out if bias is None else out + bias


def _by_columns(x: Array) -> bool:
    """Whether an array, for tensors are not asked, lies in memory column by column."""
    return type(x) is np.ndarray and x.ndim == 2 and x.flags.f_contiguous


def _linear_dx(g: Array, out: Array, x: Array, weight: Array, bias: Any = None) -> Array:
    # In the layout of x: elementwise work on arrays that lie differently takes ten times as long.
    if _by_columns(x):
        return np.matmul(g, weight, order="F")
    # One product for the whole batch: with more axes matmul would take each example by itself.
    return product(g, weight) if x.ndim <= 2 else product(rows(g), weight).reshape(x.shape)


def _linear_dweight(g: Array, out: Array, x: Array, weight: Array, bias: Any = None) -> Array:
    return product(rows(g).swapaxes(0, 1), rows(x))


@op(
    vjp=(
        _linear_dx,
        _linear_dweight,
        lambda g, out, x, weight, bias: g,
    ),
    latex=r"{0}\,{1}^T + {2}",
    kind="other",
    reference=_linear_reference,
    flops=lambda out, x, weight, bias=None: 2 * out.size * x.shape[-1],
)
def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return x @ weight.T + bias, PyTorch's layout of a fully connected layer.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., in_features)
    weight : Tensor or ndarray of shape (out_features, in_features)
    bias : Tensor or ndarray of shape (out_features,), optional

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., out_features)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from autograd import Tensor, linear
    >>> linear(Tensor([1.0, 2.0]), Tensor([[1.0, 1.0], [0.0, 3.0]])).numpy()
    array([3., 6.])
    """
    if x.ndim == 0 or x.shape[-1:] != weight.shape[-1:]:
        raise ValueError(
            f"linear: x of shape {x.shape} does not fit a weight of shape {weight.shape}: the last "
            "axes of both are the features"
        )
    if x.ndim > 2:
        out = product(rows(x), weight.T).reshape((*x.shape[:-1], len(weight)))
    elif x.ndim == 2 and len(x) <= len(weight):
        # Columns of a batch smaller than the layer lie in a row: 1.3 times as fast in BLAS's sgemm.
        out = np.matmul(x, weight.T, order="F")
    else:
        out = product(x, weight.T)
    if bias is None:
        return out
    if bias.dtype != out.dtype:
        return out + bias
    out += bias
    return out


@op(
    vjp=(lambda g, out, x, *, axis: out * (g - (g * out).sum(axis=axis, keepdims=True)),),
    latex=r"\operatorname{{softmax}}({0})",
    kind="elementwise",  # not diagonal, but symmetric: the vjp is the jvp
    reference=lambda x, axis=-1: np.exp(x - logsumexp(x, axis=axis, keepdims=True)),
    flops=14,
)
def softmax(x: Array, axis: int = -1) -> Array:
    """Return exp(x) / sum(exp(x)) along an axis, with the maximum taken out first.

    .. math:: p_i = e^{x_i} / \\sum_j e^{x_j}

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n), floating
    axis : int, default=-1

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`; sums to 1 along `axis`

    Examples
    --------
    >>> from autograd import Tensor, softmax
    >>> softmax(Tensor([0.0, 0.0])).numpy()
    array([0.5, 0.5])
    """
    x = floating(x)
    wide = widened(x)
    out = np.exp(wide - wide.max(axis=axis, keepdims=True, initial=-np.inf))
    out /= out.sum(axis=axis, keepdims=True)
    return in_dtype(out, x.dtype)


@op(
    vjp=(lambda g, out, x, *, axis: g - np.exp(out) * g.sum(axis=axis, keepdims=True),),
    latex=r"\log\operatorname{{softmax}}({0})",
    kind="other",
    jvp=lambda t, out, x, *, axis: t[0] - (np.exp(out) * t[0]).sum(axis=axis, keepdims=True),
    reference=lambda x, axis=-1: x - logsumexp(x, axis=axis, keepdims=True),
    flops=14,
)
def log_softmax(x: Array, axis: int = -1) -> Array:
    """Return the logarithm of `softmax`, exact where softmax itself underflows.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n), floating
    axis : int, default=-1

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, log_softmax
    >>> log_softmax(Tensor([1000.0, 0.0])).numpy()
    array([    0., -1000.])
    """
    x = floating(x)
    wide = widened(x)
    shifted = wide - wide.max(axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore"):  # the sum over no classes is 0
        out = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return in_dtype(out, x.dtype)
