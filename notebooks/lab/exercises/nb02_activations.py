"""The exercises of 02_activations."""

from autograd import Tensor
from nn import SwiGLU
from nn import functional as F

from ..exercise import Exercise
from ..experiments import activations

SURVIVORS = ("relu", "gelu", "silu", "leaky_relu")


def _revived() -> str:
    reached = {name: activations.from_dead_biases(name, 20.0) for name in SURVIVORS}
    return " ".join(name for name, accuracy in reached.items() if accuracy > 0.5)


def _width(d: int) -> int:
    return SwiGLU(d).w1.out_features


EXERCISES = {
    "ex2.1": Exercise(
        "Which of relu, gelu, silu and leaky_relu learn from biases of -20?",
        right=_revived,
        mistakes={
            "gelu and silu have a slope on the left, but at -20 it has faded to nothing": (
                lambda: "gelu silu leaky_relu"
            ),
            "relu has no slope at all on the left": lambda: " ".join(SURVIVORS),
        },
    ),
    "ex2.2": Exercise(
        "How wide is a SwiGLU layer that has the weights of a plain one, for d = 768?",
        right=lambda: _width(768),
        mistakes={
            "at this width it has half as many weights again": lambda: 4 * 768,
            "two thirds of 4 d, not of d": lambda: 2 * 768 / 3,
        },
    ),
    "ex2.3": Exercise(
        "SiLU's slope at 0.",
        right=lambda: activations.slope(F.silu, 0.0),
        mistakes={
            "this is the sigmoid's slope": lambda: activations.slope(F.sigmoid, 0.0),
            "this is its value": lambda: F.silu(Tensor(0.0)).item(),
            "this is relu's slope on the right": lambda: 1.0,
        },
    ),
}
