"""Pooling: a window of each channel made one number, its largest or its mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from ..op import Array, op
from ..parallel import in_parts
from .convolution import Geometry, channels_last, per_axis, window_views
from .precision import floating, widened

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "max_pool2d",
]


def _geometry(
    where: str, x: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> tuple[tuple[int, ...], tuple[int, ...], Geometry]:
    """Return the kernel, how many windows there are, and how they lie."""
    if x.ndim != 4:
        raise ValueError(
            f"{where}: x of shape {x.shape} has {x.ndim} axes; pass (batch, channels, height, "
            "width), one example as x[None]"
        )
    kernel = per_axis(where, "kernel_size", kernel_size, 2, 1)
    stride = kernel if stride is None else per_axis(where, "stride", stride, 2, 1)
    around = per_axis(where, "padding", padding, 2, 0)
    geometry = Geometry(
        stride,
        tuple((p, p) for p in around),
        per_axis(where, "dilation", dilation, 2, 1),
        groups=1,
    )
    if any(p > k // 2 for p, k in zip(around, kernel, strict=True)):
        raise ValueError(
            f"{where}: padding {around} is more than half of the kernel {kernel}, so that a window "
            "could lie in it altogether; pad less"
        )
    counts = geometry.windows(x.shape[2:], kernel)
    if min(counts) < 1:
        raise ValueError(
            f"{where}: a kernel of size {kernel} does not fit in {x.shape[2:]} with padding "
            f"{around}; take a smaller kernel"
        )
    return kernel, counts, geometry


def _seen(
    x: Array, kernel: Sequence[int], counts: Sequence[int], geometry: Geometry
) -> Iterator[Array]:
    """Yield the element of all windows at each offset, as views of a padded array."""
    return (x[:, *geometry.places(offset, counts)] for offset in product(*map(range, kernel)))


def _combined(
    combine: Callable[[Array, Array], Array],
    x: Array,
    kernel: Sequence[int],
    counts: Sequence[int],
    geometry: Geometry,
) -> Array:
    """Combine the elements of each window of a padded array, in an array of its own.

    Those below one another first: loops run over whole rows there, and half the work is left.
    """
    out = np.empty((len(x), *counts, x.shape[-1]), x.dtype)

    def fill(part: slice) -> None:
        rows = (x[part, *geometry.places((i,), counts)] for i in range(kernel[0]))
        tall = reduce(combine, rows)
        across = (geometry.places((0, j), counts)[1] for j in range(kernel[1]))
        out[part] = reduce(combine, (tall[:, :, places] for places in across))

    in_parts(fill, len(x), x.size)
    return out


def _inside(x: Array, geometry: Geometry) -> Array:
    """Cut the margin off (N, *sizes, C), and move the channels to where they are outside."""
    (a, b), (c, d) = geometry.padding
    return np.moveaxis(x[:, a : x.shape[1] - b, c : x.shape[2] - d], -1, 1)


def _flops(out: Array, x: Array, *, kernel_size: Any, **how: Any) -> int:
    """One for each element of a window."""
    return int(out.size * math.prod(per_axis("pooling", "kernel_size", kernel_size, 2, 1)))


# The largest.


def _max_reference(x: Array, **how: Any) -> Array:
    kernel, counts, geometry = _geometry("max_pool2d", x, **how)
    out = window_views(x, kernel, geometry, -np.inf).max(axis=(-2, -1))
    if geometry.padding == ((0, 0), (0, 0)):
        return out
    # in a window of nothing but -inf the margin ties with x, and took a share
    covered = _covered(x, kernel, counts, geometry, with_margin=False)
    share = math.prod(kernel) / np.maximum(covered, 1)
    return out * np.where(out == -np.inf, share, 1)


def _least(dtype: np.dtype[Any]) -> Any:
    """The number that is above no other of a dtype."""
    if dtype.kind == "f":
        return -np.inf
    return np.iinfo(dtype).min if dtype.kind in "iu" else False


def _max_dx(g: Array, out: Array, saved: None, x: Array, **how: Any) -> Array:
    kernel, counts, geometry = _geometry("max_pool2d", x, **how)
    padded = channels_last(x, geometry.padding, np.nan)  # equal to nothing: it takes no share
    largest = channels_last(out)
    g = channels_last(g)
    if geometry.stride == kernel and geometry.dilation == (1, 1):
        return _inside(_shares_side_by_side(g, padded, largest, kernel), geometry)
    hits = [seen == largest for seen in _seen(padded, kernel, counts, geometry)]
    share = g / sum(hit.astype(_counter(kernel)) for hit in hits).astype(g.dtype)
    dx = np.zeros_like(padded)
    for hit, seen in zip(hits, _seen(dx, kernel, counts, geometry), strict=True):
        seen += hit * share
    return _inside(dx, geometry)


def _counter(kernel: Sequence[int]) -> Any:
    """The dtype that counts the elements of a window."""
    return np.min_scalar_type(math.prod(kernel))


def _shares_side_by_side(g: Array, x: Array, largest: Array, kernel: Sequence[int]) -> Array:
    """Share g in windows that lie side by side, rows of them at once: short loops are slow."""
    (height, width), (n, h, w, channels) = kernel, g.shape
    dx = np.empty((n, h * height, w * width, channels), g.dtype)

    def rows(a: Array) -> Array:  # (N, h, height, everything along the width)
        return a[:, : h * height, : w * width].reshape((len(a), h, height, w * width * channels))

    def wide(a: Array) -> Array:  # the same number for all elements of a window
        return np.repeat(a, width, axis=2).reshape((len(a), h, 1, w * width * channels))

    def fill(part: slice) -> None:
        hits = rows(x[part]) == wide(largest[part])
        ties = reduce(np.add, np.moveaxis(hits.astype(_counter(kernel)), 2, 0))
        ties = reduce(np.add, np.moveaxis(ties.reshape((len(hits), h, w, width, channels)), 3, 0))
        np.multiply(hits, wide(g[part] / ties), out=rows(dx[part]))

    in_parts(fill, n, x.size)
    if dx.shape == x.shape:
        return dx
    return np.pad(dx, [(0, a - b) for a, b in zip(x.shape, dx.shape, strict=True)])


@op(
    vjp=(lambda dx, out, x, **params: dx,),
    latex=r"\operatorname{{max\_pool}}({0})",
    kind="other",
    shared=_max_dx,
    reference=_max_reference,
    flops=_flops,
)
def max_pool2d(
    x: Array,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Any:
    """Return the largest value in each window.

    Several largest values share the gradient evenly, as with `max`; PyTorch gives it to the first.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, height, width), floating
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        How far windows are apart; that of the kernel if None.
    padding : int or pair of int, default=0
        How many values surround x that are no larger than any, half the kernel at most.
    dilation : int or pair of int, default=1
        How far the elements of a window are apart.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (batch, channels, *counts), dtype of `x`
        Windows that would reach over the end are left out.

    Raises
    ------
    ValueError
        If the shape or settings do not fit.

    Examples
    --------
    >>> from autograd import Tensor, max_pool2d
    >>> max_pool2d(Tensor([[[[1.0, 2.0, 3.0], [4.0, 0.0, 5.0]]]]), 2, stride=1).tolist()
    [[[[4.0, 5.0]]]]
    """
    kernel, counts, geometry = _geometry("max_pool2d", x, kernel_size, stride, padding, dilation)
    padded = channels_last(x, geometry.padding, _least(x.dtype))
    out = _combined(np.maximum, padded, kernel, counts, geometry)
    return np.moveaxis(out, -1, 1), None


# The mean.


def _covered(
    x: Array, kernel: Sequence[int], counts: Sequence[int], geometry: Geometry, with_margin: bool
) -> Array:
    """How many values each window counts: (rows, columns)."""
    if with_margin:
        return np.full((1, 1), math.prod(kernel), x.dtype)
    rows, columns = (
        ((at >= 0) & (at < n)).sum(axis=0)
        for n, count, k, s, d, (p, _) in zip(
            x.shape[2:],
            counts,
            kernel,
            geometry.stride,
            geometry.dilation,
            geometry.padding,
            strict=True,
        )
        for at in [np.arange(count) * s + np.arange(k)[:, None] * d - p]  # (k, count)
    )
    return np.multiply.outer(rows, columns).astype(x.dtype)


def _avg_reference(x: Array, *, count_include_pad: bool = True, **how: Any) -> Array:
    kernel, counts, geometry = _geometry("avg_pool2d", x, **how)
    total = window_views(x, kernel, geometry).sum(axis=(-2, -1))
    return total / _covered(x, kernel, counts, geometry, count_include_pad)


def _avg_dx(
    g: Array, out: Array, saved: None, x: Array, *, count_include_pad: bool, **how: Any
) -> Array:
    kernel, counts, geometry = _geometry("avg_pool2d", x, **how)
    share = channels_last(g / _covered(x, kernel, counts, geometry, count_include_pad))
    sizes = [n + sum(p) for n, p in zip(x.shape[2:], geometry.padding, strict=True)]
    dx = np.zeros((len(x), *sizes, x.shape[1]), g.dtype)
    for seen in _seen(dx, kernel, counts, geometry):
        seen += share
    return _inside(dx, geometry)


@op(
    vjp=(lambda dx, out, x, **params: dx,),
    latex=r"\operatorname{{avg\_pool}}({0})",
    kind="linear",
    shared=_avg_dx,
    reference=_avg_reference,
    flops=_flops,
)
def avg_pool2d(
    x: Array,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, height, width), floating
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        How far windows are apart; that of the kernel if None.
    padding : int or pair of int, default=0
        How many zeros surround x, half the kernel at most.
    count_include_pad : bool, default=True
        Whether these zeros count in the mean.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (batch, channels, *counts), dtype of `x`
        Windows that would reach over the end are left out.

    Raises
    ------
    ValueError
        If the shape or settings do not fit.

    Examples
    --------
    >>> from autograd import Tensor, avg_pool2d
    >>> avg_pool2d(Tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]), 2, stride=1).tolist()
    [[[[3.0, 4.0]]]]
    """
    kernel, counts, geometry = _geometry("avg_pool2d", x, kernel_size, stride, padding)
    x = floating(x)
    padded = channels_last(widened(x), geometry.padding)
    out = np.moveaxis(_combined(np.add, padded, kernel, counts, geometry), -1, 1)
    out /= _covered(x, kernel, counts, geometry, count_include_pad)
    return out.astype(x.dtype, copy=False), None


