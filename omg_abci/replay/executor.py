"""From legs to committed results, through a network.

Legs go in batches, each one transaction of one owner, signed raw by the owner's agent; each names
the one before it as `after`, so the order of the recording is the order of execution. They are sent
to one node, a window at a time, and nothing is believed but what another node streams as committed.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from omg_abci.node.client import NodeClient, NodeError
from omg_abci.protocol import codec
from omg_abci.protocol.errors import NonceUsed
from omg_abci.protocol.messages import Message, TxBody
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier, sign_tx
from omg_abci.protocol.units import Address, Scheme
from omg_abci.replay.errors import NetworkError, NetworkStalled

WINDOW_TXS: Final = 48
"""In flight at most; a block holds 64 of one signer, so one block can take a whole window."""
_TRANSIENT: Final = 32_000
_RETRY_SECONDS: Final = 0.05
_STALL_SECONDS: Final = 90.0
_UNSURE: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED")
"""The node may or may not have taken the transaction: the same bytes are sent again."""
_MAX_UNIT_PRICE: Final = (1 << 64) - 1


class SigningStatus(Protocol):
    """What of a node's status says where signatures are valid."""

    chain_id: str
    ethereum_chain_id: int
    verifying_contract: bytes


def get_domain(status: SigningStatus) -> Domain:
    """Return the signing domain of a node's chain."""
    return Domain(status.chain_id, status.ethereum_chain_id, bytes(status.verifying_contract))


class Executor(Protocol):
    """Does legs, batch after batch, and tells what came of them in the same order."""

    def send(self, legs: Sequence[Message]) -> None:
        """Take one batch; may wait until there is room for it."""

    def receive(self, *, wait: bool) -> list[tuple[LegResult, ...]]:
        """Return the results of further batches; ``wait``: of at least one."""


class Trader(NamedTuple):
    """Who sends: the account, and the agent that signs for it."""

    owner: Address
    agent: Address
    agent_secret: bytes


class CommittedBlock(NamedTuple):
    """A block that held some of the replay's transactions."""

    height: int
    time_ms: int
    txs: int
    legs: int


class _Arrival(NamedTuple):
    """A committed transaction, as streamed."""

    tx_id: bytes
    code: int
    result: bytes


