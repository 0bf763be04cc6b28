"""SVG that is safe to put in a page: rebuilt element by element from what an engine wrote.

Only shapes and text are copied, and only attributes that say where and in what colour. Text comes
from the `Figure`, not from the engine, so that it is shown as it is.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from .figure import Arrow, Box, Figure, Frame, Line
from .heat import SHADES, cell_width, runs
from .labels import width
from .style import (
    CAPTION_SIZE,
    CELL,
    FONT,
    FRAME_SIZE,
    GRAD_INK,
    INK,
    LINE,
    MUTED,
    PAPERS,
    SIZES,
    TITLE_SIZE,
    Theme,
)

STYLE = re.compile(' style="([^"]*)"')
"""How a picture fits where it is shown: the first attribute of this name in its text."""

_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = ("path", "polygon", "polyline", "ellipse", "circle", "rect", "line")
_ATTRIBUTES = (
    *("d", "points", "cx", "cy", "rx", "ry", "r", "x", "y", "x1", "y1", "x2", "y2"),
    *("width", "height", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity"),
    *("stroke-dasharray",),
)
_MARGIN = 8.0
_READABLE = 0.6  # of its size: a picture that does not fit shrinks so far, then scrolls
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMBERS_OF_A_BOX = {"polygon": 10, "path": 50}  # as Graphviz writes plain and rounded ones


def from_engine(raw: bytes, figure: Figure, theme: Theme = "auto") -> str:
    """Return the figure as SVG, in the places that a layout engine's SVG gives.

    Parameters
    ----------
    raw : bytes
        What Graphviz wrote for the DOT source of `figure`.
    figure : Figure
    theme : {'auto', 'light', 'dark'}, default='auto'
        The paper to draw on; 'auto' draws none.

    Returns
    -------
    str
        The same for the same input. Ids begin with a hash of the content, so that several figures
        share a page; the size is given by viewBox, width, height and a maximal width.
    """
    prefix = "gw" + hashlib.sha256(raw).hexdigest()[:10]
    found = ET.fromstring(raw)
    drawing = found.find(f"{_SVG}g")
    if drawing is None:
        raise ValueError("svg: the layout engine wrote no drawing")
    left, top, right, bottom = _bounds(found, drawing)
    body = ET.Element(
        "g",
        {
            "font-family": FONT,
            "font-size": f"{SIZES['text']:g}",
            "text-anchor": "middle",
            "fill": INK,
        },
    )
    groups = {group.get("id"): group for group in drawing.findall(f"{_SVG}g")}
    for frame in figure.frames:
        _copy_frame(groups[frame.id], frame, prefix, body, MUTED[theme])
    for arrow in figure.arrows:
        _copy_arrow(groups[arrow.id], arrow, prefix, body, MUTED[theme])
    for box in figure.boxes:
        _copy_box(groups[box.id], box, prefix, body)
    caption = _caption(figure)
    lines = drawing.findall(f"{_SVG}text")
    for line, place in zip(caption, lines, strict=False):
        x = float(place.get("x", "0"))
        half = width(line.text) * _size(line) / 2
        left, right = min(left, x - half), max(right, x + half)
        _write(body, line, x, place.get("y", "0"), MUTED[theme])
    return _document(figure, prefix, body, (left, top, right, bottom), theme)


def from_text(text: str, figure: Figure, theme: Theme = "auto") -> str:
    """Return lines of text as SVG, for where there is no layout engine."""
    prefix = "gw" + hashlib.sha256(text.encode()).hexdigest()[:10]
    body = ET.Element("g", {"font-family": "monospace", "font-size": "12"})
    lines = text.splitlines()
    for i, line in enumerate(lines):
        row = ET.SubElement(body, "text", {"x": "0", "y": f"{16 * i}", "fill": MUTED[theme]})
        row.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        row.text = line
    longest = max(map(len, lines), default=0)
    bounds = (0, -14, 7.8 * longest, 16 * len(lines) - 10)
    return _document(figure, prefix, body, bounds, theme)


def _document(
    figure: Figure,
    prefix: str,
    body: ET.Element,
    bounds: tuple[float, float, float, float],
    theme: Theme,
) -> str:
    left, top, right, bottom = bounds
    wide, high = right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN
    place = {"x": f"{left - _MARGIN:.2f}", "y": f"{top - _MARGIN:.2f}"}
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "id": prefix,
            "width": f"{wide:.0f}",
            "height": f"{high:.0f}",
            "viewBox": f"{place['x']} {place['y']} {wide:.2f} {high:.2f}",
            "style": f"max-width:max(100%,{_READABLE * wide:.0f}px);height:auto",
            "role": "img",
            "aria-labelledby": f"{prefix}-title {prefix}-desc",
        },
    )
    ET.SubElement(svg, "title", {"id": f"{prefix}-title"}).text = figure.title or "Compute graph"
    ET.SubElement(svg, "desc", {"id": f"{prefix}-desc"}).text = figure.about
    if theme in PAPERS:
        size = {"width": f"{wide:.2f}", "height": f"{high:.2f}"}
        ET.SubElement(svg, "rect", {**place, **size, "fill": PAPERS[theme]})
    svg.append(body)
    ET.indent(svg, "")
    return ET.tostring(svg, encoding="unicode") + "\n"


def _bounds(found: ET.Element, drawing: ET.Element) -> tuple[float, float, float, float]:
    """The extent of the drawing in its own coordinates, whose origin the engine moves."""
    _, _, wide, high = map(float, found.get("viewBox", "0 0 100 100").split())
    move = drawing.get("transform", "").partition("translate(")[2].partition(")")[0]
    dx, dy = map(float, move.replace(",", " ").split()) if move else (0.0, 0.0)
    return -dx, -dy, wide - dx, high - dy


def _group(source: ET.Element, prefix: str, kind: str, about: str, to: ET.Element) -> ET.Element:
    group = ET.SubElement(to, "g", {"id": f"{prefix}-{source.get('id')}", "class": kind})
    ET.SubElement(group, "title").text = about
    for shape in source.iter():
        tag = shape.tag.removeprefix(_SVG) if isinstance(shape.tag, str) else ""
        if tag in _SHAPES:
            attributes = {k: shape.attrib[k] for k in _ATTRIBUTES if k in shape.attrib}
            tag, attributes = _shorter(tag, attributes)
            ET.SubElement(group, tag, attributes)
    return group


def _shorter(tag: str, attributes: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The same shape in fewer characters: tenths of a point, and a rectangle as one."""
    for key in ("d", "points"):
        if key not in attributes:
            continue
        numbers = list(map(float, _NUMBER.findall(attributes[key])))
        if len(numbers) == _NUMBERS_OF_A_BOX.get(tag):
            xs, ys = numbers[::2], numbers[1::2]
            left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
            if tag == "path" or {*numbers} == {left, top, right, bottom}:
                place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
                if tag == "path":
                    place["rx"] = min(xs[0] - left, right - xs[0])  # it begins where a corner does
                del attributes[key]
                return "rect", {**{k: _tenths(v) for k, v in place.items()}, **attributes}
        attributes[key] = _NUMBER.sub(lambda m: _tenths(float(m.group())), attributes[key])
    return tag, attributes


