"""Initialisation: the standard deviation of each scheme, its bounds, its fans, its seed."""

import math

import numpy as np
import pytest
from scipy import special, stats

import autograd as ag
import nn
from autograd import Tensor, tensor
from nn import GPT, MLP, Embedding, Linear, Module, ModuleList, Sequential, init
from nn.activation import ACTIVATIONS

SHAPE = (300, 500)  # fan out, fan in
SQRT3 = math.sqrt(3)

SCHEMES = [
    (init.lecun_normal_, {}, math.sqrt(1 / 500)),
    (init.lecun_uniform_, {}, math.sqrt(1 / 500)),
    (init.xavier_normal_, {}, math.sqrt(2 / 800)),
    (init.xavier_uniform_, {}, math.sqrt(2 / 800)),
    (init.xavier_normal_, {"gain": 5 / 3}, 5 / 3 * math.sqrt(2 / 800)),
    (init.xavier_uniform_, {"gain": 5 / 3}, 5 / 3 * math.sqrt(2 / 800)),
    (init.kaiming_normal_, {}, math.sqrt(2 / 500)),
    (init.kaiming_uniform_, {}, math.sqrt(2 / 500)),
    (init.kaiming_normal_, {"mode": "fan_out"}, math.sqrt(2 / 300)),
    (init.kaiming_uniform_, {"mode": "fan_out"}, math.sqrt(2 / 300)),
    (init.kaiming_normal_, {"nonlinearity": "linear"}, math.sqrt(1 / 500)),
    (init.kaiming_uniform_, {"a": math.sqrt(5)}, math.sqrt(1 / 3 / 500)),
    (init.orthogonal_, {}, math.sqrt(1 / 500)),
    (init.orthogonal_, {"gain": 2.0}, 2 * math.sqrt(1 / 500)),
    (init.gpt2_, {}, 0.02),
    (init.gpt2_, {"residual_layers": 24}, 0.02 / math.sqrt(24)),
    (init.trunc_normal_, {"std": 0.3, "a": -3.0, "b": 3.0}, 0.3),
    (init.normal_, {"mean": 0, "std": 0.3}, 0.3),
    (init.uniform_, {"a": -0.3, "b": 0.3}, 0.3 / SQRT3),
]
IDS = [f"{f.__name__}{'-'.join(map(str, kw))}" for f, kw, _ in SCHEMES]


def empty(*shape, dtype=np.float64):
    return Tensor(np.full(shape, np.nan), dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(("scheme", "options", "std"), SCHEMES, ids=IDS)
def test_each_scheme_has_the_mean_and_deviation_it_states(scheme, options, std):
    w = empty(*SHAPE)
    assert scheme(w, **options, rng=0) is w
    x = w.numpy()
    n = x.size
    assert abs(x.mean()) < 4 * std / math.sqrt(n)
    # the deviation of n normal numbers is off by std / sqrt(2 n), of uniform ones by less
    assert abs(x.std() - std) < 4 * std / math.sqrt(2 * n)
    if "uniform" in scheme.__name__:
        assert abs(x).max() <= SQRT3 * std
        assert abs(x).max() > 0.999 * SQRT3 * std
    else:
        assert abs(x).max() > 3 * std


@pytest.mark.parametrize(("scheme", "options", "std"), SCHEMES, ids=IDS)
def test_each_scheme_follows_its_seed_and_records_nothing(scheme, options, std):
    a = scheme(empty(8, 9), **options, rng=5)
    b = scheme(empty(8, 9, dtype=np.float32), **options, rng=5)
    c = scheme(empty(8, 9), **options, rng=6)
    np.testing.assert_array_equal(a.numpy().astype(np.float32), b.numpy())
    assert b.dtype == np.float32 and b.is_leaf and b.requires_grad
    assert (a.numpy() != c.numpy()).all()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (8, 2, 3, 3), (30, 2, 3, 3)])
def test_orthogonal_rows_or_columns_have_length_gain(shape):
    w = init.orthogonal_(empty(*shape), gain=1.5, rng=0).numpy().reshape(shape[0], -1)
    product = w @ w.T if len(w) <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 2.25 * np.eye(len(product)), atol=1e-14)


