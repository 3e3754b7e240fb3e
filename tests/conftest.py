"""Rules for the whole suite."""

import gc
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

NO_SKIPS = os.environ.get("SUNSHINE_NO_SKIPS") == "1"
# The same examples each time, however slow the machine is.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("suite")
# What somebody has set for himself says nothing about the code: colours, widths, settings of his own centre.
for name in [*os.environ]:
    ours = name.startswith("SUNSHINE_") and name not in ("SUNSHINE_NO_SKIPS", "SUNSHINE_CHROMIUM")
    if ours or name in ("COLUMNS", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
        del os.environ[name]
# Who is started in the background (`scripts/test &`) ignores these, and so would every process that a test starts and signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# A test leaves little garbage beside all that the imports leave: looking through this again and again took a tenth of the time.
gc.set_threshold(100_000, 20)


def pytest_collection_finish() -> None:
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything can be installed (scripts/test as root) a skipped test is a failure."""
    outcome = yield
    report = outcome.get_result()
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but here nothing may be missing: {report.longrepr}"
