"""Pickles and copies: leaves, graphs, depth."""

import copy
import pickle
import sys

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, no_grad, op, scope, toposort
from nn import functional as F
from tests.leaf import leaf


@op(vjp=(lambda g, out, x: 3 * g,), kind="linear")
def triple(x):
    return 3 * x


def pickled(t):
    return pickle.loads(pickle.dumps(t))


ways = pytest.mark.parametrize("again", [pickled, copy.deepcopy])


@ways
@pytest.mark.parametrize("value", [2.0, np.float32(2), np.arange(6.0).reshape(2, 3), np.arange(3)])
def test_leaves_come_back_with_all_they_have(again, value):
    t = Tensor(value, name="w")
    if t.dtype.kind == "f":
        t.requires_grad_()
        (t * t).sum().backward()
    twin = again(t)
    assert type(twin) is Tensor
    assert (twin.dtype, twin.requires_grad, twin.name) == (t.dtype, t.requires_grad, "w")
    np.testing.assert_array_equal(twin.data, t.data)
    assert type(twin.data) is type(t.data)
    if t.grad is not None:
        np.testing.assert_array_equal(twin.grad.data, t.grad.data)
        assert twin.grad.data is not t.grad.data or t.ndim == 0
    assert not np.shares_memory(twin.data, t.data) or t.ndim == 0


@ways
def test_a_graph_comes_back_and_differentiates(again):
    x, W = leaf(np.arange(6.0).reshape(2, 3), "x"), leaf(np.eye(3) + 1, "W")
    with scope("model"):
        y = F.cross_entropy((x @ W)[:, [0, 2, 0]].tanh(), [0, 2]) + triple(x.sum())
    y.name = "loss"
    twin = again(y)
    assert [t.op.name for t in toposort(twin)] == [t.op.name for t in toposort(y)]
    assert all(a.op is b.op for a, b in zip(toposort(twin), toposort(y), strict=True))
    assert (twin.name, twin.item()) == ("loss", y.item())
    assert toposort(twin)[-1].scope.path == "model"
    leaves = {t.name: t for node in toposort(twin) for t in node.inputs if t.op is None and t.name}
    y.backward()
    twin.backward()
    np.testing.assert_array_equal(leaves["x"].grad.data, x.grad.data)
    np.testing.assert_array_equal(leaves["W"].grad.data, W.grad.data)


@ways
def test_leaves_stay_shared_with_what_is_computed_from_them(again):
    x = leaf(3.0)
    twin, y = again((x, x * x))
    y.backward()
    assert twin.grad.item() == 6
    assert x.grad is None


@ways
def test_a_chain_of_100000_ops_does_not_recurse(again):
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0.5
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        x, y = again((x, y))
        y.backward()
    finally:
        sys.setrecursionlimit(limit)
    assert y.item() == 50_001
    assert x.grad.item() == 1


@ways
def test_a_freed_graph_stays_freed(again):
    y = leaf(2.0) * 3
    y.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="freed"):
        again(y).backward()


@ways
def test_what_was_changed_in_place_is_refused_in_the_copy_too(again):
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    with no_grad():
        x += 1
    z = (x * x).sum()  # of the new values
    (y, z, both), twin = again(((y, z, y * z), x))
    for stale in (y, both):
        with pytest.raises(RuntimeError, match=r"changed in place, .* after mul had used it"):
            stale.backward()
    z.backward()
    np.testing.assert_array_equal(twin.grad.data, [4, 6])
    assert both.item() == 5 * 13


@ways
def test_a_leaf_comes_back_with_a_gradient_that_leads_back_to_it(again):
    x = leaf(2.0)
    y = x**3
    y.backward(create_graph=True)
    twin = again(x)
    twin.grad.backward()
    assert (x.grad.item(), twin.grad.item()) == (12, 24)
    twin, result, slope = again((x, y, x.grad))
    result.backward()
    slope.backward()
    assert twin.grad.item() == 12 + 12 + 12


@ways
@pytest.mark.parametrize("depth", [1, 5_000])
def test_a_result_comes_back_with_a_gradient_that_leads_back_to_it(again, depth):
    x = leaf(2.0)
    y = x
    for _ in range(depth):
        y = y * 1.0
    y.retain_grad()
    (y**3).backward(create_graph=True)
    slope = y.grad.retain_grad()
    (slope**2).backward(create_graph=True)  # so that gradients of gradients lead back, too
    twin = again(y)
    assert (twin.item(), twin.grad.item()) == (2, 12 + 288)
    (twin * 1).backward()  # a copy retains nothing anew
    assert twin.grad.item() == 12 + 288
    twin.grad.backward()
    assert [again(t).grad.item() for t in (slope, x)] == [24, 12 + 288]


@ways
def test_ops_come_back_as_themselves(again):
    assert again(ag.relu) is ag.relu
    assert again([triple, triple]) == [triple, triple]
    block = again(nn.TransformerBlock(8, 2, activation=ag.relu))
    assert [m.activation for m in block.modules() if hasattr(m, "activation")] == [ag.relu]


@ways
def test_modules_come_back_as_they_are(again):
    model = nn.MLP([3, 4, 2], rng=0)
    model.eval()
    twin = again(model)
    assert not twin.training
    assert [n for n, _ in twin.named_parameters()] == [n for n, _ in model.named_parameters()]
    with no_grad():
        x = Tensor(np.ones((2, 3), np.float32))
        np.testing.assert_array_equal(twin(x).data, model(x).data)
    for a, b in zip(twin.parameters(), model.parameters(), strict=True):
        assert type(a) is type(b)
        assert not np.shares_memory(a.data, b.data)


def test_a_shallow_copy_shares_the_data():
    x = leaf([1.0, 2.0])
    assert copy.copy(x).data is x.data


def test_hooks_stay_behind():
    x = leaf(2.0)
    x.register_hook(lambda g: 10 * g)
    twin = copy.deepcopy(x)
    (twin * 1).backward()
    assert twin.grad.item() == 1


def test_an_op_that_no_module_names_is_refused():
    nameless = ag.Op("nameless", np.exp, (lambda g, out, x: g * out,), "n")
    with pytest.raises(pickle.PicklingError, match="nameless: this op is no attribute"):
        pickle.dumps(nameless(leaf(1.0)))
    assert copy.deepcopy(nameless) is copy.copy(nameless) is nameless
    assert copy.deepcopy(nameless(leaf(0.0))).op is nameless
