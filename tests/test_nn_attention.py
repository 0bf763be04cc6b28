"""Multi-head attention, embedding and positions: against PyTorch, and what only ours can say."""

import numpy as np
import pytest

from autograd import Tensor, rope
from nn import (
    Embedding,
    LearnedPositionalEncoding,
    MultiheadAttention,
    SinusoidalPositionalEncoding,
    TransformerBlock,
)
from nn import functional as F
from tests.nn_parity import normal

N, T, S, E, H = 3, 4, 5, 6, 2
HIDDEN = np.array([[0, 1, 0, 0, 1]] * 2 + [[0, 1, 1, 1, 0]] * 2, bool)  # (T, S)
PADDING = np.array([[False] * 5, [False] * 3 + [True] * 2, [False] * 4 + [True]])  # (N, S)
FUTURE = ~np.tri(T, S, dtype=bool)
BIAS = normal(T, S, seed=5)
BIASES = normal(N * H, T, S, seed=6)


def pair(torch, dtype, **settings):
    ours = MultiheadAttention(E, H, dtype=dtype, rng=0, **settings)
    for name, p in ours.named_parameters():
        if "bias" in name:  # zeros would hide much
            p.data[...] = normal(*p.shape, seed=8)
    theirs = torch.nn.MultiheadAttention(
        E, H, dtype=getattr(torch, np.dtype(dtype).name), **settings
    )
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    assert list(theirs.state_dict()) == list(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"attn_mask": HIDDEN},
        {"key_padding_mask": PADDING},
        {"attn_mask": HIDDEN, "key_padding_mask": PADDING},
        {"attn_mask": BIAS},
        {"attn_mask": BIASES, "key_padding_mask": np.where(PADDING, -np.inf, 0.0)},
        {"attn_mask": BIASES > 1},
        {"attn_mask": FUTURE, "is_causal": True},
    ],
    ids=lambda masks: ",".join(f"{k}{np.shape(v)}{np.asarray(v).dtype}" for k, v in masks.items()),
)
def test_attention_is_pytorchs(masks, need_weights, dtype):
    torch = pytest.importorskip("torch")
    for settings in ({"batch_first": True}, {}, {"bias": False}, {"kdim": 3, "vdim": 7}):
        ours, theirs = pair(torch, dtype, **settings)
        shapes = [(N, T, E), (N, S, settings.get("kdim", E)), (N, S, settings.get("vdim", E))]
        inputs = [normal(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes)]
        if "batch_first" not in settings:
            inputs = [np.ascontiguousarray(x.swapaxes(0, 1)) for x in inputs]
        a = [Tensor(x, requires_grad=True) for x in inputs]
        b = [torch.tensor(x, requires_grad=True) for x in inputs]
        arrays = {
            k: v.astype(dtype) if np.asarray(v).dtype.kind == "f" else v for k, v in masks.items()
        }
        tensors = {
            k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in arrays.items()
        }
        out, weights = ours(*a, need_weights=need_weights, **arrays)
        expected, right = theirs(*b, need_weights=need_weights, **tensors)
        g = normal(*out.shape, seed=9, dtype=dtype)
        loss, other = (out * g).sum(), (expected * torch.tensor(g)).sum()
        if need_weights:
            w = normal(*weights.shape, seed=10, dtype=dtype)
            loss, other = loss + (weights * w).sum(), other + (right * torch.tensor(w)).sum()
            agree(weights, right)
        loss.backward()
        other.backward()
        agree(out, expected)
        for x, y in zip(a, b, strict=True):
            agree(x.grad, y.grad)
        named = dict(theirs.named_parameters())
        for name, p in ours.named_parameters():
            agree(p.grad, named[name].grad)


def agree(found, right):
    right = right.detach().numpy()
    assert found.dtype == right.dtype
    tolerance = 1e-12 if right.dtype == np.float64 else 2e-5
    np.testing.assert_allclose(found.numpy(), right, tolerance, tolerance)


@pytest.mark.parametrize("average", [True, False])
def test_without_a_batch_and_with_weights_of_each_head(average):
    torch = pytest.importorskip("torch")
    ours, theirs = pair(torch, np.float64)
    x = normal(T, E)
    for mask in (None, FUTURE[:, :T], BIASES[:H, :, :T]):
        out, weights = ours(*[Tensor(x)] * 3, attn_mask=mask, average_attn_weights=average)
        expected, right = theirs(
            *[torch.tensor(x)] * 3,
            attn_mask=None if mask is None else torch.tensor(mask),
            average_attn_weights=average,
        )
        agree(out, expected)
        agree(weights, right)
        np.testing.assert_allclose(weights.numpy().sum(-1), 1, rtol=1e-12)


