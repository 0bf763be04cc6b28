"""The rounds: workers take turns, one timed block each, and agree on the results beforehand."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import Any

from benchmarks.environments import ROOT, NotInstalled, python_with
from benchmarks.problems import ROWS, Problem

# Threads of a BLAS go on spinning for a while after their last product (OpenBLAS: 2^26 clock
# cycles); until they sleep they would take time from the next contestant.
PAUSE = 0.05

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Contestant:
    """Who takes part: a module in `benchmarks.contestants`, and where it runs."""

    name: str
    label: str
    module: str
    rows: tuple[str, ...] = ("scalar", "mlp")  # kinds of problem
    environment: str | None = None
    requirements: tuple[str, ...] = ()


_PEERS = ".venv-peers"
_LARGE = ("products", "cnn", "lstm", "transformer")  # kinds that the other peers leave out

CONTESTANTS = (
    Contestant("ours", "gradwalk", "ours", ("scalar", "mlp", *_LARGE)),
    Contestant("numpy", "NumPy by hand", "numpy_hand", ("mlp", *_LARGE)),
    Contestant(
        "pytorch",
        "PyTorch",
        "pytorch",
        ("scalar", "mlp", *_LARGE),
        environment=_PEERS,
        requirements=("torch==2.13.0",),
    ),
    Contestant(
        "pytorch-fused",
        "PyTorch, fused SGD",
        "pytorch_fused",
        ("mlp",),
        environment=_PEERS,
        requirements=("torch==2.13.0",),
    ),
    Contestant(
        "micrograd",
        "micrograd",
        "micrograd",
        ("scalar",),
        environment=_PEERS,
        requirements=("micrograd==0.1.0",),
    ),
    Contestant("mygrad", "MyGrad", "mygrad", environment=_PEERS, requirements=("mygrad==2.5.0",)),
    Contestant(
        "hips",
        "HIPS autograd",
        "hips",
        environment=".venv-hips",
        requirements=("autograd==1.9.1", "scipy"),
    ),
)


@dataclass(frozen=True)
class Settings:
    """How to measure."""

    rounds: int = 40
    block: float = 0.05  # seconds that a timed block should take
    threads: int | None = None  # of the BLAS; None leaves the libraries their defaults
    gc: bool = True  # collect garbage during a block, as Python does for users


@dataclass
class Result:
    """A row's outcome: by contestant, the seconds of a step in each round; or why there is none."""

    row: str
    problem: Problem
    seconds: dict[str, list[float]] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class WorkerFailed(Exception):
    """A worker died; the text is the last line it wrote."""


class Worker:
    """A contestant's process, asked and answering in lines of JSON."""

    def __init__(self, contestant: Contestant, *, threads: int | None = None) -> None:
        python = python_with(contestant.environment, contestant.requirements)
        environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        if contestant.environment is None:
            environ["PYTHONPATH"] = str(ROOT)  # only our own may find the packages of the checkout
        if threads is not None:
            environ |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        script = Path(__file__).with_name("worker.py")
        self.contestant = contestant
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - close() closes it
        self.process = subprocess.Popen(
            [str(python), "-P", str(script), contestant.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            cwd=ROOT,
            env=environ,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        WorkerFailed
            If the process ended instead.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended: then there is no answer to read either
            print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            self.complaints.seek(0)
            lines = self.complaints.read().strip().splitlines()
            raise WorkerFailed(lines[-1] if lines else "the worker ended without a word")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.complaints.close()


def race(row: str, contestants: Sequence[Contestant], settings: Settings) -> Result:
    """Run one row: start the workers, see that they agree, let them take turns.

    Raises
    ------
    ValueError
        If two contestants do not compute the same.
    """
    problem = ROWS[row]
    result = Result(row, problem)
    workers: list[Worker] = []
    fingerprints = {}
    try:
        for contestant in contestants:
            if problem.kind not in contestant.rows:
                continue
            try:
                worker = Worker(contestant, threads=settings.threads)
                workers.append(worker)
                fingerprints[contestant.name] = worker.ask("prepare", row=row)
                result.facts[contestant.name] = worker.ask("describe")
            except NotInstalled as reason:
                result.missing[contestant.name] = f"not installed: {reason}"
            except WorkerFailed as reason:
                result.missing[contestant.name] = f"failed: {reason}"
        must_agree(row, fingerprints, problem.tolerance)
        running = [w for w in workers if w.contestant.name in result.facts]
        take_turns(row, running, settings, result)
    finally:
        for worker in workers:
            worker.close()
    return result


def take_turns(row: str, workers: Sequence[Worker], settings: Settings, result: Result) -> None:
    """Time one block of each worker, round after round, every other round in reverse order.

    A worker that dies is missing from then on.
    """

    def block(worker: Worker, repeats: int) -> float:
        sleep(PAUSE)
        answer = worker.ask("time", row=row, repeats=repeats, gc=settings.gc)
        return float(answer["seconds"])

    def turn(worker: Worker) -> None:
        name = worker.contestant.name
        if name in result.missing:
            return
        try:
            if name not in result.repeats:
                guess = min(block(worker, 3) for _ in range(2))
                result.repeats[name] = max(1, round(settings.block / guess))
                result.seconds[name] = []
            else:
                result.seconds[name].append(block(worker, result.repeats[name]))
        except WorkerFailed as reason:  # the others go on; its rounds are of no use
            result.missing[name] = f"failed: {reason}"
            result.seconds.pop(name, None)

    for worker in workers:
        turn(worker)
    for i in range(settings.rounds):
        for worker in workers if i % 2 == 0 else reversed(workers):
            turn(worker)


def must_agree(row: str, fingerprints: dict[str, dict[str, Any]], tolerance: float) -> None:
    """Raise unless all contestants found the losses and gradients that the first one found.

    Raises
    ------
    ValueError
        Naming the row, the two contestants and what differs.
    """
    if not fingerprints:
        return
    (first, expected), *others = fingerprints.items()
    for name, found in others:
        for i, (a, b) in enumerate(zip(expected["losses"], found["losses"], strict=True)):
            if not abs(a - b) <= tolerance * abs(a):
                raise ValueError(
                    f"{row}: the loss of step {i + 1} is {b} by {name} but {a} by {first}; "
                    "they do not do the same work, so their times cannot be compared"
                )
        pairs = zip(expected["gradients"], found["gradients"], strict=True)
        for i, ((norm, a), (other_norm, b)) in enumerate(pairs):
            if not max(abs(norm - other_norm), abs(a - b)) <= tolerance * norm:
                raise ValueError(
                    f"{row}: gradient {i} has norm {other_norm} and projection {b} by {name}, but "
                    f"{norm} and {a} by {first}; they do not do the same work"
                )
