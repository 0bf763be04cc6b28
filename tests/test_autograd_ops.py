"""Every op against every check: one table (op_cases.py), one test for each column."""

import dataclasses

import numpy as np
import pytest

import autograd as ag
from autograd import EachInput, Tensor, as_tensor, jvp
from tests.op_cases import CASES, OPS
from tests.op_cases_linalg import LAPACK

FLOATS = [np.float16, np.float32, np.float64]

# One test for each op and check, not for each case: the cases of an op are many and quick.
BY_OP = {name: [c for c in CASES if c.op.name == name] for name in OPS}
every_op = pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.differentiable])
fused = pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.reference is not None])


def each(name, check, *args):
    """Run a check on each case of an op; a failure says of which."""
    for case in BY_OP[name]:
        try:
            check(case, *args)
        except Exception as error:
            error.add_note(f"the case is {case.name}")
            raise


def generic_cases():
    """The largest case of each op: a generic one."""
    by_size = sorted(CASES, key=lambda case: sum(x.size for x in case.inputs()))
    return {case.op.name: case for case in by_size}.values()


def leaves(case, inputs):
    """Tensors that share the memory of the inputs; those with a derivative require grad."""
    moving = case.moving(inputs)
    tensors = [as_tensor(x) for x in inputs]
    return [t.requires_grad_() if i in moving else t for i, t in enumerate(tensors)]


def gradients(case, inputs, seed, create_graph=False):
    """Return the gradients with respect to the inputs that have one."""
    tensors = leaves(case, inputs)
    case.op(*tensors, **case.params).backward(seed, create_graph=create_graph)
    return [tensors[i].grad for i in case.moving(inputs)]


def drawn_like(case, out):
    return np.asarray(case.rng.uniform(0.5, 1.5, np.shape(out)), dtype=out.dtype)


def assert_close(actual, expected, rtol):
    """Compare entry by entry, the rounding of the largest entry forgiven to all of them."""
    expected = np.asarray(expected)
    atol = rtol * np.abs(expected).max(initial=0)
    np.testing.assert_allclose(np.asarray(actual), expected, rtol, atol)


def complex_step(case, inputs, i, seed):
    """Return the gradient of <seed, f> with respect to input i as Im f(x + ih) / h."""
    h, x = 1e-20, inputs[i]
    gradient = np.zeros(x.size)
    for j in range(x.size):
        moved = x.astype(complex)
        moved.flat[j] += 1j * h
        out = case.evaluate(*inputs[:i], moved, *inputs[i + 1 :])
        gradient[j] = (seed * (out.imag / h)).sum()
    return gradient.reshape(x.shape)


# The checks. Each takes a case, so that it can be tried on an op that is wrong.


def check_values(case):
    inputs = case.inputs()
    expected = case.evaluate(*inputs)
    out = case.op(*leaves(case, inputs), **case.params).data
    np.testing.assert_array_equal(out, case.op(*inputs, **case.params))
    assert out.shape == expected.shape
    assert_close(out, expected, 1e-13)


def check_vjp(case):
    inputs = case.inputs()
    seed = drawn_like(case, case.evaluate(*inputs))
    for i, g in zip(case.moving(inputs), gradients(case, inputs, seed), strict=True):
        assert g.shape == inputs[i].shape
        assert_close(g.data, complex_step(case, inputs, i, seed), 1e-12)


def tangent_along(case, inputs, directions):
    """Return the tangent of the output, the inputs named in `directions` moving along them."""

    def f(*xs):
        moving = dict(zip(directions, xs, strict=True))
        return case.op(*(moving.get(i, x) for i, x in enumerate(inputs)), **case.params)

    return jvp(f, [inputs[i] for i in directions], list(directions.values()))[1]


