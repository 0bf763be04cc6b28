"""Adam."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from nn.optim.optimizer import Optimizer


class Adam(Optimizer):
    r"""Adam: each weight's step is measured by the size that its gradients have had.

    .. math::
        g &\leftarrow g + \lambda \theta \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat m &= m / (1 - \beta_1^t), \quad \hat v = v / (1 - \beta_2^t) \\
        \theta &\leftarrow \theta - \eta \, \hat m / (\sqrt{\hat v} + \epsilon)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-3
        The learning rate, eta.
    betas : tuple of two floats, default=(0.9, 0.999)
        How much of the running means m and v is kept at each step.
    eps : float, default=1e-8
        Outside the root, as in the paper and in PyTorch.
    weight_decay : float, default=0
        lambda, the factor of an L2 penalty. It goes through m and v as the gradient does, which is
        not the decay of AdamW.

    Raises
    ------
    ValueError
        If a setting is negative, or a beta not below 1.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, arXiv:1412.6980,
    algorithm 1.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([0.9])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are negative, and betas of 1 or more."""
        super().check(settings)
        check_betas(self, settings["betas"])

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return t = 0, m = 0 and v = 0."""
        return {"step": 0, "exp_avg": np.zeros_like(p.data), "exp_avg_sq": np.zeros_like(p.data)}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        (beta1, beta2), eps, decay = group["betas"], group["eps"], group["weight_decay"]
        for p, g in pairs:
            state = self.state_of(p, group)
            state["step"] += 1
            m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
            if decay:
                g = g + decay * p.data
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            # the corrections of m and v are numbers, kept off the arrays
            lr = group["lr"] / (1 - beta1**t)
            p.data -= lr * m / (np.sqrt(v) / math.sqrt(1 - beta2**t) + eps)


class AdamW(Adam):
    r"""Adam with the weight decay taken off the weights themselves, past the moments.

    .. math::
        \theta &\leftarrow \theta - \eta \lambda \theta \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat m &= m / (1 - \beta_1^t), \quad \hat v = v / (1 - \beta_2^t) \\
        \theta &\leftarrow \theta - \eta \, \hat m / (\sqrt{\hat v} + \epsilon)

    Every weight decays at the same rate, also one whose gradients are large: in `Adam` the
    penalty is divided by their size as the gradient is.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-3
        The learning rate, eta.
    betas : tuple of two floats, default=(0.9, 0.999)
    eps : float, default=1e-8
    weight_decay : float, default=0.01
        lambda, which is multiplied by the learning rate, as in PyTorch. (In the paper it is
        multiplied by the schedule alone.)

    Raises
    ------
    ValueError
        If a setting is negative, or a beta not below 1.

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, arXiv:1711.05101,
    algorithm 2.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([0.85])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Let the weights decay, then do what Adam does."""
        for p, _ in pairs:
            p.data *= 1 - group["lr"] * group["weight_decay"]
        super().update(pairs, {**group, "weight_decay": 0})


def check_betas(optimizer: Optimizer, betas: tuple[float, ...]) -> None:
    """Refuse betas that are not two numbers below 1."""
    if np.shape(betas) != (2,) or max(betas) >= 1:
        raise ValueError(f"{type(optimizer).__name__}: betas is {betas}; pass two numbers below 1")
