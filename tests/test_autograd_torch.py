"""Parity with PyTorch: each op of the table, indexing, kinks, and programs drawn at random."""

from dataclasses import dataclass

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jvp
from tests.op_cases import CASES, INDICES, OPS
from tests.op_cases_elementwise import polygamma, spherical_bessel

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = [
    pytest.mark.filterwarnings("ignore:(var|std).*degrees of freedom"),  # of empty arrays
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]
torch.set_num_threads(1)  # the arrays are tiny, and other workers want the cores

DTYPES = [np.float32, np.float64]


def to_torch(x, requires_grad=True):
    x = np.asarray(x)
    return torch.tensor(x, requires_grad=requires_grad and x.dtype.kind == "f")


def assert_close(ours, theirs, rtol):
    """Compare with PyTorch's tensor, the rounding of the largest entry forgiven to all."""
    theirs = theirs.detach().numpy()
    assert np.shape(ours) == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol, rtol * np.abs(theirs).max(initial=0))


# Each op.


def axes(f, *, needs_one=False):
    """Give a PyTorch reduction NumPy's axis: None is all of them, and a scalar has none."""

    def reduce(x, axis=None, keepdims=False, **params):
        if axis is None:
            axis = 0 if needs_one and x.ndim == 0 else tuple(range(x.ndim))
        return f(x, dim=axis, keepdim=keepdims, **params)

    return reduce


def spread(f):
    return axes(lambda x, ddof=0, **kw: f(x, correction=ddof, **kw), needs_one=True)


def positions(shape, index):
    """What an index picks, as positions in the flattened array: for the steps PyTorch refuses."""
    return torch.tensor(np.arange(np.prod(shape)).reshape(shape)[index].copy(), dtype=torch.int64)


def embed(x, shape, index):
    at = positions(shape, index)
    flat = torch.zeros(int(np.prod(shape)), dtype=x.dtype)
    return flat.index_add(0, at.ravel(), x.broadcast_to(at.shape).ravel()).reshape(shape)


def seen(shape, window_shape, axis):
    """What windows see, as positions in the flattened array."""
    at = np.arange(np.prod(shape)).reshape(shape)
    return torch.tensor(np.lib.stride_tricks.sliding_window_view(at, window_shape, axis))


def fold(x, shape, axis):
    at = seen(shape, tuple(x.shape[len(shape) :]), axis)
    return embed(x.ravel(), (int(np.prod(shape)),), at.ravel().numpy()).reshape(shape)


def normalized(f):
    """Put the normalised shape where PyTorch has it."""

    def call(x, *parameters, normalized_shape=None, **params):
        shape = parameters[0].shape if normalized_shape is None else normalized_shape
        return f(x, np.atleast_1d(shape).tolist(), *parameters, **params)

    return call


def padded(f):
    """Pad by pairs before the convolution: PyTorch's pads alike on both sides."""

    def call(x, *weights, padding=0, **params):
        if isinstance(padding, tuple) and isinstance(padding[0], tuple):
            x, padding = F.pad(x, [n for pair in padding[::-1] for n in pair]), 0
        return f(x, *weights, padding=padding, **params)

    return call


def cropped(f):
    """Cut off by pairs after the transposed convolution."""

    def call(x, *weights, padding=0, **params):
        if isinstance(padding, tuple) and isinstance(padding[0], tuple):
            out = f(x, *weights, **params)
            return out[
                :, :, *(slice(a, n - b) for n, (a, b) in zip(out.shape[2:], padding, strict=True))
            ]
        return f(x, *weights, padding=padding, **params)

    return call


