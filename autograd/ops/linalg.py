"""Products: matmul for every rank that NumPy allows, and einsum. Both are multilinear.

The other products are composed of these two and of elementwise ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..op import Array, EachInput, Op, op, with_aliases
from .precision import as_arrays, in_dtype
from .rearrange import Axes, diagonal, moveaxis, ravel
from .reduction import sum_
from .shape import expand_dims, length_along, reshape, stack, swapaxes, transpose

__all__ = [
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "tensordot",
    "trace",
    "vdot",
    "vecdot",
]


SMALL = 2**18
"""Multiplications in a product that OpenBLAS does at once, on one thread and without copies."""


def rows(x: Array) -> Array:
    """Flatten the batch: (..., n) -> (batch, n)."""
    # not -1 for the batch: it does not follow from the size where n is 0
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def product(a: Array, b: Array) -> Array:
    """Return a @ b, b a matrix; a thin product, such as that of a few classes, in four pieces.

    OpenBLAS would share it among threads, which takes longer than the work, and they go on waiting
    for more at full speed.
    """
    if a.ndim == 1:
        return a @ b
    (n, k), m = a.shape, b.shape[1]
    if min(n, k, m) > 16 or not SMALL < n * k * m <= 4 * SMALL:
        return a @ b
    long = a if n >= m else b
    if type(long) is not np.ndarray or not long.flags.c_contiguous or max(n, m) % 4:
        return a @ b
    if n >= m:
        return (a.reshape(4, n // 4, k) @ b).reshape(n, m)
    out = np.empty((n, 4, m // 4), np.result_type(a, b))
    np.matmul(a, b.reshape(k, 4, m // 4).swapaxes(0, 1), out=out.swapaxes(0, 1))
    return out.reshape(n, m)


def _matmul_dx(g: Array, out: Array, x: Array, y: Array) -> Array:
    if y.ndim == 1:  # (..., n, k) @ (k,): an outer product
        return g[..., None] * y
    if x.ndim == 1:  # (k,) @ (..., k, m) -> (..., m)
        return (y @ g[..., None])[..., 0]
    return g @ y.swapaxes(-1, -2)


def _matmul_dy(g: Array, out: Array, x: Array, y: Array) -> Array:
    if x.ndim == 1:
        return g * x if y.ndim == 1 else x[:, None] * g[..., None, :]
    if y.ndim == 1:  # (..., n, k) @ (k,) -> (..., n)
        return (x.swapaxes(-1, -2) @ g[..., None])[..., 0]
    if y.ndim == 2:  # one product over the flattened batch instead of one each
        return rows(x).swapaxes(0, 1) @ rows(g)
    return x.swapaxes(-1, -2) @ g


@op(
    vjp=(_matmul_dx, _matmul_dy),
    latex=r"{0}\,{1}",
    kind="multilinear",
    flops=lambda out, x, y: out.size * (2 * x.shape[-1] - 1),
)
def matmul(x: Array, y: Array) -> Array:
    """Return the matrix product x @ y.

    Parameters
    ----------
    x : Tensor or ndarray of shape (k,), (n, k) or (..., n, k)
    y : Tensor or ndarray of shape (k,), (k, m) or (..., k, m)
        Leading axes broadcast.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., n, m), without n or m where the
    argument has one axis

    Raises
    ------
    ValueError
        If the inner axes differ or an argument has no axis.
    """
    return np.matmul(x, y)


def expand_ellipsis(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """Return the subscripts of each operand and of the output, explicit and without ellipsis."""
    given, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(ndims):
        raise ValueError(
            f"einsum: {subscripts!r} names {len(terms)} operands, but {len(ndims)} were given"
        )
    spare = [c for c in ascii_letters if c not in subscripts]
    longest = 0
    for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        if "..." in term:
            hidden = ndim - (len(term) - 3)
            longest = max(longest, hidden)
            # ellipses align at their right end, as broadcasting does
            terms[i] = term.replace("...", "".join(spare[:hidden][::-1]))
    batch = "".join(spare[:longest][::-1])
    if not arrow:
        letters = "".join(terms)
        once = sorted(c for c in letters if letters.count(c) == 1 and c not in batch)
        output = batch + "".join(once)
    elif batch and "..." not in output:
        raise ValueError(
            f"einsum: the output of {subscripts!r} lacks the ellipsis; write ... in it, or letters "
            "for the axes to sum over"
        )
    return terms, output.replace("...", batch)


def _einsum_rule(i: int, g: Array, out: Array, *xs: Array, subscripts: str) -> Array:
    """Contract g with the other operands; what they lack is made of ones, repeats of diagonals."""
    terms, output = expand_ellipsis(subscripts, [x.ndim for x in xs])
    operands, names = [g], [output]
    for j, (x, term) in enumerate(zip(xs, terms, strict=True)):
        if j != i:
            operands.append(x)
            names.append(term)
    target = ""
    for letter, length in zip(terms[i], xs[i].shape, strict=True):
        if letter in target:  # x_ii: only the diagonal takes part
            fresh = next(c for c in ascii_letters if c not in "".join((*names, *terms, target)))
            operands.append(np.eye(length, dtype=g.dtype))
            names.append(letter + fresh)
            letter = fresh
        elif not any(
            letter in name and operand.shape[name.index(letter)] == length
            for operand, name in zip(operands, names, strict=True)
        ):  # summed over, or stretched
            operands.append(np.ones(length, dtype=g.dtype))
            names.append(letter)
        target += letter
    return np.einsum(f"{','.join(names)}->{target}", *operands, optimize=len(operands) > 2)


def _einsum_flops(out: Array, *xs: Array, subscripts: str) -> int:
    """One multiplication per further operand and one addition, for each combination of letters."""
    terms, _ = expand_ellipsis(subscripts, [x.ndim for x in xs])
    sizes: dict[str, int] = {}
    for x, term in zip(xs, terms, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            sizes[letter] = max(n, sizes.get(letter, 1))
    return len(xs) * math.prod(sizes.values())


def _contract(*xs: Array, subscripts: str) -> Array:
    if len(xs) > 2:  # optimized, NumPy sums over an ellipsis that it else refuses to
        expand_ellipsis(subscripts, [np.ndim(x) for x in xs])
    return np.einsum(subscripts, *xs, optimize=len(xs) > 2)


_einsum = Op(
    "einsum",
    _contract,
    EachInput(_einsum_rule, reads=True),
    r"\operatorname{{einsum}}({0}, \dots)",
    "multilinear",
    flops=_einsum_flops,
)


def einsum(subscripts: Any, *operands: Any) -> Array:
    """Return the Einstein summation of the operands, as numpy.einsum does.

    Parameters
    ----------
    subscripts : str
        Such as 'ij,jk->ik'; ellipses, implicit outputs and repeated letters are allowed.
    operands : Tensor or ndarray
        Or NumPy's other form, without a string: each operand followed by the numbers of its axes,
        those of the output at the end, ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Returns
    -------
    Tensor if an operand is one, else ndarray

    Raises
    ------
    ValueError
        If the subscripts do not fit the operands.

    Examples
    --------
    >>> from autograd import Tensor, einsum
    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> einsum("ii->", x).backward()
    >>> x.grad.numpy()
    array([[1., 0.],
           [0., 1.]])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered(subscripts, *operands)
    return _einsum(*operands, subscripts=subscripts)


