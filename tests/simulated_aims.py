"""Transactions of `omgd simulate` that aim at what random ones meet too rarely.

Each looks at the oracle's state for what is missing, and does the next step towards a refusal that
needs several: a market that is being delisted, a best price with no room beside it, a validator
whose shares are worth more than a token.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    CreateValidator,
    Delegate,
    Message,
    PlaceOrder,
    SetSwitch,
    Transfer,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.units import (
    MarketAction,
    MarketStatus,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)
from tests.cast import AGENTS, GUEST, OWNERS, PAST_MS, PUBLIC_KEYS, Key
from tests.model import Model
from tests.model_book import list_side
from tests.model_stake_state import Validator
from tests.strategies import TxPlan

_PRICE_HIGH = 1 << 40
_STEPS_MAX = 46
"""Undelegations of a token that are worth while to make shares dear."""
_UNKNOWN_IDS = 10**12
_AIMS_A_DRAW = 2
_KEPT = 2_000
"""Less than a market's bond."""

Aim = Callable[[], Iterator[TxPlan]]
"""The next step towards something, or nothing when it is not the time for it."""


class AimSource:
    """Draws transactions with an aim; the same seed, states and calls give the same ones."""

    def __init__(self, random: Random, model: Model) -> None:
        """Draw from a generator, beside the oracle's state."""
        self._random = random
        self._model = model
        self._pursued = Counter[str]()
        """How often each aim had something to do."""
        self.time_ms = 0
        """Of the block that is drawn for."""

    def draw(self, time_ms: int) -> list[TxPlan]:
        """Draw the next steps towards two aims, for a block at this time.

        Those come first that had something to do least often: what can be pursued in few states is
        then pursued in most of them.
        """
        self.time_ms = time_ms
        aims = self.list_aims()
        self._random.shuffle(aims)
        found: list[TxPlan] = []
        pursued = 0
        for aim in sorted(aims, key=lambda each: self._pursued[each.__name__]):
            steps = list(aim())
            if steps:
                self._pursued[aim.__name__] += 1
                pursued += 1
                found += steps
            if pursued == _AIMS_A_DRAW:
                break
        return found

    def list_aims(self) -> list[Aim]:
        """Return every aim."""
        return [
            self._aim_switch,
            self._aim_slide,
            self._aim_delisting,
            self._aim_bond,
            self._aim_markets,
            self._aim_tombstones,
            self._aim_agents,
            self._aim_far_expiry,
            self._aim_jailed,
            self._aim_validators,
            self._aim_dear_shares,
            self._aim_emptied,
        ]

    def _plan(self, owner: Key, *legs: Message) -> TxPlan:
        nonce = self._random.randint(210, 290)
        return TxPlan(
            owner,
            owner,
            nonce,
            0,
            atomic=False,
            max_unit_price=_PRICE_HIGH,
            valid_for_ms=0,
            legs=legs,
        )

    def _find_key(self, address: bytes) -> Key | None:
        return next((key for key in OWNERS if key.address == address), None)

    # --- exchange -----------------------------------------------------------------------------

    def _aim_switch(self) -> Iterator[TxPlan]:
        """Set a switch in the past, or more than a day ahead."""
        far = limits.SWITCH_AHEAD_MAX_MS + PAST_MS + 1
        yield self._plan(self._random.choice(OWNERS), SetSwitch(self._random.choice([1, far])))

    def _aim_slide(self) -> Iterator[TxPlan]:
        """Offer at the lowest price there is, then bid behind it."""
        state = self._model.state
        matching = [number for number, each in sorted(state.markets.items()) if each.is_matching]
        for number in matching:
            asks = list_side(state, number, Side.SELL)
            if asks and asks[0].price == 1 and not state.find_death(asks[0]):
                order = self._make_order(number, Side.BUY, PostOnly.SLIDE)
                yield self._plan(self._random.choice(OWNERS[:3]), order)
            elif not list_side(state, number, Side.BUY):
                order = self._make_order(number, Side.SELL, PostOnly.REJECT)
                yield self._plan(self._random.choice(OWNERS[:3]), order)

    def _make_order(self, market: int, side: int, post_only: int) -> PlaceOrder:
        return PlaceOrder(
            market,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            post_only,
            price=1 if side == Side.SELL else 2,
            quantity=self._model.state.markets[market].lots_min,
            expires_ms=0,
            client_id=self._random.randint(20_000, 1 << 40),
            subaccount=0,
            self_trade=SelfTrade.ALLOW,
            max_matches=1,
        )

    def _aim_delisting(self) -> Iterator[TxPlan]:
        """Fill a market and delist it; trade in one whose delisting begins or goes on."""
        for number, market in sorted(self._model.state.markets.items()):
            creator = self._find_key(market.creator)
            if market.status == MarketStatus.DELISTING:
                order = self._make_order(number, Side.SELL, PostOnly.NONE)
                yield self._plan(OWNERS[1], order, ChangeMarket(number, MarketAction.RESUME))
            elif market.status == MarketStatus.CANCEL_ONLY and market.until_ms <= self.time_ms:
                yield self._plan(OWNERS[1], self._make_order(number, Side.SELL, PostOnly.NONE))
            elif creator is not None and self._random.random() < 0.2:
                rest = [self._make_order(number, Side.SELL, PostOnly.REJECT) for _ in range(5)]
                order = self._make_order(number, Side.BUY, PostOnly.NONE)
                yield self._plan(creator, *rest, ChangeMarket(number, MarketAction.DELIST), order)

    def _aim_bond(self) -> Iterator[TxPlan]:
        """Give nearly everything away and create a market."""
        yield from self._give_away_before(_MARKET)

    def _give_away_before(self, leg: Message) -> Iterator[TxPlan]:
        """Let the poorest owner keep less than a bond, and then do what needs one."""
        owner, state = OWNERS[-1], self._model.state
        free = state.get_free(self._model.payer(owner.address))
        amount = free - 1_400 * state.unit_price - _KEPT
        if amount > 0 and self._random.random() < 0.5:
            to = OWNERS[0].address
            yield self._plan(owner, Transfer(to, state.fee_token, amount, 0, 0), leg)

    def _aim_markets(self) -> Iterator[TxPlan]:
        """Create more markets than there may be."""
        if limits.MARKETS_MAX < 100:
            yield self._plan(OWNERS[1], _MARKET, _MARKET, _MARKET)

    def _aim_tombstones(self) -> Iterator[TxPlan]:
        """Cancel what was never placed, more often than is remembered."""
        if limits.TOMBSTONES_MAX < 10:
            first = _UNKNOWN_IDS + self._random.getrandbits(40)
            yield self._plan(OWNERS[2], *[CancelOrder(first + place) for place in range(12)])

    def _aim_agents(self) -> Iterator[TxPlan]:
        """Approve more agents than there may be, and for too long."""
        agents = (*AGENTS, GUEST)
        longest = limits.AGENT_AHEAD_MAX_MS + PAST_MS
        ends = self._random.choice([90_000, 90_000, longest + 1])
        yield self._plan(OWNERS[2], *[ApproveAgent(key.address, 1, ends) for key in agents])

    def _aim_far_expiry(self) -> Iterator[TxPlan]:
        """Place an order for more than a year."""
        order = self._make_order(1, Side.BUY, PostOnly.NONE)
        far = limits.EXPIRY_AHEAD_MAX_MS + PAST_MS + 1
        yield self._plan(
            self._random.choice(OWNERS),
            order._replace(time_in_force=TimeInForce.GTT, expires_ms=far),
        )

    # --- stake --------------------------------------------------------------------------------

    def _aim_jailed(self) -> Iterator[TxPlan]:
        """Ask to leave the jail as soon as one is in it, or for ever out."""
        for owner, validator in sorted(self._model.state.stake.validators.items()):
            key = self._find_key(owner)
            if validator.is_out and key is not None:
                yield self._plan(key, Unjail())

    def _aim_validators(self) -> Iterator[TxPlan]:
        """Create a validator where there are as many as there may be."""
        validators = self._model.state.stake.validators
        used = [each.public_key for each in validators.values()]
        free = [key for key in PUBLIC_KEYS if key not in used]
        for key in OWNERS:
            if key.address not in validators and free:
                leg = CreateValidator(free[0], "aimed", 0, 100, 100, 1_000, 1_000)
                yield self._plan(key, leg)

    def _sell(self, key: Key, owner: bytes, validator: Validator) -> Iterator[TxPlan]:
        """Take tokens one by one until a single share is worthless, then all but that, and buy.

        Each token taken costs two shares. Who leaves a worthless share behind gives it up, and then
        there are fewer shares than tokens.
        """
        too_many = validator.shares - validator.tokens - 1
        held = self._model.state.stake.delegations[key.address, owner].shares - 2 * too_many
        legs: list[Message] = [Undelegate(owner, 1)] * too_many
        legs += [Undelegate(owner, max(1, held - 2)), Delegate(owner, 1)]
        size = limits.LEGS_TYPED_MAX
        for place, first in enumerate(range(0, len(legs), size)):
            yield self._plan(key, *legs[first : first + size])._replace(nonce=300 + place)

    def _aim_emptied(self) -> Iterator[TxPlan]:
        """Leave a validator that signs one token, which the smallest slash takes."""
        stake = self._model.state.stake
        for owner, validator in sorted(stake.validators.items()):
            if validator.is_out or validator.tokens < 2 or not validator.missed:
                continue
            left = 1
            for key in OWNERS:
                held = stake.delegations.get((key.address, owner))
                worth = held.shares * validator.tokens // validator.shares if held else 0
                if worth > left:
                    yield self._plan(key, Undelegate(owner, worth - left))
                    left = 0

    def _aim_dear_shares(self) -> Iterator[TxPlan]:
        """Take a token at a time from a slashed validator: rounding makes its shares dearer.

        Buy of those that are dear, and of those that are worth nothing any more.
        """
        stake = self._model.state.stake
        for owner, validator in sorted(stake.validators.items()):
            if validator.tombstoned:
                continue
            if validator.tokens > validator.shares or (validator.shares and not validator.tokens):
                yield self._plan(self._random.choice(OWNERS[:3]), Delegate(owner, 1))
            elif 0 < validator.shares - validator.tokens < _STEPS_MAX:
                holders = [key for key in OWNERS if (key.address, owner) in stake.delegations]
                if holders:
                    yield from self._sell(self._random.choice(holders), owner, validator)


_MARKET = CreateMarket(2, 1, 1, 1, 1, 5, 1, 0, limits.AUCTION_MIN_MS)
