"""Settings of a node: ``HOME/app/app.toml``, checked when it is read.

abci = "unix:///path/abci.sock"     # where CometBFT finds the application
grpc = "127.0.0.1:26670"            # the node API, on loopback
workers = 1                         # signature worker processes

[mempool]
max_count = 200000                  # pending transactions, all owners
max_bytes = 134217728
owner_count = 4096                  # pending transactions of one owner
relay = false                       # pass on what peers sent, where they are no full mesh

[snapshots]
interval = 4000                     # blocks between two snapshots for those who join; 0: none
kept = 3                            # how many stay; the older ones are deleted

[pruning]
kept_blocks = 0                     # blocks that CometBFT keeps; 0: all
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from omg_abci.protocol.errors import OmgError

APP_FOLDER: Final = "app"
SETTINGS_FILE: Final = "app.toml"
_WORKERS_MAX: Final = 64
_TABLES: Final = ("mempool", "snapshots", "pruning")
_MAY_BE_ZERO: Final = ("interval", "kept_blocks")


class SettingsError(OmgError):
    """The settings file is missing, or says something that cannot be."""

    code = "node.settings"


@dataclass(frozen=True)
class MempoolSettings:
    """Bounds of the pool."""

    max_count: int = 200_000
    max_bytes: int = 128 * 1024 * 1024
    owner_count: int = 4_096
    relay: bool = False


@dataclass(frozen=True)
class SnapshotSettings:
    """When snapshots are taken, and how many stay."""

    interval: int = 4_000
    """Blocks, rounded up to whole root intervals; 0 takes none."""
    kept: int = 3


@dataclass(frozen=True)
class PruningSettings:
    """How far back blocks are kept."""

    kept_blocks: int = 0
    """0 keeps all. Never fewer than evidence needs, and never past the oldest snapshot."""


@dataclass(frozen=True)
class Settings:
    """All that an operator can set."""

    home: Path
    abci: str
    grpc: str = "127.0.0.1:26670"
    workers: int = 1
    mempool: MempoolSettings = field(default_factory=MempoolSettings)
    snapshots: SnapshotSettings = field(default_factory=SnapshotSettings)
    pruning: PruningSettings = field(default_factory=PruningSettings)

    @property
    def state_path(self) -> Path:
        """Return RocksDB's directory."""
        return self.home / APP_FOLDER / "state"

    @property
    def accepted_path(self) -> Path:
        """Return the directory of the acknowledged transactions."""
        return self.home / APP_FOLDER / "accepted"

    @property
    def snapshots_path(self) -> Path:
        """Return the directory of the snapshots that peers may fetch."""
        return self.home / APP_FOLDER / "snapshots"

    @property
    def restoring_path(self) -> Path:
        """Return the directory of a snapshot that is on its way into this node."""
        return self.home / APP_FOLDER / "restoring"


def load_settings(home: Path) -> Settings:
    """Read the settings of a node's home; raise `SettingsError` naming file and field."""
    path = home / APP_FOLDER / SETTINGS_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{path} is not there; `omgd init --home {home}` writes it"
        raise SettingsError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        message = f"{path}: {reason}"
        raise SettingsError(message) from reason
    socket = f"unix://{home.absolute() / APP_FOLDER / 'abci.sock'}"
    tables = {name: _pop_table(path, document, name) for name in _TABLES}
    known = {"abci": socket, "grpc": Settings.grpc, "workers": Settings.workers}
    return Settings(
        home=home,
        **_read(path, document, known),
        mempool=MempoolSettings(**_read(path, tables["mempool"], vars(MempoolSettings()))),
        snapshots=SnapshotSettings(**_read(path, tables["snapshots"], vars(SnapshotSettings()))),
        pruning=PruningSettings(**_read(path, tables["pruning"], vars(PruningSettings()))),
    )


def _pop_table(path: Path, document: dict[str, Any], name: str) -> dict[str, Any]:
    table = document.pop(name, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {name} is not a table")
    return table


def _read(path: Path, given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the known fields, given or default, each of its default's type."""
    for name, value in given.items():
        if name not in known:
            message = f"{path}: {name} is unknown; known are {', '.join(known)}"
            raise SettingsError(message)
        if type(value) is not type(known[name]):
            message = f"{path}: {name} = {value!r} is not {type(known[name]).__name__}"
            raise SettingsError(message)
        lowest = 0 if name in _MAY_BE_ZERO else 1
        if isinstance(value, int) and not isinstance(value, bool) and value < lowest:
            message = f"{path}: {name} = {value} is below {lowest}"
            raise SettingsError(message)
    found = known | given
    if found.get("workers", 1) > _WORKERS_MAX:
        message = f"{path}: workers = {found['workers']} is above {_WORKERS_MAX}"
        raise SettingsError(message)
    return found
