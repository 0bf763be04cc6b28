"""Indexing, gathering, scattering, masks: values by NumPy, gradients by reasoning and PyTorch."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, gradcheck, jvp

# Assignment.

REPEATED = [
    np.array([0, 0]),
    np.array([1, -2]),  # of three elements, 1 and -2 are one
    [2, 2],
    (np.array([0, 1, 0]),),
]


@pytest.mark.parametrize("index", REPEATED, ids=str)
def test_assigning_a_moving_value_twice_to_one_element_is_refused(index):
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
    v = Tensor(np.ones(x[index].shape), requires_grad=True)
    with pytest.raises(ValueError, match=r"setitem: the index names an element .* more than once"):
        x[index] = v
    np.testing.assert_array_equal(x.data, [1, 2, 3])
    with pytest.raises(ValueError, match="more than once"):
        jvp(lambda v: ag.setitem(x, v, index), (v.detach(),), (v.detach(),))


def test_assigning_a_constant_twice_to_one_element_is_no_matter():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y[[0, 0]] = 5.0
    y.sum().backward()
    np.testing.assert_array_equal(y.data, [5, 2, 3])
    np.testing.assert_array_equal(x.grad.data, [0, 1, 1])


def test_assigning_a_moving_value_by_a_mask_or_distinct_indices_is_differentiable():
    for index in (np.array([True, False, True]), np.array([2, 0]), [-1, 0]):
        x, v = (Tensor(np.arange(n) + 1.0, requires_grad=True) for n in (3, 2))
        y = x * 1
        y[index] = v
        (y * np.array([10.0, 20.0, 30.0])).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 20, 0])
        np.testing.assert_array_equal(v.grad.data, np.array([10, 20, 30])[index])


# Picking and putting: values as NumPy or the definition gives them.

SHAPE = (3, 4)
ALONG = [  # indices that have all axes, and the axis
    (np.array([[0, 2, 1, 2]]), 0),
    (np.array([[0, 3], [1, 1], [2, 0]]), 1),
    (np.array([[0], [-1], [2]]), -1),
    (np.array([[1, 1, 1]]), 1),
    (np.zeros((3, 0), int), 1),
]


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("take", (np.array([[1, 1], [-2, 0]]),)),
        ("take", ([5, 5, -1],)),
        ("take", (np.array([2, 0]), 0)),
        ("take", (np.array([[2, 0], [3, 3]]), -1)),
        ("take", (2, 1)),
        ("take", (np.zeros(0, int), 1)),
        *[("take_along_axis", case) for case in ALONG],
        ("take_along_axis", (np.array([7, 7, 0]), None)),
    ],
    ids=str,
)
def test_picking_is_numpys(name, args, dtype):
    x = drawn(*SHAPE).astype(dtype)
    expected = getattr(np, name)(x, *args)
    index, *axis = args
    for f in (getattr(ag, name), getattr(np, name)):
        for given in (index, Tensor(np.asarray(index))):
            t = Tensor(x, requires_grad=True)
            out = f(t, given, *axis)
            np.testing.assert_array_equal(out.data, expected, strict=True)
            out.backward(np.ones(out.shape))
            assert t.grad.dtype == dtype
            picked = getattr(np, name)(np.arange(12).reshape(SHAPE), *args)
            counts = np.bincount(np.ravel(picked), minlength=12).reshape(SHAPE)
            np.testing.assert_array_equal(t.grad.data, counts)


def test_take_along_axis_stretches_axes_of_length_one():
    x = drawn(1, 4)
    index = np.array([[0, 1], [3, 3]])
    expected = np.take_along_axis(x, index, 1)
    out = ag.take_along_axis(Tensor(x), index, 1)
    np.testing.assert_array_equal(out.data, expected)
    gradcheck(lambda x: ag.take_along_axis(x, index, 1), x)


@pytest.mark.parametrize(("index", "axis"), ALONG, ids=str)
def test_gather_and_its_transposes_follow_their_definition(index, axis):
    x, src = drawn(*SHAPE), drawn(*SHAPE, seed=1)
    picked, added = np.empty(index.shape), x.copy()
    for at in np.ndindex(index.shape):
        where = list(at)
        where[axis] = index[at]
        picked[at] = x[tuple(where)]
        added[tuple(where)] += src[at]
    np.testing.assert_array_equal(ag.gather(Tensor(x), axis, index).data, picked)
    np.testing.assert_array_equal(Tensor(x).gather(dim=axis, index=index).data, picked)
    out = ag.scatter_add(Tensor(x), axis, index, Tensor(src))
    np.testing.assert_allclose(out.data, added, rtol=1e-15)
    gradcheck(lambda x: ag.gather(x, axis, index), x)
    gradcheck(lambda x, src: ag.scatter_add(x, axis, index, src), x, src)


def test_scatter_puts_and_refuses_what_is_ambiguous():
    x, src = drawn(*SHAPE), drawn(*SHAPE, seed=1)
    index = np.array([[2, 0, 1, 1]])
    expected = x.copy()
    np.put_along_axis(expected, index, src[:1], 0)
    np.testing.assert_array_equal(ag.scatter(Tensor(x), 0, index, Tensor(src)).data, expected)
    gradcheck(lambda x, src: ag.scatter(x, 0, index, src), x, src)
    np.testing.assert_array_equal(
        ag.scatter(Tensor(x), 0, index, 0.5).data, ag.scatter(x, 0, index, np.float64(0.5))
    )
    with pytest.raises(ValueError, match="more than once"):
        ag.scatter(Tensor(x), 1, [[1, 1]], Tensor(src, requires_grad=True))


def test_put_along_axis_returns_a_copy_and_numpys_changes_the_tensor():
    x, index = drawn(*SHAPE), np.array([[1], [0], [3]])
    expected = x.copy()
    np.put_along_axis(expected, index, 9.0, 1)
    t = Tensor(x)
    np.testing.assert_array_equal(ag.put_along_axis(t, index, 9.0, 1).data, expected)
    np.testing.assert_array_equal(t.data, x)
    np.put_along_axis(t, index, 9.0, 1)
    np.testing.assert_array_equal(t.data, expected)
    v = drawn(3, 1)
    gradcheck(lambda x, v: ag.put_along_axis(x, index, v, 1), x, v)
    gradcheck(lambda x, v: ag.put_along_axis(x, [4, 0, 11], v[:, 0], None), x, v)
    leaf = Tensor(x, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        np.put_along_axis(leaf, index, 9.0, 1)


def test_index_select_add_and_put():
    x, part = drawn(*SHAPE), drawn(3, 3, seed=1)
    np.testing.assert_array_equal(Tensor(x).index_select(1, [3, 3, 0]).data, x[:, [3, 3, 0]])
    expected = x.copy()
    np.add.at(expected, (slice(None), [3, 3, 0]), part)
    out = Tensor(x).index_add(1, [3, 3, 0], Tensor(part))
    np.testing.assert_allclose(out.data, expected, rtol=1e-15)
    gradcheck(lambda x, part: ag.index_add(x, -1, [3, 3, 0], part), x, part)
    at = ([0, 0], [1, 1])
    expected = x.copy()
    np.add.at(expected, at, [1.0, 2.0])
    for values in ([1.0, 2.0], Tensor([1.0, 2.0])):
        out = ag.index_put(Tensor(x), at, values, accumulate=True)
        np.testing.assert_allclose(out.data, expected, rtol=1e-15)
    gradcheck(lambda x, v: ag.index_put(x, at, v, accumulate=True), x, drawn(2))
    gradcheck(lambda x, v: ag.index_put(x, ([0, 2], [1, 1]), v), x, drawn(2))
    with pytest.raises(ValueError, match="accumulate=True"):
        ag.index_put(Tensor(x), at, Tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: ag.take(x, [3], 0), IndexError, "out of bounds"),
        (lambda x: ag.take(x, [0], 2), IndexError, "take: axis 2 is out of bounds"),
        (lambda x: ag.gather(x, 2, [[0]]), IndexError, "gather: axis 2 is out of bounds"),
        (lambda x: ag.gather(x, 0, [[3]]), IndexError, "out of bounds"),
        (lambda x: ag.gather(x, 0, [0]), ValueError, "gather: .* same number of axes"),
        (lambda x: ag.gather(x, 0, [[0.0]]), TypeError, "gather: .* use integers"),
        (lambda x: ag.take_along_axis(x, [0], 0), ValueError, "axis: .* same number of axes"),
        (lambda x: ag.scatter(x, 0, [[0] * 4], x[:, :1]), ValueError, "scatter: src of shape"),
        (lambda x: ag.scatter(x, 0, [[0]], x[0]), ValueError, "scatter: src of shape"),
        (lambda x: ag.scatter_add(x, 0, [[0]] * 2, x[:1]), ValueError, "at least as long"),
        (lambda x: ag.index_add(x, 0, [0, 1], x[:1]), ValueError, r"one of shape \(2, 4\)"),
        (lambda x: ag.masked_scatter(x, x > -9, x[0]), ValueError, "12 elements, but source has 4"),
        (lambda x: ag.masked_select(x[0], [1, 0, 1, 0]), TypeError, "select: mask is int64; pass"),
        (lambda x: ag.masked_scatter(x[0], [1, 0, 1, 0], x[1]), TypeError, "scatter: mask is int"),
        (lambda x: ag.masked_fill(x[0], [1, 0, 1, 0], 0.0), TypeError, "fill: mask is int64"),
        (lambda x: ag.choose(np.array([0, 2]), [x[0, :2], 1.0]), ValueError, "2 choices"),
        (lambda x: ag.choose(np.array([0.5]), [x, x]), TypeError, "choose: the index is float64"),
        (lambda x: ag.select([x > 0], []), ValueError, "1 conditions and 0 choices"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(Tensor(drawn(*SHAPE)))


# Masks.


@pytest.mark.parametrize("shape", [(3, 4), (4,), (3, 1), ()])
def test_masks_broadcast(shape):
    x, mask = drawn(*SHAPE), np.asarray(drawn(*shape, seed=1) > 0)
    whole = np.broadcast_to(mask, SHAPE)
    for m in (mask, Tensor(mask)):
        np.testing.assert_array_equal(ag.masked_select(Tensor(x), m).data, x[whole])
        out = ag.masked_fill(Tensor(x), m, -np.inf).data
        np.testing.assert_array_equal(out, np.where(whole, -np.inf, x))
    gradcheck(lambda x: ag.masked_select(x, mask), x)
    gradcheck(lambda x, v: ag.masked_fill(x, mask, v), x, np.array(2.0))
    gradcheck(lambda x, s: ag.masked_scatter(x, mask, s), x, drawn(13, seed=2))
    expected = x.copy()
    expected[whole] = drawn(13, seed=2)[: whole.sum()]
    out = ag.masked_scatter(Tensor(x), mask, Tensor(drawn(13, seed=2)))
    np.testing.assert_array_equal(out.data, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_masks_and_choices_keep_the_dtype(dtype):
    x = Tensor(drawn(*SHAPE).astype(dtype), requires_grad=True)
    for out in (
        x.masked_fill(x > 0, 0.5),
        x.masked_select(x > 0),
        ag.select([x < 0, x < 1], [0.0, x], 1.0),
        ag.choose((x > 0).data.astype(int), [x, 1.0]),
        ag.safe_where(x > 0, ag.sqrt, lambda x: 0 * x, x),
    ):
        assert out.dtype == dtype
        out.sum().backward()
        assert x.grad.dtype == dtype
    assert ag.masked_fill(x.data, x.data > 0, 0.5).dtype == dtype


def test_where_something_is():
    x = np.array([[0.0, 2.0], [3.0, 0.0]])
    for f in (ag.nonzero, np.nonzero):
        np.testing.assert_array_equal(f(Tensor(x)), np.nonzero(x))
    np.testing.assert_array_equal(np.argwhere(Tensor(x)), [[0, 1], [1, 0]])
    t = Tensor(x, requires_grad=True)
    t[t.nonzero()].sum().backward()
    np.testing.assert_array_equal(t.grad.data, x != 0)


# Choices.


def test_select_and_choose_are_numpys():
    x, y = drawn(*SHAPE), drawn(4, seed=1)
    conditions = [x > 1, x > 0, np.ones(4, bool)]
    for f in (ag.select, np.select):
        out = f(conditions, [Tensor(x), Tensor(y), 0.25])
        np.testing.assert_array_equal(out.data, np.select(conditions, [x, y, 0.25]))
    out = ag.select(conditions[:2], [1.0, Tensor(x)], Tensor(y))
    np.testing.assert_array_equal(out.data, np.select(conditions[:2], [1.0, x], y))
    gradcheck(lambda x, y: ag.select(conditions, [x, y, 2 * x]), x, y)
    index = np.array([[0], [1], [2]])
    for f in (ag.choose, np.choose):
        out = f(index, [Tensor(x), Tensor(y), 7.0])
        np.testing.assert_array_equal(out.data, np.choose(index, [x, y, 7.0]))
    gradcheck(lambda x, y: ag.choose(index, [x, y, x * y]), x, y)


def test_select_asks_for_booleans():
    x = Tensor([1.0, 0.0])
    for f in (ag.select, np.select):
        with pytest.raises(TypeError, match="select: condition 1 is of float64; pass booleans"):
            f([x > 0, x], [x, x])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32, np.float64])
def test_select_and_choose_give_numpys_dtype(dtype):
    x, y = np.array([0, 1, 1]).astype(dtype), np.array([1, 0, 1]).astype(dtype)
    index = np.array([0, 1, 1])
    np.testing.assert_array_equal(
        ag.choose(index, [Tensor(x), y]).data, np.choose(index, [x, y]), strict=True
    )
    for more in ({}, {"default": 2}, {"default": 2.5}):
        out = ag.select([index > 0], [Tensor(x)], **more)
        np.testing.assert_array_equal(out.data, np.select([index > 0], [x], **more), strict=True)


SAFE = {
    "sqrt": (lambda x: x > 0, ag.sqrt, lambda x: 0 * x, [0.0, -1.0, 4.0], [0, 0, 0.25]),
    "log": (lambda x: x > 0, ag.log, lambda x: x, [0.0, -1.0, 4.0], [1, 1, 0.25]),
    "1/x": (lambda x: x != 0, lambda x: 1 / x, lambda x: x, [0.0, 2.0], [1, -0.25]),
    "sin x/x": (
        lambda x: abs(x) > 1e-3,
        lambda x: ag.sin(x) / x,
        lambda x: 1 - x * x / 6,
        [0.0, np.pi],
        [0, -1 / np.pi],
    ),
    "x log x": (lambda x: x > 0, lambda x: x * ag.log(x), lambda x: 0 * x, [0.0, 1.0], [0, 1]),
    "norm": (
        lambda x: (x * x).sum() > 0,
        lambda x: x / ag.sqrt((x * x).sum()),
        lambda x: 0 * x,
        [0.0, 0.0],
        [0, 0],
    ),
    "everywhere": (lambda x: x > 0, ag.sqrt, None, [1.0, 4.0], [0.5, 0.25]),
    "nowhere": (lambda x: x > 9, None, lambda x: x * x, [1.0, 4.0], [2, 8]),
}


@pytest.mark.parametrize(("holds", "f", "g", "x", "slope"), SAFE.values(), ids=SAFE)
def test_safe_where_never_asks_a_function_outside_its_domain(holds, f, g, x, slope):
    t = Tensor(x, requires_grad=True)
    out = ag.safe_where(holds(t), f, g, t)  # a warning would be an error
    assert np.isfinite(out.data).all()
    out.sum().backward()
    np.testing.assert_allclose(t.grad.data, slope, rtol=1e-15, atol=1e-16)
    t = Tensor(x)
    _, tangent = jvp(lambda t: ag.safe_where(holds(t), f, g, t), (t,), (np.ones(len(x)),))
    np.testing.assert_allclose(tangent.data, slope, rtol=1e-15, atol=1e-16)


def test_safe_where_broadcasts_and_takes_the_empty():
    condition = np.array([[True], [False]])
    out = ag.safe_where(condition, ag.sqrt, lambda x: -x, Tensor([1.0, 4.0]))
    np.testing.assert_array_equal(out.data, [[1, 2], [-1, -4]])
    assert ag.safe_where(np.zeros(0, bool), ag.sqrt, ag.sqrt, Tensor(np.zeros(0))).shape == (0,)


# PyTorch.


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    index = np.array([[0, 2, 1, 2], [1, 1, 0, 0]])
    src, mask = drawn(*SHAPE, seed=1), drawn(*SHAPE, seed=2) > 0
    at, s, m = torch.tensor(index), torch.tensor(src), torch.tensor(mask)
    pairs = [
        (lambda x: x.gather(0, index), lambda x: x.gather(0, at)),
        (lambda x: x.scatter_add(0, index, src), lambda x: x.scatter_add(0, at, s)),
        (lambda x: x.scatter(0, index[:1], src), lambda x: x.scatter(0, at[:1], s)),
        (lambda x: x.index_select(1, [3, 3]), lambda x: x.index_select(1, torch.tensor([3, 3]))),
        (lambda x: x.masked_fill(mask, 2.0), lambda x: x.masked_fill(m, 2.0)),
        (lambda x: x.masked_select(mask), lambda x: x.masked_select(m)),
        (lambda x: x.masked_scatter(mask, src), lambda x: x.masked_scatter(m, s)),
        (lambda x: x.take([5, 5]), lambda x: x.take(torch.tensor([5, 5]))),
    ]
    data = drawn(*SHAPE)
    for ours, theirs in pairs:
        x, t = Tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y, z = ours(x), theirs(t)
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-15)
        seed = drawn(*y.shape, seed=3)
        y.backward(seed)
        z.backward(torch.tensor(seed))
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-14)


# Near.


def test_close_is_as_numpy_says():
    x, y = np.array([1.0, np.nan, np.inf, 1.0]), np.array([1 + 5e-6, np.nan, np.inf, 1.1])
    for params in ({}, {"equal_nan": True}, {"rtol": 1e-7}, {"atol": 0.2}):
        out = ag.isclose(Tensor(x), y, **params)
        np.testing.assert_array_equal(out.data, np.isclose(x, y, **params), strict=True)
        for n in (1, 3, 4):
            for f in (ag.allclose, np.allclose):
                assert f(Tensor(x[:n]), y[:n], **params) is np.allclose(x[:n], y[:n], **params)
    assert ag.allclose(np.ones(2), 1.0)


def test_embedding_picks_rows_and_adds_up_their_gradients():
    table = Tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)
    out = ag.embedding([[3, 0], [3, 3]], table)
    np.testing.assert_array_equal(out.data, table.data[[[3, 0], [3, 3]]])
    out.sum().backward()
    np.testing.assert_array_equal(table.grad.data, [[1] * 3, [0] * 3, [0] * 3, [3] * 3])
    with pytest.raises(IndexError, match=r"runs from 0 to 4, but the table of shape \(4, 3\)"):
        ag.embedding([0, 4], table)
    with pytest.raises(IndexError, match="from -1"):
        ag.embedding([-1], table)
    with pytest.raises(TypeError, match="the input is float64"):
        ag.embedding([0.5], table)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("index_shape", [(500,), (20, 25), (1, 500)])
def test_many_rows_add_up_as_one_by_one(dtype, index_shape):
    rng = np.random.default_rng(0)
    index = rng.integers(-7, 7, index_shape)
    x = rng.integers(-8, 8, (*index_shape, 2, 3)).astype(dtype)  # sums of these are exact
    expected = np.zeros((7, 2, 3), dtype)
    np.add.at(expected, index, x)
    found = ag.embed(x, (7, 2, 3), index)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    one = x[..., :1, :]
    np.add.at(expected := np.zeros((7, 2, 3), dtype), index, one)
    np.testing.assert_array_equal(ag.embed(one, (7, 2, 3), index), expected)


@pytest.mark.parametrize("leading", [(1,), (1, 1)])
def test_an_assigned_value_may_have_leading_axes_of_length_one(leading):
    rows = np.array([0, 2])
    calls = [
        lambda x, v: ag.setitem(x, v, slice(1, 3)),
        lambda x, v: ag.index_put(x, (rows,), v),
        lambda x, v: ag.put_along_axis(x, np.array([[0] * 4, [2] * 4]), v, 0),
        lambda x, v: x + ag.embed(v, x.shape, slice(1, 3)),
    ]
    weights = np.arange(20.0).reshape(5, 4)
    for call in calls:
        v = Tensor(np.ones((*leading, 2, 4)), requires_grad=True)
        (call(ag.zeros(5, 4), v) * weights).sum().backward()
        part = weights[1:3] if call in (calls[0], calls[3]) else weights[rows]
        assert np.array_equal(v.grad.data, part.reshape(v.shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_many_rows_may_be_named_by_small_integers(dtype):
    weight = Tensor(np.ones((300, 64), np.float32), requires_grad=True)
    index = np.tile(np.array([5, 100], dtype), 20)
    ag.embedding(index, weight).sum().backward()
    assert np.flatnonzero(weight.grad.data[:, 0]).tolist() == [5, 100]
    assert weight.grad.data[100, 0] == 20