def test_orthogonal_matrices_are_not_of_one_kind():
    """Without the correction of signs the first number would not be negative as often."""
    found = [init.orthogonal_(empty(3, 3), rng=i).numpy() for i in range(400)]
    first = np.array([w[0, 0] for w in found])
    assert abs((first > 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(400)
    assert {round(np.linalg.det(w)) for w in found} == {-1, 1}


def test_orthogonal_layers_keep_lengths_at_any_depth():
    x = np.random.default_rng(1).normal(size=(7, 40))
    a = x
    for i in range(50):
        a = a @ init.orthogonal_(empty(40, 40), rng=i).numpy().T
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), np.linalg.norm(x, axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0, 1, -2, 2),
        (0, 0.02, -0.04, 0.04),
        (1, 2, 0, 9),
        (0, 1, 6, 7),
        (0, 1, -40, -30),
        (5, 1, -2, 2),
    ],
)
def test_truncated_numbers_are_those_of_scipy(mean, std, a, b):
    x = init.trunc_normal_(empty(100_000), mean, std, a, b, rng=0).numpy()
    law = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert a <= x.min() and x.max() <= b
    assert abs(x.mean() - law.mean()) < 4 * law.std() / math.sqrt(x.size)
    assert stats.kstest(x[:2000], law.cdf).pvalue > 1e-3


def test_the_identity_of_convolutions_is_pytorchs():
    torch = pytest.importorskip("torch")
    for shape, groups in [
        ((4, 3, 3), 1),
        ((2, 5, 3, 5), 1),
        ((6, 2, 3, 4), 3),
        ((4, 1, 2, 3, 1), 2),
    ]:
        ours = init.dirac_(empty(*shape), groups).numpy()
        theirs = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
        np.testing.assert_array_equal(ours, theirs)


def test_kernels_count_into_the_fans():
    w = init.lecun_normal_(empty(64, 32, 3, 3), rng=0).numpy()
    assert w.std() == pytest.approx(1 / math.sqrt(32 * 9), rel=0.02)
    w = init.kaiming_normal_(empty(64, 32, 3, 3), mode="fan_out", rng=0).numpy()
    assert w.std() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)


def test_gains_are_pytorchs_where_those_are_exact():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "relu", "leaky_relu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    theirs = torch.nn.init.calculate_gain("leaky_relu", 0.3)
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(theirs)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("std", [0.3, 1.0, 5.0])
@pytest.mark.parametrize(
    ("name", "param", "f"),
    [
        ("relu", None, ag.relu),
        ("leaky_relu", None, ag.leaky_relu),
        ("leaky_relu", 0.3, lambda x: ag.leaky_relu(x, 0.3)),
        ("linear", None, lambda x: x * 1),
    ],
)
def test_closed_forms_of_gains_are_those_of_quadrature(name, param, f, std, backward):
    exact = init.calculate_gain(name, param, backward=backward, std=std)
    assert init.calculate_gain(f, backward=backward, std=std) == pytest.approx(exact, rel=1e-12)


def test_selu_keeps_mean_zero_and_variance_one_exactly():
    assert init.calculate_gain("selu") == 1
    assert init.calculate_gain(ag.selu) == pytest.approx(1, rel=1e-12)
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    slope = scale**2 * (1 / 2 + alpha**2 * np.exp(2) * special.ndtr(-2))  # E[selu'^2]
    assert init.calculate_gain("selu", backward=True) == pytest.approx(slope**-0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    # squares, measured by an independent program
    [
        ("relu", 2.000, 2.0),
        ("leaky_relu", 1.9998, 1.9998),
        ("gelu", 2.352, 2.19),
        ("silu", 2.811, 2.64),
        ("tanh", 2.536, None),
    ],
)
def test_gains_at_unit_variance(name, forward, backward):
    assert init.calculate_gain(name) ** 2 == pytest.approx(forward, abs=6e-4)
    if backward is not None:
        found = init.calculate_gain(name, backward=True) ** 2
        assert found == pytest.approx(backward, abs=6e-3)


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.init])
def test_every_gain_agrees_with_a_random_sample(name):
    z = np.random.default_rng(0).normal(size=100_000)
    x = Tensor(z, requires_grad=True)
    y = ACTIVATIONS[name].function(x)
    y.backward(np.ones(z.shape))
    for values, backward in ((y, False), (x.grad, True)):
        squares = values.numpy() ** 2
        kept = init.calculate_gain(name, backward=backward) ** -2
        assert abs(squares.mean() - kept) <= 4 * squares.std() / math.sqrt(z.size) + 1e-12


