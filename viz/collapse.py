"""Big graphs, made small enough to read.

First by module call: each call is closed as a whole, so the result stays acyclic although calls
share weights. Then by folding what repeats, as one call for each sample of a batch does. What is
still too much loses its middle. Every step is told in a note.
"""

from __future__ import annotations

import difflib
import math
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from .graph import Call, Edge, Fate, Graph, Node
from .labels import counted, plain, symbol

_NUMBER = re.compile(r"\d+")
_NUMBERING = re.compile(r" #\d+$|\d+")  # what tells blocks of a kind apart

SPAN_PER_NODE = 2
"""How long edges may be in all, for each node allowed: Graphviz's time grows with the square of it.

An edge that passes by n ranks is laid out as n nodes; one weight used in 100 steps of a recurrent
network makes 4,950 of them, and takes 10 s."""


def collapse(
    graph: Graph,
    *,
    depth: int | Literal["auto"] | None = "auto",
    max_nodes: int = 400,
    boxes_per_op: int = 1,
) -> Graph:
    """Return `graph` with at most `max_nodes` boxes, and notes that say what is hidden.

    Parameters
    ----------
    graph : Graph
    depth : int, 'auto' or None, default='auto'
        How many levels of calls stay open: 0 closes every call. 'auto' is the most that stays
        under `max_nodes`; None opens all.
    max_nodes : int, default=400
    boxes_per_op : int, default=1
        2 where an op and its result are drawn apart.

    Returns
    -------
    Graph
    """
    room = _Room(max_nodes, boxes_per_op)
    deepest = 1 + max((call.level for call in graph.calls), default=-1)
    if depth == "auto":
        depth = _deepest_that_fits(graph, deepest, room)
    shown, notes = graph, list(graph.notes)
    if depth is not None and depth < deepest:
        shown = _close(graph, depth)
        closed = [node.ops for node in shown.nodes if node.kind == "call"]
        more = room.size(_close(graph, depth + 1))
        notes.append(
            f"{counted(sum(closed), 'op')} shown as {counted(len(closed), 'call')}; "
            f"depth={depth + 1} shows {counted(more, 'node')}"
        )
    if not room.fits(shown):
        folded = _fold_runs(_fold_repeats(shown) if _may_repeat(shown) else shown)
        if room.size(folded) <= room.size(shown) / 2:  # else it costs more detail than it saves
            shown = folded
            repeats = [node.repeats for node in shown.nodes if node.repeats > 1]
            notes.append(f"{sum(repeats):,} nodes that repeat each other shown as {len(repeats):,}")
    if not room.fits(shown):
        shown = _hide_middle(shown, room)
        hidden = [node for node in shown.nodes if node.kind == "hidden"]
        ops = counted(sum(node.ops for node in hidden), "op")
        leaves = counted(sum(node.leaves for node in hidden), "leaf")
        what = " and ".join(filter(None, (ops, leaves)))
        notes.append(f"{what} hidden; max_nodes={max_nodes} sets how much is shown")
    return shown._replace(notes=tuple(notes))


