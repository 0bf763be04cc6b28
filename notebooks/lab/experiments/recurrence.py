"""Recurrence: weights shared along time, the gradient's way back, and gates that keep it open."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import autograd as ag
import nn
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F
from nn.utils import clip_grad_norm_

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
LAG = 49
RADII = (0.5, 0.9, 1.0, 1.5, 3.0)
BIASES = (0.0, 1.0, 3.0)
RECALL = {"RNN": "tanh RNN", "LSTM 1": "LSTM, forget bias 1", "LSTM 5": "LSTM, forget bias 5"}


def tied_and_untied(seed: int = 0) -> dict[str, float]:
    """Compare the gradient of an RNN's weight with those of a copy for each step, added up."""
    rng = np.random.default_rng(seed)
    layer = nn.RNN(3, 5, dtype=np.float64, rng=rng)
    x, r = rng.standard_normal((7, 4, 3)), rng.standard_normal((4, 5))
    out, _ = layer(Tensor(x))
    (out[-1] * r).sum().backward()

    W_ih, W_hh, *biases = (p.detach() for p in layer.parameters())
    copies = [Tensor(W_hh.numpy(), requires_grad=True) for _ in x]
    h = Tensor(np.zeros((4, 5)))
    for x_t, W in zip(x, copies, strict=True):
        h = ag.rnn_cell(Tensor(x_t), h, W_ih, W, *biases)
    (h * r).sum().backward()
    each = [W.grad.numpy() for W in copies]
    tied = layer.weight_hh_l0.grad.numpy()
    last = np.linalg.norm(tied - each[-1]) / np.linalg.norm(tied)
    return {
        "sum of the copies": float(np.abs(tied - sum(each)).max()),
        "what the last step alone leaves out": float(last),
    }


class Way(NamedTuple):
    """What came back through time: gradient norms by step, and the slopes met on the way."""

    norms: Array
    slopes: Array


def _way_back(cell: nn.Module, scale: float, seed: int, steps: int) -> Way:
    """Run a cell on noise of a given size; send a random error back from its last state."""
    rng = np.random.default_rng([seed, 1])
    state, states, hidden = None, [], []
    for _ in range(steps):
        state = cell(Tensor(scale * rng.standard_normal((16, cell.input_size))), state)
        kept = state[1] if isinstance(state, tuple) else state  # of an LSTM, what its cells hold
        kept.retain_grad()
        states.append(kept)
        hidden.append((state[0] if isinstance(state, tuple) else state).numpy())
    (states[-1] * rng.standard_normal(states[-1].shape)).sum().backward()
    norms = np.array([np.linalg.norm(s.grad.numpy()) for s in states])
    return Way(norms, 1 - np.array(hidden) ** 2)


@cache
def rnn_way(radius: float, scale: float = 0.1, seed: int = 0, steps: int = 60) -> Way:
    """Send a gradient back through a tanh RNN of 64 units, `radius` times an orthogonal matrix."""
    cell = nn.RNNCell(8, 64, dtype=np.float64, rng=seed)
    cell.weight_hh.data *= radius
    return _way_back(cell, scale, seed, steps)


@cache
def lstm_way(bias: float, scale: float = 0.1, seed: int = 0, steps: int = 60) -> Way:
    """Send a gradient back along the cell states of an LSTM of 64 units."""
    cell = nn.LSTMCell(8, 64, forget_bias=bias, dtype=np.float64, rng=seed)
    return _way_back(cell, scale, seed, steps)


def kept(way: Way) -> float:
    """Return the norm of the gradient `LAG` steps back, over that at the last step."""
    return float(way.norms[-1 - LAG] / way.norms[-1])


def per_step(way: Way) -> float:
    """Return what a step back multiplies the gradient by, on (geometric) average."""
    return kept(way) ** (1 / LAG)


