"""Messages of those who pay, and of those who let others pay for them."""

from itertools import pairwise
from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address, require_amount, require_token
from omg_abci.protocol.units import Address, Amount, TokenId


class Pay(NamedTuple):
    """A transfer with a memo for the payee, and an id by which a repetition is known."""

    to: Address
    token: TokenId
    amount: Amount
    from_subaccount: int
    to_subaccount: int
    client_id: int
    """Unique among the owner's payments of two days; 0: none."""
    memo: bytes

    def check(self) -> None:
        """Raise BadAddress, BadToken, BadAmount, BadSubaccount, BadMemo."""
        require_address(self.to)
        require_token(self.token)
        require_amount(self.amount)
        if max(self.from_subaccount, self.to_subaccount) > limits.SUBACCOUNT_MAX:
            raise errors.BadSubaccount
        if len(self.memo) > limits.MEMO_BYTES_MAX:
            raise errors.BadMemo


class SetAllowance(NamedTuple):
    """Bound what an agent may pay of a token; replaces the bound that there is."""

    agent: Address
    token: TokenId
    total: Amount
    """What may be paid from now on; 0: nothing any more."""
    daily: Amount
    """What may be paid in a day of UTC."""

    def check(self) -> None:
        """Raise BadAddress, BadToken, BadAmount."""
        require_address(self.agent)
        require_token(self.token)
        if max(self.total, self.daily) > limits.AMOUNT_MAX or (self.total > 0) != (self.daily > 0):
            raise errors.BadAmount


class SetLimits(NamedTuple):
    """Bound what the owner's account pays of a token in a day: lower at once, higher later."""

    token: TokenId
    daily: Amount
    """What may be paid to others in a day of UTC; 0: no limit."""

    def check(self) -> None:
        """Raise BadToken, BadAmount."""
        require_token(self.token)
        if self.daily > limits.AMOUNT_MAX:
            raise errors.BadAmount


class SetRecipients(NamedTuple):
    """Bound whom the owner's account pays: fewer at once, others later; nobody lifts the bound."""

    recipients: tuple[Address, ...]
    """Ascending."""

    def check(self) -> None:
        """Raise BadAddress, BadRecipients."""
        for recipient in self.recipients:
            require_address(recipient)
        ascends = all(first < second for first, second in pairwise(self.recipients))
        if len(self.recipients) > limits.RECIPIENTS_MAX or not ascends:
            raise errors.BadRecipients
