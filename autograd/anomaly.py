"""`detect_anomaly`: the first NaN or infinity, forward or backward, and what made it."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

from .op import Node, Op, data_of
from .recording import Observer

_INSIDE = (
    *(str(Path(__file__).parent.parent / name) + os.sep for name in ("autograd", "nn", "viz")),
    contextlib.__file__,  # of functions that no_grad() decorates
)

_CURES = {
    "log": "keep its argument above 0: log(x + eps), or log_softmax for probabilities",
    "sqrt": "keep its argument above 0: sqrt(x + eps)",
    "div": "keep the divisor away from 0: x / (y + eps)",
    "exp": "take the maximum out first: softmax, log_softmax and logsumexp do",
    "pow": "a negative base needs an integer exponent, and 0 one that is not negative",
}

_HARMLESS = {"arccosh": 2}  # in the domain, and no pole; for most functions 0.5 is


class AnomalyError(RuntimeError):
    """A NaN or an infinity appeared under `detect_anomaly`."""


class detect_anomaly(Observer):
    """Raise at the first op that makes a NaN or an infinity, forward or backward.

    A context manager and a decorator. It makes every op slower: use it to find a fault, not to
    train.

    Raises
    ------
    AnomalyError
        It names the op, the line of the caller's source that ran it, the ranges of its operands
        and the ops before it. Where a NaN comes from the branch that a `where` did not take, it
        says so.

    Examples
    --------
    >>> from autograd import Tensor, log
    >>> x = Tensor([1.0, 0.0], requires_grad=True)
    >>> with detect_anomaly():
    ...     log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd.anomaly.AnomalyError: log gave 1 infinite value of 2, in the forward pass...
    """

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}  # by creation number: where an op was called
        # by creation number: the op and the number of those that passed it a gradient
        self.consumers: dict[int, list[tuple[str, int]]] = {}
        self.incoming: Any = None  # the gradient that the last fused op got
        self.pulling: list[Any] = []  # whose rules run: on tensors, they run ops in turn

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the forward, and look at what came out of it."""
        with np.errstate(all="ignore"):  # what NumPy would warn of is what we raise
            result = super().run(op, inputs, params)
        out = result[0] if op.shared is not None else result
        if op.differentiable and not self.pulling and _is_news(out, [x.data for x in inputs]):
            names = list(op.input_names) or [f"input {i}" for i in range(len(inputs))]
            raise AnomalyError(
                f"{op.name} gave {_count(out)}, in the forward pass\n"
                + _report(op, source_line(), list(zip(names, inputs, strict=False)))
                + ("" if op.kind != "elementwise" or op.reference else _warning(op))
            )
        return result

    def made(self, out: Any) -> None:
        """Note the line that made a tensor."""
        self.lines[out.serial] = intern(source_line())
        super().made(out)

    def share(self, node: Any, arguments: tuple[Any, ...]) -> Any:
        """Run what rules have in common, which they get in the place of the gradient."""
        shared = super().share(node, arguments)
        self.incoming = arguments[0]
        return shared

    def pull(self, node: Any, i: int, arguments: tuple[Any, ...]) -> Any:
        """Run a rule, and look at what came out of it."""
        g, x = arguments[0] if node.op.shared is None else self.incoming, node.inputs[i]
        self.pulling.append(node)
        try:
            gx = super().pull(node, i, arguments)
        finally:
            self.pulling.pop()
        self.consumers.setdefault(x.serial, []).append((node.op.name, node.serial))
        if _is_news(data_of(gx), [data_of(g)]):
            op = node.op
            names = ["its gradient", *(op.input_names or map(str, range(len(node.inputs))))]
            operands = zip(names, [g, *node.inputs], strict=False)
            where = self._untaken_branch(node, data_of(g), data_of(gx))
            raise AnomalyError(
                f"the gradient of {op.name} with respect to its input {i} holds "
                f"{_count(data_of(gx))}, in the backward pass\n"
                + _report(op, self.lines.get(node.serial), operands, where)
            )
        return gx

    def _untaken_branch(self, node: Any, g: Any, gx: Any) -> str | None:
        """Say so if `node` lies behind a `where` that did not take it."""
        if np.shape(g) != np.shape(gx) or not np.all(np.asarray(g)[~np.isfinite(gx)] == 0):
            return None
        stack = [(node.op.name, node.serial)]
        seen = set(stack)
        while stack:
            name, serial = stack.pop()
            if name == "where":
                line = self.lines.get(serial)
                return (
                    "the NaN is 0 * inf in the branch that `where` did not take"
                    + (f" (at {line})" if line else "")
                    + f"; give that branch a harmless argument: {_rewrite(node.op)}"
                )
            fresh = set(self.consumers.get(serial, ())) - seen
            seen |= fresh
            stack.extend(fresh)
        return None

    def line(self, node: Any) -> str:
        """Return the line that made a tensor, if that was in this block."""
        return self.lines.get(node.serial) or super().line(node)


