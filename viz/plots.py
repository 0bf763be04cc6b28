"""Training pictures: curves, layers, units and boundaries, drawn with matplotlib's object API.

Each takes the axes to draw on, `ax`, or makes a figure of its own, and returns the axes: a notebook
shows the picture where they end a cell, and `save_figure` writes ``ax.figure`` to a file. What it
shows of a model's inside comes from a `Recorder`. Matplotlib is imported when a picture is asked
for; it comes with the extra `plots`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Tensor, no_grad

from .files import write_whole
from .labels import counted, plain
from .recorder import SATURATED, Snapshot

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
# For curves without such a meaning: Okabe and Ito's colours, with dashes that repeat otherwise.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1a1a1a")
_DASHES = ("-", "--", ":", "-.")
_MUTED = "#767676"
_CLASSES = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1a1a1a", "#999999")
_MARKERS = "os^DvPX*"


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
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If no epoch has the metric.
    TypeError
        If the history has something else than mappings.

    Examples
    --------
    >>> ax = plot_loss([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    >>> [line.get_label() for line in ax.lines]
    ['training']
    """
    history = _listed("plot_loss", history, Mapping, '{"epoch": 1, "loss": 0.5}, as nn.fit returns')
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
    ax = _axes(ax)
    for prefix, points in curves.items():
        x, y = zip(*points, strict=True)
        look = _LOOKS[prefix]
        ax.plot(x, y, look.line, color=look.color, label=look.label, linewidth=1.8, markersize=3.5)
    ax.locator_params(axis="x", integer=True)
    ax.legend(frameon=False)
    return _finish(ax, metric, xlabel="epoch")


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
    metrics = ["loss"]
    if any("accuracy" in key for epoch in history for key in epoch):
        metrics.append("accuracy")
    figure = _figure(4.6 * len(metrics), 3.4)
    for ax, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        plot_loss(history, ax, metric=metric)
    return figure


