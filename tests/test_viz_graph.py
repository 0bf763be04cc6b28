"""What is read from tensors: order, ids, edges, values, gradients, scopes."""

import numpy as np
import pytest

from autograd import Tensor, cost, no_grad, scope
from tests.leaf import leaf
from viz.graph import extract, summarise


def edges(graph):
    return [(edge.source, edge.target, edge.slot) for edge in graph.edges]


def by_name(graph):
    return {node.name: node for node in graph.nodes}


def test_nodes_come_in_the_order_of_computation_with_generated_ids():
    a, b = leaf(2.0, "a"), leaf(3.0, "b")
    product = a * b
    graph = extract([product + a])
    assert [(n.id, n.name or n.op) for n in graph.nodes] == [
        *[("n0", "a"), ("n1", "b"), ("n2", "mul"), ("n3", "add")]
    ]
    assert edges(graph) == [("n0", "n2", 0), ("n1", "n2", 1), ("n2", "n3", 0), ("n0", "n3", 1)]
    assert [n.output for n in graph.nodes] == [False, False, False, True]


@pytest.mark.parametrize("op", [lambda x: x * x, lambda x: x + x])
def test_an_input_used_twice_has_two_edges(op):
    assert edges(extract([op(leaf(3.0))])) == [("n0", "n1", 0), ("n0", "n1", 1)]


def test_several_outputs_share_what_they_share():
    x = leaf(2.0, "x")
    y = x * x
    graph = extract([y.exp(), y.sin(), y])
    assert sorted(n.op for n in graph.nodes) == ["", "exp", "mul", "sin"]
    assert sum(n.output for n in graph.nodes) == 3
    assert graph.notes == ("gradients of the sum of 3 outputs",)
    assert by_name(graph)["x"].grad.item == pytest.approx(4 * (np.exp(4) + np.cos(4) + 1))


def test_an_output_given_twice_counts_once():
    x = leaf(3.0, "x")
    y = x * x
    assert by_name(extract([y, y]))["x"].grad.item == 6


def test_a_leaf_alone_is_a_graph():
    (node,) = extract([leaf(3.0, "x")]).nodes
    assert (node.kind, node.output, node.grad.item) == ("leaf", True, 1)
    (node,) = extract([Tensor(3.0)]).nodes
    assert (node.kind, node.grad_state) == ("constant", "none")


def test_a_number_is_a_constant_and_no_leaf():
    graph = extract([leaf(3.0) * 2])
    assert [n.kind for n in graph.nodes] == ["leaf", "constant", "op"]
    assert graph.nodes[1].grad_state == "none"


def test_gradients_are_right_before_and_after_backward_and_none_is_stored():
    x = leaf(np.array([1.0, 2.0], dtype=np.float32), "x")
    y = (x * x).sum()
    before = extract([y])
    assert x.grad is None
    y.backward()
    y.backward()
    assert extract([y]) == before
    assert by_name(before)["x"].grad.norm == pytest.approx(np.sqrt(20))
    assert by_name(before)["x"].grad.dtype == "float32"
    assert x.grad.tolist() == [4.0, 8.0]


def test_the_graph_does_not_change_when_a_tensor_does():
    x = leaf(3.0, "x")
    graph = extract([x * x])
    with no_grad():
        x += 1
    assert by_name(graph)["x"].value.item == 3


def test_zero_absent_and_uncomputed_gradients_differ():
    x, y = leaf(0.0, "x"), leaf(2.0, "y")
    assert by_name(extract([x * x + y]))["x"].grad_state == "zero"
    assert by_name(extract([x * x + y], grads=False))["x"].grad_state == "none"
    graph = extract([leaf(np.ones(3), "z") * 2])
    assert by_name(graph)["z"].grad_state == "none"
    assert "no gradients: an output has shape (3,)" in graph.notes[0]


def test_a_freed_graph_is_drawn_as_far_as_it_goes():
    x = leaf(3.0, "x")
    inner = x * x
    outer = inner.exp()
    inner.backward(retain_graph=False)
    graph = extract([outer])
    assert [(n.op, n.freed, n.grad_state) for n in graph.nodes] == [
        ("mul", True, "value"),
        ("exp", False, "value"),
    ]
    assert graph.notes == ("freed: backward(retain_graph=False) let go of the numbers behind it",)


@pytest.mark.parametrize("fold", [False, True])
def test_a_freed_graph_keeps_its_structure_and_says_that_it_is_freed(fold):
    x, w = Tensor([[1.0, 2.0]], name="x"), leaf(np.ones((2, 2)), "w")
    with scope("model"):
        h = (x @ w).tanh()
        out = (h * h + h).sum()
    if fold:
        out.name = "L"
    before = extract([out])
    out.backward(retain_graph=False)
    after = extract([out])
    assert [(n.op, n.name, n.kind, n.call) for n in after.nodes] == [
        (n.op, n.name, n.kind, n.call) for n in before.nodes
    ]
    assert [e[:3] for e in after.edges] == [e[:3] for e in before.edges]
    assert all(n.freed for n in after.nodes if n.op)
    assert [n.name or n.op for n in after.nodes if n.value] == ["w", "L" if fold else "sum"]
    assert {n.grad_state for n in after.nodes if n.op} == {"uncomputed"}


