"""Functions without state: activations, the affine map, and losses. Imported as F, as in PyTorch.

Some are ops of the engine, passed on here to be found by their usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import (
    as_tensor,
    attention_weights,
    celu,
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
from nn.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "attention_weights",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cosine_embedding_loss",
    "cosine_similarity",
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
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
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
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "swiglu",
    "tanh",
]


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
    >>> table = autograd.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
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
