"""What stands where in a picture: a `Graph` as boxes with lines of text, arrows and frames.

Layout engines and writers (DOT, SVG) read the `Figure` and add no text.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from .compare import distance
from .graph import SAMPLE, Graph, Node, Summary
from .labels import counted, number, plain, symbol
from .scale import PAPER, Color, fills, legend, widths
from .style import MEANINGS, Mark
from .verify import WRONG_FROM

Form: TypeAlias = Literal["auto", "bipartite", "compact"]
"""bipartite: a box for each value, an ellipse for each op; compact: one box for op and result."""

Role: TypeAlias = Literal["name", "op", "text", "grad", "state"]

BIPARTITE_UP_TO = 60  # boxes; above, 'auto' is compact
CAPTION_WIDTH = 72  # characters
PARAMS_WIDTH = 28
DEEPEST_FRAME = 12  # frames in frames; Graphviz recurses over them

_KINDS = {
    "elementwise": "each element by itself",
    "linear": "linear",
    "multilinear": "linear in each input",
    "reduction": "many elements to one",
}


class Line(NamedTuple):
    """A line of `plain` text, and what it tells."""

    text: str
    role: Role


class Box(NamedTuple):
    """A box or ellipse; `style` is a key of `style.BOXES`, `about` the text of its tooltip.

    `fill` is its colour, where that tells an amount; `mark` a key of `style.MARKS`, or empty;
    `cells` are rows of digits, as of `heat.cells`.
    """

    id: str
    style: str
    lines: tuple[Line, ...]
    about: str
    frame: str | None
    output: bool
    fill: str | None = None
    mark: Mark = ""
    cells: tuple[str, ...] = ()


class Arrow(NamedTuple):
    """An arrow; `label` says how many edges it stands for, if several; `width` is in points.

    It is `dashed` where a gradient could go back over it and none does.
    """

    id: str
    source: str
    target: str
    label: str
    about: str
    width: float = 1.0
    dashed: bool = False


class Frame(NamedTuple):
    """The frame around a call; `parent` is the id of the one around it."""

    id: str
    label: str
    parent: str | None


class Figure(NamedTuple):
    """A picture but for the positions.

    `title` and `notes` are the lines under it, `about` describes it to who cannot see it.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    frames: tuple[Frame, ...]
    direction: str
    title: str
    notes: tuple[str, ...]
    about: str


def boxes_per_op(graph: Graph, form: Form, max_nodes: int) -> int:
    """Return 2 where ops and results are drawn apart, else 1."""
    if form == "auto":
        boxes = sum(2 if node.kind == "op" else 1 for node in graph.nodes)
        return 2 if boxes <= min(BIPARTITE_UP_TO, max_nodes) else 1
    return 2 if form == "bipartite" else 1


