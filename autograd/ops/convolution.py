"""Convolutions, which slide one set of weights over all positions.

Convolution (the correlation that networks call so), the transposed convolution that spreads each
value over a window, and the gradient of the weights are one trilinear form, read in three ways:

.. math:: \\langle g, \\mathrm{conv}(x, w) \\rangle = \\langle \\mathrm{conv}^T(g, w), x \\rangle
    = \\langle \\mathrm{conv\\_weight}(x, g), w \\rangle

So the gradient with respect to x is a transposed convolution of g, that with respect to w a
correlation of x and g, and each of the three is differentiated by the other two, to any order.

Inside, channels lie last in memory, as (batch, positions, channels), and results are views of that:
whole runs of channels are copied and added. Windows are copied to the rows of a matrix, for a
product with the weights, a few examples at a time: the rows stay in cache, and their memory is
never needed whole. On images of many channels these windows are one row of the kernel high, so that
one copy serves all rows of the kernel, each with a product of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from operator import add, iadd
from typing import Any, NamedTuple

import numpy as np

from ..op import Array, Op
from ..parallel import in_parts
from .linalg import SMALL
from .precision import widened, working
from .rearrange import pad, sliding_window_view
from .shape import embed

__all__ = [
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
]

CHUNK = 2**18
"""Numbers in the rows that are made at a time: 1 MB of float32, to fit the second-level cache."""


class Geometry(NamedTuple):
    """How windows lie, for each axis that they slide along."""

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]  # before and after
    dilation: tuple[int, ...]
    groups: int

    @classmethod
    def of(
        cls,
        where: str,
        kernel: Sequence[int],
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> Geometry:
        """Read the settings as users write them."""
        axes = len(kernel)
        stride = per_axis(where, "stride", stride, axes, 1)
        dilation = per_axis(where, "dilation", dilation, axes, 1)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"{where}: padding is {padding!r}; pass 'same', 'valid' or numbers"
                )
            if padding == "same" and max(stride) > 1:
                raise ValueError(
                    f"{where}: padding='same' keeps the size, which stride {stride} does not; "
                    "pass stride 1, or the padding as numbers"
                )
            around = [
                d * (k - 1) if padding == "same" else 0
                for d, k in zip(dilation, kernel, strict=True)
            ]
            pairs = tuple((n // 2, n - n // 2) for n in around)
        elif not isinstance(padding, int) and all(not isinstance(p, int) for p in padding):
            if len(padding) != axes:
                raise ValueError(
                    f"{where}: padding is {padding!r}; pass a pair, before and after, for each of "
                    f"the {axes} axes"
                )
            pairs = tuple(per_axis(where, "padding", p, 2, 0) for p in padding)  # type: ignore[misc]
        else:
            pairs = tuple((p, p) for p in per_axis(where, "padding", padding, axes, 0))
        return cls(stride, pairs, dilation, groups)

    def windows(self, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        return tuple(
            (n + sum(p) - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                sizes, self.padding, self.dilation, kernel, self.stride, strict=True
            )
        )

    def spread(self, counts: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """The least sizes that have `counts` windows: the inverse of `windows`."""
        return tuple(
            (n - 1) * s + d * (k - 1) + 1 - sum(p)
            for n, p, d, k, s in zip(
                counts, self.padding, self.dilation, kernel, self.stride, strict=True
            )
        )

    def places(self, offset: Sequence[int], counts: Sequence[int]) -> tuple[slice, ...]:
        """Where windows have their element at `offset`, along as many axes as that is for."""
        return tuple(
            slice(d * o, d * o + s * (n - 1) + 1, s)
            for d, o, s, n in zip(self.dilation, offset, self.stride, counts, strict=False)
        )


def per_axis(where: str, name: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """Return an int for each axis, checked."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes or any(not isinstance(v, int) or v < least for v in values):
        raise ValueError(
            f"{where}: {name} is {value!r}; pass an int of {least} or more, or {axes} of them"
        )
    return values


# The three products, on arrays with channels last: x (N, *sizes, C), g (N, *counts, O), and weights
# (groups, *kernel, C / groups, O / groups).


