"""PyTorch on the CPU, as its tutorials use it."""

from functools import partial
from operator import methodcaller

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.problems import (
    CNNProblem,
    LSTMProblem,
    MLPProblem,
    ProductsProblem,
    ScalarMLP,
    ScalarProblem,
    TransformerProblem,
    Work,
    products_of_a_step,
    scalars,
)

DISTRIBUTIONS = ("torch", "numpy")


def scalar(problem: ScalarProblem) -> Work:
    """Return the scalar row's work: the same loops as micrograd's, over 0-d tensors."""

    def leaf(v: float) -> torch.Tensor:
        return torch.tensor(v, dtype=torch.float64, requires_grad=True)

    model, x = ScalarMLP(scalars(problem, leaf), methodcaller("relu")), problem.x

    def step() -> torch.Tensor:
        for p in model.parameters:
            p.grad = None
        out = model(x)
        out.backward()
        return out

    return Work(step, torch.Tensor.item, lambda: [np.array([p.grad for p in model.parameters])])


def mlp(problem: MLPProblem, *, fused: bool | None = None) -> Work:
    """Return the work of an MLP row; `fused` is SGD's own setting."""
    x, y = (torch.from_numpy(a) for a in problem.data)
    layers: list[nn.Module] = []
    for W, b in problem.layers:
        layer = nn.Linear(W.shape[1], W.shape[0])
        layer.load_state_dict({"weight": torch.from_numpy(W), "bias": torch.from_numpy(b)})
        layers += [layer, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=problem.lr, fused=fused)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Work(step, torch.Tensor.item, lambda: [p.grad.numpy() for p in model.parameters()])


def products(problem: ProductsProblem) -> Work:
    """Return the work of a row of products."""
    operands = [tuple(map(torch.from_numpy, arrays)) for arrays in problem.operands]
    kept: list[torch.Tensor] = []

    def step() -> torch.Tensor:
        kept[:] = products_of_a_step(operands)
        return kept[0][0, 0]

    return Work(step, torch.Tensor.item, lambda: [array.numpy() for array in kept])


def cnn(problem: CNNProblem) -> Work:
    """Return the work of a CNN row."""
    x, y = (torch.from_numpy(a) for a in problem.data)
    layers: list[nn.Module] = []
    *convolutions, last = problem.layers
    for W, _ in convolutions:
        layers += [nn.Conv2d(W.shape[1], W.shape[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last[0].shape[1], 10))
    weighted = [layer for layer in model if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer, (W, b) in zip(weighted, problem.layers, strict=True):
        layer.load_state_dict({"weight": torch.from_numpy(W), "bias": torch.from_numpy(b)})
    optimizer = torch.optim.SGD(model.parameters(), lr=problem.lr)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Work(step, torch.Tensor.item, lambda: [p.grad.numpy() for p in model.parameters()])


def lstm(problem: LSTMProblem) -> Work:
    """Return the work of an LSTM row."""
    x = torch.from_numpy(problem.data)
    model = nn.LSTM(problem.features, problem.units)
    model.load_state_dict({k: torch.from_numpy(v) for k, v in problem.weights.items()})

    def step() -> torch.Tensor:
        model.zero_grad()
        out, _ = model(x)
        loss = (out * out).mean()
        loss.backward()
        return loss

    return Work(step, torch.Tensor.item, lambda: [p.grad.numpy() for p in model.parameters()])


def transformer(problem: TransformerProblem) -> Work:
    """Return the work of a transformer row."""
    x = torch.from_numpy(problem.data).requires_grad_()
    model = nn.TransformerEncoderLayer(
        problem.features,
        problem.heads,
        4 * problem.features,
        dropout=0.0,
        activation=partial(F.gelu, approximate="tanh"),
        batch_first=True,
        norm_first=True,
    )
    model.load_state_dict({k: torch.from_numpy(v) for k, v in problem.weights.items()})
    leaves = [x, *model.parameters()]

    def step() -> torch.Tensor:
        for leaf in leaves:
            leaf.grad = None
        out = model(x)
        loss = (out * out).mean()
        loss.backward()
        return loss

    return Work(step, torch.Tensor.item, lambda: [leaf.grad.numpy() for leaf in leaves])
