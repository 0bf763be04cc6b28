"""What NumPy's functions do on a tensor: ``np.exp(t)`` and ``np.linalg.inv(t)`` are ops too."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import ops
from .op import Array

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
    np.bitwise_and: ops.logical_and,
    np.bitwise_or: ops.logical_or,
    np.invert: ops.logical_not,
    np.isnan: ops.isnan,
    np.isinf: ops.isinf,
    np.isfinite: ops.isfinite,
    np.vecdot: ops.vecdot,
}
"""What a NumPy ufunc does on a tensor."""


def _cholesky(x: Array, upper: bool) -> Any:
    lower = ops.cholesky(_mirrored(x, "U" if upper else "L"))
    return ops.matrix_transpose(lower) if upper else lower


def _mirrored(x: Array, triangle: str) -> Any:
    """Return the symmetric matrix of one triangle, the only one that NumPy reads."""
    if triangle.upper() not in ("L", "U"):
        raise ValueError(f"np.linalg.eigh: UPLO is {triangle!r}; it is 'L' or 'U'")
    half, strict = (ops.tril, -1) if triangle.upper() == "L" else (ops.triu, 1)
    return half(x) + ops.matrix_transpose(half(x, strict))


def _qr(x: Array, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "r"):
        raise ValueError(f"np.linalg.qr: mode {mode!r} is not supported on tensors; use 'reduced'")
    return ops.qr(x) if mode == "reduced" else ops.qr(x).R


def _svd(x: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return ops.svd(x, full_matrices) if compute_uv else ops.svdvals(x)


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
    np.argsort: lambda x, axis=-1: ops.argsort(x, axis),
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
    np.sort: lambda x, axis=-1: ops.sort(x, axis),
    np.trapezoid: ops.trapezoid,
    np.linalg.norm: ops.norm,
    np.linalg.vector_norm: ops.vector_norm,
    np.var: ops.var,
    np.std: ops.std,
    np.where: ops.where,
    np.clip: ops.clip,
    np.nan_to_num: ops.nan_to_num,
    np.round: ops.round_,
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
    np.linalg.eigh: lambda x, UPLO="L": ops.eigh(_mirrored(x, UPLO)),
    np.linalg.eigvalsh: lambda x, UPLO="L": ops.eigvalsh(_mirrored(x, UPLO)),
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
    np.zeros_like: lambda x, dtype=None: x.wrap(np.zeros_like(x.data, dtype)),
    np.ones_like: lambda x, dtype=None: x.wrap(np.ones_like(x.data, dtype)),
    np.empty_like: lambda x, dtype=None: x.wrap(np.empty_like(x.data, dtype)),
    np.full_like: lambda x, value, dtype=None: x.wrap(np.full_like(x.data, value, dtype)),
    np.copy: ops.clone,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
}
"""What any other NumPy function does on a tensor."""


def unsupported(name: str, supported: Iterable[Any]) -> TypeError:
    """Return the error for a function that is not here; it names the nearest that is."""
    names = [f.__name__ for f in supported]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
    hint = f"; the nearest that is supported is np.{near[0]}" if near else ""
    return TypeError(
        f"np.{name}: not supported on tensors{hint}; for a result without a gradient use .numpy()"
    )
