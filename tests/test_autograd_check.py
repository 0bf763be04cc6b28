"""The checker checked: what is right passes, each kind of wrong rule fails and is named."""

import numpy as np
import pytest

import autograd as ag
from autograd import GradcheckError, Op, Tensor, gradcheck, gradgradcheck, op
from autograd.ops import abs_, matmul, mul

X = np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.6]])
W = np.array([[0.7, -0.2], [0.1, 0.9], [-1.3, 0.5]])


def changed(op, i, rule):
    """The op with another vjp rule for input i."""
    vjp = (*op.vjp[:i], rule, *op.vjp[i + 1 :])
    return Op(op.name, op.forward, vjp, op.latex, op.kind)


def cube(factor=1.0):
    # kind 'other', so that the vjp rule is not the jvp rule too
    return Op(
        "cube",
        lambda x: x**3,
        (lambda g, out, x: g * (3 * factor) * x**2,),
        "{0}^3",
        kind="other",
        jvp=lambda t, out, x: t[0] * 3 * x**2,
    )


# What passes.


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda x, w: np.tanh(x @ w).sum(axis=0), (X, W)),
        (lambda x, y: x * y + x, (X, 2.0)),
        (lambda x: ag.softmax(x, axis=0), (X,)),
        (lambda x: abs(x) * np.maximum(x, 0.1), (X,)),  # not analytic
        (lambda x: ag.sigmoid(x).std(axis=1), (X,)),
        (lambda x, i: x[i], (X, np.array([1, 1, 0]))),  # an input that is not floating
        (lambda x: x[:, :0] * 2, (X,)),
        (lambda x: x.sum(), (np.zeros((0, 3)),)),
        (lambda x: Tensor(np.ones(2)), (X,)),  # does not depend on x
        (lambda x: ag.cross_entropy(x, np.array([2, 0])), (X,)),
    ],
)
def test_right_derivatives_pass(f, inputs):
    gradcheck(f, *inputs)
    gradgradcheck(f, *inputs)


def test_tiny_huge_and_steep_points_pass():
    gradcheck(lambda x: 1 / x, [1e-3, 0.01, 1e6])
    gradcheck(lambda x: abs(x) ** 1.5, [1e-2, 5.0, 1e4])  # by central differences
    gradcheck(lambda x: abs(x) + 1e6, [1e-2, 5.0])  # rounding of f is a hundredth of the budget


def test_a_minimum_where_the_function_is_0_passes():
    x = np.array([0.5, 1e3, 0.3])
    gradcheck(lambda y: (y - x) ** 2, x)
    gradcheck(lambda y: abs(y - x) ** 2, x)  # by central differences
    gradcheck(lambda y: y * y, [1e-30, -2e-30])
    gradgradcheck(lambda y: (y - x) ** 2, x)
    with pytest.raises(GradcheckError, match="a vjp rule in f is wrong"):
        gradcheck(lambda y: abs(y - x) ** 2 + 1e-9 * (y - y.detach()), x)


@pytest.mark.parametrize("scale", [0.0, 1e2, 1e3])
def test_functions_that_bend_at_their_own_scale_far_from_0_pass(scale):
    x = np.array([scale, scale - 1, scale + 2])
    f = lambda x: ag.softmax(x - x.max())  # noqa: E731 - not analytic, as max is not
    gradcheck(f, x)
    gradgradcheck(f, x)
    rule = ag.softmax.vjp[0]
    wrong = changed(ag.softmax, 0, lambda *args, axis: 1.0005 * rule(*args, axis=axis))
    with pytest.raises(GradcheckError, match="a vjp rule in f is wrong"):
        gradcheck(lambda x: wrong(x - x.max()), x)


def test_the_inputs_are_left_alone():
    x = Tensor(X, requires_grad=True)
    array = X.copy()
    array.flags.writeable = False
    gradcheck(lambda x, y: x * y, x, array)
    gradgradcheck(lambda x, y: x * y, x, array)
    assert x.grad is None
    assert x.serial == 0
    np.testing.assert_array_equal(x.numpy(), X)


