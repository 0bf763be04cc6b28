"""Parts of a batch, shared out among the cores that are free.

NumPy computes on one core; only BLAS has threads of its own, and only for large products. What an
op does to each example of a batch by itself can be done to several parts of it at once, since long
calls of NumPy let other threads run meanwhile.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from itertools import pairwise
from time import perf_counter, process_time, thread_time
from typing import Any

PART = 2**16
"""Numbers that make a part worth a hand-over from thread to thread, which takes some 50 us."""


def in_parts(work: Callable[[slice], Any], n: int, size: int) -> list[Any]:
    """Return what `work` makes of each part of a batch.

    There is one for each core, of `PART` numbers at least. So the parts, and with them every bit of
    the results, do not depend on how many cores are free at the time.

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
    helpers = min(count - 1, _free.cores()) if count > 1 else 0
    if not helpers:
        return [work(part) for part in parts]
    results, todo = [None] * count, deque(enumerate(parts))

    def take_turns() -> None:
        while True:
            try:
                i, part = todo.popleft()
            except IndexError:
                return
            results[i] = work(part)

    def help_out() -> None:
        start = thread_time()
        take_turns()
        _free.helped += thread_time() - start

    tasks = []
    with suppress(RuntimeError):  # when the interpreter ends no thread begins any more
        for _ in range(helpers):  # each in a copy of the context, where NumPy keeps its errstate
            tasks.append(_pool().submit(copy_context().run, help_out))
    try:
        take_turns()
    finally:
        todo.clear()  # after an error nobody begins anything else
        for task in tasks:
            if not task.cancel():
                task.result()
    return results


class _Free:
    """How many cores this process leaves free, by the time it took on all of them of late.

    A BLAS waits for its next product at full speed (OpenBLAS for 2**26 ticks of a clock, tens of
    milliseconds), and a helper that shares a core with its thread is worse than none.
    """

    WINDOW = 0.02  # seconds; what other threads took, the system adds up some milliseconds late

    def __init__(self) -> None:
        self.since = perf_counter(), process_time()
        self.helped = 0.0  # seconds that helpers took since then
        self.busy = 1.0  # cores that the process kept busy without them

    def cores(self) -> int:
        """How many cores could help the one that asks."""
        now, (wall, cpu) = perf_counter(), self.since
        if now - wall > self.WINDOW:
            total = process_time()
            self.busy = (total - cpu - self.helped) / (now - wall)
            self.since, self.helped = (now, total), 0.0
        return max(0, round(_cores() - self.busy))


_free = _Free()


@cache
def _cores() -> int:
    """How many cores this process may use: as many as OpenBLAS takes."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return max(1, int(os.environ[name]))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores() - 1, thread_name_prefix="autograd")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads stay behind
