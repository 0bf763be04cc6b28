"""The training loop: what each of its lines does, and what happens where one is wrong."""

from __future__ import annotations

import math
import os
import warnings
import weakref
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import nn
import viz
from autograd import Tensor, backprop, no_grad, toposort
from autograd.cost import saved_bytes
from nn import data, optim
from nn import functional as F

from ..figures import tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
Loop = Callable[[Any, Any, Any, Any], None]


@cache
def digits(n: int = 3823) -> data.TensorDataset:
    """Return the first `n` training digits, in float64."""
    x, y = data.digits()[0][:n]
    return data.TensorDataset(x.astype(np.float64), y)


def network(seed: int = 0, sizes: tuple[int, ...] = (64, 32, 10)) -> nn.MLP:
    """Return a ReLU MLP for the digits, in float64."""
    return nn.MLP(list(sizes), "relu", dtype=np.float64, rng=seed)


def weights(model: nn.Module) -> Array:
    """Return all parameters as one row."""
    return np.concatenate([p.numpy().ravel() for p in model.parameters()])


def gradients(model: nn.Module) -> Array:
    """Return all gradients as one row."""
    return np.concatenate([p.grad.numpy().ravel() for p in model.parameters()])


def batch_loss(model: nn.Module, batch: tuple[Any, ...]) -> Tensor:
    """Return the mean cross-entropy of a batch."""
    x, y = batch
    return F.cross_entropy(model(Tensor(x)), y)


# The loop as a whole


def by_hand(model: nn.Module, loader: data.DataLoader, optimizer: Any, epochs: int) -> int:
    """Train with a loop written out; return how many steps it made."""
    steps = 0
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            steps += 1
    return steps


def epochs_and_batches(seed: int = 0) -> dict[str, float]:
    """Train two epochs of 1,000 digits in batches of 64, by hand and with `nn.fit`."""
    ours, theirs = network(seed), network(seed)
    steps = by_hand(
        ours,
        data.DataLoader(digits(1000), 64, shuffle=True, rng=seed),
        optim.Adam(ours.parameters(), lr=0.01),
        epochs=2,
    )
    nn.fit(
        theirs,
        digits(1000),
        epochs=2,
        batch_size=64,
        optimizer=optim.Adam(theirs.parameters(), lr=0.01),
        rng=seed,
        progress=False,
    )
    differ = int((weights(ours) != weights(theirs)).sum())
    return {"steps": steps, "weights that differ": differ}


def logits_not_probabilities(seed: int = 0) -> dict[str, float]:
    """Give cross-entropy logits, and by mistake probabilities; say how low either can get."""
    y = np.random.default_rng(seed).integers(10, size=20)
    certain = Tensor(1000.0 * np.eye(10)[y])
    x, _ = digits(20).arrays
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        twice = F.cross_entropy(certain.softmax(), y).item()
    return {
        "columns of the logits": network(seed)(Tensor(x)).shape[1],
        "loss, certain and right": F.cross_entropy(certain, y).item(),
        "loss, through softmax first": twice,
        "warnings": len(caught),
    }


def two_ways_to_zero(seed: int = 0) -> dict[str, float]:
    """Train with gradients set to None and to zero; let one weight sit out three steps of four."""
    trained = []
    for set_to_none in (True, False):
        model = network(seed)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for batch in data.DataLoader(digits(320), 32):
            optimizer.zero_grad(set_to_none)
            batch_loss(model, batch).backward()
            optimizer.step()
        trained.append(weights(model))

    def drift(set_to_none: bool) -> float:
        """Use a weight in the first step only; return how far it moves in three more."""
        used, idle = (Tensor(1.0, requires_grad=True) for _ in range(2))
        optimizer = optim.SGD([used, idle], lr=0.1, momentum=0.9)
        places = []
        for loss in (lambda: used * used + idle, *[lambda: used * used] * 3):
            optimizer.zero_grad(set_to_none)
            loss().backward()
            optimizer.step()
            places.append(idle.item())
        return places[0] - places[-1]

    return {
        "weights that differ": int((trained[0] != trained[1]).sum()),
        "an idle weight moves, None": drift(True),
        "an idle weight moves, zeros": drift(False),
    }