def test_no_gain_of_gelu_is_right_at_every_scale():
    gains = [init.calculate_gain("gelu", std=s) for s in (1e-3, 1.0, 1e3)]
    np.testing.assert_allclose(gains, [2, math.sqrt(2.352), math.sqrt(2)], rtol=2e-3)


def test_constants_fill():
    assert init.zeros_(empty(2)).tolist() == [0, 0]
    assert init.ones_(empty(2)).tolist() == [1, 1]
    assert init.constant_(empty(2), 0.5).tolist() == [0.5, 0.5]


def test_a_number_is_filled_too():
    scale = tensor(2.0, requires_grad=True)
    y = scale * scale
    assert init.ones_(scale) is scale and scale.item() == 1 and scale.dtype == np.float64
    assert 0 <= init.uniform_(scale, rng=0).item() <= 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_graph_that_needs_the_old_values_notices():
    w = tensor([[1.0, 2.0]], requires_grad=True)
    y = (w * w).sum()
    init.ones_(w)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_bad_arguments_are_named():
    for fill in (init.lecun_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.orthogonal_):
        message = rf"^{fill.__name__}: a tensor of shape \(3,\) has no fan in"
        with pytest.raises(ValueError, match=message):
            fill(empty(3))
    for mode in ("fan_on", "average"):
        with pytest.raises(ValueError, match=f"^kaiming_normal_: mode is '{mode}'"):
            init.kaiming_normal_(empty(3, 3), mode=mode)
    for nonlinearity in ("tanh", ag.tanh):
        with pytest.raises(ValueError, match=r"tanh takes no param, but it is 0\.3"):
            init.calculate_gain(nonlinearity, 0.3)
    with pytest.raises(ValueError, match="'swish' is not known; it is one of sigmoid, tanh"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="glu does not act element by element"):
        init.calculate_gain("glu")
    with pytest.raises(ValueError, match="gpt2_: residual_layers is -1"):
        init.gpt2_(empty(3, 3), -1)
    with pytest.raises(ValueError, match=r"a is 2, b -2, std 1\.0; a must be below b"):
        init.trunc_normal_(empty(3), a=2, b=-2)
    with pytest.raises(ValueError, match=r"too far from mean 0\.0"):
        init.trunc_normal_(empty(3), a=50, b=60)
    with pytest.raises(ValueError, match=r"shape \(3, 3\) in 1 groups"):
        init.dirac_(empty(3, 3))
    with pytest.raises(ValueError, match=r"in 2 groups"):
        init.dirac_(empty(3, 3, 3), 2)
    with pytest.raises(ValueError, match="std is 0"):
        init.calculate_gain("gelu", std=0)


# What becomes of signals: the statements of the course, with numbers that an independent program
# measured in plain NumPy.


def chain(depth, activation, scheme, width=256, **options):
    """A stack of layers without biases' effect: an MLP without its last, plain layer."""
    net = MLP([width] * (depth + 2), activation, dtype=np.float64, rng=0)[:-1]
    for i, layer in enumerate(net):
        if isinstance(layer, Linear):
            scheme(layer.weight, **options, rng=100 + i)
    return net


def batch(n=256, width=256, seed=1):
    return np.random.default_rng(seed).normal(size=(n, width))


def test_variance_is_the_fan_in_times_that_of_the_weights_times_the_second_moment():
    n, runs = 256, 4000
    for x in (batch(1)[0], np.abs(batch(1)[0]) + 1):  # of zero mean, and not
        w = init.normal_(empty(runs, n), std=0.05, rng=2).numpy()
        expected = n * 0.05**2 * (x**2).mean()
        assert abs((w @ x).var() / expected - 1) < 3 * math.sqrt(2 / runs)


def test_he_keeps_the_second_moment_of_relu_and_its_gradient():
    found = init.report(chain(50, "relu", init.kaiming_normal_), batch())
    assert 0.95 < found.layers[2].forward < 1.05
    assert 0.3 < found.layers[-1].forward < 3  # .975 -> 1.60 there
    assert 0.3 < found.layers[0].backward < 3
    assert found.verdict == "healthy"
    assert found.depth == 50 and abs(found.forward_rate - 1) < 0.03


