"""Schedules: how the learning rate changes during training.

Each is a function of the number of steps, so that where it stands is one number; most define it
as `get_lr`, for `LambdaLR` and `OneCycleLR` it is another one for each group. Only
`ReduceLROnPlateau` looks at how training goes.

An optimiser has one schedule. Of two, each would set the learning rate without a look at the
other, where PyTorch's multiply what they find; `step` warns. Their product is a `LambdaLR`.
"""

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import as_tensor
from nn.optim.optimizer import Optimizer
from nn.pytorch_names import answers
from nn.warn import warn


class _Applied(type):
    """Let a schedule set the learning rates of the first step, once its ``__init__`` is over."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        schedule = super().__call__(*args, **kwargs)
        if cls.get_lr is not LRScheduler.get_lr:  # type: ignore[attr-defined]
            schedule._apply()
        return schedule


class LRScheduler(metaclass=_Applied):
    """The base of schedules: a subclass defines `get_lr`, which gives the first rate, too.

    Parameters
    ----------
    optimizer : Optimizer
        The learning rates that its groups have now are those that the schedule starts from.
    per : {'epoch', 'batch'}, default='epoch'
        After what `step` is to be called; `nn.fit` does as it says. A schedule that counts
        batches and is stepped once an epoch hardly moves, the other way round it is over too soon.

    Attributes
    ----------
    base_lrs : list of float
        One for each group.
    last_epoch : int
        How many times `step` was called: epochs or batches, as `per` says.

    Raises
    ------
    ValueError
        If `per` has no such value.
    """

    _state: tuple[str, ...] = ("base_lrs", "last_epoch")  # what changes

    def __init__(self, optimizer: Optimizer, *, per: str = "epoch") -> None:
        if per not in ("epoch", "batch"):
            raise ValueError(
                f"{type(self).__name__}: per is {per!r}; it is 'epoch' or 'batch', "
                "after what the schedule steps"
            )
        self.optimizer = optimizer
        self.per = per
        self.base_lrs = [float(group["lr"]) for group in optimizer.param_groups]
        self.last_epoch = 0
        self._left: list[float] | None = None  # the learning rates after the last step

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps: what a subclass defines."""
        raise NotImplementedError(
            f"{type(self).__name__}.get_lr: not defined; read the rates of its groups from "
            "get_last_lr() after a step, or define it in a schedule of your own"
        )

    def step(self) -> None:
        """Go one step on; call it after the optimiser's step."""
        self._count()
        found = self.get_last_lr()
        self._apply()
        if self._left not in (None, found):
            warn(
                f"{type(self).__name__}: the learning rate was {self._left} after the last step, "
                f"then changed to {found}, and this step overwrites it with {self.get_last_lr()}; "
                "give an optimiser one schedule: the product of two is a LambdaLR"
            )
        self._left = self.get_last_lr()

    def _count(self) -> None:
        if self.last_epoch == 0 and self.optimizer.steps == 0:
            warn(
                f"{type(self).__name__}: step() before the first step of the optimiser skips the "
                "first learning rate; call optimizer.step(), then scheduler.step()",
            )
        self.last_epoch += 1

    def _apply(self) -> None:
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.get_lr(base_lr, self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group as it is now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return what changes as the schedule goes on: numbers and lists of them.

        The learning rates as they are now stand in the optimiser's state. Settings are not part
        of it: they are those that the schedule was made with.
        """
        state = {key: copy(getattr(self, key)) for key in self._state}
        return {"scheduler": type(self).__name__, **state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state from `state_dict` of a schedule of the same class.

        Raises
        ------
        ValueError
            If the state is of another schedule, or for another number of groups. Nothing is
            changed then.
        """
        own = self.state_dict()
        misfits = [
            key
            for key in self._state
            if np.shape(state.get(key, "")) != np.shape(own[key])
            or np.asarray(state.get(key, "")).dtype.kind not in "if"
        ]
        if misfits or state.keys() != own.keys() or state["scheduler"] != own["scheduler"]:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: the state {state} is not of this "
                f"schedule with {len(self.base_lrs)} groups, whose state is {own}"
            )
        for key in self._state:
            setattr(self, key, copy(state[key]))
        self._left = None


