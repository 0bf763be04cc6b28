"""The ops that are methods of a tensor, and NumPy's two protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from . import ops
from .numpy_functions import FUNCTIONS, UFUNCS, by_name, given, misused, unsupported
from .op import Node
from .pytorch_names import Absent

_METHODS = {
    "add.at": "index_add, or index_put(..., accumulate=True), which return a copy",
    "multiply.outer": "np.outer, or x[..., None] * y",
    "add.accumulate": "np.cumsum",
    "multiply.accumulate": "np.cumprod",
    "maximum.accumulate": "cummax",
    "minimum.accumulate": "cummin",
    "accumulate": "a loop, and np.stack of what it gives",
    "at": "x[i] = np.{}(x[i], y)",
    "outer": "np.{}(x[..., None], y)",
    "reduce": "np.sum, np.max or another reduction",
    "reduceat": "np.split, and a reduction of each part",
}
"""What does the work of a method of a ufunc."""


class Methods(Node, Absent):
    """What a tensor can do besides recording: in a class body an op is a method."""

    __slots__ = ()

    abs = ops.abs_
    add = ops.add
    sub = ops.sub
    mul = ops.mul
    div = ops.div
    pow = ops.pow_
    neg = ops.neg
    positive = ops.positive
    eq = ops.eq
    ne = ops.ne
    lt = ops.lt
    le = ops.le
    gt = ops.gt
    ge = ops.ge
    isfinite = ops.isfinite
    isinf = ops.isinf
    isnan = ops.isnan
    bitwise_and = ops.bitwise_and
    bitwise_not = ops.bitwise_not
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    logical_and = ops.logical_and
    logical_not = ops.logical_not
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    addcmul = ops.addcmul
    arccos = ops.arccos
    arccosh = ops.arccosh
    arcsin = ops.arcsin
    arcsinh = ops.arcsinh
    arctan = ops.arctan
    arctan2 = ops.arctan2
    arctanh = ops.arctanh
    ceil = ops.ceil
    clip = ops.clip
    copysign = ops.copysign
    cos = ops.cos
    cosh = ops.cosh
    deg2rad = ops.deg2rad
    digamma = ops.digamma
    erf = ops.erf
    erfc = ops.erfc
    exp = ops.exp
    exp2 = ops.exp2
    expm1 = ops.expm1
    float_power = ops.float_power
    floor = ops.floor
    floor_divide = ops.floor_divide
    fmax = ops.fmax
    fmin = ops.fmin
    fmod = ops.fmod
    heaviside = ops.heaviside
    hypot = ops.hypot
    lerp = ops.lerp
    lgamma = ops.lgamma
    log = ops.log
    log10 = ops.log10
    log1p = ops.log1p
    log2 = ops.log2
    logaddexp = ops.logaddexp
    logaddexp2 = ops.logaddexp2
    logit = ops.logit
    maximum = ops.maximum
    minimum = ops.minimum
    nan_to_num = ops.nan_to_num
    rad2deg = ops.rad2deg
    reciprocal = ops.reciprocal
    relu = ops.relu
    remainder = ops.remainder
    round = ops.round_
    rsqrt = ops.rsqrt
    sigmoid = ops.sigmoid
    sign = ops.sign
    sin = ops.sin
    sinc = ops.sinc
    sinh = ops.sinh
    sqrt = ops.sqrt
    square = ops.square
    tan = ops.tan
    tanh = ops.tanh
    trunc = ops.trunc
    xlogy = ops.xlogy
    all = ops.all_
    amax = ops.amax
    amin = ops.amin
    any = ops.any_
    argmax = ops.argmax
    argmin = ops.argmin
    argsort = ops.argsort
    searchsorted = ops.searchsorted
    count_nonzero = ops.count_nonzero
    cummax = ops.cummax
    cummin = ops.cummin
    cumprod = ops.cumprod
    cumsum = ops.cumsum
    diff = ops.diff
    logcumsumexp = ops.logcumsumexp
    median = ops.median
    nanmean = ops.nanmean
    nanmedian = ops.nanmedian
    nansum = ops.nansum
    norm = ops.norm
    prod = ops.prod
    ptp = ops.ptp
    quantile = ops.quantile
    sort = ops.sort
    topk = ops.topk
    sum = ops.sum_
    mean = ops.mean
    max = ops.max_
    min = ops.min_
    var = ops.var
    std = ops.std
    logsumexp = ops.logsumexp
    softmax = ops.softmax
    log_softmax = ops.log_softmax
    matmul = ops.matmul
    swapaxes = ops.swapaxes
    squeeze = ops.squeeze
    unsqueeze = ops.expand_dims
    broadcast_to = ops.broadcast_to
    expand = ops.expand
    split = ops.split
    astype = ops.astype
    chunk = ops.chunk
    diag = ops.diag
    diagonal = ops.diagonal
    flatten = ops.flatten
    flip = ops.flip
    fliplr = ops.fliplr
    flipud = ops.flipud
    moveaxis = ops.moveaxis
    ravel = ops.ravel
    repeat = ops.repeat
    roll = ops.roll
    rot90 = ops.rot90
    tile = ops.tile
    tril = ops.tril
    triu = ops.triu
    unbind = ops.unstack
    unflatten = ops.unflatten
    unfold = ops.unfold
    gather = ops.gather
    index_add = ops.index_add
    index_put = ops.index_put
    index_select = ops.index_select
    masked_fill = ops.masked_fill
    masked_scatter = ops.masked_scatter
    masked_select = ops.masked_select
    choose = ops.choose
    isclose = ops.isclose
    allclose = ops.allclose
    nonzero = ops.nonzero
    scatter = ops.scatter
    scatter_add = ops.scatter_add
    take = ops.take
    take_along_dim = ops.take_along_axis
    cholesky = ops.cholesky
    cross = ops.cross
    det = ops.det
    dot = ops.dot
    inner = ops.inner
    inverse = ops.inv
    kron = ops.kron
    matrix_power = ops.matrix_power
    outer = ops.outer
    pinverse = ops.pinv
    qr = ops.qr
    slogdet = ops.slogdet
    svd = ops.svd
    trace = ops.trace
    vdot = ops.vdot

    def where(self, condition: Any, y: Any) -> Self:
        """Return this tensor where the condition holds, else `y`: PyTorch's order of arguments."""
        return ops.where(condition, self, y)  # type: ignore[no-any-return]

    def reshape(self, *shape: int | tuple[int, ...]) -> Self:
        """Return the tensor with another shape: ``reshape(2, 3)`` or ``reshape((2, 3))``."""
        return ops.reshape(self, one_tuple(shape))  # type: ignore[no-any-return]

    def transpose(self, *axes: int | tuple[int, ...] | None) -> Self:
        """Return the tensor with its axes reversed, or in the order given.

        Two axes of a tensor with more than two are exchanged, as in PyTorch.
        """
        order = one_tuple(axes) if axes and axes[0] is not None else None
        if order is not None and len(order) == 2 < self.data.ndim:
            return ops.swapaxes(self, *order)  # type: ignore[no-any-return]
        return ops.transpose(self, order)  # type: ignore[no-any-return]

    def permute(self, *axes: int | tuple[int, ...]) -> Self:
        """Return the tensor with its axes in the order given: all of them, as in PyTorch."""
        return ops.transpose(self, one_tuple(axes))  # type: ignore[no-any-return]

    view = reshape

    @property
    def T(self) -> Self:
        """The tensor with its axes reversed."""
        return ops.transpose(self)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Self:
        """The tensor with its last two axes exchanged."""
        return ops.matrix_transpose(self)  # type: ignore[no-any-return]

    # NumPy's protocols.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        made = UFUNCS.get(ufunc)
        if made is None:
            raise unsupported(ufunc)
        if method != "__call__":
            name = f"{ufunc.__name__}.{method}"
            instead = (_METHODS.get(name) or _METHODS[method]).format(ufunc.__name__)
            raise TypeError(f"np.{name}: not supported on tensors; use {instead}")
        kwargs = given(kwargs)
        if kwargs and (error := misused(ufunc, made, inputs, kwargs)) is not None:
            raise error
        return made(*inputs, **kwargs)

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        made = FUNCTIONS.get(func)
        if made is None:
            raise unsupported(func)
        args, kwargs = by_name(func, made, args, kwargs)
        kwargs = given(kwargs)
        try:
            return made(*args, **kwargs)
        except TypeError:
            if (error := misused(func, made, args, kwargs)) is not None:
                raise error from None
            raise


def one_tuple(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Take ``f(2, 3)`` and ``f((2, 3))`` alike."""
    if len(sizes) == 1 and not isinstance(sizes[0], int | np.integer):
        return tuple(sizes[0])
    return sizes
