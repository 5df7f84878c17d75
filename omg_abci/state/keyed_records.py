"""Records that are nothing but what they say: read and written whole, by their keys.

Each belongs to a table of its own (`schema`). They are for what is touched once in a transaction
or less, so no live object is made of them. docs/spec/state.md has their bytes.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from omg_abci.protocol.units import Address, Amount, Millis, TokenId
from omg_abci.state import schema
from omg_abci.state.recipients import RecipientsRecord
from omg_abci.state.recovery_records import GuardiansRecord, KeyRecord, RecoveryRecord

_LOW64: Final = (1 << 64) - 1
_ISSUE: Final = struct.Struct(">20sBBQQQQ")
_REQUEST: Final = struct.Struct(">IQQQIQQBQQ20sQQ")
_PAYER: Final = struct.Struct(">20sQQ")
_AMOUNT: Final = struct.Struct(">QQ")
_SPONSORSHIP: Final = struct.Struct(">QQQQQ")
_FEE_OFFER: Final = struct.Struct(">QQQQQQQ")
_LIMIT: Final = struct.Struct(">IQQQQQIQQ")
_ALLOWANCE: Final = struct.Struct(">IQQQQIQQ")


class IssueRecord(NamedTuple):
    """Who issued a token, what was fixed when it was created, and what is locked for it."""

    issuer: Address
    mintable: bool
    burnable: bool
    cap: Amount
    deposit: Amount
    """What the issuer has reserved of the fee token."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _ISSUE.pack(*self[:3], *_split(self.cap), *_split(self.deposit))

    @classmethod
    def decode(cls, data: bytes) -> "IssueRecord":
        """Return the record."""
        issuer, mintable, burnable, *words = _ISSUE.unpack(data)
        return cls(issuer, bool(mintable), bool(burnable), _join(words[:2]), _join(words[2:]))


class NextTokenRecord(NamedTuple):
    """What the next token is called; it is there once a token was created."""

    token: TokenId

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.token.to_bytes(4, "big")

    @classmethod
    def decode(cls, data: bytes) -> "NextTokenRecord":
        """Return the record."""
        return cls(int.from_bytes(data, "big"))


class PaymentRecord(NamedTuple):
    """A payment whose client id is remembered."""

    until_ms: Millis

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.until_ms.to_bytes(8, "big")

    @classmethod
    def decode(cls, data: bytes) -> "PaymentRecord":
        """Return the record."""
        return cls(int.from_bytes(data, "big"))


class Allowance(NamedTuple):
    """What an agent may pay of one token."""

    token: TokenId
    left: Amount
    daily: Amount
    day: int
    """The day of UTC, counted from 1970, on which it paid last."""
    spent: Amount
    """What it paid on that day."""


