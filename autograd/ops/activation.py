"""Activations: what is not a composition of other ops stands here as an op, the rest as a function.

All act element by element. At a kink the derivative is the smaller of the two one-sided ones.
"""

from __future__ import annotations

import math

import numpy as np

from ..op import Array, op
from .elementwise import ndtr, sigmoid, tanh

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
]


@op(
    vjp=(lambda g, out, x, *, negative_slope: np.where(x > 0, g, negative_slope * g),),
    latex=r"\max({0}, 0) + \alpha \min({0}, 0)",
)
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """Return x where it is positive, else negative_slope * x; the derivative at 0 is the slope.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    negative_slope : float, default=0.01

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, leaky_relu
    >>> leaky_relu(Tensor([-1.0, 2.0]), 0.1).numpy()
    array([-0.1,  2. ])
    """
    return np.where(x > 0, x, negative_slope * x)


@op(
    vjp=(lambda g, out, x, *, alpha: np.where(x > 0, g, g * (alpha * np.exp(np.minimum(x, 0)))),),
    latex=r"\max({0}, 0) + \alpha (e^{{\min({0}, 0)}} - 1)",
    flops=12,
)
def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where it is positive, else alpha * (exp(x) - 1); the derivative at 0 is alpha.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    alpha : float, default=1.0

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
    Linear Units", 2016, arXiv:1511.07289.

    Examples
    --------
    >>> from autograd import Tensor, elu
    >>> elu(Tensor([-1.0, 2.0])).numpy().round(4)
    array([-0.6321,  2.    ])
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))  # exp overflows above 88


@op(
    vjp=(lambda g, out, x, *, beta: g * sigmoid(x if beta == 1 else beta * x),),
    latex=r"\frac{{1}}{{\beta}} \log(1 + e^{{\beta {0}}})",
    flops=22,
)
def softplus(x: Array, beta: float = 1.0) -> Array:
    """Return log(1 + exp(beta * x)) / beta, without overflow.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    beta : float, default=1.0

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, softplus
    >>> softplus(Tensor([0.0, 1000.0])).numpy().round(4)
    array([6.931e-01, 1.000e+03])
    """
    return np.logaddexp(x, 0) if beta == 1 else np.logaddexp(beta * x, 0) / beta


@op(
    vjp=(lambda g, out, x, *, min_val, max_val: np.where((x > min_val) & (x < max_val), g, 0),),
    latex=r"\min(\max({0}, a), b)",
    flops=2,
)
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Return x limited to [min_val, max_val]; unlike that of `clip`, the derivative there is 0.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    min_val, max_val : float, default=-1.0 and 1.0

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, hardtanh
    >>> hardtanh(Tensor([-3.0, 0.5])).numpy()
    array([-1. ,  0.5])
    """
    return np.clip(x, min_val, max_val)


_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBE = 0.044715


def _gelu_tanh_dx(g: Array, out: Array, x: Array) -> Array:
    t = tanh(x * (_GELU_SCALE + _GELU_SCALE * _GELU_CUBE * (x * x)))
    slope = _GELU_SCALE + 3 * _GELU_SCALE * _GELU_CUBE * (x * x)
    return g * (0.5 * (1 + t) * (1 + x * (1 - t) * slope))


@op(
    vjp=(_gelu_tanh_dx,),
    latex=r"\tfrac{{1}}{{2}} {0} (1 + \tanh(\sqrt{{2 / \pi}} ({0} + 0.044715\, {0}^3)))",
    flops=18,
)
def _gelu_tanh(x: Array) -> Array:
    u = x * x
    u *= _GELU_SCALE * _GELU_CUBE
    u += _GELU_SCALE
    u *= x
    u = np.tanh(u)
    u += 1
    u *= x
    u *= 0.5
    return u


def gelu(x: Array, approximate: str = "none") -> Array:
    r"""Return x times the standard normal distribution function of x.

    .. math:: y = x\, \Phi(x) \approx
        \tfrac12 x (1 + \tanh(\sqrt{2 / \pi}\, (x + 0.044715\, x^3)))

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    approximate : {'none', 'tanh'}, default='none'
        The exact function, or the approximation by tanh, which is off by up to 0.0005.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    ValueError
        If `approximate` is something else.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415.

    Examples
    --------
    >>> from autograd import Tensor, gelu
    >>> gelu(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-0.1587,  0.8413])
    """
    if approximate == "none":
        return x * ndtr(x)
    if approximate == "tanh":
        return _gelu_tanh(x)
    raise ValueError(f"gelu: approximate is {approximate!r}; it is 'none' or 'tanh'")


def silu(x: Array) -> Array:
    """Return x * sigmoid(x), also called swish.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, silu
    >>> silu(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-0.2689,  0.7311])
    """
    return x * sigmoid(x)


def mish(x: Array) -> Array:
    """Return x * tanh(softplus(x)).

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019, arXiv:1908.08681.

    Examples
    --------
    >>> from autograd import Tensor, mish
    >>> mish(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-0.3034,  0.8651])
    """
    return x * tanh(softplus(x))


def logsigmoid(x: Array) -> Array:
    """Return log(sigmoid(x)), precise where the sigmoid underflows.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, logsigmoid
    >>> logsigmoid(Tensor(-1000.0)).item()
    -1000.0
    """
    return -softplus(-x)


def softsign(x: Array) -> Array:
    """Return x / (1 + abs(x)).

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, softsign
    >>> softsign(Tensor([-1.0, 3.0])).numpy()
    array([-0.5 ,  0.75])
    """
    return x / (1 + abs(x))


def celu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where it is positive, else alpha * (exp(x / alpha) - 1): smooth for every alpha.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    alpha : float, default=1.0

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Barron, "Continuously Differentiable Exponential Linear Units", 2017, arXiv:1704.07483.

    Examples
    --------
    >>> from autograd import Tensor, celu
    >>> celu(Tensor([-1.0, 2.0]), alpha=2.0).numpy().round(4)
    array([-0.7869,  2.    ])
    """
    return alpha * elu(x / alpha)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def selu(x: Array) -> Array:
    """Return a scaled ELU that keeps the mean 0 and the variance 1 of independent inputs.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Klambauer et al., "Self-Normalizing Neural Networks", 2017, arXiv:1706.02515.

    Examples
    --------
    >>> from autograd import Tensor, selu
    >>> selu(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-1.1113,  1.0507])
    """
    return _SELU_SCALE * elu(x, alpha=_SELU_ALPHA)


def relu6(x: Array) -> Array:
    """Return x limited to [0, 6].

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, relu6
    >>> relu6(Tensor([-1.0, 2.0, 8.0])).numpy()
    array([0., 2., 6.])
    """
    return hardtanh(x, min_val=0, max_val=6)


def hardsigmoid(x: Array) -> Array:
    """Return x / 6 + 1 / 2 limited to [0, 1]: a sigmoid made of three lines.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, hardsigmoid
    >>> hardsigmoid(Tensor([-4.0, 0.0, 1.5])).numpy()
    array([0.  , 0.5 , 0.75])
    """
    return relu6(x + 3) / 6


def hardswish(x: Array) -> Array:
    """Return x * hardsigmoid(x).

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244.

    Examples
    --------
    >>> from autograd import Tensor, hardswish
    >>> hardswish(Tensor([-4.0, 1.5, 4.0])).numpy()
    array([-0.   ,  1.125,  4.   ])
    """
    return x * hardsigmoid(x)
