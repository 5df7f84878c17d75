"""Legs about stake in words for people; amounts are in smallest units of the fee token."""

from typing import Final

from omg_abci.node.commands.output import format_hex
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
from omg_abci.protocol.parameters import PARAMETERS

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


def describe_staking_leg(leg: StakingMessage) -> str:
    """Return what a leg about stake does, as its signer should read it."""
    match leg:
        case CreateValidator():
            return (
                f"become validator {leg.moniker!r} with consensus key {format_hex(leg.public_key)},"
                f" {leg.amount} units bonded, of them at least {leg.self_bond_min} for ever;"
                f" commission {_percent(leg.commission_bp)}, never above"
                f" {_percent(leg.commission_max_bp)}, {_percent(leg.commission_step_bp)} a change"
            )
        case EditValidator():
            return (
                f"call the validator {leg.moniker!r}, commission {_percent(leg.commission_bp)},"
                f" self-bond at least {leg.self_bond_min} units"
            )
        case Unjail():
            return "let the owner's validator come back from jail"
        case Delegate():
            return f"bond {leg.amount} units to validator {format_hex(leg.validator)}"
        case Undelegate():
            return f"take {leg.amount} units back from validator {format_hex(leg.validator)}"
        case Redelegate():
            return (
                f"move {leg.amount} units from validator {format_hex(leg.source)} to"
                f" {format_hex(leg.target)}"
            )
        case ClaimRewards():
            return f"claim the rewards from validator {format_hex(leg.validator)}"
        case SetVote():
            name = PARAMETERS[leg.parameter].name
            stake = f"with the stake at validator {format_hex(leg.validator)}"
            return (
                f"vote for a {name} of {leg.value} {stake}"
                if leg.value
                else (f"withdraw the vote on {name} {stake}")
            )


def describe_staking_done(leg: StakingMessage) -> str:
    """Return what became of a leg about stake that was done."""
    return _DONE[type(leg)]


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02} %"
