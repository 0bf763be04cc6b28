"""Functions that make tensors: the values NumPy makes, dtypes, seeds; and gradients on purpose."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jvp, manual_seed

# Constants, ranges, matrices.

SAME = [
    ("zeros", ((2, 3),), {}),
    ("ones", ((2, 0),), {}),
    ("full", ((2, 3), 7.5), {}),
    ("full", (2, [1.0, 2.0]), {}),
    ("arange", (5,), {}),
    ("arange", (2, 5), {}),
    ("arange", (0.5, 3.0, 0.5), {}),
    ("arange", (5, 0, -2), {}),
    ("linspace", (0, 1, 5), {}),
    ("logspace", (0, 2, 5), {}),
    ("logspace", (0, 2, 3), {"base": 2.0}),
    ("geomspace", (1, 16, 5), {}),
    ("eye", (3,), {}),
    ("eye", (2, 4, 1), {}),
    ("tri", (3,), {}),
    ("tri", (3, 2, -1), {}),
]


@pytest.mark.parametrize(("name", "args", "params"), SAME, ids=str)
def test_values_and_dtypes_are_numpys(name, args, params):
    expected = getattr(np, name)(*args, **params)
    out = getattr(ag, name)(*args, **params)
    np.testing.assert_array_equal(out.data, expected, strict=True)
    assert not out.requires_grad
    assert out.is_leaf
    for dtype in (np.float16, np.dtype("f4"), "f8"):
        out = getattr(ag, name)(*args, **params, dtype=dtype, requires_grad=True)
        expected = getattr(np, name)(*args, **params, dtype=dtype)
        np.testing.assert_array_equal(out.data, expected, strict=True)
        assert out.requires_grad


@pytest.mark.parametrize("f", [ag.zeros, ag.ones, ag.empty, ag.rand, ag.randn])
def test_a_shape_is_several_ints_or_a_tuple(f):
    for args, shape in [((2, 3), (2, 3)), (((2, 3),), (2, 3)), ((4,), (4,)), ((), ())]:
        out = f(*args)
        assert (out.shape, out.dtype) == (shape, np.float64)
    assert f(np.int64(2)).shape == (2,)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
@pytest.mark.parametrize("shape", [(), (2, 3), (0,)])
def test_like_another(shape, dtype):
    x = np.ones(shape, dtype)
    for given in (x, Tensor(x)):
        for out, expected in [
            (ag.zeros_like(given), np.zeros_like(x)),
            (ag.ones_like(given), np.ones_like(x)),
            (ag.full_like(given, 3), np.full_like(x, 3)),
        ]:
            np.testing.assert_array_equal(out.data, expected, strict=True)
        assert (ag.empty_like(given).shape, ag.empty_like(given).dtype) == (shape, dtype)
        assert ag.zeros_like(given, dtype="f4", requires_grad=True).dtype == np.float32
        if np.dtype(dtype).kind == "f":
            for f in (ag.rand_like, ag.randn_like):
                assert (f(given).shape, f(given).dtype) == (shape, dtype)
                assert f(given, dtype="f4").dtype == np.float32
    for f, out in [(np.zeros_like, 0), (np.ones_like, 1)]:
        np.testing.assert_array_equal(f(Tensor(x)).data, np.full_like(x, out), strict=True)
        assert f(Tensor(x), dtype="f4").dtype == np.float32
    np.testing.assert_array_equal(np.full_like(Tensor(x), 2).data, np.full_like(x, 2), strict=True)
    assert np.empty_like(Tensor(x)).shape == shape


@pytest.mark.parametrize(
    "make",
    [
        lambda v: ag.full((2,), v),
        lambda v: ag.full_like(np.zeros(2), v),
        lambda v: ag.arange(v, 4.0),
        lambda v: ag.linspace(1.0, v, 3),
        lambda v: ag.logspace(1.0, v, 3),
        lambda v: ag.geomspace(v, 8.0, 3),
    ],
)
def test_a_value_may_be_a_tensor_but_not_one_whose_gradient_would_be_lost(make):
    assert make(Tensor(2.0)).tolist() == make(2.0).tolist()
    for call in (
        lambda: make(Tensor(2.0, requires_grad=True)),
        lambda: ag.jvp(make, (2.0,), (1.0,)),
    ):
        with pytest.raises(TypeError, match=r"its gradient would be lost; use .* \.detach\(\)"):
            call()


def test_made_tensors_own_their_memory():
    x = Tensor([1.0, 2.0])
    ag.zeros_like(x).data[0] = 5
    np.testing.assert_array_equal(x.data, [1, 2])


def test_from_numpy_shares_memory():
    x = np.zeros(3)
    t = ag.from_numpy(x)
    assert t.data is x


def test_integers_have_no_gradient():
    with pytest.raises(TypeError, match="int64"):
        ag.arange(3, requires_grad=True)


def test_one_hot():
    index = np.array([[0, 2], [1, 1]])
    for given in (index, Tensor(index), index.tolist()):
        np.testing.assert_array_equal(ag.one_hot(given).data, np.eye(3)[index], strict=True)
        np.testing.assert_array_equal(ag.one_hot(given, 5).data, np.eye(5)[index])
    assert ag.one_hot(1, 3, dtype="f4").tolist() == [0, 1, 0]
    assert ag.one_hot(1, 3, dtype="f4").dtype == np.float32
    assert ag.one_hot(np.zeros((2, 0), int), 3).shape == (2, 0, 3)
    assert ag.one_hot(np.zeros((2, 0), int)).shape == (2, 0, 0)
    assert ag.one_hot(np.array([255, 0], np.uint8)).shape == (2, 256)
    with pytest.raises(ValueError, match="from 0 to 2 are not all among the 2 classes"):
        ag.one_hot(index, 2)
    with pytest.raises(ValueError, match="from -1 to 0"):
        ag.one_hot([-1, 0])
    with pytest.raises(TypeError, match="use integers"):
        ag.one_hot([0.0, 1.0])


# Chance.

RANDOM = [
    lambda **kw: ag.rand(5, 2, **kw),
    lambda **kw: ag.randn((5, 2), **kw),
    lambda **kw: ag.rand_like(np.zeros(10), **kw),
    lambda **kw: ag.randn_like(Tensor(np.zeros(10)), **kw),
    lambda **kw: ag.randint(1000, size=10, **kw),
    lambda **kw: ag.randint(-50, 1000, (5, 2), **kw),
    lambda **kw: ag.randperm(20, **kw),
    lambda **kw: ag.bernoulli(np.full(40, 0.5), **kw),
]


@pytest.mark.parametrize("f", RANDOM)
def test_the_same_seed_draws_the_same(f):
    np.testing.assert_array_equal(f(rng=3).data, f(rng=np.random.default_rng(3)).data)
    assert (f(rng=3).data != f(rng=4).data).any()
    manual_seed(7)
    first = f().data
    assert (f().data != first).any()
    manual_seed(7)
    np.testing.assert_array_equal(f().data, first)
    np.testing.assert_array_equal(f(rng=7).data, first)


def test_a_given_generator_moves_on_and_the_default_stays():
    rng = np.random.default_rng(0)
    assert ag.rand(rng=rng).item() != ag.rand(rng=rng).item()
    manual_seed(1)
    expected = np.random.default_rng(1).random()
    ag.rand(3, rng=rng)
    assert ag.rand().item() == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_distributions(dtype):
    n = 20_000
    x, y = ag.rand(n, dtype=dtype, rng=0), ag.randn(n, dtype=dtype, rng=0)
    for drawn, mean, variance in ((x, 0.5, 1 / 12), (y, 0, 1)):
        assert drawn.dtype == dtype
        values = drawn.data.astype(float)
        assert abs(values.mean() - mean) < 4 * np.sqrt(variance / n)
        assert abs(values.var() / variance - 1) < 0.05
    assert 0 <= x.data.min() < 0.001
    assert 0.999 < x.data.max() < 1


def test_float16_never_reaches_one():
    class Edge(np.random.Generator):
        def random(self, size=None, dtype=np.float64, out=None):
            return np.full(size, np.nextafter(np.float32(1), np.float32(0)), dtype)

    assert ag.rand(2, dtype=np.float16, rng=Edge(np.random.PCG64(0))).data.max() < 1


def test_integers_and_orders():
    x = ag.randint(2, 5, (1000,), rng=0)
    assert x.dtype == np.int64
    np.testing.assert_array_equal(np.unique(x.data), [2, 3, 4])
    assert ag.randint(3, size=(2,), dtype="f4", rng=0).dtype == np.float32
    assert ag.randint(3).shape == ()
    np.testing.assert_array_equal(np.sort(ag.randperm(50, rng=0).data), np.arange(50))
    assert ag.randperm(3, dtype=np.int32).dtype == np.int32
    with pytest.raises(ValueError, match="low >= high"):
        ag.randint(3, 3)
    with pytest.raises(TypeError, match=r"rand: dtype is int64; .* use randint"):
        ag.rand(3, dtype=int)


def test_bernoulli():
    p = np.array([0.0, 0.25, 1.0], dtype=np.float32)
    draws = ag.bernoulli(Tensor(np.tile(p, (20_000, 1))), rng=0)
    assert draws.dtype == np.float32
    assert not draws.requires_grad
    means = draws.data.mean(axis=0)
    assert (means[0], means[2]) == (0, 1)
    assert abs(means[1] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 20_000)
    assert ag.bernoulli(0.5, dtype="f2").dtype == np.float16
    for wrong in (-0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match="not all from 0 to 1"):
            ag.bernoulli(np.array([0.5, wrong]))


# Gradients on purpose.


def test_clone_is_a_copy_inside_the_graph():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for f in (ag.clone, np.copy):
        y = f(x)
        assert not np.shares_memory(y.data, x.data)
        x.grad = None
        (3 * y).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [3, 3])


def test_stop_gradient_stops_it_in_both_modes_and_inside_derivatives():
    def f(x):
        return x * ag.stop_gradient(x * x)

    x = Tensor(3.0, requires_grad=True)
    f(x).backward(create_graph=True)
    assert x.grad.item() == 9
    assert not x.grad.requires_grad
    assert jvp(f, (3.0,), (1.0,))[1].item() == 9
    assert jvp(lambda x: jvp(f, (x,), (1.0,))[1], (3.0,), (1.0,))[1].item() == 0
    array = np.ones(2)
    assert ag.stop_gradient(array) is array


def test_straight_through_takes_the_value_of_one_and_the_gradient_of_the_other():
    x = Tensor([0.4, 1.6], requires_grad=True)
    y = ag.straight_through(ag.round(x), ag.tanh(x))
    np.testing.assert_array_equal(y.data, [0, 2])
    (y * y).sum().backward()
    np.testing.assert_allclose(x.grad.data, 2 * y.data * (1 - np.tanh(x.data) ** 2), rtol=1e-15)
    hard = Tensor(1.5, requires_grad=True)
    ag.straight_through(hard * 2, x[0]).backward()
    assert hard.grad is None
    assert jvp(lambda h: ag.straight_through(h, h.data), (1.0,), (1.0,))[1].item() == 0
    with pytest.raises(ValueError, match="they must be equal"):
        ag.straight_through(x, x[0])


def test_gradient_reversal_makes_descent_ascent():
    features = Tensor([1.0, -2.0], requires_grad=True)
    head = Tensor([0.5, 0.25], requires_grad=True)
    (ag.gradient_reversal(features, 0.1) * head).sum().backward()
    np.testing.assert_allclose(features.grad.data, -0.1 * head.data, rtol=1e-15)
    np.testing.assert_array_equal(head.grad.data, features.data)


def test_a_number_that_does_not_fit_is_refused_by_full_like():
    with pytest.raises(OverflowError, match="300 out of bounds for uint8"):
        ag.full_like(Tensor(np.zeros(3, np.uint8)), 300)
