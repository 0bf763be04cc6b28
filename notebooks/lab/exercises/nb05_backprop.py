"""The exercises of 05_backprop."""

from typing import Any

import numpy as np

from ..exercise import Exercise
from ..experiments.backprop import products

X, Y = np.array([1.0, 2.0]), 1.0
W1, W2 = np.array([[0.5, -0.25], [0.1, 0.3]]), np.array([[1.0, -2.0]])


def _gradients(*, slope: bool = True, error: bool = True, transposed: bool = False) -> Any:
    """dW1 row by row, then dW2, of L = (y_hat - y)^2 / 2; or what a mistake makes of them."""
    a = np.tanh(W1 @ X)
    delta2 = W2 @ a - Y if error else np.ones(1)
    delta1 = W2.T @ delta2 * (1 - a**2 if slope else 1)
    dW1, dW2 = np.outer(delta1, X), np.outer(delta2, a)
    return np.concatenate([(dW1.T if transposed else dW1).ravel(), dW2.ravel()])


def _multiplications() -> tuple[int, int]:
    return products((100, 50, 10), batch=32)


EXERCISES = {
    "ex5.1": Exercise(
        "The six gradients of a 2-2-1 network: dW1 row by row, then dW2.",
        right=_gradients,
        mistakes={
            "the slope of tanh, 1 - a^2, is missing in the first layer": (
                lambda: _gradients(slope=False)
            ),
            "the error of the output is y_hat - y, not 1": lambda: _gradients(error=False),
            "dW1 is transposed: a row of it belongs to a unit, a column to an input": (
                lambda: _gradients(transposed=True)
            ),
            "the sign is turned round: the error is y_hat - y": lambda: -_gradients(),
        },
        rtol=2e-3,
    ),
    "ex5.2": Exercise(
        "Multiplications in the backward pass of 100-50-10 with 32 examples.",
        right=lambda: _multiplications()[1],
        mistakes={
            "this is the forward pass; backward a layer takes a product for W and one for x": (
                lambda: _multiplications()[0]
            ),
            "twice the forward pass; but the data want no gradient, so the first layer takes one": (
                lambda: 2 * _multiplications()[0]
            ),
        },
    ),
}
