"""Gradients in deep networks: how they vanish and explode, what helps, and what else goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
import viz
from autograd import Tensor, jacobian, no_grad
from nn import data, optim
from nn import functional as F
from nn.utils import clip_grad_norm_, clip_grad_value_

from ..figures import tidy
from . import initialization
from .initialization import branch, layer, normal, residual, stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
WIDTH, DEPTH = 64, 20
HE = np.sqrt(2)


def normed(blocks: int, where: str, seed: int = 0, width: int = WIDTH) -> nn.Sequential:
    """Return residual blocks with a LayerNorm, 'pre' before the branch or 'post' behind the sum."""
    rng = np.random.default_rng(seed)
    parts: list[nn.Module] = []
    for _ in range(blocks):
        norm, fn = nn.LayerNorm(width, dtype=np.float64), branch(width, rng)
        pre = where == "pre"
        parts.append(
            nn.Residual(nn.PreNorm(norm, fn)) if pre else nn.PostNorm(norm, nn.Residual(fn))
        )
    return nn.Sequential(*parts)


NETS: dict[str, Callable[[int], nn.Sequential]] = {
    "sigmoid, Xavier": lambda seed: stack("sigmoid", 1.0, seed, depth=DEPTH, width=WIDTH),
    "tanh, Xavier": lambda seed: stack("tanh", 1.0, seed, depth=DEPTH, width=WIDTH),
    "relu, Xavier": lambda seed: stack("relu", 1.0, seed, depth=DEPTH, width=WIDTH),
    "residual": lambda seed: residual(DEPTH, 1.0, seed),
    "residual, scaled": lambda seed: residual(DEPTH, DEPTH**-0.5, seed),
    "pre-norm": lambda seed: normed(DEPTH, "pre", seed),
}
"""Six networks of twenty layers or blocks; the first three are the plain ones."""


def gradients(model: nn.Sequential, seed: int = 0, n: int = 256, classes: int = 10) -> Array:
    """Return the norm of the loss's gradient at what each part puts out.

    The inputs are normal, the labels random; a linear layer makes the logits.
    """
    rng = np.random.default_rng(seed + 200)
    width = model[0](Tensor(np.zeros((1, _width(model))))).shape[-1]
    head = nn.Linear(width, classes, dtype=np.float64, rng=rng)
    h, outs = Tensor(normal(seed, n, width)), []
    for part in model:
        h = part(h)
        h.retain_grad()
        outs.append(h)
    F.cross_entropy(head(h), rng.integers(classes, size=n)).backward(retain_graph=False)
    return np.array([np.linalg.norm(out.grad.numpy()) for out in outs])


def _width(model: nn.Module) -> int:
    return int(next(p for p in model.parameters() if p.ndim == 2).shape[1])


def ratio(model: nn.Sequential, seed: int = 0, n: int = 256) -> float:
    """Return the gradient at the first part's output over that at the last's."""
    norms = gradients(model, seed, n)
    return float(norms[0] / norms[-1])


def plain(activation: str, gain: float, seed: int = 0) -> float:
    """Return `ratio` of twenty plain layers."""
    return ratio(stack(activation, gain, seed, depth=DEPTH, width=WIDTH), seed)


def bound(model: nn.Sequential, slope: float) -> float:
    """Return the product of slope times the norm of W over the layers, but for the first."""
    weights = [part[0].weight.numpy() for part in model]
    return float(np.prod([slope * np.linalg.norm(W, 2) for W in weights[1:]]))


def product_bound(seed: int = 0) -> dict[str, float]:
    """Measure the gradient over twenty layers, and compare it with the product of the bounds."""
    sigmoid = stack("sigmoid", 1.0, seed, depth=DEPTH, width=WIDTH)
    found = ratio(sigmoid, seed)
    return {
        "sigmoid, Xavier": found,
        "sigmoid, over the bound with the weights": found / bound(sigmoid, 0.25),
        "sigmoid, 16 times Xavier, a layer": plain("sigmoid", 16.0, seed) ** (1 / (DEPTH - 1)),
        "tanh, Xavier": plain("tanh", 1.0, seed),
        "tanh, 4 times Xavier": plain("tanh", 4.0, seed),
    }


def watched_step(activation: str, seed: int = 0, depth: int = 10) -> viz.Snapshot:
    """Take one step of SGD, watched by a recorder, with an MLP of `depth` hidden layers.

    Its weights are those that suit the activation: Xavier's for sigmoid, He's for relu.
    """
    model = nn.MLP([WIDTH] * (depth + 1) + [10], activation, dtype=np.float64, rng=seed)
    labels = np.random.default_rng(seed).integers(10, size=256)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with viz.Recorder(model) as recorder:
        F.cross_entropy(model(Tensor(normal(seed, width=WIDTH))), labels).backward()
        optimizer.step()
        return recorder.step()


def update_ratio(snapshot: viz.Snapshot, depth: int = 10) -> float:
    """Return the relative update of the first hidden weight over that of the last."""
    weights = snapshot.weights
    return weights["0.weight"].ratio / weights[f"{2 * (depth - 1)}.weight"].ratio


def lower_layers(seed: int = 0) -> dict[str, float]:
    """Compare the updates of the first and the last of ten layers, and train on digits."""
    return {
        "update, sigmoid": update_ratio(watched_step("sigmoid", seed)),
        "update, relu with He's": update_ratio(watched_step("relu", seed)),
        "accuracy, sigmoid": trained("sigmoid", 10, seed).accuracy,
        "accuracy, relu": trained("plain", 10, seed).accuracy,
    }


def exploding(seed: int = 0) -> dict[str, float]:
    """Measure the growth of the gradient with three times He's weights, and the loss."""
    grown = plain("relu", 3 * HE, seed) ** (1 / (DEPTH - 1))
    return {"a layer": grown, "loss is NaN": initialization.growing(seed)["loss is NaN"]}


