"""Attention and rotary positions beyond the table of ops: masks, dropout, layout, refusals."""

import numpy as np
import pytest

from autograd import (
    Tensor,
    attention_weights,
    backprop,
    gradcheck,
    rope,
    scaled_dot_product_attention,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def heads(*shape, seed=0):
    return [Tensor(normal(*shape, seed=seed + i), requires_grad=True) for i in range(3)]


@pytest.mark.parametrize("t", range(4))
def test_a_causal_mask_has_exactly_no_gradient_to_the_future(t):
    q, k, v = heads(2, 4, 3)
    scaled_dot_product_attention(q, k, v, is_causal=True)[:, t].sum().backward()
    for x in (k, v):
        assert not x.grad.numpy()[:, t + 1 :].any()
        assert x.grad.numpy()[:, t].all() or (t == 0 and x is k)  # one key: its weight is 1
    assert not np.delete(q.grad.numpy(), t, axis=1).any()


def test_the_past_does_not_depend_on_the_future_bit_for_bit():
    q, k, v = (normal(5, 3, seed=i) for i in range(3))
    out = scaled_dot_product_attention(q, k, v, is_causal=True)
    k[3:], v[3:] = 7, -7
    np.testing.assert_array_equal(
        scaled_dot_product_attention(q, k, v, is_causal=True)[:3], out[:3]
    )


def test_large_scores_of_float16_do_not_overflow():
    x = (1000 * np.random.default_rng(0).standard_normal((2, 3, 4))).astype(np.float16)
    exact = Tensor(x.astype(np.float64))
    x = Tensor(x, requires_grad=True)
    out = scaled_dot_product_attention(x, x, x)
    assert out.dtype == np.float16
    expected = scaled_dot_product_attention(exact, exact, exact)
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-3)
    out.sum().backward()
    assert x.grad.dtype == np.float16 and np.isfinite(x.grad.numpy()).all()
    weights = attention_weights(x, x)
    assert weights.dtype == np.float16
    expected = attention_weights(exact, exact)
    np.testing.assert_allclose(weights.numpy(), expected.numpy(), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("is_causal", [False, True])
def test_weights_are_positive_and_rows_sum_to_one(is_causal, dtype):
    q, k = (normal(2, 6, 4, seed=i).astype(dtype) for i in range(2))
    weights = attention_weights(q, k, is_causal=is_causal)
    assert weights.dtype == dtype
    np.testing.assert_allclose(weights.sum(-1, dtype=float), 1, rtol=4 * np.finfo(dtype).eps)
    allowed = np.tri(6, dtype=bool) if is_causal else np.ones((6, 6), bool)
    assert (weights[:, allowed] > 0).all() and not weights[:, ~allowed].any()


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_large_scores_do_not_overflow(size):
    q = np.full((3, 2), size, np.float32)
    np.testing.assert_allclose(attention_weights(q, abs(q)), 1 / 3, rtol=1e-6)
    v = normal(3, 2).astype(np.float32)
    out = scaled_dot_product_attention(q, abs(q), v)
    np.testing.assert_allclose(out, np.tile(v.mean(0), (3, 1)), rtol=1e-5)


@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("attend", [scaled_dot_product_attention, attention_weights])
def test_a_query_that_may_look_nowhere_gives_zero_and_no_nan(attend, additive):
    mask = np.array([[True, False, True], [False, False, False]])
    tensors = [Tensor(normal(n, 4, seed=n), requires_grad=True) for n in (2, 3)]
    if attend is scaled_dot_product_attention:
        tensors.append(Tensor(normal(3, 4), requires_grad=True))
    out = attend(*tensors, np.where(mask, 0.0, -np.inf) if additive else mask)
    assert not out.numpy()[1].any() and out.numpy()[0].any()
    out.backward(normal(*out.shape, seed=9))
    assert not tensors[0].grad.numpy()[1].any()
    assert all(np.isfinite(x.grad.numpy()).all() for x in tensors)


def test_queries_see_the_keys_in_any_order_alike():
    q, k, v = (normal(5, 3, seed=i) for i in range(3))
    order = np.array([3, 1, 4, 0, 2])
    out = scaled_dot_product_attention(q, k, v)
    shuffled = scaled_dot_product_attention(q[order], k[order], v[order])
    np.testing.assert_allclose(shuffled, out[order], rtol=1e-12)
    np.testing.assert_allclose(scaled_dot_product_attention(q, k[order], v[order]), out, rtol=1e-12)


def test_dropout_keeps_the_mean_and_repeats_with_its_seed():
    q, k = normal(4, 3), normal(50, 3, seed=1)
    v = np.ones((50, 1))
    outs = [scaled_dot_product_attention(q, k, v, None, 0.25, rng=i) for i in range(400)]
    assert np.mean(outs) == pytest.approx(1, abs=0.02)
    assert np.std(outs) > 0.05
    again = scaled_dot_product_attention(q, k, v, dropout_p=0.25, rng=3)
    np.testing.assert_array_equal(again, outs[3])
    single = scaled_dot_product_attention(*(x.astype("f4") for x in (q, k, v)), None, 0.25, rng=3)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, outs[3], rtol=1e-5)
    whole = scaled_dot_product_attention(q.astype(int), k, v, None, 0.25, rng=3)
    exact = scaled_dot_product_attention(q.astype(int).astype(float), k, v, None, 0.25, rng=3)
    np.testing.assert_array_equal(whole, exact)


