"""Functions composed of ops: derivatives by differences, dtypes, and parity with PyTorch."""

from functools import partial

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, enable_grad, gradcheck, gradgradcheck, no_grad
from tests.op_case import apart, inside, positive, real

# name: our function, PyTorch's as text, what its arguments are drawn from
FUNCTIONS = {
    "lerp": (
        ag.lerp,
        "torch.lerp",
        (real(2, 3), real(3), inside(2, 1, low=0.1, high=0.9)),
    ),
    "lerp_by_a_number": (
        lambda x, y: ag.lerp(x, y, 0.75),
        "lambda x, y: torch.lerp(x, y, 0.75)",
        (real(2, 3), real(2, 3)),
    ),
    "addcmul": (
        lambda *xs: ag.addcmul(*xs, value=0.5),
        "lambda *xs: torch.addcmul(*xs, value=0.5)",
        (real(2, 3), real(3), real(2, 1)),
    ),
    "digamma": (ag.digamma, "lambda x: torch.special.psi(x)", (positive(3),)),
    "gelu": (ag.gelu, "F.gelu", (real(2, 3),)),
    "gelu_tanh": (
        lambda x: ag.gelu(x, approximate="tanh"),
        "lambda x: F.gelu(x, approximate='tanh')",
        (real(2, 3),),
    ),
    "quick_gelu": (ag.quick_gelu, "lambda x: x * torch.sigmoid(1.702 * x)", (real(2, 3),)),
    "silu": (ag.silu, "F.silu", (real(2, 3),)),
    "prelu": (ag.prelu, "F.prelu", (apart(2, 3), positive(3))),
    "prelu_of_one_slope": (ag.prelu, "F.prelu", (apart(2, 3, 2), positive(1))),
    "prelu_of_images": (ag.prelu, "F.prelu", (apart(2, 3, 2), positive(3))),
    "prelu_of_one_axis": (ag.prelu, "F.prelu", (apart(4), positive(1))),
    "glu": (ag.glu, "F.glu", (real(2, 4),)),
    "glu_of_rows": (lambda x: ag.glu(x, dim=0), "lambda x: F.glu(x, dim=0)", (real(2, 4),)),
    "reglu": (ag.reglu, "lambda x: x[:, :2] * F.relu(x[:, 2:])", (apart(2, 4),)),
    "geglu": (ag.geglu, "lambda x: x[:, :2] * F.gelu(x[:, 2:])", (real(2, 4),)),
    "swiglu": (ag.swiglu, "lambda x: x[:, :2] * F.silu(x[:, 2:])", (real(2, 4),)),
    "mish": (ag.mish, "F.mish", (real(2, 3),)),
    "logsigmoid": (ag.logsigmoid, "F.logsigmoid", (real(2, 3),)),
    "softsign": (ag.softsign, "F.softsign", (apart(2, 3),)),
    "celu": (lambda x: ag.celu(x, 0.7), "lambda x: F.celu(x, 0.7)", (apart(2, 3),)),
    "selu": (ag.selu, "F.selu", (apart(2, 3),)),
    "relu6": (lambda x: ag.relu6(9 * x), "lambda x: F.relu6(9 * x)", (apart(2, 4),)),
    "hardsigmoid": (
        lambda x: ag.hardsigmoid(4 * x),
        "lambda x: F.hardsigmoid(4 * x)",
        (apart(2, 4),),
    ),
    "hardswish": (lambda x: ag.hardswish(4 * x), "lambda x: F.hardswish(4 * x)", (apart(2, 4),)),
}

# Not good to double precision in PyTorch: trigamma, and constants such as 1/6 taken as float32.
IMPRECISE = {FUNCTIONS[name][1] for name in ("digamma", "celu", "hardsigmoid")}

every_function = pytest.mark.parametrize(
    ("f", "theirs", "draws"), FUNCTIONS.values(), ids=FUNCTIONS
)