def arrange(
    graph: Graph,
    *,
    apart: bool,
    show: Collection[str],
    direction: str = "LR",
    color: Color = "kind",
    title: str | None = None,
    cells: bool = True,
) -> Figure:
    """Return the figure of a graph that is small enough to draw.

    Parameters
    ----------
    graph : Graph
    apart : bool
        Whether an op is drawn apart from its result.
    show : collection of 'name', 'op', 'value', 'grad', 'shape'
    direction : {'LR', 'TB', 'RL', 'BT'}
    color : {'kind', 'grad', 'value', 'memory'}
    title : str, optional
    cells : bool, default=True
        Whether small pictures of arrays are drawn, where values are.

    Returns
    -------
    Figure
    """
    spoken = {node.id: _spoken(node) for node in graph.nodes}
    shades, wide = fills(graph, color), widths(graph, color)
    boxes: list[Box] = []
    into: dict[str, str] = {}  # node id -> the id of the box that its operands point to
    for node in graph.nodes:
        frame = None if node.call is None else _frame_of(graph, node.call)
        style: str = node.kind
        if node.kind == "op" and apart:
            style = "value"
            boxes.append(_op_box(node, show, frame)._replace(fill=PAPER if shades else None))
        elif node.kind == "op":
            style = f"result {node.op_kind}"
        into[node.id] = boxes[-1].id if style == "value" else node.id
        lines = tuple(_lines(node, show, with_op=not apart))
        fill = shades.get(node.id)
        mark = _mark(node) if "grad" in show else ""
        heat = node.cells if cells and "value" in show else ()
        boxes.append(Box(node.id, style, lines, _about(node), frame, node.output, fill, mark, heat))
    arrows = []
    for edge in graph.edges:
        label = f"{edge.copies:,}\u00d7" if edge.copies > 1 else ""
        about = f"{spoken[edge.source]} to {spoken[edge.target]}"
        width = wide.get((edge.source, edge.target, edge.slot), 1.0)
        dashed = edge.flow == 0 and "grad" in show
        arrows.append(
            (edge.source, into[edge.target], label, f"{about} {label}".rstrip(), width, dashed)
        )
    for node in graph.nodes:
        if into[node.id] != node.id:
            arrows.append(
                (into[node.id], node.id, "", f"result of {node.op}", wide.get(node.id, 1.0), False)
            )
    marks = {box.mark for box in boxes}
    meanings = [text for mark, text in MEANINGS.items() if mark in marks]
    if any(dashed for *_, dashed in arrows):
        meanings.append("dashed arrow: no gradient comes back over it")
    if any(box.cells for box in boxes):
        meanings.append("cells: means of blocks of an array, blue above 0, orange below")
    return Figure(
        tuple(boxes),
        tuple(Arrow(f"e{i}", *arrow) for i, arrow in enumerate(arrows)),
        _frames(graph),
        direction,
        plain(title or "", 120),
        tuple(
            line
            for note in (*graph.notes, *legend(graph, color), "; ".join(meanings))
            for line in textwrap.wrap(note, CAPTION_WIDTH)
        ),
        describe(graph),
    )


def describe(graph: Graph) -> str:
    """Return one paragraph that says what the picture shows, for alternative text."""
    outputs = [node for node in graph.nodes if node.output] or graph.ends
    ops = sum(node.ops for node in graph.nodes)
    leaves = sum(node.leaves for node in graph.nodes)
    names = ", ".join(_spoken(node) for node in outputs[:4])
    more = f" and {len(outputs) - 4} more" if len(outputs) > 4 else ""
    made = ", ".join(dict.fromkeys(node.op for node in graph.nodes if node.op))
    sentences = [
        f"Compute graph of {names}{more}: {counted(ops, 'op') or 'no ops'} on "
        + (counted(leaves, "leaf") or "no leaves")
        + (f" ({plain(made, 120)})" if made else ""),
        *(note[:1].upper() + note[1:] for note in graph.notes),
    ]
    return ". ".join(sentences) + "."


def value_text(summary: Summary, *, value: bool = True, shape: bool = True) -> list[str]:
    """Return the lines that tell a value: the number, or shape and moments."""
    if summary.item is not None:
        lines = [f"value {number(summary.item)}"] if value else []
        return [*lines, str(summary.shape)] if shape and summary.shape else lines
    lines = [str(summary.shape)] if shape else []
    if value and summary.nonfinite:
        lines.append(f"{summary.nonfinite:,} not finite")
    if value and summary.mean == summary.mean:
        if "float" in summary.dtype:
            of = "rest: " if summary.nonfinite else ""
            lines.append(f"{of}mean {number(summary.mean, 3)} std {number(summary.std, 3)}")
        else:
            lines.append(f"{summary.dtype} from {number(summary.low)} to {number(summary.high)}")
    return lines


def change_text(old: Summary, new: Summary, texts: Sequence[str]) -> list[str]:
    """Return the lines `texts` of a value, with what it was before."""
    moved = distance(old, new)
    if moved == 0:
        return list(texts)
    if old.item is not None and new.item is not None:
        was = f"value {number(old.item)} \u2192 "
        return [text.replace("value ", was, 1) for text in texts]
    about = "" if math.prod(new.shape) <= SAMPLE else "\u2248 "
    share = 100 * moved / old.norm if old.norm else 0.0
    of_norm = f" ({number(share, 2 if share < 99.5 else 4)}% of the norm)" if share else ""
    return [*texts, f"moved by {about}{number(moved)}{of_norm}"]


