"""Parts of a batch, shared out among the cores that are free.

NumPy computes on one core; only BLAS has threads of its own, and only for large products. What an
op does to each example of a batch by itself can be done to several parts of it at once, since long
calls of NumPy let other threads run meanwhile.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from itertools import pairwise
from time import perf_counter, process_time, thread_time
from typing import Any

PART = 2**16
"""Numbers that make a part worth a hand-over from thread to thread, which takes some 50 us."""


def in_parts(work: Callable[[slice], Any], n: int, size: int) -> list[Any]:
    """Return what `work` makes of each part of a batch.

    There is one for each core that the process may use, of `PART` numbers at least. So the last
    bits of the results depend on that number, but not on how many of these cores are free.

    Parameters
    ----------
    work : callable
        Takes a slice of the batch. Called in several threads at once, it may write to arrays at
        the place of its slice.
    n : int
        Examples in the batch.
    size : int
        Numbers to compute for all of them.

    Returns
    -------
    list
        In the order of the parts.
    """
    count = max(1, min(n, _cores(), size // PART))
    parts = [slice(a, b) for a, b in pairwise(n * i // count for i in range(count + 1))]
    helpers = min(count - 1, _free_cores.count()) if count > 1 else 0
    if not helpers:
        return [work(part) for part in parts]
    outcomes: list[Future[Any]] = [Future() for _ in parts]
    turns = deque(zip(parts, outcomes, strict=True))

    def take_turns() -> None:
        while True:
            try:
                part, outcome = turns.popleft()
            except IndexError:
                return
            try:
                outcome.set_result(work(part))
            except BaseException as error:
                outcome.set_exception(error)

    def help_out() -> None:
        start = thread_time()
        take_turns()
        _free_cores.helped += thread_time() - start

    try:
        for _ in range(helpers):  # each in a copy of the context, where NumPy keeps its errstate
            _pool().submit(copy_context().run, help_out)
    except RuntimeError:  # the interpreter ends, or the system has no thread left: go on alone
        _pool().shutdown(wait=False, cancel_futures=True)
    take_turns()
    # waits for each part that a helper took; one that comes later finds nothing to do
    errors = [error for outcome in outcomes if (error := outcome.exception())]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, Exception))  # an interrupt first
    return [outcome.result() for outcome in outcomes]


class _FreeCores:
    """How many cores this process leaves free, by the time it took on all of them of late.

    A BLAS waits for its next product at full speed (OpenBLAS for 2**26 ticks of a clock, tens of
    milliseconds), and a helper that shares a core with its thread is worse than none.
    """

    WINDOW = 0.02  # seconds; what other threads took, the system adds up some milliseconds late

    def __init__(self) -> None:
        self.since = perf_counter(), process_time()
        self.helped = 0.0  # seconds that helpers took since then
        self.busy = 1.0  # cores that the process kept busy without them

    def count(self) -> int:
        """How many cores could help the one that asks."""
        now, (wall, cpu) = perf_counter(), self.since
        if now - wall > self.WINDOW:
            total = process_time()
            self.busy = (total - cpu - self.helped) / (now - wall)
            self.since, self.helped = (now, total), 0.0
        return max(0, round(_cores() - max(1.0, self.busy)))


_free_cores = _FreeCores()


@cache
def _cores() -> int:
    """How many cores this process may use: as many as OpenBLAS takes."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        said = re.match(r"\s*(\d+)", os.environ.get(name, ""), re.ASCII)
        if said and int(said[1]):
            return min(mine, int(said[1]))
    return mine


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores() - 1, thread_name_prefix="autograd")


def _begin_anew() -> None:
    """Leave to the parent of a forked process its threads and its times."""
    _pool.cache_clear()
    _free_cores.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
