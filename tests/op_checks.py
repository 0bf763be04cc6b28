"""What every op of the table is checked for, and the checks of one op as a function.

A check takes a case, so that it can be tried on an op that is wrong. `test_autograd_ops.py` runs
each check on the whole table, `mutation.py` all checks of an op on rules corrupted on purpose.
"""

import re
from contextlib import contextmanager

import numpy as np
import pytest

from autograd import EachInput, Tensor, as_tensor, backprop, jvp
from autograd.ops import blocks
from tests.op_cases import CASES, OPS
from tests.op_cases_linalg import LAPACK

FLOATS = [np.float16, np.float32, np.float64]
SMALL = [np.int8, np.uint8, bool]

BY_OP = {name: [c for c in CASES if c.op.name == name] for name in OPS}


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


def directions(case, inputs):
    """Draw where each input that has a derivative moves to: not along what was drawn as inputs."""
    (rng,) = case.rng.spawn(1)
    return {i: rng.standard_normal(inputs[i].shape) for i in case.moving(inputs)}


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


def checks(op):
    """Yield (check, arguments that follow the case) for all that cases of this op can be asked."""
    for check in (check_vjp, check_adjoint, check_tangent, check_rule_on_tensors):
        yield check, ()
    yield check_second_order, ()
    yield check_constant, ()
    yield check_same_input, ()
    yield check_twice, ()
    yield check_values, ()
    if op.name != "astype":
        for dtype in FLOATS:
            refused = dtype == np.float16 and op.name in LAPACK
            yield (check_refusal if refused else check_dtype), (dtype,)
        yield check_rule_dtype, ()
        yield check_integers, ()
        yield from ((check_small_integers, (dtype,)) for dtype in SMALL)
        yield check_promotion, ()
    yield check_layouts, ()
    for dtype in FLOATS[1:] if op.reference is not None else ():
        yield check_reference, (dtype,)


# The checks.


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
    v = directions(case, inputs)
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
    for i, v in directions(case, inputs).items():
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
    w = directions(case, inputs)
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


def check_constant(case):
    """An input without a rule has no derivative."""
    inputs = case.inputs()
    moving = case.moving(inputs)
    for i, x in enumerate(inputs):
        if x.dtype.kind == "f" and i not in moving:
            seed = drawn_like(case, case.evaluate(*inputs))
            assert not complex_step(case, inputs, i, seed).any()
            assert not tangent_along(case, inputs, {i: np.ones(x.shape)}).data.any()


def check_same_input(case):
    """One tensor in two places gets the sum of their gradients."""
    inputs = case.inputs()
    moving = case.moving(inputs)
    pairs = [(i, j) for i in moving for j in moving if i < j]
    for i, j in pairs:
        if inputs[i].shape == inputs[j].shape:
            equal = [inputs[i] if k == j else x for k, x in enumerate(inputs)]
            seed = drawn_like(case, case.evaluate(*equal))
            apart = dict(zip(moving, gradients(case, equal, seed), strict=True))
            for create_graph in (False, True):
                tensors = leaves(case, equal)
                tensors[j] = tensors[i]
                out = case.op(*tensors, **case.params)
                out.backward(seed, create_graph=create_graph)
                total = apart[i].data + apart[j].data
                assert_close(tensors[i].grad.data, total, 1e-13)


def check_twice(case):
    """Two walks over one graph give the same gradient, and it adds up; each meets a tensor once."""
    inputs = case.inputs()
    seed = drawn_like(case, case.evaluate(*inputs))
    once = gradients(case, inputs, seed)
    tensors = leaves(case, inputs)
    out = case.op(*tensors, **case.params)
    out.backward(seed)
    out.backward(seed)
    met = [id(t) for t, _ in backprop(out, seed)]
    assert len(met) == len(set(met))
    for i, g in zip(case.moving(inputs), once, strict=True):
        np.testing.assert_array_equal(tensors[i].grad.data, 2 * g.data)


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
        assert_close(h.data, right.data, eps)
    v = {i: x.astype(dtype) for i, x in directions(case, inputs).items()}
    tangent = tangent_along(case, inputs, v)
    pushed = tangent_along(case, exact, {i: x.astype(np.float64) for i, x in v.items()})
    assert tangent.dtype == dtype
    assert_close(tangent.data, pushed.data, eps)


def check_rule_dtype(case):
    """Rules compute in the dtype of the inputs: the engine casts what they return, so that twice
    the time in float64 would not show.
    """
    inputs = case.inputs(np.float32)
    out = case.op(*leaves(case, inputs), **case.params)
    g, values = drawn_like(case, out.data), (out.data, *inputs)
    if case.op.shared is not None:
        g = case.op.shared(g, out.data, out.saved, *inputs, **out.params)
    for i in case.moving(inputs):
        assert case.op.vjp[i](g, *values, **out.params).dtype == np.float32


