"""What a user looks for by name is there: as a function, as a method, through NumPy."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor

GROUPS = {
    "creation": "tensor as_tensor arange empty eye full linspace logspace geomspace ones zeros "
    "rand empty_like full_like ones_like zeros_like rand_like randn randn_like randint randperm "
    "bernoulli one_hot diag tri meshgrid from_numpy",
    "unary": "neg positive abs sign exp exp2 expm1 log log2 log10 log1p sqrt rsqrt cbrt square "
    "reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh sinc erf "
    "erfc sigmoid logit floor ceil round trunc nan_to_num deg2rad rad2deg lgamma",
    "binary": "add sub mul div pow fmod remainder floor_divide maximum minimum fmax fmin hypot "
    "arctan2 logaddexp logaddexp2 copysign float_power heaviside lerp addcmul xlogy",
    "reductions": "sum prod mean var std max min amax amin logsumexp norm median quantile any all "
    "argmax argmin count_nonzero nansum nanmean nanmax ptp trapezoid average",
    "scans and order": "cumsum cumprod cummax cummin logcumsumexp diff sort argsort topk partition "
    "searchsorted",
    "linear algebra": "matmul dot vdot inner outer einsum tensordot kron cross trace det slogdet "
    "inv solve solve_triangular lstsq pinv cholesky qr eigh svd matrix_power multi_dot vecdot",
    "shape": "reshape flatten ravel transpose permute swapaxes moveaxis squeeze unsqueeze expand "
    "broadcast_to concatenate stack split chunk unstack tile repeat pad flip rot90 roll diagonal "
    "tril triu sliding_window_view unfold fold atleast_1d atleast_2d atleast_3d",
    "index and gather": "getitem index_put setitem take take_along_axis put_along_axis "
    "index_select gather scatter scatter_add masked_select masked_fill nonzero embedding",
    "logic": "eq ne lt le gt ge logical_and logical_or logical_not logical_xor isnan isinf "
    "isfinite isclose allclose where safe_where clip maximum minimum select choose bitwise_and "
    "bitwise_or bitwise_not bitwise_xor",
    "autodiff control": "stop_gradient clone checkpoint op straight_through gradient_reversal",
}
NAMES = sorted({name for names in GROUPS.values() for name in names.split()})

NO_METHOD = {
    "bernoulli": "in PyTorch it draws from the tensor's numbers; a function of p here",
    "lstsq": "PyTorch's is deprecated",
    "partition": "NumPy's sorts in place",
    "select": "PyTorch's is an index, x.select(dim, i); NumPy's a choice",
    "solve": "PyTorch's is deprecated",
}

TWO = (
    "add pow fmod remainder floor_divide maximum minimum fmax fmin hypot arctan2 logaddexp "
    "logaddexp2 copysign float_power heaviside matmul dot vdot inner outer kron solve lstsq vecdot "
    "isclose allclose logical_and logical_or logical_xor cross"
)
X = np.random.default_rng(0).uniform(0.2, 0.8, (3, 3)) + 2 * np.eye(3)
POSITIVE_INTS = np.array([0, 2, 1])
ARGUMENTS = {
    **dict.fromkeys(TWO.split(), (X, X.T)),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (X / 4,)),
    "arccosh": (X + 1,),
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], (POSITIVE_INTS, 3)),
    "bitwise_not": (POSITIVE_INTS,),
    "quantile": (X, 0.3),
    "partition": (X, 1),
    "searchsorted": (np.sort(X[0]), X[1]),
    "einsum": ("ij,kj->ik", X, X),
    "tensordot": (X, X, 1),
    "matrix_power": (X, 3),
    "multi_dot": ([X, X, X],),
    "reshape": (X, (9,)),
    "swapaxes": (X, 0, 1),
    "moveaxis": (X, 0, 1),
    "squeeze": (X[None],),
    "broadcast_to": (X, (2, 3, 3)),
    "concatenate": ([X, X],),
    "stack": ([X, X],),
    "split": (X, 3),
    "tile": (X, 2),
    "repeat": (X, 2),
    "pad": (X, 1),
    "roll": (X, 1),
    "sliding_window_view": (X, 2, 0),
    "take": (X, POSITIVE_INTS),
    "take_along_axis": (X, POSITIVE_INTS[None], 0),
    "put_along_axis": (X, POSITIVE_INTS[None], X[:1], 0),
    "where": (X > 1, X, -X),
    "clip": (X, 0.3, 2),
    "select": ([X > 1], [X], -X),
    "choose": (POSITIVE_INTS, [X[0], X[1], X[2]]),
}


def numpys(name):
    for where in (np, np.linalg, np.lib.stride_tricks):
        if callable(f := getattr(where, name, None)):
            return f
    return None


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_function(name):
    assert callable(getattr(ag, name))


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(np.ndarray, n)])
def test_a_method_of_numpys_arrays_is_one_of_tensors(name):
    assert (name in NO_METHOD) != callable(getattr(Tensor, name, None))


def test_a_method_of_pytorchs_tensors_is_one_of_ours():
    torch = pytest.importorskip("torch")
    theirs = {name for name in NAMES if hasattr(torch.Tensor, name)}
    assert {name for name in theirs if not hasattr(Tensor, name)} == set(NO_METHOD) & theirs


def as_tensors(value, tracked):
    """Make the floating arrays tensors that require grad."""
    if isinstance(value, list):
        return [as_tensors(v, tracked) for v in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        tracked.append(Tensor(value, requires_grad=True))
        return tracked[-1]
    return value


def parts(value):
    return [p for v in value for p in parts(v)] if isinstance(value, list | tuple) else [value]


@pytest.mark.parametrize(
    "name", [n for n in NAMES if numpys(n) and n not in GROUPS["creation"].split()]
)
def test_numpys_function_of_a_tensor_is_differentiable_and_has_numpys_values(name):
    f, arguments, tracked = numpys(name), ARGUMENTS.get(name, (X,)), []
    if name == "put_along_axis":  # NumPy's changes its argument
        x = Tensor(X) * 1
        f(x, *arguments[1:])
        f(changed := X.copy(), *arguments[1:])
        np.testing.assert_array_equal(x.data, changed)
        return
    out = f(*(as_tensors(a, tracked) for a in arguments))
    right = f(*arguments)
    for y, z in zip(parts(out), parts(right), strict=True):
        y = y.data if isinstance(y, Tensor) else y
        np.testing.assert_allclose(y, z, 1e-12, 1e-14)
        if isinstance(z, np.ndarray | np.floating) and z.dtype.kind == "f":
            assert any(isinstance(p, Tensor) and p.requires_grad for p in parts(out))


def test_comparing_methods_and_where_are_pytorchs():
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([2.0, 2.0])
    assert [f(y).tolist() for f in (x.eq, x.ne, x.lt, x.le, x.gt, x.ge)] == [
        [False, True],
        [True, False],
        [True, False],
        [True, True],
        [False, False],
        [False, True],
    ]
    x.where(x > 1, 5.0 * y).add(1).mul(2).sub(1).div(2).pow(2).neg().sum().backward()
    np.testing.assert_allclose(x.grad.data, [0, -5])
