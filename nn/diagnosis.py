"""`doctor`: watch some steps of a training loop; name what is wrong, the line, and the cure.

For the time of a ``with`` block it stands in the way of what a loop calls: a module, `backward`,
the step of an optimiser, a clip. Each is run as it is, and what it does is put beside what was done
before: a gradient, say, that a step has used and the next `backward` added to. Where a fault can be
told exactly, it is. Sizes are judged by limits far from what works, over `STEPS` steps or more, and
only where nothing else is wrong: mostly they follow from that.
"""

from __future__ import annotations

import math
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.anomaly import source_line
from autograd.recording import Observer, is_recording, rerunning
from nn import loss as losses
from nn import signals, utils
from nn.activation import ACTIVATIONS
from nn.layers import Dropout
from nn.module import Module
from nn.norm import BatchNorm1d, BatchNorm2d
from nn.optim import Optimizer
from nn.optim.lr_scheduler import LRScheduler

STEPS = 3
EXAMPLES = 20  # that must have left a ReLU at 0
LOST_IN_MODEL = 1e-8  # of second moments between the ends of one; signals.LOST is for layers

CURES = {
    "no zero_grad": "call optimizer.zero_grad() before the backward() calls that make a step",
    "step without gradients": "keep the order zero_grad(), backward(), step()",
    "no step": "call optimizer.step() after backward(), of an optimiser that doctor is given",
    "clipping after the step": "clip between backward() and step()",
    "scheduler before the optimiser": "call optimizer.step(), then scheduler.step()",
    "scheduler stepped too seldom": "call scheduler.step() after each optimizer.step(), or make it "
    "with per='epoch'",
    "missing from the optimiser": "pass model.parameters() once the model is complete; "
    "freeze what shall not be trained by requires_grad_(False)",
    "no gradient": "call the layer, with no detach(), numpy(), item() or no_grad() between it and "
    "the loss; or leave it out of the optimiser",
    "probabilities as logits": "pass the logits: the loss takes the softmax or sigmoid itself",
    "(N, 1) against (N,)": "give both one shape: target[:, None], or output.squeeze(-1)",
    "eval() forgotten": "call model.eval() before an evaluation, and model.train() after it",
    "train() forgotten": "call model.train() before the training steps",
    "graphs kept alive": "keep numbers: total += loss.item(), outputs.append(output.detach())",
    "input not finite": "look at the data: np.isfinite(x) says where; drop or fill in what is not",
    "loss not finite": "lower the learning rate or clip; if it is the first loss, look at the "
    "targets; detect_anomaly() names the op at fault",
    "all gradients 0": "let the loss depend on the output: it may be multiplied by 0 or masked, "
    "the cross entropy of one column (two classes in one column take "
    "binary_cross_entropy_with_logits), or behind round, sign or a clip; or all weights are 0",
    "dead ReLU": "lower the learning rate, draw weights by init.kaiming_normal_, or use LeakyReLU",
    "saturated activation": "draw smaller weights, bring inputs to unit variance, or add a norm",
    "vanishing or exploding": "draw weights by init.kaiming_normal_ or xavier_normal_, add norms "
    "or residual connections; init.report(model, x) goes through the layers",
    "diverging loss": "lower the learning rate, to a tenth at first",
    "updates too small": "raise the learning rate: steps of a thousandth of the weights are usual",
}
"""The findings there are, and what to do."""


