"""The measurements without a network do what they claim, at a size that tests can afford."""

import signal
from pathlib import Path

import pytest

from omg_abci.bench.beside import execute_beside
from omg_abci.bench.blocks import Rehearsal, judge_blocks, measure_block
from omg_abci.bench.delegators import measure_delegators
from omg_abci.bench.end_to_end import pick
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.flow import make_order
from omg_abci.bench.isolation import Apart, make_measurement, measure_apart, read_both
from omg_abci.bench.matching import measure_match
from omg_abci.bench.owners import CHAIN_ID, TIME_MS, TxMaker, make_owners, make_state
from omg_abci.bench.sender import make_load, measure_recover
from omg_abci.bench.state_loading import measure_state_load
from omg_abci.bench.state_making import measure_state_make
from omg_abci.bench.state_size import StateDirectory, Variant, measure_growth, measure_state
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier


def test_match_agrees_with_the_bare_book() -> None:
    """The rules make the bare book's fills, or the run would have been refused."""
    found = measure_match(messages=600, seeded=400)
    assert found.value > 0
    assert found.ceiling > found.value
    assert found.more["messages"] == 600


@pytest.mark.parametrize(("legs", "block_txs"), [(1, 60), (2, 200)])
def test_blocks_execute_every_leg(legs: int, block_txs: int) -> None:
    """A root interval is executed in both ways, which agree; hardly anything is refused."""
    found = measure_block(legs=legs, intervals=1, warm=1, seeded=500, block_txs=block_txs)
    done, refused = found.more["legs"], found.more["refused_legs"]
    assert isinstance(done, int)
    assert isinstance(refused, int)
    assert done == 4 * legs * block_txs
    assert refused == 0 if legs == 1 else refused < done / 20
    assert (found.more["blocks"], found.more["folds"]) == (4, 1)
    parts, timed = found.more["us_per_leg"], found.more["us_per_leg_timed"]
    assert isinstance(parts, dict)
    assert isinstance(timed, dict)
    assert list(parts) == ["check", "rules_and_diff", "results", "diff_hash", "tree", "commit"]
    assert 1e6 / sum(timed.values()) == pytest.approx(found.value)


def test_two_ways_that_differ_are_no_measurement() -> None:
    """Blocks that lead to other hashes in two processes than in one are refused."""
    owners = make_owners()
    state, domain, records = make_state(owners)
    maker = TxMaker(owners, domain, TIME_MS)
    rehearsal = Rehearsal(state, records)
    for number in range(8):
        order = make_order(number + 1, buys=True, price=5, lots=1, matches=1)
        rehearsal.execute([maker.make_admitted(number, (order,))])
    timed = execute_beside(domain, records, rehearsal.blocks, 5)
    assert timed.folds == 1
    assert judge_blocks(domain, rehearsal, timed, 5).more["legs"] == 8
    wrong = timed._replace(roots=timed.roots | {4: bytes(32)})
    with pytest.raises(MeasurementFailed, match="another state"):
        judge_blocks(domain, rehearsal, wrong, 5)


def test_load_is_signed_by_a_thousand_agents() -> None:
    """Every transaction verifies, no signer repeats a nonce, and all are of the owners asked."""
    bundles = make_load(1, 1_500)
    verifier = Verifier(compute_no_bridge_domain(CHAIN_ID))
    txs = [verifier.verify_tx(raw) for bundle in bundles for _, raw in bundle]
    assert len(txs) == 1_500
    assert len({(tx.signer, tx.body.nonce) for tx in txs}) == 1_500
    assert len({tx.signer for tx in txs}) > 700
    assert measure_recover([tx.raw for tx in txs[:20]]) > 0


@pytest.mark.parametrize(("history", "each"), [(False, 5), (True, 8)])
def test_state_is_made_and_loaded(tmp_path: Path, history: bool, each: int) -> None:  # noqa: FBT001
    """The database that is made loads in both processes' ways, and both do the same blocks."""
    path = str(tmp_path / "state")
    made = measure_state_make(path, 300, history=history)
    assert made["records"] == 300 * each + 5 * 1_000 + 5
    with Apart("reader_load", path=path, block_txs=40) as reading:
        executor = measure_state_load(path, 9, 40)["us_per_order"]
        reader = reading.read()
    assert isinstance(executor, dict)
    assert list(executor) == ["check", "execute", "hash", "store", "commit"]
    assert isinstance(reader["us_per_order"], dict)
    assert list(reader["us_per_order"]) == ["view", "tree"]
    assert float(str(reader["us_per_folded_key"])) > 0


def test_a_half_that_fails_is_told_at_once(tmp_path: Path) -> None:
    """The other one would wait for it for minutes; both are gone afterwards."""
    path = str(tmp_path / "state")
    measure_state_make(path, 20, history=False)
    with (
        Apart("reader_load", path=path, block_txs=40) as reading,
        Apart("state_load", path=str(tmp_path / "nothing"), blocks=1, block_txs=40) as running,
        pytest.raises(MeasurementFailed, match="state_load ended with 1"),
    ):
        read_both(running, reading)
    assert (running.status, reading.status) == (1, -signal.SIGKILL)


def test_delegators_are_compared_in_the_same_blocks() -> None:
    """Blocks, epochs and slashes are done on both chains, and nothing is refused."""
    found = measure_delegators(2, 40, 4)
    ratios, costs = found.more["ratios"], found.more["us_per_block"]
    assert isinstance(ratios, dict)
    assert isinstance(costs, dict)
    assert list(ratios) == ["plain", "epoch", "slash"]
    assert list(costs) == ["2", "40"]
    assert found.value == max(ratios["plain"], ratios["epoch"]) > 0


def test_growth_compares_the_largest_with_the_smallest() -> None:
    """Each variant is measured once; what `state` measured is used, and not again."""
    directory = StateDirectory(blocks=9, block_txs=40)
    try:
        state = measure_state(directory, 200)
        variants = [Variant(200, history=False), Variant(50, history=False)]
        variants += [Variant(each, history=True) for each in (200, 50)]
        found = measure_growth(directory, variants)
    finally:
        directory.close()
    assert state.more["open_orders"] == 200
    assert state.value > state.ceiling
    states = found.more["states"]
    assert isinstance(states, dict)
    assert list(states) == ["50", "50_history", "200", "200_history"]
    costs = {name: each["us_per_order"] for name, each in states.items()}
    ratios = found.more["ratios"]
    assert ratios == {
        "plain": pytest.approx(costs["200"] / costs["50"]),
        "history": pytest.approx(costs["200_history"] / costs["50_history"]),
    }
    assert found.value == max(ratios.values())


def test_child_measures_and_its_failure_is_told() -> None:
    """A measurement in its own process comes back; one that fails says why."""
    found = make_measurement(measure_apart("match", messages=50, seeded=50))
    assert found.more["messages"] == 50
    with pytest.raises(MeasurementFailed, match="unexpected keyword"):
        measure_apart("match", nonsense=1)
    with pytest.raises(MeasurementFailed, match="not a measurement"):
        make_measurement({"value": "1", "ceiling": 2, "more": {}})


def test_percentiles() -> None:
    """A percentile is one of the values, and of none it is zero."""
    assert pick([], 50) == 0
    assert pick([1, 2, 3, 4], 50) == 3
    assert pick([1, 2, 3, 4], 99) == 4
