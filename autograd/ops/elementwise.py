"""Elementwise ops: the Jacobian is diagonal, so the vjp rule of each is its jvp rule too.

A rule reads ``lambda g, out, x: ...``: the gradient with respect to `x`, given the gradient `g`
with respect to `out`. Broadcasting is the engine's business, no rule mentions it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import special

from ..op import Array, Node, Op, Rule, op
from .blocks import blockwise
from .precision import as_arrays, floating

__all__ = [
    "add",
    "addcmul",
    "allclose",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "cbrt",
    "ceil",
    "clip",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "digamma",
    "div",
    "eq",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "ge",
    "gt",
    "heaviside",
    "hypot",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "lerp",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "nan_to_num",
    "ndtr",
    "ne",
    "neg",
    "polygamma",
    "positive",
    "rad2deg",
    "reciprocal",
    "relu",
    "remainder",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "sub",
    "tan",
    "tanh",
    "trunc",
    "where",
    "xlogy",
]

_UNARY = """{line}

.. math:: {formula}

Parameters
----------
x : Tensor or ndarray of any shape, floating

Returns
-------
Tensor if `x` is one, else ndarray; shape and dtype of `x`
"""

_BINARY = """{line}

.. math:: {formula}

Parameters
----------
x, y : Tensor, ndarray or number, of shapes that broadcast
    A number takes the dtype of the other argument.

Returns
-------
Tensor if `x` or `y` is one, else ndarray; of the broadcast shape

Raises
------
ValueError
    If the shapes do not broadcast.
