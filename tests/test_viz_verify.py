"""Rules compared with differences, and the picture of it."""

import math

import numpy as np
import pytest

import autograd as ag
import viz
from autograd import Op, Tensor, op_table
from tests.leaf import leaf
from tests.op_cases import CASES
from viz.verify import WRONG_FROM, rule_error


def cube(factor):
    """An op whose rule is right for a factor of 3."""
    return Op("cube", lambda x: x**3, (lambda g, out, x: factor * g * x**2,), "{0}^3")


@pytest.mark.parametrize("name", [n for n, op in op_table().items() if op.differentiable])
def test_the_rules_of_the_table_are_right_or_cannot_be_told(name):
    told = []
    for case in CASES:
        if case.op.name == name and case.op.differentiable:
            inputs = case.inputs()
            moving = case.moving(inputs)
            tensors = [Tensor(x, requires_grad=i in moving) for i, x in enumerate(inputs)]
            out = case.op(*tensors, **case.params)
            if out.op is not None and out.size:
                told.append(rule_error(out))
    if name in ("straight_through", "gradient_reversal"):  # not the derivative, on purpose
        assert all(e > WRONG_FROM for e in told)
        return
    assert not [e for e in told if e > WRONG_FROM]
    blind = ("cholesky", "astype", "eigvalsh", "eigh_vectors")  # symmetric matrices, rounding
    assert any(not math.isnan(e) for e in told) or not told or name in blind


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("factor", "right"), [(3, True), (3 * 1.0005, False), (2, False)])
def test_a_rule_wrong_by_a_twentieth_of_a_percent_is_found(factor, right, dtype):
    x = leaf(np.array([0.5, -1.0, 2.0], dtype), "x")
    error = rule_error(cube(factor)(x))
    assert (error < 1e-8) == right
    assert (error > WRONG_FROM) != right
    assert error == pytest.approx(abs(factor - 3) / max(factor, 3), abs=1e-7)


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, out, x: 3 * g * x(2),
        lambda g, out, x: 3 * g * x[:5, 0],
        lambda g, out, x: np.ones(7) * g,
        lambda g, out, x: g * x.square,
    ],
)
def test_a_rule_that_raises_is_wrong(rule):
    y = Op("cube", lambda x: x**3, (rule,), "{0}^3")(leaf(np.array([0.5, -1.0])))
    assert rule_error(y) == math.inf
    assert "rule wrong: it raises an exception" in viz.draw(y, show=("op", "check")).text()


def test_an_op_that_is_not_defined_around_the_point_or_in_float64_cannot_be_told():
    def single(x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        return x**3

    single = Op("single", single, (lambda g, out, x: 3 * g * x**2,), "{0}^3")
    assert math.isnan(rule_error(single(leaf(np.float32([0.5, -1.0])))))

    def at_one(x):
        if x != 1:
            raise ValueError("1 only")
        return x**3

    at_one = Op("at_one", at_one, (lambda g, out, x: 3 * g * x**2,), "{0}^3")
    assert math.isnan(rule_error(at_one(leaf(1.0))))


def test_a_kink_is_no_mistake():
    assert math.isnan(rule_error(leaf(np.zeros(3)).relu()))
    assert rule_error(leaf(np.array([-1.0, 2.0])).relu()) < 1e-8


@pytest.mark.parametrize("backend", ["wasm", "text"])
def test_the_picture_points_at_the_wrong_rule(backend):
    x = leaf(np.array([0.5, -1.0]), "x")
    y = (cube(2)(x * 2) + ag.tanh(x)).sum()
    view = viz.draw(y, show=(*viz.view.SHOW, "check"), backend=backend)
    assert {n.op: n.rule_error > WRONG_FROM for n in view.graph.nodes if n.op} == {
        **{"cube": True, "mul": False, "tanh": False, "add": False, "sum": False},
    }
    assert [box.mark for box in view.figure.boxes if box.mark] == ["wrong"]
    assert "rule wrong: off by 33%" in view.svg()
    assert view.text().count("rule right to") == 4
    told = [line for box in view.figure.boxes for line in box.lines if "rule" in line.text]
    assert {(line.text[:10], line.role) for line in told} == {  # a fault alone is in its colour
        *(("rule right", "text"), ("rule wrong", "state")),
    }
    closed = viz.draw(y, show=("op", "check"), depth=0)
    assert "rule wrong" in closed.text()
    assert "rule" not in viz.draw(y).text()


def test_a_checkpoint_is_not_checked_as_its_forward_hands_on_what_was_computed():
    for value in (0.5, np.array([0.5, 2.0])):
        x = leaf(value, "x")
        y = ag.checkpoint(lambda x: (x * x).exp(), x)
        assert math.isnan(rule_error(y))
        assert "wrong" not in viz.draw(y.sum(), show=("op", "check")).text()
        assert "value=" not in viz.draw(y.sum()).text()
        assert "again=" not in viz.explain(y.sum(), x).text()
        assert "value=" not in viz.explain(y.sum(), x).text()
