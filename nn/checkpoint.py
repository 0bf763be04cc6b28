"""Checkpoints: all that a training needs to go on as though it had never been interrupted.

One safetensors file. Its arrays are the weights and what the optimiser remembers; its header
holds, as JSON, the counts, the history, the schedule and the state of each random Generator.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Tensor
from nn.data import DataLoader
from nn.io import read, save
from nn.module import Module
from nn.optim import Optimizer
from nn.optim.lr_scheduler import LRScheduler
from nn.random import generator

KEY = "gradwalk.checkpoint"
PROGRESS: dict[str, Any] = {
    "epoch": int,
    "batch": int,
    "totals": dict,
    "seconds": float,
    "history": list,
    "stop": bool,
    "order": (dict, type(None)),
}


@dataclass
class Totals:
    """Loss and hits, added up over batches that may differ in size."""

    examples: int = 0
    loss: float = 0.0
    targets: int = 0  # that are class indices; negative ones are ignored
    hits: int = 0

    def add(self, output: Tensor, target: Tensor, loss: Tensor) -> float:
        """Count a batch in: `loss` is its mean, which is returned as a number."""
        axis = _classes(output.shape, target.shape) if target.dtype.kind in "iu" else None
        # each step of a sequence is an example; a negative class is padding, which does not count
        n = len(target) if axis is None else int((target.data >= 0).sum())
        value = float(loss.item())
        self.examples += n
        if n:  # else the mean is one of nothing, NaN
            self.loss += n * value
        if axis is not None:
            self.targets += n
            self.hits += int((output.data.argmax(axis) == target.data).sum())
        return value

    def means(self) -> dict[str, float]:
        """Return the mean loss, NaN of nothing, and the accuracy where there are classes."""
        means = {"loss": self.loss / self.examples if self.examples else math.nan}
        if self.targets:
            means["accuracy"] = self.hits / self.targets
        return means


def _classes(output: tuple[int, ...], target: tuple[int, ...]) -> int | None:
    """Return the axis of classes: of (N, C, ...), as `cross_entropy` has them, or (N, ..., C)."""
    if len(output) > 2 and output[:1] + output[2:] == target and output[1] > 1:
        return 1
    return -1 if output[:-1] == target and output[-1] > 1 else None


@dataclass
class Run:
    """A training in progress: what callbacks see, and what a checkpoint holds.

    Attributes
    ----------
    model : Module
    loader : DataLoader
    optimizer : Optimizer
    scheduler : LRScheduler or None
    accumulate : int
        How many batches make a step.
    epoch : int
        The number of the epoch at hand, from 1 on.
    batch : int
        How many of its batches are done.
    totals : Totals
        Loss and hits in those batches, added up.
    loss : float
        Of the last batch.
    seconds : float
        That the epoch has taken until now.
    history : list of dict
        One for each epoch that is over; see `nn.fit`.
    stop : bool
        Set it to end the training after the epoch at hand.
    order : dict or None
        The state of the loader's Generator before it drew the order of the epoch.
    """

    model: Module
    loader: DataLoader
    optimizer: Optimizer
    scheduler: LRScheduler | None = None
    accumulate: int = 1
    epoch: int = 1
    batch: int = 0
    totals: Totals = field(default_factory=Totals)
    loss: float = float("nan")
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    stop: bool = False
    order: dict[str, Any] | None = None

    def batches(self) -> Iterator[Any]:
        """Deal the batches that are left of the epoch."""
        chance = self.loader.rng.bit_generator
        if self.order is None:
            self.order = dict(chance.state)
            return self.loader.batches()
        # the order as it was drawn when the epoch began; then chance as it was at the checkpoint
        now, chance.state = chance.state, self.order
        rest = self.loader.batches(self.batch)
        chance.state = now
        return rest

    def end_epoch(self, result: dict[str, float]) -> None:
        """Enter the result of an epoch, and stand at the beginning of the next one."""
        self.history.append(result)
        self.epoch += 1
        self.batch, self.totals, self.seconds, self.order = 0, Totals(), 0.0, None

    def generators(self) -> list[np.random.Generator]:
        """Return each Generator that the training may draw from, once.

        The library's default one, the loader's, and those that the data set and the modules
        have as attributes.
        """
        owners = [self.loader, self.loader.dataset, *self.model.modules()]
        values = [generator(), *(v for owner in owners for v in vars(owner).values())]
        return list({id(v): v for v in values if isinstance(v, np.random.Generator)}.values())


def save_checkpoint(run: Run, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint; an existing one is replaced whole or not at all.

    Parameters
    ----------
    run : Run
    path : str or path-like

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    A loop written by hand, which goes on where it was if it is run again:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from nn import MLP, data, optim
    >>> from nn import functional as F
    >>> model, loader = MLP([64, 10], rng=0), DataLoader(data.digits()[1], 100, shuffle=True)
    >>> optimizer = optim.Adam(model.parameters(), lr=0.01)
    >>> run, path = Run(model, loader, optimizer), Path(tempfile.mkdtemp(), "run.safetensors")
    >>> if path.exists():
    ...     load_checkpoint(run, path)
    >>> while run.epoch <= 2:
    ...     for x, y in run.batches():
    ...         optimizer.zero_grad()
    ...         loss = F.cross_entropy(model(x), y)
    ...         loss.backward()
    ...         optimizer.step()
    ...     run.end_epoch({"epoch": run.epoch, "loss": loss.item()})
    ...     save_checkpoint(run, path)
    >>> again = Run(model, loader, optimizer)
    >>> load_checkpoint(again, path)
    >>> again.epoch, again.history == run.history
    (3, True)
    """
    parts = _parts(run)
    arrays = {f"model.{key}": value for key, value in parts.pop("model").items()}
    for i, entry in parts["optimizer"]["state"].items():
        for key in [key for key, value in entry.items() if isinstance(value, np.ndarray)]:
            arrays[f"optimizer.{i}.{key}"] = entry.pop(key)
    notes = {key: getattr(run, key) for key in PROGRESS}
    notes |= {"batches": len(run.loader), "accumulate": run.accumulate, "parts": parts}
    notes["totals"] = vars(run.totals)
    # a Generator of the kind MT19937 keeps its state in an array
    text = json.dumps(notes, default=lambda array: array.tolist())
    save(arrays, path, metadata={KEY: text})


