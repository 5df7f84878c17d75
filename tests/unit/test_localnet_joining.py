"""Nodes that join a local network: what is refused before anybody is asked."""

from pathlib import Path

import pytest

from omg_abci.localnet.errors import BadNetwork, DirectoryTaken, JoinFailed
from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.localnet.joining import JOINED, describe_join, open_joiner
from omg_abci.localnet.layout import Network, write_network

_ACCOUNTS = make_accounts(b"joining")


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """Return a network that does not run."""
    return write_network(
        tmp_path / "net",
        validators=2,
        chain_id="test-1",
        genesis_document=make_document(_ACCOUNTS, 1_700_000_000_000),
        accounts=_ACCOUNTS,
        seed=b"seed",
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../node0", "a/b", "/x", "x" * 33, "a\n"])
def test_name_is_none(network: Network, name: str) -> None:
    """A name that leads out of the network's directory, or is none, is refused."""
    with pytest.raises(BadNetwork):
        open_joiner(network, name)
    assert not (network.directory / JOINED).exists()


def test_network_does_not_run(network: Network) -> None:
    """Nothing is written when nobody says which block to trust."""
    with pytest.raises(JoinFailed):
        open_joiner(network, "node4")
    assert not (network.directory / JOINED).exists()


def test_name_is_taken(network: Network) -> None:
    """A directory that holds something else is left alone."""
    place = network.directory / JOINED / "node4"
    place.mkdir(parents=True)
    (place / "mine").touch()
    with pytest.raises(DirectoryTaken):
        open_joiner(network, "node4")
    assert [each.name for each in place.iterdir()] == ["mine"]
    assert "does not join" in describe_join(network)
