"""The network that a replay runs on: one of its own for the time, or one that is given.

Its own has one market without limits that matter, and one rich owner: the venue's resting orders
are in subaccount 0, the aggressors' in subaccount 1, and an agent key signs for both.
"""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.genesis import Account
from omg_abci.localnet.keys import make_ethereum_key
from omg_abci.localnet.layout import write_network
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient
from omg_abci.protocol.limits import AGENT_AHEAD_MAX_MS, QUANTITY_LOTS_MAX
from omg_abci.protocol.messages import Transfer, TxBody
from omg_abci.protocol.tx import sign_tx
from omg_abci.protocol.units import Scheme, Scope
from omg_abci.replay.errors import NetworkError
from omg_abci.replay.executor import Trader, get_domain
from omg_abci.replay.planner import AGGRESSOR_SUBACCOUNT, MARKET, RESTING_SUBACCOUNT

_CHAIN_ID: Final = "omg-replay-1"
_FEE_TOKEN: Final = 1
_BASE: Final = 2
_QUOTE: Final = 3
_RICHES: Final = 1 << 125
"""Far above any recording's costs, and two of them still fit into a token's supply."""
_LAG_SECONDS: Final = 60.0


class Connection(NamedTuple):
    """Where a replay sends, where it reads, who else can be asked, and who trades."""

    sender: NodeClient
    reader: NodeClient
    nodes: tuple[NodeClient, ...]
    trader: Trader
    check: Callable[[], None]
    """Raises when the network cannot go on."""


def make_replay_document(account: Account, time_ms: int) -> dict[str, object]:
    """Return the genesis document of a replay's own network."""
    owner = f"0x{account.owner.address.hex()}"
    balances = [
        {"owner": owner, "subaccount": subaccount, "token": token, "amount": str(_RICHES)}
        for subaccount in (RESTING_SUBACCOUNT, AGGRESSOR_SUBACCOUNT)
        for token in (_FEE_TOKEN, _BASE, _QUOTE)
    ]
    return {
        "fee_token": _FEE_TOKEN,
        "unit_price": "1",
        "root_interval": 4,
        "tokens": [
            {"id": _FEE_TOKEN, "symbol": "OMG", "decimals": 18},
            {"id": _BASE, "symbol": "BASE", "decimals": 0},
            {"id": _QUOTE, "symbol": "QUOTE", "decimals": 0},
        ],
        "markets": [
            {
                "id": MARKET,
                "base": _BASE,
                "quote": _QUOTE,
                "base_unit": "1",
                "quote_unit": "1",
                "lots_min": 1,
                "lots_max": QUANTITY_LOTS_MAX,
            }
        ],
        "balances": balances,
        "agents": [
            {
                "owner": owner,
                "agent": f"0x{account.agent.address.hex()}",
                "scope": int(Scope.TRADE),
                "expires_ms": time_ms + AGENT_AHEAD_MAX_MS,
            }
        ],
    }


@contextlib.contextmanager
def run_network(validators: int, say: Callable[[str], None]) -> Iterator[Connection]:
    """Run a network for the time of a replay; raise LocalnetError."""
    binary = ensure_cometbft(report=say)
    account = Account(
        "venue", make_ethereum_key(None, "venue"), make_ethereum_key(None, "agent of venue")
    )
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="omg-replay-") as folder:
        network = write_network(
            Path(folder) / "network",
            validators=validators,
            chain_id=_CHAIN_ID,
            genesis_document=make_replay_document(account, int(now.timestamp() * 1_000)),
            accounts=[account],
            genesis_time=now,
        )
        say(f"starting {validators} validators …")
        with LocalNetwork(network, binary, on_event=say) as local:
            trader = Trader(account.owner.address, account.agent.address, account.agent.secret)
            addresses = [node.grpc for node in local.network.nodes]
            with connect_nodes(addresses, trader, local.check) as connection:
                yield connection


@contextlib.contextmanager
def connect_nodes(
    addresses: Sequence[str], trader: Trader, check: Callable[[], None] = lambda: None
) -> Iterator[Connection]:
    """Connect to nodes of one network: the first is sent to, the second is read from."""
    with contextlib.ExitStack() as stack:
        nodes = tuple(stack.enter_context(NodeClient(address)) for address in addresses)
        yield Connection(nodes[0], nodes[min(1, len(nodes) - 1)], nodes, trader, check)