def load_checkpoint(run: Run, path: str | os.PathLike[str]) -> None:
    """Put a run where the one that wrote the checkpoint was: all of it, or nothing.

    Parameters
    ----------
    run : Run
        With a model, loader, optimiser and schedule that are made as they were then.
    path : str or path-like

    Raises
    ------
    ValueError
        If the file is no whole checkpoint, or of another model, optimiser, schedule or loader.
        Nothing is changed then.
    OSError
        If the file cannot be read.
    """
    arrays, metadata = read(path)
    if KEY not in metadata:
        raise ValueError(
            f"load_checkpoint: {path} is no checkpoint, but holds arrays alone; put them into the "
            "model with load_state_dict(load(path)), and train without resume"
        )
    before = _parts(run)
    try:
        notes = json.loads(metadata[KEY])
        totals = _check(run, notes)
        _put(run, _joined(arrays, notes["parts"]))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        _put(run, before)
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(
            f"load_checkpoint: {path} does not fit this training, nothing was loaded: {reason}"
        ) from error
    vars(run).update({key: notes[key] for key in PROGRESS} | {"totals": totals})


def _parts(run: Run) -> dict[str, Any]:
    """Return a copy of the state of everything that changes in training."""
    return {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler and run.scheduler.state_dict(),
        "generators": [rng.bit_generator.state for rng in run.generators()],
    }


def _put(run: Run, parts: dict[str, Any]) -> None:
    run.model.load_state_dict(parts["model"])
    run.optimizer.load_state_dict(parts["optimizer"])
    if run.scheduler is not None:
        run.scheduler.load_state_dict(parts["scheduler"])
    for rng, state in zip(run.generators(), parts["generators"], strict=True):
        rng.bit_generator.state = state


def _joined(arrays: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """Put the arrays of a file back among the numbers of its header."""
    parts["model"] = {}
    for name, array in arrays.items():
        kind, _, key = name.partition(".")
        if kind == "model":
            parts["model"][key] = array
        else:
            i, _, key = key.partition(".")
            parts["optimizer"]["state"].setdefault(i, {})[key] = array
    return parts


def _check(run: Run, notes: dict[str, Any]) -> Totals:
    """Refuse notes that cannot be of this run; return its totals."""
    for key, kind in PROGRESS.items():
        if not isinstance(notes[key], kind) or (kind is int and notes[key] is True):
            raise ValueError(f"{key} is {notes[key]!r}")
    n, batch, order = len(run.loader), notes["batch"], notes["order"]
    if notes["batches"] != n:
        raise ValueError(
            f"it was written with {notes['batches']} batches in an epoch, here are {n}; resume "
            "with the same data and batch size"
        )
    if notes["accumulate"] != run.accumulate:
        raise ValueError(
            f"it was written with accumulate={notes['accumulate']}, here it is {run.accumulate}"
        )
    if notes["epoch"] < 1 or not 0 <= batch <= n or (batch > 0 and order is None):
        raise ValueError(f"it stands at batch {batch} of {n} in epoch {notes['epoch']}")
    if (notes["parts"]["scheduler"] is None) != (run.scheduler is None):
        raise ValueError("it was written with a schedule, or without, and here it is otherwise")
    was, now = len(notes["parts"]["generators"]), len(run.generators())
    if was != now:
        raise ValueError(
            f"it was written with {was} random generators, of loader, data set and modules "
            f"together, here are {now}; pass rng= where it was passed then, and nowhere else"
        )
    if order is not None:  # tried here; `_put` gives the loader its state of now
        run.loader.rng.bit_generator.state = order
    totals = Totals(**notes["totals"])
    totals.means()  # raises where the file has no numbers for them
    return totals
