"""Which transactions a block may hold (docs/spec/blocks.md#validity).

The mempool asks `check_tx` before it takes a transaction, and fills a `BlockBudget` to propose a
block; ProcessProposal fills the same budget with the proposed block. All against committed state.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import PAYER_LEGS, SignedTx
from omg_abci.protocol.units import Address, Amount, Height, Millis, Nonce
from omg_abci.rules.payers import PayerBudget, require_payer
from omg_abci.rules.recovery import require_other_key
from omg_abci.state.objects import Account
from omg_abci.state.working import WorkingState


def check_tx(
    state: WorkingState, tx: SignedTx, height: Height, time_ms: Millis
) -> tuple[Amount, Amount]:
    """Return the most that a transaction can cost, and what there is to pay it from.

    That is its owner's free balance, or the least of what others pay of it (`require_payer`).

    Raise what keeps it out of the block at this height and time, in this order: StaleNonce,
    NonceAhead, NonceUsed, TxExpired, UnitPriceTooLow, TooDear, KeyReplaced, OwnKeyRaw,
    NotAnAgent, AgentExpired, AgentScope, AfterNotExecuted, FeesNotCovered, then what
    `require_sponsorship` or `require_fee_offer` raises where the first leg is theirs.
    """
    body = tx.body
    signer = state.accounts.get(tx.signer)
    work = check_terms(state, tx, signer, height, time_ms)
    if body.after and not (signer is not None and signer.has_nonce(body.after)):
        raise errors.AfterNotExecuted(str(body.after))
    fee = work * state.unit_price
    if type(body.legs[0]) in PAYER_LEGS:
        return fee, require_payer(state, body, fee, time_ms)
    funds = state.get_free(body.owner, 0, state.fee_token)
    if funds < fee:
        raise errors.FeesNotCovered
    return fee, funds


def check_terms(
    state: WorkingState, tx: SignedTx, signer: Account | None, height: Height, time_ms: Millis
) -> int:
    """Check all of `check_tx` but ``after`` and funds; return the declared work.

    ``signer`` is the signer's account, None when it has none.
    """
    body, nonce, price = tx.body, tx.body.nonce, state.unit_price
    if nonce <= time_ms - limits.NONCE_AGE_MAX_MS:
        raise errors.StaleNonce
    if nonce > time_ms + limits.NONCE_AHEAD_MAX_MS:
        raise errors.NonceAhead
    if signer is not None and signer.has_nonce(nonce):
        raise errors.NonceUsed
    if 0 < body.valid_until_ms <= time_ms or 0 < body.valid_until_height < height:
        raise errors.TxExpired
    if body.max_unit_price < price:
        raise errors.UnitPriceTooLow(f"{body.max_unit_price}, price {price}")
    work = tx.work
    if work > limits.BLOCK_WORK_MAX:
        raise errors.TooDear(f"{work} units, {limits.BLOCK_WORK_MAX} allowed")
    owner = body.owner
    if tx.signer != owner:
        require_other_key(state.accounts.get(owner), tx, time_ms)
    elif signer is not None and signer.key != owner:
        raise errors.KeyReplaced
    return work


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
        self._funds: dict[Address, Amount] = {}
        """What the payers of the block's transactions have left for fees."""
        self._payers = PayerBudget(state, time_ms, self._funds)
        self._signers: dict[Address, tuple[Account | None, dict[Nonce, Address]]] = {}
        """Of each signer in the block its account, and by nonce whose transactions it signed."""
        self.txs: list[SignedTx] = []

    def add(self, tx: SignedTx) -> None:
        """Take a transaction; raise BlockFull, or the `TxError` that keeps it out."""
        state, body, signer = self._state, tx.body, tx.signer
        owner, nonce, size = body.owner, body.nonce, len(tx.raw)
        if len(self.txs) >= limits.BLOCK_TXS_MAX or size > self._bytes_left:
            raise errors.BlockFull
        known = self._signers.get(signer)
        account, signed = known or (state.accounts.get(signer), {})
        if len(signed) >= limits.SIGNER_TXS_PER_BLOCK_MAX:
            message = "the signer has as many transactions in the block as allowed"
            raise errors.BlockFull(message)
        work = check_terms(state, tx, account, self._height, self._time_ms)
        if work > self._work_left:
            raise errors.BlockFull
        if nonce in signed:
            raise errors.NonceUsed
        after = body.after
        if (
            after
            and signed.get(after) != owner
            and not (account is not None and account.has_nonce(after))
        ):
            raise errors.AfterNotExecuted(str(after))
        fee = work * state.unit_price
        if type(body.legs[0]) in PAYER_LEGS:
            self._payers.charge(body, fee)
        else:
            funds = self._funds.get(owner)
            if funds is None:
                funds = state.get_free(owner, 0, state.fee_token)
            if fee > funds:
                raise errors.FeesNotCovered
            self._funds[owner] = funds - fee
        self._work_left -= work
        self._bytes_left -= size
        signed[nonce] = owner
        if known is None:
            self._signers[signer] = (account, signed)
        self.txs.append(tx)
