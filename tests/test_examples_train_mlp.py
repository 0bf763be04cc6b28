"""The demo: what it writes, that a seed repeats it byte by byte, and that it learns."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from autograd import Tensor
from examples import train_mlp
from nn import MLP, data, load

QUICK = ["--hidden", "16", "--epochs", "2", "--batch-size", "256", "--lr", "0.01"]
FILES = ["graph.html", "graph.svg", "model.safetensors", "training.svg"]


def test_it_writes_the_weights_of_the_accuracy_it_prints(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    accuracy = train_mlp.main([*QUICK, "--out", str(out)])
    assert sorted(p.name for p in out.iterdir()) == FILES
    printed = capsys.readouterr().out
    assert f"1797 test images: {accuracy:.4f}" in printed and str(out) in printed
    model = MLP([64, 16, 10])
    model.load_state_dict(load(out / "model.safetensors"))
    x, y = data.digits()[1].arrays
    assert (model(Tensor(x)).numpy().argmax(1) == y).mean() == pytest.approx(accuracy)
    assert accuracy > 0.5


def test_its_graph_shows_values_shapes_and_gradients(tmp_path):
    train_mlp.main([*QUICK, "--activation", "tanh", "--out", str(tmp_path)])
    svg = ElementTree.parse(tmp_path / "graph.svg")
    words = " ".join(svg.getroot().itertext())
    for word in ("cross_entropy", "tanh", "linear", "MLP", "weight", "(3, 2)", "grad"):
        assert word in words
    curves = " ".join(ElementTree.parse(tmp_path / "training.svg").getroot().itertext())
    assert curves


@pytest.mark.parametrize("schedule", ["none", "cosine"])
def test_the_same_seed_writes_the_same_bytes(schedule, tmp_path):
    def files(seed):
        args = [*QUICK, "--schedule", schedule, "--seed", seed, "--out", str(tmp_path)]
        train_mlp.main(args)
        return {name: (tmp_path / name).read_bytes() for name in FILES}

    first = files("0")
    assert files("0") == first
    other = files("1")
    assert other["model.safetensors"] != first["model.safetensors"]
    assert other["graph.svg"] == first["graph.svg"]  # of a small network, whatever was trained


def test_the_loss_to_draw_has_been_walked_back():
    loss = train_mlp.small_pass("relu")
    weight = loss.inputs[0].inputs[1]
    assert weight.name == "weight" and weight.grad.numpy().any()
    hidden = loss.inputs[0].inputs[0]
    assert (hidden.numpy() > 0).any() and (hidden.numpy() == 0).any()  # relu shows what it does


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, train_mlp.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = "data hidden activation epochs batch-size lr schedule seed out"
    assert all(f"--{name}" in run.stdout for name in options.split())


@pytest.mark.slow
def test_as_it_stands_it_reads_the_digits_of_other_writers(tmp_path):
    accuracy = train_mlp.main(["--out", str(tmp_path)])
    assert accuracy >= 0.96
    shown = re.search(r"test images: (0\.\d+)", train_mlp.__doc__)
    assert accuracy == pytest.approx(float(shown[1]), abs=0.01)  # other BLAS, other rounding
