"""`strict_broadcast`: refuse the broadcasts that hide mistakes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .op import Op
from .recording import Observer

_PASSED_THROUGH = {
    __name__,
    *(f"autograd.{name}" for name in ("tensor", "methods", "op", "engine", "recording")),
}


class strict_broadcast(Observer):
    """Refuse, in a ``with`` block, to broadcast arrays that differ in their number of axes.

    Predictions of shape (N, 1) minus targets of shape (N,) are (N, N): the loss goes down, and
    nothing is learnt. Numbers and arrays without axes go with every shape; so do arrays of as many
    axes, such as (N, 1) and (1, M), which someone has meant to broadcast. What functions of this
    library do inside is not refused. It holds for the thread that enters it.

    Raises
    ------
    ValueError
        By an elementwise op, naming it, both shapes, and an index that makes them fit.

    Examples
    --------
    >>> from autograd import Tensor
    >>> with strict_broadcast():
    ...     Tensor([[1.0], [2.0]]) - Tensor([1.0, 2.0])
    Traceback (most recent call last):
        ...
    ValueError: sub: strict_broadcast() refuses shapes (2, 1) and (2,), which would make (2, 2);
    give both 2 axes: try y[:, None]
    """

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Check the shapes, then run."""
        if op.kind == "elementwise" and len(inputs) > 1 and _asked_from_outside():
            _check(op, [x.data.shape for x in inputs])
        return super().run(op, inputs, params)


def _asked_from_outside() -> bool:
    """Whether the op was not called by another function of the library, or by a vjp rule."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("autograd."):
            return True
        if module not in _PASSED_THROUGH or frame.f_code.co_name in ("backprop", "_pull"):
            return False
        frame = frame.f_back
    return True


def _check(op: Op, shapes: Sequence[tuple[int, ...]]) -> None:
    names = op.input_names
    with_axes = [(name, shape) for name, shape in zip(names, shapes, strict=True) if shape]
    lengths = {len(shape) for _, shape in with_axes}
    if len(lengths) < 2:
        return
    try:
        result = np.broadcast_shapes(*shapes)
    except ValueError:  # the op itself says so
        return
    most = max(lengths)
    longest = next(shape for _, shape in with_axes if len(shape) == most)
    name, short = next((n, s) for n, s in with_axes if len(s) < most)
    raise ValueError(
        f"{op.name}: strict_broadcast() refuses shapes {' and '.join(map(str, shapes))}, which "
        f"would make {result}; give both {most} axes: try {name}{_index(short, longest)}"
    )


def _index(short: tuple[int, ...], longest: tuple[int, ...]) -> str:
    """The index that gives a shape the missing axes: behind, if the front fits, else in front."""
    missing = len(longest) - len(short)
    if all(a == b for a, b in zip(short, longest, strict=False)):
        return f"[{', '.join([':'] * len(short) + ['None'] * missing)}]"
    return f"[{', '.join(['None'] * missing + [':'] * len(short))}]"
