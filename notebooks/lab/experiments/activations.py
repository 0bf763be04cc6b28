"""Activations: formula, slope and range, and how each of them fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr

import nn
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
Function = Callable[[Any], Any]
POINTS = np.linspace(-6, 6, 241)
NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")


def slope(f: Function, x: Any = POINTS) -> Array:
    """Return f'(x) of a function that acts element by element."""
    t = Tensor(np.asarray(x, dtype=float), requires_grad=True)
    f(t).sum().backward()
    return t.grad.numpy()


def extremum(f: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Return where f is least between two points, and its value there."""
    found = minimize_scalar(f, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return float(found.x), float(found.fun)


def _at(f: Function) -> Callable[[float], float]:
    return lambda x: float(f(Tensor(x)).item())


def _slope_at(f: Function, sign: float = 1.0) -> Callable[[float], float]:
    return lambda x: sign * float(slope(f, x))


def _slope_error(f: Function, formula: Callable[[Array], Array]) -> float:
    return float(np.abs(slope(f) - formula(POINTS)).max())


def sigmoid(seed: int = 0) -> dict[str, float]:
    """Compare sigmoid's slope with s (1 - s); take it where exp overflows."""
    far = F.sigmoid(Tensor([-1000.0, 1000.0])).numpy()
    return {
        "slope error": _slope_error(F.sigmoid, lambda x: expit(x) * (1 - expit(x))),
        "at -1000": far[0],
        "at 1000": far[1],
    }


def tanh(seed: int = 0) -> dict[str, float]:
    """Compare tanh's slope with 1 - tanh^2; take the mean of its outputs, and sigmoid's."""
    z = np.random.default_rng(seed).standard_normal(100_000)
    return {
        "slope error": _slope_error(F.tanh, lambda x: 1 - np.tanh(x) ** 2),
        "mean output": np.tanh(z).mean(),
        "mean output of sigmoid": expit(z).mean(),
    }


def relu(seed: int = 0) -> dict[str, float]:
    """Compare relu's slope with the step; take it at the kink."""
    return {
        "slope error": _slope_error(F.relu, lambda x: (x > 0) * 1.0),
        "slope at 0": float(slope(F.relu, 0.0)),
    }


def leaky_relu(seed: int = 0) -> dict[str, float]:
    """Take leaky relu's slopes on both sides."""
    return {"left": float(slope(F.leaky_relu, -3.0)), "right": float(slope(F.leaky_relu, 3.0))}


def gelu(seed: int = 0) -> dict[str, float]:
    """Find gelu's least value and steepest slope, and how far its two approximations are off."""
    where, least = extremum(_at(F.gelu), -2, 0)
    steepest = -extremum(_slope_at(F.gelu, -1), 0.5, 3)[1]
    fine = np.linspace(-6, 6, 12_001)
    exact = fine * ndtr(fine)
    tanh_form = F.gelu(Tensor(fine), approximate="tanh").numpy()
    return {
        "least value": least,
        "where": where,
        "steepest slope": steepest,
        "tanh form, largest error": np.abs(tanh_form - exact).max(),
        "sigmoid form, largest error": np.abs(F.quick_gelu(Tensor(fine)).numpy() - exact).max(),
    }


def silu(seed: int = 0) -> dict[str, float]:
    """Find silu's least value, and its steepest and lowest slope."""
    where, least = extremum(_at(F.silu), -3, 0)
    place, steepest = extremum(_slope_at(F.silu, -1), 1, 4)
    return {
        "least value": least,
        "where": where,
        "steepest slope": -steepest,
        "steepest at": place,
        "lowest slope": extremum(_slope_at(F.silu), -4, -1)[1],
    }


def weights(module: nn.Module) -> int:
    """Count the numbers in the matrices of a module, biases left out."""
    return sum(p.size for p in module.parameters() if p.ndim > 1)


def gating(seed: int = 0) -> dict[str, float]:
    """Compare the weights of a gated feed-forward layer with those of a plain one."""
    plain = weights(nn.FeedForward(768))
    return {
        "equal width": weights(nn.SwiGLU(768, 4 * 768)) / plain,
        "two thirds of the width": weights(nn.SwiGLU(768)) / plain,
        "Llama 7B, 11008 at 4096": 3 * 4096 * 11008 / (2 * 4096 * 4 * 4096),
    }


def sigmoid_saturates(seed: int = 0) -> dict[str, float]:
    """Take sigmoid's slope at 0, 4, 5 and 6."""
    return {f"at {x}": float(slope(F.sigmoid, float(x))) for x in (0, 4, 5, 6)}


def per_layer_factor(
    activation: Function, gain: float, depth: int = 20, width: int = 64, seed: int = 0
) -> float:
    """Return the mean factor by which a gradient changes from layer to layer on its way down.

    The weights have a standard deviation of gain / sqrt(width).
    """
    rng = np.random.default_rng(seed)
    h = first = Tensor(rng.standard_normal((256, width)), requires_grad=True)
    for _ in range(depth):
        h = activation(h @ Tensor(rng.standard_normal((width, width)) * gain / np.sqrt(width)))
    g = rng.standard_normal(h.shape)
    h.backward(g)
    ratio = np.linalg.norm(first.grad.numpy()) / np.linalg.norm(g)
    return float(ratio ** (1 / depth))


def stacked_sigmoids(seed: int = 0) -> dict[str, float]:
    """Measure the factor per layer of sigmoids, for ordinary and for large weights."""
    return {f"gain {gain}": per_layer_factor(F.sigmoid, gain, seed=seed) for gain in (1, 8, 16)}


def same_sign(f: Function, batch: int, seed: int = 0) -> float:
    """Return the share of units whose weights all have gradients of one sign.

    The weights lie behind a layer with activation f; the loss is the square.
    """
    rng = np.random.default_rng(seed)
    x = Tensor(rng.standard_normal((batch, 20)))
    h = f(x @ Tensor(rng.standard_normal((20, 16)) / 4))
    W = Tensor(rng.standard_normal((16, 200)) / 4, requires_grad=True)
    ((h @ W - rng.standard_normal((batch, 200))) ** 2).sum().backward()
    signs = np.sign(W.grad.numpy())
    return float(((signs >= 0).all(axis=0) | (signs <= 0).all(axis=0)).mean())


def signs_of_updates(seed: int = 0) -> dict[str, float]:
    """Measure how often all weights of a unit move together, for one example and for a batch."""
    return {
        "sigmoid, 1 example": same_sign(F.sigmoid, 1, seed),
        "relu, 1 example": same_sign(F.relu, 1, seed),
        "tanh, 1 example": same_sign(F.tanh, 1, seed),
        "sigmoid, 32 examples": same_sign(F.sigmoid, 32, seed),
        "relu, 32 examples": same_sign(F.relu, 32, seed),
    }


def cheap(seed: int = 0) -> dict[str, float]:
    """Time activations of a million float32 numbers, over the time of relu."""
    x = np.random.default_rng(seed).standard_normal(1_000_000).astype(np.float32)

    def seconds(f: Function) -> float:
        times = []
        for _ in range(9):
            start = perf_counter()
            f(x)
            times.append(perf_counter() - start)
        return float(np.median(times))

    base = seconds(F.relu)
    return {name: seconds(getattr(F, name)) / base for name in ("sigmoid", "gelu")}


def relu_passes_gradients(seed: int = 0) -> float:
    """Return the largest difference of relu's slope from 1 where it is active."""
    return float(np.abs(slope(F.relu, np.abs(POINTS) + 1e-3) - 1).max())


def digits(n: int = 1500) -> tuple[Array, Array, Array, Array]:
    """Return images and classes to train on and to test with."""
    train, test = data.digits()
    x, y = train.arrays
    return x[:n], y[:n], *test.arrays


def shares_active(model: nn.Sequential, x: Array) -> list[float]:
    """Return for each relu of a network the share of its outputs above 0."""
    shares = []
    with no_grad():
        h = Tensor(x)
        for module in model:
            h = module(h)
            if isinstance(module, nn.ReLU):
                shares.append(float((h.data > 0).mean()))
    return shares


@cache
def trained_relu(seed: int = 0) -> tuple[list[float], list[float]]:
    """Return the shares of active outputs of a relu network before and after training on digits."""
    x, y, *_ = digits()
    model = nn.MLP([64, 64, 64, 10], "relu", rng=seed)
    before = shares_active(model, x)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(seed)
    for _ in range(400):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
        optimizer.step()
    return before, shares_active(model, x)


def half_is_zero(seed: int = 0) -> dict[str, float]:
    """Measure how much of relu's output is zero: of symmetric inputs, and in a trained network."""
    z = np.random.default_rng(seed).standard_normal(100_000)
    before, after = trained_relu(seed)
    return {
        "zeros, symmetric inputs": float((np.maximum(z, 0) == 0).mean()),
        "active, before training": float(np.mean(before)),
        "active, layer 1, after": after[0],
        "active, layer 2, after": after[1],
    }


def sparsity(seed: int = 0) -> dict[str, float]:
    """Measure how sparse a trained network is; that this regularises it is not shown by that."""
    _, after = trained_relu(seed)
    return {"active, layer 1": after[0], "active, layer 2": after[1]}


def dead_in_layer_one(seed: int = 0) -> dict[str, float]:
    """Train a network with a unit of layer 1 that no example reaches; see what becomes of it."""
    x, y, *_ = digits(500)
    model = nn.MLP([64, 16, 10], "relu", rng=seed)
    model[0].bias.data[3] = -100.0
    own = model[0].weight.data[3].copy()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    largest = 0.0
    for _ in range(400):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x)), y).backward(retain_graph=False)
        largest = max(largest, float(np.abs(model[0].weight.grad.numpy()[3]).max()))
        optimizer.step()
    return {
        "largest gradient": largest,
        "change of its weights": float(np.abs(model[0].weight.data[3] - own).max()),
    }


