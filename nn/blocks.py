"""Blocks: layers put together the usual way."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from nn import functional as F
from nn import init
from nn.activation import ACTIVATIONS, Activation, lookup
from nn.attention import MultiheadAttention
from nn.containers import Sequential
from nn.layers import Dropout, Linear
from nn.module import Module
from nn.norm import LayerNorm
from nn.random import generator


class MLP(Sequential):
    r"""A multilayer perceptron: affine maps with an activation between them, none at the end.

    .. math:: a_0 = x, \quad a_l = \sigma(a_{l-1} W_l^T + b_l), \quad
              \mathrm{out} = a_{L-1} W_L^T + b_L

    It is a `Sequential`, so its parameters are called ``0.weight``, ``0.bias``, ``2.weight`` and so
    on, as in a ``torch.nn.Sequential`` of the same layers.

    Parameters
    ----------
    sizes : sequence of int, two or more
        The features of the input, of each hidden layer, and of the output.
    activation : str, default='relu'
        The name of a function in `functional` that acts element by element; `activation_table`
        lists them. It decides the initialisation of the hidden layers: He's with the gain of the
        activation, but Xavier's for tanh, sigmoid and their like, LeCun's for selu. The last layer,
        which has no activation, has LeCun's; see `init`.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; the same seed gives the same weights, bit for bit.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, one is below 1, or the activation has no such name.
    TypeError
        If `sizes` is a number.

    Examples
    --------
    >>> MLP([64, 32, 10], rng=0)
    MLP(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10, bias=True)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if isinstance(sizes, int):
            raise TypeError(
                f"MLP: sizes is {sizes}; pass a list, from the input to the output: "
                f"MLP([{sizes}, ...])"
            )
        if len(sizes) < 2:
            raise ValueError(
                f"MLP: sizes {list(sizes)} make no layer; pass those of input and output at least"
            )
        known = _elementwise("MLP", activation)
        super().__init__()
        rng = generator(rng)
        schemes: dict[str, Callable[..., Any]] = {
            "kaiming": partial(init.kaiming_normal_, a=0.01, nonlinearity=activation),
            "xavier": init.xavier_normal_,
            "lecun": init.lecun_normal_,
        }
        make, initialise = known.module, schemes[known.init]
        assert make is not None
        for n_in, n_out in pairwise(sizes):
            layer = Linear(n_in, n_out, dtype=dtype, rng=rng)
            self.append(layer)
            if len(self) < 2 * len(sizes) - 3:  # a hidden layer
                initialise(layer.weight, rng=rng)
                self.append(make().to(dtype))  # prelu has a parameter


