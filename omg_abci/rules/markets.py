"""A market's life: creation, its creator's changes, price bands (docs/spec/markets.md).

Everything that changes a market's status goes through `change_status`, so that each change is an
event of the block. Imports no matching: matching and auctions import this.
"""

from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import ChangeMarket, CreateMarket
from omg_abci.protocol.results import LegResult, StatusChanged
from omg_abci.protocol.units import MarketAction, MarketStatus, Millis, Ticks
from omg_abci.rules.context import LegContext
from omg_abci.state.objects import Market
from omg_abci.state.records import MarketRecord
from omg_abci.state.working import WorkingState

_BP: Final = 10_000
_ACTIVE: Final = int(MarketStatus.ACTIVE)
_AUCTION: Final = int(MarketStatus.AUCTION)
_CANCEL_ONLY: Final = int(MarketStatus.CANCEL_ONLY)


# --- status and band --------------------------------------------------------------------------


def change_status(state: WorkingState, market: Market, status: int, until_ms: Millis) -> None:
    """Give the market a status and the time at which it ends by itself (0: it does not)."""
    state.set_market(market, status=int(status), until_ms=until_ms)
    state.add_event(StatusChanged(market.id, int(status), until_ms))


def open_auction(state: WorkingState, market: Market) -> None:
    """Let the market collect orders for a call auction."""
    change_status(state, market, _AUCTION, state.time_ms + market.record.auction_ms)


def halt(state: WorkingState, market: Market) -> None:
    """Stop a market whose next trade would be outside its band: it resumes by a call auction."""
    open_auction(state, market)


def get_reference(state: WorkingState, market: Market) -> Ticks:
    """Return the reference of a market's band as `renew_reference` would leave it."""
    reference = market.reference
    if reference and state.time_ms >= market.reference_ms + limits.BAND_WINDOW_MS:
        return market.last_price
    return reference


def renew_reference(state: WorkingState, market: Market) -> None:
    """Move the reference of a market's band to the last price once its window has passed."""
    if market.reference and state.time_ms >= market.reference_ms + limits.BAND_WINDOW_MS:
        state.set_market(market, reference=market.last_price, reference_ms=state.time_ms)


def is_in_band(market: Market, price: Ticks, reference: Ticks | None = None) -> bool:
    """Tell whether the market may trade at a price; every price will do without a reference.

    The reference is the market's own unless another is given.
    """
    around = market.reference if reference is None else reference
    return not around or abs(price - around) * _BP <= around * market.band_bp


def note_first_fill(state: WorkingState, market: Market, price: Ticks) -> None:
    """Make the price of a fill the reference of a banded market that has none."""
    if market.band_bp and not market.reference:
        state.set_market(market, reference=price, reference_ms=state.time_ms)


# --- legs -------------------------------------------------------------------------------------


def process_create_market(state: WorkingState, ctx: LegContext, msg: CreateMarket) -> LegResult:
    """Open a market; raise UnknownToken, LotAboveSupply, TooManyMarkets, BondNotCovered."""
    ctx.work += limits.WORK_MARKET
    for token in (msg.base, msg.quote):
        if token not in state.tokens:
            raise errors.UnknownToken(str(token))
    if msg.lots_min * msg.base_unit > state.tokens[msg.base].supply:
        raise errors.LotAboveSupply
    if len(state.markets) >= limits.MARKETS_MAX:
        raise errors.TooManyMarkets
    owner, bond = ctx.account.owner, state.market_bond
    if state.get_free(owner, 0, state.fee_token) < bond:
        raise errors.BondNotCovered

    state.change_balance(state.get_balance(owner, 0, state.fee_token), -bond, bond)
    market = state.add_market(
        MarketRecord(
            base=msg.base,
            quote=msg.quote,
            base_unit=msg.base_unit,
            quote_unit=msg.quote_unit,
            lots_min=msg.lots_min,
            lots_max=msg.lots_max,
            status=_AUCTION,
            mode=msg.mode,
            band_bp=msg.band_bp,
            auction_ms=msg.auction_ms,
            creator=owner,
            bond=bond,
        )
    )
    open_auction(state, market)
    return LegResult(market=market.id)


def process_change_market(state: WorkingState, ctx: LegContext, msg: ChangeMarket) -> LegResult:
    """Stop, resume or delist; raise UnknownMarket, NotMarketCreator, MarketActionNotPossible."""
    ctx.work += limits.WORK_MARKET
    market = state.markets.get(msg.market)
    if market is None:
        raise errors.UnknownMarket(str(msg.market))
    if market.record.creator != ctx.account.owner:
        raise errors.NotMarketCreator
    status = market.status
    trades = status in (_ACTIVE, _AUCTION)
    if msg.action == MarketAction.CANCEL_ONLY:
        possible = trades
    elif msg.action == MarketAction.RESUME:
        possible = status == _CANCEL_ONLY
    else:
        possible = trades or (status == _CANCEL_ONLY and market.until_ms == 0)
    if not possible:
        raise errors.MarketActionNotPossible

    if msg.action == MarketAction.RESUME:
        open_auction(state, market)
    else:
        delists = msg.action == MarketAction.DELIST
        until_ms = state.time_ms + limits.DELIST_NOTICE_MS if delists else 0
        change_status(state, market, _CANCEL_ONLY, until_ms)
    return LegResult()
