"""Bad input, one line of tests a case: each is refused or bounded with its own stable code.

Cases go the real way: worker process, rules, pool. What a leg does that the rules refuse is in
test_bad_orders.py; keys ground into one bucket of the state tree are in tests/unit/test_tree.py.
"""

from pathlib import Path

import pytest

from omg_abci.node.config import MempoolSettings
from omg_abci.protocol import errors
from omg_abci.protocol.errors import get_error_classes
from tests.node.app_world import AppNode, run
from tests.node.bad_transactions import BAD, BODY, GOOD, OTHER, Bad, sign
from tests.node.pool_world import ALICE, BOB, make_tx
from tests.strategies import GENESIS, GUEST, START_MS, STRANGER, show

_LATER_MS = 3_600
"""When an agent's approval has expired that genesis holds."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Send every case to one node; return the codes by name."""
    found: dict[str, int] = {}

    async def test(node: AppNode) -> None:
        await node.init_chain(GENESIS)
        await node.decide([])
        node.time_ms = START_MS + _LATER_MS
        codes = await node.check(*(bad.raw for bad in BAD))
        found.update(zip((bad.name for bad in BAD), codes, strict=True))
        assert node.mempool.size == (0, 0)
        assert await node.check(GOOD) == [0]
        assert await node.propose_and_decide() == [GOOD]

    run(tmp_path_factory.mktemp("node"), test, processes=True)
    return found


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_bad_transaction_has_its_code(answers: dict[str, int], bad: Bad) -> None:
    """The pool answers with the case's own code."""
    assert errors.CODES.get(answers[bad.name]) is bad.error


def test_every_format_error_has_a_case() -> None:
    """No code of the wire format is without an example."""
    shown = {bad.error for bad in BAD}
    assert [each for each in get_error_classes() if each.code < 100 and each not in shown] == []


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """Whatever end of a transaction is missing, the rest is a format error."""

    async def test(node: AppNode) -> None:
        await node.init_chain(GENESIS)
        codes = await node.check(*(GOOD[:size] for size in range(len(GOOD))))
        assert all(0 < code < 100 for code in codes)

    run(tmp_path, test, processes=True)


def test_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    """A transaction with any other bit is another one that nobody signed."""
    flipped = [
        GOOD[:place] + bytes([GOOD[place] ^ 1 << bit]) + GOOD[place + 1 :]
        for place in range(len(GOOD))
        for bit in range(8)
    ]

    async def test(node: AppNode) -> None:
        await node.init_chain(GENESIS)
        codes = await node.check(*flipped)
        assert all(0 < code < 100 for code in codes)

    run(tmp_path, test, processes=True)


def test_replay_is_refused(tmp_path: Path) -> None:
    """A pending transaction is acknowledged again; an included one is NonceUsed for ever."""
    twin = sign(BODY._replace(max_unit_price=3))

    async def test(node: AppNode) -> None:
        await node.init_chain(GENESIS)
        assert await node.check(GOOD, GOOD, twin) == [0, 0, errors.NonceUsed.code]
        assert node.mempool.size == (1, len(GOOD))
        assert await node.propose_and_decide() == [GOOD]
        assert await node.check(GOOD, twin) == [errors.NonceUsed.code] * 2
        assert not await node.process([GOOD])
        await node.decide([])
        assert await node.check(GOOD) == [errors.NonceUsed.code]

    run(tmp_path, test, processes=True)


def test_nobody_without_funds_gets_in(tmp_path: Path) -> None:
    """An account that holds nothing, or less than all its pending fees, is FeesNotCovered."""
    nothing = BODY._replace(owner=STRANGER.address)
    document = GENESIS | {
        "balances": [{"owner": show(OTHER), "token": 1, "amount": str(2 * 460 * 3)}]
    }

    async def test(node: AppNode) -> None:
        await node.init_chain(document)
        assert await node.check(sign(nothing, STRANGER)) == [errors.FeesNotCovered.code]
        bodies = [BODY._replace(owner=OTHER.address, nonce=START_MS + place) for place in range(5)]
        codes = await node.check(*(sign(body, OTHER) for body in bodies))
        assert codes == [0] * 3 + [errors.FeesNotCovered.code] * 2
        assert len(await node.propose_and_decide()) == 3

    run(tmp_path, test)


def test_flood_by_one_account_leaves_room(tmp_path: Path) -> None:
    """One account fills its share of the pool and no more; others get into the next block."""
    flood = [make_tx(ALICE, place) for place in range(1, 101)]
    other = make_tx(BOB, 1)

    async def test(node: AppNode) -> None:
        await node.init_chain()
        codes = await node.check(*flood, other)
        assert codes == [0] * 80 + [errors.AccountPoolFull.code] * 20 + [0]
        included = await node.propose_and_decide()
        assert other in included
        assert len(included) == 65
        assert await node.check(*flood[80:]) == [0] * 20
        assert len(await node.propose_and_decide()) == 36
        assert node.mempool.size == (0, 0)

    run(tmp_path, test, settings=MempoolSettings(max_count=200, owner_count=80))


def test_stranger_cannot_act_for_an_owner(tmp_path: Path) -> None:
    """A key that was never approved is refused, in the pool and in a block."""
    forged = make_tx(GUEST, 7, owner=ALICE)

    async def test(node: AppNode) -> None:
        await node.init_chain()
        assert await node.check(forged) == [errors.NotAnAgent.code]
        assert not await node.process([forged])

    run(tmp_path, test)


def test_before_genesis_nothing_is_taken(tmp_path: Path) -> None:
    """A node that has no chain yet is NodeBusy, which may be tried again."""

    async def test(node: AppNode) -> None:
        assert await node.check(GOOD) == [errors.NodeBusy.code]

    run(tmp_path, test)
