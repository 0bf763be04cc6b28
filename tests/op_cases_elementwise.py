"""Rows for elementwise ops: unary, binary, special functions, rounding, activations."""

import math

import numpy as np
from scipy import special

from tests.op_case import apart, apart_too, binary, inside, positive, real, sampler, unary


def fraction(*shape):
    return inside(*shape, low=0.2, high=0.8)


def above_one(*shape):
    return inside(*shape, low=1.5, high=3.0)


@sampler
def wide(rng, shape):
    """Like `apart`, but about ten times as wide."""
    return 9.7 * apart(*shape)(rng)


def off_halves(*shape):
    """Apart, and 0.02 away from where rounding to one decimal jumps."""
    return apart(*shape, offset=0.03)


def flat(f):
    """A twin that is constant between its jumps."""
    return lambda *xs, **params: f(*(x.real for x in xs), **params) + 0 * sum(xs)


def polygamma(x, n):
    """Sum the series for 60 terms, and Euler and Maclaurin's formula for the rest."""
    m = n + 1
    if n == 0:
        return special.psi(x)
    y = x + 60
    series = sum((x + k) ** -m for k in range(60))
    tail = y**-n / n + y**-m / 2 + m * y ** -(m + 1) / 12
    tail -= m * (m + 1) * (m + 2) * y ** -(m + 3) / 720
    tail += m * (m + 1) * (m + 2) * (m + 3) * (m + 4) * y ** -(m + 5) / 30240
    return (-1) ** m * math.factorial(n) * (series + tail)


def spherical_bessel(x, n):
    """Sum the Taylor series: ten terms are exact to rounding for |x| < 2."""
    terms = [
        (-x * x / 2) ** k / (math.factorial(k) * float(math.prod(range(1, 2 * n + 2 * k + 2, 2))))
        for k in range(20)
    ]
    return x**n * sum(terms)


def copysign(x, y):
    return np.where(x.real * y.real > 0, x, -x) + 0 * y


def quotient(rounded):
    """The remainder of a division with the given rounding."""
    return lambda x, y: x - y * rounded(x.real / y.real)


def leaky(x, negative_slope):
    return np.where(x.real > 0, x, negative_slope * x)


def elu(x, alpha):
    return np.where(x.real > 0, x, alpha * (np.exp(x) - 1))


def softplus(x, beta=1.0):
    return np.log(1 + np.exp(beta * x)) / beta


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.where(x.real < min_val, min_val, np.where(x.real > max_val, max_val, x))


CASES = [
    *unary("square", real),
    *unary("reciprocal", positive),
    *unary("exp2", real),
    *unary("expm1", real),
    *unary("log2", positive, lambda x: np.log(x) / np.log(2)),
    *unary("log10", positive, lambda x: np.log(x) / np.log(10)),
    *unary("log1p", positive),
    *unary("rsqrt", positive),
    *unary("cbrt", positive, lambda x: x ** (1 / 3)),
    *unary("tan", inside),
    *unary("arcsin", inside),
    *unary("arccos", inside),
    *unary("arctan", real),
    *unary("sinh", real),
    *unary("cosh", real),
    *unary("arcsinh", real),
    *unary("arccosh", above_one),
    *unary("arctanh", inside),
    *unary("deg2rad", real, lambda x: x * (np.pi / 180)),
    *unary("rad2deg", real, lambda x: x * (180 / np.pi)),
    *unary("sinc", apart),
    *unary("erf", real),
    *unary("erfc", real),
    *unary("ndtr", real),
    *unary("logit", fraction, lambda x: np.log(x / (1 - x))),
    *unary("lgamma", positive, special.loggamma),
    *[case for n in range(3) for case in unary("polygamma", positive, polygamma, n=n)],
    *[case for n in range(3) for case in unary("spherical_bessel", inside, spherical_bessel, n=n)],
    *unary("floor", apart, flat(np.floor)),
    *unary("ceil", apart, flat(np.ceil)),
    *unary("trunc", apart, flat(np.trunc)),
    *unary("round", apart, flat(np.round)),
    *unary("round", off_halves, flat(np.round), decimals=1),
    *unary("nan_to_num", real, lambda x: x),
    *[
        case
        for a in (0.1, 1.5, -0.5)
        for case in unary("leaky_relu", apart, leaky, negative_slope=a)
    ],
    *unary("elu", apart, elu, alpha=1.0),
    *unary("elu", apart, elu, alpha=-0.7),
    *unary("softplus", real, softplus),
    *unary("softplus", real, softplus, beta=2.0),
    *unary("hardtanh", apart, hardtanh),
    *unary("hardtanh", apart, hardtanh, min_val=-0.3, max_val=0.2),
    *binary("prelu", apart, apart, lambda x, y: np.where(x.real > 0, x, y * x)),
    *unary("gelu", real, lambda x: x * special.ndtr(x)),
    *unary(
        "gelu_tanh",
        real,
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    *unary("silu", real, lambda x, beta=1.0: x / (1 + np.exp(-beta * x))),
    *unary("silu", real, lambda x, beta: x / (1 + np.exp(-beta * x)), beta=1.7),
    *unary("mish", real, lambda x: x * np.tanh(np.log(1 + np.exp(x)))),
    *unary(
        "selu",
        apart,
        lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    ),
    *binary("bce", fraction, fraction, lambda p, y: -y * np.log(p) - (1 - y) * np.log(1 - p)),
    *binary("bce_with_logits", apart, fraction, lambda z, y: np.log(1 + np.exp(z)) - y * z),
    *binary("floor_divide", wide, positive, flat(lambda x, y: np.floor(x / y))),
    *binary("remainder", wide, positive, quotient(np.floor)),
    *binary("fmod", wide, positive, quotient(np.trunc)),
    *binary("heaviside", apart, real, flat(lambda x, y: np.where(x > 0, 1.0, 0.0))),
    *binary("copysign", apart, apart, copysign),
    *binary("fmax", apart, apart_too, lambda x, y: np.where(x.real > y.real, x, y)),
    *binary("fmin", apart, apart_too, lambda x, y: np.where(x.real < y.real, x, y)),
    *binary("xlogy", positive, positive),
    *binary("logaddexp", real, real, lambda x, y: np.log(np.exp(x) + np.exp(y))),
    *binary("logaddexp2", real, real, lambda x, y: np.log(2**x + 2**y) / np.log(2)),
    *binary("hypot", apart, apart, lambda x, y: np.sqrt(x * x + y * y)),
    *binary("arctan2", apart, apart, lambda x, y: 2 * np.arctan(x / (np.sqrt(x * x + y * y) + y))),
]
