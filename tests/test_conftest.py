"""The switch that turns skips into failures, tried in a small project of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = {
    "tests/test_inside.py": "import pytest\ndef test_a(): pytest.skip('no network')\n",
    "tests/test_mark.py": "import pytest\n@pytest.mark.skip('no network')\ndef test_a(): 1\n",
    "tests/test_module.py": "import pytest\npytest.importorskip('missing', reason='no network')\n",
    "tests/test_fixture.py": (
        "import pytest\n@pytest.fixture\ndef net(): pytest.skip('no network')\n"
        "def test_a(net): pass\n"
    ),
    "package.py": '"""\n>>> 1 / 0  # doctest: +SKIP\n"""\n',
}
XFAIL = "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\n"


def run(folder, no_skip):
    """Run pytest in the folder; return its exit code and the lines of its summary."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "GRADWALK_"))}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "GRADWALK_NO_SKIP": no_skip, "COLUMNS": "200"}
    options = ["-p", "no:cacheprovider", "--doctest-modules", "--continue-on-collection-errors"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-rA", "tests", "package.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "tests").mkdir()
    shutil.copy(Path(__file__).with_name("conftest.py"), folder / "tests")
    for path, source in {**SKIPS, "tests/test_xfail.py": XFAIL}.items():
        (folder / path).write_text(source)
    return folder


@pytest.fixture(scope="module")
def strict(project):
    return run(project, "1")


def outcomes(text, path):
    """The outcomes that the short summary gives for a file."""
    summary = text.split("short test summary info")[1].splitlines()
    return {line.split()[0] for line in summary if path in line}


@pytest.mark.parametrize("path", SKIPS)
def test_a_skip_is_a_failure(strict, path):
    code, text = strict
    assert code == 1
    assert outcomes(text, path) and outcomes(text, path) <= {"FAILED", "ERROR"}


def test_the_failure_gives_the_reason(strict):
    _, text = strict
    # twice for the module that is collected as a module and searched for doctests
    assert text.count("no network (GRADWALK_NO_SKIP makes a skip a failure)") >= 4


def test_an_expected_failure_is_no_skip(strict):
    _, text = strict
    assert outcomes(text, "test_xfail.py") == {"XFAIL"}


def test_without_the_switch_a_skip_is_a_skip(project):
    code, text = run(project, "")
    assert code == 0
    assert "6 skipped" in text
