"""The README's picture is what its program draws."""

import re
from pathlib import Path
from xml.etree import ElementTree

import viz
from autograd import Tensor

ROOT = Path(__file__).parent.parent


def texts(svg):
    return sorted(e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text"))


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
