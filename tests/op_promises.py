"""What ops promise beside right numbers: range, layout, cost, memory, and what they refuse.

One row a promise; `promises` says which ops of the table a row runs.
"""

import dataclasses
import re
import tracemalloc
from functools import partial
from unittest import mock

import numpy as np

import autograd as ag
from autograd import Tensor, backprop, cost, jvp, parallel, toposort
from autograd.ops.blocks import BLOCK
from autograd.ops.linalg import product
from autograd.ops.recurrent import _aligned

OPS = ag.op_table()
HALF = np.float16


def halves(*values):
    return np.array(values, HALF)


# Narrow dtypes: what an op computes on the way may leave their range, what it returns does not.

MANY = 128 * np.resize([1.0, -1.0], 2**18)
LARGE = np.array([[300.0, -400.0, 500.0, 1000.0], [-250.0, 700.0, 350.0, 20.0]])
TINY = 2.0**-14
"""The smallest normal number of float16."""

NARROW = {
    "var_of_many": (ag.var, [MANY.astype(HALF)], None),
    "attention_of_large_products": (
        lambda q, k, v: ag.scaled_dot_product_attention(q, k, v, scale=2.0**-6),
        [(LARGE / 2**14).astype(HALF), LARGE.astype(HALF), halves([1000, 2000], [4000, -5000])],
        None,
    ),
    "bce_of_0_and_1": (
        lambda p: ag.bce(p, halves(1, 0)),
        [halves(0, 1)],
        [[-1 / TINY, 1 / TINY]],
    ),
    "batch_norm_of_many": (ag.batch_norm, [MANY[:, None].astype(HALF)], [np.zeros((len(MANY), 1))]),
    "conv2d_bias_of_many": (
        lambda b: ag.conv2d(np.zeros((5000, 1, 1, 2), HALF), np.ones((2, 1, 1, 1), HALF), b),
        [halves(1, 2)],
        [[10_000, 10_000]],
    ),
    "astype": (lambda x: x.astype("float32"), [np.array([0.5, 2.0])], None),
    **{
        name: (
            f,
            [halves([300, -800, 500, 100], [-40, 1000, 2, -600]), halves(1, 0.5, -2, 3)],
            None,
        )
        for name, f in {
            "layer_norm_of_large": ag.layer_norm,
            "rms_norm_of_large": ag.rms_norm,
            "group_norm_of_large": ag.group_norm,
            "batch_norm_of_large": ag.batch_norm,
        }.items()
    },
}
"""Name: a function, a point, and the gradients of its sum; None for those of float64."""


def pulled(f, points, create_graph=False):
    """Return the value and the gradients of its sum."""
    tensors = [Tensor(x, requires_grad=True) for x in points]
    out = f(*tensors)
    out.backward(np.ones(out.shape), create_graph=create_graph)
    return [out.data, *(t.grad.data for t in tensors)]


def check_narrow(name):
    """Values and gradients are rounded once, and have the dtype of what they belong to."""
    f, points, slopes = NARROW[name]
    (out, *found), (exact, *right) = pulled(f, points), pulled(f, [x.astype(float) for x in points])
    if slopes is None:
        slopes = right
        np.testing.assert_allclose(out, exact, np.finfo(HALF).eps / 2)
    for g, x, slope in zip(found, points, slopes, strict=True):
        assert g.dtype == x.dtype
        np.testing.assert_allclose(g, slope, np.finfo(HALF).eps / 2)
    for g, again in zip(found, pulled(f, points, create_graph=True)[1:], strict=True):
        np.testing.assert_allclose(again, g, np.finfo(HALF).eps)
    tangent = jvp(f, points, [x * HALF(0.125) for x in points])[1]
    assert tangent.dtype == out.dtype
    if NARROW[name][2] is None:
        wide = [x.astype(float) for x in points]
        right = jvp(f, wide, [x * 0.125 for x in wide])[1]
        assert abs(tangent - right).max() <= np.finfo(HALF).eps * abs(right).max()


