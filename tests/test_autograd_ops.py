"""Every op against every check: one table (op_cases.py), one test for each column."""

import dataclasses
import operator

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jvp
from autograd.ops.elementwise import _keeping_dtype
from tests.op_cases import CASES, OPS
from tests.op_cases_linalg import LAPACK
from tests.op_checks import (
    FLOATS,
    SMALL,
    check_adjoint,
    check_constant,
    check_dtype,
    check_integers,
    check_layouts,
    check_promotion,
    check_reads,
    check_reference,
    check_refusal,
    check_rule_dtype,
    check_rule_on_tensors,
    check_same_input,
    check_second_order,
    check_small_integers,
    check_tangent,
    check_twice,
    check_values,
    check_vjp,
    each,
    generic_cases,
)

INF, NAN = np.inf, np.nan

# One test for each op and check, not for each case: the cases of an op are many and quick.
every_op = pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.differentiable])
fused = pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.reference is not None])


# The checks, on the whole table.


def test_the_table_covers_every_op_that_has_a_derivative():
    assert {case.op.name for case in CASES} == {n for n, op in OPS.items() if op.differentiable}


def test_no_two_cases_are_one():
    assert len({case.name for case in CASES}) == len(CASES)


@every_op
def test_values_agree_with_the_twin(name):
    each(name, check_values)


@every_op
def test_vjp_agrees_with_the_complex_step(name):
    each(name, check_vjp)


@every_op
def test_jvp_is_the_transpose_of_vjp(name):
    each(name, check_adjoint)


@every_op
def test_jvp_agrees_with_the_complex_step(name):
    each(name, check_tangent)


@every_op
def test_second_derivatives_agree_with_differences_and_are_symmetric(name):
    each(name, check_second_order)


@every_op
def test_an_input_without_a_rule_has_no_derivative(name):
    each(name, check_constant)


@every_op
def test_one_tensor_in_two_places_gets_the_sum_of_their_gradients(name):
    each(name, check_same_input)


@every_op
def test_two_walks_over_a_graph_give_the_same_gradients(name):
    each(name, check_twice)


@every_op
def test_the_rule_on_tensors_equals_the_rule_on_arrays(name):
    each(name, check_rule_on_tensors)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "name", [n for n, op in OPS.items() if op.differentiable and n != "astype"]
)
def test_dtypes_are_preserved(name, dtype):
    if dtype == np.float16 and name in LAPACK:
        each(name, check_refusal, dtype)
    else:
        each(name, check_dtype, dtype)


@pytest.mark.parametrize(
    "name", [n for n, op in OPS.items() if op.differentiable and n != "astype"]
)
def test_rules_compute_in_the_dtype_of_the_inputs(name):
    each(name, check_rule_dtype)


@pytest.mark.parametrize(
    "name", [n for n, op in OPS.items() if op.differentiable and n != "astype"]
)
def test_integers_are_taken_for_what_they_are_or_refused(name):
    each(name, check_integers)


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize(
    "name", [n for n, op in OPS.items() if op.differentiable and n != "astype"]
)
def test_integers_of_one_byte_do_not_overflow_on_the_way(name, dtype):
    each(name, check_small_integers, dtype)


@every_op
def test_any_layout_of_memory_serves_and_nothing_is_written_to(name):
    each(name, check_layouts)


@pytest.mark.parametrize(
    "name", [n for n, op in OPS.items() if op.differentiable and n != "astype"]
)
def test_one_input_of_double_precision_makes_the_result_double(name):
    each(name, check_promotion)


@pytest.mark.parametrize("dtype", FLOATS[1:])
@fused
def test_fused_ops_equal_their_reference(name, dtype):
    each(name, check_reference, dtype)


@pytest.mark.parametrize("case", generic_cases(), ids=lambda case: case.name)
def test_reads_names_the_values_that_the_rules_read(case):
    check_reads(case)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x / 3,
        lambda x: 0.5 * x,
        lambda x: x**2,
        lambda x: x * np.float64(2),
        lambda x: np.maximum(x, 0.5),
        lambda x: ag.where(x > 0, x, 0.1),
    ],
)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_number_takes_the_dtype_of_the_tensor_in_every_mode(f, dtype, shape):
    x = Tensor(np.full(shape, 0.7), requires_grad=True, dtype=dtype)
    out, tangent = jvp(f, (x.detach(),), (np.ones(shape),))
    y = f(x)
    y.backward(np.ones(shape), create_graph=True)
    assert {t.dtype for t in (out, tangent, y, x.grad)} == {np.dtype(dtype)}


