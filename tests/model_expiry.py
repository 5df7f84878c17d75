"""The end of requests, grants and fee offers that expired, written the plainest way.

See docs/spec/blocks.md#mass-work.
"""

from omg_abci.protocol import limits
from tests.model_records import u
from tests.model_state import State


def expire_records(state: State) -> None:
    """Delete them an hour later, while the block's steps last; give the deposits back."""
    due: list[tuple[int, bytes, bytes, int]] = []
    for (payee, number), request in state.requests.items():
        name = b"\x24" + payee + u(8, number)
        due.append((request.expires_ms, name, request.depositor, request.deposit))
    for (sponsor, customer), grant in state.grants.items():
        due.append((grant.expires_ms, b"\x25" + sponsor + customer, sponsor, grant.deposit))
    for (provider, token), offer in state.offers.items():
        due.append((offer.expires_ms, b"\x2b" + provider + u(4, token), provider, offer.deposit))
    for expires_ms, name, whose, deposit in sorted(due):
        if expires_ms + limits.RECORDS_KEPT_MS > state.now:
            return
        if state.steps >= limits.MASS_STEPS_MAX:
            return
        state.steps += 1
        owner, rest = name[1:21], name[21:]
        if name[:1] == b"\x24":
            del state.requests[owner, int.from_bytes(rest, "big")]
        elif name[:1] == b"\x25":
            del state.grants[owner, rest]
        else:
            del state.offers[owner, int.from_bytes(rest, "big")]
        state.add_free((whose, 0, state.fee_token), deposit)
