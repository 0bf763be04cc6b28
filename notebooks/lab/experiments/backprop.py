"""Backpropagation: derived by hand, costed, and checked against forward mode and differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import nn
from autograd import Tensor, checkpoint, cost, jvp, no_grad, toposort, vjp
from autograd.cost import saved_bytes
from nn import functional as F

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
STEPS = 10.0 ** -np.arange(1, 13)


class Pass(NamedTuple):
    """What one pass of the algorithm by hand leaves, layer by layer."""

    loss: float
    deltas: list[Array]  # dL/dz, (batch, n_out)
    dW: list[Array]  # (n_out, n_in), as nn.Linear has it
    db: list[Array]


def network(sizes: Sequence[int] = (5, 7, 6, 3), seed: int = 0, batch: int = 8) -> Any:
    """Return a tanh MLP in float64, a batch and its classes."""
    model = nn.MLP(list(sizes), "tanh", dtype=np.float64, rng=seed)
    rng = np.random.default_rng(seed)
    return model, rng.standard_normal((batch, sizes[0])), rng.integers(sizes[-1], size=batch)


def by_hand(model: nn.Module, x: Array, y: Array) -> Pass:
    """Run the algorithm of four steps on a tanh MLP with softmax and cross-entropy.

    Forward, storing each activation; the error of the output; the recursion down to the first
    layer; and the gradients, summed over the batch.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    activations = [x]  # (batch, n_in) of each layer
    for layer in layers[:-1]:
        z = activations[-1] @ layer.weight.numpy().T + layer.bias.numpy()
        activations.append(np.tanh(z))
    logits = activations[-1] @ layers[-1].weight.numpy().T + layers[-1].bias.numpy()
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, y]).mean()

    delta = p.copy()  # (p - y) / batch
    delta[rows, y] -= 1
    delta /= len(x)
    deltas, dW, db = [], [], []
    for i in reversed(range(len(layers))):
        deltas.append(delta)
        dW.append(delta.T @ activations[i])
        db.append(delta.sum(axis=0))
        if i:
            delta = (delta @ layers[i].weight.numpy()) * (1 - activations[i] ** 2)
    return Pass(loss, deltas[::-1], dW[::-1], db[::-1])


def by_engine(model: nn.Module, x: Array, y: Array) -> Pass:
    """Return the same from the engine; each dL/dz is caught by a hook on the layer's result."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    loss = F.cross_entropy(model(Tensor(x)), y)
    found: dict[int, Array] = {}
    weights = {id(layer.weight): i for i, layer in enumerate(layers)}
    for node in toposort(loss):
        for operand in node.inputs:
            if id(operand) in weights:
                node.register_hook(_keeper(found, weights[id(operand)]))
    model.zero_grad()
    loss.backward()
    return Pass(
        loss.item(),
        [found[i] for i in range(len(layers))],
        [layer.weight.grad.numpy() for layer in layers],
        [layer.bias.grad.numpy() for layer in layers],
    )


def _keeper(found: dict[int, Array], i: int) -> Callable[[Tensor], None]:
    """Return a hook that puts a gradient into `found`."""

    def keep(g: Tensor) -> None:
        found[i] = g.numpy().copy()

    return keep


def _worst(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def gradients_by_hand(seed: int = 0) -> dict[str, float]:
    """Compare dW and db by hand with the engine's."""
    hand, engine = by_hand(*network(seed=seed)), by_engine(*network(seed=seed))
    return {"dW": _worst(hand.dW, engine.dW), "db": _worst(hand.db, engine.db)}


def error_signals(seed: int = 0) -> float:
    """Compare the errors that hooks catch with those by hand."""
    hand, engine = by_hand(*network(seed=seed)), by_engine(*network(seed=seed))
    return _worst(hand.deltas, engine.deltas)


def recursion(seed: int = 0) -> float:
    """Compute each caught error from the one above it; return the worst difference."""
    model, x, y = network(seed=seed)
    deltas = by_engine(model, x, y).deltas
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    worst, a = 0.0, x
    for i, layer in enumerate(layers[:-1]):
        a = np.tanh(a @ layer.weight.numpy().T + layer.bias.numpy())
        below = deltas[i + 1] @ layers[i + 1].weight.numpy() * (1 - a**2)
        worst = max(worst, float(np.abs(below - deltas[i]).max()))
    return worst