def revived(seed: int = 0, runs: int = 20) -> dict[str, float]:
    """Count units of layer 2 that were dead and became active, their own parameters untouched."""
    alive = moved = 0
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        x, y = Tensor(rng.standard_normal((64, 8))), Tensor(rng.standard_normal((64, 1)))
        model = nn.MLP([8, 16, 8, 1], "relu", dtype=np.float64, rng=rng)
        with no_grad():
            z = (model[1](model[0](x)) @ model[2].weight.T).numpy()
        model[2].bias.data[0] = -z[:, 0].max() - 0.05  # just out of reach of every example
        own = model[2].weight.data[0].copy(), model[2].bias.data[0]
        optimizer = optim.SGD(model.parameters(), lr=0.05)
        for _ in range(300):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward(retain_graph=False)
            optimizer.step()
            with no_grad():
                active = (model[2](model[1](model[0](x))).numpy()[:, 0] > 0).any()
            if active:
                alive += 1
                now = model[2].weight.data[0], model[2].bias.data[0]
                moved += not all(np.array_equal(a, b) for a, b in zip(own, now, strict=True))
                break
    return {"revived, of 20": alive, "whose own parameters had changed": moved}


def dead_units(seed: int = 0) -> dict[str, float]:
    """Follow dead units in the first layer, where the data are fixed, and in the second."""
    return {**dead_in_layer_one(seed), **revived(seed)}


