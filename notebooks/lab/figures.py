"""Figures in a notebook: a PNG that shows without trust, and the same bytes each time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Picture:
    """A figure as a notebook shows it, with a text for those who do not see it."""

    def __init__(self, png: bytes, alt: str) -> None:
        self.png, self.alt = png, alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"image/png": self.png, "text/plain": self.alt}

    def __repr__(self) -> str:
        return self.alt


def show(figure: Figure | Axes, alt: str) -> Picture:
    """Return a matplotlib figure, or that of an Axes, as a picture for the end of a cell.

    Parameters
    ----------
    figure : matplotlib Figure or Axes
    alt : str
        What the figure shows, in a sentence.

    Returns
    -------
    Picture
    """
    figure = getattr(figure, "figure", figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=96, metadata={"Software": None}, facecolor="white")
    return Picture(file.getvalue(), alt)


def tidy(ax: Axes, *, grid: bool = True, **labels: str) -> None:
    """Write the labels (title, xlabel, ylabel); leave two lines around, and a faint grid."""
    ax.set(**labels)
    if grid:
        ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
