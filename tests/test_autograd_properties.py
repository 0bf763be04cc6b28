"""What holds for every input: laws of the gradient, tried by Hypothesis on many."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
from autograd import Tensor, backprop, jvp

settings.register_profile("gradwalk", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("gradwalk")

numbers = st.floats(-3, 3, width=16)  # few digits: sums of them are exact in float64
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
full_shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


def arrays(shape=shapes, dtype=np.float64):
    return hnp.arrays(dtype, shape, elements=numbers)


def pulled(f, x, g):
    """Return the gradient of <g, f> at x."""
    x = Tensor(x, requires_grad=True)
    f(x).backward(g)
    return x.grad.data


FUNCTIONS = {
    "tanh": np.tanh,
    "product": lambda x: x * x * 0.5 + x,
    "softmax": lambda x: ag.softmax(x, axis=0),
    "std": lambda x: x - ag.std(x, axis=0),
    "max": lambda x: x * ag.max(x, axis=-1, keepdims=True),
    "relu": ag.relu,
    "index": lambda x: x[::-1] * x[:1],
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@given(data=st.data())
def test_vjp_is_linear_in_the_incoming_gradient(f, data):
    x = data.draw(arrays(full_shapes))
    g, h = (data.draw(arrays(x.shape)) for _ in range(2))
    together = pulled(f, x, 2 * g - 3 * h)
    apart = 2 * pulled(f, x, g) - 3 * pulled(f, x, h)
    np.testing.assert_allclose(together, apart, rtol=1e-12, atol=1e-12)


@functions
@given(data=st.data())
def test_jvp_is_linear_in_the_tangent(f, data):
    x = data.draw(arrays(full_shapes))
    v, w = (data.draw(arrays(x.shape)) for _ in range(2))

    def along(v):
        return jvp(f, (x,), (v,))[1].data

    np.testing.assert_allclose(along(2 * v - 3 * w), 2 * along(v) - 3 * along(w), 1e-12, 1e-12)


@functions
@given(data=st.data())
def test_forward_and_reverse_mode_are_transposes(f, data):
    x = data.draw(arrays(full_shapes))
    u, v = (data.draw(arrays(x.shape)) for _ in range(2))
    left = (u * jvp(f, (x,), (v,))[1].data).sum()
    right = (pulled(f, x, u) * v).sum()
    # at a kink too: both modes take the same slope
    np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11)


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3),
    st.sampled_from([np.add, np.subtract, np.multiply, np.maximum, np.divide]),
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.booleans(),
)
def test_gradients_have_the_shape_and_dtype_of_their_value(shapes, f, dtype, create_graph):
    x, y = (Tensor(np.full(s, 2.0), requires_grad=True, dtype=dtype) for s in shapes.input_shapes)
    out = f(x, y)
    out.backward(np.ones(out.shape), create_graph=create_graph)
    assert out.shape == shapes.result_shape
    for t in (x, y):
        assert (t.grad.shape, t.grad.dtype) == (t.shape, t.dtype)


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), st.data()
)
def test_broadcasting_is_the_same_as_stretching_first(shapes, data):
    x, y = (data.draw(arrays(s)) for s in shapes.input_shapes)
    g = data.draw(arrays(shapes.result_shape))

    def stretched(x):
        return ag.broadcast_to(x, shapes.result_shape) * ag.broadcast_to(
            Tensor(y), shapes.result_shape
        )

    np.testing.assert_allclose(pulled(lambda x: x * y, x, g), pulled(stretched, x, g), 1e-12, 1e-12)


@given(st.data())
def test_gradients_of_repeated_indices_add_up(data):
    n = data.draw(st.integers(1, 6))
    index = data.draw(hnp.arrays(np.int64, st.integers(0, 8), elements=st.integers(-n, n - 1)))
    x, g = np.arange(float(n)), data.draw(arrays(index.shape))
    expected = np.zeros(n)
    for i, part in zip(index, g, strict=True):
        expected[i] += part
    np.testing.assert_allclose(pulled(lambda x: x[index], x, g), expected, atol=1e-12)
    assert pulled(lambda x: x[index], x, np.ones(index.shape)).sum() == index.size


@given(st.data())
def test_any_basic_index_picks_and_puts_back_the_same_elements(data):
    x = data.draw(arrays())
    index = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True))
    out = Tensor(x)[index]
    np.testing.assert_array_equal(out.data, x[index])
    mask = np.zeros(x.shape)
    mask[index] = 1
    np.testing.assert_array_equal(pulled(lambda x: x[index], x, np.ones(out.shape)), mask)


@given(st.data())
def test_any_integer_index_agrees_with_numpy(data):
    x = data.draw(arrays(full_shapes))
    index = data.draw(hnp.integer_array_indices(x.shape))
    out = Tensor(x)[index]
    np.testing.assert_array_equal(out.data, x[index])
    counts = np.zeros(x.shape)
    np.add.at(counts, index, 1)
    np.testing.assert_array_equal(pulled(lambda x: x[index], x, np.ones(out.shape)), counts)


@given(arrays(full_shapes), st.floats(-50, 50))
def test_softmax_sums_to_one_and_ignores_a_shift(x, shift):
    p = ag.softmax(Tensor(x)).data
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(ag.softmax(Tensor(x + shift)).data, p, rtol=1e-13)
    np.testing.assert_allclose(np.exp(ag.log_softmax(Tensor(x)).data), p, rtol=1e-13)


@given(arrays(full_shapes), st.data())
def test_gradients_of_softmax_and_of_what_ignores_a_shift_sum_to_zero(x, data):
    g = data.draw(arrays(x.shape))
    for f in (ag.softmax, ag.log_softmax, lambda x: x - ag.logsumexp(x, axis=-1, keepdims=True)):
        np.testing.assert_allclose(pulled(f, x, g).sum(axis=-1), 0, atol=1e-12)


@given(st.data())
def test_gradients_of_cross_entropy_sum_to_zero_and_agree_with_its_reference(data):
    n, k = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    x = data.draw(arrays((n, k)))
    target = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    found = pulled(lambda x: ag.cross_entropy(x, target), x, 1.0)
    composed = pulled(lambda x: -ag.log_softmax(x)[np.arange(n), target].mean(), x, 1.0)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose(found, composed, rtol=1e-13, atol=1e-15)


@given(arrays(full_shapes), st.data())
def test_weights_of_max_and_mean_sum_to_one(x, data):
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    for f in (ag.max, ag.min, ag.mean, ag.logsumexp):
        out = f(Tensor(x), axis=axis)
        g = pulled(lambda x, f=f: f(x, axis=axis), x, np.ones(out.shape))
        assert (g >= 0).all()
        np.testing.assert_allclose(g.sum(axis=axis), 1, rtol=1e-14)


@given(arrays(full_shapes), st.data())
def test_a_permutation_of_the_batch_permutes_the_gradient(x, data):
    order = np.array(data.draw(st.permutations(range(len(x)))))
    g = data.draw(arrays(x.shape))
    for f in (np.tanh, ag.softmax, lambda x: x - ag.max(x, axis=0)):
        there = pulled(f, x[order], g[order])
        if x.ndim > 1 or f is np.tanh:  # softmax of one axis mixes the batch
            np.testing.assert_allclose(there, pulled(f, x, g)[order], rtol=1e-12, atol=1e-13)


@given(arrays(), st.integers(1, 6))
def test_gradients_add_up_over_uses_and_over_calls(x, times):
    t = Tensor(x, requires_grad=True)
    total = sum((t * k for k in range(1, times)), start=t * 0)
    for calls in (1, 2):
        total.backward(np.ones(x.shape))
        np.testing.assert_array_equal(
            t.grad.data, np.full(x.shape, calls * times * (times - 1) / 2)
        )


@given(arrays(), st.integers(0, 2**20 - 1))
def test_a_graph_of_shared_nodes_is_walked_once(x, bits):
    """2**20 paths through 20 diamonds; each node comes once, with its final gradient."""
    assume(x.size)
    t = Tensor(x, requires_grad=True)
    y, factor = t, 1.0
    for k in range(20):
        y, factor = (y + y, 2 * factor) if bits >> k & 1 else (y * 0.5 + y * 0.5, factor)
    steps = list(backprop(y, np.ones(x.shape)[()]))
    assert len(steps) == len({id(node) for node, _ in steps}) <= 61
    np.testing.assert_array_equal(steps[-1][1], np.full(x.shape, factor))


@given(arrays(), arrays())
def test_inputs_are_never_written_to(x, g):
    assume(x.shape == g.shape or g.ndim == 0)
    g = np.broadcast_to(g, x.shape)
    x.flags.writeable = False
    before = x.copy()
    for f in (np.tanh, ag.relu, lambda x: x + x, lambda x: x.reshape(-1).reshape(x.shape)):
        t = ag.as_tensor(x).requires_grad_()
        y = f(t)
        y.backward(g)
        y.backward(g)
        np.testing.assert_array_equal(x, before)
        assert not np.shares_memory(t.grad.data, x)
