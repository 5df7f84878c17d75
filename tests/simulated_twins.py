"""The hostile twins of `omgd simulate`: what stands beside each valid transaction and is refused.

Why most of them are refused, the oracle says; of malformed ones the lists that they come from.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelAll,
    CancelOrder,
    Message,
    SignedTx,
    TxBody,
    UseFeeOffer,
    UseSponsorship,
)
from tests.cast import AGENTS, CHAIN_ID, GUEST, OWNERS, STRANGER, Key
from tests.model import Model
from tests.model_work import compute_declared_work
from tests.node.bad_transactions import BAD
from tests.strategies import sign_body
from tests.vectors.cases import CASES
from tests.vectors.make_vectors import compute_malformed

_TWINNED_A_BLOCK = 2
_SIGNERS = {key.address: key for key in (*OWNERS, *AGENTS, GUEST)}
_DEAR_LEGS = 140
"""So many of the dearest cancellations are more work than a block holds."""
_HOPELESS = 1 << 16
"""Longer ago than any nonce that was drawn."""


class FormatTwin(NamedTuple):
    """Bytes that are no transaction, with the code that they are answered with."""

    raw: bytes
    code: int
    kind: str
    """The message that is malformed; empty where it is the envelope or the body."""


def list_format_twins() -> Iterator[FormatTwin]:
    """Yield every malformed transaction that the other tests know."""
    for case in CASES:
        for malformed in case.malformed:
            raw = bytes.fromhex(compute_malformed(malformed)["raw"])
            yield FormatTwin(raw, malformed.code, case.message.__name__)
    for bad in BAD:
        if issubclass(bad.error, errors.FormatError):
            yield FormatTwin(bad.raw, bad.error.code, "")


FORMAT_TWINS = tuple(list_format_twins())


class TwinMaker:
    """Makes twins of the transactions of a block."""

    def __init__(self, random: Random, model: Model) -> None:
        """Draw from a generator, beside the oracle's state."""
        self._random = random
        self._model = model

    def draw(
        self, height: int, time_ms: int, txs: Sequence[SignedTx]
    ) -> list[tuple[str, SignedTx]]:
        """Return twins of some transactions, and a refused one of each other sort now and then."""
        found: list[tuple[str, SignedTx]] = []
        for tx in self._random.sample(txs, min(len(txs), _TWINNED_A_BLOCK)):
            found += self._make_twins(height, time_ms, tx.body)
        if self._random.random() < 0.2:
            found.append(("too_dear", self._make_dear(time_ms)))
            found.append(("unpaid", self._make_unpaid(time_ms)))
        return found + [("expired_agent", tx) for tx in self._make_expired(time_ms)]

    def _make_twins(
        self, height: int, time_ms: int, body: TxBody
    ) -> Iterator[tuple[str, SignedTx]]:
        """Yield a transaction in each way in which it may not be sent."""
        usual = body._replace(after=0, valid_until_ms=0)
        yield "wrong_key", sign_body(body, STRANGER)
        agent = next((key for key in AGENTS if key.address != body.owner), STRANGER)
        yield "by_an_agent", sign_body(usual, agent)
        late = usual._replace(nonce=time_ms - 50, valid_until_ms=time_ms)
        yield "too_late", self._sign_own(late)
        if height > 1:
            yield "too_high", self._sign_own(usual._replace(valid_until_height=height - 1))
        old = usual._replace(nonce=time_ms - limits.NONCE_AGE_MAX_MS)
        yield "stale", self._sign_own(old)
        early = usual._replace(nonce=time_ms + limits.NONCE_AHEAD_MAX_MS + 1)
        yield "ahead", self._sign_own(early)
        yield "unmet", self._sign_own(usual._replace(after=usual.nonce - _HOPELESS))
        price = self._model.state.unit_price
        if price > 1:
            yield "cheap", self._sign_own(usual._replace(max_unit_price=price - 1))
        yield from self._make_unpaid_twins(usual)

    def _make_unpaid_twins(self, body: TxBody) -> Iterator[tuple[str, SignedTx]]:
        """Yield what names another payer, or pays less for its fee than an offer asks."""
        first, *legs = body.legs
        if isinstance(first, UseSponsorship):
            other = UseSponsorship(STRANGER.address)
            yield "another_payer", self._sign_own(body._replace(legs=(other, *legs)))
        elif isinstance(first, UseFeeOffer):
            other_offer = first._replace(provider=STRANGER.address)
            yield "another_payer", self._sign_own(body._replace(legs=(other_offer, *legs)))
            offer = self._model.state.offers[first.provider, first.token]
            fee = compute_declared_work(self._sign_own(body)) * self._model.state.unit_price
            less = first._replace(max_amount=offer.cost(fee) - 1)
            if less.max_amount:
                yield "pays_less", self._sign_own(body._replace(legs=(less, *legs)))

    def _sign_own(self, body: TxBody) -> SignedTx:
        """Return the body signed by its owner, or by an agent where it has too many legs."""
        typed = len(body.legs) <= limits.LEGS_TYPED_MAX
        return sign_body(body, _SIGNERS[body.owner] if typed else AGENTS[0])

    def _make_body(self, owner: Key, time_ms: int, legs: Sequence[Message]) -> TxBody:
        nonce = time_ms + self._random.randint(300, 400)
        head = (CHAIN_ID, owner.address, nonce, 0, 0, 0)
        price = max(2, self._model.state.unit_price)
        return TxBody(*head, atomic=False, max_unit_price=price, legs=tuple(legs))

    def _make_dear(self, time_ms: int) -> SignedTx:
        """Return what is more work than a block holds."""
        legs = [CancelAll(0, 0, limits.CANCEL_ALL_MAX)] * _DEAR_LEGS
        return sign_body(self._make_body(OWNERS[0], time_ms, legs), AGENTS[0])

    def _make_unpaid(self, time_ms: int) -> SignedTx:
        """Return what costs more than a poor owner has."""
        legs = [CancelAll(0, 0, limits.CANCEL_ALL_MAX)] * limits.LEGS_TYPED_MAX
        return sign_body(self._make_body(OWNERS[-1], time_ms, legs), OWNERS[-1])

    def _make_expired(self, time_ms: int) -> list[SignedTx]:
        """Return what an agent signs whose approval is over, if there is one."""
        over = [
            pair
            for pair, approval in sorted(self._model.state.agents.items())
            if self._is_over(approval, time_ms) and pair[1] in _SIGNERS and pair[0] in _SIGNERS
        ]
        if not over or self._random.random() < 0.5:
            return []
        owner, agent = self._random.choice(over)
        body = self._make_body(_SIGNERS[owner], time_ms, [CancelOrder(1)])
        return [sign_body(body, _SIGNERS[agent])]

    @staticmethod
    def _is_over(approval: Sequence[int], time_ms: int) -> bool:
        """Tell whether an approval (scope, end) has ended."""
        return approval[1] <= time_ms
