"""Adagrad."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from nn.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    r"""Divide each gradient by the root of the sum of the squares of all before it.

    .. math::
        g &\leftarrow g + \lambda \theta            && \text{weight decay} \\
        s &\leftarrow s + g^2                       && \text{s starts at } s_0 \\
        \theta &\leftarrow \theta
            - \frac{\eta}{1 + (t - 1) \kappa} \, \frac{g}{\sqrt s + \epsilon}

    Weights that rarely have a gradient, such as those of rare words, take larger steps.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-2
        The learning rate, eta.
    lr_decay : float, default=0
        kappa.
    weight_decay : float, default=0
        lambda, the factor of an L2 penalty.
    initial_accumulator_value : float, default=0
        s_0.
    eps : float, default=1e-10

    Raises
    ------
    ValueError
        If a setting is negative.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", JMLR 12, 2011, section 1.1, with diagonal matrices.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([0.9])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
            },
        )

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return t = 0 and s = s_0."""
        return {"step": 0, "sum": np.full_like(p.data, group["initial_accumulator_value"])}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        decay = group["weight_decay"]
        for p, g in pairs:
            state = self.state_of(p, group)
            state["step"] += 1
            s, t = state["sum"], state["step"]
            if decay:
                g = g + decay * p.data
            s += g * g
            lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
            p.data -= lr * g / (np.sqrt(s) + group["eps"])
