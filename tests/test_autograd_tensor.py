"""Tensor: construction, dtype, interoperation with NumPy, errors that name the cure."""

import inspect
import math
import operator as op
from functools import partial

import numpy as np
import pytest
from scipy import special

import autograd as ag
import nn
from autograd import Tensor, as_tensor
from autograd.numpy_functions import FUNCTIONS, NEAREST
from tests.leaf import leaf


def test_data_are_copied_and_as_tensor_shares():
    array = np.zeros(2)
    copied, shared = Tensor(array), as_tensor(array)
    array[0] = 1
    assert copied.tolist() == [0.0, 0.0]
    assert shared.tolist() == [1.0, 0.0]


def test_default_dtype_is_numpys_and_a_value_without_axes_is_a_numpy_scalar():
    x = Tensor(3.0)
    assert type(x.data) is np.float64
    assert type((x * 2).data) is np.float64
    assert type(Tensor([1.0, 2.0]).sum().data) is np.float64
    assert Tensor([1, 2]).dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [2, 2.5, True, np.float64(2.5), np.int64(3)])
def test_numbers_take_the_dtype_of_the_tensor(dtype, other):
    x = leaf(np.ones(3, dtype))
    for y in (x * other, other * x, x + other, x / other, other - x, x**other, other**x):
        assert y.dtype == dtype
    for y in (np.maximum(x, other), np.where([True, False, True], x, other)):
        assert y.dtype == dtype


@np.errstate(all="ignore")
@pytest.mark.parametrize("x", [np.array([1, 100, 255], np.uint8), np.uint8(100), np.array([3, -4])])
@pytest.mark.parametrize("other", [3, 256, -1, 2.5, np.int64(3), np.uint8(2), np.float32(2.5)])
@pytest.mark.parametrize(
    "f", [op.add, op.mul, op.truediv, op.eq, op.lt, op.pow, np.equal, np.divide], ids=str
)
def test_integers_meet_numbers_as_in_numpy(f, x, other):
    for g in (f, lambda x, y: f(y, x)):
        try:
            expected = np.asarray(g(x, other))
        except (OverflowError, ValueError):  # of integers to negative powers
            with pytest.raises((OverflowError, TypeError)):
                g(Tensor(x), other)
            continue
        out = g(Tensor(x), other)
        assert out.dtype == expected.dtype
        np.testing.assert_array_equal(out.data, expected)
        with ag.strict_broadcast(), ag.profile():
            np.testing.assert_array_equal(g(Tensor(x), other).data, expected)


def test_a_dtype_or_a_size_in_the_place_of_requires_grad_is_refused():
    with pytest.raises(TypeError, match=r"requires_grad is <class .numpy\.float32.>; pass True"):
        Tensor([1.0, 2.0], np.float32)
    with pytest.raises(
        TypeError, match=r"requires_grad is 3; .* a tensor of given sizes is zeros\(2, 3\)"
    ):
        Tensor(2, 3)


def test_booleans_are_copied():
    mask = Tensor([True, False])
    for copy in (mask.clone(), np.copy(mask), ag.clone(mask)):
        mask[0] = False
        assert copy.tolist() == [True, False] and copy.dtype == bool
        mask[0] = True


def test_arrays_promote_as_numpy_does():
    assert (leaf(np.ones(3, np.float32)) * np.ones(3)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
@pytest.mark.parametrize("number", [0, 1.5])
def test_a_number_beside_a_mask_takes_the_dtype_of_the_array_as_in_numpy(dtype, number):
    mask, a, one = np.array([True, False]), np.array([1, 2], dtype), dtype(1)
    for arguments in [(a, number), (number, a), (one, number), (number, one)]:
        assert np.where(Tensor(mask), *arguments).dtype == np.where(mask, *arguments).dtype


@pytest.mark.parametrize("bad", ["text", [1j], [None], object()])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="holds no real numbers"):
        Tensor(bad)


