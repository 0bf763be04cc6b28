"""Reductions over axes.

Most of them are of the kind 'reduction': their derivative is a weight for each element, the vjp
spreads g over the weights, the jvp sums the weighted tangent. Only the weights are written down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..op import Array, Op, Rule, op

__all__ = [
    "logsumexp",
    "mean",
    "std",
    "var",
]

Axis: TypeAlias = int | tuple[int, ...] | None

_PARAMETERS = """

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None (`dim` is accepted too).
    keepdims : bool, default=False
        Keep reduced axes with length one (`keepdim` is accepted too).

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis is out of range.
    """


def keep_axes(g: Array, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Array:
    """Give an array reduced from `shape` its axes back, with length one, so that it broadcasts."""
    if keepdims or axis is None or not shape:
        return g
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(shape[a] for a in axes)


def _input_flops(per_element: int) -> Callable[..., int]:
    return lambda out, x, **params: per_element * x.size


def _weighted(weights: Callable[..., Array]) -> tuple[Rule]:
    """The vjp rule of a reduction whose derivative is ``weights(out, x, axis, ...)``."""

    def rule(g: Array, out: Array, x: Array, *, axis: Axis, keepdims: bool, **params: int) -> Array:
        out = keep_axes(out, x.shape, axis, keepdims)
        return keep_axes(g, x.shape, axis, keepdims) * weights(out, x, axis, **params)

    return (rule,)


def _spread(g: Array, out: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return np.broadcast_to(keep_axes(g, x.shape, axis, keepdims), x.shape)


def _sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.sum(axis=axis, keepdims=keepdims)


sum_ = Op(
    "sum",
    _sum,
    (_spread,),
    r"\sum {0}",
    "linear",
    flops=_input_flops(1),
    doc="Return the sum over axes." + _PARAMETERS,
)


def _mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.mean(axis=axis, keepdims=keepdims)


mean = Op(
    "mean",
    _mean,
    (
        lambda g, out, x, *, axis, keepdims: np.broadcast_to(
            keep_axes(g, x.shape, axis, keepdims) / _count(x.shape, axis), x.shape
        ),
    ),
    r"\operatorname{{mean}} {0}",
    "linear",
    flops=_input_flops(1),
    doc="Return the mean over axes." + _PARAMETERS,
)


def _tie_weights(out: Array, x: Array, axis: Axis) -> Array:
    ties = (x == out).astype(out.dtype)
    return ties / ties.sum(axis=axis, keepdims=True)


def _max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.max(axis=axis, keepdims=keepdims)


def _min(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    return x.min(axis=axis, keepdims=keepdims)


max_ = Op(
    "max",
    _max,
    _weighted(_tie_weights),
    r"\max {0}",
    "reduction",
    flops=_input_flops(1),
    doc="Return the maximum over axes; elements that tie share the gradient evenly." + _PARAMETERS,
)
min_ = Op(
    "min",
    _min,
    _weighted(_tie_weights),
    r"\min {0}",
    "reduction",
    flops=_input_flops(1),
    doc="Return the minimum over axes; elements that tie share the gradient evenly." + _PARAMETERS,
)


def _deviation(x: Array, axis: Axis, ddof: int) -> Array:
    return (x - x.mean(axis=axis, keepdims=True)) / (_count(x.shape, axis) - ddof)


@op(
    vjp=_weighted(lambda out, x, axis, ddof: 2 * _deviation(x, axis, ddof)),
    latex=r"\operatorname{{var}} {0}",
    kind="reduction",
    flops=_input_flops(4),
)
def var(x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """Return the variance over axes, in two passes.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.
    ddof : int, default=0
        The sum of squares is divided by the count less `ddof`: 0 as in NumPy, 1 for the unbiased
        estimate, PyTorch's default.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, var
    >>> var(Tensor([1.0, 2.0, 3.0]), ddof=1).item()
    1.0
    """
    return x.var(axis=axis, keepdims=keepdims, ddof=ddof)


def _std_weights(out: Array, x: Array, axis: Axis, ddof: int) -> Array:
    constant = out == 0  # the subgradient of least norm there is 0, not 0/0
    return np.where(constant, 0, _deviation(x, axis, ddof) / np.where(constant, 1, out))


@op(
    vjp=_weighted(_std_weights),
    latex=r"\operatorname{{std}} {0}",
    kind="reduction",
    flops=_input_flops(4),
)
def std(x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """Return the standard deviation over axes; its derivative where x is constant is 0.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.
    ddof : int, default=0
        As in `var`.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, std
    >>> std(Tensor([1.0, 1.0, 3.0, 3.0])).item()
    1.0
    """
    return x.std(axis=axis, keepdims=keepdims, ddof=ddof)


def _softmax_weights(out: Array, x: Array, axis: Axis) -> Array:
    return np.exp(x - np.where(np.isfinite(out), out, 0))


@op(
    vjp=_weighted(_softmax_weights),
    latex=r"\log \sum e^{{{0}}}",
    kind="reduction",
    flops=_input_flops(12),
)
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return log(sum(exp(x))) over axes, with the maximum taken out so that no exp overflows.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; -inf where all of x is -inf

    Examples
    --------
    >>> from autograd import Tensor, logsumexp
    >>> round(logsumexp(Tensor([1000.0, 1000.0])).item(), 4)
    1000.6931
    """
    top = x.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # log 0 is the right answer where all of x is -inf
        out = np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top
    return out if keepdims else out.squeeze(axis) if axis is not None else out.reshape(())
