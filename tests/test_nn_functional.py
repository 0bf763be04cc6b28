"""nn.functional: against PyTorch in values and first and second derivatives; refusals."""

import numpy as np
import pytest

from autograd import Tensor, gradcheck
from nn import functional as F
from tests.nn_parity import normal

Y = np.array([0.0, 1.0, 0.3, 0.9, 0.5])


@pytest.mark.parametrize(
    ("name", "targets"), [("selu", []), ("binary_cross_entropy_with_logits", [Y])]
)
def test_second_derivatives_are_pytorchs(name, targets):
    torch = pytest.importorskip("torch")
    function, same = getattr(F, name), getattr(torch.nn.functional, name)
    x = 2 * normal(5)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    (function(a, *targets) ** 2).sum().backward(create_graph=True)
    first, a.grad = a.grad, None
    (first**2).sum().backward()
    (g,) = torch.autograd.grad(
        (same(b, *map(torch.tensor, targets)) ** 2).sum(), b, create_graph=True
    )
    (expected,) = torch.autograd.grad((g**2).sum(), b)
    np.testing.assert_allclose(a.grad.numpy(), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        F.selu,
        lambda z: F.binary_cross_entropy_with_logits(z, Y, reduction="none"),
        lambda z: F.mse_loss(z, Y, reduction="none"),
    ],
    ids=["selu", "bce", "mse"],
)
def test_derivatives_agree_with_differences(function):
    gradcheck(function, Tensor([-3.0, -0.4, 0.2, 1.0, 4.0], requires_grad=True))


def test_selu_at_its_kink_has_the_left_slope_and_does_not_overflow():
    x = Tensor([0.0, 1000.0, -1000.0], requires_grad=True)
    out = F.selu(x)
    out.sum().backward()
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    np.testing.assert_allclose(out.numpy(), [0, 1000 * scale, -scale * alpha])
    np.testing.assert_allclose(x.grad.numpy(), [scale * alpha, scale, 0], atol=1e-15)


def test_selu_keeps_mean_zero_and_variance_one():
    z, weights = np.polynomial.hermite_e.hermegauss(150)
    a, weights = F.selu(z), weights / weights.sum()
    assert (weights * a).sum() == pytest.approx(0, abs=1e-2)
    assert (weights * a**2).sum() == pytest.approx(1, abs=1e-2)


def test_linear_takes_none_for_no_bias():
    x, w = Tensor(normal(2, 3)), Tensor(normal(4, 3), requires_grad=True)
    out = F.linear(x, w, None)
    np.testing.assert_array_equal(out.numpy(), F.linear(x, w).numpy())
    np.testing.assert_array_equal(out.numpy(), F.linear(x, w, bias=None).numpy())


def test_binary_cross_entropy_is_finite_and_keeps_small_losses():
    z = Tensor([1000.0, -1000.0, 1000.0, 40.0, 0.0], requires_grad=True)
    out = F.binary_cross_entropy_with_logits(z, [1.0, 0.0, 0.0, 1.0, 0.5], reduction="none")
    np.testing.assert_allclose(out.numpy(), [0, 0, 1000, np.exp(-40.0), np.log(2)], rtol=1e-15)
    out.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0, 0, 1, 0, 0], atol=1e-15)


def test_the_gradient_of_binary_cross_entropy_is_p_minus_y():
    z, y = Tensor(normal(3, 4), requires_grad=True), np.random.default_rng(1).uniform(size=(3, 4))
    F.binary_cross_entropy_with_logits(z, y).backward()
    p = 1 / (1 + np.exp(-z.numpy()))
    np.testing.assert_allclose(z.grad.numpy(), (p - y) / 12, rtol=1e-12)
