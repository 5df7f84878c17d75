"""Markets written the plainest way: their status, their band, creating and changing them.

See docs/spec/markets.md.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import ChangeMarket, CreateMarket
from omg_abci.protocol.results import LegResult, StatusChanged
from omg_abci.protocol.units import MarketAction, MarketStatus
from tests.model_state import Market, Refused, State

ACTIVE, AUCTION, CANCEL_ONLY = (
    MarketStatus.ACTIVE,
    MarketStatus.AUCTION,
    MarketStatus.CANCEL_ONLY,
)


def set_status(state: State, number: int, status: int, until_ms: int = 0) -> None:
    """Change a market's status, which is an event."""
    market = state.markets[number]
    state.markets[number] = market._replace(status=status, until_ms=until_ms)
    state.events.append(StatusChanged(number, status, until_ms))


def begin_auction(state: State, number: int) -> None:
    """Let a market collect orders for a call auction: to open, to resume or after a halt."""
    set_status(state, number, AUCTION, state.now + state.markets[number].auction_ms)


def compute_renewed(state: State, market: Market) -> Market:
    """Return the market with the reference that its band has at this time."""
    due = market.band_bp and market.reference
    if due and state.now >= market.reference_ms + limits.BAND_WINDOW_MS:
        return market._replace(reference=market.last_price, reference_ms=state.now)
    return market


def is_in_band(market: Market, price: int) -> bool:
    """Tell whether a market may trade at a price."""
    if not market.band_bp or not market.reference:
        return True
    return abs(price - market.reference) * 10_000 <= market.reference * market.band_bp


def note_fill(state: State, number: int, price: int) -> None:
    """Remember the price of a fill: last price, range of the triggers, first reference."""
    market = state.markets[number]
    low = price if market.high == 0 else min(market.low, price)
    market = market._replace(last_price=price, low=low, high=max(market.high, price))
    if market.band_bp and not market.reference:
        market = market._replace(reference=price, reference_ms=state.now)
    state.markets[number] = market


def create_market(state: State, owner: bytes, leg: CreateMarket) -> LegResult:
    """Lock the bond and open a market, which begins with an auction."""
    if leg.base not in state.tokens or leg.quote not in state.tokens:
        raise Refused(errors.UnknownToken)
    if leg.lots_min * leg.base_unit > state.tokens[leg.base].supply:
        raise Refused(errors.LotAboveSupply)
    if len(state.markets) >= limits.MARKETS_MAX:
        raise Refused(errors.TooManyMarkets)
    if state.get_free((owner, 0, state.fee_token)) < state.market_bond:
        raise Refused(errors.BondNotCovered)
    state.add_free((owner, 0, state.fee_token), -state.market_bond)
    number = state.next_market
    state.next_market += 1
    state.markets[number] = Market(
        leg.base,
        leg.quote,
        leg.base_unit,
        leg.quote_unit,
        leg.lots_min,
        leg.lots_max,
        leg.mode,
        leg.band_bp,
        leg.auction_ms,
        owner,
        state.market_bond,
    )
    begin_auction(state, number)
    return LegResult(market=number)


def change_market(state: State, owner: bytes, leg: ChangeMarket) -> LegResult:
    """Stop, resume or delist a market for its creator."""
    if leg.market not in state.markets:
        raise Refused(errors.UnknownMarket)
    market = state.markets[leg.market]
    if market.creator != owner:
        raise Refused(errors.NotMarketCreator)
    status, running = market.status, market.status in {ACTIVE, AUCTION}
    quiet = status == CANCEL_ONLY and market.until_ms == 0
    if leg.action == MarketAction.CANCEL_ONLY and running:
        set_status(state, leg.market, CANCEL_ONLY)
    elif leg.action == MarketAction.RESUME and status == CANCEL_ONLY:
        begin_auction(state, leg.market)
    elif leg.action == MarketAction.DELIST and (running or quiet):
        set_status(state, leg.market, CANCEL_ONLY, state.now + limits.DELIST_NOTICE_MS)
    else:
        raise Refused(errors.MarketActionNotPossible)
    return LegResult()