def load_trader(accounts: Path) -> tuple[Trader, bytes]:
    """Return an accounts file's first account with its agent, and the owner's secret.

    Raise NetworkError.
    """
    try:
        account = json.loads(accounts.read_bytes())["accounts"][0]
        trader = Trader(
            _decode_hex(account["address"]),
            _decode_hex(account["agent"]["address"]),
            _decode_hex(account["agent"]["secret"]),
        )
        return trader, _decode_hex(account["secret"])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as reason:
        raise NetworkError(f"{accounts}: no account with an agent: {reason}") from reason


def _decode_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def fund_aggressors(connection: Connection, owner_secret: bytes) -> None:
    """Move half of the owner's funds into the aggressors' subaccount if that has none."""
    owner = connection.trader.owner
    market = _find_market(connection)
    free = _read_free(connection.sender, owner)
    legs = tuple(
        Transfer(owner, token, half, RESTING_SUBACCOUNT, AGGRESSOR_SUBACCOUNT)
        for token in (market.base_token, market.quote_token)
        if not free.get((AGGRESSOR_SUBACCOUNT, token))
        and (half := free.get((RESTING_SUBACCOUNT, token), 0) // 2)
    )
    if not legs:
        return
    status = connection.sender.status()
    nonce, price = time.time_ns() // 1_000_000, max(1, status.unit_price)
    body = TxBody(
        chain_id=status.chain_id,
        owner=owner,
        nonce=nonce,
        after=0,
        valid_until_ms=0,
        valid_until_height=0,
        atomic=True,
        max_unit_price=price,
        legs=legs,
    )
    raw = sign_tx(get_domain(status), body, owner, owner_secret, Scheme.TYPED)
    admission = connection.sender.submit([raw])[0]
    if admission.code:
        raise NetworkError(f"the transfer between subaccounts is refused: {admission.log}")
    deadline = time.monotonic() + _LAG_SECONDS
    while not _read_free(connection.reader, owner).get((AGGRESSOR_SUBACCOUNT, legs[-1].token)):
        if time.monotonic() > deadline:
            raise NetworkError("the transfer between subaccounts was not committed")
        time.sleep(0.1)


def _read_free(node: NodeClient, owner: bytes) -> dict[tuple[int, int], int]:
    """Return the owner's free balances by (subaccount, token)."""
    return {(each.subaccount, each.token): int(each.free) for each in node.account(owner).balances}


def _find_market(connection: Connection) -> Any:  # noqa: ANN401 - the node API's own message
    market = next((each for each in connection.reader.markets() if each.id == MARKET), None)
    if market is None:
        raise NetworkError(f"the network has no market {MARKET}")
    return market


def require_usable(connection: Connection) -> int:
    """Return how many orders the owner has in market 1.

    Raise NetworkError unless it exists and holds no others, and both subaccounts have funds.
    """
    market = _find_market(connection)
    own = connection.reader.account(connection.trader.owner).open_orders
    if market.open_orders > own:
        raise NetworkError(f"market {MARKET} holds {market.open_orders - own} orders of others")
    free = _read_free(connection.reader, connection.trader.owner)
    for subaccount in (RESTING_SUBACCOUNT, AGGRESSOR_SUBACCOUNT):
        for token in (market.base_token, market.quote_token):
            if not free.get((subaccount, token)):
                raise NetworkError(f"the owner's subaccount {subaccount} has no token {token}")
    return int(market.open_orders)


def read_open_orders(node: NodeClient, owner: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the owner's open orders as a node has them, and the market's own count."""
    orders: list[dict[str, Any]] = []
    last = 0
    while True:
        page = node.orders(owner, last)
        orders.extend(
            {
                "client_id": each.client_id,
                "side": each.side,
                "price": each.price,
                "left": each.quantity - each.filled,
                "priority": each.priority,
            }
            for each in page.orders
        )
        if not page.more:
            return orders, node.book(MARKET, 1).open_orders
        last = page.orders[-1].client_id


def compare_app_hashes(nodes: Sequence[NodeClient], first: int, last: int) -> bool:
    """Say whether all nodes have the same application hash after each block of the range."""
    hashes = [_read_app_hashes(node, first, last) for node in nodes]
    return all(each == hashes[0] for each in hashes)


def _read_app_hashes(node: NodeClient, first: int, last: int) -> list[bytes]:
    deadline = time.monotonic() + _LAG_SECONDS
    while node.status().height < last:
        if time.monotonic() > deadline:
            raise NetworkError(f"a node has not reached block {last}")
        time.sleep(0.1)
    found: list[bytes] = []
    for block in node.stream_blocks(first):
        found.append(bytes(block.app_hash))
        if block.height >= last:
            break
    return found
