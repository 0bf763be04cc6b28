"""`doctor`: watch some steps of a training loop; name what is wrong, the line, and the cure.

For the time of a ``with`` block it wraps what a loop calls: a module, `backward`, the step of an
optimiser, a clip. Each runs as ever, and what it does is compared with what was done before: a
gradient, say, that a step has used and the next `backward` added to. Where a fault can be told
exactly, it is. What `Sizes` measures is judged by limits far from what works, over `STEPS` steps or
more, and only where nothing else is wrong: mostly it follows from that.
"""

from __future__ import annotations

import math
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.anomaly import source_line
from autograd.recording import Observer, is_recording, rerunning
from nn import functional, signals, utils
from nn import loss as losses
from nn.activation import ACTIVATIONS
from nn.layers import Dropout
from nn.module import Module
from nn.norm import BatchNorm1d, BatchNorm2d
from nn.optim import Optimizer
from nn.optim.lr_scheduler import LRScheduler
from nn.sizes import STEPS, Sizes

CLEARED = 10  # gradients before each step that none has used: attacks on the input make a few

OPS = ("relu", "sigmoid", "tanh", "hardtanh")
"""The ops by which activations are known that are called as functions."""

CURES = {
    "no zero_grad": "call optimizer.zero_grad() before the backward() calls that make a step",
    "step without gradients": "keep the order zero_grad(), backward(), step()",
    "backward() astray": "train the model that doctor was given, with no detach(), numpy(), item() "
    "or no_grad() between it and the loss",
    "no step": "call step(), with its parentheses, after the backward() calls that make a step, on "
    "the optimiser that doctor was given",
    "clipping after the step": "clip between backward() and step()",
    "scheduler before the optimiser": "call optimizer.step(), then scheduler.step()",
    "scheduler stepped too seldom": "call scheduler.step() after each optimizer.step(), or make it "
    "with per='epoch'",
    "missing from the optimiser": "pass model.parameters() once the model is complete; "
    "freeze with requires_grad_(False) what is not to be trained",
    "no gradient": "call the layer, with no detach(), numpy(), item() or no_grad() between it and "
    "the loss; or leave it out of the optimiser",
    "probabilities as logits": "pass the logits: the loss applies the softmax or sigmoid itself",
    "(N, 1) against (N,)": "give both the same shape: target[:, None], or output.squeeze(-1)",
    "eval() forgotten": "call model.eval() before an evaluation, and model.train() after it",
    "dropout in eval mode": "write F.dropout(x, p, training=self.training), or make an nn.Dropout "
    "in __init__, as an attribute",
    "layer made in forward": "make it in __init__, as an attribute: its weights are new in each "
    "call, and never trained",
    "train() forgotten": "call model.train() before the training steps",
    "graphs kept alive": "keep numbers: total += loss.item(), outputs.append(output.detach()), "
    "self.mean = mean.detach()",
    "input not finite": "look at the data: ~np.isfinite(x) says where; drop or replace that",
    "loss not finite": "lower the learning rate or clip; where it is the first loss, look at the "
    "targets; detect_anomaly() names the op at fault",
    "zero gradients": "look at the loss: it may be at its minimum, multiplied by 0, masked, "
    "clipped, rounded, or a cross_entropy of one column (for binary_cross_entropy_with_logits); "
    "or at the weights: they may all be 0",
    "dead ReLU": "lower the learning rate, bring inputs to unit variance, draw weights by "
    "init.kaiming_normal_, or use LeakyReLU",
    "saturated activation": "lower the learning rate, draw smaller weights, bring inputs to unit "
    "variance, or add a norm",
    "vanishing or exploding": "draw weights by init.kaiming_normal_ or xavier_normal_, add norms "
    "or residual connections; init.report(model, x) shows each layer",
    "diverging loss": "lower the learning rate, to a tenth at first",
    "updates too small": "raise the learning rate: a usual step is a thousandth of the weights",
}
"""The findings there are, and what to do about each."""


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

    Several optimisers make a step each in one iteration, so `steps` are those of one: the one that
    made the most.
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
        steps = f"{self.steps} step{'s' if self.steps != 1 else ''}"
        sizes = ", sizes of signals and updates" if self.steps >= STEPS else ""
        return (
            f"nothing found in {steps} of {self.watched}; checked: call order, "
            f"gradients, modes, graphs kept alive{sizes}"
        )


_watching = threading.RLock()  # by one thread at a time: what it replaces is everybody's