def test_none_is_told_from_what_it_comes():
    class Forgetful(nn.Module):
        def forward(self, x):
            x.exp()

    with pytest.raises(TypeError, match=r"None has .*; a function without a return, such as a for"):
        nn.functional.mse_loss(Forgetful()(Tensor(1.0)), 2.0)


def test_complex_results_do_not_lose_the_gradient_silently():
    @ag.op(vjp=(lambda g, out, x: np.fft.fft(g).real,), kind="linear")
    def fft(x):
        return np.fft.fft(x)

    x = leaf([1.0, 2.0])
    for f in (fft, lambda x: x.astype(complex)):
        with pytest.raises(TypeError, match=r"result is complex128.*gradient would be lost"):
            f(x)


@pytest.mark.parametrize("f", [Tensor, ag.as_tensor, np.array, np.asarray])
def test_a_list_of_tensors_that_require_grad_is_refused_with_the_cure(f):
    with pytest.raises(TypeError, match=r"gradient would be lost.*a list .* joined by stack\(\)"):
        f([leaf(1.0), leaf(2.0)])


def test_integers_do_not_require_grad():
    with pytest.raises(TypeError, match="int64 has no gradient"):
        Tensor([1, 2], requires_grad=True)
    sneaky = Tensor([1, 2])
    sneaky.requires_grad = True
    with pytest.raises(TypeError, match="int64 has no gradient"):
        sneaky.backward()
    assert not sneaky.sum().requires_grad
    assert not leaf([1.5]).astype(int).requires_grad


def test_requires_grad_changes_on_leaves_only():
    x = Tensor(2.0).requires_grad_()
    with pytest.raises(RuntimeError, match="not a leaf"):
        (x * 2).requires_grad_(False)


def test_truth_hash_and_comparison_are_numpys():
    x = Tensor([1.0, 2.0])
    assert bool(Tensor([3.0]))
    assert not Tensor(0.0)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    assert (x == 2).tolist() == [False, True]
    assert (x != x).tolist() == [False, False]
    assert (x < 2).tolist() == [True, False]
    assert x != None  # noqa: E711
    assert x not in (None, "x")
    assert len({x, Tensor([1.0, 2.0])}) == 2


def test_a_tracked_tensor_does_not_turn_into_an_array():
    x = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match=r"use \.numpy\(\), or \.detach\(\)"):
        np.asarray(x)
    assert np.asarray(x.detach()).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 1


def test_numpy_on_either_side_keeps_the_gradient():
    x = leaf([1.0, 2.0])
    a = np.array([3.0, 4.0])
    for y in (a * x, x * a, np.multiply(a, x), [3.0, 4.0] * x):
        assert isinstance(y, Tensor)
        x.grad = None
        y.sum().backward()
        assert x.grad.tolist() == [3.0, 4.0]
    assert isinstance(a @ x, Tensor)


def test_numpy_functions_that_are_not_there_name_the_nearest():
    x = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match=r"np\.nanquantile: not supported.*np\.quantile"):
        np.nanquantile(x, 0.5)
    with pytest.raises(TypeError, match=r"np\.add\.reduce: not supported"):
        np.add.reduce(x)
    for function, message in [
        (special.erf, r"^scipy\.special\.erf: not supported on tensors; use autograd\.erf;"),
        (np.fft.fft, r"^np\.fft\.fft: not supported on tensors; for a result without"),
        (np.linalg.eigvals, r"^np\.linalg\.eigvals: .* is np\.linalg\.eigvalsh;"),
        (np.linalg.eig, r"^np\.linalg\.eig: .* is np\.linalg\.eigh;"),
        (partial(np.isin, test_elements=x), r"^np\.isin: not supported on tensors; for a result"),
        (np.isnat, r"^np\.isnat: not supported on tensors; for a result without"),
        (np.unique, r"^np\.unique: not supported on tensors; for a result without"),
        (partial(np.convolve, v=[1.0]), r"^np\.convolve: not supported on tensors; for a result"),
    ]:
        with pytest.raises(TypeError, match=message):
            function(x)


