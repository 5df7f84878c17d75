"""CometBFT's genesis file in a node's home, as the application reads it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from omg_abci.node.genesis_import import read_domain
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.signing import Domain


class GenesisFileError(OmgError):
    """The genesis file is missing, or is none."""

    code = "node.genesis_file"


class GenesisFile(NamedTuple):
    """What the application needs of it."""

    chain_id: str
    document: dict[str, Any]
    """The app_state."""
    evidence_blocks: int
    """How many blocks back CometBFT accepts evidence of a validator's offence."""
    whole: dict[str, Any]
    """The file as it is."""

    def read_domain(self) -> Domain:
        """Return what the chain's transactions are signed for; raise GenesisError."""
        return read_domain(self.chain_id, self.document)


def get_genesis_path(home: Path) -> Path:
    """Return where CometBFT finds the genesis file."""
    return home / "config" / "genesis.json"


def load_genesis_file(path: Path) -> GenesisFile:
    """Read a genesis file; raise GenesisFileError."""
    try:
        whole = json.loads(path.read_bytes())
        chain_id, document = whole["chain_id"], whole["app_state"]
        evidence_blocks = int(whole["consensus_params"]["evidence"]["max_age_num_blocks"])
    except OSError as reason:
        raise GenesisFileError(f"{path} cannot be read: {reason.strerror}") from reason
    except (ValueError, KeyError, TypeError) as reason:
        raise GenesisFileError(f"{path} is no genesis file of CometBFT: {reason!r}") from reason
    if not isinstance(chain_id, str) or not isinstance(document, dict):
        raise GenesisFileError(f"{path}: chain_id or app_state has another shape")
    return GenesisFile(chain_id, document, evidence_blocks, whole)
