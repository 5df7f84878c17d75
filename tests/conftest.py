"""What every test may ask for, and what a run says about itself.

Guarantees that nothing is left out silently: the last lines of a run name each kind of test that
was not run, and how to run it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

RECORDINGS = "OMG_RECORDINGS"
REQUIRE_RECORDINGS = "OMG_REQUIRE_RECORDINGS"
_NO_RECORDINGS = f"{RECORDINGS} is not set: point it to the folder of the venues' recordings"

# Examples are not timed: two busy cores say nothing about the code. A blob replays one failure.
settings.register_profile("quick", deadline=None, print_blob=True)
settings.register_profile(
    "deep",
    parent=settings.get_profile("quick"),
    max_examples=2_000,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_slow_deselected = pytest.StashKey[int]()
_SLOW_OUTPUT = "omg_slow_deselected"


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    """Return the folder of the venues' recordings; skip without it, fail where it is required."""
    folder = os.environ.get(RECORDINGS, "")
    if not folder:
        if os.environ.get(REQUIRE_RECORDINGS) == "1":
            pytest.fail(_NO_RECORDINGS)
        pytest.skip(_NO_RECORDINGS)
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"{RECORDINGS} names {folder}, which is no folder")
    return path


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark whatever asks for the recordings, before marks select what is run."""
    for item in items:
        if "recordings_dir" in getattr(item, "fixturenames", ()):
            item.add_marker("recordings")
    yield


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the slow tests that the command line left out."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config = slow[0].config
        config.stash[_slow_deselected] = config.stash.get(_slow_deselected, 0) + len(slow)
        # One of several workers tells the process that reports; each leaves out the same tests.
        if (output := getattr(config, "workeroutput", None)) is not None:
            output[_SLOW_OUTPUT] = config.stash[_slow_deselected]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist's own type is not exported
    """Take over what a worker left out."""
    if _SLOW_OUTPUT in getattr(node, "workeroutput", {}):
        node.config.stash[_slow_deselected] = node.workeroutput[_SLOW_OUTPUT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this run left out, and how to run it."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    recordings = sum("recordings" in report.keywords for report in skipped)
    slow = terminalreporter.config.stash.get(_slow_deselected, 0)
    terminalreporter.section("tests left out")
    if recordings:
        terminalreporter.line(
            f"{recordings} with venues' recordings: set {RECORDINGS} to their folder"
        )
    if slow:
        terminalreporter.line(f"{slow} slow: make test-all runs them")
    if not recordings and not slow:
        terminalreporter.line("none for want of recordings or time")
