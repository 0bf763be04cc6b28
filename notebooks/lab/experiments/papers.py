"""One small replication for each paper of the reading list."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd import Tensor, no_grad
from nn import data, init, optim
from nn import functional as F

from ..figures import tidy
from . import activations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]


# Rumelhart, Hinton and Williams 1986: is a string of six bits the same from both ends?


def symmetric_strings() -> tuple[Array, Array]:
    """Return all 64 strings of six bits, and whether each is its own mirror image."""
    bits = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(float)
    return bits, (bits[:, :3] == bits[:, 5:2:-1]).all(axis=1).astype(float)


@cache
def symmetry_network(seed: int = 0, steps: int = 2500) -> tuple[Array, float]:
    """Train two hidden units on the strings; return their weights and the accuracy.

    A start may end in a local minimum, as in the paper; up to forty are tried.
    """
    x, y = symmetric_strings()
    inputs, targets = Tensor(x), Tensor(y[:, None])
    best: tuple[Array, float] = (np.zeros((2, 6)), 0.0)
    for start in range(40):
        model = nn.MLP([6, 2, 1], "tanh", dtype=np.float64, rng=100 * seed + start)
        optimizer = optim.Adam(model.parameters(), lr=0.03)
        weights = Tensor(np.where(y, 28.0, 4.0)[:, None] / 7)  # 8 of 64 strings are symmetric
        for _ in range(steps):
            optimizer.zero_grad()
            each = F.binary_cross_entropy_with_logits(model(inputs), targets, reduction="none")
            (each * weights).mean().backward(retain_graph=False)
            optimizer.step()
        with no_grad():
            accuracy = float(((model(inputs).numpy()[:, 0] > 0) == y).mean())
        if accuracy > best[1]:
            best = model[0].weight.numpy().copy(), accuracy
        if accuracy == 1:
            break
    return best


def symmetry(seed: int = 0) -> dict[str, float]:
    """Measure what the paper shows: opposite weights for mirrored bits, balanced by no others."""
    W, accuracy = symmetry_network(seed)
    opposite = np.abs(W[:, :3] + W[:, 5:2:-1]).max() / np.abs(W).max()
    sizes = np.abs(W[:, :3]).mean(axis=0)
    sums = [abs(np.dot(signs, sizes)) for signs in product((-1, 0, 1), repeat=3) if any(signs)]
    return {
        "accuracy on all 64": accuracy,
        "sum of mirrored weights, relative": opposite,
        "smallest signed sum, relative": min(sums) / sizes.max(),
    }


# Glorot and Bengio 2010: what becomes of activations and gradients in a deep tanh network.


def glorot_profile(
    xavier: bool, depth: int = 10, width: int = 256, seed: int = 0
) -> tuple[Array, Array]:
    """Return the deviations of activations and of gradients, layer by layer, of a tanh network.

    Drawn from U(-1/sqrt n, 1/sqrt n), the custom before the paper, or as the paper proposes.
    """
    rng = np.random.default_rng(seed)
    h = Tensor(rng.standard_normal((300, width)))
    outputs = []
    for _ in range(depth):
        layer = nn.Linear(width, width, dtype=np.float64)
        if xavier:
            init.xavier_uniform_(layer.weight, rng=rng)
        else:
            init.uniform_(layer.weight, -1 / np.sqrt(width), 1 / np.sqrt(width), rng=rng)
        h = F.tanh(layer(h)).retain_grad()
        outputs.append(h)
    h.backward(rng.standard_normal(h.shape))
    forward = np.array([t.numpy().std() for t in outputs])
    return forward, np.array([t.grad.numpy().std() for t in outputs])


def glorot(seed: int = 0) -> dict[str, float]:
    """Compare the last layer with the first, forward, and the first with the last, backward."""
    old_forward, old_backward = glorot_profile(False, seed=seed)
    new_forward, new_backward = glorot_profile(True, seed=seed)
    return {
        "activations, last over first, before": old_forward[-1] / old_forward[0],
        "activations, last over first, Xavier": new_forward[-1] / new_forward[0],
        "gradients, first over last, before": old_backward[0] / old_backward[-1],
        "gradients, first over last, Xavier": new_backward[0] / new_backward[-1],
    }


# He et al. 2015: thirty layers of relu.


@cache
def thirty_layers(he: bool, seed: int = 0, steps: int = 150) -> float:
    """Train a relu network of 30 layers on digits; return its last training loss."""
    train, _ = data.digits()
    x, y = train.arrays
    model = nn.MLP([64, *[64] * 29, 10], "relu", rng=seed)
    rng = np.random.default_rng(seed)
    for layer in list(model)[:-1]:
        if isinstance(layer, nn.Linear) and not he:
            init.xavier_normal_(layer.weight, rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(Tensor(x[batch])), y[batch])
        loss.backward(retain_graph=False)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses[-20:]))


def he(seed: int = 0) -> dict[str, float]:
    """Compare 30 relu layers with He's and with Xavier's weights: gradients, and training."""
    factor = activations.per_layer_factor
    return {
        "gradient through 20 layers, Xavier": factor(F.relu, 1.0, seed=seed) ** 20,
        "gradient through 20 layers, He": factor(F.relu, np.sqrt(2), seed=seed) ** 20,
        "loss after 150 steps, Xavier": thirty_layers(False, seed),
        "loss after 150 steps, He": thirty_layers(True, seed),
    }


# He et al. 2016: more layers train worse, unless each adds to what came before.


class Adds(nn.Module):
    """A block h + relu(W h) / sqrt(L)."""

    def __init__(self, width: int, depth: int, rng: np.random.Generator) -> None:
        self.linear = nn.Linear(width, width, rng=rng)
        init.kaiming_normal_(self.linear.weight, rng=rng)
        self.scale = depth**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """Add to x what the layer makes of it."""
        return x + F.relu(self.linear(x)) * self.scale


@cache
def depth_loss(depth: int, skips: bool, seed: int = 0, steps: int = 300) -> float:
    """Train a network of 64 units and `depth` hidden layers on digits; return its training loss."""
    train, _ = data.digits()
    x, y = train.arrays
    x, y = x[:1500], y[:1500]
    rng = np.random.default_rng(seed)
    if skips:
        blocks = [Adds(64, depth, rng) for _ in range(depth)]
        model = nn.Sequential(*blocks, nn.Linear(64, 10, rng=rng))
    else:
        model = nn.MLP([64, *[64] * depth, 10], "relu", rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
        optimizer.step()
    with no_grad():
        return float(F.cross_entropy(model(Tensor(x)), y).item())


def resnet(seed: int = 0) -> dict[str, float]:
    """Compare training losses at 5 and 40 hidden layers, plain and with skips."""
    return {
        "plain, 5 layers": depth_loss(5, False, seed),
        "plain, 40 layers": depth_loss(40, False, seed),
        "skips, 40 layers": depth_loss(40, True, seed),
    }


def gelu(seed: int = 0) -> dict[str, float]:
    """Measure how far the two approximations of the GELU paper are off."""
    found = activations.gelu(seed)
    return {name: found[name] for name in found if "form" in name}


def gated_widths(seed: int = 0) -> dict[str, float]:
    """Compare the weights of the gated layers of Shazeer's table with those of plain ones."""
    return {
        "d_ff 2048 gated over 3072 plain": 3 * 2048 / (2 * 3072),
        "nn.SwiGLU over nn.FeedForward": activations.gating(seed)["two thirds of the width"],
    }


