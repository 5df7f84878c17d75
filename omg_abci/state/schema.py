"""Every table of the chain on one page: its byte, its key, what a record says.

docs/spec/state.md is the same page for people. Key bytes are never reused for another table.
"""

import struct
from typing import Final

from omg_abci.protocol.crypto import compute_sha256
from omg_abci.protocol.units import Address, MarketId, TokenId

BLOCK: Final = b"\x01"
TOKEN: Final = b"\x02"
MARKET: Final = b"\x03"
ACCOUNT: Final = b"\x04"
BALANCE: Final = b"\x05"
AGENT: Final = b"\x06"
ORDER: Final = b"\x07"
ENDED: Final = b"\x08"
TOMBSTONE: Final = b"\x09"
NONCES: Final = b"\x0a"
ISSUE: Final = b"\x20"
NEXT_TOKEN: Final = b"\x21"
PAYMENT: Final = b"\x22"
ALLOWANCES: Final = b"\x23"
REQUEST: Final = b"\x24"
SPONSORSHIP: Final = b"\x25"
LIMITS: Final = b"\x26"
GUARDIANS: Final = b"\x27"
RECOVERY: Final = b"\x28"
KEY: Final = b"\x29"
RECIPIENTS: Final = b"\x2a"
FEE_OFFER: Final = b"\x2b"
STAKING: Final = b"\x10"
VALIDATOR: Final = b"\x11"
CONSENSUS: Final = b"\x12"
SIGNING: Final = b"\x13"
DELEGATION: Final = b"\x14"
UNBONDING_POOL: Final = b"\x15"
UNBONDING: Final = b"\x16"
MOVING_POOL: Final = b"\x17"
MOVING: Final = b"\x18"
FEES: Final = b"\x19"
EPOCH: Final = b"\x1a"
PARAMETER: Final = b"\x1b"
VOTES: Final = b"\x1c"
TALLY: Final = b"\x1d"

TABLES: Final = {
    BLOCK: "block",
    TOKEN: "token",
    MARKET: "market",
    ACCOUNT: "account",
    BALANCE: "balance",
    AGENT: "agent",
    ORDER: "order",
    ENDED: "ended",
    TOMBSTONE: "tombstone",
    NONCES: "nonces",
    ISSUE: "issue",
    NEXT_TOKEN: "next_token",
    PAYMENT: "payment",
    ALLOWANCES: "allowances",
    REQUEST: "request",
    SPONSORSHIP: "sponsorship",
    LIMITS: "limits",
    GUARDIANS: "guardians",
    RECOVERY: "recovery",
    KEY: "key",
    RECIPIENTS: "recipients",
    FEE_OFFER: "fee_offer",
    STAKING: "staking",
    VALIDATOR: "validator",
    CONSENSUS: "consensus",
    SIGNING: "signing",
    DELEGATION: "delegation",
    UNBONDING_POOL: "unbonding_pool",
    UNBONDING: "unbonding",
    MOVING_POOL: "moving_pool",
    MOVING: "moving",
    FEES: "fees",
    EPOCH: "epoch",
    PARAMETER: "parameter",
    VOTES: "votes",
    TALLY: "tally",
}
"""Table byte to name."""


def compute_token_key(token: TokenId) -> bytes:
    """Return the key of a token's record."""
    return TOKEN + token.to_bytes(4, "big")


def compute_market_key(market: MarketId) -> bytes:
    """Return the key of a market's record."""
    return MARKET + market.to_bytes(4, "big")


def compute_account_key(owner: Address) -> bytes:
    """Return the key of an account's record."""
    return ACCOUNT + owner


def compute_balance_key(owner: Address, subaccount: int, token: TokenId) -> bytes:
    """Return the key of a balance."""
    return BALANCE + owner + subaccount.to_bytes(1, "big") + token.to_bytes(4, "big")


def compute_agent_key(owner: Address, agent: Address) -> bytes:
    """Return the key of an agent's approval."""
    return AGENT + owner + agent


pack_order_key: Final = struct.Struct(">c20sQ").pack
"""Return an order's key from ORDER, owner and client id: half the time of adding them up."""

pack_ended_key: Final = struct.Struct(">c20sH").pack
"""Return the key of an ended order's slot from ENDED, owner and slot."""


def compute_order_key(owner: Address, client_id: int) -> bytes:
    """Return the key of an open order."""
    return ORDER + owner + client_id.to_bytes(8, "big")


