"""Activations as modules, for `Sequential`: each calls the function of the same name."""

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class ReLU(Module):
    """max(0, x), element by element; see `autograd.relu`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(x), of the shape and dtype of `x`."""
        return F.relu(x)  # type: ignore[no-any-return]


class Tanh(Module):
    """The hyperbolic tangent, element by element; see `autograd.tanh`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return tanh(x), of the shape and dtype of `x`."""
        return F.tanh(x)  # type: ignore[no-any-return]


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element; see `autograd.sigmoid`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return sigmoid(x), of the shape and dtype of `x`."""
        return F.sigmoid(x)  # type: ignore[no-any-return]


class SELU(Module):
    """The scaled exponential linear unit, element by element; see `nn.functional.selu`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return selu(x), of the shape and dtype of `x`."""
        return F.selu(x)  # type: ignore[no-any-return]
