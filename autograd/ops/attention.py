"""Attention: the mixing of values by how well their keys match a query, and rotary positions.

T is the number of queries, S that of keys and values, D the length of a query and of a key; axes
in front, such as batch and head, are those of a batched matrix product.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Array, op
from ..random import generator
from .fused import softmax
from .precision import as_arrays, floating, widened

__all__ = [
    "attention_weights",
    "rope",
    "scaled_dot_product_attention",
]


def attention_weights(
    query: Array,
    key: Array,
    attn_mask: Array | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Array:
    r"""Return how much of each value goes into each output of attention: rows that sum to 1.

    .. math:: A = \operatorname{softmax}(s\, Q K^T + M)

    Composed of primitives. `scaled_dot_product_attention` is faster where only A V is wanted.

    Parameters
    ----------
    query : Tensor or ndarray of shape (..., T, D), floating
    key : Tensor or ndarray of shape (..., S, D)
    attn_mask, is_causal, scale
        As in `scaled_dot_product_attention`.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., T, S)
        A row in which all keys are masked is 0.

    Raises
    ------
    ValueError, TypeError
        As `scaled_dot_product_attention`.

    Examples
    --------
    >>> from autograd import Tensor, attention_weights
    >>> x = Tensor([[0.0], [2.0], [1.0]])
    >>> attention_weights(x, x, is_causal=True).numpy().round(2)
    array([[1.  , 0.  , 0.  ],
           [0.02, 0.98, 0.  ],
           [0.09, 0.67, 0.24]])
    """
    query, key, attn_mask = as_arrays("attention_weights", query, key, attn_mask)
    _check("attention_weights", attn_mask, query=query, key=key)
    dtype = np.result_type(query.dtype, key.dtype)
    wide = widened(query) * _scale(query.shape[-1], scale)
    weights = _masked_softmax(wide @ widened(key).swapaxes(-1, -2), attn_mask, is_causal)
    return weights.astype(dtype) if dtype == np.float16 else weights


def _masked_softmax(scores: Array, attn_mask: Array | None, is_causal: bool) -> Array:
    if is_causal:
        scores = np.where(_past(scores.shape), scores, -math.inf)
    if attn_mask is None:
        return softmax(scores)
    if attn_mask.dtype.kind == "b":
        scores = np.where(attn_mask, scores, -math.inf)
    else:
        scores = scores + attn_mask.astype(scores.dtype)
    # softmax of a row of -inf would be NaN, and so would the gradient of what is chosen by `where`
    # after it: such a row is chosen before it, too
    live = (scores > -math.inf).any(axis=-1, keepdims=True)
    return np.where(live, softmax(np.where(live, scores, 0.0)), 0.0)


def _attention_reference(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    keep: Array | None = None,
) -> Array:
    weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
    return _kept(weights, keep) @ value


def _attention_shared(
    g: Array,
    out: Array,
    saved: tuple[Array, Array],
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    *,
    is_causal: bool,
    scale: float | None,
    keep: Array | None,
) -> tuple[Array, Array, Array]:
    """Return the gradient of the scores, the weights, and what they are multiplied by for value's.

    With the weights A = e / total, dA = g V^T and dscores = A (dA - <A, dA>), row by row. Dividing
    g by the total spares a division of each (T, S) array.
    """
    e, total = saved
    h = g / total
    dscores = _kept(np.matmul(h, value.swapaxes(-1, -2)), keep)
    dscores -= np.vecdot(e, dscores)[..., None] / total
    dscores *= e
    return dscores, _kept(e, keep), h


def _attention_flops(out: Array, query: Array, key: Array, *rest: Any, **params: Any) -> int:
    scores = math.prod(out.shape[:-1]) * key.shape[-2]
    return int(scores * (2 * query.shape[-1] + 2 * out.shape[-1] + 14))


@op(
    vjp=(
        lambda back, out, query, key, *rest, scale, **_: (
            _like(query, back[0], key) * _scale(query.shape[-1], scale)
        ),
        lambda back, out, query, key, *rest, scale, **_: (
            _like(key, back[0].swapaxes(-1, -2), query) * _scale(query.shape[-1], scale)
        ),
        lambda back, out, query, key, value, *rest, **_: _like(
            value, back[1].swapaxes(-1, -2), back[2]
        ),
        lambda back, *rest, **_: back[0],
    ),
    latex=r"\operatorname{{softmax}}(s\, {0} {1}^T + M)\, {2}",
    kind="other",
    shared=_attention_shared,
    reference=_attention_reference,
    flops=_attention_flops,
)
def _attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    keep: Array | None = None,
) -> Array:
    _check("scaled_dot_product_attention", attn_mask, query=query, key=key, value=value)
    query, key, value = floating(query), floating(key), floating(value)
    dtype = np.result_type(query, key, value)
    query, key, value = widened(query), widened(key), widened(value)
    e = np.matmul(query * _scale(query.shape[-1], scale), key.swapaxes(-1, -2))  # (..., T, S)
    if is_causal:
        e += np.where(_past(e.shape), e.dtype.type(0), e.dtype.type(-math.inf))
    if attn_mask is not None and attn_mask.dtype.kind == "b":
        np.copyto(e, -math.inf, where=~attn_mask)
    elif attn_mask is not None:
        e += attn_mask.astype(e.dtype, copy=False)
    top = np.maximum.reduce(e, axis=-1, keepdims=True, initial=-math.inf)
    top[top == -math.inf] = 0  # all of the row is masked: exp gives 0, not NaN
    e -= top
    np.exp(e, out=e)
    total = np.matmul(e, np.ones((e.shape[-1], 1), e.dtype))  # four times as fast as sum
    total[total == 0] = 1
    out = _like(query, _kept(e, keep), value)
    out /= total
    return out.astype(dtype, copy=False), (e, total)


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: np.random.Generator | int | None = None,
) -> Array:
    r"""Return attention: for each query the mean of the values, weighted by how its key matches.

    .. math:: \operatorname{softmax}(s\, Q K^T + M)\, V

    The weights, of shape (..., T, S), are kept for the backward pass.

    Parameters
    ----------
    query : Tensor or ndarray of shape (..., T, D), floating
    key : Tensor or ndarray of shape (..., S, D)
    value : Tensor or ndarray of shape (..., S, E)
    attn_mask : Tensor or ndarray that broadcasts to (..., T, S), optional
        Boolean: True where a query may look, as in PyTorch's function of this name (its modules
        have it the other way round). Floating: added to the scores, in their
        dtype, -inf where it may not look; it may require a gradient, as a learnt bias does.
    dropout_p : float, default=0.0
        The share of the weights to drop; the others are divided by 1 - dropout_p. As in PyTorch
        it is always applied: whether a model is training is its module's business.
    is_causal : bool, default=False
        Let query t see the keys 0 to t alone. With a mask too, both hold.
    scale : float, optional
        The s above; 1 / sqrt(D) if None, which gives scores of independent entries of mean 0 and
        variance 1 the variance 1.
    rng : numpy.random.Generator, int or None, default=None
        Draws what is dropped.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., T, E)
        Where all keys are masked the output is 0, and so are the gradients, as in PyTorch's
        function (its `MultiheadAttention` gives NaN there if it returns the weights).

    Raises
    ------
    ValueError
        If the shapes do not fit, or `dropout_p` is not in 0 <= p <= 1.
    TypeError
        If the mask is neither boolean nor floating.

    References
    ----------
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, eq. (1).

    Examples
    --------
    >>> from autograd import Tensor, scaled_dot_product_attention
    >>> x = Tensor([[0.0], [2.0], [1.0]])
    >>> scaled_dot_product_attention(x, x, x, is_causal=True).numpy().round(2)
    array([[0.  ],
           [1.96],
           [1.58]])
    """
    if not 0 <= dropout_p <= 1:
        raise ValueError(
            f"scaled_dot_product_attention: dropout_p is {dropout_p}; pass a share of 0 <= p <= 1"
        )
    keep = None
    if dropout_p > 0:
        query = floating(query)  # whose dtype the factors are of
        shape = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        drawn = generator(rng).random((*shape, query.shape[-2], key.shape[-2]), np.float32)
        factor = 1 / (1 - dropout_p) if dropout_p < 1 else 0
        keep = (drawn >= dropout_p).astype(query.dtype) * query.dtype.type(factor)
    return _attention(query, key, value, attn_mask, is_causal=is_causal, scale=scale, keep=keep)


def _scale(size: int, scale: float | None) -> float:
    return 1 / math.sqrt(max(size, 1)) if scale is None else scale


def _kept(weights: Array, keep: Array | None) -> Array:
    return weights if keep is None else weights * keep.astype(weights.dtype)


def _past(shape: tuple[int, ...]) -> Array:
    """True where query t may see key s, s <= t; of shape (T, S)."""
    return np.tri(*shape[-2:], dtype=bool)


def _like(x: Array, a: Array, b: Array) -> Array:
    """Return a @ b in the memory layout of `x`, if that has its shape.

    Where heads were split off the last axis of a batch, merging them again is then no copy.
    """
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    return np.matmul(a, b, out=np.empty_like(widened(x)) if x.shape == shape else None)


def _check(where: str, attn_mask: Array | None, **given: Any) -> None:
    query, key = given["query"], given["key"]
    value = given.get("value", key)
    fits = (
        min(query.ndim, key.ndim, value.ndim) >= 2
        and query.shape[-1] == key.shape[-1]
        and key.shape[-2] == value.shape[-2]
    )
    try:
        lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        np.broadcast_shapes(lead, value.shape[:-2])
    except ValueError:
        fits = False
    if not fits:
        shapes = ", ".join(f"{name} {x.shape}" for name, x in given.items())
        fitting = ("(..., T, D)", "(..., S, D)", "(..., S, E)")[: len(given)]
        raise ValueError(f"{where}: {shapes} do not fit; pass {', '.join(fitting)}")
    if attn_mask is None:
        return
    if attn_mask.dtype.kind not in "bf":
        raise TypeError(
            f"{where}: attn_mask is {attn_mask.dtype}; pass booleans, True where a query may look, "
            "or floating numbers to add to the scores"
        )
    shape = (*lead, query.shape[-2], key.shape[-2])
    try:
        fits = np.broadcast_shapes(attn_mask.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{where}: attn_mask of shape {attn_mask.shape} does not broadcast to the scores, "
            f"{shape}; its last two axes are query and key"
        )


# Positions


def _rope_dx(g: Array, out: Array, x: Array, *, positions: Array | None, base: float) -> Array:
    return rope(g, -_positions(x.shape, positions), base)  # back by the same angles


@op(
    vjp=(_rope_dx,),
    latex=r"\operatorname{{rope}}({0})",
    kind="linear",
    flops=3,
)
def rope(x: Array, positions: Array | None = None, base: float = 10000.0) -> Array:
    r"""Rotate each pair of neighbouring features by an angle that grows with the position.

    .. math:: \begin{pmatrix} y_{2i} \\ y_{2i+1} \end{pmatrix} =
        \begin{pmatrix} \cos t\theta_i & -\sin t\theta_i \\ \sin t\theta_i & \cos t\theta_i
        \end{pmatrix} \begin{pmatrix} x_{2i} \\ x_{2i+1} \end{pmatrix},
        \quad \theta_i = \mathrm{base}^{-2i / D}

    Rotary position embedding, of queries and keys: the product of a query at position t and a key
    at position s then depends on t - s alone. The pairs are neighbours, (0, 1), (2, 3), ..., as in
    the paper; some models pair feature i with i + D / 2 instead, and their weights need their
    rows reordered before they fit.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., T, D), floating, D even
    positions : array of shape (T,), optional
        0 to T - 1 if None.
    base : float, default=10000.0

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    ValueError
        If D is odd, or the positions are not T in number.

    References
    ----------
    Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
    arXiv:2104.09864, eq. (15).

    Examples
    --------
    >>> from autograd import Tensor, rope
    >>> rope(Tensor([[1.0, 0.0], [1.0, 0.0]])).numpy().round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    """
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ValueError(
            f"rope: x of shape {x.shape} has no pairs of features; pass (..., T, D) with D even"
        )
    at = _positions(x.shape, positions)
    if at.shape != x.shape[-2:-1]:
        raise ValueError(
            f"rope: positions of shape {at.shape} for x of shape {x.shape}; pass one for each of "
            f"the {x.shape[-2]} rows"
        )
    theta = base ** (-np.arange(0, x.shape[-1], 2) / max(x.shape[-1], 1))
    angle = at[:, None] * theta  # (T, D / 2), in float64: positions may be large
    x = floating(x)
    cos, sin = np.cos(angle).astype(x.dtype), np.sin(angle).astype(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., ::2] = a * cos - b * sin
    out[..., 1::2] = a * sin + b * cos
    return out


def _positions(shape: tuple[int, ...], positions: Array | None) -> Array:
    """Return the positions; those given in float64, where unsigned ones can be negated, too."""
    return np.arange(shape[-2]) if positions is None else np.asarray(positions, float)
