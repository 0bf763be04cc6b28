"""Lion."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from nn.optim.adam import check_betas
from nn.optim.optimizer import Optimizer


class Lion(Optimizer):
    r"""Go a step of one size, in the direction of the sign of a running mean of gradients.

    .. math::
        c &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        \theta &\leftarrow \theta - \eta (\operatorname{sign}(c) + \lambda \theta) \\
        m &\leftarrow \beta_2 m + (1 - \beta_2) g

    It keeps one array for each parameter where Adam keeps two. As every step has the full size,
    the paper takes a learning rate 3 to 10 times smaller than AdamW's, and a decay as much larger.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-4
        The learning rate, eta.
    betas : tuple of two floats, default=(0.9, 0.99)
        How much of m goes into the step, and into the next m.
    weight_decay : float, default=0
        lambda, decoupled as in AdamW.

    Raises
    ------
    ValueError
        If a setting is negative, or a beta not below 1.

    References
    ----------
    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, arXiv:2302.06675,
    algorithm 2.

    Examples
    --------
    >>> w = Tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = Lion([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([ 0.9, -2.9])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are negative, and betas of 1 or more."""
        super().check(settings)
        check_betas(self, settings["betas"])

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return m = 0."""
        return {"exp_avg": np.zeros_like(p.data)}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        for p, g in pairs:
            m = self.state_of(p, group)["exp_avg"]
            direction = np.sign(beta1 * m + (1 - beta1) * g)
            p.data -= lr * (direction + decay * p.data if decay else direction)
            m *= beta2
            m += (1 - beta2) * g
