"""LOBSTER recordings: what is read, what is revealed, what is compared."""

from pathlib import Path

import pytest

from omg_abci.replay import lobster
from omg_abci.replay.errors import RecordingError
from omg_abci.replay.lobster_plan import LobsterPlan
from tests.replay.in_process import replay_in_process
from tests.replay.venue import Venue, write, write_lobster

MESSAGE = "34200.1,1,10,100,10000,1"


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_day_is_equal_at_every_depth(tmp_path: Path, depth: int, seed: int) -> None:
    """A recording that begins in the middle and sees so many levels: comparable rows are equal."""
    recording, book = write_lobster(tmp_path, Venue(seed).run(1_700)[200:], depth)
    plan = LobsterPlan(recording, book, None)
    comparer = replay_in_process(plan).comparer
    assert comparer.rows.compared > 100
    assert comparer.rows.equal == comparer.rows.compared
    assert comparer.fills.equal >= comparer.fills.compared - 3 > 100
    if depth == 10:
        assert comparer.rows.compared == plan.rows


def test_without_book_file_every_event_is_compared(tmp_path: Path) -> None:
    """The messages alone are a recording."""
    recording, _ = write_lobster(tmp_path, Venue(4).run(600), 50)
    comparer = replay_in_process(LobsterPlan(recording, None, None)).comparer
    assert comparer.order_books.equal == comparer.order_books.compared > 400
    assert comparer.fills.equal == comparer.fills.compared > 40
    assert comparer.rows.compared == 0


def test_sequence_of_quotes_is_matched_in_order(tmp_path: Path) -> None:
    """A book file with other rows than the messages is compared as a sequence of states."""
    events = Venue(5).run(1_200)[200:]
    recording, _ = write_lobster(tmp_path, events, 50)
    quotes: list[str] = []
    for event in events:
        if event.bids and event.asks:
            row = (*event.asks[0][:2], *event.bids[0][:2])
            quotes.append(f"{row[0] * 100},{row[1]},{row[2] * 100},{row[3]}")
    distinct = [quote for at, quote in enumerate(quotes) if not at or quote != quotes[at - 1]]
    book = write(tmp_path / "q.csv", distinct)
    comparer = replay_in_process(LobsterPlan(recording, book, None)).comparer
    assert comparer.rows.compared > 100
    assert comparer.rows.compared - comparer.rows.equal < 12


def test_wrong_row_is_one_difference(tmp_path: Path) -> None:
    """A snapshot row that says otherwise counts once, and the replay goes on."""
    recording, book = write_lobster(tmp_path, Venue(1).run(500), 10)
    lines = book.read_text().splitlines()
    cells = lines[200].split(",")
    cells[5] = str(int(cells[5]) + 1)
    lines[200] = ",".join(cells)
    write(book, lines)
    comparer = replay_in_process(LobsterPlan(recording, book, None)).comparer
    assert comparer.rows.compared - comparer.rows.equal == 1
    assert comparer.differences[0].line == 201
    assert comparer.differences[0].kind == "row"


def test_execution_out_of_turn_is_one_difference(tmp_path: Path) -> None:
    """An execution of the second order in the queue counts once; the book is brought back."""
    lines = [
        "34200.1,1,10,100,10000,1",
        "34200.2,1,11,100,10000,1",
        "34200.3,4,11,40,10000,1",
        "34200.4,4,10,100,10000,1",
        "34200.5,4,11,60,10000,1",
    ]
    recording = write(tmp_path / "m.csv", lines)
    comparer = replay_in_process(LobsterPlan(recording, None, None)).comparer
    assert comparer.fills.as_dict() == {"compared": 3, "equal": 2}
    assert comparer.order_books.as_dict() == {"compared": 5, "equal": 5}
    assert [each.line for each in comparer.differences] == [3]


def test_limit_replays_the_first_rows(tmp_path: Path) -> None:
    """A limit counts rows of the recording."""
    recording, book = write_lobster(tmp_path, Venue(2).run(400), 10)
    plan = LobsterPlan(recording, book, 120)
    comparer = replay_in_process(plan).comparer
    assert plan.rows == 120
    assert comparer.rows.as_dict() == {"compared": 120, "equal": 120}


def test_headers_and_index_columns_are_left_out(tmp_path: Path) -> None:
    """Files that went through a table program read like the plain ones."""
    recording, book = write_lobster(tmp_path, Venue(3).run(200), 5)
    plain = list(lobster.iterate_messages(recording))
    rows = list(lobster.iterate_rows(book))
    for path, header in (
        (recording, ",time,type,order_id,size,price,direction"),
        (book, ",ask_price_1,ask_size_1,bid_price_1,bid_size_1"),
    ):
        lines = path.read_text().splitlines()
        write(path, [header, *(f"{at},{line}" for at, line in enumerate(lines))])
    shifted = [each._replace(line=each.line - 1) for each in lobster.iterate_messages(recording)]
    assert shifted == plain
    assert [each._replace(line=each.line - 1) for each in lobster.iterate_rows(book)] == rows


@pytest.mark.parametrize(
    ("lines", "code", "line"),
    [
        ([MESSAGE, "34200.2,1,11,100"], "wrong_columns", 2),
        ([MESSAGE, "34200.2,1,11,many,10000,1"], "bad_number", 2),
        ([MESSAGE, "34200.2,1,11,0,10000,1"], "bad_number", 2),
        ([MESSAGE, "34200.2,1,11,100,-5,1"], "bad_number", 2),
        ([MESSAGE, "34200.2,1,0,100,10000,1"], "bad_number", 2),
        ([MESSAGE, "34200.2,9,11,100,10000,1"], "bad_word", 2),
        ([MESSAGE, "34200.2,1,11,100,10000,2"], "bad_word", 2),
        ([MESSAGE, "34200.0,1,11,100,10000,1"], "contradiction", 2),
        ([MESSAGE, "34200.2,1,10,100,10000,1"], "contradiction", 2),
        ([""], "no_rows", 0),
    ],
)
def test_malformed_message_is_named(tmp_path: Path, lines: list[str], code: str, line: int) -> None:
    """A malformed message stops the replay with its line and a stable code."""
    recording = write(tmp_path / "m.csv", lines)
    with pytest.raises(RecordingError) as caught:
        replay_in_process(LobsterPlan(recording, None, None))
    assert (caught.value.code, caught.value.line) == (code, line)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("10100,5,10000", "wrong_columns"),
        ("10100,5,10000,x", "bad_number"),
        ("10100,-5,10000,5", "bad_number"),
    ],
)
def test_malformed_row_is_named(tmp_path: Path, row: str, code: str) -> None:
    """A malformed snapshot row stops the replay with its line and a stable code."""
    recording = write(tmp_path / "m.csv", [MESSAGE, "34200.2,1,11,5,10000,1"])
    book = write(tmp_path / "b.csv", ["10100,5,10000,100", row])
    with pytest.raises(RecordingError) as caught:
        LobsterPlan(recording, book, None)
    assert (caught.value.code, caught.value.line) == (code, 2)


@pytest.mark.parametrize("cut", ["m.csv", "b.csv"])
def test_message_without_row_is_named(tmp_path: Path, cut: str) -> None:
    """A pair of files with different numbers of rows is refused before anything is sent."""
    recording, book = write_lobster(tmp_path, Venue(1).run(300), 10)
    path = tmp_path / cut
    write(path, path.read_text().splitlines()[:-3])
    with pytest.raises(RecordingError, match="belongs to the") as caught:
        LobsterPlan(recording, book, None)
    assert caught.value.code == "contradiction"
