"""Rules for the whole suite."""

import os

import pytest

NO_SKIPS = os.environ.get("SUNSHINE_NO_SKIPS") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything can be installed (scripts/test as root) a skipped test is a failure."""
    outcome = yield
    report = outcome.get_result()
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but here nothing may be missing: {report.longrepr}"
