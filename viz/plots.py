"""Training pictures: curves over epochs, drawn with matplotlib's object API.

Matplotlib is imported when a picture is asked for; it comes with the extra `plots`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class _Look(NamedTuple):
    label: str
    line: str
    color: str


# Okabe and Ito's blue, vermilion and green; dashes and marks tell them apart without colour.
_LOOKS = {
    "": _Look("training", "-o", "#0072b2"),
    "test_": _Look("test", "--s", "#d55e00"),
    "val_": _Look("validation", ":^", "#009e73"),
}


def plot_loss(
    history: Sequence[Mapping[str, float]], ax: Axes | None = None, *, metric: str = "loss"
) -> Axes:
    """Plot the loss, or another metric, over the epochs; return the axes.

    Parameters
    ----------
    history : sequence of mappings
        One for each epoch, as `nn.fit` returns them: ``{"epoch": 1, "loss": 0.5, "test_loss":
        0.6}``. What an epoch lacks is left out of its curve.
    ax : matplotlib Axes, optional
        Where to plot; on a figure of its own if None.
    metric : str, default='loss'
        The curves are `metric`, and what stands under ``test_`` and ``val_`` before it.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If no epoch has the metric.

    Examples
    --------
    >>> ax = plot_loss([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    >>> [line.get_label() for line in ax.lines]
    ['training']
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = {}
    for prefix in _LOOKS:
        points = [
            (epoch.get("epoch", i), epoch[prefix + metric])
            for i, epoch in enumerate(history, start=1)
            if prefix + metric in epoch
        ]
        if points:
            curves[prefix] = points
    if not curves:
        raise ValueError(f"plot_loss: no epoch of the history has a {metric!r}")
    if ax is None:
        ax = Figure(figsize=(4.8, 3.4), layout="constrained").subplots()
    for prefix, points in curves.items():
        x, y = zip(*points, strict=True)
        look = _LOOKS[prefix]
        ax.plot(x, y, look.line, color=look.color, label=look.label, linewidth=1.8, markersize=3.5)
    ax.set_xlabel("epoch")
    ax.set_title(metric)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax


def plot_training(history: Sequence[Mapping[str, float]]) -> Figure:
    """Plot loss and accuracy over the epochs, side by side; return the figure.

    Parameters
    ----------
    history : sequence of mappings
        As for `plot_loss`; without an accuracy, the loss stands alone.

    Returns
    -------
    matplotlib Figure
        Save it with `save_figure`, which writes the same file each time.

    Examples
    --------
    >>> figure = plot_training([{"epoch": 1, "loss": 2.0, "accuracy": 0.4, "test_accuracy": 0.3}])
    >>> [ax.get_title() for ax in figure.axes]
    ['loss', 'accuracy']
    """
    from matplotlib.figure import Figure

    metrics = ["loss"]
    if any("accuracy" in key for epoch in history for key in epoch):
        metrics.append("accuracy")
    figure = Figure(figsize=(4.6 * len(metrics), 3.4), layout="constrained")
    for ax, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        plot_loss(history, ax, metric=metric)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a matplotlib figure to a file that is the same each time, such as an SVG.

    Matplotlib would put the date and random ids in it.

    Parameters
    ----------
    figure : matplotlib Figure
    path : path
        Its ending says in which format: .svg, .png, .pdf.

    Returns
    -------
    Path
    """
    import matplotlib

    kind = Path(path).suffix.lower().removeprefix(".")
    stamp = {"svg": "Date", "pdf": "CreationDate"}.get(kind)
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "gradwalk"}):
        figure.savefig(content, format=kind, metadata={stamp: None} if stamp else None)
    return write_whole(path, content.getvalue())
