"""The exercises of 06_initialization."""

import math

from nn import init

from ..exercise import Exercise

GELU_MEAN = 1 / (2 * math.sqrt(math.pi))  # E[z Phi(z)] for standard normal z


def _gain_from_variance() -> float:
    return 1 / math.sqrt(init.calculate_gain("gelu") ** -2 - GELU_MEAN**2)


EXERCISES = {
    "ex6.1": Exercise(
        "The fan-in at which a std of 0.02 is LeCun's, and that at which it is He's.",
        right=lambda: [1 / 0.02**2, 2 / 0.02**2],
        mistakes={
            "the variance is 1/n; the std is its root, so n is 1 over the square of 0.02": (
                lambda: [1 / 0.02, 2 / 0.02]
            ),
            "the two are swapped: He's weights are the larger ones, so they need the larger n": (
                lambda: [2 / 0.02**2, 1 / 0.02**2]
            ),
            "He doubles the variance, not the std": lambda: [1 / 0.02**2, 4 / 0.02**2],
        },
    ),
    "ex6.2": Exercise(
        "The gain that keeps the second moment through gelu, at standard normal z.",
        right=lambda: init.calculate_gain("gelu"),
        mistakes={
            "this is the gain squared; the std takes its root": (
                lambda: init.calculate_gain("gelu") ** 2
            ),
            "this is relu's; gelu lets less through": lambda: init.calculate_gain("relu"),
            "this keeps the variance of the output; the next layer sees its second moment": (
                _gain_from_variance
            ),
            "the gain makes up for the loss, so it is 1 over the root, not the root": (
                lambda: 1 / init.calculate_gain("gelu")
            ),
        },
        rtol=2e-3,
    ),
}
