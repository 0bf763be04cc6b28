"""Attention with its projections, and how a model is told the positions that attention ignores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor, rope
from nn import functional as F
from nn import init
from nn.layers import Linear
from nn.module import Module, Parameter
from nn.random import generator


class MultiheadAttention(Module):
    r"""Attention of several heads, each on its own projections of queries, keys and values.

    .. math:: \mathrm{head}_h = \operatorname{softmax}\Big(
              \frac{Q_h K_h^T}{\sqrt{D}} + M\Big)\, V_h, \quad
              \mathrm{out} = [\mathrm{head}_1, \dots, \mathrm{head}_H]\, W_o^T + b_o

    with :math:`Q = x W_q^T + b_q` and so on, cut into H parts of D = embed_dim / H features. The
    projections are linear maps shared by all positions; what mixes the positions is the softmax.
    Without positions told otherwise the output moves along when the inputs change places.

    Parameters, their names and layout, and the meaning of the masks are PyTorch's.

    Parameters
    ----------
    embed_dim : int
        Features of the queries and of the output.
    num_heads : int
        A divisor of embed_dim.
    dropout : float, default=0.0
        The share of the weights to drop in training, 0 <= dropout < 1 as in
        `functional.scaled_dot_product_attention`.
    bias : bool, default=True
    kdim, vdim : int, optional
        Features of the keys and values; embed_dim if None. With others the three projections are
        parameters of their own, as in PyTorch.
    batch_first : bool, default=False
        Whether a batch is (N, T, E); else (T, N, E).
    rope : bool, default=False
        Rotate queries and keys by their positions; see `autograd.rope`. Not in PyTorch.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; the default Generator draws what dropout drops.

    Attributes
    ----------
    in_proj_weight : Parameter of shape (3 embed_dim, embed_dim), or None
        The projections of query, key and value, one below the other. From `init.lecun_normal_`.
    q_proj_weight, k_proj_weight, v_proj_weight : Parameter, or None
        Of shapes (embed_dim, embed_dim), (embed_dim, kdim) and (embed_dim, vdim), in its place.
    in_proj_bias : Parameter of shape (3 embed_dim,), or None
    out_proj : Linear

    Raises
    ------
    ValueError
        If embed_dim is no multiple of num_heads, with rope a head's features are odd in number, or
        dropout is out of range.

    References
    ----------
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.2.2.

    Examples
    --------
    >>> attention = MultiheadAttention(8, 2, batch_first=True, rng=0)
    >>> x = Tensor(np.ones((4, 5, 8), np.float32))
    >>> out, weights = attention(x, x, x, is_causal=True)
    >>> out.shape, weights.shape
    ((4, 5, 8), (4, 5, 5))
    >>> weights.numpy()[0, 1]
    array([0.5, 0.5, 0. , 0. , 0. ], dtype=float32)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        rope: bool = False,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if num_heads < 1 or embed_dim < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: {embed_dim} features do not part into {num_heads} heads; "
                "pass an embed_dim that is a multiple of num_heads"
            )
        if rope and embed_dim // num_heads % 2:
            raise ValueError(
                f"MultiheadAttention: rope turns pairs, but a head has {embed_dim // num_heads} "
                "features; pass an embed_dim that is a multiple of 2 num_heads"
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                f"MultiheadAttention: dropout is {dropout}; pass the share of the weights to drop, "
                "0 <= dropout < 1"
            )
        rng = generator(rng)
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.rope = rope
        sizes = [embed_dim, kdim or embed_dim, vdim or embed_dim]

        def drawn(*shape: int) -> Parameter:
            return init.lecun_normal_(Parameter(np.empty(shape, dtype)), rng=rng)

        self.in_proj_weight: Parameter | None = None
        if sizes == [embed_dim] * 3:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (
                drawn(embed_dim, n) for n in sizes
            )
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, rng=rng)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output, and the weights if they are needed.

        Parameters
        ----------
        query : Tensor of shape (N, T, embed_dim), or (T, N, embed_dim) without `batch_first`
            Or (T, embed_dim) without a batch; then N falls away everywhere.
        key, value : Tensor of shape (N, S, kdim) and (N, S, vdim), or (S, N, ...)
        key_padding_mask : Tensor or ndarray of shape (N, S), optional
            Keys to ignore: True, or a number to add to the scores, -inf.
        need_weights : bool, default=True
            Costs a second computation of them.
        attn_mask : Tensor or ndarray of shape (T, S) or (N num_heads, T, S), optional
            True where a query may *not* look, or numbers to add to the scores.
        average_attn_weights : bool, default=True
            Return the mean of the weights over the heads.
        is_causal : bool, default=False
            Let query t see the keys 0 to t alone; no mask is needed for that, unlike PyTorch.

        Returns
        -------
        out : Tensor of the shape and layout of `query`
        weights : Tensor of shape (N, T, S), or (N, num_heads, T, S) without the mean, or None
            Before dropout, so that rows sum to 1; 0 where all keys are masked. (PyTorch returns
            them after dropout, and NaN in such a row.)

        Raises
        ------
        ValueError, TypeError
            If the shapes do not fit, or a mask is neither boolean nor floating.
        """
        across = not self.batch_first and query.ndim == 3
        if across:
            same = query is key is value
            query = query.swapaxes(0, 1)
            key, value = (query, query) if same else (key.swapaxes(0, 1), value.swapaxes(0, 1))
        # N batch, T queries, S keys, E features, H heads, D = E / H
        q, k, v = self._projected(query, key, value)  # (N, H, T, D), (N, H, S, D) twice
        if self.rope:
            q, k = rope(q), rope(k)
        mask = self._mask(attn_mask, key_padding_mask, q, k)
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)
        out = self.out_proj(heads.swapaxes(-3, -2).reshape(query.shape))  # (N, T, E)
        if across:
            out = out.swapaxes(0, 1)
        if not need_weights:
            return out, None
        weights = F.attention_weights(q, k, mask, is_causal=is_causal)
        return out, weights.mean(axis=-3) if average_attn_weights else weights

    def _projected(self, *inputs: Tensor) -> list[Tensor]:
        """Return queries, keys and values, each cut into heads."""
        e, projected = self.embed_dim, []
        for i, (x, name) in enumerate(zip(inputs, "qkv", strict=True)):
            rows = slice(i * e, (i + 1) * e)
            if self.in_proj_weight is not None:
                weight = self.in_proj_weight[rows]
            else:
                weight = getattr(self, f"{name}_proj_weight")
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            y = F.linear(x, weight, bias)
            heads = y.reshape((*y.shape[:-1], self.num_heads, e // self.num_heads))
            projected.append(heads.swapaxes(-3, -2))
        return projected

    def _mask(self, attn_mask: Any, key_padding_mask: Any, q: Tensor, k: Tensor) -> Any:
        """Return one mask that broadcasts to (N, H, T, S), with True where a query may look."""
        *lead, t, s = *q.shape[:-1], k.shape[-2]  # lead is (N, H), or (H,) without a batch
        masks = []
        if attn_mask is not None:
            mask = _array("attn_mask", attn_mask, (t, s), (math.prod(lead), t, s))
            masks.append(mask if mask.ndim == 2 else mask.reshape((*lead, t, s)))
        if key_padding_mask is not None:
            mask = _array("key_padding_mask", key_padding_mask, (*lead[:-1], s))
            masks.append(mask[..., None, None, :])
        if not masks:
            return None
        if all(mask.dtype.kind == "b" for mask in masks):
            return np.logical_not(np.logical_or(masks[0], masks[-1]))
        zero, hidden = q.dtype.type(0), q.dtype.type(-math.inf)
        added = [np.where(m, hidden, zero) if m.dtype.kind == "b" else m for m in masks]
        return added[0] if len(added) == 1 else added[0] + added[1]

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, dropout={self.dropout}, "
            f"batch_first={self.batch_first}, rope={self.rope}"
        )


def _array(name: str, mask: Any, *shapes: tuple[int, ...]) -> Any:
    """Return a mask, checked; a tensor as it is, since it may come of the input."""
    if not isinstance(mask, Tensor):
        mask = np.asarray(mask)
    if mask.shape not in shapes:
        raise ValueError(
            f"MultiheadAttention: {name} of shape {mask.shape} does not fit these queries and "
            f"keys; its shape must be {' or '.join(map(str, shapes))}"
        )
    if mask.dtype.kind not in "bf":
        raise TypeError(
            f"MultiheadAttention: {name} is {mask.dtype}; pass booleans, True where not to look, "
            "or floating numbers to add to the scores"
        )
    return mask


class SinusoidalPositionalEncoding(Module):
    r"""Add sines and cosines of the position, of wavelengths from 2 pi to nearly 2 pi base.

    .. math:: y_{t,2i} = x_{t,2i} + \sin(t\, \mathrm{base}^{-2i/d}), \quad
              y_{t,2i+1} = x_{t,2i+1} + \cos(t\, \mathrm{base}^{-2i/d})

    The encoding of t + k is a rotation of that of t, the same for every t.

    Parameters
    ----------
    base : float, default=10000.0

    References
    ----------
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.5.

    Examples
    --------
    >>> SinusoidalPositionalEncoding()(Tensor(np.zeros((1, 3, 4)))).numpy()[0].round(2)
    array([[ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.84,  0.54,  0.01,  1.  ],
           [ 0.91, -0.42,  0.02,  1.  ]])
    """

    def __init__(self, base: float = 10000.0) -> None:
        self.base = base

    def forward(self, x: Tensor) -> Tensor:
        """Add the encoding to (..., T, d)."""
        length, d = x.shape[-2:]
        features = np.arange(d)
        angle = np.arange(length)[:, None] * self.base ** (-(features - features % 2) / d)
        return x + np.where(features % 2, np.cos(angle), np.sin(angle)).astype(x.dtype)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"base={self.base}"


class LearnedPositionalEncoding(Module):
    r"""Add a row of weights that belongs to the position.

    .. math:: y_t = x_t + p_t

    Parameters
    ----------
    max_len : int
        Positions there are.
    embedding_dim : int
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    weight : Parameter of shape (max_len, embedding_dim)
        From N(0, 0.02^2) at first.

    Raises
    ------
    ValueError
        If a size is below 1, or when called if the input is longer than `max_len`.

    Examples
    --------
    >>> LearnedPositionalEncoding(8, 4, rng=0)(Tensor(np.zeros((2, 3, 4), np.float32))).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        max_len: int,
        embedding_dim: int,
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if max_len < 1 or embedding_dim < 1:
            raise ValueError(
                f"LearnedPositionalEncoding: {max_len} positions of {embedding_dim} features; "
                "pass sizes of 1 or more"
            )
        self.weight = Parameter(np.empty((max_len, embedding_dim), dtype))
        init.normal_(self.weight, std=0.02, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Add the first T rows to (..., T, embedding_dim)."""
        length, max_len = x.shape[-2], len(self.weight)
        if length > max_len:
            raise ValueError(
                f"LearnedPositionalEncoding: {length} positions, but weights for {max_len}; "
                "pass a shorter input, or make the model with a larger max_len"
            )
        return x + self.weight[:length]

    def extra_repr(self) -> str:
        """Return the sizes."""
        return "{}, {}".format(*self.weight.shape)