def drawn(draws, dtype=np.float64):
    rng = np.random.default_rng(7)
    return [np.asarray(draw(rng), dtype) for draw in draws]


@every_function
def test_derivatives_agree_with_differences(f, theirs, draws):
    gradcheck(f, *drawn(draws))
    gradgradcheck(f, *drawn(draws))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@every_function
def test_dtypes_are_preserved(f, theirs, draws, dtype):
    inputs = drawn(draws, dtype)
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    out = f(*tensors)
    out.sum().backward()
    exact = f(*[x.astype(np.float64) for x in inputs])
    assert {t.dtype for t in (out, *(x.grad for x in tensors))} == {np.dtype(dtype)}
    np.testing.assert_allclose(out.data, exact, 0, 50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_function
def test_values_and_gradients_agree_with_pytorch(f, theirs, draws, dtype):
    torch = pytest.importorskip("torch")
    g = eval(theirs, {"torch": torch, "F": torch.nn.functional, "np": np})
    x = [Tensor(a, requires_grad=True) for a in drawn(draws, dtype)]
    z = [torch.tensor(a, requires_grad=True) for a in drawn(draws, dtype)]
    out, right = f(*x), g(*z)
    out.sum().backward()
    right.sum().backward()
    assert out.shape == tuple(right.shape)
    atol = max(50 * np.finfo(dtype).eps, 1e-7 if theirs in IMPRECISE else 0)
    np.testing.assert_allclose(out.data, right.detach().numpy(), 0, atol)
    for a, b in zip(x, z, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), 0, atol)


OF_INTEGERS = {
    1: [
        *(ag.median, ag.nanmedian, ag.nanmean, ag.trapezoid, ag.eigh, ag.logsigmoid, ag.softsign),
        *(ag.celu, ag.relu6, ag.hardsigmoid, ag.hardswish, ag.quick_gelu),
        *(ag.glu, ag.reglu, ag.geglu, ag.swiglu),
        *(partial(ag.norm, ord=ord) for ord in (None, "fro", 1, -1, np.inf)),
        *(partial(ag.norm, ord=ord, axis=0) for ord in (None, 1, 3, np.inf)),
        partial(ag.quantile, q=0.3),
        partial(ag.percentile, q=[10, 90], axis=0),
        partial(ag.leaky_relu, negative_slope=2),
    ],
    2: [
        *(ag.attention_weights, ag.trapezoid, ag.float_power, ag.xlogy),
        partial(ag.lerp, weight=0.5),
        lambda x, weights: ag.average(x, weights=weights),
        lambda x, weight: ag.prelu(x, weight[0]),
    ],
    3: [ag.lerp],
}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, bool])
@pytest.mark.parametrize(("count", "f"), [(n, f) for n in OF_INTEGERS for f in OF_INTEGERS[n]])
def test_integers_of_one_byte_do_not_overflow_on_the_way(f, count, dtype):
    low, high = (0, 1) if dtype is bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    x = np.array([[low, high, 1, high], [1, low, high, 0]] * 2).astype(dtype)
    inputs = [np.roll(x, k) for k in range(count)]
    with np.errstate(all="ignore"):  # outside the domain
        expected = f(*(Tensor(x.astype(float)) for x in inputs))
        out = f(*map(Tensor, inputs))
    if isinstance(out, Tensor):
        out, expected = [out], [expected]
    for a, b in zip(out, expected, strict=True):
        np.testing.assert_allclose(a.data, b.data.astype(a.dtype), 1e-12)