def _tenths(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def _copy_frame(source: ET.Element, frame: Frame, prefix: str, to: ET.Element, ink: str) -> None:
    group = _group(source, prefix, "frame", f"call {frame.label}", to)
    rect = group.find("rect")
    for place in source.iter(f"{_SVG}text"):
        line, x = Line(frame.label, "text"), float(place.get("x", "0"))
        text = _write(group, line, x, place.get("y", "0"), ink, FRAME_SIZE)
        if rect is None:
            continue
        # fonts may be wider than the engine thinks
        wide = float(rect.get("width", "0"))
        middle, spare = float(rect.get("x", "0")) + wide / 2, wide - width(frame.label) * FRAME_SIZE
        if spare > 0:
            text.set("x", f"{min(max(x, middle - spare / 2), middle + spare / 2):g}")
        else:
            text.set("x", f"{middle:g}")
            text.set("textLength", _tenths(wide - 8))
            text.set("lengthAdjust", "spacingAndGlyphs")


def _copy_arrow(source: ET.Element, arrow: Arrow, prefix: str, to: ET.Element, ink: str) -> None:
    group = _group(source, prefix, "edge", arrow.about, to)
    group.set("data-source", arrow.source)
    group.set("data-target", arrow.target)
    for place in source.iter(f"{_SVG}text"):
        line = Line(arrow.label, "text")
        _write(group, line, float(place.get("x", "0")), place.get("y", "0"), ink)


def _copy_box(source: ET.Element, box: Box, prefix: str, to: ET.Element) -> None:
    group = _group(source, prefix, "node", box.about, to)
    places = source.findall(f".//{_SVG}text")
    for line, place in zip(box.lines, places, strict=False):
        plainly = box.fill is not None or line.role not in ("grad", "state")
        ink = INK if plainly else GRAD_INK  # which is too light for a dark shade
        _write(group, line, float(place.get("x", "0")), place.get("y", "0"), ink)
    if box.cells:
        below = places[len(box.lines)]
        _draw_cells(group, box.cells, float(below.get("x", "0")), float(below.get("y", "0")) - 9)


def _draw_cells(to: ET.Element, rows: Sequence[str], middle: float, top: float) -> None:
    """Draw cells as one path for each shade."""
    wide = cell_width(len(rows[0]))
    left = middle - wide * len(rows[0]) / 2
    paths: dict[str, str] = {}
    for i, row in enumerate(rows):
        for start, length, shade in runs(row):
            x, y = _tenths(left + wide * start), _tenths(top + CELL * i)
            run = _tenths(wide * length)
            paths[shade] = paths.get(shade, "") + f"M{x},{y}h{run}v{CELL}h-{run}z"
    frame = ET.SubElement(to, "g", {"shape-rendering": "crispEdges"})
    for shade, path in sorted(paths.items()):
        ET.SubElement(frame, "path", {"d": path, "fill": SHADES[int(shade)]})
    size = {"width": _tenths(wide * len(rows[0])), "height": _tenths(CELL * len(rows))}
    outline = {"fill": "none", "stroke": LINE, "stroke-width": "0.5"}
    ET.SubElement(frame, "rect", {"x": _tenths(left), "y": _tenths(top), **size, **outline})


def _caption(figure: Figure) -> Sequence[Line]:
    title = [Line(figure.title, "name")] if figure.title else []
    return [*title, *(Line(note, "text") for note in figure.notes)]


def _size(line: Line) -> float:
    return TITLE_SIZE if line.role == "name" else CAPTION_SIZE


def _write(
    to: ET.Element, line: Line, x: float, y: str, ink: str, size: float | None = None
) -> ET.Element:
    """Write a line; what is as in the whole figure is not said again."""
    size = size or SIZES[line.role]
    attributes = {"x": f"{x:g}", "y": y}
    if size != SIZES["text"]:
        attributes["font-size"] = f"{size:g}"
    if ink != INK:
        attributes["fill"] = ink
    if line.role in ("name", "state"):
        attributes["font-weight"] = "bold"
    if line.role == "grad":
        attributes["class"] = "grad"
    text = ET.SubElement(to, "text", attributes)
    if "  " in line.text or line.text != line.text.strip():
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    text.text = line.text
    return text
