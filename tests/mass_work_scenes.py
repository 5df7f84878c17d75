"""What makes the most mass work: five scenes, at any scale, each with a foreseen outcome.

A scene says what is open in the beginning and what is sent in each block meanwhile; played to its
end, every order ended as foreseen and in the order foreseen, and nothing that was due traded.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from omg_abci.protocol import limits
from omg_abci.protocol.messages import CancelAll, CancelOrder
from omg_abci.protocol.results import Activated, LegResult, Removed, StatusChanged, Trade
from omg_abci.protocol.units import Ended, MarketStatus
from tests.mass_work_world import (
    BOND,
    BUY,
    FEE,
    GTC,
    IOC,
    MARKET,
    PROFIT,
    SELL,
    STOP,
    T0,
    MassChain,
    Opened,
    Sent,
    make_address,
    place,
)

MID: Final = 1_000_000
LEVELS: Final = 5_000
TRADERS: Final = (1, 2, 3, 4)
"""Owners that send orders meanwhile; 0 is the markets' creator."""
FIRST: Final = 5
"""The first owner of what is due."""


class Scene(ABC):
    """A chain, what is sent to it, and what must come of it."""

    name: ClassVar[str]
    reason: ClassVar[Ended] = Ended.OPEN
    """Why all that is due ends."""

    def __init__(self, orders: int) -> None:
        """Prepare the chain with so many orders."""
        self.orders = orders
        self.blocks = 0
        """Played so far."""
        self.foreseen: list[tuple[bytes, int]] = []
        """What ends, in order."""
        self.chain = self.prepare()

    @abstractmethod
    def prepare(self) -> MassChain:
        """Return the chain on which everything is due in the next block."""

    @abstractmethod
    def send(self) -> list[Sent]:
        """Return what is sent in the next block."""

    @abstractmethod
    def is_over(self) -> bool:
        """Tell whether nothing is due any more."""

    def check_legs(self, legs: list[LegResult]) -> None:
        """Assert that a block's legs ended as they must: accepted, if not otherwise said."""
        assert [leg.code for leg in legs] == [0] * len(legs)

    def check_end(self) -> None:
        """Assert that what is due ended in order, but for what legs took out before."""
        events = [event for event in self.chain.events if isinstance(event, Removed)]
        gone = self.chain.removed_by_legs
        foreseen = [each for each in self.foreseen if each not in gone]
        assert [event[:2] for event in events] == foreseen
        assert {event.reason for event in events} == {int(self.reason)}
        assert set(gone.values()) <= {int(self.reason)}
        due = dict.fromkeys(self.foreseen)
        assert all((fill.maker, fill.client_id) not in due for fill in self.chain.fills)

    def play(self, *, rehearsed: bool = False, tell: Callable[[int], object] = int) -> None:
        """Apply blocks until it is over, and assert that all came as foreseen."""
        while not self.blocks or not self.is_over():
            legs = self.chain.block(self.send(), rehearsed=rehearsed)
            self.check_legs(legs)
            self.blocks += 1
            tell(self.blocks)
        self.check_end()
        self.chain.check()


def make_ladder(count: int, owners: int, *, ends: int = 0, markets: int = 1) -> list[Opened]:
    """Return orders on both sides of many levels, no two in a row of the same owner."""
    return [
        Opened(
            FIRST + number % owners,
            number + 1,
            BUY if number % 2 else SELL,
            MID - 1 - number % LEVELS if number % 2 else MID + 1 + number % LEVELS,
            number % 3 % markets + 1,
            expires_ms=ends,
        )
        for number in range(count)
    ]


def cross(number: int) -> list[Sent]:
    """Return orders that cross whatever is there, from both sides, and stay or not."""
    client_id = number + 1
    return [
        place(1, client_id, BUY, MID + LEVELS, IOC),
        place(2, client_id, SELL, MID - LEVELS, IOC),
        place(3, client_id, BUY, MID + LEVELS, GTC),
        place(4, client_id, SELL, MID - LEVELS, GTC),
    ]


