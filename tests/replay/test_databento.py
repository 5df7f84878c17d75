"""Databento recordings: events, aggressors, hidden size, auctions, ten-level snapshots."""

import gzip
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from omg_abci.replay import databento
from omg_abci.replay.databento_plan import DatabentoPlan
from omg_abci.replay.errors import RecordingError
from tests.replay.in_process import replay_in_process
from tests.replay.venue import MBO_HEADER, Venue, write, write_mbo, write_mbp

HEADER = "ts_event,action,side,price,size,order_id,flags,sequence"


def replay_rows(folder: Path, rows: list[str]) -> tuple[DatabentoPlan, dict[str, object]]:
    """Replay rows of the short form; return the plan and what was counted."""
    recording = write(folder / "mbo.csv", [HEADER, *(f"{at},{row}" for at, row in enumerate(rows))])
    plan = DatabentoPlan(recording, None, None)
    comparer = replay_in_process(plan).comparer
    return plan, {
        "fills": comparer.fills.as_dict(),
        "books": comparer.order_books.as_dict(),
        "lines": [each.line for each in comparer.differences],
    }


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("flag_all", [False, True])
@pytest.mark.parametrize("collapsed", [False, True])
def test_random_day_is_equal_row_by_row(
    tmp_path: Path, seed: int, *, flag_all: bool, collapsed: bool
) -> None:
    """Every fill and all ten levels of every row are equal, however a venue flags its rows."""
    events = Venue(seed).run(1_000)
    recording = write_mbo(tmp_path / "mbo.csv", events, flag_all=flag_all)
    book = write_mbp(tmp_path / "mbp.csv", events, collapsed=collapsed)
    comparer = replay_in_process(DatabentoPlan(recording, book, None)).comparer
    rows = len(book.read_text().splitlines()) - 1
    assert comparer.rows.as_dict() == {"compared": rows, "equal": rows}
    fills = sum(event.kind == "fill" for event in events)
    assert comparer.fills.equal == comparer.fills.compared
    assert fills - 8 <= comparer.fills.compared <= fills
    assert comparer.order_books.equal == comparer.order_books.compared > 800
    assert not comparer.differences


def test_packed_file_with_raw_prices_reads_the_same(tmp_path: Path) -> None:
    """Times in nanoseconds, prices in 10^-9, gzip: the same messages."""
    plain = write_mbo(tmp_path / "mbo.csv", Venue(3).run(200))
    units = databento.find_units(plain)
    rows = list(databento.iterate_mbo(plain, units))
    lines = [HEADER]
    for row in rows:
        side = {0: "N", 1: "B", 2: "A"}[row.side]
        price = row.price * units.price_unit if row.price else (1 << 63) - 1
        lines.append(
            f"{row.time_ns},{row.action},{side},{price},{row.size},{row.order_id},{row.flags},"
            f"{row.sequence}"
        )
    packed = tmp_path / "raw.csv.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert list(databento.iterate_mbo(packed, databento.find_units(packed))) == rows


def test_wrong_snapshot_row_is_one_difference(tmp_path: Path) -> None:
    """A row that says otherwise counts once."""
    events = Venue(1).run(400)
    recording = write_mbo(tmp_path / "mbo.csv", events)
    book = write_mbp(tmp_path / "mbp.csv", events)
    lines = book.read_text().splitlines()
    cells = lines[300].split(",")
    cells[10] = str(int(cells[10]) + 1)
    lines[300] = ",".join(cells)
    write(book, lines)
    comparer = replay_in_process(DatabentoPlan(recording, book, None)).comparer
    assert comparer.rows.compared - comparer.rows.equal == 1
    assert comparer.differences[0].line == 301


def test_fill_out_of_turn_is_counted_and_repaired(tmp_path: Path) -> None:
    """A venue that fills the second order first is seen, and the queue is brought back."""
    _, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "A,B,4000000000,5,12,130,2",
            "T,A,4000000000,3,99,0,3",
            "F,B,4000000000,3,12,0,3",
            "C,B,4000000000,3,12,130,3",
            "T,A,4000000000,5,99,0,4",
            "F,B,4000000000,5,11,0,4",
            "C,B,4000000000,5,11,130,4",
        ],
    )
    assert found["fills"] == {"compared": 2, "equal": 1}
    assert found["books"] == {"compared": 4, "equal": 4}
    assert found["lines"] == [6]


