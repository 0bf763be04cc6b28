"""Small sets in the plane, made up from chance: a network's whole task fits into one picture."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.data.loader import TensorDataset
from nn.random import generator

Curve: TypeAlias = Callable[[int], NDArray[Any]]
"""A class of points: from a number of them to where they are, an array of shape (size, 2)."""


def moons(
    n: int = 200, *, noise: float = 0.1, rng: np.random.Generator | int | None = None
) -> TensorDataset:
    r"""Make two half circles that reach into each other, which no line parts.

    .. math:: (\cos t, \sin t) \text{ and } (1 - \cos t, \tfrac12 - \sin t), \quad 0 \le t \le \pi

    Parameters
    ----------
    n : int, default=200
        Examples; the classes differ by at most one in number.
    noise : float, default=0.1
        The standard deviation of what is added to both coordinates.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x: float32 of shape (n, 2); y: int64 in 0..1, of shape (n,); in random order.

    Raises
    ------
    ValueError
        If there are fewer examples than classes, or `noise` is negative.

    Examples
    --------
    >>> x, y = moons(6, noise=0, rng=0).arrays
    >>> x[y == 0].round(1)
    array([[-1.,  0.],
           [ 0.,  1.],
           [ 1.,  0.]], dtype=float32)
    """

    def upper(size: int) -> NDArray[Any]:
        t = np.linspace(0, math.pi, size)
        return np.stack([np.cos(t), np.sin(t)], axis=1)

    return _planar("moons", [upper, lambda size: (1, 0.5) - upper(size)], n, noise, rng)


def circles(
    n: int = 200,
    *,
    noise: float = 0.05,
    factor: float = 0.5,
    rng: np.random.Generator | int | None = None,
) -> TensorDataset:
    """Make a circle of radius 1, class 0, and a smaller one within, class 1.

    Parameters
    ----------
    n : int, default=200
        Examples; the classes differ by at most one in number.
    noise : float, default=0.05
        The standard deviation of what is added to both coordinates.
    factor : float, default=0.5
        The radius of the inner circle, below 1.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x: float32 of shape (n, 2); y: int64 in 0..1, of shape (n,); in random order.

    Raises
    ------
    ValueError
        If there are fewer examples than classes, `noise` is negative, or `factor` is not within
        0 and 1.

    Examples
    --------
    >>> x, y = circles(100, noise=0, rng=0).arrays
    >>> float((x[y == 1] ** 2).sum(axis=1).max().round(3))
    0.25
    """
    if not 0 < factor < 1:
        raise ValueError(f"circles: factor is {factor}; pass a radius between 0 and 1")

    def circle(size: int, radius: float = 1.0) -> NDArray[Any]:
        t = np.linspace(0, 2 * math.pi, size, endpoint=False)
        return radius * np.stack([np.cos(t), np.sin(t)], axis=1)

    return _planar("circles", [circle, partial(circle, radius=factor)], n, noise, rng)


def spirals(
    n: int = 300,
    *,
    classes: int = 3,
    noise: float = 0.02,
    turns: float = 0.75,
    rng: np.random.Generator | int | None = None,
) -> TensorDataset:
    r"""Make arms that wind around the origin, each of another class.

    .. math:: r (\sin \phi, \cos \phi) \text{ with }
              \phi = 2 \pi (a r + c / C), \quad 0 \le r \le 1

    Parameters
    ----------
    n : int, default=300
        Examples; the classes differ by at most one in number.
    classes : int, default=3
        C, the number of arms.
    noise : float, default=0.02
        The standard deviation of what is added to both coordinates.
    turns : float, default=0.75
        a, how often an arm goes around.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x: float32 of shape (n, 2); y: int64 in 0..C-1, of shape (n,); in random order.

    Raises
    ------
    ValueError
        If there are fewer examples than classes, or `noise` is negative.

    References
    ----------
    Lang and Witbrock, "Learning to Tell Two Spirals Apart", Proceedings of the 1988 Connectionist
    Models Summer School, with two arms.

    Examples
    --------
    >>> x, y = spirals(30, rng=0).arrays
    >>> np.bincount(y)
    array([10, 10, 10])
    """

    def arm(size: int, c: int) -> NDArray[Any]:
        r = np.linspace(0, 1, size)
        phi = 2 * math.pi * (turns * r + c / classes)
        return np.stack([r * np.sin(phi), r * np.cos(phi)], axis=1)

    return _planar("spirals", [partial(arm, c=c) for c in range(classes)], n, noise, rng)


def blobs(
    n: int = 300,
    *,
    centers: int | ArrayLike = 3,
    noise: float = 1.0,
    rng: np.random.Generator | int | None = None,
) -> TensorDataset:
    """Make a normally distributed cloud for each class.

    Parameters
    ----------
    n : int, default=300
        Examples; the classes differ by at most one in number.
    centers : int, or array_like of shape (classes, features), default=3
        The centres; a number stands for as many in the plane, drawn between -10 and 10.
    noise : float, default=1.0
        The standard deviation of a cloud in each direction.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x: float32 of shape (n, features); y: int64 of shape (n,); in random order.

    Raises
    ------
    ValueError
        If there are fewer examples than classes, `noise` is negative, or `centers` is no matrix.

    Examples
    --------
    >>> x, y = blobs(1000, centers=[[0, 0, 0], [5, 5, 5]], rng=0).arrays
    >>> x[y == 1].mean(axis=0).round()
    array([5., 5., 5.], dtype=float32)
    """
    rng = generator(rng)
    if isinstance(centers, int):
        centers = rng.uniform(-10, 10, size=(centers, 2))
    points = np.asarray(centers, float)
    if points.ndim != 2:
        raise ValueError(
            f"blobs: centers has shape {points.shape}; pass one of (classes, features), or a number"
        )
    return _planar("blobs", [partial(_repeated, point) for point in points], n, noise, rng)


def sine(
    n: int = 100,
    *,
    noise: float = 0.1,
    low: float = -math.pi,
    high: float = math.pi,
    rng: np.random.Generator | int | None = None,
) -> TensorDataset:
    r"""Make noisy points of a sine, for regression: :math:`y = \sin x + \epsilon`.

    Parameters
    ----------
    n : int, default=100
    noise : float, default=0.1
        The standard deviation of epsilon.
    low, high : float, default=-pi, pi
        x is drawn uniformly between them.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x and y: float32 of shape (n, 1).

    Raises
    ------
    ValueError
        If there are no examples, or `noise` is negative.

    Examples
    --------
    >>> x, y = sine(5, noise=0, rng=0).arrays
    >>> bool(np.allclose(y, np.sin(x)))
    True
    """
    _check("sine", n, 1, noise)
    rng = generator(rng)
    x = rng.uniform(low, high, size=(n, 1))
    y = np.sin(x) + noise * rng.normal(size=(n, 1))
    return TensorDataset(x.astype(np.float32), y.astype(np.float32))


def _planar(
    where: str,
    curves: Sequence[Curve],
    n: int,
    noise: float,
    rng: np.random.Generator | int | None,
) -> TensorDataset:
    """Spread n points evenly over the curves, one for each class, blur and shuffle them."""
    classes = len(curves)
    _check(where, n, classes, noise)
    rng = generator(rng)
    sizes = [(n + classes - 1 - c) // classes for c in range(classes)]
    x = np.concatenate([curve(size) for curve, size in zip(curves, sizes, strict=True)])
    x = x + noise * rng.normal(size=x.shape)
    y = np.repeat(np.arange(classes), sizes)
    order = rng.permutation(n)
    return TensorDataset(x[order].astype(np.float32), y[order].astype(np.int64))


def _repeated(point: NDArray[Any], size: int) -> NDArray[Any]:
    return np.tile(point, (size, 1))


def _check(where: str, n: int, least: int, noise: float) -> None:
    if not 1 <= least <= n:
        raise ValueError(f"{where}: {n} examples of {least} classes; pass at least one of each")
    if not noise >= 0:
        raise ValueError(f"{where}: noise is {noise}; pass 0 or more")