def test_heads_split_off_the_last_axis_stay_where_they_were_in_memory():
    # so that merging them again is a view, forward and backward
    q, k, v = (
        Tensor(normal(2, 5, 12, seed=i), requires_grad=True).reshape(2, 5, 3, 4).swapaxes(1, 2)
        for i in range(3)
    )
    out = scaled_dot_product_attention(q, k, v)
    gradients = dict(backprop(out, normal(*out.shape)))
    for array in (out.data, *(gradients[x] for x in (q, k, v))):
        assert array.swapaxes(1, 2).flags.c_contiguous


# Rotary positions


def test_rotated_products_depend_on_the_distance_alone():
    q, k = np.tile(normal(6), (40, 1)), np.tile(normal(6, seed=1), (40, 1))
    products = rope(q) @ rope(k).T
    for distance in (-7, 0, 1, 20):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-12)
    assert np.ptp(products[0]) > 0.1


def test_rotation_keeps_lengths_and_position_zero():
    x = normal(9, 8)
    np.testing.assert_allclose((rope(x) ** 2).sum(-1), (x**2).sum(-1), rtol=1e-13)
    np.testing.assert_array_equal(rope(x)[0], x[0])
    np.testing.assert_array_equal(rope(x)[3:], rope(x[3:], np.arange(3, 9)))


def test_rotation_of_large_positions_is_exact_in_single_precision():
    x, at = normal(1, 8), np.array([1_000_003])
    single = rope(x.astype(np.float32), at)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, rope(x, at), atol=1e-6)


# Refusals


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3), (4, 2), (4, 2)],
        [(2, 3), (4, 3), (5, 3)],
        [(3,), (4, 3), (4, 3)],
        [(2, 2, 3), (3, 4, 3), (4, 3)],
        [(2, 3), (2, 4, 3), (3, 4, 3)],
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes):
    with pytest.raises(ValueError, match=r"scaled_dot_product_attention: query \(.*do not fit"):
        scaled_dot_product_attention(*(np.ones(s) for s in shapes))
    wrong = r"attention_weights: query \(2, 3\), key \(2, 4\) do not fit; pass .* S, D\)$"
    with pytest.raises(ValueError, match=wrong):
        attention_weights(np.ones((2, 3)), np.ones((2, 4)))


def test_masks_that_do_not_fit_are_named():
    x = np.ones((2, 3, 4))
    for shape in [(2, 3), (3, 4), (5, 2, 3, 3)]:
        with pytest.raises(ValueError, match=r"attn_mask of shape .* the scores, \(2, 3, 3\)"):
            scaled_dot_product_attention(x, x, x, np.ones(shape, bool))
    with pytest.raises(TypeError, match="attn_mask is int64; pass booleans"):
        scaled_dot_product_attention(x, x, x, np.ones((3, 3), np.int64))


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_dropout_of_more_than_all_or_less_than_nothing_is_refused(p):
    x = np.ones((3, 4))
    with pytest.raises(ValueError, match="dropout_p is"):
        scaled_dot_product_attention(x, x, x, dropout_p=p)


def test_dropout_of_all_leaves_zeros():
    x = Tensor(np.ones((3, 4)), requires_grad=True)
    out = scaled_dot_product_attention(x, x, x, dropout_p=1)
    out.sum().backward()
    assert not out.data.any()
    assert not x.grad.data.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_rope_turns_the_gradient_back_from_positions_of_any_integer_dtype(dtype):
    at = np.array([1, np.iinfo(dtype).min, 127], dtype)
    gradcheck(lambda x: rope(x, at), np.random.default_rng(0).standard_normal((3, 4)))


def test_rope_refuses_what_has_no_pairs_or_other_positions():
    for shape in [(4,), (2, 3)]:
        with pytest.raises(ValueError, match="has no pairs of features"):
            rope(np.ones(shape))
    with pytest.raises(ValueError, match=r"positions of shape \(3,\) for x of shape \(2, 4\)"):
        rope(np.ones((2, 4)), np.arange(3))
