"""Fused ops drawn as their references."""

import numpy as np
import pytest

import autograd as ag
import viz
from autograd import Tensor, no_grad, op_table, scope
from tests.leaf import leaf
from tests.op_cases import CASES
from viz.graph import extract


def loss():
    rng = np.random.default_rng(0)
    x, w = Tensor(rng.standard_normal((3, 4)), name="x"), leaf(rng.standard_normal((5, 4)), "w")
    with scope("head"):
        z = ag.linear(x, w)
        z.name = "z"
    return ag.cross_entropy(z, Tensor(np.array([0, 1, 4]), name="y")), w, z


def test_no_fused_op_is_left_and_the_gradients_are_the_same():
    out, w, _ = loss()
    closed, opened = extract([out]), extract([out], expand_fused=True)
    assert [n.op for n in closed.nodes if n.op] == ["linear", "cross_entropy"]
    assert {n.op for n in opened.nodes if n.op} <= {
        *("swapaxes", "matmul", "logsumexp", "sub", "getitem", "sum", "div", "neg", "mean"),
    }
    out.backward()
    (node,) = (n for n in opened.nodes if n.name == "w")
    assert node.grad.norm == pytest.approx(np.linalg.norm(w.grad.data), rel=1e-12)
    assert opened.nodes[-1].value.item == pytest.approx(out.item(), rel=1e-12)


def test_each_fused_op_is_a_frame_inside_the_call_it_was_in():
    out, _, z = loss()
    graph = extract([out], expand_fused=True, names={"scores": z})
    where = {
        c.label: None if c.parent is None else graph.calls[c.parent].label for c in graph.calls
    }
    assert where == {
        **{"head": None, "linear": "head", "cross_entropy": None},
        "log_softmax": "cross_entropy",
    }
    assert "scores" in [n.name for n in graph.nodes]
    small = viz.draw(out, expand_fused=True, depth=0)
    assert [n.name for n in small.visible.nodes if n.kind == "call"] == ["head", "cross_entropy"]


def test_nothing_of_the_users_is_changed():
    out, w, z = loss()
    before = (out.inputs, out.op, z.inputs, z.serial)
    extract([out], expand_fused=True)
    assert (out.inputs, out.op, z.inputs, z.serial) == before
    assert w.grad is None


FUSED = [n for n, op in op_table().items() if op.reference is not None]


@pytest.mark.parametrize("name", FUSED)
def test_every_fused_op_can_be_opened(name):
    case = next(c for c in CASES if c.op.name == name)
    inputs = case.inputs()
    moving = case.moving(inputs)
    tensors = [leaf(x) if i in moving else Tensor(x) for i, x in enumerate(inputs)]
    out = (case.op(*tensors, **case.params) * 1.5).sum()
    graph = extract([out], expand_fused=True)
    assert not {n.op for n in graph.nodes} & set(FUSED)
    assert graph.nodes[-1].value.item == pytest.approx(out.item(), rel=1e-9)
    out.backward()
    norms = [n.grad.norm for n in graph.nodes if n.kind == "leaf"]
    want = [np.linalg.norm(np.ravel(t.grad.data)) for t in tensors if t.requires_grad]
    np.testing.assert_allclose(sorted(norms), sorted(want), 1e-7, 1e-10)


def test_what_was_freed_or_changed_stays_closed_and_says_so():
    x = leaf(np.ones(3), "x")
    y = (ag.softmax(x * 2) * x).sum()
    y.backward(retain_graph=False)
    assert "graph freed" in viz.draw(y, expand_fused=True).text()
    h = x * 2
    z = ag.softmax(h).sum()
    with no_grad():
        h *= 2
    assert "stay closed: " in viz.draw(z, expand_fused=True).text()


def test_a_graph_without_fused_ops_that_was_changed_is_not_made_again_either():
    x = leaf(np.array([1.0, 2.0, 3.0]), "x")
    y = (x * x).sum()
    with no_grad():
        x -= 1
    assert extract([y], expand_fused=True).notes[1:] == extract([y]).notes
    (node,) = (n for n in extract([y], expand_fused=True).nodes if n.name == "x")
    assert node.grad_state == "uncomputed"
    h = leaf(np.ones(3)) * 1
    view, z = h[:2], h.exp()
    out = z[:2]
    loss = z.sum() + view.sum()
    with no_grad():
        out *= 2
    text = viz.draw(loss, expand_fused=True).text()
    assert "stay closed: " in text and "incomplete" in text


def test_the_note_of_a_changed_value_outlives_the_opening_of_fused_ops():
    x, b = leaf(np.array([1.0, 2.0]), "x"), leaf(1.0, "b")
    loss = (ag.softmax(x) + b).sum()
    with no_grad():
        b -= 1
    assert "b was changed after add used it" in viz.draw(loss, expand_fused=True).text()
