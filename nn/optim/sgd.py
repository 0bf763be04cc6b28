"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

from autograd import Tensor
from nn.optim.optimizer import Optimizer


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum if asked.

    .. math::
        g &\leftarrow g + \lambda \theta            && \text{weight decay} \\
        v &\leftarrow \mu v + (1 - \tau) g          && \text{v starts as the first g} \\
        g &\leftarrow v, \text{ or } g + \mu v      && \text{Nesterov} \\
        \theta &\leftarrow \theta - \eta g

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        See `Optimizer`.
    lr : float, default=1e-3
        The learning rate, eta.
    momentum : float, default=0
        mu. Without it the second and third line are left out.
    dampening : float, default=0
        tau.
    weight_decay : float, default=0
        lambda, the factor of an L2 penalty.
    nesterov : bool, default=False

    Raises
    ------
    ValueError
        If a setting is negative, or nesterov comes without momentum or with dampening.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning", 2013, section 2, in PyTorch's form, where the learning rate stays outside v.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([0.8])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are negative, and nesterov where it has no meaning."""
        super().check(settings)
        momentum, dampening = settings["momentum"], settings["dampening"]
        if settings["nesterov"] and (momentum == 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov with momentum={momentum}, dampening={dampening}; it needs momentum "
                "above 0 and no dampening"
            )

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the form of v, which `update` starts as the first g."""
        return {"momentum_buffer": np.zeros_like(p.data)} if group["momentum"] else {}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        lr, mu, decay = group["lr"], group["momentum"], group["weight_decay"]
        for p, g in pairs:
            if decay:
                g = g + decay * p.data
            if mu:
                v = self._velocity(p, g, group)
                g = g + mu * v if group["nesterov"] else v
            p.data = _add_scaled(p.data, -lr, g)

    def _velocity(self, p: Tensor, g: Any, group: dict[str, Any]) -> Any:
        if p not in self.state:
            self.state[p] = {"momentum_buffer": np.array(g)}
            return self.state[p]["momentum_buffer"]
        v = self.state[p]["momentum_buffer"]
        v *= group["momentum"]
        v += (1 - group["dampening"]) * g if group["dampening"] else g
        return v


_AXPY = {np.dtype(np.float32): saxpy, np.dtype(np.float64): daxpy}
_PIECE = 10_000  # elements, from which on BLAS would wake threads of its own


def _add_scaled(y: Any, a: float, x: Any) -> Any:
    """Add a * x to y, in place: in one pass over the memory, where lr * g would make two.

    Return y; a tensor without axes holds a number, which only a new one can replace.
    """
    axpy = _AXPY.get(y.dtype)
    if (
        axpy is None
        or not y.ndim
        or x.dtype != y.dtype
        or not (y.flags.c_contiguous and x.flags.c_contiguous)
    ):
        y += a * x
        return y
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    for start in range(0, y.size, _PIECE):
        n = min(_PIECE, y.size - start)
        axpy(flat_x, flat_y, n, a, start, 1, start, 1)  # into flat_y, a view of y
    return y
