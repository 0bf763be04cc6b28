"""Linear, the activations and MLP: against PyTorch, and how they are initialised."""

import copy

import numpy as np
import pytest

import nn
from autograd import Tensor, checkpoint, linear
from nn import MLP, Linear
from tests.nn_parity import compare, normal

MODULES = ["ReLU", "Tanh", "Sigmoid", "SELU"]


# Linear


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear_is_pytorchs(shape, bias, dtype):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Linear(3, 4, bias, dtype=getattr(torch, np.dtype(dtype).name))
    compare(Linear(3, 4, bias, dtype=dtype, rng=0), theirs, normal(*shape, dtype=dtype), torch)


def test_linear_starts_with_lecuns_weights_and_no_bias():
    layer = Linear(400, 500, rng=0)
    w = layer.weight.numpy()
    assert w.dtype == layer.bias.dtype == np.float32
    assert abs(w.mean()) < 4 * 0.05 / np.sqrt(w.size)
    assert w.std() == pytest.approx(1 / np.sqrt(400), rel=0.01)
    assert not layer.bias.numpy().any()
    # seed 1: numbers drawn like the weights would not be independent of them
    out = layer(Tensor(normal(1000, 400, seed=1, dtype=np.float32)))
    assert out.numpy().var() == pytest.approx(1, rel=0.03)  # the input's variance


def test_the_same_seed_gives_the_same_weights_bit_for_bit():
    a, b, c = (Linear(7, 5, rng=seed).weight.numpy() for seed in (3, 3, 4))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    nn.manual_seed(3)
    d = Linear(7, 5).weight.numpy()
    np.testing.assert_array_equal(a, d)
    np.testing.assert_array_equal(
        a, Linear(7, 5, dtype=np.float64, rng=3).weight.numpy().astype("f4")
    )


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 2)])
def test_linear_refuses_sizes_below_one(sizes):
    with pytest.raises(ValueError, match=f"Linear: {sizes[0]} to {sizes[1]} features"):
        Linear(*sizes)


def test_an_input_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"linear: x of shape \(2, 4\)"):
        Linear(3, 2)(Tensor(np.ones((2, 4))))


# Activations


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODULES)
def test_activations_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    x = np.concatenate([normal(200), [0.0, -100, 100, 1e-20, -1e-20]]).astype(dtype)
    compare(getattr(nn, name)(), getattr(torch.nn, name)(), x, torch)


def test_activations_show_their_name():
    assert [repr(getattr(nn, name)()) for name in MODULES] == [f"{name}()" for name in MODULES]


# MLP


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "selu"])
def test_mlp_is_a_sequential_of_pytorch(activation, dtype):
    torch = pytest.importorskip("torch")
    made = {name.lower(): getattr(torch.nn, name) for name in MODULES}[activation]
    t = torch.nn
    theirs = t.Sequential(t.Linear(4, 6), made(), t.Linear(6, 5), made(), t.Linear(5, 3))
    ours = MLP([4, 6, 5, 3], activation, dtype=dtype, rng=0)
    theirs.to(getattr(torch, np.dtype(dtype).name))
    compare(ours, theirs, normal(7, 4, dtype=dtype), torch)


def test_the_last_layer_has_no_activation():
    out = MLP([3, 4, 2], rng=0)(Tensor(np.ones((1, 3), np.float32)))
    assert out.op is linear and out.scope.path == "MLP.2: Linear"


@pytest.mark.parametrize(
    ("activation", "std"),
    [
        ("relu", np.sqrt(2 / 600)),
        ("selu", np.sqrt(1 / 600)),
        ("leaky_relu", np.sqrt(2 / (1 + 0.01**2) / 600)),
        ("gelu", np.sqrt(2.352 / 600)),
        ("silu", np.sqrt(2.811 / 600)),
        ("tanh", np.sqrt(2 / (600 + 400))),
        ("sigmoid", np.sqrt(2 / (600 + 400))),
    ],
)
def test_mlp_is_initialised_to_fit_its_activation(activation, std):
    net = MLP([600, 400, 300], activation, rng=0)
    assert net[0].weight.numpy().std() == pytest.approx(std, rel=0.01)
    assert net[2].weight.numpy().std() == pytest.approx(np.sqrt(1 / 400), rel=0.01)


