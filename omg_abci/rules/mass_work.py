"""Work that nobody pays for at that moment, in bounded steps (docs/spec/blocks.md#mass-work).

A block does at most `MASS_STEPS_MAX` steps of it, part of them before its transactions. What is
left over waits for the next block; nothing that is due trades meanwhile.
"""

from collections.abc import Callable
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.units import MarketStatus
from omg_abci.rules.auction import open_uncrossing, work_batch, work_pairs
from omg_abci.rules.expired_records import work_expired_records
from omg_abci.rules.markets import change_status
from omg_abci.rules.maturing import work_maturities
from omg_abci.rules.removals import work_delisting, work_removals
from omg_abci.rules.triggers import work_triggers
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState

_AUCTION: Final = int(MarketStatus.AUCTION)
_UNCROSSING: Final = int(MarketStatus.UNCROSSING)
_DELISTING: Final = int(MarketStatus.DELISTING)


def work_start(state: WorkingState) -> None:
    """Do what is due before a block's transactions."""
    work_timers(state)
    left = limits.MASS_START_MAX
    left -= _work_markets(
        state, state.uncrossing_work, work_pairs, min(left, limits.MASS_PAIRS_MAX)
    )
    for number in sorted(state.uncrossing_work):
        if state.uncrossing_work[number].status != _UNCROSSING:
            state.drop_work(state.uncrossing_work, number)
    left -= work_removals(state, left)
    left -= _work_delistings(state, left)
    state.mass_steps = limits.MASS_START_MAX - left


def work_end(state: WorkingState) -> None:
    """Do what is due after a block's transactions, with the steps that its start left."""
    left = limits.MASS_STEPS_MAX - state.mass_steps
    for_auctions = max(0, left - limits.MASS_TRIGGERS_MIN)
    left -= _work_markets(state, state.batch_work, work_batch, for_auctions)
    for number in sorted(state.batch_work):
        state.drop_work(state.batch_work, number)
    left -= _work_markets(state, state.trigger_work, work_triggers, left)
    left -= work_removals(state, left)
    left -= _work_delistings(state, left)
    left -= work_maturities(state, left)
    left -= work_expired_records(state, left)
    state.mass_steps = limits.MASS_STEPS_MAX - left


def work_timers(state: WorkingState) -> None:
    """Price the call auctions and begin the delistings whose time has come; no steps."""
    heap = state.market_timers
    while heap and heap[0][0] <= state.time_ms:
        until_ms, number = state.pop_entry(heap)
        market = state.markets.get(number)
        if market is None or market.until_ms != until_ms:
            continue
        if market.status == _AUCTION:
            open_uncrossing(state, market)
        else:
            change_status(state, market, _DELISTING, 0)


def _work_delistings(state: WorkingState, steps_left: int) -> int:
    return _work_markets(state, state.delisting_work, work_delisting, steps_left)


def _work_markets(
    state: WorkingState,
    work: dict[int, Market],
    do: Callable[[WorkingState, Market, int], int],
    steps_left: int,
) -> int:
    """Do a kind of work for each market listed, ascending by id; return the steps used.

    Markets that come when no steps are left are asked too: some of what is due takes none.
    """
    steps = 0
    for number in sorted(work):
        steps += do(state, work[number], steps_left - steps)
    return steps
