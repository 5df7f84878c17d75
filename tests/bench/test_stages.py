"""Each sample belongs to one stage, and the table names what is there."""

import importlib
import json
from pathlib import Path

import pytest

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.plot_stages import COLOURS
from omg_abci.bench.stages import MEANINGS, STAGES, find_stage, split_run
from omg_abci.node.sampling import NATIVE

PLACES = [place for places in STAGES.values() for place in places]
LOOP = ["asyncio.base_events:BaseEventLoop._run_once", "asyncio.runners:run"]


@pytest.mark.parametrize("place", PLACES)
def test_named_function_exists(place: str) -> None:
    """What the table names is still there; a renamed function must be renamed in it."""
    module, _, name = place.partition(":")
    found: object = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    if name:
        code = getattr(found, "__code__", None)
        assert code is not None
        assert getattr(code, "co_qualname", name) == name


def test_every_place_is_of_one_stage() -> None:
    """No function belongs to two stages; each stage has a meaning and a colour."""
    assert len(PLACES) == len(dict.fromkeys(PLACES))
    assert MEANINGS.keys() == {*STAGES, "loop", "CometBFT", "rest"} == COLOURS.keys()


@pytest.mark.parametrize(
    ("role", "stack", "stage"),
    [
        ("worker", ["coincurve.keys:x", "omg_abci.protocol.crypto:recover_signer"], "recover"),
        (
            "executor",
            ["omg_abci.rules.admission:BlockBudget.add", "omg_abci.rules.transition:check_block"],
            "check",
        ),
        (
            "executor",
            ["omg_abci.rules.admission:BlockBudget.add", "omg_abci.node.mempool:Mempool.select"],
            "order",
        ),
        ("executor", ["asyncio.futures:f", "omg_abci.node.admitter:Admitter.admit"], "admit"),
        ("executor", ["google.protobuf:x", "omg_abci.abci.framing:encode_frame"], "ABCI"),
        ("worker", ["omg_abci.protocol.crypto:f", "omg_abci.protocol.tx:f"], "recover"),
        (
            "worker",
            ["omg_abci.protocol.crypto:compute_keccak", "omg_abci.protocol.tx:Verifier.decode_tx"],
            "decode",
        ),
        ("executor", ["omg_abci.node.mempool:Mempool.f"], "admit"),
        ("executor", ["omg_abci.node.mempool:Mempool.on_commit"], "settle"),
        ("executor", LOOP, "loop"),
        ("reader", ["omg_abci.node.something:f"], "API"),
        ("reader", ["omg_abci.node.reader_process:main"], "rest"),
        ("reader", [NATIVE], "API"),
        ("reader", ["somewhere:else"], "rest"),
    ],
)
def test_innermost_named_function_decides(role: str, stack: list[str], stage: str) -> None:
    """What a stage calls is its own time, whoever else calls it too; loops are the last resort."""
    assert find_stage(role, [*stack, *LOOP] if stage not in ("API", "rest") else stack) == stage


def write_samples(folder: Path, role: str, samples: list[list[float]]) -> None:
    """Write what a process with two stacks would."""
    stacks = [[NATIVE], ["omg_abci.rules.transition:apply_block"]]
    document = {"role": role, "cpu_seconds": 9, "stacks": stacks, "samples": samples}
    (folder / f"{role}-{len(list(folder.iterdir()))}.json").write_text(json.dumps(document))


def test_split_adds_up_the_span(tmp_path: Path) -> None:
    """Only samples of the span count, all processes of a role together, and the sums agree."""
    write_samples(tmp_path, "executor", [[0.5, 1, 9.0], [1.5, 1, 0.002], [2.5, 1, 9.0]])
    write_samples(tmp_path, "executor", [[1.0, 0, 0.001], [2.0, 1, 0.003]])
    cpu = {"executor": 0.006, "cometbft": 0.004}
    found = split_run(tmp_path, (1.0, 2.0), cpu, 1_000).describe()
    assert found["us_per_leg_per_node"] == pytest.approx(
        {"execute": 5.0, "CometBFT": 4.0, "store": 1.0}
    )
    assert found["by_process"] == {
        "executor": pytest.approx({"execute": 5.0, "store": 1.0}),
        "cometbft": pytest.approx({"CometBFT": 4.0}),
    }
    assert found["agreement"] == pytest.approx(1.0)
    assert found["agreement_by_process"] == {"executor": pytest.approx(1.0)}
    assert found["samples"] == 3


def test_process_that_wrote_nothing(tmp_path: Path) -> None:
    """A role without samples makes no split."""
    with pytest.raises(MeasurementFailed, match="worker"):
        split_run(tmp_path, (0, 1), {"worker": 1.0}, 1)
