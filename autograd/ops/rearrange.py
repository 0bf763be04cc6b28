"""Functions that move elements: joining, repeating, padding, turning, windows.

They are composed of the ops of `shape`, and so are linear, as those are. Windows are ops of their
own, since they share elements: `fold` adds up what `sliding_window_view` reads more than once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..op import Array, Node, Op, op, with_aliases
from .elementwise import where
from .precision import as_arrays
from .shape import (
    broadcast_to,
    concatenate,
    embed,
    expand_dims,
    getitem,
    length_along,
    on_axis,
    reshape,
    setitem,
    split,
    swapaxes,
    transpose,
)

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "chunk",
    "diag",
    "diagonal",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "fold",
    "hstack",
    "meshgrid",
    "moveaxis",
    "pad",
    "permute",
    "ravel",
    "repeat",
    "roll",
    "rot90",
    "sliding_window_view",
    "tile",
    "tril",
    "triu",
    "unflatten",
    "unfold",
    "unsqueeze",
    "unstack",
    "vstack",
]

Axes: TypeAlias = int | tuple[int, ...]
PadMode: TypeAlias = Literal["constant", "reflect", "edge", "symmetric", "wrap"]

permute = transpose
unsqueeze = expand_dims


def _tuple(axes: int | Sequence[int]) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int | np.integer) else tuple(axes)


# One shape for another.


def ravel(x: Array) -> Array:
    """Return x with one axis, its elements in C order.

    Parameters
    ----------
    x : Tensor or ndarray of any shape

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (x.size,)
    """
    return reshape(x, (-1,))


def flatten(x: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Return x with some neighbouring axes, or all of them, made one; PyTorch's form.

    Parameters
    ----------
    x : Tensor or ndarray of any shape
    start_dim, end_dim : int, default=0 and -1
        The first and the last of the axes to be joined.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If the first axis comes after the last.

    Examples
    --------
    >>> from autograd import Tensor, flatten
    >>> flatten(Tensor([[[1.0], [2.0]]]), 1).shape
    (1, 2)
    """
    shape = x.shape or (1,)  # a number counts as a vector
    start, end = (normalize_axis_index(i, len(shape), "flatten") for i in (start_dim, end_dim))
    if start > end:
        raise ValueError(
            f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in an array of "
            f"{x.ndim} axes; exchange them"
        )
    joined = math.prod(shape[start : end + 1])
    return reshape(x, (*shape[:start], joined, *shape[end + 1 :]))


@with_aliases
def unflatten(x: Array, axis: int, sizes: tuple[int, ...]) -> Array:
    """Return x with one axis made several, the inverse of `flatten`.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    sizes : tuple of int
        Their product is the length of the axis; one may be -1.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If the sizes do not multiply to the length of the axis.
    """
    axis = normalize_axis_index(axis, x.ndim, "unflatten")
    return reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def moveaxis(x: Array, source: Axes, destination: Axes) -> Array:
    """Return x with some axes at other places, the others in their old order.

    Parameters
    ----------
    x : Tensor or ndarray
    source, destination : int or tuple of int
        Where the axes stand, and where they shall.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If the two name different numbers of axes, or one twice.
    """
    # an array that is i long on axis i is moved: its shape then is the permutation
    return transpose(x, np.moveaxis(np.empty(range(x.ndim)), source, destination).shape)


def _atleast(x: Array, ndim: int) -> Array:
    x = x if isinstance(x, Node) else np.asarray(x)
    return reshape(x, (1,) * (ndim - x.ndim) + x.shape) if x.ndim < ndim else x


def _each(parts: list[Array]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)


def atleast_1d(*xs: Array) -> Any:
    """Return x with one axis at least: a scalar becomes an array of one element.

    Parameters
    ----------
    xs : Tensor or ndarray

    Returns
    -------
    Tensor or ndarray, as the argument is; a tuple of them if there are several
    """
    return _each([_atleast(x, 1) for x in xs])


def atleast_2d(*xs: Array) -> Any:
    """Return x with two axes at least; new ones stand in front.

    Parameters
    ----------
    xs : Tensor or ndarray

    Returns
    -------
    Tensor or ndarray, as the argument is; a tuple of them if there are several
    """
    return _each([_atleast(x, 2) for x in xs])


