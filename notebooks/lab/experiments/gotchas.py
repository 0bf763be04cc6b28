"""Seven questions whose usual answers are half right: each as a bet, with its measurement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import nn
import viz
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F

from ..figures import tidy
from ..ledger import LEDGER, VERDICTS
from . import training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
WIDTH = 64
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)


class Split(NamedTuple):
    """Digits, each pixel with mean 0 and variance 1 over all of them."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


@cache
def split(seed: int = 0) -> Split:
    """Return the 1,797 digits of 13 writers, drawn into 1,500 to train with and 297 to test."""
    x, y = data.digits()[1].arrays
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    order = np.random.default_rng(seed).permutation(len(x))
    return Split(*(part for i in (order[:1500], order[1500:]) for part in (x[i], y[i])))


def plain(depth: int, seed: int = 0, *, norm: bool = False) -> nn.Sequential:
    """Return `depth` ReLU layers with He's init, each with a norm or not, and a linear layer."""
    rng = np.random.default_rng(seed)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear, relu = nn.Linear(WIDTH, WIDTH, rng=rng), nn.ReLU()
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", rng=rng)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.LayerNorm(WIDTH), relu] if norm else [linear, relu]
    return nn.Sequential(*layers, *nn.MLP([WIDTH, 10], rng=rng))


def residual(depth: int, seed: int = 0) -> nn.Sequential:
    """Return `depth` layers in blocks of two, x + B relu(A x) / sqrt(blocks), and a linear one."""
    rng, blocks = np.random.default_rng(seed), depth // 2
    return nn.Sequential(
        *(
            nn.Residual(nn.MLP([WIDTH] * 3, rng=rng), scale=1 / np.sqrt(blocks))
            for _ in range(blocks)
        ),
        *nn.MLP([WIDTH, 10], rng=rng),
    )


NETWORKS = {
    "plain": plain,
    "residual": residual,
    "norm": lambda depth, seed: plain(depth, seed, norm=True),
}


@cache
def train(
    kind: str, depth: int, seed: int = 0, lr: float = 0.01, steps: int = 300
) -> tuple[float, float]:
    """Train with SGD, momentum 0.9, batches of 64; return loss in training and accuracy in test."""
    x, y, x_test, y_test = split(seed)
    model = NETWORKS[kind](depth, seed)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):  # where training explodes, that is the result
        for _ in range(steps):
            picked = rng.integers(len(x), size=64)
            optimizer.zero_grad()
            F.cross_entropy(model(Tensor(x[picked])), y[picked]).backward(retain_graph=False)
            optimizer.step()
        with no_grad():
            loss = F.cross_entropy(model(Tensor(x)), y).item()
            read = model(Tensor(x_test)).numpy().argmax(axis=1)
    return loss, float((read == y_test).mean())


# 1. Is deeper always better?


def depth_sweep(seed: int = 0) -> dict[str, float]:
    """Return the training loss of plain nets of 5 to 50 layers, and of a residual one.

    Of plain nets the median of three: what becomes of one is up to rounding, too.
    """
    found = {
        f"plain, {depth} layers": float(
            np.median([train("plain", depth, 3 * seed + i)[0] for i in range(3)])
        )
        for depth in (5, 10, 20, 50)
    }
    return found | {"residual, 50 layers": train("residual", 50, 3 * seed)[0]}


# 2. Why ReLU rather than sigmoid?


@cache
def gradient_norms(
    activation: str, seed: int = 0, depth: int = 20, init: str = ""
) -> tuple[float, ...]:
    """Return the norm of the gradient at each hidden layer of a fresh network, the first first.

    Parameters
    ----------
    activation : str
        Its usual initialisation, as `nn.MLP` has it, unless `init` is 'xavier'.
    """
    rng = np.random.default_rng(seed)
    model = nn.MLP([WIDTH] * (depth + 1) + [10], activation, dtype=np.float64, rng=rng)
    if init == "xavier":
        for p in model.parameters():
            if p.ndim == 2:
                nn.init.xavier_normal_(p, rng=rng)
    x, y = rng.standard_normal((256, WIDTH)), rng.integers(10, size=256)
    with viz.Recorder(model) as recorder:
        F.cross_entropy(model(Tensor(x)), y).backward()
        snapshot = recorder.step()
    return tuple(snapshot.gradients[n] for n in snapshot.layers if not n.endswith("Linear"))


def activations_by_depth(seed: int = 0) -> dict[str, float]:
    """Return the gradient at the first of 20 layers over that at the last, by activation."""

    def ratio(name: str, init: str = "") -> float:
        norms = gradient_norms(name, seed, init=init)
        return norms[0] / norms[-1]

    found = {name: ratio(name) for name in ("sigmoid", "tanh", "relu", "leaky_relu", "gelu")}
    return found | {"relu, Xavier": ratio("relu", "xavier")}


# 3. What does backward() do?


def backward_in_short(seed: int = 0) -> dict[str, float]:
    """Count the visits of the walk, what two calls leave, and the weights that it moves."""
    walk = training.walk(seed)
    return {
        "visits over tensors": walk["visits"] / walk["nodes"],
        "two calls over one": training.accumulation(seed)["two calls over one"],
        "weights moved": training.backward_only_fills(seed)["weights changed"],
    }