def neighbourhood(graph: Graph, what: str, hops: int) -> Graph:
    """Return the part of `graph` within `hops` arrows of the nodes that are called `what`.

    Raises
    ------
    ValueError
        If none is.
    """
    calls = {i for i, call in enumerate(graph.calls) if what in (call.label, call.name, call.id)}
    near = {
        node.id
        for node in graph.nodes
        if what
        in (node.name, node.id, f"{node.id}op" if node.ops else "", node.op, symbol(node.op))
        or not calls.isdisjoint(graph.ancestors(node.call))
    }
    if not near:
        known = {
            "names": [n.name for n in graph.nodes if n.name],
            "ops": [symbol(n.op) for n in graph.nodes if n.op],
            "frames": [call.label for call in graph.calls],
        }
        there = "; ".join(f"{kind} {_closest(what, of)}" for kind, of in known.items() if of)
        hint = f"; there are the {there}" if there else ""
        raise ValueError(f"focus: nothing is called {what!r}{hint}")
    beside: dict[str, list[str]] = {}
    for edge in graph.edges:
        beside.setdefault(edge.source, []).append(edge.target)
        beside.setdefault(edge.target, []).append(edge.source)
    frontier = near
    for _ in range(hops):
        frontier = {y for x in frontier for y in beside.get(x, ())} - near
        near = near | frontier
    nodes = [node for node in graph.nodes if node.id in near]
    # what gets only a part of its gradient in view would step to a wrong one
    given = {
        seen: {p.source for step in graph.passes if (step.node in near) is seen for p in step.pulls}
        for seen in (True, False)
    }
    whole = near.isdisjoint(given[True] & given[False])
    reach = counted(hops, "arrow") or "0 arrows"
    note = f"{counted(len(nodes), 'node')} within {reach} of {what!r}"
    if left := len(graph.nodes) - len(nodes):
        are = "is" if left == 1 else "are"
        note += f"; {counted(left, 'node')} further away {are} not shown"
    return graph._replace(
        nodes=tuple(nodes),
        edges=tuple(e for e in graph.edges if e.source in near and e.target in near),
        notes=(*graph.notes, note),
        passes=tuple(
            step._replace(pulls=tuple(p for p in step.pulls if p.source in near))
            for step in graph.passes
            if whole and step.node in near
        ),
        drawn={key: key for key in (n.id for n in nodes)},
    )


def _closest(what: str, known: Iterable[str]) -> str:
    """The three that are most like `what`, or the first three."""
    known = list(dict.fromkeys(known))
    close = difflib.get_close_matches(what, known, n=3, cutoff=0.3) or known[:3]
    return ", ".join(close) + (", \u2026" if len(close) < len(known) else "")


class _Room(NamedTuple):
    """How much may be drawn."""

    max_nodes: int
    boxes_per_op: int

    def cost(self, node: Node) -> int:
        return self.boxes_per_op if node.kind == "op" else 1

    def size(self, graph: Graph) -> int:
        return sum(map(self.cost, graph.nodes))

    def fits(self, graph: Graph) -> bool:
        if self.size(graph) > self.max_nodes:
            return False
        return _span(graph) * self.boxes_per_op <= SPAN_PER_NODE * self.max_nodes


def _span(graph: Graph) -> int:
    """How many ranks all edges pass by, with every leaf right before its first use."""
    level = _levels(graph)
    first_use: dict[str, int] = {}
    for edge in graph.edges:
        rank = level[edge.target]
        first_use[edge.source] = min(first_use.get(edge.source, rank), rank)
    for node in graph.nodes:
        if node.ops == 0 and node.id in first_use:
            level[node.id] = first_use[node.id] - 1
    return sum(level[edge.target] - level[edge.source] - 1 for edge in graph.edges)


def _levels(graph: Graph) -> dict[str, int]:
    """The longest path to each node from a node without inputs."""
    inputs = _inputs(graph)
    level: dict[str, int] = {}
    for node in graph.nodes:
        level[node.id] = 1 + max((level[x] for x in inputs.get(node.id, ())), default=-1)
    return level


def _inputs(graph: Graph) -> dict[str, list[str]]:
    inputs: dict[str, list[str]] = {}
    for edge in graph.edges:
        inputs.setdefault(edge.target, []).append(edge.source)
    return inputs


def _deepest_that_fits(graph: Graph, deepest: int, room: _Room) -> int:
    """The most levels that can stay open; opening a level only ever adds boxes and edges."""

    def many_boxes(depth: int) -> bool:
        return room.size(_close(graph, depth) if depth < deepest else graph) > room.max_nodes

    def too_big(depth: int) -> bool:
        return not room.fits(_close(graph, depth) if depth < deepest else graph)

    # One box for everything tells nothing: where only edges are in the way, hide the middle later.
    for in_the_way in (too_big, many_boxes):
        depth = bisect_left(range(deepest + 1), True, key=in_the_way) - 1
        if depth > 0:
            return depth
    return 0