# Mixed dtypes: what an op gives, it gives as though all inputs had been of the widest.

MIXED = {
    "layer_norm": (ag.layer_norm, [(4, 3), (3,), (3,)]),
    "rms_norm": (lambda x, weight: ag.rms_norm(x, weight, eps=0.1), [(4, 3), (3,)]),
    "group_norm": (lambda *xs: ag.group_norm(*xs, num_groups=2), [(2, 4, 3), (4,), (4,)]),
    "batch_norm": (ag.batch_norm, [(2, 3, 4), (3,), (3,)]),
}
"""Op: a function, and the shapes of its inputs, of which one is wide."""


def check_mixed(name):
    f, shapes = MIXED[name]
    for narrow, wide in ((HALF, np.float32), (np.float32, np.float64)):
        for i in range(len(shapes)):
            points = [by_rows(*shape).astype(narrow) for shape in shapes]
            points[i] = points[i].astype(wide)
            same = [x.astype(wide) for x in points]
            assert "astype" not in ops_of(OPS[name].reference, same)  # nothing to cast
            for create_graph in (False, True):
                out, *found = pulled(f, points, create_graph)
                right, *slopes = pulled(f, same, create_graph)
                assert out.dtype == wide
                np.testing.assert_array_equal(out, right)
                for g, x, slope in zip(found, points, slopes, strict=True):
                    assert g.dtype == x.dtype
                    np.testing.assert_array_equal(g, slope.astype(x.dtype))
            for moved, right in zip(jvp(f, points, points), jvp(f, same, same), strict=True):
                assert moved.dtype == wide
                np.testing.assert_array_equal(moved.data, right.data)


# Layout: gradients lie in memory as what is done with them next asks for.


def order(x):
    """The axes from the slowest to the fastest."""
    return tuple(np.argsort([-s for s in x.strides], kind="stable"))


def by_columns(*shape):
    return np.asfortranarray(by_rows(*shape))