def test_hidden_size_shows_before_the_aggressor(tmp_path: Path) -> None:
    """An order filled for more than it showed stands last for all of it, then shows again."""
    _, found = replay_rows(
        tmp_path,
        [
            "A,A,5000000000,2,21,130,1",
            "A,A,5000000000,4,22,130,2",
            "T,B,5000000000,12,99,0,3",
            "F,A,5000000000,4,22,0,3",
            "F,A,5000000000,8,21,0,3",
            "C,A,5000000000,4,22,0,4",
            "M,A,5000000000,2,21,130,4",
            "A,A,5000000000,1,23,130,5",
            "T,B,5000000000,3,99,0,6",
            "F,A,5000000000,2,21,0,6",
            "F,A,5000000000,1,23,0,6",
            "C,A,5000000000,1,23,0,6",
            "M,A,5000000000,2,21,130,6",
        ],
    )
    assert found["fills"] == {"compared": 4, "equal": 4}
    assert found["books"] == {"compared": 5, "equal": 5}


def test_orders_that_prevention_cancels_leave_before_the_aggressor(tmp_path: Path) -> None:
    """An older order that the venue took out in the same event does not stand in the way."""
    _, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "A,B,4000000000,5,12,130,2",
            "T,A,4000000000,5,99,0,3",
            "F,B,4000000000,5,12,0,3",
            "C,B,4000000000,5,12,0,3",
            "C,B,4000000000,5,11,130,3",
        ],
    )
    assert found["fills"] == {"compared": 1, "equal": 1}
    assert found["books"] == {"compared": 3, "equal": 3}


def test_modification_keeps_or_loses_its_place(tmp_path: Path) -> None:
    """Smaller at the same price keeps the place; larger, or another price, does not."""
    _, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "A,B,4000000000,5,12,130,2",
            "A,B,4000000000,5,13,130,3",
            "M,B,4000000000,4,11,130,4",
            "M,B,4000000000,6,12,130,5",
            "M,B,3990000000,6,13,130,6",
            "M,B,4000000000,6,13,130,7",
            "T,A,4000000000,16,99,0,8",
            "F,B,4000000000,4,11,0,8",
            "F,B,4000000000,6,12,0,8",
            "F,B,4000000000,6,13,0,8",
            "C,B,4000000000,4,11,0,8",
            "C,B,4000000000,6,12,0,8",
            "C,B,4000000000,6,13,130,8",
        ],
    )
    assert found["fills"] == {"compared": 3, "equal": 3}
    assert found["books"] == {"compared": 8, "equal": 8}


def test_auction_is_left_out_and_its_outcome_taken_over(tmp_path: Path) -> None:
    """Nothing is sent while the venue's book is crossed; then the chain gets what is left."""
    plan, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "A,A,4010000000,5,12,130,2",
            "A,B,4020000000,9,13,130,3",
            "M,B,4000000000,3,11,130,4",
            "T,N,4015000000,5,0,0,5",
            "F,N,4015000000,5,12,0,5",
            "F,N,4015000000,5,13,0,5",
            "C,A,4010000000,5,12,0,5",
            "M,B,4010000000,4,13,130,5",
            "T,A,4010000000,4,99,0,6",
            "F,B,4010000000,4,13,0,6",
            "C,B,4010000000,4,13,130,6",
        ],
    )
    assert found["fills"] == {"compared": 1, "equal": 1}
    assert found["books"] == {"compared": 4, "equal": 4}
    assert plan.set_aside["events with the venue's book crossed"] == 2


