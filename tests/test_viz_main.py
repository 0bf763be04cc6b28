"""The command."""

import subprocess
import sys
from pathlib import Path

import pytest

from viz.__main__ import main

ROOT = Path(__file__).parent.parent

SCRIPT = """
import numpy as np
import nn
from autograd import Tensor
import helper_of_the_script
import viz

x = Tensor(2.0, requires_grad=True, name="x")
loss = (x * x).tanh()
both = [loss, x.sin()]
model = nn.MLP([4, 3, 2], rng=0)
lstm = nn.LSTM(4, 3, rng=0)
view = viz.draw(loss, title="drawn", theme="light")
embedding_like = helper_of_the_script.first
text = "no tensor"

if __name__ == "__main__":
    raise SystemExit("the script was run as the main program")
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "helper_of_the_script.py").write_text("first = None\n")
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    yield path
    sys.modules.pop("helper_of_the_script", None)


def test_a_tensor_is_written_to_a_file(script, tmp_path, capsys):
    target = tmp_path / "graph.svg"
    assert main([f"{script}:loss", "-o", str(target), "--title", "L"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert target.read_text("utf-8").count('class="node"') == 5
    assert ">L<" in target.read_text("utf-8")


def test_options_are_for_a_view_that_the_script_drew_too(script, tmp_path):
    target = tmp_path / "graph.svg"
    assert main([f"{script}:view", "-o", str(target), "--title", "L", "--show", "op,value"]) == 0
    picture = target.read_text("utf-8")
    assert ">L<" in picture
    assert ">drawn<" not in picture
    assert ">grad 1<" not in picture
    assert 'fill="#ffffff"' in picture  # what is not given stays: the light paper
    assert main([f"{script}:view", "-o", str(target)]) == 0
    assert ">drawn<" in target.read_text("utf-8")


def test_without_a_file_the_tree_is_printed(script, capsys):
    assert main([f"{script}:loss"]) == 0
    assert capsys.readouterr().out.startswith("tanh  value")
    assert main([f"{script}:both", "--show", "op"]) == 0
    assert "sin" in capsys.readouterr().out


def test_a_module_that_returns_several_results_is_drawn_with_all_of_them(script, capsys):
    assert main([f"{script}:lstm", "--input", "2,5,4"]) == 0
    assert capsys.readouterr().out.count("(2, 5, 3)") >= 1


def test_a_module_is_called_on_an_input_of_the_shape_given(script, capsys):
    assert main([f"{script}:model", "--input", "5,4", "--depth", "1", "--color", "memory"]) == 0
    out = capsys.readouterr().out
    assert "(5, 2)" in out
    assert "0: Linear" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train.py"], "is not of the form FILE.py:NAME"),
        (["missing.py:loss"], "there is no file 'missing.py'"),
        (["{script}:los"], "has no 'los'; it has x, loss, model"),
        (["{script}:text"], "an output is a str"),
        (["{script}:model"], "model is a module; pass --input SHAPE"),
        (["{script}:loss", "--input", "5,4"], "loss is no module to call on an input; leave"),
        (["{script}:loss", "-o", "missing/graph.svg"], "save: there is no folder 'missing' for"),
        (["{script}:model", "--input", "5x4"], "--input is '5x4'; write a shape"),
        (["{script}:loss", "-o", "graph.jpg"], "ends in '.jpg'"),
        (["{script}:loss", "--direction", "up"], "direction is 'up'"),
        (["{script}:loss", "--depth", "deep"], "--depth is 'deep'"),
        (["{script}:view", "--theme", "sepia"], "theme is 'sepia'"),
        (["{script}:view", "--expand-fused"], "view is drawn already; --expand-fused and"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(script, arguments, message, capsys):
    assert main([a.format(script=script) for a in arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("viz: ")
    assert message in said.err
    assert len(said.err.splitlines()) == 1


def test_it_runs_as_a_command(script, tmp_path):
    target = tmp_path / "graph.html"
    done = subprocess.run(
        [sys.executable, "-m", "viz", f"{script}:loss", "-o", target, "--expand-fused"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "<html" in target.read_text("utf-8")