class ChainExecutor:
    """Sends to one node and reads from another; use it as a context manager."""

    def __init__(
        self, sender: NodeClient, reader: NodeClient, trader: Trader, check: Callable[[], None]
    ) -> None:
        """Begin at the reader's present height; ``check`` raises when the network has failed."""
        status = reader.status()
        self._domain = get_domain(status)
        self._verifier = Verifier(self._domain)
        self._sender = sender
        self._reader = reader
        self._trader = trader
        self._check = check
        self.first_height = status.height + 1
        self.blocks: list[CommittedBlock] = []
        self._nonce = 0
        self._in_flight: deque[tuple[bytes, int]] = deque()
        self._arrived: queue.SimpleQueue[tuple[CommittedBlock, list[_Arrival]] | Exception] = (
            queue.SimpleQueue()
        )
        self._ready: list[tuple[LegResult, ...]] = []
        self._stopped = False
        self._last_progress = time.monotonic()
        threading.Thread(target=self._follow, name="replay reader", daemon=True).start()

    @property
    def in_flight(self) -> int:
        """Return how many transactions are not yet committed."""
        return len(self._in_flight)

    def send(self, legs: Sequence[Message]) -> None:
        """Sign and submit one batch, waiting for room; raise NetworkError."""
        while len(self._in_flight) >= WINDOW_TXS:
            self._collect(wait=True)
        raw, tx_id = self._sign(legs)
        self._in_flight.append((tx_id, len(legs)))
        self._submit(raw)

    def receive(self, *, wait: bool) -> list[tuple[LegResult, ...]]:
        """Return the results that were committed since the last call; raise NetworkError."""
        self._collect(wait=wait and not self._ready and bool(self._in_flight))
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> None:
        """Read no further."""
        self._stopped = True

    # --- sending ---

    def _sign(self, legs: Sequence[Message]) -> tuple[bytes, bytes]:
        after = self._nonce
        self._nonce = max(after + 1, time.time_ns() // 1_000_000)
        body = TxBody(
            chain_id=self._domain.chain_id,
            owner=self._trader.owner,
            nonce=self._nonce,
            after=after,
            valid_until_ms=0,
            valid_until_height=0,
            atomic=False,
            max_unit_price=_MAX_UNIT_PRICE,
            legs=tuple(legs),
        )
        raw = sign_tx(self._domain, body, self._trader.agent, self._trader.agent_secret, Scheme.RAW)
        tx, _ = self._verifier.decode_tx(raw)
        return raw, tx.tx_id

    def _submit(self, raw: bytes) -> None:
        """Send until the node has it; it is refused for now while the node is busy."""
        again = False
        while True:
            try:
                admission = self._sender.submit([raw])[0]
            except NodeError as reason:
                if reason.code not in _UNSURE:
                    raise NetworkError(f"the node refuses the transaction: {reason}") from reason
                admission = None
            if admission is not None:
                if admission.code == 0 or (again and admission.code == NonceUsed.code):
                    return
                if admission.code < _TRANSIENT:
                    raise NetworkError(f"refused with {admission.code}: {admission.log}")
            again = True
            self._require_progress()
            self._collect(wait=False)
            time.sleep(_RETRY_SECONDS)

    # --- reading ---

    def _follow(self) -> None:
        """Pass on what the reading node streams, from a thread of its own."""
        height = self.first_height
        try:
            while not self._stopped:
                try:
                    for block in self._reader.stream_blocks(height):
                        self._pass_on(block)
                        height = block.height + 1
                        if self._stopped:
                            return
                except NodeError as reason:
                    if reason.code not in _UNSURE:
                        raise
                    time.sleep(_RETRY_SECONDS)
        except Exception as reason:  # noqa: BLE001 - told to the thread that waits
            self._arrived.put(reason)

    def _pass_on(self, block: object) -> None:
        found = [
            _Arrival(bytes(each.tx_id), each.code, bytes(each.result))
            for each in block.txs  # type: ignore[attr-defined]
            if codec.decode_envelope(each.tx)[1] == self._trader.agent
        ]
        if found:
            height, time_ms = block.height, block.time_ms  # type: ignore[attr-defined]
            self._arrived.put((CommittedBlock(height, time_ms, len(found), 0), found))

    def _collect(self, *, wait: bool) -> None:
        while True:
            try:
                item = self._arrived.get(block=wait, timeout=1.0 if wait else None)
            except queue.Empty:
                if not wait:
                    return
                self._require_progress()
                continue
            if isinstance(item, Exception):
                raise NetworkError(f"the block stream broke: {item}") from item
            self._take_block(*item)
            wait = False

    def _take_block(self, block: CommittedBlock, found: list[_Arrival]) -> None:
        legs = 0
        for arrival in found:
            if not self._in_flight:
                raise NetworkError("a transaction was committed that was not sent")
            tx_id, count = self._in_flight.popleft()
            if tx_id != arrival.tx_id:
                raise NetworkError("transactions were committed in another order than sent")
            results = codec.decode_result(arrival.result, arrival.code).legs
            if len(results) != count:
                raise NetworkError(f"{count} legs were sent and {len(results)} answered")
            legs += count
            self._ready.append(results)
        self.blocks.append(block._replace(legs=legs))
        self._last_progress = time.monotonic()

    def _require_progress(self) -> None:
        self._check()
        if time.monotonic() - self._last_progress > _STALL_SECONDS:
            raise NetworkStalled(f"nothing was committed for {_STALL_SECONDS:.0f} s")
