"""Pooling layers: they make images smaller, and have no weights."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class MaxPool2d(Module):
    """The largest value in each window.

    Several largest values share the gradient evenly; PyTorch gives it to the first.

    Parameters
    ----------
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        How far windows are apart; that of the kernel if None.
    padding : int or pair of int, default=0
        How many values of minus infinity surround the image, half the kernel at most.
    dilation : int or pair of int, default=1
        How far the elements of a window are apart.

    Raises
    ------
    ValueError
        When called, if the input is not (batch, channels, height, width) or a setting does not fit.

    Examples
    --------
    >>> MaxPool2d(2)(Tensor([[[[1.0, 2.0], [4.0, 0.0]]]])).tolist()
    [[[[4.0]]]]
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, *counts)."""
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}"
        )


class AvgPool2d(Module):
    """The mean of each window.

    Parameters
    ----------
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        How far windows are apart; that of the kernel if None.
    padding : int or pair of int, default=0
        How many zeros surround the image, half the kernel at most.
    count_include_pad : bool, default=True
        Whether these zeros count in the mean.

    Raises
    ------
    ValueError
        When called, if the input is not (batch, channels, height, width) or a setting does not fit.

    Examples
    --------
    >>> AvgPool2d(2)(Tensor([[[[1.0, 2.0], [4.0, 1.0]]]])).tolist()
    [[[[2.0]]]]
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        *,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, *counts)."""
        settings: tuple[Any, ...] = (self.kernel_size, self.stride, self.padding)
        return F.avg_pool2d(x, *settings, self.count_include_pad)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """The means of as many windows as asked for, whatever the size of the image.

    Parameters
    ----------
    output_size : int or pair of int or None
        How many rows and columns come out; None is as many as go in. 1 is the mean of the image.

    Raises
    ------
    ValueError
        When called, if the input is not (batch, channels, height, width), or a size is below 1.

    Examples
    --------
    >>> AdaptiveAvgPool2d(1)(Tensor([[[[1.0, 2.0], [4.0, 1.0]]]])).tolist()
    [[[[2.0]]]]
    """

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, *output_size)."""
        return F.adaptive_avg_pool2d(x, self.output_size)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"
