"""The notebooks: stored as their sources say, run without complaint, solved by their solutions."""

import json
import re

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn import functional as F
from nn.utils import clip_grad_norm_

book = pytest.importorskip("lab.book", reason="the extra `notebooks` is not installed")
from lab import exercise as exercises  # noqa: E402
from lab.exercise import Exercise, check, every, same  # noqa: E402
from lab.exercises import __path__ as exercise_path  # noqa: E402
from lab.ledger import LEDGER, claim  # noqa: E402

LIMIT = 300_000  # bytes of a stored notebook
SOURCES = book.sources()
notebooks = pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
CHECK = re.compile(r"""check\(\s*["'](ex[\w.]+)["']""")


def texts(cell):
    """The plain text of all that a cell put out."""
    for output in cell.get("outputs", []):
        yield "".join(output.get("text", "")) or "".join(
            output.get("data", {}).get("text/plain", "")
        )


def stored(path):
    return json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))


@notebooks
def test_what_is_stored_is_the_source_with_outputs(path):
    cells = stored(path)["cells"]
    expected = book.read(path).cells
    assert [(c["cell_type"], "".join(c["source"])) for c in cells] == [
        (c.cell_type, c.source) for c in expected
    ], f"run `make book` ({path.stem})"
    assert path.with_suffix(".ipynb").stat().st_size <= LIMIT
    for cell in cells:
        assert all(output.get("name") != "stderr" for output in cell.get("outputs", []))
        assert all("OUTSIDE" not in text for text in texts(cell))
        if cell["cell_type"] == "code":
            assert cell["execution_count"], "a cell was not run"
            assert "http" not in "".join(cell["source"])


FOUND = re.compile(r"\S+(?=  \(expected )")


@notebooks
def test_what_is_stored_of_a_claim_is_what_the_ledger_says_but_for_what_was_found(path):
    for cell in stored(path)["cells"]:
        for text in texts(cell):
            if not (id := re.match(r"S\d+\.\d+(?= ok\n)", text)):
                continue
            lows = {name: low for name, (low, _) in LEDGER[id[0]].intervals.items()}
            now = FOUND.sub("", repr(claim(id[0], lows)))
            lines = FOUND.sub("", text).splitlines()
            assert sorted(lines) == sorted(now.splitlines()), f"run `make book` ({path.stem})"


@notebooks
def test_unsolved_each_check_fails(path):
    checks = [c for c in stored(path)["cells"] if CHECK.search("".join(c["source"]))]
    for cell in checks:
        if cell["cell_type"] == "code":
            assert any("not yet" in text for text in texts(cell)), "".join(cell["source"])


@notebooks
@pytest.mark.slow
@pytest.mark.notebooks
def test_solved_it_runs_and_each_check_passes(path):
    solved = book.execute(book.solved(book.read(path)))
    for cell in solved.cells:
        said = list(texts(cell))
        assert all("OUTSIDE" not in text for text in said), said
        if cell.cell_type == "code" and CHECK.search(cell.source):
            assert any(re.search(r"^ex\S+ right", text) for text in said), (cell.source, said)


@pytest.mark.slow
@pytest.mark.notebooks
def test_a_notebook_built_twice_is_the_same_to_the_byte(tmp_path):
    for name in ("once", "again"):
        book.write(book.execute(book.read(SOURCES[0])), tmp_path / name)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()


def test_each_exercise_is_asked_in_the_notebook_of_its_module():
    asked = {id for path in SOURCES for id in CHECK.findall(path.read_text(encoding="utf-8"))}
    assert asked == set(every())
    assert exercise_path


@pytest.mark.parametrize("id, exercise", every().items(), ids=every())
def test_the_right_answer_passes_and_each_mistake_is_named(id, exercise):
    right = exercise.right()
    assert check(id, right)
    if not isinstance(right, str):
        array = np.asarray(right, dtype=float)
        for layout in (array.tolist(), array[..., None], array[None], Tensor(array)):
            assert check(id, layout), layout
    for empty in (..., None):
        assert not check(id, empty) and "no answer" in repr(check(id, empty))
    for mistake, wrong in exercise.mistakes.items():
        assert not same(wrong(), right, exercise.rtol), f"{mistake!r} is the right answer"
        mark = check(id, wrong())
        assert not mark and mark.text == mistake
    assert not check(id, [np.full(2, 1e9), np.full(2, 2e9)])
    assert not check(id, "nonsense") and not check(id, [1e9, 2e9, 3e9, 4e9, 5e9])


def test_a_wrong_answer_is_told_by_what_factor_or_where_it_is_off(monkeypatch):
    rows = np.array([[1.0, 2.0, 0.0], [0.0, -4.0, 0.5]])
    asked = {"rows": Exercise("", lambda: rows), "loss": Exercise("", lambda: 0.7)}
    asked["count"] = Exercise("", lambda: 12)
    monkeypatch.setattr(exercises, "every", lambda: asked)

    def said(id, answer):
        return check(id, answer).text

    assert said("rows", 2 * rows) == "2 times the right answer"
    assert said("rows", Tensor(-rows / 6000)) == "-1/6000 times the right answer"
    assert said("rows", rows + np.eye(2, 3) / 8) == "the largest difference is 0.125, at [0, 0]"
    assert said("rows", (rows * [1, 3, 1])[:, None]) == "the largest difference is 8, at [1, 0, 1]"
    assert said("rows", 0 * rows) == "the largest difference is 4, at [1, 1]"
    assert said("loss", 4200) == "6000 times the right answer"
    assert said("loss", -0.7) == "-1 times the right answer"
    assert said("loss", 0.9) == "the largest difference is 0.2"
    assert said("count", 24) == "the largest difference is 12"
    parts = [np.ones(2), np.ones(3)]
    assert said("rows", parts).endswith("the kind of answer asked for: an array of shape (2, 3)")
    assert said("count", [1, 2]) == "the shape is (2,), but the answer is one number"


def test_the_doctor_names_four_of_the_five_broken_loops():
    """As 08_training_loop says: the fifth may be what somebody wants."""
    from lab.experiments import training

    path = next(p for p in SOURCES if p.stem == "08_training_loop")
    found = []
    for cell in book.read(path).cells:
        if "exercise" not in book.tags(cell):
            continue
        code, _, call = cell.source.partition("answer = ")
        names = {"F": F, "clip_grad_norm_": clip_grad_norm_, "training": training}
        exec(code, names)
        broken = names["loop"]

        def watched(model, loader, optimizer, scheduler, broken=broken):
            with nn.doctor(model, optimizer) as report:
                broken(model, loader, optimizer, scheduler)
            found.append([finding.name for finding in report.findings])

        eval(call, {**names, "loop": watched})
    assert found == [
        ["no zero_grad"],
        ["clipping after the step"],
        ["scheduler stepped too seldom"],
        ["train() forgotten"],
        [],
    ]


def test_whoever_solves_the_drill_in_its_notebook_has_the_points():
    path = next(p for p in SOURCES if p.stem == "12_drill")
    names = {}
    for cell in book.solved(book.read(path)).cells:
        if cell.cell_type == "code" and "claim(" not in cell.source:
            exec(cell.source, names)
    drill = names["d"]
    assert drill.finish().startswith("3 of 7 right")
    for name in ("dA1", "dZ1", "dW1", "db1"):
        drill.check(name, drill.task.asked[name])
    assert drill.finish().startswith("7 of 7 right")