def test_it_works_where_nothing_is_recorded():
    with ag.no_grad():
        gradcheck(np.tanh, X)
        gradgradcheck(np.tanh, X)
        with pytest.raises(GradcheckError):
            gradcheck(cube(1.0005), X)


# What fails. Each rule is wrong in its own way.


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0, 0.0, 2.0, np.nan, np.inf])
def test_a_rule_off_by_a_factor_fails(factor):
    gradcheck(cube(), X)
    with pytest.raises(GradcheckError, match="a vjp rule in f is wrong"):
        gradcheck(cube(factor), X)


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0])
def test_it_fails_too_where_only_central_differences_serve(factor):
    wrong = changed(abs_, 0, lambda g, out, x: g * np.sign(x) * factor)
    with pytest.raises(GradcheckError, match="central differences"):
        gradcheck(wrong, X)


def test_one_wrong_entry_among_many_right_ones_fails():
    def rule(g, out, x, y):
        right = g * y
        return np.where(np.arange(y.size).reshape(y.shape) == 4, right * 1.0005, right)

    with pytest.raises(GradcheckError, match=r"input 0 at index \(1, 1\).*\(1 of 36 entries"):
        gradcheck(changed(mul, 0, rule), X, X + 2)


def test_a_dropped_transpose_fails():
    square = X[:, :2]
    wrong = changed(matmul, 0, lambda g, out, x, y: g @ y)
    with pytest.raises(GradcheckError, match="input 0"):
        gradcheck(wrong, square, W[:2])


def test_a_lost_term_fails():
    wrong = changed(ag.tanh, 0, lambda g, out, x: g * (1 - out))
    with pytest.raises(GradcheckError):
        gradcheck(wrong, X)


@pytest.mark.parametrize(
    "reduced",
    [
        lambda g: g[:1],  # takes one row where the sum over rows belongs
        lambda g: g.mean(axis=0, keepdims=True),
        lambda g: g.sum(axis=0, keepdims=True)[:, ::-1],
    ],
)
def test_broadcasting_undone_wrongly_fails(reduced):
    wrong = changed(mul, 1, lambda g, out, x, y: reduced(g * x))
    with pytest.raises(GradcheckError, match="input 1"):
        gradcheck(wrong, X, np.array([[2.0, 3.0, 0.5]]))


@pytest.mark.parametrize("factor", [1.0005, 0.9995, -1.0, 0.0, np.nan])
def test_a_wrong_jvp_rule_fails(factor):
    @op(
        vjp=(lambda g, out, x: g * np.cos(x),),
        kind="other",
        jvp=lambda t, out, x: t[0] * np.cos(x) * factor,
    )
    def sine(x):
        return np.sin(x)

    with pytest.raises(GradcheckError, match="a jvp rule in f is wrong"):
        gradcheck(sine, X)
    gradcheck(sine, X, forward=False)


def test_a_kind_that_is_wrong_fails():
    def product(a):  # not elementwise, as it says by default
        return Op("product", lambda x: a @ x, (lambda g, out, x: a.T @ g,), "a{0}")

    with pytest.raises(GradcheckError, match="a jvp rule in f is wrong, or the kind of an op"):
        gradcheck(product(np.array([[1.0, 2.0], [0.0, 1.0]])), W[0])
    with pytest.raises(ValueError, match=r"product: .*'elementwise', .*\(3,\) .*\(2,\); declare"):
        gradcheck(product(W.T), X[0])


@pytest.mark.parametrize("wrong", [lambda t: 1.0, lambda t: t * t, abs, lambda t: t**3])
def test_a_rule_that_is_not_linear_in_g_or_the_tangent_fails(wrong):
    def energy(vjp=lambda g: g, jvp=lambda t: t):
        @op(
            vjp=(lambda g, out, x: vjp(g) * np.cos(x),),
            kind="other",
            jvp=lambda t, out, x: (jvp(t[0]) * np.cos(x)).sum(),
        )
        def sum_of_sines(x):
            return np.sin(x).sum()

        return sum_of_sines

    gradcheck(energy(), X)
    with pytest.raises(GradcheckError, match="a vjp rule in f is wrong"):
        gradcheck(energy(vjp=wrong), X)
    with pytest.raises(GradcheckError, match="a jvp rule in f is wrong"):
        gradcheck(energy(jvp=wrong), X)


