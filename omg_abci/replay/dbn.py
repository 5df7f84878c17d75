"""DBN, Databento's own encoding, as the same records that its CSV export gives.

It is read by the package ``databento-dbn`` if that is installed; nothing else needs it.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from omg_abci.replay.errors import Unreadable, WrongColumns

_CHUNK_BYTES: Final = 1 << 20
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_DBN_MAGIC: Final = b"DBN"
_LEVELS: Final = 10


def is_dbn(path: Path) -> bool:
    """Say whether the file begins like DBN, packed with zstd or not; raise Unreadable."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as reason:
        raise Unreadable(path, 0, reason.strerror or str(reason)) from reason
    return start == _ZSTD_MAGIC or start[:3] == _DBN_MAGIC


def iterate_mbo(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (record number, field by name) of market-by-order records."""
    for number, record in _iterate_records(path, "MBOMsg"):
        yield number, {**_take_common(record), "order_id": str(record.order_id)}


def iterate_mbp(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (record number, field by name) of ten-level records."""
    for number, record in _iterate_records(path, "MBP10Msg"):
        fields = _take_common(record)
        for place, level in enumerate(record.levels[:_LEVELS]):
            for side in ("bid", "ask"):
                for name in ("px", "sz", "ct"):
                    fields[f"{side}_{name}_{place:02}"] = str(getattr(level, f"{side}_{name}"))
        yield number, fields


def _take_common(record: Any) -> dict[str, str]:  # noqa: ANN401 - the package's own classes
    return {
        "ts_event": str(record.ts_event),
        "action": str(record.action),
        "side": str(record.side),
        "price": str(record.price),
        "size": str(record.size),
        "flags": str(int(record.flags)),
        "sequence": str(record.sequence),
        "instrument_id": str(record.instrument_id),
    }


def _iterate_records(path: Path, kind: str) -> Iterator[tuple[int, Any]]:
    try:
        package = importlib.import_module("databento_dbn")
    except ImportError as reason:
        raise Unreadable(path, 0, "DBN files need the package databento-dbn") from reason
    decoder = package.DBNDecoder(compression=_find_compression(path, package))
    wanted = getattr(package, kind)
    number = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            try:
                decoder.write(chunk)
                records = decoder.decode()
            except (package.DBNError, ValueError) as reason:
                raise Unreadable(path, number, f"record cannot be decoded: {reason}") from reason
            for record in records:
                if isinstance(record, package.Metadata):
                    continue
                number += 1
                if isinstance(record, wanted):
                    yield number, record
                elif hasattr(record, "levels") or hasattr(record, "order_id"):
                    raise WrongColumns(path, number, f"{type(record).__name__} instead of {kind}")
    if decoder.buffer():
        raise Unreadable(path, number + 1, "the file ends in the middle of a record")


def _find_compression(path: Path, package: Any) -> Any:  # noqa: ANN401 - an optional package
    with path.open("rb") as stream:
        packed = stream.read(4) == _ZSTD_MAGIC
    return package.Compression.ZSTD if packed else package.Compression.NONE
