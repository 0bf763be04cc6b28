"""Losses: likelihoods in disguise, what they send back, and which fits which output."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import bernoulli, norm

import nn
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
GAPS = (0.0, 5.0, 10.0, 20.0)


def gaussian_likelihood(seed: int = 0) -> float:
    """Compare the mean negative log-likelihood of a Gaussian with its affine form in the MSE."""
    rng = np.random.default_rng(seed)
    y, y_hat, sigma = rng.standard_normal(50), rng.standard_normal(50), 0.7
    likelihood = -norm.logpdf(y, y_hat, sigma).mean()
    mse = F.mse_loss(Tensor(y_hat), Tensor(y)).item()
    return abs(likelihood - (mse / (2 * sigma**2) + np.log(sigma * np.sqrt(2 * np.pi))))


def bernoulli_likelihood(seed: int = 0) -> dict[str, float]:
    """Compare BCE from logits with the Bernoulli's likelihood; take it where exp overflows, too."""
    rng = np.random.default_rng(seed)
    z, y = 3 * rng.standard_normal(50), rng.integers(2, size=50).astype(float)
    bce = F.binary_cross_entropy_with_logits(Tensor(z), Tensor(y)).item()
    likelihood = -bernoulli.logpmf(y, 1 / (1 + np.exp(-z))).mean()
    far, wrong = Tensor([1000.0, -1000.0]), Tensor([0.0, 1.0])
    return {
        "difference": abs(bce - likelihood),
        "at logits of 1000, wrong": F.binary_cross_entropy_with_logits(far, wrong).item(),
    }


def softmax_likelihood(seed: int = 0) -> dict[str, float]:
    """Compare cross-entropy with logsumexp(z) - z_y, and take it where exp overflows."""
    rng = np.random.default_rng(seed)
    z, y = rng.standard_normal((20, 5)), rng.integers(5, size=20)
    expected = (np.log(np.exp(z).sum(axis=1)) - z[np.arange(20), y]).mean()
    far = Tensor([[1000.0, -1000.0]])
    return {
        "difference": abs(F.cross_entropy(Tensor(z), y).item() - expected),
        "at logits of 1000, wrong": F.cross_entropy(far, [1]).item(),
    }


def multi_label(seed: int = 0) -> float:
    """Compare BCE over K labels at once with K separate ones."""
    rng = np.random.default_rng(seed)
    z, y = rng.standard_normal((20, 4)), rng.integers(2, size=(20, 4)).astype(float)
    each = [F.binary_cross_entropy_with_logits(Tensor(z[:, k]), Tensor(y[:, k])) for k in range(4)]
    together = F.binary_cross_entropy_with_logits(Tensor(z), Tensor(y), reduction="sum").item()
    return abs(together - 20 * sum(t.item() for t in each))


