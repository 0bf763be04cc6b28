"""Forward mode: derivatives that run along with the computation and keep no graph.

A `Dual` is a tensor with a tangent: how much it moves when the inputs move along a direction.
Levels keep nested derivatives apart: an op on several duals differentiates at the highest level,
and to it a dual of a lower level is an ordinary value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .engine import level, pushforward
from .op import Op, dispatch
from .tensor import Tensor, as_tensor, constant


class Dual(Tensor):
    """A value and its tangent at one level of forward mode; both are tensors of the same shape."""

    __slots__ = ("level", "primal", "tangent")

    priority = 1  # an op on a dual and a plain tensor gives a dual

    def __init__(self, primal: Tensor, tangent: Tensor, level: int) -> None:
        super().__init__(0.0)
        self.data = primal.data
        self.primal = primal
        self.tangent = tangent
        self.level = level

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """Run `op` on the primals, and push the tangents forward."""
        top = max(x.level for x in inputs if isinstance(x, Dual))
        if op.kind == "other" and op.jvp is None and op.reference is not None:
            return op.reference(*inputs, **params)  # type: ignore[no-any-return]
        inputs = [x if isinstance(x, Tensor) else constant(x, inputs) for x in inputs]
        moving = [isinstance(x, Dual) and x.level == top for x in inputs]
        primals = tuple(x.primal if m else x for x, m in zip(inputs, moving, strict=True))
        out: Tensor = dispatch(op, primals, params)
        if not op.differentiable:
            return out
        tangents = tuple(x.tangent if m else None for x, m in zip(inputs, moving, strict=True))
        with np.errstate(all="ignore"):  # an infinite derivative is an answer, as in backward()
            tangent = pushforward(op, tangents, out, primals, params)
        return Dual(out, tangent, top)


def jvp(
    f: Callable[..., Tensor],
    primals: Sequence[ArrayLike | Tensor],
    tangents: Sequence[ArrayLike | Tensor],
) -> tuple[Tensor, Tensor]:
    """Return f(*primals) and its derivative along the tangents, in one forward pass.

    .. math:: y = f(x), \\quad \\dot y = J_f(x)\\, \\dot x

    Parameters
    ----------
    f : callable of tensors that returns one
    primals : sequence of array_like or Tensor
        The point.
    tangents : sequence of array_like or Tensor
        The direction: for each primal one of its shape.

    Returns
    -------
    out : Tensor
    tangent : Tensor of the shape and dtype of `out`

    Raises
    ------
    ValueError
        If the tangents do not fit the primals in number or shape.

    References
    ----------
    Wengert, "A simple automatic derivative evaluation program", CACM 7(8), 1964.

    Examples
    --------
    >>> out, tangent = jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    >>> out.item(), tangent.item()
    (6.0, 2.0)
    """
    if len(primals) != len(tangents):
        raise ValueError(
            f"jvp: {len(primals)} primals and {len(tangents)} tangents; each needs its own"
        )
    points = [as_tensor(x) for x in primals]
    directions = [as_tensor(t) for t in tangents]
    for i, (x, t) in enumerate(zip(points, directions, strict=True)):
        if x.shape != t.shape:
            raise ValueError(f"jvp: primal {i} has shape {x.shape}, its tangent {t.shape}")
    here = level.get() + 1
    token = level.set(here)
    try:
        pairs = zip(points, directions, strict=True)
        out = f(*(Dual(x, t.astype(x.dtype), here) for x, t in pairs))
    finally:
        level.reset(token)
    if isinstance(out, Dual) and out.level == here:
        return out.primal, out.tangent
    out = as_tensor(out)
    return out, as_tensor(np.zeros_like(out.data))
