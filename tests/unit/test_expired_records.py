"""Requests, grants and fee offers that expired: how long they say so, and who gets what back."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelOrder,
    CreatePaymentRequest,
    PayRequest,
    SetSponsorship,
    UseSponsorship,
)
from omg_abci.state.keyed_records import RequestRecord
from omg_abci.state.schema import compute_request_key
from tests.cast import DAY_MS, OWNERS
from tests.side_by_side import narrowed
from tests.unit.payer_world import NEWCOMER, POOR, SPONSOR, World

KEPT_MS = 5_000


def get_reserved(world: World) -> int:
    """Return what the sponsor has reserved of the fee token."""
    return world.state.get_balance(SPONSOR.address, 0, 1).reserved


def ask(world: World, number: int, ahead_ms: int) -> list[int]:
    """Let the newcomer ask for payments, its sponsor locking the deposit."""
    request = CreatePaymentRequest(number, 3, 0, world.time_ms + ahead_ms, 9, 0, 0, b"")
    return world.do(world.tx(NEWCOMER, UseSponsorship(SPONSOR.address), request))


def find_request(world: World, number: int) -> RequestRecord | None:
    """Return the newcomer's request."""
    return world.state.find_record(RequestRecord, compute_request_key(NEWCOMER.address, number))


def test_a_sponsors_deposit_does_not_depend_on_its_customer() -> None:
    """Nobody closes the request: an hour after its expiry it is gone, and the deposit is free."""
    with narrowed({"RECORDS_KEPT_MS": KEPT_MS}):
        world = World(POOR)
        world.grant(9_000)
        held = get_reserved(world)
        assert ask(world, 1, 2_000) == [0, 0]
        expires_ms = world.time_ms + 1_000
        assert get_reserved(world) > held
        while world.time_ms < expires_ms + KEPT_MS - 1_000:
            world.do()
            assert find_request(world, 1) is not None
        pay = PayRequest(NEWCOMER.address, 1, 3, 1, 0, 0)
        assert world.do(world.tx(OWNERS[1], pay)) == [errors.RequestExpired.code]
        assert world.time_ms == expires_ms + KEPT_MS
        assert find_request(world, 1) is None
        assert get_reserved(world) == held
        assert world.do(world.tx(OWNERS[1], pay)) == [errors.UnknownRequest.code]
        assert ask(world, 1, 2_000) == [0, 0]


def test_grants_and_offers_give_their_deposits_back() -> None:
    """Both are gone without anybody's doing; the sponsor has nothing reserved any more."""
    with narrowed({"RECORDS_KEPT_MS": KEPT_MS}):
        world = World(POOR)
        world.grant(9_000)
        world.offer(9_000)
        assert get_reserved(world) > 0
        world.jump(DAY_MS + KEPT_MS)
        assert get_reserved(world) == 0
        world.require(errors.NotSponsored, world.cancel())
        world.require(errors.FeeNotOffered, world.swap())


def test_an_extended_grant_stays() -> None:
    """What was said before of its expiry is no longer true."""
    with narrowed({"RECORDS_KEPT_MS": KEPT_MS}):
        world = World(POOR)
        grant = SetSponsorship(NEWCOMER.address, 5_000, world.time_ms + 3_000)
        assert world.do(world.tx(SPONSOR, grant)) == [0]
        world.grant(5_000)
        world.jump(3_000 + KEPT_MS)
        assert world.do(world.cancel()) == [0, 0]
        assert world.get_grant().left < 5_000


@pytest.mark.parametrize("steps", [1, 2])
def test_each_is_a_step_of_the_mass_work(steps: int) -> None:
    """What the steps do not reach waits for the next block; the rest is there meanwhile."""
    with narrowed({"RECORDS_KEPT_MS": 1_000, "MASS_STEPS_MAX": steps}):
        world = World(POOR)
        world.grant(9_000)
        assert ask(world, 2, 12_000) == [0, 0]
        assert ask(world, 1, 10_000) == [0, 0]
        assert ask(world, 3, 8_000) == [0, 0]
        world.jump(60_000)
        by_expiry = (3, 1, 2)
        gone = [find_request(world, number) is None for number in by_expiry]
        assert gone == [place < steps for place in range(3)]
        world.do()
        world.do()
        assert [find_request(world, number) for number in by_expiry] == [None] * 3


def test_an_hour_is_what_they_are_kept() -> None:
    """Without narrowed bounds, to the millisecond."""
    assert limits.RECORDS_KEPT_MS == 3_600_000
    world = World(POOR)
    world.grant(9_000)
    assert ask(world, 1, 2_000) == [0, 0]
    record = find_request(world, 1)
    assert record is not None
    world.jump(record.expires_ms + limits.RECORDS_KEPT_MS - 1 - world.time_ms)
    assert find_request(world, 1) is not None
    world.jump(1)
    assert find_request(world, 1) is None
    assert world.do(world.tx(NEWCOMER, UseSponsorship(SPONSOR.address), CancelOrder(7)))[0] == 0