class Expiry(Scene):
    """All orders of a market expire at one instant; orders that cross are sent meanwhile."""

    name = "expiry"
    reason = Ended.EXPIRED

    def prepare(self) -> MassChain:
        """Let a hundredth as many owners as orders have them all, on both sides."""
        owners = max(2, self.orders // 100)
        ladder = make_ladder(self.orders, owners, ends=T0)
        self.foreseen = [order.name for order in ladder]
        return MassChain(FIRST + owners, ladder)

    def send(self) -> list[Sent]:
        """Cross the dead."""
        return cross(self.blocks)

    def is_over(self) -> bool:
        """Tell whether at most the traders' orders are left."""
        return not self.chain.state.order_expiries

    def check_end(self) -> None:
        """Let the traders leave: then nothing is open."""
        super().check_end()
        self.chain.block([(make_address(owner), CancelAll(0, 0, 1_000)) for owner in TRADERS])
        assert self.chain.open_orders == 0


class Cascade(Scene):
    """Each stop order that is triggered trades at the trigger of the next."""

    name = "cascade"

    def prepare(self) -> MassChain:
        """Put an ask on each level and a stop order between each two of them."""
        owners = max(2, self.orders // 20)
        asks = [
            Opened(FIRST + number % owners, number + 1, SELL, MID + number)
            for number in range(self.orders + 1)
        ]
        # From the last to the first, so that priorities say nothing of the order.
        stops = [
            Opened(
                FIRST + number * 7 % owners,
                self.orders + number + 2,
                BUY,
                MID + number + 1,
                order_type=STOP,
                trigger=MID + number,
            )
            for number in range(self.orders)
        ]
        self.foreseen = [order.name for order in stops]
        return MassChain(FIRST + owners, asks + stops[::-1])

    def send(self) -> list[Sent]:
        """Trade once, at the first level."""
        return [] if self.blocks else [place(1, 1, BUY, MID)]

    def is_over(self) -> bool:
        """Tell whether the last ask was bought."""
        return not self.chain.open_orders

    def check_end(self) -> None:
        """Assert that each was filled on the level above the one before."""
        events = [event for event in self.chain.events if isinstance(event, Activated)]
        assert len(events) == len(self.chain.events)
        assert [event[:2] for event in events] == self.foreseen
        assert [event.result.ended for event in events] == [Ended.FILLED] * self.orders
        prices = [fill.price for event in events for fill in event.result.fills]
        assert prices == [MID + 1 + number for number in range(self.orders)]


class Delisting(Scene):
    """A full market's notice ends: its orders go, resting and waiting, then it goes itself."""

    name = "delisting"
    reason = Ended.DELISTED

    def prepare(self) -> MassChain:
        """Let a tenth as many orders wait as rest."""
        owners = max(2, self.orders // 20)
        ladder = make_ladder(self.orders, owners)
        book = sorted(ladder, key=lambda each: (each.side, each.price * (2 * each.side - 3)))
        waiting = [
            Opened(
                FIRST + number % owners,
                self.orders + number + 1,
                BUY if number % 3 else SELL,
                MID,
                order_type=STOP if number % 2 else PROFIT,
                trigger=(MID + 9_999 - number * 7 % 9_000)
                if (number % 2 == 1) == (number % 3 > 0)
                else (MID - 9_999 + number * 7 % 9_000),
            )
            for number in range(self.orders // 10)
        ]
        self.foreseen = [order.name for order in book + waiting]
        self.last = waiting[-1].name
        market = {
            "status": int(MarketStatus.CANCEL_ONLY),
            "until_ms": T0,
            "bond": BOND,
            "creator": make_address(0),
            "last_price": MID,
            "low": MID,
            "high": MID,
        }
        return MassChain(FIRST + owners, ladder + waiting, market=market)

    def send(self) -> list[Sent]:
        """Try to trade, and cancel the order that would be removed last."""
        owner, client_id = self.last
        return [place(1, 1, BUY, MID), *([] if self.blocks else [(owner, CancelOrder(client_id))])]

    def is_over(self) -> bool:
        """Tell whether the market is gone."""
        return not self.chain.state.markets

    def check_legs(self, legs: list[LegResult]) -> None:
        """Assert that only the cancellation was possible."""
        if not self.blocks:
            assert legs[1].ended == Ended.CANCELLED
            self.foreseen.pop()
        assert legs[0].code == 2026 or (self.is_over() and legs[0].code == 2000)

    def check_end(self) -> None:
        """Assert that the market went last, and its bond back."""
        super().check_end()
        assert self.chain.events[0] == StatusChanged(MARKET, int(MarketStatus.DELISTING), 0)
        assert self.chain.events[-1] == StatusChanged(MARKET, int(MarketStatus.GONE), 0)
        assert self.chain.state.get_balance(make_address(0), 0, FEE).reserved == 0


class CallAuction(Scene):
    """A market opens with a book in which every order crosses."""

    name = "auction"

    def prepare(self) -> MassChain:
        """Put half of the orders on each side, many levels deep in the other."""
        owners = max(2, self.orders // 20)
        orders = [
            Opened(
                FIRST + number % owners,
                number + 1,
                BUY if number % 2 else SELL,
                MID + 1 + number % LEVELS if number % 2 else MID - 1 - number % LEVELS,
            )
            for number in range(self.orders)
        ]
        market = {"status": int(MarketStatus.AUCTION), "until_ms": T0}
        return MassChain(FIRST + owners, orders, market=market)

    def send(self) -> list[Sent]:
        """Try to get ahead of the others."""
        return [place(1, 1, BUY, MID + 2 * LEVELS)]

    def is_over(self) -> bool:
        """Tell whether the market trades as always."""
        return self.chain.state.markets[MARKET].status == MarketStatus.ACTIVE

    def check_legs(self, legs: list[LegResult]) -> None:
        """Assert that nobody may enter before the auction is over."""
        if not self.is_over():
            assert [leg.code for leg in legs] == [2024]

    def check_end(self) -> None:
        """Assert that all traded at one price, in book order, and nothing is open."""
        trades = [event for event in self.chain.events if isinstance(event, Trade)]
        assert len(trades) == self.orders // 2
        assert {event.price for event in trades} == {MID}
        assert {event.quantity for event in trades} == {1}
        bids = [-self.price_of(event.buy_client_id) for event in trades]
        asks = [self.price_of(event.sell_client_id) for event in trades]
        assert (bids, asks) == (sorted(bids), sorted(asks))
        assert self.chain.open_orders == 0

    def price_of(self, client_id: int) -> int:
        """Return the price of an order of the beginning."""
        number = client_id - 1
        return MID + 1 + number % LEVELS if number % 2 else MID - 1 - number % LEVELS


class Switch(Scene):
    """An owner's dead-man's switch fires over orders in three markets."""

    name = "switch"
    reason = Ended.SWITCHED

    def prepare(self) -> MassChain:
        """Let one owner have all orders."""
        ladder = make_ladder(self.orders, 1, markets=3)
        ordered = sorted(ladder, key=lambda each: (each.market, each.side))
        self.foreseen = [order.name for order in ordered]
        return MassChain(FIRST + 1, ladder, markets=3, switches={FIRST: T0})

    def send(self) -> list[Sent]:
        """Cross the dead, and let their owner try to come back."""
        return [*cross(self.blocks), place(FIRST, 10**9, BUY, 1)]

    def is_over(self) -> bool:
        """Tell whether the switch is off."""
        return not self.chain.state.get_account(make_address(FIRST)).switch_ms

    def check_legs(self, legs: list[LegResult]) -> None:
        """Assert that the owner may not place before its orders are gone."""
        if not self.is_over():
            assert [leg.code for leg in legs] == [0, 0, 0, 0, 2021]

    def check_end(self) -> None:
        """Let the traders leave: then nothing is open."""
        super().check_end()
        self.chain.block([(make_address(owner), CancelAll(0, 0, 1_000)) for owner in TRADERS])
        assert self.chain.open_orders == 0


def make_scenes(orders: int) -> dict[str, Callable[[], Scene]]:
    """Return what makes each scene, at the scale of an expiry of so many orders."""
    return {
        Expiry.name: lambda: Expiry(orders),
        Cascade.name: lambda: Cascade(orders // 100),
        Delisting.name: lambda: Delisting(orders // 5),
        CallAuction.name: lambda: CallAuction(orders // 10),
        Switch.name: lambda: Switch(orders // 10),
    }


def describe(scene: Scene) -> dict[str, object]:
    """Return a played scene's figures: blocks, steps and ms a block."""
    chain = scene.chain
    blocks = len(chain.took_ms)
    return {
        "scene": scene.name,
        "orders": scene.orders,
        "blocks": blocks,
        "mass_steps": sum(chain.steps),
        "full_blocks": chain.steps.count(limits.MASS_STEPS_MAX),
        "ms": _summarise(chain.took_ms),
        "cpu_ms": _summarise(chain.cpu_ms),
    }


def _summarise(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[last // 2], 1),
        "p99": round(ordered[last * 99 // 100], 1),
        "max": round(ordered[last], 1),
    }
