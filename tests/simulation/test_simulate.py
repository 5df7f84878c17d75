"""`omgd simulate`: a short run with faults, a worker that lies, the scenario of fees, bad options.

The runs are the command's own: real processes, databases, kills and snapshots.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from omg_abci.node.cli import main
from omg_abci.protocol.errors import FormatError, get_error_classes
from omg_abci.simulation import checkout, controller, fees_scenario, progress
from omg_abci.simulation.controller import Options, SimulationFailed, simulate
from omg_abci.simulation.faults import FaultSource
from omg_abci.simulation.fees_scenario import require_promise, run_scenario
from omg_abci.simulation.link import WORKER
from omg_abci.simulation.report import UNREACHABLE, Reached
from tests import simulated_world
from tests.model_state import State
from tests.simulated_twins import FORMAT_TWINS
from tests.simulated_world import SimulatedWorld
from tests.simulation.broken_worker import BROKEN_HEIGHT

SEED = 11
BLOCKS = 45
BROKEN = "tests.simulation.broken_worker"


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


def test_short_run_with_faults_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes crash, restart, replay and join, and say the same as the oracle."""
    # A quick machine is done before the first line is due.
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.1)
    result = run("--seed", SEED, "--blocks", BLOCKS, "--faults", "--json")
    assert result.exit_code == 0, result.stderr
    summary: dict[str, Any] = json.loads(result.stdout)
    assert (summary["seed"], summary["blocks"], summary["validators"]) == (SEED, BLOCKS, 3)
    assert summary["divergences"] == summary["violations"] == 0
    assert min(summary["crashes"].values()) > 0
    assert min(summary[name] for name in ("restarts", "replays", "restores", "rivals")) > 0
    assert sum(summary["messages"].values()) > 5 * BLOCKS
    assert min(summary["hostile"].values()) > 0
    assert len(summary["codes"]) > 60
    assert "block " in result.stderr


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    """The same blocks, twins and faults come again; another seed has others."""

    def draw(seed: int) -> list[object]:
        world, faults = SimulatedWorld(seed, 1), FaultSource(seed, 3)
        found: list[object] = []
        with world.narrow():
            for _ in range(6):
                found += [world.draw(), faults.draw_fault(), faults.draw_rival()]
                world.settle(found[-3].decided)  # type: ignore[attr-defined]
        return [*found, world.app_hash]

    assert draw(SEED) == draw(SEED)
    assert draw(SEED) != draw(SEED + 1)


def test_what_is_drawn_does_not_depend_on_the_process() -> None:
    """Another order of hashes and another time zone draw the same."""
    program = (
        "from tests.simulated_world import SimulatedWorld as World\n"
        f"for chapter in range(4):\n"
        f"    world = World({SEED}, chapter)\n"
        "    with world.narrow():\n"
        "        for _ in range(5):\n"
        "            drawn = world.draw()\n"
        "            print(drawn, world.settle(drawn.decided).app_hash.hex())\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed, zone in (("1", "UTC"), ("2", "Asia/Kathmandu"))
    ]
    assert told[0].count("\n") == 20
    assert told[0] == told[1]


def test_worker_that_differs_is_found(tmp_path: Path) -> None:
    """One record of one worker is wrong: the height, the key and both values are told."""
    options, reached = Options(SEED, BLOCKS, 2, faults=False), Reached()
    with pytest.raises(SimulationFailed) as caught:
        asyncio.run(simulate(options, tmp_path, reached, modules=(WORKER, BROKEN)))
    told = str(caught.value)
    assert caught.value.kind == "divergences"
    assert reached.blocks == BROKEN_HEIGHT - 1
    assert f"height {BROKEN_HEIGHT}: workers differ" in told
    assert "worker 1 (PYTHONHASHSEED=4294967295 LC_ALL=tr_TR.UTF-8" in told
    (line,) = [each for each in told.splitlines() if each.startswith("  key ")]
    found, expected = line.split("found ")[1].split(", expected ")
    assert bytes.fromhex(found)[:-1] == bytes.fromhex(expected)[:-1]
    assert found != expected


def test_failure_names_the_command_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers break a rule alike: the oracle differs; the command repeats just so much."""
    monkeypatch.setattr(controller, "WORKER", BROKEN)
    result = run("--seed", SEED, "--blocks", BLOCKS, "--validators", 2, "--json")
    assert result.exit_code == 1
    summary: dict[str, Any] = json.loads(result.stdout)
    command = f"omgd simulate --seed {SEED} --blocks {BROKEN_HEIGHT} --validators 2"
    assert (summary["divergences"], summary["violations"]) == (0, 1)
    assert summary["failure"]["command"] == command
    lines = [each for each in result.stderr.splitlines() if not each.startswith("block ")]
    first, second = lines[:2]
    assert first == f"again: {command}"
    assert second == f"violations: height {BROKEN_HEIGHT}: the oracle differs"


def test_broken_invariant_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supply that is not what all have together: the height and the invariant are named."""

    def check_invariants(state: State) -> None:
        assert state.height < BROKEN_HEIGHT

    monkeypatch.setattr(simulated_world, "check_invariants", check_invariants)
    result = run("--seed", SEED, "--blocks", BLOCKS, "--validators", 2)
    assert result.exit_code == 1
    told = [each for each in result.stderr.splitlines() if not each.startswith("block ")]
    assert told[0] == f"again: omgd simulate --seed {SEED} --blocks {BROKEN_HEIGHT} --validators 2"
    assert told[1].startswith(f"violations: height {BROKEN_HEIGHT}: test_simulate.py, line ")
    assert "assert state.height < BROKEN_HEIGHT" in told[1]
    assert "violations: 1" in result.stdout


