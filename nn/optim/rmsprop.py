"""RMSprop."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from nn.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    r"""Divide each gradient by the running root mean square of those before it.

    .. math::
        g &\leftarrow g + \lambda \theta            && \text{weight decay} \\
        v &\leftarrow \alpha v + (1 - \alpha) g^2 \\
        m &\leftarrow \alpha m + (1 - \alpha) g     && \text{if centered, else } m = 0 \\
        g &\leftarrow g / (\sqrt{v - m^2} + \epsilon) \\
        b &\leftarrow \mu b + g                     && \text{momentum} \\
        \theta &\leftarrow \theta - \eta b

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-2
        The learning rate, eta.
    alpha : float, default=0.99
        How much of the running means v and m is kept at each step.
    eps : float, default=1e-8
        Outside the root, as in PyTorch.
    weight_decay : float, default=0
        lambda, the factor of an L2 penalty.
    momentum : float, default=0
        mu.
    centered : bool, default=False
        Divide by the running standard deviation, about the running mean m.

    Raises
    ------
    ValueError
        If a setting is negative, or alpha not below 1.

    References
    ----------
    Hinton, "Neural Networks for Machine Learning", 2012, lecture 6e. The centred form: Graves,
    "Generating Sequences With Recurrent Neural Networks", 2013, arXiv:1308.0850, eqs. (38)-(41).

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.1, alpha=0.75)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy().round(6)
    array([0.8])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
            },
        )

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are negative, and an alpha of 1 or more."""
        super().check(settings)
        if settings["alpha"] >= 1:
            raise ValueError(f"RMSprop: alpha is {settings['alpha']}; pass a number below 1")

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return t = 0, v = 0, and m = 0 and b = 0 where the settings need them."""
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] else []
        names += ["grad_avg"] if group["centered"] else []
        return {"step": 0, **{name: np.zeros_like(p.data) for name in names}}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        alpha, decay, mu = group["alpha"], group["weight_decay"], group["momentum"]
        for p, g in pairs:
            state = self.state_of(p, group)
            state["step"] += 1
            if decay:
                g = g + decay * p.data
            v = state["square_avg"]
            v *= alpha
            v += (1 - alpha) * g * g
            if group["centered"]:
                m = state["grad_avg"]
                m *= alpha
                m += (1 - alpha) * g
                # a variance, which rounding can push below 0 where g hardly changes
                v = np.maximum(v - m * m, 0)
            g = g / (np.sqrt(v) + group["eps"])
            if mu:
                b = state["momentum_buffer"]
                b *= mu
                b += g
                g = b
            p.data -= group["lr"] * g
