"""The compute graph: what is recorded, in which order, and what is kept for the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
from autograd import Tensor, backprop, no_grad, toposort
from nn import functional as F


def neuron_loss(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the loss of one layer with a sigmoid, recorded, and the layer's weight."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.standard_normal(3), name="x")
    y = Tensor(rng.random(2), name="y")
    W = Tensor(rng.standard_normal((2, 3)), requires_grad=True, name="W")
    b = Tensor(rng.standard_normal(2), requires_grad=True, name="b")
    loss = (((W @ x + b).sigmoid() - y) ** 2).mean()
    loss.name = "L"
    return loss, W


def single_layer(seed: int = 0) -> dict[str, float]:
    """Count the graph of one layer, and compare its loss with the formula in NumPy."""
    loss, _ = neuron_loss(seed)
    nodes = toposort(loss)
    leaves = {t.name: t.numpy() for node in nodes for t in node.inputs if t.name}
    z = leaves["W"] @ leaves["x"] + leaves["b"]
    expected = np.mean((1 / (1 + np.exp(-z)) - leaves["y"]) ** 2)
    return {
        "ops": len(nodes),
        "edges": sum(len(node.inputs) for node in nodes),
        "difference": abs(loss.item() - expected),
    }


def random_program(rng: np.random.Generator) -> Tensor:
    """Return the result of 5 to 40 random ops, which share and repeat their inputs."""
    pool = [Tensor(rng.standard_normal((2, 2)), requires_grad=True) for _ in range(3)]
    for _ in range(rng.integers(5, 41)):
        x, y = (pool[i] for i in rng.integers(len(pool), size=2))
        pool.append([x + y, x * y, x @ y, x.tanh(), y.sin(), x - y][rng.integers(6)])
    return sum(pool[-3:], Tensor(0.0)).sum()


def violations_in_random_programs(seed: int = 0, programs: int = 200) -> int:
    """Count nodes that break what makes a graph acyclic and complete."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(programs):
        order = toposort(random_program(rng))  # newest first
        place = {node: i for i, node in enumerate(order)}
        found += len(order) - len(place)
        for node in order:
            found += not node.inputs
            found += sum(place[x] <= place[node] for x in node.inputs if x.op is not None)
    return found


def doubled_until_large(x: Tensor) -> Tensor:
    """Double a number until it passes 100: how often, the number itself decides."""
    while abs(x.item()) < 100:
        x = x * 2
    return x


def data_dependent_loop(seed: int = 0) -> float:
    """Compare the gradient through a loop whose length the data decide with its closed form."""
    worst = 0.0
    for value in np.random.default_rng(seed).uniform(0.5, 200, size=50):
        x = Tensor(value, requires_grad=True)
        doubled_until_large(x).backward()
        doublings = max(0, int(np.ceil(np.log2(100 / value))))
        worst = max(worst, abs(x.grad.item() - 2.0**doublings))
    return worst


def layers_by_the_formula(seed: int = 0) -> float:
    """Compare nn.MLP with the textbook's recursion, whose examples are columns."""
    model = nn.MLP([5, 7, 6, 3], "tanh", dtype=np.float64, rng=seed)
    x = np.random.default_rng(seed).standard_normal((4, 5))
    a: Any = x.T
    layers = [m for m in model if isinstance(m, nn.Linear)]
    for i, layer in enumerate(layers):
        z = layer.weight.numpy() @ a + layer.bias.numpy()[:, None]
        a = z if i == len(layers) - 1 else np.tanh(z)
    with no_grad():
        return float(np.abs(model(Tensor(x)).numpy() - a.T).max())


def mlp_loss(depth: int) -> Tensor:
    """Return the cross-entropy of an MLP of `depth` linear layers with relu between, recorded."""
    model = nn.MLP([4] * depth + [3], "relu", rng=0)
    x = Tensor(np.ones((2, 4), np.float32), name="x")
    return F.cross_entropy(model(x), Tensor([0, 2], name="y"))


def counts(depth: int) -> dict[str, int]:
    """Count ops, edges and leaves of the graph of `mlp_loss`."""
    ops = toposort(mlp_loss(depth))
    leaves = {x for node in ops for x in node.inputs if x.op is None}
    edges = sum(len(node.inputs) for node in ops)
    return {"ops": len(ops), "edges": edges, "leaves": len(leaves)}


def diamond() -> tuple[Tensor, Tensor]:
    """Return x and (x + 1)(x - 1), which x reaches on two ways."""
    x = Tensor(3.0, requires_grad=True, name="x")
    left, right = x + 1.0, x - 1.0
    left.name, right.name = "left", "right"
    y = left * right
    y.name = "y"
    return x, y


def visits() -> list[str]:
    """Return the names of what the walk back of the diamond visits, in its order."""
    return [t.name for t, _ in backprop(diamond()[1], np.float64(1)) if t.name]
