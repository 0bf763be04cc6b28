"""Schedules: how the learning rate changes during training."""

import math

from nn.optim.optimizer import Optimizer


class LRScheduler:
    """The base of schedules: a subclass defines `get_lr`.

    Parameters
    ----------
    optimizer : Optimizer
        The learning rates that its groups have now are those that the schedule starts from.
    per : {'epoch', 'batch'}, default='epoch'
        After what `step` is to be called; `nn.fit` does as it says.

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

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps: what a subclass defines."""
        raise NotImplementedError

    def step(self) -> None:
        """Go one step on; call it after the optimiser's step."""
        self.last_epoch += 1
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.get_lr(base_lr, self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group as it is now."""
        return [group["lr"] for group in self.optimizer.param_groups]


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
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(4):
    ...     scheduler.step()
    ...     print(f"{scheduler.get_last_lr()[0]:.3f}")
    0.854
    0.500
    0.146
    0.000
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        *,
        per: str = "epoch",
    ) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max is {T_max}; pass the number of steps, >= 1")
        super().__init__(optimizer, per=per)
        self.T_max = T_max
        self.eta_min = eta_min

    def get_lr(self, base_lr: float, t: int) -> float:
        """Return the learning rate after `t` steps, by the formula above."""
        return (
            self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2
        )
