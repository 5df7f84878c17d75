"""Dense blocks from a seed, chain beside oracle, and a count of everything that they reached.

A seed says which markets are traded, which bounds are narrow and what every block holds, so it
alone repeats a run.
"""

from collections import Counter
from random import Random

from omg_abci.protocol.errors import LegError, get_error_classes
from omg_abci.protocol.results import Activated, Event, LegResult, Removed, StatusChanged
from omg_abci.protocol.units import Ended, MarketStatus
from omg_abci.rules.transition import BlockResult
from tests.random_plans import PlanSource
from tests.side_by_side import SPILLING_LIMITS, TIGHT_LIMITS, WALLET_LIMITS, Pair, narrowed

LEG_CODES = frozenset(
    each.code
    for each in get_error_classes()
    if issubclass(each, LegError) and not 3000 <= each.code < 4000
)
"""Codes of the exchange and of accounts: these runs have no staking."""
WALLET_CODES = frozenset(
    code for code in LEG_CODES if 1007 <= code < 1015 or (code >= 4000 and code != 4013)
)
"""What the legs of wallets, providers and issuers can answer."""
RECOVERY_CODES = frozenset(code for code in LEG_CODES if 1015 <= code < 2000 or code == 4013)
"""What legs about guardians and keys can answer, and what keys or recipients refuse to others."""
FLAGS = (
    *("repeated", "tombstone", "kept_place", "cancelled", "more", "waiting"),
    *("fills", "removals", "decrements", "price", "market"),
)
EVENTS = ("Removed", "Activated", "Trade", "Uncrossed", "StatusChanged")
"""What blocks of the exchange tell: these runs have no staking."""
VALIDATOR_EVENTS = ("ValidatorSlashed", "ValidatorJailed", "ValidatorUnjailed")

TXS_MAX, LEGS_MAX = 12, 16


class Reached:
    """How often each outcome came about."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.steps = 0
        """Legs done and events of blocks."""
        self.counts: Counter[str] = Counter()

    def note_block(self, result: BlockResult) -> None:
        """Count what a block did."""
        for tx in result.results:
            self.steps += len(tx.legs)
            for leg in tx.legs:
                self.note_leg(leg)
        self.steps += len(result.events)
        for event in result.events:
            self.note_event(event)

    def note_leg(self, leg: LegResult) -> None:
        """Count an answer's code, its end and whatever it reports."""
        self.counts[f"code {leg.code}"] += 1
        self.counts[f"ended {Ended(leg.ended).name}"] += 1
        for removal in leg.removals:
            self.counts[f"removal {removal.reason.name}"] += 1
        for flag in FLAGS:
            if getattr(leg, flag):
                self.counts[f"leg {flag}"] += 1

    def note_event(self, event: Event) -> None:
        """Count an event, and what it says."""
        self.counts[f"event {type(event).__name__}"] += 1
        if isinstance(event, Removed):
            self.counts[f"removed {Ended(event.reason).name}"] += 1
        elif isinstance(event, Activated):
            self.counts[f"activated {Ended(event.result.ended).name}"] += 1
        elif isinstance(event, StatusChanged):
            self.counts[f"status {MarketStatus(event.status).name}"] += 1

    def list_missing(self) -> list[str]:
        """Return what the exchange can answer or tell and was not reached."""
        wanted = [
            f"code {code}" for code in (0, *sorted(LEG_CODES - WALLET_CODES - RECOVERY_CODES))
        ]
        wanted += [f"event {name}" for name in EVENTS]
        wanted += [f"leg {flag}" for flag in FLAGS]
        wanted += [f"status {status.name}" for status in MarketStatus]
        wanted += [f"removal {name}" for name in ("EXPIRED", "SWITCHED", "SELF_TRADE")]
        system = ("EXPIRED", "SWITCHED", "DELISTED", "HALTED", "IMMEDIATE", "UNFILLED")
        wanted += [f"removed {name}" for name in system]
        never = ("CANCELLED", "EXPIRED", "SWITCHED", "DELISTED")
        wanted += [f"activated {each.name}" for each in Ended if each.name not in never]
        repeated_only = ("UNFILLED", "DELISTED")
        wanted += [f"ended {each.name}" for each in Ended if each.name not in repeated_only]
        return [each for each in wanted if not self.counts[each]]

    def list_missing_codes(self, codes: frozenset[int]) -> list[int]:
        """Return which of some codes no leg was answered with."""
        return [code for code in sorted(codes) if not self.counts[f"code {code}"]]


def draw_bounds(seed: int) -> dict[str, int]:
    """Return the bounds that are narrow in a seed's run."""
    pick = Random(seed)
    bounds = {
        name: value
        for name, value in TIGHT_LIMITS.items()
        if pick.random() < (0.8 if name.endswith("_MS") else 0.2)
    }
    return bounds | (pick.choice(SPILLING_LIMITS) if pick.random() < 0.5 else {})


def play_seed(
    seed: int,
    blocks: int,
    reached: Reached,
    *,
    compared: int = 1,
    attacked: bool = False,
    draw: type[PlanSource] = PlanSource,
) -> None:
    """Play a seed's blocks side by side; an AssertionError is a difference."""
    with narrowed(draw_bounds(seed) | (WALLET_LIMITS if seed % 2 else {})):
        source = draw(seed)
        pair = Pair(draw.genesis, signed=False, compared=compared)
        for _ in range(blocks):
            plan = source.draw_block(TXS_MAX, LEGS_MAX)
            reached.note_block(pair.play(plan if attacked else plan._replace(attacked=1 << 16)))
