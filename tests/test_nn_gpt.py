"""GPT: against the same model in PyTorch, how it starts, what it sees, and how it writes."""

import numpy as np
import pytest

from autograd import Tensor
from nn import GPT, optim
from nn import functional as F
from nn.gpt import _draw

V, C, D, H, L = 11, 8, 12, 2, 3


def gpt(**settings):
    return GPT(V, C, D, H, L, **{"rng": 0, **settings})


def tokens(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, V, shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tie_weights", [True, False])
def test_it_is_the_same_model_as_in_pytorch_by_its_state_dict(tie_weights, dtype):
    torch = pytest.importorskip("torch")
    t = torch.nn

    class Theirs(t.Module):
        def __init__(self):
            super().__init__()
            self.embedding = t.Embedding(V, D)
            self.positions = t.Embedding(C, D)
            self.blocks = t.ModuleList(
                t.TransformerEncoderLayer(
                    D, H, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(L)
            )
            self.norm = t.LayerNorm(D)
            self.head = t.Linear(D, V, bias=False)
            if tie_weights:
                self.head.weight = self.embedding.weight

        def forward(self, x):
            n = x.shape[1]
            x = self.embedding(x) + self.positions(torch.arange(n))
            future = t.Transformer.generate_square_subsequent_mask(n, dtype=x.dtype)
            for block in self.blocks:
                x = block(x, future, is_causal=True)
            return self.head(self.norm(x))

    ours = gpt(tie_weights=tie_weights, dtype=dtype)
    for i, p in enumerate(ours.parameters()):
        p.data[...] += 0.2 * np.random.default_rng(i).standard_normal(p.shape)
    theirs = Theirs().to(getattr(torch, np.dtype(dtype).name))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x, y = tokens(4, 7), tokens(4 * 7, seed=1)
    logits, expected = ours(Tensor(x)), theirs(torch.tensor(x))
    tolerance = 1e-11 if dtype == np.float64 else 2e-5

    def agree(found, right):
        np.testing.assert_allclose(found.numpy(), right.detach().numpy(), tolerance, tolerance)

    agree(logits, expected)
    F.cross_entropy(logits.reshape(-1, V), Tensor(y)).backward()
    t.functional.cross_entropy(expected.reshape(-1, V), torch.tensor(y)).backward()
    named = dict(theirs.named_parameters())
    assert list(named) == [name for name, _ in ours.named_parameters()]
    for name, p in ours.named_parameters():
        agree(p.grad, named[name].grad)


def test_the_weights_start_as_those_of_gpt2():
    model = GPT(300, 64, 64, 4, 8, rng=0)
    for name, p in model.named_parameters():
        values = p.numpy()
        if p.ndim == 1:
            np.testing.assert_array_equal(values, "norm" in name and name.endswith("weight"))
        else:
            last = "out_proj" in name or "linear2" in name
            assert values.std() == pytest.approx(0.02 / (4 if last else 1), rel=0.05), name
    # all blocks together leave the signal as large as it was, whatever their number
    x = Tensor(np.arange(64)[None])
    first = model.embedding(x) + model.positions.weight
    last = first
    for block in model.blocks:
        last = block(last, is_causal=True)
    assert 1 < last.numpy().std() / first.numpy().std() < 2


def test_tied_weights_are_one_parameter():
    tied, free = gpt(), gpt(tie_weights=False)
    assert tied.head.weight is tied.embedding.weight
    assert free.head.weight is not free.embedding.weight
    counts = [sum(p.size for p in m.parameters()) for m in (tied, free)]
    assert counts[1] - counts[0] == V * D
    block = 3 * D * D + 3 * D + D * D + D + 8 * D * D + 5 * D + 4 * D
    assert counts[0] == V * D + C * D + L * block + 2 * D


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope"])
def test_a_prediction_sees_the_past_alone_and_its_order(positions):
    model = gpt(positions=positions, dtype=np.float64)
    x = tokens(C)
    x[0], x[1] = 1, 2
    before = model(Tensor(x)).numpy()
    later = x.copy()
    later[5:] = (later[5:] + 1) % V
    np.testing.assert_array_equal(model(Tensor(later)).numpy()[:5], before[:5])
    swapped = x.copy()
    swapped[:2] = 2, 1
    assert abs(model(Tensor(swapped)).numpy()[-1] - before[-1]).max() > 1e-9


def test_it_learns_a_text_by_heart():
    model = gpt()
    x = np.array([[1, 2, 3, 4, 1, 2, 5, 6]])
    y = np.array([2, 3, 4, 1, 2, 5, 6, 7])  # what follows 1, 2 depends on what came before
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(Tensor(x)).reshape(-1, V), Tensor(y))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    np.testing.assert_array_equal(model.generate([1, 2], 7, temperature=0)[1:], [*y[:7], 7])


def test_writing_repeats_with_its_seed_and_goes_on_past_the_context():
    model = gpt()
    first, again, other = (model.generate([1, 2], 20, rng=seed) for seed in (3, 3, 4))
    assert first.shape == (22,) and first.dtype == np.int64
    assert ((first >= 0) & (first < V)).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(first[:2], [1, 2])
    both = model.generate(tokens(2, 3), 5, temperature=0)
    assert both.shape == (2, 8)
    for row in both:
        np.testing.assert_array_equal(model.generate(row[:3], 5, temperature=0), row)
    assert all(p.grad is None for p in model.parameters())


def test_tokens_are_drawn_as_the_softmax_says():
    logits = np.array([1.0, 0.0, -1.0, 0.5])
    rows = np.tile(logits, (20_000, 1))
    rng = np.random.default_rng(0)

    def shares(temperature, top_k=None):
        return np.bincount(_draw(rows, temperature, top_k, rng)[:, 0], minlength=4) / len(rows)

    for temperature in (0.5, 1.0, 3.0):
        p = F.softmax(logits / temperature)
        np.testing.assert_allclose(shares(temperature), p, atol=0.02)
    np.testing.assert_allclose(
        shares(1.0, 2), F.softmax(np.where(logits > 0, logits, -np.inf)), atol=0.02
    )
    np.testing.assert_array_equal(shares(0.0), [1, 0, 0, 0])
    np.testing.assert_array_equal(shares(1.0, 1), [1, 0, 0, 0])
    np.testing.assert_allclose(shares(np.inf, 2), [0.5, 0, 0, 0.5], atol=0.02)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_draw_knows_no_ties_beyond_the_top_k_and_no_temperature_too_small(dtype):
    rng = np.random.default_rng(0)
    equal = np.zeros((200, 10), dtype)
    assert len(np.unique(_draw(equal, 1.0, 1, rng))) == 1
    assert len(np.unique(_draw(equal, 1.0, 2, rng))) == 2
    large = np.array([[100.0, 200.0, 300.0, 250.0]], dtype)
    for temperature in (0.0, 1e-300, 1e-42, 1e-6):
        assert _draw(large, temperature, None, rng).item() == 2


def test_it_refuses_what_makes_no_model_and_no_text():
    with pytest.raises(ValueError, match="positions is 'absolute'; it is 'learned'"):
        gpt(positions="absolute")
    with pytest.raises(ValueError, match="a context of 0 and 4 layers"):
        GPT(V, 0)
    model = gpt()
    with pytest.raises(ValueError, match="GPT: 9 tokens, but the context is 8"):
        model(Tensor(tokens(2, 9)))
    for prompt in ([], 3, np.zeros((1, 2, 3))):
        with pytest.raises(ValueError, match="the prompt has shape"):
            model.generate(prompt, 1)
    with pytest.raises(TypeError, match="the prompt is of float64; pass integers"):
        model.generate([1.5], 1)
    for settings in ({"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": 0}):
        with pytest.raises(ValueError, match=r"temperature is .* and top_k"):
            model.generate([1], 1, **settings)
