"""What changed from one graph to another, and the graph of the backward pass."""

import random

import numpy as np
import pytest

import nn
import viz
from autograd import Tensor, scope
from nn import functional as F
from nn import optim
from tests.leaf import leaf
from tests.test_viz_collapse import is_ordered
from viz.compare import distance
from viz.graph import summarise


def training():
    rng = np.random.default_rng(0)
    model = nn.MLP([4, 8, 3], rng=0, dtype=np.float64)
    x, y = Tensor(rng.standard_normal((5, 4))), Tensor(rng.integers(0, 3, 5))
    return model, lambda: F.cross_entropy(model(x), y)


def test_a_step_of_an_optimiser_shows_how_far_each_weight_moved():
    model, loss = training()
    params = dict(model.named_parameters())
    old = {name: p.numpy().copy() for name, p in params.items()}
    out = loss()
    before = viz.draw(out, params=params)
    out.backward()
    optim.SGD(model.parameters(), lr=0.1).step()
    view = before.diff(viz.draw(loss(), params=params))
    lines = {box.lines[0].text: [line.text for line in box.lines] for box in view.figure.boxes}
    for name, p in params.items():
        moved = np.linalg.norm(p.numpy() - old[name])
        norm = np.linalg.norm(old[name])
        share = f" ({100 * moved / norm:.2g}% of the norm)" if norm else ""
        assert f"moved by {moved:.4g}{share}" in lines[name]
    assert view.figure.notes[0] == "8 of 10 values changed; 7 gradients changed"
    assert "value 0.9154 \u2192" in view.text(ascii=False)
    shade = {box.lines[0].text: box.fill for box in view.figure.boxes}
    assert len({shade[name] for name in params}) > 1
    assert view.svg().count('class="node"') == len(view.figure.boxes)


def test_what_did_not_change_is_as_it_was():
    x = leaf(np.arange(3.0), "x")
    y = (x * x).sum()
    view = viz.draw(y).diff(viz.draw(y))
    assert view.figure.notes[0] == "0 of 3 values changed"
    assert "\u2192" not in view.text(ascii=False)
    assert "moved" not in view.text()
    assert view.figure.boxes[0].fill in (None, "#ffffff", "#f7fafd")


@pytest.mark.parametrize("value", [[0, -np.inf, np.nan, 2], [-np.inf], np.inf, np.nan])
def test_what_is_not_finite_did_not_change_if_it_is_the_same(value):
    def view():
        return viz.draw(leaf(np.array(value), "x") + 1)

    assert "0 of 3 values changed" in view().diff(view()).figure.notes


def test_a_change_beside_what_is_not_finite_is_measured():
    before, after = (viz.draw(leaf([x, -np.inf, np.nan], "x") * 1) for x in (3.0, 4.0))
    view = before.diff(after)
    assert "2 of 3 values changed" in view.figure.notes
    assert view.text().count("moved by 1 (33% of the norm)") == 2


@pytest.mark.parametrize(("step", "share"), [(0.1, "10%"), (0.996, "99.6%"), (1.184, "118.4%")])
def test_a_share_of_the_norm_is_a_plain_number(step, share):
    before, after = (viz.draw(leaf([3.0, 4.0 * x], "x") * 1) for x in (1, 1 + 1.25 * step))
    assert f"moved by {5 * step:.4g} ({share} of the norm)" in before.diff(after).text()


def test_values_and_gradients_that_changed_are_counted_apart():
    x, w = leaf(2.0, "x"), leaf(3.0, "w")
    before = viz.draw(x * w)
    w.data = w.data + 1  # the gradient of x is w
    assert before.diff(viz.draw(x * w)).figure.notes[0] == (
        "2 of 3 values changed; 1 gradient changed"
    )


def test_what_is_new_and_what_is_gone_is_drawn_and_said():
    x = leaf(0.5, "x")
    with scope("f"):
        one = (x * 2).tanh()
    with scope("f"):
        other = (x * 2).sigmoid() + x
    view = viz.draw(one).diff(viz.draw(other))
    fates = {n.op: n.fate for n in view.graph.nodes if n.op}
    assert fates == {"mul": "changed", "tanh": "removed", "sigmoid": "added", "add": "added"}
    assert is_ordered(view.graph)
    tanh = next(n for n in view.graph.nodes if n.op == "tanh")
    assert [(e.source, e.target) for e in view.graph.edges if e.target == tanh.id] == [
        ("n2", "rn3")
    ]
    assert view.graph.calls[tanh.call].label == "f"
    text = view.text()
    assert text.count("  new") == 2
    assert text.count("  gone") == 1
    assert {box.mark for box in view.figure.boxes} == {"", "added", "removed"}
    assert "2 added; 1 removed" in view.figure.notes[0]