def test_lecun_halves_the_second_moment_of_relu_layer_by_layer():
    found = init.report(chain(50, "relu", init.lecun_normal_), batch())
    relus = [s for s in found.layers if s.name == "ReLU"]
    assert 1 / 3 < relus[49].forward * 2.0**50 < 3  # 1.4e-15 there
    assert 1e-9 < math.sqrt(found.layers[0].backward) < 1e-7  # 3.7e-8
    assert found.verdict == "vanishing, shrinking"
    assert found.forward_rate == pytest.approx(0.5, rel=0.05)
    assert found.backward_rate == pytest.approx(0.5, rel=0.05)


def test_the_second_moment_of_tanh_falls_slowly_with_lecun():
    tanhs = [
        s.forward
        for s in init.report(chain(50, "tanh", init.lecun_normal_), batch()).layers
        if s.name == "Tanh"
    ]
    assert tanhs[0] == pytest.approx(0.394, rel=0.03)
    assert 0.007 < tanhs[49] < 0.013  # .0096 there; 1 / (2 L) = .01
    with_gain = init.report(chain(50, "tanh", init.xavier_normal_, gain=5 / 3), batch())
    assert 0.649**2 * 0.97 < with_gain.layers[-1].forward < 0.654**2 * 1.03


@pytest.mark.parametrize("depth", [10, 50])
def test_gradients_vanish_in_a_deep_sigmoid_network(depth):
    found = init.report(chain(depth, "sigmoid", init.lecun_normal_), batch())
    assert "vanishing" in found.verdict
    per_layer = math.sqrt(found.backward_rate)  # of the norm; the slope is 1/4 at most
    assert 0.2 < per_layer < 0.25


def test_selu_with_lecun_keeps_mean_and_variance():
    found = init.report(chain(50, "selu", init.lecun_normal_), batch())
    assert found.layers[-1].forward == pytest.approx(1, abs=0.2)
    assert found.verdict == "healthy"


def test_gpt2s_numbers_are_small_without_a_norm():
    found = init.report(chain(50, "relu", init.gpt2_), batch())
    relus = [s.forward for s in found.layers if s.name == "ReLU"]
    assert relus[49] == pytest.approx((256 * 0.02**2 / 2) ** 50, rel=3)  # 4.6e-65 there
    assert found.forward_rate == pytest.approx(256 * 0.02**2 / 2, rel=0.05)
    for width, ratio in ((768, 0.55), (1600, 0.8)):
        assert 0.02 * math.sqrt(width) == pytest.approx(ratio, abs=0.005)


def test_branches_scaled_by_their_number_keep_the_residual_stream():
    """x + W2 relu(W1 x): the second moment doubles for each block, or tends to e with 1/sqrt(L)."""

    class Scale(Module):
        def forward(self, x):
            return x * 1

    class Blocks(Module):
        def __init__(self, depth, scale, width=256):
            self.first = ModuleList(
                [Linear(width, width, False, dtype=np.float64) for _ in range(depth)]
            )
            self.second = ModuleList(
                [Linear(width, width, False, dtype=np.float64) for _ in range(depth)]
            )
            self.out = Scale()
            for i, (a, b) in enumerate(zip(self.first, self.second, strict=True)):
                init.kaiming_normal_(a.weight, rng=2 * i + 1000)
                init.lecun_normal_(b.weight, rng=2 * i + 1001)
                b.weight.data *= scale

        def forward(self, x):
            for a, b in zip(self.first, self.second, strict=True):
                x = x + b(ag.relu(a(x)))
            return self.out(x)

    plain = init.report(Blocks(50, 1), batch())
    assert 2.0**50 / 3 < plain.layers[-1].forward < 2.0**50 * 3  # 8.3e14 there
    assert "growing" in plain.verdict and "exploding" in plain.verdict
    scaled = init.report(Blocks(50, 1 / math.sqrt(50)), batch())
    assert scaled.layers[-1].forward == pytest.approx((1 + 1 / 50) ** 50, rel=0.1)  # 2.79
    assert math.sqrt(scaled.layers[0].backward) == pytest.approx(math.sqrt(math.e), rel=0.1)  # 1.64
    assert scaled.verdict == "healthy"


def test_what_overflows_is_named():
    net = chain(60, "relu", init.normal_, std=3.0)
    found = init.report(net.to(np.float32), batch().astype(np.float32))
    assert "not finite" in found.verdict
    first = next(s for s in found.layers if not math.isfinite(s.forward))
    assert first.verdict == "not finite"


