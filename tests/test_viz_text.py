"""The tree of text."""

import numpy as np

import viz
from autograd import scope
from tests.leaf import leaf

TIMES = "\u00d7"


def expression():
    a, b, c, f = leaf(2.0, "a"), leaf(-3.0, "b"), leaf(10.0, "c"), leaf(-2.0, "f")
    d = a * b + c
    d.name = "d"
    out = d * f
    out.name = "L"
    return out


def test_the_tree_shows_names_ops_values_and_gradients():
    assert viz.to_text(expression()).splitlines() == [
        f"L = {TIMES}  value -8  grad 1",
        "├─ d = +  value 4  grad -2",
        f"│  ├─ {TIMES}  value -6  grad -2",
        "│  │  ├─ a  value 2  grad 6",
        "│  │  └─ b  value -3  grad -4",
        "│  └─ c  value 10  grad -2",
        "└─ f  value -2  grad 4",
    ]


def test_ascii_has_ascii_only():
    text = viz.draw(expression() + leaf(0.0, "Δ")).text(ascii=True)
    assert text.isascii()
    assert "`- \\u0394" in text
    assert "L = x  value -8" in text


def test_a_shared_value_is_written_out_once():
    x = leaf(3.0, "x")
    y = x.sin()
    assert viz.to_text(y * y + x).splitlines() == [
        "+  value 3.02  grad 1",
        f"├─ {TIMES}  value 0.01991  grad 1",
        "│  ├─ sin  value 0.1411  grad 0.2822  [1]",
        "│  │  └─ x  value 3  grad 0.7206  [2]",
        "│  └─ sin  [1] above",
        "└─ x  [2] above",
    ]


def test_a_title_stands_under_the_tree_and_in_the_picture_without_a_layout_engine():
    x, y = leaf(3.0, "x"), leaf(1.0)
    view = viz.draw([x * 2, y], title="two\nlines")
    assert view.text().splitlines()[-2:] == ["two lines", "gradients of the sum of 2 outputs"]
    assert ">two lines</text>" in viz.draw(x, title="two lines", backend="text").svg()


def test_several_outputs_stand_below_each_other():
    x = leaf(3.0, "x")
    lines = viz.to_text([x * 2, x + 1]).splitlines()
    assert [line[0] for line in lines] == [TIMES, "├", "└", "+", "├", "└", "g"]


def test_show_leaves_out_what_is_not_asked_for():
    view = viz.draw(expression(), show=["name", "grad"])
    assert view.text(ascii=False).splitlines()[:3] == [
        "L  grad 1",
        "├─ d  grad -2",
        "│  ├─ grad -2",
    ]


def test_arrays_and_parameters_are_summarised():
    x = leaf(np.array([[1.0, 3.0], [np.nan, 5.0]]), "x")
    text = viz.to_text((x.sum(axis=0) * np.array([1, 2])).sum())
    assert "sum (axis=0)  (2,)" in text
    assert "x  (2, 2)  1 not finite  rest: mean 3 std 1.63  |grad| 3.162" in text
    assert "constant  (2,)  int64 from 1 to 2" in text
    about = viz.draw(x.sum()).figure.boxes[0].about
    assert "float64, 1 not finite, of the rest mean 3, std 1.633" in about


def test_a_deep_chain_is_neither_recursion_nor_a_triangle_of_spaces():
    y = leaf(0.5, "x")
    for _ in range(20_000):
        y = y.sin()
    text = viz.to_text(y)
    assert len(text) < 100_000
    assert "(398) x  value 0.5" in text


def test_a_closed_call_tells_what_it_stands_for():
    x = leaf(3.0, "x")
    with scope("square"):
        y = x * x
    assert "square: 1 op, 1 leaf  value 9  grad 2" in viz.draw(y * 2, depth=0).text()


def test_the_printed_view_is_the_tree_and_not_too_long():
    view = viz.draw(expression())
    assert repr(view) == view.text()
    y = leaf(0.5, "x")
    for _ in range(100):
        y = y.sin()
    lines = repr(viz.draw(y)).splitlines()
    assert len(lines) == 61
    assert lines[-1] == "(41 lines more; print(view.text()) shows them)"


def test_the_tree_is_ascii_where_standard_output_is(monkeypatch):
    class Stream:
        encoding = "cp1252"

    monkeypatch.setattr("sys.stdout", Stream())
    assert viz.draw(expression()).text().isascii()