def atleast_3d(*xs: Array) -> Any:
    """Return x with three axes at least: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1).

    Parameters
    ----------
    xs : Tensor or ndarray

    Returns
    -------
    Tensor or ndarray, as the argument is; a tuple of them if there are several
    """
    flat = [_atleast(x, 2) for x in xs]
    return _each([reshape(x, (*x.shape, 1)) if x.ndim < 3 else x for x in flat])


# Joining and cutting.


def vstack(arrays: Sequence[Array]) -> Array:
    """Join arrays along the first axis; those with one axis count as rows.

    Parameters
    ----------
    arrays : sequence of Tensor or ndarray

    Returns
    -------
    Tensor if an argument is one, else ndarray
    """
    return concatenate([_atleast(x, 2) for x in arrays])


def hstack(arrays: Sequence[Array]) -> Array:
    """Join arrays along the second axis, or the first of those that have only one.

    Parameters
    ----------
    arrays : sequence of Tensor or ndarray

    Returns
    -------
    Tensor if an argument is one, else ndarray
    """
    parts = [_atleast(x, 1) for x in arrays]
    return concatenate(parts, axis=0 if parts and parts[0].ndim == 1 else 1)


@with_aliases
def chunk(x: Array, chunks: int, axis: int = 0) -> list[Array]:
    """Cut x along an axis into at most `chunks` parts, of equal length but for the last.

    Parameters
    ----------
    x : Tensor or ndarray
    chunks : int
    axis : int, default=0

    Returns
    -------
    list of Tensor if `x` is one, else of ndarray
        Fewer than `chunks` where the rounded-up length leaves nothing for the last ones.

    Raises
    ------
    ValueError
        If `chunks` is not positive.

    Examples
    --------
    >>> from autograd import Tensor, chunk
    >>> [part.tolist() for part in chunk(Tensor([1.0, 2.0, 3.0, 4.0, 5.0]), 3)]
    [[1.0, 2.0], [3.0, 4.0], [5.0]]
    """
    if chunks < 1:
        raise ValueError(f"chunk: {chunks} parts can not be made; ask for one or more")
    length = length_along(axis, x, "chunk")
    if length == 0:
        return split(x, chunks, axis)
    step = -(-length // chunks)
    return split(x, list(range(step, length, step)), axis)


@with_aliases
def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """Return the parts of x along an axis, which they lack: the inverse of `stack`.

    Parameters
    ----------
    x : Tensor or ndarray, of at least one axis
    axis : int, default=0

    Returns
    -------
    tuple of Tensor if `x` is one, else of ndarray
    """
    return tuple(x[on_axis(axis, x.ndim, i)] for i in range(length_along(axis, x, "unstack")))


# Repeating and padding.


def tile(x: Array, reps: int | Sequence[int]) -> Array:
    """Return x laid side by side: `reps` times along each axis. PyTorch's repeat.

    Parameters
    ----------
    x : Tensor or ndarray of any shape
    reps : int or sequence of int
        For the last axes of x if they are fewer; if they are more, x gets axes in front.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Examples
    --------
    >>> from autograd import Tensor, tile
    >>> tile(Tensor([1.0, 2.0]), 2).tolist()
    [1.0, 2.0, 1.0, 2.0]
    """
    given = _tuple(reps)
    ndim = max(x.ndim, len(given))
    times = (1,) * (ndim - len(given)) + given
    shape = (1,) * (ndim - x.ndim) + x.shape
    pairs = list(zip(times, shape, strict=True))
    apart = reshape(x, tuple(n for _, length in pairs for n in (1, length)))
    full = broadcast_to(apart, tuple(n for pair in pairs for n in pair))
    return reshape(full, tuple(r * n for r, n in pairs))


@with_aliases
def repeat(x: Array, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Array:
    """Return x with each element repeated, as NumPy does; PyTorch calls it repeat_interleave.

    Parameters
    ----------
    x : Tensor or ndarray
    repeats : int or array of int
        How often each element, or each position of the axis, is taken.
    axis : int, optional
        Of the flattened array if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If there are not as many repeats as positions.

    Examples
    --------
    >>> from autograd import Tensor, repeat
    >>> repeat(Tensor([1.0, 2.0]), [1, 3]).tolist()
    [1.0, 2.0, 2.0, 2.0]
    """
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis_index(axis, x.ndim, "repeat")
    if np.ndim(repeats) == 0:  # stretched and joined: no index array, and a sum on the way back
        n = int(repeats)  # type: ignore[arg-type]
        apart = expand_dims(x, axis + 1)
        full = (*x.shape[: axis + 1], n, *x.shape[axis + 1 :])
        return reshape(
            broadcast_to(apart, full), (*x.shape[:axis], x.shape[axis] * n, *x.shape[axis + 1 :])
        )
    return getitem(x, on_axis(axis, x.ndim, np.repeat(np.arange(x.shape[axis]), repeats)))


def pad(x: Array, pad_width: Any, mode: PadMode = "constant", constant_values: Any = 0) -> Array:
    """Return x with a margin, in NumPy's order of widths.

    Parameters
    ----------
    x : Tensor or ndarray
    pad_width : int, pair of int, or a pair of int for each axis
        How many elements before and after.
    mode : {'constant', 'reflect', 'edge', 'symmetric', 'wrap'}, default='constant'
        What the margin is made of: a number, the mirror image without or with the edge, the edge,
        or the other end.
    constant_values : float, pair of float, or a pair of float for each axis, default=0
        For the mode 'constant': what stands before and after.

    Returns
    -------
    Tensor if `x` is one, else ndarray; dtype of `x`

    Raises
    ------
    ValueError
        If a width is negative, the mode is none of those, or an empty axis has nothing to mirror;
        if there is not a pair for each axis.
    TypeError
        If a width is no integer.

    Examples
    --------
    >>> from autograd import Tensor, pad
    >>> pad(Tensor([1.0, 2.0, 3.0]), (2, 1), "reflect").tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """
    if mode not in ("constant", "reflect", "edge", "symmetric", "wrap"):
        raise ValueError(
            f"pad: mode {mode!r} is not supported; "
            "use 'constant', 'reflect', 'edge', 'symmetric' or 'wrap'"
        )
    try:
        given = np.asarray(pad_width)
        if given.dtype.kind not in "iu":
            raise TypeError(f"pad: widths {pad_width} are not integers")
        widths = [(a, b) for a, b in np.broadcast_to(given, (x.ndim, 2)).tolist()]
    except ValueError:
        raise ValueError(
            f"pad: widths {pad_width} do not fit x of shape {x.shape}; pass an int, a pair of int, "
            "or a pair for each axis, that of the first axis first"
        ) from None
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: widths {widths} are not all 0 or more; cut with an index instead")
    if mode == "constant":
        inside = tuple(slice(a, a + n) for (a, _), n in zip(widths, x.shape, strict=True))
        shape = tuple(a + n + b for (a, b), n in zip(widths, x.shape, strict=True))
        if not np.any(constant_values):
            return embed(x, shape, inside)
        margin = np.pad(np.zeros(x.shape, x.dtype), widths, constant_values=constant_values)
        return setitem(margin, x, inside)
    for axis, pair in enumerate(widths):
        if any(pair):
            x = getitem(x, on_axis(axis, x.ndim, np.pad(np.arange(x.shape[axis]), pair, mode=mode)))
    return x


# Turning.


@with_aliases
def flip(x: Array, axis: Axes | None = None) -> Array:
    """Return x with the order of its elements reversed along axes, along all of them if None.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int, optional

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim, "flip")
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))]


def flipud(x: Array) -> Array:
    """Return x with its first axis reversed.

    Parameters
    ----------
    x : Tensor or ndarray of shape (n, ...)

    Returns
    -------
    Tensor if `x` is one, else ndarray; of the same shape
    """
    return flip(x, 0)


def fliplr(x: Array) -> Array:
    """Return x with its second axis reversed.

    Parameters
    ----------
    x : Tensor or ndarray of shape (m, n, ...)

    Returns
    -------
    Tensor if `x` is one, else ndarray; of the same shape
    """
    return flip(x, 1)


def rot90(x: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Return x turned by k quarters, from the first of the two axes towards the second.

    Parameters
    ----------
    x : Tensor or ndarray, of at least two axes
    k : int, default=1
    axes : tuple of two int, default=(0, 1)

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    a, b = normalize_axis_tuple(axes, x.ndim, "rot90")
    turns = k % 4
    if turns == 0:
        return x[...]
    if turns == 2:
        return flip(x, (a, b))
    return swapaxes(flip(x, b), a, b) if turns == 1 else flip(swapaxes(x, a, b), b)


@with_aliases
def roll(x: Array, shift: Axes, axis: Axes | None = None) -> Array:
    """Return x with its elements moved along axes; what leaves at one end enters at the other.

    Parameters
    ----------
    x : Tensor or ndarray
    shift : int or tuple of int
        By how many places.
    axis : int or tuple of int, optional
        The flattened array is rolled, and keeps its shape, if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of the same shape

    Examples
    --------
    >>> from autograd import Tensor, roll
    >>> roll(Tensor([1.0, 2.0, 3.0]), 1).tolist()
    [3.0, 1.0, 2.0]
    """
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    for n, a in np.broadcast(_tuple(shift), _tuple(axis)):
        length = length_along(a, x, "roll")
        cut = -int(n) % length if length else 0
        if cut:
            halves = [on_axis(a, x.ndim, slice(cut, None)), on_axis(a, x.ndim, slice(None, cut))]
            x = concatenate([x[half] for half in halves], axis=int(a))
    return x


# Diagonals and triangles.


def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the diagonals of the matrices that two axes of x span.

    Parameters
    ----------
    x : Tensor or ndarray, of at least two axes
    offset : int, default=0
        Above the main diagonal if positive.
    axis1, axis2 : int, default=0 and 1

    Returns
    -------
    Tensor if `x` is one, else ndarray
        Without the two axes, the diagonal last.

    Raises
    ------
    ValueError
        If `x` has less than two axes.
    """
    if x.ndim < 2:
        raise ValueError(f"diagonal: x of shape {x.shape} has no two axes")
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    i = np.arange(n)
    return getitem(x, (..., i - min(offset, 0), i + max(offset, 0)))


def diag(x: Array, k: int = 0) -> Array:
    """Return the matrix with x on a diagonal, or the diagonal of the matrix x.

    Parameters
    ----------
    x : Tensor or ndarray of shape (n,) or (m, n)
    k : int, default=0
        Which diagonal, above the main one if positive.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (n + abs(k), n + abs(k)), or with one axis

    Raises
    ------
    ValueError
        If `x` has neither one axis nor two.
    """
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"diag: x of shape {x.shape} is neither a vector nor a matrix")
    (n,), i = x.shape, np.arange(x.shape[0])
    return embed(x, (n + abs(k), n + abs(k)), (i - min(k, 0), i + max(k, 0)))


def _lower(name: str, x: Array, k: int) -> Array:
    if x.ndim < 2:
        raise ValueError(f"{name}: x of shape {x.shape} is no matrix; pass (..., m, n)")
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, dtype=np.bool_)


