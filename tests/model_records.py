"""What the oracle remembers of tokens, agents and requests, and how it writes numbers."""

from collections.abc import Mapping
from typing import NamedTuple

from omg_abci.protocol.messages import UseFeeOffer


def u(size: int, value: int) -> bytes:
    """Return an unsigned big-endian integer of so many bytes."""
    return value.to_bytes(size, "big")


class Issue(NamedTuple):
    """Who issued a token, and how."""

    issuer: bytes
    mintable: bool
    burnable: bool
    cap: int
    deposit: int

    def encode(self) -> bytes:
        """Return the record."""
        return (
            self.issuer
            + u(1, self.mintable)
            + u(1, self.burnable)
            + u(16, self.cap)
            + u(16, self.deposit)
        )


class Allowed(NamedTuple):
    """What an agent may still pay of a token, and what it paid on the day of its last payment."""

    left: int
    daily: int
    day: int
    spent: int


class Request(NamedTuple):
    """A payment request, and every payment of it."""

    token: int
    amount: int
    expires_ms: int
    max_uses: int
    payer_cap: int
    subaccount: int
    deposit: int
    depositor: bytes
    payments: tuple[tuple[bytes, int], ...]

    def encode(self) -> bytes:
        """Return the record."""
        head = (
            u(4, self.token)
            + u(16, self.amount)
            + u(8, self.expires_ms)
            + u(4, self.max_uses - len(self.payments))
            + u(16, self.payer_cap)
            + u(1, self.subaccount)
            + u(16, self.deposit)
            + self.depositor
            + u(16, sum(amount for _, amount in self.payments))
        )
        payers = sorted({payer for payer, _ in self.payments}) if self.payer_cap else []
        return head + b"".join(
            payer + u(16, sum(amount for who, amount in self.payments if who == payer))
            for payer in payers
        )


class Grant(NamedTuple):
    """What a sponsor still pays of a customer's fees."""

    left: int
    expires_ms: int
    deposit: int


class Offer(NamedTuple):
    """What a provider takes of a token for fees, and how much it still pays."""

    tokens: int
    per: int
    left: int
    expires_ms: int
    deposit: int

    def cost(self, fee: int) -> int:
        """Return what a fee costs of the token."""
        return (fee * self.tokens + self.per - 1) // self.per


class Fee(NamedTuple):
    """What a transaction can cost, and who pays it for whom."""

    payer: bytes
    owner: bytes
    amount: int
    use: UseFeeOffer | None
    """The offer that is named, if one is."""


def encode_payers(
    grants: Mapping[tuple[bytes, bytes], Grant], offers: Mapping[tuple[bytes, int], Offer]
) -> dict[bytes, bytes]:
    """Return the records of who pays the fees of others."""
    records = {
        b"\x25" + sponsor + customer: u(16, each.left) + u(8, each.expires_ms) + u(16, each.deposit)
        for (sponsor, customer), each in grants.items()
    }
    for (provider, token), offer in offers.items():
        rate = u(8, offer.tokens) + u(8, offer.per)
        value = rate + u(16, offer.left) + u(8, offer.expires_ms) + u(16, offer.deposit)
        records[b"\x2b" + provider + u(4, token)] = value
    return records


def list_deposits(
    issues: Mapping[int, Issue],
    grants: Mapping[tuple[bytes, bytes], Grant],
    offers: Mapping[tuple[bytes, int], Offer],
    requests: Mapping[tuple[bytes, int], Request],
) -> list[tuple[bytes, int]]:
    """Return who has locked how much for each record."""
    found = [(each.issuer, each.deposit) for each in issues.values()]
    found += [(sponsor, each.deposit) for (sponsor, _), each in grants.items()]
    found += [(provider, each.deposit) for (provider, _), each in offers.items()]
    return found + [(each.depositor, each.deposit) for each in requests.values()]


class Limited(NamedTuple):
    """What an account pays of a token in a day, and what it paid on the day of its last payment."""

    daily: int
    next_daily: int
    next_ms: int
    day: int
    spent: int


def encode_limits(limits: Mapping[tuple[bytes, int], Limited]) -> dict[bytes, bytes]:
    """Return the records of what accounts pay in a day."""
    records: dict[bytes, bytes] = {}
    for owner, token in sorted(limits):
        limit = limits[owner, token]
        value = u(4, token) + u(16, limit.daily) + u(16, limit.next_daily) + u(8, limit.next_ms)
        key = b"\x26" + owner
        records[key] = records.get(key, b"") + value + u(4, limit.day) + u(16, limit.spent)
    return records


class Guarded(NamedTuple):
    """Who may give an account another key."""

    threshold: int
    delay_ms: int
    guardians: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the record."""
        return u(1, self.threshold) + u(8, self.delay_ms) + b"".join(self.guardians)


def encode_recipients(
    recipients: dict[bytes, tuple[int, tuple[tuple[bytes, int], ...]]],
) -> dict[bytes, bytes]:
    """Return the records of whom accounts pay."""
    return {
        b"\x2a" + owner: u(8, lifts_ms) + b"".join(who + u(8, since_ms) for who, since_ms in rows)
        for owner, (lifts_ms, rows) in recipients.items()
    }


def encode_keys(
    keys: dict[bytes, bytes],
    guardians: dict[bytes, Guarded],
    approvals: dict[tuple[bytes, bytes], bytes],
    waiting: dict[bytes, tuple[bytes, int]],
) -> dict[bytes, bytes]:
    """Return the records of guardians, approvals and keys."""
    records = {b"\x29" + owner: key for owner, key in keys.items()}
    records |= {b"\x27" + owner: row.encode() for owner, row in guardians.items()}
    for account, guardian in sorted(approvals):
        key, ready_ms = waiting.get(account, (bytes(20), 0))
        value = records.get(b"\x28" + account, key + u(8, ready_ms))
        records[b"\x28" + account] = value + guardian + approvals[account, guardian]
    return records
