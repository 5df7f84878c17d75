"""A genesis file that carries a node's state on: the way out of one chain and into the next.

The exported chain begins at a height that is a multiple of the root interval, not below the
exported one, so that heights and times go on: orders keep their place, and what ends at a height
or a time ends there. All records are kept but the block record's height and block hash. Guarantees
that the same state and chain id give the same bytes.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from omg_abci.node.genesis_import import FORMAT
from omg_abci.node.storage import Meta, Storage, StorageMissing
from omg_abci.protocol.crypto import compute_address, compute_keccak
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.limits import CHAIN_ID_BYTES_MAX
from omg_abci.state import schema
from omg_abci.state.records import BlockRecord
from omg_abci.state.stake_records import ValidatorRecord

_INDENT: Final = " "


def export_genesis(
    storage: Storage, genesis: dict[str, Any], chain_id: str | None = None
) -> Iterator[str]:
    """Yield the text of a genesis file with the database's state, line by line.

    Consensus parameters are those of the given genesis file, and so are the validators of a chain
    without staking; with staking they are the set that was last told. The chain id stays
    the same unless another one is given: what was signed for one is worth nothing on the other.
    Raise StorageError, GenesisError.
    """
    meta = storage.load_meta()
    data = storage.load_record(schema.BLOCK)
    if meta is None or data is None:
        raise StorageMissing("the database holds no block yet")
    new_id = chain_id or meta.chain_id
    if not 1 <= len(new_id.encode()) <= CHAIN_ID_BYTES_MAX:
        raise GenesisError(f"chain id {new_id!r} is empty or longer than 16 bytes")
    block = BlockRecord.decode(data)
    height = -(-meta.height // block.root_interval) * block.root_interval
    block = block._replace(height=height, block_hash=compute_keccak(new_id.encode()))
    head = {
        "genesis_time": _format_time(meta.time_ms),
        "chain_id": new_id,
        "initial_height": str(height + 1),
        "consensus_params": genesis["consensus_params"],
        "validators": _list_validators(storage) or genesis["validators"],
        "app_hash": "",
        "app_state": _make_head(meta, height),
    }
    # The last three brackets come when the records are through: a state may be larger than memory.
    text = json.dumps(head, indent=_INDENT)
    yield text.removesuffix(f"]\n{_INDENT}}}\n}}")
    separator = ""
    for key, value in storage.iterate_records():
        shown = block.encode() if key == schema.BLOCK else value
        yield f'{separator}\n["{key.hex()}","{shown.hex()}"]'
        separator = ","
    yield f"\n{_INDENT * 2}]\n{_INDENT}}}\n}}\n"


def _list_validators(storage: Storage) -> list[dict[str, object]]:
    """Return the set that stakers chose, as CometBFT's genesis file has it."""
    validators = [
        ValidatorRecord.decode(value) for _, value in storage.iterate_table(schema.VALIDATOR)
    ]
    return [
        {
            "address": compute_address(each.public_key).hex().upper(),
            "pub_key": {
                "type": "tendermint/PubKeySecp256k1eth",
                "value": base64.b64encode(each.public_key).decode("ascii"),
            },
            "power": str(each.told_power),
            "name": each.moniker,
        }
        for each in validators
        if each.told_power
    ]


def _make_head(meta: Meta, height: int) -> dict[str, object]:
    return {
        "format": FORMAT,
        "height": height,
        "ethereum_chain_id": meta.ethereum_chain_id,
        "verifying_contract": f"0x{meta.verifying_contract.hex()}",
        "records": [],
    }


def _format_time(time_ms: int) -> str:
    """Return the moment as CometBFT writes it."""
    seconds, millis = divmod(time_ms, 1_000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{millis:03d}Z"