@contextmanager
def doctor(model: Module, *optimizers: Optimizer) -> Iterator[Diagnosis]:
    """Watch the training steps in a ``with`` block, and tell what is wrong with them.

    A few steps are enough, of a loop written by hand or of `nn.fit`. No result changes, and nothing
    stays behind when the block ends.

    Parameters
    ----------
    model : Module
    *optimizers : Optimizer
        What trains it.

    Yields
    ------
    Diagnosis
        Print it after the block. Each of its `findings` has a name, what was seen, the line of the
        caller's code or the part of the model, and what to do.

    Raises
    ------
    TypeError
        If no optimiser is given, or something else in its place.
    RuntimeError
        If another thread is in such a block.

    Notes
    -----
    A model that runs under no_grad() in training mode counts as a forgotten eval(), even where that
    is intended, as in Monte Carlo dropout. A dropout that is a function is seen where it is called
    as ``F.dropout``, not under a name imported from `nn.functional`; with ``training=True`` it is
    taken to be meant. An attribute that carries its graph from step to step, and is detached after
    every few of them, is told from one that never is by a block of more steps than that.

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
        (functional, "dropout", watch.dropout),
    ]
    for owner in {next(c for c in type(o).__mro__ if "step" in vars(c)) for o in optimizers}:
        places.append((owner, "step", watch.step))
    with ExitStack() as stack:
        if not _watching.acquire(blocking=False):
            raise RuntimeError(
                "doctor: another thread is being watched; let its block end before this one begins"
            )
        stack.callback(_watching.release)
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


class _Watch(Observer):
    """Runs what the loop calls, and sees who holds which gradient, and what `Sizes` measures.

    Gradients are known by identity: `backward` adds by making another tensor.
    """

    def __init__(self, model: Module, optimizers: Iterable[Optimizer]) -> None:
        names = [type(part).__name__ for part in (model, *optimizers)]
        self.model, self.report = model, Diagnosis(" and ".join(names))
        # What there is.
        self.paths = {module: path or "the model" for path, module in model.named_modules()}
        self.outermost = {o: type(o).step for o in optimizers}  # one may call another, by super()
        self.trained = {o: [p for g in o.param_groups for p in g["params"]] for o in optimizers}
        every = [p for params in self.trained.values() for p in params]
        self.names = {p: p.name or f"parameter {i}" for i, p in enumerate(every)}
        self.names |= {p: path for path, p in model.named_parameters()}
        self.at_first = {p: np.array(p.data) for p in model.parameters()}
        # Where the loop is.
        self.at = dict.fromkeys(("call", "backward", "step"), "")  # the last line of each
        self.running: list[Module] = []  # one in the other
        self.modes: dict[bool, str] = {}  # of layers with a mode, since the last step
        self.crossed: dict[int, str] = {}  # differences of (N, 1) and (N,), since the last backward
        # By line: modules that are none of the model's, as long as they live.
        self.strangers: dict[str, weakref.WeakSet[Module]] = {}
        self.anew: dict[str, set[int]] = {}  # by line: the steps in which a new one was called
        self.spoilt = ""  # the line of the first call with an input that is not finite
        # Gradients.
        self.left: dict[Tensor, Any] = {}  # those that the last backward left
        self.used: dict[Tensor, Any] = {}  # those of which a step has used a part, or all
        self.fresh: set[Tensor] = set()  # what a backward has reached since the last step
        self.backwards = 0  # that have reached a parameter
        self.cleared = 0  # backwards since the last step whose gradients were gone at the next
        self.unused: list[int] = []  # how many of these each step had before it
        self.asked = False  # whether an input has wanted a gradient: then they are for that
        self.astray: list[str] = []  # since the last step, the lines of those that have not
        # Over all steps.
        self.kept: list[_Kept] = []
        self.told = 0  # the last step that the kept ones were told of
        self.carried: list[tuple[int, str, str]] = []  # how many, what was seen, where
        self.counted: dict[LRScheduler, int] = {}  # the steps there were when it last counted
        self.sizes = Sizes(optimizers)

    # What the loop calls; each gets the function in whose place it stands.

    def call(self, call: Callable[..., Any], module: Module, *args: Any, **kwargs: Any) -> Any:
        """Run a module; note its mode, and look at what it gets and what it puts out."""
        if module not in self.paths or rerunning.get():
            if self.running and not rerunning.get():
                self._look_at_stranger(module)
            return call(module, *args, **kwargs)
        if not self.running:
            self.at["call"] = source_line()
            self._look_at_input(args)
        self.running.append(module)
        try:
            out = call(module, *args, **kwargs)
        finally:
            self.running.pop()
        if _has_mode(module):
            self._note_mode(module)
        t = signals.first_tensor(out)
        if t is not None and t.op is not None and is_recording():
            self._look_at_output(module, t)
        return out

    def dropout(
        self, dropout: Callable[..., Any], input: Any, p: float = 0.5, *args: Any, **kw: Any
    ) -> Any:
        """Drop, called as a function; note whether it goes by the mode of the module it is in."""
        if p and self.running and not rerunning.get():
            module, asked = self.running[-1], bool(args) or "training" in kw
            if not asked and not module.training:
                seen = f"{self._layer(module)} is in eval mode, and dropout had no training="
                self.report.add("dropout in eval mode", seen, source_line())
            training = bool(kw.get("training", args[0] if args else True))
            if training is module.training and not _has_mode(module):
                self._note_mode(module)
        return dropout(input, p, *args, **kw)

    def backward(self, backward: Callable[..., Any], loss: Tensor, *args: Any, **kw: Any) -> None:
        """Walk back; note which gradients are new, and which of those hold used ones."""
        at = source_line()
        self._look_for_crossed(loss)
        self._keep(loss, at)
        before = {p: p.grad for p in self.names}
        try:
            backward(loss, *args, **kw)
        finally:
            rows = self.sizes.take_rows()
        reached = [p for p, g in before.items() if p.grad is not g]
        for p in reached:
            self.left[p] = p.grad
            if _is(before[p], self.used.get(p)):
                self.used[p] = p.grad
        if reached:
            self.backwards += 1
            again = self.fresh.intersection(reached)
            self.cleared += bool(again) and all(before[p] is None for p in again)
            self.fresh.update(reached)
            self.at["backward"] = at
            self.sizes.see_signals(rows)
            if loss.size == 1:
                self._look_at_loss(loss.item(), at)
        else:
            self.astray.append(at)

    def step(self, step: Callable[..., Any], optimizer: Optimizer, *args: Any, **kw: Any) -> Any:
        """Make a step; note which gradients it used, and how far it went."""
        if step is not self.outermost.get(optimizer):
            return step(optimizer, *args, **kw)
        params = self.trained[optimizer]
        self.at["step"] = source_line()
        self._look_at_gradients(params)
        self._keep_attributes()
        training = any(module.training for module in self.paths)
        if self.fresh and self.modes.keys() == {False} and not training:
            seen = "a training step was taken in eval mode"
            self.report.add("train() forgotten", seen, self.modes[False])
        self.modes.clear()
        self.astray.clear()
        kept = all(p.grad is self.left.get(p) for p in params)  # not made by hand, of many
        self.unused.append(self.cleared if kept else 0)
        self.cleared = 0
        before = {p: np.array(p.data) for p in params if p.ndim > 1}
        result = step(optimizer, *args, **kw)
        self.sizes.see_step(optimizer, before, self.at["step"])
        self.report.steps = self.sizes.made
        self.used |= {p: p.grad for p in params if p.grad is not None}
        self.fresh.difference_update(params)
        return result

    def clip(
        self, gradients: Callable[..., Any], what: str, bound: float, parameters: Any
    ) -> list[Tensor]:
        """Clip; note whether a step has used all these gradients."""
        parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        stepped = [p for p in parameters if p in self.used]
        spent = all(p.grad is None or p.grad is self.used[p] for p in stepped)
        if stepped and spent and self.fresh.isdisjoint(stepped) and math.isfinite(bound):
            clip = f"{what.partition(':')[0]} to {bound:g}"
            seen = f"{clip}: a step had already used all of these gradients"
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
            seen = f"{name} counts batches, but took one step for {between} of the optimiser"
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
            seen = "binary_cross_entropy_with_logits was given the output of a sigmoid"
            self.report.add("probabilities as logits", seen, source_line())
        elif name in OPS and not (self.running and _is_activation(self.running[-1])):
            bounds, rectifier = ACTIVATIONS[name].bounds, name == "relu"
            if name == "hardtanh":
                bounds = out.params["min_val"], out.params["max_val"]
                rectifier = bounds[0] == 0
            self.sizes.see_activation(name, out, bounds, rectifier)

    # What is noted on the way.

    def _note_mode(self, module: Module) -> None:
        """Note in which mode a module ran that does something else in the other."""
        if is_recording():
            self.modes[module.training] = self.at["call"]
        elif module.training:
            seen = f"{self._layer(module)} ran in training mode under no_grad()"
            self.report.add("eval() forgotten", seen, self.at["call"])

    def _layer(self, module: Module) -> str:
        return f"{type(module).__name__} ({self.paths[module]})"

    def _look_at_input(self, args: tuple[Any, ...]) -> None:
        arrays = [np.asarray(t.data) for t in map(signals.first_tensor, args) if t is not None]
        arrays += [x for x in args if isinstance(x, np.ndarray)]
        first = next((a for a in arrays if a.dtype.kind == "f"), None)
        self.asked |= any(isinstance(x, Tensor) and x.requires_grad for x in args)
        self.sizes.start = signals.mean_square(first)
        if first is not None and not np.isfinite(first).all():
            self.spoilt = self.spoilt or self.at["call"]

    def _look_at_stranger(self, module: Module) -> None:
        """Look at a module that the model calls and does not contain: forward may have made it."""
        layer, kind, at = self._layer(self.running[-1]), type(module).__name__, source_line()
        if isinstance(module, Dropout) and module.p:
            if module.training and not self.running[-1].training:
                seen = (
                    f"{layer} is in eval mode, and a Dropout that it calls is none of its modules"
                )
                self.report.add("dropout in eval mode", seen, at)
            return
        known = self.strangers.setdefault(at, weakref.WeakSet())
        if module not in known and is_recording():
            alone = not known  # others that live on were not made in forward, nor was this one
            known.add(module)
            steps = self.anew.setdefault(at, set())
            learns = any(p.requires_grad and p not in self.names for p in module.parameters())
            if alone and learns and self.report.steps not in steps:
                steps.add(self.report.steps)
                if len(steps) >= STEPS:
                    seen = f"{layer} called a new {kind} in each of {len(steps)} steps"
                    self.report.add("layer made in forward", seen, at)

    def _look_at_output(self, module: Module, t: Tensor) -> None:
        if _is_activation(module):
            bounds, rectifier = signals.bounds(module), signals.rectifies(module)
            self.sizes.see_activation(type(module).__name__, t, bounds, rectifier)
        if signals.has_matrix(module):
            self.sizes.see_layer(f"{self.paths[module]}: {type(module).__name__}", t)
        if module is self.model:
            self._keep(t, self.at["call"])
            self.sizes.forget_activation(t)  # an output may be at its bounds

    def _look_at_loss(self, loss: float, at: str) -> None:
        losses = self.sizes.losses.setdefault(at, [])
        losses.append(loss)
        if not math.isfinite(loss):
            went = f"the loss went {', '.join(f'{x:.3g}' for x in losses[-4:])}"
            if self.spoilt:
                seen = f"the model was called with NaN or inf, and {went}"
                self.report.add("input not finite", seen, self.spoilt)
            else:
                self.report.add("loss not finite", went, at)

    def _keep(self, t: Tensor, at: str) -> None:
        """Remember a loss, output or state, but weakly, and count those of earlier steps.

        Those that led to what a module holds now are carried on by it: they are judged at the end.
        """
        now = self.report.steps
        self.kept = [k for k in self.kept if (old := k.tensor()) is not None and old.inputs]
        self.kept.sort(key=attrgetter("serial"))  # of those of one step the last holds the others
        earlier = {k.step: k.line for k in self.kept if k.step < now}
        if len(earlier) >= STEPS and now > self.told:
            self.told = now
            seen = f"{len(earlier)} earlier steps have their graphs still in memory"
            below = _graphs(self._states())
            beside = {k.step for k in self.kept if k.step < now and k.tensor() not in below}
            if len(beside) >= STEPS:
                self.report.add("graphs kept alive", seen, earlier[min(earlier)])
            else:
                self.carried.append((len(earlier), seen, earlier[min(earlier)]))
        self.kept.append(_Kept(now, t.serial, weakref.ref(t), at))

    def _keep_attributes(self) -> None:
        """Remember what modules hold that has a graph: a running mean, say, or a state."""
        known = {k.tensor() for k in self.kept}
        for t, where in self._states().items():
            if t not in known:
                self._keep(t, where)

    def _states(self) -> dict[Tensor, str]:
        """Return what has a graph among the attributes of modules, and where it stands."""
        return {
            t: f"{name if module is self.model else f'{path}.{name}'}: {type(module).__name__}"
            for module, path in self.paths.items()
            for name, value in vars(module).items()
            if (t := signals.first_tensor(value)) is not None and t.op is not None
        }

    def _look_for_crossed(self, loss: Tensor) -> None:
        """Look for a difference of (N, 1) and (N,) whose mean or sum the loss is."""
        stack, met = [loss], {loss}
        while stack and self.crossed:
            node = stack.pop()
            if node.serial in self.crossed:
                shapes = " and ".join(str(x.shape) for x in node.inputs)
                seen = f"a difference of {shapes} is {node.shape}: each output minus each target"
                self.report.add("(N, 1) against (N,)", seen, self.crossed[node.serial])
            elif node.op is not None and (node.op.kind == "elementwise" or not node.ndim):
                new = {x for x in node.inputs if x.ndim in (0, 2)} - met
                met |= new
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
            if self.astray and not new:
                self._tell_astray()
                return
            seen = "those of backward() were cleared" if new else "backward() was not called"
            seen += "; a step had already used those that are there" if used else ""
            self.report.add("step without gradients", seen, self.at["step"])

    def _tell_astray(self) -> None:
        seen = "backward() reached no parameter of this model"
        self.report.add("backward() astray", seen, self.astray[-1])

    def _list(self, params: Iterable[Tensor]) -> str:
        chosen = set(params)
        names = [name for p, name in self.names.items() if p in chosen]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    # What is judged at the end.

    def conclude(self) -> None:
        """Judge what shows over all steps only."""
        self.sizes.take_rows()
        if min(self.unused, default=0) >= CLEARED and not self.asked:
            steps = f"{len(self.unused)} step{'s' if len(self.unused) > 1 else ''}"
            seen = f"{sum(self.unused)} backward() calls were cleared before {steps} could use them"
            self.report.add("no step", seen, self.at["backward"])
        if self.left and self.report.steps:
            self._judge_parameters()
        elif self.backwards >= STEPS and not self.at["step"]:
            names = " and ".join(type(o).__name__ for o in self.trained)
            seen = f"backward() was called {self.backwards} times, step() of {names} never"
            self.report.add("no step", seen, self.at["backward"])
        elif len(self.astray) >= STEPS and not self.backwards:
            self._tell_astray()
        many = [n for n, _, _ in self.carried]
        if all(n < later for n, later in pairwise(many)):  # else the state is cut off at times
            for _, seen, where in self.carried:
                self.report.add("graphs kept alive", seen, where)
        if self.report.steps >= STEPS and not self.report.findings:
            for name, seen, where in self.sizes.judge(self.at["backward"]):
                self.report.add(name, seen, where)

    def _judge_parameters(self) -> None:
        trained = {p for params in self.trained.values() for p in params}
        missing = [
            p
            for p, before in self.at_first.items()
            if p in self.left and p not in trained and np.array_equal(p.data, before)
        ]
        stepped = [o for o, steps in self.sizes.steps.items() if steps]
        idle = [
            p for o in stepped for p in self.trained[o] if p.requires_grad and p not in self.left
        ]
        if missing:
            seen = f"{self._list(missing)} got gradients, but no optimiser updated them"
            self.report.add("missing from the optimiser", seen, self.at["step"])
        elif idle:
            seen = f"{self._list(idle)} never got one"
            self.report.add("no gradient", seen, self.at["backward"])


class _Kept(NamedTuple):
    """A loss, an output or a state: after how many steps and ops it was made, and where."""

    step: int
    serial: int
    tensor: weakref.ref[Tensor]
    line: str


def _graphs(tensors: Iterable[Tensor]) -> set[Tensor]:
    """Return some tensors and all that they were computed from, as far as that is in memory."""
    stack = list(tensors)
    met = set(stack)
    while stack:
        new = set(stack.pop().inputs) - met
        met |= new
        stack.extend(new)
    return met


def _is_activation(module: Module) -> bool:
    """Whether the output of a module tells by itself that it stands still."""
    return signals.bounds(module) is not None or signals.rectifies(module)


def _has_mode(module: Module) -> bool:
    """Whether a module does something else in training than in evaluation."""
    rate = module.p if isinstance(module, Dropout) else vars(module).get("dropout")
    return isinstance(module, BatchNorm1d | BatchNorm2d) or (isinstance(rate, float) and rate > 0)


def _is(g: Tensor | None, used: Tensor | None) -> bool:
    """Whether a gradient is one that was used, and has not been filled with zeros since."""
    return g is not None and g is used and bool(np.any(g.data))
