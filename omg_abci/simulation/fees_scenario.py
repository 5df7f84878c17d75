"""The fee rules under shocks: one real state machine, real transactions, epochs of other volumes.

Steady volume, ten times as much, a tenth of it, and a quiet spell of forty epochs in which nobody
sends anything. Guarantees that what it returns are the epochs as the chain's own records say.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, NamedTuple

from coincurve import PrivateKey

from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.consensus import Vote
from omg_abci.protocol.crypto import compute_address, compute_sha256
from omg_abci.protocol.errors import require
from omg_abci.protocol.messages import Message, SetVote, SignedTx, Transfer, TxBody
from omg_abci.protocol.parameters import COST
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Address, Scheme
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.simulation.controller import SimulationFailed
from omg_abci.state.diff import store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState

EPOCH_BLOCKS: Final = 10
STEADY_TXS: Final = 20
"""Transactions of a block of steady volume."""
VOTED: Final = 25_000_000
"""What the validator votes an epoch to cost, in its first transaction."""
_FIRST_COST: Final = 20_000_000
_CHAIN_ID: Final = "omg-fees"
_START_MS: Final = 1_700_000_000_000
_BLOCK_MS: Final = 1_000
_PRICE_HIGH: Final = 1 << 60
_BACK_EPOCHS: Final = 2
"""So soon after the quiet spell the effective price must be what it was before."""


class Phase(NamedTuple):
    """Some epochs of one volume."""

    name: str
    epochs: int
    txs: int
    """Transactions a block."""


PHASES: Final = (
    Phase("steady", 8, STEADY_TXS),
    Phase("×10", 6, 10 * STEADY_TXS),
    Phase("steady", 6, STEADY_TXS),
    Phase("÷10", 6, STEADY_TXS // 10),
    Phase("steady", 6, STEADY_TXS),
    Phase("empty", 40, 0),
    Phase("steady", 8, STEADY_TXS),
)
_PAYERS: Final = max(phase.txs for phase in PHASES)


class Epoch(NamedTuple):
    """How an epoch was settled, in smallest units of the fee token."""

    phase: str
    voted: int
    collected: int
    refunded: int
    paid: int
    work: int
    unit_price: int
    """The provisional price that was charged, before congestion."""

    @property
    def effective_price(self) -> float | None:
        """Return what a work unit cost in the end; None where there was no work."""
        return self.paid / self.work if self.work else None

    def describe(self) -> dict[str, Any]:
        """Return the epoch as JSON has it."""
        return {
            "phase": self.phase,
            "voted": self.voted,
            "collected": self.collected,
            "refunded": self.refunded,
            "paid": self.paid,
            "work": self.work,
            "unit_price": self.unit_price,
            "effective_price": self.effective_price,
        }


def run_scenario(on_epoch: Callable[[Epoch], None] = lambda _: None) -> list[Epoch]:
    """Play all phases; return the epochs."""
    chain = _FeeChain()
    epochs: list[Epoch] = []
    for phase in PHASES:
        for _ in range(phase.epochs):
            epochs.append(chain.play_epoch(phase))
            on_epoch(epochs[-1])
    return epochs


def require_promise(epochs: list[Epoch]) -> None:
    """Raise SimulationFailed unless every epoch cost what it may, also after the quiet spell."""
    for number, epoch in enumerate(epochs, 1):
        held = epoch.paid == min(epoch.voted, epoch.collected)
        if not held or epoch.collected != epoch.paid + epoch.refunded:
            raise SimulationFailed("violations", f"epoch {number} is not settled: {epoch}")
    last = max(place for place, epoch in enumerate(epochs) if not epoch.work)
    before = next(epoch for epoch in reversed(epochs[:last]) if epoch.work)
    after = epochs[last + _BACK_EPOCHS]
    if before.effective_price != after.effective_price:
        raise SimulationFailed(
            "violations",
            f"{_BACK_EPOCHS} epochs after the quiet spell a work unit costs"
            f" {after.effective_price}, before it cost {before.effective_price}",
        )


class _FeeChain:
    """A chain of one validator that votes, and of payers who send as much as they are told."""

    def __init__(self) -> None:
        """Begin at genesis."""
        self._payers = [_make_address(b"payer %d" % number) for number in range(_PAYERS)]
        self._owner = _make_address(b"validator")
        public_key = PrivateKey(hashlib.sha256(b"consensus").digest()).public_key.format()
        self._vote = Vote(compute_address(public_key), signed=True)
        document = _make_genesis([*self._payers, self._owner], self._owner, public_key)
        records, _ = build_genesis(_CHAIN_ID, document)
        self._state: WorkingState = load_state(_CHAIN_ID, records)
        self._blocks = count(1)
        self._epochs = count(1)

    def play_epoch(self, phase: Phase) -> Epoch:
        """Play the blocks of an epoch; return how it was settled."""
        for _ in range(EPOCH_BLOCKS):
            self._play_block(next(self._blocks), phase.txs)
        record = self._state.find_epoch(next(self._epochs))
        require(record is not None, "an epoch that is over has a record")
        if record is None:
            raise AssertionError
        return Epoch(
            phase.name,
            record.cost,
            record.collected,
            record.refunded,
            record.paid,
            record.work,
            record.price,
        )

    def _play_block(self, height: int, count_txs: int) -> None:
        state, time_ms = self._state, _START_MS + height * _BLOCK_MS
        txs = list(self._make_txs(height, time_ms, count_txs))
        block_hash = compute_sha256(b"block %d" % height)
        ordered = tuple(compute_order(state.block_hash, txs))
        votes = (self._vote,) if height > 1 else ()
        block = Block(height, time_ms, block_hash, ordered, votes)
        check_block(state, block)
        result = apply_block(state, block)
        require(all(each.code == 0 for each in result.results), "every transaction is done")
        store_changes(state, result.changes)
        state.commit()

    def _make_txs(self, height: int, time_ms: int, count_txs: int) -> Iterator[SignedTx]:
        """Yield each payer's transfer to the next one, and at first the validator's vote."""
        payers = self._payers
        for place in range(count_txs):
            to = payers[(place + 1) % len(payers)]
            yield _make_tx(payers[place], time_ms, Transfer(to, 1, 1, 0, 0))
        if height == 1:
            yield _make_tx(self._owner, time_ms, SetVote(self._owner, COST, VOTED))


def _make_address(name: bytes) -> Address:
    secret = hashlib.sha256(name).digest()
    return compute_address(PrivateKey(secret).public_key.format())


def _make_tx(owner: Address, nonce: int, leg: Message) -> SignedTx:
    """Return a transaction without a signature, which only the bytes' verifier looks at."""
    head = (_CHAIN_ID, owner, nonce, 0, 0, 0)
    body = TxBody(*head, atomic=False, max_unit_price=_PRICE_HIGH, legs=(leg,))
    body.check(owner, Scheme.TYPED)
    raw = encode_envelope(encode_body(body), owner, Scheme.TYPED, bytes(65))
    return make_signed_tx(raw, compute_sha256(raw), owner, Scheme.TYPED, body)