def slopes(activation: Callable[[Tensor], Tensor], x: Array) -> Array:
    """Return the slope of an activation at x."""
    t = Tensor(x, requires_grad=True)
    activation(t).sum().backward()
    return t.grad.numpy()  # type: ignore[no-any-return]


def saturation(seed: int = 0) -> dict[str, float]:
    """Measure the slopes of gelu and silu, and the gradient in relu networks."""
    x = np.linspace(-6, 6, 120_001)
    found = {}
    for name in ("gelu", "silu"):
        slope = slopes(getattr(F, name), x)
        found |= {f"{name}, least slope": slope.min(), f"{name}, largest": slope.max()}
    far = slopes(F.gelu, np.array([-6.0]))[0]
    return found | {"gelu, slope at -6": far, "relu, Xavier": plain("relu", 1.0, seed)}


def matched(seed: int = 0) -> dict[str, float]:
    """Measure the gradient over twenty layers with weights that suit the activation, or do not."""
    return {
        "tanh, Xavier": plain("tanh", 1.0, seed),
        "relu, He": plain("relu", HE, seed),
        "relu, Xavier": plain("relu", 1.0, seed),
        "sigmoid, Xavier": plain("sigmoid", 1.0, seed),
    }


def norms_by_hand(seed: int = 0) -> dict[str, float]:
    """Compare BatchNorm, LayerNorm and RMSNorm with their formulas, LayerNorm's gradient too."""
    rng = np.random.default_rng(seed)
    x, g = 2 + 3 * rng.standard_normal((32, 5)), rng.standard_normal((32, 5))
    eps = 1e-5

    def difference(a: Tensor, b: Array) -> float:
        return float(np.abs(a.numpy() - b).max())

    batch_norm = nn.BatchNorm1d(5, dtype=np.float64)
    in_training = batch_norm(Tensor(x))
    running = 0.1 * x.mean(axis=0), 0.9 + 0.1 * x.var(axis=0, ddof=1)
    in_use = batch_norm.eval()(Tensor(x))

    t = Tensor(x, requires_grad=True)
    normal_rows = nn.LayerNorm(5, dtype=np.float64)(t)
    normal_rows.backward(g)
    sigma = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) / sigma
    along = (g * x_hat).mean(axis=1, keepdims=True)
    by_hand = (g - g.mean(axis=1, keepdims=True) - x_hat * along) / sigma

    rms = nn.RMSNorm(5, eps=eps, dtype=np.float64)(Tensor(x))
    return {
        "BN, training": difference(in_training, (x - x.mean(0)) / np.sqrt(x.var(0) + eps)),
        "BN, in use": difference(in_use, (x - running[0]) / np.sqrt(running[1] + eps)),
        "LN": difference(normal_rows, x_hat),
        "LN, gradient": difference(t.grad, by_hand),
        "RMSNorm": difference(rms, x / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)),
    }


