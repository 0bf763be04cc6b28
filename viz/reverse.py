"""The backward pass as a graph of its own: gradients in the boxes, arrows from the output back.

What a tensor gets from each use is a box of its own, and a sum where there are several: the
multivariate chain rule, drawn.
"""

from __future__ import annotations

from .graph import Edge, Graph, Node, Pull
from .labels import plain, symbol

_WHAT = "the backward pass: a box holds a gradient, made by the rule op\u2032 of an op"


def reverse(graph: Graph) -> Graph:
    """Return the graph of the backward pass through `graph`.

    Raises
    ------
    ValueError
        If no steps are known: the graph was freed, there are too many nodes, or the outputs are no
        scalars. If no output is among the nodes, as in a part of a graph.
    """
    if any(node.freed for node in graph.nodes):
        raise ValueError(
            "backward: the graph was freed by backward(retain_graph=False), and has no gradients "
            "to draw; draw it before, or leave retain_graph True"
        )
    if not any(node.output for node in graph.nodes):
        raise ValueError(
            "backward: the backward pass begins at an output, and this part of the graph has none; "
            "look closer at the whole pass, as in draw(loss).backward().focus('dL/dw')"
        )
    if not graph.passes:
        raise ValueError(
            "backward: there are no steps to draw; a graph of up to 1,000 nodes whose outputs are "
            "scalars that require grad has them. A part in which only some of a gradient comes "
            "about has none; look closer at the whole pass, as in "
            "draw(loss).backward().focus('dL/dw')"
        )
    nodes = {node.id: node for node in graph.nodes}
    root = graph.root or "L"
    pulls: dict[str, list[tuple[Node, Pull]]] = {}
    for step in graph.passes:
        for pull in step.pulls:
            pulls.setdefault(pull.source, []).append((nodes[step.node], pull))
    made: list[Node] = []
    edges: list[Edge] = []
    for node in reversed(graph.nodes):
        if node.grad is None:
            continue
        given = pulls.get(node.id, [])
        name = node.name or (graph.root if node.output else "")
        here = Node(
            node.id,
            "op",
            name=plain(f"d{root}/d{name}") if name else "",
            value=node.grad,
            call=node.call,
            output=node.id not in {step.node for step in graph.passes},
            ops=1,
        )
        parts = []
        if node.output:
            parts.append(_seed(node, alone=not given))
        for i, (user, pull) in enumerate(given):
            rule = _rule(f"{node.id}p{i}", user, pull)
            parts.append(rule._replace(call=user.call))
            edges.append(Edge(user.id, rule.id, 0))
        if len(parts) == 1:  # one way only: its box is the gradient's
            (part,) = parts
            edges = [e._replace(target=node.id) if e.target == part.id else e for e in edges]
            told = ("op", "op_kind", "params", "call", "blocked", "first_nan")
            made.append(here._replace(**{field: getattr(part, field) for field in told}))
            continue
        edges += [Edge(part.id, node.id, i) for i, part in enumerate(parts)]
        made += [*parts, here._replace(op="add", op_kind="elementwise")]
    last = {e.target for e in edges}
    made = [n if n.id in last else n._replace(kind="leaf", op="", ops=0, leaves=1) for n in made]
    return Graph(
        tuple(made),
        tuple(edges),
        graph.calls,
        (*graph.notes, _WHAT),
        (),
        {node.id: node.id for node in made},
    )


def _seed(node: Node, *, alone: bool) -> Node:
    assert node.grad is not None
    one = node.grad._replace(item=1.0, mean=1.0, std=0.0, low=1.0, high=1.0, norm=1.0)
    return Node(node.id if alone else f"{node.id}s", "leaf", name="seed", value=one, leaves=1)


def _rule(key: str, user: Node, pull: Pull) -> Node:
    """What the rule of an op passes on to one operand; what it blocks or spoils shows here."""
    scalar = pull.local and "\n" not in pull.local and "[" not in pull.local
    return Node(
        key,
        "op",
        op=f"{symbol(user.op)}\u2032",
        op_kind=user.op_kind,
        params=f"\u00d7 {pull.local}" if scalar else "",
        value=pull.gave,
        blocked=user.blocked,
        first_nan="value" if user.first_nan == "grad" and pull.gave.nans else "",
        ops=1,
    )
