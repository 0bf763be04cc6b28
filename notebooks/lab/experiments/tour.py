"""The tour: one graph, one training, one check."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import nn
from autograd import Tensor
from nn import data, optim
from nn import functional as F


class Run(NamedTuple):
    """A trained network, the points it was trained on, and how it went."""

    model: nn.Module
    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    losses: list[float]
    accuracy: float


def expression() -> tuple[Tensor, list[Tensor]]:
    """Return L = (a b + c) f and its leaves."""
    values = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}
    a, b, c, f = leaves = [Tensor(v, requires_grad=True, name=k) for k, v in values.items()]
    L = (a * b + c) * f
    L.name = "L"
    return L, leaves


def moons(steps: int = 100, seed: int = 0) -> Run:
    """Train a 2-16-16-1 network on two moons, all points in each step."""
    x, y = data.moons(100, noise=0.1, rng=seed).arrays
    model = nn.MLP([2, 16, 16, 1], "relu", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    inputs, targets = Tensor(x), Tensor(y[:, None].astype(np.float32))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(inputs)
        loss = F.binary_cross_entropy_with_logits(logits, targets)
        loss.backward(retain_graph=False)
        optimizer.step()
        losses.append(loss.item())
    accuracy = float(((model(inputs).numpy()[:, 0] > 0) == y).mean())
    return Run(model, x, y, losses, accuracy)


def two_calls_of_backward(a: float = 3.0) -> float:
    """Return a.grad of c = b + b, b = a a, after two calls of backward."""
    leaf = Tensor(a, requires_grad=True)
    b = leaf * leaf
    c = b + b
    c.backward()
    c.backward()
    return float(leaf.grad.item())


def chain(length: int = 10_000) -> float:
    """Return the gradient through a chain of additions."""
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    y.backward()
    return float(x.grad.item())
