"""Which transactions a block may hold (docs/spec/blocks.md#validity).

The mempool asks `check_tx` before it takes a transaction, and fills a `BlockBudget` to propose a
block; ProcessProposal fills the same budget with the proposed block. All against committed state.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Height, Millis
from omg_abci.rules.accounts import require_agent
from omg_abci.rules.fees import compute_declared_work
from omg_abci.state.objects import Account
from omg_abci.state.working import WorkingState


def check_tx(state: WorkingState, tx: SignedTx, height: Height, time_ms: Millis) -> None:
    """Raise what keeps a transaction out of the block at this height and time.

    In this order: StaleNonce, NonceAhead, NonceUsed, TxExpired, UnitPriceTooLow, TooDear,
    NotAnAgent, AgentExpired, AgentScope, AfterNotExecuted, FeesNotCovered.
    """
    work = check_terms(state, tx, height, time_ms)
    body = tx.body
    signer = state.accounts.get(tx.signer)
    if body.after and not (signer is not None and signer.has_nonce(body.after)):
        raise errors.AfterNotExecuted(str(body.after))
    if state.get_free(body.owner, 0, state.fee_token) < work * state.unit_price:
        raise errors.FeesNotCovered


def check_terms(state: WorkingState, tx: SignedTx, height: Height, time_ms: Millis) -> int:
    """Check all of `check_tx` but ``after`` and funds; return the declared work."""
    body = tx.body
    _require_nonce(state.accounts.get(tx.signer), body.nonce, time_ms)
    if 0 < body.valid_until_ms <= time_ms or 0 < body.valid_until_height < height:
        raise errors.TxExpired
    if body.max_unit_price < state.unit_price:
        raise errors.UnitPriceTooLow(f"{body.max_unit_price}, price {state.unit_price}")
    work = compute_declared_work(tx)
    if work > limits.BLOCK_WORK_MAX:
        raise errors.TooDear(f"{work} units, {limits.BLOCK_WORK_MAX} allowed")
    if tx.signer != body.owner:
        require_agent(state.accounts.get(body.owner), tx.signer, body.legs, time_ms)
    return work


def _require_nonce(signer: Account | None, nonce: int, time_ms: Millis) -> None:
    if nonce <= time_ms - limits.NONCE_AGE_MAX_MS:
        raise errors.StaleNonce
    if nonce > time_ms + limits.NONCE_AHEAD_MAX_MS:
        raise errors.NonceAhead
    if signer is not None and signer.has_nonce(nonce):
        raise errors.NonceUsed


class BlockBudget:
    """What still fits into a block; add a signer's transactions in ascending order of nonces."""

    def __init__(
        self, state: WorkingState, height: Height, time_ms: Millis, bytes_max: int
    ) -> None:
        """Start an empty block of at most ``bytes_max`` bytes of transactions."""
        self._state = state
        self._height = height
        self._time_ms = time_ms
        self._bytes_left = min(bytes_max, limits.BLOCK_BYTES_MAX)
        self._work_left = limits.BLOCK_WORK_MAX
        self._fees: dict[Address, int] = {}
        self._signers: dict[Address, dict[int, Address]] = {}
        self.txs: list[SignedTx] = []

    def add(self, tx: SignedTx) -> None:
        """Take a transaction; raise BlockFull, or the `TxError` that keeps it out."""
        body = tx.body
        signed = self._signers.get(tx.signer, {})
        if len(self.txs) >= limits.BLOCK_TXS_MAX or len(tx.raw) > self._bytes_left:
            raise errors.BlockFull
        if len(signed) >= limits.SIGNER_TXS_PER_BLOCK_MAX:
            message = "the signer has as many transactions in the block as allowed"
            raise errors.BlockFull(message)
        work = check_terms(self._state, tx, self._height, self._time_ms)
        if work > self._work_left:
            raise errors.BlockFull
        if body.nonce in signed:
            raise errors.NonceUsed
        self._require_after(tx, signed)
        fee = self._fees.get(body.owner, 0) + work * self._state.unit_price
        if fee > self._state.get_free(body.owner, 0, self._state.fee_token):
            raise errors.FeesNotCovered
        self._fees[body.owner] = fee
        self._work_left -= work
        self._bytes_left -= len(tx.raw)
        self._signers.setdefault(tx.signer, {})[body.nonce] = body.owner
        self.txs.append(tx)

    def _require_after(self, tx: SignedTx, signed: dict[int, Address]) -> None:
        after = tx.body.after
        if after and signed.get(after) != tx.body.owner:
            signer = self._state.accounts.get(tx.signer)
            if signer is None or not signer.has_nonce(after):
                raise errors.AfterNotExecuted(str(after))
