"""A child process of the supervisor: its end, its group, its log, its tie to the parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omg_abci.localnet.process import Process, read_tail

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}


def _wait(is_met: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_end_is_described(tmp_path: Path) -> None:
    """Status and signal are told apart, and the output is in the log."""
    log = tmp_path / "log"
    process = Process(["sh", "-c", "echo out; echo err >&2; exit 3"], log, _ENVIRONMENT)
    _wait(process.has_ended)
    assert process.describe_end() == "ended with status 3"
    assert read_tail(log, 5) == ["out", "err"]
    process = Process(["sleep", "60"], log, _ENVIRONMENT)
    assert process.describe_end() == "still runs"
    process.send_signal(signal.SIGKILL)
    _wait(process.has_ended)
    assert process.describe_end() == "was killed by SIGKILL"
    process.send_signal(signal.SIGTERM)


def test_unknown_program_ends_at_once(tmp_path: Path) -> None:
    """A program that is not there is an end with a traceback in the log, not an exception here."""
    process = Process(["/does/not/exist"], tmp_path / "log", _ENVIRONMENT)
    _wait(process.has_ended)
    assert "FileNotFoundError" in read_tail(tmp_path / "log", 1)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_of_the_group_outlives_the_command(tmp_path: Path) -> None:
    """A worker that the command leaves behind is killed with its end."""
    process = Process(["sh", "-c", "sleep 60 & echo $!; exit 0"], tmp_path / "log", _ENVIRONMENT)
    _wait(process.has_ended)
    worker = int(read_tail(tmp_path / "log", 1)[0])
    _wait(lambda: not _is_alive(worker))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_signal_to_a_dead_command_keeps_its_group_known(tmp_path: Path) -> None:
    """A signal that comes after the end does no harm, and the rest of the group is still killed."""
    process = Process(["sh", "-c", "sleep 60 & echo $!; exit 0"], tmp_path / "log", _ENVIRONMENT)
    _wait(lambda: read_tail(tmp_path / "log", 1) and not _is_alive(process.pid))
    process.send_signal(signal.SIGTERM)
    _wait(process.has_ended)
    _wait(lambda: not _is_alive(int(read_tail(tmp_path / "log", 1)[0])))


def test_paused_command_can_be_terminated(tmp_path: Path) -> None:
    """Terminating continues a stopped process, which could not end otherwise."""
    process = Process(["sleep", "60"], tmp_path / "log", _ENVIRONMENT)
    process.send_signal(signal.SIGSTOP)
    process.terminate()
    _wait(process.has_ended)
    assert process.describe_end() == "was killed by SIGTERM"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_command_dies_with_its_parent(tmp_path: Path) -> None:
    """When the supervisor is killed, so is the command."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from omg_abci.localnet.process import Process\n"
        "process = Process(['sleep', '60'], Path(sys.argv[1]), {'PATH': sys.argv[2]})\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "log"), _ENVIRONMENT["PATH"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # The tether needs a moment to become the command.
        _wait(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0])
        parent.kill()
    _wait(lambda: not _is_alive(child))


def test_long_log_is_moved_aside(tmp_path: Path) -> None:
    """A log beyond 32 MiB becomes the one older log; a shorter one is continued."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    for text in ("first", "second"):
        process = Process(["echo", text], log, _ENVIRONMENT)
        _wait(process.has_ended)
    assert read_tail(log, 5) == ["first", "second"]
    assert (tmp_path / "log.1").stat().st_size == 32 * 1024 * 1024 + 1


def test_tail_of_no_log_is_empty(tmp_path: Path) -> None:
    """A log that is not there has no lines."""
    assert read_tail(tmp_path / "log", 5) == []