def backward_only_fills(seed: int = 0) -> dict[str, float]:
    """Run one backward pass; look at the weights, the gradients, and a slope by differences."""
    model, batch = network(seed), digits(64).arrays
    before = weights(model)
    batch_loss(model, batch).backward()
    g = gradients(model)
    direction = np.random.default_rng(seed).standard_normal(g.size)
    direction /= np.linalg.norm(direction)
    h, ends = 1e-5, []
    for sign in (1, -1):
        moved = network(seed)
        _set(moved, before + sign * h * direction)
        ends.append(batch_loss(moved, batch).item())
    return {
        "parameters with a gradient": np.mean([p.grad is not None for p in model.parameters()]),
        "weights changed": int((weights(model) != before).sum()),
        "slope, against differences": abs((ends[0] - ends[1]) / (2 * h) - g @ direction),
    }


def _set(model: nn.Module, values: Array) -> None:
    """Write one row of numbers into all parameters."""
    start = 0
    for p in model.parameters():
        p.data[...] = values[start : start + p.size].reshape(p.shape)
        p.mark_changed()
        start += p.size


def clipping(seed: int = 0) -> dict[str, float]:
    """Clip between backward and step, and after the step; see what the weights make of it."""
    batch = digits(64).arrays

    def step(order: str) -> tuple[Array, Array]:
        """Return how the weights moved, and the gradients before any clipping."""
        model = network(seed)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        start = weights(model)
        (20 * batch_loss(model, batch)).backward()  # a gradient that needs clipping
        g = gradients(model)
        for what in order.split():
            if what == "clip":
                nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            else:
                optimizer.step()
        return weights(model) - start, g

    (clipped, g), (late, _), (without, _) = (step(o) for o in ("clip step", "step clip", "step"))
    return {
        "norm of the gradient": float(np.linalg.norm(g)),
        "length of the step over lr": float(np.linalg.norm(clipped)) / 0.1,
        "cosine to the gradient": float(-clipped @ g / np.linalg.norm(clipped) / np.linalg.norm(g)),
        "difference, clipped after the step": float(np.abs(late - without).max()),
    }


# Each optimiser on one number, from the formulas of its paper: w and the gradients in, w out.


def _sgd(w: float, gs: Array, nesterov: bool = False) -> float:
    v = 0.0
    for i, g in enumerate(gs):
        v = g if i == 0 else 0.9 * v + g
        w -= 0.1 * (g + 0.9 * v if nesterov else v)
    return w


def _adam(w: float, gs: Array, decay: float = 0.0) -> float:
    m = v = 0.0
    for t, g in enumerate(gs, start=1):
        w -= 0.1 * decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


def _rmsprop(w: float, gs: Array) -> float:
    v = 0.0
    for g in gs:
        v = 0.99 * v + 0.01 * g * g
        w -= 0.1 * g / (math.sqrt(v) + 1e-8)
    return w


def _adagrad(w: float, gs: Array) -> float:
    total = 0.0
    for g in gs:
        total += g * g
        w -= 0.1 * g / (math.sqrt(total) + 1e-10)
    return w


