"""The figures of 01_mlp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..figures import tidy
from . import mlp


def interpolants(widths: Sequence[int]) -> Figure:
    """Draw the function and the networks through it."""
    figure = Figure(figsize=(4.2 * len(widths), 3.2), layout="constrained")
    axes = figure.subplots(1, len(widths), sharey=True, squeeze=False)[0]
    for ax, n in zip(axes, widths, strict=True):
        knots = np.linspace(0, 1, n + 1)
        ax.plot(mlp.GRID, mlp.target(mlp.GRID), color="#767676", linewidth=3, alpha=0.5, label="f")
        network = mlp.values(mlp.interpolant(n))
        ax.plot(mlp.GRID, network, color="#0072b2", linewidth=1.2, label=f"{n} relus")
        ax.plot(knots, mlp.target(knots), "o", color="#d55e00", markersize=3, label="knots")
        tidy(ax, title=f"width {n}", xlabel="x")
        ax.legend(frameon=False, fontsize="small")
    axes[0].set_ylabel("output")
    return figure


def folds(numbers: Sequence[int]) -> Figure:
    """Draw sawtooth networks."""
    figure = Figure(figsize=(2.4 * len(numbers), 2.2), layout="constrained")
    axes = figure.subplots(1, len(numbers), sharey=True, squeeze=False)[0]
    x = np.linspace(0, 1, 1025)
    for ax, k in zip(axes, numbers, strict=True):
        ax.plot(x, mlp.values(mlp.sawtooth(k), x), color="#0072b2", linewidth=1.2)
        tidy(ax, title=f"{k} folds" if k > 1 else "1 fold", xlabel="x")
    axes[0].set_ylabel("output")
    return figure


def filters(seed: int = 0) -> Figure:
    """Draw the first filters of the CNN before and after training."""
    before, after, _ = mlp.trained_filters(seed)
    figure = Figure(figsize=(7.2, 2.2), layout="constrained")
    for row, (name, images) in enumerate((("before", before), ("after", after))):
        for i, image in enumerate(images):
            ax = figure.add_subplot(2, 8, 8 * row + i + 1)
            limit = np.abs(image).max()
            ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
            if i == 0:
                ax.set_ylabel(name)
    return figure