def of_weight(f):
    """The gradient that a convolution gives its weight."""

    def call(x, y, kernel_size, groups=1, **params):
        shape = (y.shape[1], x.shape[1] // groups, *kernel_size)
        w = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
        out = f(x, w, groups=groups, **params)[:, :, *map(slice, y.shape[2:])]
        return torch.autograd.grad(out, w, y, create_graph=True)[0]

    return call


def signed(f, ours, axis):
    """Give vectors along an axis the signs that ours have: each build of LAPACK chooses its own."""

    def with_signs(x):
        vectors = f(x)
        agreement = vectors.detach() * torch.tensor(ours(x.detach().numpy()))
        return vectors * torch.sign(agreement.sum(axis, keepdim=True))

    return with_signs


def setitem(x, value, index):
    at = positions(x.shape, index)
    value = value.reshape(value.shape[max(value.ndim - at.ndim, 0) :])
    return x.ravel().index_put((at,), value.broadcast_to(at.shape)).reshape(x.shape)


def expand_dims(x, axis):
    axis = axis if isinstance(axis, tuple) else (axis,)
    for a in sorted(a % (x.ndim + len(axis)) for a in axis):
        x = x.unsqueeze(a)
    return x


def flat(f):
    """Give a function of PyTorch that has no derivative the derivative 0."""
    return lambda x, y: f(x.detach(), y.detach()) + 0 * (x + y)


def psi(x, n):
    """Take the derivative of digamma from the series: PyTorch's trigamma has ten digits only."""
    if n > 0:
        return polygamma(x, n)
    at = x.detach()
    return torch.digamma(at) + polygamma(at, 1) * (x - at)


def prod(x, axis=None, keepdims=False):
    """Multiply along one axis after the other: torch.prod takes one only."""
    whole = axis is None or not x.ndim
    axis = tuple(range(x.ndim)) if whole else axis if isinstance(axis, tuple) else (axis,)
    for a in sorted((a % x.ndim for a in axis), reverse=True):
        x = torch.prod(x, a, keepdims)
    return x.clone()


def along(f):
    """Give a PyTorch scan NumPy's axis None: the flattened array."""
    return lambda x, axis=None: f(x.ravel(), 0) if axis is None else f(x, axis)


def average_ties(x, keys, axis):
    same = keys.movedim(axis, -1)[..., None] == keys.movedim(axis, -1)[..., None, :]
    weights = same.to(x.dtype) / same.sum(-1, keepdim=True)
    return torch.einsum("...ij,...j->...i", weights, x.movedim(axis, -1)).movedim(-1, axis)


def attention(query, key, value, attn_mask=None, is_causal=False, scale=None, keep=None):
    """Run PyTorch's function where it can: it takes no given dropout, no broadcasting of heads."""
    lead = {x.shape[:-2] for x in (query, key, value)}
    if keep is None and len(lead) == 1 and not (is_causal and attn_mask is not None):
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, is_causal=is_causal, scale=scale
        )
    scale = max(query.shape[-1], 1) ** -0.5 if scale is None else scale
    scores = scale * query @ key.mT
    if attn_mask is not None:
        boolean = attn_mask.dtype == torch.bool
        scores = scores.where(attn_mask, -torch.inf) if boolean else scores + attn_mask
    if is_causal:
        scores = scores.where(torch.ones(scores.shape, dtype=torch.bool).tril(), -torch.inf)
    weights = torch.ops.aten._safe_softmax(scores, -1)
    return (weights if keep is None else weights * torch.tensor(keep).to(weights.dtype)) @ value


