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
GPT-2     Var = 0.02^2, or 0.02^2 / N    layers behind a norm; N residual branches
LSUV      what the data ask for          any model; needs a batch
========= =============================  ==================================================

`calculate_gain` has g for any activation, and `report` measures what becomes of the signals. No
gain keeps a deep sigmoid network alive: the slope of sigmoid is 1/4 at most.

Each function fills a tensor in place, records nothing, and returns the tensor. It takes `rng`, a
NumPy Generator, a seed or None for the library's default. Numbers are drawn in float64 and
rounded, so a seed gives float32 and float64 models the same weights.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from autograd import Tensor, as_tensor, no_grad
from nn.activation import lookup
from nn.module import Module
from nn.pytorch_names import answers
from nn.random import generator
from nn.signals import report as report
from nn.signals import unchanged_buffers, watching

LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d")

T = TypeVar("T", bound=Tensor)
M = TypeVar("M", bound=Module)
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
        If the activation has no such name, it takes no `param`, or `std` is not positive.

    Examples
    --------
    >>> round(calculate_gain("relu") ** 2, 4), round(calculate_gain("gelu") ** 2, 3)
    (2.0, 2.352)
    >>> round(calculate_gain("gelu", backward=True) ** 2, 2)
    2.19
    """
    if not std > 0:
        raise ValueError(f"calculate_gain: std is {std}; it must be above 0")
    if param is not None and nonlinearity != "leaky_relu":
        name = getattr(nonlinearity, "__name__", nonlinearity)
        raise ValueError(
            f"calculate_gain: {name} takes no param, but it is {param}; leave it out, it is the "
            "slope of leaky_relu"
        )
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
    return normal_(tensor, 0, 1 / math.sqrt(_fans("lecun_normal_", tensor)[0]), rng=rng)


def lecun_uniform_(tensor: T, *, rng: Rng = None) -> T:
    r"""Fill a weight from U(-b, b), with the std of `lecun_normal_`.

    .. math:: b = \sqrt{3 / n_\mathrm{in}}, \quad \mathrm{std} = 1 / \sqrt{n_\mathrm{in}}

    Parameters, errors and references are those of `lecun_normal_`.
    """
    return _symmetric(tensor, 1 / math.sqrt(_fans("lecun_uniform_", tensor)[0]), rng)


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
    return normal_(tensor, 0, _xavier("xavier_normal_", tensor, gain), rng=rng)


def xavier_uniform_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    r"""Fill a weight from U(-b, b), with the std of `xavier_normal_`.

    .. math:: b = g \sqrt{\frac{6}{n_\mathrm{in} + n_\mathrm{out}}}, \quad
              \mathrm{std} = g \sqrt{\frac{2}{n_\mathrm{in} + n_\mathrm{out}}}

    Parameters, errors and references are those of `xavier_normal_`.
    """
    return _symmetric(tensor, _xavier("xavier_uniform_", tensor, gain), rng)


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
        The negative slope of leaky_relu; at 0 that is ReLU. Unused for others.
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
    std = _he("kaiming_normal_", tensor, a, mode, nonlinearity)
    return normal_(tensor, 0, std, rng=rng)


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
    std = _he("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return _symmetric(tensor, std, rng)


def orthogonal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    r"""Fill a weight with rows, or columns, of length `gain` that are orthogonal to each other.

    .. math:: W W^T = g^2 I \text{ if it is no higher than wide, else } W^T W = g^2 I

    A stack of such square layers without activations keeps lengths exactly, at any depth.

    Parameters
    ----------
    tensor : Tensor of shape (n_out, n_in) or (n_out, channels, *kernel), floating
        Taken as a matrix of n_out rows.
    gain : float, default=1.0
        See `calculate_gain`.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled. A random number has the standard deviation g / sqrt(max(rows, columns)).

    Raises
    ------
    ValueError
        If the tensor has fewer than two axes.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", 2013, arXiv:1312.6120. Mezzadri, "How to generate random matrices from
    the classical compact groups", 2007, arXiv:math-ph/0609050, for the signs.

    Examples
    --------
    >>> w = orthogonal_(Tensor(np.empty((2, 3))), rng=0)
    >>> (w @ w.T).numpy().round(6) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    _need_matrix("orthogonal_", tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -1, 1)  # else not all rotations are equally likely
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    rng: Rng = None,
) -> T:
    """Fill from N(mean, std^2), what lies outside of [a, b] left out.

    As in PyTorch a and b are bounds on the numbers, not multiples of `std`. The standard deviation
    of what is left is smaller: 0.88 for std 1 between -2 and 2.

    Parameters
    ----------
    tensor : Tensor of any shape, floating
    mean, std : float, default=0.0 and 1.0
        Those of the normal distribution, before it is cut.
    a, b : float, default=-2.0 and 2.0
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If a is not below b, `std` is not positive, or the bounds are so far out that no number of
        the distribution lies between them.

    Examples
    --------
    >>> w = trunc_normal_(Tensor(np.empty(100_000)), rng=0)
    >>> round(w.std().item(), 2), abs(w).max().item() <= 2
    (0.88, True)
    """
    if not (a < b and std > 0):
        raise ValueError(
            f"trunc_normal_: a is {a}, b {b}, std {std}; a must be below b, and std above 0"
        )
    # By symmetry from the lower tail, where the distribution function has all its digits.
    low, high = (a - mean) / std, (b - mean) / std
    flip = low > 0
    if flip:
        low, high = -high, -low
    least, most = special.ndtr([low, high])
    if most <= least:
        raise ValueError(
            f"trunc_normal_: [{a}, {b}] is too far from mean {mean} for std {std}: no number of "
            "the distribution lies in it; move the bounds"
        )
    z = special.ndtri(generator(rng).uniform(least, most, tensor.shape))
    return _fill(tensor, np.clip(mean + std * (-z if flip else z), a, b))


