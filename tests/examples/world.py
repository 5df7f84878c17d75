"""Executes the worked examples: on the chain, and on the oracle, block by block.

Both are looked at from outside: results, events, and the records of docs/spec/state.md.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from omg_abci.protocol import errors
from omg_abci.protocol.crypto import compute_sha256
from omg_abci.protocol.messages import Message, SignedTx, TxBody
from omg_abci.protocol.results import Event, TxResult
from omg_abci.protocol.units import BUY, MarketStatus
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.records import BalanceRecord, MarketRecord, OrderRecord
from tests.examples.legs import TOKENS
from tests.examples.notation import AGENT, NAMES, Example, ExampleBlock, ExampleTx
from tests.model import Model
from tests.strategies import CHAIN_ID, DAY_MS, START_MS, show, sign_body

_OMG = 10**24
_BOND = 1_000
_ORDERS, _MARKETS, _BALANCES = 7, 3, 5
"""The tables' first key bytes."""
_MARKET = {
    "id": 1,
    "base": TOKENS["APL"],
    "quote": TOKENS["USD"],
    "base_unit": "1",
    "quote_unit": "1",
    "lots_min": 1,
    "lots_max": 1_000_000,
}


def make_genesis(market: dict[str, Any]) -> dict[str, Any]:
    """Return the examples' document: four owners who have the same, and one market."""
    amounts = {"APL": 1_000, "USD": 100_000}
    balances = [
        {"owner": show(key), "subaccount": sub, "token": TOKENS[token], "amount": str(amount)}
        for key in NAMES.values()
        for sub in (0, 1)
        for token, amount in amounts.items()
    ]
    balances += [{"owner": show(key), "token": 1, "amount": str(_OMG)} for key in NAMES.values()]
    return {
        "fee_token": TOKENS["OMG"],
        "unit_price": "1",
        "root_interval": 4,
        "market_bond": str(_BOND),
        "tokens": [
            {"id": number, "symbol": symbol, "decimals": 0} for symbol, number in TOKENS.items()
        ],
        "markets": [_MARKET | market],
        "balances": [{"subaccount": 0} | row for row in balances],
        "agents": [
            {
                "owner": show(key),
                "agent": show(AGENT),
                "scope": 1,
                "expires_ms": START_MS + 300 * DAY_MS,
            }
            for key in NAMES.values()
        ],
    }


class Answered(NamedTuple):
    """What a block answered."""

    results: Sequence[TxResult]
    events: Sequence[Event]


