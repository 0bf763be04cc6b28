"""Losses that logarithms of rounded probabilities would spoil; `nn.loss` composes the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Array, op
from .elementwise import sigmoid
from .fused import log_softmax
from .precision import floating, in_dtype, widened
from .shape import getitem

__all__ = [
    "bce",
    "bce_with_logits",
    "cross_entropy",
]


@op(
    vjp=(
        lambda g, out, p, y: g * ((p - y) / np.maximum(p * (1 - p), _least(p.dtype))),
        lambda g, out, p, y: g * (_log(1 - p) - _log(p)),
    ),
    latex=r"-{1} \log {0} - (1 - {1}) \log(1 - {0})",
    flops=25,
)
def bce(p: Array, y: Array) -> Array:
    """Return -y log p - (1 - y) log(1 - p), element by element: the binary cross-entropy.

    A logarithm is taken to be -100 at least, and p (1 - p) to be 1e-12 in the derivative, as
    PyTorch has it: a p that is rounded to 0 or 1 must not make the loss infinite.

    Parameters
    ----------
    p, y : Tensor or ndarray of one shape
        Probabilities, and what they should be.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the shape of `p`

    Examples
    --------
    >>> from autograd import Tensor, bce
    >>> bce(Tensor([0.5, 0.0]), Tensor([1.0, 1.0])).numpy().round(4)
    array([  0.6931, 100.    ])
    """
    p, y = floating(p), floating(y)
    return -(y * _log(p) + (1 - y) * _log(1 - p))


def _least(dtype: np.dtype[Any]) -> Any:
    return max(1e-12, np.finfo(dtype).tiny)  # float16 has no 1e-12


def _log(p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100)


@op(
    vjp=(lambda g, out, z, y: g * (sigmoid(z) - y), lambda g, out, z, y: -g * z),
    latex=r"\log(1 + e^{{{0}}}) - {1} \odot {0}",
    flops=25,
)
def bce_with_logits(z: Array, y: Array) -> Array:
    """Return the `bce` of sigmoid(z), element by element, exact for any z.

    .. math:: \\ell = \\log(1 + e^z) - y z

    Parameters
    ----------
    z, y : Tensor or ndarray of one shape
        Logits, and the probabilities that they should give.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the shape of `z`

    Examples
    --------
    >>> from autograd import Tensor, bce_with_logits
    >>> bce_with_logits(Tensor([1000.0, -1000.0]), Tensor([1.0, 1.0])).numpy()
    array([   0., 1000.])
    """
    z, y = floating(z), floating(y)
    # log(1 + e^z) = max(z, 0) + log(1 + e^-|z|): exp does not overflow, and a tiny loss keeps its
    # digits.
    return np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))


def _reduce(losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    return losses.sum() / losses.size if reduction == "mean" else losses.sum()


def _cross_entropy_reference(x: Array, target: Array, reduction: str = "mean") -> Array:
    picked = getitem(log_softmax(x), (np.arange(len(target)), target))
    return _reduce(-picked, reduction)


def _cross_entropy_shared(
    g: Array, out: Array, saved: Array, x: Array, target: Array, *, reduction: str
) -> Array:
    p, at = saved
    if reduction == "mean":
        g = g * (1 / max(len(p), 1))  # not by a count: above 65504 it is infinite in float16
    delta = p * (g[:, None] if reduction == "none" else g)
    delta.ravel(order="K")[at] -= g  # (p - y) g, for each row
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
    labels = target if target.dtype == np.intp else target.astype(np.intp)
    if rows and np.maximum.reduce(labels.view(np.uintp)) >= classes:  # negative ones are huge
        raise ValueError(
            f"cross_entropy: targets run from {target.min()} to {target.max()}, but there are "
            f"{classes} classes, 0 to {classes - 1}"
        )
    # Few classes lie in columns: their sum is then one of long columns, not of many short rows.
    p = np.array(widened(x), order="F" if classes <= 100 else "C")
    p -= np.maximum.reduce(p, axis=1, keepdims=True)
    flat = p.ravel(order="K")
    down, right = (stride // p.itemsize for stride in p.strides)
    at = np.arange(rows) * down + labels * right  # where the right classes are in `flat`
    losses = flat[at]
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - losses
    p /= total
    return in_dtype(_reduce(losses, reduction), x.dtype), (in_dtype(p, x.dtype), at)