"""


def _unary(
    name: str, forward: object, rule: Rule | None, latex: str, line: str, flops: int = 1
) -> Op:
    doc = _UNARY.format(line=line, formula=latex.format("x"))
    return Op(name, forward, (rule,), latex, flops=flops, doc=doc)  # type: ignore[arg-type]


def _binary(
    name: str,
    forward: object,
    vjp: tuple[Rule | None, Rule | None],
    latex: str,
    line: str,
    flops: int = 1,
) -> Op:
    doc = _BINARY.format(line=line, formula=latex.format("x", "y"))
    return Op(name, forward, vjp, latex, flops=flops, doc=doc)  # type: ignore[arg-type]


# Arithmetic. `operator` rather than ufuncs: on NumPy scalars the operators are ten times as fast.

add = _binary(
    "add",
    operator.add,
    (lambda g, out, x, y: g, lambda g, out, x, y: g),
    "{0} + {1}",
    "Return x + y.",
)
sub = _binary(
    "sub",
    operator.sub,
    (lambda g, out, x, y: g, lambda g, out, x, y: -g),
    "{0} - {1}",
    "Return x - y.",
)
mul = _binary(
    "mul",
    operator.mul,
    (lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
    r"{0} \odot {1}",
    "Return x * y, element by element.",
)
div = _binary(
    "div",
    operator.truediv,
    (lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y),
    r"\frac{{{0}}}{{{1}}}",
    "Return x / y.",
)


def _pow(x: Array, y: Array) -> Array:
    if isinstance(x, np.ndarray) and hasattr(y, "dtype") and y.ndim == 0 and y.dtype == x.dtype:
        return x ** y.item()  # NumPy squares and takes roots fast for Python numbers only
    return x**y


def _pow_dx(g: Array, out: Array, x: Array, y: Array) -> Array:
    if y.ndim == 0 and y != 0:
        return g * (y * x ** (y - 1))
    # x**0 is 1 everywhere, and 0 * 0**-1 would be NaN: there the exponent stays 0
    return g * (y * x ** (y - ((x != 0) | (y != 0))))


def _pow_dy(g: Array, out: Array, x: Array, y: Array) -> Array:
    flat = (x == 0) & (y >= 0)  # 0**y is 0 (1 at y = 0), and 0 * log 0 would be NaN
    return g * (out * np.log(np.where(flat, 1, x)))


square = _unary("square", np.square, lambda g, out, x: g * (2 * x), "{{{0}}}^2", "Return x * x.")
reciprocal = _unary(
    "reciprocal",
    lambda x: 1 / x,  # np.reciprocal of an integer is one, 0 nearly always
    lambda g, out, x: -g * out * out,
    r"\frac{{1}}{{{0}}}",
    "Return 1 / x.",
)
pow_ = _binary("pow", _pow, (_pow_dx, _pow_dy), "{{{0}}}^{{{1}}}", "Return x to the power y.", 10)

neg = _unary("neg", operator.neg, lambda g, out, x: -g, "-{0}", "Return -x.")
positive = _unary("positive", operator.pos, lambda g, out, x: g, "{0}", "Return a copy of x.", 0)


def float_power(x: Array, y: Array) -> Array:
    """Return x to the power y in double precision, whatever the dtypes of x and y.

    Parameters
    ----------
    x, y : Tensor, ndarray or number, of shapes that broadcast

    Returns
    -------
    Tensor if `x` or `y` is one, else ndarray; float64, as in NumPy and PyTorch

    Examples
    --------
    >>> from autograd import Tensor, float_power
    >>> float_power(Tensor([2.0], dtype="float32"), -1)
    Tensor([0.5])
    """
    x, y = as_arrays("float_power", x, y)
    return pow_(x.astype(np.float64), y.astype(np.float64))


def lerp(start: Array, end: Array, weight: Array) -> Array:
    """Return start + weight * (end - start), exactly `end` where the weight is 1.

    Parameters
    ----------
    start, end : Tensor or ndarray
    weight : Tensor, ndarray or number
        The three shapes broadcast.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the broadcast shape

    Examples
    --------
    >>> from autograd import Tensor, lerp
    >>> lerp(Tensor([0.0, 1.0]), Tensor([1.0, 3.0]), 0.25).numpy()
    array([0.25, 1.5 ])
    """
    start, end, weight = map(floating, as_arrays("lerp", start, end, weight))
    way = end - start
    return where(weight < 0.5, start + weight * way, end - (1 - weight) * way)


def addcmul(x: Array, y: Array, z: Array, value: float = 1) -> Array:
    """Return x + value * y * z, element by element.

    Parameters
    ----------
    x, y, z : Tensor or ndarray, of shapes that broadcast
    value : float, default=1

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the broadcast shape

    Examples
    --------
    >>> from autograd import Tensor, addcmul
    >>> addcmul(Tensor(1.0), Tensor(2.0), Tensor(3.0), value=10).item()
    61.0
    """
    x, y, z = as_arrays("addcmul", x, y, z)
    return x + (y * z if value == 1 else value * y * z)


# Exponentials, logarithms, roots.

exp = _unary("exp", np.exp, lambda g, out, x: g * out, "e^{{{0}}}", "Return e to the power x.", 10)
log = _unary(
    "log", np.log, lambda g, out, x: g / x, r"\log {0}", "Return the natural logarithm of x.", 10
)
sqrt = _unary(
    "sqrt",
    np.sqrt,
    lambda g, out, x: g / (2 * out),
    r"\sqrt{{{0}}}",
    "Return the square root of x; its derivative at 0 is inf.",
    2,
)

exp2 = _unary(
    "exp2",
    np.exp2,
    lambda g, out, x: g * (math.log(2) * out),
    "2^{{{0}}}",
    "Return 2 to the power x.",
    10,
)
expm1 = _unary(
    "expm1",
    np.expm1,
    lambda g, out, x: g * np.exp(x),  # out + 1 has lost the digits of a small e^x
    "e^{{{0}}} - 1",
    "Return exp(x) - 1, precise where x is near 0.",
    10,
)
log2 = _unary(
    "log2",
    np.log2,
    lambda g, out, x: g / (math.log(2) * x),
    r"\log_2 {0}",
    "Return the logarithm of x to base 2.",
    10,
)
log10 = _unary(
    "log10",
    np.log10,
    lambda g, out, x: g / (math.log(10) * x),
    r"\log_{{10}} {0}",
    "Return the logarithm of x to base 10.",
    10,
)
log1p = _unary(
    "log1p",
    np.log1p,
    lambda g, out, x: g / (1 + x),
    r"\log (1 + {0})",
    "Return log(1 + x), precise where x is near 0.",
    10,
)
rsqrt = _unary(
    "rsqrt",
    lambda x: 1 / np.sqrt(floating(x)),
    lambda g, out, x: g * (-0.5 * out * out * out),
    r"\frac{{1}}{{\sqrt{{{0}}}}}",
    "Return 1 / sqrt(x).",
    3,
)
cbrt = _unary(
    "cbrt",
    np.cbrt,
    lambda g, out, x: g / (3 * out * out),
    r"\sqrt[3]{{{0}}}",
    "Return the cube root of x; its derivative at 0 is inf.",
    10,
)

# Trigonometry.

sin = _unary("sin", np.sin, lambda g, out, x: g * np.cos(x), r"\sin {0}", "Return sin x.", 10)
cos = _unary("cos", np.cos, lambda g, out, x: -g * np.sin(x), r"\cos {0}", "Return cos x.", 10)
tan = _unary("tan", np.tan, lambda g, out, x: g * (1 + out * out), r"\tan {0}", "Return tan x.", 10)
arcsin = _unary(
    "arcsin",
    np.arcsin,
    lambda g, out, x: g / np.sqrt((1 - x) * (1 + x)),
    r"\arcsin {0}",
    "Return the inverse sine of x, in [-pi/2, pi/2].",
    10,
)
arccos = _unary(
    "arccos",
    np.arccos,
    lambda g, out, x: -g / np.sqrt((1 - x) * (1 + x)),
    r"\arccos {0}",
    "Return the inverse cosine of x, in [0, pi].",
    10,
)
arctan = _unary(
    "arctan",
    np.arctan,
    lambda g, out, x: g / (1 + x * x),
    r"\arctan {0}",
    "Return the inverse tangent of x, in (-pi/2, pi/2).",
    10,
)
sinh = _unary("sinh", np.sinh, lambda g, out, x: g * np.cosh(x), r"\sinh {0}", "Return sinh x.", 10)
cosh = _unary("cosh", np.cosh, lambda g, out, x: g * np.sinh(x), r"\cosh {0}", "Return cosh x.", 10)
arcsinh = _unary(
    "arcsinh",
    np.arcsinh,
    lambda g, out, x: g / np.hypot(x, 1),
    r"\operatorname{{arsinh}} {0}",
    "Return the inverse hyperbolic sine of x.",
    10,
)
arccosh = _unary(
    "arccosh",
    np.arccosh,
    lambda g, out, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    r"\operatorname{{arcosh}} {0}",
    "Return the inverse hyperbolic cosine of x, for x >= 1.",
    10,
)
arctanh = _unary(
    "arctanh",
    np.arctanh,
    lambda g, out, x: g / ((1 - x) * (1 + x)),
    r"\operatorname{{artanh}} {0}",
    "Return the inverse hyperbolic tangent of x, for -1 < x < 1.",
    10,
)
deg2rad = _unary(
    "deg2rad",
    np.deg2rad,
    lambda g, out, x: g * (math.pi / 180),
    r"\frac{{\pi}}{{180}} {0}",
    "Return x degrees in radians.",
)
rad2deg = _unary(
    "rad2deg",
    np.rad2deg,
    lambda g, out, x: g * (180 / math.pi),
    r"\frac{{180}}{{\pi}} {0}",
    "Return x radians in degrees.",
)

# Special functions.


def _keeping_dtype(f: Callable[..., Array]) -> Callable[[Array], Array]:
    """Give a function of SciPy NumPy's way with dtypes.

    SciPy knows no float16, and from 1.18 on it takes integers of one and two bytes as float32.
    """

    def forward(x: Array) -> Array:
        out = f(floating(x))
        return out.astype(x.dtype, copy=False) if x.dtype.kind == "f" else out

    return forward


def _spherical_bessel_dx(g: Array, out: Array, x: Array, *, n: int) -> Array:
    if n == 0:
        return -g * _spherical_bessel(x, n=1)
    below, above = _spherical_bessel(x, n=n - 1), _spherical_bessel(x, n=n + 1)
    return g * ((n * below - (n + 1) * above) / (2 * n + 1))


@op(vjp=(_spherical_bessel_dx,), latex=r"j_n({0})", flops=20)
def _spherical_bessel(x: Array, n: int) -> Array:
    """Return the spherical Bessel function of order n: the derivatives of sinc are made of it."""
    return _keeping_dtype(partial(special.spherical_jn, n))(x)


sinc = _unary(
    "sinc",
    np.sinc,
    lambda g, out, x: -g * (math.pi * _spherical_bessel(math.pi * x, n=1)),
    r"\frac{{\sin \pi {0}}}{{\pi {0}}}",
    "Return sin(pi x) / (pi x), 1 at 0.",
    12,
)
erf = _unary(
    "erf",
    _keeping_dtype(special.erf),
    lambda g, out, x: g * (2 / math.sqrt(math.pi) * np.exp(-x * x)),
    r"\operatorname{{erf}} {0}",
    "Return the error function of x.",
    20,
)
erfc = _unary(
    "erfc",
    _keeping_dtype(special.erfc),
    lambda g, out, x: g * (-2 / math.sqrt(math.pi) * np.exp(-x * x)),
    r"\operatorname{{erfc}} {0}",
    "Return 1 - erf(x), precise where x is large.",
    20,
)

# The upper tail of the normal distribution over exp(-a^2 / 2) is a smooth function of a >= 0. This
# quotient of polynomials, lowest power first, is fitted to erfcx(a / sqrt 2) / 2 so that the
# largest error is least: 1.3e-9 of the distribution, and 3e-6 of its tail up to a = 5.
_TAIL = (
    (0.49999999870778483, 0.3082435219845331, 0.09125288419941824, 0.010871068822175256),
    (1.0, 1.4143713810244696, 0.8110139851313207, 0.2275965753707282, 0.027304859017358973),
)


def _polynomial(out: Array, coefficients: tuple[float, ...], x: Array) -> Array:
    """Write a polynomial in x into `out`, by Horner's rule; the lowest power comes first."""
    np.multiply(x, coefficients[-1], out=out)
    for c in coefficients[-2:0:-1]:
        out += c
        out *= x
    out += coefficients[0]
    return out


