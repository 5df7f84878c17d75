"""Messages about payment requests: what a payee asks for, and whoever is shown it pays."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address, require_amount, require_token
from omg_abci.protocol.units import Address, Amount, Millis, TokenId


class CreatePaymentRequest(NamedTuple):
    """Ask anybody who is shown it to pay."""

    request: int
    """With the owner it is the request's key."""
    token: TokenId
    amount: Amount
    """What each payment is; 0: the payer decides."""
    expires_ms: Millis
    max_uses: int
    """Payments after which the request is closed."""
    payer_cap: Amount
    """The most that one payer may pay in all; 0: any."""
    to_subaccount: int
    memo: bytes

    def check(self) -> None:
        """Raise BadRequestId, BadToken, BadAmount, BadExpiry, BadUses, BadSubaccount, BadMemo."""
        require_request(self.request)
        require_token(self.token)
        if max(self.amount, self.payer_cap) > limits.AMOUNT_MAX:
            raise errors.BadAmount
        if 0 < self.payer_cap < self.amount:
            raise errors.BadAmount
        if self.expires_ms == 0:
            raise errors.BadExpiry
        uses_max = limits.CAPPED_USES_MAX if self.payer_cap else limits.U32_MAX
        if not 1 <= self.max_uses <= uses_max:
            raise errors.BadUses
        if self.to_subaccount > limits.SUBACCOUNT_MAX:
            raise errors.BadSubaccount
        if len(self.memo) > limits.MEMO_BYTES_MAX:
            raise errors.BadMemo


class PayRequest(NamedTuple):
    """Pay what somebody asked for."""

    payee: Address
    request: int
    token: TokenId
    """As the request has it: the payer signs what it pays."""
    amount: Amount
    from_subaccount: int
    client_id: int
    """Unique among the owner's payments of two days; 0: none."""

    def check(self) -> None:
        """Raise BadAddress, BadRequestId, BadToken, BadAmount, BadSubaccount."""
        require_address(self.payee)
        require_request(self.request)
        require_token(self.token)
        require_amount(self.amount)
        if self.from_subaccount > limits.SUBACCOUNT_MAX:
            raise errors.BadSubaccount


class CloseRequest(NamedTuple):
    """Take a request of one's own back."""

    request: int

    def check(self) -> None:
        """Raise BadRequestId."""
        require_request(self.request)


def require_request(request: int) -> None:
    """Raise `BadRequestId` for zero."""
    if request == 0:
        raise errors.BadRequestId