def test_a_causal_mask_needs_no_array_and_lets_no_gradient_into_the_future():
    attention = MultiheadAttention(E, H, batch_first=True, dtype=np.float64, rng=0)
    x = Tensor(normal(N, T, E), requires_grad=True)
    out, weights = attention(x, x, x, is_causal=True)
    masked, _ = attention(x, x, x, attn_mask=FUTURE[:, :T])
    np.testing.assert_allclose(out.numpy(), masked.numpy(), rtol=1e-13)
    assert not weights.numpy()[:, FUTURE[:, :T]].any()
    for t in range(T):
        x.grad = None
        attention(x, x, x, is_causal=True)[0][:, t].sum().backward()
        assert not x.grad.numpy()[:, t + 1 :].any()
        assert x.grad.numpy()[:, : t + 1].all()


def test_places_do_not_matter_until_positions_are_told():
    order = np.array([2, 0, 3, 1])
    x = normal(N, T, E)

    def moves_along(attention, told=lambda x: x):
        outs = [attention(*[told(Tensor(y))] * 3)[0].numpy() for y in (x, x[:, order])]
        return np.allclose(outs[0][:, order], outs[1], rtol=1e-10)

    settings = {"batch_first": True, "dtype": np.float64, "rng": 0}
    plain = MultiheadAttention(E, 1, **settings)
    assert moves_along(plain)
    assert not moves_along(plain, SinusoidalPositionalEncoding())
    assert not moves_along(plain, LearnedPositionalEncoding(T, E, dtype=np.float64, rng=0))
    assert not moves_along(MultiheadAttention(E, 1, rope=True, **settings))


def test_rotary_attention_sees_distances_alone():
    attention = MultiheadAttention(4, 1, batch_first=True, rope=True, dtype=np.float64, rng=0)
    x = Tensor(np.tile(normal(4), (1, 6, 1)))
    q, k = (
        rope(F.linear(x, attention.in_proj_weight[rows])) for rows in (slice(0, 4), slice(4, 8))
    )
    weights = attention(x, x, x)[1].numpy()[0]
    np.testing.assert_allclose(weights, F.softmax(q @ k.mT / 2).numpy()[0], rtol=1e-12)
    ratios = weights[1:, 1:] / weights[:-1, :-1]  # of two rows: their normalisation
    np.testing.assert_allclose(ratios, ratios[:, :1] * np.ones(5), rtol=1e-10)


def test_dropout_acts_in_training_alone_and_leaves_the_weights_as_they_were():
    attention = MultiheadAttention(E, H, dropout=0.5, batch_first=True, rng=0)
    x = Tensor(normal(N, T, E, dtype=np.float32))
    (a, w), (b, _) = attention(x, x, x), attention(x, x, x)
    assert (a.numpy() != b.numpy()).any()
    np.testing.assert_allclose(w.numpy().sum(-1), 1, rtol=1e-5)
    attention.eval()
    (a, v), (b, _) = attention(x, x, x), attention(x, x, x)
    np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(w.numpy(), v.numpy())


def test_an_element_that_is_all_padding_gives_the_bias_and_no_nan():
    attention = MultiheadAttention(E, H, batch_first=True, rng=0)
    x = Tensor(normal(2, T, E, dtype=np.float32), requires_grad=True)
    padding = np.array([[False] * T, [True] * T])
    out, weights = attention(x, x, x, key_padding_mask=padding)
    assert not weights.numpy()[1].any()
    np.testing.assert_array_equal(out.numpy()[1], np.tile(attention.out_proj.bias.numpy(), (T, 1)))
    out.sum().backward()
    assert not x.grad.numpy()[1].any() and x.grad.numpy()[0].all()


def test_a_bias_of_the_scores_learns():
    attention = MultiheadAttention(E, H, batch_first=True, dtype=np.float64, rng=0)
    x, bias = Tensor(normal(N, T, E)), Tensor(normal(T, T), requires_grad=True)
    attention(x, x, x, attn_mask=bias, need_weights=False)[0].sum().backward()
    assert bias.grad.numpy().all()
    np.testing.assert_allclose(bias.grad.numpy().sum(-1), 0, atol=1e-12)  # softmax: shifts cancel