def norms(seed: int = 0) -> dict[str, float]:
    """Check three norms by hand; train ten layers with a large learning rate, and with norms."""
    rates = {"lr": 0.1, "steps": 200}
    return norms_by_hand(seed) | {
        "accuracy, plain, lr 0.1": trained("plain", 10, seed, **rates).accuracy,
        "accuracy, with norms, lr 0.1": trained("norm", 10, seed, **rates).accuracy,
    }


def identity_path(seed: int = 0) -> dict[str, float]:
    """Compare the Jacobian of a residual block with I + J_F, and look where that does not help."""
    rng = np.random.default_rng(seed)
    fn = branch(6, rng)
    x = Tensor(rng.standard_normal(6))
    block = np.asarray(jacobian(nn.Residual(fn))(x).data)
    inner = np.asarray(jacobian(fn)(x).data)
    opposite = nn.Linear(6, 6, bias=False, dtype=np.float64)
    opposite.weight.data[...] = -np.eye(6)
    cancelled = np.asarray(jacobian(nn.Residual(opposite))(x).data)
    post = ratio(normed(1000, "post", seed, width=32), seed, n=64)
    return {
        "difference from I + J_F": float(np.abs(block - np.eye(6) - inner).max()),
        "largest entry for F(x) = -x": float(np.abs(cancelled).max()),
        "unscaled, 20 blocks": ratio(residual(DEPTH, 1.0, seed), seed),
        "scaled, 20 blocks": ratio(residual(DEPTH, DEPTH**-0.5, seed), seed),
        "post-norm, 1000 blocks": post,
    }


def clip_by_hand(seed: int = 0) -> dict[str, float]:
    """Clip the same gradients by their norm and by value; return the norm and the cosines."""
    g = np.random.default_rng(seed).standard_normal(50) * np.geomspace(0.1, 10, 50)

    def clipped(clip: Callable[[list[Tensor]], Any]) -> Array:
        weights = [Tensor(np.zeros(25), requires_grad=True) for _ in range(2)]
        for w, part in zip(weights, (g[:25], g[25:]), strict=True):
            w.grad = Tensor(part.copy())
        clip(weights)
        return np.concatenate([w.grad.numpy() for w in weights])

    def cosine(a: Array) -> float:
        return float(a @ g / np.linalg.norm(a) / np.linalg.norm(g))

    by_norm = clipped(lambda weights: clip_grad_norm_(weights, 1.0))
    by_value = clipped(lambda weights: clip_grad_value_(weights, 1.0))
    return {
        "norm after": float(np.linalg.norm(by_norm)),
        "cosine, by norm": cosine(by_norm),
        "cosine, by value": cosine(by_value),
    }


@cache
def recurrent(clip: bool, seed: int = 0, steps: int = 30, length: int = 50) -> tuple[float, ...]:
    """Train a relu RNN, its recurrent weights 1.8 times LeCun's, to recall the first of 50 symbols.

    Return the losses, as many as were finite in float32.
    """
    rng = np.random.default_rng(seed)
    rnn = nn.RNN(8, 64, nonlinearity="relu", batch_first=True, rng=rng)
    rnn.weight_hh_l0.data[...] = 1.8 / 8 * rng.standard_normal((64, 64))
    rnn.weight_hh_l0.mark_changed()
    head = nn.Linear(64, 8, rng=rng)
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = optim.SGD(parameters, lr=0.01)
    losses = []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            symbols = rng.integers(8, size=(32, length))
            out, _ = rnn(Tensor(np.eye(8, dtype=np.float32)[symbols]))
            loss = F.cross_entropy(head(out[:, -1]), symbols[:, 0])
            if not np.isfinite(loss.data):
                break
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward(retain_graph=False)
            if clip:
                clip_grad_norm_(parameters, 1.0)
            optimizer.step()
    return tuple(losses)


def clipping(seed: int = 0) -> dict[str, float]:
    """Check clipping by hand; count the steps that an exploding RNN survives, and with it."""
    return clip_by_hand(seed) | {
        "finite losses of 30, unclipped": len(recurrent(False, seed)),
        "finite losses of 30, clipped": len(recurrent(True, seed)),
    }


class Run:
    """How a training ended."""

    def __init__(self, loss: float, accuracy: float) -> None:
        self.loss, self.accuracy = loss, accuracy