class Machine(Protocol):
    """What executes blocks and shows its records."""

    def order(self, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return the transactions in the next block's order."""

    def execute(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> Answered:
        """Execute the next block."""

    def show_records(self) -> dict[bytes, bytes]:
        """Return the state."""


class Oracle:
    """The oracle as a machine."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Start from a genesis document."""
        self.model = Model(CHAIN_ID, document)

    def order(self, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return the transactions in the next block's order."""
        return self.model.order_block(txs)

    def execute(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> Answered:
        """Execute the next block."""
        reason = self.model.validate_block(height, time_ms, txs)
        assert reason is None, reason
        applied = self.model.apply_block(height, time_ms, compute_hash(height), txs)
        return Answered(applied.results, applied.events)

    def show_records(self) -> dict[bytes, bytes]:
        """Return the state."""
        return self.model.records()


class Chain:
    """The chain as a machine."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Start from a genesis document."""
        records, _ = build_genesis(CHAIN_ID, document)
        self.state = load_state(CHAIN_ID, records)

    def order(self, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return the transactions in the next block's order."""
        return compute_order(self.state.block_hash, txs)

    def execute(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> Answered:
        """Execute the next block."""
        block = Block(height, time_ms, compute_hash(height), tuple(txs))
        check_block(self.state, block)
        result = apply_block(self.state, block)
        store_changes(self.state, result.changes)
        self.state.commit()
        return Answered(result.results, result.events)

    def show_records(self) -> dict[bytes, bytes]:
        """Return the state."""
        return dict(compute_records(self.state))


def compute_hash(height: int) -> bytes:
    """Return what stands for CometBFT's hash of a block."""
    return compute_sha256(b"block %d" % height)


def play(example: Example, machine: Machine) -> None:
    """Execute an example's blocks; assert that all it says is so, and that it says all."""
    height, time_ms = 0, START_MS
    for block in example.blocks:
        empty = block.height - height - 1
        for number in range(1, empty + 1):
            between = time_ms + (block.time_ms - time_ms) * number // (empty + 1)
            answered = machine.execute(height + number, between, ())
            assert list(answered.events) == [], f"{example.place}: block {height + number}"
        play_block(example.place, block, machine)
        height, time_ms = block.height, block.time_ms


def play_block(place: str, block: ExampleBlock, machine: Machine) -> None:
    """Execute a block of an example; compare answers, events and what is seen afterwards."""
    where = f"{place}, block {block.height}"
    told = {
        sign(tx, block.time_ms + number): tx
        for number, tx in enumerate(block.txs)
        if is_well_formed(where, tx)
    }
    signed = machine.order(list(told))
    answered = machine.execute(block.height, block.time_ms, signed)
    for each, result in zip(signed, answered.results, strict=True):
        assert list(result.legs) == told[each].answers, f"{where}: {told[each].legs}"
    assert list(answered.events) == block.events, where
    records = machine.show_records()
    for name, claim in block.claims:
        assert show_claim(records, name, claim) == claim, f"{where}: {name}"


def is_well_formed(where: str, tx: ExampleTx) -> bool:
    """Tell whether a transaction can be one; if not, its leg is refused as the example says."""
    codes = [compute_format_code(leg) for leg in tx.legs]
    if any(codes):
        assert codes == [answer.code for answer in tx.answers], f"{where}: {tx.legs}"
    return not any(codes)


def compute_format_code(leg: Message) -> int:
    """Return the code of the format error of a leg, 0 when there is none."""
    try:
        leg.check()
    except errors.FormatError as refusal:
        return refusal.code
    return 0


def sign(tx: ExampleTx, nonce: int) -> SignedTx:
    """Return an example's transaction, signed."""
    body = TxBody(
        CHAIN_ID,
        tx.owner.address,
        nonce,
        after=0,
        valid_until_ms=0,
        valid_until_height=0,
        atomic=tx.atomic,
        max_unit_price=1,
        legs=tuple(tx.legs),
    )
    return sign_body(body, tx.signer)


# --- what is seen -------------------------------------------------------------------------------


def show_claim(records: dict[bytes, bytes], name: str, claim: str) -> str:
    """Return what an example should say of a part of the state."""
    match name.split():
        case ["book"]:
            return show_book(records)
        case ["waiting"]:
            return show_waiting(records)
        case ["market"]:
            return show_market(records, claim)
        case [owner]:
            return show_balance(records, owner, 0, claim)
        case [owner, "sub", subaccount]:
            return show_balance(records, owner, int(subaccount), claim)
        case _:
            raise ValueError(f"nothing is known of {name}")


def list_orders(records: dict[bytes, bytes]) -> list[tuple[str, OrderRecord]]:
    """Return name and record of the open orders, oldest first."""
    names = {key.address: name for name, key in NAMES.items()}
    found = [
        (f"{names[key[1:21]]} #{int.from_bytes(key[21:], 'big')}", OrderRecord.decode(value))
        for key, value in records.items()
        if key[0] == _ORDERS
    ]
    return sorted(found, key=lambda each: each[1].priority)


def show_book(records: dict[bytes, bytes]) -> str:
    """Return the bids and the asks of market 1, best first; of an iceberg tip and whole."""
    sides: list[list[tuple[int, str]]] = [[], []]
    for name, order in list_orders(records):
        if order.market == 1 and not order.trigger:
            left = order.quantity - order.filled
            lots = f"{order.tip:,} of {left:,}" if order.tip else f"{left:,}"
            is_bid = order.side == BUY
            sign = -order.price if is_bid else order.price
            sides[0 if is_bid else 1].append((sign, f"{lots} @ {order.price:,} {name}"))
    shown = [", ".join(row for _, row in sorted(side, key=lambda e: e[0])) for side in sides]
    return " | ".join(side or "–" for side in shown)


def show_waiting(records: dict[bytes, bytes]) -> str:
    """Return the waiting orders with their triggers, oldest first."""
    rows = [
        f"{order.quantity - order.filled:,} @ {order.price:,} {name} at {order.trigger:,}"
        for name, order in list_orders(records)
        if order.trigger
    ]
    return ", ".join(rows) or "–"


def show_market(records: dict[bytes, bytes], claim: str) -> str:
    """Return a market's status, and of its other fields those that the example names."""
    named = claim.split(", ")
    number = int(named[0].split()[0]) if named[0][0].isdigit() else 1
    data = records.get(bytes([_MARKETS]) + number.to_bytes(4, "big"))
    if data is None:
        return f"{number} gone"
    record = MarketRecord.decode(data)
    status = MarketStatus(record.status).name
    shown = [f"{number} {status}" if named[0][0].isdigit() else status]
    for part in named[1:]:
        field = part.split()[0]
        name = {"last": "last_price"}.get(field, field)
        shown.append(f"{field} {getattr(record, name):,}")
    return ", ".join(shown)


def show_balance(records: dict[bytes, bytes], owner: str, subaccount: int, claim: str) -> str:
    """Return what an owner has of the tokens that the example names: free, and + reserved.

    The free part is … where the example leaves it out, as fees are paid from it.
    """
    shown = []
    for part in claim.split(", "):
        symbol = part.split()[-1]
        token = TOKENS[symbol]
        owned = bytes([_BALANCES]) + NAMES[owner].address + bytes([subaccount])
        key = owned + token.to_bytes(4, "big")
        record = BalanceRecord.decode(records[key]) if key in records else BalanceRecord(0, 0)
        free = "…" if part.startswith("…") else f"{record.free:,}"
        reserved = f" + {record.reserved:,}" if record.reserved else ""
        shown.append(f"{free}{reserved} {symbol}")
    return ", ".join(shown)
