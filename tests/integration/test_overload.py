"""The overload campaign for a few seconds: it runs, and its judgement has something to judge."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.shape.source import ROOT


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_overload(cometbft: object) -> None:
    """Nothing acknowledged is lost, refusals have codes, traders are served again afterwards."""
    del cometbft
    run = subprocess.run(
        [sys.executable, "-m", "scripts.overload", "--seconds", "5", "--factor", "3", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    assert (found["lost"], found["twice"]) == (0, 0)
    assert found["acknowledged"] > 0
    codes = {code for part in found["load"].values() for code in part["codes"]}
    assert codes <= {"0", "102", "32000", "32001", "32004"}
    assert set(found["check_tx_codes"]) <= {"0", "32000", "32004"}
    assert found["after"]["traders"]["block_s_p99"] < 10
    assert found["after"]["traders"]["codes"].keys() == {"0"}