@cache
def from_dead_biases(name: str, bias: float, seed: int = 0, steps: int = 1000) -> float:
    """Return the test accuracy of a hidden layer of 64 whose biases all start at -bias."""
    x, y, x_test, y_test = digits()
    mean, std = x.mean(), x.std()
    x, x_test = (x - mean) / std, (x_test - mean) / std
    f = getattr(F, name)
    rng = np.random.default_rng(seed)
    first, last = nn.Linear(64, 64, rng=rng), nn.Linear(64, 10, rng=rng)
    first.weight.data *= np.float32(np.sqrt(2))
    first.bias.data[...] = -bias
    params = [*first.parameters(), *last.parameters()]
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    for _ in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        loss = F.cross_entropy(last(f(first(Tensor(x[batch])))), y[batch])
        loss.backward(retain_graph=False)
        optimizer.step()
    with no_grad():
        logits = last(f(first(Tensor(x_test)))).data
    return float((logits.argmax(axis=1) == y_test).mean())


def revival(seed: int = 0) -> dict[str, float]:
    """Train from biases far below zero, with four activations."""
    cases = [("relu", 10), ("leaky_relu", 10), ("silu", 5), ("silu", 10), ("gelu", 10)]
    return {f"{name}, bias -{c}": from_dead_biases(name, float(c), seed) for name, c in cases}


