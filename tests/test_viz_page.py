"""The stepping page: as a file, and driven in a browser as a reader would."""

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

import nn
import viz
from autograd import Tensor, scope
from nn import functional as F
from tests.leaf import leaf
from tests.test_viz_view import HOSTILE
from viz.page import in_frame

OUT = Path(__file__).parent.parent / "out"


def neuron():
    x, w, b = leaf(2.0, "x"), leaf(-3.0, "w"), leaf(6.8813735870195432, "b")
    return viz.draw((x * w + b).tanh(), title="a neuron"), [x, w, b]


def mlp():
    rng = np.random.default_rng(0)
    model = nn.MLP([4, 8, 3], rng=0)
    x = Tensor(rng.standard_normal((5, 4)).astype(np.float32))
    loss = F.cross_entropy(model(x), Tensor(rng.integers(0, 3, 5)))
    return viz.draw(loss, params=dict(model.named_parameters())), model


def block():
    rng = np.random.default_rng(0)
    model = nn.TransformerBlock(16, 2, rng=0)
    x = Tensor(rng.standard_normal((2, 5, 16)).astype(np.float32), name="x")
    loss = (model(x) ** 2).mean()
    return viz.draw(loss, params=dict(model.named_parameters())), model, loss


PAGES = {"neuron": neuron, "mlp": mlp, "block": block}


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))


# The file.


def test_the_steps_end_at_the_gradients_of_backward():
    view, _ = neuron()
    x = leaf(3.0, "x")
    y = x * x + x
    data = data_of(viz.draw(y).html())
    assert [step["op"] for step in data["steps"]] == ["add (+)", "mul (\u00d7)"]
    y.backward()
    x_id = next(key for key, name in data["names"].items() if name == "x")
    last = [p for step in data["steps"] for p in step["parts"] if p["source"] == x_id][-1]
    assert last["total"] == "7" == f"{x.grad.item():g}"
    assert len(data_of(view.html())["steps"]) == 3


def test_several_outputs_step_to_the_gradients_of_their_sum():
    x = leaf(3.0, "x")
    y = x * x
    z = y * 2
    for outputs in ([y, z], [z, y]):
        data = data_of(viz.draw(outputs).html())
        totals = {p["source"]: p["total"] for step in data["steps"] for p in step["parts"]}
        assert totals["n0"] == "18"


def test_the_policy_admits_the_script_and_the_style_and_nothing_else():
    page = neuron()[0].html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r'(src|href)="|url\(|@import', page.replace("-src ", ""))
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_data(name):
    with scope(name):
        x = leaf(2.0, name)
        page = viz.draw(x * x, title=name).html()
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert data_of(page)["steps"][0]["parts"][0]["total"] == "2"
    assert in_frame(page, 300).count("<") == 2


def test_the_page_is_the_same_each_time():
    assert neuron()[0].html() == neuron()[0].html()


def test_a_page_of_900_nodes_is_under_a_megabyte():
    x = leaf(1.0, "x")
    y = x
    for _ in range(300):
        y = (y * 0.999).tanh()
    page = viz.draw(y, max_nodes=1000, form="compact").html()
    assert page.count('class="node"') == 901
    assert len(page.encode()) < 1_000_000


def test_each_level_knows_where_every_node_is_drawn():
    view, _ = mlp()
    data = data_of(view.html())
    assert len(data["levels"]) == 3
    page = view.html()
    for level, svg in zip(data["levels"], re.findall(r"<svg.*?</svg>", page, re.S), strict=True):
        there = set(re.findall(r'id="gw\w+-(\w+)" class="node"', svg))
        for node in view.graph.nodes:
            assert level["drawn"].get(node.id, node.id) in there


def test_what_has_no_backward_pass_says_so():
    page = viz.draw(Tensor([1.0, 2.0]) * 2).html()
    assert data_of(page)["steps"] == []
    assert "no backward pass" in data_of(page)["nothing"]


def test_a_part_without_an_output_starts_from_what_arrives():
    x = leaf(2.0, "x")
    start = data_of(viz.draw(x.sin().exp().tanh()).focus("sin", 0).html())["start"]
    assert start.startswith("The gradient of what comes after this part of the graph has arrived.")
    assert "result of tanh" in data_of(viz.draw(x.tanh()).html())["start"]


