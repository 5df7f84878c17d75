"""A real network's processes sample themselves, and the stages are their time."""

import pytest

from omg_abci.bench.end_to_end import measure_stages

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]


def test_stages_of_a_real_network() -> None:
    """Every process has its stages, and together they are what the system counts."""
    found = measure_stages(1, 20, 20_000)
    by_process = found["by_process"]
    assert isinstance(by_process, dict)
    assert by_process.keys() == {"executor", "worker", "reader", "cometbft"}
    assert "recover" in by_process["worker"]
    assert "execute" in by_process["executor"]
    assert by_process["cometbft"].keys() == {"CometBFT"}
    agreement = found["agreement"]
    assert isinstance(agreement, float)
    # The system counts in ticks, of which so short a run has few.
    assert 0.8 < agreement < 1.25
