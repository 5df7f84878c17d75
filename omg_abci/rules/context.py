"""What a leg's rule needs to know beside the state and the message."""

from omg_abci.protocol.units import Address, Millis
from omg_abci.state.objects import Account


class LegContext:
    """The acting owner, the transaction's last time, and the work used so far."""

    __slots__ = ("account", "agent", "sponsor", "until_ms", "work")

    def __init__(self, account: Account, until_ms: Millis, agent: Address | None = None) -> None:
        """Start with no work used."""
        self.account = account
        self.until_ms = until_ms
        """When the transaction stops being valid: a tombstone lives until then."""
        self.agent = agent
        """Who signed instead of the owner; None: the owner did."""
        self.sponsor: Address | None = None
        """Who pays fee and deposits instead of the owner, once the first leg named it."""
        self.work = 0
