"""The exercises of 08_training_loop: five loops, each with one line wrong."""

from functools import cache
from typing import Any

from nn import functional as F
from nn.utils import clip_grad_norm_

from ..exercise import Exercise
from ..experiments.training import judge, result


@cache
def loss(flaw: str = "", micro: int = 1) -> float:
    """Return the loss after the loop with a flaw; with micro-batches, so many make a step."""

    def loop(model: Any, loader: Any, optimizer: Any, scheduler: Any) -> None:
        model.train()
        for _ in range(3):
            if flaw != "in use":
                model.train()
            for i, (x, y) in enumerate(loader):
                if flaw != "not cleared" and (i % micro == 0 or flaw == "cleared each time"):
                    optimizer.zero_grad()
                value = F.cross_entropy(model(x), y)
                (value if flaw == "not divided" else value / micro).backward()
                if (i + 1) % micro == 0:
                    if flaw == "cleared too late":
                        optimizer.zero_grad()
                    if flaw != "not clipped":
                        clip_grad_norm_(model.parameters(), max_norm=0.5)
                    optimizer.step()
                    if flaw != "by epoch":
                        scheduler.step()
            if flaw == "by epoch":
                scheduler.step()
            judge(model)

    return result(loop, batch_size=64 // micro)


EXERCISES = {
    "ex8.1": Exercise(
        "Repair the first loop; the answer is its loss.",
        right=loss,
        mistakes={
            "failing check: at the second step, .grad is the gradient of that batch": (
                lambda: loss("not cleared")
            ),
            "the weights never move: the gradients are cleared between backward and step": (
                lambda: loss("cleared too late")
            ),
        },
    ),
    "ex8.2": Exercise(
        "Repair the second loop; the answer is its loss.",
        right=loss,
        mistakes={
            "failing check: without momentum, no step is longer than lr times max_norm": (
                lambda: loss("not clipped")
            ),
        },
    ),
    "ex8.3": Exercise(
        "Repair the third loop; the answer is its loss.",
        right=loss,
        mistakes={
            "failing check: after the last step, the learning rate is 0": lambda: loss("by epoch"),
        },
    ),
    "ex8.4": Exercise(
        "Repair the fourth loop; the answer is its loss.",
        right=loss,
        mistakes={
            "failing check: in the second epoch, some hidden units are dropped": (
                lambda: loss("in use")
            ),
        },
    ),
    "ex8.5": Exercise(
        "Repair the fifth loop, with micro-batches of 16; the answer is its loss.",
        right=lambda: loss(micro=4),
        mistakes={
            "failing check: four micro-batches leave the gradient of one batch of 64": (
                lambda: loss("not divided", micro=4)
            ),
            "only the last micro-batch of four counts: clear the gradients once a step": (
                lambda: loss("cleared each time", micro=4)
            ),
        },
    ),
}