class AllowancesRecord(NamedTuple):
    """What an agent may pay, ascending by token."""

    rows: tuple[Allowance, ...]

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return b"".join(
            [
                _ALLOWANCE.pack(token, *_split(left), *_split(daily), day, *_split(spent))
                for token, left, daily, day, spent in self.rows
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> "AllowancesRecord":
        """Return the record."""
        return cls(
            tuple(
                [
                    Allowance(row[0], _join(row[1:3]), _join(row[3:5]), row[5], _join(row[6:]))
                    for row in _ALLOWANCE.iter_unpack(data)
                ]
            )
        )

    def find(self, token: TokenId) -> Allowance | None:
        """Return what may be paid of a token, None when nothing was allowed."""
        return next((row for row in self.rows if row.token == token), None)

    def replace(self, token: TokenId, allowance: Allowance | None) -> "AllowancesRecord | None":
        """Return the record with another allowance of a token; None when no other is left."""
        rows = [row for row in self.rows if row.token != token]
        rows += [] if allowance is None else [allowance]
        return AllowancesRecord(tuple(sorted(rows))) if rows else None


class RequestRecord(NamedTuple):
    """A payment request that is open."""

    token: TokenId
    amount: Amount
    """What each payment is; 0: the payer decides."""
    expires_ms: Millis
    uses_left: int
    payer_cap: Amount
    """The most that one payer may pay in all; 0: any."""
    subaccount: int
    deposit: Amount
    """What the depositor has reserved of the fee token."""
    depositor: Address
    """Who opened the request, or its sponsor: the deposit goes back there."""
    paid: Amount
    """What came in so far."""
    payers: tuple[tuple[Address, Amount], ...] = ()
    """Who paid how much, ascending by address; only when there is a cap."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        head = _REQUEST.pack(
            self.token,
            *_split(self.amount),
            self.expires_ms,
            self.uses_left,
            *_split(self.payer_cap),
            self.subaccount,
            *_split(self.deposit),
            self.depositor,
            *_split(self.paid),
        )
        return head + b"".join([who + _AMOUNT.pack(*_split(sum_)) for who, sum_ in self.payers])

    @classmethod
    def decode(cls, data: bytes) -> "RequestRecord":
        """Return the record."""
        fields = _REQUEST.unpack_from(data)
        payers = [(who, _join(words)) for who, *words in _PAYER.iter_unpack(data[_REQUEST.size :])]
        return cls(
            fields[0],
            _join(fields[1:3]),
            fields[3],
            fields[4],
            _join(fields[5:7]),
            fields[7],
            _join(fields[8:10]),
            fields[10],
            _join(fields[11:13]),
            tuple(payers),
        )

    def get_paid_by(self, payer: Address) -> Amount:
        """Return what a payer paid so far, where there is a cap."""
        return next((amount for who, amount in self.payers if who == payer), 0)

    def note_payment(self, payer: Address, amount: Amount) -> "RequestRecord":
        """Return the record after a payment."""
        payers = self.payers
        if self.payer_cap:
            others = [row for row in payers if row[0] != payer]
            payers = tuple(sorted([*others, (payer, self.get_paid_by(payer) + amount)]))
        return self._replace(uses_left=self.uses_left - 1, paid=self.paid + amount, payers=payers)


class SponsorshipRecord(NamedTuple):
    """What a sponsor still pays of a customer's fees."""

    left: Amount
    expires_ms: Millis
    deposit: Amount
    """What the sponsor has reserved of the fee token."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _SPONSORSHIP.pack(*_split(self.left), self.expires_ms, *_split(self.deposit))

    @classmethod
    def decode(cls, data: bytes) -> "SponsorshipRecord":
        """Return the record."""
        fields = _SPONSORSHIP.unpack(data)
        return cls(_join(fields[:2]), fields[2], _join(fields[3:]))


class FeeOfferRecord(NamedTuple):
    """What a provider takes of a token for paying fees, and how much it still pays."""

    tokens: int
    per: int
    """A fee costs fee × tokens / per of the token, rounded up."""
    left: Amount
    expires_ms: Millis
    deposit: Amount
    """What the provider has reserved of the fee token."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        left, deposit = _split(self.left), _split(self.deposit)
        return _FEE_OFFER.pack(self.tokens, self.per, *left, self.expires_ms, *deposit)

    @classmethod
    def decode(cls, data: bytes) -> "FeeOfferRecord":
        """Return the record."""
        tokens, per, *left, expires_ms, high, low = _FEE_OFFER.unpack(data)
        return cls(tokens, per, _join(left), expires_ms, _join((high, low)))

    def compute_cost_ceil(self, fee: Amount) -> Amount:
        """Return what a fee costs of the token."""
        return -(-fee * self.tokens // self.per)


class Limit(NamedTuple):
    """What an owner's account may pay of one token in a day."""

    token: TokenId
    daily: Amount
    """0: there is no limit."""
    next_daily: Amount
    """What it will be."""
    next_ms: Millis
    """When; 0: nothing is to change."""
    day: int
    """The day of UTC, counted from 1970, on which it paid last."""
    spent: Amount
    """What it paid on that day."""

    def bring_up(self, time_ms: Millis) -> "Limit":
        """Return the limit with what was to change by a time."""
        if 0 < self.next_ms <= time_ms:
            return self._replace(daily=self.next_daily, next_daily=0, next_ms=0)
        return self


class LimitsRecord(NamedTuple):
    """What an owner's account may pay, ascending by token."""

    rows: tuple[Limit, ...]

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return b"".join(
            [
                _LIMIT.pack(token, *_split(daily), *_split(later), next_ms, day, *_split(spent))
                for token, daily, later, next_ms, day, spent in self.rows
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> "LimitsRecord":
        """Return the record."""
        return cls(
            tuple(
                [
                    Limit(row[0], _join(row[1:3]), _join(row[3:5]), row[5], row[6], _join(row[7:]))
                    for row in _LIMIT.iter_unpack(data)
                ]
            )
        )

    def find(self, token: TokenId, time_ms: Millis) -> Limit | None:
        """Return the limit of a token as it is at a time, None when there is none."""
        found = next((row for row in self.rows if row.token == token), None)
        found = None if found is None else found.bring_up(time_ms)
        return None if found is None or not found.daily else found

    def replace(self, limit: Limit, time_ms: Millis) -> "LimitsRecord":
        """Return the record with a limit, without those that are none any more."""
        others = [row for row in self.rows if row.token != limit.token]
        rows = [row.bring_up(time_ms) for row in (*others, limit)]
        return LimitsRecord(tuple(sorted(row for row in rows if row.daily)))


KeyedRecord = (
    IssueRecord
    | NextTokenRecord
    | PaymentRecord
    | AllowancesRecord
    | RequestRecord
    | SponsorshipRecord
    | LimitsRecord
    | GuardiansRecord
    | RecoveryRecord
    | KeyRecord
    | RecipientsRecord
    | FeeOfferRecord
)

ExpiringRecord = RequestRecord | SponsorshipRecord | FeeOfferRecord
EXPIRING: Final = (RequestRecord, SponsorshipRecord, FeeOfferRecord)
"""What is deleted some time after its `expires_ms`, and then releases its `deposit`."""

KEYED_TABLES: Final[dict[bytes, type[KeyedRecord]]] = {
    schema.ISSUE: IssueRecord,
    schema.NEXT_TOKEN: NextTokenRecord,
    schema.PAYMENT: PaymentRecord,
    schema.ALLOWANCES: AllowancesRecord,
    schema.REQUEST: RequestRecord,
    schema.SPONSORSHIP: SponsorshipRecord,
    schema.LIMITS: LimitsRecord,
    schema.GUARDIANS: GuardiansRecord,
    schema.RECOVERY: RecoveryRecord,
    schema.KEY: KeyRecord,
    schema.RECIPIENTS: RecipientsRecord,
    schema.FEE_OFFER: FeeOfferRecord,
}
"""Table byte to what its records say."""


def _split(amount: Amount) -> tuple[int, int]:
    return amount >> 64, amount & _LOW64


def _join(words: Sequence[int]) -> Amount:
    high, low = words
    return high << 64 | low
