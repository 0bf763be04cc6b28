"""Activations: the registry against the functions, the modules against PyTorch, the table."""

import inspect
import math
import re

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn import MLP, activation_table
from nn import functional as F
from nn.activation import ACTIVATIONS

POINTWISE = [n for n, a in ACTIVATIONS.items() if "x" in a.derivative]
GATED = [n for n, a in ACTIVATIONS.items() if "a" in a.derivative]
S = 2.5  # the sum of the exponentials of the other logits

GRID = np.arange(-300, 301) / 10 + 1e-4  # off the kinks
"""Where formulas are compared."""


def ndtr(x):
    return math.erfc(-x / math.sqrt(2)) / 2


NAMES = {
    **{name: getattr(math, name) for name in ("exp", "log", "tanh", "sqrt")},
    "abs": abs,
    "max": max,
    "min": min,
    "pi": math.pi,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "Phi": ndtr,
    "phi": lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "s": S,
}


def evaluate(name, formula, **values):
    """Compute a formula of the registry with nothing but Python's numbers."""
    known = ACTIVATIONS[name]
    names = {**NAMES, **known.constants, **values}
    for p in inspect.signature(known.function).parameters.values():
        if isinstance(p.default, int | float):
            names.setdefault(p.name, p.default)
    body, _, part = formula.partition(" with ")
    if part:
        label, _, meaning = part.partition(" = ")
        names[label] = eval(meaning, {}, names)
    return eval(body, {}, names)


def computed(name, points):
    """Return values and slopes of the function, one point by itself."""
    x = Tensor(points, requires_grad=True)
    f = ACTIVATIONS[name].function
    if name in ("softmax", "log_softmax"):
        other = np.full_like(points, math.log(S))
        y = f(np.stack([x, other], axis=1))[:, 0]
    else:
        y = f(x)
    y.backward(np.ones(points.shape))
    return y.numpy(), x.grad.numpy()


@pytest.mark.parametrize("name", POINTWISE)
def test_formulas_and_derivatives_are_those_of_the_code(name):
    known = ACTIVATIONS[name]
    values, slopes = computed(name, GRID)
    found = [evaluate(name, known.formula, x=x) for x in GRID.tolist()]
    np.testing.assert_allclose(values, found, rtol=1e-9, atol=1e-12)
    found = [evaluate(name, known.derivative["x"], x=x) for x in GRID.tolist()]
    np.testing.assert_allclose(slopes, found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", GATED)
def test_gated_formulas_and_derivatives_are_those_of_the_code(name):
    known = ACTIVATIONS[name]
    a, b = np.random.default_rng(0).normal(size=(2, 200)) * 3
    x = Tensor(np.stack([a, b], axis=1), requires_grad=True)
    y = known.function(x)
    y.backward(np.ones(y.shape))
    pairs = [{"a": p, "b": q} for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    found = [evaluate(name, known.formula, **pair) for pair in pairs]
    np.testing.assert_allclose(y.numpy()[:, 0], found, rtol=1e-9, atol=1e-12)
    for i, v in enumerate("ab"):
        found = [evaluate(name, known.derivative[v], **pair) for pair in pairs]
        np.testing.assert_allclose(x.grad.numpy()[:, i], found, rtol=1e-9, atol=1e-12)


def test_a_wrong_derivative_in_the_registry_would_be_noticed():
    x = 0.7
    right = evaluate("gelu", ACTIVATIONS["gelu"].derivative["x"], x=x)
    assert evaluate("gelu", "Phi(x)", x=x) != pytest.approx(right, rel=1e-3)
    assert right == pytest.approx(computed("gelu", np.array([x]))[1][0], rel=1e-12)


def parsed(interval):
    """Return (low, whether it is reached, high, whether it is reached)."""
    match = re.fullmatch(r"([\[(])(\S+), (\S+)([\])])", interval)
    left, low, high, right = match.groups()
    return float(low), left == "[", float(high), right == "]"


def check_interval(found, interval):
    low, low_reached, high, high_reached = parsed(interval)
    for bound, reached, nearest, beyond in (
        (low, low_reached, found.min(), (found < low - 6e-7).any()),
        (high, high_reached, found.max(), (found > high + 6e-7).any()),
    ):
        assert not beyond, f"{nearest} is outside of {interval}"
        if math.isinf(bound):
            assert not reached
            assert abs(nearest) > 500
        else:
            # reached to the digits given; or else come near, as far out as the points go
            assert abs(nearest - bound) < (6e-7 if reached else 2e-3)


@pytest.mark.parametrize("name", POINTWISE)
def test_ranges_are_those_of_the_code(name):
    known = ACTIVATIONS[name]
    points = np.concatenate([np.arange(-60000, 60001) / 10000, [-1e6, 1e6], [0.0]])
    values, slopes = computed(name, points)
    check_interval(values, known.range)
    check_interval(slopes, known.slope)


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.init])
def test_bounds_are_the_ends_of_the_range_where_both_are_finite(name):
    known = ACTIVATIONS[name]
    low, _, high, _ = parsed(known.range)
    assert known.bounds == ((low, high) if math.isfinite(high - low) else None)


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.extremes])
def test_extremes_are_where_the_registry_says(name):
    values, slopes = computed(name, np.arange(-60000, 60001) / 10000)
    points = np.arange(-60000, 60001) / 10000
    for what, (x, y) in ACTIVATIONS[name].extremes.items():
        found, pick = (slopes if "slope" in what else values), what.split()[0]
        at = getattr(np, f"arg{pick}")(found)
        assert abs(points[at] - x) < 1e-3
        there = computed(name, np.array([x]))
        assert there[1 if "slope" in what else 0][0] == pytest.approx(y, abs=6e-7)


