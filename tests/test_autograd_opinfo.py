"""PyTorch's own samples of arguments (OpInfo, torch.testing): values and gradients agree.

One explicit table: our function, the OpInfo entries that are the same function, how arguments are
put into our form. Samples that ours does not take, or answers otherwise on purpose, are named by a
rule below and in docs/semantics.md; a test says that both lists are one.
"""

import functools
import math
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # torch.testing imports it
pytestmark = pytest.mark.slow

SAMPLES = 25  # at most, spread over those there are
DTYPES = [np.float32, np.float64]
RTOL = {np.float32: 3e-4, np.float64: 1e-9}


@functools.cache
def opinfos():
    with warnings.catch_warnings(action="ignore"):
        from torch.testing._internal.common_methods_invocations import op_db
    return {".".join(filter(None, (o.name, o.variant_test_name))): o for o in op_db}


# Our form of arguments.


def ours_like(value):
    """Make tensors ours, and dtypes NumPy's."""
    match value:
        case torch.Tensor():
            return Tensor(value.detach().numpy().copy(), requires_grad=value.requires_grad)
        case torch.dtype():
            return np.dtype(str(value).removeprefix("torch."))
        case torch.Size():
            return tuple(value)
        case list() | tuple():
            return type(value)(map(ours_like, value))
        case dict():
            return {k: ours_like(v) for k, v in value.items() if k != "device"}
    return value


def tensors_in(value, kind):
    """Yield the tensors of a tree of arguments or results, in order."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part, kind)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part, kind)


def tupled(value):
    return tuple(value) if isinstance(value, list) else value


def reduced(f):
    """Give a reduction axis and keepdims; an empty list of axes is all of them in PyTorch."""

    def call(x, dim=None, keepdim=False, dtype=None, **kw):
        x = x if dtype is None else ag.astype(x, dtype)
        axis = tupled(dim)
        if axis == ():
            axis = None
        return f(x, axis=axis, keepdims=keepdim, **kw)

    return call


def spread(f):
    """PyTorch's var and std: unbiased or correction, 1 if neither is given."""

    def call(x, dim=None, unbiased=True, keepdim=False, *, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = correction if correction is not None else int(unbiased)
        return reduced(f)(x, dim, keepdim, ddof=ddof)

    return call


def along(f):
    """A scan or a sort along `dim`, which a tensor without axes does not have in NumPy."""

    def call(x, *args, dim=None, **kw):
        kw = {k: v for k, v in kw.items() if k not in ("dtype", "stable")}
        if dim is not None:
            args = (dim, *args)
        if x.ndim == 0:
            x, out_of = x.reshape(1), lambda y: y.reshape(())
            out = f(x, *args, **kw)
            return tuple(map(out_of, out)) if isinstance(out, tuple) else out_of(out)
        return f(x, *args, **kw)

    return call


def with_tuples(f):
    return lambda *args, **kw: f(*map(tupled, args), **{k: tupled(v) for k, v in kw.items()})


def alpha(f):
    return lambda x, y, alpha=1: f(x, y if alpha == 1 else y * alpha)


def index(value):
    """NumPy takes a list for an array, and a tuple for an index of several axes."""
    if isinstance(value, list) and any(isinstance(v, list | slice | Tensor) for v in value):
        return tuple(map(index, value))
    return value.data if isinstance(value, Tensor) else value


def norm(x, ord=None, dim=None, keepdim=False, dtype=None):
    return ag.norm(x, ord, tupled(dim), keepdim)


def pad(mode):
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}

    def call(x, pad, mode_=mode, value=0.0):
        pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
        width = [(0, 0)] * (x.ndim - len(pairs)) + pairs
        extra = {"constant_values": value or 0.0} if mode == "constant" else {}
        return ag.pad(x, width, mode=modes[mode], **extra)

    return call


def where(x, condition, y):
    return ag.where(condition, x, y)


def searchsorted(x, values, *, out_int32=False, right=False, side=None):
    return ag.searchsorted(x, values, side or ("right" if right else "left"))


def quantile(x, q, dim=None, keepdim=False, interpolation="linear"):
    levels = q.numpy() if isinstance(q, Tensor) else q
    return reduced(lambda x, **kw: ag.quantile(x, levels, **kw))(x, dim, keepdim)


