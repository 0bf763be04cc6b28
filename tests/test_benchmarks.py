"""The benchmark measures what it says: same work for all, turns taken, nobody dropped in silence.

No test looks at a time: how fast something is depends on the machine and on the hour.
"""

import json
import re
import sys

import pytest

from benchmarks import environments, race, report, worker
from benchmarks.__main__ import main
from benchmarks.contestants import numpy_hand, ours
from benchmarks.problems import ROWS, CNNProblem, ProductsProblem, ScalarProblem
from benchmarks.race import CONTESTANTS, Contestant, Result, Settings, Worker, WorkerFailed

TINY = Settings(rounds=2, block=1e-3, threads=1)


def test_a_quick_run_prints_a_table_and_writes_a_record(tmp_path, capsys):
    out = tmp_path / "new" / "bench.json"
    main(
        [
            *("--contestants", "ours", "numpy"),
            *("--rows", "scalar", "mlp-784-128-10"),
            *("--rounds", "2", "--quick", "--threads", "1"),
            *("--out", str(out)),
        ]
    )

    printed = capsys.readouterr().out
    assert "784-128-10 MLP, batch 32, float32" in printed
    assert "gradwalk / NumPy by hand: " in printed
    assert "1.00 (1.00 .. 1.00)" in printed  # the reference against itself

    record = json.loads(out.read_text())
    assert record.keys() == {"machine", "settings", "rows"}
    assert record["machine"].keys() >= {"processor", "cpu_count", "python", "numpy"}
    assert record["settings"] == {"rounds": 2, "block": 0.02, "threads": 1, "gc": True}
    scalar, mlp = record["rows"]
    assert [c["name"] for c in scalar["contestants"]] == ["ours"]  # no scalars by hand
    assert [c["name"] for c in mlp["contestants"]] == ["ours", "numpy"]
    for contestant in mlp["contestants"]:
        assert len(contestant["samples"]) == 2
        assert contestant["repeats"] >= 1
        assert contestant["seconds"].keys() == {"median", "lower_quartile", "upper_quartile"}
        assert contestant["ratios"].keys() == {"numpy"}
        assert "numpy" in contestant["versions"]
        assert contestant["thread_pools"]


def test_the_scalar_row_has_640_operations():
    from autograd import Tensor, toposort
    from benchmarks.problems import ScalarMLP, scalars

    problem = ScalarProblem()
    weights = scalars(problem, lambda v: Tensor(v, requires_grad=True))
    out = ScalarMLP(weights, Tensor.relu)(problem.x)
    assert len(toposort(out)) == 640


def test_workers_take_turns_and_every_other_round_is_reversed(monkeypatch):
    turns = []

    class Recorder:
        def __init__(self, name):
            self.contestant = Contestant(name, name, name)

        def ask(self, do, *, row, repeats, gc):
            turns.append((self.contestant.name, repeats))
            return {"seconds": 0.25e-3}

    monkeypatch.setattr(race, "PAUSE", 0)
    result = Result("scalar", ROWS["scalar"])
    race.take_turns("scalar", [Recorder("a"), Recorder("b")], TINY, result)
    assert turns[:4] == [("a", 3), ("a", 3), ("b", 3), ("b", 3)]  # how many fill a block?
    assert turns[4:] == [("a", 4), ("b", 4), ("b", 4), ("a", 4)]
    assert result.seconds == {"a": [0.25e-3] * 2, "b": [0.25e-3] * 2}


def test_a_worker_that_dies_in_its_turn_is_missing_and_the_others_go_on(monkeypatch):
    class Dying:
        def __init__(self, name, lives):
            self.contestant = Contestant(name, name, name)
            self.lives = lives

        def ask(self, do, **request):
            self.lives -= 1
            if self.lives < 0:
                raise WorkerFailed("MemoryError")
            return {"seconds": 1e-3}

    monkeypatch.setattr(race, "PAUSE", 0)
    for lives in range(4):  # two blocks to guess by, and two rounds
        result = Result("scalar", ROWS["scalar"])
        race.take_turns("scalar", [Dying("micrograd", lives), Dying("ours", 9)], TINY, result)
        assert result.missing == {"micrograd": "failed: MemoryError"}
        assert result.seconds == {"ours": [1e-3] * 2}
        assert "failed: MemoryError" in report.table(result)


def test_the_targets_are_those_of_the_design():
    design = (environments.ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in design.splitlines() if re.match(r"\| `[\w-]+`[:,]", line)]
    cells = {row[1].split("`")[1]: row[3] for row in rows}
    assert cells.keys() == ROWS.keys()
    said = {}
    for name, cell in cells.items():
        if cell.strip() != "the same":
            said = {
                who.lower(): float(ratio) for ratio, who in re.findall(r"([\d.]+) x (\w+)", cell)
            }
        assert dict(ROWS[name].targets) == said, name


