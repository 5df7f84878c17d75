"""A process samples itself when it is asked to, and only then; its samples are all of its time."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node import sampling
from omg_abci.node.sampling import NATIVE, Sampler, start_sampling

WORK = """
import asyncio, threading, time
from omg_abci.node.sampling import start_sampling

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(500))

async def main():
    start_sampling("test")
    burn(0.2)
    await asyncio.to_thread(burn_aside, 0.3)

def burn_aside(seconds):
    burn(seconds)

asyncio.run(main())
"""


def run_sampled(folder: Path, program: str) -> dict[str, Any]:
    """Return what a program wrote as its samples."""
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env=os.environ | {sampling.VARIABLE: str(folder)},
        cwd=Path(__file__).parents[2],
    )
    (place,) = folder.iterdir()
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return found


def test_samples_are_the_time_of_both_threads(tmp_path: Path) -> None:
    """What the main thread and another one used is told apart, and nearly nothing is left out."""
    found = run_sampled(tmp_path, WORK)
    assert found["role"] == "test"
    used = {"main": 0.0, "aside": 0.0}
    for _, stack, seconds in found["samples"]:
        names = [place.rpartition(":")[2] for place in found["stacks"][int(stack)]]
        used["aside" if "burn_aside" in names else "main"] += seconds
    assert sum(used.values()) == pytest.approx(found["cpu_seconds"], rel=0.1)
    assert used["aside"] == pytest.approx(0.3, rel=0.25)


def test_nothing_is_installed_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable there is no handler and no timer."""
    monkeypatch.delenv(sampling.VARIABLE, raising=False)
    before = signal.getsignal(signal.SIGPROF)
    start_sampling("test")
    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_places_are_named_as_they_are_imported() -> None:
    """A function of the project carries its module, one of another package where it is."""
    sampler = Sampler()
    sampler.take(signal.SIGPROF, sys._getframe())
    (stack,) = [each for each in describe_stacks(sampler) if each != [NATIVE]]
    assert stack[0].endswith("test_sampling:test_places_are_named_as_they_are_imported")
    codes = {place.partition(":")[0] for place in stack}
    assert all("/" not in code for code in codes)
    assert sampling._describe_code(Sampler.take.__code__) == "omg_abci.node.sampling:Sampler.take"


def describe_stacks(sampler: Sampler) -> list[list[str]]:
    """Return the stacks of the sampler's description."""
    stacks = sampler.describe()["stacks"]
    assert isinstance(stacks, list)
    return stacks


def test_samples_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound time is added to the last sample: none is lost and none more is kept."""
    monkeypatch.setattr(sampling, "SAMPLES_MAX", 2)
    sampler = Sampler()
    for _ in range(5):
        sampler.take(signal.SIGPROF, sys._getframe())
    samples = sampler.describe()["samples"]
    assert isinstance(samples, list)
    assert len(samples) == 2