def _averaging(shape: tuple[int, ...], dtype: Any, output_size: Any) -> tuple[Array, Array]:
    """Return matrices that take the means of rows and of columns, (outputs, inputs) each."""
    if len(shape) != 4 or min(shape[2:]) < 1:
        raise ValueError(
            f"adaptive_avg_pool2d: x of shape {shape} is not (batch, channels, height, width), "
            "with pixels; pass one example as x[None]"
        )
    sizes = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    sizes = tuple(n if m is None else m for m, n in zip(sizes, shape[2:], strict=True))
    sizes = per_axis("adaptive_avg_pool2d", "output_size", sizes, 2, 1)
    rows, columns = (_averages(n, m, dtype) for n, m in zip(shape[2:], sizes, strict=True))
    return rows, columns


def _averages(n: int, m: int, dtype: Any) -> Array:
    """Return (m, n): row i is the mean over floor(i n / m) up to ceil((i + 1) n / m)."""
    i, at = np.arange(m)[:, None], np.arange(n)
    inside = (at >= i * n // m) & (at < -(-(i + 1) * n // m))
    return (inside / inside.sum(axis=1, keepdims=True)).astype(
        np.float64 if dtype.kind in "biu" else dtype
    )


def _adaptive_dx(g: Array, out: Array, x: Array, *, output_size: Any) -> Array:
    rows, columns = _averaging(x.shape, x.dtype, output_size)
    return np.einsum("ih,ncij,jw->nchw", rows, g, columns, optimize=True)


@op(
    vjp=(_adaptive_dx,),
    latex=r"\operatorname{{avg\_pool}}({0})",
    kind="linear",
    reference=lambda x, output_size: np.einsum(
        "ih,jw,nchw->ncij", *_averaging(x.shape, x.dtype, output_size), x
    ),
    flops=lambda out, x, **params: 2 * x.size,
)
def adaptive_avg_pool2d(x: Array, output_size: int | tuple[int | None, int | None]) -> Array:
    """Return the means of as many windows as asked for, as equal in size as can be.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, height, width), floating
    output_size : int or pair of int or None
        How many rows and columns come out; None is as many as there are. 1 is the mean over all.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (batch, channels, *output_size), dtype of `x`
        Window i of m goes from floor(i n / m) up to ceil((i + 1) n / m), along each axis of
        length n.

    Raises
    ------
    ValueError
        If the shape or the size does not fit.

    Examples
    --------
    >>> from autograd import Tensor, adaptive_avg_pool2d
    >>> adaptive_avg_pool2d(Tensor([[[[1.0, 2.0, 3.0]]]]), (1, 2)).tolist()
    [[[[1.5, 2.5]]]]
    """
    rows, columns = _averaging(x.shape, x.dtype, output_size)
    return np.einsum("ih,nchw,jw->ncij", rows, x, columns, optimize=True)