def test_the_course_has_these_extremes():
    """The numbers that claims of the course are checked by, measured by another program."""
    assert ACTIVATIONS["gelu"].extremes["min"] == (-0.751792, -0.169971)
    assert ACTIVATIONS["gelu"].extremes["max slope"][0] == pytest.approx(math.sqrt(2), abs=1e-6)
    assert ACTIVATIONS["gelu"].extremes["max slope"][1] == pytest.approx(1.129, abs=1e-3)
    assert ACTIVATIONS["silu"].extremes["min"] == pytest.approx((-1.278465, -0.27846), abs=1e-5)
    assert ACTIVATIONS["silu"].extremes["max slope"] == pytest.approx((2.39936, 1.09984), abs=1e-5)
    _, slopes = computed("sigmoid", np.array([0.0, 4.0, 5.0, 6.0]))
    np.testing.assert_allclose(slopes, [0.25, 0.0177, 0.0066, 0.0025], atol=6e-5)


def test_approximations_to_gelu_are_as_close_as_they_are_said_to_be():
    x = np.arange(-60000, 60001) / 10000
    exact = F.gelu(x)
    by_tanh, by_sigmoid = abs(F.gelu(x, "tanh") - exact), abs(F.quick_gelu(x) - exact)
    assert by_tanh.max() == pytest.approx(4.73e-4, rel=2e-3)
    assert abs(x[by_tanh.argmax()]) == pytest.approx(2.70, abs=0.01)
    assert by_sigmoid.max() == pytest.approx(2.03e-2, rel=2e-3)


def test_gelu_is_the_mean_of_x_times_a_coin_that_knows_x():
    rng, n = np.random.default_rng(0), 200_000
    for x in (-1.5, -0.3, 0.8, 2.0):
        p = ndtr(x)
        coins = rng.random(n) < p
        assert abs(x * coins.mean() - F.gelu(np.array(x))) < 4 * abs(x) * math.sqrt(p * (1 - p) / n)


def test_half_of_what_relu_gives_for_normal_numbers_is_zero():
    a = F.relu(np.random.default_rng(0).normal(size=400_000))
    assert (a == 0).mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(400_000))
    assert (a**2).mean() == pytest.approx(0.5, abs=0.01)  # the second moment is halved,
    assert a.var() == pytest.approx(0.341, abs=0.005)  # the variance is not


def test_the_gradient_of_relu_is_exactly_one_where_it_is_active():
    x = Tensor([1e-30, 0.5, 1e30], requires_grad=True)
    g = np.array([0.1, 0.2, 0.3])
    F.relu(x).backward(g)
    np.testing.assert_array_equal(x.grad.numpy(), g)


def test_for_one_example_positive_activations_give_all_weights_gradients_of_one_sign():
    """Steps are confined to two orthants; a batch, or tanh, lifts that."""
    z = np.random.default_rng(0).normal(size=(32, 50))
    target = np.random.default_rng(1).normal(size=32)

    def of_one_sign(activation, examples):
        w = Tensor(np.zeros(50), requires_grad=True)
        F.mse_loss(activation(z[examples]) @ w, target[examples]).backward()
        signs = np.sign(w.grad.numpy())
        return (signs == signs[0])[signs != 0].all()

    singles = [slice(i, i + 1) for i in range(32)]
    assert all(of_one_sign(F.sigmoid, one) for one in singles)
    assert not any(of_one_sign(F.tanh, one) for one in singles)
    assert not of_one_sign(F.sigmoid, slice(None))


