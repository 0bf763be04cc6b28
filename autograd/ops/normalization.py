"""Normalisation: values brought to mean 0 and variance 1, then scaled and shifted.

They differ in which values belong together: the features of an example (layer norm, and RMS norm
without the mean), a group of channels of an example (group norm), or a channel over the whole batch
(batch norm). The variance is the biased one, in two passes, and eps stands inside the root.

Where rows lie in memory one after the other, the same two functions serve: forward

.. math:: \\hat x = (x - \\mu) / s, \\quad s = \\sqrt{\\sigma^2 + \\epsilon}

and backward, with means over the row,

.. math:: \\bar x = (\\bar{\\hat x} - \\langle \\bar{\\hat x} \\rangle
    - \\hat x \\langle \\bar{\\hat x} \\odot \\hat x \\rangle) / s
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Array, op
from .precision import floating, in_dtype, widened, working

__all__ = [
    "batch_norm",
    "group_norm",
    "layer_norm",
    "rms_norm",
]


def _standardize(rows: Array, eps: float) -> tuple[Array, Array]:
    """Return each row with mean 0 and variance 1, and the factors 1 / s, (rows, 1)."""
    n = max(rows.shape[1], 1)
    # sums as products with ones: BLAS adds at the speed of memory
    rows = rows - _row_sums(rows) / n
    scale = 1 / np.sqrt(_row_dots(rows, rows) / n + eps)
    rows *= scale
    return rows, scale


def _standardize_dx(g: Array, rows: Array, scale: Array) -> Array:
    """Return the gradient of the input of `_standardize`, given that of the rows; g is used up."""
    n = rows.shape[1]
    along = _row_dots(g, rows) / n
    g -= _row_sums(g) / n
    g -= rows * along
    g *= scale
    return g


def _row_sums(rows: Array) -> Array:
    return (rows @ np.ones(rows.shape[1], rows.dtype))[:, None]


def _row_dots(x: Array, y: Array) -> Array:
    return np.vecdot(x, y)[:, None]


def _working(x: Array, *parameters: Array | None) -> tuple[Array, Any]:
    return working(floating(x), *parameters)


def _normalized_shape(
    where: str, x: Array, weight: Array | None, bias: Array | None, shape: Any
) -> tuple[int, ...]:
    """Return the shape that is normalised: the last axes of x, and all of weight and bias."""
    if shape is None:
        if weight is None:
            raise ValueError(
                f"{where}: without a weight, say which axes to normalise: "
                f"normalized_shape={x.shape[-1:]} for the last one"
            )
        shape = weight.shape
    sizes: tuple[int, ...] = (shape,) if isinstance(shape, int) else tuple(shape)
    if not sizes or x.shape[-len(sizes) :] != sizes:
        raise ValueError(
            f"{where}: x of shape {x.shape} does not end in the normalized_shape {sizes}; "
            f"it takes the last axes of x, such as {x.shape[-1:]}"
        )
    for name, a in (("weight", weight), ("bias", bias)):
        if a is not None and a.shape != sizes:
            raise ValueError(
                f"{where}: {name} of shape {a.shape} is not of the normalized_shape {sizes}; "
                "give each normalised value its own"
            )
    return sizes


def _with_saved(g: Array, out: Array, saved: Any, *inputs: Array, **params: Any) -> Any:
    return widened(g), *saved


# Layer norm.


def _layer_norm_reference(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    normalized_shape: Any = None,
    eps: float = 1e-5,
) -> Array:
    shape = _normalized_shape("layer_norm", x, weight, bias, normalized_shape)
    axes = tuple(range(-len(shape), 0))
    x, dtype = _working(x, weight, bias)
    centred = x - x.mean(axis=axes, keepdims=True)
    out = centred / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + eps)
    out = out if weight is None else out * weight
    return in_dtype(out if bias is None else out + bias, dtype)


def _layer_norm_dx(
    shared: Any, out: Array, x: Array, weight: Any = None, bias: Any = None, **params: Any
) -> Array:
    g, rows, scale = shared
    g = g.copy() if weight is None else g * weight
    return _standardize_dx(g.reshape(rows.shape), rows, scale).reshape(x.shape)


def _layer_norm_dweight(
    shared: Any, out: Array, x: Array, weight: Array, bias: Any = None, **params: Any
) -> Array:
    g, rows, _ = shared
    return np.einsum("ij,ij->j", g.reshape(rows.shape), rows).reshape(weight.shape)


@op(
    vjp=(
        _layer_norm_dx,
        _layer_norm_dweight,
        lambda shared, out, x, weight, bias, **params: shared[0],
    ),
    latex=r"\frac{{{0} - \mu}}{{\sqrt{{\sigma^2 + \epsilon}}}} \odot {1} + {2}",
    kind="other",
    shared=_with_saved,
    reference=_layer_norm_reference,
    flops=8,
)
def layer_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    normalized_shape: int | tuple[int, ...] | None = None,
    eps: float = 1e-5,
) -> Any:
    """Bring the last axes of x to mean 0 and variance 1, then scale and shift each place.

    .. math:: y = \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}} \\odot w + b

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., *normalized_shape), floating
    weight, bias : Tensor or ndarray of shape normalized_shape, optional
        A bias comes with a weight.
    normalized_shape : int or tuple of int, optional
        The last axes of `x` that are normalised together; the shape of `weight` if None.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape of `x`
        Its dtype is that of all arguments, as NumPy promotes them; float16 is computed in float32.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eqs. (3)-(4).

    Examples
    --------
    >>> from autograd import Tensor, layer_norm
    >>> layer_norm(Tensor([[1.0, 3.0]]), normalized_shape=2, eps=0).numpy()
    array([[-1.,  1.]])
    """
    shape = _normalized_shape("layer_norm", x, weight, bias, normalized_shape)
    wide, dtype = _working(x, weight, bias)
    rows = wide.reshape(math.prod(x.shape[: -len(shape)]), math.prod(shape))
    rows, scale = _standardize(rows, eps)
    out = rows.reshape(x.shape)
    out = out.copy() if weight is None else out * weight
    if bias is not None:
        out += bias
    return in_dtype(out, dtype), (rows, scale)


# RMS norm.


def _rms_eps(x: Array, eps: float | None) -> Any:
    return np.finfo(x.dtype).eps if eps is None else eps


def _rms_norm_reference(
    x: Array, weight: Array | None = None, normalized_shape: Any = None, eps: float | None = None
) -> Array:
    shape = _normalized_shape("rms_norm", x, weight, None, normalized_shape)
    axes = tuple(range(-len(shape), 0))
    eps = _rms_eps(x, eps)
    x, dtype = _working(x, weight)
    out = x / np.sqrt((x * x).mean(axis=axes, keepdims=True) + eps)
    return in_dtype(out if weight is None else out * weight, dtype)


def _rms_norm_dx(shared: Any, out: Array, x: Array, weight: Any = None, **params: Any) -> Array:
    g, rows, scale = shared
    g = (g.copy() if weight is None else g * weight).reshape(rows.shape)
    along = _row_dots(g, rows) * scale**2 / rows.shape[1]
    g -= rows * along
    g *= scale
    return g.reshape(x.shape)


def _rms_norm_dweight(shared: Any, out: Array, x: Array, weight: Array, **params: Any) -> Array:
    g, rows, scale = shared
    return (scale.reshape(-1) @ (g.reshape(rows.shape) * rows)).reshape(weight.shape)


@op(
    vjp=(_rms_norm_dx, _rms_norm_dweight),
    latex=r"\frac{{{0}}}{{\sqrt{{\langle {0}^2 \rangle + \epsilon}}}} \odot {1}",
    kind="other",
    shared=_with_saved,
    reference=_rms_norm_reference,
    flops=5,
)
def rms_norm(
    x: Array,
    weight: Array | None = None,
    normalized_shape: int | tuple[int, ...] | None = None,
    eps: float | None = None,
) -> Any:
    """Bring the last axes of x to a mean square of 1, then scale each place: layer norm, no mean.

    .. math:: y = \\frac{x}{\\sqrt{\\langle x^2 \\rangle + \\epsilon}} \\odot w

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., *normalized_shape), floating
    weight : Tensor or ndarray of shape normalized_shape, optional
    normalized_shape : int or tuple of int, optional
        The last axes of `x` that are normalised together; the shape of `weight` if None.
    eps : float, optional
        Added to the mean square, inside the root; that of the dtype, ``finfo(dtype).eps``, if
        None, as in PyTorch.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape of `x`
        Its dtype is that of all arguments, as NumPy promotes them; float16 is computed in float32.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467, eq. (4).

    Examples
    --------
    >>> from autograd import Tensor, rms_norm
    >>> rms_norm(Tensor([[1.0, 7.0]]), normalized_shape=2).numpy()
    array([[0.2, 1.4]])
    """
    shape = _normalized_shape("rms_norm", x, weight, None, normalized_shape)
    x = floating(x)
    wide, dtype = _working(x, weight)
    rows = wide.reshape(math.prod(x.shape[: -len(shape)]), math.prod(shape))
    scale = 1 / np.sqrt(_row_dots(rows, rows) / max(rows.shape[1], 1) + _rms_eps(x, eps))
    out = (rows * scale).reshape(x.shape)
    if weight is not None:
        out *= weight
    return in_dtype(out, dtype), (rows, scale)


# Group norm.


def _check_groups(x: Array, weight: Array | None, bias: Array | None, num_groups: int) -> None:
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: x of shape {x.shape} does not part into {num_groups} groups of channels; "
            "the channels are axis 1, and their number must be a multiple of num_groups"
        )
    _check_channels("group_norm", x, weight, bias)


def _check_channels(where: str, x: Array, weight: Array | None, bias: Array | None) -> None:
    for name, a in (("weight", weight), ("bias", bias)):
        if a is not None and a.shape != x.shape[1:2]:
            raise ValueError(
                f"{where}: {name} of shape {a.shape} does not fit x of shape {x.shape}; give each "
                f"channel, axis 1, its own: {x.shape[1:2]}"
            )


def _per_channel(a: Array, ndim: int) -> Array:
    """Give (channels,) axes of length one, so that it broadcasts with (N, channels, ...)."""
    return a.reshape((-1, *(1,) * (ndim - 2)))


def _group_norm_reference(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    num_groups: int = 1,
    eps: float = 1e-5,
) -> Array:
    _check_groups(x, weight, bias, num_groups)
    x, dtype = _working(x, weight, bias)
    rows = x.reshape((x.shape[0], num_groups, math.prod(x.shape[1:]) // num_groups))
    centred = rows - rows.mean(axis=-1, keepdims=True)
    rows = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
    out = rows.reshape(x.shape)
    out = out if weight is None else out * _per_channel(weight, x.ndim)
    return in_dtype(out if bias is None else out + _per_channel(bias, x.ndim), dtype)


def _group_norm_dx(
    shared: Any, out: Array, x: Array, weight: Any = None, bias: Any = None, **params: Any
) -> Array:
    g, rows, scale = shared
    g = g.copy() if weight is None else g * _per_channel(weight, x.ndim)
    return _standardize_dx(g.reshape(rows.shape), rows, scale).reshape(x.shape)


def _group_norm_dweight(
    shared: Any, out: Array, x: Array, weight: Array, bias: Any = None, **params: Any
) -> Array:
    g, rows, _ = shared
    shape = (*x.shape[:2], math.prod(x.shape[2:]))
    return np.einsum("ncl,ncl->c", g.reshape(shape), rows.reshape(shape))


@op(
    vjp=(
        _group_norm_dx,
        _group_norm_dweight,
        lambda shared, out, x, weight, bias, **params: shared[0].sum(axis=(0, *range(2, x.ndim))),
    ),
    latex=r"\frac{{{0} - \mu}}{{\sqrt{{\sigma^2 + \epsilon}}}} \odot {1} + {2}",
    kind="other",
    shared=_with_saved,
    reference=_group_norm_reference,
    flops=8,
)
def group_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    num_groups: int = 1,
    eps: float = 1e-5,
) -> Any:
    """Bring each group of channels of each example to mean 0 and variance 1, then scale and shift.

    .. math:: y = \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}} \\odot w + b

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, ...), floating
    weight, bias : Tensor or ndarray of shape (channels,), optional
        A bias comes with a weight.
    num_groups : int, default=1
        Neighbouring channels make a group; one for each channel is instance norm.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape of `x`
        Its dtype is that of all arguments, as NumPy promotes them; float16 is computed in float32.

    Raises
    ------
    ValueError
        If the channels do not part into the groups, or the shapes do not fit.

    References
    ----------
    Wu and He, "Group Normalization", 2018, arXiv:1803.08494, eqs. (1)-(7).

    Examples
    --------
    >>> from autograd import Tensor, group_norm
    >>> group_norm(Tensor([[1.0, 3.0, 0.0, 8.0]]), num_groups=2, eps=0).numpy()
    array([[-1.,  1., -1.,  1.]])
    """
    _check_groups(x, weight, bias, num_groups)
    wide, dtype = _working(x, weight, bias)
    rows = wide.reshape(x.shape[0] * num_groups, math.prod(x.shape[1:]) // num_groups)
    rows, scale = _standardize(rows, eps)
    out = rows.reshape(x.shape)
    out = out.copy() if weight is None else out * _per_channel(weight, x.ndim)
    if bias is not None:
        out += _per_channel(bias, x.ndim)
    return in_dtype(out, dtype), (rows, scale)


# Batch norm. Channels stand last in memory here, as convolutions leave them.


def _positions(x: Array) -> Array:
    """Return (batch, channels, ...) as (batch, positions, channels); (batch, channels) as one."""
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    if x.ndim == 2:
        return last[None]
    return last.reshape((len(x), math.prod(x.shape[2:]), x.shape[1]))


def _joined(rows: Array) -> tuple[Array, int]:
    """View (batch, positions, channels) with several positions on the last axis, and how many.

    Loops over a few channels would be short, and short loops are slow.
    """
    batch, positions, channels = rows.shape
    several = math.gcd(positions, 64)
    return rows.reshape((batch, positions // several, several * channels)), several


def _sums(rows: Array) -> Array:
    """Sum (batch, positions, channels) to (channels,), each example by itself first."""
    sums: Array = (np.ones(rows.shape[1], rows.dtype) @ rows).sum(axis=0)
    return sums


def _dots(x: Array, y: Array) -> Array:
    wide, several = _joined(x)
    dots = np.einsum("nij,nij->j", wide, y.reshape(wide.shape))
    sums: Array = dots.reshape((several, x.shape[2])).sum(axis=0)
    return sums


def _spread(a: Array, rows: Array) -> tuple[Array, Array]:
    """Return rows and an array per channel in shapes that broadcast in long loops."""
    wide, several = _joined(rows)
    return wide, np.tile(a, several)


def _restored(rows: Array, shape: tuple[int, ...]) -> Array:
    """Undo `_positions` and `_joined`: give rows the shape of x, channels second."""
    return np.moveaxis(rows.reshape((shape[0], *shape[2:], shape[1])), -1, 1)


def _check_batch(x: Array, weight: Array | None, bias: Array | None) -> None:
    if x.ndim < 2:
        raise ValueError(
            f"batch_norm: x of shape {x.shape}; pass (batch, channels, ...), one example as x[None]"
        )
    if x.size == x.shape[1]:
        raise ValueError(
            f"batch_norm: x of shape {x.shape} has one value in each channel, which has no "
            "variance; pass a larger batch, or use the running statistics: model.eval()"
        )
    _check_channels("batch_norm", x, weight, bias)


def _batch_norm_reference(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    moments: Any = None,
) -> Array:
    _check_batch(x, weight, bias)
    x, dtype = _working(x, weight, bias)
    axes = (0, *range(2, x.ndim))
    n = max(x.size // x.shape[1], 1)
    mean = x.sum(axis=axes, keepdims=True) / n
    centred = x - mean
    var = (centred * centred).sum(axis=axes, keepdims=True) / n
    if moments is not None:
        for kept, a in zip(moments, (mean, var), strict=True):
            kept[...] = np.ravel(a.data)
    out = centred / np.sqrt(var + eps)
    out = out if weight is None else out * _per_channel(weight, x.ndim)
    return in_dtype(out if bias is None else out + _per_channel(bias, x.ndim), dtype)


def _batch_norm_shared(
    g: Array, out: Array, saved: Any, x: Array, *parameters: Array, **params: Any
) -> Any:
    """Return the gradients of x, weight and bias: they have their sums in common."""
    centred, scale = saved
    rows = _positions(widened(g))
    n = max(rows.shape[0] * rows.shape[1], 1)
    dbias = _sums(rows)
    dweight = scale * _dots(rows, centred)
    factor = scale * parameters[0] if parameters else scale
    wide, mean = _spread(dbias / n, rows)
    dx = wide - mean
    part, along = _spread(dweight * scale / n, centred)
    dx -= part * along
    dx *= np.tile(factor, dx.shape[-1] // factor.size)
    return _restored(dx, x.shape), dweight, dbias


@op(
    vjp=(
        lambda shared, out, x, weight=None, bias=None, **params: shared[0],
        lambda shared, out, x, weight, bias=None, **params: shared[1],
        lambda shared, out, x, weight, bias, **params: shared[2],
    ),
    latex=r"\frac{{{0} - \mu}}{{\sqrt{{\sigma^2 + \epsilon}}}} \odot {1} + {2}",
    kind="other",
    shared=_batch_norm_shared,
    reference=_batch_norm_reference,
    flops=8,
)
def batch_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    moments: tuple[Array, Array] | None = None,
) -> Any:
    """Bring each channel, over the whole batch, to mean 0 and variance 1, then scale and shift.

    .. math:: y = \\frac{x - \\mu_B}{\\sqrt{\\sigma^2_B + \\epsilon}} \\odot w + b

    This is batch norm in training; in use running statistics take the place of the batch's, and
    the map is affine: `nn.functional.batch_norm` does both.

    Parameters
    ----------
    x : Tensor or ndarray of shape (batch, channels, ...), floating
    weight, bias : Tensor or ndarray of shape (channels,), optional
        A bias comes with a weight.
    eps : float, default=1e-5
        Added to the biased variance, inside the root.
    moments : pair of ndarray of shape (channels,), optional
        Where to write the mean and the biased variance of the batch.

    Returns
    -------
    Tensor if an argument is one, else ndarray; shape of `x`
        Its dtype is that of all arguments, as NumPy promotes them; float16 is computed in float32.
        Channels are last in memory.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a channel has one value only.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015, arXiv:1502.03167, algorithm 1.

    Examples
    --------
    >>> from autograd import Tensor, batch_norm
    >>> batch_norm(Tensor([[1.0, 0.0], [3.0, 8.0]]), eps=0).numpy()
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    _check_batch(x, weight, bias)
    x, dtype = _working(x, weight, bias)
    rows = _positions(x)
    n = max(rows.shape[0] * rows.shape[1], 1)
    mean = _sums(rows) / n
    wide, means = _spread(mean, rows)
    centred = (wide - means).reshape(rows.shape)
    var = _dots(centred, centred) / n
    if moments is not None:
        moments[0][...], moments[1][...] = mean, var
    scale = 1 / np.sqrt(var + eps)
    wide, factors = _spread(scale if weight is None else scale * weight, centred)
    out = wide * factors
    if bias is not None:
        out += np.tile(bias, out.shape[-1] // bias.size)
    return in_dtype(_restored(out, x.shape), dtype), (centred, scale)