class LambdaLR(LRScheduler):
    r"""Multiply the learning rate by a function of the number of steps.

    .. math:: \eta_t = \eta_0 f(t)

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or list of callables
        f, from the number of steps to a factor; a list has one for each group.
    per : {'epoch', 'batch'}, default='epoch'
        What t counts, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If a list is not as long as there are groups, or `per` has no such value.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(LambdaLR(optimizer, lambda t: 1 / (1 + t)), 4)
    [1.0, 0.5, 0.333, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        *,
        per: str = "epoch",
    ) -> None:
        super().__init__(optimizer, per=per)
        self.lr_lambdas = _for_groups(self, "lr_lambda", lr_lambda)
        self._apply()

    def _apply(self) -> None:
        groups = zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True)
        for group, base_lr, factor in groups:
            group["lr"] = base_lr * factor(self.last_epoch)


class StepLR(LRScheduler):
    r"""Multiply the learning rate by `gamma` every `step_size` steps.

    .. math:: \eta_t = \eta_0 \gamma^{\lfloor t / s \rfloor}

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
        s.
    gamma : float, default=0.1
    per : {'epoch', 'batch'}, default='epoch'
        What `step_size` counts, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If `step_size` is below 1, or `per` has no such value.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(StepLR(optimizer, step_size=2), 5)
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, *, per: str = "epoch"
    ) -> None:
        _at_least(self, 1, step_size=step_size)
        super().__init__(optimizer, per=per)
        self.step_size = step_size
        self.gamma = gamma

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        return base_lr * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    r"""Multiply the learning rate by `gamma` at each of the `milestones`.

    .. math:: \eta_t = \eta_0 \gamma^{|\{m \le t\}|}

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        m, in any order; one that stands twice counts twice.
    gamma : float, default=0.1
    per : {'epoch', 'batch'}, default='epoch'
        What `milestones` count, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If `per` has no such value.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(MultiStepLR(optimizer, [1, 4]), 5)
    [1.0, 0.1, 0.1, 0.1, 0.01]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        *,
        per: str = "epoch",
    ) -> None:
        super().__init__(optimizer, per=per)
        self.milestones = sorted(milestones)
        self.gamma = gamma

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        return base_lr * self.gamma ** bisect.bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    r"""Multiply the learning rate by `gamma` at each step.

    .. math:: \eta_t = \eta_0 \gamma^t

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    per : {'epoch', 'batch'}, default='epoch'
        After what `step` is to be called.

    Raises
    ------
    ValueError
        If `per` has no such value.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(ExponentialLR(optimizer, 0.5), 4)
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, *, per: str = "epoch") -> None:
        super().__init__(optimizer, per=per)
        self.gamma = gamma

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        return base_lr * self.gamma**t


class CosineAnnealingLR(LRScheduler):
    r"""Let the learning rate fall along half a cosine, from its first value to `eta_min`.

    .. math:: \eta_t = \eta_{\min} + \tfrac12 (\eta_0 - \eta_{\min})
              \left(1 + \cos \frac{\pi t}{T_{\max}}\right)

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        The steps to the minimum. Past it, the rate climbs again, as in PyTorch.
    eta_min : float, default=0.0
    per : {'epoch', 'batch'}, default='epoch'
        What `T_max` counts, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If `T_max` is below 1, or `per` has no such value.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017,
    arXiv:1608.03983, eq. (5), without the restarts.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(CosineAnnealingLR(optimizer, T_max=4), 5)
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        *,
        per: str = "epoch",
    ) -> None:
        _at_least(self, 1, T_max=T_max)
        super().__init__(optimizer, per=per)
        self.T_max = T_max
        self.eta_min = eta_min

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        return _cosine(base_lr, self.eta_min, t / self.T_max)


class WarmupCosineLR(LRScheduler):
    r"""Let the learning rate climb in a line over `warmup` steps, then fall along half a cosine.

    .. math:: \eta_t = \begin{cases}
              \eta_0 \, t / (w + 1) & t \le w \\
              \eta_{\min} + \tfrac12 (\eta_0 - \eta_{\min})
              \left(1 + \cos \pi \frac{t - w}{T_{\max} - w}\right) & w < t \le T_{\max}
              \end{cases}

    The first step is taken at :math:`\eta_0 / (w + 1)`, and not at 0, which would waste it. Past
    `T_max` the rate stays at `eta_min`.

    Parameters
    ----------
    optimizer : Optimizer
    warmup : int
        w.
    T_max : int
        The steps to the minimum, those of the warm-up among them.
    eta_min : float, default=0.0
    per : {'epoch', 'batch'}, default='batch'
        What `warmup` and `T_max` count, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If `warmup` is negative or not below `T_max`, or `per` has no such value.

    References
    ----------
    Warm-up: Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
    arXiv:1706.02677, section 2.2. The cosine: see `CosineAnnealingLR`.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> rates(WarmupCosineLR(optimizer, warmup=3, T_max=7), 9)
    [0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup: int,
        T_max: int,
        eta_min: float = 0.0,
        *,
        per: str = "batch",
    ) -> None:
        _at_least(self, 0, warmup=warmup)
        _at_least(self, warmup + 1, T_max=T_max)
        super().__init__(optimizer, per=per)
        self.warmup = warmup
        self.T_max = T_max
        self.eta_min = eta_min

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        w = self.warmup
        if t < w:
            return base_lr * (t + 1) / (w + 1)
        return _cosine(base_lr, self.eta_min, min((t - w) / (self.T_max - w), 1.0))


