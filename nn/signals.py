"""How large signals are on their way through a model and back: `init.report`.

A layer that multiplies the second moment by 0.9 leaves 0.5 % of it after 50 layers. Here it is
measured, for what each layer puts out and for the gradient with respect to that, and put in words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from autograd import Tensor, backprop, enable_grad
from autograd.units import unit_axis
from nn.activation import ACTIVATIONS, Hardtanh, ReLU, ReLU6
from nn.module import Module
from nn.random import generator
from nn.table import as_html, grid

LOST = 1e-3
"""A second moment that has changed by this factor, or one over it, is no longer healthy."""


@dataclass
class Signal:
    """One row of a report.

    Attributes
    ----------
    path : str
        As in `Module.named_modules`; 'input' for what the model was called with.
    name : str
        The class; '' for the input.
    forward : float
        The mean square of what the layer put out; infinite if a value is not finite.
    backward : float
        That of the gradient with respect to it; NaN where there is none.
    dead : float
        The part of its units, on the last axis or the channels of a convolution, that are 0 for
        the whole batch.
    saturated : float
        The part of its values within a fiftieth of the bounds, for an activation that has two:
        those of the module, as in ``Hardtanh(-20, 20)``. Of a ReLU6 only values above 0 count.
        It and `dead` go by outputs; those of ``viz.Recorder`` go by the slopes of units.
    faults : list of str
        What is wrong.
    verdict : str
        That in one line, or 'healthy'.
    """

    path: str
    name: str
    forward: float
    backward: float = math.nan
    dead: float = 0.0
    saturated: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """'healthy', or what is wrong."""
        return ", ".join(self.faults) or "healthy"


@dataclass(frozen=True)
class Report:
    """What `report` found. Print it for a table; a notebook shows one by itself.

    Attributes
    ----------
    layers : list of Signal
        The input, then the layers in the order in which they were called.
    depth : int
        How many of them have a matrix of weights.
    """

    layers: list[Signal]
    depth: int

    @property
    def forward_rate(self) -> float:
        """The factor on the second moment for each layer with weights, on the way forward."""
        return _rate(self.layers[-1].forward, self.layers[0].forward, self.depth)

    @property
    def backward_rate(self) -> float:
        """The same for the gradient on its way back."""
        return _rate(self.layers[0].backward, self.layers[-1].backward, self.depth)

    @property
    def verdict(self) -> str:
        """'healthy', or what is wrong, as the rows have it, each once."""
        return ", ".join(dict.fromkeys(f for s in self.layers for f in s.faults)) or "healthy"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text: a heading, then the layers."""
        rows: list[tuple[str, ...]] = [("layer", "forward", "backward", "verdict")]
        for s in self.layers:
            title = f"{s.path}: {s.name}" if s.name else s.path
            details = [
                f"{part:.0%} {what}"
                for part, what in ((s.dead, "dead"), (s.saturated, "saturated"))
                if part >= 0.005
            ]
            verdict = f"{s.verdict} ({', '.join(details)})" if details else s.verdict
            rows.append((title, _number(s.forward), _number(s.backward), verdict))
        return rows

    def notes(self) -> str:
        """Return in words what is below the table."""
        return (
            f"second moment for each of {self.depth} layers with weights: "
            f"forward x{_number(self.forward_rate)}, backward x{_number(self.backward_rate)}\n"
            f"verdict: {self.verdict}"
        )

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return f"{grid(rows, widths)}\n{self.notes()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = "<br>".join(self.notes().split("\n"))
        return f"{as_html(self.rows())}\n<p>{notes}</p>"


