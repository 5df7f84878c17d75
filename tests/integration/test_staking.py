"""Stake moves the set of a real network: more power, rewards, jail when away, and back."""

import base64
import time
from collections.abc import Callable

import pytest

from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.staking import StakingTerms
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient
from omg_abci.protocol.codec import decode_result
from omg_abci.protocol.messages import ClaimRewards, Delegate, Message, Redelegate, Unjail
from omg_abci.protocol.results import LegResult
from omg_abci.state import schema
from omg_abci.state.stake_records import ValidatorRecord
from tests.integration.conftest import ACCOUNTS, MakeNetwork
from tests.integration.traders import Trader

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

_TERMS = StakingTerms(checkpoint_blocks=5, window_blocks=20, signed_min_blocks=10, jail_ms=1_000)
_WAIT_S = 60.0
_POWER_UNIT = 1_000 * 10**18
_AWAY = 3
_DELEGATOR = 7


class Stakers:
    """What the accounts of a network do with their stake, and what becomes of its set."""

    def __init__(self, local: LocalNetwork) -> None:
        """Ask the first node."""
        self.node = local.network.nodes[0]
        self._traders = [Trader(account, local.network.chain_id) for account in ACCOUNTS]

    def do(self, account: int, leg: Message) -> LegResult:
        """Return what becomes of a leg that an account's owner signs."""
        raw = self._traders[account].sign(leg, by_agent=False)
        with Rpc(self.node.ports.rpc) as rpc:
            (admission,) = self.submit(raw)
            assert admission == 0
            height = int(rpc.call("status")["sync_info"]["latest_block_height"])
            for wanted in range(max(1, height - 2), height + 100):
                wait_for(lambda at=wanted: self.height(rpc) > at)  # type: ignore[misc]
                txs = rpc.call("block", height=wanted)["block"]["data"]["txs"] or []
                found = [place for place, tx in enumerate(txs) if base64.b64decode(tx) == raw]
                if found:
                    result = rpc.call("block_results", height=wanted)["txs_results"][found[0]]
                    return decode_result(base64.b64decode(result["data"]), result["code"]).legs[0]
        raise AssertionError("the transaction is in no block")

    def submit(self, raw: bytes) -> list[int]:
        """Return the code with which the node takes a transaction."""
        with NodeClient(self.node.grpc) as client:
            return [each.code for each in client.submit([raw])]

    def height(self, rpc: Rpc) -> int:
        """Return the node's height."""
        return int(rpc.call("status")["sync_info"]["latest_block_height"])

    def powers(self) -> dict[bytes, int]:
        """Return the power of each validator in CometBFT's set, by its address."""
        with Rpc(self.node.ports.rpc) as rpc:
            rows = rpc.call("validators")["validators"]
        return {bytes.fromhex(row["address"]): int(row["voting_power"]) for row in rows}

    def validator(self, account: int) -> ValidatorRecord:
        """Return an account's validator as a proof of the state has it."""
        with NodeClient(self.node.grpc) as client:
            key = schema.compute_validator_key(ACCOUNTS[account].owner.address)
            return ValidatorRecord.decode(client.proof(key).value)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def test_the_set_follows_stake_and_uptime(make_network: MakeNetwork) -> None:
    """Stake adds power, earns and moves; who is stopped is jailed, slashed, and comes back."""
    local = make_network(4, commit_ms=100, staking=_TERMS)
    first, away = local.network.nodes[0].address, local.network.nodes[_AWAY].address
    with local:
        stakers = Stakers(local)
        assert stakers.powers() == {node.address: 10 for node in local.network.nodes}
        delegate = Delegate(ACCOUNTS[0].owner.address, 2 * _POWER_UNIT)
        assert stakers.do(_DELEGATOR, delegate) == LegResult()
        wait_for(lambda: stakers.powers()[first] == 12)
        claim = ClaimRewards(ACCOUNTS[0].owner.address)
        wait_for(lambda: stakers.do(_DELEGATOR, claim) == LegResult())
        redelegate = Redelegate(ACCOUNTS[0].owner.address, ACCOUNTS[1].owner.address, _POWER_UNIT)
        assert stakers.do(_DELEGATOR, redelegate) == LegResult()
        wait_for(lambda: sorted(stakers.powers().values()) == [10, 10, 11, 11])

        local.pause(_AWAY)
        wait_for(lambda: away not in stakers.powers())
        local.resume(_AWAY)
        wait_for(lambda: stakers.validator(_AWAY).jailed_until_ms > 0)
        bonded = 10 * _POWER_UNIT
        assert stakers.validator(_AWAY).tokens == bonded - bonded // 10_000
        wait_for(lambda: stakers.do(_AWAY, Unjail()) == LegResult())
        wait_for(lambda: stakers.powers().get(away) == 9)
        local.check()
