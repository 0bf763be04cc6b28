"""What a computation costs: `cost` counts operations and bytes, `profile` takes the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from .changes import owner
from .engine import backprop, toposort
from .forward import jvp
from .op import Op, data_of
from .recording import Observer, enable_grad
from .tensor import Tensor, as_tensor


@dataclass
class Ledger:
    """Floating-point operations, bytes written and calls, by op."""

    flops: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, flops: int, size: int) -> None:
        """Enter one call."""
        for column, amount in ((self.flops, flops), (self.bytes, size), (self.calls, 1)):
            column[name] = column.get(name, 0) + amount

    @property
    def total(self) -> int:
        """All floating-point operations."""
        return sum(self.flops.values())


class count(Observer):
    """Count the floating-point operations of what runs in a ``with`` block, by op.

    A vjp rule is counted by the ops it is made of. Where those of a fused op are written for arrays
    only, they count together as twice its forward: a product of two factors has two to go back.

    Examples
    --------
    >>> import numpy as np
    >>> with count() as counted:
    ...     y = as_tensor(np.ones((2, 3))) @ np.ones((3, 4))
    >>> counted.ledger.flops
    {'matmul': 40}
    """

    def __init__(self) -> None:
        self.ledger = Ledger()

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Enter the forward of an op."""
        result = super().run(op, inputs, params)
        out = np.asarray(result[0] if op.shared is not None else result)
        self.ledger.add(
            op.name, op.count_flops(out, *[x.data for x in inputs], **params), out.nbytes
        )
        return result

    def share(self, node: Any, arguments: tuple[Any, ...]) -> Any:
        """Enter the rules of a fused op; what a checkpoint runs again enters itself."""
        _, out, _, *inputs = arguments
        arrays = [np.asarray(data_of(v)) for v in (out, *inputs)]
        flops = 2 * node.op.count_flops(*arrays, **node.params)
        self.ledger.add(f"{node.op.name} (vjp)", flops, 0)
        return super().share(node, arguments)

    def pull(self, node: Any, i: int, arguments: tuple[Any, ...]) -> Any:
        """Enter a rule, op by op: run it on tensors."""
        if node.op.shared is not None:
            gx = super().pull(node, i, arguments)
            self.ledger.bytes[f"{node.op.name} (vjp)"] += np.asarray(gx).nbytes
            return gx
        if isinstance(arguments[0], Tensor):
            return super().pull(node, i, arguments)
        gx = super().pull(node, i, tuple(as_tensor(a) for a in arguments))
        gx, x = data_of(gx), node.inputs[i]
        if gx.size > x.size:  # the engine sums over what broadcasting stretched
            self.ledger.add("sum", gx.size, x.data.nbytes)
        return gx


@dataclass(frozen=True)
class Cost:
    """What `cost` found.

    Attributes
    ----------
    forward, reverse, jvp : Ledger
        Of the forward pass; of one backward pass after it; of one pass of forward mode, which gives
        the value and its tangent.
    saved_bytes : int
        What the backward pass needs kept: the values its rules read, each array once.
    inputs, outputs : int
        The numbers of elements.
    """

    forward: Ledger
    reverse: Ledger
    jvp: Ledger
    saved_bytes: int
    inputs: int
    outputs: int

    @property
    def jacobian(self) -> dict[str, int]:
        """Floating-point operations for the whole Jacobian, by mode.

        Reverse mode runs f once, and walks back once for each output; forward mode makes a pass for
        each input.
        """
        return {
            "reverse": self.forward.total + self.outputs * self.reverse.total,
            "forward": self.inputs * self.jvp.total,
        }

    @property
    def mode(self) -> str:
        """The cheaper mode for the whole Jacobian: 'reverse' or 'forward'."""
        by_mode = self.jacobian
        return min(by_mode, key=by_mode.__getitem__)

    def __str__(self) -> str:
        names = sorted({*self.forward.flops, *self.reverse.flops, *self.jvp.flops})
        ledgers = (self.forward, self.reverse, self.jvp)
        rows: list[tuple[str, ...]] = [("op", "forward", "reverse", "jvp")]
        rows += [(n, *(f"{x.flops.get(n, 0):,}" for x in ledgers)) for n in names]
        rows.append(("FLOPs", *(f"{x.total:,}" for x in ledgers)))
        rows.append(("bytes", *(f"{sum(x.bytes.values()):,}" for x in ledgers)))
        notes = (
            f"saved for the backward pass: {self.saved_bytes:,} bytes",
            f"Jacobian {self.outputs:,} x {self.inputs:,}: {self.mode} mode is cheaper, "
            + ", ".join(f"{mode} {flops:,}" for mode, flops in self.jacobian.items())
            + " FLOPs",
        )
        return "\n".join((table(rows), *notes))

    __repr__ = __str__  # at a prompt, as the tables of nn are


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of text in columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def cost(f: Callable[..., Tensor], *inputs: Any) -> Cost:
    """Count the operations and bytes of f, of its gradient and of its forward mode.

    Parameters
    ----------
    f : callable of tensors that returns one
    inputs : array_like or Tensor
        Where it is evaluated; counts depend on shapes only, unless f branches on values.
        Derivatives are taken by all that are floating, as class indices are not.

    Returns
    -------
    Cost
        Shows as a table by op.

    Raises
    ------
    TypeError
        If `f` is no function, such as its result.

    Examples
    --------
    >>> import numpy as np
    >>> W = np.ones((4, 3))
    >>> c = cost(lambda x: (as_tensor(W) @ x).sum(), np.ones(3))
    >>> c.forward.flops, c.mode
    ({'matmul': 20, 'sum': 4}, 'reverse')
    """
    if not callable(f):
        raise TypeError(
            f"cost: got a {type(f).__name__} in the place of a function; pass it and its inputs, "
            "as in cost(f, x)"
        )
    points = [Tensor(x) for x in inputs]
    moving = [i for i, x in enumerate(points) if x.dtype.kind == "f"]
    leaves = [x.detach().requires_grad_(i in moving) for i, x in enumerate(points)]
    with count() as forward, enable_grad():
        out = f(*leaves)
    with count() as reverse:
        for _ in backprop(out, np.ones_like(out.data)):
            pass

    def along(*xs: Tensor) -> Tensor:
        given = dict(zip(moving, xs, strict=True))
        return f(*[given.get(i, x) for i, x in enumerate(points)])

    with count() as both:
        jvp(along, [points[i] for i in moving], [np.ones_like(points[i].data) for i in moving])
    return Cost(
        forward.ledger,
        reverse.ledger,
        both.ledger,
        saved_bytes(out),
        sum(points[i].size for i in moving),
        out.size,
    )


