"""What the field does, to stand beside our figures: measured on a machine like ours, or claimed.

Compare like with like: matching engines with engines, signed orders end to end with what says what
it leaves out.
"""

from typing import Final, NamedTuple


class Peer(NamedTuple):
    """Another project's figure."""

    name: str
    value: float
    measured: bool
    """False: its makers claim it, on machines of their own."""


PEERS: Final[dict[str, tuple[Peer, ...]]] = {
    "match": (
        Peer("lightmatchingengine (Python)", 215_513, measured=True),
        Peer("Vega (Go)", 1_257_963, measured=True),
        Peer("limit-order-book (C++)", 1_360_480, measured=True),
    ),
    "e2e_single": (
        Peer("dYdX v4, no consensus", 3_218, measured=True),
        Peer("CometBFT's kvstore, unsigned", 26_687, measured=True),
    ),
    "e2e_batch": (Peer("Hyperliquid", 100_000, measured=False),),
    "fill_latency": (Peer("Hyperliquid", 200, measured=False),),
    "fill_latency p99_ms": (Peer("Hyperliquid", 900, measured=False),),
}
"""Figure, or figure and limit, to peers in the figure's unit."""
