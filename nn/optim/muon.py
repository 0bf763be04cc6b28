"""Muon."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
from nn.optim.optimizer import Optimizer

ADJUSTMENTS = ("original", "match_rms_adamw")


class Muon(Optimizer):
    r"""Step along the momentum made orthogonal, so that no direction of a matrix is left behind.

    .. math::
        B &\leftarrow \mu B + (1 - \mu) G \\
        U &\leftarrow B, \text{ or } \mu B + (1 - \mu) G         && \text{Nesterov} \\
        O &\leftarrow \operatorname{orthogonalize}(U) \\
        \Theta &\leftarrow (1 - \eta \lambda) \Theta \\
        \Theta &\leftarrow \Theta - \eta \sqrt{\max(1, r / c)} \, O     && \Theta: r \times c

    It is for the weight matrices of hidden layers; train biases, norms, embeddings and the last
    layer with another, such as `AdamW`.

    Parameters
    ----------
    params : iterable of Tensor of two axes, or of dict
        See `Optimizer`.
    lr : float, default=1e-3
        The learning rate, eta.
    weight_decay : float, default=0.1
        lambda, decoupled as in AdamW.
    momentum : float, default=0.95
        mu.
    nesterov : bool, default=True
    ns_coefficients : tuple of three floats, default=(3.4445, -4.775, 2.0315)
        See `orthogonalize`.
    eps : float, default=1e-7
        See `orthogonalize`.
    ns_steps : int, default=5
        See `orthogonalize`.
    adjust_lr_fn : {'original', 'match_rms_adamw'}, optional
        The factor beside eta: None or 'original' is that of the formula, 'match_rms_adamw' is
        :math:`0.2 \sqrt{\max(r, c)}`, with which AdamW's learning rate and decay can be kept.

    Raises
    ------
    ValueError
        If a setting is out of range, or a parameter is no matrix.

    Notes
    -----
    PyTorch orthogonalises in bfloat16, which NumPy has not; here it is done in the dtype of the
    parameter, at least float32. So single weights differ from PyTorch's by up to some percent of
    a step.

    References
    ----------
    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    kellerjordan.github.io/posts/muon. 'match_rms_adamw': Liu et al., "Muon is Scalable for LLM
    Training", 2025, arXiv:2502.16982, section 2.2.

    Examples
    --------
    >>> w = Tensor([[3.0, 0.0], [0.0, 0.1]], requires_grad=True)
    >>> optimizer = Muon([w], lr=0.1, weight_decay=0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()  # the steps of both directions are alike, the gradients 30 to 1
    >>> w.numpy().round(2)
    array([[ 2.93,  0.  ],
           [ 0.  , -0.01]])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(
                    f"Muon: {p.name or 'a parameter'} has shape {p.shape}, but only matrices can "
                    "be made orthogonal; give the others to AdamW"
                )

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are negative or have no meaning."""
        rest = dict(settings)
        coefficients, adjust = rest.pop("ns_coefficients"), rest.pop("adjust_lr_fn")
        super().check(rest)
        if np.shape(coefficients) != (3,):
            raise ValueError(f"Muon: ns_coefficients is {coefficients}; pass three numbers")
        if adjust not in (None, *ADJUSTMENTS):
            raise ValueError(f"Muon: adjust_lr_fn is {adjust!r}; it is one of {ADJUSTMENTS}")

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return B = 0."""
        return {"momentum_buffer": np.zeros_like(p.data)}

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group by the formula above."""
        lr, mu = group["lr"], group["momentum"]
        for p, g in pairs:
            b = self.state_of(p, group)["momentum_buffer"]
            b *= mu
            b += (1 - mu) * g
            u = mu * b + (1 - mu) * g if group["nesterov"] else b
            o = orthogonalize(u, group["ns_coefficients"], group["ns_steps"], group["eps"])
            p.data *= 1 - lr * group["weight_decay"]
            rows, columns = p.shape
            if group["adjust_lr_fn"] == "match_rms_adamw":
                factor = 0.2 * math.sqrt(max(rows, columns))
            else:
                factor = math.sqrt(max(1, rows / columns))
            p.data -= lr * factor * o


def orthogonalize(
    matrix: NDArray[Any],
    coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    steps: int = 5,
    eps: float = 1e-7,
) -> NDArray[Any]:
    r"""Push the singular values of a matrix towards 1, by products of matrices alone.

    .. math:: X \leftarrow U / \max(\|U\|_F, \epsilon), \quad
              X \leftarrow a X + (b A + c A^2) X \text{ with } A = X X^T

    Each step takes a singular value s to :math:`a s + b s^3 + c s^5`. The coefficients are chosen
    steep at 0, so small values grow fast; they come to lie around 1 (0.7 to 1.2) and not on it.

    Parameters
    ----------
    matrix : ndarray of shape (r, c), floating
    coefficients : tuple of three floats
        a, b and c.
    steps : int, default=5
    eps : float, default=1e-7

    Returns
    -------
    ndarray of shape (r, c), dtype of `matrix`

    References
    ----------
    Jordan et al., as for `Muon`: the Newton-Schulz iteration of degree five.
    """
    a, b, c = coefficients
    x = matrix.astype(np.result_type(matrix, np.float32))
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T  # so that A is the smaller of the two products
    x = x / max(float(np.linalg.norm(x)), eps)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return (x if wide else x.T).astype(matrix.dtype, copy=False)
