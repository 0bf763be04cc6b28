"""JupyterLab, started for real and driven in a browser: the pictures show, the page steps.

So do the walkthroughs, as a stranger opens them: with outputs that the server has not signed.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import viz
from autograd import Tensor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
OUT = ROOT / "out"
SECONDS = 60  # to start a server, a kernel and a page on a busy machine

PROGRAM = """\
import viz
from autograd import Tensor
x = Tensor(3.0, requires_grad=True, name="x")
loss = (x * x).tanh()
loss.name = "loss"
"""


def notebook(*cells):
    """A notebook of code cells: sources, or sources with an output that is there already."""
    made = []
    for i, cell in enumerate(cells):
        source, bundle = cell if isinstance(cell, tuple) else (cell, None)
        outputs = [] if bundle is None else [{"output_type": "execute_result", "data": bundle}]
        for output in outputs:
            output.update(metadata={}, execution_count=1)
        made.append(
            {
                **{"cell_type": "code", "id": f"cell{i}", "source": source, "metadata": {}},
                **{"execution_count": None, "outputs": outputs},
            }
        )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A server in a folder of its own; yields its address and the folder."""
    pytest.importorskip("jupyterlab")
    home = tmp_path_factory.mktemp("lab")
    places = {
        f"JUPYTER_{what}_DIR": str(home / what.lower()) for what in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {
        **{**os.environ, **places, "IPYTHONDIR": str(home / "ipython"), "HOME": str(home)},
        **{"PYTHONPATH": str(ROOT), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")},
    }
    (home / "work").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, home / "work")
    (home / "work" / "lab").symlink_to(ROOT / "notebooks" / "lab")
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    # every cell is on the page, not only those in sight
    settings = json.dumps({"windowingMode": "none"})
    (tracker / "tracker.jupyterlab-settings").write_text(settings)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--expose-app-in-browser", "--ServerApp.port=0", "--IdentityProvider.token=test"),
        f"--ServerApp.root_dir={home / 'work'}",
        "--LabApp.news_url=None",
    ]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
        try:
            yield _address(server, home), home / "work"
        finally:
            server.terminate()
            try:
                server.wait(SECONDS)
            except subprocess.TimeoutExpired:  # it waits for a kernel; that ends with it
                server.kill()
                server.wait()


def _address(server, home):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and server.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            if text := path.read_text():
                return json.loads(text)["url"]
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{(home / 'log').read_text()[-3000:]}")


def visit(browser, lab, name, cells):
    address, folder = lab
    (folder / name).write_text(json.dumps(notebook(*cells)))
    tab = browser.new_page(viewport={"width": 1300, "height": 1000})
    tab.set_default_timeout(1000 * SECONDS)
    tab.goto(f"{address}lab/tree/{name}?token=test&reset")
    tab.wait_for_selector(".jp-Notebook .jp-Cell")
    return tab