def _close(graph: Graph, depth: int) -> Graph:
    """Make one node of each call at level `depth` that has an op in it."""
    closed_by: list[int | None] = []  # the call at that level that each call lies in or is
    for i, call in enumerate(graph.calls):
        outer = None if call.parent is None else closed_by[call.parent]
        closed_by.append(i if call.level == depth else outer)
    used = {closed_by[node.call] for node in graph.nodes if node.ops and node.call is not None}
    of: dict[str, str] = {}  # node id -> the id of the node it is drawn as
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        closed = None if node.call is None else closed_by[node.call]
        of[node.id] = node.id if closed is None or closed not in used else graph.calls[closed].id
        members.setdefault(of[node.id], []).append(node)
    leaving = results(graph, of)
    calls = {call.id: call for call in graph.calls}
    return _merge(
        graph,
        [
            (_call_node(calls[key], inside, leaving.get(key, [])) if key in calls else node, inside)
            for key, inside in members.items()
            for node in inside[:1]
        ],
    )


def _call_node(call: Call, inside: Sequence[Node], results: Sequence[Node]) -> Node:
    """One node for a call; it shows the value and gradient of its result, if that is one."""
    shown = results[0] if len(results) == 1 else Node("", "op")
    one = Node(
        call.id,
        "call",
        name=call.label,
        value=shown.value,
        grad=shown.grad,
        grad_state=shown.grad_state,
        was=shown.was,
        cells=shown.cells,
        call=call.parent,
        output=any(node.output for node in inside),
    )
    return _summed(one, inside)


def _summed(one: Node, nodes: Sequence[Node]) -> Node:
    """A node that stands for several, with what they come to together."""
    return one._replace(
        freed=any(node.freed for node in nodes),
        first_nan=next((node.first_nan for node in nodes if node.first_nan), ""),
        fate=_fate_of(nodes),
        rule_error=_worst(nodes),
        ops=sum(node.ops for node in nodes),
        leaves=sum(node.leaves for node in nodes),
        flops=sum(node.flops for node in nodes),
        memory=sum(node.memory for node in nodes),
    )


def _worst(nodes: Sequence[Node]) -> float | None:
    """The largest error of a rule; nan where some could not be told, None where none was."""
    errors = [node.rule_error for node in nodes if node.rule_error is not None]
    told = [error for error in errors if not math.isnan(error)]
    return max(told) if told else math.nan if errors else None


def _fate_of(nodes: Sequence[Node]) -> Fate:
    """What became of several nodes together."""
    fates = {node.fate for node in nodes}
    return fates.pop() if len(fates) == 1 else "changed"


def results(graph: Graph, of: Mapping[str, str]) -> dict[str, list[Node]]:
    """Return the nodes of each group that something outside it reads, or that are outputs.

    A group has the id of the node that it is drawn as, which `of` tells for each node. If there is
    one result, that node shows its value and gradient.
    """
    leaving = {e.source for e in graph.edges if of[e.source] != of[e.target]}
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.ops and (node.output or node.id in leaving):
            found.setdefault(of[node.id], []).append(node)
    return found


def _merge(graph: Graph, parts: Iterable[tuple[Node, Sequence[Node]]]) -> Graph:
    """Draw groups of nodes as one node each, (node, group), in this order but inputs first.

    Edges that a group begins or ends are counted as one; between two nodes that are drawn as they
    were, every operand keeps its own.
    """
    of: dict[str, str] = {}
    nodes, alone = [], set()
    for one, group in parts:
        nodes.append(one)
        of.update((node.id, one.id) for node in group)
        if one is group[0]:
            alone.add(one.id)
    edges: dict[tuple[str, str, int], Edge] = {}
    for edge in graph.edges:
        source, target = of[edge.source], of[edge.target]
        if source != target:
            slot = edge.slot if source in alone and target in alone else 0
            key = (source, target, slot)
            before = edges.get(key, Edge(source, target, slot, 0))
            flow = edge.flow if math.isnan(before.flow) else math.hypot(before.flow, edge.flow)
            edges[key] = Edge(source, target, slot, before.copies + edge.copies, flow)
    drawn = {key: of[now] for key, now in graph.drawn.items()}
    merged = graph._replace(nodes=tuple(nodes), edges=tuple(edges.values()), drawn=drawn)
    return merged._replace(nodes=_inputs_first(merged))


