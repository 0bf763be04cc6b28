"""Initialisation: how large signals are after many layers, and what the first weights decide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd import Tensor, no_grad
from nn import data, init, optim
from nn import functional as F
from nn.activation import ACTIVATIONS

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
WIDTH, DEPTH = 256, 50
SCALES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
STDS = (0.002, 0.02, 0.08, 0.3)


def layer(activation: str, gain: float, width: int, dtype: Any, rng: Any) -> nn.Sequential:
    """Return a square map without bias, weights from N(0, gain^2 / width), and an activation."""
    linear = nn.Linear(width, width, bias=False, dtype=dtype, rng=rng)
    init.normal_(linear.weight, std=gain / np.sqrt(width), rng=rng)
    make = None if activation == "linear" else ACTIVATIONS[activation].module
    return nn.Sequential(linear, *([make()] if make else []))


def stack(
    activation: str,
    gain: float,
    seed: int = 0,
    *,
    depth: int = DEPTH,
    width: int = WIDTH,
    dtype: Any = np.float64,
) -> nn.Sequential:
    """Return `depth` square layers; gain 1 is LeCun's, and Xavier's, sqrt(2) is He's."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(*[layer(activation, gain, width, dtype, rng) for _ in range(depth)])


def normal(seed: int, n: int = 256, width: int = WIDTH) -> Array:
    """Return n examples of `width` standard normal features."""
    return np.random.default_rng(seed + 100).standard_normal((n, width))


def stds(model: nn.Sequential, x: Array) -> Array:
    """Return the standard deviation of what each layer puts out."""
    found, h = [], Tensor(x)
    with no_grad():
        for part in model:
            h = part(h)
            found.append(float(h.data.std(dtype=np.float64)))
    return np.array(found)


def rates(model: nn.Module, x: Array) -> dict[str, float]:
    """Return the factor on the second moment for each layer, forward and back."""
    found = init.report(model, x)
    return {"forward": found.forward_rate, "backward": found.backward_rate}


def shrinking(seed: int = 0) -> dict[str, float]:
    """Measure what a relu layer leaves of the second moment where weights have variance 1/n."""
    return rates(stack("relu", 1.0, seed), normal(seed))


def growing(seed: int = 0) -> dict[str, float]:
    """Find the layer at which float32 overflows with three times He's weights, and the loss."""
    model = stack("relu", 3 * np.sqrt(2), seed, depth=100, dtype=np.float32)
    x = Tensor(normal(seed, 64).astype(np.float32))
    with no_grad(), np.errstate(all="ignore"):
        h, first = x, 0
        for i, part in enumerate(model, 1):
            h = part(h)
            if not first and not np.isfinite(h.data).all():
                first = i
        loss = F.cross_entropy(h, np.zeros(64, int)).item()
    return {"layer": first, "loss is NaN": np.isnan(loss)}


def principle(seed: int = 0) -> dict[str, float]:
    """Measure the factor of a relu layer with He's weights on the second moment, both ways."""
    return rates(stack("relu", np.sqrt(2), seed), normal(seed))


def fan_in(seed: int = 0) -> dict[str, float]:
    """Compare the variance of z = W x with n Var(w) E[x^2], and with Var(x), for x = relu(normal).

    8,192 units, each a draw of the weights: the mean of x alone makes a third of Var(z), and that
    third varies by sqrt(2 / 8192).
    """
    linear = nn.Linear(WIDTH, 8192, bias=False, rng=seed)
    init.lecun_normal_(linear.weight, rng=seed)
    x = F.relu(Tensor(normal(seed, 512).astype(np.float32)))
    with no_grad():
        z = linear(x).data
    var = float(z.var(dtype=np.float64))
    expected = WIDTH * float(linear.weight.data.var(dtype=np.float64))
    return {
        "over n Var(w) E[x^2]": var / (expected * float(np.square(x.data).mean())),
        "over n Var(w) Var(x)": var / (expected * float(x.data.var())),
    }