def ndtr_kernel(out: Array, a: Array, under: Array, x: Array) -> None:
    """Write the distribution function of float32 numbers into `out`; two are buffers."""
    np.abs(x, out=a)
    np.minimum(a, 40, out=a)  # where exp(-a^2 / 2) is 0, and no power of a overflows
    _polynomial(out, _TAIL[0], a)
    out /= _polynomial(under, _TAIL[1], a)
    a *= a
    a *= -0.5
    out *= np.exp(a, out=a)
    np.abs(np.subtract(x > 0, out, out=out), out=out)  # the tail, or 1 - tail


_ndtr_blockwise = blockwise(scratch=2)(ndtr_kernel)
_ndtr_by_scipy = _keeping_dtype(special.ndtr)


def _ndtr(x: Array) -> Array:
    """SciPy takes 30 ns an element, which makes it the faster one on few of them."""
    if x.dtype == np.float32 and x.size > 1000:
        return _ndtr_blockwise(x)
    return _ndtr_by_scipy(x)


ndtr = _unary(
    "ndtr",
    _ndtr,
    lambda g, out, x: g * (np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)),
    r"\Phi({0})",
    "Return the standard normal distribution function of x.",
    20,
)
logit = _unary(
    "logit",
    _keeping_dtype(special.logit),
    lambda g, out, x: g / (x * (1 - x)),
    r"\log \frac{{{0}}}{{1 - {0}}}",
    "Return log(x / (1 - x)), the inverse of the sigmoid.",
    12,
)
lgamma = _unary(
    "lgamma",
    _keeping_dtype(special.gammaln),
    lambda g, out, x: g * digamma(x),
    r"\log |\Gamma({0})|",
    "Return the logarithm of the absolute value of the gamma function.",
    20,
)


