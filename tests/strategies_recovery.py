"""Hypothesis strategies for the messages about guardians and keys."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    CancelRecovery,
    FinishRecovery,
    Message,
    SetGuardians,
    SetRecipients,
    StartRecovery,
)
from tests.cast import AGENTS, GUEST
from tests.field_draws import addresses


@st.composite
def set_guardians(draw: st.DrawFn, *, wide: bool = False) -> SetGuardians:
    """Draw guardians, one in a few times none."""
    most = limits.GUARDIANS_MAX if wide else 3
    named = draw(st.lists(addresses(wide=wide), max_size=most, unique=True))
    if not named:
        return SetGuardians((), 0, 0)
    shortest, longest = limits.RECOVERY_DELAY_MIN_MS, limits.RECOVERY_DELAY_MAX_MS
    delay_ms = draw(st.integers(shortest, longest)) if wide else shortest
    return SetGuardians(tuple(sorted(named)), draw(st.integers(1, len(named))), delay_ms)


@st.composite
def start_recovery(draw: st.DrawFn, *, wide: bool = False) -> StartRecovery:
    """Draw approvals of few keys, so that guardians agree."""
    account = draw(addresses(wide=wide))
    few = st.sampled_from([key.address for key in (AGENTS[0], AGENTS[1], GUEST)])
    keys = addresses(wide=True) if wide else few
    return StartRecovery(account, draw(keys.filter(lambda key: key != account)))


def cancel_recovery(*, wide: bool = False) -> SearchStrategy[CancelRecovery]:
    """Draw what has no fields."""
    assert wide in {True, False}
    return st.just(CancelRecovery())


def finish_recovery(*, wide: bool = False) -> SearchStrategy[FinishRecovery]:
    """Draw whose key is to take effect, mostly too early."""
    return st.builds(FinishRecovery, addresses(wide=wide))


def set_recipients(*, wide: bool = False) -> SearchStrategy[SetRecipients]:
    """Draw whom an account pays, now and then nobody."""
    named = st.lists(addresses(wide=wide), max_size=16 if wide else 4, unique=True)
    return st.builds(SetRecipients, named.map(lambda drawn: tuple(sorted(drawn))))


RECOVERY_MESSAGES: dict[type[Message], SearchStrategy[Message]] = {
    SetGuardians: set_guardians(),
    StartRecovery: start_recovery(),
    CancelRecovery: cancel_recovery(),
    FinishRecovery: finish_recovery(),
    SetRecipients: set_recipients(),
}
"""Small messages of each kind."""
WIDE_RECOVERY: SearchStrategy[Message] = st.one_of(
    set_guardians(wide=True),
    start_recovery(wide=True),
    cancel_recovery(wide=True),
    finish_recovery(wide=True),
    set_recipients(wide=True),
)
