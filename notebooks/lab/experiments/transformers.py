"""Transformers: attention that mixes positions, an MLP that does not, residuals and norms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
from autograd import Tensor, jacobian, no_grad
from nn import data, optim
from nn import functional as F
from nn.optim import lr_scheduler

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
LETTERS = "abcdefgh"
VOCABULARY = data.Vocabulary(LETTERS + "=\n")
LENGTH = 4
STEPS = 2 * LENGTH + 2  # the word, '=', the word again, the end of the line
DEPTHS = (2, 4, 8, 16)


def echo(n: int, rng: np.random.Generator) -> data.Text:
    """Return a made-up text: n lines such as ``bcha=bcha``, each a word of random letters, twice.

    What can be known of it is known: of the ten characters of a line, the end included, four cost
    log 8 nats each, and the others nothing to who looks back; the second word costs as much as the
    first to who does not.
    """
    words = rng.choice(list(LETTERS), size=(n, LENGTH))
    return data.Text("".join(f"{''.join(w)}={''.join(w)}\n" for w in words), VOCABULARY)


FLOOR = LENGTH * np.log(len(LETTERS)) / STEPS


class Stack(nn.Module):
    """Embedding and positions, transformer blocks of either order, a norm and logits.

    Unlike `nn.GPT` its blocks may be post-norm, and start from the layers' own initialisation.
    """

    def __init__(self, vocab: int, norm: str, layers: int, d_model: int, context: int, rng: Any):
        rng = np.random.default_rng(rng)  # a Generator stays itself
        self.embedding = nn.Embedding(vocab, d_model, rng=rng)
        self.positions = nn.LearnedPositionalEncoding(context, d_model, rng=rng)
        self.blocks = nn.ModuleList(
            nn.TransformerBlock(d_model, 4, norm=norm, rng=rng) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab, rng=rng)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (N, T) to logits (N, T, vocab)."""
        x = self.positions(self.embedding(tokens))
        for block in self.blocks:
            x = block(x, is_causal=True)
        out: Tensor = self.head(self.norm(x))
        return out


def without_attention(vocab: int, d_model: int, seed: int) -> nn.Module:
    """Return what is left of a transformer of two blocks without what mixes the positions."""
    rng = np.random.default_rng(seed)
    blocks = [
        nn.Residual(nn.PreNorm(nn.LayerNorm(d_model), nn.FeedForward(d_model, rng=rng)))
        for _ in range(2)
    ]
    return nn.Sequential(
        nn.Embedding(vocab, d_model, rng=rng),
        nn.LearnedPositionalEncoding(STEPS, d_model, rng=rng),
        *blocks,
        nn.LayerNorm(d_model),
        nn.Linear(d_model, vocab, rng=rng),
    )


def _train(
    model: nn.Module, steps: int, lr: float, seed: int, batch: int = 32, warmup: int = 0
) -> tuple[float, tuple[float, ...]]:
    """Train on lines of `echo` with Adam; return the loss on new lines, and those on the way."""
    rng = np.random.default_rng([seed, 1])
    x, y = echo(batch * steps + 500, rng).lines().arrays
    optimizer = optim.Adam(model.parameters(), lr=lr)
    ramp = lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, (i + 1) / max(1, warmup)))
    losses = []
    for i in range(steps):
        part = slice(batch * i, batch * (i + 1))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(Tensor(x[part])).swapaxes(1, 2), y[part])
        loss.backward(retain_graph=False)
        optimizer.step()
        ramp.step()
        losses.append(loss.item())
    with no_grad():
        test = F.cross_entropy(model(Tensor(x[-500:])).swapaxes(1, 2), y[-500:]).item()
    return test, tuple(losses)


@cache
def trained(seed: int = 0) -> tuple[Stack, float]:
    """Train two blocks on the made-up text; return the model, and its loss on new lines."""
    model = Stack(len(VOCABULARY), "pre", 2, 32, STEPS, seed)
    return model, _train(model, 300, 5e-3, seed)[0]


def character_model(seed: int = 0) -> dict[str, float]:
    """Measure the loss of a small transformer on made-up text, and of one without attention."""
    blind = _train(without_attention(len(VOCABULARY), 32, seed), 300, 5e-3, seed)[0]
    return {
        "transformer, nats above the floor": trained(seed)[1] - FLOOR,
        "without attention, nats above the floor": blind - FLOOR,
    }