def vanishing(seed: int = 0) -> dict[str, float]:
    """Measure what a step back multiplies a gradient by, for several radii, and predict it."""
    found = {
        f"no input, radius {radius:g}": per_step(rnn_way(radius, 0.0, seed))
        for radius in (0.9, 1.5)
    }
    found |= {f"radius {radius:g}": per_step(rnn_way(radius, 0.1, seed)) for radius in RADII}
    way = rnn_way(1.0, 1.0, seed)
    slope = np.exp(np.log((way.slopes[-LAG:] ** 2).mean(axis=(1, 2))).mean() / 2)
    found["input of size 1, over radius times slope"] = per_step(way) / slope
    return found


def scalar_rnn(xs: tuple[float, ...] = (1.0, 0.5, -0.5)) -> tuple[Tensor, list[Tensor]]:
    """Return h_t = tanh(w h_{t-1} + x_t) after the last step, and the w's, one for each step."""
    ws = [Tensor(0.8, requires_grad=True) for _ in xs]
    h = Tensor(0.0)
    for x, w in zip(xs, ws, strict=True):
        h = (w * h + x).tanh()
    return h, ws


def gates_multiply(seed: int = 0) -> float:
    """Compare dc_T/dc_0 with the product of the forget gates, where gates do not see the state."""
    rng = np.random.default_rng(seed)
    cell = nn.LSTMCell(3, 6, dtype=np.float64, rng=rng)
    cell.weight_hh.data[...] = 0  # closes the way through h
    c0 = Tensor(rng.standard_normal((1, 6)), requires_grad=True)
    state, product = (Tensor(np.zeros((1, 6))), c0), np.ones((1, 6))
    for x_t in rng.standard_normal((20, 1, 3)):
        state = cell(Tensor(x_t), state)
        gates = x_t @ cell.weight_ih.numpy().T + cell.bias_ih.numpy() + cell.bias_hh.numpy()
        product = product / (1 + np.exp(-gates[:, 6:12]))
    state[1].sum().backward()
    return float(np.abs(c0.grad.numpy() / product - 1).max())


def _train(
    net: nn.Module, head: nn.Module, loss: Any, batches: Any, lr: float = 1e-2
) -> list[float]:
    parameters = [*net.parameters(), *head.parameters()]
    optimizer = optim.Adam(parameters, lr=lr)
    losses = []
    for x, y in batches:  # x is (T, N, I)
        optimizer.zero_grad()
        value = loss(head(net(Tensor(x))[0][-1]), y)
        value.backward(retain_graph=False)
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(value.item())
    return losses


@cache
def recall(name: str, seed: int = 0, silent: bool = False) -> tuple[float, tuple[float, ...]]:
    """Train for 350 steps to name the first of 50 symbols; return the test accuracy, and losses.

    Parameters
    ----------
    name : str
        One of `RECALL`.
    silent : bool
        Whether zeros follow the first symbol. Otherwise each of the 50 is one of the eight, so that
        49 of them distract.
    """
    rng = np.random.default_rng(seed)
    _, _, bias = name.partition(" ")
    net = nn.LSTM(8, 32, forget_bias=float(bias), rng=rng) if bias else nn.RNN(8, 32, rng=rng)
    head = nn.Linear(32, 8, rng=rng)

    def batch(n: int) -> tuple[Array, Array]:
        symbols = rng.integers(8, size=(50, n))
        x = np.eye(8, dtype=np.float32)[symbols]
        x[1:] *= not silent
        return x, symbols[0]

    losses = _train(net, head, F.cross_entropy, (batch(32) for _ in range(350)))
    x, y = batch(512)
    with no_grad():
        right = head(net(Tensor(x))[0][-1]).data.argmax(axis=1) == y
    return float(right.mean()), tuple(losses)


def adding(gated: bool, seed: int = 0, steps: int = 500) -> float:
    """Train to add two marked ones of 50 numbers; return the mean squared error of new ones."""
    rng = np.random.default_rng(seed)
    net = (nn.GRU if gated else nn.RNN)(2, 32, rng=rng)
    head = nn.Linear(32, 1, rng=rng)
    x, y = data.adding_problem(32 * steps + 512, 50, rng=rng).arrays
    x, y = x.swapaxes(0, 1), Tensor(y)
    parts = (slice(32 * i, 32 * (i + 1)) for i in range(steps))
    _train(net, head, F.mse_loss, ((x[:, part], y[part]) for part in parts))
    with no_grad():
        out = head(net(Tensor(x[:, -512:]))[0][-1])
        return float(F.mse_loss(out, y[-512:]).item())


