"""Conventions at kinks, jumps and poles: the subgradient of least norm, then continuity.

One row a convention: a function, a point, and the derivatives there. docs/semantics.md gives the
reasons. `ops_of` says which ops of the table a row runs.
"""

import warnings

import numpy as np

import autograd as ag
from autograd import Tensor, grad, jacfwd, jacrev, jvp, toposort

INF, NAN = np.inf, np.nan
prelu = ag.op_table()["prelu"]
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ELEMENTWISE = {
    "relu": (ag.relu, [0.0, -0.0], [0, 0]),
    "abs": (ag.abs, [0.0, -0.0], [0, 0]),
    "sign": (ag.sign, [0.0, 2.0], [0, 0]),
    "maximum_at_a_tie": (lambda x: ag.maximum(x, 2.0), [2.0, 3.0, 1.0], [0.5, 1, 0]),
    "maximum_at_a_tie_on_the_right": (lambda x: ag.maximum(2.0, x), [2.0, 3.0, 1.0], [0.5, 1, 0]),
    "maximum_of_x_and_x": (lambda x: ag.maximum(x, x), [2.0], [1]),
    "minimum_at_a_tie": (lambda x: ag.minimum(x, 2.0), [2.0, 3.0, 1.0], [0.5, 0, 1]),
    "minimum_at_a_tie_on_the_right": (lambda x: ag.minimum(2.0, x), [2.0, 3.0], [0.5, 0]),
    "x_to_the_0": (lambda x: x**0, [0.0, 2.0, -1.0], [0, 0, 0]),
    "x_to_the_1": (lambda x: x**1, [0.0, -1.0], [1, 1]),
    "x_to_the_2": (lambda x: x**2, [0.0, -1.5], [0, -3]),
    "x_to_the_3": (lambda x: x**3, [0.0, -2.0], [0, 12]),
    "x_to_the_half": (lambda x: x**0.5, [0.0, 4.0], [INF, 0.25]),
    "x_to_the_minus_1": (lambda x: x**-1, [0.0, -2.0], [-INF, -0.25]),
    "0_to_the_x": (lambda x: 0.0**x, [0.0, 1.0, 2.0], [0, 0, 0]),
    "a_negative_number_to_the_x": (lambda x: (-2.0) ** x, [2.0], [NAN]),
    "clip_on_both_bounds": (
        lambda x: ag.clip(x, 0, 1),
        [-1.0, 0.0, 0.5, 1.0, 2.0],
        [0, 1, 1, 1, 0],
    ),
    "clip_between_equal_bounds": (lambda x: ag.clip(x, 1, 1), [0.0, 1.0, 2.0], [0, 1, 0]),
    "sqrt_at_0": (ag.sqrt, [0.0, 4.0], [INF, 0.25]),
    "log_at_0": (ag.log, [0.0, 4.0], [INF, 0.25]),
    "1_by_0": (lambda x: 1 / x, [0.0, 2.0], [-INF, -0.25]),
    "where_inside_where_is_the_cure": (
        lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), 0.0),
        [0.0, -1.0, 4.0],
        [0, 0, 0.25],
    ),
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
    "selu": (ag.selu, [0.0, 1.0], [SELU_SCALE * SELU_ALPHA, SELU_SCALE]),
    "silu_of_beta_0": (lambda x: ag.silu(x, 0.0), [-2.0, 2.0], [0.5, 0.5]),
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
    "gelu_far_out": (ag.gelu, [-1e3, 0.0, 1e3], [0, 0.5, 1]),
    "gelu_tanh_far_out": (lambda x: ag.gelu(x, "tanh"), [-1e308, 0.0, 1e308], [0, 0.5, 1]),
    "silu_far_out": (ag.silu, [-1e3, 0.0, 1e3], [0, 0.5, 1]),
    "mish_far_out": (ag.mish, [-1e3, 0.0, 1e3], [0, 0.6, 1]),
    "sigmoid_far_out": (ag.sigmoid, [-1e4, 0.0, 1e4], [0, 0.25, 0]),
    "tanh_far_out": (ag.tanh, [-1e4, 0.0, 1e4], [0, 1, 0]),
}

