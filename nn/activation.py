"""Activations: one registry of what they are, the modules, and the table for learners.

`ACTIVATIONS` is what `activation_table` prints, what `MLP` looks up its activations in, and what
`init.calculate_gain` integrates. A test holds each formula, derivative, range and extreme in it
against the function itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from nn import functional as F
from nn.module import Module, Parameter
from nn.stateless import Stateless
from nn.table import as_html, grid

# The modules.


class Sigmoid(Stateless, function=F.sigmoid):
    """1 / (1 + exp(-x)), element by element; see `functional.sigmoid`."""


class Tanh(Stateless, function=F.tanh):
    """The hyperbolic tangent, element by element; see `functional.tanh`."""


class ReLU(Stateless, function=F.relu):
    """max(0, x), element by element; see `functional.relu`."""


class LeakyReLU(Stateless, function=F.leaky_relu):
    """x, or a fraction of it where it is negative; see `functional.leaky_relu`."""


class PReLU(Module):
    """A leaky ReLU whose slope is trained; see `functional.prelu`.

    Parameters
    ----------
    num_parameters : int, default=1
        One slope for all, or as many as there are channels, on axis 1.
    init : float, default=0.25
        What the slopes start as.
    dtype : numpy dtype, default=numpy.float32

    Attributes
    ----------
    weight : Parameter of shape (num_parameters,)

    Raises
    ------
    ValueError
        If num_parameters is below 1; when called, if it is not 1 nor the number of channels.

    Examples
    --------
    >>> PReLU()(Tensor([-4.0, 2.0])).numpy()
    array([-1.,  2.])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float32
    ) -> None:
        if num_parameters < 1:
            raise ValueError(f"PReLU: {num_parameters} slopes; pass 1, or the number of channels")
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return prelu(x), of the shape of `x`."""
        return F.prelu(x, self.weight)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return the number of slopes."""
        return f"num_parameters={self.weight.size}"


class ELU(Stateless, function=F.elu):
    """x, or an exponential where it is negative; see `functional.elu`."""


class SELU(Stateless, function=F.selu):
    """The scaled exponential linear unit, element by element; see `functional.selu`."""


class CELU(Stateless, function=F.celu):
    """An ELU that is smooth for every alpha; see `functional.celu`."""


class GELU(Stateless, function=F.gelu):
    """x times the normal distribution function of x; see `functional.gelu`."""


class QuickGELU(Stateless, function=F.quick_gelu):
    """x * sigmoid(1.702 x), which is close to GELU; see `functional.quick_gelu`."""


class SiLU(Stateless, function=F.silu):
    """x * sigmoid(beta x), also called swish; see `functional.silu`."""


class Mish(Stateless, function=F.mish):
    """x * tanh(softplus(x)); see `functional.mish`."""


class Softplus(Stateless, function=F.softplus):
    """log(1 + exp(beta x)) / beta, a smooth ReLU; see `functional.softplus`."""


class Softsign(Stateless, function=F.softsign):
    """``x / (1 + |x|)``; see `functional.softsign`."""


class Hardtanh(Stateless, function=F.hardtanh):
    """x limited to [min_val, max_val]; see `functional.hardtanh`."""

    min_val: float
    max_val: float


class Hardsigmoid(Stateless, function=F.hardsigmoid):
    """A sigmoid made of three lines; see `functional.hardsigmoid`."""


class Hardswish(Stateless, function=F.hardswish):
    """x times the hard sigmoid of x; see `functional.hardswish`."""


class ReLU6(Stateless, function=F.relu6):
    """x limited to [0, 6]; see `functional.relu6`."""


class LogSigmoid(Stateless, function=F.logsigmoid):
    """log(sigmoid(x)); see `functional.logsigmoid`."""


class Softmax(Stateless, function=F.softmax):
    """exp(x) / sum(exp(x)) along an axis, the last by default; see `functional.softmax`."""


class LogSoftmax(Stateless, function=F.log_softmax):
    """The logarithm of softmax; see `functional.log_softmax`."""


class GLU(Stateless, function=F.glu):
    """One half of an axis times the sigmoid of the other; see `functional.glu`."""


