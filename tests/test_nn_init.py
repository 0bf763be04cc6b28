"""Initialisation: the standard deviation of each scheme, its bounds, its fans, its seed."""

import math

import numpy as np
import pytest
from scipy import special

import autograd as ag
from autograd import Tensor, tensor
from nn import init
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
    z = np.random.default_rng(0).normal(size=400_000)
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


def test_a_graph_that_needs_the_old_values_notices():
    w = tensor([[1.0, 2.0]], requires_grad=True)
    y = (w * w).sum()
    init.ones_(w)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"shape \(3,\) has no fan in"):
        init.xavier_normal_(empty(3))
    with pytest.raises(ValueError, match="mode is 'fan_on'"):
        init.kaiming_normal_(empty(3, 3), mode="fan_on")
    with pytest.raises(ValueError, match="'swish' is not known; it is one of sigmoid, tanh"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="glu does not act element by element"):
        init.calculate_gain("glu")
    with pytest.raises(ValueError, match="std is 0"):
        init.calculate_gain("gelu", std=0)
