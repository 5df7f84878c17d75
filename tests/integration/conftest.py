"""Real networks for tests: CometBFT, and homes that are gone after the test."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.localnet.layout import Network, Node, write_network
from omg_abci.localnet.settings import NodeSettings
from omg_abci.localnet.staking import StakingTerms
from omg_abci.localnet.supervisor import LocalNetwork

ACCOUNTS = make_accounts(b"tests")
"""Funded in every network that `write_test_network` writes."""


class MakeNetwork(Protocol):
    """What the fixtures `make_network` and `counter_network` hand out."""

    def __call__(
        self, validators: int, *, commit_ms: int = 50, staking: StakingTerms | None = None
    ) -> LocalNetwork:
        """Write a network and return it, not started; the fixture stops it."""


@pytest.fixture(scope="session")
def cometbft() -> Path:
    """Return CometBFT's path; it is built once if there is none."""
    return ensure_cometbft()


def make_counter_command(node: Node) -> Sequence[str | Path]:
    """Return the command of the smallest application."""
    return [sys.executable, Path(__file__).with_name("counter_app.py"), "--home", node.home]


def write_test_network(
    directory: Path, validators: int, commit_ms: int, staking: StakingTerms | None = None
) -> Network:
    """Write a network with the same keys each time; agents' approvals end in the year 2100."""
    return write_network(
        directory,
        validators=validators,
        chain_id="omg-test-1",
        genesis_document=make_document(ACCOUNTS, 4_070_908_800_000),
        accounts=ACCOUNTS,
        seed=b"tests",
        settings=NodeSettings(timeout_commit_ms=commit_ms),
        staking=staking,
    )


@pytest.fixture
def make_network(cometbft: Path, tmp_path: Path) -> Iterator[MakeNetwork]:
    """Hand out networks that run the chain's own application."""
    with ExitStack() as stack:
        yield _make_maker(stack, tmp_path, lambda network: LocalNetwork(network, cometbft))


@pytest.fixture
def counter_network(cometbft: Path, tmp_path: Path) -> Iterator[MakeNetwork]:
    """Hand out networks that run the smallest application."""
    with ExitStack() as stack:
        yield _make_maker(
            stack,
            tmp_path,
            lambda network: LocalNetwork(network, cometbft, app_command=make_counter_command),
        )


def _make_maker(
    stack: ExitStack, folder: Path, make_local: Callable[[Network], LocalNetwork]
) -> MakeNetwork:
    def make(
        validators: int, *, commit_ms: int = 50, staking: StakingTerms | None = None
    ) -> LocalNetwork:
        directory = folder / f"net{len(list(folder.iterdir()))}"
        local = make_local(write_test_network(directory, validators, commit_ms, staking))
        stack.callback(local.stop)
        return local

    return make
