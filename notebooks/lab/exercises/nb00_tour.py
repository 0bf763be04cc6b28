"""The exercises of 00_tour."""

from ..exercise import Exercise
from ..experiments import tour


def _gradients() -> list[float]:
    L, leaves = tour.expression()
    L.backward()
    return [t.grad.item() for t in leaves]


def _values() -> list[float]:
    return [t.item() for t in tour.expression()[1]]


EXERCISES = {
    "ex0.1": Exercise(
        "Read the gradients of a, b, c and f off the drawing of L = (a b + c) f.",
        right=_gradients,
        mistakes={
            "these are the values of the leaves; the gradient stands under the value": _values,
            "these are local derivatives; each is to be multiplied by the gradient that arrives": (
                lambda: [-3.0, 2.0, 1.0, 4.0]
            ),
            "the order is a, b, c, f": lambda: sorted(_gradients()),
        },
    ),
    "ex0.2": Exercise(
        "What is a.grad after three calls of backward on c = a a + a a at a = 3?",
        right=lambda: 36.0,
        mistakes={
            "this is one call; gradients add up over calls": lambda: 12.0,
            "this adds what was left in the nodes between; only leaves keep a gradient": (
                lambda: 72.0  # 12 + 24 + 36
            ),
        },
    ),
}