def gating(seed: int = 0) -> dict[str, float]:
    """Measure what gates keep: of the cell state, of the gradient, and in two tasks."""
    found = {"dc_T/dc_0 over the product of the gates, minus 1": gates_multiply(seed)}
    for bias in BIASES:
        found[f"gradient 49 steps back, forget bias {bias:g}"] = kept(lstm_way(bias, seed=seed))

    def recalled(name: str, silent: bool = False) -> float:
        # of five networks, since now and then one gets stuck, and rounding decides which
        return float(np.median([recall(name, 5 * seed + i, silent)[0] for i in range(5)]))

    for name, words in RECALL.items():
        found[f"recall, {words}"] = recalled(name)
    found["recall, tanh RNN, silence"] = recalled("RNN", silent=True)
    found["adding, tanh RNN"] = adding(False, seed)
    found["adding, GRU"] = adding(True, seed)
    return found


def explosion(clip: float | None, seed: int = 0, steps: int = 40) -> list[float]:
    """Train a ReLU RNN of radius 1.8 with SGD; return its losses, up to one that is not finite."""
    rng = np.random.default_rng(seed)
    net = nn.RNN(1, 32, nonlinearity="relu", rng=rng)
    net.weight_hh_l0.data *= np.float32(1.8)
    head = nn.Linear(32, 1, rng=rng)
    parameters = [*net.parameters(), *head.parameters()]
    optimizer = optim.SGD(parameters, lr=0.01)
    losses: list[float] = []
    for _ in range(steps):
        x = rng.standard_normal((50, 32, 1)).astype(np.float32)
        with np.errstate(all="ignore"):
            optimizer.zero_grad()
            loss = F.mse_loss(head(net(Tensor(x))[0][-1]), Tensor(x[0]))
            loss.backward(retain_graph=False)
            if clip is not None:
                clip_grad_norm_(parameters, clip)
            optimizer.step()
        losses.append(loss.item())
        if not np.isfinite(loss.item()):
            break
    return losses


def plot_ways(seed: int = 0) -> Figure:
    """Draw the gradient over the steps that it has come back, for both kinds of network."""
    from matplotlib.figure import Figure

    colors = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00")
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    rnn = [(f"radius {r:g}", rnn_way(r, seed=seed)) for r in RADII]
    lstm = [(f"forget bias {b:g}", lstm_way(b, seed=seed)) for b in BIASES]
    titles = ("tanh RNN", "LSTM, cell state")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, ways, title in zip(axes, (rnn, lstm), titles, strict=True):
        for (label, way), color in zip(ways, colors, strict=False):
            ax.semilogy(way.norms[::-1][: LAG + 1] / way.norms[-1], color=color, label=label)
        tidy(ax, title=title, xlabel="steps back")
        ax.legend(frameon=False, fontsize="small", loc="lower left")
    axes[0].set_ylabel("norm of the gradient, over the last")
    return figure


def plot_recall(seed: int = 0) -> Figure:
    """Draw the losses of the three networks that are to recall the first symbol."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    ax = figure.subplots()
    styles = (("#d55e00", ":"), ("#767676", "--"), ("#0072b2", "-"))
    for (name, words), (color, style) in zip(RECALL.items(), styles, strict=True):
        losses = np.array(recall(name, seed)[1]).reshape(-1, 10).mean(axis=1)
        ax.plot(10 * np.arange(len(losses)) + 5, losses, style, color=color, label=words)
    ax.set_xlabel("step")
    ax.set_ylabel("loss in nats, mean of 10")
    ax.set_title("name the first of 50 symbols; a guess costs log 8 = 2.08")
    ax.set_ylim(0, 2.6)
    tidy(ax)
    ax.legend(frameon=False, loc="lower left")
    return figure