def channels_last(
    x: Array, padding: Sequence[tuple[int, int]] | None = None, fill: float = 0.0
) -> Array:
    """Return (N, C, *sizes) as (N, *sizes, C) in a row in memory, with a margin."""
    x = np.moveaxis(x, 1, -1)
    if padding is None or not any(map(any, padding)):
        return np.ascontiguousarray(x)
    sizes = [n + sum(p) for n, p in zip(x.shape[1:-1], padding, strict=True)]
    out = np.full((len(x), *sizes, x.shape[-1]), fill, x.dtype)
    out[:, *(slice(a, a + n) for n, (a, _) in zip(x.shape[1:-1], padding, strict=True))] = x
    return out


def _grouped(weight: Array, groups: int) -> Array:
    """Return weights (O, C / groups, *kernel) as the products take them."""
    parts = weight.reshape((groups, -1 if weight.size else 0, *weight.shape[1:]))
    return np.moveaxis(parts, (1, 2), (-1, -2))


def _ungrouped(weight: Array) -> Array:
    parts = np.moveaxis(weight, (-1, -2), (1, 2))
    return parts.reshape((-1 if weight.size else 0, *parts.shape[2:]))


def _shared_axes(x: Array, geometry: Geometry) -> int:
    """Along how many axes, from the first, windows are copied one element high.

    All but the last, if windows are one apart and channels enough to make a product worth its
    while: from a dozen on that is faster.
    """
    apart = any(s > 1 for s in geometry.stride[:-1])
    return 0 if apart or x.shape[-1] < 12 * geometry.groups else x.ndim - 3


