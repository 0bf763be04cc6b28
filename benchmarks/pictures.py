"""The times and sizes that pictures keep: ``python -m benchmarks.pictures`` prints them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np

import viz
from autograd import Tensor, scope

ROUNDS = 5
SAMPLES = 186


def main() -> None:
    """Print what each picture took, beside what it may take."""
    rows = [
        ("import viz, beside NumPy, SciPy and autograd", "50 ms", _import()),
        ("SVG of 300 nodes", "300 ms", _timed(lambda: viz.draw(_chain(299)).svg())),
        ("page of 900 nodes, size", "1,000 kB", _page()),
        ("chain of 20,000 ops", "2,000 ms", _drawn(_chain(20_000))),
        ("diamond of 2^16 paths", "2,000 ms", _drawn(_diamond(16))),
        ("12,648 ops on scalars, collapsed by call", "2,000 ms", _drawn(_perceptrons(calls=True))),
        ("the same without calls", "2,000 ms", _drawn(_perceptrons(calls=False))),
    ]
    wide = max(len(name) for name, _, _ in rows)
    for name, limit, found in rows:
        print(f"{name.ljust(wide)}  {found:>22}  (at most {limit})")


def _timed(work: Callable[[], object]) -> str:
    """The median of wall times, and of this process's share of it."""
    work()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = perf_counter(), process_time()
        work()
        walls.append(perf_counter() - wall)
        cpus.append(process_time() - cpu)
    return f"{1e3 * median(walls):,.0f} ms ({1e3 * median(cpus):,.0f} of CPU)"


def _drawn(output: Tensor) -> str:
    return _timed(lambda: viz.draw(output).svg())


def _import() -> str:
    """What importing viz adds to what it stands on, in a fresh interpreter."""
    code = (
        "import autograd; from time import perf_counter, process_time; "
        "wall, cpu = perf_counter(), process_time(); import viz; "
        "print(perf_counter() - wall, process_time() - cpu)"
    )
    with TemporaryDirectory() as folder:  # the first run compiles into it, as installing does
        cached = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        runs = [
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, **cached},
                stdout=subprocess.PIPE,
                check=True,
            )
            for _ in range(ROUNDS + 1)
        ]
    times = [tuple(map(float, run.stdout.split())) for run in runs[1:]]
    wall, cpu = (1e3 * median(column) for column in zip(*times, strict=True))
    return f"{wall:,.0f} ms ({cpu:,.0f} of CPU)"


def _page() -> str:
    y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(300):
        y = (y * 0.999).tanh()
    size = len(viz.draw(y, max_nodes=1000, form="compact").html().encode())
    return f"{size / 1e3:,.0f} kB"


def _chain(length: int) -> Tensor:
    y = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(length):
        y = y.sin()
    return y


def _diamond(depth: int) -> Tensor:
    y = Tensor(0.5, requires_grad=True, name="x")
    for _ in range(depth):
        y = y + y
    return y


def _perceptrons(*, calls: bool) -> Tensor:
    """The summed loss of a 2-4-4-1 network of scalars on 186 samples: 12,648 ops."""

    def weights(*shape: int) -> list[list[Tensor]]:
        return [[Tensor(v, requires_grad=True) for v in row] for row in rng.normal(size=shape)]

    rng = np.random.default_rng(0)
    layers = [weights(4, 3), weights(4, 5), weights(1, 5)]
    total = Tensor(0.0)
    for row in rng.normal(size=(SAMPLES, 2)):
        h = [Tensor(v) for v in row]
        with scope("sample") if calls else nullcontext():
            for i, layer in enumerate(layers):
                with scope(f"layer{i}") if calls else nullcontext():
                    h = [_neuron(w, h, last=i == 2) for w in layer]
            loss = 0.5 * (h[0] - 1.0) ** 2
        total = total + loss
    return total


def _neuron(w: list[Tensor], x: list[Tensor], *, last: bool) -> Tensor:
    out = w[-1]
    for a, b in zip(w, x, strict=False):
        out = out + a * b
    return out if last else out.tanh()


if __name__ == "__main__":
    main()
