"""The real state machine and the oracle driven side by side, compared after every block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_sha256
from omg_abci.protocol.messages import SignedTx, TxBody
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Scheme, Side
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.transition import Block, BlockResult, apply_block, check_block
from omg_abci.state import tables
from omg_abci.state.book import BookSide, OwnerList
from omg_abci.state.diff import compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from tests.cast import CHAIN_ID, EXCHANGE, GUEST, KEYS, START_MS, STRANGER, Key
from tests.invariants import check_invariants, check_ladder
from tests.model import Model
from tests.model_book import list_side
from tests.strategies import BlockPlan, TxPlan, make_body, sign_body

TIGHT_LIMITS = {
    "CLOSED_KEPT_MAX": 3,
    "TOMBSTONES_MAX": 2,
    "AGENTS_MAX": 2,
    "OPEN_ORDERS_MAX": 5,
    "NONCE_PAGES_PRUNED": 1,
    "SIGNER_TXS_PER_BLOCK_MAX": 4,
    "MARKETS_MAX": 7,
    "FOK_ROUNDS_MAX": 1,
    "BAND_WINDOW_MS": 3_000,
    "POST_ONLY_MS": 2_500,
    "DELIST_NOTICE_MS": 3_000,
}
"""Bounds so narrow that a handful of transactions, or of seconds, runs into each of them."""
WALLET_LIMITS = {
    "TOKENS_MAX": 6,
    "ALLOWANCES_MAX": 1,
    "PAYMENT_KEPT_MS": 2_500,
    "LIMITS_MAX": 1,
    "LIMITS_DELAY_MS": 2_500,
}
"""The same for the legs of wallets, providers and issuers."""
_MASS_LIMITS = ("MASS_STEPS_MAX", "MASS_START_MAX", "MASS_PAIRS_MAX", "MASS_TRIGGERS_MIN")
SPILLING_LIMITS = tuple(
    dict(zip(_MASS_LIMITS, values, strict=True))
    for values in ((5, 2, 1, 2), (20, 3, 2, 17), (20, 10, 4, 2), (3, 1, 1, 0))
)
"""Bounds under which the larger part of the mass work waits for the next blocks."""
NO_MASS_WORK = dict.fromkeys(_MASS_LIMITS, 0)
"""Nothing but matching removes what is dead."""


@contextmanager
def narrowed(bounds: Mapping[str, int]) -> Iterator[None]:
    """Let chain and oracle run with other bounds, and the chain tidy up after every block."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(tables, "_SWEPT_MIN", 1_000))
        for name, value in bounds.items():
            stack.enter_context(patch.object(limits, name, value))
        yield


def require_same(refusals: list[int], ask: Callable[[], object]) -> None:
    """Assert that the chain refuses for one of the oracle's reasons, or neither refuses."""
    if refusals:
        with pytest.raises(errors.TxError) as caught:
            ask()
        assert caught.value.code in refusals
    else:
        ask()


def leave_unsigned(body: TxBody, signer: Key, *, typed: bool) -> SignedTx:
    """Return the transaction with zeros for a signature, and a digest that only is unique."""
    scheme = Scheme.TYPED if typed else Scheme.RAW
    body.check(signer.address, scheme)
    raw = encode_envelope(encode_body(body), signer.address, scheme, bytes(65))
    return make_signed_tx(raw, compute_sha256(raw), signer.address, scheme, body)


def list_ladder(book: BookSide) -> list[tuple[bytes, int]]:
    """Return the keys of a side's orders as they stand in line, best price first."""
    found: list[tuple[bytes, int]] = []
    for place in reversed(book.places):
        order = book.levels[place].head
        while order is not None:
            found.append((order.account.owner, order.client_id))
            order = order.next
    return found


def list_listed(listed: OwnerList) -> list[int]:
    """Return the client ids of an owner's list as they stand in it."""
    found: list[int] = []
    order = listed.head
    while order is not None:
        found.append(order.client_id)
        order = order.owner_next
    return found


def choose_key(model: Model, plan: TxPlan) -> tuple[Key, bool]:
    """Return who signs, and whether typed: mostly the key that the owner was given."""
    given = model.state.keys.get(plan.owner.address)
    known = [key for key in (*KEYS, GUEST) if key.address == given]
    if plan.signer == plan.owner and known and plan.nonce % 4:
        return known[0], plan.nonce % 16 != 1
    return plan.signer, plan.signer == plan.owner


