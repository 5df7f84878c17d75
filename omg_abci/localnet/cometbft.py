"""The CometBFT binary: find the one version that the chain runs under, or build it.

Looked for in this order: the file that OMG_COMETBFT names, PATH, the cache
(`$XDG_CACHE_HOME/omg-chain/bin`, else `~/.cache/omg-chain/bin`). If there is none it is built
into the cache by the Go toolchain that the extra `localnet` brings.

A binary is judged by the module version that the Go linker wrote into it: what `cometbft version`
prints was not raised for v0.40.0. Guarantees: the cache only ever holds a whole binary of the
right version, whose source had the checksum below; builds that start at the same time wait for
one of them; a build needs neither HOME nor a C compiler.
"""

import contextlib
import fcntl
import mmap
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from omg_abci.localnet.errors import CometBFTBuildFailed, CometBFTMissing, CometBFTWrong

VERSION: Final = "v0.40.0"
VARIABLE: Final = "OMG_COMETBFT"
_MODULE: Final = "github.com/cometbft/cometbft"
_PROGRAM: Final = f"{_MODULE}/cmd/cometbft"
_BUILD_INFO: Final = f"path\t{_PROGRAM}\nmod\t{_MODULE}\t{VERSION}\t".encode()
_CHECKSUM: Final = b"h1:0+zc7FlcnonFfMwzhyDCd5vK/fHZqz0RfRyTCxZsFPU="
"""What the Go checksum database says of the module's source."""
_USUAL_SECONDS: Final = 90
_REPORT_SECONDS: Final = 5.0
_LOG_LINES: Final = 15

Report = Callable[[str], None]


def ensure_cometbft(
    environment: Mapping[str, str] | None = None, report: Report | None = None
) -> Path:
    """Return the path of a CometBFT of the right version, building it if there is none.

    Args:
        environment: variables to read instead of the process's own.
        report: takes one line of progress every few seconds; by default standard error does.

    Raises:
        CometBFTWrong: OMG_COMETBFT names something else.
        CometBFTMissing: there is none, and no Go toolchain.
        CometBFTBuildFailed: the build ended without one; the text holds the build's last lines.
    """
    variables = os.environ if environment is None else environment
    found = find_cometbft(variables)
    return found or _build(variables, report or _report_to_stderr)


def find_cometbft(environment: Mapping[str, str]) -> Path | None:
    """Return the path of a CometBFT of the right version, or None. Raises CometBFTWrong."""
    named = environment.get(VARIABLE)
    if named:
        path = Path(named).absolute()
        if not is_right_version(path):
            raise CometBFTWrong(f"{VARIABLE}={named} is no CometBFT {VERSION}")
        return path
    folders = [Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder]
    for folder in [*folders, find_cache(environment) / "bin"]:
        path = folder.absolute() / "cometbft"
        if is_right_version(path):
            return path
    return None


def is_right_version(path: Path) -> bool:
    """Tell whether a file is a program that was linked from CometBFT's module of our version."""
    return _holds(path, _BUILD_INFO)


def find_cache(environment: Mapping[str, str]) -> Path:
    """Return the directory for what was downloaded or built; nothing is created."""
    base = environment.get("XDG_CACHE_HOME", "")
    if not Path(base).is_absolute():
        base = f"{environment.get('HOME') or pwd.getpwuid(os.getuid()).pw_dir}/.cache"
    return Path(base) / "omg-chain"


def _holds(path: Path, mark: bytes) -> bool:
    if not (path.is_file() and os.access(path, os.X_OK)):
        return False
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return content.find(mark) >= 0
    except (OSError, ValueError):
        # Not readable, or empty: a file of no bytes cannot be mapped.
        return False


def _report_to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _build(environment: Mapping[str, str], report: Report) -> Path:
    """Build into the cache, one process at a time."""
    cache = find_cache(environment)
    binary = cache / "bin" / "cometbft"
    go = find_go(environment)
    try:
        binary.parent.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "bin" / "build.lock", report):
            if is_right_version(binary):
                return binary
            with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as folder:
                _run_go(go, environment, cache, Path(folder), report)
                built = Path(folder) / "cometbft"
                if not _holds(built, _BUILD_INFO + _CHECKSUM):
                    raise CometBFTBuildFailed(f"what was built is not {_MODULE} {VERSION}")
                built.replace(binary)
            # Half a gigabyte of sources and objects that nothing needs again.
            shutil.rmtree(cache / "go", ignore_errors=True)
    except OSError as reason:
        raise CometBFTBuildFailed(f"{cache} cannot be written: {reason}") from reason
    return binary


def find_go(environment: Mapping[str, str]) -> Path:
    """Return the Go toolchain of the Python environment, else of PATH. Raises CometBFTMissing."""
    beside = Path(sys.prefix) / "bin" / "go"
    if beside.is_file():
        return beside
    on_path = shutil.which("go", path=environment.get("PATH", ""))
    if on_path is None:
        raise CometBFTMissing(
            f"no CometBFT {VERSION} on PATH or in the cache, and no Go toolchain to build it: "
            f"install omg-chain[localnet], or name a binary in {VARIABLE}"
        )
    return Path(on_path)


@contextlib.contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the file's lock, telling from time to time that another process has it."""
    with path.open("w") as file:
        said = 0.0
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - said >= _REPORT_SECONDS:
                    said = time.monotonic()
                    report("waiting for another process that builds CometBFT …")
                time.sleep(0.2)
        yield


def _go_environment(environment: Mapping[str, str], cache: Path, folder: Path) -> dict[str, str]:
    """Return the caller's variables with everything that would change what is built replaced.

    Where modules come from (GOPROXY, GOSUMDB, certificates) stays the caller's.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name not in {"GOROOT", "GOOS", "GOARCH", "GOWORK", "GOEXPERIMENT"}
    }
    return kept | {
        "HOME": environment.get("HOME") or str(folder),
        "PATH": environment.get("PATH") or os.defpath,
        "GOBIN": str(folder),
        "GOPATH": str(cache / "go"),
        "GOMODCACHE": str(cache / "go" / "mod"),
        "GOCACHE": str(cache / "go" / "objects"),
        # The module cache is read-only by default, and could then not be deleted.
        "GOFLAGS": "-modcacherw -trimpath",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _run_go(
    go: Path, environment: Mapping[str, str], cache: Path, folder: Path, report: Report
) -> None:
    log = folder / "build.log"
    started = time.monotonic()
    report(f"building CometBFT {VERSION} (once, about {_USUAL_SECONDS} s) …")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [go, "install", f"{_PROGRAM}@{VERSION}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=_go_environment(environment, cache, folder),
            start_new_session=True,
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_REPORT_SECONDS)
                    break
                report(f"building CometBFT {VERSION}: {time.monotonic() - started:.0f} s …")
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        raise CometBFTBuildFailed("\n".join(["go install failed:", *lines]))
    report(f"built CometBFT {VERSION} in {time.monotonic() - started:.0f} s")
