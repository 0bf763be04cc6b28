"""The example that trains a GPT: what it writes, that a seed repeats it, and that it learns."""

import re
import subprocess
import sys

import numpy as np
import pytest

from autograd import Tensor
from examples import gpt
from nn import GPT, data, evaluate, load

TEXT = "the cat sat on the mat; the dog sat on the log.\n" * 60
SMALL = ["--context", "8", "--width", "16", "--layers", "1", "--heads", "2", "--write", "40"]


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return [*SMALL, "--text", str(path), "--out", str(tmp_path / "new" / "folder")]


def test_it_learns_and_writes_the_weights_of_the_loss_it_prints(small, tmp_path, capsys):
    settings = ["--steps", "250", "--lr", "0.01", "--prompt", "the ", "--temperature", "0"]
    loss = gpt.main([*small, *settings])
    printed = capsys.readouterr().out
    assert f"validation loss: {loss:.3f}" in printed
    written = printed.split("minutes\n")[1].removesuffix("\n")
    assert written.startswith("the ") and len(written) == 4 + 40
    assert set(written.split()) & {"cat", "sat", "dog", "mat;", "log.", "on"}
    assert loss < 1.0  # a guess would cost log(17) = 2.8
    model = GPT(len(set(TEXT)), 8, 16, 2, 1, positions="rope")
    model.load_state_dict(load(tmp_path / "new" / "folder" / "gpt.safetensors"))
    validation = data.text(tmp_path / "text.txt").split(0.9)[1].windows(8, step=8)
    again = evaluate(model, validation, loss_fn=gpt.next_character_loss)["loss"]
    assert again == pytest.approx(loss, rel=1e-5)


def test_the_same_seed_writes_the_same_text_and_bytes(small, tmp_path, capsys):
    def run(seed):
        gpt.main([*small, "--steps", "5", "--dropout", "0.1", "--seed", seed])
        text = re.sub(r"after .* minutes", "", capsys.readouterr().out)
        return text, (tmp_path / "new" / "folder" / "gpt.safetensors").read_bytes()

    first = run("0")
    assert run("0") == first
    assert run("1")[1] != first[1]


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope"])
def test_each_way_to_tell_positions_works(positions, small):
    assert np.isfinite(gpt.main([*small, "--steps", "2", "--positions", positions]))


def test_its_loss_is_the_mean_over_all_positions():
    logits, target = np.random.default_rng(0).standard_normal((2, 3, 5)), np.array([[0, 1, 2]] * 2)
    each = (
        np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, target[..., None], -1)[..., 0]
    )
    loss = gpt.next_character_loss(Tensor(logits), Tensor(target))
    assert loss.item() == pytest.approx(each.mean())


def test_a_missing_file_is_named_and_where_to_get_it(tmp_path):
    with pytest.raises(SystemExit, match=r"no file .*none.txt(.|\n)*at https:(.|\n)*--text FILE"):
        gpt.main(["--text", str(tmp_path / "none.txt")])


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, gpt.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = (
        "text context width layers heads positions dropout steps batch-size lr seed prompt write "
        "temperature top-k out"
    )
    assert all(f"--{name}" in run.stdout for name in options.split())