def rope(x, positions=None, base=10000.0):
    t = torch.arange(x.shape[-2]) if positions is None else torch.tensor(positions)
    theta = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    turn = torch.polar(torch.ones(1, dtype=torch.float64), torch.outer(t.double(), theta))
    z = torch.view_as_complex(x.unflatten(-1, (x.shape[-1] // 2, 2))) * turn
    return torch.view_as_real(z).reshape(x.shape).to(x.dtype)


def with_two(biases, weight):
    """PyTorch's cells take no bias, or two."""
    return [*biases, *[torch.zeros(len(weight), dtype=weight.dtype)] * (2 - len(biases))]


def rnn_step(x, h, w, u, *biases, nonlinearity="tanh"):
    cell = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
    return cell(x, h, w, u, *with_two(biases, w))


def lstm_step(x, h, c, w, u, *biases):
    return torch.stack(torch.lstm_cell(x, (h, c), w, u, *with_two(biases, w)))


def gru_step(x, h, w, u, *biases):
    return torch.gru_cell(x, h, w, u, *with_two(biases, w))


def sequence(step, count):
    def run(xs, *rest, **params):
        states, weights, steps = rest[:count], rest[count:], []
        for x in xs:
            steps.append(step(x, *states, *weights, **params))
            states = steps[-1] if count == 2 else steps[-1:]
        return torch.stack(steps, dim=count - 1)

    return run


TORCH = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "positive": lambda x: x.clone(),
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sign": torch.sign,
    "abs": torch.abs,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "clip": torch.clamp,
    "where": torch.where,
    "prod": prod,
    "vector_norm": axes(
        lambda x, dim, keepdim, ord=2: torch.linalg.vector_norm(x, ord, dim, keepdim)
    ),
    "cumsum": along(torch.cumsum),
    "cumprod": along(torch.cumprod),
    "logcumsumexp": along(torch.logcumsumexp),
    "sort": lambda x, axis=-1, descending=False: torch.sort(x, axis, descending)[0],
    "average_ties": average_ties,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "hardtanh": F.hardtanh,
    "prelu": lambda x, weight: torch.where(x > 0, x, weight * x),
    "gelu": F.gelu,
    "silu": lambda x, beta=1.0: x * torch.sigmoid(beta * x),
    "mish": F.mish,
    "selu": F.selu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "bce": lambda p, y: -(y * torch.log(p) + (1 - y) * torch.log(1 - p)),
    "bce_with_logits": lambda z, y: F.softplus(z) - y * z,
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "rsqrt": torch.rsqrt,
    "tan": torch.tan,
    "arcsin": torch.arcsin,
    "arccos": torch.arccos,
    "arctan": torch.arctan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "arcsinh": torch.arcsinh,
    "arccosh": torch.arccosh,
    "arctanh": torch.arctanh,
    "deg2rad": torch.deg2rad,
    "rad2deg": torch.rad2deg,
    "sinc": torch.sinc,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "logit": torch.logit,
    "lgamma": torch.lgamma,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": torch.round,
    "nan_to_num": torch.nan_to_num,
    "remainder": torch.remainder,
    "fmod": torch.fmod,
    "copysign": torch.copysign,
    "fmax": torch.fmax,
    "fmin": torch.fmin,
    "xlogy": torch.xlogy,
    "logaddexp": torch.logaddexp,
    "logaddexp2": torch.logaddexp2,
    "hypot": torch.hypot,
    "arctan2": torch.arctan2,
    "ndtr": torch.special.ndtr,
    "cbrt": lambda x: x ** (1 / 3),
    "polygamma": psi,
    "spherical_bessel": spherical_bessel,
    "floor_divide": flat(torch.floor_divide),
    "heaviside": flat(torch.heaviside),
    "sum": axes(torch.sum),
    "mean": axes(torch.mean),
    "max": axes(torch.amax),
    "min": axes(torch.amin),
    "var": spread(torch.var),
    "std": spread(torch.std),
    "logsumexp": axes(torch.logsumexp, needs_one=True),
    "matmul": torch.matmul,
    "einsum": lambda *xs, subscripts: torch.einsum(subscripts, *xs),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes=None: x.permute(axes or tuple(range(x.ndim))[::-1]),
    "swapaxes": lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
    "squeeze": lambda x, axis=None: x.squeeze() if axis is None else x.squeeze(axis),
    "expand_dims": expand_dims,
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "concatenate": lambda *xs, axis: torch.cat(xs, axis),
    "stack": lambda *xs, axis: torch.stack(xs, axis),
    "astype": lambda x, dtype: x.to(torch.float64),
    "inv": torch.linalg.inv,
    "det": torch.linalg.det,
    "cofactor": lambda x: torch.linalg.det(x)[..., None, None] * torch.linalg.inv(x).mT,
    "slogdet_sign": lambda x: torch.linalg.slogdet(x.detach()).sign + 0 * x.sum((-1, -2)),
    "slogdet_log": lambda x: torch.linalg.slogdet(x).logabsdet,
    "solve": lambda a, b: (
        torch.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else a.inverse() @ b
    ),
    "cholesky": lambda x: torch.linalg.cholesky((x + x.mT) / 2),
    "qr_q": lambda x: torch.linalg.qr(x).Q,
    "qr_r": lambda x: torch.linalg.qr(x).R,
    "eigvalsh": lambda x: torch.linalg.eigvalsh((x + x.mT) / 2),
    "eigh_vectors": signed(
        lambda x: torch.linalg.eigh((x + x.mT) / 2).eigenvectors, OPS["eigh_vectors"], -2
    ),
    "svd_u": signed(lambda x: torch.linalg.svd(x, full_matrices=False).U, OPS["svd_u"], -2),
    "svdvals": torch.linalg.svdvals,
    "svd_vh": signed(lambda x: torch.linalg.svd(x, full_matrices=False).Vh, OPS["svd_vh"], -1),
    "pinv": lambda x, rtol=None: torch.linalg.pinv(x, rtol=rtol),
    "straight_through": lambda hard, soft: hard.detach() + soft - soft.detach(),
    "gradient_reversal": lambda x, scale=1.0: (1 + scale) * x.detach() - scale * x,
    "sliding_window_view": lambda x, **kw: torch.take(x, seen(x.shape, **kw)),
    "fold": fold,
    "getitem": lambda x, index: torch.take(x, positions(x.shape, index)),
    "embed": embed,
    "setitem": setitem,
    "attention": attention,
    "rope": rope,
    "linear": F.linear,
    "softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "cross_entropy": F.cross_entropy,
    "conv1d": padded(F.conv1d),
    "conv2d": padded(F.conv2d),
    "conv_transpose1d": cropped(F.conv_transpose1d),
    "conv_transpose2d": cropped(F.conv_transpose2d),
    "conv1d_weight": of_weight(padded(F.conv1d)),
    "conv2d_weight": of_weight(padded(F.conv2d)),
    "max_pool2d": F.max_pool2d,
    "avg_pool2d": F.avg_pool2d,
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "batch_norm": lambda x, weight=None, bias=None, eps=1e-5: F.batch_norm(
        x, None, None, weight, bias, training=True, eps=eps
    ),
    "layer_norm": normalized(F.layer_norm),
    "rms_norm": normalized(F.rms_norm),
    "group_norm": lambda x, weight=None, bias=None, num_groups=1, eps=1e-5: F.group_norm(
        x, num_groups, weight, bias, eps
    ),
    "rnn_cell": rnn_step,
    "lstm_cell": lstm_step,
    "gru_cell": gru_step,
    "rnn": sequence(rnn_step, 1),
    "lstm": sequence(lstm_step, 2),
    "gru": sequence(gru_step, 1),
}


def test_the_table_names_every_op_that_has_a_derivative():
    assert set(TORCH) == {n for n, op in OPS.items() if op.differentiable}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TORCH)
def test_values_and_gradients_agree(name, dtype):
    for case in CASES:
        if case.op.name == name:
            try:
                compare(case, dtype)
            except Exception as error:
                error.add_note(f"the case is {case.name}")
                raise


def compare(case, dtype):
    inputs = case.inputs(dtype)
    moving = case.moving(inputs)
    ours = [Tensor(x, requires_grad=i in moving) for i, x in enumerate(inputs)]
    theirs = [to_torch(x) for x in inputs]
    y = case.op(*ours, **case.params)
    z = TORCH[case.op.name](*theirs, **case.params)
    rtol = 50 * np.finfo(dtype).eps  # sums of up to 24 terms, quotients, powers
    assert_close(y.data, z, rtol)
    seed = case.rng.uniform(0.5, 1.5, y.shape).astype(y.dtype)
    y.backward(seed)
    z.backward(torch.tensor(seed))
    for i in moving:
        assert_close(ours[i].grad.data, theirs[i].grad, rtol)


# Indexing, as PyTorch itself does it.


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_agrees(index):
    parts = index if isinstance(index, tuple) else (index,)
    data = np.random.default_rng(0).standard_normal((2, 3, 4))
    ours, theirs = Tensor(data, requires_grad=True), to_torch(data)
    if any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts):
        with pytest.raises(ValueError, match="step must be greater than zero"):
            theirs[index]
        return  # compared above, by positions
    y = ours[index]
    z = theirs[tuple(torch.tensor(p) if isinstance(p, np.ndarray) else p for p in parts)]
    seed = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(seed)
    z.backward(torch.tensor(seed))
    assert_close(y.data, z, 0)
    assert_close(ours.grad.data, theirs.grad, 1e-15)


