"""The exercises of 10b_recurrence."""

from typing import Any

import numpy as np

from ..exercise import Exercise
from ..experiments.recurrence import scalar_rnn


def _parts() -> Any:
    """What each use of w adds to dh_3/dw."""
    h, ws = scalar_rnn()
    h.backward()
    return np.array([w.grad.item() for w in ws])


def _parts_without_slopes() -> Any:
    w, x, h = 0.8, (1.0, 0.5, -0.5), [0.0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    return np.array([w**2 * h[0], w * h[1], h[2]])


def _bias(kept: float, steps: int) -> float:
    gate = kept ** (1 / steps)
    return float(np.log(gate / (1 - gate)))


EXERCISES = {
    "ex10b.1": Exercise(
        "What each of the three uses of w adds to dh_3/dw.",
        right=_parts,
        mistakes={
            "the slopes 1 - h^2 on the way back are missing": _parts_without_slopes,
            "the order is turned round: the first number belongs to step 1": (
                lambda: _parts()[::-1]
            ),
            "this is their sum, the gradient of the shared w; give the three": (
                lambda: _parts().sum()
            ),
        },
        rtol=5e-3,
    ),
    "ex10b.2": Exercise(
        "The forget bias with which a cell state keeps half of itself over 50 steps.",
        right=lambda: _bias(0.5, 50),
        mistakes={
            "this keeps a half with every step": lambda: 0.0,
            "this is the gate itself, 0.5 to the power 1/50; the bias is its logit": (
                lambda: 0.5 ** (1 / 50)
            ),
            "this is log f; the inverse of the sigmoid is log(f / (1 - f))": (
                lambda: np.log(0.5) / 50
            ),
            "the sign is turned round: this one forgets": lambda: -_bias(0.5, 50),
        },
        rtol=5e-3,
    ),
}
