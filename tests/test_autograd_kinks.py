"""Conventions at kinks, jumps and poles, in every mode, one test a row of op_kinks.py."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor
from tests.op_kinks import (
    KINKS,
    MODES,
    NAN,
    SECOND,
    by_forward,
    by_reverse,
    check_kink,
    check_second,
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", KINKS)
def test_conventions_at_kinks_and_poles(name, mode):
    check_kink(name, mode)


def test_where_passes_the_nan_of_the_branch_not_taken_in_reverse_mode():
    def f(x):
        return ag.where(x > 0, ag.sqrt(x), 0.0)

    x = [0.0, -1.0, 4.0]
    with np.errstate(all="ignore"):
        for create_graph in (False, True):
            (found,) = by_reverse(f, x, create_graph=create_graph)
            np.testing.assert_array_equal(found, [NAN, NAN, 0.25])
        # forward mode selects the tangent of the branch taken; nothing is multiplied by 0
        np.testing.assert_array_equal(by_forward(f, np.array(x))[0], [0, 0, 0.25])


def test_logsumexp_with_inf_leaves_the_others_nothing():
    (found,) = by_reverse(ag.logsumexp, [np.inf, 0.0])
    np.testing.assert_array_equal(found, [NAN, 0])  # as in PyTorch


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
    for mode in MODES:
        mode(f, x)


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_at_kinks_and_poles(name):
    check_second(name)