ROW, MATRIX = [1.0, 2.0, 3.0], [[2.0, 0.5, 1.0], [0.0, 1.0, 0.5], [1.0, 0.0, 3.0]]
WITH_LISTS = {
    "dot": (np.dot, MATRIX, ROW),
    "dot_number": (np.dot, MATRIX, 3.0),
    "vdot": (np.vdot, ROW, ROW),
    "vecdot": (np.vecdot, MATRIX, ROW),
    "inner": (np.inner, MATRIX, ROW),
    "inner_number": (np.inner, MATRIX, 3.0),
    "outer": (np.outer, ROW, ROW),
    "kron": (np.kron, MATRIX, ROW),
    "cross": (np.cross, MATRIX, ROW),
    "tensordot": (partial(np.tensordot, axes=1), MATRIX, ROW),
    "multi_dot": (lambda *xs: np.linalg.multi_dot(xs), MATRIX, MATRIX, ROW),
    "average": (lambda x, weights: np.average(x, axis=1, weights=weights), MATRIX, ROW),
    "trapezoid": (np.trapezoid, MATRIX, ROW),
    "diff": (lambda x, last: np.diff(x, append=last), ROW, [7.0]),
    "diff_number": (lambda x, first: np.diff(x, prepend=first), ROW, 0.5),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], MATRIX, ROW),
    "meshgrid": (lambda x, y: np.add(*np.meshgrid(x, y)), ROW, ROW),
    "float_power": (np.float_power, ROW, [2, 2, 3]),
    "solve": (np.linalg.solve, MATRIX, ROW),
}
OURS_WITH_LISTS = {
    "lerp": (ag.lerp, ROW, [3.0, 2.0, 1.0], [0.5, 0.25, 0.75]),
    "lerp_numbers": (ag.lerp, ROW, 2.0, 0.25),
    "addcmul": (ag.addcmul, ROW, ROW, ROW),
    "prelu": (ag.prelu, MATRIX, [0.1, 0.2, 0.3]),
    "attention_weights": (ag.attention_weights, MATRIX, MATRIX, [[True, False, True]]),
    "solve_triangular": (partial(ag.solve_triangular, upper=True), MATRIX, ROW),
    "masked_scatter": (ag.masked_scatter, ROW, [True, False, True], ROW),
    "scatter_add": (lambda x, src: ag.scatter_add(x, 0, [1, 0], src), ROW, [1.0, 2.0]),
    "scatter": (lambda x, src: ag.scatter(x, 0, [1, 0], src), ROW, [1.0, 2.0]),
}


@pytest.mark.parametrize("name", [*WITH_LISTS, *OURS_WITH_LISTS])
def test_lists_and_numbers_are_taken_beside_a_tensor(name):
    f, *arguments = {**WITH_LISTS, **OURS_WITH_LISTS}[name]
    arrays = [np.array(a) if isinstance(a, list) else a for a in arguments]
    expected = f(*arguments) if name in WITH_LISTS else f(*arrays)
    for i, a in enumerate(arguments):
        if isinstance(arrays[i], np.ndarray) and arrays[i].dtype.kind == "f":
            x = Tensor(a, requires_grad=True)
            out = f(*arguments[:i], x, *arguments[i + 1 :])
            assert out.requires_grad
            np.testing.assert_allclose(out.data, expected, 1e-12)


@pytest.mark.parametrize("f", [ag.dot, ag.inner, ag.kron, partial(ag.lerp, weight=0.5), ag.outer])
@pytest.mark.parametrize("number", [3.0, np.float64(3)])
def test_a_number_takes_the_dtype_of_the_tensor_beside_it(f, number):
    x = Tensor([1.0, 2.0], dtype=np.float32)
    assert f(x, number).dtype == f(number, x).dtype == np.float32


GATED = {"glu", "reglu", "geglu", "swiglu"}


@pytest.mark.parametrize(
    "name", sorted(set(ag.ops.activation.__all__) - GATED - {"softsign", "prelu"})
)
def test_activations_are_finite_far_out(name):
    f = getattr(ag, name)
    for dtype, far in [(np.float16, 6e4), (np.float32, 1e30), (np.float64, 1e300)]:
        x = Tensor(np.array([-far, far]), requires_grad=True, dtype=dtype)
        f(x).sum().backward()
        assert np.isfinite(f(x).data).all()
        assert np.isfinite(x.grad.data).all()
        assert f(x[:0]).shape == (0,)
        assert f(x[0]).shape == ()


