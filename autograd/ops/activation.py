"""Activations: those that need care with overflow or speed are ops, the rest are composed of them.

All act element by element, but for the gated ones, which multiply one half of an axis with a
function of the other. At a kink the derivative is PyTorch's: that of the flatter side where lines
meet, that of the left side for elu and selu.

gelu, silu and mish are x * w(x) with a weight w between 0 and 1. Each keeps w for its derivative,
w + x * w'(x), which is computed in place, in blocks that fit the cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Array, op, with_aliases
from .blocks import blockwise
from .elementwise import clip, ndtr, ndtr_kernel, relu, sigmoid, tanh
from .precision import as_arrays, floating
from .shape import length_along, reshape, split

__all__ = [
    "celu",
    "elu",
    "geglu",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
    "swiglu",
]


def _slopes(x: Array, left: Array) -> Array:
    """1 where x is positive, else `left`; `np.where` takes ten times as long on random signs."""
    right = (x > 0).astype(x.dtype)
    return right + left * (1 - right)


@op(
    vjp=(lambda g, out, x, *, negative_slope: g * _slopes(x, negative_slope),),
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
    x = floating(x)
    choose = np.maximum if negative_slope <= 1 else np.minimum
    return choose(x, negative_slope * x)


@op(
    vjp=(
        lambda g, out, x, weight: g * _slopes(x, weight),
        lambda g, out, x, weight: g * np.minimum(x, 0),
    ),
    latex=r"\max({0}, 0) + {1} \min({0}, 0)",
    flops=4,
)
def _prelu(x: Array, weight: Array) -> Array:
    return np.maximum(x, 0) + floating(weight) * np.minimum(x, 0)


def prelu(x: Array, weight: Array) -> Array:
    """Return x where it is positive, else weight * x: a leaky ReLU whose slope is trained.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, ...), or of fewer axes
    weight : Tensor or ndarray of shape (1,) or (channels,)
        One slope for all, or one for each channel. Fewer than two axes count as one channel.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape of `x`

    Raises
    ------
    ValueError
        If there is neither one slope nor one for each channel.

    References
    ----------
    He et al., "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, section 2.1.

    Examples
    --------
    >>> from autograd import Tensor, prelu
    >>> prelu(Tensor([[-1.0, -1.0]]), Tensor([0.25, 0.5])).numpy()
    array([[-0.25, -0.5 ]])
    """
    x, weight = as_arrays("prelu", x, weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.size not in (1, channels) or weight.ndim > 1:
        raise ValueError(
            f"prelu: a weight of shape {weight.shape} does not fit x of shape {x.shape}; pass one "
            f"slope, or one for each of the {channels} channels on axis 1"
        )
    per_channel = (weight.size,) + (1,) * max(x.ndim - 2, 0)
    return _prelu(x, reshape(weight, per_channel if x.ndim > 1 else (1,) * x.ndim))


@op(
    vjp=(lambda g, out, x, *, alpha: g * (_slopes(x, alpha) * np.exp(np.minimum(x, 0))),),
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
    x = floating(x)
    out = np.expm1(np.minimum(x, 0))  # of positive numbers it would overflow above 88
    out *= alpha
    out += np.maximum(x, 0)
    return out


@blockwise(scratch=1)
def _softplus(out: Array, z: Array, x: Array, *, beta: float) -> None:
    np.multiply(x, beta, out=z)
    np.abs(z, out=out)  # log(1 + e^z) = max(z, 0) + log(1 + e^-|z|)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    out += np.maximum(z, 0, out=z)
    if beta != 1:
        out /= beta


@op(
    vjp=(lambda g, out, x, *, beta: g * sigmoid(beta * x),),
    latex=r"\frac{{1}}{{\beta}} \log(1 + e^{{\beta {0}}})",
    flops=22,
)
def softplus(x: Array, beta: float = 1.0) -> Array:
    """Return log(1 + exp(beta * x)) / beta, without overflow.

    It needs no threshold from where on it would be x itself: it is exact everywhere.

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
    return _softplus(floating(x), beta=beta)