def check_integers(case):
    """Integers give what the same floating numbers give, or are refused by name."""
    inputs = case.inputs()
    whole = [
        np.rint(3 * np.nan_to_num(x, neginf=-9)).astype(np.int64) if x.dtype.kind == "f" else x
        for x in inputs
    ]
    exact = [n.astype(x.dtype) for n, x in zip(whole, inputs, strict=True)]
    with np.errstate(all="ignore"):  # outside the domain, or at a pole
        try:
            expected = case.op(*[as_tensor(x) for x in exact], **case.params)
        except np.linalg.LinAlgError:
            return
        try:
            out = case.op(*[as_tensor(x) for x in whole], **case.params)
        except TypeError as error:
            assert re.match(r"\w+: .*int64.*; pass", str(error))
            return
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-12, atol=1e-12)


# Sums, products and quotients of integers are integers, and overflow where NumPy's do. The last
# rows are parts of gradients, which integers have none of.
INTEGER = {
    *("add", "sub", "mul", "neg", "square", "pow", "floor_divide", "remainder", "fmod"),
    *("prod", "cumprod", "matmul", "einsum", "linear"),
    *("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"),
    *("conv1d_weight", "conv2d_weight", "embed", "fold"),
    *("average_ties", "spherical_bessel"),
}


def check_small_integers(case, dtype):
    """Where a result is no integer by nature, integers of one byte do not overflow on the way."""
    if case.op.name in INTEGER:
        return
    rng, inputs = case.rng, case.inputs()
    low, high = (0, 1) if dtype is bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    small, exact = list(inputs), list(inputs)
    for i, x in enumerate(inputs):
        if x.dtype.kind == "f" and (case.op.name, i) != ("attention", 3):  # booleans are a mask
            small[i] = rng.integers(low, high, x.shape, endpoint=True).astype(dtype)
            exact[i] = small[i].astype(np.float64)
    with np.errstate(all="ignore"):  # outside the domain, or at a pole
        try:
            expected = case.op(*[as_tensor(x) for x in exact], **case.params)
            out = case.op(*[as_tensor(x) for x in small], **case.params).data
        except np.linalg.LinAlgError:
            return
        except TypeError as error:
            named = rf"\w+: .*{np.dtype(dtype)}.*; pass|numpy boolean subtract"  # NumPy says so
            assert re.match(named, str(error)), error
            return
        expected = expected.data.astype(out.dtype)
    assert out.dtype != np.float16 or hasattr(np, case.op.name)  # NumPy's functions give that
    rtol = 9 * np.finfo(out.dtype).eps if out.dtype in FLOATS[:2] else 1e-12
    np.testing.assert_allclose(out, expected, rtol, rtol)


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


@contextmanager
def small_blocks():
    """Cut arrays of more than two elements into blocks, which else only large ones are."""
    whole, blocks.BLOCK = blocks.BLOCK, 2
    try:
        yield
    finally:
        blocks.BLOCK = whole


# A mask is added in the dtype of the scores, what is written into x takes its dtype, and the second
# input of the others lends its gradient, or its ties, alone.
OWN_DTYPE = {("attention", 3), ("setitem", 1), ("straight_through", 1), ("average_ties", 1)}
# They multiply inputs of single precision before the one of double precision joins in; the eps of
# rms_norm is that of x.
IN_PARTS = {"attention", "bce", "bce_with_logits", "einsum", "linear", "rms_norm"}


def check_promotion(case):
    """One input of double precision makes the result double, as NumPy promotes."""
    single = case.inputs(np.float32)
    exact = case.evaluate(*(x.astype(float) if x.dtype == np.float32 else x for x in single))
    for i, x in enumerate(single):
        if x.dtype == np.float32 and (case.op.name, i) not in OWN_DTYPE:
            mixed = [*single[:i], x.astype(np.float64), *single[i + 1 :]]
            out = case.op(*map(as_tensor, mixed), **case.params)
            assert out.dtype == np.float64
            tolerance = 1e-5 if case.op.name in IN_PARTS else 1e-12
            np.testing.assert_allclose(out.data, exact, tolerance, tolerance)


def check_layouts(case):
    inputs = case.inputs()
    out = case.evaluate(*inputs)
    seed = drawn_like(case, out)
    expected = gradients(case, inputs, seed)
    seeds = layouts(seed)
    with small_blocks():
        for k in range(4):
            views = [layouts(x)[k % len(layouts(x))] for x in inputs]
            g = seeds[k % len(seeds)]
            assert_close(case.op(*views, **case.params), out, 1e-13)
            for found, right in zip(gradients(case, views, g), expected, strict=True):
                assert_close(found.data, right.data, 1e-13)
            for view, x in zip(
                views, inputs, strict=True
            ):  # writing would have raised: by view only
                np.testing.assert_array_equal(view, x)
            np.testing.assert_array_equal(g, seed)


def check_reference(case, dtype):
    inputs = case.inputs(dtype)
    out = case.op(*inputs, **case.params)
    composed = case.op.reference(*[as_tensor(x) for x in inputs], **case.params)
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