WHOLE = {
    "mean_of_nothing": (lambda x: ag.sum(ag.mean(x, axis=0)), np.zeros((0, 2)), np.zeros((0, 2))),
    "cross_entropy_of_nothing": (
        lambda x: ag.cross_entropy(x, np.zeros(0, int)),
        np.zeros((0, 2)),
        np.zeros((0, 2)),
    ),
    "norm_at_the_origin": (ag.norm, [0.0, 0.0], [0, 0]),
    "norm_of_a_row_of_zeros": (
        lambda x: ag.norm(x, axis=1).sum(),
        [[0.0, 0.0], [3.0, 4.0]],
        [[0, 0], [0.6, 0.8]],
    ),
    "norm_1_at_the_origin": (lambda x: ag.norm(x, 1), [0.0, -2.0], [0, -1]),
    "norm_3_at_the_origin": (lambda x: ag.norm(x, 3), [0.0, 0.0], [0, 0]),
    "norm_inf_ties_share": (lambda x: ag.norm(x, INF), [2.0, -2.0, 1.0], [0.5, -0.5, 0]),
    "prod_with_a_zero": (ag.prod, [0.0, 2.0, 3.0], [6, 0, 0]),
    "prod_with_two_zeros": (ag.prod, [0.0, 2.0, 0.0], [0, 0, 0]),
    "cumprod_with_a_zero": (lambda x: ag.cumprod(x).sum(), [2.0, 0.0, 3.0], [1, 8, 0]),
    "sort_ties_share": (lambda x: ag.sort(x)[0], [2.0, 1.0, 1.0], [0, 0.5, 0.5]),
    "sort_ties_share_in_each_row": (
        lambda x: ag.sort(x, axis=0)[1].sum(),
        [[1.0, 2.0], [1.0, 5.0], [1.0, 2.0]],
        [[1 / 3, 0.5], [1 / 3, 0], [1 / 3, 0.5]],
    ),
    "median_ties_share": (ag.median, [1.0, 2.0, 2.0], [0, 0.5, 0.5]),
    "topk_ties_share": (lambda x: ag.topk(x, 1)[0].sum(), [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
    "max_pool2d_ties_share": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 2, 2)), 2).sum(),
        [2.0, 1.0, 2.0, 0.0],
        [0.5, 0, 0.5, 0],
    ),
    "max_pool2d_ties_share_in_each_window": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 2, 3)), 2, stride=1).sum(),
        [2.0, 2.0, 2.0, 1.0, 0.0, 2.0],
        [0.5, 0.5 + 1 / 3, 1 / 3, 0, 0, 1 / 3],
    ),
    "max_pool2d_of_inf_beside_padding": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 2, 2)), 2, padding=1).sum(),
        [INF, 1.0, 2.0, 3.0],
        [1, 1, 1, 1],
    ),
    "max_pool2d_of_minus_inf_beside_padding": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 3, 2)), (3, 2), stride=1, padding=1)[
            ..., 1:, 2
        ].sum(),
        [-INF, -INF, -INF, -INF, 0.0, -INF],
        [0, 1 / 3, 0, 1 / 3 + 1 / 2, 0, 1 / 3 + 1 / 2],
    ),
    "max_pool2d_of_minus_inf_beside_padding_with_gaps": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 2, 3)), 2, stride=1, padding=1, dilation=2).sum(),
        [-INF, -INF, -INF, -INF, -INF, 0.0],
        [0.5, 2, 0.5, 0, 2, 1],
    ),
    "max_pool2d_of_padding_alone": (
        lambda x: ag.max_pool2d(x.reshape((1, 1, 1, 1)), 2, padding=1, dilation=2).sum(),
        [2.0],
        [0],
    ),
    "cummax_ties_go_to_the_latest": (lambda x: ag.cummax(x).sum(), [1.0, 1.0, 0.0], [1, 2, 0]),
    "repeated_index_adds_up": (lambda x: x[np.array([0, 0, 2])].sum(), [1.0, 2.0, 3.0], [2, 0, 1]),
    "einsum_of_a_diagonal": (
        lambda x: ag.einsum("ii->", x),
        [[1.0, 2.0], [3.0, 4.0]],
        [[1, 0], [0, 1]],
    ),
    "negative_strides": (
        lambda x: (x[::-1] * np.array([1.0, 2, 3])).sum(),
        [1.0, 2.0, 3.0],
        [3, 2, 1],
    ),
    "logcumsumexp_of_minus_inf": (
        lambda x: ag.logcumsumexp(x)[2],
        [-INF, -INF, 0.0, 5.0],
        [0, 0, 1, 0],
    ),
    "logcumsumexp_past_minus_inf": (
        lambda x: ag.logcumsumexp(x)[2],
        [0.0, -INF, 0.0],
        [0.5, 0, 0.5],
    ),
    "logcumsumexp_of_nothing": (lambda x: ag.logcumsumexp(x)[1], [-INF, -INF], [0, 0]),
    "logsumexp_of_a_row_of_minus_inf": (
        lambda x: ag.logsumexp(x, axis=1)[1],
        [[-INF, -INF], [0.0, 0.0]],
        [[0, 0], [0.5, 0.5]],
    ),
    "softmax_of_nothing": (lambda x: ag.softmax(x)[0], [-INF, -INF], [NAN, NAN]),
    "max_ties_share": (ag.max, [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    "max_all_tie": (ag.max, [3.0, 3.0, 3.0], [1 / 3, 1 / 3, 1 / 3]),
    "max_ties_over_two_axes": (
        lambda x: ag.max(x, axis=(0, 2)).sum(),
        [[[4.0, 1.0], [2.0, 5.0]], [[0.0, 4.0], [5.0, 5.0]]],
        [[[0.5, 0], [0, 1 / 3]], [[0, 0.5], [1 / 3, 1 / 3]]],
    ),
    "min_ties_share": (ag.min, [1.0, 2.0, 1.0], [0.5, 0, 0.5]),
    "std_of_a_constant": (ag.std, [1.5, 1.5, 1.5], [0, 0, 0]),
    "std_of_a_constant_row": (
        lambda x: ag.std(x, axis=1),
        [[2.0, 2.0], [1.0, 3.0]],
        [[0, 0], [-0.5, 0.5]],
    ),
    "std_of_one_value": (ag.std, 1.5, 0),
    "var_without_a_degree_of_freedom": (lambda x: ag.var(x, ddof=1), [1.5], [NAN]),
    "var_with_less_than_none": (lambda x: ag.var(x, ddof=2), [1.5], [NAN]),
    "var_of_a_constant": (ag.var, [1.5, 1.5], [0, 0]),
    "x_to_an_array_of_0": (lambda x: x ** np.zeros(3), [0.0, 2.0, -1.0], [0, 0, 0]),
    "x_to_an_array": (lambda x: x ** np.array([0.0, 1, 2]), [-2.0, -2.0, -2.0], [0, 1, -4]),
    "logsumexp_far_out": (ag.logsumexp, [1e4, 1e4, -1e4], [0.5, 0.5, 0]),
    "logsumexp_of_minus_inf": (ag.logsumexp, [-INF, -INF], [0, 0]),
    "logsumexp_with_minus_inf": (ag.logsumexp, [-INF, 0.0, 0.0], [0, 0.5, 0.5]),
    "softmax_far_out": (lambda x: ag.softmax(x)[1], [-1e4, 1e4], [0, 0]),
    "log_softmax_far_out": (lambda x: ag.log_softmax(x)[0], [-1e3, 1e3], [1, -1]),
    "cross_entropy_far_out": (
        lambda x: ag.cross_entropy(x, np.array([0, 0]), reduction="sum"),
        [[-1e3, 1e3], [1e3, -1e3]],
        [[-1, 1], [0, 0]],
    ),
}

TWO_INPUTS = {
    "hypot_at_the_origin": (ag.hypot, 0.0, 0.0, (0, 0)),
    "hypot_far_out": (ag.hypot, 3e200, 4e200, (0.6, 0.8)),
    "hypot_on_an_axis": (ag.hypot, 0.0, -2.0, (0, -1)),
    "hypot_on_the_other_axis": (ag.hypot, -2.0, 0.0, (-1, 0)),
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
    "fmax_with_nan_on_the_right": (ag.fmax, 2.0, NAN, (1, 0)),
    "fmax_of_nans": (ag.fmax, NAN, NAN, (0.5, 0.5)),
    "fmin_at_a_tie": (ag.fmin, 2.0, 2.0, (0.5, 0.5)),
    "fmin_with_nan": (ag.fmin, 2.0, NAN, (1, 0)),
    "fmin_with_nan_on_the_left": (ag.fmin, NAN, 2.0, (0, 1)),
    "fmin_of_nans": (ag.fmin, NAN, NAN, (0.5, 0.5)),
    "pow_of_0_to_a_negative": (ag.pow, 0.0, -1.0, (-INF, -INF)),
    "pow_of_a_negative_to_a_fraction": (ag.pow, -2.0, 0.5, (NAN, NAN)),
    "pow_at_the_origin": (ag.pow, 0.0, 0.0, (0, 0)),
    "prelu_at_0": (prelu, 0.0, 0.25, (0.25, 0)),
    "prelu_of_a_negative_slope": (prelu, -2.0, -0.5, (-0.5, -2)),
    "bce_of_0_for_0": (ag.bce, 0.0, 0.0, (0, 100)),
    "bce_of_0_for_1": (ag.bce, 0.0, 1.0, (-1e12, 100)),
    "bce_of_1_for_0": (ag.bce, 1.0, 0.0, (1e12, -100)),
    "xlogy_at_the_origin": (ag.xlogy, 0.0, 0.0, (0, 0)),
    "xlogy_of_0": (ag.xlogy, 0.0, 2.0, (np.log(2), 0)),
    "xlogy_of_0_and_a_fraction": (ag.xlogy, 0.0, 0.5, (np.log(0.5), 0)),
    "xlogy_at_a_pole": (ag.xlogy, 1.0, 0.0, (-INF, INF)),
    "logaddexp_at_a_tie": (ag.logaddexp, 3.0, 3.0, (0.5, 0.5)),
    "logaddexp_far_out": (ag.logaddexp, 1e3, -1e3, (1, 0)),
    "logaddexp_of_nothing": (ag.logaddexp, -INF, -INF, (0, 0)),
    "logaddexp_with_nothing": (ag.logaddexp, -INF, 1.0, (0, 1)),
    "logaddexp2_of_nothing": (ag.logaddexp2, -INF, -INF, (0, 0)),
    "logaddexp2_far_out": (ag.logaddexp2, -1e4, 1e4, (0, 1)),
}


KINKS = {
    **{name: (f, (x,), (slope,), True) for name, (f, x, slope) in ELEMENTWISE.items()},
    **{name: (f, (x,), (slope,), False) for name, (f, x, slope) in WHOLE.items()},
    **{name: (f, (x, y), slopes, True) for name, (f, x, y, slopes) in TWO_INPUTS.items()},
}
"""Name: the function, the point, the derivative by each input, whether the Jacobian is diagonal."""


SECOND = {
    "sinc_at_0": (lambda x: ag.sinc(x).sum(), [0.0], [[-(np.pi**2) / 3]]),
    "powers_of_0": (lambda x: (x ** np.arange(3.0)).sum(), [0.0] * 3, np.diag([0, 0, 2])),
    "pow_to_the_0": (
        lambda x: x[0] ** x[1],
        [2.0, 0.0],
        [[0, 0.5], [0.5, np.log(2) ** 2]],
    ),
    "pow_of_0": (lambda x: x[0] ** x[1], [0.0, 2.0], [[2, 0], [0, 0]]),
    "xlogy_of_0": (lambda x: ag.xlogy(x[0], x[1]), [0.0, 2.0], [[0, 0.5], [0.5, 0]]),
    "logaddexp_at_a_tie": (
        lambda x: ag.logaddexp(x[0], x[1]),
        [1.0, 1.0],
        [[0.25, -0.25], [-0.25, 0.25]],
    ),
    "logaddexp_of_nothing": (
        lambda x: ag.logaddexp(x[0], x[1]),
        [-INF, -INF],
        [[0, 0], [0, 0]],
    ),
    "hypot_on_an_axis": (lambda x: ag.hypot(x[0], x[1]), [0.0, -2.0], [[0.5, 0], [0, 0]]),
    "hypot_on_the_other_axis": (
        lambda x: ag.hypot(x[0], x[1]),
        [-2.0, 0.0],
        [[0, 0], [0, 0.5]],
    ),
    "arctan2_on_an_axis": (
        lambda x: ag.arctan2(x[0], x[1]),
        [0.0, 2.0],
        [[0, -0.25], [-0.25, 0]],
    ),
    "norm_on_an_axis": (ag.norm, [0.0, -2.0], [[0.5, 0], [0, 0]]),
    "norm_of_a_row_of_zeros": (
        lambda x: ag.norm(x.reshape((2, 1)), axis=1).sum(),
        [0.0, 3.0],
        [[1, 0], [0, 0]],
    ),
    "prod_with_two_zeros": (
        ag.prod,
        [0.0, 0.0, 3.0],
        [[0, 3, 0], [3, 0, 0], [0, 0, 0]],
    ),
    "elu_far_out": (lambda x: ag.elu(x).sum(), [1e3], [[0]]),
    "relu": (lambda x: ag.relu(x).sum(), [0.0, 1.0], np.zeros((2, 2))),
    "abs": (lambda x: ag.abs(x).sum(), [0.0, 1.0], np.zeros((2, 2))),
}
"""Name: a scalar function of a vector, the point, the matrix of second derivatives there."""


def by_reverse(f, *xs, diagonal=True, create_graph=False):
    tensors = [Tensor(x, requires_grad=True) for x in xs]
    # of the values: log 0, 1 / 0, the mean of nothing
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        out = f(*tensors)
    out.backward(np.full(out.shape, 3.0), create_graph=create_graph)
    return [t.grad.data / 3 for t in tensors]


def by_reverse_on_tensors(f, *xs, diagonal=True):
    return by_reverse(f, *xs, create_graph=True)


def by_forward(f, *xs, diagonal=True):
    """Take one tangent for each input if the Jacobian is diagonal, for 0 * inf is NaN."""

    def along(i, v):
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return jvp(lambda x: f(*xs[:i], x, *xs[i + 1 :]), (xs[i],), (3 * v,))[1].data / 3

    slopes = []
    for i, x in enumerate(xs):
        if diagonal:
            slopes.append(along(i, np.ones(np.shape(x))))
        else:
            units = np.eye(np.size(x)).reshape(np.size(x), *np.shape(x))
            slopes.append(np.reshape([along(i, v).sum() for v in units], np.shape(x)))
    return slopes


MODES = (by_reverse, by_reverse_on_tensors, by_forward)


def check_kink(name, mode):
    """Compare the derivatives at the point, and at each entry of it by itself."""
    f, xs, slopes, diagonal = KINKS[name]
    points = [np.array(x) for x in xs]
    # e^(x - out) of x = 1e4 has lost four digits
    rtol = 1e-14 if diagonal or np.abs(points[0]).max(initial=0) < 1e3 else 1e-12
    for found, right in zip(mode(f, *points, diagonal=diagonal), slopes, strict=True):
        np.testing.assert_allclose(found, right, rtol)
    if diagonal:  # the same without axes, or with one
        for i in np.ndindex(points[0].shape):
            for found, right in zip(mode(f, *(x[i] for x in points)), slopes, strict=True):
                np.testing.assert_allclose(found, np.array(right)[i], 1e-14)
        if points[0].ndim == 0:
            for found, right in zip(mode(f, *(x[None] for x in points)), slopes, strict=True):
                np.testing.assert_allclose(found, [right], 1e-14)


def check_second(name):
    """Compare second derivatives, the outer mode reverse and forward."""
    f, x, right = SECOND[name]
    with np.errstate(all="ignore"):
        for outer in (jacrev, jacfwd):
            found = outer(grad(f))(np.array(x)).data
            np.testing.assert_allclose(found, right, 1e-10)


def ops_of(row):
    """Return the names of the ops that a row runs."""
    f, xs, *_ = row
    xs = xs if isinstance(xs, tuple) else (xs,)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        out = f(*(Tensor(x, requires_grad=True) for x in xs))
    return {t.op.name for t in toposort(out)}