@op(
    vjp=(lambda g, out, x, *, min_val, max_val: g * ((x > min_val) & (x < max_val)),),
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

    Raises
    ------
    ValueError
        If `min_val` is above `max_val`.

    Examples
    --------
    >>> from autograd import Tensor, hardtanh
    >>> hardtanh(Tensor([-3.0, 0.5])).numpy()
    array([-1. ,  0.5])
    """
    if not min_val <= max_val:
        raise ValueError(
            f"hardtanh: min_val is {min_val} and max_val {max_val}; pass the lower bound first"
        )
    return np.clip(x, min_val, max_val)


@blockwise(outputs=2, scratch=1)
def _gelu_blockwise(out: Array, w: Array, under: Array, x: Array) -> None:
    ndtr_kernel(w, out, under, x)
    np.multiply(x, w, out=out)


@blockwise()
def _gelu_shared(out: Array, g: Array, w: Array, x: Array) -> None:
    np.multiply(x, x, out=out)
    out *= -0.5
    np.exp(out, out=out)
    out *= 1 / math.sqrt(2 * math.pi)  # the normal density, the slope of ndtr
    out *= x
    out += w
    out *= g


@op(
    vjp=(lambda delta, out, x: delta,),
    latex=r"{0}\,\Phi({0})",
    kind="other",
    shared=lambda g, out, w, x: _gelu_shared(g, w, x),
    reference=lambda x: x * ndtr(x),
    flops=24,
)
def _gelu(x: Array) -> Any:
    if x.dtype == np.float32 and x.size > 1000:
        return _gelu_blockwise(x)
    w = ndtr(x)
    return x * w, w


# The tanh form of gelu is x * sigmoid(q) with q = 2 sqrt(2 / pi) (x + 0.044715 x^3).
_SLOPE, _CUBE = 2 * math.sqrt(2 / math.pi), 0.044715
_FLAT = 40  # beyond, the sigmoid is 0 or 1 in every dtype, and no power of x overflows


def _gelu_tanh_reference(x: Array) -> Array:
    u = clip(x, -_FLAT, _FLAT)
    return 0.5 * x * (1 + tanh(_SLOPE / 2 * (u + _CUBE * u**3)))


def _sigmoid_in_place(q: Array) -> None:
    """Put sigmoid(-q) in the place of q."""
    with np.errstate(over="ignore"):  # 1 / inf is 0, as it shall be
        np.exp(q, out=q)
    q += 1
    np.reciprocal(q, out=q)


@blockwise(outputs=2)
def _gelu_tanh_blockwise(out: Array, w: Array, x: Array) -> None:
    np.clip(x, -_FLAT, _FLAT, out=w)
    np.multiply(w, w, out=out)
    out *= -_SLOPE * _CUBE
    out -= _SLOPE
    w *= out
    _sigmoid_in_place(w)
    np.multiply(x, w, out=out)


@blockwise(scratch=1)
def _gelu_tanh_shared(out: Array, u: Array, g: Array, w: Array, x: Array) -> None:
    np.clip(x, -_FLAT, _FLAT, out=u)
    np.multiply(u, u, out=out)
    out *= 3 * _SLOPE * _CUBE
    out += _SLOPE
    out *= u  # x q'
    out *= np.subtract(1, w, out=u)
    out += 1
    out *= w
    out *= g


@op(
    vjp=(lambda delta, out, x: delta,),
    latex=r"\tfrac{{1}}{{2}} {0} (1 + \tanh(\sqrt{{2 / \pi}} ({0} + 0.044715\, {0}^3)))",
    kind="other",
    shared=lambda g, out, w, x: _gelu_tanh_shared(g, w, x),
    reference=_gelu_tanh_reference,
    flops=18,
)
def _gelu_tanh(x: Array) -> Any:
    return _gelu_tanh_blockwise(floating(x))


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
        return _gelu(x)
    if approximate == "tanh":
        return _gelu_tanh(x)
    raise ValueError(f"gelu: approximate is {approximate!r}; it is 'none' or 'tanh'")


def quick_gelu(x: Array) -> Array:
    """Return x * sigmoid(1.702 * x), the cheapest approximation to `gelu`: off by up to 0.02.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415, section 2.

    Examples
    --------
    >>> from autograd import Tensor, quick_gelu
    >>> quick_gelu(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-0.1542,  0.8458])
    """
    return silu(x, 1.702)


@blockwise(outputs=2)
def _silu_blockwise(out: Array, w: Array, x: Array, *, beta: float) -> None:
    with np.errstate(over="ignore"):
        np.multiply(x, -beta, out=w)
    _sigmoid_in_place(w)
    np.multiply(x, w, out=out)


@blockwise()
def _silu_shared(out: Array, g: Array, w: Array, x: Array, *, beta: float) -> None:
    np.subtract(1, w, out=out)
    out *= w
    out *= x
    out *= beta
    out += w
    out *= g


@op(
    vjp=(lambda delta, out, x, *, beta: delta,),
    latex=r"{0}\,\sigma(\beta {0})",
    kind="other",
    shared=lambda g, out, w, x, *, beta: _silu_shared(g, w, x, beta=beta),
    reference=lambda x, beta=1.0: x * sigmoid(beta * x),
    flops=11,
)
def silu(x: Array, beta: float = 1.0) -> Any:
    """Return x * sigmoid(beta * x), also called swish.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating
    beta : float, default=1.0
        The larger, the closer to ReLU.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units for Neural Network Function
    Approximation in Reinforcement Learning", 2017, arXiv:1702.03118. Ramachandran, Zoph and Le,
    "Searching for Activation Functions", 2017, arXiv:1710.05941, which has beta.

    Examples
    --------
    >>> from autograd import Tensor, silu
    >>> silu(Tensor([-1.0, 1.0])).numpy().round(4)
    array([-0.2689,  0.7311])
    """
    return _silu_blockwise(floating(x), beta=beta)


@blockwise(outputs=2)
def _mish_blockwise(out: Array, w: Array, x: Array) -> None:
    # tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2), which is 1 long before e^2 overflows
    np.minimum(x, 5 if x.dtype == np.float16 else 20, out=w)
    np.exp(w, out=w)
    np.add(w, 2, out=out)
    out *= w
    np.add(out, 2, out=w)
    np.divide(out, w, out=w)
    np.multiply(x, w, out=out)


@blockwise()
def _mish_shared(out: Array, g: Array, w: Array, x: Array, s: Array) -> None:
    np.multiply(w, w, out=out)
    np.subtract(1, out, out=out)
    out *= s
    out *= x
    out += w
    out *= g


@op(
    vjp=(lambda delta, out, x: delta,),
    latex=r"{0} \tanh(\log(1 + e^{{{0}}}))",
    kind="other",
    shared=lambda g, out, w, x: _mish_shared(g, w, x, sigmoid(x)),
    reference=lambda x: x * tanh(softplus(x)),
    flops=17,
)
def mish(x: Array) -> Any:
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
    return _mish_blockwise(floating(x))


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
    return -softplus(-floating(x))


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
    x = floating(x)
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

    Raises
    ------
    ValueError
        If `alpha` is 0.

    References
    ----------
    Barron, "Continuously Differentiable Exponential Linear Units", 2017, arXiv:1704.07483.

    Examples
    --------
    >>> from autograd import Tensor, celu
    >>> celu(Tensor([-1.0, 2.0]), alpha=2.0).numpy().round(4)
    array([-0.7869,  2.    ])
    """
    if alpha == 0:
        raise ValueError("celu: alpha is 0, by which x is divided; pass another, such as 1.0")
    return alpha * elu(x / alpha)


