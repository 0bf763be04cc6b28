"""The exercises of 03_losses."""

from typing import Any

import numpy as np

from autograd import Tensor

from ..exercise import Exercise
from ..experiments.losses import square_of_softmax

Z = np.array([1.0, 0.0, -1.0])


def _gradient() -> Any:
    t = Tensor(Z[None], requires_grad=True)
    square_of_softmax(t, np.array([0])).backward()
    return t.grad.numpy()


def _p() -> Any:
    return np.exp(Z) / np.exp(Z).sum()


def _residual() -> Any:
    return _p() - np.array([1.0, 0.0, 0.0])


EXERCISES = {
    "ex3.1": Exercise(
        "dL/dz of L = sum (p - y)^2 with p = softmax([1, 0, -1]) and y = [1, 0, 0].",
        right=_gradient,
        mistakes={
            "this is dL/dp; softmax's own Jacobian is missing": lambda: 2 * _residual(),
            "this is cross-entropy's gradient": _residual,
            "each logit moves every probability, not only its own": (
                lambda: 2 * _residual() * _p() * (1 - _p())
            ),
            "the factor 2 of the square is missing": lambda: _gradient() / 2,
        },
        rtol=2e-3,
    ),
    "ex3.2": Exercise(
        "The cross-entropy of a network that knows nothing, ten classes.",
        right=lambda: np.log(10.0),
        mistakes={
            "in nats, with the natural logarithm, not in bits": lambda: np.log2(10.0),
            "this is the probability; the loss is its negative logarithm": lambda: 0.1,
            "the loss is positive: minus the logarithm of 1/10": lambda: -np.log(10.0),
        },
        rtol=2e-3,
    ),
}