def tril(x: Array, k: int = 0) -> Array:
    """Return the lower triangle of matrices, zeros above the diagonal k.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)
    k : int, default=0
        The last diagonal that stays, above the main one if positive.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    ValueError
        If `x` has less than two axes.
    """
    return where(_lower("tril", x, k), x, np.zeros((), x.dtype))


def triu(x: Array, k: int = 0) -> Array:
    """Return the upper triangle of matrices, zeros below the diagonal k.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)
    k : int, default=0
        The first diagonal that stays, above the main one if positive.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    ValueError
        If `x` has less than two axes.
    """
    return where(_lower("triu", x, k - 1), np.zeros((), x.dtype), x)


def meshgrid(*xs: Array, indexing: Literal["xy", "ij"] = "xy") -> tuple[Array, ...]:
    """Return the coordinates of a grid, one array for each vector.

    Parameters
    ----------
    xs : Tensor or ndarray, with one axis each
    indexing : {'xy', 'ij'}, default='xy'
        With 'xy' the first two axes of the results are exchanged, as in NumPy.

    Returns
    -------
    tuple of Tensor or ndarray, as the arguments are, all of one shape

    Raises
    ------
    ValueError
        If `indexing` is neither of the two.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing {indexing!r} is neither 'xy' nor 'ij'")
    arrays = as_arrays("meshgrid", *xs)
    shape = tuple(x.size for x in arrays)
    whole = [
        broadcast_to(reshape(x, tuple(x.size if i == j else 1 for j in range(len(xs)))), shape)
        for i, x in enumerate(arrays)
    ]
    turned = indexing == "xy" and len(xs) > 1
    return tuple(swapaxes(x, 0, 1) if turned else x for x in whole)


# Windows.


def _fold_dx(g: Array, out: Array, windows: Array, *, shape: Any, axis: tuple[int, ...]) -> Array:
    sizes = windows.shape[len(shape) :]
    return _windows(g, sizes, axis)


@op(
    vjp=(_fold_dx,),
    latex=r"\operatorname{{fold}} {0}",
    kind="linear",
    flops=lambda out, x, **_: x.size,
)
def fold(windows: Array, shape: tuple[int, ...], axis: tuple[int, ...]) -> Array:
    """Return an array of a shape with windows added up where they overlap.

    The transpose of `sliding_window_view`, which see for the layout of the windows.

    Parameters
    ----------
    windows : Tensor or ndarray
    shape : tuple of int
        That of the array which the windows look at.
    axis : tuple of int
        The axes that the windows slide along.

    Returns
    -------
    Tensor if `windows` is one, else ndarray; of shape `shape`

    Examples
    --------
    >>> from autograd import Tensor, fold
    >>> fold(Tensor([[1.0, 2.0], [3.0, 4.0]]), (3,), (0,)).tolist()
    [1.0, 5.0, 4.0]
    """
    out = np.zeros(shape, windows.dtype)
    counts = windows.shape[: len(shape)]
    for offsets in product(*map(range, windows.shape[len(shape) :])):
        starts = [0] * len(shape)
        for a, offset in zip(axis, offsets, strict=True):
            starts[a] += offset
        seen = tuple(slice(i, i + n) for i, n in zip(starts, counts, strict=True))
        out[seen] += windows[(..., *offsets)]
    return out


_windows = Op(
    "sliding_window_view",
    lambda x, window_shape, axis: np.lib.stride_tricks.sliding_window_view(x, window_shape, axis),
    (lambda g, out, x, *, window_shape, axis: fold(g, x.shape, axis),),
    r"\operatorname{{windows}} {0}",
    "linear",
    flops=0,
)


@with_aliases
def sliding_window_view(
    x: Array, window_shape: int | Sequence[int], axis: Axes | None = None
) -> Array:
    """Return all windows of a shape that slide over x, as numpy.lib.stride_tricks does.

    Parameters
    ----------
    x : Tensor or ndarray
    window_shape : int or sequence of int
    axis : int or tuple of int, optional
        The axes that the windows slide along, all of them if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; read-only
        The axes of x, shortened to the number of windows, then those of a window.

    Raises
    ------
    ValueError
        If a window is longer than its axis.

    Examples
    --------
    >>> from autograd import Tensor, sliding_window_view
    >>> sliding_window_view(Tensor([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    axes = tuple(range(x.ndim)) if axis is None else _tuple(axis)
    return _windows(x, _tuple(window_shape), axes)


@with_aliases
def unfold(x: Array, axis: int, size: int, step: int) -> Array:
    """Return the windows along one axis, `step` places apart; the unfold of PyTorch's tensors.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    size, step : int
        How long the windows are, and how far apart they begin.

    Returns
    -------
    Tensor if `x` is one, else ndarray
        The axis counts the windows, the last axis their elements.

    Raises
    ------
    ValueError
        If the window is longer than the axis.
    """
    windows = sliding_window_view(x, size, axis)
    return windows[on_axis(axis, x.ndim, slice(None, None, step))]
