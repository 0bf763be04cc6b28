"""Elementwise ops: the Jacobian is diagonal, so the vjp rule of each is its jvp rule too.

A rule reads ``lambda g, out, x: ...``: the gradient with respect to `x`, given the gradient `g`
with respect to `out`. Broadcasting is the engine's business, no rule mentions it.
"""

from __future__ import annotations

import operator

import numpy as np
from scipy import special

from ..op import Array, Op, Rule, op

__all__ = [
    "add",
    "clip",
    "cos",
    "div",
    "eq",
    "exp",
    "ge",
    "gt",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "ne",
    "neg",
    "positive",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "sub",
    "tanh",
    "where",
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
    if isinstance(x, np.ndarray) and y.ndim == 0 and y.dtype == x.dtype:
        return x ** y.item()  # NumPy squares and takes roots fast for Python numbers only
    return x**y


def _pow_dx(g: Array, out: Array, x: Array, y: Array) -> Array:
    if y.ndim == 0:
        return g * (y * x ** (y - 1)) if y != 0 else np.zeros_like(g)
    flat = y == 0  # x**0 is 1 everywhere, and 0 * 0**-1 would be NaN
    return g * np.where(flat, 0, y * x ** np.where(flat, 1, y - 1))


def _pow_dy(g: Array, out: Array, x: Array, y: Array) -> Array:
    flat = (x == 0) & (y >= 0)  # 0**y is 0 (1 at y = 0), and 0 * log 0 would be NaN
    return g * np.where(flat, 0, out * np.log(np.where(flat, 1, x)))


pow_ = _binary("pow", _pow, (_pow_dx, _pow_dy), "{{{0}}}^{{{1}}}", "Return x to the power y.", 10)

neg = _unary("neg", operator.neg, lambda g, out, x: -g, "-{0}", "Return -x.")
positive = _unary("positive", operator.pos, lambda g, out, x: g, "{0}", "Return a copy of x.", 0)

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

# Trigonometry.

sin = _unary("sin", np.sin, lambda g, out, x: g * np.cos(x), r"\sin {0}", "Return sin x.", 10)
cos = _unary("cos", np.cos, lambda g, out, x: -g * np.sin(x), r"\cos {0}", "Return cos x.", 10)

# Activations.

tanh = _unary(
    "tanh",
    np.tanh,
    lambda g, out, x: g * (1 - out * out),
    r"\tanh {0}",
    "Return the hyperbolic tangent of x.",
    10,
)


def _expit(x: Array) -> Array:
    out = special.expit(x)  # branches on the sign of x, so that no exp overflows
    return out.astype(np.float16) if x.dtype == np.float16 else out


sigmoid = _unary(
    "sigmoid",
    _expit,
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


def _within(g: Array, x: Array, min: Array, max: Array) -> Array:
    if min is not None:
        g = g * (x >= min)
    return g if max is None else g * (x <= max)


@op(
    vjp=(lambda g, out, x, *, min, max: _within(g, x, min, max),),
    latex=r"\operatorname{{clip}}({0})",
    flops=2,
)
def clip(x: Array, min: Array = None, max: Array = None) -> Array:
    """Limit the values of x to [min, max]; the derivative on a bound is 1.

    Parameters
    ----------
    x : Tensor or ndarray, floating
    min, max : number or ndarray that broadcasts to the shape of x, optional
        No limit where None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

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
    return np.clip(x, min, max)


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


def _no_derivative(name: str, ufunc: np.ufunc, latex: str, line: str) -> Op:
    make = _unary if ufunc.nin == 1 else _binary
    vjp = None if ufunc.nin == 1 else (None, None)
    return make(name, ufunc, vjp, latex, f"{line} The result is boolean.")  # type: ignore[arg-type]


eq = _no_derivative("eq", np.equal, "{0} = {1}", "Return x == y.")
ne = _no_derivative("ne", np.not_equal, r"{0} \ne {1}", "Return x != y.")
lt = _no_derivative("lt", np.less, "{0} < {1}", "Return x < y.")
le = _no_derivative("le", np.less_equal, r"{0} \le {1}", "Return x <= y.")
gt = _no_derivative("gt", np.greater, "{0} > {1}", "Return x > y.")
ge = _no_derivative("ge", np.greater_equal, r"{0} \ge {1}", "Return x >= y.")
logical_and = _no_derivative("logical_and", np.logical_and, r"{0} \land {1}", "Return x and y.")
logical_or = _no_derivative("logical_or", np.logical_or, r"{0} \lor {1}", "Return x or y.")
logical_not = _no_derivative("logical_not", np.logical_not, r"\lnot {0}", "Return not x.")
isnan = _no_derivative("isnan", np.isnan, r"\mathrm{{isnan}}({0})", "Tell where x is NaN.")
isinf = _no_derivative("isinf", np.isinf, r"\mathrm{{isinf}}({0})", "Tell where x is infinite.")
isfinite = _no_derivative(
    "isfinite", np.isfinite, r"\mathrm{{isfinite}}({0})", "Tell where x is finite."
)