def logistic_regression(seed: int = 0) -> float:
    """Fit one sigmoid unit by gradient descent, and logistic regression by Newton; compare them."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((200, 2)), np.ones(200)])
    y = (rng.random(200) < 1 / (1 + np.exp(-X @ [1.0, -0.5, 0.3]))).astype(float)

    w = Tensor(np.zeros(3), requires_grad=True)
    inputs, targets = Tensor(X), Tensor(y)
    optimizer = optim.SGD([w], lr=2.0)
    for _ in range(800):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(inputs @ w, targets).backward(retain_graph=False)
        optimizer.step()

    beta = np.zeros(3)
    for _ in range(20):  # Newton's steps, which are reweighted least squares
        p = 1 / (1 + np.exp(-X @ beta))
        beta += np.linalg.solve(X.T @ (X * (p * (1 - p))[:, None]), X.T @ (y - p))
    return float(np.abs(w.numpy() - beta).max())


def fused_and_composed(seed: int = 0) -> dict[str, float]:
    """Compare the gradient of softmax with cross-entropy, fused and composed, with (p - y) / n."""
    rng = np.random.default_rng(seed)
    z, y = rng.standard_normal((8, 5)), rng.integers(5, size=8)
    expected = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - np.eye(5)[y]) / 8
    fused, composed = (Tensor(z, requires_grad=True) for _ in range(2))
    F.cross_entropy(fused, y).backward()
    (-composed.softmax().log()[np.arange(8), y].mean()).backward()
    return {
        "fused": float(np.abs(fused.grad.numpy() - expected).max()),
        "composed": float(np.abs(composed.grad.numpy() - expected).max()),
    }


def square_of_softmax(logits: Tensor, y: Array) -> Tensor:
    """Return the squared error of softmax against one-hot targets, summed over the classes."""
    return ((logits.softmax() - np.eye(logits.shape[-1])[y]) ** 2).sum(axis=-1).mean()


def logit_gradients(gap: float, classes: int = 10) -> tuple[float, float]:
    """Return the norm of dL/dz by cross-entropy and by the square, where a wrong logit leads."""
    norms = []
    for loss in (F.cross_entropy, square_of_softmax):
        z = np.full((1, classes), -1.0)  # any number: softmax does not see what all have in common
        z[0, 1] += gap  # the right class is 0
        t = Tensor(z, requires_grad=True)
        loss(t, np.array([0])).backward()
        norms.append(float(np.linalg.norm(t.grad.numpy())))
    return norms[0], norms[1]


@cache
def race(square: bool, bias: float, seed: int = 0, steps: int = 600) -> tuple[float, ...]:
    """Train 64-64-10 on digits with SGD; return the test accuracy every 10 steps.

    Parameters
    ----------
    square : bool
        Whether to train with the squared error of softmax, not with cross-entropy.
    bias : float
        What is added to the logit of a class that is wrong for nine examples in ten.
    """
    train, test = data.digits()
    x, y = train.arrays
    x_test, y_test = test.arrays
    model = nn.MLP([64, 64, 10], "relu", rng=seed)
    model[2].bias.data[0] = bias
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(seed)
    loss = square_of_softmax if square else F.cross_entropy
    curve = []
    for i in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        loss(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
        optimizer.step()
        if i % 10 == 9:
            with no_grad():
                curve.append(float((model(Tensor(x_test)).data.argmax(axis=1) == y_test).mean()))
    return tuple(curve)


def steps_to(curve: tuple[float, ...], accuracy: float = 0.9) -> float:
    """Return after how many steps a curve of `race` reaches an accuracy; inf if it does not."""
    reached = [10 * (i + 1) for i, value in enumerate(curve) if value >= accuracy]
    return reached[0] if reached else float("inf")


def mismatch(seed: int = 0) -> dict[str, float]:
    """Compare what cross-entropy and the square of softmax send back, and how they train."""
    ratios = {}
    for gap in GAPS:
        ce, square = logit_gradients(gap)
        ratios[f"gradients, gap {gap:g}"] = ce / square
    neutral = steps_to(race(True, 0.0, seed)) / steps_to(race(False, 0.0, seed))
    return {
        **ratios,
        "steps to 90 %, from a neutral start": neutral,
        "accuracy of cross-entropy, from a bias of 20": race(False, 20.0, seed)[-1],
        "accuracy of the square, from a bias of 20": race(True, 20.0, seed)[-1],
    }


def plot_gradients() -> Figure:
    """Draw what the two losses send back to the logits, over the lead of a wrong one."""
    from matplotlib.figure import Figure

    gaps = np.linspace(0, 20, 41)
    norms = np.array([logit_gradients(gap) for gap in gaps])
    figure = Figure(figsize=(5.6, 3.5), layout="constrained")
    ax = figure.subplots()
    ax.semilogy(gaps, norms[:, 0], color="#0072b2", label="cross-entropy")
    ax.semilogy(gaps, norms[:, 1], "--", color="#d55e00", label="square of softmax")
    tidy(
        ax,
        xlabel="lead of a wrong logit",
        ylabel="norm of dL/dz",
        title="what goes back when the network is confidently wrong",
    )
    ax.legend(frameon=False)
    return figure


def plot_race(seed: int = 0) -> Figure:
    """Draw the test accuracy of both losses, from a neutral start and from a wrong bias."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    for ax, bias in zip(figure.subplots(1, 2, sharey=True), (0.0, 20.0), strict=True):
        for square, style, label in ((False, "-", "cross-entropy"), (True, "--", "square")):
            curve = race(square, bias, seed)
            color = "#d55e00" if square else "#0072b2"
            ax.plot(10 * np.arange(1, len(curve) + 1), curve, style, color=color, label=label)
        tidy(ax, title=f"one logit's bias {bias:g}", xlabel="step")
        ax.legend(frameon=False)
    figure.axes[0].set_ylabel("test accuracy")
    return figure