def test_he_keeps_the_mean_square_through_thirty_relu_layers_and_lecun_does_not():
    x = Tensor(normal(500, 256, seed=99))
    mean_square = {}
    for name, initialise in (
        ("he", nn.init.kaiming_normal_),
        ("lecun", nn.init.lecun_normal_),
    ):
        net = MLP([256] * 31, dtype=np.float64, rng=0)
        for i, layer in enumerate(net):
            if isinstance(layer, Linear):
                initialise(layer.weight, rng=i)
        a = net[:-1](x).numpy()
        mean_square[name] = (a**2).mean()
    assert 0.3 < mean_square["he"] < 3
    assert mean_square["lecun"] < 1e-6  # 2**-29, give or take


def test_selu_keeps_mean_and_variance_through_thirty_layers():
    net = MLP([256] * 31, "selu", dtype=np.float64, rng=0)
    a = net[:-1](Tensor(normal(500, 256, seed=99))).numpy()
    assert abs(a.mean()) < 0.1
    assert a.var() == pytest.approx(1, abs=0.2)


def test_mlp_without_hidden_layer_is_one_linear():
    net = MLP([3, 2])
    assert len(net) == 1 and isinstance(net[0], Linear)


def test_one_seed_draws_different_layers_and_the_same_network():
    a, b = MLP([5, 5, 5, 5], rng=0), MLP([5, 5, 5, 5], rng=0)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert (a[0].weight.numpy() != a[2].weight.numpy()).all()


def test_mlp_refuses_what_makes_no_network():
    with pytest.raises(ValueError, match=r"MLP: sizes \[3\] make no layer"):
        MLP([3])
    with pytest.raises(TypeError, match=r"MLP: sizes is 3; pass a list, .* MLP\(\[3, ...\]\)"):
        MLP(3, 2)
    with pytest.raises(ValueError, match="'swish' is not known; it is one of sigmoid, tanh, relu"):
        MLP([3, 2], "swish")
    with pytest.raises(ValueError, match=r"'glu' does not keep the width.*one of sigmoid, tanh"):
        MLP([3, 2], "glu")


# Dropout


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p):
    x = Tensor(np.ones((200, 100)), requires_grad=True)
    out = nn.Dropout(p, rng=0)(x)
    kept = out.numpy() != 0
    assert kept.mean() == pytest.approx(1 - p, abs=0.02)
    np.testing.assert_allclose(out.numpy()[kept], 1 / (1 - p), rtol=1e-12)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), out.numpy())  # the same elements


def test_dropout_does_nothing_in_use_and_draws_anew_in_training():
    layer, x = nn.Dropout(0.5, rng=0), Tensor(np.ones(100))
    assert (layer(x).numpy() != layer(x).numpy()).any()
    assert layer.eval()(x) is x
    assert not nn.Dropout(1.0)(x).numpy().any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_one_seed_drops_the_same_elements_in_every_dtype(dtype):
    out = nn.Dropout(0.5, rng=3)(Tensor(np.ones(50, dtype)))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.numpy(), nn.Dropout(0.5, rng=3)(Tensor(np.ones(50))).numpy())


def test_copied_dropouts_draw_from_the_default_generator_as_the_first_does():
    x = Tensor(np.ones(100))
    drops = [copy.deepcopy(nn.Dropout(0.5)) for _ in range(3)]
    nn.manual_seed(0)
    first = [drop(x).tolist() for drop in drops]
    assert first[0] != first[1] != first[2] != first[0]
    nn.manual_seed(0)
    assert [drop(x).tolist() for drop in drops] == first


def test_a_copied_model_runs_in_a_checkpoint():
    net = copy.deepcopy(nn.Sequential(nn.Linear(4, 4, rng=0), nn.Dropout(0.5)))
    checkpoint(net, Tensor(np.ones((3, 4), np.float32))).sum().backward()
    assert net[0].weight.grad is not None


def test_dropout_refuses_integers_which_it_could_not_divide():
    layer = nn.Dropout(0.3)
    with pytest.raises(TypeError, match=r"dropout: the input is of int64; pass floating"):
        layer(Tensor([1, 2]))
    assert layer.eval()(Tensor([1, 2])).tolist() == [1, 2]


def test_dropout_refuses_what_is_no_share():
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="Dropout: p is"):
            nn.Dropout(p)