def _warning(op: Op) -> str:
    return f"\n  if a where() is to leave it out, the gradient is NaN all the same: {_rewrite(op)}"


def _rewrite(op: Op) -> str:
    """The call with a harmless argument where another branch is taken."""
    names = list(op.input_names)
    at = 1 if op.name == "div" else 0
    names[at] = f"where(c, {names[at]}, {_HARMLESS.get(op.name, 0.5)})"
    return f"try where(c, {op.name}({', '.join(names)}), other), or safe_where"


def _is_news(out: Any, operands: Sequence[Any]) -> bool:
    """Whether `out` has a NaN that no operand has, or an infinity while all of them are finite."""
    if np.isfinite(out).all():
        return False
    if np.isnan(out).any() and not any(np.isnan(x).any() for x in operands):
        return True
    return all(np.isfinite(x).all() for x in operands)


def _count(x: Any) -> str:
    array = np.asarray(x)
    nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    parts = [f"{nans} NaN"] if nans else []
    if infinities:
        parts.append(f"{infinities} infinite value{'s' if infinities > 1 else ''}")
    return f"{' and '.join(parts)} of {array.size}"


def source_line() -> str:
    """Return 'file:line, in function: `source`' of the innermost caller outside the packages.

    A notebook's cell is named as in IPython's tracebacks: 'In[5]:2, in <module>: ...'.
    """
    frame, _ = caller()
    code, number = frame.f_code, frame.f_lineno
    source = linecache.getline(code.co_filename, number).strip()  # a plain REPL keeps none
    place = f"{_file(code.co_filename)}:{number}, in {code.co_name}"
    return f"{place}: `{source}`" if source else place


def caller() -> tuple[Any, int]:
    """Return the innermost frame outside of the packages, and how many frames lie inside it."""
    frame: Any = sys._getframe(1)
    depth = 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, depth = frame.f_back, depth + 1
    return frame, depth


def _file(path: str) -> str:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cell = shell.compile.format_code_name(path) if shell else None
    return cell[1] if cell else Path(path).name


def _report(op: Op, line: str | None, operands: Any, cause: str | None = None) -> str:
    """Tell where, with which operands, after which ops, and what to do."""
    rows = [("at", line)] if line else []
    path, behind = [op.name], None
    for name, x in operands:
        array = np.asarray(data_of(x))
        if array.dtype.kind == "f":
            rows.append((name, _range(array)))
        if behind is None and isinstance(x, Node) and x.requires_grad:
            behind = x
    while behind is not None and len(path) < 8:
        path.append(behind.op.name if behind.op else f"leaf {behind.name or ''}".rstrip())
        behind = next((x for x in behind.inputs if x.requires_grad), None)
    rows.append(("after", " <- ".join(path)))
    if cause:
        rows.append(("cause", cause))
    elif op.name in _CURES:
        rows.append(("do", _CURES[op.name]))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def _range(array: Any) -> str:
    if array.size == 0:
        return f"shape {array.shape}, empty"
    finite = array[np.isfinite(array)] if array.ndim else array.reshape(1)
    ends = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "nothing finite"
    zeros = int((array == 0).sum())
    return f"shape {array.shape}, {ends}" + (f", {zeros} of them 0" if zeros else "")