# Kinks: where PyTorch's convention is ours too, and where it is not.

KINKS = {
    "relu": (ag.relu, torch.relu, [0.0, -0.0]),
    "abs": (ag.abs, torch.abs, [0.0]),
    "max": (ag.max, torch.amax, [2.0, 2.0, 1.0]),
    "min": (ag.min, torch.amin, [1.0, 2.0, 1.0]),
    "maximum": (lambda x: ag.maximum(x, 2.0), lambda x: torch.maximum(x, x * 0 + 2), [2.0, 1.0]),
    "std": (ag.std, lambda x: torch.std(x, correction=0), [1.5, 1.5]),
    "clip": (lambda x: ag.clip(x, 0, 1), lambda x: torch.clamp(x, 0, 1), [0.0, 1.0, 2.0]),
    "sqrt": (ag.sqrt, torch.sqrt, [0.0]),
    "log": (ag.log, torch.log, [0.0]),
    "x**0": (lambda x: x**0, lambda x: x**0, [0.0, 2.0]),
    "x**0.5": (lambda x: x**0.5, lambda x: x**0.5, [0.0, 2.0]),
    "0**x": (lambda x: 0.0**x, lambda x: 0.0**x, [0.0, 1.0]),
    "where": (
        lambda x: ag.where(x > 0, ag.sqrt(x), 0.0),
        lambda x: torch.where(x > 0, torch.sqrt(x), 0.0),
        [0.0, -1.0, 4.0],
    ),
}


