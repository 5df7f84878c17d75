"""Running sums of votes against adding them up."""

from hypothesis import given
from hypothesis import strategies as st

from omg_abci.state.tally import Tally

_VOTES = st.lists(st.tuples(st.integers(0, 620), st.integers(1, 1 << 192)), max_size=40)


@given(votes=_VOTES, gone=st.integers(0, 40))
def test_sums_are_what_adding_up_gives(votes: list[tuple[int, int]], gone: int) -> None:
    """After votes came and some of them went, in another order."""
    tally = Tally()
    for step, shares in votes:
        tally.add(step, shares)
    for step, shares in votes[:gone]:
        tally.add(step, -shares)
    left = votes[gone:]
    assert tally.total == sum(shares for _, shares in left)
    for step in (0, 1, 300, 619, 620, 1_000):
        assert tally.sum_until(step) == sum(shares for at, shares in left if at <= step)
    assert sorted(tally.steps) == sorted({step for step, _ in left})
