"""What blocks do with fees: charge work, settle epochs, count votes (docs/spec/fees.md).

From the documents and nothing else, as the rest of the oracle.
"""

from collections.abc import Sequence

from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.results import TxResult
from tests.model_fee_state import BOUNDS, GRID, STAKING_TERMS, Settled, Value
from tests.model_sponsors import find_payer
from tests.model_stake_blocks import distribute
from tests.model_state import State


def settle_payers(state: State, owners: Sequence[bytes]) -> None:
    """Pay back what these owners are owed of epochs that are over."""
    for owner in owners:
        epoch, amount = state.fees.paid.get(owner, (0, 0))
        if 0 < epoch < state.fees.epoch:
            settled = state.fees.settled[epoch]
            refund = amount * settled.refunded // settled.collected
            state.fees.refunds -= refund
            state.add_free((owner, 0, state.fee_token), refund)
            del state.fees.paid[owner]


def end_fees(state: State, txs: Sequence[SignedTx], results: Sequence[TxResult]) -> None:
    """Charge a block; at the epoch's end settle it and renew the numbers."""
    fees = state.fees
    if not fees.terms:
        return
    for tx, result in zip(txs, results, strict=True):
        if result.fee:
            payer = find_payer(tx)
            before = fees.paid.get(payer, (fees.epoch, 0))[1]
            fees.paid[payer] = (fees.epoch, before + result.fee)
    used, target = sum(result.work for result in results), fees.values[2].value
    fees.work += used
    moved = fees.multiplier * (min(used, 2 * target) - target) // (8 * target)
    fees.multiplier = min(max(fees.multiplier + moved, 65_536), 64 * 65_536)
    if state.height % fees.terms["epoch_blocks"] == 0:
        end_epoch(state)
    state.unit_price = min((fees.price * fees.multiplier + 65_535) // 65_536, 2**64 - 1)


def end_epoch(state: State) -> None:
    """Pay stakers the cost, owe payers the rest."""
    fees, cost = state.fees, state.fees.values[1].value
    collected, state.fee_pool = state.fee_pool, 0
    given = distribute(state, min(cost, collected))
    paid = min(cost, collected) if given else 0
    state.stake.rewards += paid - given
    fees.refunds += collected - paid
    work = fees.work
    fees.settled[fees.epoch] = Settled(cost, collected, collected - paid, work, fees.price)
    fees.work = 0
    for number, (lowest, highest) in BOUNDS.items():
        old = fees.values[number].value
        median, stake = find_median(state, number)
        new = old
        if median:
            least = 1 if number == 1 else old * 4 // 5
            new = min(max(median, least), (old * 5 + 3) // 4)
            new = min(max(new, lowest), highest)
        fees.values[number] = Value(new, median, stake)
        if number in STAKING_TERMS:
            state.stake.terms[STAKING_TERMS[number]] = new
    state.market_bond = fees.values[3].value
    divisor = max(work, fees.average // 4, 1)
    wanted = (fees.values[1].value + divisor - 1) // divisor
    wanted = min(max(wanted, fees.price * 3 // 4), (fees.price * 3 + 1) // 2)
    fees.price = min(max(wanted, fees.terms["price_min"]), fees.terms["price_max"])


def find_median(state: State, number: int) -> tuple[int, int]:
    """Return the least value that half of the voting stake is at or below, and that stake."""
    stake, votes = state.stake, state.fees.votes
    ballots: list[tuple[int, int, dict[int, int]]] = []
    for owner, each in stake.validators.items():
        if not each.told or each.is_out or not each.shares:
            continue
        shares: dict[int, int] = {}
        for (who, to), held in stake.delegations.items():
            vote = votes.get((who, to, number)) if who != to else None
            if to == owner and vote:
                shares[vote] = shares.get(vote, 0) + held.shares
        own = votes.get((owner, owner, number))
        if own:
            shares[own] = shares.get(own, 0) + each.shares - sum(shares.values())
        ballots.append((each.tokens, each.shares, shares))

    def count(value: int) -> int:
        parts = [(t, s, sum(n for v, n in b.items() if v <= value)) for t, s, b in ballots]
        return sum(voted * tokens // shares for tokens, shares, voted in parts)

    total = count(GRID[-1])
    return (min(v for v in GRID if 2 * count(v) >= total), total) if total else (0, 0)