def trapezoid(y, x=None, *, dx=1.0, dim=-1):
    return ag.trapezoid(y, x, dx, dim)


def solve_triangular(a, b, *, upper, left=True, unitriangular=False):
    return ag.solve_triangular(a, b, upper=upper, unitriangular=unitriangular)


def atleast(f):
    return lambda x, *more: f(*(x if isinstance(x, list | tuple) else (x, *more)))


def split(x, size, dim=0):
    """PyTorch gives the length of the parts, NumPy where they begin."""
    return ag.split(x, list(range(size, x.shape[dim], size)), dim)


def nonzero(x, as_tuple=False):
    return tuple(map(Tensor, ag.nonzero(x))) if as_tuple else Tensor(ag.argwhere(x))


def svd(x, full_matrices=True):
    return svd_products(*ag.svd(x, full_matrices=full_matrices))


def svd_products(u, s, vh):
    """What does not depend on the signs of the vectors."""
    k = s.shape[-1]
    return s, (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]


def eigh_products(values, vectors):
    return values, (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)


def symmetric(x):
    return (x + x.swapaxes(-1, -2)) / 2


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    return ag.layer_norm(x, weight, bias, normalized_shape=tupled(shape), eps=eps)


def avg_pool2d(
    x, size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor=None
):
    size, stride, padding = map(tupled, (size, stride, padding))
    padding = padding[0] if isinstance(padding, tuple) and len(padding) == 1 else padding
    return ag.avg_pool2d(x, size, stride or None, padding, count_include_pad)


def max_pool2d(x, *, kernel_size, ceil_mode, return_indices, **options):
    options = {k: tupled(v) for k, v in options.items()}
    return ag.max_pool2d(x, tupled(kernel_size), **options)


def mean_of(f):
    """PyTorch's losses reduce."""

    def loss(x, y, *, reduction="mean"):
        losses = f(x, y)
        return losses if reduction == "none" else getattr(losses, reduction)()

    return loss


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if not training:
        raise ValueError("batch_norm: the op is that of training")
    return ag.batch_norm(x, weight, bias, eps)


TABLE: dict[str, dict] = {}


def same(names, f=None, **entries):
    """Add functions that have the name of their OpInfo, or of the ones given."""
    for name in names.split():
        TABLE[name] = {entries.get(name, name): f or getattr(ag, name)}


def entry(name, *infos, f=None):
    TABLE.setdefault(name, {}).update(dict.fromkeys(infos, f or getattr(ag, name)))


same("abs exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal sin cos tan sinh cosh")
same("tanh sinc erf erfc sigmoid logit floor ceil trunc neg positive sign deg2rad rad2deg lgamma")
same("digamma nan_to_num isnan isinf isfinite logical_not clone")
same("pow remainder fmod floor_divide maximum minimum fmax fmin hypot logaddexp logaddexp2")
same("copysign float_power heaviside xlogy lerp addcmul eq ne lt le gt ge")
same("logical_and logical_or logical_xor isclose allclose mul")
same("bitwise_and bitwise_or bitwise_xor bitwise_not")
for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
    entry(f"arc{name}", f"a{name}")
entry("arctan2", "atan2")
entry("round", "round", "round.decimals_0", "round.decimals_3", "round.decimals_neg_3")
entry("ndtr", "special.ndtr")
entry(
    "polygamma",
    *(f"polygamma.polygamma_n_{n}" for n in range(4)),
    f=lambda x, n: ag.polygamma(n, x),
)
entry("add", "add", f=alpha(ag.add))
entry("sub", "sub", f=alpha(ag.sub))
entry("div", "div.no_rounding_mode", f=lambda x, y, rounding_mode=None: ag.div(x, y))
entry("where", "where", f=where)
entry("clip", "clamp")

for name in ("sum", "prod", "mean", "logsumexp", "amax", "amin", "any", "all", "count_nonzero"):
    entry(name, name, f=reduced(getattr(ag, name)))
for name in ("nansum", "nanmean"):
    entry(name, name, f=reduced(getattr(ag, name)))