def lecun(seed: int = 0) -> dict[str, float]:
    """Measure what LeCun's weights keep over 50 layers of four activations."""
    x = normal(seed)
    found = {
        f"{name}, std": float(stds(stack(name, 1.0, seed), x)[-1])
        for name in ("linear", "selu", "tanh")
    }
    back = init.report(stack("sigmoid", 1.0, seed), x).layers
    return {**found, "sigmoid, gradient": np.sqrt(back[0].backward / back[-1].backward)}


def xavier(seed: int = 0) -> dict[str, float]:
    """Measure the factor of a layer from 256 to 1024 on the second moment, both ways."""
    found = {}
    for name, fill in (("Xavier", init.xavier_normal_), ("LeCun", init.lecun_normal_)):
        linear = nn.Linear(WIDTH, 4 * WIDTH, bias=False, dtype=np.float64, rng=seed)
        fill(linear.weight, rng=seed)
        factors = rates(linear, normal(seed, 1024))
        found |= {f"{name}, {way}": factor for way, factor in factors.items()}
    weight = init.xavier_uniform_(Tensor(np.empty((1024, WIDTH))), rng=seed)
    bound = np.sqrt(6 / (WIDTH + 1024))
    return found | {
        "largest uniform weight, over the bound": abs(weight).max().item() / bound,
        "variance of uniform weights, of 2 / (n_in + n_out)": weight.var().item() * 640,
    }


def he(seed: int = 0) -> dict[str, float]:
    """Measure what relu does to a million standard normal numbers."""
    a = F.relu(Tensor(np.random.default_rng(seed).standard_normal(10**6))).data
    return {
        "zeros": float((a == 0).mean()),
        "second moment": float((a**2).mean()),
        "variance": float(a.var()),
        "gain, squared": init.calculate_gain("relu") ** 2,
    }


def smooth_gains(seed: int = 0) -> dict[str, float]:
    """Compute the gains of gelu and silu, and what He's weights leave after 50 layers."""
    x = normal(seed)
    gains = {f"{name}, gain^2": init.calculate_gain(name) ** 2 for name in ("gelu", "silu")}
    ends = {
        f"{name}, std with He's": float(stds(stack(name, np.sqrt(2), seed), x)[-1])
        for name in ("relu", "gelu", "silu")
    }
    return gains | ends


def gpt2_std(seed: int = 0) -> dict[str, float]:
    """Measure the weights of GPTs of two widths, and compare 0.02 with LeCun's std."""
    found = {}
    for width in (64, 256):
        model = nn.GPT(65, 8, d_model=width, num_layers=1, rng=seed)
        found[f"std at width {width}"] = model.blocks[0].linear1.weight.data.std()
    return found | {f"of LeCun's at {n}": 0.02 * np.sqrt(n) for n in (768, 1600)}


def pre_norm(blocks: int, std: float, seed: int = 0, width: int = WIDTH) -> nn.Sequential:
    """Return residual blocks of a norm and two layers, their weights from N(0, std^2)."""
    rng = np.random.default_rng(seed)
    nest = []
    for _ in range(blocks):
        mlp = nn.MLP([width] * 3, dtype=np.float64, rng=rng)
        for layer in (mlp[0], mlp[2]):
            init.normal_(layer.weight, std=std, rng=rng)
        nest.append(nn.Residual(nn.PreNorm(nn.LayerNorm(width, dtype=np.float64), mlp)))
    return nn.Sequential(*nest)


