"""Forward mode: derivatives that run along with the computation and keep no graph.

A `Dual` is a tensor with a tangent: how much it moves when the inputs move along a direction.
Levels keep nested derivatives apart: an op on several duals differentiates at the highest level,
and to it a dual of a lower level is an ordinary value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np

from .engine import pushforward
from .op import Op, data_of, dispatch
from .ops import setitem
from .recording import level
from .tensor import Tensor, as_tensor, constant
from .tree import Tree, flatten, flatten_like, tree_map, unflatten

Out = TypeVar("Out")
Aux = TypeVar("Aux")


class Dual(Tensor):
    """A value and its tangent at one level of forward mode; both are tensors of the same shape."""

    __slots__ = ("is_view", "level", "primal", "tangent")

    priority = 1  # an op on a dual and a plain tensor gives a dual

    def __init__(self, primal: Tensor, tangent: Tensor, level: int) -> None:
        super().__init__(0.0)
        self.data = primal.data
        self.primal = primal
        self.tangent = tangent
        self.level = level
        self.is_view = False  # of what an op made it from: a view

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """Run `op` on the primals, and push the tangents forward."""
        top = max(x.level for x in inputs if isinstance(x, Dual))
        if op.kind == "other" and op.jvp is None and op.reference is not None:
            return self._made(op.reference(*inputs, **params), inputs)
        inputs = [x if isinstance(x, Tensor) else constant(op, x, inputs) for x in inputs]
        moving = [isinstance(x, Dual) and x.level == top for x in inputs]
        primals = tuple(x.primal if m else x for x, m in zip(inputs, moving, strict=True))
        out: Tensor = dispatch(op, primals, params)
        if not op.differentiable or out.dtype.kind != "f":
            return out
        tangents = tuple(x.tangent if m else None for x, m in zip(inputs, moving, strict=True))
        with np.errstate(all="ignore"):  # an infinite derivative is an answer, as in backward()
            tangent = pushforward(op, tangents, out, primals, params)
        return self._made(Dual(out, tangent, top), inputs)

    def _made(self, out: Tensor, inputs: Sequence[Any]) -> Tensor:
        """Note whether the result of an op is a view: no graph says later what it came from."""
        data = out.data
        if isinstance(out, Dual) and isinstance(data, np.ndarray) and data.base is not None:
            out.is_view = any(np.may_share_memory(data, data_of(x)) for x in inputs)
        return out

    def _is_view(self) -> bool:
        return self.is_view

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        raise TypeError(
            "copy: a tensor in forward mode has a tangent, which a copy or a pickle would lose; "
            "clone() passes it on, detach() leaves it behind"
        )

    def _seed(self, gradient: Any) -> Any:
        raise RuntimeError(
            "backward: forward mode does not follow a backward pass, since it adds up numbers in "
            "grad; take the gradient by autograd.grad(f)(x) inside of jvp, jacfwd, hvp or hessian"
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        """Assign to a part of the value, and of the tangent, as a recorded assignment does."""
        self._refuse_view()
        self._become(setitem(self, value, index), self)

    def _become(self, after: Tensor, before: Tensor) -> None:
        assert isinstance(after, Dual)
        self.data, self.level = after.data, after.level
        self.primal, self.tangent, self.is_view = after.primal, after.tangent, after.is_view


@overload
def jvp(
    f: Callable[..., Out],
    primals: Sequence[Tree],
    tangents: Sequence[Tree],
    *,
    has_aux: Literal[False] = False,
) -> tuple[Out, Out]: ...


@overload
def jvp(
    f: Callable[..., tuple[Out, Aux]],
    primals: Sequence[Tree],
    tangents: Sequence[Tree],
    *,
    has_aux: Literal[True],
) -> tuple[Out, Out, Aux]: ...


def jvp(
    f: Callable[..., Any],
    primals: Sequence[Tree],
    tangents: Sequence[Tree],
    *,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Return ``f(*primals)`` and its derivative along the tangents, in one forward pass.

    .. math:: y = f(x), \\quad \\dot y = J_f(x)\\, \\dot x

    Parameters
    ----------
    f : callable
        Gets trees of tensors and returns one: a tensor, or nested lists, tuples and dicts of them.
    primals : sequence of trees of Tensor, ndarray or number, floating
        The point: the arguments of `f`.
    tangents : sequence of trees
        The direction: for each leaf of the primals one of its shape.
    has_aux : bool, default=False
        Whether `f` returns (out, aux), where aux is passed on and not differentiated.

    Returns
    -------
    out : what `f` returns
    tangent : tree like `out`, of its shapes and dtypes
    aux : only with `has_aux`

    Raises
    ------
    ValueError
        If the tangents do not fit the primals in number, shape or the way they are nested.
    TypeError
        If a primal is not floating, or `f` returns what is no tensor.

    References
    ----------
    Wengert, "A simple automatic derivative evaluation program", CACM 7(8), 1964.

    Examples
    --------
    >>> out, tangent = jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    >>> out.item(), tangent.item()
    (6.0, 2.0)
    """
    check_pairs("jvp", primals, tangents)
    leaves, skeleton = flatten(tuple(primals))
    points = [floating(x, f"jvp: leaf {i} of the primals") for i, x in enumerate(leaves)]
    directions = directions_like("jvp", points, skeleton, tuple(tangents))
    here = level.get() + 1
    token = level.set(here)
    try:
        duals = [Dual(x, t, here) for x, t in zip(points, directions, strict=True)]
        out = f(*unflatten(skeleton, duals))
    finally:
        level.reset(token)
    out, *aux = with_aux("jvp", out) if has_aux else (out,)
    outs, built = flatten(out)
    pairs = [parts(tensor_only(y, "jvp"), here) for y in outs]
    primal = unflatten(built, (x for x, _ in pairs))
    tangent = unflatten(built, (t for _, t in pairs))
    return primal, tangent, *(tree_map(lambda y: parts(y, here)[0], a) for a in aux)


