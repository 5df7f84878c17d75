"""Every table of the chain on one page: its byte, its key, what a record says.

docs/spec/state.md is the same page for people. Key bytes are never reused for another table.
"""

from typing import Final

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