# 4. Why normalise?


def normalisation(seed: int = 0) -> dict[str, float]:
    """Return the accuracy of ten layers at a usual and a high rate, plain and with LayerNorm."""
    return {
        f"{name}, lr {lr:g}": train(kind, 9, seed, lr, 200)[1]
        for name, kind in (("plain", "plain"), ("LayerNorm", "norm"))
        for lr in (0.01, 0.1)
    }


# 5. What do residual connections solve?


def cosine(kind: str, depth: int, seed: int = 0, pairs: int = 64) -> float:
    """Return the mean cosine of the last hidden layer's answers to two random inputs."""
    model = NETWORKS[kind](depth, seed)
    x = np.random.default_rng(seed).standard_normal((2 * pairs, WIDTH)).astype(np.float32)
    with no_grad():
        h = nn.Sequential(*list(model)[:-1])(Tensor(x)).numpy().astype(np.float64)
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    return float((h[:pairs] * h[pairs:]).sum(axis=1).mean())


def skipped_slope(f: Any, at: float = 0.5) -> float:
    """Return the slope of x + f(x)."""
    x = Tensor(at, requires_grad=True)
    (x + f(x)).backward()
    return float(x.grad.item())


def residuals(seed: int = 0) -> dict[str, float]:
    """Look at gradient, similarity and training of 50 plain layers, and at a block that cancels."""
    norms = gradient_norms("relu", seed, depth=50)
    return {
        "plain: gradient, first over last": norms[0] / norms[-1],
        "plain: cosine of two inputs": cosine("plain", 50, seed),
        "residual: cosine of two inputs": cosine("residual", 50, seed),
        "plain: loss": train("plain", 50, seed)[0],
        "residual: loss": train("residual", 50, seed)[0],
        "slope of x + F(x), F(x) = -x": skipped_slope(lambda x: -x),
    }


# 6. Why dropout?


class Regression(NamedTuple):
    """Linear regression with features of different size."""

    X: Array
    y: Array


def regression(seed: int = 0) -> Regression:
    """Return 200 examples of 10 features, whose sizes run from 0.3 to 3."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 10)) * np.geomspace(0.3, 3, 10)
    return Regression(X, X @ rng.standard_normal(10) + rng.standard_normal(200))


def ridge(problem: Regression, penalty: Any) -> Array:
    """Return the w that minimises the square plus ``sum(penalty * w**2)``."""
    X, y = problem
    w: Array = np.linalg.solve(X.T @ X + np.diag(np.broadcast_to(penalty, 10)), X.T @ y)
    return w


@cache
def dropped_out(seed: int = 0, p: float = 0.5, steps: int = 6000) -> Array:
    """Train w by SGD with dropout on the features; return its mean over the later half."""
    X, y = regression(seed)
    dropout = nn.Dropout(p, rng=seed)
    model = nn.Linear(10, 1, bias=False, dtype=np.float64, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.02)
    inputs, targets = Tensor(X), Tensor(y[:, None])
    mean = np.zeros(10)
    for i in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model(dropout(inputs)), targets).backward(retain_graph=False)
        optimizer.step()
        if i >= steps // 2:
            mean += model.weight.numpy()[0] / (steps - steps // 2)
    return mean


def best_isotropic(problem: Regression, w: Array) -> Array:
    """Return the solution with one penalty for all that comes closest to w."""
    found = [ridge(problem, penalty) for penalty in np.geomspace(1e-2, 1e5, 300)]
    return min(found, key=lambda v: float(np.linalg.norm(v - w)))


def dropout_is_scaled_ridge(seed: int = 0, p: float = 0.5) -> dict[str, float]:
    """Compare dropout's mean loss with its closed form, and where it leads with ridge."""
    problem = regression(seed)
    X, y = problem
    w = np.random.default_rng(seed).standard_normal(10)
    energy = (X**2).sum(axis=0)
    closed = ((y - X @ w) ** 2).sum() + p / (1 - p) * (w**2 * energy).sum()
    dropout, draws = nn.Dropout(p, rng=seed), 2000
    inputs = Tensor(X)
    sampled = [((y - dropout(inputs).numpy() @ w) ** 2).sum() for _ in range(draws)]

    found, scaled = dropped_out(seed, p), ridge(problem, p / (1 - p) * energy)

    def distance(v: Array) -> float:
        return float(np.linalg.norm(found - v) / np.linalg.norm(v))

    still = nn.Dropout(p).eval()
    return {
        "mean loss over closed form": float(np.mean(sampled) / closed),
        "SGD, from the scaled ridge": distance(scaled),
        "SGD, from the best plain ridge": distance(best_isotropic(problem, found)),
        "changed in use": float(np.abs(still(inputs).numpy() - X).max()),
    }


# 7. Which initialisation for ReLU?


