"""Rows for reductions, scans and order."""

import numpy as np

from tests.op_case import AXES, OPS, Case, apart, real, reduction, rows, sampler


@sampler
def with_zeros(rng, shape):
    x = rng.uniform(0.5, 1.5, shape)
    return np.where(rng.random(shape) < 0.3, 0, x)


@sampler
def same(rng, shape):
    return np.ones(shape)


@sampler
def ties(rng, shape):
    """Sorted along the first axis, with repeats."""
    return np.sort(rng.integers(0.0, 3, shape), axis=0).astype(float)


def norm(x, axis=None, keepdims=False, ord=2):
    size = np.where(x.real > 0, x, -x)
    if np.isinf(ord):
        best = size.real.max(axis=axis, keepdims=True) * np.sign(ord)
        if ord < 0:
            best = size.real.min(axis=axis, keepdims=True)
        return (size * (size.real == best)).sum(axis=axis, keepdims=keepdims)
    return (size**ord).sum(axis=axis, keepdims=keepdims) ** (1 / ord)


def in_order(x, axis=-1, descending=False):
    order = np.argsort(x.real, axis=axis)
    out = np.take_along_axis(x, order, axis)
    return np.flip(out, axis) if descending else out


def average(x, keys, axis):
    same = np.moveaxis(keys, axis, -1)[..., None] == np.moveaxis(keys, axis, -1)[..., None, :]
    weights = same / same.sum(axis=-1, keepdims=True)
    moved = np.einsum("...ij,...j->...i", weights, np.moveaxis(x, axis, -1))
    return np.moveaxis(moved, -1, axis)


SCANS = [
    ([(5,)], {}),
    ([(2, 3)], {}),
    ([(2, 3, 4)], {"axis": 1}),
    ([(2, 5)], {"axis": -1}),
    ([()], {}),
    ([(1,)], {"axis": 0}),
    ([(2, 0)], {"axis": 1}),
    ([(0, 3)], {"axis": 1}),
]

NOT_EMPTY = [([s], a) for s, a in AXES if np.prod(s) > 0]

CASES = [
    *reduction("prod", real, empty=[((0, 3), {}), ((0, 3), {"axis": 0})]),
    *rows("prod", ([(2, 3, 4)], {"axis": 0}), ([()], {"axis": 0}), ([()], {"axis": -1})),
    *rows("prod", ([(2, 5)], {}), ([(5, 3)], {"axis": 0}), draw=with_zeros),
    *reduction("vector_norm", apart, norm),
    *[
        case
        for ord in (1, 3, 2.5, np.inf, -np.inf)
        for case in rows(
            "vector_norm", *[(s, {**a, "ord": ord}) for s, a in NOT_EMPTY], draw=apart, twin=norm
        )
    ],
    *rows("cumsum", *SCANS),
    *rows("cumprod", *SCANS),
    *rows("cumprod", ([(2, 7)], {"axis": 1}), ([(7,)], {"axis": 0}), draw=with_zeros),
    *rows(
        "logcumsumexp", *SCANS, twin=lambda x, axis=None: np.log(np.cumsum(np.exp(x), axis=axis))
    ),
    *rows(
        "sort",
        ([(5,)], {}),
        ([(2, 3, 4)], {"axis": 1}),
        ([(3, 4)], {"axis": -1, "descending": True}),
        ([(0, 3)], {"axis": 0}),
        ([(0, 3)], {"axis": 1}),
        draw=apart,
        twin=in_order,
    ),
    *[
        Case(OPS["average_ties"], (real(*shape), ties(*shape)), {"axis": 0}, average)
        for shape in [(6,), (5, 3), (1, 2), (0, 3)]
    ],
    Case(OPS["average_ties"], (same(4), ties(4)), {"axis": 0}, average),  # ties of x say nothing
]