def _polygamma_dx(g: Array, out: Array, x: Array, *, n: int) -> Array:
    return g * _polygamma(x, n=n + 1)


@op(
    vjp=(_polygamma_dx,),
    latex=r"\psi^{{(n)}}({0})",
    flops=20,
)
def _polygamma(x: Array, n: int) -> Array:
    return _keeping_dtype(partial(special.polygamma, n))(x)


def digamma(x: Array) -> Array:
    """Return the derivative of lgamma.

    Parameters
    ----------
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, digamma
    >>> f"{digamma(Tensor(1.0)):.4f}"
    '-0.5772'
    """
    return _polygamma(x, n=0)


def polygamma(n: int, x: Array) -> Array:
    """Return the n-th derivative of digamma, with PyTorch's order of arguments.

    Parameters
    ----------
    n : int
        Not negative.
    x : Tensor or ndarray of any shape, floating

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, polygamma
    >>> f"{polygamma(1, Tensor(1.0)):.4f}"
    '1.6449'
    """
    return _polygamma(x, n=n)


def _xlogy(x: Array, y: Array) -> Array:
    out, dtype = special.xlogy(x, y), np.result_type(x, y)
    return out.astype(dtype, copy=False) if dtype.kind == "f" else out


def _xlogy_dx(g: Array, out: Array, x: Array, y: Array) -> Array:
    return g * np.log(np.where((x == 0) & (y <= 0), 1, y))