def copying_head(seed: int = 0) -> tuple[Array, str, float]:
    """Return the attention of the head that copies, on one line, and how much looks at the copy.

    Returns
    -------
    weights : ndarray of shape (STEPS, STEPS)
    line : str
        What the model reads, with the start of the line as a dot.
    share : float
        The mean weight, where the second word is to be said, on the character to say.
    """
    model, _ = trained(seed)
    line = "." + echo(1, np.random.default_rng([seed, 2])).content[:-1]
    tokens = VOCABULARY.encode(line.replace(".", "\n"))[None]
    heads = []
    with no_grad():
        x = model.positions(model.embedding(Tensor(tokens)))
        for block in model.blocks:
            y = block.norm1(x)
            _, weights = block.self_attn(y, y, y, is_causal=True, average_attn_weights=False)
            heads += list(weights.numpy()[0])
            x = block(x, is_causal=True)
    asked = np.arange(LENGTH + 1, 2 * LENGTH + 1)
    shares = [float(head[asked, asked - LENGTH].mean()) for head in heads]
    best = int(np.argmax(shares))
    return heads[best], line, shares[best]


def feed_forward(seed: int = 0) -> dict[str, float]:
    """Compare a feed-forward layer with an MLP, all positions with each; and gated ones with it."""
    rng = np.random.default_rng(seed)
    d = 12
    ffn = nn.FeedForward(d, dtype=np.float64, rng=rng)
    mlp = nn.MLP([d, 4 * d, d], "gelu", dtype=np.float64, rng=rng)
    mlp.load_state_dict(dict(zip(mlp.state_dict(), ffn.state_dict().values(), strict=True)))
    gated = nn.SwiGLU(d, dtype=np.float64, rng=rng)
    x = rng.standard_normal((2, 5, d))
    out = ffn(Tensor(x)).numpy()
    each = np.stack([mlp(Tensor(x[:, t])).numpy() for t in range(5)], axis=1)

    def growth(layer: nn.Module) -> float:
        """What doubling a large input makes of the output's norm."""
        once, twice = (np.linalg.norm(layer(Tensor(s * x)).numpy()) for s in (1e4, 2e4))
        return float(twice / once)

    def weights(layer: nn.Module) -> int:
        return sum(p.size for p in layer.parameters() if p.ndim == 2)

    return {
        "from an MLP, a position at a time": float(np.abs(out - each).max()),
        "twice the input, FeedForward": growth(ffn),
        "twice the input, SwiGLU": growth(gated),
        "weights of SwiGLU over FeedForward, as wide": weights(nn.SwiGLU(d, 4 * d)) / weights(ffn),
        "weights of SwiGLU over FeedForward, 2/3 as wide": weights(gated) / weights(ffn),
    }


def attention(seed: int = 0) -> dict[str, float]:
    """Check attention against its formula, and what it does and does not see."""
    rng = np.random.default_rng(seed)
    layer = nn.MultiheadAttention(8, 2, batch_first=True, dtype=np.float64, rng=rng)
    x = rng.standard_normal((1, 6, 8))
    t = Tensor(x, requires_grad=True)
    out, weights = layer(t, t, t, average_attn_weights=False)

    q, k, v = np.split(x[0] @ layer.in_proj_weight.numpy().T + layer.in_proj_bias.numpy(), 3, 1)
    heads = []
    for h in (slice(0, 4), slice(4, 8)):
        e = np.exp(q[:, h] @ k[:, h].T / np.sqrt(4))
        heads.append(e / e.sum(axis=1, keepdims=True) @ v[:, h])
    expected = np.concatenate(heads, axis=1) @ layer.out_proj.weight.numpy().T

    order = rng.permutation(6)
    moved = Tensor(x[:, order])
    permuted, _ = layer(moved, moved, moved)

    causal, _ = layer(t, t, t, is_causal=True)
    causal[0, 2].sum().backward()
    return {
        "from the formula": float(np.abs(out.numpy()[0] - expected).max()),
        "row sums from 1": float(np.abs(weights.numpy().sum(axis=-1) - 1).max()),
        "permuted": float(np.abs(permuted.numpy() - out.numpy()[:, order]).max()),
        "causal, gradient of the future": float(np.abs(t.grad.numpy()[0, 3:]).max()),
        "causal, gradient of the past": float(np.abs(t.grad.numpy()[0, :3]).min(axis=1).min() > 0),
    }


@cache
def last_gradients(norm: str, seed: int = 0, draws: int = 6) -> tuple[float, ...]:
    """Return the gradient norm of the last block's output matrix at the start, at each depth.

    It is the root mean square over six networks: a single one may be off by a fifth. Tokens and
    targets are random, of 65 kinds, so that positions have nothing in common.
    """
    rng = np.random.default_rng([seed, 3])
    norms = []
    for depth in DEPTHS:
        squares = []
        for _ in range(draws):
            x, y = rng.integers(65, size=(2, 8, 32))
            model = Stack(65, norm, depth, 64, 32, rng)
            F.cross_entropy(model(Tensor(x)).swapaxes(1, 2), y).backward(retain_graph=False)
            squares.append((model.blocks[-1].linear2.weight.grad.numpy() ** 2).sum())
        norms.append(float(np.sqrt(np.mean(squares))))
    return tuple(norms)