def split(seed: int) -> tuple[Array, Array, Array, Array]:
    """Return 1,500 digits to train on, 297 others of the same writers; each pixel standardised."""
    x, y = data.digits()[1].arrays
    x = x - x.mean(axis=0)
    x /= x.std(axis=0) + 0.01  # some pixels are always white
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[:1500]], y[order[:1500]], x[order[1500:]], y[order[1500:]]


def deep(kind: str, depth: int, seed: int = 0, width: int = WIDTH) -> nn.Sequential:
    """Return a network for digits with `depth` hidden layers.

    Of relu and He's weights: 'plain'; 'norm', with a LayerNorm before each relu; or 'residual', in
    blocks of two layers, the weights of the second scaled by 1 / sqrt(blocks). Or 'sigmoid', with
    Xavier's.
    """
    rng = np.random.default_rng(seed)
    parts: list[nn.Module] = [] if width == 64 else [nn.Linear(64, width, rng=rng)]
    if kind == "residual":
        blocks = depth // 2
        parts += [nn.Residual(branch(width, rng, blocks**-0.5)) for _ in range(blocks)]
    else:
        name, gain = ("sigmoid", 1.0) if kind == "sigmoid" else ("relu", HE)
        for _ in range(depth):
            linear, act = layer(name, gain, width, np.float64, rng)
            parts += [linear, *([nn.LayerNorm(width)] if kind == "norm" else []), act]
    return nn.Sequential(*parts, nn.Linear(width, 10, rng=rng)).to(np.float32)


def fit(
    model: nn.Module, optimizer: optim.Optimizer, seed: int, steps: int, batch: int = 64
) -> Run:
    """Train on digits; return the loss on all training data, and the accuracy on the others."""
    x, y, x_test, y_test = split(seed)
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            chosen = rng.integers(len(x), size=batch)
            optimizer.zero_grad()
            F.cross_entropy(model(Tensor(x[chosen])), y[chosen]).backward(retain_graph=False)
            optimizer.step()
        with no_grad():
            loss = F.cross_entropy(model(Tensor(x)), y).item()
            right = model(Tensor(x_test)).data.argmax(axis=1) == y_test
    return Run(loss, float(right.mean()))


@cache
def trained(kind: str, depth: int, seed: int = 0, lr: float = 0.01, steps: int = 300) -> Run:
    """Train a network of `deep` with SGD, momentum 0.9."""
    model = deep(kind, depth, seed)
    return fit(model, optim.SGD(model.parameters(), lr=lr, momentum=0.9), seed, steps)


@cache
def thousand_layers(kind: str, seed: int = 0, steps: int = 40) -> Run:
    """Train 1,000 layers, 32 wide, in 500 scaled blocks of two, 'residual', or 'plain'."""
    model = deep(kind, 1000, seed, width=32)
    return fit(model, optim.Adam(model.parameters(), lr=1e-4), seed, steps)


def cosines(model: nn.Sequential, seed: int = 0) -> Array:
    """Return the cosine of what two random inputs have become after each part, over 64 pairs."""
    h, found = Tensor(normal(seed, 128, _width(model))), []
    with no_grad():
        for part in model:
            h = part(h)
            a, b = h.data[:64], h.data[64:]
            lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
            found.append(float(((a * b).sum(axis=1) / lengths).mean()))
    return np.array(found)


def degradation(seed: int = 0) -> dict[str, float]:
    """Train plain and residual networks of growing depth; measure the gradient and the cosines."""
    he = stack("relu", HE, seed, depth=DEPTH, width=WIDTH)
    far = stack("relu", HE, seed, depth=50, width=WIDTH)
    return {
        **{f"loss, plain, {n} layers": trained("plain", n, seed).loss for n in (10, 20, 50)},
        "loss, residual, 50 layers": trained("residual", 50, seed).loss,
        "gradient, plain, 20 layers": ratio(he, seed),
        "cosine, plain, 50 layers": cosines(far, seed)[-1],
        "cosine, residual, 50 blocks": cosines(residual(50, 50**-0.5, seed), seed)[-1],
        "accuracy, 1000 residual layers": thousand_layers("residual", seed).accuracy,
        "accuracy, 1000 plain layers": thousand_layers("plain", seed).accuracy,
    }