def _xlogy_dy(g: Array, out: Array, x: Array, y: Array) -> Array:
    return g * x / np.where((x == 0) & (y == 0), 1, y)


xlogy = _binary(
    "xlogy",
    _xlogy,
    (_xlogy_dx, _xlogy_dy),
    r"{0} \log {1}",
    "Return x log y, 0 where x is 0; both derivatives at (0, 0) are 0.",
    12,
)


def _sigmoid_of_difference(x: Array, y: Array) -> Array:
    return sigmoid(np.where(x == -np.inf, -np.inf, x - y))  # -inf - -inf is NaN


logaddexp = _binary(
    "logaddexp",
    np.logaddexp,
    (
        lambda g, out, x, y: g * _sigmoid_of_difference(x, y),
        lambda g, out, x, y: g * _sigmoid_of_difference(y, x),
    ),
    r"\log (e^{{{0}}} + e^{{{1}}})",
    "Return log(exp(x) + exp(y)), without overflow.",
    22,
)
logaddexp2 = _binary(
    "logaddexp2",
    np.logaddexp2,
    (
        lambda g, out, x, y: g * _sigmoid_of_difference(math.log(2) * x, math.log(2) * y),
        lambda g, out, x, y: g * _sigmoid_of_difference(math.log(2) * y, math.log(2) * x),
    ),
    r"\log_2 (2^{{{0}}} + 2^{{{1}}})",
    "Return the logarithm to base 2 of 2**x + 2**y, without overflow.",
    22,
)

# Lengths and angles: at the origin, where they have no derivative, it is 0.


def _over_square(a: Array, length: Array) -> Array:
    """Return a / length^2, divided twice since the square may overflow; 0 at the origin."""
    length = np.where(length == 0, 1, length)
    return a / length / length


hypot = _binary(
    "hypot",
    np.hypot,
    (
        lambda g, out, x, y: g * (x / np.where(out == 0, 1, out)),
        lambda g, out, x, y: g * (y / np.where(out == 0, 1, out)),
    ),
    r"\sqrt{{{0}^2 + {1}^2}}",
    "Return sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0.",
    10,
)
arctan2 = _binary(
    "arctan2",
    np.arctan2,
    (
        lambda g, out, x, y: g * _over_square(y, np.hypot(x, y)),
        lambda g, out, x, y: -g * _over_square(x, np.hypot(x, y)),
    ),
    r"\operatorname{{arctan2}}({0}, {1})",
    "Return the angle of the point (y, x), in (-pi, pi]; its derivative at (0, 0) is 0.",
    10,
)

# Activations.

tanh = _unary(
    "tanh",
    np.tanh,
    lambda g, out, x: g * (1 - out * out),
    r"\tanh {0}",
    "Return the hyperbolic tangent of x.",
    10,
)
_expit = _keeping_dtype(special.expit)  # branches on the sign of x, so that no exp overflows


def _sigmoid(x: Array) -> Array:
    """SciPy takes 10 ns an element, which makes it the faster one on few of them."""
    if x.size < 1000 or x.dtype.char not in "fd":
        return _expit(x)
    out = np.negative(x)
    with np.errstate(over="ignore"):  # exp(1000) is inf, and 1 / inf is 0, as it shall be
        np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