def test_float_power_computes_in_double_precision():
    x = Tensor([2.0, 3.0], dtype=np.float32, requires_grad=True)
    out = ag.float_power(x, -1)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(np.float_power(x, -1).data, out.data)
    out.sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad.data, [-1 / 4, -1 / 9], 1e-6)


def test_lerp_reaches_its_end_exactly():
    assert ag.lerp(Tensor(1e20), Tensor(1.0), 1.0).item() == 1


@pytest.mark.parametrize("name", sorted(GATED))
def test_a_gate_needs_two_halves(name):
    with pytest.raises(ValueError, match=rf"{name}: x of shape \(3,\) has no two halves"):
        getattr(ag, name)(Tensor(np.ones(3)))


def test_prelu_takes_a_slope_for_each_channel():
    with pytest.raises(ValueError, match=r"\(2,\) does not fit x of shape \(2, 3\).*each of the 3"):
        ag.prelu(Tensor(np.ones((2, 3))), Tensor(np.ones(2)))


def test_gelu_names_the_approximations_it_knows():
    with pytest.raises(ValueError, match="'none' or 'tanh'"):
        ag.gelu(Tensor(1.0), approximate="erf")


UFUNCS = [
    "arccosh", "arctanh", "cbrt", "ceil", "deg2rad", "degrees", "exp2", "expm1", "fabs", "floor",
    "log10", "log1p", "log2", "rad2deg", "radians", "reciprocal", "rint", "square", "trunc",
    "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh",
]  # fmt: skip
BINARY = [
    "arctan2", "copysign", "floor_divide", "fmax", "fmin", "fmod", "heaviside", "hypot",
    "logaddexp", "logaddexp2", "mod", "remainder",
]  # fmt: skip


@pytest.mark.parametrize("name", [*UFUNCS, "sinc", "round", "nan_to_num"])
def test_numpys_unary_functions_give_numpys_values(name):
    f = getattr(np, name)
    x = np.array([1.25, 2.5, 3.5]) if name == "arccosh" else np.array([0.25, 0.5, 0.75])
    out = f(Tensor(x, requires_grad=True))
    assert out.requires_grad
    np.testing.assert_allclose(out.data, f(x), 1e-15)


@pytest.mark.parametrize("name", BINARY)
def test_numpys_binary_functions_give_numpys_values(name):
    f = getattr(np, name)
    x, y = np.array([-2.5, 0.0, 3.5]), np.array([[1.5], [-1.0]])
    for a, b in [(Tensor(x), y), (x, Tensor(y)), (Tensor(x), Tensor(y))]:
        np.testing.assert_allclose(f(a, b).data, f(x, y), 1e-15)


def test_floor_division_and_remainder_are_operators():
    x = Tensor([7.5, -7.5], requires_grad=True)
    np.testing.assert_array_equal((x // 2).data, [3, -4])
    np.testing.assert_array_equal((x % 2).data, [1.5, 0.5])
    np.testing.assert_array_equal((16 // x).data, [2, -3])
    np.testing.assert_array_equal((16 % x).data, [1, -6.5])
    (x % 2).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [1, 1])


@pytest.mark.parametrize("mode", [enable_grad, no_grad])
@pytest.mark.parametrize("held", [tuple, list])
@pytest.mark.parametrize(
    "f", [ag.mul, ag.prelu, ag.float_power, ag.dot, ag.outer, ag.tensordot, ag.trapezoid]
)
def test_tensors_in_a_list_are_not_stacked_unasked(f, held, mode):
    pair = held([Tensor([1.0, -2.0]), Tensor([3.0, 4.0], requires_grad=True)])
    message = rf"{f.__name__}: an input is a {held.__name__} that holds tensors; .*, out\[0\]"
    with mode(), pytest.raises(TypeError, match=message):
        f(pair, Tensor([0.25, 0.5]))
