"""Figures and axes of matplotlib that a notebook shows where they end a cell.

Matplotlib shows its own only if pyplot made them, and axes not at all. Those here are no business
of pyplot, which would draw on them by accident and keep them until they are closed.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib.axes
import matplotlib.figure

_DOTS = 96  # to an inch of a page; a picture has twice as many, for fine screens


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return _picture(self)


class Axes(matplotlib.axes.Axes):
    """Axes that are shown as the figure they are on."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return _picture(self.figure)


def _picture(figure: Any) -> tuple[dict[str, bytes], dict[str, dict[str, int]]]:
    """Return the figure as PNG, and the size it has on a page."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=2 * _DOTS, metadata={"Software": None})
    width, height = (int(_DOTS * inches) for inches in figure.get_size_inches())
    return {"image/png": content.getvalue()}, {"image/png": {"width": width, "height": height}}
