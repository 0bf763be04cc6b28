"""Amounts as shades and widths, on a log scale: gradients differ by factors, not by sums."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from .compare import relative_change
from .graph import Graph, Node
from .labels import number

Color: TypeAlias = Literal["kind", "grad", "value", "memory", "change"]
"""What the colour of a box tells: the kind of op, or the norm of its gradient or value, or the
bytes that it keeps for the backward pass; in a comparison, how far its value moved."""

# A scale spans what there is, within reason: a factor of two is not made much of, and what is much
# smaller than the largest amount is as good as nothing.
_FEWEST_DECADES, _MOST_DECADES = 1.0, 6.0
_LIGHT, _DARK = (247, 250, 253), (140, 196, 236)  # text and gradients are read on both
PAPER = "#ffffff"  # of boxes that have no amount
_THIN, _THICK = 0.8, 5.0  # points

_WORDS = {
    "grad": "|grad|",
    "value": "|value|",
    "memory": "bytes kept for the backward pass",
    "change": "change of the value relative to its norm",
}


class Scale(NamedTuple):
    """Where amounts between `low` and `high` stand, from 0 to 1; `low` is not 0."""

    low: float
    high: float

    def __call__(self, amount: float) -> float:
        """Return the place of an amount; nan stands at 0."""
        if amount >= self.high:
            return 1.0
        if not amount > self.low:
            return 0.0
        return math.log(amount / self.low) / math.log(self.high / self.low)


def scale_of(amounts: Iterable[float]) -> Scale | None:
    """Return the scale of the positive amounts, or None if there is none."""
    positive = [x for x in amounts if 0 < x < math.inf]
    if not positive:
        return None
    high = max(positive)
    low = min(positive)
    return Scale(min(max(low, high * 10**-_MOST_DECADES), high * 10**-_FEWEST_DECADES), high)


def fills(graph: Graph, color: Color) -> Mapping[str, str]:
    """Return the colour of each node that has an amount, by id."""
    amounts = _amounts(graph.nodes, color)
    scale = scale_of(amounts.values())
    if scale is None:
        return {}
    return {key: _shade(scale(amount)) for key, amount in amounts.items()}


def widths(graph: Graph, color: Color) -> Mapping[object, float]:
    """Return the width of each edge by the norm of what goes back over it, in points.

    Of each result too, by its id: for the arrow from an op to its result.
    """
    if color != "grad":
        return {}
    flows: dict[object, float] = {(e.source, e.target, e.slot): e.flow for e in graph.edges}
    flows.update((n.id, n.grad.norm) for n in graph.nodes if n.grad is not None)
    scale = scale_of(flows.values())
    if scale is None:
        return {}
    return {
        key: _THIN + (_THICK - _THIN) * scale(flow)
        for key, flow in flows.items()
        if not math.isnan(flow)
    }


def legend(graph: Graph, color: Color) -> Collection[str]:
    """Return the line that says what the shades mean; none if there are no shades."""
    scale = scale_of(_amounts(graph.nodes, color).values())
    if scale is None:
        return []
    low, high = (f"{x:,.0f}" if color == "memory" else number(x, 3) for x in scale)
    ends = f"{low} or less (light) to {high} (dark), on a log scale"
    wide = "; wide arrows carry more gradient" if color == "grad" else ""
    return [f"colour: {_WORDS[color]} from {ends}{wide}"]


def _amounts(nodes: Iterable[Node], color: Color) -> dict[str, float]:
    if color == "grad":
        return {
            n.id: 0.0 if n.grad is None else n.grad.norm
            for n in nodes
            if n.grad_state in ("value", "zero")
        }
    if color == "value":
        return {n.id: n.value.norm for n in nodes if n.value is not None}
    if color == "memory":
        return {n.id: float(n.memory) for n in nodes if n.ops}
    if color == "change":
        moved = {n.id: relative_change(n) for n in nodes}
        return {key: amount for key, amount in moved.items() if not math.isnan(amount)}
    return {}


def _shade(place: float) -> str:
    mixed = (round(a + (b - a) * place) for a, b in zip(_LIGHT, _DARK, strict=True))
    return "#" + "".join(f"{c:02x}" for c in mixed)
