"""Two graphs as one: what changed between them, as before and after a step of an optimiser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from .graph import SAMPLE, Fate, Graph, Node, Summary
from .labels import counted


def compare(before: Graph, after: Graph) -> Graph:
    """Return `after` with, at each node, what it was in `before`; and what is gone.

    Nodes are matched in order, by op, parameters, name, shape and call; what is in one graph only
    is drawn too.

    Parameters
    ----------
    before, after : Graph

    Returns
    -------
    Graph
    """
    olds, news = _keys(before), _keys(after)
    new_id: dict[str, str] = {}  # of nodes of `before`, in the graph to be
    calls = {_path(after, i): i for i in range(len(after.calls))}
    nodes: list[Node] = []
    for i, j in _pairs(olds, news):
        if i is None and j is not None:
            nodes.append(after.nodes[j]._replace(fate="added"))
        elif i is not None and j is None:
            old = before.nodes[i]
            call = None if old.call is None else calls.get(_path(before, old.call))
            new_id[old.id] = f"r{old.id}"
            nodes.append(old._replace(id=f"r{old.id}", fate="removed", call=call, output=False))
        elif i is not None and j is not None:
            old, new = before.nodes[i], after.nodes[j]
            new_id[old.id] = new.id
            same = _same(old.value, new.value) and _same(old.grad, new.grad)
            fate: Fate = "same" if same else "changed"
            nodes.append(new._replace(fate=fate, was=old._replace(was=None)))
    gone = {node.id for node in nodes if node.fate == "removed"}
    moved = (e._replace(source=new_id[e.source], target=new_id[e.target]) for e in before.edges)
    edges = [*after.edges, *(e for e in moved if gone & {e.source, e.target})]
    order = {node.id: k for k, node in enumerate(nodes)}
    edges.sort(key=lambda e: (order[e.target], e.slot))
    pairs = [(node.was, node) for node in nodes if node.was is not None]
    values = sum(not _same(old.value, new.value) for old, new in pairs)
    grads = sum(not _same(old.grad, new.grad) for old, new in pairs)
    changed = f"{values:,} of {counted(len(nodes), 'value')} changed"
    more = [f"{counted(grads, 'gradient')} changed"] if grads else []
    for fate in ("added", "removed"):
        if n := sum(node.fate == fate for node in nodes):
            more.append(f"{n:,} {fate}")
    return after._replace(
        nodes=tuple(nodes),
        edges=tuple(edges),
        notes=(*after.notes, "; ".join([changed, *more])),
        drawn={node.id: node.id for node in nodes},
    )


def relative_change(node: Node) -> float:
    """How far the value of a node moved, relative to its norm before; nan if that is not known."""
    if node.was is None or node.was.value is None or node.value is None:
        return math.nan
    moved = distance(node.was.value, node.value)
    return moved / node.was.value.norm if node.was.value.norm else math.inf if moved else 0.0


def distance(old: Summary, new: Summary) -> float:
    """The norm of the difference of two arrays of one shape; of large ones, an estimate.

    What is the same infinity in both, or NaN in both, has not moved.
    """
    if old.item is not None and new.item is not None:
        return 0.0 if _alike(old.item, new.item) else abs(float(new.item) - float(old.item))
    x, y = np.frombuffer(old.sample), np.frombuffer(new.sample)
    lost = math.prod(new.shape) > SAMPLE and (old.nonfinite, old.nans) != (new.nonfinite, new.nans)
    if len(x) != len(y) or lost:
        return math.nan
    with np.errstate(all="ignore"):
        return math.hypot(*np.where(_alike(x, y), 0.0, y - x).tolist())


def _same(x: Summary | None, y: Summary | None) -> bool:
    return x is y or (x is not None and y is not None and all(map(_alike, x, y)))


def _alike(x: Any, y: Any) -> Any:
    """Whether two are equal, or NaN both."""
    return (x == y) | ((x != x) & (y != y))


def _keys(graph: Graph) -> list[Any]:
    return [
        (n.kind, n.op, n.params, n.name, n.value.shape if n.value else (), _path(graph, n.call))
        for n in graph.nodes
    ]


def _path(graph: Graph, call: int | None) -> tuple[str, ...]:
    return tuple(graph.calls[c].label for c in graph.ancestors(call))


def _pairs(olds: Sequence[Any], news: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Places in both, in an order that keeps that of each; None where there is no counterpart."""
    if olds == news:
        return [(i, i) for i in range(len(olds))]
    pairs: list[tuple[int | None, int | None]] = []
    for what, i0, i1, j0, j1 in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if what == "equal":
            pairs += zip(range(i0, i1), range(j0, j1), strict=True)
        else:
            pairs += [(i, None) for i in range(i0, i1)]
            pairs += [(None, j) for j in range(j0, j1)]
    return pairs
