"""The exercises of 10c_transformer_blocks."""

import numpy as np

from ..exercise import Exercise
from ..experiments.transformers import FLOOR, LETTERS, STEPS, jacobian_rank

Q, K, V = np.array([2.0, 0, 0, 0]), np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]]), np.array([1.0, 3.0])


def _attend(scale: float = 0.5) -> float:
    weights = np.exp(scale * K @ Q)
    return float(weights @ V / weights.sum())


EXERCISES = {
    "ex10c.1": Exercise(
        "What attention gives for one query of four features and two keys.",
        right=_attend,
        mistakes={
            "the scores are not divided by the square root of d_k, which is 2": (
                lambda: _attend(1.0)
            ),
            "the scores are divided by d_k, not by its square root": lambda: _attend(0.25),
            "the weights of the softmax are divided by their sum": lambda: np.exp(K @ Q / 2) @ V,
            "this is the value of the key that fits best; attention mixes": lambda: 1.0,
        },
        rtol=2e-3,
    ),
    "ex10c.2": Exercise(
        "The mean loss in nats below which nobody gets on the made-up text.",
        right=lambda: FLOOR,
        mistakes={
            "this is a model that cannot look back; the second word is known": lambda: 2 * FLOOR,
            "this is the loss of one letter; of ten characters, four are unknown": (
                lambda: np.log(len(LETTERS))
            ),
            "a line has ten characters: its end is one of them": (
                lambda: FLOOR * STEPS / (STEPS - 1)
            ),
            "in nats, with the natural logarithm": lambda: FLOOR / np.log(2),
        },
        rtol=2e-3,
    ),
    "ex10c.3": Exercise(
        "The ranks of dy/dx of a block with closed branches, d = 8: pre-LN, post-LN.",
        right=lambda: [jacobian_rank("pre"), jacobian_rank("post")],
        mistakes={
            "a norm is no identity: it takes two directions away": lambda: [8, 8],
            "a norm takes the mean away, and the length too": lambda: [8, 7],
            "the second norm takes away the same two directions as the first": lambda: [8, 4],
            "with pre-LN the norm stands in the branch, and that is closed": lambda: [6, 6],
            "turned round: it is pre-LN that has a path free of norms": lambda: [6, 8],
        },
    ),
}