class Pair:
    """A chain and its oracle, at the same height."""

    def __init__(
        self, document: Mapping[str, Any] = EXCHANGE, *, signed: bool = True, compared: int = 1
    ) -> None:
        """Start both from one genesis document.

        Records are compared after every `compared`-th block, results and events after each.
        Unless `signed`, transactions carry no signature, which only the bytes' verifier looks at.
        """
        self.signed, self.compared = signed, compared
        records, self.domain = build_genesis(CHAIN_ID, document)
        self.disk = dict(records)
        self.state = load_state(CHAIN_ID, records)
        self.model = Model(CHAIN_ID, document)
        self.height, self.time_ms = 0, START_MS
        self.previous: list[SignedTx] = []
        self.votes: tuple[Vote, ...] = ()
        """What consensus tells with the next blocks."""
        self.offences: tuple[Offence, ...] = ()
        assert self.disk == self.model.records()
        assert self.domain == self.model.domain

    def play(self, plan: BlockPlan) -> BlockResult:
        """Make a block of what may enter of a plan, execute it, compare everything."""
        height, time_ms = self.height + 1, self.time_ms + plan.ahead_ms
        drawn = [self.sign(each, time_ms) for each in plan.txs]
        chosen = self.fill(height, time_ms, drawn)
        txs = self.model.order_block(chosen)
        if txs and plan.attacked < len(txs):
            self.attack(height, time_ms, txs[plan.attacked])
        for tx in self.previous:
            self.refuse(height, time_ms, tx, errors.NonceUsed, errors.StaleNonce)
        result = self.execute(height, time_ms, txs, rehearsed=plan.rehearsed)
        if plan.restarted:
            self.restart()
        return result

    def sign(self, plan: TxPlan, time_ms: int) -> SignedTx:
        """Return a planned transaction, aimed at the orders that its owner has now."""
        open_ids = [number for who, number in self.model.state.orders if who == plan.owner.address]
        body = make_body(plan, time_ms, sorted(open_ids), self.height + 1)
        signer, typed = choose_key(self.model, plan)
        if self.signed:
            return sign_body(body, signer, typed=typed)
        return leave_unsigned(body, signer, typed=typed)

    def restart(self) -> None:
        """Load the state from what was stored."""
        self.state = load_state(CHAIN_ID, sorted(self.disk.items()))

    def fill(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return what may enter a block; chain and oracle agree on each transaction."""
        budget = BlockBudget(self.state, height, time_ms, limits.BLOCK_BYTES_MAX)
        for tx in sorted(txs, key=lambda each: (each.body.nonce, each.signer, each.raw)):
            self.compare_check(height, time_ms, tx)
            refusals = self.list_refusals(height, time_ms, tx, budget.txs)
            signed = [each for each in budget.txs if each.signer == tx.signer]
            if len(signed) >= limits.SIGNER_TXS_PER_BLOCK_MAX:
                with pytest.raises(errors.BlockFull):
                    budget.add(tx)
            else:
                require_same(refusals, partial(budget.add, tx))
        return list(budget.txs)

    def list_refusals(
        self, height: int, time_ms: int, tx: SignedTx, others: Sequence[SignedTx]
    ) -> list[int]:
        """Return the oracle's codes against adding a transaction to others."""
        found = self.model.list_refusals(tx, height, time_ms, others)
        if any((tx.signer, tx.body.nonce) == (each.signer, each.body.nonce) for each in others):
            found.append(errors.NonceUsed.code)
        return found + self.model.list_fee_refusals(tx, time_ms, others)

    def compare_check(self, height: int, time_ms: int, tx: SignedTx) -> None:
        """Let both say whether the pool takes a transaction."""
        refusals = self.model.check_tx(tx, height, time_ms)
        require_same(refusals, partial(check_tx, self.state, tx, height, time_ms))

    # --- blocks -------------------------------------------------------------------------------

    def execute(
        self, height: int, time_ms: int, txs: Sequence[SignedTx], *, rehearsed: bool = False
    ) -> BlockResult:
        """Check and execute a valid block on both sides; compare results, diff and records."""
        told = self.votes, self.offences
        block = Block(height, time_ms, compute_sha256(b"block %d" % height), tuple(txs), *told)
        assert self.model.validate_block(height, time_ms, txs) is None
        check_block(self.state, block)
        thorough = height % self.compared == 0
        before = self.model.records() if thorough else {}
        rehearsals = self.rehearse(block) if rehearsed else []
        applied = self.model.apply_block(height, time_ms, block.block_hash, txs, *told)
        result = apply_block(self.state, block)
        assert list(result.results) == applied.results
        assert list(result.events) == applied.events
        assert list(result.validator_updates) == applied.updates
        assert all(rehearsal == result for rehearsal in rehearsals)
        if thorough:
            self.compare_records(before, result)
        store_changes(self.state, result.changes)
        self.state.commit()
        for key, value in result.changes.diff:
            if value is None:
                del self.disk[key]
            else:
                self.disk[key] = value
        self.height, self.time_ms, self.previous = height, time_ms, list(txs)
        check_ladder(self.model.state)
        if thorough:
            assert self.disk == self.model.records()
            self.compare_books()
            check_invariants(self.model.state)
        return result

    def compare_records(self, before: dict[bytes, bytes], result: BlockResult) -> None:
        """Assert that the chain's records and diff are the oracle's."""
        after = self.model.records()
        assert dict(compute_records(self.state)) == after
        changed = sorted(key for key in before | after if before.get(key) != after.get(key))
        assert list(result.changes.diff) == [(key, after.get(key)) for key in changed]
        assert list(result.changes.undo) == [(key, before.get(key)) for key in changed]

    def compare_books(self) -> None:
        """Assert that both have the same orders in line at each price, and in each owner's list."""
        model = self.model.state
        assert self.state.markets.keys() == model.markets.keys()
        for number, market in self.state.markets.items():
            for side, book in ((Side.BUY, market.bids), (Side.SELL, market.asks)):
                assert list_ladder(book) == [each.key for each in list_side(model, number, side)]
        for owner, account in self.state.accounts.items():
            lists = sorted(account.lists.items())
            chain = [client_id for _, listed in lists for client_id in list_listed(listed)]
            assert chain == [each.client_id for each in model.list_owned(owner)]

    def rehearse(self, block: Block) -> list[BlockResult]:
        """Apply a block and a rival of it, and roll each back: every record is as it was."""
        before = compute_records(self.state)
        rehearsal = apply_block(self.state, block)
        self.state.rollback()
        apply_block(self.state, block._replace(time_ms=block.time_ms + 1, txs=block.txs[::2]))
        self.state.rollback()
        assert compute_records(self.state) == before
        return [rehearsal]

    # --- attacks ------------------------------------------------------------------------------

    def attack(self, height: int, time_ms: int, tx: SignedTx) -> None:
        """Refuse the twins of a valid transaction: another's key, another's account, too late."""
        body = tx.body
        keyless = sign_body(body, STRANGER)
        self.refuse(height, time_ms, keyless, errors.NotAnAgent)
        late = body._replace(nonce=time_ms - 50, after=0, valid_until_ms=time_ms)
        self.refuse(height, time_ms, sign_body(late, STRANGER), errors.TxExpired)
        past = body._replace(after=0, valid_until_height=height - 1)
        if height > 1:
            self.refuse(height, time_ms, sign_body(past, STRANGER), errors.TxExpired)
        old = body._replace(nonce=time_ms - limits.NONCE_AGE_MAX_MS, after=0, valid_until_ms=0)
        self.refuse(height, time_ms, sign_body(old, STRANGER), errors.StaleNonce)
        ahead = time_ms + limits.NONCE_AHEAD_MAX_MS + 1
        early = body._replace(nonce=ahead, after=0, valid_until_ms=0)
        self.refuse(height, time_ms, sign_body(early, STRANGER), errors.NonceAhead)
        unmet = body._replace(after=body.nonce - 1_000_000)
        self.refuse(height, time_ms, sign_body(unmet, STRANGER), errors.AfterNotExecuted)

    def refuse(
        self, height: int, time_ms: int, tx: SignedTx, *expected: type[errors.TxError]
    ) -> None:
        """Assert that neither pool nor block takes a transaction, for one of the reasons."""
        refusals = self.model.list_refusals(tx, height, time_ms)
        assert {each.code for each in expected} & set(refusals)
        require_same(refusals, partial(check_tx, self.state, tx, height, time_ms))
        assert self.model.validate_block(height, time_ms, [tx]) is not None
        with pytest.raises(errors.BlockInvalid):
            check_block(self.state, Block(height, time_ms, bytes(32), (tx,)))
