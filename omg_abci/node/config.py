"""Settings of a node: ``HOME/app/app.toml``, checked when it is read.

abci = "unix:///path/abci.sock"     # where CometBFT finds the application
grpc = "127.0.0.1:26670"            # the node API, on loopback
workers = 1                         # signature worker processes

[mempool]
max_count = 200000                  # pending transactions, all owners
max_bytes = 134217728
owner_count = 4096                  # pending transactions of one owner
relay = false                       # pass on what peers sent, where they are no full mesh
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from omg_abci.protocol.errors import OmgError

APP_FOLDER: Final = "app"
SETTINGS_FILE: Final = "app.toml"
_WORKERS_MAX: Final = 64


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
class Settings:
    """All that an operator can set."""

    home: Path
    abci: str
    grpc: str = "127.0.0.1:26670"
    workers: int = 1
    mempool: MempoolSettings = field(default_factory=MempoolSettings)

    @property
    def state_path(self) -> Path:
        """Return RocksDB's directory."""
        return self.home / APP_FOLDER / "state"

    @property
    def accepted_path(self) -> Path:
        """Return the directory of the acknowledged transactions."""
        return self.home / APP_FOLDER / "accepted"


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
    pool = document.pop("mempool", {})
    if not isinstance(pool, dict):
        message = f"{path}: mempool is not a table"
        raise SettingsError(message)
    known = {"abci": socket, "grpc": Settings.grpc, "workers": Settings.workers}
    bounds = MempoolSettings()
    return Settings(
        home=home,
        **_read(path, document, known),
        mempool=MempoolSettings(**_read(path, pool, vars(bounds))),
    )


def _read(path: Path, given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the known fields, given or default, each of its default's type."""
    for name, value in given.items():
        if name not in known:
            message = f"{path}: {name} is unknown; known are {', '.join(known)}"
            raise SettingsError(message)
        if type(value) is not type(known[name]):
            message = f"{path}: {name} = {value!r} is not {type(known[name]).__name__}"
            raise SettingsError(message)
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            message = f"{path}: {name} = {value} is below 1"
            raise SettingsError(message)
    found = known | given
    if found.get("workers", 1) > _WORKERS_MAX:
        message = f"{path}: workers = {found['workers']} is above {_WORKERS_MAX}"
        raise SettingsError(message)
    return found
