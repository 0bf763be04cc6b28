"""Draw the gallery, docs/gallery, from the programs below: `make gallery`."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import autograd as ag
import nn
import viz
from autograd import Tensor
from nn import functional as F

TARGET = Path(__file__).parent / "gallery"

Picture = tuple[viz.GraphView, str]
"""A view, and what stands under it: a derivation, or nothing."""


def _leaf(value: object, name: str) -> Tensor:
    return Tensor(np.asarray(value, np.float64), requires_grad=True, name=name)


def _data(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def _draw(
    outputs: Tensor | list[Tensor], model: nn.Module | None = None, **options: object
) -> viz.GraphView:
    """Draw with the engine that comes with the package, so that the files are the same."""
    params = dict(model.named_parameters()) if model is not None else None
    return viz.draw(outputs, params=params, backend="wasm", **options)  # type: ignore[arg-type]


def expression() -> Picture:
    """A scalar expression: (a * b + c) * f, forward values and gradients."""
    a, b, c, f = _leaf(2, "a"), _leaf(-3, "b"), _leaf(10, "c"), _leaf(-2, "f")
    d = a * b + c
    d.name = "d"
    out = d * f
    out.name = "L"
    return _draw(out), str(viz.explain(out, a))


def neuron() -> Picture:
    """A neuron; an input of 0 blocks the gradient of its weight."""
    x1, x2 = Tensor(2.0, name="x1"), Tensor(0.0, name="x2")
    w1, w2, b = _leaf(-3, "w1"), _leaf(1, "w2"), _leaf(6.88, "b")
    y = (w1 * x1 + w2 * x2 + b).tanh()
    y.name = "y"
    return _draw(y), ""


def backward() -> Picture:
    """The backward pass of x * x + exp(x): what each use of x gives, and their sum."""
    x = _leaf(1.5, "x")
    out = x * x + x.exp()
    out.name = "L"
    return _draw(out).backward(), ""


def mlp() -> Picture:
    """Two layers with ReLU, softmax and cross-entropy, and the derivation of dL/dW1."""
    X, y = Tensor(_data(5, 4), name="X"), Tensor(np.array([0, 1, 2, 1, 0]), name="y")
    W1, b1 = _leaf(_data(6, 4), "W1"), _leaf(np.zeros(6), "b1")
    W2, b2 = _leaf(_data(3, 6), "W2"), _leaf(np.zeros(3), "b2")
    h = ag.linear(X, W1, b1)
    a = ag.relu(h)
    z = ag.linear(a, W2, b2)
    h.name, a.name, z.name = "h", "a", "z"
    loss = ag.cross_entropy(z, y)
    loss.name = "L"
    return _draw(loss, form="bipartite"), str(viz.explain(loss, W1))


def step() -> Picture:
    """The same kind of network before and after a step of Adam: how far each weight moved."""
    model = nn.MLP([4, 6, 3], "relu", rng=0, dtype=np.float64)
    X, y = Tensor(_data(5, 4), name="X"), Tensor(np.array([0, 1, 2, 1, 0]), name="y")
    loss = F.cross_entropy(model(X), y)
    before = _draw(loss, model)
    loss.backward()
    nn.optim.Adam(model.parameters(), lr=0.01).step()
    return before.diff(_draw(F.cross_entropy(model(X), y), model)), ""


def residual() -> Picture:
    """A residual block: the identity path carries the gradient, so its arrows are wide."""
    x = _leaf(_data(2, 6), "x")
    with ag.scope("block"):
        h = F.linear(x, _leaf(0.05 * _data(6, 6), "W1")).tanh()
        y = x + F.linear(h, _leaf(0.05 * _data(6, 6), "W2"))
    return _draw((y * y).mean(), color="grad", form="compact"), ""


def pre_and_post_norm() -> Picture:
    """Pre-LN against post-LN: only with pre-LN a path without a norm leads from end to end."""
    x, weights = _leaf(_data(1, 4, 8), "x"), Tensor(_data(1, 4, 8)[:, ::-1], name="weights")
    outputs = []
    for norm in ("pre", "post"):
        block = nn.TransformerBlock(8, 2, norm=norm, dtype=np.float64, rng=0)
        with ag.scope(f"{norm}-LN"):
            y = block(x)
        outputs.append((y * weights).sum())  # of y * y, the last norm would fix the sum
    return _draw(outputs, depth=2, color="grad", form="compact"), ""


def attention() -> Picture:
    """Attention of four positions, opened into the ops it is made of."""
    q, k, v = (
        _leaf(_data(4, 8) * scale, name) for scale, name in ((1, "q"), (0.7, "k"), (0.5, "v"))
    )
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return _draw((out * out).mean(), expand_fused=True, form="compact"), ""


def lstm() -> Picture:
    """A step of an LSTM, opened into its gates."""
    cell = nn.LSTMCell(3, 4, rng=0, dtype=np.float64)
    h, c = cell(Tensor(_data(2, 3), name="x"))
    return _draw((h * h).mean() + (c * c).mean(), cell, expand_fused=True, form="compact"), ""


def cnn() -> Picture:
    """A small convolutional network."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=0, dtype=np.float64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 3, rng=0, dtype=np.float64),
    )
    images, labels = Tensor(_data(2, 1, 8, 8), name="images"), Tensor(np.array([0, 2]), name="y")
    loss = F.cross_entropy(model(images), labels)
    return _draw(loss, model, form="compact", direction="TB"), ""