def _lettered(*arguments: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the subscripts and the operands of ``einsum(x, [0, 1], y, [1, 2], [0, 2])``."""
    paired = len(arguments) // 2 * 2
    operands, axes, output = arguments[:paired:2], arguments[1:paired:2], arguments[paired:]
    letters = sorted(ascii_letters)  # in the order of the numbers, as an implicit output has them
    try:
        terms = ["".join("..." if a is ... else letters[a] for a in t) for t in (*axes, *output)]
    except (TypeError, IndexError):
        raise TypeError(
            "einsum: pass subscripts such as 'ij,jk->ik' first, or after each operand a list of "
            f"numbers, below {len(letters)}, for its axes"
        ) from None
    return "->".join([",".join(terms[: len(axes)]), *terms[len(axes) :]]), operands


# Composed of the two.


def matrix_transpose(x: Array) -> Array:
    """Return matrices transposed: the last two axes exchanged.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (..., n, m)
    """
    return swapaxes(x, -1, -2)


def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the sum of a diagonal of the matrices that two axes of x span.

    Parameters
    ----------
    x : Tensor or ndarray, of at least two axes
    offset : int, default=0
        Above the main diagonal if positive.
    axis1, axis2 : int, default=0 and 1

    Returns
    -------
    Tensor if `x` is one, else ndarray; without the two axes

    Examples
    --------
    >>> from autograd import Tensor, trace
    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]])).item()
    5.0
    """
    return sum_(diagonal(x, offset, axis1, axis2), axis=-1)


def dot(x: Array, y: Array) -> Array:
    """Return the product that NumPy calls dot.

    Parameters
    ----------
    x, y : Tensor or ndarray
        Scalars multiply; of arrays, the last axis of x is summed over with the last but one of y,
        or its only one.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape x.shape[:-1] + y.shape without that axis

    Raises
    ------
    ValueError
        If the two axes differ in length.
    """
    x, y = as_arrays("dot", x, y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if y.ndim <= 2:
        return matmul(x, y)
    return tensordot(x, y, axes=(-1, -2))


def vdot(x: Array, y: Array) -> Array:
    """Return the sum of the products of all elements of x and y.

    Parameters
    ----------
    x, y : Tensor or ndarray of one size

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape ()

    Raises
    ------
    ValueError
        If the sizes differ.
    """
    return matmul(*map(ravel, as_arrays("vdot", x, y)))


@with_aliases
def vecdot(x: Array, y: Array, axis: int = -1) -> Array:
    """Return the inner products of the vectors along an axis.

    Parameters
    ----------
    x, y : Tensor or ndarray
        The shapes broadcast, but for the axis: there the lengths are equal.
    axis : int, default=-1

    Returns
    -------
    Tensor if an argument is one, else ndarray; without the axis

    Raises
    ------
    ValueError
        If the lengths of the axis differ, or the shapes do not broadcast.
    """
    x, y = as_arrays("vecdot", x, y)
    _same_length("vecdot", x, y, axis)
    products = x * y
    return in_dtype(sum_(products, axis=axis), products.dtype)  # a sum of int8 would be int64


def _same_length(name: str, x: Array, y: Array, axis: int) -> None:
    if length_along(axis, x, name) != length_along(axis, y, name):
        raise ValueError(
            f"{name}: shapes {x.shape} and {y.shape} do not fit: axis {axis} must have the same "
            "length in both"
        )


def inner(x: Array, y: Array) -> Array:
    """Return the sums of products over the last axes of x and y.

    Parameters
    ----------
    x, y : Tensor or ndarray
        Scalars multiply.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape x.shape[:-1] + y.shape[:-1]

    Raises
    ------
    ValueError
        If the last axes differ in length.
    """
    x, y = as_arrays("inner", x, y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, axes=(-1, -1))


def outer(x: Array, y: Array) -> Array:
    """Return all products of an element of x with one of y.

    Parameters
    ----------
    x, y : Tensor or ndarray
        Flattened if they have several axes.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (x.size, y.size)
    """
    x, y = as_arrays("outer", x, y)
    return reshape(x, (x.size, 1)) * reshape(y, (1, y.size))


def tensordot(x: Array, y: Array, axes: int | tuple[Axes, Axes] = 2) -> Array:
    """Return the sum of products over some axes of x and as many of y.

    Parameters
    ----------
    x, y : Tensor or ndarray
    axes : int, or pair of int or tuple of int, default=2
        How many axes, the last of x and the first of y; or which ones of each.

    Returns
    -------
    Tensor if an argument is one, else ndarray; the other axes of x, then those of y

    Raises
    ------
    ValueError
        If the axes differ in number or length, one is not there, or is named twice.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, tensordot
    >>> tensordot(Tensor(np.ones((2, 3, 4))), Tensor(np.ones((4, 5))), axes=1).shape
    (2, 3, 5)
    """
    x, y = as_arrays("tensordot", x, y)
    if isinstance(axes, int | np.integer):
        axes = tuple(range(-axes, 0)), tuple(range(axes))
    of_x, of_y = (
        normalize_axis_tuple(given, n, "tensordot")
        for given, n in zip(axes, (x.ndim, y.ndim), strict=True)
    )
    lengths = [x.shape[a] for a in of_x], [y.shape[a] for a in of_y]
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"tensordot: shapes {x.shape} and {y.shape} do not fit: axes {of_x} of the first, of "
            f"lengths {lengths[0]}, must equal axes {of_y} of the second, of lengths {lengths[1]}"
        )
    shared = math.prod(lengths[0])
    free_x = [a for a in range(x.ndim) if a not in of_x]
    free_y = [a for a in range(y.ndim) if a not in of_y]
    shape_x, shape_y = [x.shape[a] for a in free_x], [y.shape[a] for a in free_y]
    left = reshape(transpose(x, (*free_x, *of_x)), (math.prod(shape_x), shared))
    right = reshape(transpose(y, (*of_y, *free_y)), (shared, math.prod(shape_y)))
    return reshape(left @ right, (*shape_x, *shape_y))


def kron(x: Array, y: Array) -> Array:
    """Return the Kronecker product: x with each element replaced by its multiple of y.

    Parameters
    ----------
    x, y : Tensor or ndarray
        The one with fewer axes gets some in front.

    Returns
    -------
    Tensor if an argument is one, else ndarray
        Each axis as long as those of x and y multiplied.
    """
    x, y = as_arrays("kron", x, y)
    ndim = max(x.ndim, y.ndim)
    of_x = (1,) * (ndim - x.ndim) + x.shape
    of_y = (1,) * (ndim - y.ndim) + y.shape
    # (a, 1, b, 1) * (1, c, 1, d) = (a, c, b, d)
    left = reshape(x, tuple(n for a in of_x for n in (a, 1)))
    right = reshape(y, tuple(n for a in of_y for n in (1, a)))
    return reshape(left * right, tuple(a * b for a, b in zip(of_x, of_y, strict=True)))


@with_aliases
def cross(x: Array, y: Array, axis: int = -1) -> Array:
    """Return the cross products of the vectors along an axis.

    Parameters
    ----------
    x, y : Tensor or ndarray
        Three long on the axis; the others broadcast.
    axis : int, default=-1

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the broadcast shape

    Raises
    ------
    ValueError
        If the axis is not three long.
    """
    x, y = as_arrays("cross", x, y)
    if length_along(axis, x, "cross") != 3 or length_along(axis, y, "cross") != 3:
        raise ValueError(
            f"cross: axis {axis} of shapes {x.shape} and {y.shape} must have the length 3"
        )
    x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    turns = [(1, 2), (2, 0), (0, 1)]
    parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turns]
    return stack(parts, axis=axis)