class OneCycleLR(LRScheduler):
    r"""Climb to `max_lr` and come down far below the start, with the momentum the other way round.

    From :math:`\eta_{\max} / d` the learning rate goes up to :math:`\eta_{\max}` in the first
    :math:`p T` steps, then down to :math:`\eta_{\max} / (d f)`, along half a cosine or a line; the
    momentum goes from its maximum to its base, and back.

    Parameters
    ----------
    optimizer : Optimizer
        Its own learning rates and momenta are not used.
    max_lr : float, or list of float
        A list has one for each group.
    total_steps : int, optional
        T.
    epochs, steps_per_epoch : int, optional
        T is their product: the number of epochs and ``len(loader)``, say.
    pct_start : float, default=0.3
        p, between 0 and 1.
    anneal_strategy : {'cos', 'linear'}, default='cos'
    cycle_momentum : bool, default=True
        Whether 'momentum', or the first of 'betas', is changed too.
    base_momentum, max_momentum : float, or list of float, default=0.85, 0.95
    div_factor : float, default=25.0
        d.
    final_div_factor : float, default=1e4
        f.
    three_phase : bool, default=False
        Come down as steeply as it went up, and then from :math:`\eta_{\max} / d` to the end.
    per : {'epoch', 'batch'}, default='batch'
        What `total_steps` counts, and after what `step` is to be called.

    Raises
    ------
    ValueError
        If an argument is out of range, T is given twice or not at all, or the optimiser has no
        momentum to cycle. In `step`, if it is called more than `total_steps` times.

    References
    ----------
    Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", 2018, arXiv:1708.07120, section 3.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], momentum=0.9)
    >>> rates(OneCycleLR(optimizer, 1.0, total_steps=10), 10)
    [0.04, 0.52, 1.0, 0.95, 0.812, 0.611, 0.389, 0.188, 0.05, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        *,
        per: str = "batch",
    ) -> None:
        lengths = {"total_steps": total_steps, "epochs": epochs, "steps_per_epoch": steps_per_epoch}
        given = {name: n for name, n in lengths.items() if n is not None}
        if list(given) not in (["total_steps"], ["epochs", "steps_per_epoch"]):
            got = ", ".join(f"{name}={n}" for name, n in given.items()) or "none of them"
            raise ValueError(
                f"OneCycleLR: got {got}; pass total_steps alone, or epochs and steps_per_epoch"
            )
        for name, n in given.items():
            if not isinstance(n, Integral) or n < 1:
                raise ValueError(f"OneCycleLR: {name} is {n!r}; pass a whole number, 1 or more")
        total_steps = math.prod(map(int, given.values()))
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start is {pct_start}; pass a share from 0 to 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy is {anneal_strategy!r}; it is 'cos' or 'linear'"
            )
        settings = optimizer.param_groups[0].keys()
        if cycle_momentum and not settings & {"momentum", "betas"}:
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum to cycle; pass "
                "cycle_momentum=False"
            )
        super().__init__(optimizer, per=per)
        self.max_lrs = _for_groups(self, "max_lr", max_lr)
        self.base_momentums = _for_groups(self, "base_momentum", base_momentum)
        self.max_momentums = _for_groups(self, "max_momentum", max_momentum)
        self.total_steps = total_steps
        self.cycle_momentum = cycle_momentum
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.between = _cosine if anneal_strategy == "cos" else _line
        up, end = pct_start * total_steps - 1, total_steps - 1
        back = [(2 * up, "start")] if three_phase else []
        self.phases = [(up, "top"), *back, (end, "end")]  # (last step, where it leads)
        self._apply()

    def step(self) -> None:
        """Go one step on; call it after the optimiser's step."""
        if self.last_epoch >= self.total_steps:
            raise ValueError(
                f"OneCycleLR: step() after all of {self.total_steps} steps; pass total_steps as "
                f"the number of {self.per} steps of the whole training"
            )
        self._count()
        self._apply()

    def _apply(self) -> None:
        origin, goal, share = self._place()
        for i, group in enumerate(self.optimizer.param_groups):
            top = self.max_lrs[i]
            start = top / self.div_factor
            lr = {"start": start, "top": top, "end": start / self.final_div_factor}
            group["lr"] = self.between(lr[origin], lr[goal], share)
            if self.cycle_momentum:
                slow, fast = self.max_momentums[i], self.base_momentums[i]
                mu = {"start": slow, "top": fast, "end": slow}
                now = self.between(mu[origin], mu[goal], share)
                if "betas" in group:
                    group["betas"] = (now, *group["betas"][1:])
                else:
                    group["momentum"] = now

    def _place(self) -> tuple[str, str, float]:
        """Return where the phase at hand comes from, where it leads, and the share that is over."""
        t = min(self.last_epoch, self.total_steps - 1)  # after the last step, it stays there
        begin, origin = 0.0, "start"
        for end, goal in self.phases:
            if t <= end:
                break
            begin, origin = end, goal
        return origin, goal, (t - begin) / (end - begin) if end != begin else 1.0


