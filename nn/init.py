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

`calculate_gain` has g for any activation. No gain keeps a deep sigmoid network alive: the slope of
sigmoid is 1/4 at most.

Each function fills a tensor in place, records nothing, and returns the tensor. It takes `rng`, a
NumPy Generator, a seed or None for the library's default. Numbers are drawn in float64 and
rounded, so a seed gives float32 and float64 models the same weights.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
from nn.activation import lookup
from nn.random import generator

LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d")

T = TypeVar("T", bound=Tensor)
Rng = np.random.Generator | int | None


def calculate_gain(
    nonlinearity: str | Callable[[Tensor], Tensor],
    param: float | None = None,
    *,
    backward: bool = False,
    std: float = 1.0,
) -> float:
    r"""Return the factor on 1 / sqrt(n) that makes up for what an activation takes away.

    .. math:: g = \sqrt{\frac{s^2}{\mathrm{E}[\sigma(z)^2]}}, \quad
              g_\mathrm{back} = \sqrt{\frac{1}{\mathrm{E}[\sigma'(z)^2]}}, \quad
              z \sim N(0, s^2)

    With weights of standard deviation :math:`g / \sqrt{n_\mathrm{in}}` the second moment of the
    signal is kept, with :math:`g_\mathrm{back} / \sqrt{n_\mathrm{out}}` that of the gradient.

    Parameters
    ----------
    nonlinearity : str or callable
        'linear', the name of an activation in `functional`, or any function of a Tensor that acts
        element by element.
    param : float, optional
        The negative slope of leaky_relu, 0.01 if None; other activations take none.
    backward : bool, default=False
        Whether to return the gain of the gradient.
    std : float, default=1.0
        That of z. Only for functions made of two lines that meet at 0 does it make no difference:
        for GELU or tanh no gain is right at every scale, and so at every depth.

    Returns
    -------
    float
        Exact for linear, relu, leaky_relu and the forward gain of selu, which is 1; for others by
        quadrature, to ten digits. PyTorch's table has rules of thumb for three of them: 5/3
        (tanh), with which the gradient of a deep network grows, 1 (sigmoid) and 3/4 (selu).

    Raises
    ------
    ValueError
        If the activation has no such name, or `std` is not positive.

    Examples
    --------
    >>> round(calculate_gain("relu") ** 2, 4), round(calculate_gain("gelu") ** 2, 3)
    (2.0, 2.352)
    >>> round(calculate_gain("gelu", backward=True) ** 2, 2)
    2.19
    """
    if not std > 0:
        raise ValueError(f"calculate_gain: std is {std}; it must be above 0")
    if isinstance(nonlinearity, str):
        if nonlinearity in LINEAR:
            return 1.0
        known = lookup("calculate_gain", nonlinearity)
        if not known.init:
            raise ValueError(
                f"calculate_gain: {nonlinearity} does not act element by element, so it has no gain"
            )
        if nonlinearity == "selu" and std == 1 and not backward:
            return 1.0
        left = {"relu": 0.0, "leaky_relu": 0.01 if param is None else param}.get(nonlinearity)
        if left is not None:  # half of the second moment stays, and left^2 of the other half
            return math.sqrt(2 / (1 + left**2))
        nonlinearity = known.function
    kept = _second_moment(nonlinearity, std, backward)
    return math.sqrt((1 if backward else std**2) / kept)


def _second_moment(f: Callable[[Tensor], Tensor], std: float, slope: bool) -> float:
    """Return E[f(z)^2], or E[f'(z)^2], for normal z, by Gauss's rule on short pieces.

    The pieces end at multiples of 1/4, where the usual functions have their kinks, and are not
    longer than that, nor than std.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)
    width = 2.0 ** min(-2, math.floor(math.log2(std)))
    pieces = math.ceil(10 * std / width)
    ends = width * np.arange(-pieces, pieces)
    z = (ends[:, None] + width * (nodes + 1) / 2).reshape(-1)
    density = np.exp(-((z / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
    x = Tensor(z, requires_grad=slope)
    out = f(x)
    if slope:
        out.backward(np.ones(z.shape))
    found: Any = x.grad if slope else out
    return float((np.tile(weights * width / 2, 2 * pieces) * density * found.numpy() ** 2).sum())


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