def test_attention_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="6 features do not part into 4 heads"):
        MultiheadAttention(6, 4)
    with pytest.raises(ValueError, match="a head has 3 features"):
        MultiheadAttention(6, 2, rope=True)
    for dropout in (-0.1, 1.0, 1.5):
        with pytest.raises(ValueError, match=f"MultiheadAttention: dropout is {dropout}; pass the"):
            MultiheadAttention(6, 2, dropout)
        with pytest.raises(ValueError, match=f"MultiheadAttention: dropout is {dropout}; pass the"):
            TransformerBlock(6, 2, dropout=dropout)
    attention = MultiheadAttention(E, H, batch_first=True, rng=0)
    x = Tensor(np.ones((N, T, E), np.float32))
    for mask in (np.ones((T, S), bool), np.ones((N, T, T), bool)):
        with pytest.raises(ValueError, match=r"attn_mask of shape .* \(4, 4\) or \(6, 4, 4\)"):
            attention(x, x, x, attn_mask=mask)
    with pytest.raises(ValueError, match=r"key_padding_mask of shape \(4, 3\).* be \(3, 4\)"):
        attention(x, x, x, key_padding_mask=np.ones((T, N), bool))
    with pytest.raises(TypeError, match="attn_mask is int64"):
        attention(x, x, x, attn_mask=np.ones((T, T), np.int64))


# Embedding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("padding_idx", [None, 0, 2, -1])
def test_embedding_is_pytorchs(padding_idx, dtype):
    torch = pytest.importorskip("torch")
    ours = Embedding(5, 3, padding_idx, dtype=dtype, rng=0)
    theirs = torch.nn.Embedding(5, 3, padding_idx, dtype=getattr(torch, np.dtype(dtype).name))
    if padding_idx is not None:
        assert not ours.weight.numpy()[padding_idx].any()
        assert ours.padding_idx == theirs.padding_idx
        ours.weight.data[padding_idx] = 7  # what a loaded table may hold
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    index = np.random.default_rng(0).integers(0, 5, (6, 4))
    out, expected = ours(Tensor(index)), theirs(torch.tensor(index))
    g = normal(*out.shape, dtype=dtype)
    out.backward(g)
    expected.backward(torch.tensor(g))
    agree(out, expected)
    agree(ours.weight.grad, theirs.weight.grad)
    again = Tensor(ours.weight.numpy(), requires_grad=True)
    F.embedding(index, again, padding_idx).backward(g)  # a negative one as it was given
    agree(again.grad, theirs.weight.grad)


def test_gradients_of_a_token_add_up():
    table = Embedding(4, 2, rng=0)
    table(Tensor([1, 1, 3, 1])).sum().backward()
    np.testing.assert_array_equal(table.weight.grad.numpy(), [[0, 0], [3, 3], [0, 0], [1, 1]])


def test_embedding_refuses_what_names_no_row():
    with pytest.raises(ValueError, match="Embedding: 0 rows of 3 features"):
        Embedding(0, 3)
    for padding_idx in (4, -5):
        with pytest.raises(IndexError, match=r"padding_idx is .* rows 0 to 3"):
            Embedding(4, 2, padding_idx)
    with pytest.raises(IndexError, match="embedding: padding_idx is -3"):
        F.embedding([0], Tensor(np.ones((2, 2))), padding_idx=-3)
    with pytest.raises(IndexError, match="runs from 0 to 4"):
        Embedding(4, 2)(Tensor([0, 4]))
    with pytest.raises(TypeError, match="the input is float64"):
        Embedding(4, 2)(Tensor([0.0]))


# Positions


@pytest.mark.parametrize("d", [1, 2, 5, 8])
def test_sinusoids_are_those_of_the_paper(d):
    table = SinusoidalPositionalEncoding()(Tensor(np.zeros((7, d)))).numpy()
    for t in range(7):
        for j in range(d):
            f = np.cos if j % 2 else np.sin
            assert table[t, j] == pytest.approx(f(t / 10000 ** (j // 2 * 2 / d)), abs=1e-14)


def test_positions_keep_the_dtype_and_pass_the_gradient_on():
    for dtype in (np.float16, np.float32, np.float64):
        x = Tensor(np.ones((2, 3, 4), dtype), requires_grad=True)
        out = SinusoidalPositionalEncoding()(x)
        assert out.dtype == dtype
        out.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.ones((2, 3, 4)))


def test_learned_positions_learn_those_that_were_used():
    positions = LearnedPositionalEncoding(5, 2, dtype=np.float64, rng=0)
    x = Tensor(np.zeros((4, 3, 2)))
    np.testing.assert_array_equal(positions(x).numpy()[1], positions.weight.numpy()[:3])
    positions(x).sum().backward()
    np.testing.assert_array_equal(positions.weight.grad.numpy()[:, 0], [4, 4, 4, 0, 0])
    with pytest.raises(ValueError, match="6 positions, but weights for 5"):
        positions(Tensor(np.zeros((6, 2))))
    with pytest.raises(ValueError, match="0 positions of 2 features"):
        LearnedPositionalEncoding(0, 2)
