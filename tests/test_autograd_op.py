"""The record of an op: what does not fit together is refused when it is made."""

import numpy as np
import pytest

import autograd as ag
from autograd import Op, Tensor, op


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"kind": "elementwis"}, ValueError, "f: kind is 'elementwis'; it is one of elementwise, "),
        ({"kind": "other"}, ValueError, "f: the kind 'other' has no forward mode of its own"),
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