def check_adjoint(case):
    """<u, J v> == <J^T u, v>, for each input by itself and for all of them moving at once."""
    inputs = case.inputs()
    u = drawn_like(case, case.evaluate(*inputs))
    moving = case.moving(inputs)
    v = {i: case.rng.standard_normal(inputs[i].shape) for i in moving}
    pulled = dict(zip(moving, gradients(case, inputs, u), strict=True))
    for chosen in [*([i] for i in moving), moving]:
        tangent = tangent_along(case, inputs, {i: v[i] for i in chosen}).data
        assert np.shape(tangent) == u.shape
        left = (u * tangent).sum()
        right = sum((pulled[i].data * v[i]).sum() for i in chosen)
        size = np.abs(u * tangent).sum() + sum(np.abs(pulled[i].data * v[i]).sum() for i in chosen)
        assert abs(left - right) <= 1e-13 * size


def check_tangent(case):
    """The adjoint identity is one number; the tangent has as many as the output."""
    inputs = case.inputs()
    for i in case.moving(inputs):
        v = case.rng.standard_normal(inputs[i].shape)
        moved = case.evaluate(*inputs[:i], inputs[i] + 1e-20j * v, *inputs[i + 1 :])
        assert_close(tangent_along(case, inputs, {i: v}).data, moved.imag / 1e-20, 1e-12)


def check_second_order(case):
    """The gradient s of <w, grad <u, f>> is H w, by differences of first gradients along w.

    It comes out of a backward pass as H^T w, so that the symmetry of H is checked too. Its
    derivative with respect to u is J w, the tangent along w.
    """
    inputs = case.inputs()
    moving = case.moving(inputs)
    u = Tensor(drawn_like(case, case.evaluate(*inputs)), requires_grad=True)
    w = {i: case.rng.standard_normal(inputs[i].shape) for i in moving}
    tensors = leaves(case, inputs)
    case.op(*tensors, **case.params).backward(u, create_graph=True)
    s = sum((tensors[i].grad * w[i]).sum() for i in moving)
    for t in tensors:
        t.grad = None
    if s.requires_grad:
        s.backward()

    def slope(h):
        ends = [
            gradients(case, [x + e * w[i] if i in w else x for i, x in enumerate(inputs)], u)
            for e in (h, -h)
        ]
        return [(a.data - b.data) / (2 * h) for a, b in zip(*ends, strict=True)]

    for i, wide, narrow in zip(moving, slope(1e-3), slope(5e-4), strict=True):
        found = np.zeros(inputs[i].shape) if tensors[i].grad is None else tensors[i].grad.data
        # central differences with an error of the order h^4: 1e-12 times the fifth derivative
        np.testing.assert_allclose(found, (4 * narrow - wide) / 3, 1e-7, 1e-9)
    tangent = tangent_along(case, inputs, w).data
    assert_close(np.zeros(u.shape) if u.grad is None else u.grad.data, tangent, 1e-12)


def check_rule_on_tensors(case):
    inputs = case.inputs()
    seed = drawn_like(case, case.evaluate(*inputs))
    on_arrays = gradients(case, inputs, seed)
    on_tensors = gradients(case, inputs, as_tensor(seed), create_graph=True)
    for a, b in zip(on_arrays, on_tensors, strict=True):
        assert a.dtype == b.dtype
        # a fused op with rules for arrays only runs its reference, which rounds otherwise
        assert_close(b.data, a.data, 0 if case.op.shared is None else 1e-14)


def check_dtype(case, dtype):
    """What goes in comes out, in all three modes, and is right within the dtype's rounding."""
    inputs = case.inputs(dtype)
    exact = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    out = case.op(*[as_tensor(x) for x in inputs], **case.params)
    expected = case.evaluate(*exact)
    seed = drawn_like(case, expected).astype(dtype)
    eps = 50 * np.finfo(dtype).eps  # sums of up to 24 terms, quotients, powers
    assert out.dtype == dtype
    assert_close(out.data, expected, eps)
    by_tensors = gradients(case, inputs, seed, create_graph=True)
    by_arrays = gradients(case, inputs, seed)
    pulled = gradients(case, exact, seed.astype(np.float64))
    for g, h, right in zip(by_arrays, by_tensors, pulled, strict=True):
        assert (g.dtype, h.dtype) == (dtype, dtype)
        assert_close(g.data, right.data, eps)
    tangent = tangent_along(case, inputs, {i: inputs[i] for i in case.moving(inputs)})
    assert tangent.dtype == dtype


def check_refusal(case, dtype):
    with pytest.raises(TypeError, match="float16"):
        case.op(*[as_tensor(x) for x in case.inputs(dtype)], **case.params)


