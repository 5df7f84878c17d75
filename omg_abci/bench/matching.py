"""`match`: the exchange's rules on the working state, with balances, inside open blocks.

Timed are the rules for placing and cancelling, nothing around them: no envelope, no hashing, no
admission. The ceiling is the bare book on the very same messages, which must come to the same
fills: a run in which it does not is no measurement.
"""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Final

from omg_abci.bench.bare_book import BareBook, make_messages
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.flow import MESSAGES, RESTING, Flow, Step
from omg_abci.bench.owners import OWNERS, RICHES, TIME_MS, Owner, make_owners, make_state
from omg_abci.bench.plain_book import PlainBook
from omg_abci.protocol.messages import CancelOrder
from omg_abci.protocol.results import LegResult
from omg_abci.rules.cancels import process_cancel_order
from omg_abci.rules.context import LegContext
from omg_abci.rules.exchange import process_place_order
from omg_abci.state.diff import compute_changes, store_changes
from omg_abci.state.working import WorkingState

_SEED: Final = 20_261_123
_BLOCK_MESSAGES: Final = 5_000
"""The journal holds a block's inverses, so a run in one giant block would not be a block's work."""
_UNTIL_MS: Final = TIME_MS + 3_600_000


def measure_match(messages: int, seeded: int) -> Measurement:
    """Return messages a second on a book of so many seeded orders."""
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    before = flow.take(seeded, RESTING)
    timed = flow.take(messages, MESSAGES)
    bare_seconds, bare_cpu_seconds, bare = _time_bare(before, timed)
    owners = make_owners()
    state, _, _ = make_state(owners)
    _run(state, owners, before)
    seconds, cpu_seconds, fills = _run(state, owners, timed)
    if fills != (bare.fills, bare.lots):
        raise MeasurementFailed(f"{fills} fills and lots, the bare book made {bare.fills}")
    return Measurement(
        len(timed) / seconds,
        len(timed) / bare_seconds,
        {
            "messages": len(timed),
            "fills_per_message": fills[0] / len(timed),
            "us_per_message": seconds * 1e6 / len(timed),
            "cpu_us_per_message": cpu_seconds * 1e6 / len(timed),
            "ceiling_cpu_us_per_message": bare_cpu_seconds * 1e6 / len(timed),
            "seeded_orders": seeded,
        },
        cpu_seconds * 1e6 / len(timed),
    )


def _time_bare(before: Sequence[Step], timed: Sequence[Step]) -> tuple[float, float, BareBook]:
    """Return the seconds and the processor's seconds that the bare book takes, and the book."""
    book = BareBook(OWNERS, RICHES, RICHES)
    book.process(make_messages(before))
    messages = make_messages(timed)
    gc.collect()
    gc.disable()
    begun, cpu_begun = time.perf_counter(), time.process_time()
    book.process(messages)
    cpu_seconds, seconds = time.process_time() - cpu_begun, time.perf_counter() - begun
    gc.enable()
    return seconds, cpu_seconds, book


def _run(
    state: WorkingState, owners: Sequence[Owner], steps: Sequence[Step]
) -> tuple[float, float, tuple[int, int]]:
    """Return the seconds and the processor's seconds of the rules, and the fills and lots.

    Nothing is collected between blocks: a node does not either, and it would empty the caches.
    """
    seconds, cpu_seconds, fills, lots = 0.0, 0.0, 0, 0
    gc.collect()
    gc.freeze()
    gc.disable()
    for start in range(0, len(steps), _BLOCK_MESSAGES):
        height = state.height + 1
        state.begin_block(height, TIME_MS, bytes(32))
        calls = _prepare(state, owners, steps[start : start + _BLOCK_MESSAGES])
        begun, cpu_begun = time.perf_counter(), time.process_time()
        results = _process(state, calls)
        cpu_seconds += time.process_time() - cpu_begun
        seconds += time.perf_counter() - begun
        for result in results:
            fills += len(result.fills)
            lots += sum(fill.quantity for fill in result.fills)
        store_changes(state, compute_changes(state))
        state.commit()
    gc.enable()
    gc.unfreeze()
    return seconds, cpu_seconds, (fills, lots)


_Call = tuple[Callable[..., LegResult], LegContext, object]


def _prepare(state: WorkingState, owners: Sequence[Owner], steps: Sequence[Step]) -> list[_Call]:
    """Make ready what a transaction has found out before it comes to its legs."""
    return [
        (
            process_cancel_order if isinstance(leg, CancelOrder) else process_place_order,
            LegContext(state.get_account(owners[owner].address), _UNTIL_MS),
            leg,
        )
        for owner, leg in steps
    ]


def _process(state: WorkingState, calls: Sequence[_Call]) -> list[LegResult]:
    """Do what is timed."""
    return [process(state, ctx, leg) for process, ctx, leg in calls]
