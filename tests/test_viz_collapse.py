"""Big graphs: by call, by folding, by hiding the middle; always acyclic, nothing lost."""

import contextlib
import random

import numpy as np
import pytest

from autograd import Tensor, scope
from tests.leaf import leaf
from viz.collapse import collapse
from viz.graph import extract


def chain(length, step=lambda y: y.sin()):
    y = leaf(0.5, "x")
    for _ in range(length):
        y = step(y)
    return extract([y])


def perceptron(samples, *, scopes=True):
    """The summed loss of a network of scalars, called once for each sample."""
    call = scope if scopes else lambda name: contextlib.nullcontext()
    rng = np.random.default_rng(0)
    hidden = [[leaf(v) for v in row] for row in rng.normal(size=(4, 3))]
    out = [leaf(v) for v in rng.normal(size=4)]
    total = 0.0
    for row in rng.normal(size=(samples, 3)):
        with call("hidden"):
            h = [sum((w * v for w, v in zip(ws, row, strict=True)), 0.0).tanh() for ws in hidden]
        with call("out"):
            y = sum((w * v for w, v in zip(out, h, strict=True)), 0.0)
        total = total + (y - 1.0) ** 2
    return extract([total])


def blocks(n):
    h = Tensor(np.ones((2, 3)), name="x")
    with scope("model"):
        for i in range(n):
            with scope(f"block{i}"):
                with scope("linear"):
                    u = h @ leaf(np.ones((3, 3)), "w") + leaf(np.ones(3), "b")
                h = h + u.tanh() * 0.5
    return extract([(h * h).mean()])


def recurrent(steps):
    w, h = leaf(np.ones((3, 3)), "w"), Tensor(np.zeros(3))
    for _ in range(steps):
        with scope("cell"):
            h = (w @ h + 1.0).tanh()
    return extract([h.sum()])


def is_ordered(graph):
    """Whether every edge goes forward in the order of nodes: then there is no cycle."""
    order = {node.id: i for i, node in enumerate(graph.nodes)}
    assert len(order) == len(graph.nodes)
    return all(order[e.source] < order[e.target] for e in graph.edges)


def totals(graph):
    return sum(n.ops for n in graph.nodes), sum(n.leaves for n in graph.nodes)


def test_a_small_graph_stays_as_it_is():
    graph = blocks(2)
    assert collapse(graph) == graph


def test_a_2_16_path_diamond_has_one_node_for_each_value():
    graph = chain(16, lambda y: y + y)
    assert len(graph.nodes) == 17
    assert collapse(graph) == graph


@pytest.mark.parametrize(
    ("depth", "shown"),
    [(0, {"x": 1, "model": 1}), (1, {"x": 1, "block0": 1, "block1": 1}), (2, {"linear": 2})],
)
def test_depth_says_how_many_levels_of_calls_stay_open(depth, shown):
    small = collapse(blocks(2), depth=depth)
    names = [n.name for n in small.nodes]
    assert {name: names.count(name) for name in shown} == shown
    assert totals(small) == totals(blocks(2))
    assert is_ordered(small)


def test_a_closed_call_shows_its_result_and_counts_what_is_inside():
    graph = blocks(2)
    (call,) = (n for n in collapse(graph, depth=0).nodes if n.kind == "call")
    assert (call.ops, call.leaves, call.value.shape) == (10, 6, (2, 3))
    assert call.grad_state == "value"
    note = "10 ops shown as 1 call; depth=1 shows 5 nodes"
    assert collapse(graph, depth=0).notes == (note,)


def test_edges_into_a_call_are_counted():
    x = leaf(2.0, "x")
    with scope("cube"):
        y = x * x * x
    z = y * y
    small = collapse(extract([z]), depth=0)
    assert [(e.source, e.target, e.copies) for e in small.edges] == [("c0", "n3", 2)]


def test_auto_is_the_deepest_level_that_fits():
    graph = blocks(30)
    levels = [len(collapse(graph, depth=d).nodes) for d in (0, 1, 2, None)]
    assert levels == sorted(levels)
    for fits in levels[1:]:
        assert len(collapse(graph, max_nodes=fits).nodes) == fits


@pytest.mark.parametrize("boxes_per_op", [1, 2])
@pytest.mark.parametrize(
    "graph",
    [
        *(chain(20_000), chain(3_000, lambda y: y * 1.001), chain(1_000, lambda y: y.sin() + y)),
        *(perceptron(100), perceptron(100, scopes=False), blocks(200), recurrent(200)),
    ],
    ids=["chain", "constants", "diamonds", "calls", "scalars", "blocks", "recurrent"],
)
def test_big_graphs_stay_under_the_limit_acyclic_and_whole(graph, boxes_per_op):
    small = collapse(graph, boxes_per_op=boxes_per_op)
    boxes = sum(boxes_per_op if n.kind == "op" else 1 for n in small.nodes)
    assert 2 < boxes <= 400
    assert is_ordered(small)
    assert totals(small) == totals(graph)
    assert any(n.output for n in small.nodes)
    assert len(small.notes) > len(graph.notes)


