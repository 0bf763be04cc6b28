"""Functions that make leaf tensors: of constants, of ranges, of chance, of other tensors.

Each takes `dtype`, NumPy's choice if None (so float64, and integers for whole numbers), and
`requires_grad`: but for `from_numpy`, which takes neither, and `randint`, `randperm` and
`bernoulli`, which draw constants. A shape is given as several ints or as one tuple, as in PyTorch
and NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .methods import one_tuple
from .random import generator
from .tensor import Tensor, as_tensor

__all__ = [
    "arange",
    "bernoulli",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "geomspace",
    "linspace",
    "logspace",
    "one_hot",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "tri",
    "zeros",
    "zeros_like",
]


def _made(array: Any, requires_grad: bool) -> Tensor:
    """Wrap an array that nobody else holds."""
    return as_tensor(array).requires_grad_(requires_grad)


def _plain(x: ArrayLike | Tensor) -> Any:
    return x.data if isinstance(x, Tensor) else np.asarray(x)


def _ends(start: ArrayLike | Tensor, stop: ArrayLike | Tensor) -> tuple[Any, Any]:
    """Return ends as arrays; one that requires grad is refused, its gradient would be lost."""
    return np.asarray(start), np.asarray(stop)


# Constants.


def zeros(
    *shape: int | Sequence[int], dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of zeros.

    Parameters
    ----------
    shape : ints, or one tuple of int
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape `shape`

    Examples
    --------
    >>> zeros(2, 3).shape, zeros((2, 3)).shape
    ((2, 3), (2, 3))
    """
    return _made(np.zeros(one_tuple(shape), dtype), requires_grad)


