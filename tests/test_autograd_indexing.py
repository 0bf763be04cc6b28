"""Indexing, gathering, scattering, masks: values by NumPy, gradients by reasoning and PyTorch."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jvp

# Assignment.

REPEATED = [
    np.array([0, 0]),
    np.array([1, -2]),  # of three elements, 1 and -2 are one
    [2, 2],
    (np.array([0, 1, 0]),),
]


@pytest.mark.parametrize("index", REPEATED, ids=str)
def test_assigning_a_moving_value_twice_to_one_element_is_refused(index):
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
    v = Tensor(np.ones(x[index].shape), requires_grad=True)
    with pytest.raises(ValueError, match=r"setitem: the index names an element .* more than once"):
        x[index] = v
    np.testing.assert_array_equal(x.data, [1, 2, 3])
    with pytest.raises(ValueError, match="more than once"):
        jvp(lambda v: ag.setitem(x, v, index), (v.detach(),), (v.detach(),))


def test_assigning_a_constant_twice_to_one_element_is_no_matter():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y[[0, 0]] = 5.0
    y.sum().backward()
    np.testing.assert_array_equal(y.data, [5, 2, 3])
    np.testing.assert_array_equal(x.grad.data, [0, 1, 1])


def test_assigning_a_moving_value_by_a_mask_or_distinct_indices_is_differentiable():
    for index in (np.array([True, False, True]), np.array([2, 0]), [-1, 0]):
        x, v = (Tensor(np.arange(n) + 1.0, requires_grad=True) for n in (3, 2))
        y = x * 1
        y[index] = v
        (y * np.array([10.0, 20.0, 30.0])).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 20, 0])
        np.testing.assert_array_equal(v.grad.data, np.array([10, 20, 30])[index])
