"""Proposals whose fees others pay: what waits for another block, and what is refused."""

from omg_abci.node.pool import Entry, Pool, PoolBounds
from omg_abci.node.selection import fill_block
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SignedTx, Transfer
from omg_abci.rules.admission import BlockBudget
from tests.cast import OWNERS
from tests.unit.payer_world import NEWCOMER, POOR, SPONSOR, World

_WIDE = PoolBounds(100, 1 << 20, 100, 1 << 20, 100, 1 << 20)


def propose(world: World, *txs: SignedTx) -> tuple[list[SignedTx], list[errors.TxError]]:
    """Return what a block holds of these, and the refusals of what leaves the queue."""
    pool = Pool(_WIDE)
    for tx in txs:
        pool.add(Entry(tx))
    budget = BlockBudget(
        world.state, world.height + 1, world.time_ms + 1_000, limits.BLOCK_BYTES_MAX
    )
    refused = fill_block(pool.rotation.values(), budget, limits.BLOCK_BYTES_MAX)
    return budget.txs, [error for _, error in refused]


def make_world(total: int) -> World:
    """Return a chain with an offer and a customer who has points for four fees."""
    world = World(POOR)
    world.offer(total)
    assert world.do(world.tx(OWNERS[1], Transfer(NEWCOMER.address, 3, 90, 0, 0))) == [0]
    return world


def test_what_an_offer_pays_for_others_waits() -> None:
    """Another block may have room for it: it is not refused."""
    world = make_world(1_500)
    mine, others = world.swap(), world.swap(OWNERS[1])
    assert propose(world, mine, others) == ([mine], [])
    assert propose(world, others) == ([others], [])


def test_what_a_sponsor_pays_for_others_waits() -> None:
    """The same for a grant."""
    world = make_world(1_500)
    world.grant(1_500)
    first, second = world.cancel(), world.cancel(place=1)
    assert propose(world, first, second) == ([first], [])


def test_what_an_owner_gives_for_other_fees_waits() -> None:
    """Its earlier transactions in the block take the points that the next one needs."""
    world = make_world(100_000)
    txs = [world.swap(place=place) for place in range(6)]
    assert propose(world, *txs) == (txs[:4], [])


def test_what_the_state_refuses_leaves_the_queue() -> None:
    """An offer that has ended, and a provider without funds."""
    world = make_world(100_000)
    assert [type(each) for each in propose(world, world.cancel())[1]] == [errors.NotSponsored]
    give = Transfer(OWNERS[1].address, 1, world.free(SPONSOR, 1) - 1_500, 0, 0)
    assert world.do(world.tx(SPONSOR, give)) == [0]
    taken, refused = propose(world, world.swap())
    assert (taken, [type(each) for each in refused]) == ([], [errors.ProviderWithoutFunds])
