"""Hypothesis strategies for the messages of those who open and change markets."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.messages import ChangeMarket, CreateMarket
from tests.field_draws import UNITS, markets


def create_market(*, wide: bool = False) -> SearchStrategy[CreateMarket]:
    """Draw markets; some of tokens that do not exist, some with lots above a supply."""
    if not wide:
        return st.builds(
            CreateMarket,
            st.sampled_from([2, 3, 9]),
            st.sampled_from([1, 4, 8]),
            st.sampled_from(UNITS),
            st.sampled_from(UNITS),
            st.integers(1, 3),
            st.sampled_from([5, 40]),
            st.integers(1, 2),
            st.sampled_from([0, 0, limits.BAND_MIN_BP, limits.BAND_MAX_BP]),
            st.sampled_from([limits.AUCTION_MIN_MS, 2_000]),
        )
    unit = st.sampled_from([digits * 10**zeros for digits in (1, 2, 5, 25) for zeros in range(37)])
    token, size = st.integers(1, limits.U32_MAX), st.integers(1, limits.QUANTITY_LOTS_MAX)

    def build(
        tokens: list[int], bounds: list[int], base: int, quote: int, *rest: int
    ) -> CreateMarket:
        mode, band_bp, auction_ms = rest
        sizes = min(bounds), max(bounds)
        return CreateMarket(tokens[0], tokens[1], base, quote, *sizes, mode, band_bp, auction_ms)

    return st.builds(
        build,
        st.lists(token, min_size=2, max_size=2, unique=True),
        st.lists(size, min_size=2, max_size=2),
        unit,
        unit,
        st.integers(1, 2),
        st.just(0) | st.integers(limits.BAND_MIN_BP, limits.BAND_MAX_BP),
        st.integers(limits.AUCTION_MIN_MS, limits.AUCTION_MAX_MS),
    )


def change_market(*, wide: bool = False) -> SearchStrategy[ChangeMarket]:
    """Draw what creators do, and others try."""
    return st.builds(ChangeMarket, markets(wide=wide), st.integers(1, 3))
