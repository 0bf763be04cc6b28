"""Ops that move elements without computing: shape, joining, indexing. All of them are linear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from scipy.sparse import csr_array

from ..op import Array, EachInput, Node, Op, op, with_aliases

__all__ = [
    "astype",
    "broadcast_to",
    "concatenate",
    "embed",
    "expand",
    "expand_dims",
    "getitem",
    "reshape",
    "setitem",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "transpose",
]


@op(
    vjp=(lambda g, out, x, *, shape: g.reshape(x.shape),),
    latex=r"\operatorname{{reshape}} {0}",
    kind="linear",
    flops=0,
)
def reshape(x: Array, shape: int | tuple[int, ...]) -> Array:
    """Return x with another shape and the same elements, in C order.

    Parameters
    ----------
    x : Tensor or ndarray
    shape : int or tuple of int
        One entry may be -1; it follows from the size.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    return x.reshape(shape)


def _inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if axes is None:
        return None
    order = [a % len(axes) for a in axes]
    return tuple(order.index(i) for i in range(len(axes)))


@op(
    vjp=(lambda g, out, x, *, axes: g.transpose(_inverse(axes)),),
    latex="{0}^T",
    kind="linear",
    flops=0,
)
def transpose(x: Array, axes: tuple[int, ...] | None = None) -> Array:
    """Return x with its axes in another order, reversed if None.

    Parameters
    ----------
    x : Tensor or ndarray
    axes : tuple of int, optional
        A permutation of range(x.ndim).

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    return x.transpose(axes)


@op(
    vjp=(lambda g, out, x, *, axis1, axis2: g.swapaxes(axis1, axis2),),
    latex="{0}^T",
    kind="linear",
    flops=0,
)
def swapaxes(x: Array, axis1: int, axis2: int) -> Array:
    """Return x with two of its axes exchanged.

    Parameters
    ----------
    x : Tensor or ndarray
    axis1, axis2 : int

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    return x.swapaxes(axis1, axis2)


@op(
    vjp=(lambda g, out, x, *, axis: g.reshape(x.shape),),
    latex=r"\operatorname{{squeeze}} {0}",
    kind="linear",
    flops=0,
)
def squeeze(x: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """Return x without axes of length one: those named, or all of them.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int, optional

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    ValueError
        If a named axis is not of length one.
    """
    return np.squeeze(x, axis)


@op(
    vjp=(lambda g, out, x, *, axis: g.reshape(x.shape),),
    latex=r"\operatorname{{expand}} {0}",
    kind="linear",
    flops=0,
)
def expand_dims(x: Array, axis: int | tuple[int, ...]) -> Array:
    """Return x with axes of length one put in; PyTorch calls it unsqueeze.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int or tuple of int
        Where the new axes stand in the result.

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    return np.expand_dims(x, axis)


@op(
    vjp=(lambda g, out, x, *, shape: g,),  # the engine sums over the stretched axes
    latex=r"\operatorname{{broadcast}} {0}",
    kind="linear",
    flops=0,
)
def broadcast_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Return x stretched to a shape, as broadcasting would.

    Parameters
    ----------
    x : Tensor or ndarray
    shape : tuple of int

    Returns
    -------
    Tensor if `x` is one, else ndarray; read-only

    Raises
    ------
    ValueError
        If x does not broadcast to `shape`.
    """
    return np.broadcast_to(x, shape)


def expand(x: Array, *shape: int) -> Array:
    """Return x stretched to a shape, where -1 keeps the length of an axis; PyTorch's form.

    Parameters
    ----------
    x : Tensor or ndarray
    shape : int, or one tuple or list of int
        May have more axes than x, in front.

    Returns
    -------
    Tensor if `x` is one, else ndarray; read-only

    Raises
    ------
    ValueError
        If x does not broadcast to `shape`.

    Examples
    --------
    >>> from autograd import Tensor, expand
    >>> expand(Tensor([[1.0], [2.0]]), -1, 3).shape
    (2, 3)
    """
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    lead = len(sizes) - x.ndim
    return broadcast_to(x, tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)))


