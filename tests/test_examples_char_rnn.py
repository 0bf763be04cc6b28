"""The character model: what it writes, that a seed repeats it, and that it learns how names go."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from autograd import Tensor
from examples import char_rnn
from nn import data, load

CONSONANTS, VOWELS = "bdfgklmnrst", "aeiou"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Names of two to four syllables, each a consonant and a vowel."""
    rng = np.random.default_rng(0)
    names = [
        "".join(rng.choice(list(CONSONANTS)) + rng.choice(list(VOWELS)) for _ in range(n))
        for n in rng.integers(2, 5, 1500)
    ]
    path = tmp_path_factory.mktemp("names") / "names.txt"
    path.write_text("\n".join(names))
    return path


def run(file, out, *options):
    quick = ["--width", "16", "--epochs", "4", "--batch-size", "32", "--lr", "0.02"]
    return char_rnn.main(["--file", str(file), "--out", str(out), *quick, *options])


@pytest.mark.parametrize("kind", char_rnn.LAYERS)
def test_it_learns_how_the_names_of_a_file_are_made(kind, file, tmp_path, capsys):
    loss = run(file, tmp_path, "--kind", kind, "--count", "200")
    printed = capsys.readouterr().out
    assert f"{loss:.3f} nats" in printed
    # What can be known: one of 11 and one of 5 in turn, and whether a name of 2 or 3 ends.
    assert loss < 1.15 * (np.log(11) + np.log(5)) / 2
    names = printed.partition("character\n")[2].partition("(")[0]
    names = names.replace("*", "").replace(",", " ").split()
    assert len(names) == 200
    good = [re.fullmatch(f"([{CONSONANTS}][{VOWELS}]){{2,4}}", name) for name in names]
    assert sum(map(bool, good)) > 180


def test_a_seed_writes_the_same_names_and_bytes(file, tmp_path, capsys):
    def written(seed):
        run(file, tmp_path, "--epochs", "1", "--seed", seed)
        return capsys.readouterr().out, (tmp_path / "char_rnn.safetensors").read_bytes()

    first = written("0")
    assert written("0") == first
    assert written("1") != first


def test_the_file_it_writes_is_the_model_it_judged(file, tmp_path, capsys):
    loss = run(file, tmp_path)
    names = data.names(file)
    model = char_rnn.CharRNN(len(names.vocabulary), "lstm", 16, 1)
    model.load_state_dict(load(tmp_path / "char_rnn.safetensors"))
    x, y = names.lines().arrays
    everywhere = char_rnn.next_character_loss(model(Tensor(x)), Tensor(y)).item()
    assert everywhere == pytest.approx(loss, rel=0.1)  # it had no part in the names held out


def test_a_name_does_not_depend_on_the_others_of_its_batch(file):
    names = data.names(file)
    model = char_rnn.CharRNN(len(names.vocabulary), "gru", 8, 2)
    state, logits = None, []
    x = Tensor(names.lines().arrays[0][:3])
    for t in range(x.shape[1]):
        step, state = model.read(x[:, t : t + 1], state)
        logits.append(step.numpy())
    np.testing.assert_allclose(np.hstack(logits), model(x).numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model(x[:1]).numpy(), model(x).numpy()[:1], rtol=1e-4, atol=1e-6)


def test_a_low_temperature_takes_the_likeliest(file):
    names = data.names(file)
    model = char_rnn.CharRNN(len(names.vocabulary), "lstm", 8, 1)
    written = [
        char_rnn.write(model, names.vocabulary, 5, temperature, np.random.default_rng(0))
        for temperature in (1e-6, 1.0)
    ]
    assert len(set(written[0])) == 1 and len(set(written[1])) > 1
    assert all(len(name) <= char_rnn.LONGEST for name in written[1])


def test_a_missing_file_is_named_and_where_to_get_it(tmp_path):
    with pytest.raises(SystemExit, match=r"no file .*none.txt(.|\n)*at https:(.|\n)*--file FILE"):
        char_rnn.main(["--file", str(tmp_path / "none.txt"), "--out", str(tmp_path)])


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, char_rnn.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = "file kind width layers epochs batch-size lr count temperature seed out"
    assert all(f"--{name}" in run.stdout for name in options.split())


@pytest.mark.slow
@pytest.mark.skipif("GRADWALK_DATA" not in os.environ, reason="GRADWALK_DATA names no folder")
def test_on_real_names_a_pass_brings_it_near_what_it_shows(tmp_path):
    loss = char_rnn.main(["--epochs", "1", "--out", str(tmp_path)])
    shown = float(re.search(r"held out: (\d\.\d+) nats", char_rnn.__doc__)[1])
    assert shown < loss < shown + 0.15