def layouts(x):
    """The same values in other places of memory, read-only."""
    views = [x.copy(), np.array(x, order="F")]
    if x.ndim:
        views.append(np.repeat(x, 2, axis=-1)[..., ::2])
        flip = (slice(None, None, -1),) * x.ndim
        views.append(x[flip].copy()[flip])
    for view in views:
        view.flags.writeable = False
    return views


def check_layouts(case):
    inputs = case.inputs()
    out = case.evaluate(*inputs)
    seed = drawn_like(case, out)
    expected = gradients(case, inputs, seed)
    seeds = layouts(seed)
    for k in range(4):
        views = [layouts(x)[k % len(layouts(x))] for x in inputs]
        g = seeds[k % len(seeds)]
        assert_close(case.op(*views, **case.params), out, 1e-13)
        for found, right in zip(gradients(case, views, g), expected, strict=True):
            assert_close(found.data, right.data, 1e-13)
        for view, x in zip(views, inputs, strict=True):  # writing would have raised: by view only
            np.testing.assert_array_equal(view, x)
        np.testing.assert_array_equal(g, seed)


def check_reference(case, dtype):
    inputs = case.inputs(dtype)
    reference = dataclasses.replace(case.op, shared=None, forward=case.op.reference)
    out = case.op(*inputs, **case.params)
    composed = reference.reference(*[as_tensor(x) for x in inputs], **case.params)
    eps = 20 * np.finfo(dtype).eps
    assert composed.dtype == out.dtype
    assert_close(composed.data, out, eps)
    seed = drawn_like(case, out)
    tensors = leaves(case, inputs)
    case.op.reference(*tensors, **case.params).backward(seed)
    found = gradients(case, inputs, seed)
    for g, i in zip(found, case.moving(inputs), strict=True):
        assert_close(g.data, tensors[i].grad.data, eps)


COARSE = {"var", "nan_to_num", "heaviside", "sort", "average_ties"}


def check_reads(case):
    """Overwriting a value that the rules do not read changes no gradient; one they do, changes it.

    An op with `shared`, and one with `EachInput`, counts all its inputs as read, and var its out,
    since max has the same form of rule; others read a value only to tell a special point. That errs
    on the safe side, and only the first half is asked of them.
    """
    inputs = case.inputs()
    coarse = (
        case.op.shared is not None or isinstance(case.op.vjp, EachInput) or case.op.name in COARSE
    )

    def pulled(spoilt):
        tensors = leaves(case, [x.copy() for x in inputs])
        out = case.op(*tensors, **case.params)
        victim = out if spoilt == "out" else None if spoilt is None else tensors[spoilt]
        if victim is not None:
            spoil(victim)
        with np.errstate(all="ignore"):
            out.backward(drawn_like(case, out.data))
        return [tensors[i].grad.data for i in case.moving(inputs)]

    right = pulled(None)
    for value in [*range(len(inputs)), "out"]:
        same = all(np.array_equal(a, b) for a, b in zip(pulled(value), right, strict=True))
        if not case.op.reads(value):
            assert same, f"{case.op.name} reads {value}, but says that it does not"
        elif not coarse:
            assert not same, f"{case.op.name} says that it reads {value}, but does not"


def spoil(t):
    """Overwrite a value behind the back of the graph."""
    if t.dtype.kind == "f":
        t.data = t.data * -1.7 - 0.3
    elif t.dtype.kind == "b":
        t.data = ~t.data
    else:
        t.data = (t.data + 1) % (t.data.max(initial=0) + 1)


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


@every_op
def test_any_layout_of_memory_serves_and_nothing_is_written_to(name):
    each(name, check_layouts)


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


def test_numpys_einsum_takes_optimize():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    np.einsum("ij,kj->ik", x, x, optimize=True).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((2, 3), 4.0))


# Kinks and poles: the subgradient of least norm, then continuity (docs/design.md).

INF, NAN = np.inf, np.nan