RACES = {
    "pre-LN, lr 0.001": ("pre", 1e-3, 0),
    "post-LN, lr 0.001": ("post", 1e-3, 0),
    "pre-LN, lr 0.005": ("pre", 5e-3, 0),
    "post-LN, lr 0.005": ("post", 5e-3, 0),
    "post-LN, lr 0.005, warm-up": ("post", 5e-3, 75),
}


@cache
def race(name: str, seed: int = 0) -> tuple[float, tuple[float, ...]]:
    """Train one of `RACES`, six blocks, 150 steps; return the loss on new lines, and the others."""
    norm, lr, warmup = RACES[name]
    model = Stack(len(VOCABULARY), norm, 6, 32, STEPS, seed)
    return _train(model, 150, lr, seed, batch=16, warmup=warmup)


def norm_placement(seed: int = 0) -> dict[str, float]:
    """Measure the last block's gradient over depth, and how both orders train."""
    pre, post = last_gradients("pre", seed), last_gradients("post", seed)
    found = {"pre-LN, 16 blocks over 2": pre[3] / pre[0], "post-LN, 16 over 2": post[3] / post[0]}
    small = race("post-LN, lr 0.001", seed)[0] - race("pre-LN, lr 0.001", seed)[0]
    return found | {
        "post-LN minus pre-LN, lr 0.001": small,
        **{name: race(name, seed)[0] for name in list(RACES)[2:]},
    }


INPUT = np.random.default_rng(0).standard_normal((3, 8))


def small_block(norm: str) -> nn.TransformerBlock:
    """Return a block of 8 features and 2 heads."""
    return nn.TransformerBlock(8, 2, norm=norm, dtype=np.float64, rng=0)


def jacobian_rank(norm: str) -> int:
    """Return the rank of dy/dx of a block at one position, its two branches closed."""
    block = small_block(norm)
    for layer in (block.self_attn.out_proj, block.linear2):
        layer.weight.data[...] = 0
    x = Tensor(INPUT[:1])
    J = jacobian(block)(x).numpy().reshape(8, 8)
    return int(np.linalg.matrix_rank(J, tol=1e-3))  # eps leaves 1e-5 of the length


def plot_attention(seed: int = 0) -> Figure:
    """Draw where the copying head looks while it reads a line."""
    from matplotlib.figure import Figure

    weights, line, share = copying_head(seed)
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(STEPS), list(line))
    ax.set_yticks(range(STEPS), list(line))
    ax.set_xlabel("looks at")
    ax.set_ylabel("has read up to")
    ax.set_title(f"{share:.0%} on the letter to say next")
    figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    return figure


def _plain(ax: Axes) -> None:
    tidy(ax)
    ax.legend(frameon=False)


def plot_norms(seed: int = 0) -> Figure:
    """Draw the gradient of the last block over depth, and the losses of the races."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for norm, color, marker in (("pre", "#0072b2", "o"), ("post", "#d55e00", "s")):
        gradients = last_gradients(norm, seed)
        left.loglog(DEPTHS, gradients, marker=marker, color=color, label=f"{norm}-LN")
    slope = last_gradients("pre", seed)[0] * np.sqrt(DEPTHS[0] / np.array(DEPTHS))
    left.loglog(DEPTHS, slope, ":", color="#767676", label="1 / square root of depth")
    left.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
    left.minorticks_off()
    left.set_yticks([0.2, 0.4, 0.8], ["0.2", "0.4", "0.8"])
    left.set_xlabel("blocks")
    left.set_ylabel("gradient norm of the last block")
    left.set_title("at the start")
    _plain(left)
    styles = (("#0072b2", "-"), ("#d55e00", "-"), ("#e69f00", "--"))
    for name, (color, style) in zip(list(RACES)[2:], styles, strict=True):
        losses = np.array(race(name, seed)[1]).reshape(-1, 5).mean(axis=1)
        label = name.replace(" lr 0.005,", "").replace(", lr 0.005", "")
        right.plot(5 * np.arange(len(losses)) + 3, losses, style, color=color, label=label)
    right.axhline(FLOOR, color="#767676", linewidth=1, linestyle=":")
    right.set_ylim(0.7, 3.2)
    right.set_xlabel("step")
    right.set_ylabel("loss in nats, mean of 5")
    right.set_title("six blocks, Adam, lr 0.005; dotted: the floor")
    _plain(right)
    return figure
