"""The picture for other tools: Mermaid and JSON."""

import json
import re

import numpy as np
import pytest

import viz
from autograd import Tensor, scope
from tests.leaf import leaf
from tests.test_viz_view import HOSTILE, programs


@pytest.mark.parametrize("name", programs())
def test_mermaid_has_the_boxes_the_arrows_and_the_frames_of_the_figure(name):
    view = viz.draw(programs()[name])
    lines = [line.strip() for line in view.mermaid().splitlines()]
    figure = view.figure
    assert lines[0] == "flowchart LR"
    assert [f"{a.source} --> {a.target}" for a in figure.arrows] == [x for x in lines if "-->" in x]
    boxes = [m.group(1) for m in map(re.compile(r"(\w+)[\[(]+\"").match, lines) if m]
    assert sorted(boxes) == sorted(box.id for box in figure.boxes)
    assert sum(x.startswith("subgraph ") for x in lines) == lines.count("end")
    assert lines.count("end") == len(figure.frames)


def test_mermaid_of_a_neuron_is_as_expected():
    x = leaf(2.0, "x")
    assert viz.draw(x.tanh(), form="compact").mermaid().splitlines()[:4] == [
        "flowchart LR",
        '  n0["x<br>value 2<br>grad 0.07065"]',
        '  n1("tanh<br>value 0.964<br>grad 1")',
        "  n0 --> n1",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_in_mermaid_names_are_data(name):
    with scope(name):
        y = leaf(1.0, name) * leaf(2.0, "1. x")
    text = viz.draw(y, form="compact").mermaid()
    for line in text.splitlines():
        assert line.count('"') in (0, 2)
        inside = line.partition('"')[2].rpartition('"')[0].replace("<br>", "")
        assert not set(inside) & set("<>&\"`'{}[]\\~%$@^:*!")
        assert re.fullmatch(r"(?:[^#;]|#\d+;)*", inside)
    assert "1#46; x" in text


def test_json_is_all_of_the_graph_and_has_standard_numbers_only():
    x = leaf(np.array([1.0, np.nan]), "x")
    view = viz.draw((x * 2).sum(), depth=0)

    def refuse(word):
        raise AssertionError(word)

    data = json.loads(view.json(), parse_constant=refuse)
    assert data["format"] == "gradwalk graph"
    assert [n["op"] or n["kind"] for n in data["nodes"]] == ["leaf", "constant", "mul", "sum"]
    assert data["nodes"][0]["value"]["nonfinite"] == 1
    assert data["nodes"][3]["value"]["item"] == "nan"
    assert [(e["source"], e["target"], e["slot"]) for e in data["edges"]] == [
        *(("n0", "n2", 0), ("n1", "n2", 1), ("n2", "n3", 0))
    ]
    assert len(data["passes"]) == 2


def test_json_of_what_has_no_gradient():
    assert json.loads(viz.draw(Tensor([1, 2])).json())["nodes"][0]["grad"] is None