def test_ratios_are_taken_within_a_round():
    result = Result("scalar", ROWS["scalar"])
    # The second round met a machine ten times slower: no ratio shows it.
    result.seconds = {"ours": [1.0, 10.0, 1.0], "micrograd": [2.0, 20.0, 2.0]}
    assert report.ratios(result, "ours")["micrograd"] == {
        "median": 0.5,
        "lower_quartile": 0.5,
        "upper_quartile": 0.5,
    }


def test_contestants_that_disagree_stop_the_run():
    right = {"losses": [2.0, 1.0, 0.5], "gradients": [[1.0, 0.3]]}
    race.must_agree("row", {"a": right, "b": right}, 1e-4)

    slower = {**right, "losses": [2.0, 1.1, 0.5]}
    with pytest.raises(ValueError, match=r"row: the loss of step 2 is 1\.1 by b but 1\.0 by a"):
        race.must_agree("row", {"a": right, "b": slower}, 1e-4)

    transposed = {**right, "gradients": [[1.0, -0.3]]}
    with pytest.raises(ValueError, match=r"row: gradient 0 .* by b"):
        race.must_agree("row", {"a": right, "b": transposed}, 1e-4)

    not_a_number = {**right, "losses": [float("nan")] * 3}
    with pytest.raises(ValueError, match="loss of step 1"):
        race.must_agree("row", {"a": right, "b": not_a_number}, 1e-4)


def test_ours_computes_no_gradient_for_the_input(monkeypatch):
    ours.mlp(ROWS["mlp-784-128-10"])  # raises if it does

    from autograd import Tensor

    monkeypatch.setattr(ours, "Tensor", lambda a: Tensor(a, requires_grad=a.dtype.kind == "f"))
    with pytest.raises(RuntimeError, match="input's gradient of 2 linear layers, but only 1"):
        ours.mlp(ROWS["mlp-784-128-10"])


def test_the_cnn_row_is_the_same_work_for_all_and_spares_the_images(monkeypatch):
    problem = CNNProblem((1, 4, 5), size=8, batch=3)
    found = {m.__name__: worker.fingerprint(m.cnn(problem)) for m in (ours, numpy_hand)}
    race.must_agree("cnn", found, problem.tolerance)

    from autograd import Tensor

    monkeypatch.setattr(ours, "Tensor", lambda a: Tensor(a, requires_grad=a.dtype.kind == "f"))
    with pytest.raises(RuntimeError, match="input's gradient of 2 convolution layers, but only 1"):
        ours.cnn(problem)


def test_the_row_of_products_is_the_same_work_for_all_and_that_of_the_step():
    problem = ProductsProblem((5, 4, 3), batch=6)
    found = {m.__name__: worker.fingerprint(m.products(problem)) for m in (ours, numpy_hand)}
    race.must_agree("products", found, problem.tolerance)
    assert len(found[ours.__name__]["gradients"]) == 5  # the first layer's input needs none


def test_a_peer_that_cannot_be_installed_is_shown_with_the_reason(monkeypatch):
    def no_such_thing(command):
        raise environments.NotInstalled("ERROR: No matching distribution found")

    monkeypatch.setattr(environments, "run", no_such_thing)
    peer = Contestant(
        "micrograd", "micrograd", "micrograd", environment=".venv-none", requirements=("none",)
    )
    result = race.race("scalar", [peer], TINY)
    assert result.missing == {"micrograd": "not installed: ERROR: No matching distribution found"}
    assert "micrograd" in report.table(result)
    assert "No matching distribution" in report.table(result)


def test_a_failing_command_gives_its_last_line():
    complain = "import sys; sys.exit('first line\\nthe reason')"
    with pytest.raises(environments.NotInstalled, match=r"^the reason$"):
        environments.run([sys.executable, "-c", complain])


def test_hips_autograd_is_never_mistaken_for_ours():
    (hips,) = (c for c in CONTESTANTS if c.name == "hips")
    here = Contestant("hips", hips.label, hips.module)  # where only this project may be installed
    worker = Worker(here)
    try:
        with pytest.raises(WorkerFailed, match=r"this project's own package|No module named"):
            worker.ask("describe")
    finally:
        worker.close()


@pytest.mark.parametrize(("environment", "paths"), [(".venv-x", None), (None, environments.ROOT)])
def test_only_our_own_worker_may_find_the_packages_of_the_checkout(environment, paths, monkeypatch):
    started = {}

    def popen(command, *, env, **options):
        started.update(command=command, env=env)

    monkeypatch.setenv("PYTHONPATH", "where a user keeps a checkout")
    monkeypatch.setattr(race, "python_with", lambda environment, requirements: sys.executable)
    monkeypatch.setattr(race.subprocess, "Popen", popen)
    worker = Worker(Contestant("hips", "HIPS autograd", "hips", environment=environment))
    worker.complaints.close()
    assert "-P" in started["command"]
    assert started["env"].get("PYTHONPATH") == (paths and str(paths))


def test_every_contestant_names_a_module_that_exists():
    folder = environments.ROOT / "benchmarks" / "contestants"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {c.module for c in CONTESTANTS} == modules


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "--threads" in capsys.readouterr().out
