"""Fused ops opened: the graph as it would be if each had been computed by its reference.

The reference runs anew on the inputs that were recorded, in a scope named after the op, so that the
picture can close it again; all else is the same values under new tensors. Nothing of the user's is
changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from autograd import Scope, Tensor, enable_grad, toposort
from autograd.engine import Trace
from autograd.recording import current_scope, next_serial


def expanded(outputs: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """Return what takes the place of each tensor in a graph that has no fused op.

    Parameters
    ----------
    outputs : sequence of Tensor whose graph is whole: neither freed nor changed in place

    Returns
    -------
    dict from Tensor to Tensor
        Equal up to rounding; leaves stay themselves and are left out.
    """
    made: dict[Tensor, Tensor] = {}
    with enable_grad():
        for out in outputs:
            _again(out, (), made)
    return made


def _again(root: Tensor, leaves: Collection[Tensor], made: dict[Tensor, Tensor]) -> Tensor:
    """Make `root` and what it was computed from again, as far as `leaves`."""
    for t in reversed(toposort(root, leaves)):
        if t not in made:
            made[t] = _opened(t, [made.get(x, x) for x in t.inputs])
    return made.get(root, root)


def _opened(t: Any, inputs: Sequence[Tensor]) -> Tensor:
    if t.op.reference is None:
        return _copied(t, inputs)
    token = current_scope.set(Scope(t.op.name, t.scope))
    try:
        out: Tensor = t.op.reference(*inputs, **t.params)
    finally:
        current_scope.reset(token)
    if out.op is None or any(out is x for x in inputs):
        return _copied(t, inputs)
    out = _again(out, inputs, {})  # a reference may use fused ops in turn
    out.name = t.name
    return out


def _copied(t: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Return a tensor like `t` that was computed from `inputs`."""
    copy = t.wrap(t.data)
    for slot in ("requires_grad", "op", "params", "scope", "name"):
        setattr(copy, slot, getattr(t, slot))
    copy.saved = None if isinstance(t.saved, Trace) else t.saved
    copy.inputs, copy.serial = tuple(inputs), next_serial()
    return copy  # type: ignore[no-any-return]