def multi_dot(arrays: Sequence[Array]) -> Array:
    """Return the product of several matrices, in the order that takes fewest multiplications.

    Parameters
    ----------
    arrays : sequence of Tensor or ndarray
        Matrices; the first may be a row, and the last a column, with one axis.

    Returns
    -------
    Tensor if an argument is one, else ndarray

    Raises
    ------
    ValueError
        If there are less than two, or the shapes do not fit.

    References
    ----------
    Cormen, Leiserson, Rivest and Stein, "Introduction to Algorithms", section 15.2.
    """
    n = len(arrays)
    if n < 2:
        raise ValueError(f"multi_dot: {n} matrices make no product; pass two or more")
    arrays = as_arrays("multi_dot", *arrays)
    first, last = arrays[0], arrays[-1]
    xs = [
        expand_dims(first, 0) if first.ndim == 1 else first,
        *arrays[1:-1],
        expand_dims(last, 1) if last.ndim == 1 else last,
    ]
    sizes = [xs[0].shape[0], *(x.shape[1] for x in xs)]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min(
                (
                    best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1],
                    k,
                )
                for k in range(i, j)
            )
    out = _multiplied(xs, {pair: k for pair, (_, k) in best.items()}, 0, n - 1)
    ends = zip(out.shape, (first, last), strict=True)
    return reshape(out, tuple(n for n, x in ends if x.ndim == 2))


def _multiplied(xs: list[Array], cuts: dict[tuple[int, int], int], i: int, j: int) -> Array:
    k = cuts[i, j]
    return xs[i] if i == j else _multiplied(xs, cuts, i, k) @ _multiplied(xs, cuts, k + 1, j)