def traces(kind: str, depth: int, seed: int = 0, width: int = 200) -> tuple[Array, Array]:
    """Return 256 inputs of one number each, and dy/dx there, of a network with random weights.

    Relu with He's weights, biases in the first layer only; 'residual' has scaled blocks of two.
    """
    rng = np.random.default_rng(seed)
    first = nn.Linear(1, width, dtype=np.float64, rng=rng)
    first.weight.data[...] = rng.standard_normal((width, 1))
    first.bias.data[...] = rng.standard_normal(width)
    if kind == "residual":
        body = list(residual(depth // 2, (depth // 2) ** -0.5, seed, width))
    else:
        body = list(stack("relu", HE, seed, depth=depth - 1, width=width))
    last = nn.Linear(width, 1, bias=False, dtype=np.float64, rng=rng)
    x = Tensor(np.linspace(-2, 2, 256)[:, None], requires_grad=True)
    nn.Sequential(first, nn.ReLU(), *body, last)(x).sum().backward(retain_graph=False)
    return x.numpy()[:, 0], x.grad.numpy()[:, 0]


def gradient_likeness(kind: str, depth: int, lag: int = 4, seeds: int = 5) -> float:
    """Return how alike dy/dx is `lag` inputs further on, averaged over some networks."""
    found = []
    for seed in range(seeds):
        _, g = traces(kind, depth, seed)
        g = g - g.mean()
        found.append((g[:-lag] * g[lag:]).sum() / (g**2).sum())
    return float(np.mean(found))


LOOKS = {
    "residual": ("-o", "#cc79a7"),
    "pre-norm": ("-^", "#56b4e9"),
    "residual, scaled": ("-s", "#0072b2"),
    "tanh, Xavier": ("--", "#e69f00"),
    "relu, Xavier": (":", "#d55e00"),
    "sigmoid, Xavier": ("-.", "#1a1a1a"),
}


def plot_gradients(seed: int = 0) -> Figure:
    """Draw the gradient at each layer of the six networks, relative to that at the last."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    ax = figure.subplots()
    for name, (style, color) in LOOKS.items():
        norms = gradients(NETS[name](seed), seed)
        ax.semilogy(
            np.arange(1, DEPTH + 1), norms / norms[-1], style, color=color, label=name, markersize=3
        )
    tidy(ax, title="gradient at each layer, over that at the last", xlabel="layer")
    ax.set_xticks((1, 5, 10, 15, 20))
    figure.legend(loc="outside right center", frameon=False, fontsize="small")
    return figure


def plot_depth(depths: Sequence[int] = (2, 6, 10, 20, 50), seed: int = 0) -> Figure:
    """Draw the training loss over depth, and how alike two inputs become on their way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    bodies = {
        "plain": stack("relu", HE, seed, depth=50, width=WIDTH),
        "residual": residual(50, 50**-0.5, seed),
    }
    for kind, style, color in (("plain", "-o", "#d55e00"), ("residual", "--s", "#0072b2")):
        losses = [trained(kind, n, seed).loss for n in depths]
        left.loglog(depths, losses, style, color=color, label=kind)
        right.plot(
            np.arange(1, 51), cosines(bodies[kind], seed), style[:-1], color=color, label=kind
        )
    left.set_xticks(depths, [str(n) for n in depths])
    left.minorticks_off()
    right.set_ylim(-0.05, 1.05)
    tidy(left, title="loss on the training data, 300 steps", xlabel="hidden layers")
    tidy(right, title="cosine of two random inputs", xlabel="layer or block")
    left.legend(frameon=False, fontsize="small")
    right.legend(frameon=False, fontsize="small", loc="center right")
    return figure


def plot_traces(seed: int = 0) -> Figure:
    """Draw dy/dx over x for one layer, 24, 50, and 50 in residual blocks."""
    from matplotlib.figure import Figure

    nets = (("plain", 1), ("plain", 24), ("plain", 50), ("residual", 50))
    figure = Figure(figsize=(8.4, 2.3), layout="constrained")
    for ax, (kind, depth) in zip(figure.subplots(1, 4), nets, strict=True):
        x, g = traces(kind, depth, seed)
        ax.plot(x, g, color="#0072b2" if kind == "residual" else "#d55e00", linewidth=0.9)
        name = "residual" if kind == "residual" else "layer" if depth == 1 else "layers"
        tidy(
            ax, title=f"{depth} {name}", xlabel="x", ylabel="dy/dx" if ax is figure.axes[0] else ""
        )
        ax.set_yticks([0])
    return figure


def plot_step(seed: int = 0) -> Axes:
    """Draw the gradient that reaches the layers of a sigmoid network in one step."""
    return viz.plot_grad_flow(watched_step("sigmoid", seed))
