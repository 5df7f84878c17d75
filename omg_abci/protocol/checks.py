"""Checks that the fields of many messages share."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.units import ADDRESS_BYTES, ZERO_ADDRESS, Amount, TokenId


def require_address(address: bytes) -> None:
    """Raise `BadAddress` unless it is 20 bytes and not zero."""
    if len(address) != ADDRESS_BYTES or address == ZERO_ADDRESS:
        raise errors.BadAddress(address.hex())


def require_token(token: TokenId) -> None:
    """Raise `BadToken` unless it is an id that a token can have."""
    if not 1 <= token <= limits.U32_MAX:
        raise errors.BadToken


def require_amount(amount: Amount) -> None:
    """Raise `BadAmount` unless it is 1 … AMOUNT_MAX."""
    if not 1 <= amount <= limits.AMOUNT_MAX:
        raise errors.BadAmount