for name in ("argmax", "argmin"):
    entry(name, name, f=reduced(getattr(ag, name)))
entry("max", "max.reduction_no_dim")
entry("min", "min.reduction_no_dim")
entry("var", "var", "var.unbiased", f=spread(ag.var))
entry("std", "std", "std.unbiased", f=spread(ag.std))
entry("norm", "linalg.norm", "linalg.norm.subgradients_at_zero", f=norm)
entry(
    "vector_norm",
    "linalg.vector_norm",
    f=lambda x, ord=2, dim=None, keepdim=False, dtype=None: reduced(ag.vector_norm)(
        x, dim, keepdim, ord=ord
    ),
)
entry("quantile", "quantile", f=quantile)
entry("median", "median", f=reduced(ag.median))
entry("trapezoid", "trapezoid", f=trapezoid)


for name in ("cumsum", "cumprod", "logcumsumexp"):
    entry(name, name, f=along(getattr(ag, name)))
for name in ("cummax", "cummin"):
    entry(name, name, f=along(getattr(ag, name)))
entry(
    "diff",
    "diff",
    f=lambda x, n=1, dim=-1, prepend=None, append=None: ag.diff(x, n, dim, prepend, append),
)
entry("sort", "sort", f=along(ag.sort))
entry("argsort", "argsort", f=along(ag.argsort))
entry(
    "topk",
    "topk",
    f=along(lambda x, k, dim=-1, largest=True, sorted=True: ag.topk(x, k, dim, largest)),
)
entry("searchsorted", "searchsorted", f=searchsorted)

same("matmul dot vdot inner outer kron trace")
entry("einsum", "einsum", f=lambda operands, text: ag.einsum(text, *operands))
entry("tensordot", "tensordot", f=lambda x, y, dims: ag.tensordot(x, y, dims))
entry("cross", "linalg.cross", f=lambda x, y, dim=-1: ag.cross(x, y, dim))
for name in ("det", "slogdet", "inv", "svdvals"):
    entry(name, f"linalg.{name}")
entry("solve", "linalg.solve", f=lambda a, b, *, left=True: ag.solve(a, b))
entry("solve_triangular", "linalg.solve_triangular", f=solve_triangular)
entry("lstsq", "linalg.lstsq.grad_oriented", f=lambda a, b, driver=None: ag.lstsq(a, b)[0])
entry("pinv", "linalg.pinv", f=lambda x, rtol=None: ag.pinv(x, rtol=rtol))
entry("cholesky", "linalg.cholesky", f=lambda x, upper=False: ag.cholesky(symmetric(x)))
entry("qr", "linalg.qr", f=lambda x, mode="reduced": ag.qr(x))
entry("eigh", "linalg.eigh", f=lambda x, UPLO="L": eigh_products(*ag.eigh(symmetric(x))))
entry("eigvalsh", "linalg.eigvalsh", f=lambda x, UPLO="L": ag.eigvalsh(symmetric(x)))
entry("svd", "linalg.svd", f=svd)
entry("matrix_power", "linalg.matrix_power")
entry("multi_dot", "linalg.multi_dot")
entry("vecdot", "linalg.vecdot", f=lambda x, y, dim=-1: ag.vecdot(x, y, dim))
entry("matrix_transpose", "mT")

for name in ("flatten", "unflatten", "reshape", "squeeze", "broadcast_to", "expand", "permute"):
    entry(name, name, f=with_tuples(getattr(ag, name)))
same("ravel unsqueeze fliplr flipud tril triu")
entry("swapaxes", "transpose")
entry("expand_dims", "unsqueeze")
entry("transpose", "permute", f=with_tuples(ag.transpose))
entry("squeeze", "squeeze.multiple", f=with_tuples(ag.squeeze))
entry("moveaxis", "movedim", f=with_tuples(ag.moveaxis))
entry("concatenate", "cat", f=lambda xs, dim=0: ag.concatenate(xs, dim))
entry("stack", "stack", f=lambda xs, dim=0: ag.stack(xs, dim))
same("hstack vstack")
entry("chunk", "chunk")
entry("unstack", "unbind")
entry("split", "split", f=split)
entry("tile", "tile", f=with_tuples(ag.tile))
entry(
    "repeat",
    "repeat_interleave",
    f=lambda x, repeats, dim=None, output_size=None: ag.repeat(x, repeats, dim),
)
for mode in ("constant", "reflect", "replicate"):
    entry("pad", f"nn.functional.pad.{mode}", f=pad(mode))
