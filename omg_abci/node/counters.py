"""What happened in the mempool since the start, for the node's status and metrics."""

from collections import Counter


class Counters:
    """Numbers that only grow."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.acknowledged: Counter[str] = Counter()
        """By the way they came."""
        self.gossiped = 0
        self.gossip_refused = 0
        self.bad_bundles = 0
        self.dropped_for_room = 0
        self.expired = 0
