"""The claim ledger: it holds the whole course, and each experiment lands in its interval.

``GRADWALK_CLAIM_SEEDS=5`` tries each experiment with that many seeds.
"""

import os
from importlib import import_module

import pytest

from lab.ledger import FOLDER, LEDGER, VERDICTS, Claim, Verdict, load, numbers

SECTIONS = {1: 9, 2: 20, 3: 7, 4: 4, 5: 10, 6: 12, 7: 9, 8: 12, 9: 7, 10: 10, 11: 8, 12: 5, 13: 7}
COURSE = [f"S{section}.{i}" for section, n in SECTIONS.items() for i in range(1, n + 1)]
SEEDS = range(int(os.environ.get("GRADWALK_CLAIM_SEEDS", "1")))


def test_the_ledger_holds_each_item_of_the_course_once():
    assert len(COURSE) == 120
    assert list(LEDGER) == COURSE


@pytest.mark.claims
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "entry",
    [pytest.param(c, marks=pytest.mark.slow) if c.slow else c for c in LEDGER.values()],
    ids=lambda c: c.id,
)
def test_the_experiment_lands_in_its_interval(entry, seed):
    assert entry.outside(entry.measure(seed)) == []


@pytest.mark.parametrize("entry", LEDGER.values(), ids=lambda c: c.id)
def test_each_claim_has_an_experiment_with_a_docstring(entry):
    module, _, name = entry.experiment.partition(".")
    assert getattr(import_module(f"lab.experiments.{module}"), name).__doc__


def record(**changes):
    whole = {
        "id": "S1.1",
        "claim": "c",
        "formula": "f",
        "verdict": "holds",
        "experiment": "graph.single_layer",
        "expected": [0, 1],
        "measures": "m",
        "source": "s",
    }
    return whole | changes


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        (0.5, "0.5 (right for a)"),
        (7, "7 (found 2 for b)"),
        ((0.5, 7), "(0.5, 7) (right for a, found 2 for b)"),
        ("falls", "falls"),
        ((1, 2, 3), "(1, 2, 3)"),
    ],
)
def test_a_guess_is_compared_with_what_was_found(guess, words):
    entry = Claim(**record(expected={"a": [0, 1], "b": [2, 2]}))
    assert f"your guess: {words}\n" in repr(Verdict(entry, {"a": 0.9, "b": 2}, guess))


def test_a_number_outside_missing_or_unknown_is_a_fault():
    entry = Claim(**record())
    assert entry.outside(0.5) == entry.outside(1) == []
    assert entry.outside(2) == ["it is 2, expected 0 to 1"]
    assert entry.outside(float("nan")) == ["it is nan, expected 0 to 1"]
    several = Claim(**record(expected={"a": [0, 1], "b": [0, 1]}))
    assert several.outside({"a": 3, "c": 0}) == [
        "a is 3, expected 0 to 1",
        "b was not measured",
        "c has no interval in the ledger",
    ]
    assert numbers(1) == {"": 1.0}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"verdict": "true"}, "verdict is 'true'"),
        ({"verdict": "holds if"}, "needs condition"),
        ({"verdict": "wrong as commonly said", "commonly": "x"}, "needs instead"),
        ({"expected": [1, 0]}, "is empty"),
    ],
)
def test_a_malformed_record_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Claim(**record(**changes))


def test_a_record_in_a_file_is_refused_with_the_file_named(tmp_path):
    (tmp_path / "a.toml").write_text('[[claim]]\nid = "S1.1"\nclaims = "typo"\n')
    with pytest.raises(ValueError, match=r"a\.toml, S1\.1"):
        load(tmp_path)
    source = next(FOLDER.glob("s04*")).read_text()
    (tmp_path / "a.toml").write_text(source)
    (tmp_path / "b.toml").write_text(source)
    with pytest.raises(ValueError, match=r"b\.toml: S4\.1 stands twice"):
        load(tmp_path)
    assert {c.verdict for c in LEDGER.values()} <= set(VERDICTS)