def output_errors(seed: int = 0) -> dict[str, float]:
    """Compare dL/dz of three pairs of output and loss with (prediction - target) / n."""
    rng = np.random.default_rng(seed)
    z, numbers = rng.standard_normal((6, 4)), rng.random((6, 4))
    classes, bits = rng.integers(4, size=6), rng.integers(2, size=(6, 4))

    def error(loss: Callable[[Tensor], Tensor], expected: Array) -> float:
        t = Tensor(z, requires_grad=True)
        loss(t).backward()
        return float(np.abs(t.grad.numpy() - expected).max())

    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-z))
    targets = bits.astype(float)
    return {
        "softmax + cross-entropy": error(
            lambda t: F.cross_entropy(t, classes), (p - np.eye(4)[classes]) / 6
        ),
        "sigmoid + binary cross-entropy": error(
            lambda t: F.binary_cross_entropy_with_logits(t, Tensor(targets)),
            (sigmoid - targets) / z.size,
        ),
        "identity + half the mean square": error(
            lambda t: F.mse_loss(t, Tensor(numbers)) / 2, (z - numbers) / z.size
        ),
        "identity + the mean square": error(
            lambda t: F.mse_loss(t, Tensor(numbers)), 2 * (z - numbers) / z.size
        ),
    }


def algorithm(seed: int = 0) -> float:
    """Train by hand and with the engine for 20 steps; return how far the weights are apart."""
    ours, x, y = network(seed=seed)
    theirs, _, _ = network(seed=seed)
    for _ in range(20):
        for model, step in ((ours, by_hand), (theirs, by_engine)):
            found = step(model, x, y)
            layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
            for layer, dW, db in zip(layers, found.dW, found.db, strict=True):
                layer.weight.data[...] -= 0.5 * dW
                layer.bias.data[...] -= 0.5 * db
                layer.weight.mark_changed()
                layer.bias.mark_changed()
    return _worst(*([p.numpy() for p in model.parameters()] for model in (ours, theirs)))


def products(sizes: Sequence[int], batch: int = 16) -> tuple[int, int]:
    """Count the multiplications of an MLP's matrix products, forward and backward, on the graph.

    A product of (m, k) and (k, n) takes m n k. Backward, a layer has one for its weight, and one
    for its input where that needs a gradient: the data do not.
    """
    model, x, y = network(sizes, batch=batch)
    forward = backward = 0
    for node in toposort(F.cross_entropy(model(Tensor(x)), y)):
        if node.op.name == "linear":
            data, weight, *_ = node.inputs
            size = node.size * weight.shape[1]
            forward += size
            backward += size * (int(data.requires_grad) + int(weight.requires_grad))
    return forward, backward


def product_ratios(seed: int = 0) -> dict[str, float]:
    """Return the ratio of multiplications, backward to forward, for layers of equal size."""
    found = {}
    for depth in (1, 2, 3, 10):
        forward, backward = products([32] * (depth + 1))
        found[f"{depth} layers"] = backward / forward
    forward, backward = products((784, 256, 128, 10))
    found["784-256-128-10"] = backward / forward
    return found


def memory(depth: int, width: int = 32, batch: int = 64, pieces: int | None = None) -> int:
    """Return the bytes of activations that the backward pass of a tanh chain keeps.

    With `pieces`, it is cut into that many, each of them checkpointed.
    """
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((depth, width, width)) / 6
    weights = [Tensor(w, requires_grad=True) for w in draws]
    x = Tensor(rng.standard_normal((batch, width)), requires_grad=True)

    def run(h: Tensor, first: int, last: int) -> Tensor:
        for w in weights[first:last]:
            h = (h @ w).tanh()
        return h

    if pieces is None:
        kept = saved_bytes(run(x, 0, depth))
    else:
        cuts = np.linspace(0, depth, pieces + 1).astype(int)
        h = x
        for first, last in pairwise(cuts):
            h = checkpoint(lambda h, a=first, b=last: run(h, a, b), h)
        # one piece at a time is computed anew
        kept = saved_bytes(h) + saved_bytes(run(x, int(cuts[0]), int(cuts[1])))
    return kept - sum(w.data.nbytes for w in weights)


def memory_growth(seed: int = 0) -> dict[str, float]:
    """Compare memory at 16 and at 64 layers, kept whole and in pieces of the root's number."""
    return {
        "whole, 64 to 16 layers": memory(64) / memory(16),
        "checkpointed, 64 layers": memory(64, pieces=8) / memory(64),
    }


def tanh_network(n: int, seed: int = 0) -> tuple[Callable[[Tensor], Tensor], Array]:
    """Return f from n numbers to 4, a layer of 16 tanh between, and a point."""
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((n, 16)) / np.sqrt(n), rng.standard_normal((16, 4)) / 4
    return (lambda x: (x @ Tensor(A)).tanh() @ Tensor(B)), rng.standard_normal(n)


