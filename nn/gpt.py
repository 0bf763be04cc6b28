"""`GPT`: a language model made of transformer blocks that look back only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from autograd import Tensor, no_grad
from nn import init
from nn.attention import LearnedPositionalEncoding, SinusoidalPositionalEncoding
from nn.blocks import TransformerBlock
from nn.containers import ModuleList
from nn.layers import Dropout, Embedding, Linear
from nn.module import Module
from nn.norm import LayerNorm
from nn.random import generator


class GPT(Module):
    r"""A model of the next token: embedding, positions, pre-norm blocks, norm, logits.

    .. math:: h_0 = E_x + P, \quad h_l = \mathrm{block}_l(h_{l-1}), \quad
              \mathrm{logits} = \mathrm{norm}(h_L)\, E^T

    Position t sees the tokens 0 to t, so one call gives a prediction at each position, and each is
    an example to learn from.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    context : int
        How many tokens the model sees at most.
    d_model : int, default=128
    nhead : int, default=4
    num_layers : int, default=4
    dropout : float, default=0.0
        The share dropped in training, in the blocks and after the embedding.
    positions : {'learned', 'sinusoidal', 'rope'}, default='learned'
        How the model is told the order of the tokens; GPT-2 learns it.
    tie_weights : bool, default=True
        Whether the logits use the table of the embedding, or weights of their own.
    bias : bool, default=True
        Whether the linear maps and norms of the blocks have biases.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    embedding : Embedding
    positions : LearnedPositionalEncoding or SinusoidalPositionalEncoding, or None with rope
    blocks : ModuleList of TransformerBlock
    norm : LayerNorm
    head : Linear
        Without bias. Its weight is the embedding's if they are tied: the state dict has it twice.

    Raises
    ------
    ValueError
        If a setting makes no model; when called, if there are more tokens than the context.

    Notes
    -----
    The weights start as those of GPT-2: from N(0, 0.02^2), whatever the layer's size; biases are
    zero. The last layer of each residual branch, of which there are N = 2 num_layers, is scaled by
    1 / sqrt(N): what the branches add up to then has the same size at every depth.

    References
    ----------
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.3.
    Press and Wolf, "Using the Output Embedding to Improve Language Models", 2016, arXiv:1608.05859.

    Examples
    --------
    >>> model = GPT(vocab_size=65, context=16, d_model=32, nhead=4, num_layers=2, rng=0)
    >>> model(Tensor(np.zeros((3, 16), np.int64))).shape
    (3, 16, 65)
    >>> model.generate([1, 2, 3], 5, rng=0).shape
    (8,)
    """

    def __init__(
        self,
        vocab_size: int,
        context: int,
        d_model: int = 128,
        nhead: int = 4,
        num_layers: int = 4,
        dropout: float = 0.0,
        positions: str = "learned",
        *,
        tie_weights: bool = True,
        bias: bool = True,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if positions not in ("learned", "sinusoidal", "rope"):
            raise ValueError(
                f"GPT: positions is {positions!r}; it is 'learned', 'sinusoidal' or 'rope'"
            )
        if context < 1 or num_layers < 0:
            raise ValueError(f"GPT: a context of {context} and {num_layers} layers make no model")
        rng = generator(rng)
        make: dict[str, Any] = {"dtype": dtype, "rng": rng}
        self.context = context
        self.embedding = Embedding(vocab_size, d_model, **make)
        self.positions: Module | None = None
        if positions == "learned":
            self.positions = LearnedPositionalEncoding(context, d_model, **make)
        elif positions == "sinusoidal":
            self.positions = SinusoidalPositionalEncoding()
        self.dropout = Dropout(dropout)
        self.blocks = ModuleList(
            TransformerBlock(
                d_model, nhead, dropout=dropout, rope=positions == "rope", bias=bias, **make
            )
            for _ in range(num_layers)
        )
        self.norm = LayerNorm(d_model, bias=bias, dtype=dtype)
        self.head = Linear(d_model, vocab_size, bias=False, **make)
        if tie_weights:
            self.head.weight = self.embedding.weight
        self._initialise(rng)

    def _initialise(self, rng: np.random.Generator) -> None:
        for name, p in self.named_parameters():
            if p.ndim == 2:
                last = name.endswith(("out_proj.weight", "linear2.weight"))
                init.gpt2_(p, residual_layers=2 * len(self.blocks) if last else 0, rng=rng)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (N, T) to logits (N, T, vocab_size); T is at most `context`."""
        if tokens.shape[-1] > self.context:
            raise ValueError(
                f"GPT: {tokens.shape[-1]} tokens, but the context is {self.context}; pass the "
                "last ones, or make the model with a larger context"
            )
        x = self.embedding(tokens)
        if self.positions is not None:
            x = self.positions(x)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.head(self.norm(x))  # type: ignore[no-any-return]

    @no_grad()
    def generate(
        self,
        prompt: ArrayLike,
        n: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> NDArray[np.int64]:
        """Return the prompt and `n` more tokens, each drawn from what the model predicts.

        Switch to evaluation mode first, ``model.eval()``, if it drops anything out.

        Parameters
        ----------
        prompt : array_like of int, of shape (T,) or (N, T), T at least 1
            Of more than `context` tokens the last are seen.
        n : int
        temperature : float, default=1.0
            The logits are divided by it: below 1 likely tokens get likelier; 0 takes the likeliest.
        top_k : int, optional
            Draw from the likeliest k only.
        rng : numpy.random.Generator, int or None, default=None

        Returns
        -------
        ndarray of shape (T + n,) or (N, T + n), int64

        Raises
        ------
        ValueError
            If the prompt is empty, or a setting makes no distribution.
        TypeError
            If the prompt is not of integers.
        """
        tokens = np.asarray(prompt)
        if tokens.ndim not in (1, 2) or tokens.shape[-1] == 0:
            raise ValueError(
                f"GPT.generate: the prompt has shape {tokens.shape}; pass (T,) or (N, T) with one "
                "token at least"
            )
        if tokens.dtype.kind not in "iu":
            raise TypeError(f"GPT.generate: the prompt is of {tokens.dtype}; pass integers")
        tokens = tokens.astype(np.int64)
        if not temperature >= 0 or (top_k is not None and top_k < 1):
            raise ValueError(
                f"GPT.generate: temperature is {temperature} and top_k {top_k}; pass a temperature "
                "of 0 or more, and 1 token or more to draw from"
            )
        rng = generator(rng)
        for _ in range(n):
            logits = self(Tensor(tokens[..., -self.context :])).data[..., -1, :]  # (..., vocab)
            tokens = np.concatenate([tokens, _draw(logits, temperature, top_k, rng)], axis=-1)
        return tokens


def _draw(
    logits: NDArray[Any], temperature: float, top_k: int | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a token from each row: (..., vocab) to (..., 1)."""
    scores = logits.astype(np.float64)
    if temperature > 0:
        # the largest of logits with Gumbel noise is a draw from their softmax; the difference to
        # the largest logit can be divided by any temperature
        scores -= scores.max(axis=-1, keepdims=True)
        scores = scores / temperature + rng.gumbel(size=scores.shape)
    if top_k is not None and top_k < logits.shape[-1]:
        others = np.argpartition(logits, -top_k, axis=-1)[..., :-top_k]
        np.put_along_axis(scores, others, -np.inf, axis=-1)
    drawn: NDArray[np.int64] = np.argmax(scores, axis=-1, keepdims=True)
    return drawn