class ReduceLROnPlateau(LRScheduler):
    """Multiply the learning rate by `factor` when a metric has not got better for a while.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {'min', 'max'}, default='min'
        Whether less of the metric is better, as of a loss, or more, as of an accuracy.
    factor : float, default=0.1
        From 0 to below 1.
    patience : int, default=10
        How many steps without a new best are let pass; the next one reduces.
    threshold : float, default=1e-4
        How much better a new best must be than the old one.
    threshold_mode : {'rel', 'abs'}, default='rel'
        Whether `threshold` is a share of the old best, or a difference.
    cooldown : int, default=0
        For how many steps after a reduction nothing is counted.
    min_lr : float, or list of float, default=0.0
        The learning rate goes no lower; a list has one for each group.
    eps : float, default=1e-8
        A reduction by less than this is left out.
    per : {'epoch', 'batch'}, default='epoch'
        After what `step` is to be called. `nn.fit` gives it what it monitors.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from nn.optim import SGD
    >>> optimizer = SGD([Tensor(0.0, requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, patience=1)
    >>> optimizer.step()
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    ...     print(scheduler.get_last_lr())
    [1.0]
    [1.0]
    [1.0]
    [0.1]
    [0.1]
    """

    _state = (*LRScheduler._state, "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
        *,
        per: str = "epoch",
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode is {mode!r}; it is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: threshold_mode is {threshold_mode!r}; it is 'rel' or 'abs'"
            )
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor is {factor}; pass 0 <= factor < 1")
        for name, value in (("patience", patience), ("threshold", threshold)):
            if not value >= 0:
                raise ValueError(f"ReduceLROnPlateau: {name} is {value}; pass 0 or more")
        super().__init__(optimizer, per=per)
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = _for_groups(self, "min_lr", min_lr)
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0

    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Judge the metric, and reduce the learning rate if it is time; after the optimiser's step.

        Parameters
        ----------
        metrics : float
            Such as the loss on a validation set. NaN is not better than anything.
        """
        self._count()
        metrics = as_tensor(metrics).item()  # of a loss, too
        if self._is_better(metrics):
            self.best, self.num_bad_epochs = metrics, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, min_lr in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(group["lr"] * self.factor, min_lr)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, metrics: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * metrics > sign * self.best * (1 + sign * self.threshold)
        return sign * metrics > sign * self.best + self.threshold


def rates(scheduler: LRScheduler, n: int) -> list[float]:
    """Return the learning rates of the first group in the next `n` steps, to 3 digits.

    It steps a copy: the schedule and its optimiser stay as they are.
    """
    scheduler, optimizer = copy(scheduler), copy(scheduler.optimizer)
    scheduler.optimizer, optimizer.steps = optimizer, 1
    optimizer.param_groups = [{**group} for group in optimizer.param_groups]
    seen = scheduler.get_last_lr()[:1]
    while len(seen) < n:
        scheduler.step()
        seen += scheduler.get_last_lr()[:1]
    return [round(lr, 3) for lr in seen]


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _for_groups(scheduler: LRScheduler, name: str, value: Any) -> list[Any]:
    """Return one value for each group."""
    n = len(scheduler.optimizer.param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * n
    if len(values) != n:
        raise ValueError(
            f"{type(scheduler).__name__}: {name} has {len(values)} entries, but the optimiser has "
            f"{n} groups"
        )
    return values


def _at_least(scheduler: LRScheduler, least: int, **value: int) -> None:
    ((name, n),) = value.items()
    if n < least:
        raise ValueError(
            f"{type(scheduler).__name__}: {name} is {n}; pass the number of steps, >= {least}"
        )


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