entry("flip", "flip", f=lambda x, dims: ag.flip(x, tuple(dims)))
entry("rot90", "rot90", f=with_tuples(ag.rot90))
entry("roll", "roll", f=with_tuples(ag.roll))
entry(
    "diagonal", "diagonal", f=lambda x, offset=0, dim1=0, dim2=1: ag.diagonal(x, offset, dim1, dim2)
)
entry("diag", "diag")
entry("meshgrid", "meshgrid.variadic_tensors")
entry("unfold", "unfold")
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    entry(name, name, f=atleast(getattr(ag, name)))

entry("getitem", "__getitem__", f=lambda x, at: x[index(at)])
entry(
    "index_put",
    "index_put",
    f=lambda x, at, value, accumulate=False: ag.index_put(x, tupled(at), value, accumulate),
)
same("take masked_select masked_fill masked_scatter index_select gather scatter_add")
entry("take_along_axis", "take_along_dim", f=lambda x, at, dim=None: ag.take_along_axis(x, at, dim))
entry("scatter", "scatter")
entry("nonzero", "nonzero", f=nonzero)
entry("argwhere", "argwhere", f=lambda x: Tensor(ag.argwhere(x)))
entry("embedding", "nn.functional.embedding", f=lambda weight, i, **kw: ag.embedding(i, weight))
entry(
    "index_add",
    "index_add",
    f=lambda x, dim, at, source, alpha=1: ag.index_add(x, dim, at, source * alpha),
)

entry("softmax", "softmax", f=along(ag.softmax))
entry("log_softmax", "log_softmax", f=along(ag.log_softmax))
for name in (
    *("relu", "leaky_relu", "elu", "celu", "selu", "silu", "mish", "softsign", "hardsigmoid"),
    *("hardswish", "relu6", "logsigmoid", "linear", "gelu", "prelu", "glu"),
):
    entry(name, f"nn.functional.{name}")
entry("softplus", "nn.functional.softplus", f=lambda x, beta=1, threshold=20: ag.softplus(x, beta))
entry("hardtanh", "nn.functional.hardtanh")
entry("cross_entropy", "nn.functional.cross_entropy")
entry("layer_norm", "nn.functional.layer_norm", f=layer_norm)
entry(
    "rms_norm",
    "nn.functional.rms_norm",
    f=lambda x, shape, weight=None, eps=None: ag.rms_norm(
        x, weight, normalized_shape=tupled(shape), eps=eps
    ),
)
entry(
    "group_norm",
    "nn.functional.group_norm",
    f=lambda x, groups, weight=None, bias=None, eps=1e-5: ag.group_norm(
        x, weight, bias, num_groups=groups, eps=eps
    ),
)
entry("scaled_dot_product_attention", "nn.functional.scaled_dot_product_attention")

for name in ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"):
    entry(name, f"nn.functional.{name}", f=with_tuples(getattr(ag, name)))
entry("avg_pool2d", "nn.functional.avg_pool2d", f=avg_pool2d)
entry(
    "adaptive_avg_pool2d",
    "nn.functional.adaptive_avg_pool2d",
    f=with_tuples(ag.adaptive_avg_pool2d),
)
entry("max_pool2d", "nn.functional.max_pool2d", f=max_pool2d)
entry("bce", "nn.functional.binary_cross_entropy", f=mean_of(ag.bce))
entry(
    "bce_with_logits",
    "nn.functional.binary_cross_entropy_with_logits",
    f=mean_of(ag.bce_with_logits),
)
entry("batch_norm", "nn.functional.batch_norm", f=batch_norm)
entry("nanmedian", "nanmedian", f=reduced(ag.nanmedian))
entry("astype", "double", f=lambda x, **kw: ag.astype(x, np.dtype(np.float64)))
entry("arange", "arange", f=lambda start, end=None, step=1, **kw: ag.arange(start, end, step, **kw))
same("linspace logspace eye full ones zeros ones_like zeros_like full_like")
entry(
    "one_hot",
    "nn.functional.one_hot",
    f=lambda i, num_classes=-1: ag.one_hot(i, num_classes if num_classes > 0 else None),
)