def test_a_jvp_rule_that_drops_a_term_where_both_inputs_move_fails():
    @op(
        vjp=(lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
        kind="other",
        jvp=lambda t, out, x, y: t[1] * x if t[0] is None else t[0] * y,
    )
    def product(x, y):
        return x * y

    with pytest.raises(GradcheckError, match=r"all inputs moving together.* a jvp rule .* wrong"):
        gradcheck(product, X, X + 1)
    gradcheck(product, X, X + 1, forward=False)


def test_a_rule_that_is_right_once_but_not_twice_fails():
    @op(
        vjp=(
            lambda g, out, x: (
                g * Tensor(np.cos(x.data)) if isinstance(x, Tensor) else g * np.cos(x)
            ),
        )
    )
    def sine(x):
        return np.sin(x)

    gradcheck(sine, X, forward=False)
    with pytest.raises(GradcheckError, match=r"of the gradient with respect to input 0: .*input 0"):
        gradgradcheck(sine, X)


@pytest.mark.parametrize("factor", [1.0005, -1.0])
def test_a_wrong_second_derivative_of_the_tangent_fails(factor):
    wrong = Op("cos", np.cos, (lambda g, out, x: -g * np.sin(x) * factor,), r"\cos {0}")

    @op(
        vjp=(lambda g, out, x: g * np.cos(x),),
        kind="other",
        jvp=lambda t, out, x: t[0] * wrong(x),
    )
    def sine(x):
        return np.sin(x)

    gradcheck(sine, X)
    with pytest.raises(GradcheckError, match="of the tangent along input 0"):
        gradgradcheck(sine, X)


# What is said.


def test_the_message_names_input_index_and_both_values():
    wrong = changed(mul, 1, lambda g, out, x, y: 2 * g * x)
    with pytest.raises(GradcheckError) as failure:
        gradcheck(wrong, 3.0, [[5.0, 7.0]])
    assert str(failure.value) == (
        "gradcheck: input 1 at index (0, 0), output at index (0, 0): reverse mode gives 6, the "
        "complex step 3 (2 of 4 entries differ); a vjp rule in f is wrong"
    )
    assert isinstance(failure.value, AssertionError)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (ag.relu, 0.0),
        (ag.relu, -2e-6),  # next to the kink, not on it
        (ag.relu, 1e-5 / 9),
        (lambda x: abs(x - 3.0), 3.0001),
        (lambda x: np.maximum(x, 2.0), 2.0),
        (lambda x: x * (x > 0.5), 0.5),  # a jump
    ],
)
def test_a_kink_is_recognised(f, x):
    try:
        gradcheck(f, x)
    except GradcheckError as error:
        assert "f has a kink or a jump within" in str(error)
    else:
        # 1/2 at a tie is what central differences give, and so no disagreement
        assert x == 2.0


@pytest.mark.parametrize("f", [lambda x: ag.relu(x) ** 2, lambda x: x * abs(x) + x * x])
def test_a_kink_of_the_slope_is_not_called_a_wrong_rule(f):
    gradcheck(f, [-1.0, 1.0])
    with pytest.raises(GradcheckError, match="the slope of f has a kink at the point; move"):
        gradcheck(f, [0.0, 1.0])


def test_a_wrong_rule_away_from_kinks_is_not_called_a_kink():
    for point in (0.1, 1.0, 30.0):
        wrong = changed(abs_, 0, lambda g, out, x: 2 * g * np.sign(x))
        with pytest.raises(GradcheckError, match="a vjp rule in f is wrong"):
            gradcheck(lambda x: np.exp(wrong(x) / 10) * x, point)  # noqa: B023 - called at once


