r"""How to draw the first weights, so that signals neither fade nor explode with depth.

A layer :math:`z = W x` with independent weights of mean 0 has

.. math:: \mathrm{Var}[z] = n_\mathrm{in} \, \mathrm{Var}[w] \, \mathrm{E}[x^2]

so the size of the signal is kept if :math:`\mathrm{Var}[w] = g^2 / n_\mathrm{in}`, where the gain g
makes up for what the activation before it took away: :math:`g^2 = 1 / \mathrm{E}[\sigma(z)^2]` for
standard normal z. The gradient, on its way back, meets :math:`n_\mathrm{out}` in its place.

========= =============================  ==================================================
LeCun     Var = 1 / n_in                 exact for no activation, and for SELU
He        Var = 2 / n_in                 exact for ReLU, which halves the mean square
Xavier    Var = 2 / (n_in + n_out)       a compromise of forward and backward; tanh near 0
========= =============================  ==================================================

No gain keeps a deep sigmoid network alive: the slope of sigmoid is 1/4 at most.

Each function fills a tensor in place, records nothing, and returns the tensor. It takes `rng`, a
NumPy Generator, a seed or None for the library's default. Numbers are drawn in float64 and
rounded, so a seed gives float32 and float64 models the same weights.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
from nn.random import generator

T = TypeVar("T", bound=Tensor)
Rng = np.random.Generator | int | None


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""Return PyTorch's recommended gain for an activation: a factor on the standard deviation.

    Parameters
    ----------
    nonlinearity : {'linear', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu'}
    param : float, optional
        The negative slope of leaky_relu; 0.01 if None.

    Returns
    -------
    float
        linear 1, relu sqrt(2) and leaky_relu sqrt(2 / (1 + slope^2)) keep the mean square of the
        signal exactly. sigmoid 1, tanh 5/3 and selu 3/4 are rules of thumb: 5/3 lets the gradient
        of a deep tanh network grow, and selu keeps mean 0 and variance 1 with the gain of
        'linear', not with its own.

    Raises
    ------
    ValueError
        If the activation has no such name.

    Examples
    --------
    >>> round(calculate_gain("relu"), 4)
    1.4142
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(
            f"calculate_gain: {nonlinearity!r} is not known; it is one of {', '.join(gains)}"
        )
    return gains[nonlinearity]


def zeros_(tensor: T) -> T:
    """Fill with zeros: what biases start as."""
    return _fill(tensor, 0)


def ones_(tensor: T) -> T:
    """Fill with ones."""
    return _fill(tensor, 1)


def constant_(tensor: T, val: float) -> T:
    """Fill with `val`. Units of a layer that start alike stay alike, so this is for no weight."""
    return _fill(tensor, val)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, *, rng: Rng = None) -> T:
    """Fill from U(a, b), of standard deviation (b - a) / sqrt(12)."""
    return _fill(tensor, generator(rng).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, *, rng: Rng = None) -> T:
    """Fill from N(mean, std^2)."""
    return _fill(tensor, generator(rng).normal(mean, std, tensor.shape))


def lecun_normal_(tensor: T, *, rng: Rng = None) -> T:
    r"""Fill a weight from N(0, std^2), with LeCun's std for layers without activation or with SELU.

    .. math:: \mathrm{std} = 1 / \sqrt{n_\mathrm{in}}

    It keeps the variance of the signal on the way forward: exactly where no activation follows,
    and with SELU at mean 0 and variance 1. With tanh it holds for small signals only, and the
    variance falls slowly with depth; a deep sigmoid network it does not help.

    Parameters
    ----------
    tensor : Tensor of shape (n_out, n_in) or (n_out, channels, *kernel), floating
        n_in is channels times the size of the kernel.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If the tensor has fewer than two axes.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.6. Klambauer et al.,
    "Self-Normalizing Neural Networks", 2017, arXiv:1706.02515, "Initialization".

    Examples
    --------
    >>> w = lecun_normal_(Tensor(np.empty((1000, 400))), rng=0)
    >>> round(w.std().item(), 3)
    0.05
    """
    return normal_(tensor, 0, _std(tensor, 1, "fan_in"), rng=rng)


def lecun_uniform_(tensor: T, *, rng: Rng = None) -> T:
    r"""Fill a weight from U(-b, b), with the std of `lecun_normal_`.

    .. math:: b = \sqrt{3 / n_\mathrm{in}}, \quad \mathrm{std} = 1 / \sqrt{n_\mathrm{in}}

    Parameters, errors and references are those of `lecun_normal_`.
    """
    return _symmetric(tensor, _std(tensor, 1, "fan_in"), rng)


def xavier_normal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    r"""Fill a weight from N(0, std^2), with the std of Glorot and Bengio.

    .. math:: \mathrm{std} = g \sqrt{\frac{2}{n_\mathrm{in} + n_\mathrm{out}}}

    With g = 1 it keeps the variance both forward and backward if the layer is square and the
    activation linear around 0, as tanh is for small signals; else it is a compromise of the two.

    Parameters
    ----------
    tensor : Tensor of shape (n_out, n_in) or (n_out, channels, *kernel), floating
    gain : float, default=1.0
        See `calculate_gain`.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If the tensor has fewer than two axes.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010, eqs. (12) and (16).

    Examples
    --------
    >>> w = xavier_normal_(Tensor(np.empty((500, 300))), rng=0)
    >>> round(w.std().item(), 3)
    0.05
    """
    return normal_(tensor, 0, _std(tensor, gain, "average"), rng=rng)


def xavier_uniform_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    r"""Fill a weight from U(-b, b), with the std of `xavier_normal_`.

    .. math:: b = g \sqrt{\frac{6}{n_\mathrm{in} + n_\mathrm{out}}}, \quad
              \mathrm{std} = g \sqrt{\frac{2}{n_\mathrm{in} + n_\mathrm{out}}}

    Parameters, errors and references are those of `xavier_normal_`.
    """
    return _symmetric(tensor, _std(tensor, gain, "average"), rng)


def kaiming_normal_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> T:
    r"""Fill a weight from N(0, std^2), with He's std for layers followed by ReLU.

    .. math:: \mathrm{std} = g / \sqrt{n}, \quad g = \sqrt{\frac{2}{1 + a^2}}

    ReLU sets half of a symmetric input to zero and so halves its mean square (not its variance);
    the 2 restores it, exactly. For GELU and SiLU it is merely close.

    Parameters
    ----------
    tensor : Tensor of shape (n_out, n_in) or (n_out, channels, *kernel), floating
    a : float, default=0.0
        The negative slope of leaky_relu; at 0 that is ReLU.
    mode : {'fan_in', 'fan_out'}, default='fan_in'
        Which n: n_in keeps the size of the signal forward, n_out that of the gradient backward.
    nonlinearity : str, default='leaky_relu'
        A name that `calculate_gain` knows.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If the tensor has fewer than two axes, or a name is not known.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, eqs. (10), (14)
    and (15).

    Examples
    --------
    >>> w = kaiming_normal_(Tensor(np.empty((1000, 800))), rng=0)
    >>> round(w.std().item(), 3)
    0.05
    """
    return normal_(tensor, 0, _std(tensor, calculate_gain(nonlinearity, a), mode), rng=rng)


def kaiming_uniform_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> T:
    r"""Fill a weight from U(-b, b), with the std of `kaiming_normal_`.

    .. math:: b = g \sqrt{3 / n}, \quad \mathrm{std} = g / \sqrt{n}

    Parameters, errors and references are those of `kaiming_normal_`.
    """
    return _symmetric(tensor, _std(tensor, calculate_gain(nonlinearity, a), mode), rng)


def _std(tensor: Tensor, gain: float, mode: str) -> float:
    """Return gain / sqrt(n), with n the fan that `mode` names."""
    if tensor.ndim < 2:
        raise ValueError(
            f"init: a tensor of shape {tensor.shape} has no fan in and fan out; this is for "
            "weights of shape (out, in) or (out, in, *kernel), a bias takes zeros_"
        )
    kernel = math.prod(tensor.shape[2:])
    fan_in, fan_out = tensor.shape[1] * kernel, tensor.shape[0] * kernel
    fans = {"fan_in": fan_in, "fan_out": fan_out, "average": (fan_in + fan_out) / 2}
    if mode not in fans:
        raise ValueError(f"init: mode is {mode!r}; it is 'fan_in' or 'fan_out'")
    return gain / math.sqrt(fans[mode])


def _symmetric(tensor: T, std: float, rng: Rng) -> T:
    """Fill from U(-b, b), whose standard deviation is b / sqrt(3)."""
    bound = math.sqrt(3) * std
    return uniform_(tensor, -bound, bound, rng=rng)


def _fill(tensor: T, values: float | NDArray[Any]) -> T:
    tensor.data[...] = values
    tensor.mark_changed()
    return tensor