# What PyTorch is asked.

SYMMETRIC = {"linalg.eigh", "linalg.eigvalsh", "linalg.cholesky"}
"""Here the samples are made symmetric first, on both sides: each reads another part of a matrix."""

RESULTS = {
    "linalg.svd": lambda out: svd_products(*out),
    "linalg.eigh": lambda out: eigh_products(*out),
    "linalg.lstsq.grad_oriented": lambda out: out[0],
    "sort": lambda out: out[0],
    "cummax": lambda out: out[0],
    "cummin": lambda out: out[0],
    "median": lambda out: out if isinstance(out, torch.Tensor) else out[0],
    "nanmedian": lambda out: out if isinstance(out, torch.Tensor) else out[0],
    "nn.functional.max_pool2d": lambda out: out[0] if isinstance(out, tuple) else out,
}
"""The part of PyTorch's results that ours gives."""


def theirs(name, x, args, kwargs):
    if name in SYMMETRIC:
        x = symmetric(x)
    with warnings.catch_warnings(action="ignore"):
        out = opinfos()[name](x, *args, **kwargs)
    return RESULTS.get(name, lambda out: out)(out)


def doubled(value):
    """Make the arguments float64: the oracle of float32 rounds less."""
    match value:
        case torch.Tensor():
            wide = value.detach().clone()
            wide = wide.double() if value.dtype == torch.float32 else wide
            return wide.requires_grad_(value.requires_grad)
        case list() | tuple():
            return type(value)(map(doubled, value))
        case dict():
            return {k: doubled(v) for k, v in value.items()}
        case torch.float32:
            return torch.float64
    return value


def picked(samples):
    """Take some, spread over those there are."""
    samples = list(samples)
    places = np.linspace(0, len(samples) - 1, min(SAMPLES, len(samples)))
    return [samples[round(i)] for i in places]


def compare(name, f, sample, dtype):
    arguments = (sample.input, tuple(sample.args), sample.kwargs)
    exact = doubled(arguments)
    right = theirs(name, *exact)
    x, args, kwargs = converted = ours_like(arguments)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        out = f(x, *args, **kwargs)
        if isinstance(right, bool | int | float):
            assert out == right
            return
        mine, wanted = list(tensors_in(out, Tensor)), list(tensors_in(right, torch.Tensor))
        close(mine, [z.detach() for z in wanted], dtype, "value")
        rng = np.random.default_rng(0)
        seeds = [np.asarray(rng.uniform(0.5, 1.5, y.shape), y.dtype) for y in mine]
        total, oracle = 0.0, 0.0
        for y, z, seed in zip(mine, wanted, seeds, strict=True):
            if z.requires_grad:
                total = total + (y * seed).sum()
                oracle = oracle + (z * torch.tensor(seed)).sum()
        leaves = [t for t in tensors_in(exact, torch.Tensor) if t.requires_grad]
        if not leaves or not isinstance(oracle, torch.Tensor):
            return
        if total.requires_grad:
            total.backward()
        tensors = [t for t in tensors_in(converted, Tensor) if t.requires_grad]
        found = [Tensor(np.zeros(t.shape, t.dtype)) if t.grad is None else t.grad for t in tensors]
        pulled = torch.autograd.grad(oracle, leaves, allow_unused=True, materialize_grads=True)
        close(found, pulled, dtype, "gradient")


def close(ours, right, dtype, what):
    """Compare all results; the rounding of the largest number, and of 1, is forgiven to each."""
    assert len(ours) == len(right), f"{what}: {len(ours)} results, PyTorch has {len(right)}"
    right = [z.numpy() for z in right]
    size = max(
        (np.abs(z[np.isfinite(z)]).max(initial=0) for z in right if z.dtype.kind == "f"), default=0
    )
    for y, z in zip(ours, right, strict=True):
        assert y.shape == z.shape, f"{what}: shape {y.shape}, PyTorch has {z.shape}"
        if z.dtype == np.float64 and y.dtype != z.dtype:
            assert y.dtype == dtype
        atol = RTOL[dtype] * size + 10 * np.finfo(dtype).eps
        np.testing.assert_allclose(y.data, z, RTOL[dtype], atol, err_msg=what)