@pytest.mark.parametrize("depth", [3, 10, 20])
def test_a_gradient_through_sigmoids_is_bounded_by_quarters_times_the_norms_of_weights(depth):
    rng = np.random.default_rng(depth)
    x = Tensor(rng.normal(size=(1, 30)), requires_grad=True)
    a, bound = x, 1.0
    for _ in range(depth):
        w = rng.normal(size=(30, 30)) / math.sqrt(30)
        a, bound = F.sigmoid(a @ w.T), bound * np.linalg.norm(w, 2) / 4
    g = rng.normal(size=a.shape)
    a.backward(g)
    assert 0 < np.linalg.norm(x.grad.numpy()) <= bound * np.linalg.norm(g)


def test_a_unit_that_is_negative_on_all_data_gets_no_gradient_itself_but_what_is_below_it_does():
    net = MLP([6, 8, 8, 3], "relu", dtype=np.float64, rng=0)
    net[2].bias.data[0] = -100
    x = np.random.default_rng(0).normal(size=(40, 6))
    F.cross_entropy(net(Tensor(x)), np.arange(40) % 3).backward()
    assert not net[2].weight.grad.numpy()[0].any() and net[2].bias.grad.numpy()[0] == 0
    assert net[0].weight.grad.numpy().any(axis=1).all()  # so that its inputs will move
    leaky = MLP([6, 8, 8, 3], "leaky_relu", dtype=np.float64, rng=0)
    leaky[2].bias.data[0] = -100
    F.cross_entropy(leaky(Tensor(x)), np.arange(40) % 3).backward()
    assert leaky[2].weight.grad.numpy()[0].any()


# The registry is complete, and what reads it.


def test_the_registry_names_every_activation_of_functional():
    others = {n for n in F.__all__ if n.endswith(("_loss", "_norm", "entropy", "_logits"))}
    named = {n for n, a in ACTIVATIONS.items() if n != "gelu_tanh"}
    assert named <= set(F.__all__)
    for n in named - {"prelu"}:
        assert ACTIVATIONS[n].function is getattr(F, n)
    import autograd.ops.activation as ops

    assert set(ops.__all__) | {"relu", "tanh", "sigmoid", "softmax", "log_softmax"} == named
    assert not named & others


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.module])
def test_modules_call_the_function_of_the_registry(name):
    known = ACTIVATIONS[name]
    module = known.module()
    x = Tensor(np.random.default_rng(0).normal(size=(3, 4)))
    np.testing.assert_array_equal(module(x).numpy(), known.function(x).numpy())
    assert type(module) is getattr(nn, type(module).__name__)


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.init])
def test_mlp_takes_every_activation_that_keeps_the_width(name):
    net = MLP([5, 6, 3], name, dtype=np.float64, rng=0)
    assert net(Tensor(np.ones((2, 5)))).shape == (2, 3)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert type(net[1]) is type(ACTIVATIONS[name].module())


MODULES = [
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("ReLU", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.2}),
    ("LeakyReLU", {"negative_slope": 1.5}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 4, "init": 0.1}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.5}),
    ("SELU", {}),
    ("CELU", {"alpha": 2.0}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0}),
    ("Softsign", {}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("Hardsigmoid", {}),
    ("Hardswish", {}),
    ("ReLU6", {}),
    ("LogSigmoid", {}),
    ("Softmax", {"dim": 1}),
    ("Softmax", {"dim": 0}),
    ("LogSoftmax", {"dim": -1}),
    ("GLU", {}),
    ("GLU", {"dim": 1}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 6), (40, 4, 8, 8)])
@pytest.mark.parametrize(
    ("name", "options"), MODULES, ids=[f"{n}{'-'.join(map(str, o.items()))}" for n, o in MODULES]
)
def test_modules_are_pytorchs_in_value_and_gradients(name, options, shape, dtype):
    torch = pytest.importorskip("torch")
    data = (3 * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    precision = {"dtype": dtype} if name == "PReLU" else {}
    ours, theirs = getattr(nn, name)(**options, **precision), getattr(torch.nn, name)(**options)
    theirs.to(torch.tensor(data).dtype)
    ours.load_state_dict(theirs.state_dict())  # PyTorch rounds its slopes to float32
    a, b = Tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, z = ours(a), theirs(b)
    g = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    y.backward(g)
    z.backward(torch.tensor(g))
    # PyTorch rounds 1/6 and 0.5 (1 + erf) of float64 and float32 coarsely
    tolerance = {np.float64: 1e-7 if "Hards" in name or name == "CELU" else 1e-8, np.float32: 6e-6}
    if name not in ("Softplus", "Hardsigmoid", "Hardswish", "CELU"):
        tolerance[np.float64] = 1e-13
    close = {"rtol": tolerance[dtype], "atol": tolerance[dtype]}
    assert y.dtype == a.grad.dtype == dtype
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), **close)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **close)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(
            p.grad.numpy(), q.grad.numpy(), rtol=1e-4 if dtype == np.float32 else 1e-12
        )


