"""Finding and building CometBFT, with small stand-ins for the binary and for Go."""

import os
import sys
import threading
from pathlib import Path

import pytest

from omg_abci.localnet import cometbft
from omg_abci.localnet.cometbft import ensure_cometbft, find_cache, find_cometbft
from omg_abci.localnet.errors import CometBFTBuildFailed, CometBFTMissing, CometBFTWrong

_MODULE = "github.com/cometbft/cometbft"
_SUM = "h1:0+zc7FlcnonFfMwzhyDCd5vK/fHZqz0RfRyTCxZsFPU="
_RIGHT = f"\x7fELF…path\t{_MODULE}/cmd/cometbft\nmod\t{_MODULE}\tv0.40.0\t{_SUM}\n"


def _make_program(path: Path, content: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def _make_go(folder: Path, content: str, status: int = 0) -> Path:
    """Make a Go that counts its runs, takes a moment, and installs the content."""
    _make_program(folder / "content", content, 0o644)
    body = (
        f"#!/bin/sh\necho run >> {folder}/runs\nenv > {folder}/environment\nsleep 0.3\n"
        f"echo some module >&2\n"
        f'cp {folder}/content "$GOBIN/cometbft" && chmod 755 "$GOBIN/cometbft"\nexit {status}\n'
    )
    return _make_program(folder / "go", body)


@pytest.fixture(autouse=True)
def _no_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the Go toolchain of the test's own environment."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))


def _environment(tmp_path: Path, *folders: Path) -> dict[str, str]:
    path = os.pathsep.join([*map(str, folders), os.defpath])
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": path}


def test_named_binary_comes_first(tmp_path: Path) -> None:
    """OMG_COMETBFT wins over PATH and cache."""
    named = _make_program(tmp_path / "mine", _RIGHT)
    _make_program(tmp_path / "bin" / "cometbft", _RIGHT)
    environment = _environment(tmp_path, tmp_path / "bin") | {"OMG_COMETBFT": str(named)}
    assert find_cometbft(environment) == named


@pytest.mark.parametrize("version", ["v0.39.0", "v0.40.0-rc1", "v0.40.0+dirty", "(devel)"])
def test_other_version_is_refused_by_name_and_passed_over_on_path(
    tmp_path: Path, version: str
) -> None:
    """Only the linker's own word for v0.40.0 counts."""
    other = _make_program(tmp_path / "bin" / "cometbft", _RIGHT.replace("v0.40.0", version))
    cached = _make_program(tmp_path / "cache" / "omg-chain" / "bin" / "cometbft", _RIGHT)
    environment = _environment(tmp_path, tmp_path / "bin")
    assert find_cometbft(environment) == cached
    with pytest.raises(CometBFTWrong) as refusal:
        find_cometbft(environment | {"OMG_COMETBFT": str(other)})
    assert refusal.value.code == "cometbft_wrong"


def test_right_version_on_path_is_taken(tmp_path: Path) -> None:
    """The first right one on PATH is taken; directories and unusable files are passed over."""
    (tmp_path / "a" / "cometbft").mkdir(parents=True)
    _make_program(tmp_path / "b" / "cometbft", _RIGHT, 0o644)
    _make_program(tmp_path / "c" / "cometbft", "")
    right = _make_program(tmp_path / "d" / "cometbft", _RIGHT)
    assert find_cometbft(_environment(tmp_path, *(tmp_path / name for name in "abcd"))) == right


def test_without_toolchain_it_is_missing(tmp_path: Path) -> None:
    """No binary and no Go: cometbft_missing, and what to do."""
    with pytest.raises(CometBFTMissing, match=r"omg-chain\[localnet\]") as refusal:
        ensure_cometbft({"XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)})
    assert refusal.value.code == "cometbft_missing"


def test_build_fills_the_cache_once(tmp_path: Path) -> None:
    """What Go makes is kept, its sources are not, and a second call builds nothing."""
    go = _make_go(tmp_path / "go", _RIGHT)
    environment = _environment(tmp_path, go.parent) | {
        "GOPROXY": "https://modules.example",
        "GOFLAGS": "-mod=vendor",
    }
    lines: list[str] = []
    binary = ensure_cometbft(environment, lines.append)
    assert binary == tmp_path / "cache" / "omg-chain" / "bin" / "cometbft"
    assert ensure_cometbft(environment, lines.append) == binary
    assert (go.parent / "runs").read_text() == "run\n"
    assert lines[0].startswith("building CometBFT v0.40.0")
    assert sorted(path.name for path in binary.parents[1].iterdir()) == ["bin"]
    seen = dict(line.split("=", 1) for line in (go.parent / "environment").read_text().splitlines())
    assert seen["GOPROXY"] == "https://modules.example"
    assert seen["GOTOOLCHAIN"] == "local"
    assert "-modcacherw" in seen["GOFLAGS"]
    assert seen["HOME"]


def test_builds_at_the_same_time_are_one(tmp_path: Path) -> None:
    """Those that come later wait, say so, and take what the first made."""
    go = _make_go(tmp_path / "go", _RIGHT)
    environment = _environment(tmp_path, go.parent)
    lines: list[str] = []
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_cometbft(environment, lines.append)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert (go.parent / "runs").read_text() == "run\n"
    assert any(line.startswith("waiting") for line in lines)


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (_RIGHT, 1, "some module"),
        (_RIGHT.replace("v0.40.0", "v0.39.0"), 0, "is not"),
        (_RIGHT.replace("h1:0", "h1:1"), 0, "is not"),
    ],
)
def test_failed_build_is_told_and_leaves_no_binary(
    tmp_path: Path, content: str, status: int, text: str
) -> None:
    """Go's failure, another version and another source are cometbft_build_failed."""
    go = _make_go(tmp_path / "go", content, status)
    with pytest.raises(CometBFTBuildFailed, match=text) as refusal:
        ensure_cometbft(_environment(tmp_path, go.parent), lambda _line: None)
    assert refusal.value.code == "cometbft_build_failed"
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert left == ["build.lock"]


def test_unwritable_cache_is_told(tmp_path: Path) -> None:
    """A cache that cannot be made is cometbft_build_failed."""
    go = _make_go(tmp_path / "go", _RIGHT)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(CometBFTBuildFailed, match="cannot be written"):
        ensure_cometbft(_environment(tmp_path, go.parent), lambda _line: None)


def test_cache_follows_the_environment(tmp_path: Path) -> None:
    """XDG_CACHE_HOME if it is absolute, else HOME, else the account's own directory."""
    assert find_cache({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "omg-chain"
    home = tmp_path / ".cache" / "omg-chain"
    assert find_cache({"XDG_CACHE_HOME": "relative", "HOME": str(tmp_path)}) == home
    assert find_cache({"HOME": ""}).is_absolute()


def test_toolchain_of_the_environment_comes_first(tmp_path: Path) -> None:
    """The wheel's Go is taken before one on PATH."""
    on_path = _make_go(tmp_path / "go", _RIGHT)
    environment = _environment(tmp_path, on_path.parent)
    assert cometbft.find_go(environment) == on_path
    beside = _make_go(tmp_path / "prefix" / "bin", _RIGHT)
    assert cometbft.find_go(environment) == beside