def ones(
    *shape: int | Sequence[int], dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of ones.

    Parameters
    ----------
    shape : ints, or one tuple of int
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape `shape`
    """
    return _made(np.ones(one_tuple(shape), dtype), requires_grad)


def empty(
    *shape: int | Sequence[int], dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of whatever stands in memory, to be written into.

    Parameters
    ----------
    shape : ints, or one tuple of int
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape `shape`
    """
    return _made(np.empty(one_tuple(shape), dtype), requires_grad)


def full(
    shape: int | Sequence[int],
    fill_value: ArrayLike,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of one value.

    Parameters
    ----------
    shape : int or tuple of int
    fill_value : number, or array_like that broadcasts to the shape
    dtype : numpy dtype, optional
        That of the value if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape `shape`
    """
    return _made(np.full(shape, fill_value, dtype), requires_grad)


def zeros_like(
    x: ArrayLike | Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return zeros of the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of the shape of `x`
    """
    return _made(np.zeros_like(_plain(x), dtype), requires_grad)


def ones_like(
    x: ArrayLike | Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return ones of the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of the shape of `x`
    """
    return _made(np.ones_like(_plain(x), dtype), requires_grad)


def empty_like(
    x: ArrayLike | Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Return what stands in memory, in the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of the shape of `x`
    """
    return _made(np.empty_like(_plain(x), dtype), requires_grad)


def full_like(
    x: ArrayLike | Tensor,
    fill_value: ArrayLike,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return one value in the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like
    fill_value : number, or array_like that broadcasts to the shape
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of the shape of `x`
    """
    if isinstance(fill_value, Tensor):  # a number that does not fit is refused only as a number
        fill_value = np.asarray(fill_value)
    return _made(np.full_like(_plain(x), fill_value, dtype), requires_grad)


def from_numpy(x: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor that shares the memory of an array.

    Parameters
    ----------
    x : ndarray

    Returns
    -------
    Tensor of the shape and dtype of `x`
        What is written into the array is seen in the tensor; a graph that needs the old values is
        not told. `tensor` copies.

    Examples
    --------
    >>> x = np.zeros(2)
    >>> t = from_numpy(x)
    >>> x[0] = 1
    >>> t
    Tensor([1., 0.])
    """
    return as_tensor(x)


# Ranges.


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the numbers from `start` up to, and without, `stop`.

    Parameters
    ----------
    start, stop, step : number
        One number alone is the `stop`, and the start 0.
    dtype : numpy dtype, optional
        Integers if all numbers are whole ones, else float64.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (ceil((stop - start) / step),)

    Examples
    --------
    >>> arange(3)
    Tensor([0, 1, 2])
    """
    first, last = (0, start) if stop is None else (start, stop)
    return _made(np.arange(first, last, step, dtype=dtype), requires_grad)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return evenly spaced numbers, both ends among them.

    Parameters
    ----------
    start, stop : float
    num : int, default=50
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (num,)
    """
    return _made(np.linspace(*_ends(start, stop), num, dtype=dtype), requires_grad)


def logspace(
    start: float,
    stop: float,
    num: int = 50,
    base: float = 10.0,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers with evenly spaced logarithms, from base**start to base**stop.

    Parameters
    ----------
    start, stop : float
    num : int, default=50
    base : float, default=10
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (num,)
    """
    return _made(np.logspace(*_ends(start, stop), num, base=base, dtype=dtype), requires_grad)


def geomspace(
    start: float,
    stop: float,
    num: int = 50,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers with evenly spaced logarithms, from `start` to `stop`.

    Parameters
    ----------
    start, stop : float
        Of one sign, and not 0.
    num : int, default=50
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (num,)
    """
    return _made(np.geomspace(*_ends(start, stop), num, dtype=dtype), requires_grad)


# Matrices.


def eye(
    n: int,
    m: int | None = None,
    k: int = 0,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a matrix with ones on a diagonal.

    Parameters
    ----------
    n : int
    m : int, optional
        `n` if None.
    k : int, default=0
        Which diagonal, above the main one if positive.
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (n, m)
    """
    return _made(np.eye(n, m, k, dtype), requires_grad)


def tri(
    n: int,
    m: int | None = None,
    k: int = 0,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a matrix with ones on and below a diagonal.

    Parameters
    ----------
    n : int
    m : int, optional
        `n` if None.
    k : int, default=0
        The last diagonal of ones, above the main one if positive.
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (n, m)
    """
    return _made(np.tri(n, m, k, dtype), requires_grad)


def one_hot(
    index: ArrayLike | Tensor,
    num_classes: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a row for each index, with a one at that place and zeros elsewhere.

    Parameters
    ----------
    index : Tensor or array_like of int, of any shape
    num_classes : int, optional
        One more than the largest index if None.
    dtype : numpy dtype, optional
        float64 if None; PyTorch returns integers.
    requires_grad : bool, default=False

    Returns
    -------
    Tensor of shape (..., num_classes)

    Raises
    ------
    TypeError
        If the indices are no integers.
    ValueError
        If an index is negative, or not less than `num_classes`.

    Examples
    --------
    >>> one_hot([1, 0], 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    places = _plain(index)
    if places.dtype.kind not in "iu":
        raise TypeError(f"one_hot: indices of dtype {places.dtype} name no classes; use integers")
    if num_classes is None:
        num_classes = int(places.max()) + 1 if places.size else 0
    if places.size and not 0 <= places.min() <= places.max() < num_classes:
        raise ValueError(
            f"one_hot: indices from {places.min()} to {places.max()} are not all among the "
            f"{num_classes} classes from 0 to {num_classes - 1}"
        )
    hot = places[..., None] == np.arange(num_classes)
    return _made(hot.astype(float if dtype is None else dtype), requires_grad)


# Chance.


def rand(
    *shape: int | Sequence[int],
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return numbers drawn evenly from [0, 1).

    Parameters
    ----------
    shape : ints, or one tuple of int
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of shape `shape`

    Raises
    ------
    TypeError
        If `dtype` is not floating.

    Examples
    --------
    >>> bool((rand(3, rng=0) == rand(3, rng=0)).data.all())
    True
    """
    return _made(_floats("rand", generator(rng).random, one_tuple(shape), dtype), requires_grad)


def randn(
    *shape: int | Sequence[int],
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return numbers drawn from the standard normal distribution.

    Parameters
    ----------
    shape : ints, or one tuple of int
    dtype : numpy dtype, optional
        float64 if None.
    requires_grad : bool, default=False
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of shape `shape`

    Raises
    ------
    TypeError
        If `dtype` is not floating.
    """
    drawn = _floats("randn", generator(rng).standard_normal, one_tuple(shape), dtype)
    return _made(drawn, requires_grad)


def _floats(where: str, draw: Any, shape: tuple[int, ...], dtype: DTypeLike | None) -> Any:
    """Draw in the precision asked for; NumPy draws no float16, and float32 is cut to it."""
    wanted = np.dtype(float if dtype is None else dtype)
    if wanted.kind != "f":
        raise TypeError(f"{where}: dtype is {wanted}; pass a floating one, or use randint")
    if wanted != np.float16:
        return draw(shape, wanted)
    drawn = np.asarray(draw(shape, np.float32))
    # towards zero: rounding to nearest would reach 1, which rand excludes
    rounded = drawn.astype(wanted)
    return np.where(np.abs(rounded) > np.abs(drawn), np.nextafter(rounded, wanted.type(0)), rounded)


def rand_like(
    x: ArrayLike | Tensor,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return numbers drawn evenly from [0, 1), in the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like, floating
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of the shape of `x`
    """
    like = _plain(x)
    dtype = like.dtype if dtype is None else dtype
    return rand(like.shape, dtype=dtype, requires_grad=requires_grad, rng=rng)


def randn_like(
    x: ArrayLike | Tensor,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return standard normal numbers, in the shape and dtype of another tensor.

    Parameters
    ----------
    x : Tensor or array_like, floating
    dtype : numpy dtype, optional
        That of `x` if None.
    requires_grad : bool, default=False
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of the shape of `x`
    """
    like = _plain(x)
    dtype = like.dtype if dtype is None else dtype
    return randn(like.shape, dtype=dtype, requires_grad=requires_grad, rng=rng)


def randint(
    low: int,
    high: int | None = None,
    size: int | Sequence[int] = (),
    *,
    dtype: DTypeLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return integers drawn evenly from those from `low` up to, and without, `high`.

    Parameters
    ----------
    low, high : int
        One number alone is the `high`, and the low 0.
    size : int or tuple of int, default=()
    dtype : numpy dtype, optional
        int64 if None; a floating one casts.
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of shape `size`

    Raises
    ------
    ValueError
        If there is no integer between the two.
    """
    first, last = (0, low) if high is None else (low, high)
    drawn = generator(rng).integers(first, last, size)
    return as_tensor(drawn if dtype is None else np.asarray(drawn).astype(dtype))


def randperm(
    n: int,
    *,
    dtype: DTypeLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return the integers from 0 to n - 1 in an order drawn at random.

    Parameters
    ----------
    n : int
    dtype : numpy dtype, optional
        int64 if None.
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of shape (n,)
    """
    drawn = generator(rng).permutation(n)
    return as_tensor(drawn if dtype is None else drawn.astype(dtype))


def bernoulli(
    p: ArrayLike | Tensor,
    *,
    dtype: DTypeLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Return ones with the probabilities p, else zeros. The draw has no derivative.

    Parameters
    ----------
    p : Tensor or array_like, floating, from 0 to 1
    dtype : numpy dtype, optional
        That of `p` if None.
    rng : numpy.random.Generator, int or None, default=None
        The library's default Generator if None; see `manual_seed`.

    Returns
    -------
    Tensor of the shape of `p`

    Raises
    ------
    ValueError
        If a probability is not from 0 to 1.
    """
    chances = _plain(p)
    if not ((chances >= 0) & (chances <= 1)).all():  # NaN is not either
        raise ValueError(
            f"bernoulli: probabilities from {chances.min()} to {chances.max()} are not all "
            "from 0 to 1"
        )
    hits = generator(rng).random(chances.shape) < chances
    return as_tensor(np.asarray(hits).astype(chances.dtype if dtype is None else dtype))
