"""Products: matmul for every rank that NumPy allows, and einsum. Both are multilinear."""

from __future__ import annotations

import math
from string import ascii_letters

import numpy as np

from ..op import Array, EachInput, Op, op

__all__ = [
    "einsum",
    "matmul",
]


def rows(x: Array) -> Array:
    """Flatten the batch: (..., n) -> (batch, n)."""
    # not -1 for the batch: it does not follow from the size where n is 0
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _matmul_dx(g: Array, out: Array, x: Array, y: Array) -> Array:
    if y.ndim == 1:  # (..., n, k) @ (k,): an outer product
        return g * y if x.ndim == 1 else g[..., None] * y
    if x.ndim == 1:  # (k,) @ (..., k, m) -> (..., m)
        return (y @ g[..., None])[..., 0]
    return g @ y.swapaxes(-1, -2)


def _matmul_dy(g: Array, out: Array, x: Array, y: Array) -> Array:
    if x.ndim == 1:
        return g * x if y.ndim == 1 else x[:, None] * g[..., None, :]
    if y.ndim == 1:  # (..., n, k) @ (k,) -> (..., n)
        return (x.swapaxes(-1, -2) @ g[..., None])[..., 0]
    if y.ndim == 2 and x.ndim > 2:  # one product over the flattened batch instead of one each
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


def _expand_ellipsis(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
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
        once = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in batch)
        output = batch + "".join(once)
    return terms, output.replace("...", batch)


def _einsum_rule(i: int, g: Array, out: Array, *xs: Array, subscripts: str) -> Array:
    """Contract g with the other operands; what they lack is made of ones, repeats of diagonals."""
    terms, output = _expand_ellipsis(subscripts, [x.ndim for x in xs])
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
        elif not _spans(letter, length, operands, names):
            operands.append(np.ones(length, dtype=g.dtype))
            names.append(letter)
        target += letter
    return np.einsum(f"{','.join(names)}->{target}", *operands, optimize=len(operands) > 2)


def _spans(letter: str, length: int, operands: list[Array], names: list[str]) -> bool:
    """Whether some operand has the axis `letter`, at its full length."""
    return any(
        x.shape[name.index(letter)] == length or length == 1
        for x, name in zip(operands, names, strict=True)
        if letter in name
    )


def _einsum_flops(out: Array, *xs: Array, subscripts: str) -> int:
    """One multiplication per further operand and one addition, for each combination of letters."""
    terms, _ = _expand_ellipsis(subscripts, [x.ndim for x in xs])
    sizes: dict[str, int] = {}
    for x, term in zip(xs, terms, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            sizes[letter] = max(n, sizes.get(letter, 1))
    return len(xs) * math.prod(sizes.values())


_einsum = Op(
    "einsum",
    lambda *xs, subscripts: np.einsum(subscripts, *xs, optimize=len(xs) > 2),
    EachInput(_einsum_rule, reads=True),
    r"\operatorname{{einsum}}({0}, \dots)",
    "multilinear",
    flops=_einsum_flops,
)


def einsum(subscripts: str, *operands: Array) -> Array:
    """Return the Einstein summation of the operands, as numpy.einsum does.

    Parameters
    ----------
    subscripts : str
        Such as 'ij,jk->ik'; ellipses, implicit outputs and repeated letters are allowed.
    operands : Tensor or ndarray

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
    return _einsum(*operands, subscripts=subscripts)
