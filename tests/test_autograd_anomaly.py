"""Planted anomalies: the op, the line of source and the cause are named."""

import inspect
import re

import numpy as np
import pytest

import autograd as ag
from autograd import AnomalyError, Tensor, detect_anomaly, no_grad


def leaf(data, **kwargs):
    return Tensor(data, requires_grad=True, **kwargs)


FORWARD = {
    "log of 0": ("log", lambda x: ag.log(x - x)),
    "log of a negative": ("log", lambda x: ag.log(-x)),
    "root of a negative": ("sqrt", lambda x: ag.sqrt(x - 10)),
    "0 / 0": ("div", lambda x: (x - x) / (x - x)),
    "1 / 0": ("div", lambda x: 1 / (x - x)),
    "exp overflows": ("exp", lambda x: ag.exp(1000 * x)),
    "a fraction as power of a negative": ("pow", lambda x: (-x) ** 0.5),
    "a product overflows": ("mul", lambda x: (x * 1e200) * 1e200),
    "a sum overflows": ("add", lambda x: (x * 8e307) + 1.7e308),
    "a row fully masked": ("softmax", lambda x: ag.softmax(ag.where(x > 9, x, -np.inf))),
}
BACKWARD = {
    "root at 0": ("sqrt", lambda x: ag.sqrt(x - x).sum()),
    "power at 0": ("pow", lambda x: ((x - x) ** 0.5).sum()),
    "a branch not taken": ("sqrt", lambda x: ag.where(x > 9, ag.sqrt(x - x), x).sum()),
    "two branches deep": ("sqrt", lambda x: (ag.where(x > 9, 2 * ag.sqrt(x - x), x) * 3).sum()),
    "a slope overflows": ("mul", lambda x: ((x * 1e-200) * 1e200 * 1e200).sum()),
}


@pytest.mark.parametrize("case", FORWARD)
def test_the_first_bad_op_of_the_forward_pass_is_named(case):
    op, f = FORWARD[case]
    x = leaf([1.0, 2.0], name="x")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        f(x)
    text = str(caught.value)
    line = inspect.getsourcelines(f)[1]
    assert text.startswith(f"{op} gave ")
    assert f"test_autograd_anomaly.py:{line}, in <lambda>" in text
    assert "in the forward pass" in text
    assert re.search(rf"after +{op}( <-|$)", text, re.M)


@pytest.mark.parametrize("case", BACKWARD)
def test_the_first_bad_rule_of_the_backward_pass_is_named(case):
    op, f = BACKWARD[case]
    x = leaf([1.0, 2.0], name="x")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        f(x).backward()
    text = str(caught.value)
    line = inspect.getsourcelines(f)[1]
    assert text.startswith(f"the gradient of {op} ")
    assert f"test_autograd_anomaly.py:{line}, in <lambda>" in text
    assert ("branch that `where` did not take" in text) == ("branch" in case)


def test_an_infinity_that_was_put_in_is_not_blamed_on_an_op():
    with detect_anomaly():
        assert np.isinf((leaf([np.inf, 1.0]) * 2).data[0])


def test_operand_ranges_and_the_way_to_the_leaf_are_shown():
    x = leaf([[0.0, 2.0], [4.0, 0.0]], name="rates")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        ag.log(ag.relu(x) * 3)
    text = str(caught.value)
    assert "2 infinite values of 4" in text
    assert "shape (2, 2), from 0 to 12, 2 of them 0" in text
    assert "log <- mul <- relu <- leaf rates" in text


def test_the_rewrite_that_is_recommended_is_finite():
    x = leaf([0.0, 4.0])
    with detect_anomaly():
        c = x > 0
        ag.where(c, ag.sqrt(ag.where(c, x, 1)), 0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_healthy_programs_pass_and_the_mode_ends_with_the_block():
    x = leaf([1.0, 2.0])
    with detect_anomaly():
        ag.cross_entropy(ag.linear([[1.0, 2.0]], leaf(np.ones((3, 2)))), [1]).backward()
        with no_grad():
            assert not (x * 2).requires_grad
    with np.errstate(divide="ignore"):
        ag.log(x - x)
    with pytest.raises(AnomalyError), detect_anomaly(), no_grad():
        ag.log(x - x)
