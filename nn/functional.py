"""Functions without state: affine maps, activations, norms, losses. Imported as F, as in PyTorch.

Some are ops of the engine, passed on here to be found by their usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd
from autograd import (
    Tensor,
    adaptive_avg_pool2d,
    as_tensor,
    attention_weights,
    avg_pool2d,
    celu,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
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
    max_pool2d,
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
from autograd.op import untensored
from autograd.recording import rerunning
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
from nn.pytorch_names import answers
from nn.random import generator

__all__ = [
    "adaptive_avg_pool2d",
    "attention_weights",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
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
    "max_pool2d",
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


# Normalisation, with arguments in PyTorch's order.


def layer_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Return `autograd.layer_norm`, which see, with the arguments in PyTorch's order."""
    return autograd.layer_norm(input, _beside(weight, bias), bias, normalized_shape, eps)


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
    return autograd.group_norm(input, _beside(weight, bias), bias, num_groups, eps)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise each channel: in training by the batch's statistics, else by the running ones.

    .. math:: y = \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}} \\odot w + b

    Parameters
    ----------
    input : Tensor of shape (batch, channels, ...), floating
    running_mean, running_var : Tensor of shape (channels,), or None
        Moved in training towards the batch's mean and unbiased variance, outside the graph, and
        by a `checkpoint` once.
    weight, bias : Tensor of shape (channels,), optional
    training : bool, default=False
    momentum : float, default=0.1
        How far the running statistics move: r <- (1 - momentum) r + momentum * new.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.

    Returns
    -------
    Tensor of the shape of `input`
        Its dtype is that of the tensors it is computed from, as NumPy promotes them.

    Raises
    ------
    ValueError
        If the shapes do not fit; in training, if a channel has one value only; else, if there
        are no running statistics.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167, algorithms 1 and 2.
    """
    if training:
        channels = input.shape[1:2]
        wide = np.result_type(input.dtype, np.float32)  # a variance overflows in float16
        moments = np.empty(channels, wide), np.empty(channels, wide)
        out = autograd.batch_norm(input, _beside(weight, bias), bias, eps, moments)
        n = input.size // max(input.shape[1], 1)
        if n and not rerunning.get():
            unbiased = moments[1] * (n / (n - 1))
            for running, new in ((running_mean, moments[0]), (running_var, unbiased)):
                if running is not None:
                    running.data += momentum * (new - running.data)
                    running.mark_changed()
        return out
    if running_mean is None or running_var is None:
        raise ValueError(
            "batch_norm: there are no running statistics; pass them, or training=True for the "
            "batch's own"
        )
    scale = (running_var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    shift = shift if bias is None else shift + bias
    axes = (-1, *(1,) * (input.ndim - 2))
    return input * scale.reshape(axes) + shift.reshape(axes)


def _beside(weight: Any, bias: Any) -> Any:
    """Return the weight, ones in its place if there is a bias: the ops have none without."""
    return np.ones(bias.shape, bias.dtype) if weight is None and bias is not None else weight


# Tables.


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Return the rows of a table that an array of integers names.

    Parameters
    ----------
    input : integer Tensor or array_like of any shape
    weight : Tensor of shape (num_embeddings, embedding_dim)
    padding_idx : int, optional
        A row that gets no gradient: what fills up sequences that are shorter than the batch.
        Negative numbers count from the end.

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
    rows = autograd.embedding(untensored("embedding", input, "the input"), weight)
    if padding_idx is None:
        return rows
    if not -len(weight) <= padding_idx < len(weight):
        raise IndexError(
            f"embedding: padding_idx is {padding_idx}, but the table of shape {weight.shape} has "
            f"rows 0 to {len(weight) - 1}"
        )
    learns = as_tensor(input).data[..., None] != padding_idx % len(weight)
    return np.where(learns, rows, rows.detach())


# Chance.


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    *,
    rng: np.random.Generator | int | None = None,
) -> Any:
    """Return x with a random share p of its elements set to 0, and the others divided by 1 - p.

    Parameters
    ----------
    input : Tensor of any shape, floating
    p : float, default=0.5
    training : bool, default=True
        If False, return the input itself.
    rng : numpy.random.Generator, int or None, default=None
        One seed drops the same elements in every dtype.

    Returns
    -------
    Tensor of the shape and dtype of `input`

    Raises
    ------
    ValueError
        If `p` is not in 0 <= p <= 1.
    TypeError
        If integers are to be divided by 1 - p.

    Examples
    --------
    >>> from autograd import Tensor
    >>> dropout(Tensor([1.0, 1.0, 1.0, 1.0]), 0.5, rng=0).numpy()
    array([2., 2., 2., 0.])
    """
    check_dropout("dropout", p)
    if not training or p == 0:
        return input
    if input.dtype.kind != "f":
        raise TypeError(f"dropout: the input is of {input.dtype}; pass floating numbers")
    keep = generator(rng).random(input.shape, np.float32) >= p
    return input * (keep.astype(input.dtype) * input.dtype.type(1 / (1 - p) if p < 1 else 0))


def check_dropout(where: str, p: float, name: str = "p") -> None:
    """Refuse a share that is none; `name` is what the caller calls it."""
    if not 0 <= p <= 1:
        raise ValueError(f"{where}: {name} is {p}; pass the share to drop, 0 <= {name} <= 1")


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
