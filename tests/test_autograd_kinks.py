"""Conventions at kinks, jumps and poles: the subgradient of least norm, then continuity."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jvp

INF, NAN = np.inf, np.nan

ONE_INPUT = {
    "floor": (ag.floor, [1.0, 1.5], [0, 0]),
    "ceil": (ag.ceil, [1.0, 1.5], [0, 0]),
    "trunc": (ag.trunc, [-1.0, 0.0, 1.5], [0, 0, 0]),
    "round": (ag.round, [0.5, 1.0], [0, 0]),
    "nan_to_num": (ag.nan_to_num, [NAN, INF, -INF, 2.0], [0, 0, 0, 1]),
    "cbrt": (ag.cbrt, [0.0, 8.0], [INF, 1 / 12]),
    "rsqrt": (ag.rsqrt, [0.0, 4.0], [-INF, -1 / 16]),
    "reciprocal": (ag.reciprocal, [0.0, 2.0], [-INF, -1 / 4]),
    "arcsin": (ag.arcsin, [-1.0, 0.0, 1.0], [INF, 1, INF]),
    "arccos": (ag.arccos, [-1.0, 0.0, 1.0], [-INF, -1, -INF]),
    "arccosh": (ag.arccosh, [1.0], [INF]),
    "arctanh": (ag.arctanh, [0.0, 1.0], [1, INF]),
    "sinc": (ag.sinc, [0.0, 1.0], [0, -1]),
    "sinc_near_0": (ag.sinc, [1e-8], [-(np.pi**2) * 1e-8 / 3]),
    "logit": (ag.logit, [0.0, 0.5, 1.0], [INF, 4, INF]),
    "leaky_relu": (lambda x: ag.leaky_relu(x, 0.1), [0.0, -0.0], [0.1, 0.1]),
    "elu": (lambda x: ag.elu(x, 0.5), [0.0, 1.0], [0.5, 1]),
    "celu": (lambda x: ag.celu(x, 0.5), [0.0, 1.0], [1, 1]),
    "hardtanh": (ag.hardtanh, [-1.0, 0.0, 1.0], [0, 1, 0]),
    "relu6": (ag.relu6, [0.0, 3.0, 6.0], [0, 1, 0]),
    "hardsigmoid": (ag.hardsigmoid, [-3.0, 0.0, 3.0], [0, 1 / 6, 0]),
    "hardswish": (ag.hardswish, [-3.0, 0.0, 3.0], [0, 0.5, 1]),
    "softsign": (ag.softsign, [0.0], [1]),
    # far out, where the naive formula overflows or cancels
    "expm1_far_out": (ag.expm1, [-40.0], [np.exp(-40)]),
    "arctan_far_out": (ag.arctan, [1e200], [0]),
    "arcsinh_far_out": (ag.arcsinh, [1e200], [1e-200]),
    "arccosh_far_out": (ag.arccosh, [1e200], [1e-200]),
    "softplus_far_out": (ag.softplus, [-1e3, 1e3], [0, 1]),
    "logsigmoid_far_out": (ag.logsigmoid, [-1e3, 1e3], [1, 0]),
    "elu_far_out": (ag.elu, [1e3], [1]),
}

TWO_INPUTS = {
    "hypot_at_the_origin": (ag.hypot, 0.0, 0.0, (0, 0)),
    "hypot_far_out": (ag.hypot, 3e200, 4e200, (0.6, 0.8)),
    "hypot_on_an_axis": (ag.hypot, 0.0, -2.0, (0, -1)),
    "arctan2_at_the_origin": (ag.arctan2, 0.0, 0.0, (0, 0)),
    "arctan2_far_out": (ag.arctan2, 3e200, 4e200, (1.6e-201, -1.2e-201)),
    "copysign_at_0": (ag.copysign, 0.0, -1.0, (0, 0)),
    "copysign_to_minus_0": (ag.copysign, 2.0, -0.0, (-1, 0)),
    "heaviside_at_0": (ag.heaviside, 0.0, 0.5, (0, 1)),
    "heaviside_elsewhere": (ag.heaviside, 1.0, 0.5, (0, 0)),
    "floor_divide_on_a_jump": (ag.floor_divide, 4.0, 2.0, (0, 0)),
    "remainder_on_a_jump": (ag.remainder, 4.0, 2.0, (1, -2)),
    "remainder_of_a_negative": (ag.remainder, -3.0, 2.0, (1, 2)),
    "fmod_of_a_negative": (ag.fmod, -3.0, 2.0, (1, 1)),
    "fmax_at_a_tie": (ag.fmax, 2.0, 2.0, (0.5, 0.5)),
    "fmax_with_nan": (ag.fmax, NAN, 2.0, (0, 1)),
    "fmax_of_nans": (ag.fmax, NAN, NAN, (0.5, 0.5)),
    "fmin_at_a_tie": (ag.fmin, 2.0, 2.0, (0.5, 0.5)),
    "fmin_with_nan": (ag.fmin, 2.0, NAN, (1, 0)),
    "fmin_of_nans": (ag.fmin, NAN, NAN, (0.5, 0.5)),
    "xlogy_at_the_origin": (ag.xlogy, 0.0, 0.0, (0, 0)),
    "xlogy_of_0": (ag.xlogy, 0.0, 2.0, (np.log(2), 0)),
    "xlogy_at_a_pole": (ag.xlogy, 1.0, 0.0, (-INF, INF)),
    "logaddexp_far_out": (ag.logaddexp, 1e3, -1e3, (1, 0)),
    "logaddexp_of_nothing": (ag.logaddexp, -INF, -INF, (0, 0)),
    "logaddexp_with_nothing": (ag.logaddexp, -INF, 1.0, (0, 1)),
    "logaddexp2_of_nothing": (ag.logaddexp2, -INF, -INF, (0, 0)),
    "logaddexp2_far_out": (ag.logaddexp2, -1e4, 1e4, (0, 1)),
}


def by_reverse(f, *xs, create_graph=False):
    tensors = [Tensor(x, requires_grad=True) for x in xs]
    with np.errstate(all="ignore"):  # of the values: log 0, 1 / 0
        out = f(*tensors)
    out.backward(np.ones(out.shape), create_graph=create_graph)
    return [t.grad.data for t in tensors]


def by_reverse_on_tensors(f, *xs):
    return by_reverse(f, *xs, create_graph=True)


def by_forward(f, *xs):
    """One tangent for each input; the Jacobians are diagonal."""
    with np.errstate(all="ignore"):
        return [
            jvp(lambda x, i=i: f(*xs[:i], x, *xs[i + 1 :]), (x,), (np.ones(np.shape(x)),))[1].data
            for i, x in enumerate(xs)
        ]


MODES = [by_reverse, by_reverse_on_tensors, by_forward]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("f", "x", "slope"), ONE_INPUT.values(), ids=ONE_INPUT)
def test_functions_of_one_input(f, x, slope, mode):
    np.testing.assert_allclose(mode(f, np.array(x))[0], slope, 1e-14)
    for entry, right in zip(x, slope, strict=True):  # the same without axes
        np.testing.assert_allclose(mode(f, entry)[0], right, 1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("f", "x", "y", "slopes"), TWO_INPUTS.values(), ids=TWO_INPUTS)
def test_functions_of_two_inputs(f, x, y, slopes, mode):
    np.testing.assert_allclose(mode(f, x, y), slopes, 1e-14)
    for found, right in zip(mode(f, np.array([x]), np.array([y])), slopes, strict=True):
        np.testing.assert_allclose(found, [right], 1e-14)


def test_second_derivatives_of_sinc_at_0():
    x = Tensor([0.0, 1e-6], requires_grad=True)
    ag.sinc(x).backward(np.ones(2), create_graph=True)
    slope, x.grad = x.grad, None
    slope.backward(np.ones(2))
    np.testing.assert_allclose(x.grad.data, [-(np.pi**2) / 3] * 2, 1e-10)


def test_the_second_derivative_of_logaddexp_at_a_tie():
    x = Tensor(1.0, requires_grad=True)
    ag.logaddexp(x, 1.0).backward(create_graph=True)
    slope, x.grad = x.grad, None
    slope.backward()
    assert x.grad.item() == 0.25


def test_the_mixed_derivative_of_xlogy_at_0():
    x, y = Tensor(0.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    ag.xlogy(x, y).backward(create_graph=True)
    slope, x.grad = y.grad, None
    slope.backward()
    assert x.grad.item() == 0.5
