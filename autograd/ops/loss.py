"""Losses: how far a prediction is from its target, one number for each pair or for all of them.

Each carries its reference, the same function composed from primitives, as the other fused ops do.
"""

from __future__ import annotations

import numpy as np

from ..op import Array, op
from .fused import log_softmax
from .shape import getitem

__all__ = [
    "cross_entropy",
]


def _reduce(losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    return losses.sum() / losses.size if reduction == "mean" else losses.sum()


def _cross_entropy_reference(x: Array, target: Array, reduction: str = "mean") -> Array:
    target = np.asarray(getattr(target, "data", target))
    picked = getitem(log_softmax(x), (np.arange(len(target)), target))
    return _reduce(-picked, reduction)


def _cross_entropy_shared(
    g: Array, out: Array, saved: Array, x: Array, target: Array, *, reduction: str
) -> Array:
    p, target = saved
    if reduction == "mean":
        g = g / x.dtype.type(len(target))
    delta = p * (g[:, None] if reduction == "none" else g)
    delta[np.arange(len(target)), target] -= g  # (p - y) g, for each row
    return delta


@op(
    vjp=(lambda delta, out, x, target, *, reduction: delta, None),
    latex=r"-\log\operatorname{{softmax}}({0})_{{{1}}}",
    kind="other",
    shared=_cross_entropy_shared,
    reference=_cross_entropy_reference,
    flops=lambda out, x, target, *, reduction: 15 * x.size,
)
def cross_entropy(x: Array, target: Array, reduction: str = "mean") -> Array:
    """Return the cross-entropy of logits against class indices: -log softmax(x)[target].

    .. math:: \\ell = \\log \\sum_j e^{x_j} - x_t

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, classes), floating
        Logits, not probabilities.
    target : Tensor or ndarray of shape (batch,), integer
        Class indices, 0 <= target < classes.
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (), or (batch,) without reduction

    Raises
    ------
    ValueError
        If the shapes do not fit, an index is out of range or the reduction has no such name.
    TypeError
        If the target is not an integer array.

    Examples
    --------
    >>> from autograd import Tensor, cross_entropy
    >>> x = Tensor([[0.0, 0.0]], requires_grad=True)
    >>> cross_entropy(x, [1]).backward()
    >>> x.grad.numpy()
    array([[ 0.5, -0.5]])
    """
    if x.ndim != 2 or target.shape != x.shape[:1]:
        raise ValueError(
            f"cross_entropy: logits of shape {x.shape} and targets of shape {target.shape} do not "
            "fit; pass logits (batch, classes) and class indices (batch,)"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: targets are class indices, integers, but are {target.dtype}"
        )
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(
            f"cross_entropy: reduction is {reduction!r}; it is 'mean', 'sum' or 'none'"
        )
    rows, classes = x.shape
    p = x - np.maximum.reduce(x, axis=1, keepdims=True)
    try:
        losses = p[np.arange(rows), target]
        fits = not rows or target.min() >= 0
    except IndexError:
        fits = False
    if not fits:
        raise ValueError(
            f"cross_entropy: targets run from {target.min()} to {target.max()}, but there are "
            f"{classes} classes, 0 to {classes - 1}"
        )
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - losses
    p /= total
    return _reduce(losses, reduction), (p, target.copy())  # the caller may reuse the batch