def slopes(f, g, x):
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True, dtype=float)
    with np.errstate(all="ignore"):
        f(ours).sum().backward()
    g(theirs).sum().backward()
    return ours.grad.data, theirs.grad.numpy()


@pytest.mark.parametrize(("f", "g", "x"), KINKS.values(), ids=KINKS)
def test_kinks_agree(f, g, x):
    np.testing.assert_allclose(*slopes(f, g, x), rtol=1e-15)


@pytest.mark.parametrize("name", ["max", "min", "median", "nanmedian", "sort", "cummax", "cummin"])
def test_values_come_without_the_places_that_pytorch_gives(name):
    x = np.array([[3.0, 1.0, 2.0], [5.0, 9.0, 7.0]])
    values, places = getattr(torch, name)(torch.tensor(x), 1)
    out = getattr(ag, name)(Tensor(x), 1)
    np.testing.assert_array_equal(out.data, values)
    if hasattr(ag, f"arg{name}"):
        np.testing.assert_array_equal(getattr(ag, f"arg{name}")(Tensor(x), 1).data, places)


# Random programs.


@dataclass(frozen=True)
class Step:
    """One instruction: the same function for both libraries, and what it is applied to."""

    ours: object
    theirs: object
    inputs: tuple[int, ...]


UNARY = [
    (ag.tanh, torch.tanh),
    (ag.sigmoid, torch.sigmoid),
    (ag.sin, torch.sin),
    (ag.cos, torch.cos),
    (lambda x: -x, lambda x: -x),
    (lambda x: 0.5 * x + 1, lambda x: 0.5 * x + 1),
    (lambda x: 1 / (x * x + 1), lambda x: 1 / (x * x + 1)),
    (lambda x: ag.exp(-(x**2)), lambda x: torch.exp(-(x**2))),
    (lambda x: ag.sqrt(x * x + 0.5), lambda x: torch.sqrt(x * x + 0.5)),
    (lambda x: ag.log(x * x + 0.5), lambda x: torch.log(x * x + 0.5)),
]
# only where no entry is near 0
KINKED = [
    (ag.relu, torch.relu),
    (ag.abs, torch.abs),
    (lambda x: ag.clip(x, 0), lambda x: x.clamp(0)),
]
BINARY = [
    (lambda x, y: x + y, lambda x, y: x + y),
    (lambda x, y: x - y, lambda x, y: x - y),
    (lambda x, y: x * y, lambda x, y: x * y),
    (lambda x, y: x / (y * y + 1), lambda x, y: x / (y * y + 1)),
    (lambda x, y: (x * x + 0.5) ** ag.tanh(y), lambda x, y: (x * x + 0.5) ** torch.tanh(y)),
    (lambda x, y: ag.where(x.data > y.data, x, 2 * y), lambda x, y: torch.where(x > y, x, 2 * y)),
]
REDUCTIONS = ["sum", "mean", "var", "logsumexp", "max"]
SHAPES = [(), (1,), (3,), (2, 3), (3, 1), (1, 4), (2, 1, 3), (0,), (0, 3), (2, 0)]


