"""The record of an op: what does not fit together is refused when it is made."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import Op, Tensor, op


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"kind": "elementwis"}, ValueError, "f: kind is 'elementwis'; it is one of elementwise, "),
        ({"kind": "other"}, ValueError, "f: the kind 'other' has no forward mode of its own"),
        (
            {"kind": "reduction"},
            ValueError,
            r"f: the kind 'reduction' has .* forward are \[\]; add",
        ),
        (
            {"vjp": (None,), "jvp": lambda t, out, x: t[0]},
            ValueError,
            "f: it has a jvp rule and no vjp rule, and so counts as a constant",
        ),
        ({"vjp": lambda g, out, x: g}, TypeError, r"f: vjp is a function; .* such as \(rule,\)"),
        (
            {"vjp": (lambda g, x: g,)},
            TypeError,
            r"f: the rule for input 0 takes \(g, x\), but gets",
        ),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields, error, message):
    given = {"vjp": (lambda g, out, x: g,), "latex": "f", **fields}
    with pytest.raises(error, match=message):
        Op("f", lambda x: x, **given)


def test_an_input_without_a_rule_is_named():
    message = r"the rule for input 0 .* 1 inputs and the parameters \['y'\]; pass a rule, or None"
    with pytest.raises(TypeError, match=message):

        @op(vjp=(lambda g, out, x: g,))
        def product(x, y):
            return x * y


def test_only_inputs_that_are_optional_may_be_none():
    x, weight = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])
    assert ag.linear(x, weight, None).tolist() == [[11.0]]
    y = Tensor(np.ones(2), requires_grad=True) * 1
    for mistake in (lambda: y.__setitem__(0, None), lambda: ag.add(x, None)):
        with pytest.raises(TypeError, match="Tensor: None has dtype object, which holds no real"):
            mistake()


@pytest.mark.parametrize("kind", ["elementwise", "multilinear", "linear"])
def test_forward_mode_takes_an_input_without_a_rule_for_a_constant(kind):
    def forward(x, y):
        return x + 0 * y if kind == "linear" else x * y

    factor = 1.0 if kind == "linear" else 3.0
    scale = Op("scale", forward, (lambda g, out, x, y: g * factor, None), "s", kind=kind)
    for direction, expected in (((1.0, 0.0), 1), ((0.0, 1.0), 0), ((1.0, 1.0), 1)):
        assert ag.jvp(scale, (2.0, 3.0), direction)[1].item() == expected * factor
    still = ag.jvp(lambda y: scale(np.ones(2), y), (3.0,), (1.0,))[1]
    assert still.tolist() == [0, 0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_may_return_a_number_for_a_scalar_and_must_not_for_an_array(create_graph):
    double = Op("double", lambda x: 2 * x, (lambda g, out, x: 2.0,), "d")
    powers = Op("powers", lambda x, *, k=2: k * x, (lambda g, out, x, *, k: float(k),), "p")
    for f in (double, powers):
        x = Tensor(3.0, requires_grad=True)
        f(x).backward(create_graph=create_graph)
        assert x.grad.item() == 2
        assert ag.jvp(f, (3.0,), (1.0,))[1].item() == 2
        with pytest.raises(ValueError, match=r"its vjp rule returned a gradient of shape \(\)"):
            f(Tensor([3.0, 4.0], requires_grad=True)).sum().backward(create_graph=create_graph)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "elementwise"},
        {"kind": "other", "jvp": lambda t, out, x: np.zeros(x.shape)},
        {"kind": "other", "jvp": lambda t, out, x: 0.0},
    ],
    ids=["elementwise", "jvp", "number"],
)
def test_a_derivative_that_is_constant_may_be_an_array_among_tensors(fields):
    sign = op(vjp=(lambda g, out, x: np.zeros(x.shape),), **fields)(np.sign)
    x = np.array([1.0, -2.0])
    ag.gradcheck(sign, x)
    ag.gradgradcheck(sign, x)
    out, tangent = ag.jvp(sign, (x,), (x,))
    assert type(tangent) is type(out) is Tensor
    assert tangent.shape == out.shape
    assert ag.hessian(lambda x: sign(x).sum())(x).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_rule_or_a_forward_that_returns_a_tuple_is_named():
    x = Tensor([3.0, 4.0], requires_grad=True)
    pair = Op("pair", lambda x: 2 * x, (lambda g, out, x: (2 * g,),), "p")
    with pytest.raises(TypeError, match="pair: a rule returned a tuple; a rule returns one array"):
        pair(x).sum().backward()
    two = Op("two", lambda x: (2 * x, x), (lambda g, out, x: 2 * g,), "t")
    for given in (x, x.detach()):
        with pytest.raises(TypeError, match=r"two: its forward returned a tuple .* \(out, saved\)"):
            two(given)


@pytest.mark.parametrize("made", [1.0, None, [1.0], Tensor(1.0)])
def test_a_forward_returns_an_array(made):
    f = Op("f", lambda x: made, (lambda g, out, x: g,), "f")
    for requires_grad in (False, True):
        with pytest.raises(TypeError, match=r"f: its forward returned a .*; it returns an array"):
            f(Tensor(2.0, requires_grad=requires_grad))


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_rule_that_lacks_its_return_is_refused(inputs):
    f = Op("f", lambda *xs: sum(xs), (lambda g, out, *xs: None,) * inputs, "f")
    y = f(*[Tensor(2.0, requires_grad=True)] * inputs)
    for create_graph in (False, True):
        with pytest.raises(TypeError, match="f: a rule returned a NoneType; a rule returns one"):
            y.backward(create_graph=create_graph)


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered")
@pytest.mark.parametrize("name", [name for name, f in ag.op_table().items() if f.arity])
def test_numbers_alone_are_arrays_without_axes(name):
    f = ag.op_table()[name]
    for number in (0.5, 2):
        numbers, arrays = [number] * f.required, [np.asarray(number)] * f.required
        try:
            expected = f(*arrays)
        except (TypeError, ValueError, IndexError) as error:  # of shapes, for want of parameters
            with pytest.raises(type(error), match=re.escape(str(error))):
                f(*numbers)
        else:
            out = f(*numbers)
            assert not isinstance(out, Tensor), "computed, and not recorded"
            np.testing.assert_array_equal(out, expected)


def test_beside_an_array_a_number_takes_its_dtype():
    assert ag.mul(np.ones(2, np.float32), 0.5).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.norm(p=2, dim=1), r"norm: got .* 'p'; its signature is norm\(x, ord=None, ax"),
        (lambda x: ag.sort(x, stable=True), r"sort: got .* 'stable'; its signature is sort\(x, "),
        (lambda x: ag.roll(x), r"roll: missing .* 'shift'; its signature is roll\(x, shift, "),
        (lambda x: x.std(unbiased=False), r"std: unexpected .* its signature is std\(x, "),
    ],
)
def test_arguments_that_do_not_fit_are_answered_with_the_signature(call, message):
    with pytest.raises(TypeError, match=message):
        call(Tensor([[3.0, 4.0]]))


def test_a_list_of_axes_is_taken_as_pytorch_takes_it():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    for f in (Tensor.mean, Tensor.max, Tensor.logsumexp, Tensor.norm, Tensor.nansum):
        whole, listed = f(x, axis=(1, 2)), f(x, axis=[1, 2])
        np.testing.assert_array_equal(listed.numpy(), whole.numpy())
    x.mean([1, 2], keepdims=True).sum().backward()
    assert x.grad.tolist() == np.full(x.shape, 1 / 12).tolist()
    assert x.detach()[:, :1].expand([-1, 3, -1]).shape == x.shape