@cache
def spreads(scheme: str, seed: int = 0, depth: int = 50, width: int = 256) -> tuple[float, ...]:
    """Return the standard deviation of the activations after each ReLU layer of a fresh network."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((256, width))
    found = []
    with no_grad():
        for _ in range(depth):
            linear = nn.Linear(width, width, bias=False, dtype=np.float64, rng=rng)
            if scheme == "He":
                nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", rng=rng)
            elif scheme == "Xavier":
                nn.init.xavier_normal_(linear.weight, rng=rng)
            h = F.relu(linear(Tensor(h))).numpy()
            found.append(float(h.std()))
    return tuple(found)


def he(seed: int = 0) -> dict[str, float]:
    """Return the spread of the activations after 50 ReLU layers, with He's init and Xavier's."""
    return {name: spreads(name, seed)[-1] for name in ("He", "Xavier")}


# The bets


def score(bets: Mapping[str, Any]) -> str:
    """Return a table of bets and verdicts, and how many agree.

    Parameters
    ----------
    bets : dict of str to str
        By the id of a claim: 'holds', 'holds if' or 'wrong as commonly said'; ``...`` for none.
    """
    rows, won = [], 0
    for id, bet in bets.items():
        if bet is not ... and bet not in VERDICTS:
            raise ValueError(f"score: the bet on {id} is {bet!r}; it is one of {VERDICTS[:3]}")
        verdict = LEDGER[id].verdict
        won += bet == verdict
        shown = "no bet" if bet is ... else bet
        rows.append(f"{id}  {shown:<24}{verdict:<24}{'won' if bet == verdict else ''}")
    head = f"{'':6}{'your bet':<24}{'verdict':<24}"
    return "\n".join([head.rstrip(), *(row.rstrip() for row in rows), f"{won} of {len(bets)} won"])


# Figures


def plot_depth() -> Figure:
    """Draw the training loss over depth: of plain nets the median and range of three seeds."""
    figure, ax = _figure()
    depths = (4, 10, 20, 50)
    looks = (("plain", "-o", "#d55e00", 3), ("residual", "--s", "#0072b2", 1))
    for kind, style, color, seeds in looks:
        losses = np.array([[train(kind, d, s)[0] for d in depths] for s in range(seeds)])
        ax.loglog(depths, np.median(losses, axis=0), style, color=color, label=kind, markersize=4)
        ax.fill_between(depths, losses.min(axis=0), losses.max(axis=0), color=color, alpha=0.15)
    ax.set_xticks(depths, [str(d) for d in depths])
    ax.minorticks_off()
    _label(ax, "digits, 300 steps; the range of 3 plain nets", "hidden layers", "loss in training")
    return figure


def plot_gradients(seed: int = 0) -> Figure:
    """Draw the gradient at each layer, by activation."""
    figure, ax = _figure()
    colors = ("#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7")
    styles = ("-", "--", "-", "--", "-.", ":")
    names = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")
    for name, color, style in zip(names, colors, styles, strict=True):
        norms = np.array(gradient_norms(name, seed))
        ax.semilogy(np.arange(1, 21), norms / norms[-1], style, color=color, label=name)
    ax.set_xticks(range(2, 21, 3))
    _label(ax, "gradient on its way back, usual inits", "layer", "norm, relative to the last")
    return figure


def plot_rates(seed: int = 0) -> Figure:
    """Draw the accuracy over the learning rate, plain and with LayerNorm."""
    figure, ax = _figure()
    looks = (("plain", "-o", "#d55e00"), ("norm", "--s", "#0072b2"))
    for kind, style, color in looks:
        found = [train(kind, 9, seed, lr, 200)[1] for lr in RATES]
        label = "LayerNorm" if kind == "norm" else kind
        ax.semilogx(RATES, found, style, color=color, label=label, markersize=4)
    ax.set_ylim(0, 1.03)
    _label(ax, "ten layers, 200 steps", "learning rate", "test accuracy")
    return figure


def plot_dropout(seed: int = 0) -> Figure:
    """Draw the weights that dropout finds, beside both kinds of ridge."""
    problem, found = regression(seed), dropped_out(seed)
    scaled = ridge(problem, (problem.X**2).sum(axis=0))
    figure, ax = _figure()
    for v, mark, color, label in (
        (scaled, "o", "#0072b2", "ridge, scaled by energy"),
        (best_isotropic(problem, found), "^", "#d55e00", "best plain ridge"),
    ):
        ax.plot(found, v, mark, color=color, label=label, markersize=6, alpha=0.8)
    ends = np.array([found.min(), found.max()])
    ax.plot(ends, ends, ":", color="#767676", label="equal")
    _label(ax, "ten weights, p = 0.5", "weight by SGD with dropout", "weight by ridge")
    return figure


def plot_spreads(seed: int = 0) -> Figure:
    """Draw the spread of the activations, layer by layer, for two initialisations."""
    figure, ax = _figure()
    for name, style, color in (("He", "-", "#0072b2"), ("Xavier", "--", "#d55e00")):
        ax.semilogy(range(1, 51), spreads(name, seed), style, color=color, label=name)
    _label(ax, "ReLU layers of 256 units", "layer", "standard deviation")
    return figure


def _figure() -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    return figure, figure.subplots()


def _label(ax: Any, title: str, xlabel: str, ylabel: str) -> None:
    tidy(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend(frameon=False, fontsize="small")
