"""Scans along an axis, and what depends on the order of elements.

A scan whose derivative is a product or an exponential of sums has no weights to write down. Its
reference computes it by doubling, in log n steps of another op, and so has every derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..op import Array, Op, data_of, op, with_aliases
from .elementwise import isnan, logaddexp, mul, where
from .indexing import along
from .precision import as_arrays, floating
from .reduction import Axis, gather_axes, reduced, softmax_weights
from .shape import broadcast_to, concatenate, length_along, on_axis, stack

__all__ = [
    "argsort",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "diff",
    "logcumsumexp",
    "median",
    "nanmedian",
    "partition",
    "percentile",
    "quantile",
    "searchsorted",
    "sort",
    "topk",
    "trapezoid",
]

_ALONG = """

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int, optional
        The axis to run along; the flattened x if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`, flattened if `axis` is None
    """


def _flat(x: Array, axis: int | None) -> tuple[Array, int]:
    return (x.reshape((x.size,)), 0) if axis is None else (x, axis)


def _part(x: Array, axis: int, start: int | None, stop: int | None, step: int = 1) -> Array:
    return x[on_axis(axis, x.ndim, slice(start, stop, step))]


# Scans.


def _cumsum(x: Array, axis: int | None = None) -> Array:
    return x.cumsum(axis=axis)


def _cumsum_dx(g: Array, out: Array, x: Array, *, axis: int | None) -> Array:
    g, axis = _flat(g, axis)
    backwards = _part(g, axis, None, None, -1).cumsum(axis=axis)
    return _part(backwards, axis, None, None, -1).reshape(x.shape)


cumsum = Op(
    "cumsum",
    _cumsum,
    (_cumsum_dx,),
    r"\sum_{{j \le i}} {0}_j",
    "linear",
    doc="Return the sums of the elements up to each one." + _ALONG,
)


def _doubling(combine: Callable[[Array, Array], Array], x: Array, axis: int | None) -> Array:
    """Scan with an associative, commutative op: each step joins runs of twice the length."""
    x, axis = _flat(x, axis)
    length = 1
    while (behind := _part(x, axis, length, None)).size:
        joined = combine(_part(x, axis, None, -length), behind)
        x = concatenate([_part(x, axis, None, length), joined], axis=axis)
        length *= 2
    return x


def _accumulate_back(factor: Array, g: Array) -> Array:
    """Solve r[i] = g[i] + factor[i] * r[i + 1] along the last axis, in log n steps."""
    r = g.copy()
    length = 1
    while factor.size:
        r[..., :-length] += factor * r[..., length:]
        factor = factor[..., :-length] * factor[..., length:]
        length *= 2
    return r


def _cumprod_shared(g: Array, out: Array, saved: None, x: Array, *, axis: int | None) -> Array:
    """The gradient is the product before i, times r: no division, so no care for zeros."""
    g, _ = _flat(g, axis)
    rows, axis = _flat(x, axis)
    rows, g = np.swapaxes(rows, axis, -1), np.swapaxes(g, axis, -1)
    before = np.ones_like(rows)
    np.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
    return np.swapaxes(before * _accumulate_back(rows[..., 1:], g), axis, -1).reshape(x.shape)


def _cumprod(x: Array, axis: int | None = None) -> tuple[Array, None]:
    return x.cumprod(axis=axis), None


cumprod = Op(
    "cumprod",
    _cumprod,
    (lambda pulled, out, x, *, axis: pulled,),
    r"\prod_{{j \le i}} {0}_j",
    "other",
    shared=_cumprod_shared,
    reference=lambda x, axis=None: _doubling(mul, x, axis),
    doc="Return the products of the elements up to each one; derivatives are exact at 0." + _ALONG,
)


def _logcumsumexp_shared(g: Array, out: Array, saved: None, x: Array, *, axis: int | None) -> Array:
    """The gradient is exp(x - out) times r; no exponent is positive."""
    out, _ = _logcumsumexp(x, axis)  # that of the graph may have been changed in place
    (g, _), (rows, axis) = _flat(g, axis), _flat(x, axis)
    rows, g, out = (np.swapaxes(t, axis, -1) for t in (rows, g, out))
    here, after = out[..., :-1], out[..., 1:]
    factor = np.exp(np.where(here == after, 0, here - after))  # -inf - -inf is NaN
    share = softmax_weights(out, rows)
    return np.swapaxes(share * _accumulate_back(factor, g), axis, -1).reshape(x.shape)


def _logcumsumexp(x: Array, axis: int | None = None) -> tuple[Array, None]:
    x, axis = _flat(floating(x), axis)
    return np.logaddexp.accumulate(x, axis=axis), None


logcumsumexp = Op(
    "logcumsumexp",
    _logcumsumexp,
    (lambda pulled, out, x, *, axis: pulled,),
    r"\log \sum_{{j \le i}} e^{{{0}_j}}",
    "other",
    shared=_logcumsumexp_shared,
    reference=lambda x, axis=None: _doubling(logaddexp, x, axis),
    flops=22,
    doc="Return log(cumsum(exp(x))), without overflow." + _ALONG,
)


@op(vjp=(None,))
def _cumargmax(x: Array, axis: int, largest: bool) -> Array:
    """Return where the last of the largest or smallest elements up to each one stands."""
    best = (np.maximum if largest else np.minimum).accumulate(x, axis=axis)
    place = np.arange(x.shape[axis]).reshape(
        [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
    )
    return np.maximum.accumulate(np.where((x == best) | np.isnan(x), place, 0), axis=axis)


def _cumulative(where: str, x: Array, axis: int | None, largest: bool) -> Array:
    x, axis = _flat(x, axis)
    axis = normalize_axis_index(axis, x.ndim, where)
    return x[along(_cumargmax(x, axis=axis, largest=largest), axis, x.shape)]


@with_aliases
def cummax(x: Array, axis: int | None = None) -> Array:
    """Return the largest of the elements up to each one.

    At a tie the latest element takes the gradient, as in PyTorch, which returns its place too.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int, optional
        The axis to run along; the flattened x if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`, flattened if `axis` is None

    Examples
    --------
    >>> from autograd import Tensor, cummax
    >>> cummax(Tensor([2.0, 1.0, 3.0])).numpy()
    array([2., 2., 3.])
    """
    return _cumulative("cummax", x, axis, largest=True)


@with_aliases
def cummin(x: Array, axis: int | None = None) -> Array:
    """Return the smallest of the elements up to each one.

    At a tie the latest element takes the gradient, as in PyTorch, which returns its place too.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int, optional
        The axis to run along; the flattened x if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`, flattened if `axis` is None

    Examples
    --------
    >>> from autograd import Tensor, cummin
    >>> cummin(Tensor([2.0, 1.0, 3.0])).numpy()
    array([2., 1., 1.])
    """
    return _cumulative("cummin", x, axis, largest=False)


@with_aliases
def diff(
    x: Array,
    n: int = 1,
    axis: int = -1,
    prepend: Array | None = None,
    append: Array | None = None,
) -> Array:
    """Return the differences of neighbours along an axis, n times over.

    Parameters
    ----------
    x : Tensor or ndarray
    n : int, default=1
    axis : int, default=-1
    prepend, append : Tensor, ndarray or number, optional
        What is put before and after x along the axis first; a number stands for one place.

    Returns
    -------
    Tensor if an argument is one, else ndarray; n shorter than what is given along `axis`

    Raises
    ------
    ValueError
        If n is negative.

    Examples
    --------
    >>> from autograd import Tensor, diff
    >>> diff(Tensor([1.0, 4.0, 9.0])).numpy()
    array([3., 5.])
    """
    if n < 0:
        raise ValueError(f"diff: n is {n}; differences are taken 0 times or more")
    if n == 0:
        return x
    x, prepend, append = as_arrays("diff", x, prepend, append)
    axis = normalize_axis_index(axis, x.ndim, "diff")
    parts = [_one_place(prepend, x, axis), x, _one_place(append, x, axis)]
    parts = [part for part in parts if part is not None]
    if len(parts) > 1:
        x = concatenate(parts, axis)
    for _ in range(n):
        x = _part(x, axis, 1, None) - _part(x, axis, None, -1)
    return x


def _one_place(part: Array | None, x: Array, axis: int) -> Array | None:
    """Give a number the shape of x with the length one along the axis."""
    if part is None or part.ndim:
        return part
    return broadcast_to(part, tuple(1 if i == axis else n for i, n in enumerate(x.shape)))


@with_aliases
def trapezoid(y: Array, x: Array | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    """Integrate y along an axis by the trapezoidal rule.

    Parameters
    ----------
    y : Tensor or ndarray
        The values.
    x : Tensor or ndarray, optional
        Where they were taken: of the shape of y, or of one axis.
    dx : float, default=1.0
        The distance between values if `x` is None.
    axis : int, default=-1

    Returns
    -------
    Tensor if an argument is one, else ndarray

    Examples
    --------
    >>> from autograd import Tensor, trapezoid
    >>> trapezoid(Tensor([0.0, 1.0, 4.0]), dx=0.5).item()
    1.5
    """
    y, x = as_arrays("trapezoid", y, x)
    y = floating(y)
    axis = normalize_axis_index(axis, y.ndim, "trapezoid")
    height = (_part(y, axis, 1, None) + _part(y, axis, None, -1)) / 2
    if x is None:
        return (dx * height).sum(axis=axis)
    if x.ndim == 1:
        x = x.reshape(tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    return (diff(floating(x), axis=axis) * height).sum(axis=axis)


# Order.


@op(vjp=(None,))
def argsort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Return the positions that sort x along an axis; NaN counts as the largest.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int, default=-1
    descending : bool, default=False
        Put the largest first.
    stable : bool, default=True
        Leave elements that tie in their order; if False, in any, at several times the speed.

    Returns
    -------
    Tensor if `x` is one, else ndarray; integer, of the shape of `x`
    """
    kind: Literal["stable"] | None = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    # turned round before and after, so that elements that tie are in their order again
    order = np.argsort(np.flip(x, axis), axis=axis, kind=kind)
    return x.shape[axis] - 1 - np.flip(order, axis)


def _average_dx(g: Array, out: Array, x: Array, keys: Array, *, axis: int) -> Array:
    return _average_ties(g, keys, axis=axis)  # the matrix is symmetric


def _average_jvp(t: tuple[Array, Array], out: Array, x: Array, keys: Array, *, axis: int) -> Array:
    return np.zeros_like(out) if t[0] is None else _average_ties(t[0], keys, axis=axis)


@op(
    vjp=(_average_dx, None),
    latex=r"\operatorname{{average}}({0})",
    kind="other",
    jvp=_average_jvp,
)
def _average_ties(x: Array, keys: Array, axis: int) -> Array:
    """Put in the place of elements whose sorted keys tie the average of them."""
    x, keys = np.swapaxes(x, axis, -1), np.swapaxes(keys, axis, -1)
    starts = np.ones(keys.shape, bool)
    starts[..., 1:] = keys[..., 1:] != keys[..., :-1]
    if starts.all():
        return np.swapaxes(x, axis, -1)
    group = np.cumsum(starts).reshape(keys.shape) - 1
    total = np.zeros(group.max() + 1, x.dtype)
    np.add.at(total, group, x)
    return np.swapaxes(total[group] / np.bincount(group.ravel()).astype(x.dtype)[group], axis, -1)


def _sort_dx(g: Array, out: Array, x: Array, *, axis: int, descending: bool) -> Array:
    # elements that tie get the same
    order = argsort(x, axis=axis, descending=descending, stable=False)
    back = argsort(order, axis=axis, stable=False)
    return _average_ties(g, out, axis=axis)[along(back, axis, x.shape)]


def _sort_jvp(t: tuple[Array], out: Array, x: Array, *, axis: int, descending: bool) -> Array:
    order = argsort(x, axis=axis, descending=descending, stable=False)
    return _average_ties(t[0][along(order, axis, x.shape)], out, axis=axis)


@op(
    vjp=(_sort_dx,),
    latex=r"\operatorname{{sort}} {0}",
    kind="other",
    jvp=_sort_jvp,
    flops=lambda out, x, **params: int(x.size * np.log2(max(x.size, 1))),
)
def _sort(x: Array, axis: int = -1, descending: bool = False) -> Array:
    out = np.sort(x, axis=axis)
    return np.flip(out, axis) if descending else out


@with_aliases
def sort(x: Array, axis: int | None = -1, descending: bool = False) -> Array:
    """Return x sorted along an axis; elements that tie share the gradient evenly.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or None, default=-1
        Of the flattened array if None.
    descending : bool, default=False
        Turn the order round.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`, NaN where the largest stand
        Flattened if `axis` is None.

    Examples
    --------
    >>> from autograd import Tensor, sort
    >>> x = Tensor([2.0, 1.0], requires_grad=True)
    >>> sort(x)[0].backward()
    >>> x.grad.numpy()
    array([0., 1.])
    """
    x, axis = _flat(x, axis)
    return _sort(x, axis=axis, descending=descending)


@with_aliases
def partition(x: Array, kth: int | tuple[int, ...], axis: int | None = -1) -> Array:
    """Return x with each element number `kth` along an axis where sorting would put it.

    NumPy leaves open in which order smaller and larger elements stand around it; here they are
    sorted too, since derivatives ask for the order anyway.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    kth : int or tuple of int
    axis : int or None, default=-1
        Of the flattened array if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`, flattened if `axis` is None
        Elements that tie share the gradient evenly.

    Raises
    ------
    ValueError
        If kth is out of range.

    Examples
    --------
    >>> from autograd import Tensor, partition
    >>> partition(Tensor([3.0, 1.0, 2.0]), 0).numpy()
    array([1., 2., 3.])
    """
    x, axis = _flat(x, axis)
    n = length_along(axis, x, "partition")
    for k in np.ravel(kth):
        if not -n <= k < n:
            raise ValueError(f"partition: kth is {k}, but axis {axis} of x has length {n}")
    return sort(x, axis=axis)


@with_aliases
def topk(x: Array, k: int, axis: int = -1, largest: bool = True) -> tuple[Array, Array]:
    """Return the k largest elements along an axis, the largest first, and their positions.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    k : int
        At most the length of the axis.
    axis : int, default=-1
    largest : bool, default=True
        If False, the smallest elements, the smallest first.

    Returns
    -------
    values : Tensor if `x` is one, else ndarray; of length k along `axis`
        Elements that tie, chosen or not, share the gradient evenly.
    positions : the same, integer; of elements that tie the first ones

    Raises
    ------
    ValueError
        If the axis is shorter than k.

    Examples
    --------
    >>> from autograd import Tensor, topk
    >>> values, positions = topk(Tensor([1.0, 5.0, 3.0]), 2)
    >>> values.numpy(), positions.numpy()
    (array([5., 3.]), array([1, 2]))
    """
    n = length_along(axis, x, "topk")
    if not 0 <= k <= n:
        raise ValueError(f"topk: k is {k}, but axis {axis} of x has length {n}")
    values = sort(x, axis=axis, descending=largest)
    positions = argsort(x, axis=axis, descending=largest)
    return _part(values, axis, None, k), _part(positions, axis, None, k)


@with_aliases
def quantile(x: Array, q: float | Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return quantiles over axes, by linear interpolation between the two next elements.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    q : float, or sequence or array of float
        From 0 to 1. The axes of q stand in front of those of the result.
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where some of x is
        Elements that tie share the gradient evenly.

    Raises
    ------
    ValueError
        If q is not in [0, 1], or there is nothing to take a quantile of.

    Examples
    --------
    >>> from autograd import Tensor, quantile
    >>> quantile(Tensor([1.0, 2.0, 4.0]), [0.5, 0.75]).numpy()
    array([2., 3.])
    """
    levels = np.asarray(q, np.float64)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"quantile: q is {q}; it runs from 0 to 1")
    return _quantile("quantile", x, levels, axis, keepdims)


@with_aliases
def percentile(x: Array, q: float | Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return percentiles over axes: quantiles, with q from 0 to 100.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    q : float, or sequence or array of float
        From 0 to 100. The axes of q stand in front of those of the result.
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where some of x is

    Raises
    ------
    ValueError
        If q is not in [0, 100], or there is nothing to take a percentile of.

    Examples
    --------
    >>> from autograd import Tensor, percentile
    >>> percentile(Tensor([1.0, 2.0, 4.0]), 75).item()
    3.0
    """
    levels = np.asarray(q, np.float64)
    if not ((levels >= 0) & (levels <= 100)).all():
        raise ValueError(f"percentile: q is {q}; it runs from 0 to 100")
    return _quantile("percentile", x, levels / 100, axis, keepdims)


def _quantile(name: str, x: Array, levels: Any, axis: Axis, keepdims: bool) -> Array:
    rows = gather_axes(x, axis, name)
    if rows.shape[-1] == 0:
        raise ValueError(f"{name}: x of shape {x.shape} is empty over axis {axis}")
    rows = sort(floating(rows))
    shape = reduced(x.shape, axis, keepdims)
    found = [_between(rows, float(level)).reshape(shape) for level in levels.ravel()]
    if not levels.ndim:
        return found[0]
    return stack(found) if levels.ndim == 1 else stack(found).reshape((*levels.shape, *shape))


def _between(rows: Array, level: float) -> Array:
    place = level * (rows.shape[-1] - 1)
    below = int(place)
    out, weight = rows[..., below], place - below
    if weight:
        low, high = out, rows[..., below + 1]
        with np.errstate(over="ignore", invalid="ignore"):
            out = low + weight * (high - low)
            # inf - inf is NaN, and the difference of two large numbers inf
            if not (finite := np.isfinite(data_of(out))).all():
                out = where(finite, out, (1 - weight) * low + weight * high)
    missing = isnan(rows[..., -1])  # NaN is sorted to the end
    return where(missing, np.nan, out) if missing.any() else out


@with_aliases
def median(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median over axes: the mean of the two in the middle of an even number.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    axis : int or tuple of int, optional
        The axes to reduce, all of them if None.
    keepdims : bool, default=False
        Keep reduced axes with length one.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`; NaN where some of x is
        Elements that tie share the gradient evenly.

    Raises
    ------
    ValueError
        If there is nothing to take a median of.

    Examples
    --------
    >>> from autograd import Tensor, median
    >>> median(Tensor([1.0, 2.0, 4.0, 9.0])).item()
    3.0
    """
    return _quantile("median", x, np.asarray(0.5), axis, keepdims)


@with_aliases
def nanmedian(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median over axes of what is not NaN.

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
        Elements that tie share the gradient evenly.

    Raises
    ------
    ValueError
        If there is nothing to take a median of.

    Examples
    --------
    >>> from autograd import Tensor, nanmedian
    >>> nanmedian(Tensor([1.0, float("nan"), 4.0, 9.0])).item()
    4.0
    """
    rows = gather_axes(x, axis, "nanmedian")
    if rows.shape[-1] == 0:
        raise ValueError(f"nanmedian: x of shape {x.shape} is empty over axis {axis}")
    rows = sort(rows)  # NaN at the end
    values = data_of(rows)
    count = np.sum(~np.isnan(values), axis=-1, keepdims=True)
    middle = np.concatenate([np.maximum(count - 1, 0) // 2, count // 2], axis=-1)
    return (
        rows[along(middle, -1, rows.shape)].mean(axis=-1).reshape(reduced(x.shape, axis, keepdims))
    )


@op(vjp=(None, None))
def searchsorted(x: Array, values: Array, side: Literal["left", "right"] = "left") -> Array:
    """Return where to put values into a sorted x so that it stays sorted.

    Parameters
    ----------
    x : Tensor or ndarray of one axis, sorted
    values : Tensor, ndarray or number
    side : {'left', 'right'}, default='left'
        Before or after the elements of x that are equal.

    Returns
    -------
    Tensor if an argument is one, else ndarray; integer, of the shape of `values`
    """
    return np.searchsorted(x, values, side=side)
