"""The picture for other tools: as Mermaid, which code hosts draw, and as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from .figure import Box, Figure
from .graph import Graph
from .style import BOXES, INK, OUTPUT

# Brackets that make a Mermaid shape; the label stands between them.
_SHAPES = {
    "box": ('["', '"]'),
    "rounded": ('("', '")'),
    "ellipse": ('(["', '"])'),
    "box3d": ('[["', '"]]'),
}

# All but what Mermaid shows as it is: quotes end a label, `<` starts a tag, `#` an entity, and a
# number or a dash at the start of a line makes a list.
_SPECIAL = re.compile(r"[^\w\s.,=|()/+-]|^[+-](?=\s|$)|(?<=\d)[.)](?=\s)", re.ASCII)


def to_mermaid(figure: Figure) -> str:
    """Return the figure as the source of a Mermaid flowchart.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    str
        The same for the same figure; names in it are data, whatever they are.
    """
    lines = [f"flowchart {figure.direction}"]
    inside: dict[str | None, list[Box]] = {}
    for box in figure.boxes:
        inside.setdefault(box.frame, []).append(box)
    below: dict[str | None, list[Any]] = {}
    for frame in figure.frames:
        below.setdefault(frame.parent, []).append(frame)
    # what is still to be written, the next one last: lines, and frames to open
    stack: list[Any] = [*reversed(below.get(None, [])), *reversed(list(_boxes(inside, None, "")))]
    depth = {frame.id: 1 for frame in below.get(None, [])}
    while stack:
        frame = stack.pop()
        if isinstance(frame, str):
            lines.append(frame)
            continue
        indent = "  " * depth[frame.id]
        stack.append(f"{indent}end")
        stack += reversed(below.get(frame.id, []))
        depth.update((child.id, depth[frame.id] + 1) for child in below.get(frame.id, []))
        stack += reversed(list(_boxes(inside, frame.id, indent)))
        lines.append(f'{indent}subgraph {frame.id}["{_escaped(frame.label)}"]')
    for arrow in figure.arrows:
        label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {arrow.source} -->{label} {arrow.target}")
    lines += _looks(figure)
    return "\n".join(lines) + "\n"


def _boxes(inside: dict[str | None, list[Box]], frame: str | None, indent: str) -> Iterator[str]:
    for box in inside.get(frame, []):
        look = BOXES[box.style]
        shape = "rounded" if look.shape == "box" and "rounded" in look.style else look.shape
        start, end = _SHAPES[shape]
        label = "<br>".join(_escaped(line.text) for line in box.lines) or " "
        yield f"{indent}  {box.id}{start}{label}{end}"


def _escaped(text: str) -> str:
    """A label in which nothing is markup; of what is special, Mermaid's entities."""
    return _SPECIAL.sub(lambda m: "".join(f"#{ord(c)};" for c in m.group()), text)


def _looks(figure: Figure) -> Iterator[str]:
    """Colours and outlines, a class for each style."""
    wearing: dict[str, list[str]] = {}
    for box in figure.boxes:
        wearing.setdefault(box.style, []).append(box.id)
    for style, ids in wearing.items():
        look, name = BOXES[style], style.replace(" ", "_")
        dashes = ",stroke-dasharray:4 3" if "dashed" in look.style else ""
        yield f"  classDef {name} fill:{look.fill},stroke:{look.line},color:{INK}{dashes}"
        yield f"  class {','.join(ids)} {name}"
    for box in figure.boxes:
        fill = [f"fill:{box.fill}"] if box.fill else []
        line = [f"stroke:{OUTPUT}", "stroke-width:3px"] if box.output else []
        if fill or line:
            yield f"  style {box.id} {','.join([*fill, *line])}"


def to_json(graph: Graph) -> str:
    """Return all of the graph as JSON: an object with the fields of `Graph`.

    A field that is not known is null; a number that JSON has no word for is the string 'nan', 'inf'
    or '-inf'.
    """
    return json.dumps({"format": "gradwalk graph", "version": 1, **_plain(graph)}, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        kept = value._asdict().items()
        return {name: _plain(x) for name, x in kept if name not in ("drawn", "sample")}
    if isinstance(value, tuple):
        return [_plain(x) for x in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