def _inputs_first(graph: Graph) -> tuple[Node, ...]:
    """The nodes in their order, except that what a node reads comes before it."""
    nodes = {node.id: node for node in graph.nodes}
    left = _inputs(graph)
    placed: dict[str, Node] = {}
    stack = list(reversed(nodes))
    while stack:
        waiting = [x for x in left.pop(stack[-1], ()) if x not in placed]
        if waiting:
            stack += reversed(waiting)
        else:
            key = stack.pop()
            placed.setdefault(key, nodes[key])
    return tuple(placed.values())


def _may_repeat(graph: Graph) -> bool:
    """Whether many nodes share a level; in a long chain there is no need to look further."""
    return len(set(_levels(graph).values())) <= 0.75 * len(graph.nodes)


def _fold_repeats(graph: Graph) -> Graph:
    """Make one node of nodes of a kind: the same call for many samples, the same op in a layer.

    Only nodes of one level are folded, so no cycle comes of it.
    """
    level = _levels(graph)
    uses: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        uses.setdefault(edge.source, []).append(edge)
    names = {call.id: call.name for call in graph.calls}
    groups: dict[Hashable, list[Node]] = {}
    of: dict[str, str] = {}
    for node in sorted(graph.nodes, key=lambda n: n.ops == 0):  # users before leaves
        key: Hashable = node.id
        if node.ops:
            what = names.get(node.id, (node.op, node.params))
            key = (what, node.ops, node.leaves, node.call, node.output, level[node.id])
        elif len(edges := uses.get(node.id, [])) == 1 and edges[0].copies == 1:
            key = (node.kind, of[edges[0].target], edges[0].slot)
        alike = groups.setdefault(key, [])
        alike.append(node)
        of[node.id] = alike[0].id
    by_level = sorted(groups.values(), key=lambda group: level[group[0].id])
    return _merge(graph, [(_folded(graph, group), group) for group in by_level])


def _folded(graph: Graph, group: Sequence[Node]) -> Node:
    """One node for several; it keeps what they have in common."""
    first = group[0]
    if len(group) == 1:
        return first
    call = next((call for call in graph.calls if call.id == first.id), None)
    one = first._replace(
        name=call.name if call else "",
        value=first.value if all(node.value == first.value for node in group) else None,
        grad=None,
        grad_state="none",
        blocked=sum(node.blocked for node in group) / len(group),
        cells=(),
        repeats=len(group),
    )
    return _summed(one, group)


def _fold_runs(graph: Graph) -> Graph:
    """Make one node of a stack of blocks: calls of a kind, each read by the next one only.

    Also of ``total = total + part`` over parts that are one folded node. Inside a run each result
    goes to the next step only, so no path leaves the run and returns.
    """
    nodes = {node.id: node for node in graph.nodes}
    if not any(node.kind == "call" or node.repeats > 1 for node in graph.nodes):
        return graph
    inputs = _inputs(graph)
    users: dict[str, list[str]] = {}
    for edge in graph.edges:
        users.setdefault(edge.source, []).append(edge.target)
    run: dict[str, list[Node]] = {}
    for node in graph.nodes:
        run[node.id] = [node]
        for x in inputs.get(node.id, ()):
            before = nodes[x]
            if users[x] != [node.id] or before.output or not _alike(before, node):
                continue
            parts = [nodes[y] for y in inputs[node.id] if y != x]
            if node.kind == "call" or (parts and all(part.repeats > 1 for part in parts)):
                run[node.id] = run[x]
                run[node.id].append(node)
                break
    order = {node.id: i for i, node in enumerate(graph.nodes)}
    groups = sorted(
        {group[-1].id: group for group in run.values()}.values(),
        key=lambda group: order[group[-1].id],
    )
    return _merge(graph, [(_run(group), group) for group in groups])