def grad_text(node: Node) -> str:
    """Return the line that tells a gradient; empty if there is nothing to tell."""
    if node.grad_state == "uncomputed":
        return "grad not computed"
    if node.grad_state == "zero":
        return "grad 0"
    if node.grad is None:
        return ""
    if node.grad.item is not None:
        return f"grad {number(node.grad.item)}"
    if node.grad.nonfinite:
        return f"grad: {node.grad.nonfinite:,} not finite"
    return f"|grad| {number(node.grad.norm)}"


def check_text(node: Node) -> list[str]:
    """Return the line that tells how the check of a rule came out, if it found no fault."""
    if node.rule_error is None or node.rule_error > WRONG_FROM:
        return []
    if math.isnan(node.rule_error):
        return ["rule not checked (a kink?)"]
    return [f"rule right to {max(node.rule_error, 1e-16):.0e}"]


def state_text(node: Node) -> list[str]:
    """Return the lines that tell what is wrong, or at least to be known, about a node."""
    lines = []
    if node.rule_error == math.inf:
        lines.append("rule wrong: it raises an exception")
    elif node.rule_error is not None and node.rule_error > WRONG_FROM:
        lines.append(f"rule wrong: off by {100 * node.rule_error:.2g}%")
    if node.fate in ("added", "removed"):
        lines.append("new" if node.fate == "added" else "gone")
    if node.first_nan:
        what = "first NaN" if node.first_nan == "value" else "first NaN of the gradient"
        lines.append(f"{what} {'inside' if node.kind in ('call', 'hidden') else 'here'}")
    if node.blocked == 1:
        lines.append("blocks the gradient")
    elif node.blocked:
        share = min(max(node.blocked, 0.001), 0.999)  # 0% and 100% would be something else
        lines.append(f"blocked at {100 * share:.3g}%")
    if node.freed:
        lines.append("graph freed")
    return lines


def _mark(node: Node) -> Mark:
    if node.fate == "added" or node.fate == "removed":
        return node.fate
    if node.rule_error is not None and node.rule_error > WRONG_FROM:
        return "wrong"
    if node.first_nan:
        return "nan"
    if node.blocked == 1:
        return "blocked"
    if node.grad_state == "uncomputed":
        return "uncomputed"
    return "zero" if node.grad_state == "zero" else ""


def counts_text(node: Node) -> str:
    """Return what a call or a hidden node stands for, as ``12 ops, 3 leaves``."""
    return ", ".join(filter(None, (counted(node.ops, "op"), counted(node.leaves, "leaf"))))


def _op_box(node: Node, show: Collection[str], frame: str | None) -> Box:
    """The ellipse of an op that is drawn apart from its result."""
    lines = tuple(_op_lines(node)) if "op" in show else ()
    kind = f" ({_KINDS[node.op_kind]})" if node.op_kind in _KINDS else ""
    about = f"{node.op}{kind}" + (f", {node.params}" if node.params else "")
    about = "; ".join([about, *(f.text for f in node.formulas)])
    return Box(f"{node.id}op", f"op {node.op_kind}", lines, about, frame, False)


def _op_lines(node: Node) -> Iterator[Line]:
    yield Line(symbol(node.op), "op")
    lines: list[str] = []
    for param in re.split(r", (?=\w+=)", node.params):
        if lines and len(f"{lines[-1]}, {param}") <= PARAMS_WIDTH:
            lines[-1] += f", {param}"
        else:
            lines.append(plain(param, PARAMS_WIDTH))
    yield from (Line(line, "text") for line in lines if line)