def test_large_arrays_are_compared_by_a_sample_and_say_so():
    rng = np.random.default_rng(0)
    w = leaf(rng.standard_normal(100_000), "w")
    before = viz.draw((w * w).sum())
    delta = rng.standard_normal(100_000) * 0.01
    w.data = w.data + delta
    view = before.diff(viz.draw((w * w).sum()))
    (line,) = (x.text for x in view.figure.boxes[0].lines if "moved" in x.text)
    assert "\u2248" in line
    assert float(line.split()[3]) == pytest.approx(np.linalg.norm(delta), rel=0.1)


@pytest.mark.parametrize(("shape", "moved"), [((512, 10), 7), ((1024, 64), 3), ((10_000, 16), 5)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_large_array_of_which_a_part_moved_has_moved_as_far_as_it_did(shape, moved, axis):
    w = np.random.default_rng(0).standard_normal(shape)
    w[0, 0], w[0, 1] = np.inf, np.nan
    before = summarise(w)
    delta = np.zeros(shape)
    at = (slice(None), moved) if axis else (moved, slice(None))
    delta[at] = 0.01
    assert distance(before, summarise(w + delta)) == pytest.approx(np.linalg.norm(delta), rel=0.15)
    assert distance(before, summarise(w.copy())) == 0
    w[2, 2] = np.nan
    assert np.isnan(distance(before, summarise(w)))


def test_a_closed_call_tells_whether_anything_in_it_changed():
    x = leaf(0.5, "x")

    def program(factor):
        with scope("f"):
            y = x * factor
        with scope("g"):
            z = x * 3
        return y + z

    view = viz.draw(program(2.0), depth=0).diff(viz.draw(program(4.0)))
    fates = {n.name: n.fate for n in view.visible.nodes if n.kind == "call"}
    assert fates == {"f": "changed", "g": "same"}


# The backward pass as a graph.


def test_the_backward_graph_holds_the_gradients():
    model, loss = training()
    out = loss()
    view = viz.draw(out, params=dict(model.named_parameters())).backward()
    out.backward()
    nodes = {n.name: n for n in view.graph.nodes}
    for name, p in model.named_parameters():
        node = nodes[f"dL/d{name}"]
        assert node.output
        assert node.value.norm == pytest.approx(np.linalg.norm(p.grad.data))
    assert nodes["dL/dL"].kind == "leaf"
    assert is_ordered(view.graph)
    assert len(view.svg()) > 1000


def test_contributions_of_several_uses_meet_in_a_sum():
    x = leaf(3.0, "x")
    view = viz.draw(x * x + x.exp()).backward()
    (total,) = (n for n in view.graph.nodes if n.name == "dL/dx")
    parts = [e.source for e in view.graph.edges if e.target == total.id]
    values = [n.value.item for n in view.graph.nodes if n.id in parts]
    assert total.op == "add"
    assert sorted(values) == pytest.approx([3, 3, np.exp(3)])
    assert total.value.item == pytest.approx(sum(values))


def test_an_output_that_is_used_again_gets_its_seed_too():
    x = leaf(2.0, "x")
    y = x * 3
    y.name = "y"
    view = viz.draw([y, y * y]).backward()
    named = {n.name: n for n in view.graph.nodes if n.name}
    assert named["seed"].value.item == 1
    assert next(n for n in view.graph.nodes if n.name.endswith("/dy")).value.item == 13
    assert next(n for n in view.graph.nodes if n.name.endswith("/dx")).value.item == 39
    assert is_ordered(view.graph)


def test_gradients_of_several_outputs_are_not_called_those_of_one():
    x = leaf(np.array([1.0, 2.0]), "x")
    a, b = (x * 2).sum(), (x * x).sum()
    a.name, b.name = "a", "b"
    view = viz.draw([a, b, a * b, Tensor(1.0, name="c")]).backward()
    named = {n.name for n in view.graph.nodes if n.name}
    assert named == {"seed", "dL/dx", "dL/da", "dL/db"}  # a * b has no name
    assert view.graph.notes[0] == "gradients of the sum of 3 outputs"
    one = viz.draw([b, Tensor(1.0, name="c")]).backward()
    assert {n.name for n in one.graph.nodes if n.name} == {"db/dx", "db/db"}


def nested(rng, made, depth=0):
    """Append to `made` what a few ops make of it, some of them in calls within calls."""
    for _ in range(rng.randrange(1, 4)):
        if depth < 4 and rng.random() < 0.4:
            with scope("f"):
                nested(rng, made, depth + 1)
        else:
            made.append(rng.choice(made) * rng.choice(made) + rng.choice((1.0, leaf(2.0))))


def test_in_the_backward_graph_a_rule_blocks_or_makes_nan_not_the_gradient_it_gets():
    x = leaf([-1.0, -2.0], "x")
    h = (x * 2).relu()
    h.name = "h"
    text = viz.draw(h.sum()).backward().text(ascii=False)
    assert "relu\u2032  (2,)  mean 0 std 0  blocks the gradient" in text
    assert text.count("blocks") == 1
    x, w = leaf([1.0, -1.0], "x"), leaf([1.0, 2.0], "w")
    with np.errstate(invalid="ignore"):
        text = viz.draw((x.log() * w).sum()).backward().text(ascii=False)
    (made,) = (line for line in text.splitlines() if "first NaN" in line)
    assert made.startswith("dL/dw = \u00d7\u2032")
    assert "here" in made


def test_the_backward_graph_of_calls_in_calls_is_ordered_at_every_depth():
    for seed in range(100):
        rng = random.Random(seed)
        made = [leaf(0.5, "x"), leaf(0.25, "y")]
        with scope("model"):
            nested(rng, made)
        view = viz.draw(made[-1] + sum(made[2:])).backward()
        for depth in (*range(6), None, "auto"):
            closed = view.collapse(depth)
            assert is_ordered(closed.visible)
            assert closed.text()


def test_the_backward_graph_of_fused_ops_closes_too():
    block = nn.TransformerBlock(8, 2, rng=0)
    view = viz.draw(block(np.ones((1, 3, 8))).sum(), expand_fused=True).backward()
    for depth in (0, 1, 2, "auto"):
        assert is_ordered(view.collapse(depth).visible)


def test_a_rule_stands_in_the_frame_of_the_op_it_belongs_to():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.ReLU(), nn.Linear(2, 1, rng=0))
    params = dict(model.named_parameters())
    view = viz.draw(model(Tensor(np.ones((1, 2)))).sum(), params=params).backward()
    labels = {frame.id: frame.label for frame in view.figure.frames}
    rules = [
        (box.lines[0].text, labels.get(box.frame))
        for box in view.figure.boxes
        if box.style.startswith("op ")
    ]
    assert rules == [
        ("sum\u2032", None),
        *[("linear\u2032", "2: Linear")] * 3,
        ("relu\u2032", "1: ReLU"),
        *[("linear\u2032", "0: Linear")] * 2,
    ]
    assert "Sequential: 6 ops\n" in view.collapse(0).text(ascii=True)  # without that of the loss


def test_the_caption_says_what_applies_a_rule_and_the_description_is_in_sentences():
    x = leaf(3.0, "x")
    figure = viz.draw((x * x).exp()).backward().figure
    what = "the backward pass: a box holds a gradient, made by the rule op\u2032 of an op"
    assert " ".join(figure.notes) == what
    assert figure.about.endswith(f". T{what[1:]}.")


def test_a_part_without_the_output_has_no_backward_pass_but_the_pass_has_parts():
    w = leaf(2.0, "w")
    view = viz.draw((w * 3).exp().tanh())
    with pytest.raises(ValueError, match=r"this part .* has none; .*backward\(\).focus\('dL/dw'\)"):
        view.focus("w", hops=1).backward()
    assert len(view.backward().focus("dL/dw", hops=1).graph.nodes) == 2


def test_a_part_in_which_only_some_of_a_gradient_comes_about_has_no_steps():
    x = leaf(1.0, "x")
    y = x * x + x.exp()
    view = viz.draw(y)
    part = view.focus("exp", hops=1)  # without x * x, which gives x the most of its gradient
    assert part.graph.passes == ()
    with pytest.raises(ValueError, match=r"only some of a gradient .*backward\(\).focus"):
        part.backward()
    assert len(view.focus("exp", hops=3).graph.passes) == 3
    h = x * 2
    part = viz.draw(h.exp() + 1).focus("+", hops=1)
    assert [len(p.pulls) for p in part.graph.passes] == [1, 0]


def test_without_steps_there_is_no_backward_graph():
    with pytest.raises(ValueError, match="there are no steps to draw"):
        viz.draw(Tensor([1.0, 2.0]) * 2).backward()
    y = Tensor(2.0, requires_grad=True) * 3
    y.backward(retain_graph=False)
    with pytest.raises(ValueError, match=r"freed by backward\(retain_graph=False\)"):
        viz.draw(y).backward()