def test_sums_of_exponentials_do_not_overflow_in_float16():
    n = 70_000  # above 65504
    x = Tensor(np.zeros((1, n), np.float16))
    assert ag.softmax(x).data[0, 0] == np.float16(1 / n)
    for out in (ag.logsumexp(x), -ag.log_softmax(x)[0, 0], ag.cross_entropy(x, [0])):
        assert out.item() == np.float16(np.log(n))
    many = Tensor(np.tile(np.float16([10, 0]), (n, 1)), requires_grad=True)
    loss = ag.cross_entropy(many, np.ones(n, int))
    loss.backward()
    assert loss.item() == 10
    np.testing.assert_allclose(many.grad.data, [[1 / n, -1 / n]] * n, 5e-3)


def test_numpys_einsum_takes_optimize():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    np.einsum("ij,kj->ik", x, x, optimize=True).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((2, 3), 4.0))


X, Y = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "arguments",
    [
        (X, [0, 1]),
        (X, [0, 1], [1, 0]),
        (X, [0, 1], []),
        (X, [30, 1]),
        (X, [..., 1], [...]),
        (X, [0, 1], Y, [1, 2]),
        (X, (0, 1), Y, (1, 2), (2, 0)),
    ],
)
def test_einsum_takes_the_numbers_of_axes(arguments):
    x = Tensor(X, requires_grad=True)
    for f in (ag.einsum, np.einsum):
        out = f(x, *arguments[1:])
        assert out.requires_grad
        np.testing.assert_array_equal(out.data, np.einsum(*arguments))


@pytest.mark.parametrize("arguments", [(X,), (X, Y), (X, "ij"), (X, [0, 52])])
def test_einsum_without_subscripts_says_what_it_takes(arguments):
    with pytest.raises(TypeError, match="einsum: pass subscripts such as 'ij,jk->ik' first, or"):
        ag.einsum(*map(Tensor, arguments[:1]), *arguments[1:])


# Ops without a derivative: values, and that nothing is recorded.

A = np.array([1.0, 2.0, NAN, INF, 0.0])
B = np.array([1.0, 0.0, NAN, INF, -INF])
VALUES = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "isclose": np.isclose,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
}


# Those that give positions or counts; tests/test_autograd_order.py has their values.
POSITIONS = {"all", "any", "argmax", "argmin", "argsort", "count_nonzero", "cumargmax"}
POSITIONS |= {"searchsorted"}

BITS = {
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "bitwise_not": operator.invert,
}


def test_every_op_without_a_derivative_has_its_values_tested():
    tested = VALUES.keys() | POSITIONS | BITS.keys()
    assert tested == {n for n, op in OPS.items() if not op.differentiable}


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
@pytest.mark.parametrize("name", BITS)
def test_bits_are_those_of_numpy(name, dtype):
    op, f = OPS[name], BITS[name]
    x, y = (np.array(v).astype(dtype) for v in ([6, 4, 0, 0], [3, 0, 5, 0]))
    ufunc = np.invert if op.arity == 1 else getattr(np, name)
    for inputs in [(x,)] if op.arity == 1 else [(x, y), (x, y[0].item())]:
        expected = f(*inputs)
        for g in (op, f, ufunc):
            out = g(Tensor(x), *inputs[1:])
            assert type(out) is Tensor and out.dtype == expected.dtype
            np.testing.assert_array_equal(out.data, expected)
        if op.arity == 2:
            np.testing.assert_array_equal(f(inputs[1], Tensor(x)).data, f(inputs[1], x))
            held = out = Tensor(x)
            out = getattr(operator, f"i{name.removeprefix('bitwise_')}")(out, inputs[1])
            assert out is held
            np.testing.assert_array_equal(held.data, expected)
    text = f"{name}: x of float64.* do not fit: .*; pass integers or booleans, such as x != 0"
    with pytest.raises(TypeError, match=text):
        op(Tensor(A), *[Tensor(y)][: op.arity - 1])