def _lines(node: Node, show: Collection[str], *, with_op: bool) -> Iterator[Line]:
    """What is written in a box: the name or op, what it stands for, the value, the gradient."""
    name = node.name if "name" in show or node.kind == "call" else ""
    if node.kind == "hidden":
        name = "\u2026"
    op = list(_op_lines(node)) if node.kind == "op" and with_op and "op" in show else []
    if op:
        name = f"{name} = {op[0].text}" if name else op[0].text
    if name:
        yield Line(name, "name")
    yield from op[1:]
    if node.repeats > 1:
        yield Line(f"\u00d7 {node.repeats:,}", "text")
    if node.kind in ("call", "hidden"):
        yield Line(counts_text(node), "text")
    if node.kind == "hidden":
        yield Line("hidden", "text")
    lines = list(facts(node, show))
    if node.kind == "constant" and not name:  # the number says it
        lines = [Line(line.text.removeprefix("value "), line.role) for line in lines]
    yield from lines


def facts(node: Node, show: Collection[str]) -> Iterator[Line]:
    """Yield the lines that tell the value, the cost, the gradient and the state of a node."""
    if node.value is not None:
        texts = value_text(node.value, value="value" in show, shape="shape" in show)
        if node.was is not None and node.was.value is not None and "value" in show:
            texts = change_text(node.was.value, node.value, texts)
        yield from (Line(text, "text") for text in texts)
    if "flops" in show and node.flops:
        yield Line(counted(node.flops, "FLOP"), "text")
    if "memory" in show and node.memory:
        yield Line(f"keeps {counted(node.memory, 'byte')}", "text")
    grad = grad_text(node)
    if node.was is not None and grad and grad != (before := grad_text(node.was)):
        grad = f"{before or 'none'} \u2192 {grad.split(' ', 1)[-1]}"
    if grad and "grad" in show:
        yield Line(grad, "grad")
    yield from (Line(text, "text") for text in check_text(node))
    yield from (Line(text, "state") for text in state_text(node))


def _spoken(node: Node) -> str:
    """The node in a few words."""
    if node.kind == "hidden":
        return "hidden ops" if node.ops else "hidden leaves"
    if node.name:
        return node.name
    if node.value is not None and node.value.item is not None:
        return number(node.value.item)
    return f"the result of {node.op}" if node.op else f"an unnamed {node.kind}"


def _about(node: Node) -> str:
    """Everything about a node, for its tooltip."""
    what = f"result of {node.op}" if node.kind == "op" else node.kind
    parts = [f"{node.name}: {what}" if node.name else what]
    if node.repeats > 1:
        parts.append(f"{node.repeats:,} of a kind")
    if node.kind in ("call", "hidden"):
        parts.append(counts_text(node))
    for label, summary in (("value", node.value), ("grad", node.grad)):
        if summary is not None:
            parts.append(f"{label} {_in_full(summary)}")
    if node.grad is None and node.grad_state != "none":
        parts.append(grad_text(node))
    parts += check_text(node) + state_text(node)
    parts += [f.text for f in node.formulas]
    return "; ".join(parts)


def _in_full(summary: Summary) -> str:
    if summary.item is not None:
        return f"{plain(repr(summary.item), 24)} ({summary.dtype})"
    text = f"of shape {summary.shape}, {summary.dtype}"
    if summary.nonfinite:
        text += f", {summary.nonfinite:,} not finite"
    if summary.mean == summary.mean:
        text += ", of the rest" if summary.nonfinite else ","
        text += (
            f" mean {number(summary.mean)}, std {number(summary.std)}, from "
            f"{number(summary.low)} to {number(summary.high)}, norm {number(summary.norm)}"
        )
    return text


def _frames(graph: Graph) -> tuple[Frame, ...]:
    """The calls that something is drawn in, outermost first."""
    used = set()
    for node in graph.nodes:
        call = node.call
        while call is not None and call not in used:
            used.add(call)
            call = graph.calls[call].parent
    return tuple(
        Frame(call.id, call.label, None if call.parent is None else graph.calls[call.parent].id)
        for i, call in enumerate(graph.calls)
        if i in used and call.level < DEEPEST_FRAME
    )


def _frame_of(graph: Graph, call: int) -> str:
    here = graph.calls[call]
    while here.level >= DEEPEST_FRAME and here.parent is not None:
        here = graph.calls[here.parent]
    return here.id