def _alike(before: Node, node: Node) -> bool:
    """Whether two nodes do the same thing, one after the other."""
    if not node.kind == before.kind != "hidden" or not node.repeats == before.repeats == 1:
        return False
    if node.kind == "call":
        names = [_NUMBERING.sub("", n.name) for n in (before, node)]
        return names[0] == names[1] and (before.ops, before.call) == (node.ops, node.call)
    return (node.op, node.params, node.call) == (before.op, before.params, before.call)


def _run(group: Sequence[Node]) -> Node:
    """One node for a run; what the last step gives is what comes out."""
    first, last = group[0], group[-1]
    if len(group) == 1:
        return first
    name = _span_of_names(first.name, last.name) if last.kind == "call" else last.name
    return _summed(last._replace(name=plain(name), repeats=len(group)), group)


def _span_of_names(first: str, last: str) -> str:
    """``block0`` and ``block63`` as ``block0 to 63``."""
    one, other = _NUMBER.search(first), _NUMBER.search(last)
    if one and other and first[one.end() :] == last[other.end() :]:
        return f"{first[: one.end()]} to {last[other.start() :]}"
    return f"{first} to {last}"


def _hide_middle(graph: Graph, room: _Room) -> Graph:
    """Keep what was computed first and last, as much as fits, and hide the ops between."""
    boxes = min(room.max_nodes, room.size(graph))
    while True:
        shown = _keep_ends(graph, boxes, room)
        if room.fits(shown) or boxes < 8:
            return shown
        boxes = boxes * 3 // 4


def _keep_ends(graph: Graph, boxes: int, room: _Room) -> Graph:
    """Keep about `boxes` boxes, from both ends in turn.

    The hidden ops are neighbours in the order of computation, so no path leaves them and returns.
    """
    inputs = _inputs(graph)
    is_leaf = {node.id: node.ops == 0 for node in graph.nodes}
    steps = deque(node for node in graph.nodes if node.ops)
    kept: set[str] = set()
    left = boxes - 2  # for the two nodes that stand for what is hidden
    from_end = True
    while steps and room.cost(steps[-1] if from_end else steps[0]) <= left:
        node = steps.pop() if from_end else steps.popleft()
        kept.add(node.id)
        left -= room.cost(node)
        new = [x for x in dict.fromkeys(inputs.get(node.id, ())) if is_leaf[x] and x not in kept]
        kept.update(new[:left])  # of many operands, the first ones
        left -= len(new[:left])
        from_end = not from_end
    users: dict[str, set[bool]] = {}  # of a leaf: whether those that use it are kept
    for edge in graph.edges:
        users.setdefault(edge.source, set()).add(edge.target in kept)
    at = 0  # where the hidden ops stand
    hidden: list[Node] = []
    leaves: list[Node] = []
    parts: list[tuple[Node, Sequence[Node]]] = []
    for node in graph.nodes:
        if node.id in kept:
            parts.append((node, [node]))
        elif is_leaf[node.id]:
            (leaves if True in users.get(node.id, {True}) else hidden).append(node)
        else:
            if node is steps[-1]:  # all they read is placed by now
                at = len(parts)
            hidden.append(node)
    if hidden:
        parts.insert(at, (_hidden(graph, hidden, "h0"), hidden))
    if leaves:
        parts.insert(0, (_hidden(graph, leaves, "h1"), leaves))
    return _merge(graph, parts)


def _hidden(graph: Graph, group: Sequence[Node], key: str) -> Node:
    """One node for all that is hidden; leaves that a shown op reads are a node of their own."""
    one = Node(
        key,
        "hidden",
        call=_common_call(graph, group),
        output=any(node.output for node in group),
    )
    return _summed(one, group)


def _common_call(graph: Graph, nodes: Sequence[Node]) -> int | None:
    """The innermost call that all of `nodes` lie in."""
    shared = graph.ancestors(nodes[0].call)
    for call in {node.call for node in nodes}:
        path = graph.ancestors(call)
        shared = [c for c in shared if c in path]
    return shared[-1] if shared else None