def test_fills_elsewhere_and_hidden_executions_send_nothing(tmp_path: Path) -> None:
    """A fill away from the order's price is no match of the book; what follows it still counts."""
    plan, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "T,A,4005000000,2,99,0,2",
            "F,B,4005000000,2,11,0,2",
            "M,B,4000000000,3,11,130,2",
            "T,N,4003000000,7,0,130,3",
            "C,B,4000000000,3,77,130,4",
        ],
    )
    assert found["fills"] == {"compared": 0, "equal": 0}
    assert found["books"] == {"compared": 4, "equal": 4}
    assert plan.set_aside["fills away from the order's place in the book"] == 1
    assert plan.set_aside["hidden executions and crosses"] == 1
    assert plan.set_aside["messages about unknown orders"] == 1


def test_clear_empties_the_book_and_ids_may_come_back(tmp_path: Path) -> None:
    """After an R row an order id may be used anew."""
    _, found = replay_rows(
        tmp_path,
        [
            "A,B,4000000000,5,11,130,1",
            "R,N,,0,0,136,2",
            "A,B,4000000000,6,11,130,3",
            "C,B,4000000000,6,11,0,4",
            "A,B,4010000000,6,11,130,4",
            "T,A,4010000000,6,99,0,5",
            "F,B,4010000000,6,11,0,5",
            "C,B,4010000000,6,11,130,5",
        ],
    )
    assert found["fills"] == {"compared": 1, "equal": 1}
    assert found["books"] == {"compared": 5, "equal": 5}


def test_sweep_longer_than_a_leg_may_match(tmp_path: Path) -> None:
    """An aggressor that meets more orders than one leg may match is sent in parts."""
    count = 450
    rows = [f"A,A,{5_000 + at}000000,1,{100 + at},130,{at}" for at in range(count)]
    rows.append(f"T,B,{5_000 + count}000000,{count},9,0,1000")
    rows += [f"F,A,{5_000 + at}000000,1,{100 + at},0,1000" for at in range(count)]
    rows += [f"C,A,{5_000 + at}000000,1,{100 + at},0,1000" for at in range(count - 1)]
    rows.append(f"C,A,{5_000 + count - 1}000000,1,{100 + count - 1},130,1000")
    _, found = replay_rows(tmp_path, rows)
    assert found["fills"] == {"compared": count, "equal": count}
    assert found["books"] == {"compared": count + 1, "equal": count + 1}


ROW = "0,A,B,4000000000,5,11,130,1"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1,A,B,4000000000,5,12,130", "wrong_columns"),
        ("1,X,B,4000000000,5,12,130,2", "bad_word"),
        ("1,A,Q,4000000000,5,12,130,2", "bad_word"),
        ("1,A,N,4000000000,5,12,130,2", "bad_word"),
        ("1,A,B,four,5,12,130,2", "bad_number"),
        ("1,A,B,,5,12,130,2", "bad_number"),
        ("1,A,B,-4000000000,5,12,130,2", "bad_number"),
        ("1,A,B,4000000000,0,12,130,2", "bad_number"),
        ("1,A,B,4000000000,5,0,130,2", "bad_number"),
        ("1,A,B,4000000000,5.5,12,130,2", "bad_number"),
        ("noon,A,B,4000000000,5,12,130,2", "bad_number"),
        ("1,A,B,4000000000,5,11,130,2", "contradiction"),
    ],
)
def test_malformed_row_is_named(tmp_path: Path, row: str, code: str) -> None:
    """A malformed row stops the replay with its line and a stable code."""
    recording = write(tmp_path / "mbo.csv", [HEADER, ROW, row])
    with pytest.raises(RecordingError) as caught:
        replay_in_process(DatabentoPlan(recording, None, None))
    assert (caught.value.code, caught.value.line) == (code, 3)


def test_header_without_a_column_is_named(tmp_path: Path) -> None:
    """What is not the format at all is refused at its first line."""
    recording = write(tmp_path / "mbo.csv", ["time,price", "1,2"])
    with pytest.raises(RecordingError, match="action") as caught:
        DatabentoPlan(recording, None, None)
    assert (caught.value.code, caught.value.line) == ("wrong_columns", 1)