def test_a_value_changed_in_place_leaves_gradients_uncomputed_and_says_why():
    x, y = leaf(3.0, "x"), leaf(2.0, "y")
    z = x * y + x
    with no_grad():
        y += 1
    graph = extract([z])
    assert by_name(graph)["x"].grad_state == "uncomputed"
    assert "changed in place" in graph.notes[0]


def test_values_that_are_newer_than_the_results_beside_them_are_noted():
    w, b, x = leaf(2.0, "w"), leaf(1.0, "b"), Tensor(3.0, name="x")
    y = w * x + b
    assert extract([y]).notes == ()
    with no_grad():
        w -= 0.1
    assert extract([y]).notes == ("w was changed after mul used it: its value is the new one",)
    with no_grad():
        b -= 0.1
    assert extract([y]).notes == (
        "w and 1 other were changed after they were used: their values are the new ones",
    )
    assert extract([w * x + b]).notes == ()
    out = w * x
    with no_grad():
        out *= 2
    note = "a value was changed after mul made it: its value is the new one"
    assert note in extract([out]).notes
    h = x * w
    h[()] = b
    assert extract([h * 2]).notes == ()


def test_names_given_go_before_those_of_tensors():
    x, w = leaf(3.0, "x"), leaf(2.0)
    graph = extract([x * w], params={"w": w}, names={"input": x, "other": 5})
    assert [n.name for n in graph.nodes] == ["input", "w", ""]


def test_calls_nest_and_repeats_are_numbered():
    x = leaf(3.0, "x")
    with scope("model"):
        with scope("layer"):
            y = x * x
        with scope("layer"):
            y = y * y
    graph = extract([y])
    assert [(c.label, c.parent, c.level) for c in graph.calls] == [
        ("model", None, 0),
        ("layer", 0, 1),
        ("layer #2", 0, 1),
    ]
    assert [n.call for n in graph.nodes] == [1, 1, 2]


def test_a_leaf_is_drawn_in_the_innermost_call_that_all_its_users_share():
    w, shared, data = leaf(2.0, "w"), leaf(3.0, "shared"), Tensor(np.ones(4), name="data")
    with scope("model"):
        with scope("one"):
            y = data * w * shared
        with scope("two"):
            y = y * shared + 1
    graph = extract([y.sum()])
    labels = {n.name: None if n.call is None else graph.calls[n.call].label for n in graph.nodes}
    assert (labels["w"], labels["shared"], labels["data"]) == ("one", "model", None)
    (one,) = (n for n in graph.nodes if n.value.item == 1 and n.kind == "constant")
    assert graph.calls[one.call].label == "two"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.bool_])
def test_a_summary_has_the_moments(dtype):
    s = summarise(np.array([[0, 1], [1, 1]], dtype=dtype))
    assert (s.shape, s.dtype, s.item) == ((2, 2), np.dtype(dtype).name, None)
    assert (s.mean, s.low, s.high, s.nonfinite) == (0.75, 0, 1, 0)
    assert s.std == pytest.approx(np.sqrt(3) / 4)
    assert s.norm == pytest.approx(np.sqrt(3))


def test_a_summary_tells_what_is_not_finite_and_leaves_it_out():
    s = summarise(np.array([np.nan, np.inf, 2.0, 4.0]))
    assert (s.nonfinite, s.mean, s.high) == (2, 3, 4)
    s = summarise(np.float64("nan"))
    assert s.nonfinite == 1 and np.isnan(s.mean)
    s = summarise(np.empty((0, 3)))
    assert s.shape == (0, 3) and s.item is None and s.norm == 0


def test_a_summary_of_large_numbers_overflows_only_where_it_must_and_without_a_warning():
    assert summarise(np.full(4, 1e200)).norm == 2e200
    assert summarise(np.full(4, 1e308)).norm == np.inf


def test_nodes_know_their_flops_and_what_they_keep():
    W, x = leaf(np.ones((4, 3))), leaf(np.ones(3))
    loss = (W @ x).tanh().sum()
    matmul, tanh, total = (n for n in extract([loss]).nodes if n.kind == "op")
    assert matmul.flops == 2 * 4 * 3 - 4
    assert matmul.memory == W.data.nbytes + x.data.nbytes
    assert tanh.memory == 4 * 8  # its own result
    assert total.memory == 0