def report(
    model: Module,
    *inputs: Any,
    loss: Callable[[Any], Tensor] | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Report:
    """Run a model once forward and back, and tell for each layer how large the signals are.

    Parameters
    ----------
    model : Module
        It stays as it is: its gradients, its running statistics, its mode.
    *inputs : array_like or Tensor
        What to call it with: one batch, of zero mean and unit variance or real data.
    loss : callable, optional
        Makes a scalar of the output, whose gradient goes back. If None, a gradient of independent
        normal numbers does, which tells of the model alone.
    rng : numpy.random.Generator, int or None, default=0
        Draws that gradient.

    Returns
    -------
    Report
        Layers are the modules without modules in them. A verdict compares the forward second
        moment with that of the input, the backward one with that of the output: "shrinking" and
        "vanishing" below a thousandth of it, "growing" and "exploding" above a thousand times it;
        "dead" where half of the units are 0 for all examples, "saturated" where half of the
        values lie near the bounds of the activation, "not finite" at the first inf or NaN.

    Raises
    ------
    ValueError
        If the model calls no layer.

    Examples
    --------
    >>> from nn import MLP
    >>> x = np.random.default_rng(1).normal(size=(200, 64))
    >>> print(report(MLP([64, 64, 64], dtype=np.float64, rng=0), x).notes())
    second moment for each of 2 layers with weights: forward x1, backward x1
    verdict: healthy
    """
    seen: list[tuple[Module, Tensor]] = []

    def watched(module: Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        out = forward(*args, **kwargs)
        first = first_tensor(out)
        if first is not None:
            seen.append((module, first))
        return out

    tensors = [_leaf(x) for x in inputs]
    leaves = {m for m in model.modules() if next(m.children(), None) is None}
    quiet = np.errstate(all="ignore")  # what is not finite stands in the report
    with watching(leaves, watched), unchanged_buffers(model), enable_grad(), quiet:
        out = model(*tensors)
        root = first_tensor(out) if loss is None else loss(out)
        if root is None or not seen:
            raise ValueError(
                f"report: {type(model).__name__} called no layer that put out a tensor"
            )
        gradients = _gradients(root, generator(rng), random=loss is None)
    rows = []
    for x in [x for x in tensors if x.dtype.kind == "f"][:1]:
        rows.append(Signal("input", "", mean_square(x.data)))
        rows[0].backward = mean_square(gradients.get(x))
    paths = {module: path for path, module in model.named_modules()}
    for module, value in seen:
        signal = Signal(paths[module] or "model", type(module).__name__, mean_square(value.data))
        signal.backward = mean_square(gradients.get(value))
        signal.dead = _dead(value)
        signal.saturated = saturated(value.data, bounds(module), rectifier=rectifies(module))
        rows.append(signal)
    for signal in rows:
        signal.faults = faults(signal, rows[0].forward, rows[-1].backward)
    return Report(rows, sum(map(has_matrix, dict.fromkeys(module for module, _ in seen))))


# Looking on while a model runs.


@contextmanager
def watching(modules: Any, see: Callable[..., Any]) -> Iterator[None]:
    """Let ``see(module, forward, *args)`` run in the place of the forward of each module."""
    before = {m: vars(m).get("forward") for m in modules}
    try:
        for m in before:
            vars(m)["forward"] = partial(see, m, m.forward)
        yield
    finally:
        for m, forward in before.items():
            del vars(m)["forward"]
            if forward is not None:
                vars(m)["forward"] = forward


@contextmanager
def unchanged_buffers(model: Module) -> Iterator[None]:
    """Put the buffers back, such as running means, to what they were."""
    before = [
        (module, name, buffer, np.array(buffer.data))
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for module, name, buffer, data in before:
            buffer.data = data if data.ndim else data[()]
            vars(module)[name] = buffer


def has_matrix(module: Module) -> bool:
    """Whether a module has a parameter of two axes or more: weights with a fan."""
    return any(p.ndim > 1 for p in module.parameters(recurse=False))


def _leaf(x: Any) -> Tensor:
    """Return an input as a leaf of its own, with a gradient if it is of floating numbers."""
    t = Tensor(x)  # a copy, which the model may change
    return t.requires_grad_() if t.dtype.kind == "f" else t


def first_tensor(out: Any) -> Tensor | None:
    """Return the tensor that a layer put out, the first of several."""
    if isinstance(out, Tensor):
        return out
    if isinstance(out, list | tuple | dict):
        values = out.values() if isinstance(out, dict) else out
        return next((t for t in map(first_tensor, values) if t is not None), None)
    return None


def _gradients(root: Tensor, rng: np.random.Generator, *, random: bool) -> dict[Tensor, Any]:
    if not root.requires_grad:
        return {}
    seed = rng.normal(size=root.shape) if random else np.ones(root.shape)
    return dict(backprop(root, np.asarray(seed, root.dtype)[()]))


# The numbers, and the words for them.


def mean_square(a: Any) -> float:
    """Return the second moment, infinite if a value is not finite; NaN where there are no values.

    It is taken in double precision, for it falls far below what float32 holds.
    """
    if a is None or not np.size(a):
        return math.nan
    with np.errstate(all="ignore"):
        mean = float(np.mean(np.square(a, dtype=np.float64)))
    return mean if math.isfinite(mean) else math.inf


def _dead(t: Tensor) -> float:
    """Return the part of the units that are 0 for all examples."""
    if t.ndim < 2 or t.shape[0] < 2 or not t.size:
        return 0.0
    return float(silent_units(t).mean())


def silent_units(t: Tensor) -> Any:
    """Return which units are 0 for all examples: channels, or along the last axis."""
    units = unit_axis(t)
    return np.all(t.data == 0, axis=tuple(i for i in range(t.ndim) if i != units))


def bounds(module: Module) -> tuple[float, float] | None:
    """Return the bounds of an activation between layers that has two; None for all else."""
    if isinstance(module, Hardtanh):
        return module.min_val, module.max_val
    return next((known for kind, known in _BOUNDS.items() if isinstance(module, kind)), None)


_BOUNDS: dict[Any, tuple[float, float]] = {
    known.module: known.bounds for known in ACTIVATIONS.values() if known.bounds
}


def rectifies(module: Module) -> bool:
    """Whether an activation is 0 for what is negative: at that bound it rests, as it should."""
    if isinstance(module, Hardtanh):
        return bool(module.min_val == 0)
    return isinstance(module, ReLU | ReLU6)


def saturated(a: Any, interval: tuple[float, float] | None, *, rectifier: bool) -> float:
    """Return the part of the values within a fiftieth of a bound, if there are two.

    Of a rectifier only those above 0 count: half of its values may be 0 where nothing is wrong.
    """
    low, high = interval or (-math.inf, math.inf)
    if not math.isfinite(high - low):
        return 0.0
    margin = (high - low) / 50
    if rectifier:
        a = a[a > 0]
        low = -math.inf
    return float(((a < low + margin) | (a > high - margin)).mean()) if a.size else 0.0


def faults(s: Signal, forward: float, backward: float, lost: float = LOST) -> list[str]:
    """Return what is wrong with a signal, given that of the input and that of the output."""
    if math.inf in (s.forward, s.backward):
        return ["not finite"]
    claims = {
        "dead": s.dead >= 0.5,
        "saturated": s.saturated >= 0.5,
        "shrinking": s.forward < lost * forward and s.dead < 1,
        "growing": s.forward > forward / lost,
        "vanishing": s.backward < lost * backward,
        "exploding": s.backward > backward / lost,
    }
    return [name for name, holds in claims.items() if holds]


def _rate(last: float, first: float, depth: int) -> float:
    if not (first > 0 and last >= 0 and depth):
        return math.nan
    return float((last / first) ** (1 / depth))


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"
