"""The chain's rules without a network: a replay's executor that applies blocks in this process."""

from collections.abc import Callable, Sequence
from typing import Any

from omg_abci.localnet.genesis import Account
from omg_abci.localnet.keys import make_ethereum_key
from omg_abci.protocol import codec
from omg_abci.protocol.crypto import compute_sha256
from omg_abci.protocol.messages import Message, TxBody
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Scheme
from omg_abci.replay.compare import Comparer, compare_open_orders
from omg_abci.replay.network import make_replay_document
from omg_abci.replay.session import Plan, Session
from omg_abci.replay.steps import EventEnd
from omg_abci.rules.transition import Block, apply_block
from omg_abci.state.diff import compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import (
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
)
from omg_abci.state.loading import load_state
from omg_abci.state.tree import Tree

_CHAIN_ID = "omg-replay-test"
_START_MS = 1_800_000_000_000
_ACCOUNT = Account("venue", make_ethereum_key(b"tests", "venue"), make_ethereum_key(b"tests", "a"))
Spoil = Callable[[LegResult], LegResult]


class InProcessExecutor:
    """Each batch is a transaction and a block of its own."""

    def __init__(self, spoil: Spoil | None = None) -> None:
        """Start from a replay's genesis; ``spoil`` changes results, as a wrong chain would."""
        records, _ = build_genesis(_CHAIN_ID, make_replay_document(_ACCOUNT, _START_MS))
        self.state = load_state(_CHAIN_ID, records)
        self._diff_hash = compute_genesis_diff_hash(records)
        self._results_hash = bytes(32)
        self._spoil = spoil
        self._results: list[tuple[LegResult, ...]] = []

    def send(self, legs: Sequence[Message]) -> None:
        """Execute the batch; the encoding of its result is passed through, as on a network."""
        height = self.state.height + 1
        time_ms = _START_MS + height
        owner, agent = _ACCOUNT.owner.address, _ACCOUNT.agent.address
        body = TxBody(
            chain_id=_CHAIN_ID,
            owner=owner,
            nonce=time_ms,
            after=time_ms - 1 if height > 1 else 0,
            valid_until_ms=0,
            valid_until_height=0,
            atomic=False,
            max_unit_price=1,
            legs=tuple(legs),
        )
        body.check(agent, Scheme.RAW)
        raw = codec.encode_body(body)
        tx = make_signed_tx(raw, height.to_bytes(32, "big"), agent, Scheme.RAW, body)
        block = Block(height, time_ms, height.to_bytes(32, "big"), (tx,))
        applied = apply_block(self.state, block)
        self._diff_hash = compute_diff_hash(self._diff_hash, applied.changes.diff)
        store_changes(self.state, applied.changes)
        self.state.commit()
        result = applied.results[0]
        data = codec.encode_result(result)
        self._results_hash = compute_sha256(self._results_hash + data)
        legs_done = codec.decode_result(data, result.code).legs
        if self._spoil:
            legs_done = tuple(self._spoil(each) for each in legs_done)
        self._results.append(legs_done)

    def describe(self) -> tuple[int, str, str]:
        """Return the height, the app hash over every record and every diff, and of all results."""
        root = Tree.load(compute_records(self.state)).root
        app_hash = compute_app_hash(root, self._diff_hash)
        return self.state.height, app_hash.hex(), self._results_hash.hex()

    def receive(self, *, wait: bool) -> list[tuple[LegResult, ...]]:
        """Return what was executed since the last call; there is never anything to wait for."""
        del wait
        results, self._results = self._results, []
        return results

    def list_open_orders(self) -> list[dict[str, Any]]:
        """Return the state's own open orders, as the node API would."""
        return [
            {
                "client_id": order.client_id,
                "side": order.side,
                "price": order.price,
                "left": order.remaining,
                "priority": order.priority,
            }
            for order in self.state.accounts[_ACCOUNT.owner.address].orders.values()
        ]


def replay_in_process(
    plan: Plan,
    spoil: Spoil | None = None,
    watch: Callable[[EventEnd, Comparer], None] = lambda _end, _comparer: None,
) -> Session:
    """Replay a plan; assert that the rebuilt book is the state's own in the end."""
    executor = InProcessExecutor(spoil)
    session = Session(plan, executor, watch=watch)
    session.run()
    if spoil is None and executor.state.height:
        assert compare_open_orders(session.comparer, executor.list_open_orders()) == (True, "")
    return session