def test_dead_and_saturated_layers_are_named():
    net = MLP([8, 32, 32, 3], "relu", rng=0)
    net[2].bias.data[:20] = -100
    found = init.report(net, batch(50, 8).astype(np.float32))
    relu = found.layers[4]
    assert relu.path == "3" and relu.dead >= 20 / 32 and relu.verdict == "dead"
    assert "dead" in found.verdict and f"{relu.dead:.0%} dead" in str(found)
    net[2].bias.data[:] = -100
    assert init.report(net, batch(50, 8).astype(np.float32)).layers[4].forward == 0
    net = chain(3, "tanh", init.normal_, std=1.0)
    found = init.report(net, batch())
    assert found.layers[4].saturated > 0.5 and "saturated" in found.layers[4].verdict


@pytest.mark.parametrize("mode", [True, False], ids=["training", "in use"])
@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([nn.Conv2d(8, 32, 3, rng=0)], (20, 8, 5, 5)),
        ([nn.Conv1d(8, 32, 3, rng=0)], (20, 8, 5)),
        ([nn.Conv1d(8, 32, 3, rng=0), nn.BatchNorm1d(32)], (20, 8, 5)),
        ([nn.Conv1d(8, 32, 3, rng=0), nn.GroupNorm(4, 32)], (20, 8, 5)),
        ([nn.Conv1d(8, 32, 3, rng=0), nn.Residual(nn.Conv1d(32, 32, 1, rng=1))], (20, 8, 5)),
        ([nn.Conv1d(8, 32, 3, rng=0), nn.GELU()], (20, 8, 5)),
        ([nn.Linear(8, 32, rng=0)], (20, 5, 8)),
        ([nn.Linear(8, 32, rng=0), nn.Residual(nn.Linear(32, 32, rng=1))], (20, 5, 8)),
    ],
    ids=[
        "image",
        "signal",
        "batch norm",
        "group norm",
        "residual",
        "another activation",
        "sequence",
        "residual sequence",
    ],
)
def test_dead_units_are_channels_or_along_the_last_axis(layers, shape, mode):
    net = Sequential(*layers, nn.ReLU()).train(mode)
    last = [m for m in net.modules() if getattr(m, "bias", None) is not None][-1]
    last.bias.data[:24] = -100
    found = init.report(net, np.random.default_rng(1).normal(size=shape).astype(np.float32))
    assert found.layers[-1].dead == 24 / 32
    assert found.layers[-1].verdict == "dead"


def test_what_is_saturated_is_judged_by_the_bounds_of_the_module():
    def share(activation, spread):
        net = Sequential(Linear(64, 64, rng=0, dtype=np.float64), activation)
        return init.report(net, spread * batch(50, 64)).layers[-1].saturated

    assert share(nn.Hardtanh(-20, 20), 4) == 0 < 0.5 < share(nn.Hardtanh(-20, 20), 400)
    assert share(nn.Hardtanh(), 4) > 0.5
    assert share(nn.ReLU6(), 1) == share(nn.Hardtanh(0, 6), 1) == 0  # though a half is at 0
    assert share(nn.ReLU6(), 1000) > 0.5
    assert share(nn.Softsign(), 1000) > 0.5
    assert share(nn.Hardtanh(-float("inf"), 1), 1) == 0


def test_a_report_leaves_the_model_as_it_is():
    class Counter(Module):
        def __init__(self):
            self.register_buffer("calls", 0.0)
            self.inner = Linear(4, 4, rng=0)

        def forward(self, x):
            self.calls = self.calls + 1
            return self.inner(x)

    net = Counter().eval()
    before = net.state_dict()
    found = init.report(net, batch(5, 4).astype(np.float32))
    assert [s.path for s in found.layers] == ["input", "inner"]
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert all(p.grad is None for p in net.parameters())
    assert not net.training and "forward" not in vars(net.inner)


def test_what_runs_a_model_leaves_its_input_as_it_is():
    class First(Module):
        def __init__(self):
            self.table, self.out = Embedding(7, 4, rng=0), Linear(4, 4, rng=0)

        def forward(self, i):
            i[0] = 0
            return self.out(self.table(i))

    given = np.array([1, 2, 3])
    init.report(First(), given)
    init.lsuv_(First(), given)
    assert given.tolist() == [1, 2, 3]


