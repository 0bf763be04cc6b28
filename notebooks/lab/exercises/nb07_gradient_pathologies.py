"""The exercises of 07_gradient_pathologies."""

import math

import numpy as np

from ..exercise import Exercise
from ..experiments.pathologies import NETS, ratio


def _order() -> list[int]:
    """The numbers of the six networks, 1 to 6, from the largest ratio to the smallest."""
    ratios = np.array([ratio(make(0)) for make in NETS.values()])
    return [int(i) + 1 for i in np.argsort(-ratios)]


def _std(blocks: int) -> float:
    return (1 + 1 / blocks) ** (blocks / 2)


EXERCISES = {
    "ex7.1": Exercise(
        "The six networks by first over last gradient, from the largest to the smallest.",
        right=_order,
        mistakes={
            "this is the other way round: the largest first": lambda: _order()[::-1],
            "these are the places of networks 1 to 6; asked are the numbers, place by place": (
                lambda: [_order().index(i) + 1 for i in range(1, 7)]
            ),
        },
    ),
    "ex7.2": Exercise(
        "The std behind 400 scaled residual blocks, for an input of std 1.",
        right=lambda: _std(400),
        mistakes={
            "this is the variance; the std is its root": lambda: _std(400) ** 2,
            "this is without the scale: each block doubles the variance": lambda: 2.0**200,
            "each block adds 1/400 of the variance that there is, and the next adds to that too": (
                lambda: math.sqrt(2)
            ),
            "scaled is not switched off: each branch still adds a little": lambda: 1.0,
        },
        rtol=5e-3,
    ),
}