def test_second_instrument_is_refused(tmp_path: Path) -> None:
    """A file of several instruments is not one market."""
    recording = write_mbo(tmp_path / "mbo.csv", Venue(1).run(20))
    lines = recording.read_text().splitlines()
    lines[9] = lines[9].replace(",77,", ",78,")
    write(recording, lines)
    with pytest.raises(RecordingError, match="instrument 78 after 77") as caught:
        DatabentoPlan(recording, None, None)
    assert caught.value.line == 10


def test_truncated_gzip_is_named(tmp_path: Path) -> None:
    """A packed file that ends in the middle says where."""
    lines = [
        HEADER,
        *(f"{at},A,B,{4_000 + at % 90}000000,5,{at + 1},130,{at}" for at in range(5_000)),
    ]
    packed = tmp_path / "mbo.csv.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode())[:-2_000])
    with pytest.raises(RecordingError) as caught:
        DatabentoPlan(packed, None, None)
    assert caught.value.code in ("unreadable", "wrong_columns")
    assert caught.value.line > 1_000


def test_malformed_snapshot_is_named(tmp_path: Path) -> None:
    """A malformed snapshot row stops the replay with its line."""
    events = Venue(1).run(60)
    recording = write_mbo(tmp_path / "mbo.csv", events)
    book = write_mbp(tmp_path / "mbp.csv", events)
    lines = book.read_text().splitlines()
    lines[20] = lines[20].rsplit(",", 3)[0]
    write(book, lines)
    with pytest.raises(RecordingError) as caught:
        replay_in_process(DatabentoPlan(recording, book, None))
    assert (caught.value.code, caught.value.line) == ("wrong_columns", 21)


def test_dbn_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without databento-dbn a DBN file is refused in words that say what is missing."""
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    recording = tmp_path / "mbo.dbn.zst"
    recording.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    with pytest.raises(RecordingError, match="databento-dbn") as caught:
        DatabentoPlan(recording, None, None)
    assert caught.value.code == "unreadable"


def test_dbn_records_read_like_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DBN gives the same messages as CSV (through a stand-in for the optional package)."""
    plain = write_mbo(tmp_path / "mbo.csv", Venue(2).run(150))
    units = databento.find_units(plain)
    rows = list(databento.iterate_mbo(plain, units))
    recording = tmp_path / "mbo.dbn"
    recording.write_bytes(b"DBN")
    monkeypatch.setitem(sys.modules, "databento_dbn", make_dbn_package(rows, units.price_unit))
    found = list(databento.iterate_mbo(recording, databento.find_units(recording)))
    assert [each._replace(line=0) for each in found] == [each._replace(line=0) for each in rows]


def make_dbn_package(rows: list[databento.Row], price_unit: int) -> ModuleType:
    """Return a module with as much of databento_dbn as is used, holding these records."""

    class MBOMsg(SimpleNamespace):
        """A record."""

    class DBNDecoder:
        """Decodes any bytes to the records."""

        def __init__(self, compression: object) -> None:
            del compression

        def write(self, data: bytes) -> None:
            """Take bytes."""

        def decode(self) -> list[MBOMsg]:
            """Return the records."""
            return [
                MBOMsg(
                    ts_event=row.time_ns,
                    action=row.action,
                    side="NBA"[row.side],
                    price=row.price * price_unit if row.price else (1 << 63) - 1,
                    size=row.size,
                    order_id=row.order_id,
                    flags=row.flags,
                    sequence=row.sequence,
                    instrument_id=77,
                )
                for row in rows
            ]

        def buffer(self) -> bytes:
            """Return what was not decoded."""
            return b""

    package = ModuleType("databento_dbn")
    parts = {
        "DBNDecoder": DBNDecoder,
        "MBOMsg": MBOMsg,
        "DBNError": RuntimeError,
        "Metadata": type("Metadata", (), {}),
        "Compression": SimpleNamespace(NONE=0, ZSTD=1),
    }
    for name, part in parts.items():
        setattr(package, name, part)
    return package


def test_header_is_that_of_the_export() -> None:
    """The tests' files have the columns that Databento's export has."""
    assert len(MBO_HEADER.split(",")) == 15