def gpt() -> Picture:
    """A GPT of 12 blocks, its blocks folded into one box."""
    model = nn.GPT(20, 8, d_model=16, nhead=2, num_layers=12, rng=0)
    ids = Tensor(np.arange(8)[None] % 5, name="ids")
    logits = model(ids)
    loss = F.cross_entropy(logits.reshape(-1, 20), Tensor((np.arange(8) + 1) % 5, name="next"))
    return _draw(loss, model, depth=1, max_nodes=16), ""


def dead_relu() -> Picture:
    """A network whose second layer is dead: the gradient stops there."""
    x = Tensor(np.abs(_data(4, 3)), name="x")
    W1, W2, W3 = (
        _leaf(_data(5, 3), "W1"),
        _leaf(-np.abs(_data(4, 5)), "W2"),
        _leaf(_data(1, 4), "W3"),
    )
    h = F.relu(F.linear(x, W1))
    dead = F.relu(F.linear(h, W2))
    return _draw(F.linear(dead, W3).mean(), form="compact"), ""


def vanishing() -> Picture:
    """20 layers of sigmoids, coloured by gradient: it fades by a factor of a few a layer."""
    h = Tensor(_data(4, 6), name="x")
    rng = np.random.default_rng(1)
    for i in range(20):
        with ag.scope(f"layer{i + 1}"):
            h = F.linear(h, _leaf(rng.standard_normal((6, 6)) / 6**0.5, "W")).sigmoid()
    return _draw((h * h).mean(), depth=0, color="grad", direction="TB"), ""


PICTURES: tuple[Callable[[], Picture], ...] = (
    *(expression, neuron, backward, mlp, step, residual, pre_and_post_norm, attention, lstm, cnn),
    *(gpt, dead_relu, vanishing),
)


def page(under: dict[str, str]) -> str:
    """Return the page: each picture with the first line of its program's docstring."""
    parts = ["# Gallery\n\nDrawn by `make gallery` from the programs in `docs/gallery.py`.\n"]
    for draw in PICTURES:
        name, says = draw.__name__, (draw.__doc__ or "").strip()
        parts.append(f"## {name.replace('_', ' ')}\n\n{says}\n\n![{says}](gallery/{name}.svg)\n")
        if under[name]:
            parts.append(f"```text\n{under[name]}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Write every picture and the page."""
    TARGET.mkdir(exist_ok=True)
    under = {}
    for draw in PICTURES:
        view, under[draw.__name__] = draw()
        view.save(TARGET / f"{draw.__name__}.svg")
        print(f"{draw.__name__}: {len(view.figure.boxes)} boxes", file=sys.stderr)
    TARGET.with_suffix(".md").write_text(page(under), encoding="utf-8")


if __name__ == "__main__":
    main()
