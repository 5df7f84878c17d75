"""What an epoch costs: charging it ahead, and settling it when it is over (docs/spec/fees.md).

Work is charged at a provisional price. At the epoch's end stakers are paid what they voted the
network to cost, or what was collected where that is less, and the rest goes back to who paid, in
proportion: one record an epoch, with which each payer is settled when it next pays.
"""

from collections.abc import Sequence
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.parameters import (
    COST,
    DOWNTIME_BP,
    EQUIVOCATION_BP,
    JAIL_MS,
    MARKET_BOND,
    PARAMETERS,
    SELF_BOND_MIN,
    TARGET_WORK,
)
from omg_abci.protocol.results import TxResult
from omg_abci.protocol.units import Address, Amount
from omg_abci.rules.rewards import distribute_rewards
from omg_abci.rules.votes import compute_median
from omg_abci.state import schema
from omg_abci.state.fee_records import EpochRecord, FeesRecord, ParameterRecord
from omg_abci.state.objects import Account
from omg_abci.state.working import WorkingState

_ONE: Final = limits.MULTIPLIER_ONE


# --- in each block ------------------------------------------------------------------------------


def settle_payer(state: WorkingState, account: Account) -> None:
    """Pay back what an account is owed of an epoch that is over."""
    fees = state.fees
    if fees is None or not 0 < account.paid_epoch < fees.epoch:
        return
    refund = compute_refund(state, account)
    if refund:
        state.set_fees(fees._replace(refunds=fees.refunds - refund))
        state.change_balance(state.get_own(account, 0, state.fee_token), refund, 0)
    state.note_paid(account, 0, 0)


def compute_refund(state: WorkingState, account: Account) -> Amount:
    """Return what an account is owed of the epoch in which it last paid; 0 while that goes on."""
    epoch = state.find_epoch(account.paid_epoch)
    if epoch is None or not epoch.collected:
        return 0
    return account.paid * epoch.refunded // epoch.collected


def end_fees(state: WorkingState, txs: Sequence[SignedTx], results: Sequence[TxResult]) -> None:
    """Note who paid and what was used; end the epoch where it ends; price the next block."""
    if state.fees is None:
        return
    paid: dict[Address, Amount] = {}
    work = 0
    for tx, result in zip(txs, results, strict=True):
        payer = tx.body.payer
        paid[payer] = paid.get(payer, 0) + result.fee
        work += result.work
    for payer, amount in paid.items():
        account = state.get_account(payer)
        before = account.paid if account.paid_epoch == state.fees.epoch else 0
        if amount:
            state.note_paid(account, state.fees.epoch, before + amount)
    target = state.get_parameter(TARGET_WORK).value
    fees = state.fees._replace(
        work=state.fees.work + work,
        multiplier=compute_multiplier(state.fees.multiplier, work, target),
    )
    if state.height % fees.epoch_blocks == 0:
        fees = _end_epoch(state, fees)
    state.set_fees(fees)
    state.set_unit_price(compute_unit_price(fees.price, fees.multiplier))


def compute_multiplier(multiplier: int, work: int, target: int) -> int:
    """Return the congestion multiplier after a block: up to an eighth more or less, 1 to 64.

    An eighth up when the block used twice the target or more, an eighth down when it was empty.
    """
    moved = multiplier + multiplier * (min(work, 2 * target) - target) // (8 * target)
    return min(max(moved, _ONE), limits.MULTIPLIER_MAX * _ONE)


def compute_unit_price(price: int, multiplier: int) -> int:
    """Return what a work unit costs in a block, rounded up."""
    return min(-(-price * multiplier // _ONE), limits.UNIT_PRICE_MAX - 1)


# --- at the end of an epoch -----------------------------------------------------------------------


def _end_epoch(state: WorkingState, fees: FeesRecord) -> FeesRecord:
    """Pay stakers, note what goes back, renew the numbers; return the record of the next epoch."""
    collected, cost = state.fee_pool, state.get_parameter(COST).value
    paid = min(cost, collected)
    given = distribute_rewards(state, paid)
    if given:
        state.set_staking(rewards=paid - given)
    else:
        paid = 0  # nobody is in the set to be paid
    refunded = collected - paid
    state.fee_pool = 0
    state.set_stake(
        schema.compute_epoch_key(fees.epoch),
        EpochRecord(cost, collected, refunded, fees.work, fees.price),
    )
    for number in sorted(PARAMETERS):
        _renew_parameter(state, number)
    average = fees.average_work + (fees.work - fees.average_work) // limits.WORK_AVERAGE_EPOCHS
    fees = fees._replace(average_work=average)
    return fees._replace(
        epoch=fees.epoch + 1,
        price=compute_price(fees, state.get_parameter(COST).value),
        work=0,
        refunds=fees.refunds + refunded,
    )


def compute_price(fees: FeesRecord, cost: Amount) -> int:
    """Return the provisional price of the next epoch, from the work of the one that ends.

    At most half more and at most a quarter less than before, within the chain's bounds.
    """
    wanted = -(-cost // max(fees.work, fees.average_work // 4, 1))
    wanted = min(max(wanted, fees.price * 3 // 4), -(-fees.price * 3 // 2))
    return min(max(wanted, fees.price_min), fees.price_max)


def _renew_parameter(state: WorkingState, number: int) -> None:
    """Set a number to the median of its votes, moving at most a quarter up or a fifth down."""
    old, bounds = state.get_parameter(number), PARAMETERS[number]
    median, stake = compute_median(state, number)
    value = old.value
    if median:
        lowest = 1 if number == COST else old.value * 4 // 5
        value = min(max(median, lowest), -(-old.value * 5 // 4))
        value = min(max(value, bounds.lowest), bounds.highest)
    state.set_stake(schema.compute_parameter_key(number), ParameterRecord(value, median, stake))
    if value != old.value:
        _apply_parameter(state, number, value)


def _apply_parameter(state: WorkingState, number: int, value: int) -> None:
    """Write a number where the rules read it; cost and target are read where they stand."""
    staking = state.staking
    if number == MARKET_BOND:
        state.set_market_bond(value)
    elif staking is not None and number == SELF_BOND_MIN:
        state.set_terms(staking._replace(self_bond_min=value))
    elif staking is not None and number == JAIL_MS:
        state.set_terms(staking._replace(jail_ms=value))
    elif staking is not None and number == DOWNTIME_BP:
        state.set_terms(staking._replace(downtime_bp=value))
    elif staking is not None and number == EQUIVOCATION_BP:
        state.set_terms(staking._replace(equivocation_bp=value))
