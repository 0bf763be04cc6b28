"""Where `GRADWALK_NO_SKIP` is set, a skipped test is a failure: nothing goes unchecked silently.

And the browser in which pages are tried.
"""

import os
import shutil

import pytest

pytest.register_assert_rewrite("tests.op_checks")


class NoSkip:
    """Turns skipped tests and skipped modules into failures that give the reason."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self):
        report = yield
        # an expected failure is reported as a skip too; strict xfail already watches over those
        return report if hasattr(report, "wasxfail") else _failed(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self):
        report = yield
        return _failed(report)


def _failed(report):
    if report.skipped:
        path, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason} (GRADWALK_NO_SKIP makes a skip a failure)"
    return report


def pytest_configure(config):
    # registered, not written as hooks of this file: those would see the tests of this folder only,
    # and not the doctests of the packages
    if os.environ.get("GRADWALK_NO_SKIP"):
        config.pluginmanager.register(NoSkip(), "gradwalk-no-skip")


@pytest.fixture(scope="module")
def browser():
    """Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    with (
        sync_api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]) as chromium,
    ):
        yield chromium
