"""Colours, shapes and sizes: one table, read by every writer.

The hues are Okabe and Ito's, told apart by colour-blind readers, as light tints under dark text.
Text has a contrast of at least 4.5 to 1 on what is under it, lines one of 3 to 1 on white and on
black. No meaning rests on colour alone: shapes, dashes and words carry it too.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Theme: TypeAlias = Literal["auto", "light", "dark"]
"""The paper behind a picture; 'auto' is the reader's."""

PAPERS: dict[Theme, str] = {"light": "#ffffff", "dark": "#16181d"}

FONT = "Helvetica,Arial,sans-serif"
INK = "#1a1a1a"
GRAD_INK = "#9a3a00"
MUTED: dict[Theme, str] = {"auto": "#767676", "light": "#4d535e", "dark": "#b8bfca"}
"""Text on the paper or on frames; where the paper is not known, of equal contrast on white and on
black. The page has its own rule for that one."""
LINE = "#808080"
OUTPUT = "#5f6b7a"

SIZES = {"name": 13.0, "op": 17.0, "text": 11.5, "grad": 11.5, "state": 11.5}
CELL = 4.5  # the side of a cell of a small picture of an array, in points
CAPTION_SIZE = 11.5
TITLE_SIZE = 13.0
FRAME_SIZE = 11.5
FRAME_FILL = "#80808014"
SHADED_FRAMES = 6  # frames in frames that darken the paper; on more, their names would fade


class BoxStyle(NamedTuple):
    """How a box looks, in Graphviz's words."""

    fill: str
    line: str
    shape: str = "box"
    style: str = "rounded,filled"


_TINTS = {
    "elementwise": ("#d8eaf7", "#0072b2"),
    "linear": ("#d3f0e5", "#008a64"),
    "multilinear": ("#fde3d0", "#c25400"),
    "reduction": ("#f7e0ec", "#b3538a"),
    "other": ("#e9e4f5", "#6b5ca5"),
}

BOXES = {
    "leaf": BoxStyle("#fff3c4", "#a67c00", style="filled"),
    "constant": BoxStyle("#f1f1f1", "#808080", style="filled,dashed"),
    "value": BoxStyle("#ffffff", "#808080"),
    "call": BoxStyle("#e6ecf5", "#44546a", shape="box3d", style="filled"),
    "hidden": BoxStyle("#f1f1f1", "#808080", style="rounded,filled,dotted"),
    **{f"op {kind}": BoxStyle(*tint, "ellipse", "filled") for kind, tint in _TINTS.items()},
    **{f"result {kind}": BoxStyle(*tint) for kind, tint in _TINTS.items()},
}

Mark: TypeAlias = Literal["", "zero", "uncomputed", "blocked", "nan", "wrong", "added", "removed"]
"""What is particular about a value; it shows in the outline."""

MARKS: dict[Mark, tuple[str, dict[str, str]]] = {
    "zero": ("dashed", {}),
    "uncomputed": ("dotted", {}),
    "blocked": ("diagonals", {}),
    "nan": ("", {"peripheries": "2", "color": "#b3261e", "penwidth": "1.8"}),
    "wrong": ("", {"peripheries": "3", "color": "#b3261e", "penwidth": "1.8"}),
    "added": ("", {"peripheries": "2"}),
    "removed": ("dotted", {}),
}
"""For each mark what it adds to the style of a box, and further attributes, in Graphviz's words."""

MEANINGS: dict[Mark, str] = {
    "zero": "dashed outline: the gradient is 0",
    "uncomputed": "dotted outline: the gradient is not computed",
    "blocked": "cut corners: the gradient stops here",
    "nan": "double outline: the first NaN",
    "wrong": "triple outline: the rule is wrong",
    "added": "double outline: new",
    "removed": "dotted outline: gone",
}
