"""The exercises of 04_compute_graph."""

from ..exercise import Exercise
from ..experiments import graph

EXERCISES = {
    "ex4.1": Exercise(
        "Ops in the graph of an MLP of 5 linear layers, relu between, and its cross-entropy.",
        right=lambda: graph.counts(5)["ops"],
        mistakes={
            "a relu stands between the layers, so there is one fewer of them than of layers": (
                lambda: graph.counts(5)["ops"] + 1
            ),
            "the loss is an op, too": lambda: graph.counts(5)["ops"] - 1,
            "these are the edges": lambda: graph.counts(5)["edges"],
        },
    ),
    "ex4.2": Exercise(
        "In what order does the walk back visit y, left, right and x of the diamond?",
        right=lambda: " ".join(graph.visits()),
        mistakes={
            "this is the order of the forward pass": lambda: "x left right y",
            "x waits until both ways have brought their part: a node comes before its inputs": (
                lambda: "y left x right"
            ),
            "right was made after left, and the newest goes first": lambda: "y left right x",
        },
    ),
}
