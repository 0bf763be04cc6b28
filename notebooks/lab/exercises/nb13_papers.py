"""The exercises of 13_papers."""

import numpy as np

from ..exercise import Exercise
from ..experiments import papers

EXERCISES = {
    "ex13.1": Exercise(
        "How many of the 64 strings of six bits are symmetric?",
        right=lambda: papers.symmetric_strings()[1].sum(),
        mistakes={
            "three bits are free, the other three follow": lambda: 2 * 3,
            "half of the bits are free, not half of the strings": lambda: 32,
        },
    ),
    "ex13.2": Exercise(
        "What is left of a gradient's norm through 19 relu layers with Xavier's weights?",
        right=lambda: 2 ** (-19 / 2),
        mistakes={
            "the square of the norm halves in each layer, not the norm": lambda: 2.0**-19,
            "this is one layer": lambda: 2**-0.5,
        },
        rtol=2e-3,
    ),
    "ex13.3": Exercise(
        "The network relu(s) - 2 relu(s - 1) with s = x1 + x2: its output at s = 0, 1, 2.",
        right=lambda: np.maximum([0, 1, 2], 0) - 2 * np.maximum([-1, 0, 1], 0),
        mistakes={
            "relu(s - 1) is 1 at s = 2, and it counts twice": lambda: [0, 1, 1],
            "without the second unit it is s itself": lambda: [0, 1, 2],
        },
    ),
}
