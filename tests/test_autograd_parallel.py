"""Parts of a batch in several threads: the same results whoever computes them, and no hanging."""

import gc
import itertools
import os
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from autograd import Tensor, conv2d, conv_transpose2d, max_pool2d, parallel
from autograd.parallel import PART, in_parts

COUNT = parallel._cores.__wrapped__


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Two cores to use, both free, whatever the machine and its load."""
    pool = ThreadPoolExecutor(2)
    monkeypatch.setattr(parallel, "_pool", lambda: pool)
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    monkeypatch.setattr(parallel, "_free_cores", parallel._FreeCores())
    yield
    pool.shutdown()


def nobody_helps(monkeypatch):
    monkeypatch.setattr(parallel._free_cores, "count", lambda: 0)


@pytest.mark.parametrize(("n", "size"), [(0, 0), (1, 0), (1, 9 * PART), (7, 2 * PART - 1)])
def test_a_small_batch_is_one_part(n, size):
    assert in_parts(lambda part: part, n, size) == [slice(0, n)]


@pytest.mark.parametrize("n", [2, 7])
def test_a_large_batch_has_a_part_for_each_core(n):
    assert in_parts(lambda part: part, n, 9 * PART) == [slice(0, n // 2), slice(n // 2, n)]


def test_parts_are_worth_their_hand_over(monkeypatch):
    monkeypatch.setattr(parallel, "_cores", lambda: 8)
    parts = in_parts(lambda part: part, 64, 3 * PART)
    assert [(part.start, part.stop) for part in parts] == [(0, 21), (21, 42), (42, 64)]


def test_two_parts_run_at_the_same_time():
    meet = threading.Barrier(2, timeout=60)

    def work(part):
        meet.wait()
        return threading.current_thread().name

    names = in_parts(work, 2, 2 * PART)
    assert len(set(names)) == 2
    assert threading.current_thread().name in names


def test_one_thread_does_all_where_no_core_is_free(monkeypatch):
    nobody_helps(monkeypatch)
    names = in_parts(lambda part: threading.current_thread().name, 2, 2 * PART)
    assert set(names) == {threading.current_thread().name}


def test_a_helper_that_comes_too_late_is_not_waited_for():
    free = threading.Event()
    busy = [parallel._pool().submit(free.wait, 20) for _ in range(2)]  # all of them
    assert in_parts(lambda part: part.start, 2, 2 * PART) == [0, 1]
    free.set()
    assert all(task.result() for task in busy)  # nobody waited until they gave up


@pytest.mark.parametrize("caller_fails", [True, False])
def test_an_error_in_a_part_is_raised_once_all_threads_are_done(caller_fails, monkeypatch):
    monkeypatch.setattr(parallel, "_cores", lambda: 3)
    monkeypatch.setattr(parallel._free_cores, "count", lambda: 2)
    caller, meet, ended = threading.current_thread(), threading.Barrier(3, timeout=60), []
    nth = itertools.count()

    def work(part):
        meet.wait()
        if (threading.current_thread() is caller) == caller_fails and next(nth) == 0:
            raise ValueError("a wrong part")
        time.sleep(0.1)
        ended.append(part.start)

    with pytest.raises(ValueError, match="a wrong part"):
        in_parts(work, 3, 3 * PART)
    assert len(ended) == 2


@pytest.mark.parametrize("interrupted", [0, 1])
def test_an_interrupt_is_raised_before_an_error(interrupted):
    def work(part):
        raise KeyboardInterrupt if part.start == interrupted else ValueError

    with pytest.raises(KeyboardInterrupt):
        in_parts(work, 2, 2 * PART)


def no_thread_begins(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_where_no_thread_can_begin_the_caller_does_all_and_nothing_is_kept(monkeypatch):
    no_thread_begins(monkeypatch)
    kept = []
    for _ in range(3):
        held = np.zeros(2)
        kept.append(weakref.ref(held))

        def work(part, held=held):
            held[part] += 1

        in_parts(work, 2, 2 * PART)
        assert (held == 1).all()
        del held, work
    gc.collect()
    assert [ref() for ref in kept] == [None] * 3


def test_a_part_that_another_callers_helper_took_is_waited_for(monkeypatch):
    """The second helper cannot begin, but what was meant for it is done by one that is there."""
    monkeypatch.setattr(parallel, "_cores", lambda: 3)
    monkeypatch.setattr(parallel._free_cores, "count", lambda: 2)
    ready, go, took = threading.Event(), threading.Event(), threading.Event()
    parallel._pool().submit(lambda: (ready.set(), go.wait(20)))
    assert ready.wait(20)
    no_thread_begins(monkeypatch)
    caller, out = threading.current_thread(), np.zeros(3)

    def work(part):
        if threading.current_thread() is caller:
            go.set()
            took.wait(0.2)
        else:
            took.set()
            time.sleep(0.2)
        out[part] = 1
        return part.start

    assert in_parts(work, 3, 3 * PART) == [0, 1, 2]
    assert (out == 1).all()


def test_helpers_treat_floating_point_errors_as_the_caller_does():
    meet = threading.Barrier(2, timeout=60)

    def work(part):
        meet.wait()
        return np.float32(1) / np.zeros(1, np.float32) if part.start else None

    with np.errstate(divide="ignore"):
        assert np.isinf(in_parts(work, 2, 2 * PART)[1])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        in_parts(work, 2, 2 * PART)


def ran(x, w):
    """Run convolutions and pools forward and backward; return all numbers that come out."""
    x, w = (Tensor(a, requires_grad=True) for a in (x, w))
    out = max_pool2d(conv2d(x, w, padding=1), 2)
    back = conv_transpose2d(out, w, stride=2)
    (back * back).sum().backward()
    return [t.numpy() for t in (out, back, x.grad, w.grad)]


@pytest.mark.parametrize("cores", [2, 3])
@pytest.mark.parametrize(("channels", "size"), [((1, 16), 28), ((16, 12), 15)])
def test_no_bit_depends_on_who_helps(cores, channels, size, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((25, channels[0], size, size), np.float32)
    w = rng.standard_normal((*channels[::-1], 3, 3), np.float32)
    monkeypatch.setattr(parallel, "_cores", lambda: cores)
    monkeypatch.setattr(parallel._free_cores, "count", lambda: cores - 1)
    helped = ran(x, w)
    nobody_helps(monkeypatch)
    alone = ran(x, w)
    monkeypatch.setattr(parallel, "_cores", lambda: 1)
    whole = ran(x, w)
    for a, b, c in zip(helped, alone, whole, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-3 * np.abs(c).max())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads: the point
def test_a_forked_child_has_helpers_and_times_of_its_own(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    parallel._pool.cache_clear()
    meet = threading.Barrier(2, timeout=20)

    def two_threads_meet():
        parallel._free_cores.count = lambda: 1
        in_parts(lambda part: meet.wait(), 2, 2 * PART)

    try:
        two_threads_meet()  # the parent has a helper
        parallel._free_cores.busy = 7.0
        child = os.fork()
        if not child:
            os._exit(_ends_well(two_threads_meet))
        for _ in range(600):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            time.sleep(0.1)
        else:
            os.kill(child, 9)
            pytest.fail("the child waits for a helper that it has not")
        assert os.waitstatus_to_exitcode(status) == 0
    finally:
        parallel._pool().shutdown()
        parallel._pool.cache_clear()
        del parallel._free_cores.count
        parallel._free_cores.__init__()


def _ends_well(two_threads_meet):
    if parallel._free_cores.busy != 1:
        return 2
    try:
        two_threads_meet()
    except threading.BrokenBarrierError:
        return 1
    return 0


def test_what_runs_when_the_interpreter_ends_runs_alone():
    script = """
