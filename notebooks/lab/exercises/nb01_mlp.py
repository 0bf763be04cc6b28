"""The exercises of 01_mlp."""

import numpy as np

from ..exercise import Exercise
from ..experiments import mlp


def _width(error: float, curvature: float) -> float:
    return float(np.ceil(np.sqrt(curvature / (8 * error))))


CURVATURE = (2 * np.pi) ** 2 + 0.5 * (6 * np.pi) ** 2  # an upper bound of |f''|

EXERCISES = {
    "ex1.1": Exercise(
        "How many linear pieces does the sawtooth network of 7 folds have on [0, 1]?",
        right=lambda: mlp.pieces(mlp.sawtooth(7)),
        mistakes={
            "each fold doubles the pieces; it does not add two": lambda: 2 * 7,
            "these are the bends between the pieces": lambda: mlp.pieces(mlp.sawtooth(7)) - 1,
            "one fold too many: the first makes two pieces of one": lambda: 2**8,
        },
    ),
    "ex1.2": Exercise(
        "From which width on does the bound max|f''| / (8 n^2) promise an error of 1e-3?",
        right=lambda: _width(1e-3, CURVATURE),
        mistakes={
            "the second derivative of sin(6 pi x) / 2 is 36 pi^2 / 2: it is not to be left out": (
                lambda: _width(1e-3, (2 * np.pi) ** 2)
            ),
            "the error falls with the square of the width": lambda: np.ceil(CURVATURE / 8e-3),
        },
    ),
}
