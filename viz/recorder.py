"""What goes on inside a model while it trains, layer by layer: activations, gradients, updates.

A layer is a part of the model that was called as a module: the engine notes with each tensor the
scope it was made in, and the last tensor of a scope is what the layer returned. So any model can be
watched that names its scopes, without a change to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
from autograd.recording import Observer, rerunning
from autograd.units import is_pointwise, unit_axis

SATURATED = 0.05  # of the largest slope: below it a unit hardly passes a gradient on
_SAMPLE = 10_000  # elements of an activation that are kept for its histogram


class _Model(Protocol):
    def named_parameters(self) -> Iterable[tuple[str, Tensor]]: ...


@dataclass(frozen=True)
class Layer:
    """What one layer returned, and how much of it can learn.

    Attributes
    ----------
    mean, std : float
        Of the activations.
    values : ndarray
        The activations, evenly thinned out where there are many.
    dead, saturated : float or None
        The share of units whose slope is 0 for every example, and of those whose slope is below
        5 % of the largest for every example. None where the layer ends in no activation function.
        Slopes tell what a unit passes back, whatever the function; ``nn.init.report`` goes by
        outputs, 0 or at a bound, so a unit of GELU far below 0 is saturated here alone.
    """

    mean: float
    std: float
    values: NDArray[Any]
    dead: float | None = None
    saturated: float | None = None


@dataclass(frozen=True)
class Weights:
    """Norms of a parameter, of its gradient, and of its last change.

    Attributes
    ----------
    weight, gradient, update : float
        Euclidean norms; the gradient's is nan where there was none.
    ndim : int
        How many axes the parameter has.
    """

    weight: float
    gradient: float
    update: float
    ndim: int

    @property
    def ratio(self) -> float:
        """The size of the update relative to the weights; about 1e-3 is a usual figure."""
        return self.update / self.weight if self.weight else float("nan")


@dataclass(frozen=True)
class Snapshot:
    """One training step.

    Attributes
    ----------
    layers : dict of str to Layer
        By the path of the module, in the order of the forward pass.
    gradients : dict of str to float
        The norm of the loss's gradient with respect to what each layer returned.
    weights : dict of str to Weights
        By the name of the parameter.
    """

    layers: dict[str, Layer] = field(default_factory=dict)
    gradients: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)


class Recorder(Observer):
    """Watch a model in a ``with`` block: call `step` after each step of the optimiser.

    Parameters
    ----------
    model : object with ``named_parameters()``
        Such as an ``nn.Module``; what it computes names its scopes.

    Attributes
    ----------
    history : list of Snapshot
        One for each call of `step`.

    Examples
    --------
    >>> from autograd import scope
    >>> class Model:
    ...     w = Tensor([[1.0, -9.0]], requires_grad=True)
    ...
    ...     def named_parameters(self):
    ...         return [("w", self.w)]
    ...
    ...     def __call__(self, x):
    ...         with scope("hidden"):
    ...             return (x @ self.w).relu()
    >>> model = Model()
    >>> with Recorder(model) as recorder:
    ...     model(Tensor([[1.0], [2.0]])).sum().backward()
    ...     snapshot = recorder.step()
    >>> snapshot.layers["hidden"].dead
    0.5
    """

    def __init__(self, model: _Model) -> None:
        self.model = model
        self.history: list[Snapshot] = []
        self._now = Snapshot()
        self._before: dict[str, NDArray[Any]] = {}

    def __enter__(self) -> Self:
        self._before = {name: np.array(p.data) for name, p in self.model.named_parameters()}
        return super().__enter__()

    def made(self, out: Tensor) -> None:
        """Note a tensor that was just recorded: the last one of a scope is the layer's result."""
        super().made(out)
        if out.scope is not None:
            path = out.scope.path
            if not rerunning.get():
                self._now.layers.pop(path, None)  # the last one decides the place in the order
                self._now.layers[path] = _layer(out)
            out.register_hook(self._noter(path))

    def _noter(self, path: str) -> Callable[[Tensor], None]:
        gradients = self._now.gradients

        def note(g: Tensor) -> None:  # the way back meets the layer's result first
            gradients.setdefault(path, _norm(g.data))

        return note

    def step(self) -> Snapshot:
        """Take down what happened since the last call; return it."""
        now = self._now
        for name, p in self.model.named_parameters():
            before = self._before.get(name, p.data)
            g = float("nan") if p.grad is None else _norm(p.grad.data)
            now.weights[name] = Weights(_norm(before), g, _norm(p.data - before), p.ndim)
            self._before[name] = np.array(p.data)
        self.history.append(now)
        self._now = Snapshot()
        return now


def _norm(x: Any) -> float:
    return float(np.linalg.norm(np.asarray(x, dtype=np.float64)))


def _layer(out: Tensor) -> Layer:
    data = np.asarray(out.data)
    flat = data.reshape(-1)
    dead = saturated = None
    if is_pointwise(out) and data.ndim > 1:
        dead, saturated = _stuck(out)
    return Layer(
        float(data.mean(dtype=np.float64)) if data.size else float("nan"),
        float(data.std(dtype=np.float64)) if data.size else float("nan"),
        flat[:: max(1, flat.size // _SAMPLE)].copy(),
        dead,
        saturated,
    )


def _stuck(out: Tensor) -> tuple[float, float]:
    """The shares of units that pass no gradient, or hardly any."""
    op: Any = out.op
    g, (x,) = np.ones_like(out.data), out.inputs
    if op.shared is not None:
        g = op.shared(g, out.data, out.saved, x.data, **out.params)
    slope = np.abs(op.vjp[0](g, out.data, x.data, **out.params))
    units = unit_axis(out)
    largest = slope.max(axis=tuple(i for i in range(slope.ndim) if i != units), initial=0.0)
    dead = largest == 0
    saturated = (largest < SATURATED * slope.max(initial=0.0)) & ~dead
    return float(dead.mean()), float(saturated.mean())
