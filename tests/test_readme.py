"""The README's picture is what its program draws."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import viz
from autograd import Tensor

ROOT = Path(__file__).parent.parent


def texts(svg):
    """All that a picture says: what is written in it, its tooltips and its description."""
    says = ("}text", "}title", "}desc")
    return sorted(e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith(says))


def test_the_picture_is_the_one_that_the_program_draws():
    x1, x2 = Tensor(2.0, name="x1"), Tensor(0.0, name="x2")
    w1 = Tensor(-3.0, requires_grad=True, name="w1")
    w2 = Tensor(1.0, requires_grad=True, name="w2")
    b = Tensor(6.88, requires_grad=True, name="b")
    y = (w1 * x1 + w2 * x2 + b).tanh()
    y.name = "y"
    assert texts((ROOT / "docs" / "neuron.svg").read_text()) == texts(viz.draw(y).svg())


def test_every_file_the_readme_links_to_exists():
    prose = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    assert len(links) >= 8
    missing = [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]
    assert not missing
    assert {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*.ipynb")} <= set(links)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_make_notebooks_lets_jupyter_run_as_root_only_for_root(user, allowed, tmp_path):
    script = tmp_path / "id"
    script.write_text(f"#!/bin/sh\necho {user}\n")
    script.chmod(0o755)
    commands = subprocess.run(
        ["make", "-n", "-o", ".venv/.with-notebooks", "notebooks"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "jupyter lab" in commands and ("--allow-root" in commands) == allowed
