"""cost and profile: counts against closed forms, times that are there."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, cost, profile


def mlp(depth, width):
    """An MLP of square layers as a function of its weights."""

    def f(*weights):
        h = np.ones((5, width))
        for w in weights:
            h = ag.tanh(ag.matmul(h, w))
        return h.sum()

    return f, [np.full((width, width), 0.1)] * depth


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_backward_matmuls_are_2l_minus_1_over_l_of_the_forward(depth):
    # Each layer needs dW and dX, but the first no dX: 2L - 1 products against L. They are of
    # different inner lengths, and so only the multiplications are equal: (2k - 1) against 2k.
    width = 64
    f, weights = mlp(depth, width)
    c = cost(f, *weights)
    forward = c.forward.flops["matmul"]
    assert forward == depth * 5 * width * (2 * width - 1)
    dx, dw = 5 * width * (2 * width - 1), width * width * (2 * 5 - 1)
    assert c.reverse.flops["matmul"] == (depth - 1) * dx + depth * dw


def test_saved_bytes_grow_linearly_in_depth_and_count_each_array_once():
    f, weights = mlp(4, 8)
    one = np.ones((5, 8)).nbytes
    # each layer keeps its tanh, which is the next layer's input, and its weight, but for the first,
    # whose input wants no gradient; the first input is kept too
    assert cost(f, *weights).saved_bytes == 4 * one + 3 * weights[0].nbytes + one
    assert cost(lambda x: (x + x).sum(), np.ones(10)).saved_bytes == 0
    assert cost(lambda x: (x * x).sum(), np.ones(10)).saved_bytes == 80


@pytest.mark.parametrize(
    ("inputs", "outputs", "mode"), [(3, 1000, "forward"), (1000, 3, "reverse")]
)
def test_the_cheaper_mode_follows_the_shape_of_the_jacobian(inputs, outputs, mode):
    w = np.ones((outputs, inputs))
    assert cost(lambda x: ag.tanh(w @ x), np.ones(inputs)).mode == mode


def test_elementwise_counts_are_per_element():
    c = cost(lambda x: (x * 3 + 1).sum(), np.ones((2, 5)))
    assert c.forward.flops == {"mul": 10, "add": 10, "sum": 10}
    assert c.forward.calls == {"mul": 1, "add": 1, "sum": 1}
    assert c.forward.bytes == {"mul": 80, "add": 80, "sum": 8}


def test_the_table_shows_every_op_and_the_advice():
    text = str(cost(lambda x: ag.exp(x).sum(), np.ones(4)))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert rows["op"] == ["forward", "reverse", "tangent"]
    assert rows["exp"] == ["40", "0", "0"]
    assert rows["mul"] == ["0", "4", "4"]
    assert "Jacobian 1 x 4: reverse mode is cheaper" in text


def test_profile_enters_each_op_forward_and_backward_and_changes_no_gradient():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with profile() as p:
        (ag.exp(x) * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) * [2, 3])
    assert p.calls == {
        ("exp", "forward"): 1,
        ("mul", "forward"): 1,
        ("sum", "forward"): 1,
        ("sum", "backward"): 1,
        ("mul", "backward"): 2,
        ("exp", "backward"): 1,
    }
    assert all(s > 0 for s in p.seconds.values())
    assert p.bytes["exp", "forward"] == 16
    assert str(p).splitlines()[0].split() == ["op", "pass", "calls", "ms", "kB"]
    ag.exp(x)
    assert sum(p.calls.values()) == 7