def test_a_report_takes_a_loss_and_integers():
    net = Sequential(Embedding(7, 16, rng=0), Linear(16, 7, rng=0))
    y = np.array([1, 2, 3])
    found = init.report(net, y, loss=lambda z: ag.cross_entropy(z, y))
    assert [s.name for s in found.layers] == ["Embedding", "Linear"]
    p = ag.softmax(net(y).detach()).numpy()
    gradient = (p - np.eye(7)[y]) / 3
    assert found.layers[-1].backward == pytest.approx((gradient**2).mean(), rel=1e-5)
    page = found._repr_html_()
    assert page.count("<tr>") == 3 and "verdict" in page
    assert "verdict: healthy" in str(found)


def test_a_report_takes_the_gradient_of_the_input_that_it_shows():
    class Picked(Module):
        def __init__(self):
            self.inner = Linear(4, 4, rng=0)

        def forward(self, i, x):
            return self.inner(x[i])

    found = init.report(Picked(), np.array([2, 0, 1]), batch(3, 4))
    assert found.layers[0].path == "input" and found.layers[0].backward > 0
    assert "not finite" not in str(found)


def test_a_report_tells_no_gradient_from_one_that_is_not_finite():
    frozen = Sequential(Embedding(7, 16, rng=0), Linear(16, 7, rng=0))
    frozen[0].requires_grad_(False)
    found = init.report(frozen, np.array([1, 2, 3]))
    assert np.isnan(found.layers[0].backward)
    assert found.verdict == "healthy"
    found = init.report(MLP([4, 8, 3], rng=0), batch(5, 4), loss=lambda z: (z * 0).sqrt().sum())
    assert found.verdict == "not finite"


def test_lsuv_scales_a_weight_once_and_leaves_that_of_an_embedding_alone():
    tokens = np.random.default_rng(0).integers(0, 10, (4, 6))
    model = GPT(10, 6, 16, 2, 2, rng=0)
    before = model.state_dict()["embedding.weight"].copy()
    init.lsuv_(model, tokens, rng=0)
    np.testing.assert_array_equal(model.state_dict()["embedding.weight"], before)
    layer = Linear(16, 16, bias=False, rng=0)
    twice = Sequential(layer, Linear(16, 16, bias=False, rng=0))
    twice[1].weight = layer.weight
    x = batch(300, 16)
    init.lsuv_(twice, x, rng=0)
    assert layer(Tensor(x)).numpy().std() == pytest.approx(1, rel=1e-5)


def test_a_model_without_layers_has_no_report():
    class Shape(Module):
        def forward(self, x):
            return x.shape

    with pytest.raises(ValueError, match="report: Shape called no layer that put out a tensor"):
        init.report(Shape(), batch(2, 3))


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu", "sigmoid"])
def test_lsuv_gives_each_layer_variance_one(activation):
    net = MLP([64] * 20 + [10], activation, dtype=np.float64, rng=0)
    x = batch(300, 64)
    assert init.lsuv_(net, x, rng=0) is net
    found = init.report(net, x)
    a = Tensor(x)
    for layer in net:
        a = layer(a)
        if isinstance(layer, Linear):
            assert a.numpy().var() == pytest.approx(1, rel=1e-10)
    assert "shrinking" not in found.verdict and "growing" not in found.verdict
    w = net[0].weight.numpy()
    product = w @ w.T
    np.testing.assert_allclose(product, product[0, 0] * np.eye(len(w)), atol=1e-12)


def test_lsuv_leaves_nothing_half_done():
    net = MLP([4, 5, 3], rng=0)
    before = net.state_dict()
    with pytest.raises(ValueError, match=r"lsuv_: Linear puts out .* deviation 0\.0"):
        init.lsuv_(net, np.zeros((6, 4), np.float32))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_lsuv_leaves_embeddings_alone():
    net = Sequential(Embedding(7, 16, rng=0), Linear(16, 7, rng=0))
    table = net[0].weight.numpy().copy()
    init.lsuv_(net, np.arange(7), rng=0)
    np.testing.assert_array_equal(net[0].weight.numpy(), table)
    assert net(np.arange(7)).numpy().std() == pytest.approx(1, rel=1e-5)