def test_the_nearest_functions_are_there_and_the_others_are_not():
    for f, near in NEAREST.items():
        assert near in FUNCTIONS, near
        assert not hasattr(ag, f.__name__), f
        assert f not in FUNCTIONS, f


def test_arguments_that_numpy_functions_do_not_take_on_tensors_are_named():
    x, a = leaf([1.0, 2.0]), np.zeros(2)
    for call, message in [
        (lambda: np.exp(x, out=a), r"^np\.exp: out= is not supported.*; assign the result"),
        (lambda: np.sum(x, out=a), r"^np\.sum: out= is not supported.*; assign the result"),
        (
            lambda: np.power(x, 2, dtype="f4"),
            r"dtype= .*astype\(\); it takes np\.power\(x, y\)",
        ),
        (lambda: np.divide(x, 2, where=a > 0), r"^np\.divide: where= .*; choose with np\.where"),
        (
            lambda: np.sum(x, initial=1),
            r"initial= .*; it takes np\.sum\(x, axis=None, keep",
        ),
        (
            lambda: np.sort(x, order="a"),
            r"^np\.sort: order= is .* takes np\.sort\(x, axis=-1, ",
        ),
        (
            lambda: np.sum(x, 0, None, a),
            r"^np\.sum: out= is not .*; it takes np\.sum",
        ),
        (lambda: np.where(x > 1, x), r"^np\.where: pass both x and y, or neither"),
        (lambda: np.take_along_axis(x, np.array([0.5]), 0), "use integers"),  # the arguments fit
    ]:
        with pytest.raises(TypeError, match=message):
            call()


def test_an_array_that_a_tensor_should_change_in_place_is_refused_with_the_cure():
    p = leaf([1.0, 2.0])
    p.sum().backward()
    with pytest.raises(TypeError, match=r"np\.subtract: .* write (.*), or (.*) within no_grad"):
        p.data -= 0.5 * p.grad
    p.data -= 0.5 * p.grad.data
    with ag.no_grad():
        p -= 0.5 * p.grad
    assert p.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "f",
    [
        lambda i: i * 0.5,
        lambda i: i * 2 * 0.5,
        ag.exp,
        lambda i: ag.concatenate([i, Tensor([0.5])]),
    ],
)
def test_integers_that_were_made_to_require_grad_get_none_that_is_cut_off(f, create_graph):
    i = Tensor([1, 2])
    i.requires_grad = True
    with pytest.raises(TypeError, match=r"requires grad and has dtype int64, .*astype\(float\)"):
        f(i).sum().backward(create_graph=create_graph)
    assert i.grad is None


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, bool, np.int64])
def test_sums_and_products_of_integers_are_numpys(dtype):
    x = np.array([[100, 27], [200, 3]]).astype(dtype)
    one, two = (np.sum, np.prod, np.cumsum), (np.add, np.multiply, np.matmul, np.kron, np.vecdot)
    for f, arrays in [*((f, [x]) for f in one), *((f, [x, x[::-1]]) for f in two)]:
        out, right = f(*map(Tensor, arrays)), f(*arrays)
        np.testing.assert_array_equal(out.data, right)
        assert out.dtype == right.dtype


def test_numpy_functions_take_numpys_arguments():
    x = leaf([[3.0, 0.0], [1.0, 2.0]])
    a = x.data
    for f in (
        lambda x: np.sort(x, kind="stable"),
        lambda x: np.sort(x, axis=0, stable=True),
        lambda x: np.argsort(x, stable=True),
        lambda x: np.argsort(x, 0, "stable"),
        lambda x: np.clip(x, a_min=1, a_max=2),
        lambda x: np.clip(x, min=1, max=2),
        lambda x: np.full_like(x, fill_value=3.0),
        lambda x: np.zeros_like(x, order="C"),
        lambda x: np.ones_like(x, "f4", shape=(3,)),
        lambda x: np.where(x)[0],
        lambda x: np.vecdot(x, x, axis=0),
        lambda x: np.around(x, 1),
        lambda x: np.mean(x, axis=0, dtype=None, out=None),
        lambda x: np.sum(x, 0, None, None, True),
        lambda x: np.exp(x, dtype=None),
    ):
        out = f(x)
        out = out.data if isinstance(out, Tensor) else out
        np.testing.assert_array_equal(out, f(a))
        assert out.dtype == f(a).dtype
    assert [np.size(x, axis) for axis in (None, 0, -1)] == [4, 2, 2]


