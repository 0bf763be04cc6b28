"""The training loop that one writes by hand, written once: `fit`, and `evaluate` to judge it."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from autograd import Tensor, no_grad
from nn import functional as F
from nn.checkpoint import Run, Totals, load_checkpoint, save_checkpoint
from nn.data import DataLoader, Dataset
from nn.io import save
from nn.module import Module
from nn.optim import Optimizer
from nn.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from nn.utils import clip_grad_norm_
from nn.warn import warn


class Callback:
    """What `fit` calls while it trains: a subclass defines one of the methods, or both.

    Examples
    --------
    >>> class Print(Callback):
    ...     def after_epoch(self, run):
    ...         print(run.history[-1]["epoch"], len(run.loader))
    """

    def after_step(self, run: Run) -> None:
        """See the run after a step of the optimiser; the gradients are still there."""

    def after_epoch(self, run: Run) -> None:
        """See the run after an epoch, whose row in ``run.history`` is the last."""


class EarlyStopping(Callback):
    """Stop when what is monitored has not got better for `patience` epochs.

    Parameters
    ----------
    patience : int, default=5
    monitor : str, optional
        A key of the history; 'test_loss', or 'loss' without a test set, if None. Of an accuracy
        more is better, of anything else less.
    min_delta : float, default=0.0
        How much better an epoch must be than the best before it.

    Examples
    --------
    >>> from nn import MLP, data, optim
    >>> model, few = MLP([2, 2], rng=0), data.blobs(20, centers=2, rng=0)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.0)  # which will not get better
    >>> stopping = EarlyStopping(patience=3, min_delta=0.001)
    >>> len(fit(model, few, epochs=99, optimizer=optimizer, callbacks=[stopping], progress=False))
    4
    """

    def __init__(
        self, patience: int = 5, monitor: str | None = None, min_delta: float = 0.0
    ) -> None:
        self.patience = patience
        self.monitor = monitor
        self.min_delta = min_delta

    def after_epoch(self, run: Run) -> None:
        """Ask for the end if the best epoch lies too far back."""
        # from the history alone, so that a resumed run stops where an unbroken one does
        values = watched(run.history, self.monitor)
        best, since = -math.inf, 0
        for value in values:
            best, since = (value, 0) if value > best + self.min_delta else (best, since + 1)
        if since >= self.patience:  # else another callback may have asked
            run.stop = True


class SaveBest(Callback):
    """Write the weights to a file after each epoch that is better than all before it.

    Parameters
    ----------
    path : str or path-like
        See `nn.save`.
    monitor : str, optional
        As of `EarlyStopping`.
    """

    def __init__(self, path: str | os.PathLike[str], monitor: str | None = None) -> None:
        self.path = path
        self.monitor = monitor

    def after_epoch(self, run: Run) -> None:
        """Write the file if the last epoch is the best."""
        *before, last = watched(run.history, self.monitor)
        if last > max((v for v in before if not math.isnan(v)), default=-math.inf):
            save(run.model, self.path)


def watched(history: Sequence[dict[str, float]], monitor: str | None = None) -> list[float]:
    """Return what is monitored, with its sign turned so that more is better.

    Epochs without it, such as those before a resumed run had test data, are left out.

    Raises
    ------
    ValueError
        If the history has no such key.
    """
    monitor = monitor or ("test_loss" if "test_loss" in history[-1] else "loss")
    if monitor not in history[-1]:
        raise ValueError(
            f"EarlyStopping, SaveBest: monitor is {monitor!r}; pass one that the history has: "
            f"{sorted(history[-1])}"
        )
    sign = 1 if monitor.endswith("accuracy") else -1
    return [sign * row[monitor] for row in history if monitor in row]


def fit(
    model: Module,
    train: Dataset | DataLoader,
    *,
    epochs: int,
    optimizer: Optimizer,
    loss_fn: Callable[[Any, Any], Tensor] = F.cross_entropy,
    batch_size: int = 32,
    test: Dataset | DataLoader | None = None,
    scheduler: LRScheduler | None = None,
    accumulate: int = 1,
    max_norm: float | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a model, and return what happened, epoch by epoch.

    It does nothing that a loop written by hand would not do, and gives the same weights, bit for
    bit. Ctrl-C ends the training early, after the step at hand (a second one at once): the model
    keeps the steps it has made, the history its whole epochs, the checkpoint is written, and a
    warning says so.

    Parameters
    ----------
    model : Module
        Switched to training.
    train : Dataset or DataLoader
        The last array is the target, those before it go into the model. A data set is dealt out
        in batches of `batch_size`, in a new order each epoch.
    epochs : int
        How often to go through `train`, in all: a resumed run makes those that are left.
    optimizer : Optimizer
        Of the model's parameters.
    loss_fn : callable, default=F.cross_entropy
        ``loss_fn(output, target)``, the mean over a batch.
    batch_size : int, default=32
        Unused if `train` is a DataLoader.
    test : Dataset or DataLoader, optional
        Evaluated after each epoch.
    scheduler : LRScheduler, optional
        Stepped after each step of the optimiser or each epoch, as its `per` says. A
        `ReduceLROnPlateau` is given the loss, or with mode 'max' the accuracy, of `test` if
        there is one; per batch it is given the training loss of the batch, and takes mode 'min'.
    accumulate : int, default=1
        Add up the gradients of so many batches before a step, each loss divided by their number:
        one step of a batch so many times larger, in the memory of a small one. The rest of an
        epoch makes a step of its own. What depends on the batch itself, such as the statistics
        of batch norm, is still that of the small batches.
    max_norm : float, optional
        Clip the gradients to this norm before each step, by `utils.clip_grad_norm_`.
    callbacks : sequence of Callback
        Called in turn after each step and each epoch.
    checkpoint : str or path-like, optional
        A file to write after each epoch: weights, state of optimiser, schedule and random
        generators, history. A run that was killed and is resumed from it ends with the weights
        of an unbroken one, bit for bit. (Not if a data set draws random numbers of its own and
        its loader has `prefetch`: the thread has drawn ahead.)
    checkpoint_every : int, optional
        Write it also after so many steps of the optimiser in an epoch.
    resume : bool, default=False
        Go on from `checkpoint` if the file is there; else begin, and replace it.
    rng : numpy.random.Generator, int or None, default=None
        Draws the orders; unused if `train` is a DataLoader.
    progress : bool, default=True
        Show a bar for each epoch on the standard error.

    Returns
    -------
    list of dict
        For each epoch: 'epoch' from 1 on; 'loss' and 'accuracy', the means over the epoch, each
        batch as it was when it was met; 'test_loss' and 'test_accuracy' after it, with `test`;
        'seconds' that it took in all. An accuracy is there if the targets are class indices, of
        which negative ones do not count; outputs are (N, ..., C), or (N, C, ...).

    Raises
    ------
    TypeError
        If `train` is neither a Dataset nor a DataLoader.
    ValueError
        If an argument is out of range, the optimiser is another model's, or a checkpoint does not
        fit; nothing was changed then. If the data have no target, or no accuracy that is asked for.
    FileNotFoundError
        If the folder of `checkpoint` is not there; nothing was changed then.

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
    if accumulate < 1:
        raise ValueError(f"fit: accumulate is {accumulate}; pass 1 or more batches to a step")
    if (resume or checkpoint_every) and checkpoint is None:
        raise ValueError("fit: resume and checkpoint_every need a file; pass checkpoint=path")
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise FileNotFoundError(
            f"fit: there is no folder {Path(checkpoint).parent} for the checkpoint; make it first"
        )
    trained = {p for p in model.parameters() if p.requires_grad}
    if trained and trained.isdisjoint(p for g in optimizer.param_groups for p in g["params"]):
        raise ValueError(
            f"fit: the optimizer has no parameter of this {type(model).__name__} and would train "
            f"nothing of it; make it of the model's, as {type(optimizer).__name__}"
            "(model.parameters(), ...)"
        )
    loader = train
    if not isinstance(loader, DataLoader):
        loader = DataLoader(loader, batch_size, shuffle=True, rng=rng)
    run = Run(model, loader, optimizer, scheduler, accumulate)
    if resume and checkpoint is not None and Path(checkpoint).exists():
        load_checkpoint(run, checkpoint)
        if run.stop and run.epoch <= epochs:
            warn(
                f"fit: the run in {checkpoint} was stopped by a callback after {run.epoch - 1} "
                "epochs, and ends there; to train on, call fit without resume=True"
            )
    model.train()
    try:
        with held_interrupt() as interrupt:
            while run.epoch <= epochs and not run.stop:
                before = time.perf_counter() - run.seconds
                with tqdm(
                    desc=f"epoch {run.epoch}/{epochs}",
                    total=len(loader),
                    initial=run.batch,
                    unit="batch",
                    disable=not progress,
                ) as bar:
                    for step in train_epoch(run, loss_fn, max_norm, bar):
                        run.seconds = time.perf_counter() - before
                        for callback in callbacks:
                            callback.after_step(run)
                        due = checkpoint_every and step % checkpoint_every == 0
                        if checkpoint and (due or interrupt):
                            save_checkpoint(run, checkpoint)
                        if interrupt:
                            raise KeyboardInterrupt
                    result = run.totals.means()
                    if test is not None:
                        judged = evaluate(model, test, loss_fn=loss_fn)
                        result |= {f"test_{key}": value for key, value in judged.items()}
                    bar.set_postfix(result)
                if scheduler is not None and scheduler.per == "epoch":
                    step_schedule(scheduler, result)
                result = {"epoch": run.epoch, **result, "seconds": time.perf_counter() - before}
                run.end_epoch(result)
                for callback in callbacks:
                    callback.after_epoch(run)
                if checkpoint is not None:
                    save_checkpoint(run, checkpoint)
                if interrupt:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        if run.epoch > epochs or (run.stop and run.batch == 0):
            warn(f"fit: interrupted when its {run.epoch - 1} epochs were over: none is missing")
            return run.history
        warn(
            f"fit: interrupted in epoch {run.epoch} of {epochs}; the model keeps the steps it has "
            "made, the history its whole epochs"
            + (f"; resume=True goes on from {checkpoint}" if checkpoint else ""),
        )
    return run.history


def train_epoch(
    run: Run,
    loss_fn: Callable[[Any, Any], Tensor],
    max_norm: float | None,
    bar: tqdm,
) -> Iterator[int]:
    """Go through the batches that are left of an epoch; yield the number of each step made."""
    model, optimizer, scheduler = run.model, run.optimizer, run.scheduler
    n, accumulate = len(run.loader), run.accumulate
    for inputs, target in map(parted, run.batches()):
        if run.batch % accumulate == 0:
            optimizer.zero_grad()
            share = min(accumulate, n - run.batch)  # how many batches make this step
        output = model(*inputs)
        loss = loss_fn(output, target)
        (loss / share if share > 1 else loss).backward(retain_graph=False)
        run.batch += 1
        run.loss = run.totals.add(output, target, loss)
        if not bar.disable:  # a bar that is not shown would be written all the same
            bar.set_postfix(run.totals.means(), refresh=False)
            bar.update()
        if run.batch % accumulate == 0 or run.batch == n:
            if max_norm is not None:
                clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            if scheduler is not None and scheduler.per == "batch":
                step_schedule(scheduler, {"loss": run.loss})
            yield math.ceil(run.batch / accumulate)


def parted(batch: Any) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return what goes into the model, and the target."""
    if isinstance(batch, Tensor) or len(batch) < 2:
        raise ValueError(
            "fit, evaluate: the data set has one array and no target; have its examples be "
            "(input, target), or (x, x) where a model shall give back what it is given"
        )
    return batch[:-1], batch[-1]