def test_saving_and_showing(tmp_path, monkeypatch, capsys):
    view, _ = neuron()
    assert view.save(tmp_path / "neuron.html").read_text("utf-8") == view.html()
    view.show()
    assert "tanh" in capsys.readouterr().out
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    view.show(interactive=True)
    (url,) = opened
    assert Path(url.removeprefix("file://")).read_text("utf-8") == view.html()


# In the browser.


@pytest.fixture
def visit(browser, tmp_path):
    """Open HTML as a file; at the end, see that it ran in silence and asked for nothing."""
    pages = []

    def opened(html, **options):
        path = tmp_path / f"{len(pages)}.html"
        path.write_text(html, "utf-8")
        tab = browser.new_page(**{"viewport": {"width": 1200, "height": 700}, **options})
        complaints, requests = [], []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(path.as_uri())
        pages.append((tab, complaints, requests))
        return tab

    yield opened
    for tab, complaints, requests in pages:
        tab.close()
        assert complaints == []
        assert len(requests) == 1


def grads(tab):
    """The gradients that are written in the picture on show, by the name above them."""
    return tab.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".level:not([hidden]) .node")]
        .filter(g => g.querySelector("text.grad"))
        .map(g => [g.querySelector("text").textContent, g.querySelector("text.grad").textContent]))
        """
    )


@pytest.mark.parametrize("ops", [1, 80])
def test_a_picture_that_is_text_can_be_stepped_through_too(visit, ops):
    h = x = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(ops):
        h = h * x
    tab = visit(viz.draw(h, backend="text").html())
    before = tab.get_attribute(".level svg", "viewBox")
    left, top, _, _ = map(float, before.split())
    assert left <= 0
    assert top <= 0
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("End")
    assert tab.get_attribute(".level svg", "viewBox") == before
    assert tab.text_content("#count") == f"step {ops} of {ops}"


def test_stepping_forward_and_back_shows_the_gradients_as_they_arrive(visit):
    view, _ = neuron()
    tab = visit(view.html())
    assert tab.text_content("#count") == "step 0 of 3"
    assert grads(tab)["x"] == "grad: not yet"
    tab.keyboard.press("ArrowRight")
    assert "local derivative" in tab.text_content("#step")
    assert tab.locator(".node.now").count() == 2  # the op and its result
    tab.click("#next")
    tab.keyboard.press("ArrowRight")
    assert tab.text_content("#count") == "step 3 of 3"
    assert grads(tab)["x"] == "grad -1.5"
    assert tab.is_disabled("#next")
    tab.keyboard.press("ArrowLeft")
    assert grads(tab)["x"] == "grad: not yet"
    assert grads(tab)["b"] == "grad 0.5"
    tab.keyboard.press("End")
    assert grads(tab)["w"] == "grad 1"
    tab.keyboard.press("Home")
    assert tab.text_content("#count") == "step 0 of 3"


def test_formulas_are_typeset_beside_the_numbers(visit):
    tab = visit(neuron()[0].html())
    assert tab.locator("#step math").count() == 0
    tab.keyboard.press("ArrowRight")
    formulas = [m.text_content() for m in tab.locator("#step math").all()]
    assert ["".join(f.split()) for f in formulas] == ["z=tanhx", "\u2202z\u2202x=1\u2212z\u22c5z"]
    box = tab.locator("#step math").nth(1).bounding_box()
    assert box["height"] > 20  # a fraction, not a line of letters
    tab.hover(".level:not([hidden]) .node >> nth=3")
    assert tab.locator("#node math").count() == 3
    assert "dz/dx" not in tab.text_content("#node")


def test_play_runs_to_the_end_and_can_be_paused(visit):
    tab = visit(neuron()[0].html())
    tab.keyboard.press(" ")
    assert tab.text_content("#play") == "Pause"
    tab.click("#play")
    assert tab.text_content("#play") == "Play"
    paused = tab.text_content("#count")
    assert paused in ("step 1 of 3", "step 2 of 3")  # it takes one at once, the next after a while
    tab.wait_for_timeout(1200)
    assert tab.text_content("#count") == paused
    tab.click("#play")
    tab.wait_for_selector("#count >> text=step 3 of 3")
    assert tab.text_content("#play") == "Play"


def test_calls_close_and_open_and_steps_go_on_in_them(visit):
    view, model = mlp()
    tab = visit(view.html())
    shown = ".level:not([hidden]) .node"
    everything = tab.locator(shown).count()
    tab.keyboard.press("[")
    tab.keyboard.press("[")
    assert tab.locator(shown).count() < everything
    assert tab.is_disabled("#fold")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert "MLP" in tab.locator(".level:not([hidden]) .node.now").first.text_content()
    tab.keyboard.press("]")
    tab.keyboard.press("]")
    tab.keyboard.press("End")
    assert tab.locator(shown).count() == everything
    model.zero_grad()
    x = Tensor(np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32))
    rng = np.random.default_rng(0)
    rng.standard_normal((5, 4))
    F.cross_entropy(model(x), Tensor(rng.integers(0, 3, 5))).backward()
    for name, p in model.named_parameters():
        assert grads(tab)[name] == f"|grad| {np.linalg.norm(p.grad.data.astype(float)):.4g}"


def difference():
    """A step of an optimiser, and an op more."""
    x, w = Tensor([1.0, 2.0], name="x"), leaf([0.5, -0.25], "w")
    with scope("model"):
        before = viz.draw((w * x).tanh().sum())
    w.data = w.data - 0.125
    with scope("model"):
        after = viz.draw((w * x).tanh().exp().sum())
    return before.diff(after)


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda: mlp()[0], id="mlp"),
        pytest.param(lambda: block()[0], id="block"),
        pytest.param(difference, id="difference"),
        pytest.param(lambda: viz.draw(leaf([-2.0, -1.0]).relu().sum()), id="zero"),
    ],
)
def test_each_level_ends_as_the_picture_and_starts_with_the_gradient_of_the_output_alone(
    visit, view
):
    html = view().html()
    pictures = [
        sorted(re.findall(r'class="grad"[^>]*>([^<]*)<', svg))
        for svg in re.findall(r"<svg.*?</svg>", html, re.S)
    ]
    tab = visit(html)
    written = """() => [...document.querySelectorAll(".level:not([hidden]) text.grad")]
        .map(t => t.textContent).sort()"""
    for _ in pictures:
        tab.keyboard.press("[")
    for picture in pictures:
        tab.keyboard.press("Home")
        arrived = [text for text in tab.evaluate(written) if text != "grad: not yet"]
        assert len(arrived) == 1
        tab.keyboard.press("End")
        assert tab.evaluate(written) == picture
        tab.keyboard.press("]")


def test_a_closed_call_gets_its_gradient_when_its_result_does(visit):
    x = leaf(2.0, "x")
    with scope("inner"):
        y = (x * 3).tanh()
    tab = visit(viz.draw(y.exp() * 2, depth=0).html())
    texts = [grads(tab)["inner"]]
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        texts.append(grads(tab)["inner"])
    assert texts[:2] == ["grad: not yet"] * 2
    assert texts[2] == texts[3] == f"grad {2 * np.exp(np.tanh(6)):.4g}"


def test_the_numbers_of_a_node_follow_the_steps(visit):
    x = leaf(2.0, "x")
    with scope("inner"):
        y = (x * 3).tanh()
    tab = visit(viz.draw(y.exp() * x).html())
    tab.hover(".level:not([hidden]) .node >> nth=0")

    def gradient():
        return tab.locator("#node p").nth(2).text_content()

    said = [gradient()]
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
        said.append(gradient())
    e = np.exp(np.tanh(6))
    whole = e + 2 * e * (1 - np.tanh(6) ** 2) * 3
    assert said[:4] == ["grad: not yet", *[f"grad {e:.4g}"] * 3]
    assert re.fullmatch(r"grad (\S+) \(float64\)", said[4])
    assert float(said[4].split()[1]) == pytest.approx(whole)
    tab.keyboard.press("Home")
    assert gradient() == "grad: not yet"
    tab.keyboard.press("[")
    assert tab.text_content("#node") == ""
    tab.hover(".level:not([hidden]) .node text:text-is('inner')")
    assert "grad: not yet" in tab.text_content("#node")


def test_search_marks_what_is_found_and_goes_there(visit):
    tab = visit(mlp()[0].html())
    tab.keyboard.press("/")
    tab.keyboard.type("weight")
    assert tab.text_content("#hits") == "2 found"
    tab.keyboard.press("Enter")
    assert "weight" in tab.text_content("#node")
    tab.keyboard.press("Escape")
    assert tab.locator(".found").count() == 0


def test_zoom_pan_and_hover(visit):
    tab = visit(neuron()[0].html())

    def view():
        box = tab.get_attribute(".level:not([hidden]) svg", "viewBox")
        return [float(x) for x in box.split()]

    whole = view()
    tab.keyboard.press("+")
    assert view()[2] == pytest.approx(0.8 * whole[2])
    tab.mouse.move(400, 400)
    tab.mouse.wheel(0, -200)
    tab.wait_for_timeout(100)
    zoomed = view()
    assert zoomed[2] < 0.8 * whole[2]
    tab.mouse.down()
    tab.mouse.move(300, 350, steps=4)
    tab.mouse.up()
    assert view()[0] > zoomed[0]
    tab.keyboard.press("0")
    assert view() == pytest.approx(whole)
    tab.hover(".level:not([hidden]) .node >> nth=0")
    assert "value" in tab.text_content("#node")


def test_space_opens_the_text_where_it_is_in_focus(visit):
    tab = visit(neuron()[0].html())
    tab.focus("summary")
    tab.keyboard.press(" ")
    tab.wait_for_function("document.querySelector('details').open")
    assert tab.text_content("#play") == "Play"


def test_the_name_of_a_button_has_what_is_written_on_it(visit):
    for button in visit(neuron()[0].html()).locator("button").all():
        words = button.text_content().lower()
        assert not words.isalpha() or words in button.get_attribute("aria-label").lower()


@pytest.mark.parametrize("width", [1050, 1280])  # a frame in a notebook, a window
def test_the_numbers_of_a_step_are_not_cut_off(visit, width):
    tab = visit(mlp()[0].html(), viewport={"width": width, "height": 700})
    for _ in range(3):
        tab.click("#next")
        cut = "[...document.querySelectorAll('dd')].filter(d => d.scrollWidth > d.clientWidth)"
        wide = f"{cut}.map(d => d.textContent).filter(text => text.includes('...'))"
        assert tab.evaluate(wide) == []


def test_the_page_prints_dark_on_light_with_all_that_is_said_of_a_step(visit):
    tab = visit(mlp()[0].html(), color_scheme="dark", viewport={"width": 1000, "height": 500})
    tab.click("#next")
    tab.keyboard.press("d")
    tab.keyboard.press("d")  # dark by choice now
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(26, 26, 26)"
    aside = tab.locator("aside").bounding_box()
    said = tab.locator("details").bounding_box()
    assert said["y"] + said["height"] <= aside["y"] + aside["height"]
    assert tab.locator("header").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_follows_the_reader_and_can_be_switched(visit, scheme):
    tab = visit(neuron()[0].html(), color_scheme=scheme)

    def paper():
        return tab.evaluate("getComputedStyle(document.body).backgroundColor")

    before = paper()
    assert before == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 24, 29)")
    tab.keyboard.press("d")
    assert paper() != before


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)", "]]>"]
)
def test_hostile_names_are_shown_as_they_are(visit, name):
    x = leaf(2.0, name)
    tab = visit(viz.draw(x * x).html())
    tab.keyboard.press("End")
    assert name in tab.text_content("#step")
    assert name in tab.text_content(".level")


def test_two_pages_in_one_notebook_do_not_meet(visit):
    frame = in_frame(neuron()[0].html(), 300)
    tab = visit(f"<!doctype html><title>two</title><body>{frame}{frame}</body>")
    one, other = (tab.frame_locator("iframe").nth(i) for i in (0, 1))
    one.locator("#next").click()
    assert one.locator("#count").text_content() == "step 1 of 3"
    assert other.locator("#count").text_content() == "step 0 of 3"


def test_the_picture_follows_the_size_of_its_place(visit):
    """In a notebook the place gets its size late, and the window does not tell."""
    tab = visit(neuron()[0].html())
    box = ".level:not([hidden]) svg"
    before = tab.get_attribute(box, "viewBox").split()
    tab.evaluate("document.body.style.gridTemplateColumns = '400px 1fr'")
    tab.wait_for_function("picture.clientWidth === 400")
    tab.wait_for_timeout(100)
    after = tab.get_attribute(box, "viewBox").split()
    assert before != after
    tab.click("#next")
    assert tab.locator(".node.now").last.bounding_box()["x"] < 400


@pytest.mark.parametrize("what", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(420, "dark"), (1200, "light")])
def test_text_stays_in_its_box_and_arrows_meet_theirs_at_every_step(visit, what, width, scheme):
    view = PAGES[what]()[0]
    tab = visit(view.html(), viewport={"width": width, "height": 700}, color_scheme=scheme)
    OUT.mkdir(exist_ok=True)
    assert tab.evaluate(LOOSE_ARROWS) == []
    assert tab.evaluate(OVERLAPS) == []
    for _ in range(len(view.graph.passes) + 1):
        assert tab.evaluate(WIDE_TEXTS) == []
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.screenshot(path=OUT / f"page-{what}-{width}-{scheme}.png")


@pytest.mark.parametrize("backend", ["auto", "wasm"])
def test_long_names_stay_in_their_boxes_and_frames(visit, backend):
    x = leaf(2.0, "W" * 50)
    h = x * x
    with scope("another long name of a scope right beside it"):
        h = h.exp()
    with scope("a scope with quite a long name, longer than what is in it"):
        y = (x * leaf(3.0, "transformer.encoder.layers.11.self_attn.in_proj_weight")).exp()
    tab = visit(viz.draw(h + y, backend=backend).html())
    assert tab.evaluate(WIDE_TEXTS) == []
    assert tab.evaluate(WIDE_TEXTS.replace(".node", ".frame")) == []


# What is wrong with the picture on show, as lists of texts.
NODES = """[...document.querySelectorAll(".level:not([hidden]) .node")].map(g => ({
  g, id: g.id.split("-")[1], box: g.querySelector("path, polygon, ellipse, rect").getBBox(),
  texts: [...g.querySelectorAll("text")],
}))"""
WIDE_TEXTS = f"""() => {NODES}.flatMap(n => n.texts.filter(t => {{
  const b = t.getBBox();
  return b.x < n.box.x || b.x + b.width > n.box.x + n.box.width ||
    b.y < n.box.y - 1 || b.y + b.height > n.box.y + n.box.height + 1;
}}).map(t => t.textContent))"""
OVERLAPS = f"""() => {{
  const all = {NODES};
  return all.flatMap((m, i) => all.slice(i + 1).filter(n =>
    m.box.x < n.box.x + n.box.width && n.box.x < m.box.x + m.box.width &&
    m.box.y < n.box.y + n.box.height && n.box.y < m.box.y + m.box.height
  ).map(n => m.id + " " + n.id));
}}"""
LOOSE_ARROWS = f"""() => {{
  const box = new Map({NODES}.map(n => [n.id, n.box]));
  const off = (b, x, y) => Math.max(b.x - x, x - b.x - b.width, b.y - y, y - b.y - b.height);
  return [...document.querySelectorAll(".level:not([hidden]) .edge")].filter(e => {{
    const path = e.querySelector("path"), tip = e.querySelector("polygon").points;
    const start = path.getPointAtLength(0);
    const ends = [...tip].map(p => off(box.get(e.dataset.target), p.x, p.y));
    return off(box.get(e.dataset.source), start.x, start.y) > 2 || Math.min(...ends) > 2;
  }}).map(e => e.id);
}}"""


def test_a_block_steps_to_the_gradients_of_backward(visit):
    view, model, loss = block()
    tab = visit(view.html())
    tab.keyboard.press("End")
    loss.backward()
    written = grads(tab)
    for name, p in model.named_parameters():
        assert written[name] == f"|grad| {np.linalg.norm(p.grad.data.astype(float)):.4g}"


def test_a_click_opens_a_call_and_closes_it(visit):
    tab = visit(mlp()[0].html())
    tab.keyboard.press("[")
    tab.keyboard.press("[")
    closed = ".level:not([hidden]) .node text:text-is('MLP')"
    tab.click(closed)
    assert tab.locator(closed).count() == 0
    frame = tab.locator(".level:not([hidden]) .frame > text").first
    assert frame.text_content() == "MLP"
    frame.click()
    assert tab.locator(closed).count() == 1


def test_the_graph_can_be_read_as_text(visit):
    view, _ = neuron()
    tab = visit(view.html())
    tab.click("summary")
    assert tab.text_content("details pre") == view.text(ascii=False)
    assert tab.locator("svg[role=img] > desc").first.text_content() == view.figure.about
