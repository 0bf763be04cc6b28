"""HIPS autograd, in an environment of its own: its import name is that of this project's engine."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.problems import MLPProblem, ScalarMLP, ScalarProblem, Work, scalars

# By name, because a type checker reading the checkout would take it for the project's own package.
autograd: Any = import_module("autograd")
if Path(autograd.__file__).parents[1] == Path(__file__).parents[2]:
    raise ImportError("hips: 'autograd' is this project's own package, not HIPS autograd")
anp: Any = import_module("autograd.numpy")
logsumexp: Any = import_module("autograd.scipy.special").logsumexp

DISTRIBUTIONS = ("autograd", "numpy")


def scalar(problem: ScalarProblem) -> Work:
    """Return the scalar row's work: the same loops as micrograd's, over boxed floats.

    The weights are taken out of one array, which this library differentiates twice as fast as
    nested lists of floats.
    """
    values: list[float] = []

    def place(v: float) -> int:
        values.append(v)
        return len(values) - 1

    places, x = scalars(problem, place), problem.x
    parameters = np.array(values)
    kept: list[Any] = []

    def relu(v: Any) -> Any:
        return anp.maximum(v, 0.0)

    def forward(parameters: Any) -> Any:
        weights = [
            [([parameters[i] for i in w], parameters[b]) for w, b in layer] for layer in places
        ]
        return ScalarMLP(weights, relu)(x)

    derive = autograd.value_and_grad(forward)

    def step() -> Any:
        out, gradient = derive(parameters)
        kept[:] = [gradient]
        return out

    return Work(step, float, lambda: kept)


def mlp(problem: MLPProblem) -> Work:
    """Return the work of an MLP row, with weights as (in, out): the layout of its examples."""
    x, y = problem.data
    layers = [(W.T.copy(), b) for W, b in problem.layers]
    rows, lr = np.arange(len(y)), problem.lr
    kept: list[Any] = []

    def cross_entropy(layers: Any) -> Any:
        a = x
        for W, b in layers[:-1]:
            a = anp.maximum(anp.dot(a, W) + b, 0)
        W, b = layers[-1]
        z = anp.dot(a, W) + b
        return anp.mean(logsumexp(z, axis=1) - z[rows, y])

    derive = autograd.value_and_grad(cross_entropy)

    def step() -> Any:
        loss, gradients = derive(layers)
        kept[:] = gradients
        for (W, b), (dW, db) in zip(layers, gradients, strict=True):
            W -= lr * dW
            b -= lr * db
        return loss

    return Work(step, float, lambda: [g for dW, db in kept for g in (dW.T, db)])