sigmoid = _unary(
    "sigmoid",
    _sigmoid,
    lambda g, out, x: g * (out * (1 - out)),
    r"\sigma({0})",
    "Return the logistic sigmoid 1 / (1 + exp(-x)).",
    10,
)


def _relu(x: Array) -> Array:
    if isinstance(x, np.ndarray):
        return np.maximum(x, 0)
    return type(x)(0) if x <= 0 else x  # a ufunc on a scalar takes twenty times as long


relu = _unary(
    "relu",
    _relu,
    lambda g, out, x: g * (out > 0),
    r"\max(0, {0})",
    "Return max(0, x); its derivative at 0 is 0.",
)

# Kinks: the subgradient of least norm (docs/design.md, "Semantics that are fixed").

sign = _unary(
    "sign",
    np.sign,
    lambda g, out, x: np.zeros_like(g),
    r"\operatorname{{sign}} {0}",
    "Return the sign of x, -1, 0 or 1; its derivative is 0.",
)
abs_ = _unary(
    "abs",
    operator.abs,
    lambda g, out, x: g * np.sign(x),
    r"|{0}|",
    "Return the absolute value of x; its derivative at 0 is 0.",
)


def _zero(g: Array, out: Array, *inputs: Array) -> Array:
    return np.zeros_like(g)


floor = _unary(
    "floor",
    np.floor,
    _zero,
    r"\lfloor {0} \rfloor",
    "Return the largest whole number not above x; its derivative is 0.",
)
ceil = _unary(
    "ceil",
    np.ceil,
    _zero,
    r"\lceil {0} \rceil",
    "Return the smallest whole number not below x; its derivative is 0.",
)
trunc = _unary(
    "trunc",
    np.trunc,
    _zero,
    r"\operatorname{{trunc}} {0}",
    "Return x without its fraction, rounded towards 0; its derivative is 0.",
)


@op(
    vjp=(lambda g, out, x, *, decimals: np.zeros_like(g),),
    latex=r"\operatorname{{round}} {0}",
)
def round_(x: Array, decimals: int = 0) -> Array:
    """Return x rounded to a number of decimals, halves to even; its derivative is 0.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    decimals : int, default=0
        May be negative: -2 rounds to hundreds.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor
    >>> Tensor([0.5, 1.5, 2.7]).round().numpy()
    array([0., 2., 3.])
    """
    return np.round(x, decimals)


