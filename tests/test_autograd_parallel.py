"""Parts of a batch in several threads: the same results whoever computes them, and no hanging."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from autograd import Tensor, conv2d, conv_transpose2d, max_pool2d, parallel
from autograd.parallel import PART, in_parts


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Two cores to use, both free, whatever the machine and its load."""
    pool = ThreadPoolExecutor(2)
    monkeypatch.setattr(parallel, "_pool", lambda: pool)
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    monkeypatch.setattr(parallel, "_free", parallel._Free())
    yield
    pool.shutdown()


def nobody_helps(monkeypatch):
    monkeypatch.setattr(parallel._free, "cores", lambda: 0)


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
    monkeypatch.setattr(parallel, "_cores", lambda: 4)
    monkeypatch.setattr(parallel._free, "cores", lambda: 1)
    caller, meet, ended = threading.current_thread(), threading.Barrier(2, timeout=60), []

    def work(part):
        if part.start < 2:
            meet.wait()
            if (threading.current_thread() is caller) == caller_fails:
                raise ValueError("a wrong part")
        time.sleep(0.05)
        ended.append(part.start)

    with pytest.raises(ValueError, match="a wrong part"):
        in_parts(work, 4, 4 * PART)
    # the other ends what it is at; after an error of its own the caller begins nothing else
    assert len(ended) == (1 if caller_fails else 3)


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
    monkeypatch.setattr(parallel._free, "cores", lambda: cores - 1)
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
def test_a_forked_child_has_helpers_of_its_own(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(parallel, "_cores", lambda: 2)
    monkeypatch.setattr(parallel._free, "cores", lambda: 1)
    meet = threading.Barrier(2, timeout=20)
    in_parts(lambda part: meet.wait(), 2, 2 * PART)  # the parent has one
    child = os.fork()
    if not child:
        try:
            in_parts(lambda part: meet.wait(), 2, 2 * PART)
        except threading.BrokenBarrierError:
            os._exit(1)
        os._exit(0)
    for _ in range(600):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    else:
        os.kill(child, 9)
        pytest.fail("the child waits for a helper that it has not")
    assert status == 0


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
        (1.0, 0.0, 0.0, 2),  # it slept
        (0.001, 0.004, 0.0, 1),  # too soon to tell
    ],
)
def test_cores_are_free_by_what_the_process_took(wall, cpu, helped, free, monkeypatch):
    monkeypatch.setattr(parallel, "perf_counter", lambda: 100.0)
    monkeypatch.setattr(parallel, "process_time", lambda: 10.0)
    measured = parallel._Free()
    measured.helped = helped
    monkeypatch.setattr(parallel, "perf_counter", lambda: 100.0 + wall)
    monkeypatch.setattr(parallel, "process_time", lambda: 10.0 + cpu)
    assert measured.cores() == free
    assert measured.cores() == free  # until the next window is over


@pytest.mark.parametrize(
    ("variables", "cores"),
    [
        ({"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "0"}, 1),
        ({"OMP_NUM_THREADS": "4,2"}, None),
        ({}, None),
    ],
)
def test_cores_are_as_many_as_blas_takes(variables, cores, monkeypatch):
    monkeypatch.undo()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = parallel._cores.__wrapped__()
    assert found == cores if cores else 1 <= found <= os.cpu_count()
