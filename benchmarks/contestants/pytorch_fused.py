"""PyTorch with its fused SGD, its fastest usual setting: one kernel updates all parameters."""

from benchmarks.contestants import pytorch
from benchmarks.problems import MLPProblem, Work

DISTRIBUTIONS = pytorch.DISTRIBUTIONS


def mlp(problem: MLPProblem) -> Work:
    """Return the work of an MLP row."""
    return pytorch.mlp(problem, fused=True)
