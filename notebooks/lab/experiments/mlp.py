"""The multilayer perceptron: what nonlinearity, width and depth buy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

import nn
from autograd import Tensor, no_grad, toposort
from nn import functional as F
from nn import optim

from .graph import layers_by_the_formula

Array = np.ndarray[Any, Any]
GRID = np.linspace(0, 1, 2001)
WIDTHS = (8, 16, 32, 64, 128, 256)


def target(x: Array) -> Array:
    """Return a function with some bends: sin 2 pi x + sin(6 pi x) / 2 on [0, 1]."""
    return np.sin(2 * np.pi * x) + 0.5 * np.sin(6 * np.pi * x)


def rows_and_columns(seed: int = 0) -> float:
    """Compare nn.MLP, whose examples are rows, with the textbook's columns."""
    return layers_by_the_formula(seed)


def last_layer(seed: int = 0) -> dict[str, float]:
    """Count the activations of an MLP of four layers; see that its last op is an affine map."""
    model = nn.MLP([3, 5, 5, 5, 2], "relu", rng=seed)
    order = toposort(model(Tensor(np.ones((1, 3), np.float32))))
    names = [node.op.name for node in order]
    return {"affine maps": names.count("linear"), "activations": names.count("relu")} | {
        "affine at the end": names[0] == "linear"
    }


def deep_linear(sizes: Sequence[int], seed: int = 0) -> nn.Sequential:
    """Return a stack of affine maps with nothing between them, in float64."""
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(a, b, dtype=np.float64, rng=rng) for a, b in pairwise(sizes)]
    return nn.Sequential(*layers)


def collapsed(model: nn.Sequential) -> tuple[Array, Array]:
    """Return the one weight and bias that a stack of affine maps amounts to."""
    W, b = np.eye(model[0].in_features), np.zeros(model[0].in_features)
    for layer in model:
        W = layer.weight.numpy() @ W
        b = layer.weight.numpy() @ b + layer.bias.numpy()
    return W, b


def linear_collapse(seed: int = 0) -> float:
    """Compare ten affine maps with the one they amount to."""
    model = deep_linear([6] * 11, seed)
    for layer in model:
        layer.bias.data[...] = np.random.default_rng(seed).standard_normal(6)
    W, b = collapsed(model)
    x = np.random.default_rng(seed + 1).standard_normal((20, 6))
    return float(np.abs(model(Tensor(x)).numpy() - (x @ W.T + b)).max())