def by_columns(f: Callable[[Tensor], Tensor], x: Array) -> Array:
    """Build the Jacobian by forward mode: a pass for each input, whose tangent is a unit vector."""
    return np.stack([jvp(f, (x,), (e,))[1].numpy() for e in np.eye(len(x))], axis=1)


def by_rows(f: Callable[[Tensor], Tensor], x: Array) -> Array:
    """Build the Jacobian by reverse mode: a walk back for each output."""
    out, back = vjp(f, x)
    return np.stack([back(e)[0].numpy() for e in np.eye(len(out))])


def jacobian_by_columns(seed: int = 0) -> dict[str, float]:
    """Build a Jacobian column by column; compare it with central differences."""
    f, x = tanh_network(6, seed)
    h = 1e-5
    ends = [(f(Tensor(x + h * e)).numpy(), f(Tensor(x - h * e)).numpy()) for e in np.eye(6)]
    numeric = np.stack([(up - down) / (2 * h) for up, down in ends], axis=1)
    J = by_columns(f, x)
    return {"passes": J.shape[1], "difference": float(np.abs(J - numeric).max())}


def jacobian_by_rows(seed: int = 0) -> dict[str, float]:
    """Build a Jacobian row by row; compare it with the columns."""
    f, x = tanh_network(6, seed)
    J = by_rows(f, x)
    return {"walks": J.shape[0], "difference": float(np.abs(J - by_columns(f, x)).max())}


def mode_ratio(n: int) -> float:
    """Return the cost of a whole gradient by forward mode over that by reverse mode, n inputs."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((n, 16)), rng.standard_normal(16)
    by_mode = cost(lambda x: ((x @ Tensor(A)).tanh() * Tensor(b)).sum(), np.ones(n)).jacobian
    return by_mode["forward"] / by_mode["reverse"]


def crossover(seed: int = 0) -> dict[str, float]:
    """Count both modes for the gradient of one number with respect to 1, 8, 32 and 128."""
    return {f"{n} inputs": mode_ratio(n) for n in (1, 8, 32, 128)}


def difference_errors(seed: int = 0) -> Array:
    """Return the largest error of central differences, for each of `STEPS`, on an MLP."""
    model, x, y = network(seed=seed)
    weight = next(m for m in model.modules() if isinstance(m, nn.Linear)).weight
    exact = by_engine(model, x, y).dW[0]

    def loss() -> float:
        with no_grad():
            return float(F.cross_entropy(model(Tensor(x)), y).item())

    errors = []
    for h in STEPS:
        worst = 0.0
        for i in np.ndindex(3, weight.shape[1]):
            kept = weight.data[i]
            ends = []
            for sign in (1, -1):
                weight.data[i] = kept + sign * h
                weight.mark_changed()
                ends.append(loss())
            weight.data[i] = kept
            weight.mark_changed()
            worst = max(worst, abs((ends[0] - ends[1]) / (2 * h) - exact[i]))
        errors.append(worst)
    return np.array(errors)


def plot_differences(errors: Array) -> Figure:
    """Draw the V of finite differences: truncation on the right, rounding on the left."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.loglog(STEPS, errors, "-o", color="#0072b2", markersize=4, label="measured")
    right, left = STEPS[:5], STEPS[5:]
    ax.loglog(
        right, errors[0] * (right / STEPS[0]) ** 2, ":", color="#767676", label="falls with h²"
    )
    ax.loglog(left, 1e-16 / left, "--", color="#767676", label="rounding, 1e-16 / h")
    tidy(
        ax, xlabel="step h", ylabel="largest error", title="central differences against the engine"
    )
    ax.legend(frameon=False)
    return figure


def plot_products() -> Figure:
    """Draw, for each layer of 784-256-128-10, the multiplications forward and backward."""
    from matplotlib.figure import Figure

    sizes, batch = (784, 256, 128, 10), 16
    forward = np.array([batch * a * b for a, b in pairwise(sizes)]) / 1e6
    dX = forward.copy()
    dX[0] = 0  # the data want no gradient
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    ax = figure.subplots()
    places = np.arange(len(forward))
    ax.bar(places - 0.22, forward, 0.4, color="#0072b2", label="forward")
    ax.bar(places + 0.22, forward, 0.4, color="#d55e00", label="backward, for W")
    ax.bar(places + 0.22, dX, 0.4, bottom=forward, color="#e69f00", hatch="//", label="for x")
    ax.set_xticks(places, [f"{a} to {b}" for a, b in pairwise(sizes)])
    tidy(
        ax,
        ylabel="million multiplications",
        title="matrix products of each layer, 16 examples",
        grid=False,
    )
    ax.legend(frameon=False)
    return figure
