"""Convolution: one small set of weights for all positions, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import convolve2d, correlate2d

import nn
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
CANVAS = 16
SHIFTS = (0, 1, 2, 3, 4)


def toeplitz(weight: Array, size: int) -> Array:
    """Return the matrix that convolves flattened square images, without padding.

    Parameters
    ----------
    weight : ndarray of shape (filters, channels, k, k)
    size : int
        Of the image, on both axes.

    Returns
    -------
    ndarray of shape (filters * m * m, channels * size * size), m = size - k + 1
    """
    filters, channels, k, _ = weight.shape
    m = size - k + 1
    matrix = np.zeros((filters, m, m, channels, size, size))
    for i in range(m):
        for j in range(m):
            matrix[:, i, j, :, i : i + k, j : j + k] = weight
    return matrix.reshape(filters * m * m, channels * size * size)


def as_a_matrix(seed: int = 0) -> dict[str, float]:
    """Compare a convolution with the product by its Toeplitz matrix; count the weights of both."""
    rng = np.random.default_rng(seed)
    layer = nn.Conv2d(2, 4, 3, bias=False, dtype=np.float64, rng=rng)
    x = rng.standard_normal((5, 2, 8, 8))
    matrix = toeplitz(layer.weight.numpy(), 8)
    product = (x.reshape(5, -1) @ matrix.T).reshape(5, 4, 6, 6)
    return {
        "difference": float(np.abs(layer(Tensor(x)).numpy() - product).max()),
        "weights": layer.weight.size,
        "different numbers in the matrix": len(np.unique(matrix[matrix != 0])),
        "weights of a dense layer": nn.Linear(x[0].size, product[0].size, bias=False).weight.size,
    }


def backward_is_convolution(seed: int = 0) -> dict[str, float]:
    """Compare the engine's gradients of a convolution with SciPy's, and with differences."""
    rng = np.random.default_rng(seed)
    w = Tensor(rng.standard_normal((3, 2, 3, 3)), requires_grad=True)
    x = Tensor(rng.standard_normal((1, 2, 7, 7)), requires_grad=True)
    g = rng.standard_normal((1, 3, 5, 5))
    F.conv2d(x, w).backward(Tensor(g))

    W, X = w.numpy(), x.numpy()[0]
    dX = [sum(convolve2d(g[0, f], W[f, c], "full") for f in range(3)) for c in range(2)]
    dW = [[correlate2d(X[c], g[0, f], "valid") for c in range(2)] for f in range(3)]

    v, h = rng.standard_normal(W.shape), 1e-5  # along one direction of the weights
    ahead, behind = (F.conv2d(x.detach(), Tensor(W + s * h * v)).numpy() for s in (1, -1))
    slope = (g * (ahead - behind)).sum() / (2 * h)
    return {
        "dX": float(np.abs(x.grad.numpy()[0] - dX).max()),
        "dW": float(np.abs(w.grad.numpy() - dW).max()),
        "dW along a direction": float(abs((w.grad.numpy() * v).sum() - slope)),
    }


def right(x: Array, shift: int) -> Array:
    """Move images to the right; what leaves on one side comes in on the other."""
    return np.roll(x, shift, axis=-1)


def share_moved(layer: Callable[[Tensor], Tensor], x: Array, shift: int, stride: int = 1) -> float:
    """Return which share of the outputs does not move along when the input moves by `shift`."""
    moved = layer(Tensor(right(x, shift))).numpy()
    expected = right(layer(Tensor(x)).numpy(), shift // stride)
    return float((np.abs(moved - expected) > 1e-10).mean())


def equivariance(seed: int = 0) -> dict[str, float]:
    """Count the outputs that do not move along with the input: circular, zeros, stride, pool."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, 1, 16, 16))

    def conv(mode: str, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(1, 4, 3, stride, padding=1, padding_mode=mode, dtype=np.float64, rng=seed)

    return {
        "circular": share_moved(conv("circular"), x, 1),
        "zeros at the border": share_moved(conv("zeros"), x, 1),
        "stride 2, shift 1": share_moved(conv("circular", 2), x, 1, 2),
        "stride 2, shift 2": share_moved(conv("circular", 2), x, 2, 2),
        "max pool 2, shift 1": share_moved(nn.MaxPool2d(2), x, 1, 2),
        "max pool 2, shift 2": share_moved(nn.MaxPool2d(2), x, 2, 2),
    }


def on_canvas(x: Array, shift: int = 0) -> Array:
    """Put 8x8 digits in the middle of a blank canvas, or `shift` pixels right of it."""
    margin = (CANVAS - 8) // 2
    return right(np.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin))), shift)


