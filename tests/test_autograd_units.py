"""Which axis of an activation holds its units."""

import numpy as np
import pytest

import autograd
from autograd import Tensor
from autograd.units import unit_axis

X = Tensor(np.random.default_rng(0).standard_normal((2, 4, 4)), requires_grad=True)
FILTERS = Tensor(np.ones((4, 4, 1)), requires_grad=True)


def conv():
    return autograd.conv1d(X, FILTERS)


@pytest.mark.parametrize(
    ("t", "axis"),
    [
        (Tensor(1.0), -1),
        (Tensor([1.0]), 0),
        (Tensor([[1.0]]), 1),
        (X, 2),
        (Tensor(np.ones((2, 3, 4, 5))), 1),
        (Tensor(np.ones((2, 3, 4, 5, 6))), 1),
        (conv(), 1),
        (autograd.conv_transpose1d(X, FILTERS), 1),
        (autograd.group_norm(X, np.ones(4), np.ones(4), num_groups=2), 1),
        (autograd.batch_norm(X, np.ones(4), np.ones(4)), 1),
        (autograd.linear(X, np.ones((4, 4))), 2),
        (conv().relu(), 1),
        (autograd.gelu(conv()).relu(), 1),
        (autograd.silu(2 * conv() - 1).tanh(), 1),
        (X + conv(), 1),
        (conv() + autograd.linear(X, np.ones((4, 4))), 2),
        (autograd.sigmoid(conv().mean(axis=2, keepdims=True)) * conv(), 1),
        (autograd.linear(conv(), np.ones((4, 4))).relu(), 2),
        (conv().swapaxes(1, 2).relu(), 2),
        (autograd.batch_norm(X[0], np.ones(4), np.ones(4)) + Tensor(np.ones((2, 1, 1))), 2),
    ],
)
def test_units_are_channels_where_the_op_says_so_else_along_the_last_axis(t, axis):
    assert unit_axis(t) == axis


def test_channels_are_known_from_a_freed_graph():
    feature, hidden = conv().relu(), autograd.linear(X, np.ones((4, 4))).relu()
    masked = autograd.where(Tensor(X.numpy() > 0), feature.detach(), feature)
    (feature.sum() + hidden.sum() + masked.sum()).backward(retain_graph=False)
    assert not feature.inputs
    assert unit_axis(feature) == unit_axis(feature - 0.1) == unit_axis(masked) == 1
    assert unit_axis(hidden) == unit_axis(hidden - 0.1) == 2


def test_what_no_gradient_came_to_in_a_freed_graph_has_its_units_along_the_last_axis():
    parted = autograd.where(conv().relu(), X, 0.0)  # a condition has no derivative
    parted.sum().backward(retain_graph=False)
    assert unit_axis(parted) == 2


def test_only_a_few_ops_are_looked_back_however_long_a_recurrence_is():
    h = conv()
    for _ in range(5):
        h = (h * 0.5 + X).relu()
    assert unit_axis(h) == 1
    for _ in range(100):
        h = (h * 0.5 + X).relu()
    assert unit_axis(h) == 2
