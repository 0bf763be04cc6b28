"""Recurrent ops: which calls fit, and what becomes of a gradient on its way through time."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, no_grad

T, N, D, H = 5, 3, 4, 2
OPS = {
    "rnn": (ag.rnn, ag.rnn_cell, 1),
    "lstm": (ag.lstm, ag.lstm_cell, 4),
    "gru": (ag.gru, ag.gru_cell, 3),
}
every_op = pytest.mark.parametrize("name", OPS)


def normal(*shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal(shape)


def arguments(name, steps=True):
    """An input, states and weights that fit."""
    gates = OPS[name][2]
    x = normal(T, N, D) if steps else normal(N, D)
    states = [normal(N, H, seed=1), normal(N, H, seed=2)][: 2 if name == "lstm" else 1]
    shapes = ((gates * H, D), (gates * H, H), (gates * H,), (gates * H,))
    return [x, *states, *(normal(*s, seed=3 + k) for k, s in enumerate(shapes))]


def orthogonal(n, seed=0):
    return np.linalg.qr(normal(n, n, seed=seed))[0]


# Calls


@every_op
def test_biases_may_be_left_out_one_or_both(name):
    for steps in (True, False):
        op = OPS[name][0 if steps else 1]
        *most, bias_ih, _ = arguments(name, steps)
        zero = np.zeros_like(bias_ih)
        np.testing.assert_array_equal(op(*most), op(*most, zero, zero))
        np.testing.assert_array_equal(op(*most, None, None), op(*most))
        np.testing.assert_array_equal(op(*most, bias_ih), op(*most, bias_ih, zero))


@every_op
def test_what_does_not_fit_is_named_with_what_would(name):
    states = ["h", "c"] if name == "lstm" else ["h"]
    names = ["x", *states, "weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    for steps in (True, False):
        op = OPS[name][0 if steps else 1]
        right = arguments(name, steps)
        for i, argument in enumerate(names):
            if argument in ("x", "h"):  # a longer one is taken at its word: others do not fit it
                wrong = right[i][None]
                message = rf"{op.name}: x has shape .*; pass x as \((steps, )?batch, features\)"
            else:
                wrong = np.concatenate((right[i], right[i]))
                asked = rf"\({len(right[i])},"
                message = rf"{op.name}: {argument} has shape \({len(wrong)},.* ask for {asked}"
            with pytest.raises(ValueError, match=message):
                op(*[Tensor(a) for a in right[:i]], Tensor(wrong), *right[i + 1 :])


@every_op
def test_no_steps_are_no_sequence(name):
    x, *rest = arguments(name)
    with pytest.raises(ValueError, match=rf"{name}: x has shape \(0, 3, 4\).*one step at least"):
        OPS[name][0](Tensor(x[:0]), *rest)


def test_a_nonlinearity_without_that_name_is_refused():
    for op, steps in ((ag.rnn, True), (ag.rnn_cell, False)):
        with pytest.raises(ValueError, match=f"{op.name}: nonlinearity is 'sine'"):
            op(*[Tensor(a) for a in arguments("rnn", steps)], nonlinearity="sine")


@every_op
def test_a_result_changed_in_place_changes_no_gradient(name):
    for steps in (True, False):
        op = OPS[name][0 if steps else 1]

        def gradients(spoil, op=op, steps=steps):
            leaves = [Tensor(a, requires_grad=True) for a in arguments(name, steps)]
            out = op(*leaves)
            if spoil:
                with no_grad():
                    out[...] = 7.0
            out.backward(np.ones(out.shape))
            return [t.grad.numpy() for t in leaves]

        for a, b in zip(gradients(True), gradients(False), strict=True):
            np.testing.assert_array_equal(a, b)


@every_op
def test_a_step_counts_as_many_operations_as_a_sequence_of_one(name):
    sequence, cell, gates = OPS[name]
    x, *rest = arguments(name)
    one = cell.count_flops(cell(x[0], *rest), x[0], *rest)
    assert sequence.count_flops(sequence(x, *rest), x, *rest) == T * one
    products = 2 * gates * N * H * (D + H)
    assert products < one < products + 100 * N * H


# Through time


@every_op
def test_the_gradient_of_shared_weights_is_the_sum_over_steps(name):
    """Claim S10.4: unroll with a copy of the weights for each step, and add their gradients up."""
    sequence, cell, _ = OPS[name]
    x, *rest = arguments(name)
    states, weights = rest[:-4], rest[-4:]
    tied = [Tensor(w, requires_grad=True) for w in weights]
    loss = sequence(x, *states, *tied)[..., -1, :, :].sum()
    loss.backward()

    copies = [[Tensor(w, requires_grad=True) for w in weights] for _ in range(T)]
    state = states
    for t in range(T):
        out = cell(x[t], *state, *copies[t])
        state = list(out) if name == "lstm" else [out]
    out.sum().backward()
    for k, w in enumerate(tied):
        total = sum(copy[k].grad.numpy() for copy in copies)
        np.testing.assert_allclose(w.grad.numpy(), total, rtol=1e-12, atol=1e-14)
        assert all(copy[k].grad.numpy().any() for copy in copies)


def norms_back(weight_hh, x=None, steps=50):
    """The norms of a gradient at the last state, and 1, 2, ... steps before it."""
    units = len(weight_hh)
    states = [Tensor(np.zeros((1, units)), requires_grad=True)]
    for t in range(steps):
        drive = np.zeros((1, units)) if x is None else x[t]
        states.append(ag.rnn_cell(drive, states[-1], np.eye(units), weight_hh))
    for state in states:
        state.retain_grad()
    states[-1].backward(normal(1, units, seed=9))
    return np.array([np.linalg.norm(state.grad.numpy()) for state in states[::-1]])


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.0, 1.5, 3.0])
def test_around_zero_a_step_back_multiplies_the_gradient_by_the_weight(rho):
    """Claim S10.5 where tanh' is 1: exactly rho for each step, if all singular values are rho."""
    norms = norms_back(rho * orthogonal(64))
    np.testing.assert_allclose(norms[1:] / norms[:-1], rho, rtol=1e-12)


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.5])
def test_in_the_long_run_the_spectral_radius_decides(rho):
    """Claim S10.5 for any matrix: the slope of log norm against lag is log rho."""
    w = normal(64, 64)
    w *= rho / np.abs(np.linalg.eigvals(w)).max()
    norms = norms_back(w, steps=400)
    slope = np.polyfit(np.arange(200, 401), np.log(norms[200:]), 1)[0]
    assert slope == pytest.approx(np.log(rho), abs=0.01)
    assert np.linalg.norm(w, 2) > 1.5 * rho  # one step can stretch by more than the long run does


