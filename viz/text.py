"""The graph as a tree of text, from the outputs down to the leaves.

A value that is used twice is written out once; where it comes again, its number points back.
"""

from __future__ import annotations

from collections.abc import Collection

from .figure import counts_text, facts
from .graph import Graph, Node
from .labels import ASCII, plain, symbol

_BRANCHES = ("\u251c\u2500 ", "\u2514\u2500 ", "\u2502  ", "   ")
_ASCII_BRANCHES = ("+- ", "`- ", "|  ", "   ")
_DEEPEST = 60  # levels; deeper lines keep this indent, and say how deep they are


def to_tree(
    graph: Graph, *, show: Collection[str], title: str | None = None, ascii: bool = False
) -> str:
    """Return the graph as lines of text.

    Parameters
    ----------
    graph : Graph
    show : collection of 'name', 'op', 'value', 'grad', 'shape'
    title : str, optional
        A line under the tree.
    ascii : bool, default=False
        Whether to draw with ASCII characters only; names keep theirs as escapes.

    Returns
    -------
    str
    """
    branch, last_branch, trunk, space = _ASCII_BRANCHES if ascii else _BRANCHES
    nodes = {node.id: node for node in graph.nodes}
    operands: dict[str, list[str]] = {}
    uses: dict[str, int] = {}
    for edge in sorted(graph.edges, key=lambda e: e.slot):
        operands.setdefault(edge.target, []).append(edge.source)
        uses[edge.source] = uses.get(edge.source, 0) + 1
    numbers: dict[str, int] = {}  # of shared nodes, in the order they are met
    lines = []
    # (node, what stands before its branch, its branch, levels above it), the next one last
    stack = [(node.id, "", "", 0) for node in reversed(graph.ends)]
    while stack:
        key, before, own, level = stack.pop()
        again = key in numbers
        if uses.get(key, 0) + nodes[key].output > 1 and not again:
            numbers[key] = len(numbers) + 1
        mark = f"  [{numbers[key]}]" if key in numbers else ""
        deep = f"({level}) " if level > _DEEPEST else ""
        if again:
            lines.append(f"{before}{own}{deep}{_head(nodes[key], show)}{mark} above")
            continue
        lines.append(f"{before}{own}{deep}{_line(nodes[key], show)}{mark}")
        inside = before + ("" if not own else space if own == last_branch else trunk)
        if level >= _DEEPEST:
            inside = before
        below = operands.get(key, [])
        for i, operand in reversed(list(enumerate(below))):
            own_branch = last_branch if i == len(below) - 1 else branch
            stack.append((operand, inside, own_branch, level + 1))
    caption = [plain(title, 120)] if title else []
    text = "\n".join([*lines, *caption, *graph.notes])
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode() if ascii else text


def _head(node: Node, show: Collection[str]) -> str:
    name = node.name if "name" in show or node.kind == "call" else ""
    op = symbol(node.op) if "op" in show else ""
    if op and node.params:
        op += f" ({node.params})"
    if node.kind in ("call", "hidden"):
        return f"{name or 'hidden'}: {counts_text(node)}"
    return f"{name} = {op}" if name and op else name or op or ("" if node.op else node.kind)


def _line(node: Node, show: Collection[str]) -> str:
    parts = [_head(node, show)]
    if node.repeats > 1:
        parts.append(f"\u00d7 {node.repeats:,}")
    parts += (line.text for line in facts(node, show))
    return "  ".join(part for part in parts if part)
