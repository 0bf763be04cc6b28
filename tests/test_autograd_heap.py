"""Arrays that are freed and made again cost no page faults, where the C library is glibc."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
{imports}

def step():
    for _ in range(2):
        arrays = [np.ones(1 << 20, np.float32) for _ in range(4)]  # 16 MB

faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
before = faults()
for _ in range(5):
    step()
print((faults() - before) // 5)
"""


def faults_of_a_step(imports):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(imports=imports)],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_step_that_was_made_before_gets_its_memory_without_page_faults():
    assert faults_of_a_step("import autograd") < 10
    assert faults_of_a_step("") > 1000  # what it is for: if this fails, it is needed no more