def test_unknown_arguments_name_the_signature():
    with pytest.raises(TypeError, match=r"sum\(x, axis=None, keepdims=False\)"):
        leaf([1.0]).sum(axes=0)
    with pytest.raises(TypeError, match="takes at most 3 arguments"):
        leaf([1.0]).sum(0, False, None)


def test_pytorchs_names_of_axis_and_keepdims_are_taken():
    x = leaf(np.arange(6.0).reshape(2, 3))
    assert x.sum(dim=1, keepdim=True).shape == (2, 1)
    assert ag.mean(x, dim=0).shape == (3,)
    assert ag.stack([x, x], dim=1).shape == (2, 2, 3)
    assert x.norm(dim=0, keepdim=True).shape == (1, 3)
    assert x.index_select(dim=0, index=[1]).tolist() == [[3.0, 4.0, 5.0]]


@pytest.mark.parametrize("name", ["axis", "keepdims"])
@pytest.mark.parametrize("home", [ag, Tensor, nn, nn.functional])
def test_every_function_that_takes_an_axis_takes_pytorchs_name_of_it(home, name):
    functions = [f for f in (getattr(home, n, None) for n in dir(home)) if callable(f)]
    taking = [f for f in functions if name in parameters(f)]
    assert taking or name == "keepdims"
    for f in taking:
        try:
            f(**{{"axis": "dim", "keepdims": "keepdim"}[name]: 0})
        except TypeError as error:  # for want of the others
            assert "unexpected" not in str(error), f


def parameters(f):
    try:
        return inspect.signature(f).parameters
    except ValueError:  # some types have none
        return {}


@pytest.mark.parametrize(
    ("x", "y", "message", "mended"),
    [
        ((3, 4), (5, 6), r"last axis of the first \(4\) must equal the last but one .*\(5\)", None),
        ((3, 4), (5, 4), r"try matmul\(x, y\.T\)", lambda x, y: x @ y.T),
        ((4, 3), (4, 5), r"try matmul\(x\.T, y\)", lambda x, y: x.T @ y),
        ((4,), (3,), r"must equal the only axis of the second \(3\)", None),
    ],
)
def test_matmul_says_which_axes_do_not_fit_and_what_to_try(x, y, message, mended):
    x, y = Tensor(np.ones(x)), Tensor(np.ones(y))
    with pytest.raises(ValueError, match=message):
        x @ y
    if mended is not None:
        mended(x, y)


def test_other_shape_errors_name_op_and_shapes():
    with pytest.raises(ValueError, match=r"add: shapes x \(3,\) and y \(4,\) do not fit"):
        Tensor(np.ones(3)) + np.ones(4)


def test_repr_shows_values_dtype_op_and_requires_grad():
    x = leaf([1.0, 2.0])
    assert repr(x) == "Tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "Tensor([2., 4.], op=mul)"
    assert repr(Tensor(np.float32(1.5))) == "Tensor(1.5, dtype=float32)"
    assert repr(Tensor([1, 2], dtype=np.uint8)) == "Tensor([1, 2], dtype=uint8)"
    assert repr(Tensor([1, 2])) == "Tensor([1, 2])"
    assert "shape=(1000,)" in repr(Tensor(np.zeros(1000)))
    assert repr(Tensor(np.zeros((0, 3)))) == "Tensor([], shape=(0, 3))"
    assert repr(Tensor([])) == "Tensor([])"


def test_only_an_integer_without_axes_is_an_index():
    assert ["a", "b"][Tensor(1)] == "b"
    for x in (Tensor(1.0), Tensor([0, 1])):
        with pytest.raises(TypeError, match="integer"):
            ["a", "b"][x]