def test_worker_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker said last is shown."""
    monkeypatch.setattr(controller, "WORKER", "tests.simulation.no_such_worker")
    result = run("--seed", SEED, "--blocks", 3, "--validators", 1)
    assert result.exit_code == 1
    assert "No module named" in result.stderr


def test_refusals_are_reachable_or_listed() -> None:
    """Malformed transactions have every code of their family; what is out of reach is listed."""
    formats = [each for each in get_error_classes() if issubclass(each, FormatError)]
    assert {each.code for each in formats} == {twin.code for twin in FORMAT_TWINS}
    assert len(UNREACHABLE) < 6
    for each, reason in UNREACHABLE.items():
        assert each in get_error_classes()
        assert (Path(__file__).parents[2] / reason.rpartition(": ")[2]).is_file()


# --- fees -----------------------------------------------------------------------------------------


def test_an_epoch_costs_what_was_voted_and_no_more(tmp_path: Path) -> None:
    """Through ten times the volume, a tenth, and forty empty epochs."""
    picture = tmp_path / "fees.svg"
    result = run("--scenario", "fees", "--plot", picture, "--json")
    assert result.exit_code == 0, result.stderr
    epochs: list[dict[str, Any]] = json.loads(result.stdout)["epochs"]
    for epoch in epochs:
        assert epoch["paid"] == min(epoch["voted"], epoch["collected"])
        assert epoch["collected"] == epoch["paid"] + epoch["refunded"]
        assert (epoch["effective_price"] is None) == (epoch["work"] == 0)
    empty = [place for place, epoch in enumerate(epochs) if epoch["work"] == 0]
    assert len(empty) == 40
    before, after = epochs[empty[0] - 1], epochs[empty[-1] + 2]
    assert after["effective_price"] == before["effective_price"] > 0
    assert after["unit_price"] > before["unit_price"]
    assert epochs[0]["voted"] != epochs[-1]["voted"]
    work = [epoch["work"] for epoch in epochs]
    assert max(work) == 10 * work[-1] == 100 * min(work[:30])
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_table_of_epochs_is_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --json there is a line an epoch; an epoch that is settled wrongly is status 1."""
    monkeypatch.setattr(fees_scenario, "PHASES", fees_scenario.PHASES[4:])
    table = run("--scenario", "fees")
    assert table.exit_code == 0
    assert table.stdout.splitlines()[0].split()[:3] == ["epoch", "volume", "voted"]
    assert len(table.stdout.splitlines()) == 1 + sum(each.epochs for each in fees_scenario.PHASES)


def test_wrong_epochs_are_found() -> None:
    """Paying more than was voted, losing a unit, or a price that does not come back."""
    epochs = run_scenario()
    require_promise(epochs)
    third = epochs[2]
    for wrong in (
        third._replace(paid=third.paid + 1, collected=third.collected + 1),
        third._replace(refunded=third.refunded + 1),
    ):
        with pytest.raises(SimulationFailed, match="epoch 3 is not settled"):
            require_promise([*epochs[:2], wrong, *epochs[3:]])
    last = max(place for place, epoch in enumerate(epochs) if not epoch.work)
    epochs[last + 2] = epochs[last + 2]._replace(work=1)
    with pytest.raises(SimulationFailed, match="epochs after the quiet spell"):
        require_promise(epochs)


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--blocks", "0"), "--blocks"),
        (("--seed", "-1"), "--seed"),
        (("--validators", "17"), "--validators"),
        (("--validators", "1", "--faults"), "somebody stays up"),
        (("--scenario", "weather"), "--scenario"),
        (("--scenario", "fees", "--seed", "2"), "--scenario says everything"),
        (("--scenario", "fees", "--faults"), "--scenario says everything"),
        (("--scenario", "fees", "--plot", "fees.gif"), ".png, .svg"),
        (("--plot", "fees.svg"), "--plot goes with --scenario"),
    ],
)
def test_wrong_options_are_usage_errors(arguments: tuple[str, ...], text: str) -> None:
    """Status 2 and one error that says what is wrong."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "(code usage)" in result.stderr


def test_without_sources_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installed package has no oracle: status 1, and what to do next."""
    monkeypatch.setattr(checkout, "_ROOT", tmp_path)
    result = run("--blocks", "1")
    assert result.exit_code == 1
    assert "code sources_missing" in result.stderr
    assert "make setup" in result.stderr
