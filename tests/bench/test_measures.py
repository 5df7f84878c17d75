"""The measurements without a network do what they claim, at a size that tests can afford."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from omg_abci.bench import cli_bench
from omg_abci.bench.blocks import measure_block
from omg_abci.bench.cli_bench import bench_command, format_table
from omg_abci.bench.end_to_end import pick
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.isolation import make_measurement, measure_apart
from omg_abci.bench.matching import measure_match
from omg_abci.bench.owners import CHAIN_ID
from omg_abci.bench.sender import make_load, measure_recover
from omg_abci.bench.state_loading import measure_reader_load, measure_state_load
from omg_abci.bench.state_making import measure_state_make
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier


def test_match_agrees_with_the_plain_book() -> None:
    """The rules make the plain book's fills, or the run would have been refused."""
    found = measure_match(messages=600, seeded=400)
    assert found.value > 0
    assert found.ceiling > found.value
    assert found.more["messages"] == 600


@pytest.mark.parametrize(("legs", "count"), [(1, 300), (2, 4_000)])
def test_blocks_execute_every_leg(legs: int, count: int) -> None:
    """Nothing is refused of single orders, and hardly anything of batches."""
    found = measure_block(legs=legs, count=count, seeded=500)
    done, refused = found.more["legs"], found.more["refused_legs"]
    assert isinstance(done, int)
    assert isinstance(refused, int)
    assert done == count if legs == 1 else done > count / 2
    assert refused == 0 if legs == 1 else refused < done / 20


def test_load_is_signed_by_a_thousand_agents() -> None:
    """Every transaction verifies, no signer repeats a nonce, and all are of the owners asked."""
    bundles = make_load(1, 1_500)
    verifier = Verifier(compute_no_bridge_domain(CHAIN_ID))
    txs = [verifier.verify_tx(raw) for bundle in bundles for _, raw in bundle]
    assert len(txs) == 1_500
    assert len({(tx.signer, tx.body.nonce) for tx in txs}) == 1_500
    assert len({tx.signer for tx in txs}) > 700
    assert measure_recover([tx.raw for tx in txs[:20]]) > 0


def test_state_is_made_and_loaded(tmp_path: Path) -> None:
    """The database that is made loads in both processes' ways, and blocks run on it."""
    made = measure_state_make(str(tmp_path), 300)
    assert made["records"] == 300 * 5 + 5 * 1_000 + 5
    assert float(str(measure_reader_load(str(tmp_path))["us_per_folded_key"])) > 0
    assert float(str(measure_state_load(str(tmp_path))["us_per_order"])) > 0


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


FIGURE: dict[str, object] = {
    "name": "match",
    "value": 1.0,
    "unit": "messages/s",
    "ceiling": 2.0,
    "goal": 3,
    "runs": 5,
    "counted": 4,
    "min": 1,
    "max": 2,
}


def test_json_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is one JSON object; figures come in the design's order, each once."""
    asked: list[str] = []

    def run_suite(names: list[str], **_: object) -> list[dict[str, object]]:
        asked.extend(names)
        return [FIGURE]

    monkeypatch.setattr(cli_bench, "run_suite", run_suite)
    arguments = ["--json", "--only", "state", "--only", "match", "--only", "match"]
    result = CliRunner().invoke(bench_command, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["figures"] == [FIGURE]
    assert document["machine"]["cores"] >= 1
    assert asked == ["match", "state"]


def test_missing_figure_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that could not be measured makes the command fail, and the table shows a dash."""
    failed = FIGURE | {"value": None, "runs": 0, "counted": 0}
    monkeypatch.setattr(cli_bench, "run_suite", lambda *_, **__: [failed])
    result = CliRunner().invoke(bench_command, [])
    assert result.exit_code == 1
    assert "–" in result.stdout
    assert "match   –" in format_table([failed])


def test_unknown_name_is_refused() -> None:
    """The names that exist are listed."""
    result = CliRunner().invoke(bench_command, ["--only", "nonsense"])
    assert result.exit_code == 2
    assert "block_single" in result.stderr