CONVENTIONS = [
    ("relu", ag.relu, [0.0, -0.0], [0, 0]),
    ("abs", ag.abs, [0.0, -0.0], [0, 0]),
    ("sign", ag.sign, [0.0, 2.0], [0, 0]),
    ("max_ties_share", ag.max, [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    ("max_all_tie", ag.max, [3.0, 3.0, 3.0], [1 / 3, 1 / 3, 1 / 3]),
    (
        "max_ties_over_two_axes",
        lambda x: ag.max(x, axis=(0, 2)).sum(),
        [[[4.0, 1.0], [2.0, 5.0]], [[0.0, 4.0], [5.0, 5.0]]],
        [[[0.5, 0], [0, 1 / 3]], [[0, 0.5], [1 / 3, 1 / 3]]],
    ),
    ("min_ties_share", ag.min, [1.0, 2.0, 1.0], [0.5, 0, 0.5]),
    ("maximum_at_a_tie", lambda x: ag.maximum(x, 2.0), [2.0, 3.0, 1.0], [0.5, 1, 0]),
    ("maximum_at_a_tie_on_the_right", lambda x: ag.maximum(2.0, x), [2.0, 3.0, 1.0], [0.5, 1, 0]),
    ("maximum_of_x_and_x", lambda x: ag.maximum(x, x), [2.0], [1]),
    ("minimum_at_a_tie", lambda x: ag.minimum(x, 2.0), [2.0, 3.0, 1.0], [0.5, 0, 1]),
    ("minimum_at_a_tie_on_the_right", lambda x: ag.minimum(2.0, x), [2.0, 3.0], [0.5, 0]),
    ("std_of_a_constant", ag.std, [1.5, 1.5, 1.5], [0, 0, 0]),
    (
        "std_of_a_constant_row",
        lambda x: ag.std(x, axis=1),
        [[2.0, 2.0], [1.0, 3.0]],
        [[0, 0], [-0.5, 0.5]],
    ),
    ("std_of_one_value", ag.std, 1.5, 0),
    ("var_of_a_constant", ag.var, [1.5, 1.5], [0, 0]),
    ("x_to_the_0", lambda x: x**0, [0.0, 2.0, -1.0], [0, 0, 0]),
    ("x_to_the_0_without_axes", lambda x: x**0, 0.0, 0),
    ("x_to_an_array_of_0", lambda x: x ** np.zeros(3), [0.0, 2.0, -1.0], [0, 0, 0]),
    ("x_to_the_1", lambda x: x**1, [0.0, -1.0], [1, 1]),
    ("x_to_the_2", lambda x: x**2, [0.0, -1.5], [0, -3]),
    ("x_to_the_3", lambda x: x**3, [0.0, -2.0], [0, 12]),
    ("x_to_an_array", lambda x: x ** np.array([0.0, 1, 2]), [-2.0, -2.0, -2.0], [0, 1, -4]),
    ("x_to_the_half", lambda x: x**0.5, [0.0, 4.0], [INF, 0.25]),
    ("x_to_the_minus_1", lambda x: x**-1, [0.0, -2.0], [-INF, -0.25]),
    ("0_to_the_x", lambda x: 0.0**x, [0.0, 1.0, 2.0], [0, 0, 0]),
    ("a_negative_number_to_the_x", lambda x: (-2.0) ** x, [2.0], [NAN]),
    (
        "clip_on_both_bounds",
        lambda x: ag.clip(x, 0, 1),
        [-1.0, 0.0, 0.5, 1.0, 2.0],
        [0, 1, 1, 1, 0],
    ),
    ("clip_between_equal_bounds", lambda x: ag.clip(x, 1, 1), [0.0, 1.0, 2.0], [0, 1, 0]),
    ("sqrt_at_0", ag.sqrt, [0.0, 4.0], [INF, 0.25]),
    ("log_at_0", ag.log, [0.0, 4.0], [INF, 0.25]),
    ("1_by_0", lambda x: 1 / x, [0.0, 2.0], [-INF, -0.25]),
    (
        "where_inside_where_is_the_cure",
        lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), 0.0),
        [0.0, -1.0, 4.0],
        [0, 0, 0.25],
    ),
    # far out, where the naive formula overflows
    ("sigmoid_far_out", ag.sigmoid, [-1e4, 0.0, 1e4], [0, 0.25, 0]),
    ("tanh_far_out", ag.tanh, [-1e4, 0.0, 1e4], [0, 1, 0]),
    ("logsumexp_far_out", ag.logsumexp, [1e4, 1e4, -1e4], [0.5, 0.5, 0]),
    ("logsumexp_of_minus_inf", ag.logsumexp, [-INF, -INF], [0, 0]),
    ("logsumexp_with_minus_inf", ag.logsumexp, [-INF, 0.0, 0.0], [0, 0.5, 0.5]),
    ("softmax_far_out", lambda x: ag.softmax(x)[1], [-1e4, 1e4], [0, 0]),
    ("log_softmax_far_out", lambda x: ag.log_softmax(x)[0], [-1e3, 1e3], [1, -1]),
    (
        "cross_entropy_far_out",
        lambda x: ag.cross_entropy(x, np.array([0, 0]), reduction="sum"),
        [[-1e3, 1e3], [1e3, -1e3]],
        [[-1, 1], [0, 0]],
    ),
]