def test_kinks_are_pytorchs():
    torch = pytest.importorskip("torch")
    points = {"Hardswish": [-3.0, 3.0], "Hardsigmoid": [-3.0, 3.0], "ReLU6": [0.0, 6.0]}
    for name in ("ReLU", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "Hardtanh", *points):
        at = np.array(points.get(name, [-1.0, 0.0, 1.0]), np.float32)
        a, b = Tensor(at, requires_grad=True), torch.tensor(at, requires_grad=True)
        getattr(nn, name)()(a).sum().backward()
        getattr(torch.nn, name)()(b).sum().backward()
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-6, err_msg=name)


def test_modules_say_their_settings():
    assert repr(nn.LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2)"
    assert repr(nn.GELU("tanh")) == "GELU(approximate='tanh')"
    assert repr(nn.Softmax(dim=1)) == "Softmax(axis=1)"
    assert repr(nn.Softmax(axis=(1, 2))) == "Softmax(axis=(1, 2))"


def test_softmax_over_several_axes():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    y = nn.Softmax(axis=(1, 2))(Tensor(x))
    np.testing.assert_array_equal(y.numpy(), F.softmax(x, axis=(1, 2)))
    np.testing.assert_allclose(y.numpy().sum(axis=(1, 2)), 1)
    assert repr(nn.PReLU(3)) == "PReLU(num_parameters=3)"
    assert str(inspect.signature(nn.Hardtanh)) == "(min_val=-1.0, max_val=1.0)"
    with pytest.raises(TypeError, match=r"ReLU: .*'inplace'; .* are \(\); leave inplace out"):
        nn.ReLU(inplace=True)
    with pytest.raises(TypeError, match=r"LeakyReLU: too many .*\); leave inplace out"):
        nn.LeakyReLU(0.2, True)
    with pytest.raises(ValueError, match="PReLU: 0 slopes"):
        nn.PReLU(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nn.Softmax, r"Softmax: axis is an array of shape \(2,\).*Softmax\(\)\(x\)"),
        (nn.ReLU, r"ReLU: too many .*are \(\); .* is made: ReLU\(\)\(x\)"),
        (lambda x: nn.MSELoss(x, x), r"MSELoss: too many positional.*MSELoss\(\)\(input, target\)"),
    ],
)
def test_an_input_is_no_setting(make, message):
    with pytest.raises(TypeError, match=message):
        make(Tensor([1.0, 2.0]))


def test_settings_that_make_no_function_are_refused():
    x = Tensor([1.0])
    with pytest.raises(ValueError, match=r"hardtanh: min_val is 2\.0 and max_val 1\.0"):
        F.hardtanh(x, 2.0)
    with pytest.raises(ValueError, match="celu: alpha is 0"):
        nn.CELU(0.0)(x)


def test_a_setting_that_is_changed_counts():
    module = nn.LeakyReLU()
    module.negative_slope = 0.5
    assert module(Tensor([-2.0])).item() == -1


# The table.


def test_the_table_prints_one_activation_below_the_other():
    text = str(activation_table())
    for name, known in ACTIVATIONS.items():
        assert re.search(rf"^{name} ", text, re.MULTILINE)
        assert known.failure.split()[0] in text
    assert max(map(len, text.splitlines())) <= 146
    assert (
        "x\N{MIDDLE DOT}\N{GREEK CAPITAL LETTER PHI}(x)" in text
        and "min -0.169971 at -0.751792" in text
    )
    assert len(str(activation_table("relu")).splitlines()) < 10


def test_the_table_is_html_in_a_notebook():
    from xml.etree import ElementTree

    page = activation_table()._repr_html_()
    table = ElementTree.fromstring(page.replace("<br>", "<br/>"))
    assert len(table) == len(ACTIVATIONS) + 1
    assert "1/6 if -3 &lt; x &lt; 3 else 0" in page


def test_an_activation_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="activation_table: activation 'swish' is not known"):
        activation_table("swish")
