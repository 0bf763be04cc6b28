"""The exercises of 09_gotchas: a counter-example for each row."""

from typing import Any

import numpy as np

from autograd import Tensor
from nn import functional as F

from ..exercise import Exercise
from ..experiments.gotchas import skipped_slope

SIZES, DROP = np.array([[1.0, 3.0], [1.0, -3.0]]), 0.2


def _identity(v: tuple[float, float]) -> bool:
    """Tell whether v, behind relu of x and of -x, gives x back."""
    x = np.linspace(-2, 2, 9)
    hidden = F.relu(Tensor(np.stack([x, -x], axis=1))).numpy()
    return bool(np.allclose(hidden @ np.array(v), x))


def _weights() -> Any:
    """Return the one pair of +-1 that makes the network the identity."""
    return next((a, b) for a in (1.0, -1.0) for b in (1.0, -1.0) if _identity((a, b)))


def _left_over(cleared: bool = False) -> float:
    x = Tensor(3.0, requires_grad=True)
    (2 * x).backward()
    if cleared:
        x.grad = None
    (x * x).backward()
    return float(x.grad.item())


def _penalties(factor: float = DROP / (1 - DROP)) -> Any:
    return factor * (SIZES**2).sum(axis=0)


def _cancelling() -> float:
    """Return the a at which the slope of x + a x, a line in a, is 0."""
    at_0, at_1 = skipped_slope(lambda x: 0 * x), skipped_slope(lambda x: x)
    return at_0 / (at_0 - at_1)


def _norm(x: list[float]) -> Any:
    return F.layer_norm(Tensor(x), (3,), eps=0.0).numpy()


EXERCISES = {
    "ex9.1": Exercise(
        "Output weights that make relu(x) and relu(-x) into x.",
        right=_weights,
        mistakes={
            "relu(x) + relu(-x) is |x|": lambda: (1.0, 1.0),
            "this is -x": lambda: (-1.0, 1.0),
            "this is relu(x): negative x come out as 0": lambda: (1.0, 0.0),
        },
    ),
    "ex9.2": Exercise(
        "How much of a gradient 19 ReLU layers with weights of variance 1/n pass on.",
        right=lambda: 2 ** (-19 / 2),
        mistakes={
            "this is what happens to its square; the norm has the root": lambda: 2.0**-19,
            "the slope is 1 only where a unit is active: half of the square is lost": lambda: 1.0,
            "this is sigmoid's bound": lambda: 4.0**-19,
            "there are 19 layers between, not 20": lambda: 2.0**-10,
        },
        rtol=5e-3,
    ),
    "ex9.3": Exercise(
        "x.grad at x = 3 after (2 * x).backward() and (x * x).backward().",
        right=_left_over,
        mistakes={
            "this is d(x * x)/dx; the 2 of the first call is still there": (
                lambda: _left_over(cleared=True)
            ),
            "this is the first call's; the second adds to it": lambda: 2.0,
        },
    ),
    "ex9.4": Exercise(
        "LayerNorm of (7, 9, 11), without eps.",
        right=lambda: _norm([7.0, 9.0, 11.0]),
        mistakes={
            "LayerNorm divides by the biased deviation: by n, not by n - 1": (
                lambda: np.array([-1.0, 0.0, 1.0])
            ),
            "the deviation is missing: only the mean was taken away": (
                lambda: np.array([-2.0, 0.0, 2.0])
            ),
        },
        rtol=2e-3,
    ),
    "ex9.5": Exercise(
        "The a for which x + a x passes no gradient on.",
        right=_cancelling,
        mistakes={
            "then the block is the identity, and its slope is 1": lambda: 0.0,
            "then the slope is 2": lambda: 1.0,
            "then the slope is -1": lambda: -2.0,
        },
    ),
    "ex9.6": Exercise(
        "The penalties of dropout, p = 0.2, on two weights of 1 with features (1, 1) and (3, -3).",
        right=_penalties,
        mistakes={
            "the penalty of a weight is scaled by the energy of its own feature": (
                lambda: np.full(2, DROP / (1 - DROP))
            ),
            "the variance of the scaled mask is p / (1 - p), not p": lambda: _penalties(DROP),
            "the variance of the scaled mask is p / (1 - p); p (1 - p) is that of a plain one": (
                lambda: _penalties(DROP * (1 - DROP))
            ),
            "p is the share that is dropped, not kept": lambda: _penalties((1 - DROP) / DROP),
            "the square is summed over the examples, not averaged": lambda: _penalties() / 2,
        },
    ),
    "ex9.7": Exercise(
        "The factor on the gradient's variance, 256 to 1024 units, ReLU, variance 2 / n_in.",
        right=lambda: 1024 * (2 / 256) / 2,
        mistakes={
            "forward it is 1; back, 1024 numbers are summed where forward there are 256": (
                lambda: 1.0
            ),
            "half of the units pass nothing back": lambda: 8.0,
            "this is the other way round, from 1024 to 256": lambda: 0.25,
            "this is the factor on the norm; its square is asked for": lambda: 2.0,
        },
    ),
}
