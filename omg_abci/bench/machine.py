"""What a figure was measured on, said so that another machine's figures can be told apart."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from omg_abci.localnet.cometbft import VERSION

_PACKAGES: Final = ("omg-chain", "coincurve", "grpcio", "protobuf", "rocksdict", "safe-pysha3")
_GIB: Final = 1 << 30


def describe_machine() -> dict[str, object]:
    """Return processor, cores, memory, versions and how busy the machine is now."""
    return {
        "processor": _read_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / _GIB, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cometbft": VERSION,
        "packages": {name: _read_version(name) for name in _PACKAGES},
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _read_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
