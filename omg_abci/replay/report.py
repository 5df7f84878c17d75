"""What a replay found, for programs and for people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omg_abci.replay.compare import Comparer
from omg_abci.replay.formats import TITLES
from omg_abci.replay.session import Plan, Session


class Outcome(NamedTuple):
    """What the network says beside the comparisons."""

    validators: int
    transactions: int
    blocks: int
    first_height: int
    last_height: int
    open_orders: int
    """The market's own count at the end."""
    final_book_equal: bool
    """Every open order of the chain is in the rebuilt book, at its place, and no other."""
    final_book_detail: str
    app_hashes_equal: bool


def make_report(
    kind: str, recording: Path, plan: Plan, session: Session, outcome: Outcome
) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    comparer = session.comparer
    books = comparer.rows if comparer.rows.compared else comparer.order_books
    return {
        "recording": recording.name,
        "format": kind,
        "validators": outcome.validators,
        "rows": plan.rows,
        "events": plan.events,
        "legs": session.legs,
        "transactions": outcome.transactions,
        "blocks": outcome.blocks,
        "heights": [outcome.first_height, outcome.last_height],
        "seconds": round(session.seconds, 3),
        "rows_per_second": round(plan.rows / session.seconds, 1) if session.seconds else 0,
        "fills": {**comparer.fills.as_dict(), "unexpected": comparer.unexpected_fills},
        "books": books.as_dict(),
        "order_books": comparer.order_books.as_dict(),
        "snapshot_rows": comparer.rows.as_dict(),
        "final_book": {
            "orders": outcome.open_orders,
            "equal": outcome.final_book_equal,
            "detail": outcome.final_book_detail,
        },
        "app_hashes_equal": outcome.app_hashes_equal,
        "set_aside": {reason: count for reason, count in plan.set_aside.items() if count},
        "difference_counts": dict(comparer.difference_counts),
        "differences": [each._asdict() for each in comparer.differences],
    }


def format_report(report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the same for a person."""
    yield (
        f"{report['recording']} ({TITLES[report['format']]}),"
        f" through {report['validators']} validators"
    )
    yield (
        f"  {report['rows']:,} rows, {report['events']:,} events → {report['legs']:,} legs in"
        f" {report['transactions']:,} transactions, {report['blocks']:,} blocks,"
        f" {report['seconds']:.0f} s: {report['rows_per_second']:,.0f} rows a second"
    )
    yield _format_tally("fills", report["fills"], "the venue's: resting order, price and size")
    yield _format_tally(
        "books", report["order_books"], "the venue's after their event: every order in its place"
    )
    if report["snapshot_rows"]["compared"]:
        yield _format_tally("snapshots", report["snapshot_rows"], "the venue's own snapshots")
    final = report["final_book"]
    yield (
        f"  at the end  the chain's own book holds {final['orders']:,} orders and is "
        + ("the one rebuilt from the results" if final["equal"] else f"ANOTHER: {final['detail']}")
    )
    yield (
        "  validators  "
        + ("agree" if report["app_hashes_equal"] else "DIFFER")
        + f" on the application hash of every block, {report['heights'][0]:,}"
        f" to {report['heights'][1]:,}"
    )
    for reason, count in report["set_aside"].items():
        yield f"  set aside   {count:,} {reason}"
    for each in report["differences"][:5]:
        yield f"  difference  line {each['line']}, {each['kind']}: {each['detail']}"
    left = sum(report["difference_counts"].values()) - len(report["differences"][:5])
    if left > 0:
        yield f"  and {left:,} more differences"


def _format_tally(name: str, tally: dict[str, int], what: str) -> str:
    return f"  {name:<11} {tally['equal']:,} of {tally['compared']:,} equal {what}"


def format_progress(rows: int, legs: int, seconds: float, comparer: Comparer) -> str:
    """Return one line about a replay that is going on."""
    fills = comparer.fills
    return (
        f"  {rows:,} rows read, {legs:,} legs sent, {rows / max(seconds, 0.001):,.0f} rows/s;"
        f" fills {fills.equal:,} of {fills.compared:,} equal,"
        f" books {comparer.order_books.equal:,} of {comparer.order_books.compared:,}"
    )