def compute_ended_key(owner: Address, slot: int) -> bytes:
    """Return the key of a slot that remembers an ended order."""
    return ENDED + owner + slot.to_bytes(2, "big")


def compute_tombstone_key(owner: Address, client_id: int) -> bytes:
    """Return the key of a tombstone."""
    return TOMBSTONE + owner + client_id.to_bytes(8, "big")


def compute_nonces_key(signer: Address, page: int) -> bytes:
    """Return the key of a page of used nonces."""
    return NONCES + signer + page.to_bytes(8, "big")


def compute_issue_key(token: TokenId) -> bytes:
    """Return the key of what is known of a created token's issue."""
    return ISSUE + token.to_bytes(4, "big")


def compute_payment_key(owner: Address, client_id: int) -> bytes:
    """Return the key of what is remembered of a payment."""
    return PAYMENT + owner + client_id.to_bytes(8, "big")


def compute_allowances_key(owner: Address, agent: Address) -> bytes:
    """Return the key of what an agent may pay."""
    return ALLOWANCES + owner + agent


def compute_request_key(payee: Address, request: int) -> bytes:
    """Return the key of a payment request."""
    return REQUEST + payee + request.to_bytes(8, "big")


def compute_sponsorship_key(sponsor: Address, customer: Address) -> bytes:
    """Return the key of what a sponsor grants to a customer."""
    return SPONSORSHIP + sponsor + customer


def compute_limits_key(owner: Address) -> bytes:
    """Return the key of what an owner's account may pay."""
    return LIMITS + owner


def compute_guardians_key(owner: Address) -> bytes:
    """Return the key of who may give an owner's account another key."""
    return GUARDIANS + owner


def compute_recovery_key(owner: Address) -> bytes:
    """Return the key of what guardians have approved."""
    return RECOVERY + owner


def compute_own_key_key(owner: Address) -> bytes:
    """Return the key of the record that names an account's new key."""
    return KEY + owner


def compute_recipients_key(owner: Address) -> bytes:
    """Return the key of whom an owner's account pays."""
    return RECIPIENTS + owner


def compute_fee_offer_key(provider: Address, token: TokenId) -> bytes:
    """Return the key of what a provider offers to whoever pays fees with a token."""
    return FEE_OFFER + provider + token.to_bytes(4, "big")


def compute_validator_key(owner: Address) -> bytes:
    """Return the key of a validator's record."""
    return VALIDATOR + owner


def compute_consensus_key(validator: Address) -> bytes:
    """Return the key of what is known of a consensus key's address."""
    return CONSENSUS + validator


def compute_signing_key(owner: Address) -> bytes:
    """Return the key of the blocks that a validator missed."""
    return SIGNING + owner


def compute_delegation_key(delegator: Address, validator: Address) -> bytes:
    """Return the key of a delegation."""
    return DELEGATION + delegator + validator


def compute_unbonding_pool_key(validator: Address, period: int) -> bytes:
    """Return the key of what left a validator in a period."""
    return UNBONDING_POOL + validator + period.to_bytes(8, "big")


def compute_unbonding_key(delegator: Address, validator: Address, period: int) -> bytes:
    """Return the key of a delegator's part of it."""
    return UNBONDING + delegator + validator + period.to_bytes(8, "big")


def compute_moving_pool_key(source: Address, target: Address, period: int) -> bytes:
    """Return the key of what moved from one validator to another in a period."""
    return MOVING_POOL + source + target + period.to_bytes(8, "big")


def compute_moving_key(delegator: Address, source: Address, target: Address, period: int) -> bytes:
    """Return the key of a delegator's part of it: a hash names the pool, as keys have 64 bytes."""
    pool = source + target + period.to_bytes(8, "big")
    return MOVING + delegator + compute_sha256(pool)


def compute_epoch_key(number: int) -> bytes:
    """Return the key of how an epoch was settled."""
    return EPOCH + number.to_bytes(8, "big")


def compute_parameter_key(number: int) -> bytes:
    """Return the key of a number that stakers vote on."""
    return PARAMETER + number.to_bytes(1, "big")


def compute_votes_key(staker: Address, validator: Address) -> bytes:
    """Return the key of a staker's standing votes with a validator."""
    return VOTES + staker + validator


def compute_tally_key(validator: Address, parameter: int, step: int) -> bytes:
    """Return the key of a validator's shares whose holders vote for a step themselves."""
    return TALLY + validator + parameter.to_bytes(1, "big") + step.to_bytes(2, "big")