def test_single_precision_warns_and_is_still_checked():
    with pytest.warns(UserWarning, match="input 0 is float32.*pass float64"):
        gradcheck(np.tanh, X.astype(np.float32))
    with pytest.warns(UserWarning), pytest.raises(GradcheckError):
        gradcheck(cube(1.0005), X.astype(np.float32))
    with pytest.warns(UserWarning, match="float16"):
        gradcheck(np.tanh, X.astype(np.float16))


def test_the_tolerances_can_be_set():
    gradcheck(cube(1.0005), X, rtol=1e-3)
    gradcheck(cube(1.0005), X, rtol=0, atol=1e-1)
    with pytest.raises(GradcheckError):
        gradcheck(np.tanh, X, rtol=0, atol=0)


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(TypeError, match=r"no input is floating, the dtypes are \['int64'\]"):
        gradcheck(lambda x: x, [1, 2])
    for pair in ((Tensor(1.0, requires_grad=True), Tensor(2.0)), (X, W)):
        with pytest.raises(TypeError, match=r"input 0 is a tuple of arrays; pass .*check\(f, x, y"):
            gradcheck(lambda x, y: x @ y, pair)
    with pytest.raises(TypeError, match="f returns tuple"):
        gradcheck(lambda x: (x, x), 1.0)
    with pytest.raises(TypeError, match="dtype bool"):
        gradcheck(lambda x: x > 0, 1.0)
    with pytest.raises(GradcheckError, match="not finite"), np.errstate(all="ignore"):
        gradcheck(np.log, 0.0)


def test_a_function_that_changes_from_call_to_call_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="other values when it is called again"):
        gradcheck(lambda x: x * rng.random(), 1.0)


def into_g(g, out, x, y):
    g *= y
    return g


def into_an_input(g, out, x, y):
    x *= y
    return g * x


@pytest.mark.parametrize("kind", ["elementwise", "multilinear"])
@pytest.mark.parametrize("rule", [into_g, into_an_input, lambda g, out, *xs: out.fill(0) or g])
def test_a_rule_that_writes_into_what_others_read_fails(rule, kind):
    product = Op("product", lambda x, y: x * y, (rule, lambda g, out, x, y: g * x), "", kind=kind)
    with pytest.raises(GradcheckError, match="product: its rule for input 0 writes into g or a va"):
        gradcheck(lambda x, y: product(x, y) * 1.0, [1.0, 2.0], [3.0, 4.0])


def test_what_the_rules_of_a_fused_op_have_in_common_must_not_write_into_g():
    def shared(g, out, saved, x):
        g *= 2
        return g

    fields = {"shared": shared, "reference": lambda x: 2 * x}
    twice = Op("twice", lambda x: (2 * x, None), (lambda g, *rest: g,), "", **fields)
    with pytest.raises(GradcheckError, match="twice: its `shared` writes into g"):
        gradcheck(twice, [1.0, 2.0])


@pytest.mark.parametrize(
    "f", [lambda x: x.max(), lambda x: (ag.sort(x)[0]) ** 2, lambda x: ag.maximum(x, 1.0).sum()]
)
def test_a_tie_is_a_jump_of_the_gradient_and_no_wrong_rule(f):
    with pytest.raises(GradcheckError, match=r"of the gradient .* f has a kink or a jump"):
        gradgradcheck(f, [1.0, 1.0])


@pytest.mark.parametrize("large", [1e3, 1e5, 1e7])
def test_a_large_output_excuses_no_small_one(large):
    def square(off):
        return Op(
            "square",
            lambda d: abs(d) ** 2,  # of a complex number no analytic function
            (lambda g, out, d: g * 2 * d * (1 + off),),
            "{0}^2",
            kind="other",
            jvp=lambda t, out, d: t[0] * 2 * d * (1 + off),
        )

    for off in (0, 0.005):
        f = square(off)
        x = np.array([large, 0.01])
        if off:
            with pytest.raises(GradcheckError, match=r"at index \(1,\)"):
                gradcheck(lambda x, f=f: f(x - np.array([large, 0.0])), x)
        else:
            gradcheck(lambda x, f=f: f(x - np.array([large, 0.0])), x)