def gpt2_(tensor: T, residual_layers: int = 0, std: float = 0.02, *, rng: Rng = None) -> T:
    r"""Fill a weight as in GPT-2: N(0, 0.02^2), and less for what is added to the residual stream.

    .. math:: \mathrm{std} = 0.02 \quad \text{or} \quad 0.02 / \sqrt N

    The last layer of each of the N branches, two in each block, gets the second: the variance that
    N branches add up to is then that of one. 0.02 is the same whatever the width, so it is not
    LeCun's: 0.55 times that at width 768, 0.8 times at 1600, and only normalisation makes that up.

    Parameters
    ----------
    tensor : Tensor of any shape, floating
    residual_layers : int, default=0
        N, for the projection that ends a branch: attention's and the feed-forward layer's; 0 for
        all other weights and for embeddings.
    std : float, default=0.02
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If `residual_layers` is negative.

    References
    ----------
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.3.

    Examples
    --------
    >>> w = gpt2_(Tensor(np.empty((300, 300))), residual_layers=2 * 12, rng=0)
    >>> round(w.std().item() * math.sqrt(24), 3)
    0.02
    """
    if residual_layers < 0:
        raise ValueError(f"gpt2_: residual_layers is {residual_layers}; pass 0, or two for a block")
    return normal_(tensor, 0, std / math.sqrt(max(residual_layers, 1)), rng=rng)


