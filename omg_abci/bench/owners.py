"""The owners whose orders are measured: keys, genesis, and their signed transactions."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from omg_abci.bench.flow import MARKET, Step
from omg_abci.localnet.keys import EthereumKey, make_ethereum_key
from omg_abci.protocol import codec
from omg_abci.protocol.crypto import sign_digest
from omg_abci.protocol.limits import AGENT_AHEAD_MAX_MS, UNIT_PRICE_MAX
from omg_abci.protocol.messages import Message, SignedTx, TxBody
from omg_abci.protocol.signing import Domain, compute_digest, compute_domain_separator
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Millis, Scheme, Scope
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState

CHAIN_ID: Final = "omg-bench-1"
OWNERS: Final = 1_000
FEE_TOKEN: Final = 1
BASE_TOKEN: Final = 2
QUOTE_TOKEN: Final = 3
RICHES: Final = 10**24
"""Of each token: no order is refused for want of funds."""
TIME_MS: Final = 1_800_000_000_000
"""Of the first block of what is measured without a network."""
NONCE_STEP_MS: Final = 50
"""Between an owner's transactions, as when a thousand owners send 20,000 a second."""
_SEED: Final = b"omg bench"
_ONE: Final = (1).to_bytes(32, "big")
_ANY_SIGNATURE: Final = _ONE + _ONE + b"\0"
"""Of the right form."""


class Owner(NamedTuple):
    """An owner and the agent whose key signs for it."""

    address: bytes
    agent: EthereumKey


def make_owners(count: int = OWNERS) -> list[Owner]:
    """Return owners with the same keys each time."""
    return [
        Owner(
            make_ethereum_key(_SEED, f"owner {number}").address,
            make_ethereum_key(_SEED, f"agent {number}"),
        )
        for number in range(count)
    ]


def make_document(owners: Sequence[Owner], time_ms: Millis) -> dict[str, object]:
    """Return a genesis document with one market in which a lot at a tick costs one quote unit."""
    names = {FEE_TOKEN: "FEE", BASE_TOKEN: "BASE", QUOTE_TOKEN: "QUOTE"}
    return {
        "fee_token": FEE_TOKEN,
        "unit_price": "1",
        "root_interval": 4,
        "tokens": [
            {"id": token, "symbol": symbol, "decimals": 0} for token, symbol in names.items()
        ],
        "markets": [
            {
                "id": MARKET,
                "base": BASE_TOKEN,
                "quote": QUOTE_TOKEN,
                "base_unit": "1",
                "quote_unit": "1",
                "lots_min": 1,
                "lots_max": 10**9,
            }
        ],
        "balances": [
            {"owner": f"0x{owner.address.hex()}", "token": token, "amount": str(RICHES)}
            for owner in owners
            for token in names
        ],
        "agents": [
            {
                "owner": f"0x{owner.address.hex()}",
                "agent": f"0x{owner.agent.address.hex()}",
                "scope": int(Scope.TRADE),
                "expires_ms": time_ms + AGENT_AHEAD_MAX_MS,
            }
            for owner in owners
        ],
    }


def make_state(owners: Sequence[Owner]) -> tuple[WorkingState, Domain, list[tuple[bytes, bytes]]]:
    """Return the state of genesis, its signing domain and its records."""
    records, domain = build_genesis(CHAIN_ID, make_document(owners, TIME_MS))
    return load_state(CHAIN_ID, records), domain, records


class TxMaker:
    """Makes transactions of one leg or many, signed by the owners' agents."""

    def __init__(self, owners: Sequence[Owner], domain: Domain, first_nonce: int) -> None:
        """Begin each owner's nonces at `first_nonce`, a time in ms."""
        self._owners = owners
        self._chain_id = domain.chain_id
        self._separator = compute_domain_separator(domain)
        self._first_nonce = first_nonce
        self._made: Counter[int] = Counter()
        """Transactions by owner."""

    def make_signed(self, owner: int, legs: tuple[Message, ...]) -> bytes:
        """Return a transaction's bytes, signed."""
        agent = self._owners[owner].agent
        _, body_bytes, digest = self._make_body(owner, legs)
        signature = sign_digest(digest, agent.secret)
        return codec.encode_envelope(body_bytes, agent.address, Scheme.RAW, signature)

    def make_admitted(self, owner: int, legs: tuple[Message, ...]) -> SignedTx:
        """Return a transaction as it is after admission; nobody will look at its signature."""
        agent = self._owners[owner].agent.address
        body, body_bytes, digest = self._make_body(owner, legs)
        raw = codec.encode_envelope(body_bytes, agent, Scheme.RAW, _ANY_SIGNATURE)
        return make_signed_tx(raw, digest, agent, Scheme.RAW, body)

    def _make_body(self, owner: int, legs: tuple[Message, ...]) -> tuple[TxBody, bytes, bytes]:
        body = TxBody(
            self._chain_id,
            self._owners[owner].address,
            self._first_nonce + NONCE_STEP_MS * self._made[owner],
            0,
            0,
            0,
            False,  # noqa: FBT003 - fields in their order, as the codec has them
            UNIT_PRICE_MAX - 1,
            legs,
        )
        self._made[owner] += 1
        body_bytes = codec.encode_body(body)
        return body, body_bytes, compute_digest(self._separator, Scheme.RAW, body_bytes, body)


def group_steps(steps: Sequence[Step], legs: int) -> list[tuple[int, tuple[Message, ...]]]:
    """Return (owner, legs) of transactions in which owners gather so many steps each.

    A transaction stands where its last step was; what is left of each owner at the end is too
    few for a transaction and is dropped.
    """
    gathered: dict[int, list[Message]] = {}
    groups: list[tuple[int, tuple[Message, ...]]] = []
    for owner, leg in steps:
        own = gathered.setdefault(owner, [])
        own.append(leg)
        if len(own) == legs:
            groups.append((owner, tuple(own)))
            gathered[owner] = []
    return groups
