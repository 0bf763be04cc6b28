"""What `doctor` measures: signals, losses, steps, and how much of activations stands still.

A size proves little by itself. So it is judged over several steps, and by limits that lie far
outside of what works.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.anomaly import source_line
from nn import signals
from nn.optim import Optimizer

STEPS = 3  # that must all show it: one or two may be chance, or the start
EXAMPLES = 20  # that leave a unit at 0: a few may all lie on that side of it
RECENT = 200  # of which the last calls are judged: fewer may be much alike, such as of one class
DEAD = 0.9  # of the units of a layer: with half of them at 0 a network still learns
SATURATED = 0.5  # of the values, as in `init.report`: a tanh of unit variance has 0.05
LOST_IN_MODEL = 1e-8  # of a second moment: beyond a thousandth, as in `init.report`, many learn
DIVERGED = 10  # times the first loss: batches differ by less
LARGE_STEP = 0.1  # of the weights, where a loss has grown: with smaller ones the data may be harder
SMALL_STEP = 1e-6  # of weights and of gradients: usual are 1e-3, and float32 rounds at 1e-7
GRADIENT = 1e-3  # of the weights, where steps are small: with less this may be the minimum

RESHAPED = ("reshape", "squeeze", "expand_dims", "swapaxes", "transpose", "getitem", "astype")

Found = tuple[str, str, str]
"""A name, what was seen, and where."""


class Sizes:
    """How large signals, losses and steps were, and how much of activations stood still."""

    def __init__(self, optimizers: Iterable[Optimizer]) -> None:
        self.start = math.nan  # the mean square of the last input
        self.rows: list[tuple[signals.Signal, Any]] = []  # of the layers since the last backward
        self.passes: list[_Pass] = []
        self.activations: dict[Any, _Activation] = {}
        self.losses: dict[str, list[float]] = {}  # by the line of their backward
        self.steps: dict[Optimizer, list[_Step]] = {o: [] for o in optimizers}

    def see_layer(self, name: str, out: Tensor) -> None:
        """Note how large the output of a layer is; a hook adds how large its gradient is."""
        row = signals.Signal(name, "", signals.mean_square(out.data))

        def see(g: Tensor) -> None:
            row.backward = signals.mean_square(g.data)

        self.rows.append((row, out.register_hook(see)))

    def take_rows(self) -> list[signals.Signal]:
        """Return the layers that a gradient reached, and forget all; no hook stays."""
        rows, self.rows = self.rows, []
        for _, hook in rows:
            hook.remove()
        return [row for row, _ in rows if not math.isnan(row.backward)]

    def see_signals(self, rows: list[signals.Signal]) -> None:
        """Compare the first and the last layer that one backward came through."""
        if rows:
            first, last = rows[0], rows[-1]
            start = self.start if math.isfinite(self.start) else first.forward
            ends = signals.Signal("", "", last.forward, first.backward)
            faults = signals.faults(ends, start, last.backward, LOST_IN_MODEL)
            self.passes.append(_Pass(set(faults), start, first, last))

    def see_activation(self, name: str, out: Tensor, bounds: Any, rectifier: bool) -> None:
        """Note how much of what an activation put out stands still."""
        if out.scope is None or out.ndim < 2:
            return
        silent = signals.silent_units(out) if rectifier else np.False_
        key = name, out.scope.path, source_line(), np.shape(silent)
        seen = self.activations.setdefault(key, _Activation())
        part = signals.saturated(out.data, bounds, rectifier=rectifier)
        seen.add(_Call(silent, part, out.size // max(silent.size, 1)))
        seen.last = out.serial

    def forget_activation(self, out: Tensor) -> None:
        """Forget the activation that `out` is the output of, in whatever shape."""
        while out.op is not None and out.op.name in RESHAPED and out.inputs:  # none once freed
            out = out.inputs[0]
        for key in [key for key, seen in self.activations.items() if seen.last == out.serial]:
            del self.activations[key]

    def see_step(self, optimizer: Optimizer, before: dict[Tensor, Any], line: str) -> None:
        """Note how far a step went, given the matrices before it."""
        moved = _norm(p.data - b for p, b in before.items())
        gradients = _norm(p.grad.data for p in before if p.grad is not None)
        groups = optimizer.param_groups
        given = [p.grad for group in groups for p in group["params"] if p.grad is not None]
        learns = any(np.any(g.data) for g in given)
        rates = tuple(float(group["lr"]) for group in groups)
        step = _Step(moved, _norm(before.values()), gradients, learns, rates, line)
        self.steps[optimizer].append(step)

    @property
    def made(self) -> int:
        """How many steps there were, of the optimiser that made the most."""
        return max(map(len, self.steps.values()))

    def judge(self, at: str) -> list[Found]:
        """Return what is wrong with the sizes, given the line of the last backward.

        Where one thing is wrong, what is judged after it mostly follows from it.
        """
        for findings in (
            self._of_activations(),
            self._of_gradients(at),
            self._of_signals(),
            self._of_losses(),
            self._of_updates(),
        ):
            if found := list(findings):
                return found
        return []

    def _of_activations(self) -> Iterator[Found]:
        fell = any(losses[-1] < losses[0] for losses in self.losses.values())
        for (name, path, line, _), a in self.activations.items():
            if not a.suffice(a.calls, EXAMPLES):
                continue
            dead = float(np.mean(np.logical_and.reduce([call.silent for call in a.calls])))
            # What has learnt may be sure of its answers, and stand at its bounds for that.
            saturated = a.least if fell else min(call.saturated for call in a.calls)
            where = f"{path}, {line}"
            if dead >= DEAD:
                examples = sum(call.examples for call in a.calls)
                seen = f"{dead:.0%} of the units were 0 for all of the last {examples} examples"
                yield "dead ReLU", seen, where
            elif saturated >= SATURATED:
                calls = "each call" if fell else f"each of the last {len(a.calls)} calls"
                seen = f"at least {saturated:.0%} of the values of {name} were at its bounds"
                yield "saturated activation", f"{seen} in {calls}", where

    def _of_gradients(self, at: str) -> Iterator[Found]:
        if not any(s.learns for steps in self.steps.values() for s in steps):
            seen = f"every gradient was exactly 0 in each of {self.made} steps"
            if losses := self.losses.get(at):
                seen += f"; the last loss was {losses[-1]:.3g}"
            yield "zero gradients", seen, at

    def _of_signals(self) -> Iterator[Found]:
        if len(self.passes) < STEPS:
            return
        if faults := set.intersection(*(p.faults for p in self.passes)) - {"not finite"}:
            _, start, first, last = self.passes[-1]
            seen = (
                f"{', '.join(sorted(faults))}: the signal's mean square goes from {start:.2g} to "
                f"{last.forward:.2g}, that of its gradient from {last.backward:.2g} back to "
                f"{first.backward:.2g}"
            )
            yield "vanishing or exploding", seen, f"{first.path} to {last.path}"

    def _of_losses(self) -> Iterator[Found]:
        largest = max(s.ratio for steps in self.steps.values() for s in steps)
        for at, losses in self.losses.items():
            first, last = losses[0], losses[-1]
            if len(losses) >= STEPS and last > DIVERGED * first > 0 and largest > LARGE_STEP:
                seen = f"the loss went from {first:.3g} to {last:.3g}, with steps of up to"
                yield "diverging loss", f"{seen} {largest:.2g} x the weights", at

    def _of_updates(self) -> Iterator[Found]:
        for steps in self.steps.values():
            if (
                len(steps) >= STEPS
                and len({s.rates for s in steps}) == 1  # no schedule that starts from nothing
                and all(s.moved < SMALL_STEP * min(s.gradients, s.weights) for s in steps)
                and all(s.gradients > GRADIENT * s.weights for s in steps)
            ):
                seen = f"no step was larger than {max(s.ratio for s in steps):.2g} x the weights"
                yield "updates too small", seen, steps[-1].line


class _Pass(NamedTuple):
    """What one backward showed of the signals: from the input, of size `start`, to `last`."""

    faults: set[str]
    start: float
    first: signals.Signal
    last: signals.Signal


class _Call(NamedTuple):
    """Which units were 0 for all examples of a call, and what part of the values at bounds."""

    silent: Any
    saturated: float
    examples: int


@dataclass
class _Activation:
    """The last calls of an activation from one line, of `RECENT` examples: units may die late.

    `least` is the least part at the bounds in any call, `last` the serial of the last output.
    """

    least: float = 1.0
    calls: list[_Call] = field(default_factory=list)
    last: int = 0

    @staticmethod
    def suffice(calls: list[_Call], examples: int) -> bool:
        """Whether these are `STEPS` calls or more, of so many examples or more."""
        return len(calls) >= STEPS and sum(call.examples for call in calls) >= examples

    def add(self, call: _Call) -> None:
        """Take in a call; drop the oldest ones that the others can do without."""
        self.least = min(self.least, call.saturated)
        self.calls.append(call)
        while self.suffice(self.calls[1:], RECENT):
            del self.calls[0]


class _Step(NamedTuple):
    """A step of an optimiser: the norms of its matrices, and whether any gradient was not 0."""

    moved: float
    weights: float
    gradients: float
    learns: bool
    rates: tuple[float, ...]
    line: str

    @property
    def ratio(self) -> float:
        """How far it went, relative to the weights."""
        return self.moved / self.weights if self.weights else 0.0


def _norm(arrays: Iterable[Any]) -> float:
    with np.errstate(all="ignore"):
        return math.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in arrays))