def by_reverse(f, x, create_graph=False):
    f(x).backward(np.ones(f(x).shape), create_graph=create_graph)
    return x.grad.data


def by_forward(f, x):
    if f(x).shape == x.shape:  # a diagonal Jacobian: along (1, 1, ...), for 0 * inf is NaN
        return jvp(f, (x.detach(),), (np.ones(x.shape),))[1].data
    units = np.eye(x.size).reshape(x.size, *x.shape)
    return np.reshape([jvp(f, (x.detach(),), (v,))[1].data.sum() for v in units], x.shape)


@pytest.mark.parametrize(
    "mode",
    [by_reverse, lambda f, x: by_reverse(f, x, create_graph=True), by_forward],
    ids=["reverse", "reverse_on_tensors", "forward"],
)
@pytest.mark.parametrize(
    ("f", "x", "slope"), [c[1:] for c in CONVENTIONS], ids=[c[0] for c in CONVENTIONS]
)
def test_conventions_at_kinks_and_poles(f, x, slope, mode):
    with np.errstate(all="ignore"):  # of the values: log 0, 1 / 0
        found = mode(f, Tensor(x, requires_grad=True))
    # e^(x - out) of x = 1e4 has lost four digits
    np.testing.assert_allclose(found, slope, rtol=1e-12 if np.abs(x).max() > 1e3 else 1e-15)


def test_where_passes_the_nan_of_the_branch_not_taken_in_reverse_mode():
    def f(x):
        return ag.where(x > 0, ag.sqrt(x), 0.0)

    x = [0.0, -1.0, 4.0]
    with np.errstate(all="ignore"):
        for create_graph in (False, True):
            found = by_reverse(f, Tensor(x, requires_grad=True), create_graph)
            np.testing.assert_array_equal(found, [NAN, NAN, 0.25])
        # forward mode selects the tangent of the branch taken; nothing is multiplied by 0
        np.testing.assert_array_equal(by_forward(f, Tensor(x)), [0, 0, 0.25])


@pytest.mark.parametrize("power", range(5))
def test_all_derivatives_of_a_power_at_0(power):
    x = Tensor([0.0, 2.0], requires_grad=True)
    y, factor = x**power, 1
    for order in range(1, 6):
        x.grad = None
        y.sum().backward(create_graph=True)
        y, factor = x.grad, factor * (power - order + 1)
        np.testing.assert_array_equal(
            y.data, factor * np.array([0.0, 2.0]) ** max(power - order, 0)
        )
        if not y.requires_grad:
            break


@pytest.mark.parametrize(("f", "x"), [(ag.sqrt, 0.0), (ag.abs, 0.0), (lambda x: x**0.5, 0.0)])
def test_a_pole_of_the_derivative_is_no_reason_to_warn(f, x):
    by_reverse(f, Tensor(x, requires_grad=True))
    by_reverse(f, Tensor(x, requires_grad=True), create_graph=True)
    by_forward(f, Tensor(x))


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


def test_every_op_without_a_derivative_has_its_values_tested():
    assert VALUES.keys() | POSITIONS == {n for n, op in OPS.items() if not op.differentiable}


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
