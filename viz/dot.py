"""A `Figure` as DOT, the language of Graphviz."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .figure import Arrow, Box, Figure, Frame
from .heat import cell_width
from .labels import dot_lines, width
from .style import (
    BOXES,
    CAPTION_SIZE,
    CELL,
    FONT,
    FRAME_FILL,
    FRAME_SIZE,
    INK,
    LINE,
    MARKS,
    MUTED,
    OUTPUT,
    PAPERS,
    SHADED_FRAMES,
    SIZES,
    TITLE_SIZE,
    Theme,
)

if TYPE_CHECKING:
    from graphviz import Digraph

POINTS_PER_INCH = 72
BLANK = "\u00a0"
WIDER = 1.15
"""Engines measure text as Helvetica; fonts that replace it are up to this much wider."""


def to_digraph(figure: Figure, theme: Theme = "auto") -> Digraph:
    """Return the figure as a `graphviz.Digraph`, whose `source` is the same in every run.

    Parameters
    ----------
    figure : Figure
        Boxes get empty lines where the cells of arrays will be drawn.
    theme : {'auto', 'light', 'dark'}, default='auto'
        The paper to draw on; 'auto' draws none.

    Returns
    -------
    graphviz.Digraph
    """
    from graphviz import Digraph  # half of what importing viz would cost

    graph = Digraph("gradwalk", body=None)
    muted = MUTED[theme]
    caption = ([figure.title] if figure.title else []) + list(figure.notes)
    graph.attr(
        "graph",
        rankdir=figure.direction,
        bgcolor=PAPERS.get(theme, "transparent"),
        nodesep="0.2",
        ranksep="0.35",
        newrank="true",  # frames must not decide what comes before what
        ordering="in",  # operands in their order: a - b is not b - a
        labelloc="b",
        **_text(tuple(caption), TITLE_SIZE if figure.title else CAPTION_SIZE, muted),
    )
    graph.attr("node", height="0.3", fontname=FONT, fontcolor=INK)
    graph.attr(
        "edge",
        color=LINE,
        arrowsize="0.7",
        fontname=FONT,
        fontsize=f"{FRAME_SIZE * WIDER:g}",
        fontcolor=muted,
    )
    clusters: dict[str, Digraph] = {}
    level: dict[str | None, int] = {None: 0}
    for frame in figure.frames:  # the outer ones come first
        level[frame.id] = level[frame.parent] + 1
        clusters[frame.id] = _cluster(frame, muted, shaded=level[frame.id] <= SHADED_FRAMES)
    for box in figure.boxes:
        place = graph if box.frame is None else clusters[box.frame]
        place.node(box.id, **_box(box))
    for frame in reversed(figure.frames):  # the inner ones are complete first
        outer = graph if frame.parent is None else clusters[frame.parent]
        outer.subgraph(clusters[frame.id])
    for arrow in _in_drawing_order(figure):
        label = _label((arrow.label,)) if arrow.label else None
        width = f"{arrow.width:.2f}" if arrow.width != 1 else None
        style = "dashed" if arrow.dashed else None
        graph.edge(
            arrow.source, arrow.target, id=arrow.id, label=label, penwidth=width, style=style
        )
    return graph


def _in_drawing_order(figure: Figure) -> Iterator[Arrow]:
    """Yield the arrows so that `ordering` puts the first operand first.

    Inside a frame, from left to right, Graphviz takes it the other way round (2.43 to 16.1 do).
    """
    sideways = figure.direction in ("LR", "RL")
    turned = {box.id for box in figure.boxes if sideways and box.frame is not None}
    for target, group in groupby(figure.arrows, key=attrgetter("target")):
        arrows = list(group)
        yield from reversed(arrows) if target in turned else arrows


def _label(lines: tuple[str, ...]) -> Any:
    from graphviz import nohtml

    return nohtml(dot_lines(lines))


def _text(lines: tuple[str, ...], size: float, color: str) -> dict[str, Any]:
    return {
        "label": _label(lines),
        "fontname": FONT,
        "fontsize": f"{size * WIDER:g}",
        "fontcolor": color,
    }


def _blank_lines(box: Box) -> int:
    """How many lines make room for the cells of a box."""
    return math.ceil((len(box.cells) * CELL + 2) / SIZES["name"]) if box.cells else 0


def _cluster(frame: Frame, ink: str, *, shaded: bool) -> Digraph:
    from graphviz import Digraph

    cluster = Digraph(f"cluster_{frame.id}")
    cluster.attr(
        "graph",
        id=frame.id,
        style="rounded,filled",
        color=LINE,
        fillcolor=FRAME_FILL if shaded else "transparent",
        labeljust="l",
        labelloc="t",
        margin="10",
        **_text((frame.label,), FRAME_SIZE, ink),
    )
    return cluster


def _box(box: Box) -> dict[str, Any]:
    look = BOXES[box.style]
    size = max((SIZES[line.role] for line in box.lines), default=SIZES["text"])
    wide = max((width(line.text) * SIZES[line.role] for line in box.lines), default=0.0)
    if box.cells:
        columns = len(box.cells[0])
        wide = max(wide, cell_width(columns) * columns)
    if look.shape == "ellipse":
        wide *= 1.3  # the text stands in the rectangle inside
    margin = max(16, 0.08 * wide)  # a long name in bold is wider
    style, attributes = MARKS.get(box.mark, ("", {}))
    outline = look.style.replace("rounded,", "") if style == "diagonals" else look.style
    return {
        "id": box.id,
        "label": _label((*(line.text for line in box.lines), *[BLANK] * _blank_lines(box))),
        "shape": look.shape,
        "style": ",".join(filter(None, (outline, style))),
        "color": OUTPUT if box.output else look.line,
        "fillcolor": box.fill or look.fill,
        "penwidth": "2.5" if box.output else "1.2",
        "fontsize": f"{size if len(box.lines) == 1 and not box.cells else SIZES['name']:g}",
        "margin": "0.02,0.02" if look.shape == "ellipse" else "0.12,0.08",
        "width": f"{(wide + margin) / POINTS_PER_INCH:.3f}",
        **attributes,
    }