def parts(y: Any, here: int) -> tuple[Any, Any]:
    """Return the value and the tangent, at this level, of what a function returned."""
    if isinstance(y, Dual) and y.level == here:
        return y.primal, y.tangent
    return y, as_tensor(np.zeros_like(y.data)) if isinstance(y, Tensor) else None


# What the transforms, forward and reverse, ask of arguments and results.


def check_pairs(where: str, primals: Any, tangents: Any) -> None:
    """Raise unless both are sequences of arguments, and equally long."""
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(
                f"{where}: the {name} are a {type(given).__name__}; pass a tuple with an entry for "
                f"each argument of f, as in {where}(f, (x,), (direction,))"
            )
    if len(primals) != len(tangents):
        raise ValueError(
            f"{where}: {len(primals)} primals and {len(tangents)} tangents; each needs its own"
        )


def floating(x: Any, what: str) -> Tensor:
    """Return a leaf of an argument as a tensor, which must have a derivative."""
    made = as_tensor(x)
    if made.dtype.kind != "f":
        raise TypeError(
            f"{what} is {made.dtype}, and only floating numbers have a derivative; pass a float "
            "(3.0 for 3), or choose other arguments with argnums="
        )
    return made


def directions_like(
    where: str,
    points: Sequence[Tensor],
    skeleton: Tree,
    directions: Tree,
    names: tuple[str, str] = ("primal", "tangent"),
) -> list[Tensor]:
    """Return the leaves of a tree of directions, each of the shape and dtype of its point."""
    of, name = names
    found = flatten_like(skeleton, directions, f"{where}: the {name}s")
    fitted = [as_tensor(t, x.dtype) for x, t in zip(points, found, strict=True)]
    for i, (x, t) in enumerate(zip(points, fitted, strict=True)):
        if x.shape != t.shape:
            raise ValueError(f"{where}: {of} {i} has shape {x.shape}, its {name} {t.shape}")
    return fitted


_AUX = "hand it over with has_aux=True"
_INSTEAD = {
    "checkpoint": "return one tensor, such as stack() of several",
    **dict.fromkeys(("linearize", "hvp", "ggnvp"), "return floating tensors only"),
}
"""The cure where a transform does not take has_aux."""


def tensor_only(y: Any, where: str) -> Tensor:
    """Return `y`, a leaf of what a function returned, if it can have a derivative."""
    if not isinstance(y, Tensor):
        raise TypeError(
            f"{where}: f returned a {type(y).__name__} where a tensor is needed, so its derivative "
            f"is lost; leave out item(), numpy() and float(), or {_INSTEAD.get(where, _AUX)}"
        )
    return y


def floating_only(y: Any, where: str) -> Tensor:
    """Return `y`, a leaf of what a function returned, if it has a derivative."""
    t = tensor_only(y, where)
    if t.dtype.kind != "f":
        raise TypeError(
            f"{where}: f returned a tensor of dtype {t.dtype}, which has no derivative; "
            f"{_INSTEAD.get(where, _AUX)}"
        )
    return t


def with_aux(where: str, out: Any) -> tuple[Any, Any]:
    """Return what a function with has_aux returned, if it is a pair."""
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f"{where}: with has_aux=True f must return (out, aux), not {out!r:.60}")
    return out