def test_the_middle_of_a_chain_is_hidden_and_counted():
    small = collapse(chain(20_000), max_nodes=12)
    assert [n.kind for n in small.nodes] == ["leaf", *["op"] * 4, "hidden", *["op"] * 5]
    (hidden,) = (n for n in small.nodes if n.kind == "hidden")
    assert hidden.ops == 19_991
    assert small.notes == ("19,991 ops hidden; max_nodes=12 sets how much is shown",)


def test_operands_that_do_not_fit_are_hidden_apart():
    total = np.concatenate([leaf(np.ones(1)) for _ in range(100)]).sum()
    small = collapse(extract([total]), max_nodes=20)
    (hidden,) = (n for n in small.nodes if n.kind == "hidden")
    assert (hidden.ops, hidden.leaves) == (0, 84)
    assert is_ordered(small)


def test_samples_are_folded_into_one_call_and_their_sum_into_one_op():
    small = collapse(perceptron(100))
    calls = {n.name: n for n in small.nodes if n.kind == "call"}
    assert {name: n.repeats for name, n in calls.items()} == {"hidden": 100, "out": 100}
    (total,) = (n for n in small.nodes if n.output)
    assert (total.op, total.repeats, total.ops) == ("add", 100, 100)
    assert total.value.item == perceptron(100).nodes[-1].value.item


def test_of_ops_of_a_kind_the_share_that_blocks_the_gradient_is_told():
    for blocked in (0, 10, 40):
        x = leaf(1.0, "x")
        parts = [(x * (-1.0 if i < blocked else 1.0)).relu() for i in range(40)]
        (relu,) = (n for n in collapse(extract([sum(parts)]), max_nodes=30).nodes if n.op == "relu")
        assert (relu.repeats, relu.blocked) == (40, blocked / 40)


def test_a_stack_of_blocks_is_folded_where_it_does_not_fit():
    graph = blocks(64)
    assert len([n for n in collapse(graph, depth=1).nodes if n.kind == "call"]) == 64
    small = collapse(graph, depth=1, max_nodes=20)
    (stack,) = (n for n in small.nodes if n.repeats > 1)
    assert (stack.name, stack.repeats, stack.ops) == ("block0 to 63", 64, 64 * 5)
    assert totals(small) == totals(graph)
    assert is_ordered(small)
    last = next(n for n in reversed(collapse(graph, depth=1).nodes) if n.kind == "call")
    assert stack.value == last.value


def test_a_block_that_is_read_elsewhere_ends_the_stack():
    h = leaf(np.ones(3), "x")
    kept = []
    for i in range(20):
        with scope(f"block{i}"):
            h = h.tanh() + 1.0
        kept.append(h)
    graph = extract([(h * kept[9]).sum()])
    small = collapse(graph, depth=0, max_nodes=8)
    assert [n.name for n in small.nodes if n.repeats > 1] == [*("block0 to 9", "block10 to 19")]
    assert is_ordered(small)


def test_a_weight_used_in_many_steps_does_not_make_edges_too_long_to_lay_out():
    assert [n.repeats for n in collapse(recurrent(200)).nodes if n.kind == "call"] == [200]
    small = collapse(recurrent(200), depth=None)
    (hidden,) = (n for n in small.nodes if n.kind == "hidden")
    assert hidden.ops > 400
    assert len([n for n in small.nodes if n.kind != "hidden"]) > 20


def test_nesting_may_be_deep():
    y = leaf(0.5, "x")
    with contextlib.ExitStack() as stack:
        for i in range(2000):
            stack.enter_context(scope(f"level{i}"))
            y = y.sin()
    small = collapse(extract([y]))
    assert totals(small) == (2000, 1)
    assert 2 < len(small.nodes) <= 400


@pytest.mark.parametrize("seed", range(150))
def test_any_program_collapses_without_a_cycle(seed):
    """Random ops in random scopes, at random limits."""
    rng = random.Random(seed)
    values = [leaf(0.5), leaf(0.25), Tensor(2.0)]
    scopes = contextlib.ExitStack()
    for _ in range(rng.randint(1, 40)):
        action = rng.choice(["enter", "leave", "op", "op", "op"])
        if action == "enter":
            scopes.enter_context(scope(rng.choice("ab")))
        elif action == "leave":
            scopes.close()
        else:
            x, y = rng.choice(values), rng.choice(values)
            values.append(rng.choice([x + y, x * y, x - y]))
    scopes.close()
    graph = extract(values[-1:])
    limit = rng.randint(5, 20)
    small = collapse(graph, depth=rng.choice(["auto", None, 0, 1, 2]), max_nodes=limit)
    assert len(small.nodes) <= limit
    assert totals(small) == totals(graph)
    assert is_ordered(small)
