"""The eight questions: for each the number that proves the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd import Tensor, no_grad
from nn import functional as F
from nn import init

from ..drill import problem
from ..figures import tidy
from . import activations, backprop, losses, mlp

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]


def two_layers(seed: int = 0) -> dict[str, float]:
    """Compare the derivation of a two-layer network with the engine and with differences."""
    task = problem("relu", seed)
    engine, numeric = task.engine(), task.differences()
    names = ("dW1", "db1", "dW2", "db2")

    def worst(other: dict[str, Array]) -> float:
        return max(float(np.abs(task.asked[n] - other[n]).max()) for n in names)

    return {"by hand and by engine": worst(engine), "by hand and by differences": worst(numeric)}


def dying_relu(seed: int = 0) -> dict[str, float]:
    """Follow a dead unit of the first layer, and dead units of the second."""
    return activations.dead_units(seed)


def variances(seed: int = 0) -> dict[str, float]:
    """Measure Var(z) = n_in Var(w) E[x^2] and relu's second moment on random layers."""
    rng = np.random.default_rng(seed)
    x = F.relu(Tensor(rng.standard_normal((4000, 256)))).numpy()
    found = {}
    for name in ("lecun_normal_", "kaiming_normal_"):
        layer = nn.Linear(256, 256, dtype=np.float64)
        getattr(init, name)(layer.weight, rng=rng)
        with no_grad():
            found[f"E[z^2] after relu, {name}"] = float((layer(Tensor(x)).numpy() ** 2).mean())
    return {
        "E[relu(z)^2] of standard normal z": float((x**2).mean()),
        "Var[relu(z)]": float(x.var()),
        **found,
    }


def cosines(depth: int = 50, width: int = 128, skip: bool = False, seed: int = 0) -> list[float]:
    """Return, layer by layer, the cosine between what two random inputs have become.

    Plain: relu layers with He's weights. With a skip: blocks x + W2 relu(W1 x), the second weight
    over the root of the depth.
    """
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((2, width))
    found = []
    for _ in range(depth):
        first = rng.standard_normal((width, width)) * np.sqrt(2 / width)
        inner = F.relu(Tensor(h @ first)).numpy()
        second = rng.standard_normal((width, width)) / np.sqrt(width * depth)
        h = h + inner @ second if skip else inner
        a, b = h
        found.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return found


def what_skips_solve(seed: int = 0) -> dict[str, float]:
    """Measure gradients and likeness of inputs in a plain net of 50 layers, and with skips."""
    plain = np.mean([cosines(seed=10 * seed + i)[-1] for i in range(5)])
    skip = np.mean([cosines(skip=True, seed=10 * seed + i)[-1] for i in range(5)])
    return {
        "gradient factor per layer, plain He": activations.per_layer_factor(
            F.relu, np.sqrt(2), depth=50, width=128, seed=seed
        ),
        "cosine of two inputs at layer 50, plain": plain,
        "cosine of two inputs at block 50, skips": skip,
    }


def singular_block(seed: int = 0) -> float:
    """Return the largest entry of I + J for the residual branch F(x) = -x."""
    x = Tensor(np.random.default_rng(seed).standard_normal(5), requires_grad=True)
    (x + -x).sum().backward()
    return float(np.abs(x.grad.numpy()).max())


def sigmoids_in_hidden_layers(seed: int = 0) -> dict[str, float]:
    """Measure the factor per layer of the gradient, for sigmoid with LeCun's and relu with He's."""
    return {
        "sigmoid, LeCun": activations.per_layer_factor(F.sigmoid, 1, seed=seed),
        "relu, He": activations.per_layer_factor(F.relu, np.sqrt(2), seed=seed),
    }


def modes(seed: int = 0) -> dict[str, float]:
    """Count both modes for a loss of 1 and of 128 inputs."""
    return {f"{n} inputs": backprop.mode_ratio(n) for n in (1, 128)}


def matching_loss(seed: int = 0) -> dict[str, float]:
    """Compare the gradients of cross-entropy and of the square where a wrong logit leads by 10."""
    entropy, square = losses.logit_gradients(10.0)
    return {"cross-entropy": entropy, "square of softmax": square}


def the_catch(seed: int = 0) -> dict[str, float]:
    """Count pieces with depth, and the error of a single layer of half as many units."""
    return {
        "pieces of 20 relus in 10 layers": mlp.pieces(mlp.sawtooth(10)),
        "error of one layer with half the units": mlp.shallow_error(6, 32),
    }


def plot_cosines(seed: int = 0) -> Figure:
    """Draw how two inputs become alike with depth, with and without skips."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.3), layout="constrained")
    ax = figure.subplots()
    layers = np.arange(1, 51)
    for skip, color, dash, label in (
        (False, "#d55e00", "--", "plain, He"),
        (True, "#0072b2", "-", "with skips"),
    ):
        curves = np.array([cosines(skip=skip, seed=seed + i) for i in range(10)])
        ax.plot(layers, curves.mean(axis=0), dash, color=color, label=label)
    ax.set_ylim(-0.1, 1.05)
    tidy(
        ax,
        xlabel="layer or block",
        ylabel="cosine of two random inputs",
        title="inputs become alike",
    )
    ax.legend(frameon=False)
    return figure