def wait_for_kernel(address):
    """Wait until the server tells of a kernel that has nothing to do."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{address}api/sessions?token=test") as answer:
            states = [s["kernel"]["execution_state"] for s in json.load(answer) if s["kernel"]]
        if states == ["idle"]:
            return
        time.sleep(0.5)
    pytest.fail("the kernel did not start")


def test_a_picture_and_a_stepping_page_show_in_a_notebook(browser, lab):
    cells = [PROGRAM, "viz.draw(loss)", "viz.draw(loss).show(interactive=True)"]
    tab = visit(browser, lab, "live.ipynb", cells)
    wait_for_kernel(lab[0])
    tab.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells'), null")
    picture = tab.locator(".jp-OutputArea-output img").first
    picture.wait_for()
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 300
    page = tab.frame_locator(".jp-OutputArea-output iframe")
    page.locator("#next").click()
    assert page.locator("#count").text_content() == "step 1 of 2"
    box = page.locator(".level:not([hidden]) .node.now").last.bounding_box()
    assert box["width"] > 30 and box["y"] > tab.locator("iframe").bounding_box()["y"]
    page.locator("#last").click()
    grads = page.locator(".level:not([hidden]) text.grad").all_text_contents()
    x = Tensor(3.0, requires_grad=True)
    (x * x).tanh().backward()
    assert f"grad {x.grad.item():.4g}" in grads
    assert page.locator("#step math").count() > 0
    assert tab.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0
    OUT.mkdir(exist_ok=True)
    tab.screenshot(path=OUT / "jupyter.png")
    tab.close()


def test_a_picture_survives_in_a_notebook_that_is_not_trusted(browser, lab):
    x = Tensor(3.0, requires_grad=True, name="x")
    bundle = viz.draw(x * x)._repr_mimebundle_()
    tab = visit(browser, lab, "stranger.ipynb", [("viz.draw(x * x)", bundle)])
    picture = tab.locator(".jp-OutputArea-output img").first
    picture.wait_for()
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 100
    tab.screenshot(path=OUT / "jupyter-untrusted.png")
    tab.close()


BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PICTURES = ("image/png", "image/svg+xml")
WIDGET = "window.jupyterapp.shell.currentWidget"
CELLS = f"{WIDGET}.content.widgets.filter(c => c.outputArea)"

# What stands under each code cell: the kinds of its outputs, and how wide their pictures are.
SHOWN = f"""async () => Promise.all({CELLS}.map(cell => Promise.all(
    [...cell.node.querySelectorAll(".jp-OutputArea-output[data-mime-type]")].map(async output => {{
        const pictures = [...output.querySelectorAll("img")];
        await Promise.all(pictures.map(img => img.decode()));
        return [output.dataset.mimeType, ...pictures.map(img => img.naturalWidth)];
    }}))))"""


@pytest.fixture(scope="module")
def desk(browser, lab):
    """One page of JupyterLab, in which all walkthroughs are opened."""
    tab = browser.new_page(viewport={"width": 1300, "height": 1000})
    tab.set_default_timeout(1000 * SECONDS)
    tab.goto(f"{lab[0]}lab?token=test&reset")
    tab.wait_for_selector(".jp-Launcher")
    yield tab
    tab.close()


@contextlib.contextmanager
def opened(desk, name, *, kernel):
    """A walkthrough on the desk, as it is stored."""
    preference = {"shouldStart": kernel, "autoStartDefault": kernel, "shutdownOnDispose": True}
    desk.evaluate(
        "open => window.jupyterapp.commands.execute('docmanager:open', open).then(() => null)",
        {"path": name, "factory": "Notebook", "kernelPreference": preference},
    )
    content = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    desk.wait_for_function(f"{WIDGET}.content.model && {CELLS}.length == {len(cells)}")
    yield cells
    desk.evaluate(f"{WIDGET}.context.save().then(() => {{ {WIDGET}.dispose(); }})")


def check_outputs(desk, cells):
    """Each output shows as the richest of what it holds; each picture is one, and has a width."""
    for cell, outputs in zip(cells, desk.evaluate(SHOWN), strict=True):
        source = "".join(cell["source"])
        stored = [output.get("data", {}).keys() for output in cell["outputs"]]
        assert len(outputs) == len(stored), source
        for kinds, (kind, *widths) in zip(stored, outputs, strict=True):
            assert kind != "text/plain" or not kinds - {"text/plain"}, source
            if kinds & set(PICTURES):
                assert widths and min(widths) > 100, source


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_every_figure_of_a_walkthrough_shows_without_trust(desk, path):
    with opened(desk, path.name, kernel=False) as cells:
        assert not desk.evaluate(f"{CELLS}.every(c => c.model.trusted)")
        assert any(o.get("data", {}).keys() & set(PICTURES) for c in cells for o in c["outputs"])
        check_outputs(desk, cells)


@pytest.mark.parametrize(
    "path", [p for p in BOOKS if p.stem[:2] in ("00", "07", "12")], ids=lambda p: p.stem
)
def test_a_walkthrough_restarts_and_runs_to_its_end(desk, path):
    with opened(desk, path.name, kernel=True) as cells:
        desk.wait_for_function(f"{WIDGET}.sessionContext.session?.kernel?.status == 'idle'")
        desk.evaluate("window.jupyterapp.commands.execute('notebook:restart-run-all'), null")
        desk.locator(".jp-Dialog .jp-mod-accept").click()
        desk.wait_for_function(f"{CELLS}.some(c => c.promptNode?.textContent.includes('*'))")
        for done in (
            f"{WIDGET}.sessionContext.session?.kernel?.status == 'idle'",
            f"{CELLS}.every(c => c.model.executionCount)",
        ):
            desk.wait_for_function(done, timeout=1000 * 3 * SECONDS)
        assert desk.locator("[data-mime-type*=stderr], [data-mime-type*=error]").count() == 0
        check_outputs(desk, cells)