def by_rows(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def channels_last(n, channels, *sizes):
    return np.moveaxis(by_rows(n, *sizes, channels), -1, 1)


def heads(batch, count, steps, size):
    """Heads that were split off the last axis: (batch, heads, steps, size)."""
    return by_rows(batch, steps, count, size).swapaxes(1, 2)


LAYOUT = {
    "linear_of_rows": (ag.linear, [by_rows(5, 3), by_columns(4, 3)], [by_rows]),
    "linear_of_columns": (ag.linear, [by_columns(5, 3), by_rows(4, 3)], [by_columns]),
    "attention_of_heads": (
        ag.scaled_dot_product_attention,
        [heads(2, 3, 4, 5), heads(2, 3, 6, 5), heads(2, 3, 6, 7)],
        [heads] * 3,
    ),
    "max_pool2d": (lambda x: ag.max_pool2d(x, 2), [by_rows(2, 3, 4, 6)], [channels_last]),
    "avg_pool2d": (lambda x: ag.avg_pool2d(x, 2), [by_rows(2, 3, 4, 6)], [channels_last]),
    "conv2d": (ag.conv2d, [by_rows(2, 3, 5, 4), by_rows(4, 3, 2, 2)], [channels_last]),
    "batch_norm": (ag.batch_norm, [by_rows(2, 3, 5, 4)], [channels_last]),
    "batch_norm_of_rows": (ag.batch_norm, [by_columns(5, 3)], [by_rows]),
    "gelu_tanh_of_blocks": (lambda x: ag.gelu(x, "tanh"), [by_rows(3, BLOCK)], [by_rows]),
}
"""Name: a function, a point, and how the gradients of the first inputs lie."""


def check_layout(name):
    f, points, wanted = LAYOUT[name]
    tensors = [Tensor(x, requires_grad=True) for x in points]
    out = f(*tensors)
    for g in (np.ones(out.shape), np.ones(out.shape, order="F")):
        gradients = dict(backprop(out, g))
        for t, lying in zip(tensors, wanted, strict=False):
            assert order(gradients[t]) == order(lying(*t.shape))


# Pieces: thin products of moderate size are done in four, and all others at once.

PIECES: dict[tuple[int, int, int], tuple[int, ...] | None] = {
    (64, 1568, 10): (4, 16, 10),
    (1568, 64, 10): (4, 392, 10),
    (10, 64, 1568): (10, 4, 392),
    (64, 10, 1568): (64, 4, 392),
    (200, 16, 200): (4, 50, 200),
    (64, 1024, 16): (4, 16, 16),  # the largest
    (64, 1028, 16): None,
    (64, 512, 8): None,  # small enough to be done at once
    (64, 900, 17): None,  # not thin
    (66, 1568, 10): None,  # not in four equal pieces
    (10, 64, 1570): None,
}
"""Rows, inner length and columns: what the pieces of the result are together, if there are some."""


def check_pieces(sizes):
    n, k, m = sizes
    rng = np.random.default_rng(0)
    for dtypes in ("ff", "fd", "df"):
        a, b = (
            rng.integers(-4, 5, s).astype(d) for s, d in zip(((n, k), (k, m)), dtypes, strict=True)
        )
        right, out = a @ b, product(a, b)
        assert out.dtype == right.dtype
        assert (None if out.base is None else out.base.shape) == PIECES[sizes]
        np.testing.assert_array_equal(out, right)  # integers: exact in any order
        np.testing.assert_array_equal(product(a[0], b), right[0])
        for x, y, pieces in (  # the longer one is cut, if it lies in memory by rows
            (np.asfortranarray(a), b, PIECES[sizes] if m > n else None),
            (a, np.asfortranarray(b), PIECES[sizes] if n >= m else None),
        ):
            out = product(x, y)
            assert (None if out.base is None else out.base.shape) == pieces
            np.testing.assert_array_equal(out, right)
        np.testing.assert_array_equal(product(Tensor(a), Tensor(b)).data, right)


# Cost: the operations of a backward pass. A rule takes the short way where there is one.

COST = {
    "square": (
        lambda x: x**2,
        [(5,)],
        {"ne": (1, 1), "sub": (1, 1), "pow": (1, 50), "mul": (2, 10)},
    ),
    "matmul": (ag.matmul, [(2, 3), (3, 4)], {"swapaxes": (2, 0), "matmul": (2, 78)}),
    "matmul_of_a_batch": (
        ag.matmul,
        [(5, 2, 3), (3, 4)],
        {"swapaxes": (2, 0), "matmul": (2, 210 + 228), "reshape": (2, 0)},
    ),
    "linear": (ag.linear, [(5, 3), (4, 3)], {"matmul": (2, 105 + 108), "swapaxes": (1, 0)}),
    "linear_of_a_batch": (
        ag.linear,
        [(5, 2, 3), (4, 3)],
        {"reshape": (4, 0), "matmul": (2, 210 + 228), "swapaxes": (1, 0)},
    ),
    "einsum": (
        lambda x, y: ag.einsum("ij,jk->ik", x, y),
        [(2, 3), (3, 4)],
        {"einsum": (2, 48 + 48)},
    ),
    "einsum_of_rows": (
        lambda x, y: ag.einsum("ij,ij->i", x, y),
        [(2, 3), (2, 3)],
        {"einsum": (2, 12 + 12)},
    ),
    "einsum_of_a_diagonal": (lambda x: ag.einsum("ii->i", x), [(3, 3)], {"einsum": (1, 18)}),
    "max_kept": (
        lambda x: ag.max(x, axis=1, keepdims=True),
        [(2, 3)],
        {"eq": (1, 6), "astype": (1, 0), "sum": (1, 6), "div": (1, 6), "mul": (1, 6)},
    ),
    "var": (ag.var, [(6,)], {"mean": (1, 6), "sub": (1, 6), "div": (1, 6), "mul": (2, 12)}),
}
"""Name: a function, the shapes of its inputs, and by op the calls and operations to go back."""


def check_cost(name):
    f, shapes, wanted = COST[name]
    back = cost(f, *(np.full(shape, 1.5) for shape in shapes)).reverse
    assert {name: (back.calls[name], flops) for name, flops in back.flops.items()} == wanted


# Blocks: between a large input and its gradient lies one block, at most.

BLOCKWISE = ("gelu", "gelu_tanh", "silu")


def check_blocks(name):
    op = OPS[name]
    x = np.full(8 * BLOCK, 0.5, np.float32)
    out, small = (op(Tensor(a, requires_grad=True)) for a in (x, x[:BLOCK]))
    np.testing.assert_array_equal(out.data[:BLOCK], small.data)
    tracemalloc.start()
    try:
        op.shared(out.data, out.data, out.saved, x, **out.params)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes + 1.1 * x[:BLOCK].nbytes
    assert isinstance(op(np.float64(0.5)), np.float64)  # and what has no axes is a scalar


# Parts: on several cores each takes its part of a batch, and the result is that of the whole.


def check_parts(name):
    rng = np.random.default_rng(0)
    x, params = rng.integers(-2, 3, (5, 3, 6, 7)).astype(float), {"kernel_size": (3, 2)}
    out, saved = OPS[name].forward(x, **params, stride=None, padding=0, dilation=1)
    g = rng.standard_normal(out.shape)
    rule = partial(OPS[name].shared, g, out, saved, x, **params, stride=None, padding=0, dilation=1)
    whole = rule()
    with (
        mock.patch.multiple(parallel, PART=1, _cores=lambda: 3),
        mock.patch.object(parallel._free_cores, "count", return_value=0),
    ):
        np.testing.assert_array_equal(rule(), whole)


# Alignment: what a recurrence computes on again and again begins where a line of the cache does.


def check_aligned(dtype):
    arrays = [_aligned((n, 3), dtype) for n in range(1, 20)]
    for n, a in enumerate(arrays, 1):
        assert (a.shape, a.dtype) == ((n, 3), dtype)
        assert a.flags.c_contiguous
        assert a.ctypes.data % 64 == 0
        a[...] = n  # nobody else's memory
    assert all((a == n).all() for n, a in enumerate(arrays, 1))


# What is written beside the result: batch_norm's moments, by the op and by its reference.

MODES = {"op": lambda f, x: f(x), "reference": lambda f, x: jvp(f, [x], [x])}


def check_moments(mode):
    x = by_rows(4, 3, 5)
    mean, variance = np.zeros((2, 3))
    MODES[mode](lambda x: ag.batch_norm(x, moments=(mean, variance)), x)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2)), 1e-13)
    np.testing.assert_allclose(variance, x.var(axis=(0, 2)), 1e-13)