# Goodfellow, Bengio and Courville 2016, section 6.1: a network that computes exclusive or.


def exclusive_or(seed: int = 0) -> dict[str, float]:
    """Give a 2-2-1 relu network the book's weights; fit an affine map by least squares, too."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([0.0, 1.0, 1.0, 0.0])
    model = nn.MLP([2, 2, 1], "relu", dtype=np.float64, rng=seed)
    model[0].weight.data[...] = 1
    model[0].bias.data[...] = [0, -1]
    model[2].weight.data[...] = [[1, -2]]
    model[2].bias.data[...] = 0
    design = np.column_stack([x, np.ones(4)])
    affine = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return {
        "error of the network": float(np.abs(model(Tensor(x)).numpy()[:, 0] - y).max()),
        "what the best affine map says": float(affine.mean()),
        "its spread": float(np.ptp(affine)),
    }


def plot_symmetry(seed: int = 0) -> Figure:
    """Draw the weights of the two hidden units of the symmetry network."""
    from matplotlib.figure import Figure

    W, _ = symmetry_network(seed)
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for i, ax in enumerate(figure.subplots(1, 2, sharey=True)):
        ax.bar(range(1, 7), W[i], color=["#0072b2" if w < 0 else "#d55e00" for w in W[i]])
        ax.axhline(0, color="#767676", linewidth=0.8)
        tidy(ax, title=f"hidden unit {i + 1}", xlabel="bit", grid=False)
    figure.axes[0].set_ylabel("weight")
    return figure


def plot_glorot(seed: int = 0) -> Figure:
    """Draw the deviations of activations and gradients over the layers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    before, xavier = (glorot_profile(x, seed=seed) for x in (False, True))
    for i, title in enumerate(("activations", "gradients")):
        ax = figure.add_subplot(1, 2, i + 1)
        look: dict[str, Any] = {"marker": "o", "markersize": 3}
        ax.semilogy(range(1, 11), before[i], "--", color="#d55e00", label="before", **look)
        ax.semilogy(range(1, 11), xavier[i], color="#0072b2", label="Xavier", **look)
        tidy(ax, title=f"deviation of {title}", xlabel="layer")
        ax.legend(frameon=False)
    return figure
