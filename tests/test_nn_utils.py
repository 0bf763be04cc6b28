"""Clipping of gradients, against PyTorch and by its properties."""

import math

import numpy as np
import pytest

from autograd import Tensor
from nn import MLP, Parameter
from nn import functional as F
from nn.optim import SGD
from nn.utils import clip_grad_norm_, clip_grad_value_


def parameters(scale=1.0, dtype=np.float64):
    rng = np.random.default_rng(0)
    made = [Parameter(np.ones(shape, dtype)) for shape in ((3, 4), (), (0, 2), (5,))]
    for p in made:
        p.grad = Tensor(np.asarray(scale * rng.normal(size=p.shape), dtype))
    return [*made, Parameter(np.ones(2, dtype))]  # the last has no gradient


def flat(params):
    return np.concatenate([np.ravel(p.grad.numpy()) for p in params if p.grad is not None])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 3.0, 100.0])
def test_clipping_by_norm_is_pytorchs(dtype, norm_type, max_norm):
    torch = pytest.importorskip("torch")
    ours = [p for p in parameters(dtype=dtype) if p.size]  # torch has no inf-norm of nothing
    theirs = [torch.nn.Parameter(torch.tensor(p.numpy())) for p in ours]
    for p, q in zip(ours, theirs, strict=True):
        q.grad = None if p.grad is None else torch.tensor(p.grad.numpy())
    a = clip_grad_norm_(iter(ours), max_norm, norm_type)
    b = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    assert a.dtype == dtype and a.shape == ()
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol)
    for p, q in zip(ours, theirs, strict=True):
        if p.grad is not None:
            assert p.grad.dtype == dtype
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=rtol, atol=1e-12)


def test_clipping_by_norm_keeps_the_direction_and_bounds_the_norm():
    params = parameters(scale=10)
    before = flat(params)
    norm = clip_grad_norm_(params, 2.0)
    after = flat(params)
    assert norm.item() == pytest.approx(np.linalg.norm(before))
    assert np.linalg.norm(after) == pytest.approx(2, rel=1e-6) and np.linalg.norm(after) < 2
    np.testing.assert_allclose(after / before, after[0] / before[0], rtol=1e-12)
    params = parameters(scale=1e-3)
    before = flat(params)
    clip_grad_norm_(params, 2.0)
    np.testing.assert_array_equal(flat(params), before)  # short enough: not touched


def test_large_gradients_of_small_types_do_not_overflow():
    p = Parameter(np.ones(3, np.float32))
    p.grad = Tensor(np.full(3, 1e30, np.float32))
    clip_grad_norm_(p, 1.0)
    np.testing.assert_allclose(p.grad.numpy(), 3**-0.5, rtol=1e-5)
    assert p.grad.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_reported_or_treated_as_in_pytorch(bad):
    torch = pytest.importorskip("torch")
    p, q = Parameter([1.0, 1.0]), torch.nn.Parameter(torch.ones(2, dtype=torch.double))
    p.grad, q.grad = Tensor([3.0, bad]), torch.tensor([3.0, bad], dtype=torch.double)
    with pytest.raises(RuntimeError, match=f"norm {bad}"):
        clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(p.grad.numpy(), [3.0, bad])
    norm = clip_grad_norm_([p], 1.0)
    torch.nn.utils.clip_grad_norm_([q], 1.0)
    np.testing.assert_array_equal(norm.numpy(), bad)
    np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


def test_without_gradients_the_norm_is_zero():
    assert clip_grad_norm_([Parameter([1.0])], 1.0).item() == 0
    assert clip_grad_norm_([], 1.0).item() == 0
    clip_grad_value_([Parameter([1.0])], 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_by_value_is_pytorchs(dtype):
    torch = pytest.importorskip("torch")
    ours = parameters(dtype=dtype)
    theirs = [torch.nn.Parameter(torch.tensor(p.numpy())) for p in ours]
    for p, q in zip(ours, theirs, strict=True):
        q.grad = None if p.grad is None else torch.tensor(p.grad.numpy())
    clip_grad_value_(iter(ours), 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for p, q in zip(ours, theirs, strict=True):
        if p.grad is not None:
            assert p.grad.dtype == dtype
            np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())
    assert abs(flat(ours)).max() <= 0.3 + 1e-7 and (abs(flat(ours)) < 0.29).any()


@pytest.mark.parametrize("bound", [-1.0, np.nan])
def test_negative_bounds_are_refused(bound):
    with pytest.raises(ValueError, match=f"max_norm is {bound}"):
        clip_grad_norm_([Parameter([1.0])], bound)
    with pytest.raises(ValueError, match=f"clip_value is {bound}"):
        clip_grad_value_([Parameter([1.0])], bound)


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
def test_a_recorded_gradient_that_was_clipped_gives_no_wrong_second_derivative(clip):
    x = Tensor([2.0, 3.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()
    clip([x], 1.0)
    x.grad = None
    with pytest.raises(RuntimeError, match="was changed in place"):
        penalty.backward()


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: [m], lambda m: m[0]])
def test_modules_in_the_place_of_parameters_are_refused(clip, wrap):
    with pytest.raises(TypeError, match=rf"{clip.__name__}: .*; pass .* model\.parameters\(\)"):
        clip(wrap(MLP([3, 2])), 1.0)


def test_clipping_counts_before_the_step_only():
    def step(clip_first):
        model = MLP([3, 2], dtype=np.float64, rng=0)
        F.cross_entropy(model(Tensor([[9.0, -8.0, 7.0]])), [0], reduction="sum").backward()
        before = model[0].weight.numpy().copy()
        if clip_first:
            clip_grad_norm_(model.parameters(), 1e-3)
        SGD(model.parameters(), lr=1.0).step()
        if not clip_first:
            clip_grad_norm_(model.parameters(), 1e-3)
        return abs(model[0].weight.numpy() - before).max()

    assert step(True) < 1e-3 < 0.1 < step(False)