@op(
    vjp=(lambda g, out, x, *, nan, posinf, neginf: np.where(np.isfinite(x), g, 0),),
    latex=r"\operatorname{{nan\_to\_num}} {0}",
)
def nan_to_num(
    x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """Return x with NaN and infinities replaced; the derivative there is 0.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    nan : float, default=0.0
        Takes the place of NaN.
    posinf, neginf : float, optional
        Take the place of inf and -inf; the largest and smallest number of the dtype if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Examples
    --------
    >>> from autograd import Tensor, nan_to_num
    >>> nan_to_num(Tensor([1.0, float("nan"), float("inf")]), posinf=9.0).numpy()
    array([1., 0., 9.])
    """
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


floor_divide = _binary(
    "floor_divide",
    np.floor_divide,
    (_zero, _zero),
    r"\lfloor {0} / {1} \rfloor",
    "Return the floor of x / y; its derivatives are 0.",
)
remainder = _binary(
    "remainder",
    np.remainder,
    (lambda g, out, x, y: g, lambda g, out, x, y: -g * np.floor_divide(x, y)),
    r"{0} \bmod {1}",
    "Return x - floor(x / y) * y, which has the sign of y, as the operator % has it.",
    3,
)
fmod = _binary(
    "fmod",
    np.fmod,
    (lambda g, out, x, y: g, lambda g, out, x, y: -g * np.trunc(x / y)),
    r"\operatorname{{fmod}}({0}, {1})",
    "Return x - trunc(x / y) * y, which has the sign of x, as in C.",
    3,
)
heaviside = _binary(
    "heaviside",
    np.heaviside,
    (_zero, lambda g, out, x, y: np.where(x == 0, g, 0)),
    r"H({0}; {1})",
    "Return 0 where x < 0, 1 where x > 0 and y at 0; the derivative with respect to x is 0.",
)
copysign = _binary(
    "copysign",
    np.copysign,
    (lambda g, out, x, y: g * (np.sign(x) * np.sign(out)), _zero),
    r"|{0}| \operatorname{{sign}} {1}",
    "Return the absolute value of x with the sign of y; its derivative at x = 0 is 0.",
)


def _share(g: Array, wins: Array, ties: Array) -> Array:
    return np.where(wins, g, np.where(ties, g / 2, 0))


maximum = _binary(
    "maximum",
    np.maximum,
    (
        lambda g, out, x, y: _share(g, x > y, x == y),
        lambda g, out, x, y: _share(g, y > x, x == y),
    ),
    r"\max({0}, {1})",
    "Return the larger of x and y; at a tie each has the derivative 1/2.",
)
minimum = _binary(
    "minimum",
    np.minimum,
    (
        lambda g, out, x, y: _share(g, x < y, x == y),
        lambda g, out, x, y: _share(g, y < x, x == y),
    ),
    r"\min({0}, {1})",
    "Return the smaller of x and y; at a tie each has the derivative 1/2.",
)


def _known(g: Array, ahead: Array, x: Array, y: Array) -> Array:
    """Give g to the one that is ahead, or is a number where the other is NaN."""
    return _share(g, ahead | (~np.isnan(x) & np.isnan(y)), (x == y) | np.isnan(y))


fmax = _binary(
    "fmax",
    np.fmax,
    (
        lambda g, out, x, y: _known(g, x > y, x, y),
        lambda g, out, x, y: _known(g, y > x, y, x),
    ),
    r"\operatorname{{fmax}}({0}, {1})",
    "Return the larger of x and y, or the one that is not NaN; a tie is shared as in maximum.",
)
fmin = _binary(
    "fmin",
    np.fmin,
    (
        lambda g, out, x, y: _known(g, x < y, x, y),
        lambda g, out, x, y: _known(g, y < x, y, x),
    ),
    r"\operatorname{{fmin}}({0}, {1})",
    "Return the smaller of x and y, or the one that is not NaN; a tie is shared as in minimum.",
)


def _clip_dx(g: Array, out: Array, x: Array, *, min: Array, max: Array) -> Array:
    if min is not None:
        g = g * (x >= min)
    return g if max is None else g * (x <= max)


@op(
    vjp=(_clip_dx,),
    latex=r"\operatorname{{clip}}({0})",
    flops=2,
)
def _clip(x: Array, min: Array = None, max: Array = None) -> Array:
    return np.clip(x, min, max)


def clip(x: Array, min: Array = None, max: Array = None) -> Array:
    """Limit the values of x to [min, max]; the derivative on a bound is 1.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    min, max : number, ndarray or Tensor, optional
        No limit where None. A tensor has a derivative too, 1 where it takes the place of x.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape and dtype of `x`, or the broadcast shape if a
    limit is a tensor

    Raises
    ------
    ValueError
        If both limits are None.

    Examples
    --------
    >>> from autograd import Tensor, clip
    >>> x = Tensor([-2.0, 1.0, 3.0], requires_grad=True)
    >>> clip(x, 0, 1).sum().backward()
    >>> x.grad.numpy()
    array([0., 1., 0.])
    """
    if min is None and max is None:
        raise ValueError("clip: both limits are None; give min=, max= or both")
    if isinstance(min, Node):
        x, min = where(x < min, min, x), None
    if isinstance(max, Node):
        if min is not None:
            x, min = _clip(x, min=min), None
        x, max = where(x > max, max, x), None
    return x if min is None and max is None else _clip(x, min=min, max=max)


@op(
    vjp=(
        None,
        lambda g, out, condition, x, y: np.where(condition, g, 0),
        lambda g, out, condition, x, y: np.where(condition, 0, g),
    ),
    latex=r"\operatorname{{where}}({0}, {1}, {2})",
)
def where(condition: Array, x: Array, y: Array) -> Array:
    """Return x where the condition holds, else y.

    Both branches are computed, and a NaN in the derivative of the one not taken survives: 0 times
    NaN is NaN. That is the chain rule as it stands; keep the argument of such a branch inside its
    domain with another `where`.

    Parameters
    ----------
    condition : Tensor or ndarray, boolean
    x, y : Tensor, ndarray or number
        The three shapes broadcast.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of the broadcast shape

    Examples
    --------
    >>> from autograd import Tensor, where
    >>> x = Tensor([-1.0, 2.0], requires_grad=True)
    >>> where(x > 0, x, 0.1 * x).sum().backward()
    >>> x.grad.numpy()
    array([0.1, 1. ])
    """
    return np.where(condition, x, y)


# Comparison and logic: no derivative, and so never recorded.


def _no_derivative(
    name: str, ufunc: np.ufunc, latex: str, line: str, result: str = "The result is boolean."
) -> Op:
    make = _unary if ufunc.nin == 1 else _binary
    vjp = None if ufunc.nin == 1 else (None, None)
    return make(name, ufunc, vjp, latex, f"{line} {result}")  # type: ignore[arg-type]


eq = _no_derivative("eq", np.equal, "{0} = {1}", "Return x == y.")
ne = _no_derivative("ne", np.not_equal, r"{0} \ne {1}", "Return x != y.")
lt = _no_derivative("lt", np.less, "{0} < {1}", "Return x < y.")
le = _no_derivative("le", np.less_equal, r"{0} \le {1}", "Return x <= y.")
gt = _no_derivative("gt", np.greater, "{0} > {1}", "Return x > y.")
ge = _no_derivative("ge", np.greater_equal, r"{0} \ge {1}", "Return x >= y.")
logical_and = _no_derivative("logical_and", np.logical_and, r"{0} \land {1}", "Return x and y.")
logical_or = _no_derivative("logical_or", np.logical_or, r"{0} \lor {1}", "Return x or y.")
logical_xor = _no_derivative(
    "logical_xor", np.logical_xor, r"{0} \oplus {1}", "Return x or y, but not both."
)
logical_not = _no_derivative("logical_not", np.logical_not, r"\lnot {0}", "Return not x.")
_BITS = "x and y are integers or booleans."
bitwise_and = _no_derivative(
    "bitwise_and", np.bitwise_and, r"{0} \land {1}", "Return x and y, bit by bit.", _BITS
)
bitwise_or = _no_derivative(
    "bitwise_or", np.bitwise_or, r"{0} \lor {1}", "Return x or y, bit by bit.", _BITS
)
bitwise_xor = _no_derivative(
    "bitwise_xor",
    np.bitwise_xor,
    r"{0} \oplus {1}",
    "Return x or y but not both, bit by bit.",
    _BITS,
)
bitwise_not = _no_derivative(
    "bitwise_not",
    np.invert,
    r"\lnot {0}",
    "Return not x, bit by bit.",
    "x is integer or boolean.",
)
isnan = _no_derivative("isnan", np.isnan, r"\mathrm{{isnan}}({0})", "Tell where x is NaN.")
isinf = _no_derivative("isinf", np.isinf, r"\mathrm{{isinf}}({0})", "Tell where x is infinite.")
isfinite = _no_derivative(
    "isfinite", np.isfinite, r"\mathrm{{isfinite}}({0})", "Tell where x is finite."
)


@op(vjp=(None, None), latex=r"{0} \approx {1}", flops=4)
def isclose(
    x: Array, y: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Tell where ``|x - y| <= atol + rtol * |y|``. The result is boolean.

    Parameters
    ----------
    x, y : Tensor, ndarray or number, of shapes that broadcast
    rtol, atol : float, default=1e-5 and 1e-8
    equal_nan : bool, default=False
        Whether NaN counts as close to NaN.

    Returns
    -------
    Tensor if an argument is one, else ndarray; boolean, of the broadcast shape
    """
    return np.isclose(x, y, rtol, atol, equal_nan)


def allclose(
    x: Array, y: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Tell whether all elements of x are close to those of y; see `isclose`.

    Parameters
    ----------
    x, y : Tensor, ndarray or number, of shapes that broadcast
    rtol, atol : float, default=1e-5 and 1e-8
    equal_nan : bool, default=False
        Whether NaN counts as close to NaN.

    Returns
    -------
    bool
    """
    close = isclose(x, y, rtol, atol, equal_nan)
    return bool(close.data.all() if isinstance(close, Node) else close.all())