def test_edges_know_the_norm_of_what_goes_back_over_them():
    a, b = leaf([3.0, 4.0]), leaf(2.0)
    (to_a, to_b, _) = sorted(extract([(a * b).sum()]).edges, key=lambda e: (e.target, e.slot))
    assert to_a.flow == pytest.approx(np.sqrt(8))
    assert to_b.flow == 7


def test_a_dead_relu_blocks_the_gradient_and_a_half_dead_one_half_of_it():
    x = leaf(np.array([-1.0, 2.0]), "x")
    half = (x * 1.0).relu()
    dead = (x * -np.abs(x.data)).clip(5.0, 6.0)
    blocked = {n.op: n.blocked for n in extract([half.sum() + dead.sum()]).nodes}
    assert blocked["relu"] == 0.5
    assert blocked["clip"] == 1
    assert blocked["mul"] == blocked["sum"] == blocked["add"] == blocked[""] == 0


def test_what_one_operand_lets_through_is_not_blocked():
    a, b = leaf(0.0, "a"), leaf(2.0, "b")
    assert extract([a * b]).nodes[-1].blocked == 0  # b gets nothing, a gets 2
    assert extract([a * 2.0 * 0.0]).nodes[-1].blocked == 1
    W, x = leaf(np.zeros((2, 2))), Tensor(np.zeros(2))
    assert [n.blocked for n in extract([(W @ x).sum()]).nodes if n.op == "matmul"] == [1]
    # nothing arrives at the second op, so it is not what blocks
    assert [n.blocked for n in extract([(a.exp() * 0.0)]).nodes if n.op == "exp"] == [0]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_first_nan_is_told_from_those_that_follow():
    x = leaf(np.array([0.0, 1.0]), "x")
    graph = extract([((x / x) * 2).exp().sum()])
    assert {n.op: n.first_nan for n in graph.nodes if n.op}["div"] == "value"
    assert [n.op for n in graph.nodes if n.first_nan == "value"] == ["div"]
    assert [n.name for n in extract([leaf(np.nan, "bad") * 2]).nodes if n.first_nan] == ["bad"]


def test_the_first_nan_of_the_gradient_is_told_from_those_that_follow():
    x = leaf(0.0, "x")
    graph = extract([((x * 3).sqrt() * 0.0) + 1.0])
    assert {n.op: n.first_nan for n in graph.nodes if n.op} == {
        **{"mul": "", "sqrt": "grad", "add": ""},
    }
    assert by_name(graph)["x"].grad.nans == 1


def test_infinities_on_purpose_are_no_nans():
    x = leaf(np.zeros(3), "x")
    masked = x + np.array([0.0, -np.inf, 0.0])
    graph = extract([masked.softmax().sum()])
    assert not any(n.first_nan for n in graph.nodes)
    assert [n.value.nonfinite for n in graph.nodes if n.op == "add"] == [1]


def test_an_array_that_an_op_reads_twice_is_kept_once():
    x = leaf(np.ones(3), "x")
    assert extract([(x * x).sum()]).nodes[1].memory == cost(lambda x: x * x, x).saved_bytes == 24


def test_what_goes_back_from_several_outputs_adds_up():
    x = leaf(2.0, "x")
    h = x * 2
    for outputs in ([h * 3, h * 0], [h * 0, h * 3]):
        graph = extract(outputs)
        flows = {e.flow for e in graph.edges if e.source == by_name(graph)["x"].id}
        assert flows == {6.0}


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_nan_of_a_gradient_is_kept_whichever_output_it_comes_from(order):
    s = leaf(0.0, "x").sqrt()
    graph = extract([s * 0, s * 1][::order])
    assert [n.op for n in graph.nodes if n.first_nan == "grad"] == ["sqrt"]


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-160, 1.0, 1e160, 1e300])
def test_the_moments_of_tiny_and_huge_numbers_are_neither_0_nor_infinite(scale):
    values = np.array([3.0, -4.0, 0.0, 1.0])
    told, plain = summarise(values * scale), summarise(values)
    loose = 1e-3 if scale == 1e-320 else 1e-12
    for name in ("mean", "std", "low", "high", "norm"):
        assert getattr(told, name) / scale == pytest.approx(getattr(plain, name), rel=loose)
    zero = summarise(np.zeros(3))
    assert (zero.norm, zero.std) == (0, 0)


def test_a_gradient_that_has_almost_vanished_is_not_said_to_be_0():
    h = leaf([1.0, 2.0], "w")
    for _ in range(275):
        h = h.sigmoid()
    node = by_name(extract([h.sum()]))["w"]
    assert node.grad_state == "value"
    assert 0 < node.grad.norm < 1e-170


def test_of_a_result_without_a_graph_it_is_said_why_there_is_none():
    assert extract([Tensor(3.0) * 2]).notes == (
        "nothing was recorded: no input requires grad, or it ran under no_grad",
    )
    assert extract([Tensor(3.0, requires_grad=True)]).notes == ()
