"""One contestant in a process of its own: answers requests on stdin, one line of JSON each.

``{"do": "prepare", "row": name}`` builds the row's work and answers with its fingerprint;
``{"do": "time", "row": name, "repeats": n, "gc": bool}`` answers with the seconds of one step;
``{"do": "describe"}`` with versions and BLAS threads.

Run as a script with ``-P``, so that neither its folder nor the current one is on the module search
path: of the checkout, only the package `benchmarks` can be imported.
"""

import gc
import importlib.util
import json
import sys
from importlib import import_module, metadata
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.problems import Work

SETTLING_STEPS = 3  # untimed, at the start of a block: caches fill, threads wake


def main(name: str) -> None:
    """Serve the contestant `name` until stdin ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    import_checkout_package("benchmarks", Path(__file__).parent)
    contestant = import_module(f"benchmarks.contestants.{name}")
    works: dict[str, Work] = {}
    for line in sys.stdin:
        answer = respond(contestant, works, json.loads(line))
        print(json.dumps(answer), file=answers, flush=True)


def import_checkout_package(name: str, folder: Path) -> None:
    """Import the package in `folder` as `name`, with nothing else of the folder around it."""
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def respond(
    contestant: ModuleType, works: dict[str, "Work"], request: dict[str, Any]
) -> dict[str, Any]:
    """Return the answer to one request; `works` keeps what was prepared."""
    if request["do"] == "describe":
        return describe(contestant)
    row = request["row"]
    if request["do"] == "prepare":
        from benchmarks.problems import ROWS

        works[row] = getattr(contestant, ROWS[row].kind)(ROWS[row])
        return fingerprint(works[row])
    return {"seconds": time_block(works[row], request["repeats"], collect=request["gc"])}


def time_block(work: "Work", repeats: int, *, collect: bool) -> float:
    """Return the seconds of one step, averaged over `repeats` in a row.

    Garbage is collected before the block, so that no contestant pays for another's; during the
    block as Python does by default, since a graph full of cycles is a cost to its users. With
    `collect` False that cost is left out.
    """
    step = work.step
    for _ in range(SETTLING_STEPS):
        step()
    gc.collect()
    if not collect:
        gc.disable()
    start = perf_counter()
    for _ in range(repeats):
        step()
    seconds = perf_counter() - start
    gc.enable()
    return seconds / repeats


def fingerprint(work: "Work") -> dict[str, Any]:
    """Return numbers that agree only between contestants that do the same work.

    The loss of three steps, which depends on the updates in between; and of each gradient of the
    first step its norm and its product with a fixed random vector, which a transposed or reordered
    gradient would change.
    """
    import numpy as np

    first = work.item(work.step())
    rng = np.random.default_rng(0)
    gradients = []
    for g in work.gradients():
        flat = np.asarray(g, dtype=np.float64).ravel()
        gradients.append(
            [float(np.linalg.norm(flat)), float(flat @ rng.standard_normal(flat.size))]
        )
    losses = [first, work.item(work.step()), work.item(work.step())]
    return {"losses": losses, "gradients": gradients}


def describe(contestant: ModuleType) -> dict[str, Any]:
    """Return the versions of the contestant's distributions, and the threads of its BLAS."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError as error:
        pools: Any = f"unknown: {error}"
    else:
        facts = ("internal_api", "version", "architecture", "num_threads")
        pools = [{key: pool[key] for key in facts if key in pool} for pool in threadpool_info()]
    versions = {name: metadata.version(name) for name in contestant.DISTRIBUTIONS}
    return {"versions": versions, "thread_pools": pools}


if __name__ == "__main__":
    main(sys.argv[1])
