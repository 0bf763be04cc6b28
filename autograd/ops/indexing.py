"""Functions that pick elements and put them back: by index, along an axis, by a mask, by choice.

They are composed of `getitem`, `embed`, `setitem` and `where`. Nothing is changed in place: what
puts elements into an array returns a copy. Gradients of an element that is picked twice add up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..op import Array, Node, data_of, with_aliases
from .elementwise import where
from .precision import as_arrays
from .rearrange import ravel
from .shape import broadcast_to, embed, getitem, on_axis, reshape, setitem

__all__ = [
    "argwhere",
    "choose",
    "embedding",
    "gather",
    "index_add",
    "index_put",
    "index_select",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "put_along_axis",
    "safe_where",
    "scatter",
    "scatter_add",
    "select",
    "take",
    "take_along_axis",
]

Index: TypeAlias = Any
"""An integer array, a list of integers, or a tensor of them."""


def _plain(index: Index) -> Any:
    return np.asarray(data_of(index))


def along(index: Any, axis: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Index `axis` by an array that has all axes, and each other axis by its own position."""
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[normalize_axis_index(axis, len(shape))] = index
    return tuple(grid)


def _along(name: str, index: Any, axis: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return `along` of an index that was given."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: an index of {index.dtype} names no positions; use integers")
    if index.ndim != len(shape):
        raise ValueError(
            f"{name}: an index of shape {index.shape} does not fit an array of shape {shape}: "
            "both need the same number of axes"
        )
    return along(index, normalize_axis_index(axis, len(shape), name), shape)


