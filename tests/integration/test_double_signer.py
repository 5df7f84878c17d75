"""Two nodes sign with one key: CometBFT brings the evidence, and the chain punishes once."""

import shutil
from pathlib import Path

import pytest

from omg_abci.localnet.genesis import make_document
from omg_abci.localnet.joining import open_joiner, wait_for_first_block
from omg_abci.localnet.layout import Network, write_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.settings import NodeSettings
from omg_abci.localnet.staking import StakingTerms
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.protocol import errors
from omg_abci.protocol.messages import Delegate, Unjail
from tests.integration.conftest import ACCOUNTS
from tests.integration.state_sync_world import INTERVAL, wait_for_snapshot
from tests.integration.test_staking import Stakers, wait_for
from tests.integration.traders import Load

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

_COIN = 10**18
_TERMS = StakingTerms(checkpoint_blocks=50, epoch_blocks=50)
"""The offender stays in the set for up to fifty blocks, and goes on signing twice."""
_OFFENDER = 3
_YEAR_2100_MS = 4_070_908_800_000
_KEY = Path("config/priv_validator_key.json")


def _write_network(directory: Path) -> Network:
    return write_network(
        directory,
        validators=4,
        chain_id="omg-test-1",
        genesis_document=make_document(ACCOUNTS, _YEAR_2100_MS),
        accounts=ACCOUNTS,
        seed=b"tests",
        settings=NodeSettings(timeout_commit_ms=50, snapshot_interval=INTERVAL),
        staking=_TERMS,
    )


def _make_twin(network: Network) -> Network:
    """Return a node that joins with the offender's key, and knows nothing of what it signed."""
    twin, _ = open_joiner(network, "twin")
    home = twin.nodes[0].home
    (home / _KEY).unlink()
    shutil.copyfile(network.nodes[_OFFENDER].home / _KEY, home / _KEY)
    return twin


def _list_evidence(network: Network) -> list[int]:
    """Return the heights of the offences that blocks carry evidence of."""
    found: list[int] = []
    with Rpc(network.nodes[0].ports.rpc) as rpc:
        newest = int(rpc.call("status")["sync_info"]["latest_block_height"])
        for height in range(1, newest + 1):
            evidence = rpc.call("block", height=height)["block"]["evidence"]["evidence"] or []
            found += [int(each["value"]["vote_a"]["height"]) for each in evidence]
    return found


@pytest.mark.slow
def test_two_signers_with_one_key_are_slashed_once(cometbft: Path, tmp_path: Path) -> None:
    """The stake loses its twentieth once, whatever follows, and the validator never comes back."""
    network = _write_network(tmp_path / "net")
    with LocalNetwork(network, cometbft) as local, Load(local.network, ACCOUNTS[5], 0):
        stakers = Stakers(local)
        wait_for_snapshot(local.network, INTERVAL)
        twin = _make_twin(local.network)
        # Both propose a block of their own when it is their turn, and each votes for its own.
        with LocalNetwork(twin, cometbft) as second:
            wait_for_first_block(second.network)
            wait_for(lambda: stakers.validator(_OFFENDER).tombstoned == 1)
            wait_for(lambda: network.nodes[_OFFENDER].address not in stakers.powers())
            slashed = stakers.validator(_OFFENDER)
            assert slashed.tokens == 9_500 * _COIN
            assert slashed.jailed_until_ms == 0
            with Rpc(local.network.nodes[0].ports.rpc) as rpc:
                height = stakers.height(rpc)
                wait_for(lambda: stakers.height(rpc) > height + 20)
        assert stakers.validator(_OFFENDER).tokens == 9_500 * _COIN
        assert _list_evidence(local.network)
        owner = ACCOUNTS[_OFFENDER].owner.address
        tombstoned = errors.ValidatorTombstoned.code
        assert stakers.do(_OFFENDER, Unjail()).code == tombstoned
        assert stakers.do(7, Delegate(owner, _COIN)).code == tombstoned
        local.check()
