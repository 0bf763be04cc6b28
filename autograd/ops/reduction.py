"""Reductions over axes.

Most of them are of the kind 'reduction': their derivative is a weight for each element, the vjp
spreads g over the weights, the jvp sums the weighted tangent. Only the weights are written down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..op import Array, Op, Rule, op, with_aliases
from .elementwise import isnan, where
from .precision import as_arrays, floating, in_dtype, widened
from .shape import concatenate

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "average",
    "count_nonzero",
    "logsumexp",
    "mean",
    "nanmax",
    "nanmean",
    "nanmin",
    "nansum",
    "norm",
    "prod",
    "ptp",
    "std",
    "var",
    "vector_norm",
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
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    return math.prod(shape[a] for a in _named(len(shape), axis))


def _of_mean(x: Array, axis: Axis) -> Axis:
    """Return axes for NumPy's mean, var and std: of a number its sum alone takes axis 0."""
    return tuple(_named(0, axis)) if x.ndim == 0 else axis


def gather_axes(x: Array, axis: Axis, where: str | None = None) -> Array:
    """Move axes to the end and make one of them: (..., n); `where` is named if they are not."""
    axes = _named(x.ndim, axis, where)
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    shape = (*(x.shape[i] for i in kept), math.prod(x.shape[i] for i in axes))
    return x.transpose((*kept, *axes)).reshape(shape)


