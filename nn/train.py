"""The training loop that one writes by hand, written once: `fit`, and `evaluate` to judge it."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

from autograd import Tensor, no_grad
from nn import functional as F
from nn.data import DataLoader, TensorDataset
from nn.module import Module
from nn.optim import Optimizer
from nn.optim.lr_scheduler import LRScheduler


def fit(
    model: Module,
    train: TensorDataset | DataLoader,
    *,
    epochs: int,
    optimizer: Optimizer,
    loss_fn: Callable[[Any, Any], Tensor] = F.cross_entropy,
    batch_size: int = 32,
    test: TensorDataset | DataLoader | None = None,
    scheduler: LRScheduler | None = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a model, and return what happened, epoch by epoch.

    It does nothing that a loop written by hand would not do, and gives the same weights, bit for
    bit. Ctrl-C ends the training early: the model keeps the steps it has made, the history its
    whole epochs, and a warning says so.

    Parameters
    ----------
    model : Module
        Switched to training.
    train : TensorDataset or DataLoader
        The last array is the target, those before it go into the model. A data set is dealt out
        in batches of `batch_size`, in a new order each epoch.
    epochs : int
        How often to go through `train`.
    optimizer : Optimizer
        Of the model's parameters.
    loss_fn : callable, default=F.cross_entropy
        ``loss_fn(output, target)``, the mean over a batch.
    batch_size : int, default=32
        Unused if `train` is a DataLoader.
    test : TensorDataset or DataLoader, optional
        Evaluated after each epoch.
    scheduler : LRScheduler, optional
        Stepped after each batch or each epoch, as its `per` says.
    rng : numpy.random.Generator, int or None, default=None
        Draws the orders; unused if `train` is a DataLoader.
    progress : bool, default=True
        Show a bar for each epoch on the standard error.

    Returns
    -------
    list of dict
        For each epoch: 'epoch' from 1 on; 'loss' and 'accuracy', the means over the epoch, each
        batch as it was when it was met; 'test_loss' and 'test_accuracy' after it, with `test`;
        'seconds' that it took in all. An accuracy is there if the targets are class indices.

    Examples
    --------
    >>> from nn import MLP, data, optim
    >>> digits, others = data.digits()
    >>> model = MLP([64, 32, 10], rng=0)
    >>> optimizer = optim.Adam(model.parameters(), lr=0.01)
    >>> history = fit(model, digits, epochs=2, optimizer=optimizer, rng=0, progress=False)
    >>> history[0]["loss"] > history[1]["loss"]
    True
    >>> evaluate(model, others)["accuracy"] > 0.9
    True
    """
    loader = train
    if isinstance(loader, TensorDataset):
        loader = DataLoader(loader, batch_size, shuffle=True, rng=rng)
    history: list[dict[str, float]] = []
    model.train()
    try:
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            name = f"epoch {epoch}/{epochs}"
            with tqdm(desc=name, total=len(loader), unit="batch", disable=not progress) as bar:
                result = train_epoch(model, loader, optimizer, loss_fn, scheduler, bar)
                if test is not None:
                    judged = evaluate(model, test, loss_fn=loss_fn)
                    result |= {f"test_{key}": value for key, value in judged.items()}
                bar.set_postfix(result)
            history.append({"epoch": epoch, **result, "seconds": time.perf_counter() - start})
    except KeyboardInterrupt:
        warnings.warn(
            f"fit: interrupted in epoch {epoch} of {epochs}; the model keeps the steps it has "
            "made, the history its whole epochs",
            stacklevel=2,
        )
    return history


def train_epoch(
    model: Module,
    loader: DataLoader,
    optimizer: Optimizer,
    loss_fn: Callable[[Any, Any], Tensor],
    scheduler: LRScheduler | None,
    bar: tqdm,
) -> dict[str, float]:
    """Go through the batches once; return the mean loss, and the accuracy if there is one."""
    totals = Totals()
    for *inputs, target in loader:
        optimizer.zero_grad()
        output = model(*inputs)
        loss = loss_fn(output, target)
        loss.backward(retain_graph=False)
        optimizer.step()
        if scheduler is not None and scheduler.per == "batch":
            scheduler.step()
        totals.add(output, target, loss)
        bar.set_postfix(totals.means(), refresh=False)
        bar.update()
    if scheduler is not None and scheduler.per == "epoch":
        scheduler.step()
    return totals.means()


def evaluate(
    model: Module,
    dataset: TensorDataset | DataLoader,
    *,
    loss_fn: Callable[[Any, Any], Tensor] = F.cross_entropy,
    batch_size: int = 1000,
) -> dict[str, float]:
    """Return the loss and the accuracy of a model on a data set.

    Nothing is recorded, and the model is switched to use meanwhile.

    Parameters
    ----------
    model : Module
    dataset : TensorDataset or DataLoader
        The last array is the target, those before it go into the model.
    loss_fn : callable, default=F.cross_entropy
        ``loss_fn(output, target)``, the mean over a batch.
    batch_size : int, default=1000
        Unused if `dataset` is a DataLoader.

    Returns
    -------
    dict
        'loss', the mean over all examples; 'accuracy', the share of them whose largest output is
        at the target, if the targets are class indices.

    Examples
    --------
    >>> from nn import MLP, data
    >>> _, test = data.digits()
    >>> sorted(evaluate(MLP([64, 10], rng=0), test))
    ['accuracy', 'loss']
    """
    loader = dataset
    if isinstance(loader, TensorDataset):
        loader = DataLoader(loader, batch_size)
    totals = Totals()
    with in_use(model), no_grad():
        for *inputs, target in loader:
            output = model(*inputs)
            totals.add(output, target, loss_fn(output, target))
    return totals.means()


@contextmanager
def in_use(model: Module) -> Iterator[None]:
    """Switch a model to use, and each of its modules back to what it was."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


class Totals:
    """Loss and hits, added up over batches that may differ in size."""

    def __init__(self) -> None:
        self.examples = 0
        self.loss = 0.0
        self.hits: int | None = None

    def add(self, output: Tensor, target: Tensor, loss: Tensor) -> None:
        """Count a batch in: `loss` is its mean."""
        n = len(target)
        self.examples += n
        self.loss += n * loss.item()
        if target.dtype.kind in "iu" and output.ndim == target.ndim + 1:  # class indices
            self.hits = (self.hits or 0) + int((output.data.argmax(-1) == target.data).sum())

    def means(self) -> dict[str, float]:
        """Return the mean loss, and the accuracy where there are classes."""
        means = {"loss": self.loss / self.examples}
        if self.hits is not None:
            means["accuracy"] = self.hits / self.examples
        return means
