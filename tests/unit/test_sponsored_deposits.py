"""Payment requests whose deposit a sponsor locks: what a grant pays, and where a deposit goes."""

from omg_abci.protocol.messages import (
    CancelOrder,
    CloseRequest,
    CreatePaymentRequest,
    PayRequest,
    SetSponsorship,
    SignedTx,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.rules.ordering import compute_order
from omg_abci.state import schema
from omg_abci.state.keyed_records import RequestRecord
from tests.cast import DAY_MS, OWNERS, Key
from tests.unit.payer_world import FUNDS, NEWCOMER, POOR, SPONSOR, World, compute_fee

DEPOSIT = 300
DEAR = POOR | {"market_bond": str(DEPOSIT * 10_000)}
PAYER = OWNERS[1]


class Shop(World):
    """The chain of a shop that has nothing, with a sponsor."""

    def ask(self, number: int = 1, *, place: int = 0, atomic: bool = False) -> SignedTx:
        """Return a sponsored request for one payment."""
        ask = CreatePaymentRequest(number, 3, 5, self.time_ms + DAY_MS, 1, 0, 0, b"")
        use = UseSponsorship(SPONSOR.address)
        legs = (use, ask, CloseRequest(99)) if atomic else (use, ask)
        return self.tx(NEWCOMER, *legs, place=place, atomic=atomic)

    def reserved(self, owner: Key) -> int:
        """Return what an owner has locked of the fee token."""
        balance = self.state.get_balance(owner.address, 0, 1)
        return balance.reserved

    def leave(self, rest: int) -> None:
        """Let the sponsor give away what it has above this."""
        above = self.free(SPONSOR, 1) - rest
        fee = compute_fee(self.tx(SPONSOR, Transfer(PAYER.address, 1, above, 0, 0)))
        give = Transfer(PAYER.address, 1, above - fee, 0, 0)
        assert self.do(self.tx(SPONSOR, give)) == [0]
        assert self.free(SPONSOR, 1) == rest

    def find_request(self, number: int = 1) -> RequestRecord | None:
        """Return the shop's request."""
        key = schema.compute_request_key(NEWCOMER.address, number)
        return self.state.find_record(RequestRecord, key)


def test_who_has_nothing_asks_for_payments() -> None:
    """The sponsor locks the deposit, out of its grant; the last use gives it back to it."""
    shop = Shop(DEAR)
    shop.grant(9_000)
    free = shop.free(SPONSOR, 1)
    tx = shop.ask()
    assert shop.do(tx) == [0, 0]
    fee = compute_fee(tx)
    assert shop.free(SPONSOR, 1) == free - fee - DEPOSIT
    assert shop.reserved(SPONSOR) == 2 * DEPOSIT
    assert shop.get_grant().left == 9_000 - fee - DEPOSIT
    request = shop.find_request()
    assert request is not None
    assert (request.depositor, request.deposit) == (SPONSOR.address, DEPOSIT)
    assert shop.do(shop.tx(PAYER, PayRequest(NEWCOMER.address, 1, 3, 5, 0, 0))) == [0]
    assert shop.find_request() is None
    assert shop.free(SPONSOR, 1) == free - fee
    assert shop.free(NEWCOMER, 1) == 0
    assert shop.get_grant().left == 9_000 - fee - DEPOSIT


def test_a_sponsor_without_funds_locks_nothing() -> None:
    """The fee is covered, and the deposit beside it, or not by one unit."""
    for short in (1, 0):
        shop = Shop(DEAR)
        shop.grant(9_000)
        shop.leave(compute_fee(shop.ask()) + DEPOSIT - short)
        assert shop.do(shop.ask()) == [0, 1011 if short else 0]
        assert shop.reserved(SPONSOR) == (DEPOSIT if short else 2 * DEPOSIT)


def test_deposits_use_a_grant_up() -> None:
    """Fee and deposit count; the last unit does too."""
    shop = Shop(DEAR)
    fee = compute_fee(shop.ask())
    shop.grant(fee + DEPOSIT - 1)
    assert shop.do(shop.ask()) == [0, 1011]
    shop.grant(2 * fee + DEPOSIT)
    assert shop.do(shop.ask()) == [0, 0]
    assert shop.get_grant().left == fee
    assert shop.do(shop.ask(2)) == [0, 1011]
    assert shop.get_grant().left == 0


def test_a_deposit_leaves_the_fees_of_the_block() -> None:
    """What later transactions of the block can cost is kept: none is paid beyond the grant."""
    for more in (0, 1):
        shop = Shop(DEAR)
        fee = compute_fee(shop.ask()) + compute_fee(shop.cancel(place=1))
        shop.grant(fee + DEPOSIT - 1 + more)
        ask, cancel = shop.ask(), shop.cancel(place=1)
        txs = compute_order(shop.state.block_hash, [ask, cancel])
        result = shop.execute(shop.height + 1, shop.time_ms + 1_000, txs)
        codes = [leg.code for each in result.results for leg in each.legs]
        order = txs.index(ask)
        assert codes[2 * order + 1] == (0 if more or order else 1011)
        paid = sum(each.fee for each in result.results)
        locked = shop.reserved(SPONSOR) - DEPOSIT
        assert shop.get_grant().left == fee + DEPOSIT - 1 + more - paid - locked >= 0


def test_it_goes_back_to_the_sponsor_after_the_grant_ended() -> None:
    """The record says whose deposit it is; the customer closes its request by other means."""
    shop = Shop(DEAR)
    shop.grant(9_000)
    shop.do(shop.ask())
    assert shop.do(shop.tx(SPONSOR, SetSponsorship(NEWCOMER.address, 0, 0))) == [0]
    assert shop.reserved(SPONSOR) == DEPOSIT
    shop.do(shop.tx(PAYER, Transfer(NEWCOMER.address, 1, 2_000, 0, 0)))
    free = shop.free(SPONSOR, 1)
    assert shop.do(shop.tx(NEWCOMER, CloseRequest(1))) == [0]
    assert shop.free(SPONSOR, 1) == free + DEPOSIT
    assert shop.reserved(SPONSOR) == 0


def test_a_grant_that_ends_in_the_block_locks_nothing() -> None:
    """The fee was counted before; the deposit was not."""
    shop = Shop(DEAR)
    shop.grant(9_000)
    end, ask = shop.tx(SPONSOR, SetSponsorship(NEWCOMER.address, 0, 0)), shop.ask()
    txs = compute_order(shop.state.block_hash, [end, ask])
    result = shop.execute(shop.height + 1, shop.time_ms + 1_000, txs)
    places = [place for place, tx in enumerate(txs) if tx == ask]
    expected = 1011 if places == [1] else 0
    assert result.results[places[0]].legs[1].code == expected


def test_what_is_rolled_back_is_not_locked() -> None:
    """An atomic transaction that fails behind its request: the grant lost the fee alone."""
    shop = Shop(DEAR)
    shop.grant(9_000)
    free = shop.free(SPONSOR, 1)
    tx = shop.ask(atomic=True)
    assert shop.do(tx) == [1006, 1006, 4003]
    assert shop.find_request() is None
    paid = free - shop.free(SPONSOR, 1)
    assert shop.get_grant().left == 9_000 - paid
    assert shop.reserved(SPONSOR) == DEPOSIT
    assert shop.do(shop.ask()) == [0, 0]


def test_an_offers_provider_locks_nothing_for_others() -> None:
    """Who pays the fee in another token locks its own deposit, or none."""
    shop = Shop(DEAR)
    shop.offer(9_000)
    shop.do(shop.tx(PAYER, Transfer(NEWCOMER.address, 3, 100, 0, 0)))
    until_ms = shop.time_ms + DAY_MS
    use = UseFeeOffer(SPONSOR.address, 3, 100)
    ask = CreatePaymentRequest(1, 3, 5, until_ms, 1, 0, 0, b"")
    assert shop.do(shop.tx(NEWCOMER, use, ask)) == [0, 1011]
    customer = OWNERS[2]
    before = shop.free(customer, 1)
    assert shop.do(shop.tx(customer, use, ask, CancelOrder(1))) == [0, 0, 0]
    assert shop.free(customer, 1) == before - DEPOSIT
    assert shop.reserved(customer) == DEPOSIT
    assert shop.reserved(SPONSOR) == DEPOSIT < FUNDS
