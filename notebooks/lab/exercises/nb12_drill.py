"""The exercises of 12_drill."""

from ..drill import problem
from ..exercise import Exercise
from ..experiments import drills

TASK = problem("relu", 0)


def _answer(name: str) -> Exercise:
    return Exercise(
        f"{name} of the first problem.",
        right=lambda: TASK.asked[name],
        mistakes={k: (lambda wrong=wrong: wrong) for k, wrong in TASK.mistakes[name].items()},
    )


EXERCISES = {
    **{f"ex12.{i}": _answer(name) for i, name in enumerate(("dZ2", "dW2", "db2"), start=1)},
    "ex12.4": Exercise(
        "On how many paths does the gradient reach the input of 6 residual blocks?",
        right=lambda: drills.paths(*drills.residual_network(6)),
        mistakes={
            "each block doubles the paths: it is passed or skipped": lambda: 12,
            "one path skips all blocks, but there are more": lambda: 7,
            "this counts one block fewer": lambda: 2**5,
        },
    ),
}
