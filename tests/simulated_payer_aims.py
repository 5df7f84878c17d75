"""Transactions of `omgd simulate` that aim at what fee offers and sponsors meet rarely."""

from collections.abc import Iterator

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    CloseRequest,
    CreatePaymentRequest,
    Message,
    SetFeeOffer,
    SetLimits,
    SetRecipients,
    UseFeeOffer,
    UseSponsorship,
)
from tests.cast import OWNERS, Key
from tests.model_payments import find_limit, find_recipients
from tests.model_records import Offer
from tests.simulated_aims import Aim
from tests.simulated_wallet_aims import ENDS_MS, MUCH, PAST_MS, TX_WORK, WalletAimSource
from tests.strategies import TxPlan

_CHEAP, _DEAR = (1, 1 << 40), (1 << 40, 1)
"""Rates at which any fee is a unit, and at which none can be paid."""
_NONE = Offer(1, 1, 0, 0, 0)
_REQUEST = 78
_SOON_MS = 10_000


class PayerAimSource(WalletAimSource):
    """Draws transactions with an aim, of those who pay for others too."""

    def list_aims(self) -> list[Aim]:
        """Return every aim."""
        return [
            *super().list_aims(),
            self._aim_swap,
            self._aim_poor_provider,
            self._aim_busy_provider,
            self._aim_dear_offer,
            self._aim_wrong_offers,
            self._aim_bounds,
            self._aim_sponsored_request,
        ]

    def _aim_swap(self) -> Iterator[TxPlan]:
        """Take the offers that there are, now and then for more than one pays."""
        state = self._model.state
        offers = [(who, token) for who, token in sorted(state.offers) if self._find_key(who)]
        if not offers or self._random.random() < 0.2:
            total = self._random.choice([MUCH, MUCH, 6 * TX_WORK * state.unit_price])
            yield self._plan(OWNERS[0], SetFeeOffer(3, 1, 400 * state.unit_price, total, ENDS_MS))
        for place, (provider, token) in enumerate(offers):
            customer = next(key for key in OWNERS[1:3] if key.address != provider)
            usual = 2 * TX_WORK * state.unit_price
            fee = self._random.choice([usual] * 3 + [state.offers[provider, token].left + usual])
            yield self._swap(provider, token, customer, fee)._replace(nonce=280 + place)

    def _aim_poor_provider(self) -> Iterator[TxPlan]:
        """Let the poorest owner offer much, and use more than it has."""
        provider, customer = OWNERS[-1], OWNERS[2]
        state = self._model.state
        if (provider.address, 3) not in state.offers:
            yield self._plan(provider, SetFeeOffer(3, *_CHEAP, MUCH, ENDS_MS))
            return
        free = state.get_free(self._model.payer(provider.address))
        yield self._swap(provider.address, 3, customer, free + TX_WORK * state.unit_price)

    def _aim_busy_provider(self) -> Iterator[TxPlan]:
        """Let two customers use most of an offer in the same block."""
        state, provider = self._model.state, OWNERS[0].address
        offer = state.offers.get((provider, 3), _NONE)
        fee = 7 * min(offer.left, state.get_free(self._model.payer(provider))) // 10
        poorest = min(state.get_free((key.address, 0, 3)) for key in OWNERS[1:3])
        if fee <= TX_WORK * state.unit_price or offer.cost(fee) > poorest:
            yield self._plan(OWNERS[0], SetFeeOffer(3, *_CHEAP, 10**5 * state.unit_price, ENDS_MS))
            return
        for place, customer in enumerate(OWNERS[1:3]):
            yield self._swap(provider, 3, customer, fee)._replace(nonce=293 + place)

    def _swap(self, provider: bytes, token: int, customer: Key, fee: int) -> TxPlan:
        """Return a transaction that can cost so much, as far as legs go, paid by an offer."""
        use = UseFeeOffer(provider, token, limits.AMOUNT_MAX)
        return self._plan(customer, use, *self._cancel(fee))

    def _aim_dear_offer(self) -> Iterator[TxPlan]:
        """Offer to pay fees for more than anybody has, and take it."""
        provider = OWNERS[1]
        if (provider.address, 2) in self._model.state.offers:
            fee = 2 * TX_WORK * self._model.state.unit_price
            yield self._swap(provider.address, 2, OWNERS[0], fee)
            dear = UseFeeOffer(provider.address, 2, 1)
            yield self._plan(OWNERS[2], dear, *self._cancel(fee))
        else:
            yield self._plan(provider, SetFeeOffer(2, *_DEAR, MUCH, ENDS_MS))

    def _aim_wrong_offers(self) -> Iterator[TxPlan]:
        """Offer fees for fees, what has ended already, and end what there is not."""
        legs: list[Message] = [SetFeeOffer(token, *_CHEAP, 500, PAST_MS) for token in (1, 2, 9)]
        yield self._plan(OWNERS[0], *legs, SetFeeOffer(9, 0, 0, 0, 0))

    def _aim_bounds(self) -> Iterator[TxPlan]:
        """Bound what an account pays, or whom, and let it take an offer; where that passes soon."""
        state, customer, provider = self._model.state, OWNERS[1], OWNERS[0].address
        offers = [token for who, token in sorted(state.offers) if who == provider]
        if not offers or limits.LIMITS_DELAY_MS > _SOON_MS:
            return
        fee = 2 * TX_WORK * state.unit_price
        limited = find_limit(state, customer.address, offers[0]) is not None
        known = find_recipients(state, customer.address)
        if known is not None:
            yield self._plan(customer, SetRecipients(()))
        elif limited:
            yield self._plan(customer, SetLimits(offers[0], 0))
        elif self._random.random() < 0.5:
            yield self._plan(customer, SetRecipients((OWNERS[2].address,)))
        else:
            yield self._plan(customer, SetLimits(offers[0], MUCH))
        yield self._swap(provider, offers[0], customer, fee)._replace(nonce=295)

    def _aim_sponsored_request(self) -> Iterator[TxPlan]:
        """Ask for payments with a sponsor's deposit, and take the request back."""
        state = self._model.state
        for (sponsor, address), grant in sorted(state.grants.items()):
            customer = self._find_key(address)
            if customer is None or grant.left < 2 * TX_WORK * state.unit_price:
                continue
            use = UseSponsorship(sponsor)
            if (address, _REQUEST) in state.requests:
                yield self._plan(customer, use, CloseRequest(_REQUEST))
            else:
                ask = CreatePaymentRequest(_REQUEST, 3, 5, ENDS_MS, 2, 0, 1, b"")
                yield self._plan(customer, use, ask)