def step_schedule(scheduler: LRScheduler, result: dict[str, float]) -> None:
    """Step a schedule; one that looks at how training goes is shown the result."""
    if isinstance(scheduler, ReduceLROnPlateau):
        key = "loss" if scheduler.mode == "min" else "accuracy"
        there = [name for name in (f"test_{key}", key) if name in result]
        if not there:
            raise ValueError(
                f"fit: the ReduceLROnPlateau of mode {scheduler.mode!r} per {scheduler.per} needs "
                f"an {key}, but there is {sorted(result)} alone; pass mode='min', or step one of "
                "mode 'max' per epoch on targets that are class indices"
            )
        scheduler.step(result[there[0]])
    else:
        scheduler.step()


@contextmanager
def held_interrupt() -> Iterator[list[int]]:
    """Hold Ctrl-C back and note it in the list that is yielded; a second one acts at once.

    So no interrupt falls into a step of the optimiser, between one parameter and the next. Where
    signals do not arrive (in another thread) or are handled already, nothing is changed.
    """
    noted: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noted
        return

    def note(signum: int, frame: object) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(signum)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def evaluate(
    model: Module,
    dataset: Dataset | DataLoader,
    *,
    loss_fn: Callable[[Any, Any], Tensor] = F.cross_entropy,
    batch_size: int = 1000,
) -> dict[str, float]:
    """Return the loss and the accuracy of a model on a data set.

    Nothing is recorded, and the model is in evaluation mode meanwhile.

    Parameters
    ----------
    model : Module
    dataset : Dataset or DataLoader
        The last array is the target, those before it go into the model.
    loss_fn : callable, default=F.cross_entropy
        ``loss_fn(output, target)``, the mean over a batch.
    batch_size : int, default=1000
        Unused if `dataset` is a DataLoader.

    Returns
    -------
    dict
        'loss', the mean over all examples; 'accuracy', the share of them whose largest output is
        at the target, if the targets are class indices. Negative ones, such as -100, do not count.

    Examples
    --------
    >>> from nn import MLP, data
    >>> _, test = data.digits()
    >>> sorted(evaluate(MLP([64, 10], rng=0), test))
    ['accuracy', 'loss']
    """
    loader = dataset
    if not isinstance(loader, DataLoader):
        loader = DataLoader(loader, batch_size)
    totals = Totals()
    with evaluating(model), no_grad():
        for inputs, target in map(parted, loader):
            output = model(*inputs)
            totals.add(output, target, loss_fn(output, target))
    return totals.means()


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Switch a model to evaluation mode, and each of its modules back to what it was."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training