def networks(seed: int = 0) -> dict[str, nn.Sequential]:
    """Return the two that are compared: dense layers, and convolutions with a maximum over all."""
    rng = np.random.default_rng(seed)
    around = {"padding": 1, "padding_mode": "circular"}
    return {
        "MLP": nn.Sequential(nn.Flatten(), nn.MLP([CANVAS**2, 64, 10], rng=rng)),
        "CNN": nn.Sequential(
            nn.Conv2d(1, 8, 3, **around, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 32, 3, **around, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(CANVAS // 2),
            nn.Flatten(),
            nn.Linear(32, 10, rng=rng),
        ),
    }


@cache
def shifted_accuracy(name: str, seed: int = 0, epochs: int = 8) -> tuple[float, ...]:
    """Train a network on centred digits; return its test accuracy at each of `SHIFTS`."""
    model = networks(seed)[name]
    train, test = data.digits(flat=False)
    x, y = (array[:1500] for array in train.arrays)
    x_test, y_test = test.arrays
    x = on_canvas(x)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in np.split(rng.permutation(len(x)), range(64, len(x), 64)):
            optimizer.zero_grad()
            F.cross_entropy(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
            optimizer.step()
    with no_grad():
        guesses = (model(Tensor(on_canvas(x_test, s))).data.argmax(axis=1) for s in SHIFTS)
        return tuple(float((guess == y_test).mean()) for guess in guesses)


def inductive_bias(seed: int = 0) -> dict[str, float]:
    """Measure equivariance layer by layer, and what it is worth when the test digits move."""
    mlp, cnn = (shifted_accuracy(name, seed) for name in ("MLP", "CNN"))
    return equivariance(seed) | {
        "MLP, centred": mlp[0],
        "MLP, 4 pixels right": mlp[4],
        "CNN, centred": cnn[0],
        "CNN, what 2 or 4 pixels change": max(abs(cnn[0] - cnn[2]), abs(cnn[0] - cnn[4])),
    }


def parameters() -> dict[str, int]:
    """Count the parameters of both networks."""
    return {name: sum(p.size for p in model.parameters()) for name, model in networks().items()}


def plot_matrix(seed: int = 0) -> Figure:
    """Draw the matrix of a 3x3 convolution of a 6x6 image: a few numbers, over and over."""
    from matplotlib.figure import Figure

    weight = nn.Conv2d(1, 1, 3, bias=False, rng=seed).weight.numpy()
    matrix = toeplitz(weight, 6)
    limit = np.abs(weight).max()
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    ax = figure.subplots()
    shown = np.where(matrix == 0, np.nan, matrix)
    image = ax.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set_xlabel("pixel of the image, row by row")
    ax.set_yticks([0, 5, 10, 15])
    ax.set_ylabel("output")
    ax.set_title("9 weights, 16 x 36 entries; blank is 0")
    figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    return figure


def plot_shifts(seed: int = 0) -> Figure:
    """Draw a digit that moves, and the accuracy of both networks as it does."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, ax = figure.subfigures(1, 2, width_ratios=(1, 2.6))
    digit = data.digits(flat=False)[1].arrays[0][:1]
    for panel, shift in zip(left.subplots(3, 1), SHIFTS[::2], strict=True):
        panel.imshow(on_canvas(digit, shift)[0, 0], cmap="gray_r")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_ylabel(f"{shift} px", rotation=0, ha="right", va="center")
    ax = ax.subplots()
    for name, color, style in (("CNN", "#0072b2", "o-"), ("MLP", "#d55e00", "s--")):
        label = f"{name}, {parameters()[name]:,} parameters"
        ax.plot(SHIFTS, shifted_accuracy(name, seed), style, color=color, label=label)
    ax.axhline(0.1, color="#767676", linewidth=1, linestyle=":")
    ax.set_xticks(SHIFTS)
    ax.set_ylim(0, 1.03)
    tidy(ax, xlabel="shift to the right in pixels", ylabel="test accuracy")
    ax.legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.42))
    return figure