class ReGLU(Stateless, function=F.reglu):
    """One half of an axis times the ReLU of the other; see `functional.reglu`."""


class GEGLU(Stateless, function=F.geglu):
    """One half of an axis times the GELU of the other; see `functional.geglu`."""


# What they are.


@dataclass(frozen=True)
class Activation:
    """What there is to know of an activation.

    Formulas are Python expressions of numbers, with Phi and phi the distribution function and the
    density of the standard normal distribution, and with the function's own parameters;
    ``with t = ...`` at the end names a part. The table shows them with Greek letters.

    Attributes
    ----------
    function : callable
        The one in `functional`.
    formula : str
        Of x; of the values a and the gates b where it is gated; of x and the sum s of the
        exponentials of the other logits for softmax.
    derivative : mapping of str to str
        By the name of the variable.
    range, slope : str
        The values that function and derivative take, as intervals; the bounds that belong to them
        are reached.
    use, failure : str
        Where it is found, and what goes wrong with it.
    extremes : mapping of str to (float, float)
        Where a value or slope is the smallest or largest, and what it is there.
    init : {'kaiming', 'xavier', 'lecun', ''}
        How `MLP` draws the layer in front of it; '' where it does not keep the width.
    module : callable
        Makes the module.
    constants : mapping of str to float
        What the formulas use beside the parameters.
    bounds : (float, float) or None
        The ends of `range`, where it has two and the activation stands between layers.
    """

    function: Callable[..., Any]
    formula: str
    derivative: Mapping[str, str]
    range: str
    slope: str
    use: str
    failure: str
    extremes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    init: Literal["kaiming", "xavier", "lecun", ""] = "kaiming"
    module: Callable[..., Module] | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    bounds: tuple[float, float] | None = None


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(
        F.sigmoid,
        "1 / (1 + exp(-x))",
        {"x": "sigmoid(x)*(1 - sigmoid(x))"},
        "(0, 1)",
        "(0, 0.25]",
        "gates of LSTM and GLU, binary outputs",
        "saturates beyond |x| of 4 to 6; with slopes of 1/4 at most, gradients fade in a deep "
        "stack; outputs are all positive, so for one example all weights of a unit have gradients "
        "of one sign",
        {"max slope": (0.0, 0.25)},
        "xavier",
        Sigmoid,
        bounds=(0, 1),
    ),
    "tanh": Activation(
        F.tanh,
        "(exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        {"x": "1 - tanh(x)**2"},
        "(-1, 1)",
        "(0, 1]",
        "states of RNN, LSTM and GRU; zero-centred hidden layers",
        "saturates beyond |x| of 2 to 3; keeps the variance of small signals only",
        {"max slope": (0.0, 1.0)},
        "xavier",
        Tanh,
        bounds=(-1, 1),
    ),
    "relu": Activation(
        F.relu,
        "max(0, x)",
        {"x": "1 if x > 0 else 0"},
        "[0, inf)",
        "[0, 1]",
        "convolutional networks, MLPs; the cheapest",
        "a unit that is negative on all data gets no gradient itself: for good in the first layer, "
        "further up the layers below it may revive it",
        module=ReLU,
    ),
    "leaky_relu": Activation(
        F.leaky_relu,
        "x if x > 0 else negative_slope*x",
        {"x": "1 if x > 0 else negative_slope"},
        "(-inf, inf)",
        "[0.01, 1]",
        "where units of ReLU die",
        "no zeros, so nothing is sparse; on the left the gradient is a hundredth",
        module=LeakyReLU,
    ),
    "prelu": Activation(
        partial(F.prelu, weight=Tensor([0.25])),
        "x if x > 0 else weight*x",
        {"x": "1 if x > 0 else weight"},
        "(-inf, inf)",
        "[0.25, 1]",
        "image classification (He et al., 2015)",
        "weight decay draws its slope to 0, to a ReLU",
        module=PReLU,
        constants={"weight": 0.25},
    ),
    "elu": Activation(
        F.elu,
        "x if x > 0 else alpha*(exp(x) - 1)",
        {"x": "1 if x > 0 else alpha*exp(x)"},
        "(-1, inf)",
        "(0, 1]",
        "where means near 0 shall speed up learning",
        "saturates on the left; the slope jumps at 0 unless alpha is 1",
        module=ELU,
    ),
    "selu": Activation(
        F.selu,
        "scale*x if x > 0 else scale*alpha*(exp(x) - 1)",
        {"x": "scale if x > 0 else scale*alpha*exp(x)"},
        "(-1.758099, inf)",
        "(0, 1.758099]",
        "deep MLPs without normalisation",
        "keeps mean 0 and variance 1 with LeCun's initialisation and independent inputs only",
        {"max slope": (0.0, 1.758099)},
        "lecun",
        SELU,
        {"scale": 1.0507009873554805, "alpha": 1.6732632423543772},
    ),
    "celu": Activation(
        F.celu,
        "x if x > 0 else alpha*(exp(x/alpha) - 1)",
        {"x": "1 if x > 0 else exp(x/alpha)"},
        "(-1, inf)",
        "(0, 1]",
        "as ELU, where alpha is not 1",
        "saturates on the left",
        module=CELU,
    ),
    "gelu": Activation(
        F.gelu,
        "x*Phi(x)",
        {"x": "Phi(x) + x*phi(x)"},
        "[-0.169971, inf)",
        "[-0.128904, 1.128904]",
        "BERT, vision transformers; its tanh form in GPT-2",
        "saturates to the left, as ReLU does, so units far below 0 die; decreases left of -0.75",
        {
            "min": (-0.751792, -0.169971),
            "max slope": (1.414214, 1.128904),
            "min slope": (-1.414214, -0.128904),
        },
        module=GELU,
    ),
    "gelu_tanh": Activation(
        partial(F.gelu, approximate="tanh"),
        "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
        {
            "x": "(1 + t)/2 + x/2*(1 - t**2)*sqrt(2/pi)*(1 + 0.134145*x**2) "
            "with t = tanh(sqrt(2/pi)*(x + 0.044715*x**3))"
        },
        "[-0.170041, inf)",
        "[-0.128993, 1.128993]",
        "GPT-2 as released",
        "off from GELU by up to 0.00047, at 2.7: no weights for the one in the other",
        {
            "min": (-0.752461, -0.170041),
            "max slope": (1.418504, 1.128993),
            "min slope": (-1.418504, -0.128993),
        },
        module=partial(GELU, "tanh"),
    ),
    "quick_gelu": Activation(
        F.quick_gelu,
        "x*sigmoid(1.702*x)",
        {"x": "s + 1.702*x*s*(1 - s) with s = sigmoid(1.702*x)"},
        "[-0.163610, inf)",
        "[-0.099839, 1.099839]",
        "CLIP",
        "off from GELU by up to 0.02",
        {
            "min": (-0.751154, -0.163610),
            "max slope": (1.409728, 1.099839),
            "min slope": (-1.409728, -0.099839),
        },
        module=QuickGELU,
    ),
    "silu": Activation(
        F.silu,
        "x*sigmoid(beta*x)",
        {"x": "s*(1 + beta*x*(1 - s)) with s = sigmoid(beta*x)"},
        "[-0.278465, inf)",
        "[-0.099839, 1.099839]",
        "EfficientNet; inside the gate of SwiGLU, as in Llama",
        "saturates to the left, so units far below 0 die; decreases left of -1.28",
        {
            "min": (-1.278465, -0.278465),
            "max slope": (2.399357, 1.099839),
            "min slope": (-2.399357, -0.099839),
        },
        module=SiLU,
    ),
    "mish": Activation(
        F.mish,
        "x*tanh(log(1 + exp(x)))",
        {"x": "t + x*(1 - t**2)*sigmoid(x) with t = tanh(log(1 + exp(x)))"},
        "[-0.308843, inf)",
        "[-0.112526, 1.088498]",
        "YOLOv4",
        "saturates to the left; costs an exponential more than SiLU",
        {
            "min": (-1.192431, -0.308843),
            "max slope": (1.490571, 1.088498),
            "min slope": (-2.256376, -0.112526),
        },
        module=Mish,
    ),
    "softplus": Activation(
        F.softplus,
        "log(1 + exp(beta*x))/beta",
        {"x": "sigmoid(beta*x)"},
        "(0, inf)",
        "(0, 1)",
        "outputs that must be positive, such as a standard deviation",
        "0.69 at 0 and never 0: the mean of its outputs is far from 0",
        module=Softplus,
    ),
    "softsign": Activation(
        F.softsign,
        "x/(1 + abs(x))",
        {"x": "1/(1 + abs(x))**2"},
        "(-1, 1)",
        "(0, 1]",
        "as tanh, with tails that fall off slowly",
        "saturates, if slowly: the slope falls off as the square of x",
        {"max slope": (0.0, 1.0)},
        "xavier",
        Softsign,
        bounds=(-1, 1),
    ),
    "hardtanh": Activation(
        F.hardtanh,
        "min(max_val, max(min_val, x))",
        {"x": "1 if min_val < x < max_val else 0"},
        "[-1, 1]",
        "[0, 1]",
        "networks on small devices",
        "outside of its bounds there is no gradient at all",
        init="xavier",
        module=Hardtanh,
        bounds=(-1, 1),
    ),
    "hardsigmoid": Activation(
        F.hardsigmoid,
        "min(1, max(0, x/6 + 1/2))",
        {"x": "1/6 if -3 < x < 3 else 0"},
        "[0, 1]",
        "[0, 0.166667]",
        "MobileNetV3",
        "no gradient beyond |x| of 3; else as sigmoid",
        init="xavier",
        module=Hardsigmoid,
        bounds=(0, 1),
    ),
    "hardswish": Activation(
        F.hardswish,
        "x*min(1, max(0, x/6 + 1/2))",
        {"x": "0 if x <= -3 else 1 if x >= 3 else x/3 + 1/2"},
        "[-0.375, inf)",
        "(-0.5, 1.5)",
        "MobileNetV3",
        "no gradient left of -3; the slope jumps at -3 and 3",
        {"min": (-1.5, -0.375)},
        module=Hardswish,
    ),
    "relu6": Activation(
        F.relu6,
        "min(6, max(0, x))",
        {"x": "1 if 0 < x < 6 else 0"},
        "[0, 6]",
        "[0, 1]",
        "MobileNet, where few bits hold the activations",
        "as ReLU, and no gradient above 6",
        module=ReLU6,
        bounds=(0, 6),
    ),
    "logsigmoid": Activation(
        F.logsigmoid,
        "-log(1 + exp(-x))",
        {"x": "sigmoid(-x)"},
        "(-inf, 0)",
        "(0, 1)",
        "inside losses",
        "all outputs are negative: not for hidden layers",
        module=LogSigmoid,
    ),
    "softmax": Activation(
        F.softmax,
        "exp(x)/(exp(x) + s)",
        {"x": "p*(1 - p) with p = exp(x)/(exp(x) + s)"},
        "(0, 1)",
        "(0, 0.25]",
        "attention weights; class probabilities, for show: losses take logits",
        "saturates where one logit leads; the derivative by another logit is -p times its share",
        init="",
        module=Softmax,
    ),
    "log_softmax": Activation(
        F.log_softmax,
        "x - log(exp(x) + s)",
        {"x": "s/(exp(x) + s)"},
        "(-inf, 0)",
        "(0, 1)",
        "inside cross-entropy",
        "taken of probabilities, not of logits, it trains slowly",
        init="",
        module=LogSoftmax,
    ),
    "glu": Activation(
        F.glu,
        "a*sigmoid(b)",
        {"a": "sigmoid(b)", "b": "a*sigmoid(b)*(1 - sigmoid(b))"},
        "(-inf, inf)",
        "",
        "convolutional language models",
        "takes two halves: three matrices in a feed-forward layer, half as many parameters again "
        "at equal width, none more at 2/3 of it",
        init="",
        module=GLU,
    ),
    "reglu": Activation(
        F.reglu,
        "a*max(0, b)",
        {"a": "max(0, b)", "b": "a if b > 0 else 0"},
        "(-inf, inf)",
        "",
        "feed-forward layers of transformers",
        "as GLU; a gate that is shut on all data has no gradient",
        init="",
        module=ReGLU,
    ),
    "geglu": Activation(
        F.geglu,
        "a*b*Phi(b)",
        {"a": "b*Phi(b)", "b": "a*(Phi(b) + b*phi(b))"},
        "(-inf, inf)",
        "",
        "feed-forward layers of T5 v1.1 and Gemma",
        "as GLU",
        init="",
        module=GEGLU,
    ),
    "swiglu": Activation(
        F.swiglu,
        "a*b*sigmoid(beta*b)",
        {"a": "b*sigmoid(beta*b)", "b": "a*s*(1 + beta*b*(1 - s)) with s = sigmoid(beta*b)"},
        "(-inf, inf)",
        "",
        "feed-forward layers of PaLM and Llama",
        "as GLU; products of two linear maps can grow without bound",
        init="",
    ),
}
"""Every activation, by the name of its function in `functional`."""