class Program:
    """Instructions drawn at random; drawing runs them, to know shapes and to keep off kinks."""

    def __init__(self, seed):
        self.rng = rng = np.random.default_rng(seed)
        likely = np.array([1.0] * 7 + [0.4] * 3)  # a program that becomes empty stays so
        count = rng.integers(2, 5)
        shapes = [SHAPES[i] for i in rng.choice(len(SHAPES), count, p=likely / likely.sum())]
        self.leaves = [rng.standard_normal(shape) for shape in shapes]
        self.values = [Tensor(x) for x in self.leaves]
        self.steps = []
        for _ in range(rng.integers(5, 61)):
            step = self.draw()
            self.steps.append(step)
            self.values.append(step.ours(*(self.values[i] for i in step.inputs)))
        # every value counts, so that the last steps are not all there is
        self.weights = rng.uniform(0.5, 1.5, len(self.values))

    def run(self, leaves, ours):
        """Run the program in one of the libraries; return a scalar."""
        values = list(leaves)
        for step in self.steps:
            f = step.ours if ours else step.theirs
            values.append(f(*(values[i] for i in step.inputs)))
        total = 0.0
        for x, weight in zip(values, self.weights, strict=True):
            total = total + x.sum() * float(weight)
        return total

    def pick(self):
        """One of the values, later ones more often, the earlier ones shared."""
        i = max(self.rng.integers(0, len(self.values), 2))
        return int(i), self.values[i].data

    def draw(self):
        kinds = [
            self.unary,
            self.binary,
            self.reduce,
            self.index,
            self.move,
            self.join,
            self.product,
        ]
        i, x = self.pick()
        if x.size > 60 or np.abs(x).max(initial=0) > 30:
            kinds = [self.reduce, self.index] if x.size > 60 else [self.squash]
        return kinds[self.rng.integers(len(kinds))](i, x)

    def choose(self, options):
        return options[self.rng.integers(len(options))]

    def squash(self, i, x):
        return Step(ag.tanh, torch.tanh, (i,))

    def unary(self, i, x):
        away = np.abs(x).min(initial=1) > 1e-3
        return Step(*self.choose(UNARY + KINKED if away else UNARY), (i,))

    def binary(self, i, x):
        fits = []
        for j, y in enumerate(self.values):
            try:
                np.broadcast_shapes(x.shape, y.shape)
                fits.append(j)
            except ValueError:
                continue
        j = int(self.choose(fits))
        pairs = BINARY
        y = self.values[j].data
        if np.abs(x - y).min(initial=1) < 1e-3:  # near a jump of where
            pairs = BINARY[:-1]
        return Step(*self.choose(pairs), (i, j))

    def reduce(self, i, x):
        name = self.choose(REDUCTIONS)
        chosen = [a for a in range(x.ndim) if self.rng.random() < 0.5]
        axis = tuple(chosen) or None
        n = np.prod([x.shape[a] for a in (chosen or range(x.ndim))])
        if n == 0 or (name == "max" and ties_nearly(x, axis)):
            name = "sum"
        if name == "logsumexp" and x.ndim == 0:
            name = "mean"
        kw = {"axis": axis, "keepdims": bool(self.rng.random() < 0.5)}
        ours, theirs = OPS[name], TORCH[name]
        return Step(lambda x: ours(x, **kw), lambda x: theirs(x, **kw), (i,))

    def index(self, i, x):
        if x.ndim == 0:
            return Step(lambda x: x[None], lambda x: x[None], (i,))
        n = x.shape[0]
        forms = [(..., None), slice(None, None, 2), (slice(None), None), slice(1, None)]
        if n:
            forms += [
                int(self.rng.integers(-n, n)),
                self.rng.integers(-n, n, 3),  # repeats are likely
                self.rng.integers(-n, n, (2, 2)),
                self.rng.random(n) < 0.6,
                (..., 0) if x.shape[-1] else ...,
                np.abs(x) > np.abs(x).mean() if x.size and np.ptp(x) > 1e-2 else 0,
            ]
        form = self.choose(forms)
        at = torch.tensor(form) if isinstance(form, np.ndarray) else form
        return Step(lambda x: x[form], lambda x: x[at], (i,))

    def move(self, i, x):
        order = tuple(int(a) for a in self.rng.permutation(x.ndim))
        shape = self.choose([(-1,), (1, *x.shape), (*x.shape, 1)])
        if x.size == 0 and -1 in shape:
            shape = (0,)
        wide = (2, *x.shape)
        return Step(
            *self.choose(
                [
                    (lambda x: x.transpose(order), lambda x: x.permute(order)),
                    (lambda x: x.reshape(shape), lambda x: x.reshape(shape)),
                    (lambda x: x.broadcast_to(wide), lambda x: x.broadcast_to(wide)),
                    (lambda x: ag.softmax(x), lambda x: torch.softmax(x, -1))
                    if x.ndim
                    else (lambda x: x.reshape(1), lambda x: x.reshape(1)),
                ]
            ),
            (i,),
        )

    def join(self, i, x):
        if x.ndim == 0:
            return Step(lambda *xs: ag.stack(xs), lambda *xs: torch.stack(xs), (i, i))
        fits = [j for j, y in enumerate(self.values) if y.ndim and y.shape[1:] == x.shape[1:]]
        j = int(self.choose(fits))
        return Step(lambda *xs: ag.concatenate(xs), lambda *xs: torch.cat(xs), (i, j, i))

    def product(self, i, x):
        if x.ndim < 1:
            return Step(lambda x: x * x, lambda x: x * x, (i,))
        fits = [
            j
            for j, y in enumerate(self.values)
            if y.ndim in (1, 2) and y.shape[-2 if y.ndim == 2 else 0] == x.shape[-1]
        ]
        if fits:
            return Step(lambda x, y: x @ y, lambda x, y: x @ y, (i, int(self.choose(fits))))
        text = "...i,...i->..."
        return Step(lambda x: ag.einsum(text, x, x), lambda x: torch.einsum(text, x, x), (i,))