class FeedForward(Module):
    r"""The part of a transformer block that works on each position by itself.

    .. math:: \mathrm{out} = \sigma(x W_1^T + b_1) W_2^T + b_2

    An MLP of one hidden layer, with PyTorch's names for its layers. It has 2 d h + h + d
    parameters, d = d_model, h = dim_feedforward; gated ones are not of this form, see `SwiGLU`.

    Parameters
    ----------
    d_model : int
    dim_feedforward : int, optional
        4 d_model if None.
    activation : str or callable, default='gelu'
        The name of a function in `nn.functional`, or a function of a Tensor.
    dropout : float, default=0.0
        The share of the hidden activations to drop in training.
    bias : bool, default=True
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    linear1, linear2 : Linear

    Raises
    ------
    ValueError
        If a size is below 1, or the activation has no such name.

    References
    ----------
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, eq. (2).

    Examples
    --------
    >>> ffn = FeedForward(8, rng=0)
    >>> ffn(Tensor(np.ones((2, 3, 8), np.float32))).shape
    (2, 3, 8)
    >>> sum(p.size for p in ffn.parameters()) == 2 * 8 * 32 + 32 + 8
    True
    """

    def __init__(
        self,
        d_model: int,
        dim_feedforward: int | None = None,
        activation: str | Callable[[Tensor], Tensor] = "gelu",
        dropout: float = 0.0,
        *,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        rng = generator(rng)
        hidden = 4 * d_model if dim_feedforward is None else dim_feedforward
        self.linear1 = Linear(d_model, hidden, bias, dtype=dtype, rng=rng)
        if isinstance(activation, str):
            activation = _elementwise("FeedForward", activation).function
        self.activation = activation
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(hidden, d_model, bias, dtype=dtype, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., d_model) to the same shape."""
        return _two_layers(self, x)


class SwiGLU(Module):
    r"""A feed-forward layer whose hidden activations are gated.

    .. math:: \mathrm{out} = \big(\mathrm{silu}(x W_1^T) \odot x W_3^T\big)\, W_2^T

    Three matrices in the place of two: 3 d h parameters, against 2 d h (and biases) of a
    `FeedForward` that is as wide. Made 2/3 as wide, the default, it has as many parameters and
    costs as much as the usual one of width 4 d; it is at the same width that gating costs 1.5
    times. The paper reports a better perplexity at an equal number of parameters.

    Parameters
    ----------
    d_model : int
    dim_feedforward : int, optional
        The h above; 2/3 of 4 d_model if None, rounded down.
    bias : bool, default=False
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    w1, w2, w3 : Linear

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202, eq. (6) and section 2.

    Examples
    --------
    >>> ffn = SwiGLU(768)
    >>> ffn.w1.out_features
    2048
    >>> sum(p.size for p in ffn.parameters()) == 2 * 768 * (4 * 768)
    True
    """

    def __init__(
        self,
        d_model: int,
        dim_feedforward: int | None = None,
        *,
        bias: bool = False,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        rng = generator(rng)
        hidden = 8 * d_model // 3 if dim_feedforward is None else dim_feedforward
        self.w1 = Linear(d_model, hidden, bias, dtype=dtype, rng=rng)
        self.w2 = Linear(hidden, d_model, bias, dtype=dtype, rng=rng)
        self.w3 = Linear(d_model, hidden, bias, dtype=dtype, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., d_model) to the same shape."""
        return self.w2(F.silu(self.w1(x)) * self.w3(x))  # type: ignore[no-any-return]


class Residual(Module):
    r"""Add what a module computes to its input.

    .. math:: y = x + s\, F(x), \quad \frac{\partial y}{\partial x} = I + s\, J_F

    Each block only has to learn what to change, which is what eases the optimisation of deep nets.
    The identity is a path for the gradient, no guarantee: I + J_F can be singular, as for
    F(x) = -x. And where F keeps the variance of the signal, each block doubles it: N blocks with
    s = 1 / sqrt(N) make it e times as large in all.

    Parameters
    ----------
    fn : Module
        Its output has the shape of its input.
    scale : float, default=1.0
        The s above.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015,
    arXiv:1512.03385, eq. (1).

    Examples
    --------
    A pre-norm and a post-norm block are two orders of nesting the same parts:

    >>> from nn import LayerNorm
    >>> pre = Residual(PreNorm(LayerNorm(4), MLP([4, 4])))
    >>> post = PostNorm(LayerNorm(4), Residual(MLP([4, 4])))
    """

    def __init__(self, fn: Module, scale: float = 1.0) -> None:
        self.fn = fn
        self.scale = scale

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return x + scale * fn(x); further arguments go to `fn`."""
        change = self.fn(x, *args, **kwargs)
        return x + (change if self.scale == 1 else self.scale * change)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the scale."""
        return f"scale={self.scale:.4g}" if self.scale != 1 else ""


class PreNorm(Module):
    r"""A norm, then a module: inside a `Residual`, the path beside it stays free of norms.

    .. math:: y = F(\mathrm{norm}(x)), \quad
              \texttt{Residual(PreNorm(norm, F))}: \; y = x + F(\mathrm{norm}(x))

    Parameters
    ----------
    norm, fn : Module

    References
    ----------
    Xiong et al., "On Layer Normalization in the Transformer Architecture", 2020, arXiv:2002.04745:
    at the start the gradients of the last layers are large with post-norm, which needs a warm-up,
    and shrink like 1 / sqrt(depth) with pre-norm.
    """

    def __init__(self, norm: Module, fn: Module) -> None:
        self.norm = norm
        self.fn = fn

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return fn(norm(x)); further arguments go to `fn`."""
        return self.fn(self.norm(x), *args, **kwargs)  # type: ignore[no-any-return]


class PostNorm(Module):
    r"""A module, then a norm: around a `Residual`, the sum is what is normalised.

    .. math:: y = \mathrm{norm}(F(x)), \quad
              \texttt{PostNorm(norm, Residual(F))}: \; y = \mathrm{norm}(x + F(x))

    Parameters
    ----------
    norm, fn : Module
    """

    def __init__(self, norm: Module, fn: Module) -> None:
        self.norm = norm
        self.fn = fn

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return norm(fn(x)); further arguments go to `fn`."""
        return self.norm(self.fn(x, *args, **kwargs))  # type: ignore[no-any-return]


class TransformerBlock(Module):
    r"""Self-attention, which mixes the positions, and a feed-forward layer, each with a residual.

    .. math:: \text{pre:} \quad  h = x + A(\mathrm{norm}_1(x)), \quad y = h + F(\mathrm{norm}_2(h))
    .. math:: \text{post:} \quad h = \mathrm{norm}_1(x + A(x)), \quad y = \mathrm{norm}_2(h + F(h))

    Parameters have the names of ``torch.nn.TransformerEncoderLayer`` (batch_first=True, norm_first
    for 'pre'), so a state dict of one loads into the other. With `is_causal` it is the block of a
    decoder without an encoder, as in GPT.

    Parameters
    ----------
    d_model : int
    nhead : int
        A divisor of d_model.
    dim_feedforward : int, optional
        4 d_model if None.
    dropout : float, default=0.0
        The share dropped in training of the attention's weights, of the hidden activations, and of
        what each residual adds; below 1, as of `MultiheadAttention`. (PyTorch's default is 0.1.)
    norm : {'pre', 'post'}, default='pre'
    activation : str or callable, default='gelu'
        As in `FeedForward`. (PyTorch's default is 'relu'.)
    ffn : Module, optional
        In the place of linear1 and linear2, such as a `SwiGLU`; then these and the activation are
        not used.
    rope : bool, default=False
        Rotate queries and keys by their positions.
    layer_norm_eps : float, default=1e-5
    bias : bool, default=True
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    self_attn : MultiheadAttention
    linear1, linear2 : Linear
        Or `ffn`, if one is given.
    norm1, norm2 : LayerNorm

    Raises
    ------
    ValueError
        If sizes do not fit, or a name is not known.

    Examples
    --------
    >>> x = Tensor(np.ones((2, 5, 8), np.float32))
    >>> TransformerBlock(8, 2, rng=0)(x, is_causal=True).shape
    (2, 5, 8)
    >>> list(TransformerBlock(8, 2, ffn=SwiGLU(8)).state_dict())[-5:]
    ['ffn.w3.weight', 'norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias']
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int | None = None,
        dropout: float = 0.0,
        norm: str = "pre",
        activation: str | Callable[[Tensor], Tensor] = "gelu",
        ffn: Module | None = None,
        *,
        rope: bool = False,
        layer_norm_eps: float = 1e-5,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if norm not in ("pre", "post"):
            raise ValueError(f"TransformerBlock: norm is {norm!r}; it is 'pre' or 'post'")
        rng = generator(rng)
        self.norm = norm
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=True, rope=rope, dtype=dtype, rng=rng
        )
        self.ffn = ffn
        if ffn is None:  # its layers stand here themselves, as in PyTorch
            parts = FeedForward(
                d_model, dim_feedforward, activation, dropout, bias=bias, dtype=dtype, rng=rng
            )
            self.linear1, self.linear2 = parts.linear1, parts.linear2
            self.activation = parts.activation
        self.dropout = Dropout(dropout)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

    def forward(
        self,
        src: Tensor,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Map (N, T, d_model), or (T, d_model) without a batch, to the same shape.

        The masks, and `is_causal`, are those of `MultiheadAttention`.
        """

        def attend(x: Tensor) -> Tensor:
            out, _ = self.self_attn(
                x,
                x,
                x,
                attn_mask=src_mask,
                key_padding_mask=src_key_padding_mask,
                need_weights=False,
                is_causal=is_causal,
            )
            return self.dropout(out)  # type: ignore[no-any-return]

        def feed_forward(x: Tensor) -> Tensor:
            out = _two_layers(self, x) if self.ffn is None else self.ffn(x)
            return self.dropout(out)  # type: ignore[no-any-return]

        x = src
        if self.norm == "pre":
            x = x + attend(self.norm1(x))
            return x + feed_forward(self.norm2(x))
        x = self.norm1(x + attend(x))
        return self.norm2(x + feed_forward(x))  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the order of nesting."""
        return f"norm={self.norm!r}"


def _two_layers(block: FeedForward | TransformerBlock, x: Tensor) -> Tensor:
    hidden = block.activation(block.linear1(x))
    return block.linear2(block.dropout(hidden))  # type: ignore[no-any-return]


def _elementwise(where: str, activation: str) -> Activation:
    """Return what is known of an activation that acts element by element."""
    known = lookup(where, activation)
    if known.module is None or not known.init:
        usable = [name for name, a in ACTIVATIONS.items() if a.init]
        raise ValueError(
            f"{where}: activation {activation!r} does not keep the width of a layer; "
            f"it is one of {', '.join(usable)}"
        )
    return known