def saved_bytes(root: Tensor) -> int:
    """Return the bytes of the values that the backward pass of `root` reads.

    A value read twice counts once; so does memory that several views share.

    Parameters
    ----------
    root : Tensor

    Returns
    -------
    int
    """
    return bytes_of(v for node in toposort(root) for v in saved_values(node))


def bytes_of(values: Iterable[Any]) -> int:
    """Return the bytes of arrays, each counted once; so is memory that several views share."""
    kept = {id(v): v for v in values}
    by_memory: dict[int, int] = {}
    for value in kept.values():
        whole = owner(value) if isinstance(value, np.ndarray) else value
        size, limit = np.asarray(value).nbytes, np.asarray(whole).nbytes
        by_memory[id(whole)] = min(by_memory.get(id(whole), 0) + size, limit)
    return sum(by_memory.values())


def saved_values(node: Any) -> list[Any]:
    """Return the arrays that the rules of one recorded op read: of its inputs, result and more."""
    if not node.inputs:  # freed
        return []
    needed = [x.requires_grad for x in node.inputs]
    values = [x.data for i, x in enumerate(node.inputs) if node.op.reads(i, needed)]
    if node.op.reads("out", needed):
        values.append(node.data)
    if node.op.shared is not None and node.saved is not None:
        values += node.saved if isinstance(node.saved, tuple) else (node.saved,)
    return values


class profile(Observer):
    """Take the time of each op in a ``with`` block, forward and backward; it shows as a table.

    Attributes
    ----------
    seconds, calls, bytes : dict
        By (op, 'forward' or 'backward').

    Examples
    --------
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> with profile() as p:
    ...     x.exp().sum().backward()
    >>> p.calls["exp", "forward"], p.calls["sum", "backward"]
    (1, 1)
    """

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self.calls: dict[tuple[str, str], int] = {}
        self.bytes: dict[tuple[str, str], int] = {}
        self._inside = [0.0]  # the time of what ran inside the op that is running

    def _timed(self, key: tuple[str, str], work: Callable[..., Any], *args: Any) -> Any:
        """Run `work` and enter its own time, without that of the ops it ran in turn."""
        outside, self._inside[0] = self._inside[0], 0.0
        start = perf_counter()
        try:
            return work(*args)
        finally:
            seconds = perf_counter() - start
            self.seconds[key] = self.seconds.get(key, 0.0) + seconds - self._inside[0]
            self._inside[0] = outside + seconds

    def _enter(self, key: tuple[str, str], array: Any) -> None:
        self.calls[key] = self.calls.get(key, 0) + 1
        self.bytes[key] = self.bytes.get(key, 0) + math.prod(array.shape) * array.dtype.itemsize

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Time the forward of an op."""
        result = self._timed((op.name, "forward"), super().run, op, inputs, params)
        self._enter((op.name, "forward"), result[0] if op.shared is not None else result)
        return result

    def share(self, node: Any, arguments: tuple[Any, ...]) -> Any:
        """Time what the rules of a fused op have in common."""
        return self._timed((node.op.name, "backward"), super().share, node, arguments)

    def pull(self, node: Any, i: int, arguments: tuple[Any, ...]) -> Any:
        """Time a rule."""
        key = node.op.name, "backward"
        gx = self._timed(key, super().pull, node, i, arguments)
        self._enter(key, gx)
        return gx

    def __str__(self) -> str:
        rows = [("op", "pass", "calls", "ms", "kB")]
        for key in sorted(self.seconds, key=lambda k: -self.seconds[k]):
            rows.append((*key, *self._row([key])))
        rows.append(("all", "", *self._row(self.seconds)))
        return table(rows)

    __repr__ = __str__

    def _row(self, keys: Collection[tuple[str, str]]) -> tuple[str, str, str]:
        calls, seconds, size = (
            sum(column.get(key, 0) for key in keys)
            for column in (self.calls, self.seconds, self.bytes)
        )
        return f"{calls:,}", f"{seconds * 1e3:,.3f}", f"{size / 1e3:,.1f}"
