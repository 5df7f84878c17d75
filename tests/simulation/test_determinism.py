"""The same blocks do the same in every process: other hash seeds, locales, time zones, ``-O``.

Blocks are drawn once from a seed, with every kind of leg; four processes execute them, each in
other surroundings and in another way, and say after each block what it did.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.consensus import ValidatorUpdate
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import MESSAGES, SignedTx
from omg_abci.protocol.results import Event, Trade, TxResult
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block
from omg_abci.state.diff import store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState
from tests.cast import CHAIN_ID, EXCHANGE, PUBLIC_KEYS, START_MS
from tests.random_recoveries import RECOVERIES, RecoverySource
from tests.random_stakes import STAKING, StakeSource
from tests.simulation.execute_blocks import compute_block_hash, execute, read_told
from tests.strategies import BlockPlan, make_body, sign_body

SEED = 3
BLOCKS = 60
BLOCKS_MAX = 240
"""As many are drawn as it takes until every kind of leg and event was among them."""
GENESIS = EXCHANGE | {"agents": RECOVERIES["agents"], "staking": STAKING}
_ROOT = Path(__file__).parents[2]


class Surroundings(NamedTuple):
    """What differs between two processes that must do the same."""

    mode: str
    hash_seed: str
    locale: str
    zone: str
    options: tuple[str, ...]


SURROUNDINGS = (
    Surroundings("plain", "0", "C", "UTC", ()),
    Surroundings("rehearsed", "1", "C.UTF-8", "Pacific/Kiritimati", ()),
    Surroundings("restarted", "4294967295", "tr_TR.UTF-8", "America/St_Johns", ("-O",)),
    Surroundings("collected", "random", "de_DE.ISO-8859-1", "Asia/Kathmandu", ("-O",)),
)


class Drawn(NamedTuple):
    """Blocks in a file, and what stands in them."""

    path: Path
    txs: list[SignedTx]
    results: list[TxResult]
    events: list[Event]
    updates: list[ValidatorUpdate]


def choose_txs(state: WorkingState, plan: BlockPlan, time_ms: int) -> list[SignedTx]:
    """Return what of a plan may enter the next block, in canonical order."""
    budget = BlockBudget(state, state.height + 1, time_ms, limits.BLOCK_BYTES_MAX)
    txs: list[SignedTx] = []
    for each in plan.txs:
        account = state.accounts.get(each.owner.address)
        open_ids = [] if account is None else sorted(account.orders)
        txs.append(sign_body(make_body(each, time_ms, open_ids, state.height + 1), each.signer))
    for tx in sorted(txs, key=lambda each: (each.body.nonce, each.signer, each.raw)):
        try:
            budget.add(tx)
        except errors.TxError:
            continue
    return compute_order(state.block_hash, budget.txs)


def draw_told(stakes: StakeSource, height: int) -> list[list[tuple[str, int]]]:
    """Return votes of both validators of genesis, one in ten missing, and now and then evidence."""
    keys = [compute_address(key).hex() for key in PUBLIC_KEYS[:2]]
    votes = [(key, int(stakes.random.random() < 0.9)) for key in keys]
    return [votes, [(keys[1], height - 1)] if height % 25 == 0 else []]


def has_every_kind(found: Drawn) -> bool:
    """Tell whether all kinds of legs and events were drawn."""
    legs = {type(leg) for tx in found.txs for leg in tx.body.legs}
    return legs == set(MESSAGES) and {type(event) for event in found.events} == set(get_args(Event))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Draw the blocks once and write them to a file."""
    source = RecoverySource(SEED, markets=(1, 1, 1, 1, 2, 3, 4, 5, 6))
    source.share = 0.2
    stakes = StakeSource(SEED)
    records, _ = build_genesis(CHAIN_ID, GENESIS)
    state, time_ms = load_state(CHAIN_ID, records), START_MS
    blocks: list[tuple[int, list[str], list[list[tuple[str, int]]]]] = []
    found = Drawn(tmp_path_factory.mktemp("blocks") / "blocks.json", [], [], [], [])
    for height in range(1, BLOCKS_MAX + 1):
        plan = source.draw_block(txs_max=12, legs_max=14)
        plan = plan._replace(txs=(*plan.txs, *stakes.draw_block().txs))
        time_ms += plan.ahead_ms
        told = draw_told(stakes, height)
        txs = choose_txs(state, plan, time_ms)
        block = Block(height, time_ms, compute_block_hash(height), tuple(txs), *read_told(told))
        result = apply_block(state, block)
        store_changes(state, result.changes)
        state.commit()
        blocks.append((time_ms, [tx.raw.hex() for tx in txs], told))
        found.updates.extend(result.validator_updates)
        found.txs.extend(txs)
        found.results.extend(result.results)
        found.events.extend(result.events)
        if height >= BLOCKS and has_every_kind(found):
            break
    document = {"chain_id": CHAIN_ID, "genesis": GENESIS, "blocks": blocks}
    found.path.write_text(json.dumps(document), encoding="utf-8")
    return found


def start(path: Path, where: Surroundings) -> subprocess.Popen[str]:
    """Start a process that executes the blocks."""
    environment = {
        "PYTHONHASHSEED": where.hash_seed,
        "LC_ALL": where.locale,
        "TZ": where.zone,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, *where.options, "-m", "tests.simulation.execute_blocks"]
    return subprocess.Popen(
        [*command, path, where.mode],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="ascii",
        errors="replace",
    )


def require_same(expected: Sequence[str], found: Sequence[str], where: Surroundings) -> None:
    """Assert that two runs said the same of every block."""
    for height, (one, other) in enumerate(zip(expected, found, strict=True), 1):
        assert one == other, f"seed {SEED}, block {height} differs in {where}"


def test_blocks_hold_every_kind_of_leg(drawn: Drawn) -> None:
    """What is executed below is no toy: all kinds of legs and events, many codes, both schemes."""
    assert has_every_kind(drawn)
    legs = [leg for result in drawn.results for leg in result.legs]
    trades = [event for event in drawn.events if isinstance(event, Trade)]
    assert sum(len(leg.fills) for leg in legs) + len(trades) > BLOCKS
    assert len({leg.code for leg in legs}) > 25
    assert any(result.code for result in drawn.results)
    assert {tx.scheme for tx in drawn.txs} == {1, 2}
    assert len(drawn.updates) > 5


def test_processes_in_other_surroundings_do_the_same(drawn: Drawn) -> None:
    """Diff hash, results and records of each block are the same in four processes and here."""
    expected = execute(drawn.path, "plain")
    assert BLOCKS <= len(expected) <= BLOCKS_MAX
    processes = [start(drawn.path, where) for where in SURROUNDINGS]
    described: list[str] = []
    for process, where in zip(processes, SURROUNDINGS, strict=True):
        output, problem = process.communicate(timeout=60)
        assert process.returncode == 0, problem
        surroundings, *lines = output.splitlines()
        described.append(surroundings)
        require_same(expected, lines, where)
    assert len(set(described)) == len(SURROUNDINGS)