def dirac_(tensor: T, groups: int = 1) -> T:
    """Fill the kernels of a convolution so that it passes on its input, channel by channel.

    Parameters
    ----------
    tensor : Tensor of shape (out, in / groups, *kernel), of one to three axes of the kernel
        In each group the first channels go through; where there are more outputs, these are 0.
    groups : int, default=1

    Returns
    -------
    Tensor
        The same, filled.

    Raises
    ------
    ValueError
        If the tensor has another number of axes, or the outputs do not divide into the groups.

    Examples
    --------
    >>> dirac_(Tensor(np.empty((1, 1, 3)))).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    if not 3 <= tensor.ndim <= 5 or tensor.shape[0] % groups:
        raise ValueError(
            f"dirac_: a tensor of shape {tensor.shape} in {groups} groups; pass the weight "
            "(out, in, *kernel) of a convolution, with out a multiple of the groups"
        )
    out = tensor.shape[0] // groups
    through = np.arange(min(out, tensor.shape[1]))
    values = np.zeros(tensor.shape)
    centre = tuple(n // 2 for n in tensor.shape[2:])
    for first in range(0, tensor.shape[0], out):
        index: tuple[Any, ...] = (first + through, through, *centre)
        values[index] = 1
    return _fill(tensor, values)


def lsuv_(model: M, *inputs: Any, rng: Rng = None) -> M:
    """Draw the weights of a model for one batch of data, so that each layer puts out variance 1.

    Layer-sequential unit variance: orthogonal weights, then each layer in the order in which they
    are called is scaled to variance 1, with the layers before it already done. Whatever stands
    between them, activations or residual connections, is taken into account.

    Parameters
    ----------
    model : Module
        Each module in it that has a ``weight`` of two axes or more, and gets floating numbers, is
        drawn anew, and its bias set to 0. Other parameters, such as those of embeddings and norms,
        stay.
    *inputs : array_like or Tensor
        One batch to call it with.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    Module
        The same, in the mode it was in.

    Raises
    ------
    ValueError
        If a layer puts out a constant, whatever its weights. The weights are those of before then.

    References
    ----------
    Mishkin and Matas, "All you need is a good init", 2015, arXiv:1511.06422, algorithm 1.

    Examples
    --------
    >>> from nn import MLP
    >>> x = np.random.default_rng(0).normal(size=(256, 20)).astype(np.float32)
    >>> model = lsuv_(MLP([20, 50, 50, 3], "gelu", rng=0), x, rng=0)
    >>> round(model(Tensor(x)).var().item(), 3)
    1.0
    """
    rng = generator(rng)
    met: set[Tensor] = set()  # weights, one of which may be that of several modules
    state = model.state_dict()

    def scaled(module: Any, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        new = module.weight not in met
        met.add(module.weight)
        if not new or as_tensor(args[0]).dtype.kind != "f":
            return forward(*args, **kwargs)
        orthogonal_(module.weight, rng=rng)
        if getattr(module, "bias", None) is not None:
            zeros_(module.bias)
        std = float(forward(*args, **kwargs).data.std(dtype=np.float64))
        if not 0 < std < math.inf:
            raise ValueError(
                f"lsuv_: {type(module).__name__} puts out numbers of standard deviation {std}, "
                "which no weights change; pass a batch that varies"
            )
        _fill(module.weight, module.weight.data / std)
        return forward(*args, **kwargs)

    layers = [
        m
        for m in model.modules()
        if isinstance(w := getattr(m, "weight", None), Tensor) and w.ndim > 1
    ]
    try:
        with watching(layers, scaled), unchanged_buffers(model), no_grad():
            model(*[Tensor(x) for x in inputs])  # copies, which the model may change
    except BaseException:
        model.load_state_dict(state)
        raise
    return model


def _he(where: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(where, tensor), strict=True))
    if mode not in fans:
        raise ValueError(f"{where}: mode is {mode!r}; it is 'fan_in' or 'fan_out'")
    slope = a if nonlinearity == "leaky_relu" else None
    return calculate_gain(nonlinearity, slope) / math.sqrt(fans[mode])


def _xavier(where: str, tensor: Tensor, gain: float) -> float:
    return gain / math.sqrt(sum(_fans(where, tensor)) / 2)


def _fans(where: str, tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs a unit has, and how many units an input goes to."""
    _need_matrix(where, tensor)
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _need_matrix(where: str, tensor: Tensor) -> None:
    if tensor.ndim < 2:
        raise ValueError(
            f"{where}: a tensor of shape {tensor.shape} has no fan in and fan out; this is for "
            "weights of shape (out, in) or (out, in, *kernel), a bias takes zeros_"
        )


def _symmetric(tensor: T, std: float, rng: Rng) -> T:
    """Fill from U(-b, b), whose standard deviation is b / sqrt(3)."""
    bound = math.sqrt(3) * std
    return uniform_(tensor, -bound, bound, rng=rng)


def _fill(tensor: T, values: float | NDArray[Any]) -> T:
    with no_grad():
        tensor[...] = values
    return tensor


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