def plot_grad_flow(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Plot the norm of the gradient that reaches each layer's output, on a log scale.

    Layers stand in the order of the forward pass. A line that falls to the left, towards the input,
    is a gradient that vanishes; one that climbs to the left explodes. What has no place on such a
    scale is marked on its edges: a gradient of exactly 0, as before a dead layer, by a cross below,
    one that is infinite or NaN by a triangle above.

    Parameters
    ----------
    snapshot : Snapshot
        One of `Recorder.history`, after a backward pass.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If no gradient was recorded.
    TypeError
        If `snapshot` is no Snapshot.
    """
    _snapshot("plot_grad_flow", snapshot)
    names = [name for name in snapshot.layers if name in snapshot.gradients]
    _need(names, "plot_grad_flow: no gradient was recorded; call backward() inside the recorder")
    ax = _axes(ax, width=max(4.8, 0.4 * len(names)))
    norms = np.array([snapshot.gradients[name] for name in names])
    places, on_scale = np.arange(len(norms)), np.isfinite(norms) & (norms != 0)
    curve = np.where(on_scale, norms, np.nan)
    ax.plot(places, curve, "-o", color=_COLORS[0], linewidth=1.8, markersize=3.5)
    if on_scale.any():
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, 1)
    for there, edge, mark, label in _off_scale(norms):
        _mark_edge(ax, places[there], edge, mark, color=_COLORS[1], label=label)
    if not on_scale.all():
        ax.legend(frameon=False)
    _name_layers(ax, names)
    return _finish(ax, "gradient of the loss by layer", ylabel="norm")


def plot_update_ratio(history: Sequence[Snapshot], ax: Axes | None = None) -> Axes:
    """Plot the size of each update relative to its weights, over the steps, on a log scale.

    About 1e-3, the dotted line, is a rule of thumb for matrices; parameters with one axis, biases
    for the most part, start at zero and are left out. A cross below is an update of exactly 0. A
    triangle above is a ratio that is infinite or NaN: the update is, the weights are, or they were
    all 0.

    Parameters
    ----------
    history : sequence of Snapshot
        As `Recorder.history` has them.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If the history is empty.
    TypeError
        If it has something else than Snapshots.
    """
    history = _listed(
        "plot_update_ratio", history, Snapshot, "Snapshots: the history of a Recorder"
    )
    _need(history, "plot_update_ratio: the history is empty; call step() of the recorder")
    ax = _axes(ax, width=5.6)
    names = [name for name, w in history[0].weights.items() if w.ndim > 1]
    steps = np.arange(1, len(history) + 1)
    for name, color, dash in zip(names, cycle(_COLORS), _dashes(len(names)), strict=False):
        ratios = np.array([s.weights[name].ratio for s in history])
        marks = _off_scale(ratios)
        counts = " and ".join(f"{what} in {there.sum()}" for there, _, _, what in marks)
        label = f"{name}, {counts} of {counted(len(steps), 'step')}" if marks else name
        curve = np.where(np.isfinite(ratios), ratios, np.nan)
        ax.plot(steps, curve, dash, color=color, label=label, linewidth=1.5)
        for there, edge, mark, _ in marks:
            _mark_edge(ax, steps[there], edge, mark, color=color)
    ax.axhline(1e-3, color=_MUTED, linestyle=":", linewidth=1)
    text = ax.text(1, 1e-3, "rule of thumb", ha="right", va="bottom", color=_MUTED, size="small")
    text.set_transform(ax.get_yaxis_transform())
    ax.set_yscale("log")
    ax.locator_params(axis="x", integer=True)
    few = len(names) <= 8
    if few:
        ax.legend(frameon=False, fontsize="small")
    xlabel = "step" if few else f"step; a curve for each of {len(names)} parameters"
    return _finish(ax, "update / weight", xlabel=xlabel)


def plot_activations(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Plot the distribution of what each layer returned: a violin each, with mean and deviation.

    Parameters
    ----------
    snapshot : Snapshot
        One of `Recorder.history`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If no layer was recorded.
    TypeError
        If `snapshot` is no Snapshot.
    """
    _snapshot("plot_activations", snapshot)
    layers = snapshot.layers
    _need(layers, "plot_activations: no layer was recorded; call the model inside the recorder")
    ax = _axes(ax, width=max(4.8, 0.55 * len(layers)))
    for i, layer in enumerate(layers.values()):
        finite = layer.values[np.isfinite(layer.values)].astype(np.float64)
        low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
        wide = max(0.5, 1e-6 * abs(low))
        narrow = high - low < 1e-9 * abs(low)  # too narrow for edges that differ
        ends = (low - wide, high + wide) if narrow and finite.size else None
        counts, edges = np.histogram(finite, 40, ends)
        middles = (edges[1:] + edges[:-1]) / 2
        width = 0.42 * counts / max(1, counts.max())
        ax.fill_betweenx(middles, i - width, i + width, color=_COLORS[4], alpha=0.6, linewidth=0)
        ax.errorbar(
            i,
            layer.mean,
            layer.std,
            fmt="o",
            color=_COLORS[6],
            markersize=3,
            linewidth=1,
            capsize=2,
        )
    _name_layers(ax, list(layers))
    return _finish(ax, "activations: mean and standard deviation")


def plot_dead_units(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Plot the share of units of each layer that pass no gradient on, or hardly any.

    Dead: the slope of the activation is 0 for every example. Saturated: below 5 % of the layer's
    largest slope for every example.

    Parameters
    ----------
    snapshot : Snapshot
        One of `Recorder.history`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If no layer ends in an activation function.
    TypeError
        If `snapshot` is no Snapshot.
    """
    _snapshot("plot_dead_units", snapshot)
    layers = {n: layer for n, layer in snapshot.layers.items() if layer.dead is not None}
    _need(layers, "plot_dead_units: no layer that was recorded ends in an activation function")
    ax = _axes(ax, width=max(4.8, 0.55 * len(layers)))
    dead = np.array([layer.dead for layer in layers.values()], dtype=float)
    saturated = np.array([layer.saturated for layer in layers.values()], dtype=float)
    places = np.arange(len(layers))
    ax.bar(places, dead, color=_COLORS[1], label="dead: slope 0")
    label = f"saturated: slope below {SATURATED:.0%}"
    ax.bar(places, saturated, bottom=dead, color=_COLORS[5], hatch="//", label=label)
    ax.set_ylim(0, 1)
    _name_layers(ax, list(layers))
    ax.legend(frameon=False)
    return _finish(ax, "units that hardly learn", ylabel="share of units")


def plot_decision_boundary(
    model: Callable[[Tensor], Tensor],
    x: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    resolution: int = 160,
) -> Axes:
    """Plot what a classifier says of each point of the plane, over the points it was trained on.

    Parameters
    ----------
    model : callable
        From a Tensor of shape (n, 2) to logits: of shape (n,) or (n, 1) for two classes, parted at
        0, or (n, classes). A module is asked in evaluation mode, and put back into its own.
    x : array_like of shape (n, 2)
        The model is asked in its dtype, about integers in float64.
    y : array_like of shape (n,), integer
        Classes from 0.
    ax : matplotlib Axes, optional
    resolution : int, default=160
        Points of the grid along each axis.

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    Raises
    ------
    ValueError
        If the points are not in the plane.
    """
    points, labels = np.asarray(x), np.asarray(y).reshape(-1)
    if points.dtype.kind != "f":  # between two whole numbers there is more to ask about
        points = points.astype(np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"plot_decision_boundary: x has shape {points.shape}; pass (n, 2)")
    ax = _axes(ax, width=4.4, height=3.8)
    from matplotlib.colors import ListedColormap

    margin = 0.15 * np.ptp(points, axis=0)
    (left, bottom), (right, top) = points.min(axis=0) - margin, points.max(axis=0) + margin
    across, up = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(points.dtype)
    with no_grad(), _evaluating(model):
        logits = np.asarray(model(Tensor(grid)).data).reshape(len(grid), -1)
    said = (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)
    classes = int(max(said.max(), labels.max())) + 1
    colors = [_CLASSES[i % len(_CLASSES)] for i in range(classes)]
    ax.imshow(
        said.reshape(resolution, resolution),
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=classes - 0.5,
        alpha=0.22,
        extent=(left, right, bottom, top),
        origin="lower",
        aspect="auto",
    )
    look: dict[str, Any] = {"s": 18, "edgecolor": "white", "linewidth": 0.4}
    for i, color in enumerate(colors):
        here, marker = points[labels == i], _MARKERS[i % len(_MARKERS)]
        ax.scatter(here[:, 0], here[:, 1], color=color, marker=marker, label=f"class {i}", **look)
    ax.legend(frameon=True, framealpha=0.8, fontsize="small")
    _finish(ax, "decision boundary", xlabel="first feature", ylabel="second feature")
    ax.grid(False)
    return ax


def plot_neurons(
    weight: ArrayLike | Tensor, shape: tuple[int, int] | None = None, *, most: int = 64
) -> Figure:
    """Show the weights of each unit as an image: what a first layer looks for in its input.

    Blue is negative, red positive; all units share one scale.

    Parameters
    ----------
    weight : array_like or Tensor of shape (units, height * width)
        Such as the weight of a Linear on images; or (units, height, width).
    shape : (int, int), optional
        Height and width; if None those of a weight of three axes, else a square.
    most : int, default=64
        How many units to show at most, the first ones.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If the inputs do not make an image of that shape.
    """
    w = np.asarray(weight.data if isinstance(weight, Tensor) else weight)
    if shape is None and w.ndim == 3:
        shape = w.shape[1:]
    w = w.reshape(len(w), -1)
    if shape is None:
        side = round(w.shape[1] ** 0.5)
        shape = (side, side)
    if shape[0] * shape[1] != w.shape[1]:
        raise ValueError(f"plot_neurons: {w.shape[1]} inputs make no image of shape {shape}")
    shown = w[:most].reshape(-1, *shape)
    columns = min(len(shown), 8)
    rows = -(-len(shown) // columns)
    figure = _figure(0.75 * columns, 0.75 * rows)
    limit = float(np.abs(shown).max()) or 1.0
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, image in zip(axes, shown, strict=False):
        ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    return figure


def plot_loss_landscape(
    loss: Callable[[], Tensor],
    parameters: Sequence[Tensor],
    ax: Axes | None = None,
    *,
    span: float = 1.0,
    resolution: int = 21,
    rng: np.random.Generator | int | None = 0,
) -> Axes:
    """Plot the loss over a plane through the weights, along two random directions.

    Each direction has, for each unit of each parameter, the norm of the unit's weights, so that
    networks of different scale can be compared. The weights are put back afterwards, and nothing
    else: a `loss` that runs a model with BatchNorm in training mode moves the running statistics.
    Call ``model.eval()`` before and ``model.train()`` after, if they shall stay.

    Parameters
    ----------
    loss : callable
        Computes the loss of the parameters as they are.
    parameters : sequence of Tensor
    ax : matplotlib Axes, optional
    span : float, default=1.0
        How far to go each way, in norms of the weights.
    resolution : int, default=21
        Points along each direction: the loss is computed resolution**2 times.
    rng : numpy.random.Generator or int, default=0

    Returns
    -------
    matplotlib Axes, on ``ax.figure``

    References
    ----------
    Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of Neural Nets", 2018,
    arXiv:1712.09913, section 4 (filter normalisation).
    """
    ax = _axes(ax, width=4.8, height=3.8)
    rng = np.random.default_rng(rng)
    parameters = list(parameters)
    centre = [np.array(p.data) for p in parameters]
    first, second = ([_direction(w, rng) for w in centre] for _ in range(2))
    steps = np.linspace(-span, span, resolution)
    heights = np.empty((resolution, resolution))
    with no_grad():
        try:
            for i, up in enumerate(steps):
                for j, across in enumerate(steps):
                    for p, w, a, b in zip(parameters, centre, first, second, strict=True):
                        p[...] = w + across * a + up * b
                    heights[i, j] = loss().item()
        finally:
            for p, w in zip(parameters, centre, strict=True):
                p[...] = w
    lines = ax.contourf(steps, steps, heights, levels=20, cmap="viridis")
    ax.figure.colorbar(lines, ax=ax, label="loss")
    ax.plot(0, 0, "+", color="white", markersize=10)
    _finish(ax, "loss around the weights", xlabel="first direction", ylabel="second direction")
    ax.grid(False)
    return ax


def dashboard(history: Sequence[Snapshot], losses: Sequence[float] | None = None) -> Figure:
    """Show a training from inside, on one page: loss, gradients, updates, activations, dead units.

    Parameters
    ----------
    history : sequence of Snapshot
        As `Recorder.history` has them; the last one shows the layers.
    losses : sequence of float, optional
        The loss of each step.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If the history is empty.
    TypeError
        If it has something else than Snapshots.
    """
    history = _listed("dashboard", history, Snapshot, "Snapshots: the history of a Recorder")
    _need(history, "dashboard: the history is empty; call step() of the recorder")
    last = history[-1]
    panels: list[Callable[[Axes], Any]] = []
    if losses is not None:
        curve = [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, start=1)]
        panels.append(lambda ax: plot_loss(curve, ax).set_xlabel("step"))
    panels.append(lambda ax: plot_update_ratio(history, ax))
    if any(name in last.gradients for name in last.layers):
        panels.append(lambda ax: plot_grad_flow(last, ax))
    if last.layers:
        panels.append(lambda ax: plot_activations(last, ax))
    if any(layer.dead is not None for layer in last.layers.values()):
        panels.append(lambda ax: plot_dead_units(last, ax))
    rows = -(-len(panels) // 2)
    figure = _figure(11, 3.6 * rows)
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, panel in zip(axes, panels, strict=False):
        panel(ax)
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


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Switch a model that has modes to evaluation mode, and each of its modules back after."""
    has_modes = hasattr(model, "eval") and hasattr(model, "modules")
    before = [(module, module.training) for module in model.modules()] if has_modes else []
    if has_modes:
        model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _axes(ax: Axes | None, *, width: float = 4.8, height: float = 3.4) -> Axes:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    figure = _figure(width, height)
    from .shown import Axes

    return figure.subplots(subplot_kw={"axes_class": Axes})


def _figure(width: float, height: float) -> Figure:
    try:
        from .shown import Figure
    except ImportError as error:
        raise ImportError(
            "viz: the package matplotlib, which draws curves, is not installed; "
            "pip install gradwalk[plots]"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _finish(ax: Axes, title: str, *, xlabel: str = "", ylabel: str = "") -> Axes:
    ax.set_title(title)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _off_scale(values: NDArray[Any]) -> list[tuple[NDArray[Any], int, str, str]]:
    """What has no place on a log scale: where it is, the edge and the mark for it, and its name."""
    kinds = [(values == 0, 0, "X", "exactly 0"), (~np.isfinite(values), 1, "^", "not finite")]
    return [kind for kind in kinds if kind[0].any()]


def _mark_edge(ax: Axes, places: Any, edge: int, mark: str, **look: Any) -> None:
    """Mark places below (edge 0) or above (1) all that a log scale has room for."""
    at, where = np.full(len(places), edge), ax.get_xaxis_transform()
    ax.plot(places, at, mark, transform=where, clip_on=False, zorder=3, **look)


def _name_layers(ax: Axes, names: Sequence[str]) -> None:
    """Write the paths of modules under the axis, briefly.

    They lose the part that all of them begin with, the classes of the modules around, and of what
    is still long the middle.
    """
    parts = [name.split(".") for name in names]
    depth = 0
    while all(len(p) > depth + 1 and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    short = [
        plain(".".join([*(part.partition(": ")[0] for part in p[depth:-1]), p[-1]]), 20)
        for p in parts
    ]
    every = -(-len(names) // 24)  # more would overlap
    ax.set_xticks(range(0, len(names), every), short[::every], rotation=45, ha="right")


def _dashes(n: int) -> list[str]:
    """A dash for each of n curves: another one when the colours begin again."""
    return [_DASHES[i // len(_COLORS) % len(_DASHES)] for i in range(n)]


def _listed(where: str, history: Any, kind: type, example: str) -> list[Any]:
    """Return the history as a list, or refuse what is none of such a kind."""
    if not isinstance(history, Iterable):
        raise TypeError(f"{where}: got a {type(history).__name__}; pass a list of {example}")
    items = list(history)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(
                f"{where}: the history has a {type(item).__name__}; pass a list of {example}"
            )
    return items


def _snapshot(where: str, snapshot: Any) -> None:
    if not isinstance(snapshot, Snapshot):
        raise TypeError(
            f"{where}: got a {type(snapshot).__name__}; pass a Snapshot, such as the last of a "
            "Recorder: recorder.history[-1]"
        )


def _need(there: Any, otherwise: str) -> None:
    if not there:
        raise ValueError(otherwise)


def _direction(w: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """A random direction that has the norm of the weights, unit by unit."""
    d = rng.standard_normal(w.shape)
    axes = tuple(range(1, w.ndim))
    if not axes:
        return np.zeros_like(w)  # biases stay, as in the paper
    scale = np.linalg.norm(w.reshape(len(w), -1), axis=1) / np.linalg.norm(
        d.reshape(len(w), -1), axis=1
    )
    scaled: NDArray[Any] = (d * scale.reshape(-1, *(1 for _ in axes))).astype(w.dtype)
    return scaled