@dataclass(frozen=True)
class ActivationTable:
    """What `activation_table` returns: print it, or let a notebook show it.

    Attributes
    ----------
    activations : dict of str to Activation
    """

    activations: dict[str, Activation]

    HEAD = ("name", "f, f'", "range, slope, extremes", "where used", "what goes wrong")
    WIDTHS = (11, 40, 29, 24, 34)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text: a heading, then a row for each activation."""
        rows: list[tuple[str, ...]] = [self.HEAD]
        for name, a in self.activations.items():
            several = len(a.derivative) > 1
            formulas = [
                _typeset(a.formula),
                *(
                    f"by {v}: {_typeset(d)}" if several else _typeset(d)
                    for v, d in a.derivative.items()
                ),
                *(_typeset(f"{k} = {v:.6g}") for k, v in a.constants.items()),
            ]
            facts = [
                _typeset(a.range),
                *([f"slope {a.slope}"] if a.slope else []),
                *(f"{what} {y:.7g} at {x:.7g}" for what, (x, y) in a.extremes.items()),
            ]
            rows.append((name, "\n".join(formulas), "\n".join(facts), a.use, a.failure))
        return rows

    def __str__(self) -> str:
        return grid(self.rows(), self.WIDTHS)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self.rows())


def activation_table(*names: str) -> ActivationTable:
    """Return a table of the activations: formula, derivative, range, use, failure mode.

    Parameters
    ----------
    *names : str
        Of the functions in `functional`; all if none is given.

    Returns
    -------
    ActivationTable
        Print it; a notebook shows it by itself.

    Raises
    ------
    ValueError
        If a name is not known.

    Examples
    --------
    >>> print(activation_table("relu", "gelu"))  # doctest: +ELLIPSIS
    name         f, f'               ...
    relu         max(0, x)           ...
                 1 if x > 0 else 0   ...
    """
    return ActivationTable(
        {name: lookup("activation_table", name) for name in names or ACTIVATIONS}
    )


def lookup(where: str, name: str) -> Activation:
    """Return what is known of an activation; a ValueError says which names there are."""
    if name not in ACTIVATIONS:
        raise ValueError(
            f"{where}: activation {name!r} is not known; it is one of {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


_TYPE = {
    "**2": "\N{SUPERSCRIPT TWO}",
    "**3": "\N{SUPERSCRIPT THREE}",
    "*": "\N{MIDDLE DOT}",
    "sigmoid(": "\N{GREEK SMALL LETTER SIGMA}(",
    "Phi(": "\N{GREEK CAPITAL LETTER PHI}(",
    "phi(": "\N{GREEK SMALL LETTER PHI}(",
    "alpha": "\N{GREEK SMALL LETTER ALPHA}",
    "beta": "\N{GREEK SMALL LETTER BETA}",
    "pi)": "\N{GREEK SMALL LETTER PI})",
    "inf": "\N{INFINITY}",
}


def _typeset(formula: str) -> str:
    for plain, nice in _TYPE.items():
        formula = formula.replace(plain, nice)
    return formula