def _windows(
    x: Array, kernel: Sequence[int], counts: Sequence[int], geometry: Geometry
) -> Iterator[tuple[slice, list[Array]]]:
    """Yield the windows of a few examples at a time, as the rows of matrices (groups, n, columns).

    The slice says which examples. There is a matrix for each offset along the shared axes, its rows
    in the order of `_in_rows`; the next examples overwrite it.
    """
    groups, shared = geometry.groups, _shared_axes(x, geometry)
    n, *sizes, channels = x.shape
    batch, *along, last = x.strides
    window_strides = [s * t for s, t in zip(along, geometry.stride, strict=True)]
    element_strides = [s * d for s, d in zip(along, geometry.dilation, strict=True)]
    # axes as pairs of length and stride
    lead = list(zip(sizes, along, strict=True))[:shared]
    slide = list(zip(counts, window_strides, strict=True))[shared:]
    window = [*list(zip(kernel, element_strides, strict=True))[shared:], (channels // groups, last)]
    positions, columns = (math.prod(m for m, _ in axes) for axes in (slide, window))
    each = math.prod(sizes[:shared]) * positions * columns * groups
    chunk = max(1, CHUNK // max(1, each))
    memory = np.empty(min(chunk, n) * each, x.dtype)  # used again and again: it stays in cache
    # long runs are copied fast: of neighbouring channels, or if these are few of positions
    by_row = channels >= 4 * groups
    offsets = list(product(*map(range, kernel[:shared])))
    for start in range(0, n, chunk):
        few = min(chunk, n - start)
        rows = [*lead, (few, batch), *slide]
        axes = [*rows, *window] if by_row else [*window, *rows]
        shape, strides = zip((groups, last * (channels // groups)), *axes, strict=True)
        copy = memory[: few * each].reshape(shape)
        copy[...] = np.lib.stride_tricks.as_strided(x[start:], shape, strides, writeable=False)
        if by_row:
            matrix = copy.reshape((groups, *sizes[:shared], few * positions, columns))
        else:
            matrix = copy.reshape((groups, columns, few * positions)).swapaxes(1, 2)
        parts = (matrix[:, *geometry.places(at, counts)] for at in offsets)
        yield (
            slice(start, start + few),
            [part.reshape((groups, math.prod(part.shape[1:-1]), columns)) for part in parts],
        )


def _in_rows(x: Array, groups: int, shared: int = 0) -> Array:
    """View (N, *counts, C) as (groups, *shared counts, N, *other counts, C / groups)."""
    parts = x.reshape((*x.shape[:-1], groups, x.shape[-1] // groups))
    return np.moveaxis(parts, (-2, 0), (0, 1 + shared))


def _parted(rows: Array, columns: int) -> Array:
    """Part the rows of (groups, n, k) for small products with a matrix of so many columns.

    With few columns, many of these take two thirds of the time of one large product, or about its
    time on two threads.
    """
    groups, n, k = rows.shape
    most = min(256, SMALL // max(1, k * columns))
    block = next((m for m in range(most, 15, -1) if n % m == 0), max(1, n))
    return rows.reshape((groups, n // block, block, k))


def _wide(bias: Array, counts: Sequence[int]) -> Array:
    """The bias once for each position of the last axis: loops over a few channels are slow."""
    return np.tile(bias, (*(1 for _ in counts), counts[-1], 1))


def _correlate(
    x: Array, weight: Array, counts: Sequence[int], geometry: Geometry, bias: Array | None
) -> Array:
    """Return (N, *counts, O): the sum over each window of x times the weights, plus the bias."""
    groups, *kernel, channels, columns = weight.shape
    shared = _shared_axes(x, geometry)
    offsets, along = math.prod(kernel[:shared]), math.prod(kernel[shared:])
    weight = weight.reshape((groups, offsets, along * channels, columns))
    shift: Any = 0.0 if bias is None else _in_rows(_wide(bias, counts), groups, shared)
    out = np.empty((len(x), *counts, groups * columns), x.dtype)

    def fill(part: slice) -> None:
        for examples, windows in _windows(x[part], kernel, counts, geometry):
            target = _in_rows(out[part][examples], groups, shared)
            if len(windows) == 1 and target.flags.c_contiguous:  # nothing to add up or to move
                rows = _parted(windows[0], columns)
                np.matmul(rows, weight[:, :1], out=target.reshape((*rows.shape[:-1], columns)))
                target += shift
            else:
                terms = (_parted(a, columns) @ weight[:, i, None] for i, a in enumerate(windows))
                np.add(reduce(iadd, terms).reshape(target.shape), shift, out=target)

    in_parts(fill, len(x), out.size)
    return out


def _spread(g: Array, weight: Array, sizes: Sequence[int], geometry: Geometry) -> Array:
    """Return (N, *sizes, C): each value of g, times the weights, added up in its window."""
    groups, *kernel, channels, _ = weight.shape
    out = np.zeros((len(g), *sizes, groups, channels), g.dtype)
    weight, counts = np.ascontiguousarray(weight.swapaxes(-1, -2)), g.shape[1:-1]
    positions = math.prod(counts)
    chunk = max(1, CHUNK // max(1, positions * (g.shape[-1] + 2 * groups * channels)))

    def fill(part: slice) -> None:
        values, sums = g[part], out[part]
        memory = np.empty((groups, min(chunk, len(values)) * positions, channels), g.dtype)
        for start in range(0, len(values), chunk):
            target = sums[start : start + chunk]
            rows = _in_rows(values[start : start + chunk], groups)
            rows = rows.reshape((groups, len(target) * positions, rows.shape[-1]))
            for offset in product(*map(range, kernel)):
                term = np.matmul(rows, weight[:, *offset], out=memory[:, : rows.shape[1]])
                term = np.moveaxis(term, 0, 1).reshape((len(target), *counts, groups, channels))
                target[:, *geometry.places(offset, counts)] += term

    in_parts(fill, len(g), out.size)
    return out.reshape((*out.shape[:-2], groups * channels))


def _transposed(
    x: Array, weight: Array, bias: Array | None, sizes: Sequence[int], geometry: Geometry
) -> Array:
    """Return the transposed convolution (N, *sizes, C) of x (N, O, *counts)."""
    reach = [d * (k - 1) for d, k in zip(geometry.dilation, weight.shape[1:-2], strict=True)]
    margins = [
        (r - before, n + before - count)
        for r, n, count, (before, _) in zip(
            reach, sizes, x.shape[2:], geometry.padding, strict=True
        )
    ]
    if all(s == 1 for s in geometry.stride) and min(map(min, margins)) >= 0:
        # the same windows on x with a margin, seen through the weights from the far end
        axes = tuple(range(1, len(sizes) + 1))
        mirrored = np.flip(weight, axes).swapaxes(-1, -2)
        return _correlate(channels_last(x, margins), mirrored, sizes, geometry, bias)
    padded = [n + sum(p) for n, p in zip(sizes, geometry.padding, strict=True)]
    kept = [slice(a, a + n) for n, (a, _) in zip(sizes, geometry.padding, strict=True)]
    out = _spread(channels_last(x), weight, padded, geometry)[:, *kept]
    return out if bias is None else out + _wide(bias, sizes)


def _weight_gradient(x: Array, g: Array, kernel: Sequence[int], geometry: Geometry) -> Array:
    """Return (groups, *kernel, C / groups, O / groups): windows of x times g, summed over all."""
    groups, shared = geometry.groups, _shared_axes(x, geometry)
    channels, columns = x.shape[-1] // groups, g.shape[-1] // groups
    offsets, along = math.prod(kernel[:shared]), math.prod(kernel[shared:])

    def gradient(part: slice) -> Array:
        out = np.zeros((groups, offsets, along * channels, columns), g.dtype)
        for examples, windows in _windows(x[part], kernel, g.shape[1:-1], geometry):
            rows = _in_rows(g[part][examples], groups, shared)
            for i, a in enumerate(windows):
                blocks = _parted(a, columns)
                rows = rows.reshape((*blocks.shape[:-1], columns))
                out[:, i] += (blocks.swapaxes(-1, -2) @ rows).sum(axis=1)
        return out

    total = reduce(iadd, in_parts(gradient, len(x), g.size))
    return total.reshape((groups, *kernel, channels, columns))


# The ops.


def _result(out: Array, dtype: Any) -> Array:
    return np.moveaxis(out, -1, 1).astype(dtype, copy=False)


def _check(
    where: str,
    x: Array,
    weight: Array,
    bias: Array | None,
    axes: int,
    groups: int,
    transposed: bool,
) -> None:
    if x.ndim != axes + 2 or weight.ndim != axes + 2:
        channels = ("in", "out") if transposed else ("out", "in")
        raise ValueError(
            f"{where}: x of shape {x.shape} and weight of shape {weight.shape}; pass (batch, "
            f"channels, {_SIZES[axes]}) and (channels_{channels[0]}, channels_{channels[1]} / "
            f"groups, *kernel_size), each with {axes + 2} axes"
        )
    if groups < 1 or weight.shape[0] % groups:
        raise ValueError(
            f"{where}: groups={groups} does not divide the first axis of a weight of shape "
            f"{weight.shape}; pass a divisor of {weight.shape[0]}"
        )
    channels_in = weight.shape[0] if transposed else weight.shape[1] * groups
    if x.shape[1] != channels_in:
        raise ValueError(
            f"{where}: x of shape {x.shape} has {x.shape[1]} channels, but a weight of shape "
            f"{weight.shape} with groups={groups} takes {channels_in}"
        )
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (channels,):
        raise ValueError(
            f"{where}: bias of shape {bias.shape}; pass one for each of the {channels} channels "
            f"that come out: ({channels},)"
        )


def _first(out: Array, counts: Sequence[int]) -> Array:
    """Leave out windows that lie in the output padding of a transposed convolution."""
    return out[(slice(None), slice(None), *map(slice, counts))]


def window_views(x: Array, kernel: Sequence[int], geometry: Geometry, fill: float = 0.0) -> Array:
    """Return all windows of (N, C, *sizes) on new axes: what the references reduce."""
    x = pad(x, ((0, 0), (0, 0), *geometry.padding), constant_values=fill)
    spans = tuple(d * (k - 1) + 1 for d, k in zip(geometry.dilation, kernel, strict=True))
    steps = (*geometry.stride, *geometry.dilation)
    windows = sliding_window_view(x, spans, tuple(range(2, x.ndim)))
    return windows[(..., *(slice(None, None, n) for n in steps))]


def _reference(x: Array, weight: Array, bias: Array | None, axes: int, geometry: Geometry) -> Array:
    groups, windows = geometry.groups, window_views(x, weight.shape[2:], geometry)
    windows = windows.reshape((len(x), groups, x.shape[1] // groups, *windows.shape[2:]))
    grouped = weight.reshape((groups, weight.shape[0] // groups, *weight.shape[1:]))
    at, inside = "ab"[:axes], "uv"[:axes]
    out = np.einsum(f"ngc{at}{inside},gfc{inside}->ngf{at}", windows, grouped)
    out = out.reshape((len(x), weight.shape[0], *out.shape[3:]))
    return out if bias is None else out + bias.reshape((-1, *(1,) * axes))


def _transposed_reference(
    x: Array, weight: Array, bias: Array | None, sizes: Sequence[int], geometry: Geometry
) -> Array:
    axes, groups, kernel = len(sizes), geometry.groups, weight.shape[2:]
    reach = [d * (k - 1) for d, k in zip(geometry.dilation, kernel, strict=True)]
    # the values of x, a stride apart among zeros, seen through the weights from the far end
    apart = [
        slice(r, r + (n - 1) * s + 1, s)
        for r, n, s in zip(reach, x.shape[2:], geometry.stride, strict=True)
    ]
    room = [n + sum(p) + r for n, p, r in zip(sizes, geometry.padding, reach, strict=True)]
    spread = embed(x, (*x.shape[:2], *room), (slice(None), slice(None), *apart))
    parts = weight.reshape((groups, len(weight) // groups, *weight.shape[1:])).swapaxes(1, 2)
    turned = parts[(..., *(slice(None, None, -1),) * axes)]
    turned = turned.reshape((groups * weight.shape[1], len(weight) // groups, *kernel))
    plain = Geometry((1,) * axes, ((0, 0),) * axes, geometry.dilation, groups)
    out = _reference(spread, turned, bias, axes, plain)
    kept = [slice(a, a + n) for n, (a, _) in zip(sizes, geometry.padding, strict=True)]
    return out[(slice(None), slice(None), *kept)]


def _product_rule(op: Op, t: Sequence[Any], x: Array, weight: Array, params: Any) -> Array:
    """The tangent of an op that is linear in x and in weight, plus a bias: it broadcasts."""
    terms = []
    if t[0] is not None:
        terms.append(op(t[0], weight, **params))
    if t[1] is not None:
        terms.append(op(x, t[1], **params))
    if len(t) > 2 and t[2] is not None:
        terms.append(t[2].reshape((-1, *(1,) * (x.ndim - 2))))
    return reduce(add, terms)


def _prepared(
    axes: int,
    x: Array,
    weight: Array,
    bias: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[tuple[int, ...], Geometry]:
    """Check the arguments of a convolution; return how many windows there are, how they lie."""
    where = f"conv{axes}d"
    _check(where, x, weight, bias, axes, groups, transposed=False)
    sizes, kernel = x.shape[2:], weight.shape[2:]
    geometry = Geometry.of(where, kernel, stride, padding, dilation, groups)
    counts = geometry.windows(sizes, kernel)
    if min(counts) < 1:
        raise ValueError(
            f"{where}: a kernel of size {kernel} with dilation {geometry.dilation} does not fit in "
            f"{sizes} with padding {tuple(a if a == b else (a, b) for a, b in geometry.padding)}; "
            "pad more, or take a smaller kernel"
        )
    return counts, geometry


def _transposed_prepared(
    axes: int,
    x: Array,
    weight: Array,
    bias: Any,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> tuple[tuple[int, ...], Geometry]:
    """The same of a transposed convolution, with the sizes of its result."""
    where = f"conv_transpose{axes}d"
    _check(where, x, weight, bias, axes, groups, transposed=True)
    geometry = Geometry.of(where, weight.shape[2:], stride, padding, dilation, groups)
    extra = per_axis(where, "output_padding", output_padding, axes, 0)
    most = [max(s, d) for s, d in zip(geometry.stride, geometry.dilation, strict=True)]
    if any(e >= m for e, m in zip(extra, most, strict=True)):
        raise ValueError(
            f"{where}: output_padding {extra} must be less than the stride {geometry.stride} "
            f"or the dilation {geometry.dilation}"
        )
    least = geometry.spread(x.shape[2:], weight.shape[2:])
    sizes = tuple(n + e for n, e in zip(least, extra, strict=True))
    if min(sizes) < 1:
        raise ValueError(
            f"{where}: padding {padding} leaves nothing of x of shape {x.shape}; pad less"
        )
    return sizes, geometry


def _declare(axes: int) -> tuple[Op, Op, Op]:
    """Declare the convolution along `axes` axes, its transpose, and the gradient of its weights."""
    name = f"conv{axes}d"

    def conv_forward(
        x: Array,
        weight: Array,
        bias: Array | None = None,
        stride: int | tuple[int, ...] = 1,
        padding: Any = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
    ) -> Array:
        counts, geometry = _prepared(axes, x, weight, bias, stride, padding, dilation, groups)
        wide, dtype = working(x, weight, bias)
        padded = channels_last(wide, geometry.padding)
        out = _correlate(padded, _grouped(widened(weight), groups), counts, geometry, bias)
        return _result(out, dtype)

    def conv_reference(x: Array, weight: Array, bias: Array | None = None, **how: Any) -> Array:
        _, geometry = _prepared(axes, x, weight, bias, **how)
        return _reference(x, weight, bias, axes, geometry)

    def transposed_forward(
        x: Array,
        weight: Array,
        bias: Array | None = None,
        stride: int | tuple[int, ...] = 1,
        padding: Any = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        dilation: int | tuple[int, ...] = 1,
    ) -> Array:
        sizes, geometry = _transposed_prepared(
            axes, x, weight, bias, stride, padding, output_padding, groups, dilation
        )
        wide, dtype = working(x, weight, bias)
        out = _transposed(wide, _grouped(widened(weight), groups), bias, sizes, geometry)
        return _result(out, dtype)

    def transposed_reference(
        x: Array, weight: Array, bias: Array | None = None, **how: Any
    ) -> Array:
        sizes, geometry = _transposed_prepared(axes, x, weight, bias, **how)
        return _transposed_reference(x, weight, bias, sizes, geometry)

    def weight_forward(
        x: Array,
        y: Array,
        kernel_size: tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: Any = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
    ) -> Array:
        geometry = Geometry.of(name, kernel_size, stride, padding, dilation, groups)
        (x, dtype), (y, _) = working(x, y), working(y, x)
        padded = channels_last(x, geometry.padding)
        out = _ungrouped(_weight_gradient(padded, channels_last(y), kernel_size, geometry))
        return out.astype(dtype, copy=False)

    def spread_over(
        sizes: Sequence[int],
        g: Array,
        weight: Array,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> Array:
        """The transposed convolution of g that has the given sizes."""
        geometry = Geometry.of(name, weight.shape[2:], stride, padding, dilation, groups)
        least = geometry.spread(g.shape[2:], weight.shape[2:])
        extra = tuple(n - m for n, m in zip(sizes, least, strict=True))
        return transposed(g, weight, None, stride, geometry.padding, extra, groups, dilation)

    def conv_dx(
        g: Array, out: Array, x: Array, weight: Array, bias: Any = None, **how: Any
    ) -> Array:
        return spread_over(x.shape[2:], g, weight, **how)

    def conv_dweight(
        g: Array, out: Array, x: Array, weight: Array, bias: Any = None, **how: Any
    ) -> Array:
        return of_weight(x, g, weight.shape[2:], **how)

    def transposed_dx(
        g: Array,
        out: Array,
        x: Array,
        weight: Array,
        bias: Any = None,
        *,
        output_padding: Any,
        **how: Any,
    ) -> Array:
        return _first(conv(g, weight, **how), x.shape[2:])

    def transposed_dweight(
        g: Array,
        out: Array,
        x: Array,
        weight: Array,
        bias: Any = None,
        *,
        output_padding: Any,
        **how: Any,
    ) -> Array:
        return of_weight(g, x, weight.shape[2:], **how)

    def dbias(g: Array, out: Array, x: Array, weight: Array, bias: Array, **how: Any) -> Array:
        # In long loops, over all but the last positions; the engine sums over these.
        return np.moveaxis(widened(g), 1, -1).sum(axis=tuple(range(axes)))

    def of_weight_dx(
        g: Array, out: Array, x: Array, y: Array, kernel_size: Any, **how: Any
    ) -> Array:
        return spread_over(x.shape[2:], y, g, **how)

    def of_weight_dy(
        g: Array, out: Array, x: Array, y: Array, kernel_size: Any, **how: Any
    ) -> Array:
        return _first(conv(x, g, **how), y.shape[2:])

    conv = Op(
        name,
        conv_forward,
        (conv_dx, conv_dweight, dbias),
        r"{0} \star {1} + {2}",
        "other",
        lambda t, out, x, weight, bias=None, **how: _product_rule(conv, t, x, weight, how),
        reference=conv_reference,
        flops=lambda out, x, weight, bias=None, **how: 2 * out.size * math.prod(weight.shape[1:]),
        doc=_CONV_DOC.format(axes=axes, sizes=_SIZES[axes], example=_CONV_EXAMPLES[axes]),
    )
    transposed = Op(
        f"conv_transpose{axes}d",
        transposed_forward,
        (transposed_dx, transposed_dweight, dbias),
        r"{0} \star^T {1} + {2}",
        "other",
        lambda t, out, x, weight, bias=None, **how: _product_rule(transposed, t, x, weight, how),
        reference=transposed_reference,
        flops=lambda out, x, weight, bias=None, **how: 2 * x.size * math.prod(weight.shape[1:]),
        doc=_TRANSPOSED_DOC.format(
            axes=axes, sizes=_SIZES[axes], example=_TRANSPOSED_EXAMPLES[axes]
        ),
    )
    of_weight = Op(
        f"conv{axes}d_weight",
        weight_forward,
        (of_weight_dx, of_weight_dy),
        r"\nabla_w \langle {1}, {0} \star w \rangle",
        "multilinear",
        flops=lambda out, x, y, **how: 2 * y.size * math.prod(out.shape[1:]),
        doc=f"Return the gradient of <y, {name}(x, weight)> with respect to the weight.",
    )
    return conv, transposed, of_weight


_SIZES = {1: "length", 2: "height, width"}

_CONV_DOC = r"""Slide weights over x: at each position the sum of the products with what they cover.

    .. math:: y_{{n,f,p}} = b_f + \sum_{{c,k}} w_{{f,c,k}} \, x_{{n,c,sp + dk}}

    with stride s and dilation d, x being padded with zeros. It is a cross-correlation; the
    convolution of mathematics would mirror the weights.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels_in, {sizes}), floating
    weight : Tensor or ndarray of shape (channels_out, channels_in / groups, *kernel_size)
    bias : Tensor or ndarray of shape (channels_out,), optional
    stride : int or tuple of int, default=1
        How far windows are apart.
    padding : int, tuple of int or of pairs, 'valid' or 'same', default=0
        Zeros before and after, on each axis. 'valid' is none, 'same' as many as keep the sizes,
        with the odd one behind; it asks for stride 1.
    dilation : int or tuple of int, default=1
        How far the elements of a window are apart.
    groups : int, default=1
        Parts of the channels that do not see each other.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (batch, channels_out, *counts)
        (size + padding - dilation * (kernel_size - 1) - 1) // stride + 1 windows on each axis.
        Channels are last in memory, whatever the layout of x.

    Raises
    ------
    ValueError
        If the shapes or settings do not fit.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    arXiv:1603.07285.

    Examples
    --------
    >>> from autograd import Tensor, conv{axes}d
    {example}
    """

_CONV_EXAMPLES = {
    1: """>>> conv1d(Tensor([[[1.0, 2.0, 4.0, 8.0]]]), Tensor([[[-1.0, 1.0]]])).tolist()
    [[[1.0, 2.0, 4.0]]]""",
    2: """>>> edge = Tensor([[[[-1.0, 1.0]]]])
    >>> conv2d(Tensor([[[[0.0, 0.0, 5.0], [0.0, 5.0, 5.0]]]]), edge).tolist()
    [[[[0.0, 5.0], [5.0, 0.0]]]]""",
}

_TRANSPOSED_DOC = r"""Add each value of x, times the weights, to a window of the result.

    The transpose of `conv{axes}d` as a linear map, not its inverse: this writes where that reads.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels_in, {sizes}), floating
    weight : Tensor or ndarray of shape (channels_in, channels_out / groups, *kernel_size)
        The weight of the convolution that takes the result to x.
    bias : Tensor or ndarray of shape (channels_out,), optional
    stride : int or tuple of int, default=1
        How far windows are apart.
    padding : int, tuple of int or of pairs, 'valid' or 'same', default=0
        What is cut off before and after, on each axis; as many as `conv{axes}d` would add.
    output_padding : int or tuple of int, default=0
        What is added behind, to say which of the sizes that `conv{axes}d` takes to that of x is
        meant; less than the stride or the dilation.
    groups : int, default=1
        Parts of the channels that do not see each other.
    dilation : int or tuple of int, default=1
        How far the elements of a window are apart.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (batch, channels_out, *sizes)
        (size - 1) * stride - padding + dilation * (kernel_size - 1) + output_padding + 1 on each
        axis. Channels are last in memory.

    Raises
    ------
    ValueError
        If the shapes or settings do not fit.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    arXiv:1603.07285, section 4.

    Examples
    --------
    >>> from autograd import Tensor, conv_transpose{axes}d
    {example}
    """

_TRANSPOSED_EXAMPLES = {
    1: """>>> conv_transpose1d(Tensor([[[1.0, 2.0]]]), Tensor([[[1.0, 1.0]]]), stride=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]""",
    2: """>>> conv_transpose2d(Tensor([[[[1.0, 2.0]]]]), Tensor([[[[1.0], [3.0]]]])).tolist()
    [[[[1.0, 2.0], [3.0, 6.0]]]]""",
}

conv1d, conv_transpose1d, conv1d_weight = _declare(1)
conv2d, conv_transpose2d, conv2d_weight = _declare(2)
