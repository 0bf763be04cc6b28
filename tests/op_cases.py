"""The table of (op, inputs, parameters) that drives the tests of every op.

Here stand the rows of the first ops; the others are in op_cases_*.py, by group.
"""

import numpy as np

from tests.op_case import (
    AXES,
    ELEMENTWISE,
    OPS,
    Case,
    apart,
    apart_too,
    binary,
    boolean,
    classes,
    positive,
    real,
    reduction,
    rows,
    unary,
)
from tests.op_cases_attention import CASES as ATTENTION_CASES
from tests.op_cases_control import CASES as CONTROL_CASES
from tests.op_cases_convolution import CASES as CONVOLUTION_CASES
from tests.op_cases_elementwise import CASES as ELEMENTWISE_CASES
from tests.op_cases_linalg import CASES as LINALG_CASES
from tests.op_cases_normalization import CASES as NORMALIZATION_CASES
from tests.op_cases_recurrent import CASES as RECURRENT_CASES
from tests.op_cases_reduction import CASES as REDUCTION_CASES
from tests.op_cases_shape import CASES as SHAPE_CASES


def clipped(x, min=-np.inf, max=np.inf):
    return np.where(x.real < min, min, np.where(x.real > max, max, x))


def spread(x, axis=None, keepdims=False, ddof=0):
    """The variance without the absolute value that NumPy takes of complex numbers."""
    mean = x.mean(axis=axis, keepdims=True)
    n = x.size // mean.size if mean.size else x.shape[axis]
    return ((x - mean) ** 2).sum(axis=axis, keepdims=keepdims) / (n - ddof)


def put(x, value, index):
    out = np.array(x, dtype=np.result_type(x, value))
    out[index] = value
    return out


def entropy(x, target, reduction="mean"):
    losses = np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), target]
    return losses if reduction == "none" else getattr(losses, reduction)()


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def affine(x, weight, bias=0.0):
    return np.einsum("...i,oi->...o", x, weight) + bias


INDICES = (
    1,
    -1,
    slice(None, None, -1),
    (slice(1, None), None, ..., slice(None, None, 2)),
    (..., 0),
    np.array([1, 1, 0, 1]),
    (slice(None), np.array([[0, 2], [2, 2]])),
    (np.array([1, 0]), slice(None), np.array([3, 3])),
    (np.array([0, 1]), np.array([-1, 0]), None),
    np.array([True, False]),
    np.arange(24).reshape(2, 3, 4) % 5 == 0,
    (slice(0, 0),),
    (1, 2, 3),
)
"""Every form of index, for an array of shape (2, 3, 4)."""