@op(
    vjp=(lambda g, out, x, *, dtype: g,),  # the engine casts back
    latex="{0}",
    kind="linear",
    flops=0,
)
def astype(x: Array, dtype: Any) -> Array:
    """Return a copy of x in another floating dtype.

    Parameters
    ----------
    x : Tensor or ndarray
    dtype : numpy dtype

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    return x.astype(dtype)


def _take_part(i: int, g: Array, out: Array, *xs: Array, axis: int) -> Array:
    start = sum(x.shape[axis] for x in xs[:i])
    return g[on_axis(axis, g.ndim, slice(start, start + xs[i].shape[axis]))]


_concatenate = Op(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis),
    EachInput(_take_part, reads=False),
    r"[{0}; \dots]",
    "linear",
    flops=0,
)


def on_axis(axis: int, ndim: int, index: Any, where: str | None = None) -> tuple[Any, ...]:
    """Return the index that is `index` on one axis and takes the others whole."""
    return (slice(None),) * normalize_axis_index(axis, ndim, where) + (index,)


def length_along(axis: int, x: Array, where: str) -> int:
    """Return the length of an axis of x; `where` asks, and is named if there is no such axis."""
    return x.shape[normalize_axis_index(axis, x.ndim, where)]  # type: ignore[no-any-return]


_stack = Op(
    "stack",
    lambda *xs, axis: np.stack(xs, axis),
    EachInput(lambda i, g, out, *xs, axis: g[on_axis(axis, g.ndim, i)], reads=False),
    r"[{0}, \dots]",
    "linear",
    flops=0,
)


@with_aliases
def concatenate(arrays: Sequence[Array], axis: int | None = 0) -> Array:
    """Join arrays along an axis they have.

    Parameters
    ----------
    arrays : sequence of Tensor or ndarray
        Of equal shapes but for `axis`.
    axis : int or None, default=0
        Of the flattened arrays if None.

    Returns
    -------
    Tensor if an argument is one, else ndarray

    Raises
    ------
    ValueError
        If a shape does not fit.

    Examples
    --------
    >>> from autograd import Tensor, concatenate
    >>> concatenate([Tensor([1.0]), Tensor([2.0, 3.0])]).numpy()
    array([1., 2., 3.])
    """
    if axis is None:
        arrays = [reshape(x if isinstance(x, Node) else np.asarray(x), (-1,)) for x in arrays]
    return _concatenate(*arrays, axis=axis or 0)


@with_aliases
def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Join arrays of equal shape along a new axis.

    Parameters
    ----------
    arrays : sequence of Tensor or ndarray
    axis : int, default=0
        Where the new axis stands in the result.

    Returns
    -------
    Tensor if an argument is one, else ndarray

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    return _stack(*arrays, axis=axis)


@with_aliases
def split(x: Array, sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """Cut x along an axis into equal parts, or at the given positions, as numpy.split does.

    Parameters
    ----------
    x : Tensor or ndarray
    sections : int or sequence of int
        How many equal parts, or where the parts after the first begin.
    axis : int, default=0

    Returns
    -------
    list of Tensor if `x` is one, else of ndarray

    Raises
    ------
    ValueError
        If the axis does not divide into equal parts.

    Examples
    --------
    >>> from autograd import Tensor, split
    >>> [part.numpy().tolist() for part in split(Tensor([1.0, 2.0, 3.0, 4.0]), 2)]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    length = length_along(axis, x, "split")
    if isinstance(sections, int | np.integer):
        if sections < 1 or length % sections:
            raise ValueError(
                f"split: axis {axis} of length {length} does not divide into {sections} equal "
                "parts; pass the positions to cut at"
            )
        cuts = list(range(0, length + 1, length // sections)) if length else [0] * (sections + 1)
    else:
        cuts = [0, *sections, length]
    return [x[on_axis(axis, x.ndim, slice(a, b))] for a, b in pairwise(cuts)]


def _is_plain(index: Any) -> bool:
    """Whether an index is one mask, or slices and integers, and so picks no element twice."""
    if isinstance(index, np.ndarray) and index.dtype == bool:
        return True
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None
        or part is Ellipsis
        or (isinstance(part, slice | int | np.integer) and not isinstance(part, bool))
        for part in parts
    )


def _getitem_dx(g: Array, out: Array, x: Array, *, index: Any) -> Array:
    return embed(g, x.shape, index)


@op(
    vjp=(_getitem_dx,),
    latex="{0}_i",
    kind="linear",
    flops=0,
)
def getitem(x: Array, index: Any) -> Array:
    """Return x[index], for every index NumPy takes; gradients of repeated elements add up.

    Parameters
    ----------
    x : Tensor or ndarray
    index : int, slice, None, Ellipsis, integer or boolean array, or a tuple of them

    Returns
    -------
    Tensor if `x` is one, else ndarray; a copy where it is one in NumPy

    Raises
    ------
    IndexError
        If the index is out of range.
    """
    return x[index]


@op(
    vjp=(lambda g, out, x, *, shape, index: _part(g, index, x.ndim),),
    latex=r"\operatorname{{embed}} {0}",
    kind="linear",
    flops=0,
)
def embed(x: Array, shape: tuple[int, ...], index: Any) -> Array:
    """Return zeros of a shape with x added at an index: the transpose of `getitem`.

    Parameters
    ----------
    x : Tensor or ndarray
        Of a shape that broadcasts to that of the indexed part.
    shape : tuple of int
    index : anything NumPy indexes with

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape `shape`, dtype of `x`
    """
    if _names_rows(index, shape) and x.dtype in (np.float32, np.float64):
        return _add_rows(x, shape, index)
    out = np.zeros(shape, x.dtype)
    if _is_plain(index):
        out[index] = x
    else:
        np.add.at(out, index, x)  # += would count a repeated index once
    return out


def _names_rows(index: Any, shape: tuple[int, ...]) -> bool:
    """Whether an index picks many rows, each of several elements."""
    if not isinstance(index, np.ndarray) or index.dtype.kind not in "iu":
        return False
    return len(shape) > 1 and index.size * math.prod(shape[1:]) > 1000


def _add_rows(x: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Add up rows by a product with a sparse matrix of ones: 20 times the speed of np.add.at."""
    n, width = index.size, math.prod(shape[1:])
    rows = np.broadcast_to(x, index.shape + shape[1:]).reshape((n, width))
    ones = np.ones(n, x.dtype)
    picks = csr_array(
        (ones, index.ravel().astype(np.intp) % shape[0], np.arange(n + 1)), shape=(n, shape[0])
    )
    return np.asarray(picks.T @ rows).reshape(shape)


def _part(g: Array, index: Any, ndim: int) -> Array:
    """Return g[index], with the leading axes of length one that an assigned value may have."""
    part = g[index]
    return part.reshape((1,) * (ndim - part.ndim) + part.shape) if ndim > part.ndim else part


def _assigned(x: Array, value: Array, index: Any) -> Array:
    out = np.array(x)
    out[index] = value
    return out


_setitem: Op = Op(
    "setitem",
    _assigned,
    (
        lambda g, out, x, value, *, index: _setitem(g, np.zeros((), g.dtype), index=index),
        # the engine sums where value was stretched
        lambda g, out, x, value, *, index: _part(g, index, value.ndim),
    ),
    r"{0}_i \leftarrow {1}",
    "linear",
    flops=0,
)


def _picks_twice(shape: tuple[int, ...], index: Any) -> bool:
    if _is_plain(index):
        return False
    picked = np.arange(math.prod(shape)).reshape(shape)[index]
    return bool(len(np.unique(picked)) < picked.size)


def setitem(x: Array, value: Array, index: Any) -> Array:
    """Return a copy of x with value at an index: what ``x[index] = value`` records.

    Parameters
    ----------
    x : Tensor or ndarray
    value : Tensor, ndarray or number
        Of a shape that broadcasts to that of x[index].
    index : anything NumPy indexes with

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    ValueError
        If `value` has a derivative and the index names an element twice: which of the values
        stays is then an accident of memory order, and so would be the gradient.

    Examples
    --------
    >>> from autograd import Tensor, setitem
    >>> setitem(Tensor([1.0, 2.0, 3.0]), 0.0, slice(0, 2)).numpy()
    array([0., 0., 3.])
    """
    moves = isinstance(value, Node) and (value.requires_grad or value.priority > 0)
    if moves and _picks_twice(x.shape, index):
        raise ValueError(
            f"setitem: the index names an element of a tensor of shape {x.shape} more than once, "
            "and which of the values would stay, and get the gradient, is not defined; make the "
            "indices distinct, or add the values up with index_put(..., accumulate=True)"
        )
    return _setitem(x, value, index=index)