def depth_without_bends(seed: int = 0, steps: int = 1500) -> dict[str, float]:
    """Fit a plane with one affine map, with three, and by least squares."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 4))
    y = x @ rng.standard_normal((4, 2)) + 0.3 * rng.standard_normal((200, 2))
    design = np.column_stack([x, np.ones(200)])
    best = float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).mean())
    halfway, final = [], []
    for sizes in ((4, 2), (4, 5, 5, 2)):
        model = deep_linear(sizes, seed)
        optimizer = optim.SGD(model.parameters(), lr=0.05)
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.mse_loss(model(Tensor(x)), Tensor(y))
            loss.backward(retain_graph=False)
            optimizer.step()
            losses.append(loss.item())
        halfway.append(losses[10])
        final.append(losses[-1])
    narrow = collapsed(deep_linear((4, 5, 1, 5, 3), seed))[0]
    return {
        "one map, over least squares": final[0] / best,
        "three maps, over least squares": final[1] / best,
        "three maps over one after 10 steps": halfway[1] / halfway[0],
        "rank through a layer of one unit": np.linalg.matrix_rank(narrow),
    }


def interpolant(n: int, f: Callable[[Array], Array] = target) -> nn.Sequential:
    """Return a network of n relus that passes through f at n + 1 points: no training, a formula.

    The slope changes at each knot by what the weight of its unit says.
    """
    knots = np.linspace(0, 1, n + 1)
    slopes = np.diff(f(knots)) * n
    model = nn.MLP([1, n, 1], "relu", dtype=np.float64, rng=0)
    model[0].weight.data[...] = 1
    model[0].bias.data[...] = -knots[:-1]
    model[2].weight.data[0] = np.diff(slopes, prepend=0.0)
    model[2].bias.data[...] = f(knots[:1])
    return model


def values(model: Callable[[Tensor], Tensor], x: Array = GRID) -> Array:
    """Return what a network of one input says along x."""
    with no_grad():
        return model(Tensor(x[:, None])).numpy()[:, 0]


def interpolation_errors() -> Array:
    """Return the largest error of `interpolant` for each of `WIDTHS`."""
    return np.array([np.abs(values(interpolant(n)) - target(GRID)).max() for n in WIDTHS])


def universal_by_construction(seed: int = 0) -> dict[str, float]:
    """Measure how the error of a constructed network falls with its width."""
    errors = interpolation_errors()
    slope = np.polyfit(np.log(WIDTHS[1:]), np.log(errors[1:]), 1)[0]
    return {"slope": slope, "error at width 64": errors[WIDTHS.index(64)]}


def square_floor(width: int, seed: int = 0) -> float:
    """Return the least error of a network whose activation is the square, output weights solved."""
    rng = np.random.default_rng(seed)
    hidden = np.square(GRID[:, None] * rng.standard_normal(width) + rng.standard_normal(width))
    design = np.column_stack([hidden, np.ones(len(GRID))])
    weights = np.linalg.lstsq(design, target(GRID), rcond=1e-10)[0]
    return float(np.sqrt(((design @ weights - target(GRID)) ** 2).mean()))


def polynomial_is_stuck(seed: int = 0) -> dict[str, float]:
    """Fit with square activations of growing width: every one of them is a parabola."""
    return {f"width {n}": square_floor(n, seed) for n in (4, 64, 1024)}


def sawtooth(folds: int) -> nn.Sequential:
    """Return a network that folds [0, 1] `folds` times: layers of two relus, 2^folds pieces.

    The triangle 2 relu(x) - 4 relu(x - 1/2), again and again.
    """
    model = nn.MLP([1, *[2] * folds, 1], "relu", dtype=np.float64, rng=0)
    layers = [m for m in model if isinstance(m, nn.Linear)]
    for i, layer in enumerate(layers[:-1]):
        layer.weight.data[...] = 1.0 if i == 0 else np.array([[2.0, -4.0], [2.0, -4.0]])
        layer.bias.data[...] = [0.0, -0.5]
    layers[-1].weight.data[...] = [[2.0, -4.0]]
    layers[-1].bias.data[...] = 0
    return model


def pieces(model: Callable[[Tensor], Tensor], bits: int = 14) -> int:
    """Count the linear pieces of a network on [0, 1] whose knots are multiples of 2^-bits."""
    x = (np.arange(2**bits) + 0.5) / 2**bits  # the middle of each cell: no knot falls on it
    h = 2.0 ** -(bits + 3)
    slopes = (values(model, x + h) - values(model, x - h)) / (2 * h)
    return 1 + int((np.abs(np.diff(slopes)) > 1e-6).sum())


def shallow_error(folds: int, knots: int) -> float:
    """Return the mean error of the best network of `knots` evenly spread relus on the sawtooth."""
    x = (np.arange(2 ** (folds + 4)) + 0.5) / 2 ** (folds + 4)
    y = values(sawtooth(folds), x)
    hidden = np.maximum(x[:, None] - np.arange(knots) / knots, 0)
    design = np.column_stack([hidden, np.ones(len(x))])
    return float(np.abs(design @ np.linalg.lstsq(design, y, rcond=None)[0] - y).mean())


def depth_separation(seed: int = 0) -> dict[str, float]:
    """Count the pieces of folded networks, and fit one of them with a single hidden layer."""
    found = {f"pieces, {k} folds": pieces(sawtooth(k)) for k in (1, 3, 6, 10)}
    return {
        **found,
        "error with half the units, 6 folds": shallow_error(6, 32),
        "error with a unit a piece": shallow_error(6, 64),
    }


def parameters(model: nn.Module) -> int:
    """Count the weights of a network."""
    return sum(p.size for p in model.parameters())


@cache
def trained_sawtooth(folds: int, seed: int = 0, steps: int = 1500) -> float:
    """Train a network of width 16, one layer more than folds, on the sawtooth; return its RMSE."""
    x = (2 * GRID[::8] - 1).astype(np.float32)[:, None]
    y = values(sawtooth(folds), GRID[::8]).astype(np.float32)[:, None]
    model = nn.MLP([1, *[16] * (folds + 1), 1], "relu", rng=seed)
    # with biases of 0 every first unit would bend at the same place
    model[0].bias.data[...] = np.random.default_rng(seed).uniform(-1, 1, 16)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, per="batch")
    inputs, targets = Tensor(x), Tensor(y)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(inputs), targets)
        loss.backward(retain_graph=False)
        optimizer.step()
        scheduler.step()
    return float(np.sqrt(loss.item()))


def depth_is_tractable(seed: int = 0) -> dict[str, float]:
    """Compare the weights that 2^10 pieces take in ten layers and in one, and try to train them."""
    deep, shallow = sawtooth(10), interpolant(1024)
    return {
        "weights of ten layers": parameters(deep),
        "weights of one layer": parameters(shallow),
        "trained on 2^3 pieces, RMSE": trained_sawtooth(3, seed),
        "trained on 2^6 pieces, RMSE": trained_sawtooth(6, seed),
    }


def bars(n: int, seed: int = 0, size: int = 12) -> tuple[Array, Array]:
    """Return noisy images of bars in four orientations, (n, 1, size, size), and the orientation."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=n)
    angle = y * np.pi / 4
    centre = (size - 1) / 2
    up, across = np.mgrid[:size, :size] - centre
    offset = rng.uniform(-3, 3, n)
    away = (np.sin(angle)[:, None, None] * across - np.cos(angle)[:, None, None] * up) - offset[
        :, None, None
    ]
    images = (np.abs(away) < 1.2) + 0.3 * rng.standard_normal((n, size, size))
    return images[:, None].astype(np.float32), y