def _scatter_axes(rows: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Undo `gather_axes`."""
    axes = _named(len(shape), axis)
    order = (*(i for i in range(len(shape)) if i not in axes), *axes)
    return rows.reshape(tuple(shape[i] for i in order)).transpose(np.argsort(order))


def _named(ndim: int, axis: Axis, where: str | None = None) -> Sequence[int]:
    """Return the axes as positive numbers."""
    if axis is None or (ndim == 0 and axis in (0, -1)):  # as NumPy reduces a number
        return range(ndim)
    return normalize_axis_tuple(axis, ndim, where)


def reduced(shape: tuple[int, ...], axis: Axis, keepdims: bool) -> list[int]:
    """Return what a reduction leaves of a shape."""
    axes = _named(len(shape), axis)
    if keepdims:
        return [1 if i in axes else n for i, n in enumerate(shape)]
    return [n for i, n in enumerate(shape) if i not in axes]


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
    return x.mean(axis=_of_mean(x, axis), keepdims=keepdims)


mean = Op(
    "mean",
    _mean,
    (
        lambda g, out, x, *, axis, keepdims: np.broadcast_to(
            # times 1 / n, not by n: a count above 65504 is infinite in float16
            keep_axes(g, x.shape, axis, keepdims) * (1 / max(_count(x.shape, axis), 1)),
            x.shape,
        ),
    ),
    r"\operatorname{{mean}} {0}",
    "linear",
    flops=_input_flops(1),
    doc="Return the mean over axes." + _PARAMETERS,
)


def _prod_reference(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    rows = gather_axes(x, axis)
    while rows.shape[-1] > 1:  # in pairs, as in a knockout: no division, so no care for zeros
        half = rows.shape[-1] // 2
        pairs = rows[..., :half] * rows[..., half : 2 * half]
        rows = concatenate([pairs, rows[..., 2 * half :]], axis=-1)
    if rows.shape[-1] == 0:
        rows = rows.sum(axis=-1) + 1
    return rows.reshape(reduced(x.shape, axis, keepdims))


def _prod_shared(
    g: Array, out: Array, saved: None, x: Array, *, axis: Axis, keepdims: bool
) -> Array:
    rows = gather_axes(x, axis)
    before, after = np.ones_like(rows), np.ones_like(rows)  # products of what stands on each side
    np.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(rows[..., :0:-1], axis=-1, out=after[..., -2::-1])
    others = _scatter_axes(before * after, x.shape, axis)
    return keep_axes(g, x.shape, axis, keepdims) * others


def _prod(x: Array, axis: Axis = None, keepdims: bool = False) -> tuple[Array, None]:
    return x.prod(axis=axis, keepdims=keepdims), None


prod = Op(
    "prod",
    _prod,
    (lambda pulled, out, x, *, axis, keepdims: pulled,),
    r"\prod {0}",
    "other",
    shared=_prod_shared,
    reference=_prod_reference,
    flops=_input_flops(1),
    doc="Return the product over axes; all derivatives are exact where x is 0." + _PARAMETERS,
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

amax = max_
amin = min_


@with_aliases
def ptp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the maximum less the minimum over axes.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`
    """
    return max_(x, axis=axis, keepdims=keepdims) - min_(x, axis=axis, keepdims=keepdims)


def _deviation(x: Array, axis: Axis, ddof: int) -> Array:
    deviation, count = x - mean(x, axis=axis, keepdims=True), max(_count(x.shape, axis) - ddof, 0)
    if x.dtype == np.float16:  # a count above 65504 is infinite in it
        return deviation / math.sqrt(count) / math.sqrt(count)
    return deviation / count


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
    axis = _of_mean(x, axis)
    if x.dtype == np.float16:  # sums of 65504 and more are infinite in it
        return x.var(axis=axis, keepdims=keepdims, ddof=ddof, dtype=np.float32).astype(x.dtype)
    return x.var(axis=axis, keepdims=keepdims, ddof=ddof)


def _std_weights(out: Array, x: Array, axis: Axis, ddof: int) -> Array:
    # where x is constant: the subgradient of least norm is 0, not 0 / 0
    return _deviation(x, axis, ddof) / np.where(out == 0, 1, out)


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
    axis = _of_mean(x, axis)
    if x.dtype == np.float16:
        return x.std(axis=axis, keepdims=keepdims, ddof=ddof, dtype=np.float32).astype(x.dtype)
    return x.std(axis=axis, keepdims=keepdims, ddof=ddof)


def softmax_weights(out: Array, x: Array, axis: Axis = None) -> Array:
    return np.exp(x - np.maximum(out, np.finfo(out.dtype).min))  # -inf - -inf is NaN


@op(
    vjp=_weighted(softmax_weights),
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
    x = floating(x)
    wide = widened(x)
    top = wide.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # log 0 is the right answer where all of x is -inf
        out = np.log(np.exp(wide - top).sum(axis=axis, keepdims=True)) + top
    out = in_dtype(out, x.dtype)
    return out if keepdims else out.squeeze(axis) if axis is not None else out.reshape(())


# Norms.


def _norm_weights(out: Array, x: Array, axis: Axis, ord: float) -> Array:
    if math.isinf(ord):
        return np.sign(x) * _tie_weights(out, abs(x), axis)
    ratio = x / np.where(out == 0, 1, out)  # 0 at the origin: the subgradient of least norm
    return ratio if ord == 2 else np.sign(x) * abs(ratio) ** (ord - 1)


@op(
    vjp=_weighted(_norm_weights),
    latex=r"\|{0}\|_p",
    kind="reduction",
    flops=_input_flops(2),
)
def vector_norm(x: Array, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Array:
    r"""Return the p-norm of the vectors along axes; its derivative at the origin is 0.

    .. math:: \|x\|_p = \left(\sum_i |x_i|^p\right)^{1/p}

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes whose elements make one vector, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.
    ord : float, default=2
        The p: positive, or inf for the largest and -inf for the smallest absolute value.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Raises
    ------
    ValueError
        If `ord` is 0, or negative and finite.

    Examples
    --------
    >>> from autograd import Tensor, vector_norm
    >>> vector_norm(Tensor([3.0, -4.0])).item()
    5.0
    """
    x = floating(x)
    if math.isinf(ord):
        return (abs(x).max if ord > 0 else abs(x).min)(axis=axis, keepdims=keepdims)
    if ord <= 0:
        raise ValueError(
            f"vector_norm: ord is {ord}; it is positive, inf or -inf (count_nonzero counts)"
        )
    if ord == 1:
        return abs(x).sum(axis=axis, keepdims=keepdims)
    wide = widened(x)  # in float16 the square of 256 overflows
    if ord == 2:
        out = np.sqrt((wide * wide).sum(axis=axis, keepdims=keepdims))
    else:
        out = (abs(wide) ** ord).sum(axis=axis, keepdims=keepdims) ** (1 / ord)
    return in_dtype(out, x.dtype)


@with_aliases
def norm(
    x: Array,
    ord: float | str | None = None,
    axis: Axis = None,
    keepdims: bool = False,
) -> Array:
    """Return a norm of vectors or matrices, as numpy.linalg.norm does.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    ord : {None, 'fro', number, inf, -inf}, optional
        None is the root of the sum of squares over all the axes named. A number is the p of
        `vector_norm` for vectors; for matrices 1 is the largest column sum of absolute values, inf
        the largest row sum, -1 and -inf the smallest ones.
    axis : int or tuple of two int, optional
        One axis holds vectors, two hold matrices. If None, all axes of x.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Raises
    ------
    ValueError
        If there is no such norm for that many axes.

    Examples
    --------
    >>> from autograd import Tensor, norm
    >>> x = Tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    >>> norm(x, axis=1).sum().backward()
    >>> x.grad.numpy()
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    axes = _named(x.ndim, axis, "norm")
    if ord is None or (ord == "fro" and len(axes) == 2):
        return vector_norm(x, axis=axis, keepdims=keepdims)
    if len(axes) == 1 and not isinstance(ord, str):
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=ord)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        rows, columns = axes if abs(ord) == 1 else axes[::-1]
        sums = abs(floating(x)).sum(axis=rows, keepdims=True)
        largest = max_ if ord > 0 else min_
        out = largest(sums, axis=columns, keepdims=True)
        return out.reshape(reduced(x.shape, axis, keepdims))
    raise ValueError(
        f"norm: there is no ord {ord!r} for {len(axes)} axes of x of shape {x.shape}; for the "
        "norms by singular values use svd, for all elements as one vector use vector_norm"
    )


# NaN as missing values.


@with_aliases
def nansum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the sum over axes of what is not NaN.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`
    """
    return where(isnan(x), 0, x).sum(axis=axis, keepdims=keepdims)


@with_aliases
def nanmean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean over axes of what is not NaN.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where all of x is
    """
    x = floating(x)
    count = (~isnan(x)).sum(axis=axis, keepdims=keepdims).astype(x.dtype)
    return nansum(x, axis=axis, keepdims=keepdims) / count


@with_aliases
def nanmax(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the maximum over axes of what is not NaN; ties share the gradient evenly.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where all of x is
    """
    nothing = all_(isnan(x), axis=axis, keepdims=keepdims)
    best = max_(where(isnan(x), -np.inf, x), axis=axis, keepdims=keepdims)
    return where(nothing, np.nan, best)


@with_aliases
def nanmin(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the minimum over axes of what is not NaN; ties share the gradient evenly.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where all of x is
    """
    nothing = all_(isnan(x), axis=axis, keepdims=keepdims)
    best = min_(where(isnan(x), np.inf, x), axis=axis, keepdims=keepdims)
    return where(nothing, np.nan, best)


@with_aliases
def average(
    x: Array, axis: Axis = None, weights: Array | None = None, keepdims: bool = False
) -> Array:
    """Return the weighted mean over axes.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    weights : Tensor or ndarray, optional
        Of the shape of x, or of that of its part along `axis`; equal weights if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` or `weights` is one, else ndarray

    Raises
    ------
    TypeError
        If the shapes differ and no axis is named.
    ValueError
        If the weights have neither shape.

    Examples
    --------
    >>> from autograd import Tensor, average
    >>> average(Tensor([1.0, 4.0]), weights=Tensor([3.0, 1.0])).item()
    1.75
    """
    if weights is None:
        return mean(x, axis=axis, keepdims=keepdims)
    x, weights = as_arrays("average", x, weights)
    if weights.shape != x.shape:
        axes = _named(x.ndim, axis)
        along = tuple(x.shape[a] for a in axes)
        if axis is None:
            raise TypeError(
                f"average: weights of shape {weights.shape} for x of shape {x.shape}; name the "
                "axis that they belong to, or pass one for each element"
            )
        if weights.shape != along:
            raise ValueError(
                f"average: weights of shape {weights.shape} for axis {axis} of x of shape "
                f"{x.shape}; pass {along}, or one for each element"
            )
        shape = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
        weights = weights.transpose(np.argsort(axes)).reshape(shape)
    share = weights / weights.sum(axis=axis, keepdims=True)
    return (x * share).sum(axis=axis, keepdims=keepdims)


# Without a derivative.


@op(vjp=(None,), flops=_input_flops(1))
def any_(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Tell whether some element over axes is not 0.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; boolean
    """
    return np.any(x, axis=axis, keepdims=keepdims)


@op(vjp=(None,), flops=_input_flops(1))
def all_(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Tell whether no element over axes is 0.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; boolean
    """
    return np.all(x, axis=axis, keepdims=keepdims)


@op(vjp=(None,), flops=_input_flops(1))
def count_nonzero(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return how many elements over axes are not 0.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; integer
    """
    return np.count_nonzero(x, axis=axis, keepdims=keepdims)


@op(vjp=(None,), flops=_input_flops(1))
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the first maximum along an axis stands.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int, optional
        If None, the position is that in the flattened x.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; integer
    """
    return np.argmax(x, axis=axis, keepdims=keepdims)


@op(vjp=(None,), flops=_input_flops(1))
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the first minimum along an axis stands.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int, optional
        If None, the position is that in the flattened x.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; integer
    """
    return np.argmin(x, axis=axis, keepdims=keepdims)