# With these two, mean 0 and variance 1 are a fixed point that draws layers towards it
# (Klambauer et al., eq. (14)).
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@op(
    vjp=(lambda g, out, x: g * (_SELU_SCALE * _slopes(out, out / _SELU_SCALE + _SELU_ALPHA)),),
    latex=r"\operatorname{{selu}}({0})",
    flops=12,
)
def selu(x: Array) -> Array:
    r"""Return the scaled exponential linear unit, which keeps mean 0 and variance 1 by itself.

    .. math:: \lambda x \text{ for } x > 0, \quad \lambda \alpha (e^x - 1) \text{ for } x \le 0

    with :math:`\lambda = 1.0507...` and :math:`\alpha = 1.6732...`. Its weights take LeCun's
    initialisation. The derivative at 0 is that of the left branch, :math:`\lambda \alpha`.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", 2017,
    arXiv:1706.02515, eq. (2).

    Examples
    --------
    >>> from autograd import Tensor, selu
    >>> selu(Tensor([-1.0, 0.0, 1.0])).numpy().round(4)
    array([-1.1113,  0.    ,  1.0507])
    """
    x = floating(x)
    out = np.expm1(np.minimum(x, 0))  # of positive numbers it would overflow above 88
    out *= _SELU_ALPHA
    out += np.maximum(x, 0)
    out *= _SELU_SCALE
    return out


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
    return relu6(floating(x) + 3) / 6


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