@pytest.mark.parametrize("name", VALUES)
def test_ops_without_a_derivative_agree_with_numpy(name):
    op, f = OPS[name], VALUES[name]
    inputs = (A, B)[: op.arity]
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    for out in (op(*tensors), f(*tensors)):
        assert out.dtype == bool
        assert not out.requires_grad
        np.testing.assert_array_equal(out.data, f(*inputs))
    np.testing.assert_array_equal(op(*inputs), f(*inputs))
    assert op(*[x[:0] for x in tensors]).shape == (0,)


def test_a_derivative_stops_at_a_comparison():
    x = Tensor(A[:2], requires_grad=True)
    (x * (x > 1)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0, 1])


# The checks checked: a wrong rule fails.

GENERIC = {case.op.name: case for case in generic_cases()}


def with_rule(name, i, rule):
    op = GENERIC[name].op
    vjp = (*op.vjp[:i], rule, *op.vjp[i + 1 :])
    return dataclasses.replace(GENERIC[name], op=dataclasses.replace(op, vjp=vjp))


def scaled(name, i, factor):
    right = OPS[name].vjp[i]
    return with_rule(name, i, lambda g, *args, **params: right(g, *args, **params) * factor)


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0, 2.0, 0.0])
@pytest.mark.parametrize("name", ["mul", "tanh", "abs", "var", "matmul", "getitem", "softmax"])
def test_a_scaled_rule_fails(name, factor):
    check_vjp(GENERIC[name])
    with pytest.raises(AssertionError):
        check_vjp(scaled(name, 0, factor))


@pytest.mark.parametrize("name", ["matmul", "transpose", "getitem", "sum"])
def test_a_scaled_rule_differs_from_forward_mode(name):
    # not so for the kinds elementwise and reduction, whose jvp is made of the vjp rule
    check_adjoint(GENERIC[name])
    with pytest.raises(AssertionError):
        check_adjoint(scaled(name, 0, 1.0005))


@pytest.mark.parametrize(
    "wrong",
    [
        # a transpose dropped, a factor lost, the sign, the other operand, an axis reversed
        with_rule("transpose", 0, lambda g, out, x, *, axes: g.transpose(axes)),
        with_rule("var", 0, lambda g, out, x, **_: 2 * (x - x.mean()) * g.sum()),
        with_rule("sub", 1, lambda g, out, x, y: g),
        with_rule("div", 1, lambda g, out, x, y: -g * out / x),
        with_rule("mul", 0, lambda g, out, x, y: (g * y)[::-1]),
        # broadcasting undone wrongly: rows dropped, averaged
        with_rule("mul", 0, lambda g, out, x, y: (g * y)[:, :1]),
        with_rule("mul", 0, lambda g, out, x, y: (g * y).mean(axis=1, keepdims=True)),
        # repeated indices counted once
        with_rule("getitem", 0, lambda g, out, x, *, index: np.sign(g)),
        # zero and NaN
        with_rule("exp", 0, lambda g, out, x: g * 0),
        with_rule("exp", 0, lambda g, out, x: g * np.nan),
    ],
    ids=lambda case: case.op.name,
)
def test_a_wrong_rule_fails(wrong):
    with pytest.raises((AssertionError, ValueError)):
        check_vjp(wrong)


def test_a_wrong_jvp_rule_fails():
    case = GENERIC["log_softmax"]
    right = case.op.jvp
    for factor in (1.0005, -1.0):
        op = dataclasses.replace(case.op, jvp=lambda *a, f=factor, **kw: right(*a, **kw) * f)
        for check in (check_adjoint, check_tangent):
            check(case)
            with pytest.raises(AssertionError):
                check(dataclasses.replace(case, op=op))


def test_a_rule_that_leaves_the_graph_fails():
    def rule(g, out, x):
        return g * Tensor(np.cos(x.data)) if isinstance(x, Tensor) else g * np.cos(x)

    check_vjp(with_rule("sin", 0, rule))
    with pytest.raises(AssertionError):
        check_second_order(with_rule("sin", 0, rule))


