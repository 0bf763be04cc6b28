"""nn.functional: against PyTorch in values and first and second derivatives; refusals."""

import numpy as np
import pytest

from autograd import Tensor, gradcheck
from nn import functional as F

LOSSES = ["mse_loss", "binary_cross_entropy_with_logits", "cross_entropy"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def target_of(loss, shape):
    rng = np.random.default_rng(5)
    if loss == "cross_entropy":
        return rng.integers(0, shape[1], shape[0])
    return rng.uniform(size=shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_pytorchs_in_value_and_gradient(loss, reduction, dtype):
    torch = pytest.importorskip("torch")
    x = (3 * normal(6, 4)).astype(dtype)
    y = target_of(loss, x.shape)
    y = y.astype(dtype) if y.dtype.kind == "f" else y
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out = getattr(F, loss)(a, y, reduction)
    expected = getattr(torch.nn.functional, loss)(b, torch.tensor(y), reduction=reduction)
    g = normal(*out.shape, seed=9).astype(dtype)
    out.backward(g)
    expected.backward(torch.tensor(g))
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    close = {"rtol": tolerance, "atol": tolerance}
    assert out.dtype == a.grad.dtype == dtype
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), **close)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **close)


@pytest.mark.parametrize("loss", ["mse_loss", "binary_cross_entropy_with_logits"])
def test_a_target_can_have_a_gradient_too(loss):
    torch = pytest.importorskip("torch")
    x, y = normal(5), np.random.default_rng(1).uniform(size=5)
    a, b = (Tensor(v, requires_grad=True) for v in (x, y))
    c, d = (torch.tensor(v, requires_grad=True) for v in (x, y))
    getattr(F, loss)(a, b).backward()
    getattr(torch.nn.functional, loss)(c, d).backward()
    np.testing.assert_allclose(a.grad.numpy(), c.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(b.grad.numpy(), d.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("function", [F.selu, lambda z: F.binary_cross_entropy_with_logits(z, Y)])
def test_second_derivatives_are_pytorchs(function):
    torch = pytest.importorskip("torch")
    same = {
        F.selu: torch.nn.functional.selu,
    }.get(
        function, lambda z: torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(Y))
    )
    x = 2 * normal(5)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    (function(a) ** 2).sum().backward(create_graph=True)
    first, a.grad = a.grad, None
    (first**2).sum().backward()
    (g,) = torch.autograd.grad((same(b) ** 2).sum(), b, create_graph=True)
    (expected,) = torch.autograd.grad((g**2).sum(), b)
    np.testing.assert_allclose(a.grad.numpy(), expected.numpy(), rtol=1e-12)


Y = np.array([0.0, 1.0, 0.3, 0.9, 0.5])


@pytest.mark.parametrize(
    "function",
    [
        F.selu,
        lambda z: F.binary_cross_entropy_with_logits(z, Y, "none"),
        lambda z: F.mse_loss(z, Y, "none"),
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
    out = F.binary_cross_entropy_with_logits(z, [1.0, 0.0, 0.0, 1.0, 0.5], "none")
    np.testing.assert_allclose(out.numpy(), [0, 0, 1000, np.exp(-40.0), np.log(2)], rtol=1e-15)
    out.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0, 0, 1, 0, 0], atol=1e-15)


def test_the_gradient_of_binary_cross_entropy_is_p_minus_y():
    z, y = Tensor(normal(3, 4), requires_grad=True), np.random.default_rng(1).uniform(size=(3, 4))
    F.binary_cross_entropy_with_logits(z, y).backward()
    p = 1 / (1 + np.exp(-z.numpy()))
    np.testing.assert_allclose(z.grad.numpy(), (p - y) / 12, rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES[:2])
def test_losses_refuse_shapes_that_would_broadcast(loss):
    function = getattr(F, loss)
    with pytest.raises(ValueError, match=rf"{loss}: .*\(4, 1\).*\(4,\) differ.*; reshape one"):
        function(Tensor(np.ones((4, 1))), np.ones(4))
    with pytest.raises(ValueError, match=r"\(4,\) and target of shape \(\) differ, .*broadcast$"):
        function(Tensor(np.ones(4)), 1.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_unknown_reduction_is_named(loss):
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(ValueError, match=f"{loss}: reduction is 'avg'"):
        getattr(F, loss)(x, target_of(loss, x.shape), "avg")


def test_a_plain_target_takes_the_dtype_of_the_input():
    x = Tensor(np.ones(2, np.float32))
    assert F.mse_loss(x, [0.0, 1.0]).dtype == np.float32
    assert F.mse_loss(x, np.ones(2)).dtype == np.float32