import atexit
from autograd.parallel import PART, in_parts

def show():
    print(in_parts(lambda part: part.start, 2, 2 * PART))

atexit.register(show)
show()
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (run.stdout, run.stderr) == ("[0, 1]\n[0, 1]\n", "")


@pytest.mark.parametrize(
    ("wall", "cpu", "helped", "free"),
    [
        (1.0, 1.0, 0.0, 1),  # one thread computes
        (1.0, 2.0, 0.0, 0),  # BLAS waits on the other core
        (1.0, 1.9, 0.9, 1),  # that was a helper
        (1.0, 1.6, 0.0, 0),
        (1.0, 1.4, 0.0, 1),
        (1.0, 0.0, 0.0, 1),  # it slept
        (0.001, 0.004, 0.0, 1),  # too soon to tell
    ],
)
def test_cores_are_free_by_what_the_process_took(wall, cpu, helped, free, monkeypatch):
    monkeypatch.setattr(parallel, "perf_counter", lambda: 100.0)
    monkeypatch.setattr(parallel, "process_time", lambda: 10.0)
    measured = parallel._FreeCores()
    measured.helped = helped
    monkeypatch.setattr(parallel, "perf_counter", lambda: 100.0 + wall)
    monkeypatch.setattr(parallel, "process_time", lambda: 10.0 + cpu)
    assert measured.count() == free
    assert measured.count() == free  # until the next window is over


@pytest.mark.parametrize(
    ("variables", "cores"),
    [
        ({"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"GOTO_NUM_THREADS": "4", "OMP_NUM_THREADS": "5"}, 4),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": " 1"}, 1),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": "64"}, 8),
        ({"OPENBLAS_NUM_THREADS": "0", "OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "\N{SUPERSCRIPT TWO}"}, 8),
        ({"OMP_NUM_THREADS": "many"}, 8),
        ({}, 8),
    ],
)
def test_cores_are_as_many_as_blas_takes(variables, cores, monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    assert COUNT() == cores
