"""The drill as the ledger measures it: the derivation, the cards, the paths of a residual net."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

import nn
from autograd import Tensor
from nn import init

from .. import cards
from ..drill import KINDS, mark, problem
from .training import paths

ROOT = Path(__file__).resolve().parents[3]


def marked(seed: int = 0) -> dict[str, float]:
    """Mark the right answers and the usual mistakes of every kind of problem."""
    right = mistakes = named = asked = 0
    for kind in KINDS:
        task = problem(kind, seed)
        for name, value in task.asked.items():
            asked += 1
            right += bool(mark(task, name, value))
            for label, wrong in task.mistakes[name].items():
                mistakes += 1
                named += mark(task, name, wrong).text == label
    return {"right answers accepted": right / asked, "mistakes named": named / mistakes}


@cache
def numpy_mlp() -> ModuleType:
    """Return the example that derives an MLP in NumPy."""
    path = ROOT / "examples" / "numpy_mlp.py"
    spec = importlib.util.spec_from_file_location("numpy_mlp", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_autodiff(seed: int = 0) -> dict[str, float]:
    """Check the NumPy example's gradients against differences and against the engine."""
    by_differences, by_engine = numpy_mlp().check()
    return {"against differences": by_differences, "against the engine": by_engine}


def activation_cards(seed: int = 0) -> dict[str, float]:
    """Count the cards, and the gains on them that quadrature and a sample disagree about."""
    z = Tensor(np.random.default_rng(seed).standard_normal(400_000))
    off = 0
    for name in cards.ACTIVATIONS[:-1]:
        sampled = float((nn.functional.__dict__[name](z).numpy() ** 2).mean()) ** -0.5
        off += abs(sampled / init.calculate_gain(name) - 1) > 0.02
    return {"cards": len(cards.activations()), "gains that are off": off}


def init_cards(seed: int = 0) -> dict[str, float]:
    """Return the deviations on the cards times the root of the fan."""
    root = np.sqrt(cards.FAN)
    return {title: cards.deviation(name) * root for title, name, *_ in cards.INITS}


def residual_network(blocks: int, seed: int = 0, width: int = 4) -> tuple[Tensor, Tensor]:
    """Return x and the sum of what blocks x + W2 relu(W1 x) make of it, recorded."""
    rng = np.random.default_rng(seed)
    h = x = Tensor(rng.standard_normal(width), requires_grad=True, name="x")
    for i in range(blocks):
        W1 = Tensor(rng.standard_normal((width, width)) / 2, name=f"W1 of block {i + 1}")
        W2 = Tensor(rng.standard_normal((width, width)) / 2, name=f"W2 of block {i + 1}")
        h = h + W2 @ (W1 @ h).relu()
    out = h.sum()
    out.name = "L"
    return x, out


def residual_paths(seed: int = 0) -> dict[str, float]:
    """Count the paths of gradients through 1, 4 and 10 residual blocks."""
    return {f"{k} blocks": paths(*residual_network(k, seed)) for k in (1, 4, 10)}
