"""Feed-forward layers, residuals and the transformer block: against PyTorch and their formulas."""

import numpy as np
import pytest

from autograd import Tensor, jacobian
from nn import (
    MLP,
    FeedForward,
    LayerNorm,
    Linear,
    Module,
    MultiheadAttention,
    PostNorm,
    PreNorm,
    Residual,
    Sequential,
    SwiGLU,
    TransformerBlock,
    data,
    evaluate,
    fit,
    optim,
)
from nn import functional as F
from tests.nn_parity import compare, normal

N, T, D, H = 3, 5, 8, 2


def numbers(module):
    return sum(p.size for p in module.parameters())


def stirred(module):
    """Move all parameters: biases of 0 and gains of 1 would hide much."""
    for i, p in enumerate(module.parameters()):
        p.data[...] += 0.3 * normal(*p.shape, seed=i)
    return module


# Feed-forward layers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_tanh", "silu", "tanh"])
def test_feed_forward_is_two_linear_layers_of_pytorch(activation, dtype):
    torch = pytest.importorskip("torch")
    name, _, approximate = activation.partition("_")
    f = getattr(torch.nn.functional, name)

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear1, self.linear2 = torch.nn.Linear(D, 6), torch.nn.Linear(6, D)

        def forward(self, x):
            x = self.linear1(x)
            return self.linear2(f(x, approximate=approximate) if approximate else f(x))

    theirs = Theirs().to(getattr(torch, np.dtype(dtype).name))
    ours = stirred(FeedForward(D, 6, activation, dtype=dtype, rng=0))
    compare(ours, theirs, normal(N, T, D, dtype=dtype), torch)


def test_feed_forward_is_an_mlp_of_one_hidden_layer():
    ffn = FeedForward(D, 6, "relu", dtype=np.float64, rng=0)
    mlp = MLP([D, 6, D], "relu", dtype=np.float64)
    mlp.load_state_dict(
        {
            f"{2 * i}.{k}": v
            for i in (0, 1)
            for k, v in getattr(ffn, f"linear{i + 1}").state_dict().items()
        }
    )
    x = Tensor(normal(N, D))
    np.testing.assert_allclose(ffn(x).numpy(), mlp(x).numpy(), rtol=1e-13)


def test_feed_forward_takes_a_function_and_refuses_a_name_it_does_not_know():
    x = Tensor(normal(N, D))
    by_name, by_function = (FeedForward(D, 6, f, dtype="f8", rng=0) for f in ("tanh", F.tanh))
    np.testing.assert_array_equal(by_name(x).numpy(), by_function(x).numpy())
    for name, fault in (("swish", "is not known"), ("glu", "does not keep the width")):
        with pytest.raises(ValueError, match=f"FeedForward: activation '{name}' {fault}"):
            FeedForward(D, 6, name)


def test_swiglu_is_its_formula():
    ffn = SwiGLU(D, 6, bias=True, dtype=np.float64, rng=0)
    x = normal(N, D)
    w = stirred(ffn).state_dict()
    a, b = (x @ w[f"w{i}.weight"].T + w[f"w{i}.bias"] for i in (1, 3))
    right = (a / (1 + np.exp(-a)) * b) @ w["w2.weight"].T + w["w2.bias"]
    np.testing.assert_allclose(ffn(Tensor(x)).numpy(), right, rtol=1e-12)


@pytest.mark.parametrize("d", [48, 768])
def test_gating_costs_half_as_much_again_at_one_width_and_nothing_at_two_thirds(d):
    plain = numbers(FeedForward(d, bias=False))
    assert plain == 2 * d * 4 * d
    assert numbers(SwiGLU(d, 4 * d)) == 1.5 * plain
    assert numbers(SwiGLU(d)) == plain
    assert numbers(FeedForward(d)) == plain + 5 * d


# Residuals


def test_the_jacobian_of_a_residual_block_is_the_identity_plus_that_of_its_branch():
    branch = MLP([4, 9, 4], "tanh", dtype=np.float64, rng=0)
    x = Tensor(normal(4))
    whole, part = (jacobian(f)(x).numpy() for f in (Residual(branch), branch))
    np.testing.assert_allclose(whole, np.eye(4) + part, rtol=1e-13)
    norm = LayerNorm(4, dtype=np.float64)
    pre = jacobian(Residual(PreNorm(norm, branch)))(x).numpy()
    np.testing.assert_allclose(
        pre, np.eye(4) + jacobian(PreNorm(norm, branch))(x).numpy(), rtol=1e-13
    )


def test_the_identity_does_not_keep_a_gradient_alive_by_itself():
    branch = Linear(4, 4, bias=False, dtype=np.float64)
    branch.weight.data[...] = -np.eye(4)  # F(x) = -x
    x = Tensor(normal(4), requires_grad=True)
    assert not jacobian(Residual(branch))(x).numpy().any()
    Residual(branch)(x).sum().backward()
    assert not x.grad.numpy().any()


def test_residual_branches_double_the_variance_until_they_are_scaled():
    def growth(scale):
        x = Tensor(normal(500, 64, seed=99))
        start = x.var().item()
        for i in range(20):
            layer = Linear(64, 64, bias=False, dtype=np.float64, rng=i)
            x = Residual(layer, scale)(x)
        return x.var().item() / start

    assert growth(1) == pytest.approx(2**20, rel=0.3)
    assert growth(20**-0.5) == pytest.approx(np.e, rel=0.2)  # (1 + 1/20)^20