# What is kept for the backward pass: where the output will do, the input may be let go or changed.

OUTPUT_ALONE = ("exp", "log_softmax", "relu", "selu", "sigmoid", "softmax", "sqrt", "tanh")
"""Ops whose rules read no value but that of the output."""


def check_reads_output_alone(name):
    fresh = dataclasses.replace(OPS[name])  # what an op reads is read off the code but once
    assert (fresh.reads(0), fresh.reads("out")) == (False, True)


# Refusals: what an op refuses, it refuses by name, and so does its reference.

IMAGE, LINE = np.ones((1, 4, 5, 5)), np.ones((1, 4, 5))
REFUSED = {
    "max_pool2d": [
        ([IMAGE], {"kernel_size": 0}, "max_pool2d: kernel_size is 0; pass an int of 1 or more"),
        ([IMAGE], {"kernel_size": 2, "stride": 0}, "max_pool2d: stride is 0; pass an int of 1"),
        ([IMAGE], {"kernel_size": 2, "padding": -1}, "max_pool2d: padding is -1; pass an int of 0"),
        ([IMAGE], {"kernel_size": 2, "dilation": 0}, "max_pool2d: dilation is 0; pass an int of 1"),
        ([IMAGE], {"kernel_size": (2, 2, 2)}, "max_pool2d: kernel_size is .* or 2 of them"),
        ([IMAGE], {"kernel_size": 2, "padding": 2}, r"padding \(2, 2\) is more than half"),
        ([IMAGE], {"kernel_size": 6}, r"a kernel of size \(6, 6\) does not fit"),
    ],
    "avg_pool2d": [
        ([IMAGE], {"kernel_size": 0}, "avg_pool2d: kernel_size is 0; pass an int of 1 or more"),
        ([IMAGE], {"kernel_size": 2, "stride": 0}, "avg_pool2d: stride is 0; pass an int of 1"),
        ([IMAGE], {"kernel_size": 2, "padding": -1}, "avg_pool2d: padding is -1; pass an int of 0"),
    ],
    "adaptive_avg_pool2d": [
        ([IMAGE], {"output_size": 0}, r"adaptive_avg_pool2d: output_size is \(0, 0\); pass an int"),
    ],
    "conv_transpose2d": [
        (
            [IMAGE, np.ones((4, 2, 2, 2))],
            {"output_padding": -1},
            "conv_transpose2d: output_padding is -1; pass an int of 0 or more",
        ),
        (
            [IMAGE, np.ones((4, 2, 2, 2))],
            {"output_padding": 2, "stride": 2},
            r"output_padding \(2, 2\) must be less",
        ),
    ],
    "layer_norm": [
        ([LINE, np.ones(4)], {}, r"layer_norm: x of shape .* does not end in .* \(4,\)"),
        (
            [LINE, np.ones(4), np.ones(5)],
            {"normalized_shape": 5},
            r"layer_norm: weight of shape \(4,\) is not",
        ),
        ([LINE, np.ones(5), np.ones(4)], {}, r"layer_norm: bias of shape \(4,\) is not"),
        ([LINE], {}, "layer_norm: without a weight, say which axes"),
    ],
    "rms_norm": [
        (
            [LINE, np.ones(4)],
            {"normalized_shape": 5},
            r"rms_norm: weight of shape \(4,\) is not",
        ),
    ],
}
"""Op: inputs and parameters that it refuses, and what the message says."""