def rescued_by_norm(seed: int = 0) -> dict[str, float]:
    """Measure 50 layers with std 0.02: plain ones, and as 25 residual blocks with norms."""
    x = normal(seed)
    plain = rates(stack("relu", 0.02 * np.sqrt(WIDTH), seed), x)
    model = pre_norm(DEPTH // 2, 0.02, seed)
    with_norm = init.report(model, x).layers
    z, block = Tensor(x), model[0]
    with no_grad():
        moved = (block(100 * z) - 100 * z) - (block(z) - z)
    return {
        "plain, forward a layer": plain["forward"],
        "plain, backward a layer": plain["backward"],
        "with norms, gradient in all": with_norm[0].backward / with_norm[-1].backward,
        "change of a branch for 100 times the input": float(np.abs(moved.data).max()),
    }


def branch(width: int, rng: np.random.Generator, gain: float = 1.0) -> nn.Sequential:
    """Return relu(x A) B, with A and B such that it multiplies the std, at first, by `gain`."""
    up = layer("relu", np.sqrt(2), width, np.float64, rng)
    return nn.Sequential(*up, *layer("linear", gain, width, np.float64, rng))


def residual(blocks: int, scale: float, seed: int = 0, width: int = 64) -> nn.Sequential:
    """Return a stack of x + scale * relu(x A) B."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(*[nn.Residual(branch(width, rng), scale) for _ in range(blocks)])


def added_variance(blocks: int, *, scaled: bool, seed: int = 0) -> float:
    """Return what the blocks of a GPT, 128 wide, add to the variance of the residual stream."""
    rng = np.random.default_rng(seed)
    model = nn.GPT(65, 64, num_layers=blocks, rng=rng)
    if not scaled:
        for block in model.blocks:
            for last in (block.self_attn.out_proj, block.linear2):
                init.gpt2_(last.weight, rng=rng)
    with no_grad():
        start = h = model.positions(model.embedding(Tensor(rng.integers(65, size=(4, 64)))))
        for block in model.blocks:
            h = block(h, is_causal=True)
    return float((h - start).data.var())


@cache
def added_variances(seed: int = 0, depths: Sequence[int] = (6, 12, 24)) -> dict[bool, list[float]]:
    """Return `added_variance` by depth, for scaled branches and for plain ones."""
    return {s: [added_variance(n, scaled=s, seed=seed) for n in depths] for s in (False, True)}


def residual_scaling(seed: int = 0) -> dict[str, float]:
    """Measure how the residual stream grows, in relu blocks and in GPTs."""
    x = normal(seed, width=64)
    plain, scaled = (stds(residual(DEPTH, s, seed), x)[-1] for s in (1.0, DEPTH**-0.5))
    added = added_variances(seed)
    return {
        "variance, factor of a block": float(plain ** (2 / DEPTH)),
        "variance, scaled by 1/sqrt(50), in all": float(scaled**2),
        "GPT, 24 blocks over 6": added[False][-1] / added[False][0],
        "GPT, 24 over 6, scaled": added[True][-1] / added[True][0],
    }


def _train(
    model: nn.Module, optimizer: optim.Optimizer, x: Array, y: Array, steps: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        batch = rng.integers(len(x), size=64)
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x[batch])), y[batch]).backward(retain_graph=False)
        optimizer.step()


def _accuracy(model: nn.Module, x: Array, y: Array) -> float:
    with no_grad():
        return float((model(Tensor(x)).data.argmax(axis=1) == y).mean())


@cache
def plain_accuracy(scale: float, seed: int = 0, steps: int = 300) -> float:
    """Train ten relu layers, He's weights times `scale`, on digits; return the test accuracy."""
    train, test = data.digits()
    model = nn.MLP([64] * 10 + [10], "relu", rng=seed)
    for part in model:
        if isinstance(part, nn.Linear):
            part.weight.data *= scale
            part.weight.mark_changed()
    with np.errstate(all="ignore"):
        _train(model, optim.Adam(model.parameters(), lr=1e-3), *train.arrays, steps, seed)
        return _accuracy(model, *test.arrays)


class RowReader(nn.Module):
    """A transformer that reads a digit as eight tokens, its rows."""

    def __init__(self, std: float, rng: np.random.Generator, width: int = 32) -> None:
        self.embed = nn.Linear(8, width, rng=rng)
        self.positions = nn.LearnedPositionalEncoding(8, width, rng=rng)
        self.blocks = nn.Sequential(*[nn.TransformerBlock(width, 4, rng=rng) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10, rng=rng)
        for p in self.parameters():
            if p.ndim == 2:
                init.normal_(p, std=std, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 64) to logits (N, 10)."""
        h = self.positions(self.embed(x.reshape(len(x), 8, 8)))
        return self.head(self.norm(self.blocks(h)).mean(axis=1))  # type: ignore[no-any-return]


@cache
def transformer_accuracy(std: float, seed: int = 0, steps: int = 200) -> float:
    """Train `RowReader`, its weights from N(0, std^2), on digits; return the test accuracy."""
    train, test = data.digits()
    model = RowReader(std, np.random.default_rng(seed))
    _train(model, optim.Adam(model.parameters(), lr=3e-3), *train.arrays, steps, seed)
    return _accuracy(model, *test.arrays)


def sensitivity(seed: int = 0) -> dict[str, float]:
    """Train a plain MLP and a pre-norm transformer from weights of several sizes."""
    plain = {f"MLP, He's x {s:g}": plain_accuracy(s, seed) for s in (0.1, 1.0, 4.0)}
    return plain | {f"transformer, std {s:g}": transformer_accuracy(s, seed) for s in STDS}


def _plain(ax: Axes, title: str, xlabel: str) -> None:
    tidy(ax, title=title, xlabel=xlabel)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small")


def plot_stds(seed: int = 0) -> Figure:
    """Draw the standard deviation over the layers of tanh and of relu, from four first weights.

    Of tanh only what lies above 0.01.
    """
    from matplotlib.figure import Figure

    inits: dict[str, tuple[float, str, str]] = {
        "N(0, 1)": (np.sqrt(WIDTH), ":", "#cc79a7"),
        "He": (np.sqrt(2), "-", "#0072b2"),
        "LeCun, Xavier": (1.0, "--", "#d55e00"),
        "N(0, 0.02²)": (0.02 * np.sqrt(WIDTH), "-.", "#009e73"),
    }
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    for ax, name in zip(figure.subplots(1, 2), ("tanh", "relu"), strict=True):
        for label, (gain, style, color) in inits.items():
            found = stds(stack(name, gain, seed), normal(seed))
            ax.semilogy(np.arange(1, DEPTH + 1), found, style, color=color, label=label)
        _plain(ax, name, "layer")
    figure.axes[0].set_ylabel("std of the activations")
    figure.axes[0].set_ylim(1e-2, 1.3)
    figure.axes[0].get_legend().remove()
    return figure


def plot_stream(seed: int = 0) -> Figure:
    """Draw what the blocks of a GPT add to the residual stream, over their number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.3), layout="constrained")
    ax = figure.subplots()
    looks = {False: ("0.02", "-o", "#d55e00"), True: ("0.02 / √(2N)", "--s", "#0072b2")}
    for scaled, (label, style, color) in looks.items():
        ax.loglog((6, 12, 24), added_variances(seed)[scaled], style, color=color, label=label)
    ax.set_xticks((6, 12, 24), ("6", "12", "24"))
    ax.minorticks_off()
    ax.set_ylabel("variance added")
    _plain(ax, "std of the last layer of each branch", "blocks N")
    return figure


def plot_sensitivity(seed: int = 0) -> Figure:
    """Draw the accuracy over the size of the first weights, for an MLP and for a transformer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.semilogx(SCALES, [plain_accuracy(s, seed) for s in SCALES], "-o", color="#d55e00")
    left.set_xticks(SCALES, [f"{s:g}" for s in SCALES])
    right.semilogx(STDS, [transformer_accuracy(s, seed) for s in STDS], "-o", color="#0072b2")
    right.set_xticks(STDS, [f"{s:g}" for s in STDS])
    for ax in (left, right):
        ax.minorticks_off()
        ax.set_ylim(0, 1)
    left.set_ylabel("test accuracy")
    _plain(left, "plain MLP, ten layers", "multiple of He's weights")
    _plain(right, "pre-norm transformer", "std of the weights")
    return figure
