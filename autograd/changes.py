"""Changes in place: when memory was written, what a tensor was before, what must not have changed.

A tensor, its views and whatever else shares its memory change together: the record is by memory.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

from .recording import Observer, next_serial, recording


class Changes:
    """When data were changed in place, in any thread, as creation numbers."""

    __slots__ = ("_by_memory", "last", "rebound")

    def __init__(self) -> None:
        self.last = 0
        self.rebound = 0  # when a tensor last became another node, see `settle`
        # By the id of what `memory` returns. The id of one that is gone may become another's, who
        # is younger than the note, as all are that were computed from him: it says nothing of them.
        self._by_memory: dict[int, int] = {}

    def note(self, x: Any, serial: int = 0) -> None:
        """Note that the data of a tensor were changed: now, or at another time."""
        self._by_memory[id(memory(x))] = serial = serial or next_serial()
        if serial > self.last:
            self.last = serial

    def note_rebound(self, serial: int) -> None:
        """Note when a tensor became another node; another thread may have noted a later one."""
        if serial > self.rebound:
            self.rebound = serial

    def of(self, x: Any) -> int:
        """Return when the data of a tensor were changed, through whichever tensor; else 0."""
        return self._by_memory.get(id(memory(x)), 0)


changes = Changes()
"""What was changed in this process: an instance, since setting attributes of classes is slow."""


def memory(x: Any) -> Any:
    """Return what owns the data of a tensor: an array, or, without axes, the tensor itself."""
    array = x.data
    return owner(array) if isinstance(array, np.ndarray) else x


def owner(array: Any) -> Any:
    """Return the array that owns the memory of an array, which may be a view of it."""
    base = array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            array = base
        base = getattr(base, "base", None)  # NumPy puts an object in between for windows
    return array


def settle(node: Any, lines: dict[Any, list[Any]]) -> None:
    """Let the inputs of a node be the nodes that they were when it was made.

    ``x[i] = v`` makes x another node, of which the old one is the first input; what was computed
    from x before still names x. But no input is younger than what was computed from it. `lines`
    keeps for each such x the nodes that it was, newest first, as far as they were asked for.

    Raises
    ------
    RuntimeError
        If the graph behind an input was freed since ``x[i] = v``, and so the way back is lost.
    """
    inputs = node.inputs
    for i, x in enumerate(inputs):
        if x.serial > node.serial:
            line = lines.setdefault(x, [x])
            while line[-1].serial > node.serial:
                if not line[-1].inputs:
                    raise freed(line[-1])
                line.append(line[-1].inputs[0])
            then = line[bisect_left(line, -node.serial, key=lambda x: -x.serial)]
            node.inputs = (*node.inputs[:i], then, *inputs[i + 1 :])


class Refusal(str):
    """What a copy of a node keeps in `saved` that cannot be differentiated: what it says then."""

    __slots__ = ()


def freed(node: Any) -> RuntimeError:
    if isinstance(node.saved, Refusal):
        return RuntimeError(node.saved)
    return RuntimeError(
        f"backward: the graph behind {describe(node)} was freed by an earlier "
        "backward(retain_graph=False); run the forward pass again, or leave retain_graph True. If "
        "it was computed before a loop, move it inside; if it is a state that one step hands to "
        "the next, detach() it; detect_anomaly() names the line"
    )


def check_unchanged(node: Any) -> None:
    """Raise if a value that the rules of `node` need is not what it was when it was recorded."""
    op, made = node.op, node.serial
    needed = [x.requires_grad for x in node.inputs]
    for i, x in enumerate(node.inputs):
        if changes.of(x) > made and op.reads(i, needed):
            cure = "change a copy (x = x.clone()), or make the change after backward()"
            if x.op is None and x.requires_grad:
                cure += (
                    ". If an optimiser's step changed it, this graph reaches back before that "
                    "step: compute the loss anew, and detach() what is carried over from there"
                )
            raise RuntimeError(
                f"backward: {describe(x)} was changed in place, itself or through a view, after "
                f"{op.name} had used it, and the gradient needs the old value; {cure}"
            )
    if changes.of(node) > made and op.reads("out", needed):
        raise RuntimeError(
            f"backward: {describe(node)} was changed in place through a view, and its gradient is "
            "computed from its old value; change a copy (x = x.clone())"
        )


def describe(node: Any) -> str:
    mode = recording.get()
    line = mode.line(node) if isinstance(mode, Observer) else ""
    facts = (
        repr(node.name) if node.name else "",
        f"made by {node.op.name}" if node.op is not None else "",
        f"shape {node.data.shape}",
        f"in {node.scope.path}" if node.scope is not None else "",
        f"at {line}" if line else "",
    )
    return f"a tensor ({', '.join(filter(None, facts))})"
