"""This project: autograd and nn, as its README uses them."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import methodcaller
from typing import Any

import numpy as np

import nn
from autograd import Op, Tensor, conv2d, linear
from benchmarks.problems import (
    Array,
    CNNProblem,
    LSTMProblem,
    MLPProblem,
    ProductsProblem,
    ScalarMLP,
    ScalarProblem,
    TransformerProblem,
    Work,
    scalars,
)
from nn import functional as F
from nn import optim

DISTRIBUTIONS = ("numpy",)


def scalar(problem: ScalarProblem) -> Work:
    """Return the scalar row's work: the same loops as micrograd's, over 0-d tensors."""
    weights = scalars(problem, lambda v: Tensor(v, requires_grad=True))
    model, x = ScalarMLP(weights, methodcaller("relu")), problem.x

    def step() -> Tensor:
        for p in model.parameters:
            p.grad = None
        out: Tensor = model(x)
        out.backward()
        return out

    return Work(step, Tensor.item, lambda: [np.array([_grad(p) for p in model.parameters])])


def mlp(problem: MLPProblem) -> Work:
    """Return the work of an MLP row, once it is sure that no gradient of the input is computed."""
    x, y = (Tensor(a) for a in problem.data)
    layers: list[nn.Module] = []
    for W, b in problem.layers:
        layer = nn.Linear(W.shape[1], W.shape[0])
        layer.load_state_dict({"weight": W, "bias": b})
        layers += [layer, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = optim.SGD(model.parameters(), lr=problem.lr)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = F.cross_entropy(model(x), y)
        loss.backward(retain_graph=False)
        optimizer.step()
        return loss

    check_input_is_free("linear", linear, len(problem.layers) - 1, model, x, y)
    return Work(step, Tensor.item, lambda: [_grad(p) for p in model.parameters()])


def products(problem: ProductsProblem) -> Work:
    """Return the work of a row of products: those of `linear`, arrays lying as they do in a step.

    So elementwise ops leave them: an activation like the output of the layer before it, a gradient
    like the output that it belongs to.
    """
    rules: Any = linear.vjp
    dx, dweight, _ = rules
    operands, out = [], None
    for a, W, g in problem.operands:
        a = a if out is None else _lying_like(out, a)
        out = linear(a, W)
        operands.append((a, W, _lying_like(out, g), out))
    kept: list[Array] = []

    def step() -> np.floating:
        outs = [linear(a, W) for a, W, *_ in operands]
        weights = [dweight(g, out, a, W) for a, W, g, out in operands]
        inputs = [dx(g, out, a, W) for a, W, g, out in operands[1:]]
        kept[:] = outs + weights + inputs
        loss: np.floating = kept[0][0, 0]
        return loss

    return Work(step, float, lambda: kept)


def cnn(problem: CNNProblem) -> Work:
    """Return the work of a CNN row, once it is sure that no gradient of the images is computed."""
    x, y = (Tensor(a) for a in problem.data)
    layers: list[nn.Module] = []
    *convolutions, last = problem.layers
    for W, _ in convolutions:
        layers += [nn.Conv2d(W.shape[1], W.shape[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last[0].shape[1], 10))
    weighted = [layer for layer in model if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer, (W, b) in zip(weighted, problem.layers, strict=True):
        layer.load_state_dict({"weight": W, "bias": b})
    optimizer = optim.SGD(model.parameters(), lr=problem.lr)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = F.cross_entropy(model(x), y)
        loss.backward(retain_graph=False)
        optimizer.step()
        return loss

    check_input_is_free("convolution", conv2d, len(convolutions) - 1, model, x, y)
    return Work(step, Tensor.item, lambda: [_grad(p) for p in model.parameters()])


def lstm(problem: LSTMProblem) -> Work:
    """Return the work of an LSTM row."""
    x = Tensor(problem.data)
    model = nn.LSTM(problem.features, problem.units)
    model.load_state_dict(problem.weights)

    def step() -> Tensor:
        model.zero_grad()
        out, _ = model(x)
        loss: Tensor = (out * out).mean()
        loss.backward(retain_graph=False)
        return loss

    return Work(step, Tensor.item, lambda: [_grad(p) for p in model.parameters()])


def transformer(problem: TransformerProblem) -> Work:
    """Return the work of a transformer row."""
    x = Tensor(problem.data, requires_grad=True)
    model = nn.TransformerBlock(problem.features, problem.heads, activation="gelu_tanh")
    model.load_state_dict(problem.weights)
    leaves = [x, *model.parameters()]

    def step() -> Tensor:
        for leaf in leaves:
            leaf.grad = None
        out = model(x)
        loss: Tensor = (out * out).mean()
        loss.backward(retain_graph=False)
        return loss

    return Work(step, Tensor.item, lambda: [_grad(leaf) for leaf in leaves])


def check_input_is_free(
    kind: str, op: Op, hidden: int, model: nn.Module, x: Tensor, y: Tensor
) -> None:
    """Raise unless the rule of `op` for its input runs in the hidden layers alone."""
    with calls_of_rule(op, 0) as calls:
        F.cross_entropy(model(x), y).backward(retain_graph=False)
    if len(calls) != hidden:
        raise RuntimeError(
            f"ours: backward computed the input's gradient of {len(calls)} {kind} layers, but only "
            f"{hidden} have an input that needs one; the first layer's must cost nothing"
        )


@contextmanager
def calls_of_rule(op: Op, i: int) -> Iterator[list[int]]:
    """Collect an entry for each call of the vjp rule of `op` for its input number `i`."""
    rules = op.vjp
    assert isinstance(rules, tuple)
    rule = rules[i]
    assert rule is not None
    calls: list[int] = []

    def counting(*args: Array, **params: object) -> Array:
        calls.append(i)
        result: Array = rule(*args, **params)
        return result

    # An Op is frozen for good reason; only a measurement in a process of its own may do this.
    object.__setattr__(op, "vjp", (*rules[:i], counting, *rules[i + 1 :]))
    try:
        yield calls
    finally:
        object.__setattr__(op, "vjp", rules)


def _grad(p: Tensor) -> Array:
    assert p.grad is not None
    return p.grad.numpy()


def _lying_like(a: Array, values: Array) -> Array:
    """Return a copy of the values in the memory layout of `a`."""
    out = np.empty_like(a)
    out[...] = values
    return out
