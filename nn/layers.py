"""Layers: modules with weights, in PyTorch's names and layouts."""

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor, flatten
from autograd.pytorch_names import Elsewhere
from nn import functional as F
from nn import init
from nn.module import Module, Parameter
from nn.random import generator


class Linear(Module):
    r"""An affine map of the last axis.

    .. math:: y = x W^T + b

    A batch has its examples in rows; for one example as a column this is the textbook's Wx + b.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool, default=True
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; None is the library's default Generator.

    Attributes
    ----------
    weight : Parameter of shape (out_features, in_features)
        Drawn by `init.lecun_normal_`: mean 0, standard deviation 1 / sqrt(in_features), the one
        that keeps the variance of independent zero-mean inputs, whatever the width. PyTorch draws
        from U(-k, k) with k = 1 / sqrt(in_features), of standard deviation k / sqrt(3), which
        divides the variance by three in each layer. Before an activation other weights fit
        better: see `init` and `MLP`.
    bias : Parameter of shape (out_features,), or None
        Zeros.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> layer = Linear(3, 2, rng=0)
    >>> layer(Tensor(np.ones((5, 3), np.float32))).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ValueError(
                f"Linear: {in_features} to {out_features} features; pass sizes of 1 or more"
            )
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.zeros(out_features, dtype)) if bias else None
        init.lecun_normal_(self.weight, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return F.linear(x, self.weight, self.bias)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Embedding(Module):
    r"""A table of vectors, one for each token: its input are the numbers of rows.

    .. math:: y_i = W_{x_i}

    The gradients of a token that occurs several times add up.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows, and features of each.
    padding_idx : int, optional
        A row that starts as 0 and gets no gradient: what fills up short sequences. Negative
        numbers count from the end.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights.

    Attributes
    ----------
    weight : Parameter of shape (num_embeddings, embedding_dim)
        From N(0, 1) at first, as in PyTorch.

    Raises
    ------
    ValueError
        If a size is below 1.
    IndexError
        If `padding_idx` names no row.

    Examples
    --------
    >>> Embedding(10, 3, rng=0)(Tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    (2, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if num_embeddings < 1 or embedding_dim < 1:
            raise ValueError(
                f"Embedding: {num_embeddings} rows of {embedding_dim} features; "
                "pass sizes of 1 or more"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        init.normal_(self.weight, rng=rng)
        self.padding_idx = padding_idx
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise IndexError(
                    f"Embedding: padding_idx is {padding_idx}, but there are rows 0 to "
                    f"{num_embeddings - 1}"
                )
            self.padding_idx = padding_idx % num_embeddings
            self.weight.data[padding_idx] = 0

    from_pretrained = Elsewhere(
        "write layer = Embedding(*vectors.shape).requires_grad_(False); layer.weight.data[...] = "
        "vectors"
    )

    def forward(self, input: Tensor) -> Tensor:
        """Map integers of shape (...) to (..., embedding_dim)."""
        return F.embedding(input, self.weight, self.padding_idx)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Dropout(Module):
    r"""Set a random share of the elements to zero in training; do nothing in evaluation mode.

    .. math:: y = x \odot m / (1 - p), \quad m_i = 0 \text{ with probability } p, \text{ else } 1

    Dividing by 1 - p keeps the mean, so nothing is to be rescaled in evaluation.

    Parameters
    ----------
    p : float, default=0.5
    rng : numpy.random.Generator, int or None, default=None
        Draws what is dropped; None is the library's default Generator.

    Raises
    ------
    ValueError
        If `p` is not in 0 <= p <= 1.

    References
    ----------
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014,
    section 10 (scaled in training).

    Examples
    --------
    >>> Dropout(0.5, rng=0)(Tensor(np.ones(6))).numpy()
    array([2., 2., 2., 0., 0., 0.])
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        F.check_dropout("Dropout", p)
        self.p = p
        self.rng = generator(rng)

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with elements dropped, or in evaluation mode the input itself."""
        return F.dropout(x, self.p, self.training, rng=self.rng)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the share."""
        return f"p={self.p}"


class Flatten(Module):
    """Make several axes one: what stands between convolutions and a linear layer.

    Parameters
    ----------
    start_dim, end_dim : int, default=1 and -1
        The first and the last of these axes.

    Examples
    --------
    >>> Flatten()(Tensor(np.ones((2, 3, 4, 4)))).shape
    (2, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, *sizes) to (batch, their product)."""
        return flatten(x, self.start_dim, self.end_dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """Return the input: what stands where a layer is left out.

    Examples
    --------
    >>> Identity()(Tensor([1.0])).tolist()
    [1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same."""
        return x
