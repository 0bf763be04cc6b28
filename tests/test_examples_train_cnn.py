"""The convolutional example: what it writes, that a seed repeats it, and that it learns."""

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from autograd import Tensor
from examples import train_cnn
from nn import data, load

QUICK = ["--channels", "4", "8", "--epochs", "2", "--batch-size", "128", "--lr", "0.01"]


def test_it_writes_the_weights_of_the_accuracy_it_prints(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    accuracy = train_cnn.main([*QUICK, "--out", str(out)])
    assert sorted(p.name for p in out.iterdir()) == ["model.safetensors", "training.svg"]
    printed = capsys.readouterr().out
    assert f"1797 test images: {accuracy:.4f}" in printed and str(out) in printed
    assert "".join(ElementTree.parse(out / "training.svg").getroot().itertext())
    model = train_cnn.network([4, 8], size=8).eval()
    model.load_state_dict(load(out / "model.safetensors"))
    x, y = data.digits(flat=False)[1].arrays
    assert (model(Tensor(x)).numpy().argmax(1) == y).mean() == pytest.approx(accuracy)
    assert accuracy > 0.8


def test_the_same_seed_writes_the_same_weights(tmp_path):
    def weights(seed):
        train_cnn.main([*QUICK, "--epochs", "1", "--seed", seed, "--out", str(tmp_path)])
        return (tmp_path / "model.safetensors").read_bytes()

    first = weights("0")
    assert weights("0") == first
    assert weights("1") != first


def test_its_weights_load_into_the_same_model_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    train_cnn.main([*QUICK, "--epochs", "1", "--out", str(tmp_path)])
    t, layers = torch.nn, []
    for before, after in ((1, 4), (4, 8)):
        layers += [
            t.Conv2d(before, after, 3, padding=1, bias=False),
            t.BatchNorm2d(after),
            t.ReLU(),
            t.MaxPool2d(2),
        ]
    theirs = t.Sequential(*layers, t.Flatten(), t.Linear(8 * 4, 10))
    state = load(tmp_path / "model.safetensors")
    theirs.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    ours = train_cnn.network([4, 8], size=8).eval()
    ours.load_state_dict(state)
    x = data.digits(flat=False)[1].arrays[0][:100]
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    assert abs(ours(Tensor(x)).numpy() - expected).max() < 1e-5


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, train_cnn.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = "data channels epochs batch-size lr seed out"
    assert all(f"--{name}" in run.stdout for name in options.split())


def shown(data):
    """The accuracy that the docstring gives for a data set."""
    size = {"digits": 1797, "mnist": 10000}[data]
    return float(re.search(rf"the {size} test images: (0\.\d+)", train_cnn.__doc__)[1])


@pytest.mark.slow
def test_as_it_stands_it_reads_the_digits_of_other_writers(tmp_path):
    accuracy = train_cnn.main(["--out", str(tmp_path)])
    assert accuracy >= 0.97
    assert accuracy == pytest.approx(shown("digits"), abs=0.01)  # other BLAS, other rounding


def test_the_docstring_claims_what_mnist_must_show():
    assert shown("mnist") >= 0.988


@pytest.mark.slow
def test_a_sixth_of_mnist_gets_it_far_in_one_epoch(tmp_path, monkeypatch):
    folder = os.environ.get("GRADWALK_DATA")
    if folder is None:
        pytest.skip("GRADWALK_DATA names no folder with the real files")

    def part(**kwargs):
        train, test = data.mnist(folder, **kwargs)
        return data.TensorDataset(*train[:10_000]), data.TensorDataset(*test[:2_000])

    monkeypatch.setitem(train_cnn.DATA, "mnist", part)
    args = ["--data", "mnist", "--epochs", "1", "--out", str(tmp_path)]
    assert train_cnn.main(args) >= 0.93  # 0.952 on one machine
