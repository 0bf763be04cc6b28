"""Reductions, scans and order: what NumPy gives, conventions at ties and zeros, errors."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, gradcheck, gradgradcheck, jvp

NAN, INF = np.nan, np.inf
X = np.random.default_rng(3).permutation(24).reshape(2, 3, 4) / 4 - 2.9
HOLES = np.where(np.arange(24).reshape(2, 3, 4) % 5 == 1, NAN, X)
AXES = [{}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}]


def compare(f, x, /, **params):
    """Compare a NumPy function on a tensor with the same on an array."""
    x = np.asarray(x)
    right = f(x, **params)
    out = f(Tensor(x, requires_grad=True), **params)
    assert isinstance(out, Tensor)
    assert out.dtype == right.dtype
    assert out.requires_grad == (right.dtype.kind == "f")
    assert out.shape == np.shape(right)
    np.testing.assert_allclose(out.data, right, 1e-14)


@pytest.mark.parametrize("params", AXES, ids=str)
@pytest.mark.parametrize("f", [np.prod, np.ptp, np.median, np.any, np.all, np.count_nonzero])
def test_reductions_give_numpys_values(f, params):
    compare(f, X, **params)
    compare(f, np.where(X > 0, X, 0), **params)


@pytest.mark.parametrize("params", AXES, ids=str)
@pytest.mark.parametrize("f", [np.nansum, np.nanmean, np.nanmax, np.nanmin])
def test_reductions_leave_out_nan_as_numpy_does(f, params):
    compare(f, HOLES, **params)


@pytest.mark.parametrize("f", [ag.nanmean, ag.nanmax, ag.nanmin])
def test_a_reduction_of_nothing_but_nan_is_nan(f):
    with np.errstate(invalid="ignore"):
        out = f(Tensor([[NAN, NAN], [NAN, 1.0]]), axis=1)
    np.testing.assert_array_equal(out.data, [NAN, 1])


@pytest.mark.parametrize("params", [{}, {"axis": 1}, {"axis": -1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("f", [np.argmax, np.argmin])
def test_argmax_and_argmin_give_numpys_positions(f, params):
    compare(f, X, **params)


@pytest.mark.parametrize("f", [np.sort, np.argsort])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorts_give_numpys_values(f, axis):
    compare(f, X, axis=axis)


@pytest.mark.parametrize("f", [np.cumsum, np.cumprod])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_scans_give_numpys_values(f, axis):
    compare(f, X, axis=axis)


@pytest.mark.parametrize("q", [0, 0.3, 1, [0.25, 0.5, 0.9]])
@pytest.mark.parametrize("params", AXES, ids=str)
def test_quantiles_give_numpys_values(q, params):
    compare(np.quantile, X, q=q, **params)


@pytest.mark.parametrize("params", AXES, ids=str)
def test_percentiles_and_medians_of_what_is_not_nan_are_numpys(params):
    compare(np.percentile, X, q=[25, 60.0], **params)
    compare(np.nanmedian, X, **params)
    compare(np.nanmedian, np.where(HOLES > -9, X, NAN), **params)


def test_the_median_of_nothing_but_nan_is_nan():
    np.testing.assert_array_equal(
        ag.nanmedian(Tensor([[NAN, NAN], [NAN, 2.0]]), axis=1).data, [NAN, 2]
    )


@pytest.mark.parametrize("kth", [0, 2, -1, (1, 2)])
def test_a_partition_has_its_elements_where_sorting_puts_them(kth):
    found = np.partition(Tensor(X), kth, axis=1).data
    at = list(kth) if isinstance(kth, tuple) else [kth]
    np.testing.assert_array_equal(found[:, at], np.partition(X, kth, axis=1)[:, at])
    with pytest.raises(ValueError, match="kth is 9, but axis 1 of x has length"):
        ag.partition(Tensor(X), 9, axis=1)


def test_quantiles_are_nan_where_something_is():
    np.testing.assert_array_equal(
        ag.median(Tensor([[1.0, NAN, 2.0], [1.0, 2.0, 4.0]]), 1).data, [NAN, 2]
    )


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("axis", [1, -1])
def test_differences_are_numpys(n, axis):
    compare(np.diff, X, n=n, axis=axis)


def test_trapezoid_and_average_are_numpys():
    compare(np.trapezoid, X, dx=0.3, axis=1)
    compare(np.trapezoid, X, x=np.array([0.0, 1.0, 4.0]), axis=1)
    compare(np.trapezoid, X, x=np.cumsum(X**2, axis=-1))
    compare(np.average, X, axis=1)
    compare(np.average, X, axis=1, weights=np.array([1.0, 2.0, 4.0]))
    compare(np.average, X, weights=X**2)
    compare(np.average, X, axis=(2, 0), weights=X[:, 0].T ** 2)
    with pytest.raises(TypeError, match=r"weights of shape \(4,\) .* name the axis"):
        np.average(Tensor(X), weights=X[0, 0])
    with pytest.raises(ValueError, match=r"weights of shape \(4,\) for axis 1 .* pass \(3,\)"):
        np.average(Tensor(X), axis=1, weights=X[0, 0])


@pytest.mark.parametrize(
    ("shape", "ord", "axis"),
    [
        ((24,), None, None),
        ((24,), 1, None),
        ((24,), 3, 0),
        ((24,), INF, None),
        ((24,), -INF, None),
        ((4, 6), None, None),
        ((4, 6), "fro", None),
        ((4, 6), 1, None),
        ((4, 6), -1, None),
        ((4, 6), INF, None),
        ((4, 6), -INF, None),
        ((4, 6), 1, 0),
        ((2, 3, 4), None, None),
        ((2, 3, 4), "fro", (0, 2)),
        ((2, 3, 4), 1, (2, 0)),
        ((2, 3, 4), INF, (2, 0)),
        ((2, 3, 4), 2, 1),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_are_numpys(shape, ord, axis, keepdims):
    compare(np.linalg.norm, X.reshape(shape), ord=ord, axis=axis, keepdims=keepdims)


def test_norms_that_are_none_say_so():
    with pytest.raises(ValueError, match="use svd"):
        ag.norm(Tensor(X[0]), ord=2)
    with pytest.raises(ValueError, match="no ord 1 for 3 axes"):
        ag.norm(Tensor(X), ord=1)
    with pytest.raises(ValueError, match="ord is 0"):
        ag.vector_norm(Tensor(X), ord=0)


def test_the_norm_of_float16_does_not_overflow():
    assert ag.norm(Tensor([300.0, 400.0], dtype=np.float16)).item() == 500
    for scale in (1e-4, 100):  # whose cubes are too small, and too large
        x = np.float16([3 * scale, -4 * scale, 5 * scale])
        out, slope = ag.value_and_grad(lambda x: ag.vector_norm(x, ord=3))(x)
        wide = x.astype(float)
        assert out.data == np.float16(np.linalg.norm(wide, 3))
        right = ag.grad(lambda x: ag.vector_norm(x, ord=3))(wide)
        np.testing.assert_allclose(slope.data, right.data, 4e-3)


def test_deviations_of_many_float16_numbers_do_not_overflow():
    x = np.random.default_rng(0).standard_normal(200_000).astype(np.float16)
    wide = x.astype(float)
    for f, slope in ((ag.var, 2), (ag.std, 1 / wide.std())):
        t = Tensor(x, requires_grad=True)
        out = f(t, ddof=1)
        out.backward()
        assert out.dtype == t.grad.dtype == np.float16
        np.testing.assert_allclose(out.item(), f(wide, ddof=1), 1e-3)
        expected = slope * (wide - wide.mean()) / (x.size - 1)
        np.testing.assert_allclose(t.grad.data, expected, rtol=1e-2, atol=1.5e-7)  # subnormal


@pytest.mark.parametrize("descending", [False, True])
def test_the_gradient_of_a_long_sort_finds_its_way_back_in_any_order_of_ties(descending):
    rng = np.random.default_rng(0)
    x = Tensor(rng.integers(0, 200, (3, 5000)) / 4.0, requires_grad=True)
    g = rng.standard_normal(x.shape)
    (ag.sort(x, descending=descending) * g).sum().backward()
    for row, slopes, found in zip(x.data, g, x.grad.data, strict=True):
        order = np.argsort(-row if descending else row, kind="stable")
        for value in np.unique(row):
            share = slopes[row[order] == value].mean()
            np.testing.assert_allclose(found[row == value], share, 1e-9, 1e-12)
    positions = ag.argsort(x, descending=descending, stable=False)
    np.testing.assert_array_equal(
        ag.take_along_axis(x, positions, -1).data, ag.sort(x, descending=descending).data
    )


def test_cummax_and_cummin_run_along_an_axis():
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(
            ag.cummax(Tensor(X), axis).data, np.maximum.accumulate(X, axis)
        )
        np.testing.assert_array_equal(
            ag.cummin(Tensor(X), axis).data, np.minimum.accumulate(X, axis)
        )
    np.testing.assert_array_equal(ag.cummax(Tensor([1.0, NAN, 3.0])).data, [1, NAN, NAN])
    assert ag.cummax(Tensor(X)).shape == (24,)


def test_topk_gives_values_and_positions():
    for largest in (True, False):
        values, positions = ag.topk(Tensor(X, requires_grad=True), 2, axis=1, largest=largest)
        assert positions.dtype.kind == "i"
        np.testing.assert_array_equal(np.take_along_axis(X, positions.data, 1), values.data)
        right = np.sort(X, axis=1)[:, ::-1][:, :2] if largest else np.sort(X, axis=1)[:, :2]
        np.testing.assert_array_equal(values.data, right)
    with pytest.raises(ValueError, match="k is 5, but axis -1 of x has length 4"):
        ag.topk(Tensor(X), 5)


def test_argsort_leaves_ties_in_their_order_in_both_directions():
    x = np.random.default_rng(0).integers(0, 3, (4, 20))
    for axis in (0, -1):
        found = ag.argsort(Tensor(x), axis=axis, descending=True).data
        np.testing.assert_array_equal(found, np.argsort(-x, axis=axis, kind="stable"))
    assert ag.topk(Tensor([1.0, 2.0, 2.0, 2.0]), 2)[1].tolist() == [1, 2]


def test_argsort_descending_puts_nan_first():
    np.testing.assert_array_equal(
        ag.argsort(Tensor([1.0, NAN, 2.0]), descending=True).data, [1, 2, 0]
    )


def test_searchsorted_gives_numpys_positions():
    x = np.array([1.0, 2.0, 2.0, 3.0])
    for side in ("left", "right"):
        right = np.searchsorted(x, [2.0, 2.5], side=side)
        np.testing.assert_array_equal(
            np.searchsorted(Tensor(x), Tensor([2.0, 2.5]), side=side).data, right
        )


def test_quantiles_of_nothing_and_out_of_range_say_so():
    with pytest.raises(ValueError, match="runs from 0 to 1"):
        ag.quantile(Tensor(X), 1.5)
    for f in (ag.quantile, ag.percentile):
        with pytest.raises(ValueError, match=f"{f.__name__}: .* is empty"):
            f(Tensor(np.zeros((2, 0))), 0.5, axis=1)
    for f in (ag.median, ag.nanmedian):
        with pytest.raises(ValueError, match=f"^{f.__name__}: .* is empty"):
            f(Tensor(np.zeros((2, 0))), axis=1)


COMPOSED = {
    "ptp": lambda x: ag.ptp(x, axis=1),
    "nansum": lambda x: ag.nansum(ag.where(HOLES > -9, x, NAN), axis=1),
    "nanmean": lambda x: ag.nanmean(ag.where(HOLES > -9, x, NAN), axis=1),
    "nanmax": lambda x: ag.nanmax(ag.where(HOLES > -9, x, NAN), axis=1),
    "average": lambda x: ag.average(x, axis=1, weights=x**2),
    "norm_1": lambda x: ag.norm(x, 1, axis=(0, 2)),
    "norm_inf": lambda x: ag.norm(x, INF, axis=(0, 2), keepdims=True),
    "cummax": lambda x: ag.cummax(x, axis=1),
    "cummin": ag.cummin,
    "diff": lambda x: ag.diff(x, 2),
    "trapezoid": lambda x: ag.trapezoid(x, x**2, axis=1),
    "median": lambda x: ag.median(x, axis=(0, 2)),
    "nanmedian": lambda x: ag.nanmedian(ag.where(HOLES > -9, x, NAN), axis=(0, 2)),
    "percentile": lambda x: ag.percentile(x**2, [10, 70], axis=1),
    "partition": lambda x: ag.partition(x**3, 1, axis=1)[:, 1],
    "quantile": lambda x: ag.quantile(x**2, [0.1, 0.7], axis=1, keepdims=True),
    "topk": lambda x: ag.topk(x**3, 2, axis=1)[0],
}


@pytest.mark.parametrize("f", COMPOSED.values(), ids=COMPOSED)
def test_derivatives_of_composed_functions_agree_with_differences(f):
    gradcheck(f, X)
    gradgradcheck(f, X)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("f", COMPOSED.values(), ids=COMPOSED)
def test_composed_functions_preserve_dtypes(f, dtype):
    x = Tensor(X, requires_grad=True, dtype=dtype)
    out = f(x)
    out.sum().backward()
    assert (out.dtype, x.grad.dtype) == (dtype, dtype)
    np.testing.assert_allclose(out.data, f(Tensor(X)).data, 100 * np.finfo(dtype).eps, 0.05)


KINKS = {
    "prod_with_a_zero": (ag.prod, [0.0, 2.0, 3.0], [6, 0, 0]),
    "prod_with_two_zeros": (ag.prod, [0.0, 0.0, 3.0], [0, 0, 0]),
    "cumprod_with_a_zero": (lambda x: ag.cumprod(x).sum(), [2.0, 0.0, 3.0], [1, 8, 0]),
    "norm_at_0": (ag.norm, [0.0, 0.0], [0, 0]),
    "norm_1_at_0": (lambda x: ag.norm(x, 1), [0.0, -2.0], [0, -1]),
    "norm_3_at_0": (lambda x: ag.norm(x, 3), [0.0, 0.0], [0, 0]),
    "norm_inf_at_a_tie": (lambda x: ag.norm(x, INF), [2.0, -2.0, 1.0], [0.5, -0.5, 0]),
    "norm_inf_at_0": (lambda x: ag.norm(x, INF), [0.0, 0.0], [0, 0]),
    "norm_of_a_row_of_0": (
        lambda x: ag.norm(x, axis=1).sum(),
        [[0.0, 0.0], [3.0, 4.0]],
        [[0, 0], [0.6, 0.8]],
    ),
    "ptp_of_a_constant": (ag.ptp, [1.0, 1.0], [0, 0]),
    "sort_at_a_tie": (lambda x: ag.sort(x)[1], [2.0, 1.0, 2.0], [0.5, 0, 0.5]),
    "sort_at_three_ties": (lambda x: ag.sort(x)[0], [2.0, 2.0, 2.0, 5.0], [1 / 3] * 3 + [0]),
    "sort_descending_at_a_tie": (
        lambda x: ag.sort(x, descending=True)[0],
        [2.0, 1.0, 2.0],
        [0.5, 0, 0.5],
    ),
    "topk_at_a_tie": (lambda x: ag.topk(x, 1)[0].sum(), [2.0, 1.0, 2.0], [0.5, 0, 0.5]),
    "median_of_an_even_number": (ag.median, [1.0, 4.0, 2.0, 9.0], [0, 0.5, 0.5, 0]),
    "median_at_a_tie": (ag.median, [2.0, 2.0, 2.0, 1.0, 5.0], [1 / 3] * 3 + [0, 0]),
    "quantile_0_at_a_tie": (lambda x: ag.quantile(x, 0), [2.0, 2.0, 5.0], [0.5, 0.5, 0]),
    "cummax_at_a_tie": (lambda x: ag.cummax(x)[2], [2.0, 1.0, 2.0], [0, 0, 1]),
    "logcumsumexp_far_out": (lambda x: ag.logcumsumexp(x)[1], [1e3, -1e3], [1, 0]),
    "logcumsumexp_of_nothing": (lambda x: ag.logcumsumexp(x)[1], [-INF, -INF], [0, 0]),
    "logcumsumexp_with_nothing": (lambda x: ag.logcumsumexp(x)[1], [-INF, 2.0], [0, 1]),
    "nanmax_at_a_tie": (ag.nanmax, [2.0, NAN, 2.0], [0.5, 0, 0.5]),
    "nansum_with_nan": (ag.nansum, [2.0, NAN], [1, 0]),
}


@pytest.mark.parametrize(("f", "x", "slope"), KINKS.values(), ids=KINKS)
def test_conventions_at_zeros_and_ties(f, x, slope):
    for create_graph in (False, True):
        t = Tensor(x, requires_grad=True)
        f(t).backward(create_graph=create_graph)
        np.testing.assert_allclose(t.grad.data, slope, 1e-14)
    units = np.eye(t.size).reshape(t.size, *t.shape)
    tangents = [jvp(f, (np.array(x),), (v,))[1].item() for v in units]
    np.testing.assert_allclose(np.reshape(tangents, t.shape), slope, 1e-14)


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
@pytest.mark.parametrize("f", [ag.prod, lambda x: ag.cumprod(x)[2]])
def test_second_derivatives_of_a_product_are_exact_with_zeros(f, x):
    t = Tensor(x, requires_grad=True)
    f(t).backward(create_graph=True)
    slope, rows = t.grad, []
    for v in np.eye(3):
        t.grad = None
        slope.backward(v)
        rows.append(t.grad.data)
    a, b, c = x
    np.testing.assert_array_equal(rows, [[0, c, b], [c, 0, a], [b, a, 0]])


@pytest.mark.parametrize(
    "name", ["sort", "argsort", "cumsum", "cumprod", "logcumsumexp", "cummax", "diff", "trapezoid"]
)
def test_an_axis_that_is_none_raises(name):
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        getattr(ag, name)(Tensor(X), axis=5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(name, ()) for name in ("cummax", "cummin", "unstack", "glu", "sort", "flip")]
    + [(name, ()) for name in ("median", "nanmedian", "norm", "trapezoid")]
    + [(name, (1,)) for name in ("topk", "partition", "split", "chunk", "roll", "quantile")]
    + [(name, (X,)) for name in ("cross", "vecdot")],
)
def test_an_axis_that_is_none_is_named_with_who_asks_for_it(name, arguments):
    with pytest.raises(np.exceptions.AxisError, match=f"^{name}: axis 5 is out of bounds"):
        getattr(ag, name)(Tensor(X), *arguments, axis=5)


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([-INF, -INF, 0.0, 1.0], 0.2, -INF),
        ([-INF, -INF, 0.0, 1.0], 0.5, -INF),
        ([-INF, -INF, 0.0, 1.0], 0.75, 0.25),
        ([INF, INF], 0.5, INF),
        ([-INF, INF], 0.5, NAN),
        ([-INF, 1.0], 0.75, -INF),
    ],
)
def test_quantiles_between_infinities(values, q, expected):
    x = Tensor(values, requires_grad=True)
    out = ag.quantile(x, q)
    np.testing.assert_array_equal(out.data, expected)
    out.backward()
    assert x.grad.data.sum() == 1


def test_a_median_of_large_numbers_does_not_overflow():
    assert ag.median(Tensor(np.float16([-60000, 60000]))).item() == 0
    rows = np.float16([[-60000, 60000], [1, 3]])
    np.testing.assert_array_equal(ag.median(Tensor(rows), axis=1).data, [0, 2])


def test_the_axes_of_q_stand_in_front():
    q, x = np.array([[0.1, 0.2], [0.5, 1.0]]), np.arange(12.0).reshape(3, 4)
    for f, scale in ((np.quantile, 1), (np.percentile, 100)):
        for options in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
            np.testing.assert_allclose(
                f(Tensor(x), scale * q, **options).data, f(x, scale * q, **options)
            )


def test_without_an_axis_the_flattened_array_is_sorted_and_joined():
    x = np.array([[3.0, 1.0], [2.0, 0.0]])
    weights = np.arange(8.0)
    calls = [
        (lambda x: np.sort(x, axis=None), [3, 1, 2, 0]),
        (lambda x: np.partition(x, 2, axis=None), [3, 1, 2, 0]),
        (lambda x: np.concatenate([x, 2 * x], axis=None), [8, 11, 14, 17]),
    ]
    for f, slopes in calls:
        expected = np.concatenate([x, 2 * x], axis=None) if f is calls[2][0] else np.sort(x, None)
        np.testing.assert_array_equal(f(Tensor(x)).data, expected)
        slope = ag.grad(lambda x, f=f: (f(x) * weights[: f(x).size]).sum())(x)
        np.testing.assert_array_equal(slope.data.ravel(), slopes)


def test_partition_takes_numpys_integers():
    assert ag.partition(Tensor([3.0, 1.0]), np.int64(1)).tolist() == [1, 3]