def ties_nearly(x, axis):
    """Whether the two largest entries are so near that rounding may exchange them."""
    axes = axis or tuple(range(x.ndim))
    n = np.prod([x.shape[a] for a in axes], dtype=int)
    if x.size == 0 or n < 2:
        return False
    rows = np.sort(np.moveaxis(x, axes, range(-len(axes), 0)).reshape(-1, n), axis=1)
    return bool((rows[:, -1] - rows[:, -2]).min() < 1e-3)


PROGRAMS = 2000
blocks = pytest.mark.parametrize("first", range(0, PROGRAMS, 20))  # 2,000 tests would cost more


def check_each(check, first):
    """Check 20 programs; a failure says which."""
    for seed in range(first, first + 20):
        try:
            check(seed)
        except Exception as error:
            error.add_note(f"the program is Program({seed})")
            raise


def check_agreement(seed):
    program = Program(seed)
    dtype = DTYPES[seed % 2]
    ours = [Tensor(x, requires_grad=True, dtype=dtype) for x in program.leaves]
    theirs = [to_torch(np.asarray(x, dtype=dtype)) for x in program.leaves]
    y, z = program.run(ours, True), program.run(theirs, False)
    y.backward()
    z.backward()
    # 1e3 times the rounding in float32, which up to 60 ops may amplify; still below 0.05 %
    rtol = 1e-11 if dtype == np.float64 else 1e-4
    assert_close(y.data, z, rtol)
    for x, t in zip(ours, theirs, strict=True):
        assert_close(x.grad.data, t.grad, rtol)


def check_transpose(seed):
    """The tangent along v is the product of the gradient with v."""
    program = Program(seed)
    leaves = [Tensor(x, requires_grad=True) for x in program.leaves]
    program.run(leaves, True).backward()
    v = [program.rng.standard_normal(x.shape) for x in leaves]
    _, tangent = jvp(lambda *xs: program.run(xs, True), [x.detach() for x in leaves], v)
    terms = np.concatenate([np.ravel(x.grad.data * d) for x, d in zip(leaves, v, strict=True)])
    assert abs(tangent.item() - terms.sum()) <= 1e-11 * np.abs(terms).sum()


@blocks
def test_random_programs_agree(first):
    check_each(check_agreement, first)


@blocks
def test_random_programs_have_a_tangent_that_is_the_transpose(first):
    check_each(check_transpose, first)


def test_the_programs_are_as_varied_as_they_say():
    programs = [Program(seed) for seed in range(0, PROGRAMS, 10)]
    lengths = [len(p.steps) for p in programs]
    assert (min(lengths), max(lengths)) == (5, 60)
    assert sum(any(x.size == 0 for x in p.values) for p in programs) > 20
    assert sum(any(x.ndim == 0 for x in p.values) for p in programs) > 100
    uses = [i for p in programs for s in p.steps for i in set(s.inputs)]
    assert len(uses) > 5000
    shared = [p for p in programs if max(np.bincount([i for s in p.steps for i in s.inputs])) > 2]
    assert len(shared) > 150