CASES = [
    # elementwise
    *binary("add", real, real),
    *binary("sub", real, real),
    *binary("mul", real, real),
    *binary("div", real, positive),
    *binary("pow", positive, real),
    *binary("maximum", apart, apart_too, lambda x, y: np.where(x.real > y.real, x, y)),
    *binary("minimum", apart, apart_too, lambda x, y: np.where(x.real < y.real, x, y)),
    *unary("neg", real),
    *unary("positive", real),
    *unary("exp", real),
    *unary("log", positive),
    *unary("sqrt", positive),
    *unary("sin", real),
    *unary("cos", real),
    *unary("tanh", real),
    *unary("sigmoid", real, lambda x: 1 / (1 + np.exp(-x))),
    *unary("relu", apart, lambda x: np.where(x.real > 0, x, 0)),
    *unary("sign", apart, lambda x: np.where(x.real > 0, 1, -1) + 0 * x),
    *unary("abs", apart, lambda x: np.where(x.real > 0, x, -x)),
    *unary("clip", apart, clipped, min=-0.3, max=0.5),
    *unary("clip", apart, clipped, max=0.25),
    *unary("clip", apart, clipped, min=-0.25),
    *[
        Case(OPS["where"], (boolean(*condition), real(*x), real(*y)))
        for condition, x, y in [
            ((2, 3), (2, 3), (2, 3)),
            ((3,), (2, 1), ()),
            ((2, 1), (), (1, 4)),
            ((), (), ()),
            ((0, 3), (3,), (1, 1)),
        ]
    ],
    # reductions
    *reduction("sum", empty=[((0, 3), {}), ((0, 3), {"axis": 0}), ((), {"axis": 0})]),
    *reduction("mean"),
    *reduction("max", apart),
    *reduction("min", apart),
    *reduction("var", real, spread),
    *rows("var", *[([(2, 3, 4)], {"axis": a, "ddof": 1}) for a in (None, (0, 2))], twin=spread),
    *rows(
        "std",
        *[([s], a) for s, a in AXES if s not in [(), (2, 1)]],  # constant: 0, a kink
        *[([(2, 3, 4)], {"axis": a, "ddof": 1}) for a in (None, -1)],
        twin=lambda x, **params: np.sqrt(spread(x, **params)),
    ),
    *reduction(
        "logsumexp",
        real,
        lambda x, axis=None, keepdims=False: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
    ),
    # linear algebra
    *rows(
        "matmul",
        *[
            (shapes, {})
            for shapes in [
                [(2, 3), (3, 4)],
                [(3,), (3,)],
                [(2, 3), (3,)],
                [(3,), (3, 4)],
                [(5, 2, 3), (3, 4)],
                [(2, 3), (5, 3, 4)],
                [(5, 1, 2, 3), (6, 3, 4)],
                [(5, 2, 3), (3,)],
                [(3,), (5, 3, 4)],
                [(1, 2, 3), (5, 3, 1)],
                [(0, 3), (3, 4)],
                [(2, 0), (0, 4)],
                [(0, 2, 3), (3, 4)],
                [(0,), (0,)],
                [(2, 3, 0), (0, 4)],
                [(2, 2, 3), (3, 0)],
                [(2, 0, 3), (2, 3, 4)],
            ]
        ],
    ),
    *rows(
        "einsum",
        *[
            (shapes, {"subscripts": subscripts})
            for subscripts, *shapes in [
                ("ij,jk->ik", (2, 3), (3, 4)),
                ("ij,jk", (2, 3), (3, 4)),
                ("ji", (2, 3)),  # implicit output: sorted letters, so a transpose
                ("ii->", (3, 3)),
                ("ii", (3, 3)),
                ("ii->i", (3, 3)),
                ("iij->j", (2, 2, 3)),
                ("iii->i", (2, 2, 2)),
                ("ij->", (2, 3)),
                ("ij->j", (2, 3)),
                ("i,i->i", (3,), (3,)),
                ("i,j->", (2,), (3,)),
                ("i,->i", (3,), ()),
                (",->", (), ()),
                ("ii,ij->j", (2, 2), (2, 3)),
                ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
                ("bij,bjk->bik", (2, 2, 3), (2, 3, 4)),
                ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
                ("...i,i", (2, 4, 3), (3,)),
                ("i...->...", (2, 3, 4)),
                ("...ii->...i", (2, 3, 3)),
                ("ij,ij->i", (2, 3), (1, 3)),  # an axis of length one broadcasts
                ("ij,ij->i", (2, 3), (2, 1)),
                ("ij, jk -> ik", (2, 3), (3, 1)),
                ("b...,b->...", (2, 3), (2,)),
                ("ij,jk->ik", (0, 3), (3, 4)),
                ("ij->i", (2, 0)),
            ]
        ],
    ),
    # shape
    *rows(
        "reshape",
        ([(2, 3)], {"shape": (3, 2)}),
        ([(2, 3)], {"shape": -1}),
        ([()], {"shape": (1, 1)}),
        ([(1,)], {"shape": ()}),
        ([(0, 3)], {"shape": (3, 0)}),
    ),
    *rows(
        "transpose",
        ([(2, 3)], {}),
        ([(2, 3, 4)], {"axes": (2, 0, 1)}),
        ([(2, 3, 4)], {"axes": (-1, 0, 1)}),
        ([()], {}),
        ([(0, 3)], {}),
    ),
    *rows(
        "swapaxes",
        ([(2, 3, 4)], {"axis1": 0, "axis2": -1}),
        ([(0, 3)], {"axis1": 0, "axis2": 1}),
    ),
    *rows(
        "squeeze",
        ([(1, 3, 1)], {}),
        ([(1, 3, 1)], {"axis": -1}),
        ([(1, 3, 1)], {"axis": (0, 2)}),
        ([(1, 1)], {}),
        ([(1, 0)], {"axis": 0}),
        ([()], {}),
    ),
    *rows(
        "expand_dims",
        ([(3,)], {"axis": 0}),
        ([(2, 3)], {"axis": (0, -1)}),
        ([()], {"axis": 0}),
        ([(0,)], {"axis": 1}),
    ),
    *rows(
        "broadcast_to",
        ([(3, 1)], {"shape": (2, 3, 4)}),
        ([()], {"shape": (2, 3)}),
        ([(2, 3)], {"shape": (2, 3)}),
        ([(1, 3)], {"shape": (0, 3)}),
        ([(3,)], {"shape": (0, 3)}),
    ),
    *rows(
        "concatenate",
        ([(2, 3), (1, 3), (2, 3)], {"axis": 0}),
        ([(2, 3), (2, 1)], {"axis": -1}),
        ([(0, 3), (2, 3)], {"axis": 0}),
        ([(2, 3)], {"axis": 0}),
    ),
    *rows(
        "stack",
        ([(2, 3), (2, 3), (2, 3)], {"axis": 0}),
        ([(2, 3), (2, 3)], {"axis": -1}),
        ([(2, 3), (2, 3)], {"axis": 1}),
        ([(), ()], {"axis": 0}),
        ([(0,), (0,)], {"axis": 1}),
    ),
    *rows(
        "astype", *[([s], {"dtype": np.dtype("f8")}) for s in ELEMENTWISE], twin=lambda x, dtype: x
    ),
    # index
    *rows("getitem", *[([(2, 3, 4)], {"index": index}) for index in INDICES]),
    *rows(
        "getitem", ([()], {"index": ()}), ([()], {"index": None}), ([(0, 3)], {"index": (..., 1)})
    ),
    *[
        Case(
            OPS["embed"],
            (real(*np.empty((2, 3, 4))[index].shape),),
            {"shape": (2, 3, 4), "index": index},
        )
        for index in INDICES
    ],
    *rows("embed", ([()], {"shape": (2, 3), "index": np.array([0, 0])})),  # x stretched over x[i]
    *rows(
        "setitem",
        ([(2, 3), (3,)], {"index": 1}),
        ([(2, 3), ()], {"index": (slice(None), slice(None, None, 2))}),
        ([(2, 3), (2, 1)], {"index": (slice(None), np.array([2, 0]))}),
        ([(2, 3), (3,)], {"index": np.array([[True, False, True], [False, True, False]])}),
        ([(2, 3), (1, 3)], {"index": slice(0, 0)}),
        ([(3,), ()], {"index": -1}),
        ([(2, 3), (1, 1, 3)], {"index": 1}),  # leading axes of length one, which x[i] has not
        twin=put,
    ),
    # fused
    *rows(
        "linear", *[([s, (4, 3), (4,)], {}) for s in ((3,), (2, 3), (5, 2, 3), (0, 3))], twin=affine
    ),
    *rows("linear", *[([s, (4, s[-1])], {}) for s in ((2, 3), (5, 2, 0))], twin=affine),
    *[
        Case(OPS[name], (real(*shape),), params, twin)
        for name, twin in [
            ("softmax", softmax),
            ("log_softmax", lambda x, axis=-1: np.log(softmax(x, axis))),
        ]
        for shape, params in [
            ((3,), {}),
            ((2, 3), {"axis": 0}),
            ((2, 3, 2), {}),
            ((0, 3), {}),
            ((2, 0), {}),
        ]
    ],
    *[
        Case(OPS["cross_entropy"], (real(n, 4), classes(n, count=4)), params, entropy)
        for n, params in [
            (3, {}),
            (3, {"reduction": "sum"}),
            (3, {"reduction": "none"}),
            (1, {}),
            (0, {"reduction": "sum"}),
        ]
    ],
    *ELEMENTWISE_CASES,
    *REDUCTION_CASES,
    *SHAPE_CASES,
    *LINALG_CASES,
    *CONTROL_CASES,
    *ATTENTION_CASES,
    *NORMALIZATION_CASES,
    *RECURRENT_CASES,
    *CONVOLUTION_CASES,
]
