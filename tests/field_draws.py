"""Hypothesis strategies for the fields of messages: small, or over their whole valid range."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.units import OrderType, PostOnly, TimeInForce
from tests.cast import KEYS, PAST_HEIGHTS, PAST_MS, UNKNOWN_MARKET

MARKETS = (1, 2, 3, 4, 5, 6, 7, UNKNOWN_MARKET)
UNITS = (1, 2, 10, 25, 5 * 10**30)
TRIGGERED = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)


def numbers(most: int, top: int, *, wide: bool) -> SearchStrategy[int]:
    """Draw 1 to a few, or to the greatest."""
    return st.integers(1, top if wide else most)


def addresses(*, wide: bool) -> SearchStrategy[bytes]:
    """Draw an address, small: of somebody who takes part."""
    if wide:
        return st.binary(min_size=20, max_size=20).filter(any)
    return st.sampled_from([key.address for key in KEYS])


def times(*, wide: bool) -> SearchStrategy[int]:
    """Draw times around the next blocks; few are in the past or too far."""
    if wide:
        return st.integers(1, limits.U64_MAX)
    near = [PAST_MS - 1, PAST_MS, PAST_MS + 1, 1_500, 2_000, 2_500, 3_000, 5_000]
    far = [limits.EXPIRY_AHEAD_MAX_MS + PAST_MS, limits.EXPIRY_AHEAD_MAX_MS + PAST_MS + 1]
    return st.sampled_from(near * 3 + far)


def heights(*, wide: bool) -> SearchStrategy[int]:
    """Draw heights around the next blocks; few are in the past or too far."""
    if wide:
        return st.integers(1, limits.U64_MAX)
    far = limits.EXPIRY_HEIGHTS_MAX + PAST_HEIGHTS
    return st.sampled_from([*range(1, 7), *range(2, 5), far, far + 1])


def subaccounts(*, wide: bool) -> SearchStrategy[int]:
    """Draw one of two subaccounts, or of all."""
    return st.integers(0, 255) if wide else st.sampled_from([0, 0, 0, 1])


def client_ids(*, wide: bool) -> SearchStrategy[int]:
    """Draw few client ids, so that they come again."""
    return numbers(24, limits.U64_MAX, wide=wide)


def markets(*, wide: bool) -> SearchStrategy[int]:
    """Draw a market, small: mostly the first."""
    return st.integers(1, limits.U32_MAX) if wide else st.sampled_from([1, 1, *MARKETS])


def lots(*, wide: bool) -> SearchStrategy[int]:
    """Draw quantities; the smallest and the greatest are outside of most markets."""
    return st.integers(1, limits.QUANTITY_LOTS_MAX) if wide else st.sampled_from([*range(1, 8), 41])


def prices(*, wide: bool) -> SearchStrategy[int]:
    """Draw few prices, so that orders meet."""
    return numbers(5, limits.PRICE_TICKS_MAX, wide=wide)


def steps(*, wide: bool) -> SearchStrategy[int]:
    """Draw how many matches an order may take."""
    return st.integers(1, limits.MATCHES_MAX) if wide else st.sampled_from([1, 2, 3, 4, 16])


Kind = tuple[int, int, int]
"""Order type, time in force, post-only."""


def is_kind(kind: Kind) -> bool:
    """Tell whether type, time in force and post-only go together."""
    order_type, tif, post_only = kind
    rests = tif not in {TimeInForce.IOC, TimeInForce.FOK}
    if order_type == OrderType.MARKET and rests:
        return False
    if order_type == OrderType.ICEBERG and not rests:
        return False
    return not post_only or (rests and order_type not in TRIGGERED)


KINDS = [
    kind
    for kind in ((t, tif, post) for t in OrderType for tif in TimeInForce for post in range(3))
    if is_kind(kind)
]
PLAIN_KIND = (int(OrderType.LIMIT), int(TimeInForce.GTC), int(PostOnly.NONE))
