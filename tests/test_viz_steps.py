"""The backward pass step by step: the numbers are the engine's."""

import numpy as np
import pytest

import nn
from autograd import Tensor, op_table, relu, softmax, toposort
from nn import functional as F
from tests.leaf import leaf
from tests.op_cases import CASES
from viz import backward_steps


def mlp_loss(dtype=np.float64):
    rng = np.random.default_rng(0)
    model = nn.MLP([3, 4, 2], rng=0, dtype=dtype)
    x = Tensor(rng.standard_normal((5, 3)).astype(dtype))
    return F.cross_entropy(model(x), Tensor(rng.integers(0, 2, 5))), list(model.parameters())


def test_one_step_for_each_op_that_the_gradient_passes():
    x = leaf(3.0)
    loss = (x * x).tanh()
    assert [s.tensor.op.name for s in backward_steps(loss)] == ["tanh", "mul"]
    (tanh,), (left, right) = [s.parts for s in backward_steps(loss)]
    assert tanh.local == tanh.contribution == 1 - np.tanh(9.0) ** 2
    assert left.slot == 0
    assert right.slot == 1
    assert left.local == right.local == 3
    assert right.total == left.contribution + right.contribution


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_totals_end_at_the_gradients_of_backward(dtype):
    loss, leaves = mlp_loss(dtype)
    totals = {p.tensor: p.total for s in backward_steps(loss) for p in s.parts}
    loss.backward()
    for t in leaves:
        np.testing.assert_array_equal(totals[t], t.grad.data)
        assert totals[t].dtype == dtype


def test_contributions_add_up_and_agree_with_central_differences():
    a, b = leaf([0.3, -1.2]), leaf(0.7)

    def f(a, b):
        return (relu(a * b + a) * a / b).sum() + (a.exp() * b).sum()

    sums = {}
    for step in backward_steps(f(a, b)):
        for part in step.parts:
            sums[part.tensor] = sums.get(part.tensor, 0) + part.contribution
    h = 1e-6
    for t in (a, b):
        for index in np.ndindex(t.shape):
            ends = []
            for side in (h, -h):
                moved = {u: u.data.copy() if np.ndim(u.data) else u.data for u in (a, b)}
                at = np.array(moved[t])
                at[index] += side
                moved[t] = at
                ends.append(f(Tensor(moved[a]), Tensor(moved[b])).item())
            np.testing.assert_allclose(sums[t][index], (ends[0] - ends[1]) / (2 * h), 1e-8)


def test_a_step_comes_when_its_gradient_is_complete():
    loss, _ = mlp_loss()
    seen = {}
    for step in backward_steps(loss):
        if step.tensor in seen:
            np.testing.assert_array_equal(step.gradient, seen[step.tensor])
        seen.update((p.tensor, p.total) for p in step.parts)
    assert set(seen) == {t for t in toposort(loss) if t.requires_grad and t is not loss} | {
        p for t in toposort(loss) for p in t.inputs if p.requires_grad
    }


def test_local_derivatives_are_shown_only_where_elements_do_not_mix():
    W, x = leaf(np.eye(2) + 1), leaf([1.0, 2.0])
    (product,) = backward_steps(W @ x, [1.0, 0.0])
    assert [p.local for p in product.parts] == [None, None]
    (mixed,) = backward_steps(softmax(x), [0.0, 0.0])
    assert mixed.parts[0].local is None
    (scaled,) = backward_steps(x * 3, [0.0, 0.0])
    np.testing.assert_array_equal(scaled.parts[0].local, [3, 3])


@pytest.mark.parametrize("name", [n for n, op in op_table().items() if op.differentiable])
def test_any_op_can_be_stepped_through(name):
    for case in CASES:
        if case.op.name != name:
            continue
        inputs = case.inputs()
        moving = case.moving(inputs)
        tensors = [Tensor(x, requires_grad=i in moving) for i, x in enumerate(inputs)]
        out = case.op(*tensors, **case.params)
        u = case.rng.uniform(0.5, 1.5, out.shape)
        totals = {p.tensor: p.total for s in backward_steps(out, u) for p in s.parts}
        out.backward(u)
        for i in moving:
            np.testing.assert_array_equal(totals[tensors[i]], tensors[i].grad.data)


def test_nothing_is_changed():
    x = leaf(2.0)
    x.register_hook(lambda g: g * 100)
    y = x * x
    assert next(iter(backward_steps(y))).parts[1].total == 4
    assert x.grad is None
    y.backward()
    assert x.grad.item() == 400


def test_what_cannot_be_stepped_through_is_refused():
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match=r"output of shape \(2,\) needs a gradient"):
        backward_steps(x * 2)
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\)"):
        backward_steps(x * 2, [1, 2, 3])
    with pytest.raises(RuntimeError, match="does not require grad"):
        backward_steps(Tensor(1.0) * 2)
