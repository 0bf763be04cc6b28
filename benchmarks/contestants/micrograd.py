"""micrograd, with its own MLP."""

import numpy as np
from micrograd.engine import Value
from micrograd.nn import MLP

from benchmarks.problems import ScalarProblem, Work

DISTRIBUTIONS = ("micrograd",)


def scalar(problem: ScalarProblem) -> Work:
    """Return the scalar row's work."""
    n_in, *n_out = problem.sizes
    model, x = MLP(n_in, n_out), problem.x
    for layer, weights in zip(model.layers, problem.weights, strict=True):
        for neuron, (w, b) in zip(layer.neurons, weights, strict=True):
            neuron.w, neuron.b = [Value(v) for v in w], Value(b)
    parameters = model.parameters()

    def step() -> Value:
        for p in parameters:
            p.grad = 0
        out = model(x)
        out.backward()
        return out

    return Work(step, lambda out: out.data, lambda: [np.array([p.grad for p in parameters])])