def test_a_rule_that_is_another_on_tensors_fails():
    def rule(g, out, x):
        return g * np.cos(x) * (1 + 1e-15 * isinstance(x, Tensor))

    with pytest.raises(AssertionError):
        check_rule_on_tensors(with_rule("sin", 0, rule))


@pytest.mark.parametrize("dtype", FLOATS[:2])
def test_a_rule_that_computes_in_other_precision_fails(dtype):
    # the gradient itself is cast back; the tangent shows it
    wrong = with_rule("sin", 0, lambda g, out, x: g * np.cos(x) * np.ones(1))
    with pytest.raises(AssertionError):
        check_dtype(wrong, dtype)


@pytest.mark.parametrize("dtype", FLOATS[:2])
def test_a_mode_that_loses_digits_in_low_precision_fails(dtype):
    def off(x):
        return 1 if x.dtype == np.float64 else 1 + 200 * np.finfo(x.dtype).eps.item()

    check_dtype(GENERIC["sin"], dtype)
    with pytest.raises(AssertionError, match="Not equal"):  # only with create_graph
        check_dtype(
            with_rule(
                "sin", 0, lambda g, out, x: g * np.cos(x) * (off(x) if isinstance(x, Tensor) else 1)
            ),
            dtype,
        )
    case = GENERIC["log_softmax"]
    right = case.op.jvp
    op = dataclasses.replace(case.op, jvp=lambda *a, **kw: right(*a, **kw) * off(a[2]))
    check_dtype(case, dtype)
    with pytest.raises(AssertionError, match="Not equal"):
        check_dtype(dataclasses.replace(case, op=op), dtype)


def test_a_rule_that_writes_into_its_arguments_fails():
    def rule(g, out, x):
        g *= out
        return g

    with pytest.raises(ValueError, match="read-only"):
        check_layouts(with_rule("exp", 0, rule))


def test_a_reference_off_by_half_a_thousandth_fails():
    case = GENERIC["softmax"]
    right = case.op.reference
    op = dataclasses.replace(case.op, reference=lambda x, axis=-1: right(x, axis) * 1.0005)
    with pytest.raises(AssertionError):
        check_reference(dataclasses.replace(case, op=op), np.float64)


def test_reads_that_hide_or_invent_a_value_fail(monkeypatch):
    for answer in (True, False):
        monkeypatch.setattr(type(OPS["tanh"]), "reads", lambda op, value, a=answer: a)
        with pytest.raises(AssertionError, match="tanh"):
            check_reads(GENERIC["tanh"])


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize(
    ("f", "slope"),
    [(getattr(ag, name), 1) for name in ("sum", "prod", "max", "min", "logsumexp", "vector_norm")]
    + [(getattr(ag, name), 1) for name in ("mean", "average", "nanmean", "median", "nanmedian")]
    + [(ag.var, 0), (ag.std, 0), (lambda x, axis: ag.quantile(x, 0.3, axis), 1)],
    ids=lambda f: getattr(f, "__name__", None),
)
def test_every_reduction_takes_the_first_axis_of_a_number_as_in_pytorch(f, slope, axis):
    for mode in (ag.grad, ag.jacfwd):
        assert mode(lambda x: f(x, axis=axis))(3.0).item() == slope
    with pytest.raises(np.exceptions.AxisError, match="axis 1 is out of bounds"):
        f(Tensor(3.0), axis=1)


@pytest.mark.parametrize("f", [np.sum, np.prod, np.max, np.mean, np.var], ids=lambda f: f.__name__)
def test_an_axis_may_be_an_array_without_axes(f):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    found, expected = (
        ag.grad(lambda x, axis=axis: f(x, axis=axis).sum())(x) for axis in (np.array(1), 1)
    )
    np.testing.assert_array_equal(found.data, expected.data)


def test_scipys_functions_get_integers_as_float64():
    seen = []
    f = _keeping_dtype(lambda x: seen.append(x.dtype) or x)
    assert f(np.ones(2, np.int8)).dtype == np.float64
    assert seen == [np.float64]