def _resized(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    """Return a shape with another length of an axis, which is not negative."""
    return (*shape[:axis], n, *shape[axis + 1 :])


# Along an axis.


@with_aliases
def take(x: Array, indices: Index, axis: int | None = None) -> Array:
    """Return the elements of x at some positions of an axis.

    Parameters
    ----------
    x : Tensor or ndarray
    indices : array of int
    axis : int, optional
        Of the flattened array if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray
        The axes of `indices` stand in the place of the axis.

    Raises
    ------
    IndexError
        If a position is out of range.

    Examples
    --------
    >>> from autograd import Tensor, take
    >>> take(Tensor([[1.0, 2.0], [3.0, 4.0]]), [1, 1, 0], axis=1).tolist()
    [[2.0, 2.0, 1.0], [4.0, 4.0, 3.0]]
    """
    if axis is None:
        x, axis = ravel(x), 0
    index = _plain(indices)
    index = index if index.size else index.astype(np.intp)  # an empty list is one of floats
    return getitem(x, on_axis(axis, x.ndim, index, "take"))


@with_aliases
def embedding(input: Index, weight: Array) -> Array:
    """Return the rows of a table that an array of indices names.

    Parameters
    ----------
    input : integer Tensor, ndarray or list, of any shape
    weight : Tensor or ndarray of shape (num_embeddings, embedding_dim)

    Returns
    -------
    Tensor if `weight` is one, else ndarray; of shape ``(*input.shape, embedding_dim)``
        The gradients of a row that is named twice add up.

    Raises
    ------
    TypeError
        If the input is not of integers.
    IndexError
        If an index is not in 0, ..., num_embeddings - 1.

    Examples
    --------
    >>> from autograd import Tensor, embedding
    >>> embedding([2, 0], Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).tolist()
    [[5.0, 6.0], [1.0, 2.0]]
    """
    index = _plain(input)
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding: the input is {index.dtype}; pass integers, which name rows")
    if index.size and not (index.min() >= 0 and index.max() < len(weight)):
        raise IndexError(
            f"embedding: the input runs from {index.min()} to {index.max()}, but the table of "
            f"shape {weight.shape} has rows 0 to {len(weight) - 1}"
        )
    return getitem(weight, index)


@with_aliases
def index_select(x: Array, axis: int, index: Index) -> Array:
    """Return the parts of x at some positions of an axis: `take` in PyTorch's order of arguments.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    index : array of int, with one axis

    Returns
    -------
    Tensor if `x` is one, else ndarray
    """
    return take(x, index, axis)


@with_aliases
def take_along_axis(x: Array, indices: Index, axis: int | None = -1) -> Array:
    """Return for each position of `indices` the element of x that it names on the axis.

    Parameters
    ----------
    x : Tensor or ndarray
    indices : array of int, as many axes as x
        Axes other than `axis` broadcast against those of x.
    axis : int, default=-1
        Of the flattened array if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray

    Raises
    ------
    IndexError
        If a position is out of range.
    TypeError, ValueError
        If `indices` are no integers, or have another number of axes.

    Examples
    --------
    >>> from autograd import Tensor, take_along_axis
    >>> x = Tensor([[3.0, 1.0], [2.0, 5.0]])
    >>> take_along_axis(x, x.data.argmax(axis=1, keepdims=True), axis=1).tolist()
    [[3.0], [5.0]]
    """
    if axis is None:
        x, axis = ravel(x), 0
    index, axis = _plain(indices), normalize_axis_index(axis, x.ndim, "take_along_axis")
    if index.ndim == x.ndim:
        # axes of length one of x stretch too
        shape = np.broadcast_shapes(_resized(x.shape, axis, 1), _resized(index.shape, axis, 1))
        index = np.broadcast_to(index, _resized(shape, axis, index.shape[axis]))
        x = broadcast_to(x, _resized(shape, axis, x.shape[axis]))
    return getitem(x, _along("take_along_axis", index, axis, x.shape))


@with_aliases
def gather(x: Array, axis: int, index: Index) -> Array:
    """Return for each position of `index` the element of x that it names on the axis; PyTorch's.

    .. math:: y_{ij} = x_{i, k_{ij}} \\quad \\text{for axis 1}

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    index : array of int, as many axes as x
        May be shorter than x on other axes; nothing broadcasts.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of the shape of `index`

    Raises
    ------
    IndexError
        If a position is out of range.
    """
    return getitem(x, _along("gather", _plain(index), axis, x.shape))


@with_aliases
def scatter(x: Array, axis: int, index: Index, src: Array) -> Array:
    """Return a copy of x with `src` at the positions that `index` names: the inverse of `gather`.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    index : array of int, as many axes as x
    src : Tensor, ndarray or number
        Its leading part of the shape of `index` is put into x; a number is put everywhere.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    IndexError
        If a position is out of range.
    ValueError
        If `src` is shorter than `index`, or has a derivative and an element is named twice; see
        `setitem`.
    """
    x, src = as_arrays("scatter", x, src)
    index = _plain(index)
    at = _along("scatter", index, axis, x.shape)
    return setitem(x, _leading("scatter", src, index.shape), at)


@with_aliases
def scatter_add(x: Array, axis: int, index: Index, src: Array) -> Array:
    """Return x with `src` added at the positions that `index` names; repeated ones add up.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    index : array of int, as many axes as x
    src : Tensor or ndarray
        Its leading part of the shape of `index` is added.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the shape of `x`

    Raises
    ------
    IndexError
        If a position is out of range.
    ValueError
        If `src` is shorter than `index`.

    Examples
    --------
    >>> from autograd import Tensor, scatter_add
    >>> scatter_add(Tensor([0.0, 0.0]), 0, [1, 1], Tensor([2.0, 3.0])).tolist()
    [0.0, 5.0]
    """
    x, src = as_arrays("scatter_add", x, src)
    index = _plain(index)
    at = _along("scatter_add", index, axis, x.shape)
    return x + embed(_leading("scatter_add", src, index.shape), x.shape, at)


def _leading(name: str, src: Array, shape: tuple[int, ...]) -> Array:
    if src.ndim == 0:
        return src
    if src.ndim != len(shape) or any(n < m for n, m in zip(src.shape, shape, strict=True)):
        raise ValueError(
            f"{name}: src of shape {src.shape} does not cover the index of shape {shape}; pass "
            "one at least as long on each axis"
        )
    return src[tuple(slice(n) for n in shape)]


@with_aliases
def index_add(x: Array, axis: int, index: Index, source: Array) -> Array:
    """Return x with the parts of `source` added at some positions of an axis.

    Parameters
    ----------
    x : Tensor or ndarray
    axis : int
    index : array of int, with one axis
    source : Tensor or ndarray
        Of the shape of x, but for the axis, which is as long as `index`.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the shape of `x`

    Raises
    ------
    IndexError
        If a position is out of range.
    ValueError
        If `source` is of another shape.
    """
    x, source = as_arrays("index_add", x, source)
    places, axis = _plain(index), normalize_axis_index(axis, x.ndim, "index_add")
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    if source.shape != shape:
        raise ValueError(
            f"index_add: source of shape {source.shape} for {places.size} positions on axis "
            f"{axis} of x of shape {x.shape}; pass one of shape {shape}"
        )
    return x + embed(source, x.shape, on_axis(axis, x.ndim, places))


@with_aliases
def put_along_axis(x: Array, indices: Index, values: Array, axis: int | None) -> Array:
    """Return a copy of x with values at the positions that `indices` name on the axis.

    Parameters
    ----------
    x : Tensor or ndarray
    indices : array of int, as many axes as x
    values : Tensor, ndarray or number
        Of a shape that broadcasts to that of `indices`.
    axis : int or None
        Of the flattened array if None.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape and dtype of `x`
        Unlike NumPy's, which changes x; ``np.put_along_axis(tensor, ...)`` does so too.

    Raises
    ------
    IndexError
        If a position is out of range.
    ValueError
        If `values` have a derivative and an element is named twice; see `setitem`.
    """
    if axis is None:
        return reshape(put_along_axis(ravel(x), indices, values, 0), x.shape)
    index, axis = _plain(indices), normalize_axis_index(axis, x.ndim, "put_along_axis")
    if index.ndim == x.ndim:
        index = np.broadcast_to(index, _resized(x.shape, axis, index.shape[axis]))
    return setitem(x, values, _along("put_along_axis", index, axis, x.shape))


# By an index of all axes.


def index_put(
    x: Array, indices: tuple[Index, ...], values: Array, accumulate: bool = False
) -> Array:
    """Return a copy of x with values put or added at an index, as PyTorch does.

    Parameters
    ----------
    x : Tensor or ndarray
    indices : tuple of array of int or bool
    values : Tensor, ndarray or number
        Of a shape that broadcasts to that of x[indices].
    accumulate : bool, default=False
        Add to what stands there; elements named twice then get both.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the shape of `x`

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If `values` have a derivative, an element is named twice, and nothing accumulates.

    Examples
    --------
    >>> from autograd import Tensor, index_put
    >>> index_put(Tensor([1.0, 1.0]), ([0, 0],), Tensor([2.0, 3.0]), accumulate=True).tolist()
    [6.0, 1.0]
    """
    index = tuple(_plain(i) for i in indices)
    if not accumulate:
        return setitem(x, values, index)
    values = values if isinstance(values, Node) else np.asarray(values, x.dtype)
    return x + embed(values, x.shape, index)


def nonzero(x: Array) -> tuple[np.ndarray[Any, Any], ...]:
    """Return where x is not zero, as NumPy does: one array of positions for each axis.

    Parameters
    ----------
    x : Tensor or ndarray, of at least one axis

    Returns
    -------
    tuple of ndarray of int
        An index of x; positions have no derivative, and so are no tensors.
    """
    return np.nonzero(_plain(x))


def argwhere(x: Array) -> np.ndarray[Any, Any]:
    """Return where x is not zero, one row for each element; PyTorch's nonzero.

    Parameters
    ----------
    x : Tensor or ndarray

    Returns
    -------
    ndarray of int, of shape (count, x.ndim)
    """
    return np.argwhere(_plain(x))


# By a mask.


def _booleans(name: str, mask: Array) -> Any:
    mask = _plain(mask)
    if mask.dtype.kind != "b":
        raise TypeError(f"{name}: mask is {mask.dtype}; pass booleans, such as mask != 0")
    return mask


def masked_select(x: Array, mask: Array) -> Array:
    """Return the elements of x where the mask holds, in one axis.

    Parameters
    ----------
    x : Tensor or ndarray
    mask : Tensor or ndarray, boolean
        The two shapes broadcast.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (count,)

    Raises
    ------
    TypeError
        If the mask is not boolean.
    """
    mask = _booleans("masked_select", mask)
    shape = np.broadcast_shapes(x.shape, mask.shape)
    x = x if x.shape == shape else broadcast_to(x, shape)
    return getitem(x, np.broadcast_to(mask, shape))


def masked_fill(x: Array, mask: Array, value: Array) -> Array:
    """Return x with a value where the mask holds.

    Parameters
    ----------
    x : Tensor or ndarray
    mask : Tensor or ndarray, boolean
    value : number, or Tensor or ndarray
        The three shapes broadcast.

    Returns
    -------
    Tensor if an argument is one, else ndarray
        Of the dtype of `x`, to which a value is cast; one that is a tensor is promoted with `x`.

    Raises
    ------
    TypeError
        If the mask is not boolean.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, masked_fill
    >>> x = Tensor([1.0, 2.0])
    >>> masked_fill(x, x > 1, -np.inf).tolist()
    [1.0, -inf]
    """
    value = value if isinstance(value, Node) else np.asarray(value, x.dtype)
    return where(_booleans("masked_fill", mask), value, x)


def masked_scatter(x: Array, mask: Array, source: Array) -> Array:
    """Return x with the leading elements of `source` where the mask holds, in C order.

    Parameters
    ----------
    x : Tensor or ndarray
    mask : Tensor or ndarray, boolean
        Its shape and that of x broadcast.
    source : Tensor or ndarray
        Of as many elements as the mask holds, at least.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the broadcast shape, dtype of `x`

    Raises
    ------
    TypeError
        If the mask is not boolean.
    ValueError
        If `source` has too few elements.
    """
    x, source = as_arrays("masked_scatter", x, source)
    mask = _booleans("masked_scatter", mask)
    shape = np.broadcast_shapes(mask.shape, x.shape)
    mask = np.broadcast_to(mask, shape)
    x = x if x.shape == shape else broadcast_to(x, shape)
    count = int(mask.sum())
    if source.size < count:
        raise ValueError(
            f"masked_scatter: the mask holds at {count} elements, but source has {source.size}"
        )
    return setitem(x, ravel(source)[:count], mask)


# By choice.


def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:
    """Return from the first choice whose condition holds, as NumPy does.

    Parameters
    ----------
    condlist : sequence of Tensor or ndarray, boolean
    choicelist : sequence of Tensor, ndarray or number
        As many; all shapes broadcast.
    default : Tensor, ndarray or number, default=0
        Where no condition holds.

    Returns
    -------
    Tensor if an argument is one, else ndarray

    Raises
    ------
    ValueError
        If there are not as many choices as conditions, or none.
    TypeError
        If a condition is not boolean.

    Examples
    --------
    >>> from autograd import Tensor, select
    >>> x = Tensor([-2.0, 0.5, 3.0])
    >>> select([x < 0, x < 1], [0.0, x], default=1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; "
            "each condition needs its own, and there must be one at least"
        )
    for i, condition in enumerate(condlist):
        dtype = _plain(condition).dtype
        if dtype.kind != "b":
            raise TypeError(
                f"select: condition {i} is of {dtype}; pass booleans, such as x > 0 or x != 0"
            )
    *choices, out = as_arrays("select", *choicelist, default)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        out = where(condition, choice, out)
    return out


def choose(a: Index, choices: Sequence[Array]) -> Array:
    """Return from the array of `choices` that `a` names, element by element.

    Parameters
    ----------
    a : array of int, from 0 to len(choices) - 1
    choices : sequence of Tensor, ndarray or number
        All shapes broadcast.

    Returns
    -------
    Tensor if a choice is one, else ndarray

    Raises
    ------
    TypeError
        If `a` is not of integers.
    ValueError
        If `a` names a choice that there is not.
    """
    index = _plain(a)
    if index.dtype.kind not in "biu":
        raise TypeError(f"choose: the index is {index.dtype}; pass integers, which name choices")
    if not len(choices) or (index.size and not 0 <= index.min() <= index.max() < len(choices)):
        raise ValueError(f"choose: {len(choices)} choices, but the index is not within them")
    conditions = [index == i for i in range(len(choices))]
    return select(conditions, choices, choices[-1])


def safe_where(
    condition: Array, f: Callable[[Array], Array], g: Callable[[Array], Array], x: Array
) -> Array:
    """Return f(x) where the condition holds, else g(x), each computed where it is asked for only.

    ``where(x > 0, sqrt(x), 0)`` has the derivative NaN at 0: the branch not taken is computed too,
    its derivative there is inf, and 0 times inf is NaN. Here f never sees such an x: one that it
    is asked for stands in.

    Parameters
    ----------
    condition : Tensor or ndarray, boolean
    f, g : callable of a Tensor or ndarray
        Elementwise functions. One that is asked for nowhere is not called.
    x : Tensor or ndarray
        The shapes of x and the condition broadcast.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of the broadcast shape

    Examples
    --------
    >>> from autograd import Tensor, safe_where, sqrt
    >>> x = Tensor([0.0, 4.0], requires_grad=True)
    >>> safe_where(x > 0, sqrt, lambda x: 0 * x, x).sum().backward()
    >>> x.grad.tolist()
    [0.0, 0.25]
    """
    holds = _plain(condition)
    shape = np.broadcast_shapes(holds.shape, x.shape)
    x = x if x.shape == shape else broadcast_to(x, shape)
    holds = np.broadcast_to(holds, shape)
    if holds.all():
        return f(x)
    if not holds.any():
        return g(x)
    values = _plain(x)
    inside_f = where(holds, x, values[holds][0])
    inside_g = where(holds, values[~holds][0], x)
    return where(holds, f(inside_f), g(inside_g))