def test_format_works_on_one_element():
    assert f"{Tensor(3.14159):.2f}" == "3.14"
    with pytest.raises(ValueError, match="6 elements, not one"):
        f"{Tensor(np.ones(6)):.2f}"


@pytest.mark.parametrize("f", [float, math.exp, lambda x: np.zeros(2).__setitem__(0, x)])
def test_a_gradient_is_not_lost_in_a_number_silently(f):
    x, said = leaf(2.5), r"float: .* requires grad .* x\.item\(\) .* np\.exp\(x\)"
    with pytest.warns(UserWarning, match=said):
        f(x)
    with pytest.warns(UserWarning, match=said):
        ag.jvp(lambda x: x * (f(x) or 1.0), (2.5,), (1.0,))
    f(x.detach())
    with ag.no_grad():
        f(x)


def test_item_float_int_and_len():
    assert float(Tensor([2.5])) == 2.5
    assert int(Tensor(3)) == 3
    assert [10, 20, 30][Tensor(1)] == 20
    assert len(Tensor([1, 2])) == 2
    with pytest.raises(TypeError, match="without axes"):
        len(Tensor(1.0))
    assert [t.item() for t in leaf([1.0, 2.0])] == [1.0, 2.0]


def test_shape_methods_take_sizes_apart_or_together():
    x = leaf(np.arange(24.0).reshape(2, 3, 4))
    assert x.reshape(4, 6).shape == x.reshape((4, 6)).shape == (4, 6)
    assert x.transpose(0, 2, 1).shape == (2, 4, 3)
    assert x.transpose(1, 2).shape == (2, 4, 3)  # PyTorch's two axes
    assert x.T.shape == (4, 3, 2)
    assert x.permute(2, 0, 1).shape == x.permute((2, 0, 1)).shape == (4, 2, 3)
    assert leaf(1.0).permute().shape == ()
    assert x.reshape(np.int64(24)).shape == (24,)
    assert x[0].expand(5, -1, -1).shape == (5, 3, 4)
    assert x.flatten().shape == (24,)
    assert x.unsqueeze(0).squeeze(0).shape == x.shape


@pytest.mark.parametrize("axes", [(0, 2), (), (0,), (0, 1, 1)])
def test_permute_takes_each_axis_once(axes):
    with pytest.raises(ValueError, match="transpose: "):
        leaf(np.zeros((2, 3, 4))).permute(*axes)


def test_clone_is_in_the_graph_and_detach_is_not():
    x = leaf([1.0, 2.0])
    x.clone().sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert not x.detach().requires_grad
    assert x.detach().data is x.data


def test_a_tensor_in_the_place_of_the_data_is_refused():
    x = Tensor(np.ones(2), requires_grad=True, name="x")
    x.data = x.data - Tensor([1.0, 1.0])
    message = (
        r"exp: the data of a tensor \('x', shape \(2,\)\) are a tensor.*x\.data = values\.data"
    )
    with pytest.raises(TypeError, match=message):
        ag.exp(x)


def test_a_number_shows_no_more_digits_than_its_dtype_has():
    assert repr(Tensor(0.1, dtype=np.float32)) == "Tensor(0.1, dtype=float32)"
    assert repr(Tensor(0.1)) == "Tensor(0.1)"


def test_dlpack_hands_over_the_memory_but_no_gradient():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    there = np.from_dlpack(x)
    assert np.shares_memory(there, x.data)
    assert there.tolist() == x.tolist()
    with pytest.raises(TypeError, match=r"use \.numpy\(\), or \.detach\(\) first"):
        np.from_dlpack(Tensor(np.ones(2), requires_grad=True))
    torch = pytest.importorskip("torch")
    assert torch.from_dlpack(x).tolist() == torch.asarray(x).tolist() == x.tolist()


