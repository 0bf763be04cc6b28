"""Colours and widths: amounts on a log scale."""

import numpy as np
import pytest

import viz
from autograd import Tensor
from tests.leaf import leaf
from viz.scale import Scale, scale_of


def light(color):
    return sum(int(color[i : i + 2], 16) for i in (1, 3, 5))


def test_places_are_even_over_decades():
    scale = Scale(1e-4, 1.0)
    assert [scale(x) for x in (0, 1e-9, 1e-4, 1e-2, 1.0, 7.0)] == pytest.approx(
        [0, 0, 0, 0.5, 1, 1]
    )
    assert scale(float("nan")) == 0
    assert Scale(2.0, 2.0)(1.0) == 0
    assert Scale(2.0, 2.0)(2.0) == 1  # the largest there is


def test_a_scale_spans_the_positive_amounts_from_one_decade_to_six():
    assert scale_of([0, 1e-2, 10, float("inf"), float("nan")]) == Scale(1e-2, 10)
    assert scale_of([10, 9]) == Scale(1, 10)
    assert scale_of([1e-30, 1]) == Scale(1e-6, 1)
    assert scale_of([0.0]) is None


def test_vanishing_gradients_grow_lighter_towards_the_input():
    x = leaf(0.5, "x")
    y = x
    for _ in range(20):
        y = y.sigmoid()
    figure = viz.draw(y, color="grad", form="compact").figure
    shades = [light(box.fill) for box in figure.boxes if box.style != "constant"]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) > 10
    widths = [arrow.width for arrow in figure.arrows]
    assert widths == sorted(widths)
    assert any(note.startswith("colour: |grad| from") for note in figure.notes)


def test_the_identity_path_of_a_residual_block_is_wide():
    x, w = leaf(np.ones(4), "x"), leaf(np.full(4, 1e-3), "w")
    y = (x + (x * w).tanh()).sum()
    figure = viz.draw(y, color="grad", form="compact").figure
    box = {b.id: b for b in figure.boxes}
    names = {
        (box[a.source].lines[0].text, box[a.target].lines[0].text): a.width for a in figure.arrows
    }
    assert names["x", "+"] > 3 * names["x", "\u00d7"]


def test_colour_by_value_and_memory():
    x = leaf(np.full(100, 3.0), "x")
    y = (x.exp() + 1).sum()
    by_value = viz.draw(y, color="value", form="compact").figure
    assert len({box.fill for box in by_value.boxes}) > 2
    assert "|value|" in " ".join(by_value.notes)
    by_memory = viz.draw(y, color="memory", form="compact", show=("op", "memory", "flops")).figure
    assert " ".join(by_memory.notes) == (
        "colour: bytes kept for the backward pass from 80 or less (light) to 800 (dark), on a log "
        "scale"
    )
    exp = next(box for box in by_memory.boxes if box.lines and box.lines[0].text == "exp")
    assert exp.fill == "#8cc4ec"
    assert [line.text for line in exp.lines[1:]] == ["1,000 FLOPs", "keeps 800 bytes"]
    assert 'fill="#8cc4ec"' in viz.draw(y, color="memory", form="compact").svg()


def test_without_gradients_nothing_is_shaded_by_them():
    figure = viz.draw(Tensor(2.0) * 3, color="grad").figure
    assert all(box.fill is None for box in figure.boxes)
    assert not any("colour" in note for note in figure.notes)


def test_an_unknown_colour_is_refused():
    with pytest.raises(ValueError, match="color is 'red'; choose of kind, grad, value, memory"):
        viz.draw(leaf(1.0) * 2, color="red")