@cache
def trained_filters(seed: int = 0, steps: int = 250) -> tuple[Array, Array, float]:
    """Train a small CNN to name the orientation; return its first filters before and after."""
    x, y = bars(2000, seed)
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, rng=rng), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4, rng=rng),
    )  # fmt: skip
    before = model[0].weight.numpy().copy()
    optimizer = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
    for _ in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
        optimizer.step()
    x_test, y_test = bars(500, seed + 100)
    with no_grad():
        accuracy = float((model(Tensor(x_test)).data.argmax(axis=1) == y_test).mean())
    return before[:, 0], model[0].weight.numpy()[:, 0].copy(), accuracy


def likeness_to_edges(filters: Array) -> float:
    """Return, averaged over filters, the largest cosine with an oriented edge or bar."""
    size = filters.shape[-1]
    up, across = np.mgrid[:size, :size] - (size - 1) / 2
    templates = []
    for angle in np.arange(8) * np.pi / 8:
        away = np.sin(angle) * across - np.cos(angle) * up
        for shift in (-1.0, 0.0, 1.0):
            templates.append(np.tanh(away - shift))  # an edge
            templates.append(np.exp(-((away - shift) ** 2)))  # a bar
    T = np.array([t.ravel() - t.mean() for t in templates])
    f = filters.reshape(len(filters), -1)
    f = f - f.mean(axis=1, keepdims=True)
    cosines = (f @ T.T) / np.linalg.norm(f, axis=1)[:, None] / np.linalg.norm(T, axis=1)
    return float(np.abs(cosines).max(axis=1).mean())


def oriented_filters(seed: int = 0) -> dict[str, float]:
    """Compare the first filters of a CNN with oriented edges, before and after training."""
    before, after, accuracy = trained_filters(seed)
    return {
        "likeness before": likeness_to_edges(before),
        "likeness after": likeness_to_edges(after),
        "accuracy": accuracy,
    }
