"""Legs about stake and what happens to validators in words for people.

Amounts are in the fee token.
"""

from typing import Final

from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.output import format_height, format_hex, format_time
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Redelegate,
    SetVote,
    StakingMessage,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.parameters import COST, MARKET_BOND, PARAMETERS, SELF_BOND_MIN
from omg_abci.protocol.results import ValidatorJailed, ValidatorSlashed, ValidatorUnjailed
from omg_abci.protocol.units import Fault

_FAULTS: Final[dict[int, str]] = {
    Fault.DOWNTIME: "it missed too many blocks",
    Fault.EQUIVOCATION: "it signed two blocks of one height",
}
AMOUNTS: Final = (COST, MARKET_BOND, SELF_BOND_MIN)
"""Parameters that are amounts of the fee token; the others are plain numbers."""
_DONE: Final[dict[type[StakingMessage], str]] = {
    CreateValidator: "the validator exists; a checkpoint takes it into the set",
    EditValidator: "changed",
    Unjail: "not jailed any more; a checkpoint takes the validator into the set",
    Delegate: "bonded",
    Undelegate: "unbonding",
    Redelegate: "moved",
    ClaimRewards: "paid to the free balance",
    SetVote: "the vote stands until it is changed",
}


def describe_staking_leg(leg: StakingMessage, catalogue: Catalogue) -> str:
    """Return what a leg about stake does, as its signer should read it."""
    show = catalogue.format_fee_amount
    match leg:
        case CreateValidator():
            return (
                f"become validator {leg.moniker!r} with consensus key {format_hex(leg.public_key)},"
                f" {show(leg.amount)} bonded, of them at least {show(leg.self_bond_min)} for ever;"
                f" commission {_percent(leg.commission_bp)}, never above"
                f" {_percent(leg.commission_max_bp)}, {_percent(leg.commission_step_bp)} a change"
            )
        case EditValidator():
            return (
                f"call the validator {leg.moniker!r}, commission {_percent(leg.commission_bp)},"
                f" self-bond at least {show(leg.self_bond_min)}"
            )
        case Unjail():
            return "let the owner's validator come back from jail"
        case Delegate():
            return f"bond {show(leg.amount)} to validator {format_hex(leg.validator)}"
        case Undelegate():
            return f"take {show(leg.amount)} back from validator {format_hex(leg.validator)}"
        case Redelegate():
            return (
                f"move {show(leg.amount)} from validator {format_hex(leg.source)} to"
                f" {format_hex(leg.target)}"
            )
        case ClaimRewards():
            return f"claim the rewards from validator {format_hex(leg.validator)}"
        case SetVote():
            name = PARAMETERS[leg.parameter].name
            stake = f"with the stake at validator {format_hex(leg.validator)}"
            if not leg.value:
                return f"withdraw the vote on {name} {stake}"
            value = show(leg.value) if leg.parameter in AMOUNTS else f"{leg.value:,}"
            return f"vote for a {name} of {value} {stake}"


def describe_staking_done(leg: StakingMessage) -> str:
    """Return what became of a leg about stake that was done."""
    return _DONE[type(leg)]


def describe_validator_event(
    event: ValidatorSlashed | ValidatorJailed | ValidatorUnjailed, catalogue: Catalogue
) -> str:
    """Return what happened to a validator, and why."""
    who = f"validator {format_hex(event.validator)}"
    match event:
        case ValidatorSlashed():
            show = catalogue.format_fee_amount
            left = f", of that {show(event.from_pools)} had left it" if event.from_pools else ""
            why = f"{_get_fault(event.fault)} ({format_height(event.height)})"
            return f"{who} lost {show(event.tokens)} of its stake{left}: {why}"
        case ValidatorJailed():
            until = f"until {format_time(event.until_ms)}" if event.until_ms else "for ever"
            return f"{who} is jailed {until}: {_get_fault(event.fault)}"
        case ValidatorUnjailed():
            return f"{who} is not jailed any more"


def _get_fault(fault: int) -> str:
    return _FAULTS.get(fault, f"fault {fault}")


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02} %"