def _lion(w: float, gs: Array) -> float:
    m = 0.0
    for g in gs:
        w -= 0.1 * math.copysign(1.0, 0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
    return w


def optimizers(seed: int = 0) -> dict[str, float]:
    """Compare 30 steps of each optimiser with its recurrence, written for one number."""
    rng = np.random.default_rng(seed)
    start, gs = rng.standard_normal(), rng.standard_normal(30)

    def difference(make: Callable[..., Any], recurrence: Callable[..., float], **kw: Any) -> float:
        w = Tensor([start], requires_grad=True)
        optimizer = make([w], lr=0.1, **kw)
        for g in gs:
            optimizer.zero_grad()
            (w * g).sum().backward()
            optimizer.step()
        return abs(w.item() - recurrence(float(start), gs))

    return {
        "SGD, momentum": difference(optim.SGD, _sgd, momentum=0.9),
        "SGD, Nesterov": difference(
            optim.SGD, lambda w, gs: _sgd(w, gs, nesterov=True), momentum=0.9, nesterov=True
        ),
        "Adam": difference(optim.Adam, _adam),
        "AdamW": difference(optim.AdamW, lambda w, gs: _adam(w, gs, decay=0.01), weight_decay=0.01),
        "RMSprop": difference(optim.RMSprop, _rmsprop),
        "Adagrad": difference(optim.Adagrad, _adagrad),
        "Lion": difference(optim.Lion, _lion),
    }


def rate_left(schedule: Callable[[Any], Any], steps: int) -> float:
    """Return the learning rate, from 1, after so many steps of a schedule."""
    w = Tensor(0.0, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    scheduler = schedule(optimizer)
    w.grad = Tensor(0.0)
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    return scheduler.get_last_lr()[0]


def schedule_steps(seed: int = 0) -> dict[str, float]:
    """Step schedules after each batch and after each epoch: 10 epochs of 60 batches."""
    lr = optim.lr_scheduler

    def cosine(optimizer: Any) -> Any:
        return lr.CosineAnnealingLR(optimizer, 600, per="batch")

    def tenths(optimizer: Any) -> Any:  # a tenth of the rate every 4 epochs
        return lr.StepLR(optimizer, 4)

    w = Tensor(0.0, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lr.StepLR(optim.SGD([w], lr=1.0), 4).step()
    return {
        "cosine over 600 batches, stepped 600 times": rate_left(cosine, 600),
        "cosine over 600 batches, stepped 10 times": rate_left(cosine, 10),
        "a tenth every 4 epochs, stepped 10 times": rate_left(tenths, 10),
        "a tenth every 4 epochs, stepped 600 times": rate_left(tenths, 600),
        "warnings, stepped before the optimiser": len(caught),
    }


# What backward() does


def residual_chain(blocks: int = 10) -> tuple[Tensor, Tensor]:
    """Return x, and x + tanh(x) applied so many times: each block has two ways back."""
    x = h = Tensor(0.1, requires_grad=True)
    for _ in range(blocks):
        h = h + h.tanh()
    return x, h


def paths(x: Tensor, out: Tensor) -> int:
    """Count the ways through the graph from x to out."""
    ways = Counter({out: 1})  # back to each node: one that is walked twice counts twice
    for node in toposort(out):
        for operand in node.inputs:
            ways[operand] += ways[node]
    return ways[x]


def walk(seed: int = 0) -> dict[str, float]:
    """Walk back from a residual chain: note each visit, and who came before whom."""
    x, root = residual_chain()
    visited = [node for node, _ in backprop(root, np.ones(()))]
    place = {id(node): i for i, node in enumerate(visited)}
    early = sum(place[id(t)] < place[id(node)] for node in visited for t in node.inputs)
    return {
        "paths": paths(x, root),
        "nodes": len(place),
        "visits": len(visited),
        "visited before what was computed from it": early,
    }


def saved_and_freed(seed: int = 0) -> dict[str, float]:
    """Multiply the local slopes along a chain; then free a graph on the way, and look for it."""
    x = Tensor(0.3, requires_grad=True)
    y = (x * 2.0).sin().exp().tanh()
    slopes = [part.local for step in viz.backward_steps(y) for part in step.parts]
    y.backward()

    model, batch = network(seed), digits(64).arrays
    loss = batch_loss(model, batch)
    between = [weakref.ref(node) for node in toposort(loss) if node is not loss]
    before = saved_bytes(loss)
    loss.backward(retain_graph=False)
    try:
        loss.backward()
        refused = 0
    except RuntimeError:
        refused = 1
    return {
        "product of slopes, against the gradient": abs(np.prod(slopes) - x.grad.item()),
        "kilobytes kept before": before / 1000,
        "kilobytes kept after": saved_bytes(loss) / 1000,
        "tensors between that live on": sum(r() is not None for r in between),
        "a second call refused": refused,
    }


def accumulation(seed: int = 0) -> dict[str, float]:
    """Call backward for one batch twice, and for four batches once each; compare with the sums."""
    model = network(seed)
    batches = list(data.DataLoader(digits(128), 32))

    def gradient(*batches: Any) -> Array:
        model.zero_grad()
        for batch in batches:
            batch_loss(model, batch).backward()
        return gradients(model)

    once = gradient(batches[0])
    total = sum(gradient(batch) for batch in batches)
    twice = gradient(batches[0], batches[0])
    return {
        "two calls over one": float(np.linalg.norm(twice) / np.linalg.norm(once)),
        "two calls, against twice one": _relative(twice, 2 * once),
        "four batches, against their sum": _relative(gradient(*batches), total),
    }


def _relative(found: Array, expected: Array) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def micro_batches(seed: int = 0) -> dict[str, float]:
    """Compare the gradient of 128 digits with that of four micro-batches, put together."""
    x, y = digits(128).arrays

    def gradient(model: nn.Module, cuts: list[int], divide: bool) -> Array:
        model.zero_grad()
        for part in np.split(np.arange(128), cuts):
            loss = batch_loss(model, (x[part], y[part]))
            (loss / (len(cuts) + 1) if divide else loss).backward()
        return gradients(model)

    def difference(model: nn.Module, cuts: list[int], divide: bool = True) -> float:
        return _relative(gradient(model, cuts, divide), gradient(model, [], False))

    plain = network(seed)
    rng = np.random.default_rng(seed)
    normed = nn.Sequential(
        nn.Linear(64, 32, dtype=np.float64, rng=rng),
        nn.BatchNorm1d(32, dtype=np.float64),
        nn.ReLU(),
        nn.Linear(32, 10, dtype=np.float64, rng=rng),
    )
    even = [32, 64, 96]
    return {
        "loss / 4": difference(plain, even),
        "loss not divided": difference(plain, even, divide=False),
        "loss / 4, sizes 40, 40, 40 and 8": difference(plain, [40, 80, 120]),
        "loss / 4, batch norm": difference(normed, even),
    }


# A line left out


@cache
def curve(forget: bool, lr: float, seed: int = 0, momentum: float = 0.0) -> tuple[float, ...]:
    """Train 64-32-10 on digits with SGD for 200 steps; return the loss of each batch.

    Parameters
    ----------
    forget : bool
        Whether `zero_grad` is called only before the first step.
    """
    x, y = digits().arrays
    model = network(seed)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    rng = np.random.default_rng(seed)
    losses = []
    for i in range(200):
        if i == 0 or not forget:
            optimizer.zero_grad()
        picked = rng.integers(len(x), size=64)
        loss = batch_loss(model, (x[picked], y[picked]))
        loss.backward(retain_graph=False)
        optimizer.step()
        losses.append(loss.item())
    return tuple(losses)


def last(losses: tuple[float, ...]) -> float:
    """Return the mean of the last 20 losses."""
    return float(np.mean(losses[-20:]))


def forgotten_zero_grad(seed: int = 0) -> dict[str, float]:
    """Forget zero_grad at a small and a usual learning rate, and compare with momentum 1."""
    momentum = np.array(curve(False, 0.01, seed, momentum=1.0))
    forgotten = np.array(curve(True, 0.01, seed))
    return {
        "loss at lr 0.01, forgotten over cleared": last(curve(True, 0.01, seed))
        / last(curve(False, 0.01, seed)),
        "loss at lr 0.3, forgotten over cleared": last(curve(True, 0.3, seed))
        / last(curve(False, 0.3, seed)),
        "losses at lr 0.01, against momentum 1": float(np.abs(momentum - forgotten).max()),
    }


def equal_weights(seed: int = 0) -> dict[str, float]:
    """Train 64-32-10 from weights that are all equal, and from random ones: the rank of W1."""
    ranks = {}
    for name in ("equal", "random"):
        model = network(seed)
        if name == "equal":
            for p in model.parameters():
                p.data[...] = 0.1 if p.ndim == 2 else 0.0
        loader = data.DataLoader(digits(1000), 50)
        by_hand(model, loader, optim.SGD(model.parameters(), lr=0.1), epochs=2)
        ranks[name] = float(np.linalg.matrix_rank(model[0].weight.numpy(), tol=1e-9))
    return ranks


# The five loops of the exercises


def result(loop: Loop, batch_size: int = 64) -> float:
    """Train with a loop; return the loss on 500 digits that it did not see.

    Parameters
    ----------
    loop : callable
        ``loop(model, loader, optimizer, scheduler)``: three epochs of 640 digits; the cosine
        counts 30 steps.
    batch_size : int, default=64
    """
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(64, 32, dtype=np.float64, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.2, rng=rng),
        nn.Linear(32, 10, dtype=np.float64, rng=rng),
    )
    loader = data.DataLoader(digits(640), batch_size, shuffle=True, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    loop(model, loader, optimizer, optim.lr_scheduler.CosineAnnealingLR(optimizer, 30, per="batch"))
    return judge(model)


def judge(model: nn.Module) -> float:
    """Return the loss of a model on 500 digits, in use; leave it switched to use."""
    x, y = digits().arrays
    model.eval()
    with no_grad():
        return batch_loss(model, (x[-500:], y[-500:])).item()


# A whole training


class Trained(NamedTuple):
    """A network that was trained to read digits, and what it says of the test images."""

    name: str
    history: list[dict[str, float]]
    images: Array  # (N, side, side)
    targets: Array  # (N,)
    probabilities: Array  # (N, 10)

    @property
    def confusion(self) -> Array:
        """How often a digit (row) was read as which (column)."""
        found = np.zeros((10, 10), int)
        np.add.at(found, (self.targets, self.probabilities.argmax(axis=1)), 1)
        return found


@cache
def trained(seed: int = 0) -> Trained:
    """Train a network on MNIST where `GRADWALK_DATA` names it, else on the digits that ship."""
    name, sizes, epochs = "digits", [64, 128, 64, 10], 12
    train, test = data.digits()
    if os.environ.get("GRADWALK_DATA"):
        try:
            train, test = data.mnist()
            name, sizes, epochs = "MNIST", [784, 256, 128, 10], 3
        except FileNotFoundError:
            pass
    model = nn.MLP(sizes, "relu", rng=seed)
    loader = data.DataLoader(train, 32 if name == "digits" else 128, shuffle=True, rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    history = nn.fit(
        model,
        loader,
        epochs=epochs,
        optimizer=optimizer,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(
            optimizer, epochs * len(loader), per="batch"
        ),
        test=test,
        progress=False,
    )
    x, y = test.arrays
    model.eval()
    with no_grad():
        p = model(Tensor(x)).softmax().numpy()
    side = math.isqrt(x.shape[1])
    return Trained(name, history, x.reshape(-1, side, side), y, p)


# Figures


def plot_forgotten(seed: int = 0) -> Figure:
    """Draw the loss with and without zero_grad, at two learning rates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    for ax, lr in zip(figure.subplots(1, 2, sharey=True), (0.01, 0.3), strict=True):
        for forget, style, label in ((False, "-", "cleared"), (True, "--", "forgotten")):
            losses = np.reshape(curve(forget, lr, seed), (20, 10)).mean(axis=1)
            color = "#d55e00" if forget else "#0072b2"
            ax.semilogy(np.arange(10, 201, 10), losses, style, color=color, label=label)
        tidy(ax, title=f"learning rate {lr:g}", xlabel="step")
        ax.legend(frameon=False)
    figure.axes[0].set_ylabel("loss, mean of 10 batches")
    return figure


def plot_rates() -> Figure:
    """Draw the rate of a cosine over 600 batches, stepped after each batch and each epoch."""
    from matplotlib.figure import Figure

    lr = optim.lr_scheduler
    optimizer = optim.SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    t = np.arange(601)
    rate = np.array(lr.rates(lr.CosineAnnealingLR(optimizer, 600, per="batch"), 601))
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    ax = figure.subplots()
    ax.plot(t, rate, color="#0072b2", label="stepped after each batch")
    ax.plot(t, rate[t // 60], "--", color="#d55e00", label="stepped after each epoch")
    tidy(ax, title="a cosine that counts 600 batches", xlabel="batch")
    ax.set_ylabel("learning rate, from 1")
    ax.legend(frameon=False, loc="lower left")
    return figure


def plot_confusion(run: Trained) -> Figure:
    """Draw what was taken for what; the right answers are left out, they would outshine it."""
    from matplotlib.figure import Figure

    wrong = run.confusion - np.diag(run.confusion.diagonal())
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.imshow(wrong, cmap="Blues")
    for i, j in zip(*np.nonzero(wrong), strict=True):
        dark = wrong[i, j] > wrong.max() / 2
        ax.text(j, i, wrong[i, j], ha="center", va="center", color="white" if dark else "#1a1a1a")
    ax.set_xticks(range(10))
    ax.set_yticks(range(10))
    ax.set_xlabel("read as")
    ax.set_ylabel("digit")
    ax.set_title(f"mistakes, of {len(run.targets)}")
    return figure


def plot_worst(run: Trained, n: int = 10) -> Figure:
    """Draw the images whose right class the network thought least likely."""
    from matplotlib.figure import Figure

    right = run.probabilities[np.arange(len(run.targets)), run.targets]
    figure = Figure(figsize=(1.0 * n, 1.6), layout="constrained")
    axes = figure.subplots(1, n)
    for ax, i in zip(axes, right.argsort(kind="stable")[:n], strict=True):
        ax.imshow(run.images[i], cmap="gray_r")
        ax.set_title(f"{run.targets[i]}, read {run.probabilities[i].argmax()}", fontsize="small")
        ax.set_xticks([])
        ax.set_yticks([])
    return figure