# Samples that ours does not take, or answers otherwise. docs/semantics.md gives the reasons.


def option(name):
    return lambda x, args, kwargs: kwargs.get(name) is not None


def without_axes(x, args, kwargs):
    return getattr(x, "ndim", 1) == 0


def is_tensor(*values):
    return any(isinstance(v, torch.Tensor) for v in values)


def order_of(args, kwargs, default=2):
    return args[0] if args else kwargs.get("ord", default)


def odd_norm(x, args, kwargs):
    order = order_of(args, kwargs)
    return isinstance(order, int | float) and not math.isinf(order) and order <= 0


def axes_of(x, args, kwargs):
    dim = args[1] if len(args) > 1 else kwargs.get("dim")
    return x.ndim if dim is None else len(dim) if isinstance(dim, list | tuple) else 1


def by_singular_values(x, args, kwargs):
    order = order_of(args, kwargs, None)
    return order == "nuc" or (order in (2, -2) and axes_of(x, args, kwargs) == 2)


def even_count(x, args, kwargs):
    dim = args[0] if args else kwargs.get("dim")
    return (x.numel() if dim is None else x.shape[dim] if x.ndim else 1) % 2 == 0


def batch_of_vectors(a, args, kwargs):
    b = args[0]
    return (a.ndim > 2 and b.ndim == a.ndim - 1) or (a.ndim == 2 and 0 in a.shape)


RULES = {
    "logit-eps": ("logit", lambda x, args, kwargs: bool(args)),
    "norm-order": ("norm vector_norm", odd_norm),
    "norm-singular-values": ("norm", by_singular_values),
    "quantile-interpolation": (
        "quantile",
        lambda x, args, kwargs: kwargs.get("interpolation", "linear") != "linear",
    ),
    "quantile-q": ("quantile", lambda x, args, kwargs: isinstance(args[0], torch.Tensor)),
    "median-even": ("median nanmedian", even_count),
    "searchsorted-rows": (
        "searchsorted",
        lambda x, args, kwargs: x.ndim > 1 or kwargs.get("sorter") is not None,
    ),
    "einsum-sums-ellipsis": ("einsum", lambda x, args, kwargs: args[0] == "...ik, ...j -> ij"),
    "tensordot-stretches": ("tensordot", lambda x, args, kwargs: x.shape == (1, 1, 1)),
    "solve-vectors": ("solve", batch_of_vectors),
    "solve-left": ("solve_triangular", lambda x, args, kwargs: not kwargs.get("left", True)),
    "cholesky-upper": ("cholesky", lambda x, args, kwargs: kwargs.get("upper", False)),
    "svd-full": (
        "svd",
        lambda x, args, kwargs: kwargs.get("full_matrices", True) and x.shape[-1] != x.shape[-2],
    ),
    "squeeze-long-axis": (
        "squeeze",
        lambda x, args, kwargs: (
            bool(args)
            and any(x.shape[d] != 1 for d in ([args[0]] if isinstance(args[0], int) else args[0]))
            if x.ndim
            else False
        ),
    ),
    "no-axes": (
        "squeeze swapaxes unfold index_select gather scatter scatter_add index_add nonzero",
        without_axes,
    ),
    "axes-of-a-number": (
        "logsumexp",
        lambda x, args, kwargs: x.ndim == 0 and isinstance(args[0], tuple),
    ),
    "concatenate-nothing": (
        "concatenate",
        lambda x, args, kwargs: len({t.ndim for t in x}) > 1,
    ),
    "pad-negative": ("pad", lambda x, args, kwargs: any(n < 0 for n in args[0])),
    "gather-empty": ("gather", lambda x, args, kwargs: args[1].ndim != x.ndim),
    "take_along_axis-flat": (
        "take_along_axis",
        lambda x, args, kwargs: len(args) == 1 and not kwargs,
    ),
    "hardsigmoid-sixth": ("hardsigmoid", lambda x, args, kwargs: x.dtype == torch.float64),
    "softplus-threshold": ("softplus", option("threshold")),
    "dropout": ("scaled_dot_product_attention", lambda x, args, kwargs: kwargs.get("dropout_p")),
    "one-example": (
        "conv1d conv2d conv_transpose1d conv_transpose2d adaptive_avg_pool2d max_pool2d",
        lambda x, args, kwargs: x.ndim == (args[0].ndim if is_tensor(*args[:1]) else 4) - 1,
    ),
    "pool-ceil": (
        "avg_pool2d max_pool2d",
        lambda x, args, kwargs: kwargs.get("ceil_mode") or (len(args) > 3 and args[3]),
    ),
    "pool-divisor": ("avg_pool2d", lambda x, args, kwargs: len(args) > 5 and args[5] is not None),
    "bce-weight": (
        "bce bce_with_logits",
        lambda x, args, kwargs: kwargs.keys() & {"weight", "pos_weight"},
    ),
    "batch_norm-in-use": (
        "batch_norm",
        lambda x, args, kwargs: not kwargs.get("training") or x.ndim < 2,
    ),
    "cross_entropy-forms": (
        "cross_entropy",
        lambda x, args, kwargs: (
            kwargs.keys() - {"reduction"} or args[0].dtype.is_floating_point or x.ndim != 2
        ),
    ),
}