def test_numpy_can_shuffle_and_compare_the_memory_of_tensors():
    x = Tensor([1.0, 2.0, 3.0])
    assert np.shares_memory(x, x[1:]) and not np.may_share_memory(x, np.ones(3))
    assert sorted(np.random.default_rng(0).permutation(x)) == [1, 2, 3]
    assert sorted(np.random.permutation(x)) == [1, 2, 3]  # noqa: NPY002 - as users write it
    assert x.tolist() == [1, 2, 3]


@pytest.mark.parametrize("mode", [ag.enable_grad, ag.no_grad])
@pytest.mark.parametrize("kind", [tuple, list])
def test_tensors_in_a_tuple_or_list_are_no_operand(mode, kind):
    x = Tensor(np.ones((2, 2)))
    pair = kind([x, x])
    for f in (lambda: x + pair, lambda: pair * x, lambda: ag.relu(pair)):
        with (
            mode(),
            pytest.raises(TypeError, match=rf"(add|mul|relu): an input is a {kind.__name__} "),
        ):
            f()
    assert (x + kind([1.0, 2.0])).tolist() == [[2.0, 3.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda t: np.nan_to_num(t, True, 0.0), "copy"),
        (lambda t: np.median(t, 1, np.zeros(2)), "out"),
        (lambda t: np.average(t, None, np.ones((2, 3)), True), "returned"),
        (lambda t: np.cross(t, t, 0), "axisa"),
        (lambda t: np.mean(t, 1, np.float32), "dtype"),
    ],
)
def test_an_argument_that_means_another_thing_at_its_place_is_refused_by_name(call, name):
    with pytest.raises(TypeError, match=f"{name}= is not supported on tensors"):
        call(Tensor(np.ones((2, 3))))


@pytest.mark.parametrize(
    ("call", "cure"),
    [
        (lambda t: np.add.at(t, 0, 1), "index_add"),
        (lambda t: np.multiply.outer(t, t), "np.outer"),
        (lambda t: np.add.accumulate(t), "np.cumsum"),
        (lambda t: np.add.reduce(t), "np.sum"),
        (lambda t: np.subtract.outer(t, t), r"np.subtract\(x\[..., None\], y\)"),
        (lambda t: np.multiply.at(t, 0, 2), r"x\[i\] = np.multiply\(x\[i\], y\)"),
        (lambda t: np.logaddexp.accumulate(t), "a loop"),
        (lambda t: np.add.reduceat(t, [0, 2]), "np.split"),
    ],
)
def test_a_method_of_a_ufunc_names_what_does_its_work(call, cure):
    with pytest.raises(TypeError, match=f"not supported on tensors; use {cure}"):
        call(Tensor(np.ones(3)))


@pytest.mark.parametrize(
    "call",
    [
        Tensor,
        ag.as_tensor,
        ag.from_numpy,
        lambda m: Tensor([1.0, 2.0]) + m,
        lambda m: leaf([1.0, 2.0]) @ m,
    ],
)
def test_a_mask_is_not_dropped(call):
    with pytest.raises(TypeError, match=r"^Tensor: a tensor has no mask, .* pass x\.filled"):
        call(np.ma.masked_array([1.0, 2.0], [False, True]))


def test_integers_may_be_numpys():
    x, two, one = np.arange(12.0).reshape(4, 3), np.int64(2), np.int64(1)
    for part, right in zip(np.split(Tensor(x), two), np.split(x, two), strict=True):
        np.testing.assert_array_equal(part.data, right)
    for axes in (one, (one, np.int64(0))):
        found = np.tensordot(Tensor(x), x.T, axes)
        np.testing.assert_array_equal(found.data, np.tensordot(x, x.T, axes))
    assert np.take(Tensor(x), [], axis=0).shape == (0, 3)


@pytest.mark.parametrize("values", [(3, 4), 5, ((1, 2), (3, 4)), (0, 0)])
def test_a_margin_has_numpys_constants(values):
    x = np.arange(6.0).reshape(2, 3)
    found = np.pad(Tensor(x), ((1, 2), (0, 1)), constant_values=values)
    np.testing.assert_array_equal(found.data, np.pad(x, ((1, 2), (0, 1)), constant_values=values))
