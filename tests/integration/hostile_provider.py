"""A node that is honest in consensus and lies to those who want to join: for tests only.

    python hostile_provider.py --home HOME

Runs the chain's application. The file `HOME/app/attack` names the lie that it tells at the
moment; without it, or with `none`, it tells the truth. A height behind the lie is the newest
snapshot's that is offered. For lies about snapshots of its own it takes them more often than the
others, so that CometBFT, which prefers the newest, tries its first.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node import start
from omg_abci.node.config import SnapshotSettings
from omg_abci.node.snapshot_format import CHUNK_BYTES, Metadata, compute_snapshot_hash
from omg_abci.node.snapshots import Snapshots

Stream = bytearray
Change = Callable[[Stream], object]

_INTERVAL_FACTOR: Final = 3
_KEPT: Final = 30
"""Long enough for a join that has to ask several liars first."""
_TREE_ROOT_AT: Final = 42
"""Where the tree root begins in the metadata."""


def flip_record(stream: Stream) -> None:
    """Change the last byte of the first record's value."""
    key_bytes = int.from_bytes(stream[:2], "big")
    value_at = 2 + key_bytes + 4
    stream[value_at + int.from_bytes(stream[value_at - 4 : value_at], "big") - 2] ^= 1


def flip_block(stream: Stream) -> None:
    """Change the last byte of the last entry of the last block."""
    stream[-3] ^= 1


STREAM_LIES: Final[dict[str, Change]] = {
    "false_records": flip_record,
    "false_blocks": flip_block,
    "cut_stream": lambda stream: stream.__delitem__(slice(-40, None)),
    "longer_stream": lambda stream: stream.extend(b"\0\0"),
}
CHUNK_LIES: Final = ("corrupt_chunk", "short_chunk", "long_chunk", "empty_chunk")
"""About snapshots that others have too: told by several nodes, so that one of them is asked."""
METADATA_LIES: Final = ("unattested", "garbage", "wrong_hash", "other_height", "format", "count")


class HostileSnapshots(Snapshots):
    """Offers snapshots and hands out chunks as the attack says."""

    def __init__(self, settings: SnapshotSettings, folder: Path, state_path: Path) -> None:
        self._honest_interval = settings.interval
        often = SnapshotSettings(settings.interval // _INTERVAL_FACTOR, _KEPT)
        super().__init__(often, folder, state_path)
        self._attack_file = folder.parent / "attack"

    @property
    def attack(self) -> str:
        """Return the lie of the moment."""
        return self._read_orders()[0]

    def list(self, height: int) -> list[pb.Snapshot]:
        """Return what peers are to believe."""
        attack, *bound = self._read_orders()
        newest = int(bound[0]) if bound else height
        true = [each for each in super().list(height) if each.height <= newest]
        if attack == "none" or attack in CHUNK_LIES:
            return [each for each in true if each.height % self._honest_interval == 0][:3]
        for each in true:
            self._lie(each, attack)
        return true

    def load_chunk(self, height: int, form: int, index: int) -> bytes:
        """Return what peers are to take."""
        attack = self.attack
        if attack in STREAM_LIES:
            at = index * CHUNK_BYTES
            return bytes(self._make_false_stream(height, attack)[at : at + CHUNK_BYTES])
        chunk = bytearray(super().load_chunk(height, form, index))
        match attack:
            case "corrupt_chunk":
                chunk[len(chunk) // 2] ^= 1
            case "short_chunk":
                del chunk[-1]
            case "long_chunk":
                chunk.append(0)
            case "empty_chunk":
                chunk[:] = b"\0"
            case _:
                pass
        return bytes(chunk)

    def _read_orders(self) -> Sequence[str]:
        return self._attack_file.read_text().split() if self._attack_file.exists() else ["none"]

    def _make_false_stream(self, height: int, attack: str) -> Stream:
        stream = bytearray((self._kept[height].folder / "stream").read_bytes())
        STREAM_LIES[attack](stream)
        return stream

    def _lie(self, offered: pb.Snapshot, attack: str) -> None:
        """Change an offer."""
        data = bytearray(offered.metadata)
        if attack in STREAM_LIES:
            # True roots above false content: only the content itself can give it away.
            stream = self._make_false_stream(offered.height, attack)
            chunks = [stream[at : at + CHUNK_BYTES] for at in range(0, len(stream), CHUNK_BYTES)]
            hashes = tuple(hashlib.sha256(chunk).digest() for chunk in chunks)
            metadata = Metadata.decode(offered.metadata)
            metadata = metadata._replace(stream_bytes=len(stream), chunk_hashes=hashes)
            data, offered.chunks = bytearray(metadata.encode()), len(hashes)
        match attack:
            case "unattested":
                data[_TREE_ROOT_AT] ^= 1
            case "garbage":
                data[1:] = hashlib.sha256(data).digest()
            case "other_height":
                offered.height += 1
            case "format":
                offered.format = 2
            case "count":
                offered.chunks += 1
            case _:
                pass
        offered.metadata = bytes(data)
        offered.hash = compute_snapshot_hash(offered.metadata)
        if attack == "wrong_hash":
            offered.hash = bytes(32)


def main() -> None:
    """Run the application with its snapshots replaced."""
    vars(start)["Snapshots"] = HostileSnapshots
    start.start_command.main(sys.argv[1:])


if __name__ == "__main__":
    main()
