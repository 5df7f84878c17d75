"""One validator: what a user sends through the API, sees there, and can prove from a header."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.localnet.errors import RpcRefused
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient
from omg_abci.protocol import errors
from omg_abci.protocol.codec import decode_result
from omg_abci.protocol.limits import NONCE_AGE_MAX_MS, TX_BYTES_MAX
from omg_abci.protocol.merkle import MerkleError
from omg_abci.protocol.messages import CancelAll, Transfer
from omg_abci.protocol.proofs import RecordProof, require_state_height, verify_record
from omg_abci.protocol.results import Fill
from omg_abci.protocol.units import Ended, Side, TimeInForce
from omg_abci.state.records import BalanceRecord
from omg_abci.state.schema import compute_balance_key
from tests.integration.conftest import ACCOUNTS, write_test_network
from tests.integration.fresh_node import require_fresh_node_agrees
from tests.integration.traders import Trader, make_order

pytestmark = [pytest.mark.network, pytest.mark.timeout(90)]

_WAIT_S = 20.0
_USD, _OMG = 3, 1
_LOT, _ROOT_INTERVAL = 10**16, 4


@pytest.fixture(scope="module")
def local(cometbft: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Run one validator for all tests of this module."""
    network = write_test_network(tmp_path_factory.mktemp("trading") / "net", 1, 50)
    with LocalNetwork(network, cometbft) as started:
        yield started


@pytest.fixture
def client(local: LocalNetwork) -> Iterator[NodeClient]:
    """Ask the validator's node API."""
    with NodeClient(local.network.nodes[0].grpc) as asking:
        yield asking


def send(client: NodeClient, *raws: bytes) -> dict[bytes, pb.TxOutcome]:
    """Submit transactions, wait until they are in blocks, and return what became of each."""
    height = client.status().height
    assert [each.code for each in client.submit(raws)] == [0] * len(raws)
    outcomes: dict[bytes, pb.TxOutcome] = {}
    for block in client.stream_blocks(height):
        outcomes |= {each.tx: each for each in block.txs}
        if all(raw in outcomes for raw in raws):
            return outcomes
    raise AssertionError("the stream ended")


def get_free(client: NodeClient, owner: bytes, token: int) -> tuple[int, int]:
    """Return what an owner's first subaccount has of a token: free and reserved."""
    for each in client.account(owner).balances:
        if (each.subaccount, each.token) == (0, token):
            return int(each.free), int(each.reserved)
    return 0, 0


def test_order_is_taken_and_seen(local: LocalNetwork, client: NodeClient) -> None:
    """An order of one account, taken by another: fill, balances and both orders are in the API."""
    alice, bob = (Trader(each, local.network.chain_id) for each in ACCOUNTS[:2])
    usd, omg = get_free(client, alice.owner, _USD)[0], get_free(client, bob.owner, _OMG)[0]
    spent = get_free(client, bob.owner, _USD)[0]
    rest = alice.sign(make_order(Side.SELL, 120, 10, 7), by_agent=False)
    assert decode_result(send(client, rest)[rest].result, 0).legs[0].resting == 10
    take = bob.sign(make_order(Side.BUY, 125, 4, 1, TimeInForce.IOC))
    outcome = send(client, take)[take]
    result = decode_result(outcome.result, outcome.code)
    assert result.legs[0].fills == (Fill(alice.owner, 7, 120, 4),)
    assert get_free(client, alice.owner, _USD) == (usd + 480, 0)
    assert get_free(client, alice.owner, _OMG)[1] == 6 * _LOT
    assert get_free(client, bob.owner, _USD) == (spent - 480, 0)
    assert get_free(client, bob.owner, _OMG) == (omg + 4 * _LOT - result.fee, 0)
    order = client.order(alice.owner, 7)
    assert (order.open, order.filled, order.quantity) == (True, 4, 10)
    taken = client.order(bob.owner, 1)
    assert (taken.open, taken.ended) == (False, int(Ended.FILLED))
    assert [(level.price, level.quantity) for level in client.book(1).asks] == [(120, 6)]
    cancel = alice.sign(CancelAll(0, 0, 10))
    assert decode_result(send(client, cancel)[cancel].result, 0).legs[0].cancelled == 1


def test_balance_is_proved_against_the_header(local: LocalNetwork, client: NodeClient) -> None:
    """A balance verifies against the app hash in CometBFT's own header; another value does not."""
    carol, dave = (Trader(each, local.network.chain_id) for each in ACCOUNTS[2:4])
    pay = carol.sign(Transfer(dave.owner, _USD, 1_234, 0, 9), by_agent=False)
    send(client, pay)
    paid_at = client.status().height
    local.wait_for_height(paid_at + 3 * _ROOT_INTERVAL)
    present = client.proof(compute_balance_key(dave.owner, 9, _USD))
    absent = client.proof(compute_balance_key(dave.owner, 8, _USD))
    assert (present.present, absent.present) == (True, False)
    assert present.state_height >= paid_at
    assert BalanceRecord.decode(present.value).free == 1_234
    with Rpc(local.network.nodes[0].ports.rpc) as rpc:
        for proof in (present, absent):
            app_hash = rpc.fetch_app_hash(proof.header_height - 1)
            pieces = (proof.tree_root, proof.diff_hash, proof.checkpoint_digest, proof.proof)
            record = RecordProof(proof.key, proof.value if proof.present else None, *pieces)
            require_state_height(proof.header_height, proof.state_height, _ROOT_INTERVAL)
            verify_record(app_hash, record)
            with pytest.raises(MerkleError):
                verify_record(app_hash, record._replace(value=BalanceRecord(1_235, 0).encode()))


def test_broadcast_answers_with_stable_codes(local: LocalNetwork, client: NodeClient) -> None:
    """CometBFT's own broadcast refuses with our codes, and takes what is good."""
    erin = Trader(ACCOUNTS[4], local.network.chain_id)
    now_ms = time.time_ns() // 1_000_000
    stale = erin.sign(CancelAll(0, 0, 1), nonce=now_ms - NONCE_AGE_MAX_MS - 60_000)
    elsewhere = Trader(ACCOUNTS[4], "omg-other").sign(CancelAll(0, 0, 1))
    good = erin.sign(CancelAll(0, 0, 2))
    with Rpc(local.network.nodes[0].ports.rpc) as rpc:

        def broadcast(raw: bytes) -> int:
            return int(rpc.call("broadcast_tx_sync", tx=f"0x{raw.hex()}")["code"])

        assert broadcast(b"garbage") == errors.Undecodable.code
        assert broadcast(bytes(TX_BYTES_MAX + 1)) == errors.TxTooLarge.code
        assert broadcast(good[:-1]) == errors.Undecodable.code
        assert broadcast(good[:-1] + bytes([good[-1] ^ 2])) == errors.SignatureBadV.code
        assert broadcast(elsewhere) == errors.WrongChain.code
        assert broadcast(stale) == errors.StaleNonce.code
        height = client.status().height
        assert broadcast(good) == 0
        with pytest.raises(RpcRefused, match="already"):
            broadcast(good)
    deadline = time.monotonic() + _WAIT_S
    for block in client.stream_blocks(height):
        if good in [each.tx for each in block.txs]:
            break
        assert time.monotonic() < deadline


def test_fresh_node_computes_the_same(local: LocalNetwork, client: NodeClient) -> None:
    """Executing the blocks from genesis gives the app hash of every header."""
    blocks = require_fresh_node_agrees(local.network.nodes[0], client.status().height)
    assert sum(len(block.raws) for block in blocks) >= 5