def factor(rho):
    """The mean factor of a step back, over 50 steps of a network at work on random inputs."""
    norms = norms_back(rho * orthogonal(64), x=normal(50, 1, 64, seed=1, scale=0.3))
    return (norms[-1] / norms[0]) ** (1 / 50)


def test_saturation_takes_its_part_of_every_step():
    """Flag 21: the factor is tanh' times the weight's, so it need not be below 1, nor above."""
    factors = {rho: factor(rho) for rho in (0.5, 0.9, 1.0, 1.5, 3.0)}
    assert all(found < rho for rho, found in factors.items())
    assert factors[1.0] < 1 < factors[1.5] < factors[3.0]
    assert list(factors.values()) == sorted(factors.values())


def test_a_cell_state_is_kept_by_the_product_of_its_forget_gates():
    """Claim S10.6: dc_T / dc_0 = f_1 f_2 ... f_T, where the way through h is cut."""
    x, h, c, weight_ih, weight_hh, bias_ih, bias_hh = arguments("lstm")
    c = Tensor(c, requires_grad=True)
    _, cs = ag.lstm(x, h, c, weight_ih, 0 * weight_hh, bias_ih, bias_hh)
    cs[-1].backward(np.ones((N, H)))
    z = (x @ weight_ih.T + bias_ih + bias_hh)[..., H : 2 * H]
    np.testing.assert_allclose(c.grad.numpy(), np.prod(1 / (1 + np.exp(-z)), axis=0), rtol=1e-12)


def kept(forget_bias, steps=49, units=64):
    """The norm of the gradient at the cell state some steps back, as a share of that at the end."""
    weight_ih = normal(4 * units, units, scale=units**-0.5)
    weight_hh = np.concatenate([orthogonal(units, seed=k) for k in range(4)])
    bias = np.repeat([0.0, forget_bias, 0.0, 0.0], units)
    c = Tensor(np.zeros((1, units)), requires_grad=True)
    x = normal(steps, 1, units, seed=5)
    _, cs = ag.lstm(x, np.zeros((1, units)), c, weight_ih, weight_hh, bias)
    g = normal(1, units, seed=9)
    cs[-1].backward(g)
    return np.linalg.norm(c.grad.numpy()) / np.linalg.norm(g)


def test_what_an_lstm_keeps_is_a_matter_of_its_forget_bias():
    """Not gates as such help against fading, but gates that begin open."""
    shares = {b: kept(b) for b in (0, 1, 3)}
    assert shares[0] < 1e-8  # 1e-10 is usual, over draws and sizes of weights and inputs
    assert 1e-6 < shares[1] < 1e-2
    assert shares[3] > 0.1
    fading = norms_back(0.9 * orthogonal(64), x=normal(50, 1, 64, seed=1, scale=0.3), steps=49)
    assert shares[0] < fading[-1] / fading[0]  # with a bias of 0 it fades faster than a plain RNN
