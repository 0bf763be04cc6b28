"""Blocks: large arrays, in any layout, give what small ones give."""

import numpy as np
import pytest
from scipy import special

import autograd as ag
from autograd import Tensor
from autograd.ops.blocks import BLOCK, blockwise

LARGE = (3, BLOCK // 2 + 7)


@blockwise(outputs=2, scratch=1)
def square_and_cube(square, cube, copy, x, y, *, factor):
    copy[...] = x
    np.multiply(copy, y, out=square)
    square *= factor
    np.multiply(square, x, out=cube)


def layouts(x):
    return {
        "rows": x.copy(),
        "columns": np.asfortranarray(x),
        "reversed": x[::-1, ::-1].copy()[::-1, ::-1],
        "strided": np.repeat(x, 2, axis=1)[:, ::2],
        "broadcast": np.broadcast_to(x[:, :1], x.shape),
    }


@pytest.mark.parametrize("second", ["rows", "columns"])
@pytest.mark.parametrize("first", list(layouts(np.ones((1, 1)))))
def test_every_layout_gives_the_same(first, second):
    x = layouts(np.random.default_rng(0).standard_normal(LARGE))[first]
    y = layouts(np.random.default_rng(1).standard_normal(LARGE))[second]
    for a in (x, y):
        a.flags.writeable = False
    square, cube = square_and_cube(x, y, factor=2.0)
    np.testing.assert_array_equal(square, x * y * 2.0)
    np.testing.assert_array_equal(cube, x * y * 2.0 * x)


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_the_last_block_may_be_short(size):
    x = np.arange(size, dtype=np.float32)
    square, _ = square_and_cube(x, x, factor=1.0)
    assert square.dtype == np.float32
    np.testing.assert_array_equal(square, x * x)


def test_what_has_no_axes_gives_scalars():
    assert isinstance(square_and_cube(np.float32(3), np.float32(3), factor=1.0)[0], np.float32)


@pytest.mark.parametrize("shape", [(2 * BLOCK + 3,), (999,), (3,)])
def test_the_normal_distribution_of_float32_is_good_to_its_last_digit(shape):
    x = np.linspace(-13, 13, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    exact = special.ndtr(x.astype(np.float64))
    out = ag.ndtr(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, exact, rtol=0, atol=1.5e-7)
    tail = (x > -5) & (x < 0)  # where 1 + erf has lost its digits
    np.testing.assert_allclose(out[tail], exact[tail], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sigmoid_of_many_numbers_is_that_of_few(dtype):
    x = np.linspace(-60, 60, 5001, dtype=dtype)
    exact = special.expit(x.astype(np.float64))
    np.testing.assert_allclose(ag.sigmoid(x), exact, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(
        ag.sigmoid(np.repeat([-1000, 1000], 600).astype(dtype))[::600], [0, 1]
    )


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish", "softplus"])
def test_large_arrays_give_what_small_ones_give(name):
    op = ag.op_table()[name]
    data = np.linspace(-9, 9, 2 * BLOCK + 3)
    large, small = Tensor(data, requires_grad=True), Tensor(data[:999], requires_grad=True)
    op(large).sum().backward()
    op(small).sum().backward()
    np.testing.assert_allclose(op(data)[:999], op(data[:999]), rtol=1e-14)
    np.testing.assert_allclose(large.grad.data[:999], small.grad.data, rtol=1e-13)


def test_far_out_nothing_overflows():
    for dtype, far in [(np.float16, 6e4), (np.float32, 1e30), (np.float64, 1e300)]:
        x = Tensor(np.repeat([-far, far], 2000).astype(dtype), requires_grad=True)
        for f in (ag.gelu, lambda x: ag.gelu(x, "tanh"), ag.silu, ag.mish, ag.softplus, ag.sigmoid):
            out = f(x)
            out.backward(np.ones(out.shape))
            assert np.isfinite(out.data).all()
        assert np.isfinite(x.grad.data).all()


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish", "softplus", "sigmoid"])
def test_integers_are_taken_as_float64(name):
    op = ag.op_table()[name]
    for x in (
        np.arange(-3, 4),
        np.array([True, False]),
        np.int64(2),
        np.arange(-2000, 2000) // 100,
    ):
        out = op(x)
        assert out.dtype == np.float64
        np.testing.assert_array_equal(out, op(np.asarray(x, np.float64)))
