"""Functions without state: activations, the affine map, and losses. Imported as F, as in PyTorch.

Some are ops of the engine, passed on here to be found by their usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import (
    Tensor,
    as_tensor,
    attention_weights,
    celu,
    cross_entropy,
    elu,
    geglu,
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    mish,
    op,
    prelu,
    quick_gelu,
    reglu,
    relu,
    relu6,
    rope,
    scaled_dot_product_attention,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swiglu,
    tanh,
)

__all__ = [
    "attention_weights",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "elu",
    "embedding",
    "geglu",
    "gelu",
    "glu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu",
    "relu6",
    "rms_norm",
    "rope",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swiglu",
    "tanh",
]


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    r"""Return the squared error of each element, or their mean or sum.

    .. math:: \ell = (\hat y - y)^2

    With the mean over N elements the gradient is :math:`2 (\hat y - y) / N`.

    Parameters
    ----------
    input : Tensor of any shape, floating
    target : Tensor or array_like of the same shape
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction has no such name.

    Examples
    --------
    >>> mse_loss(Tensor([1.0, 2.0]), [0.0, 0.0]).item()
    2.5
    """
    target = _same_shape("mse_loss", input, target)
    return _reduce("mse_loss", (input - target) ** 2, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    r"""Return -y log p - (1 - y) log(1 - p) with p = sigmoid(input), or its mean or sum.

    .. math:: \ell = \log(1 + e^z) - y z

    Computed from the logits z, so that no logarithm meets a p rounded to 0 or 1. The gradient is
    :math:`p - y`, divided by the number of elements with the mean.

    Parameters
    ----------
    input : Tensor of any shape, floating
        Logits z, not probabilities.
    target : Tensor or array_like of the same shape
        y, between 0 and 1: one answer, or several that do not exclude each other.
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction has no such name.

    Examples
    --------
    >>> binary_cross_entropy_with_logits(Tensor([1000.0, -1000.0]), [1.0, 1.0], "none").numpy()
    array([   0., 1000.])
    """
    target = _same_shape("binary_cross_entropy_with_logits", input, target)
    losses: Tensor = _bce_with_logits(input, target)
    return _reduce("binary_cross_entropy_with_logits", losses, reduction)


@op(
    vjp=(lambda g, out, z, y: g * (sigmoid(z) - y), lambda g, out, z, y: -g * z),
    latex=r"\log(1 + e^{{{0}}}) - {1} \odot {0}",
    flops=25,
)
def _bce_with_logits(z: Any, y: Any) -> Any:
    # log(1 + e^z) = max(z, 0) + log(1 + e^-|z|): exp does not overflow, and a tiny loss keeps its
    # digits.
    return np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))


def _same_shape(where: str, input: Tensor, target: Any) -> Tensor:
    """Return the target as a tensor; refuse to broadcast, which would train on the wrong pairs."""
    wanted = as_tensor(target)
    if wanted.dtype.kind != "f":  # classes 0 and 1 as integers would promote float32
        wanted = wanted.astype(input.dtype)
    elif not isinstance(target, Tensor):
        wanted = as_tensor(wanted, input.dtype)
    if input.shape != wanted.shape:
        hint = "; reshape one of them" if input.size == wanted.size else ""
        raise ValueError(
            f"{where}: input of shape {input.shape} and target of shape {wanted.shape} differ, "
            f"and a loss does not broadcast{hint}"
        )
    return wanted


def _reduce(where: str, losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return losses.mean()  # type: ignore[no-any-return]
    if reduction == "sum":
        return losses.sum()  # type: ignore[no-any-return]
    if reduction == "none":
        return losses
    raise ValueError(f"{where}: reduction is {reduction!r}; it is 'mean', 'sum' or 'none'")


# Normalisation: the ops of the engine, with their arguments in PyTorch's order.


def layer_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return `autograd.layer_norm`, which see, with the arguments in PyTorch's order."""
    if weight is None and bias is not None:
        return autograd.layer_norm(input, normalized_shape=normalized_shape, eps=eps) + bias
    return autograd.layer_norm(input, weight, bias, normalized_shape, eps)


def rms_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    eps: float | None = None,
) -> Any:
    """Return `autograd.rms_norm`, which see, with the arguments in PyTorch's order."""
    return autograd.rms_norm(input, weight, normalized_shape, eps)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return `autograd.group_norm`, which see, with the arguments in PyTorch's order."""
    return autograd.group_norm(input, weight, bias, num_groups, eps)


# Tables.


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Return the rows of a table that an array of integers names.

    Parameters
    ----------
    input : integer Tensor or array_like of any shape
    weight : Tensor of shape (num_embeddings, embedding_dim)
    padding_idx : int, optional
        A row that gets no gradient: what fills up sequences that are shorter than the batch.

    Returns
    -------
    Tensor of shape (*input.shape, embedding_dim)
        The gradients of a row that is named several times add up.

    Raises
    ------
    TypeError
        If the input is not of integers.
    IndexError
        If an integer does not name a row.

    Examples
    --------
    >>> table = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> embedding([1, 0, 1], table, padding_idx=0).sum().backward()
    >>> table.grad.tolist()
    [[0.0, 0.0], [2.0, 2.0]]
    """
    rows = autograd.embedding(input, weight)
    if padding_idx is None:
        return rows
    if not 0 <= padding_idx < len(weight):
        raise IndexError(
            f"embedding: padding_idx is {padding_idx}, but the table of shape {weight.shape} has "
            f"rows 0 to {len(weight) - 1}"
        )
    learns = as_tensor(input).data[..., None] != padding_idx
    return np.where(learns, rows, rows.detach())
