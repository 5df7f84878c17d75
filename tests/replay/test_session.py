"""What a chain that does otherwise looks like, and the parts that comparing is made of."""

from pathlib import Path

import pytest

from omg_abci.protocol.results import Fill, LegResult
from omg_abci.replay.book import Book
from omg_abci.replay.compare import DIFFERENCES_SHOWN, Comparer, compare_open_orders
from omg_abci.replay.databento_plan import DatabentoPlan
from omg_abci.replay.demo import Sampler, find_sample
from omg_abci.replay.errors import RecordingError
from omg_abci.replay.lobster_plan import LobsterPlan
from omg_abci.replay.states import match_sequence
from omg_abci.replay.steps import EventEnd
from omg_abci.replay.text import count_decimals, parse_decimal
from omg_abci.replay.times import parse_time
from tests.replay.in_process import replay_in_process
from tests.replay.venue import Venue, write_lobster, write_mbo

NOWHERE = Path("recording.csv")


def test_chain_that_fills_too_little_is_seen(tmp_path: Path) -> None:
    """A result with a smaller fill is a difference of that fill and of the book after it."""
    recording = write_mbo(tmp_path / "mbo.csv", Venue(1).run(300))

    def take_one_off(result: LegResult) -> LegResult:
        fills = tuple(each._replace(quantity=each.quantity + 1) for each in result.fills)
        return result._replace(fills=fills)

    comparer = replay_in_process(DatabentoPlan(recording, None, None), take_one_off).comparer
    assert comparer.fills.equal == 0 < comparer.fills.compared
    assert comparer.order_books.equal < comparer.order_books.compared
    assert len(comparer.differences) == DIFFERENCES_SHOWN
    assert comparer.difference_counts["fill"] > 10


def test_chain_that_fills_without_reason_is_seen(tmp_path: Path) -> None:
    """A fill that no venue reported counts as unexpected."""
    recording = write_mbo(tmp_path / "mbo.csv", Venue(1).run(40))

    def invent(result: LegResult) -> LegResult:
        invented = Fill(bytes(20), 1, 1, 1)
        return result if result.fills else result._replace(fills=(invented,))

    comparer = replay_in_process(DatabentoPlan(recording, None, None), invent).comparer
    assert comparer.unexpected_fills > 10


def test_chain_that_refuses_is_seen(tmp_path: Path) -> None:
    """A refused leg is a difference, and the book lacks the order."""
    recording, _ = write_lobster(tmp_path, Venue(1).run(100), 50)
    answers = iter(range(10_000))

    def refuse_the_third(result: LegResult) -> LegResult:
        return LegResult(code=1_000) if next(answers) == 2 else result

    comparer = replay_in_process(LobsterPlan(recording, None, None), refuse_the_third).comparer
    assert comparer.difference_counts["leg"] >= 1
    assert comparer.order_books.equal < comparer.order_books.compared


def test_final_book_is_compared_order_by_order(tmp_path: Path) -> None:
    """Another order, another size or another turn in the chain's own book is seen."""
    recording, _ = write_lobster(tmp_path, Venue(1).run(100), 50)
    comparer = replay_in_process(LobsterPlan(recording, None, None)).comparer
    orders = [
        {
            "client_id": comparer.client_ids[key],
            "side": side,
            "price": price,
            "left": comparer.chain.get_quantity(key),
            "priority": turn,
        }
        for turn, (key, (side, price)) in enumerate(comparer.chain.places.items())
    ]
    assert compare_open_orders(comparer, orders) == (True, "")
    assert not compare_open_orders(comparer, orders[1:])[0]
    assert not compare_open_orders(comparer, [{**orders[0], "left": 10**6}, *orders[1:]])[0]


def test_sequences_are_matched_past_gaps_on_both_sides() -> None:
    """States that only one side has are left out; everything else matches in order."""
    ours = [((at, 1),) for at in range(200)]
    theirs = [each for each in ours if each[0][0] % 50]
    theirs[120:120] = [((at, 2),) for at in range(5)]
    found = match_sequence(ours, theirs)
    assert [at for at, equal in enumerate(found) if not equal] == [0, 50, 100, 150]
    assert match_sequence(ours, []) == [False] * 200
    assert not any(match_sequence(ours, [((at, 9),) for at in range(900)]))


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [("12.5", 2, 1_250), ("2.6e-06", 8, 260), ("-3", 0, -3), ("1E3", 0, 1_000), ("0.10", 1, 1)],
)
def test_decimals_become_integers_exactly(text: str, decimals: int, value: int) -> None:
    """A decimal number is an integer of so many decimals."""
    assert parse_decimal(NOWHERE, 1, "size", text, decimals) == value
    assert count_decimals(text) <= decimals


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "ten", "1e", "0x10", "1e999", "9" * 50, "1.234", "٣"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    """Nothing is rounded and nothing is guessed."""
    with pytest.raises(RecordingError) as caught:
        parse_decimal(NOWHERE, 7, "size", text, 2)
    assert (caught.value.code, caught.value.line) == ("bad_number", 7)


def test_times_of_both_kinds_are_the_same_moment() -> None:
    """RFC 3339 with T or a blank, with Z or an offset, and plain nanoseconds."""
    moment = 1_703_545_200_002_000_001
    for text in (
        str(moment),
        "2023-12-25T23:00:00.002000001Z",
        "2023-12-25 23:00:00.002000001+00:00",
        "2023-12-26T00:00:00.002000001+01:00",
    ):
        assert parse_time(NOWHERE, 1, text) == moment
    assert parse_time(NOWHERE, 1, "2023-12-25T23:00:00Z") == moment - 2_000_001
    with pytest.raises(RecordingError):
        parse_time(NOWHERE, 1, "yesterday")


def test_book_knows_an_order_once() -> None:
    """Adding an open order, or changing one that is not open, is a mistake."""
    book = Book()
    book.add(1, 1, 100, 5)
    with pytest.raises(KeyError):
        book.add(1, 1, 100, 5)
    with pytest.raises(KeyError):
        book.remove(2)
    assert book.compute_levels(1, 10) == [(100, 5, 1)]


def test_picture_is_drawn_from_the_chain(tmp_path: Path) -> None:
    """A replay that is watched leaves a picture."""
    recording = write_mbo(tmp_path / "mbo.csv", Venue(1).run(900))
    plan = DatabentoPlan(recording, None, None)
    sampler = Sampler(plan)
    session = replay_in_process(plan, watch=sampler.watch)
    picture = tmp_path / "demo.png"
    numbers = {"rows": 1, "legs": 1, "blocks": 1, "rows_per_second": 1.0, "validators": 4}
    fills = session.comparer.fills.as_dict()
    drawn = sampler.draw(picture, {**numbers, "fills": fills, "app_hashes_equal": True})
    assert not drawn, "the whole day takes less than a sample"
    slow = Sampler(plan)

    def watch_slowly(end: EventEnd, comparer: Comparer) -> None:
        slow.watch(end._replace(time_ns=10**18 + end.time_ns % 10**10 * 100), comparer)

    replay_in_process(DatabentoPlan(recording, None, None), watch=watch_slowly)
    assert slow.draw(picture, {**numbers, "fills": fills, "app_hashes_equal": False})
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_demo_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that holds the recording, the error names it."""
    monkeypatch.setattr("omg_abci.replay.demo.PACKAGE", "no-such-package-at-all")
    with pytest.raises(RecordingError, match="make demo"):
        find_sample()
