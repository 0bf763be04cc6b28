"""What NumPy's functions do on a tensor: ``np.exp(t)`` and ``np.linalg.inv(t)`` are ops too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import special

from . import ops
from .op import Array, data_of

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: ops.add,
    np.subtract: ops.sub,
    np.multiply: ops.mul,
    np.divide: ops.div,
    np.power: ops.pow_,
    np.negative: ops.neg,
    np.positive: ops.positive,
    np.absolute: ops.abs_,
    np.sign: ops.sign,
    np.arccos: ops.arccos,
    np.arccosh: ops.arccosh,
    np.arcsin: ops.arcsin,
    np.arcsinh: ops.arcsinh,
    np.arctan: ops.arctan,
    np.arctan2: ops.arctan2,
    np.arctanh: ops.arctanh,
    np.cbrt: ops.cbrt,
    np.ceil: ops.ceil,
    np.copysign: ops.copysign,
    np.cosh: ops.cosh,
    np.deg2rad: ops.deg2rad,
    np.exp2: ops.exp2,
    np.expm1: ops.expm1,
    np.floor: ops.floor,
    np.floor_divide: ops.floor_divide,
    np.fmax: ops.fmax,
    np.fmin: ops.fmin,
    np.fmod: ops.fmod,
    np.heaviside: ops.heaviside,
    np.hypot: ops.hypot,
    np.log10: ops.log10,
    np.log1p: ops.log1p,
    np.log2: ops.log2,
    np.logaddexp: ops.logaddexp,
    np.logaddexp2: ops.logaddexp2,
    np.rad2deg: ops.rad2deg,
    np.reciprocal: ops.reciprocal,
    np.remainder: ops.remainder,
    np.rint: ops.round_,
    np.sinh: ops.sinh,
    np.square: ops.square,
    np.tan: ops.tan,
    np.trunc: ops.trunc,
    np.degrees: ops.rad2deg,
    np.radians: ops.deg2rad,
    np.float_power: ops.float_power,
    np.fabs: ops.abs_,
    np.exp: ops.exp,
    np.log: ops.log,
    np.sqrt: ops.sqrt,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.tanh: ops.tanh,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.matmul: ops.matmul,
    np.equal: ops.eq,
    np.not_equal: ops.ne,
    np.less: ops.lt,
    np.less_equal: ops.le,
    np.greater: ops.gt,
    np.greater_equal: ops.ge,
    np.logical_and: ops.logical_and,
    np.logical_or: ops.logical_or,
    np.logical_xor: ops.logical_xor,
    np.logical_not: ops.logical_not,
    np.bitwise_and: ops.bitwise_and,
    np.bitwise_or: ops.bitwise_or,
    np.bitwise_xor: ops.bitwise_xor,
    np.invert: ops.bitwise_not,
    np.isnan: ops.isnan,
    np.isinf: ops.isinf,
    np.isfinite: ops.isfinite,
    np.vecdot: ops.vecdot,
}
"""What a NumPy ufunc does on a tensor."""


def _cholesky(x: Array, upper: bool) -> Any:
    lower = ops.cholesky(_mirrored("cholesky", x, "U" if upper else "L"))
    return ops.matrix_transpose(lower) if upper else lower


def _mirrored(where: str, x: Array, triangle: str) -> Any:
    """Return the symmetric matrix of one triangle, the only one that NumPy reads."""
    if triangle.upper() not in ("L", "U"):
        raise ValueError(f"np.linalg.{where}: UPLO is {triangle!r}; it is 'L' or 'U'")
    if x.shape[-1:] != x.shape[-2:-1]:
        raise np.linalg.LinAlgError(f"np.linalg.{where}: x of shape {x.shape} is not square")
    half, strict = (ops.tril, -1) if triangle.upper() == "L" else (ops.triu, 1)
    return half(x) + ops.matrix_transpose(half(x, strict))


def _qr(x: Array, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "r"):
        raise ValueError(f"np.linalg.qr: mode {mode!r} is not supported on tensors; use 'reduced'")
    return ops.qr(x) if mode == "reduced" else ops.qr(x).R


def _svd(x: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return ops.svd(x, full_matrices) if compute_uv else ops.svdvals(x)


def _where(condition: Array, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise TypeError("np.where: pass both x and y, or neither for the positions that hold")
    return ops.nonzero(condition) if x is None else ops.where(condition, x, y)


def _clip(
    x: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    return ops.clip(x, a_min if min is None else min, a_max if max is None else max)


def _put_in_place(x: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    x[...] = ops.put_along_axis(x, indices, values, axis)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: ops.sum_,
    np.mean: ops.mean,
    np.max: ops.max_,
    np.min: ops.min_,
    np.amax: ops.max_,
    np.amin: ops.min_,
    np.all: ops.all_,
    np.any: ops.any_,
    np.argmax: ops.argmax,
    np.argmin: ops.argmin,
    np.argsort: lambda x, axis=-1, kind=None, *, stable=None: ops.argsort(x, axis),
    np.average: ops.average,
    np.count_nonzero: ops.count_nonzero,
    np.cumprod: ops.cumprod,
    np.cumsum: ops.cumsum,
    np.diff: ops.diff,
    np.median: ops.median,
    np.nanmax: ops.nanmax,
    np.nanmean: ops.nanmean,
    np.nanmedian: ops.nanmedian,
    np.nanmin: ops.nanmin,
    np.nansum: ops.nansum,
    np.prod: ops.prod,
    np.ptp: ops.ptp,
    np.partition: ops.partition,
    np.percentile: ops.percentile,
    np.quantile: ops.quantile,
    np.searchsorted: ops.searchsorted,
    np.sort: lambda x, axis=-1, kind=None, *, stable=None: ops.sort(x, axis),
    np.trapezoid: ops.trapezoid,
    np.linalg.norm: ops.norm,
    np.linalg.vector_norm: ops.vector_norm,
    np.var: ops.var,
    np.std: ops.std,
    np.where: _where,
    np.clip: _clip,
    np.nan_to_num: ops.nan_to_num,
    np.round: ops.round_,
    np.around: ops.round_,
    np.sinc: ops.sinc,
    np.einsum: lambda subscripts, *xs, optimize=None: ops.einsum(subscripts, *xs),  # it optimizes
    np.reshape: ops.reshape,
    np.transpose: ops.transpose,
    np.swapaxes: ops.swapaxes,
    np.squeeze: ops.squeeze,
    np.expand_dims: ops.expand_dims,
    np.broadcast_to: ops.broadcast_to,
    np.concatenate: ops.concatenate,
    np.stack: ops.stack,
    np.split: ops.split,
    **({np.unstack: ops.unstack} if hasattr(np, "unstack") else {}),  # from NumPy 2.1 on
    np.atleast_1d: ops.atleast_1d,
    np.atleast_2d: ops.atleast_2d,
    np.atleast_3d: ops.atleast_3d,
    np.diag: ops.diag,
    np.diagonal: ops.diagonal,
    np.flip: ops.flip,
    np.fliplr: ops.fliplr,
    np.flipud: ops.flipud,
    np.hstack: ops.hstack,
    np.meshgrid: ops.meshgrid,
    np.moveaxis: ops.moveaxis,
    np.pad: ops.pad,
    np.ravel: ops.ravel,
    np.repeat: ops.repeat,
    np.roll: ops.roll,
    np.rot90: ops.rot90,
    np.tile: ops.tile,
    np.tril: ops.tril,
    np.triu: ops.triu,
    np.vstack: ops.vstack,
    np.lib.stride_tricks.sliding_window_view: ops.sliding_window_view,
    np.allclose: ops.allclose,
    np.argwhere: ops.argwhere,
    np.choose: ops.choose,
    np.isclose: ops.isclose,
    np.nonzero: ops.nonzero,
    np.put_along_axis: _put_in_place,
    np.select: ops.select,
    np.take: ops.take,
    np.take_along_axis: ops.take_along_axis,
    np.cross: ops.cross,
    np.dot: ops.dot,
    np.inner: ops.inner,
    np.kron: ops.kron,
    np.matrix_transpose: ops.matrix_transpose,
    np.outer: ops.outer,
    np.tensordot: ops.tensordot,
    np.trace: ops.trace,
    np.vdot: ops.vdot,
    np.linalg.cholesky: lambda x, /, *, upper=False: _cholesky(x, upper),
    np.linalg.cross: ops.cross,
    np.linalg.det: ops.det,
    np.linalg.diagonal: lambda x, /, *, offset=0: ops.diagonal(x, offset, -2, -1),
    np.linalg.eigh: lambda x, UPLO="L": ops.eigh(_mirrored("eigh", x, UPLO)),
    np.linalg.eigvalsh: lambda x, UPLO="L": ops.eigvalsh(_mirrored("eigvalsh", x, UPLO)),
    np.linalg.inv: ops.inv,
    np.linalg.lstsq: ops.lstsq,
    np.linalg.matmul: ops.matmul,
    np.linalg.matrix_power: ops.matrix_power,
    np.linalg.matrix_transpose: ops.matrix_transpose,
    np.linalg.multi_dot: ops.multi_dot,
    np.linalg.outer: ops.outer,
    np.linalg.pinv: lambda x, rcond=None, *, rtol=None: ops.pinv(
        x, rtol if rcond is None else rcond
    ),
    np.linalg.qr: _qr,
    np.linalg.slogdet: ops.slogdet,
    np.linalg.solve: ops.solve,
    np.linalg.svd: _svd,
    np.linalg.svdvals: ops.svdvals,
    np.linalg.tensordot: ops.tensordot,
    np.linalg.trace: lambda x, /, *, offset=0: ops.trace(x, offset, -2, -1),
    np.linalg.vecdot: ops.vecdot,
    np.zeros_like: lambda x, *args, **options: x.wrap(np.zeros_like(x.data, *args, **options)),
    np.ones_like: lambda x, *args, **options: x.wrap(np.ones_like(x.data, *args, **options)),
    np.empty_like: lambda x, *args, **options: x.wrap(np.empty_like(x.data, *args, **options)),
    np.full_like: lambda x, *args, **options: x.wrap(np.full_like(x.data, *args, **options)),
    np.copy: ops.clone,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x, axis=None: np.size(x.data, axis),
    np.may_share_memory: lambda *arrays: np.may_share_memory(*map(data_of, arrays)),
    np.shares_memory: lambda *arrays: np.shares_memory(*map(data_of, arrays)),
}
"""What any other NumPy function does on a tensor."""


NEAREST: dict[Callable[..., Any], Callable[..., Any]] = {
    np.append: np.concatenate,
    np.argpartition: np.argsort,
    np.array_equal: np.allclose,
    np.array_split: np.split,
    np.block: np.concatenate,
    np.column_stack: np.stack,
    np.diagflat: np.diag,
    np.digitize: np.searchsorted,
    np.dsplit: np.split,
    np.dstack: np.stack,
    np.ediff1d: np.diff,
    np.flatnonzero: np.nonzero,
    np.gradient: np.diff,
    np.hsplit: np.split,
    np.insert: np.concatenate,
    np.linalg.eig: np.linalg.eigh,
    np.linalg.eigvals: np.linalg.eigvalsh,
    np.linalg.matrix_norm: np.linalg.norm,
    np.linalg.tensorinv: np.linalg.inv,
    np.linalg.tensorsolve: np.linalg.solve,
    np.nanargmax: np.argmax,
    np.nanargmin: np.argmin,
    np.nancumprod: np.cumprod,
    np.nancumsum: np.cumsum,
    np.nanpercentile: np.percentile,
    np.nanprod: np.prod,
    np.nanquantile: np.quantile,
    np.nanstd: np.std,
    np.nanvar: np.var,
    np.piecewise: np.select,
    np.put: np.put_along_axis,
    np.resize: np.reshape,
    np.rollaxis: np.moveaxis,
    np.vsplit: np.split,
}
"""What comes near in meaning to a NumPy function that is not here: names alike mislead."""


_INSTEAD = {
    "dtype": "cast an argument or the result with astype()",
    "where": "choose with np.where",
    "out": "assign the result: an array that is written into would lose the gradient",
}


def unsupported(f: Callable[..., Any]) -> TypeError:
    """Return the error for a function that is not here; it names what comes near, if that does."""
    name, hint = f.__name__, ""
    if callable(getattr(ops, name, None)):
        hint = f"; use autograd.{name}"
    elif f in NEAREST:
        hint = f"; the nearest that is supported is {_dotted(NEAREST[f])}"
    return TypeError(
        f"{_dotted(f)}: not supported on tensors{hint}; for a result without a gradient use "
        ".numpy()"
    )


def by_name(
    f: Callable[..., Any], made: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Give arguments that mean another thing at their place here the names they have in NumPy."""
    names, count = _positions(f, made)
    if count is None or len(args) <= count:
        return args, options
    return args[:count], {**dict(zip(names[count:], args[count:], strict=False)), **options}


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out the dtype and the array to write into where they are None: not given."""
    return {k: v for k, v in options.items() if v is not None or k not in ("dtype", "out")}


@cache
def _positions(f: Callable[..., Any], made: Callable[..., Any]) -> tuple[list[str], int | None]:
    """Return NumPy's names of arguments, and how many of the first ones mean the same here."""
    try:
        theirs, ours = (inspect.signature(g).parameters for g in (f, made))
    except ValueError:  # NumPy's function says nothing of itself
        return [], None
    names, others = (
        [
            p.name
            for p in signature.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        for signature in (theirs, ours)
    )
    pairs = enumerate(zip(names, others, strict=False))
    return names, next((i for i, (a, b) in pairs if a != b and b in theirs), None)


def misused(
    f: Callable[..., Any],
    made: Callable[..., Any],
    args: Sequence[Any],
    options: dict[str, Any],
) -> TypeError | None:
    """Return the error for arguments that a NumPy function does not take on tensors, if so."""
    signature = inspect.signature(made)
    try:
        signature.bind(*args, **options)
    except TypeError as error:
        name, why = _dotted(f), str(error)
    else:
        return None
    given = next((key for key in options if key not in signature.parameters), None)
    if given is not None:
        why = f"{given}= is not supported on tensors"
    out = options.get("out")
    if isinstance(out, tuple) and any(x is y for x in args for y in out):  # of a ufunc
        instead = (
            "an array that is changed in place by a tensor would lose the gradient: for "
            "p.data -= lr * p.grad write p.data -= lr * p.grad.data, or p -= lr * p.grad within "
            "no_grad()"
        )
    else:
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        instead = f"it takes {name}{inspect.Signature(plain)}"
        instead = f"{_INSTEAD[given]}; {instead}" if given in _INSTEAD else instead
    return TypeError(f"{name}: {why}; {instead}")


def _dotted(f: Callable[..., Any]) -> str:
    """The name under which a function is imported."""
    if isinstance(f, np.ufunc):
        homes = {"np": np, "scipy.special": special}
        found = [name for name, home in homes.items() if getattr(home, f.__name__, None) is f]
    else:
        found = [f.__module__.replace("numpy", "np", 1)]
    return ".".join([*found[:1], f.__name__])