def _make_genesis(funded: list[Address], owner: Address, public_key: bytes) -> dict[str, Any]:
    return {
        "fee_token": 1,
        "unit_price": "200",
        "root_interval": 4,
        "tokens": [{"id": 1, "symbol": "OMG", "decimals": 18}],
        "markets": [],
        "agents": [],
        "balances": [
            {"owner": f"0x{each.hex()}", "subaccount": 0, "token": 1, "amount": str(10**18)}
            for each in funded
        ],
        "staking": {
            "unbonding_ms": 1_000_000,
            "checkpoint_blocks": EPOCH_BLOCKS,
            "evidence_blocks": 10,
            "power_unit": str(10**12),
            "self_bond_min": str(10**12),
            "window_blocks": 100,
            "signed_min_blocks": 50,
            "jail_ms": 10_000,
            "downtime_bp": 1,
            "equivocation_bp": 500,
            "validators": [
                {
                    "owner": f"0x{owner.hex()}",
                    "public_key": f"0x{public_key.hex()}",
                    "moniker": "validator",
                    "self_bond": str(10**18),
                }
            ],
        },
        "fees": {
            "epoch_blocks": EPOCH_BLOCKS,
            "cost": str(_FIRST_COST),
            "price_min": 1,
            "price_max": 1_000_000,
            "target_work": 20_000,
            "average_work": 94_000,
        },
    }
