"""Accounts that trade on a network, one transaction at a time or as a load that goes on."""

import random
import threading
import time
from collections.abc import Sequence
from typing import Self

from omg_abci.localnet.genesis import Account
from omg_abci.localnet.layout import Network
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.protocol.messages import CancelOrder, Message, PlaceOrder, TxBody
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import sign_tx
from omg_abci.protocol.units import OrderType, Scheme, SelfTrade, Side, TimeInForce

_BATCH = 5
_PAUSE_S = 0.05
_MAX_UNIT_PRICE = 1 << 62


def make_order(
    side: Side, price: int, quantity: int, client_id: int, tif: TimeInForce = TimeInForce.GTC
) -> PlaceOrder:
    """Return a limit order of market 1."""
    return PlaceOrder(
        1,
        side,
        OrderType.LIMIT,
        tif,
        False,  # noqa: FBT003 - a tuple's field
        price,
        quantity,
        0,
        client_id,
        0,
        SelfTrade.CANCEL_NEWEST,
        16,
    )


class Trader:
    """Signs for an account; nonces are the clock's, each greater than the one before."""

    def __init__(self, account: Account, chain_id: str) -> None:
        self.owner = account.owner.address
        self._account = account
        self._chain_id = chain_id
        self._domain = compute_no_bridge_domain(chain_id)
        self._nonce = 0

    def sign(self, *legs: Message, by_agent: bool = True, nonce: int = 0) -> bytes:
        """Return a transaction, signed by the account's agent or by its own key."""
        self._nonce = nonce or max(self._nonce + 1, time.time_ns() // 1_000_000)
        fields = (self._chain_id, self.owner, self._nonce, 0, 0, 0)
        body = TxBody(*fields, False, _MAX_UNIT_PRICE, legs)  # noqa: FBT003 - a tuple's field
        key = self._account.agent if by_agent else self._account.owner
        scheme = Scheme.RAW if by_agent else Scheme.TYPED
        return sign_tx(self._domain, body, key.address, key.secret, scheme)


class Load:
    """An account that trades through the nodes in turn, and remembers what was acknowledged."""

    def __init__(self, network: Network, account: Account, seed: int) -> None:
        """Prepare a thread; `with` runs it."""
        self.acknowledged: list[bytes] = []
        self.refused: list[tuple[int, str]] = []
        self.network = network
        """May be replaced by what the network has become."""
        self._trader = Trader(account, network.chain_id)
        self._random = random.Random(seed)
        self._client_id = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._stopped.wait(_PAUSE_S):
            turn += 1
            node = self.network.nodes[turn % len(self.network.nodes)]
            self._submit(node.grpc, [self._trader.sign(self._draw()) for _ in range(_BATCH)])

    def _submit(self, target: str, raws: Sequence[bytes]) -> None:
        try:
            with NodeClient(target, timeout_s=5.0) as client:
                admissions = client.submit(raws)
        except NodeError:
            return
        for raw, each in zip(raws, admissions, strict=True):
            if each.code:
                self.refused.append((each.code, each.log))
            else:
                self.acknowledged.append(raw)

    def _draw(self) -> Message:
        pick = self._random
        if self._client_id and pick.random() < 0.4:
            return CancelOrder(pick.randint(max(1, self._client_id - 20), self._client_id))
        self._client_id += 1
        side = pick.choice([Side.BUY, Side.SELL])
        return make_order(side, pick.randint(95, 105), pick.randint(1, 9), self._client_id)