def test_pre_and_post_norm_are_two_orders_of_nesting():
    norm, branch = LayerNorm(D, dtype=np.float64), MLP([D, D], dtype=np.float64, rng=0)
    stirred(norm)
    x = Tensor(normal(N, D))
    pre, post = Residual(PreNorm(norm, branch)), PostNorm(norm, Residual(branch))
    np.testing.assert_array_equal(pre(x).numpy(), (x + branch(norm(x))).numpy())
    np.testing.assert_array_equal(post(x).numpy(), norm(x + branch(x)).numpy())
    assert next(iter(pre.state_dict())) == "fn.norm.weight"
    assert next(iter(post.state_dict())) == "norm.weight"


# The transformer block


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_block_is_pytorchs_encoder_layer(norm, activation, bias, dtype):
    torch = pytest.importorskip("torch")
    settings = {"activation": activation, "bias": bias, "layer_norm_eps": 1e-4}
    ours = TransformerBlock(D, H, 16, norm=norm, dtype=dtype, rng=0, **settings)
    theirs = torch.nn.TransformerEncoderLayer(
        D,
        H,
        16,
        dropout=0.0,
        batch_first=True,
        norm_first=norm == "pre",
        dtype=getattr(torch, np.dtype(dtype).name),
        **settings,
    )
    x = normal(N, T, D, dtype=dtype)
    compare(stirred(ours), theirs, x, torch)

    future = ~np.tri(T, dtype=bool)
    padding = np.arange(T) >= np.array([T, T - 2, 2])[:, None]
    masked = ours(Tensor(x), future, padding)
    expected = theirs(torch.tensor(x), torch.tensor(future), torch.tensor(padding))
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(masked.numpy(), expected.detach().numpy(), tolerance, tolerance)
    causal = ours(Tensor(x), src_key_padding_mask=padding, is_causal=True)
    np.testing.assert_allclose(causal.numpy(), masked.numpy(), tolerance, tolerance)


class Attend(Module):
    """Self-attention as a module of one input and one output."""

    def __init__(self, attention):
        self.attention = attention

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False, is_causal=True)[0]


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_block_is_a_nest_of_residuals_and_norms(norm):
    block = TransformerBlock(D, H, norm=norm, dtype=np.float64, rng=0)
    stirred(block)
    ffn = FeedForward(D, dtype=np.float64)
    ffn.linear1, ffn.linear2 = block.linear1, block.linear2
    parts = [(block.norm1, Attend(block.self_attn)), (block.norm2, ffn)]
    if norm == "pre":
        nest = Sequential(*(Residual(PreNorm(n, f)) for n, f in parts))
    else:
        nest = Sequential(*(PostNorm(n, Residual(f)) for n, f in parts))
    x = Tensor(normal(N, T, D))
    np.testing.assert_array_equal(block(x, is_causal=True).numpy(), nest(x).numpy())
    assert numbers(nest) == numbers(block)


def test_a_block_takes_another_feed_forward_layer_and_rotary_positions():
    ffn = SwiGLU(D, dtype=np.float64, rng=1)
    block = TransformerBlock(D, H, ffn=ffn, rope=True, dtype=np.float64, rng=0)
    assert not any("linear" in name for name in block.state_dict())
    assert isinstance(block.self_attn, MultiheadAttention) and block.self_attn.rope
    x = Tensor(normal(N, T, D), requires_grad=True)
    h = x + block.self_attn(*[block.norm1(x)] * 3)[0]
    np.testing.assert_allclose(block(x).numpy(), (h + ffn(block.norm2(h))).numpy(), rtol=1e-12)
    block(x).sum().backward()
    assert all(p.grad.numpy().any() for p in block.parameters())


def test_dropout_of_a_block_acts_in_training_alone():
    block = TransformerBlock(D, H, dropout=0.5, rng=0)
    x = Tensor(normal(N, T, D, dtype=np.float32))
    assert (block(x).numpy() != block(x).numpy()).any()
    block.eval()
    np.testing.assert_array_equal(block(x).numpy(), block(x).numpy())
    plain = TransformerBlock(D, H, rng=0)
    np.testing.assert_array_equal(block(x).numpy(), plain(x).numpy())


def test_a_block_refuses_a_norm_it_does_not_know():
    with pytest.raises(ValueError, match="norm is 'both'; it is 'pre' or 'post'"):
        TransformerBlock(D, H, norm="both")


# Depth


@pytest.mark.slow
def test_a_thousand_residual_pre_norm_layers_train_on_digits_in_one_epoch():
    rng, width, blocks = np.random.default_rng(0), 64, 500
    nest = [
        Residual(PreNorm(LayerNorm(width), MLP([width] * 3, rng=rng)), scale=blocks**-0.5)
        for _ in range(blocks)
    ]
    model = Sequential(
        Linear(64, width, rng=rng), *nest, LayerNorm(width), Linear(width, 10, rng=rng)
    )
    assert sum(isinstance(m, Linear) for b in nest for m in b.modules()) == 1000

    train, test = data.digits()
    x, y = train[:200]
    out = model(Tensor(x))
    F.cross_entropy(out, Tensor(y)).backward()
    assert np.isfinite(out.numpy()).all()
    for name, p in model.named_parameters():
        g = p.grad.numpy()
        assert np.isfinite(g).all(), name
        assert p.ndim == 1 or 1e-5 < np.abs(g).mean() < 1, name

    loader = data.DataLoader(train, batch_size=64, shuffle=True, rng=0)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    steps = len(loader)
    scheduler = optim.lr_scheduler.WarmupCosineLR(optimizer, steps // 10, steps)
    fit(model, loader, epochs=1, optimizer=optimizer, scheduler=scheduler, progress=False)
    assert evaluate(model, test)["accuracy"] >= 0.9