def rule_of(name, sample):
    for tag, (names, holds) in RULES.items():
        if name in names.split() and holds(sample.input, sample.args, sample.kwargs):
            return tag
    return None


@functools.cache
def verdicts(name, dtype):
    """Compare all samples of a function; return (OpInfo, tag of its rule, error) of each."""
    found = []
    for info, f in TABLE[name].items():
        known = opinfos()[info]
        kind = getattr(torch, np.dtype(dtype).name)
        if kind not in known.dtypes:
            kind = torch.int64
        grad = known.supports_autograd and kind.is_floating_point
        with warnings.catch_warnings(action="ignore"):
            drawn = known.sample_inputs("cpu", kind, requires_grad=grad)
            samples = picked(drawn)
        for sample in samples:
            try:
                compare(info, f, sample, dtype)
                error = None
            except (AssertionError, TypeError, ValueError) as e:
                e.add_note(f"the sample of {info} is {sample.summary()}")
                error = e
            found.append((info, rule_of(name, sample), error))
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLE)
def test_values_and_gradients_agree_on_pytorchs_samples(name, dtype):
    found = verdicts(name, dtype)
    for _, tag, error in found:
        if tag is None and error is not None:
            raise error
    assert {info for info, tag, error in found if error is None} == set(TABLE[name])


@pytest.mark.parametrize("tag", RULES)
def test_each_difference_is_one(tag):
    for name in RULES[tag][0].split():
        assert any(t == tag and error for _, t, error in verdicts(name, np.float64)), name


NO_OPINFO = {
    "NumPy's alone": "average cbrt choose from_numpy geomspace nanmax nanmin partition percentile "
    "ptp put_along_axis select sliding_window_view tri",
    "in PyTorch, but not among its samples": "fold gru gru_cell lstm lstm_cell rnn rnn_cell "
    "stop_gradient",
    "ours": "attention_weights embed geglu gradient_reversal quick_gelu reglu rope safe_where "
    "setitem straight_through swiglu",
    "random, or not filled": "bernoulli empty empty_like rand rand_like randint randn randn_like "
    "randperm",
}


def test_every_function_is_in_the_table_or_has_no_opinfo():
    names = [n for n in sys.modules if n.startswith("autograd.ops.") or n == "autograd.creation"]
    modules = [sys.modules[n] for n in names]
    public = {name for m in modules for name in getattr(m, "__all__", ())}
    public |= {name.rstrip("_") for name in dir(ag) if name[-1] == "_" != name[0]}
    listed = set(" ".join(NO_OPINFO.values()).split())
    assert not listed & set(TABLE)
    assert public == listed | set(TABLE)


def test_the_page_of_semantics_lists_these_differences():
    page = (Path(__file__).parent.parent / "docs" / "semantics.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page.partition("## PyTorch")[2], re.M) == list(RULES)