def check_refusals(name):
    op = OPS[name]
    for inputs, params, message in REFUSED[name]:
        for f in filter(None, (op, op.reference)):
            try:
                f(*inputs, **params)
            except ValueError as error:
                assert re.search(message, str(error)), error
            else:
                raise AssertionError(f"{name} takes {params} for inputs of such shapes")


def ops_of(f, points):
    """Return the names of the ops that a row runs."""
    return {t.op.name for t in toposort(f(*(Tensor(x, requires_grad=True) for x in points)))}


def promises():
    """Yield (ops that a row runs, check, name of the row)."""
    for table, check in ((NARROW, check_narrow), (LAYOUT, check_layout)):
        for name, (f, points, _) in table.items():
            yield ops_of(f, points), check, name
    for name, (f, shapes, _) in COST.items():
        yield ops_of(f, map(np.ones, shapes)), check_cost, name
    for sizes in PIECES:
        yield {"linear"}, check_pieces, sizes
    for name in MIXED:
        yield {name}, check_mixed, name
    for name in BLOCKWISE:
        yield {name}, check_blocks, name
    yield {"max_pool2d"}, check_parts, "max_pool2d"
    for dtype in ("float32", "float64"):
        yield {"rnn", "lstm", "gru"}, check_aligned, dtype
    for mode in MODES:
        yield {"batch_norm"}, check_moments, mode
    for name in OUTPUT_ALONE:
        yield {name}, check_reads_output_alone, name
    for name in REFUSED:
        yield {name}, check_refusals, name
