"""`explode`: a small tensor program as the scalar program that it stands for.

NumPy runs on arrays of objects too, and here the objects are tensors without axes. So what moves
elements or adds and multiplies them is run as it is, on such an array, an elementwise op once for
each element, and a fused op through its reference. What is left are a few reductions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from .changes import check_unchanged
from .engine import toposort
from .op import Op
from .ops import add, exp, log, maximum, minimum, mul, sqrt, square
from .ops.linalg import expand_ellipsis
from .ops.reduction import Axis, gather_axes, reduced
from .recording import current_scope, enable_grad
from .tensor import Tensor

Scalars: TypeAlias = Any
"""An array of objects that are tensors without axes; for a tensor without axes, just one."""

Row: TypeAlias = list[Tensor]


def explode(t: Tensor, *, limit: int = 100_000) -> tuple[Scalars, dict[Tensor, Scalars]]:
    """Return a tensor as scalars, computed one by one from scalars, and those of the leaves.

    The result is a graph like any other, in which every tensor is a number: it can be drawn, walked
    and read. Reshaping and indexing leave nothing behind in it, a product of matrices
    (m, k) and (k, n) becomes m n k products and m n (k - 1) sums. Gradients are those of the tensor
    program, element by element.

    Parameters
    ----------
    t : Tensor
        Mostly a loss. It keeps its graph.
    limit : int, default=100000
        How many scalar operations there may be, about.

    Returns
    -------
    out : Tensor of shape (), or ndarray of them of the shape of `t`
    leaves : dict of Tensor to the same
        The scalars of each leaf that requires grad. They are called after it: ``w[0, 1]``.

    Raises
    ------
    TypeError
        If an op of the program has no scalar form here, such as a decomposition of a matrix.
    ValueError
        If the program is larger than `limit`.
    RuntimeError
        If the graph was freed, or a value in it was changed in place.

    Examples
    --------
    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="w")
    >>> loss = (w @ [5.0, 6.0]).sum()
    >>> out, leaves = explode(loss)
    >>> [node.op.name for node in toposort(out)]
    ['add', 'add', 'mul', 'mul', 'add', 'mul', 'mul']
    >>> out.backward()
    >>> leaves[w][0, 1].name, leaves[w][0, 1].grad
    ('w[0, 1]', Tensor(6.0))
    """
    graph = toposort(t)[::-1]
    for node in graph:
        if not node.inputs:
            raise RuntimeError(
                f"explode: the graph behind a tensor made by {node.op.name} was freed by "
                "backward(retain_graph=False); explode it before"
            )
    size = sum(max(x.size, x.op.count_flops(x.data, *_arrays(x), **x.params)) for x in graph)
    if size > limit:
        raise ValueError(
            f"explode: about {size:,} scalar operations, more than limit={limit:,}; take a smaller "
            "batch or model, or pass a higher limit"
        )
    made: dict[Tensor, Scalars] = {}
    with enable_grad():
        for node in graph:
            _explode(node, made)
        out = _scalars(t, made)
    leaves = {x: s[()] for x, s in made.items() if x.op is None and x.requires_grad}
    return out[()], leaves


def _arrays(node: Tensor) -> list[Any]:
    return [x.data for x in node.inputs]


def _explode(node: Any, made: dict[Tensor, Scalars]) -> None:
    """Enter the scalars of a recorded tensor, given those of its inputs."""
    check_unchanged(node)
    op, params = node.op, node.params
    inputs = [_scalars(x, made) for x in node.inputs]
    token = current_scope.set(node.scope)
    try:
        if op.name in _COMPOSED and not all(x.size for x in inputs):
            out = _scalars(node.detach(), made)  # of nothing: a constant
        elif op.name in _COMPOSED:
            out = _COMPOSED[op.name](*inputs, **params)
        elif op.reference is not None:
            out = _through(lambda *xs: op.reference(*xs, **params), node.inputs, made)
        elif op.kind == "elementwise" or op.name in ("astype", "straight_through"):
            rows = zip(*[x.ravel() for x in np.broadcast_arrays(*inputs)], strict=True)
            try:
                out = _array([op(*row, **params) for row in rows], node.shape)
            except ValueError as error:  # it needs axes
                raise _formless(node) from error
        elif op.kind in ("linear", "multilinear"):
            out = op.forward(*inputs, **params)
        else:
            raise _formless(node)
    finally:
        current_scope.reset(token)
    made[node] = _checked(node, out)


def _formless(node: Any) -> TypeError:
    return TypeError(
        f"explode: {node.op.name} has no scalar form; leave it out of the program, or take its "
        "result as a constant by detach()"
    )


def _checked(node: Any, out: Any) -> Scalars:
    """Return what came out as scalars, if it is what the tensor program computed."""
    flat = [out] if isinstance(out, Tensor) else np.asarray(out, dtype=object).ravel()
    # assigned to one element, an array without axes stays one
    flat = [s.item() if isinstance(s, np.ndarray) else s for s in flat]
    # what a forward fills up with is an int; other numbers are tensors that lost their history
    fits = len(flat) == node.size and all(isinstance(s, Tensor | int) for s in flat)
    if not fits:
        raise _formless(node)
    one = node.dtype.type
    scalars = _array([s if isinstance(s, Tensor) else node.wrap(one(s)) for s in flat], node.shape)
    found = np.array([s.data for s in scalars.ravel()], node.dtype).reshape(node.shape)
    close = np.finfo(node.dtype).eps ** 0.5
    if not np.allclose(found, node.data, close, close, equal_nan=True):
        raise TypeError(
            f"explode: {node.op.name}, taken element by element, gives other values; its kind is "
            f"{node.op.kind!r}, but it needs a reference"
        )
    if node.name:
        _call(node, scalars)
    return scalars


def _through(reference: Callable[..., Any], inputs: Any, made: dict[Tensor, Scalars]) -> Scalars:
    """Return the scalars of a fused op: those of its reference, recorded anew."""
    again = [x.detach().requires_grad_() if x.requires_grad else x for x in inputs]
    for x, fresh in zip(inputs, again, strict=True):
        made[fresh] = _scalars(x, made)
    out = reference(*again)
    for node in toposort(out)[::-1]:
        _explode(node, made)
    found = _scalars(out, made)
    for x, fresh in zip(inputs, again, strict=True):
        if fresh is not x:
            del made[fresh]  # no leaf of the program
    return found


def _scalars(x: Tensor, made: dict[Tensor, Scalars]) -> Scalars:
    """Return the scalars of a tensor; new ones if it is a leaf or a constant met first here."""
    if x not in made:
        array = np.asarray(x.data)
        leaves = [x.wrap(value) for value in array.ravel()]
        for leaf in leaves:
            leaf.requires_grad = x.op is None and x.requires_grad
        made[x] = _array(leaves, x.shape)
        if x.name:
            _call(x, made[x])
    return made[x]


def _call(x: Tensor, scalars: Scalars) -> None:
    """Call scalars after their tensor and their place in it."""
    for index in np.ndindex(scalars.shape):
        if not scalars[index].name:
            scalars[index].name = f"{x.name}{list(index)}" if index else x.name


def _array(scalars: list[Any], shape: Sequence[int]) -> Scalars:
    out = np.empty(len(scalars), dtype=object)
    for i, scalar in enumerate(scalars):
        out[i] = scalar  # one by one: NumPy would look for numbers in a list of tensors
    return out.reshape(shape)


# What is not one op for each element, nor the op itself on an array of objects.


def _rows(reduced_to: Callable[..., Any]) -> Callable[..., Scalars]:
    """Make a reduction over axes of what it makes of one row of scalars."""

    def reduction(x: Scalars, *, axis: Axis, keepdims: bool, **params: Any) -> Scalars:
        rows = gather_axes(x, axis)
        flat = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
        out = [reduced_to(list(row), **params) for row in flat]
        return _array(out, reduced(x.shape, axis, keepdims))

    return reduction


def _sum(row: Row) -> Any:
    return reduce(add, row)


def _mean(row: Row) -> Any:
    return _sum(row) / len(row)


def _var(row: Row, ddof: int) -> Any:
    mean = _mean(row)
    return _sum([square(x - mean) for x in row]) / (len(row) - ddof)


def _norm(row: Row, ord: float = 2) -> Any:
    if ord == 2:
        return _root(_sum([square(x) for x in row]))
    sizes = [abs(x) for x in row]
    if math.isinf(ord):
        return _extreme(maximum if ord > 0 else minimum)(sizes)
    return _root(_sum([x**ord for x in sizes]), 1 / ord)


def _root(x: Tensor, power: float = 0.5) -> Any:
    # a norm has the derivative 0 at the origin, where a root has none
    return x * 0 if x.data == 0 else sqrt(x) if power == 0.5 else x**power


def _extreme(op: Op) -> Callable[..., Any]:
    def extreme(row: Row) -> Any:
        best = reduce(op.forward, [x.data for x in row])
        ties = [x for x in row if x.data == best]
        if len(ties) > 2:  # each gets its share; a chain would give a half, a quarter, a quarter
            row = [*(x for x in row if x.data != best), _mean(ties)]
        return reduce(op, row)

    return extreme


def _logsumexp(row: Row) -> Any:
    top = max(x.data for x in row)  # a constant: it changes rounding, and no derivative
    if top == -np.inf:  # of nothing: its derivative is 0, where a logarithm has none
        return row[0].wrap(top)
    top = top if np.isfinite(top) else top.dtype.type(0)
    return log(_sum([exp(x - top) for x in row])) + top


def _sort(x: Scalars, *, axis: int, descending: bool) -> Scalars:
    rows = np.moveaxis(x, axis, -1)
    out = []
    for row in rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1]):
        groups: dict[Any, Row] = {}
        for scalar in sorted(row, key=lambda t: t.data, reverse=descending):
            groups.setdefault(scalar.data, []).append(scalar)
        for ties in groups.values():
            out += [ties[0] if len(ties) == 1 else _mean(ties)] * len(ties)
    return np.moveaxis(_array(out, rows.shape), -1, axis)


def _einsum(*xs: Scalars, subscripts: str) -> Scalars:
    terms, output = expand_ellipsis(subscripts, [x.ndim for x in xs])
    lengths: dict[str, int] = {}
    for x, term in zip(xs, terms, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            lengths[letter] = max(n, lengths.get(letter, 1))
    summed = [letter for letter in lengths if letter not in output]
    out = []
    for place in np.ndindex(*[lengths[letter] for letter in output]):
        products = []
        for inner in np.ndindex(*[lengths[letter] for letter in summed]):
            at = dict(zip([*output, *summed], place + inner, strict=True))
            factors = [
                x[tuple(at[c] if n > 1 else 0 for c, n in zip(term, x.shape, strict=True))]
                for x, term in zip(xs, terms, strict=True)
            ]
            products.append(reduce(mul, factors))
        out.append(reduce(add, products) if products else 0)
    return _array(out, tuple(lengths[letter] for letter in output))


_COMPOSED: dict[str, Callable[..., Scalars]] = {
    "einsum": _einsum,
    "logsumexp": _rows(_logsumexp),
    "max": _rows(_extreme(maximum)),
    "mean": _rows(_mean),
    "min": _rows(_extreme(minimum)),
    "sort": _sort,
    "prod": _rows(lambda row: reduce(mul, row)),
    "std": _rows(lambda row, ddof: _root(_var(row, ddof))),
    "var": _rows(_var),
    "vector_norm": _rows(_norm),
}