@dataclass
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    name, do : str
        A key of `CURES`, and what to do.
    seen : str
        What was seen, with the values of the first time.
    where : str
        'file:line, in function: `source`' of the caller's code, or a part of the model.
    times : int
        How often it was seen there.
    """

    name: str
    seen: str
    where: str
    do: str
    times: int = 1

    def __str__(self) -> str:
        often = f" ({self.times} times)" if self.times > 1 else ""
        return f"{self.name}{often}: {self.seen}\n  at  {self.where}\n  do  {self.do}"


@dataclass(repr=False)
class Diagnosis:
    """What `doctor` found: `findings`, in `steps` steps of what is `watched`. Print it.

    Of several optimisers, which make a step each in an iteration, those of one are counted: of
    that which made the most.
    """

    watched: str
    steps: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, name: str, seen: str, where: str) -> None:
        """Note a finding; one of the same name and place is counted."""
        for finding in self.findings:
            if (finding.name, finding.where) == (name, where):
                finding.times += 1
                return
        self.findings.append(Finding(name, seen, where, CURES[name]))

    def __repr__(self) -> str:
        if self.findings:
            return "\n".join(map(str, self.findings))
        sizes = ", the sizes of signals and updates" if self.steps >= STEPS else ""
        return (
            f"nothing found in {self.steps} steps of {self.watched}; watched were the order of "
            f"calls, gradients, modes, what is kept{sizes}"
        )


@contextmanager
def doctor(model: Module, *optimizers: Optimizer) -> Iterator[Diagnosis]:
    """Watch the training steps in a ``with`` block, and tell what is wrong with them.

    A few steps are enough, of a loop written by hand or of `nn.fit`. No result changes, and when
    the block ends nothing stays behind.

    Parameters
    ----------
    model : Module
    *optimizers : Optimizer
        What trains it.

    Yields
    ------
    Diagnosis
        To be printed after the block. Each of its `findings` has a name, what was seen, the line
        of the caller's code or the part of the model, and what to do.

    Raises
    ------
    TypeError
        If no optimiser is given, or something else in its place.

    Notes
    -----
    A model that runs under no_grad() in training mode counts as a forgotten eval(), even where that
    is meant, as for dropout by Monte Carlo.

    Examples
    --------
    >>> import nn
    >>> model = nn.MLP([4, 16, 3], rng=0)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> x, y = np.eye(4, dtype="float32"), np.array([0, 1, 2, 0])
    >>> with nn.doctor(model, optimizer) as report:
    ...     for _ in range(3):
    ...         loss = nn.functional.cross_entropy(model(x), y)
    ...         loss.backward()
    ...         optimizer.step()
    >>> print(report)  # doctest: +ELLIPSIS
    no zero_grad (2 times): the gradients of 0.weight, 0.bias, 2.weight and 1 more hold those of
    earlier steps
      at  ...in <module>: `loss.backward()`
      do  call optimizer.zero_grad() before the backward() calls that make a step
    """
    for o in optimizers or (None,):
        if not isinstance(o, Optimizer):
            raise TypeError(f"doctor: got {o!r} as optimiser; pass doctor(model, optimizer)")
    watch = _Watch(model, optimizers)
    places: list[tuple[Any, str, Callable[..., Any]]] = [
        (Module, "__call__", watch.call),
        (Tensor, "backward", watch.backward),
        (LRScheduler, "_count", watch.count),
        (losses, "_warn_of_probabilities", partial(watch.warn, "probabilities as logits")),
        (utils, "_gradients", watch.clip),
    ]
    for owner in {next(c for c in type(o).__mro__ if "step" in vars(c)) for o in optimizers}:
        places.append((owner, "step", watch.step))
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(_replaced(*place))
        stack.enter_context(watch)
        stack.callback(watch.conclude)
        yield watch.report


@contextmanager
def _replaced(owner: Any, name: str, see: Callable[..., Any]) -> Iterator[None]:
    """Let ``see(function, *args)`` run in the place of a function of a class or a module."""
    function = getattr(owner, name)
    setattr(owner, name, wraps(function)(lambda *args, **kwargs: see(function, *args, **kwargs)))
    try:
        yield
    finally:
        setattr(owner, name, function)


@dataclass
class _Activation:
    """How much of an activation stood still in all its calls from one line.

    `silent` says which units were 0 for all examples, `saturated` is the least part of its values
    at its bounds in one call, `last` the serial of its last output.
    """

    silent: Any = np.True_
    saturated: float = 1.0
    examples: int = 0
    calls: int = 0
    last: int = 0


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


class _Watch(Observer):
    """What was seen so far. Gradients are known by identity: `backward` adds by making another."""

    def __init__(self, model: Module, optimizers: Iterable[Optimizer]) -> None:
        names = [type(part).__name__ for part in (model, *optimizers)]
        self.model, self.report = model, Diagnosis(" and ".join(names))
        self.paths = {module: path or "the model" for path, module in model.named_modules()}
        self.outermost = {o: type(o).step for o in optimizers}  # one may call another, by super()
        self.trained = {o: [p for g in o.param_groups for p in g["params"]] for o in optimizers}
        every = [p for params in self.trained.values() for p in params]
        self.names = {p: p.name or f"parameter {i}" for i, p in enumerate(every)}
        self.names |= {p: path for path, p in model.named_parameters()}
        self.at_first = {p: np.array(p.data) for p in model.parameters()}
        self.left: dict[Tensor, Any] = {}  # the gradients that the last backward left
        self.used: dict[Tensor, Any] = {}  # those of which a step has used a part, or all
        self.fresh: set[Tensor] = set()  # what a backward has reached since the last step
        self.backwards = 0  # that have reached a parameter
        self.at = dict.fromkeys(("call", "backward", "step"), "")  # the last line of each
        self.modes: dict[bool, str] = {}  # of layers with a mode, since the last step
        self.kept: list[tuple[int, Callable[[], Tensor | None], str]] = []
        self.crossed: dict[int, str] = {}  # differences of (N, 1) and (N,)
        self.activations: dict[Any, _Activation] = {}
        self.running: list[Module] = []  # one in the other
        self.size = math.nan  # the second moment of the input
        self.spoilt = ""  # the line of the first call with an input that is not finite
        self.rows: list[signals.Signal] = []
        self.handles: list[Any] = []
        self.faults: list[set[str]] = []  # of the signals, by backward
        self.ends: tuple[float, signals.Signal, signals.Signal]  # of the last of them
        self.values: dict[str, list[float]] = {}  # of the losses, by the line of their backward
        self.steps: dict[Optimizer, list[_Step]] = {o: [] for o in optimizers}
        self.counted: dict[LRScheduler, int] = {}  # the steps there were when it last counted

    # What the loop calls; each gets the function in whose place it stands.

    def call(self, call: Callable[..., Any], module: Module, *args: Any, **kwargs: Any) -> Any:
        """Run a module; note its mode, and how large its output is."""
        if module not in self.paths or rerunning.get():
            return call(module, *args, **kwargs)
        if not self.running:
            self.at["call"] = source_line()
            arrays = [np.asarray(x.data) for x in map(signals.first_tensor, args) if x is not None]
            arrays += [x for x in args if isinstance(x, np.ndarray)]
            arrays = [a for a in arrays if a.dtype.kind == "f"]
            self.size = signals.mean_square(arrays[0]) if arrays else math.nan
            if arrays and not np.isfinite(arrays[0]).all():
                self.spoilt = self.spoilt or self.at["call"]
        self.running.append(module)
        try:
            out = call(module, *args, **kwargs)
        finally:
            self.running.pop()
        if _has_mode(module) and is_recording():
            self.modes[module.training] = self.at["call"]
        elif _has_mode(module) and module.training:
            layer = f"{type(module).__name__} ({self.paths[module]})"
            seen = f"while nothing was recorded, {layer} ran in training mode"
            self.report.add("eval() forgotten", seen, self.at["call"])
        t = signals.first_tensor(out)
        if t is None or t.op is None or not is_recording():
            return out
        if _is_activation(module):
            bounds, rectifier = signals.bounds(module), signals.rectifies(module)
            self._see_activation(type(module).__name__, t, bounds, rectifier)
        if signals.has_matrix(module):
            name = f"{self.paths[module]}: {type(module).__name__}"
            row = signals.Signal(name, "", signals.mean_square(t.data))
            self.rows.append(row)
            self.handles.append(t.register_hook(partial(_see_gradient, row)))
        if module is self.model:
            self._keep(t, self.at["call"])
            for key in [key for key, a in self.activations.items() if a.last == t.serial]:
                del self.activations[key]  # an output may be at its bounds
        return out

    def backward(self, backward: Callable[..., Any], loss: Tensor, *args: Any, **kw: Any) -> None:
        """Walk back; note which gradients are new, and which of those hold used ones."""
        at = source_line()
        self._look_for_crossed(loss)
        self._keep(loss, at)
        before = {p: p.grad for p in self.names}
        rows = self.rows.copy()  # filled by hooks
        try:
            backward(loss, *args, **kw)
        finally:
            self._forget_rows()
        rows = [row for row in rows if not math.isnan(row.backward)]
        reached = [p for p, g in before.items() if p.grad is not g]
        for p in reached:
            self.left[p] = p.grad
            if _is(before[p], self.used.get(p)):
                self.used[p] = p.grad
        if not reached:
            return
        self.backwards += 1
        self.fresh.update(reached)
        self.at["backward"] = at
        if rows:
            ends = signals.Signal("", "", rows[-1].forward, rows[0].backward)
            start = self.size if math.isfinite(self.size) else rows[0].forward
            faults = signals.faults(ends, start, rows[-1].backward, LOST_IN_MODEL)
            self.faults.append(set(faults))
            self.ends = start, rows[0], rows[-1]
        if loss.size == 1:
            values = self.values.setdefault(at, [])
            values.append(loss.item())
            if not math.isfinite(values[-1]):
                ending = ", ".join(f"{value:.3g}" for value in values[-4:])
                if self.spoilt:
                    name = type(self.model).__name__
                    seen = f"{name} was called with NaN or inf, and the loss went {ending}"
                    self.report.add("input not finite", seen, self.spoilt)
                else:
                    self.report.add("loss not finite", f"the loss went {ending}", at)

    def step(self, step: Callable[..., Any], optimizer: Optimizer, *args: Any, **kw: Any) -> Any:
        """Make a step; note which gradients it used, and how far it went."""
        if step is not self.outermost.get(optimizer):
            return step(optimizer, *args, **kw)
        params = self.trained[optimizer]
        self.at["step"] = source_line()
        self._look_at_gradients(params)
        if self.fresh and self.modes.keys() == {False} and not self.model.training:
            seen = "a step was made of a model in the mode for use, as eval() sets it"
            self.report.add("train() forgotten", seen, self.modes[False])
        self.modes.clear()
        matrices = [p for p in params if p.ndim > 1]
        before = [np.array(p.data) for p in matrices]
        result = step(optimizer, *args, **kw)
        self.used |= {p: p.grad for p in params if p.grad is not None}
        self.fresh.difference_update(params)
        changes = [p.data - b for p, b in zip(matrices, before, strict=True)]
        gradients = [p.grad.data for p in matrices if p.grad is not None]
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups)
        sizes = _norm(changes), _norm(before), _norm(gradients)
        learns = any(np.any(p.grad.data) for p in params if p.grad is not None)
        self.steps[optimizer].append(_Step(*sizes, learns, rates, self.at["step"]))
        self.report.steps = max(map(len, self.steps.values()))
        return result

    def clip(
        self, gradients: Callable[..., Any], what: str, bound: float, parameters: Any
    ) -> list[Tensor]:
        """Clip; note whether a step has used all these gradients."""
        parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        stepped = [p for p in parameters if p in self.used]
        spent = all(p.grad is None or p.grad is self.used[p] for p in stepped)
        if stepped and spent and self.fresh.isdisjoint(stepped) and math.isfinite(bound):
            seen = f"{what.partition(':')[0]} to {bound:g}: a step has used all gradients before"
            self.report.add("clipping after the step", seen, source_line())
        return gradients(what, bound, parameters)  # type: ignore[no-any-return]

    def count(self, count: Callable[..., Any], scheduler: LRScheduler) -> None:
        """Count a step of a schedule; note how many of its optimiser lie between two."""
        self.warn("scheduler before the optimiser", count, scheduler)
        steps = scheduler.optimizer.steps
        between = steps - self.counted.get(scheduler, steps)
        self.counted[scheduler] = steps
        if scheduler.per == "batch" and between > 1:
            name = type(scheduler).__name__
            seen = f"{name} counts batches, and went one step on after {between} of the optimiser"
            self.report.add("scheduler stepped too seldom", seen, source_line())

    def warn(self, name: str, warn: Callable[..., Any], x: Any) -> None:
        """Run what may warn; a warning becomes a finding."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            warn(x)
        for warning in said:
            self.report.add(name, str(warning.message).partition("; ")[0], source_line())

    def made(self, out: Tensor) -> None:
        """See what an op has recorded."""
        super().made(out)
        name, inputs = out.op.name if out.op else "", out.inputs
        if name == "sub":
            x, y = inputs
            pair = {x.shape, y.shape} == {out.shape[:1], (*out.shape[:1], 1)} and len(out) > 1
            if pair and x.requires_grad != y.requires_grad:
                self.crossed[out.serial] = source_line()
        elif name == "bce_with_logits" and inputs[0].op and inputs[0].op.name == "sigmoid":
            seen = "binary_cross_entropy_with_logits got what a sigmoid put out"
            self.report.add("probabilities as logits", seen, source_line())
        elif name in OPS and not (self.running and _is_activation(self.running[-1])):
            bounds, rectifier = ACTIVATIONS[name].bounds, name == "relu"
            if name == "hardtanh":
                bounds = out.params["min_val"], out.params["max_val"]
                rectifier = bounds[0] == 0
            self._see_activation(name, out, bounds, rectifier)

    # What is noted on the way.

    def _keep(self, t: Tensor, at: str) -> None:
        """Remember a loss or an output, but weakly, and count those of earlier steps."""
        now = self.report.steps
        self.kept = [entry for entry in self.kept if (old := entry[1]()) is not None and old.inputs]
        earlier = {step: line for step, _, line in self.kept if step < now}
        if len(earlier) >= STEPS:
            seen = f"{len(earlier)} earlier steps have their graphs still in memory"
            self.report.add("graphs kept alive", seen, earlier[min(earlier)])
        self.kept.append((now, weakref.ref(t), at))

    def _see_activation(self, name: str, out: Tensor, bounds: Any, rectifier: bool) -> None:
        """Note how much of what an activation put out stands still."""
        if out.scope is None or out.ndim < 2:
            return
        silent = signals.silent_units(out.data) if rectifier else np.False_
        key = name, out.scope.path, source_line(), np.shape(silent)
        seen = self.activations.setdefault(key, _Activation())
        seen.silent = seen.silent & silent
        part = signals.saturated(out.data, bounds, rectifier=rectifier)
        seen.saturated = min(seen.saturated, part)
        seen.examples += out.size // max(silent.size, 1)
        seen.calls += 1
        seen.last = out.serial

    def _look_for_crossed(self, loss: Tensor) -> None:
        """Look for a difference of (N, 1) and (N,) whose mean or sum the loss is."""
        stack, seen = [loss], {loss}
        while stack and self.crossed:
            node = stack.pop()
            if node.serial in self.crossed:
                shapes = " and ".join(str(x.shape) for x in node.inputs)
                what = f"the difference of {shapes} is {node.shape}: each output less each target"
                self.report.add("(N, 1) against (N,)", what, self.crossed[node.serial])
            elif node.op is not None and (node.op.kind == "elementwise" or not node.ndim):
                new = {x for x in node.inputs if x.ndim in (0, 2)} - seen
                seen |= new
                stack.extend(new)
        self.crossed.clear()

    def _look_at_gradients(self, params: list[Tensor]) -> None:
        used = {p for p in params if _is(p.grad, self.used.get(p))}
        new = self.fresh.intersection(params)
        if used & new:
            seen = f"the gradients of {self._list(used & new)} hold those of earlier steps"
            self.report.add("no zero_grad", seen, self.at["backward"])
        elif (new or not self.fresh) and all(
            g is None or p in used or (g is not self.left.get(p) and not np.any(g.data))
            for p, g in ((p, p.grad) for p in params)
        ):
            seen = "those of backward() were cleared" if new else "backward() was not called"
            seen += "; a step has used what is there" if used else ""
            self.report.add("step without gradients", seen, self.at["step"])

    def _forget_rows(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles.clear()
        self.rows.clear()

    def _list(self, params: Iterable[Tensor]) -> str:
        chosen = set(params)
        names = [name for p, name in self.names.items() if p in chosen]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    # What is judged at the end.

    def conclude(self) -> None:
        """Judge what shows over all steps only."""
        self._forget_rows()
        if self.left and self.report.steps:
            self._judge_parameters()
        elif self.backwards >= STEPS and not self.at["step"]:
            names = " and ".join(type(o).__name__ for o in self.steps)
            seen = f"{self.backwards} calls of backward(), and no step of {names}"
            self.report.add("no step", seen, self.at["backward"])
        for judge in (
            self._judge_units,
            self._judge_gradients,
            self._judge_signals,
            self._judge_losses,
            self._judge_updates,
        ):
            if not self.report.findings and self.report.steps >= STEPS:
                judge()

    def _judge_parameters(self) -> None:
        trained = {p for params in self.trained.values() for p in params}
        missing = [
            p
            for p, before in self.at_first.items()
            if p in self.left and p not in trained and np.array_equal(p.data, before)
        ]
        idle = [p for p in trained if p.requires_grad and p not in self.left]
        if missing:
            seen = f"{self._list(missing)} got gradients, but no optimiser has moved them"
            self.report.add("missing from the optimiser", seen, self.at["step"])
        elif idle:
            seen = f"{self._list(idle)} never got one"
            self.report.add("no gradient", seen, self.at["backward"])

    def _judge_units(self) -> None:
        for (name, path, line, _), a in self.activations.items():
            dead, where = float(np.mean(a.silent)), f"{path}, {line}"
            if a.calls < STEPS or a.examples < EXAMPLES:
                continue
            if dead >= 0.9:
                seen = f"{dead:.0%} of the units were 0 for all {a.examples} examples"
                self.report.add("dead ReLU", seen, where)
            elif a.saturated >= 0.5:
                seen = f"{a.saturated:.0%} of the values of {name}, or more, lay at its bounds in"
                self.report.add("saturated activation", f"{seen} each of {a.calls} calls", where)

    def _judge_gradients(self) -> None:
        if not any(s.learns for steps in self.steps.values() for s in steps):
            seen = f"every gradient was exactly 0 in each of {self.report.steps} steps"
            if values := self.values.get(self.at["backward"]):
                seen += f"; the last loss was {values[-1]:.3g}"
            self.report.add("all gradients 0", seen, self.at["backward"])

    def _judge_signals(self) -> None:
        faults = set.intersection(*self.faults) if len(self.faults) >= STEPS else set()
        if faults := faults - {"not finite"}:
            start, first, last = self.ends
            seen = (
                f"{', '.join(sorted(faults))}: the signal's mean square goes from {start:.2g} to "
                f"{last.forward:.2g}, that of its gradient from {last.backward:.2g} back to "
                f"{first.backward:.2g}"
            )
            self.report.add("vanishing or exploding", seen, f"{first.path} to {last.path}")

    def _judge_losses(self) -> None:
        largest = max((s.ratio for steps in self.steps.values() for s in steps), default=0.0)
        for at, values in self.values.items():
            if len(values) >= STEPS and values[-1] > 10 * values[0] > 0 and largest > 0.1:
                seen = (
                    f"the loss went from {values[0]:.3g} to {values[-1]:.3g}, with steps of up to "
                    f"{largest:.2g} x the weights"
                )
                self.report.add("diverging loss", seen, at)

    def _judge_updates(self) -> None:
        for steps in self.steps.values():
            if (
                len(steps) >= STEPS
                and len({s.rates for s in steps}) == 1  # no schedule that starts from nothing
                and all(s.moved < 1e-6 * min(s.gradients, s.weights) for s in steps)
                and all(s.gradients > 1e-3 * s.weights for s in steps)  # something to follow
            ):
                seen = f"no step was more than {max(s.ratio for s in steps):.2g} x the weights"
                self.report.add("updates too small", seen, steps[-1].line)


OPS = ("relu", "sigmoid", "tanh", "hardtanh")
"""What activations are known by that are called as functions."""


def _see_gradient(row: signals.Signal, g: Tensor) -> None:
    row.backward = signals.mean_square(g.data)


def _is_activation(module: Module) -> bool:
    """Whether the output of a module tells by itself that it stands still."""
    return signals.bounds(module) is not None or signals.rectifies(module)


def _has_mode(module: Module) -> bool:
    """Whether a module does something else in training than in use."""
    rate = module.p if isinstance(module, Dropout) else vars(module).get("dropout")
    return isinstance(module, BatchNorm1d | BatchNorm2d) or (isinstance(rate, float) and rate > 0)


def _is(g: Tensor | None, used: Tensor | None) -> bool:
    """Whether a gradient is one that was used, and has not been filled with zeros since."""
    return g is not None and g is used and bool(np.any(g.data))


def _norm(arrays: Iterable[Any]) -> float:
    with np.errstate(all="ignore"):
        return math.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in arrays))
