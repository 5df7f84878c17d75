"""What a case of the vectors is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.messages import CreateMarket, Message, PlaceOrder, TxBody
from omg_abci.protocol.units import MarketMode, OrderType, PostOnly, SelfTrade, Side, TimeInForce
from tests.strategies import CHAIN_ID, OWNERS, START_MS, Key
from tests.vectors.genesis import GENESIS


class Tx(NamedTuple):
    """A transaction; nonce, validity and expiries count from its block's time.

    Without legs, as a refused one, it is the first of the block before, again.
    """

    legs: tuple[Message, ...] = ()
    owner: Key = OWNERS[0]
    signer: Key | None = None
    atomic: bool = False
    nonce: int = 0
    after: int = 0
    valid_for_ms: int = 0
    valid_until_height: int = 0
    max_unit_price: int = 2
    typed: bool = False
    """Signed as by an owner's own key, whoever signs."""


Block = tuple[Tx, ...]
Told = tuple[tuple[Vote, ...], tuple[Offence, ...]]
"""What consensus tells with a block."""


class Malformed(NamedTuple):
    """A body that was signed, and what happened to the bytes afterwards."""

    why: str
    code: int
    body: TxBody
    signer: Key = OWNERS[0]
    twist: Callable[[bytes], bytes] = bytes


class Case(NamedTuple):
    """One vector: blocks that stand, or what is refused after them."""

    message: type[Message]
    verdict: str
    name: str
    note: str
    blocks: tuple[tuple[Tx, ...], ...] = ()
    code: int = 0
    ahead_ms: tuple[int, ...] = ()
    refused: Tx | None = None
    malformed: tuple[Malformed, ...] = ()
    told: tuple[Told, ...] = ()
    """With the first blocks; nothing with the rest."""
    genesis: dict[str, Any] = GENESIS


class Sample(NamedTuple):
    """A body whose digests are a vector."""

    name: str
    body: TxBody


def make_place(**fields: Any) -> PlaceOrder:  # noqa: ANN401 - fields of the message
    """Return a buy order of 5 lots at 4 ticks, unless told otherwise."""
    usual = PlaceOrder(
        1,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=PostOnly.NONE,
        price=4,
        quantity=5,
        expires_ms=0,
        client_id=1,
        subaccount=0,
        self_trade=SelfTrade.CANCEL_NEWEST,
        max_matches=16,
    )
    return usual._replace(**fields)


def make_sell(**fields: Any) -> PlaceOrder:  # noqa: ANN401 - fields of the message
    """Return a sell order of 5 lots at 4 ticks, unless told otherwise."""
    return make_place(**{"side": Side.SELL, "client_id": 100} | fields)


def make_body(*legs: Message, **fields: Any) -> TxBody:  # noqa: ANN401 - fields of the body
    """Return a body of the first owner."""
    usual = TxBody(
        CHAIN_ID,
        OWNERS[0].address,
        nonce=START_MS,
        after=0,
        valid_until_ms=0,
        valid_until_height=0,
        atomic=False,
        max_unit_price=2,
        legs=legs,
    )
    return usual._replace(**fields)


def by(owner: int, *legs: Message, **fields: Any) -> Block:  # noqa: ANN401 - fields of Tx
    """Return a block of one transaction of an owner."""
    return (Tx(legs, OWNERS[owner], **fields),)


def accept(kind: type[Message], name: str, note: str, *blocks: Block, **more: Any) -> Case:  # noqa: ANN401
    """Return a case whose last block holds a leg that is done."""
    return Case(kind, "accepted", name, note, blocks, **more)


def reject(
    kind: type[Message],
    code: int,
    name: str,
    note: str,
    *blocks: Block,
    **more: Any,  # noqa: ANN401
) -> Case:
    """Return a case whose last block holds a leg that failed."""
    return Case(kind, "rejected", name, note, blocks, code, **more)


def make_market(**fields: int) -> CreateMarket:
    """Return a market for the second token against the third, unless told otherwise."""
    usual = CreateMarket(
        base=2,
        quote=3,
        base_unit=10,
        quote_unit=5,
        lots_min=2,
        lots_max=40,
        mode=MarketMode.CONTINUOUS,
        band_bp=0,
        auction_ms=1_000,
    )
    return usual._replace(**fields)