def _halves(name: str, x: Array, axis: int) -> list[Array]:
    if x.ndim == 0 or length_along(axis, x, name) % 2:
        raise ValueError(
            f"{name}: x of shape {x.shape} has no two halves along axis {axis}; "
            "pass the values and their gates one after the other, an even number in all"
        )
    return split(floating(x), 2, axis)


@with_aliases
def glu(x: Array, axis: int = -1) -> Array:
    """Return a * sigmoid(b), with a and b the first and the second half of x along an axis.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., 2 n), floating
        The values, then what opens and shuts their gates.
    axis : int, default=-1

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (..., n)

    Raises
    ------
    ValueError
        If the axis has an odd length.

    References
    ----------
    Dauphin, Fan, Auli and Grangier, "Language Modeling with Gated Convolutional Networks", 2017,
    arXiv:1612.08083, section 2.

    Examples
    --------
    >>> from autograd import Tensor, glu
    >>> glu(Tensor([3.0, 4.0, 0.0, 1000.0])).numpy()
    array([1.5, 4. ])
    """
    a, b = _halves("glu", x, axis)
    return a * sigmoid(b)


@with_aliases
def reglu(x: Array, axis: int = -1) -> Array:
    """Return a * relu(b), with a and b the first and the second half of x along an axis.

    Parameters and errors are those of `glu`; Shazeer, "GLU Variants Improve Transformer", 2020,
    arXiv:2002.05202, eq. (5).

    Examples
    --------
    >>> from autograd import Tensor, reglu
    >>> reglu(Tensor([3.0, 4.0, -1.0, 2.0])).numpy()
    array([0., 8.])
    """
    a, b = _halves("reglu", x, axis)
    return a * relu(b)


@with_aliases
def geglu(x: Array, axis: int = -1, approximate: str = "none") -> Array:
    """Return a * gelu(b), with a and b the first and the second half of x along an axis.

    Parameters and errors are those of `glu` and `gelu`; Shazeer, "GLU Variants Improve
    Transformer", 2020, arXiv:2002.05202, eq. (5).

    Examples
    --------
    >>> from autograd import Tensor, geglu
    >>> geglu(Tensor([3.0, 4.0, 0.0, 1.0])).numpy().round(4)
    array([0.    , 3.3654])
    """
    a, b = _halves("geglu", x, axis)
    return a * gelu(b, approximate)


@with_aliases
def swiglu(x: Array, axis: int = -1, beta: float = 1.0) -> Array:
    """Return a * silu(b), with a and b the first and the second half of x along an axis.

    A feed-forward layer that is gated so has three matrices in the place of two. Its hidden layer
    is made 2/3 as wide where the number of parameters shall stay the same.

    Parameters and errors are those of `glu` and `silu`; Shazeer, "GLU Variants Improve
    Transformer", 2020, arXiv:2002.05202, eqs. (5) and (6).

    Examples
    --------
    >>> from autograd import Tensor, swiglu
    >>> swiglu(Tensor([3.0, 4.0, 0.0, 1.0])).numpy().round(4)
    array([0.    , 2.9242])
    """
    a, b = _halves("swiglu", x, axis)
    return a * silu(b, beta)
