"""Let full nodes join a loaded network by state sync, past providers that lie in every way.

    PYTHONPATH=. python scripts/state_sync_campaign.py --rounds 1 --validators 4

Four validators trade; for each lie of tests/integration/hostile_provider.py a fifth node joins
while the lie is told: by one validator where the lie is about snapshots of its own, by all but one
where it is about chunks that all have. Each time the joined node must have come to the honest
state and agree with every validator at every height. Prints one JSON object, and one for each join
on standard error; exits 1 when a node was led astray or did not come to a state.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.errors import LocalnetError
from omg_abci.localnet.joining import JOINED
from omg_abci.localnet.supervisor import LocalNetwork
from tests.integration.conftest import ACCOUNTS
from tests.integration.hostile_provider import CHUNK_LIES, METADATA_LIES, STREAM_LIES
from tests.integration.state_sync_world import (
    INTERVAL,
    find_shared,
    join_and_compare,
    make_liar_command,
    tell_lies,
    wait_for_newer_of_liar,
    wait_for_snapshot,
    write_snapshot_network,
)
from tests.integration.traders import Load

_LOG_LINES: Final = 20


@click.command()
@click.option("--rounds", default=1, show_default=True, help="How often each lie is told.")
@click.option("--validators", default=4, show_default=True)
@click.option("--blocks", default=40, show_default=True, help="Followed after each join.")
@click.option("--lie", "only", multiple=True, help="Only these; none is a join among honest nodes.")
def main(*, rounds: int, validators: int, blocks: int, only: tuple[str, ...]) -> None:
    """Run the campaign."""
    lies = only or ("none", *METADATA_LIES, *STREAM_LIES, *CHUNK_LIES)
    binary = ensure_cometbft()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="omg-state-sync-") as folder:
        network = write_snapshot_network(Path(folder) / "net", validators)
        local = LocalNetwork(network, binary, app_command=make_liar_command)
        with local, Load(local.network, ACCOUNTS[0], 0), Load(local.network, ACCOUNTS[1], 1):
            wait_for_snapshot(local.network, INTERVAL)
            for number in range(rounds):
                for lie in lies:
                    found = _join_past(local, binary, lie, f"node-{lie}-{number}", blocks)
                    results.append(found)
                    click.echo(json.dumps(found), err=True)
    joined = [each for each in results if "failed" not in each]
    wrong = [each for each in joined if each["differing"] or each["restarts"]]
    times = sorted(each["join_s"] for each in joined) or [0.0]
    summary = {
        "joins": len(results),
        "failed": len(results) - len(joined),
        "wrong": len(wrong),
        "offers_or_chunks_refused": sum(
            len(each["refusals"]) + each["offers"] - 1 for each in joined
        ),
        "headers_compared": sum(each["compared_to"] - each["snapshot_height"] for each in joined),
        "join_s_median": times[len(times) // 2],
        "join_s_max": times[-1],
    }
    click.echo(json.dumps(summary, indent=2))
    sys.exit(1 if wrong or len(joined) < len(results) else 0)


def _join_past(
    local: LocalNetwork, binary: Path, lie: str, name: str, blocks: int
) -> dict[str, Any]:
    """Let a node join while a lie is told; return how it went."""
    liars = range(1, len(local.network.nodes)) if lie in CHUNK_LIES else [2]
    tell_lies(local.network, lie, list(liars), find_shared(local) if lie in CHUNK_LIES else None)
    if lie not in CHUNK_LIES:
        wait_for_newer_of_liar(local)
    began = time.monotonic()
    try:
        found = join_and_compare(local, binary, name, blocks)
    except LocalnetError as reason:
        logs = (local.network.directory / JOINED / name).rglob("*.log")
        tails = {each.name: each.read_text().splitlines()[-_LOG_LINES:] for each in logs}
        found = {"failed": str(reason), **tails}
    return {"lie": lie, **found, "seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    main()