def gelu_is_x_phi(seed: int = 0) -> dict[str, float]:
    """Compare gelu and its slope with x Phi(x) and Phi(x) + x phi(x)."""
    phi = np.exp(-(POINTS**2) / 2) / np.sqrt(2 * np.pi)
    value = F.gelu(Tensor(POINTS)).numpy()
    return {
        "value": float(np.abs(value - POINTS * ndtr(POINTS)).max()),
        "slope": float(np.abs(slope(F.gelu) - (ndtr(POINTS) + POINTS * phi)).max()),
    }


def stochastic_gate(seed: int = 0, draws: int = 200_000) -> float:
    """Multiply x by Bernoulli(Phi(x)) many times; return how many deviations the mean is off."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for x in (-2.0, -0.5, 0.5, 1.0, 2.0):
        p = ndtr(x)
        mean = x * (rng.random(draws) < p).mean()
        deviation = abs(x) * np.sqrt(p * (1 - p) / draws)
        worst = max(worst, abs(mean - F.gelu(Tensor(x)).item()) / deviation)
    return worst


def swiglu_formula(seed: int = 0) -> dict[str, float]:
    """Compare nn.SwiGLU with its formula, and count its matrices."""
    block = nn.SwiGLU(6, 16, dtype=np.float64, rng=seed)
    x = np.random.default_rng(seed).standard_normal((3, 6))
    W1, W2, W3 = (w.weight.numpy() for w in (block.w1, block.w2, block.w3))
    z = x @ W1.T
    expected = (z * expit(z) * (x @ W3.T)) @ W2.T
    return {
        "difference": float(np.abs(block(Tensor(x)).numpy() - expected).max()),
        "weights over d x width": weights(block) / (6 * 16),
    }


def plot_slopes() -> Figure:
    """Draw six activations with their slopes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    for ax, name in zip(figure.subplots(2, 3, sharex=True).ravel(), NAMES, strict=True):
        f = getattr(F, name)
        value = f(Tensor(POINTS)).numpy()
        ax.plot(POINTS, value, color="#0072b2", label="value")
        ax.plot(POINTS, slope(f), "--", color="#d55e00", label="slope")
        ax.set_ylim(-0.6, 2.2)
        if name in ("sigmoid", "tanh"):
            ax.set_ylim(-1.15, 1.15)
        tidy(ax, title=name)
    figure.axes[0].legend(frameon=False, fontsize="small")
    figure.supxlabel("x", fontsize="medium")
    return figure


def plot_revival(seed: int = 0) -> Figure:
    """Draw what accuracy each activation reaches from biases of 0, -5, -10 and -20."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    ax = figure.subplots()
    biases = (0.0, 5.0, 10.0, 20.0)
    colors = {"relu": "#0072b2", "gelu": "#009e73", "silu": "#cc79a7", "leaky_relu": "#d55e00"}
    for i, (name, color) in enumerate(colors.items()):
        heights = [from_dead_biases(name, c, seed) for c in biases]
        ax.bar(np.arange(4) + 0.2 * (i - 1.5), heights, 0.18, color=color, label=name)
    ax.axhline(0.1, color="#767676", linestyle=":", linewidth=1)
    ax.set_xticks(range(4), [f"{0 - c:g}" for c in biases])
    tidy(ax, xlabel="all biases of the hidden layer at first", ylabel="test accuracy", grid=False)
    ax.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure
