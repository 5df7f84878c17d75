"""The picture of the fee scenario: price, collected, refunded and paid over the epochs."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from omg_abci.simulation.fees_scenario import Epoch

mpl.use("Agg")

_INK: Final = "#1c2430"
_SOFT: Final = "#6b7480"
_PAID: Final = "#58b37e"
_REFUNDED: Final = "#9db7d6"
_VOTED: Final = "#c8372d"
_STYLE: Final[Any] = {
    "font.size": 9.5,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "omg-fees",
}
_MILLION: Final = 1_000_000


def draw_epochs(epochs: list[Epoch], place: Path) -> None:
    """Draw the picture; the name's ending says in which form."""
    with mpl.rc_context(_STYLE):
        picture = Picture(figsize=(11, 6.2), layout="constrained")
        upper, lower = picture.subplots(2, 1, sharex=True)
        _draw_prices(upper, epochs)
        _draw_amounts(lower, epochs)
        for axes in (upper, lower):
            _mark_phases(axes, epochs)
        picture.savefig(place, dpi=110, metadata={"Date": None} if place.suffix == ".svg" else None)


def _draw_prices(axes: Axes, epochs: list[Epoch]) -> None:
    numbers = range(1, len(epochs) + 1)
    charged = [epoch.unit_price for epoch in epochs]
    axes.step(numbers, charged, where="mid", color=_SOFT, label="provisional price")
    effective = [
        float("nan") if epoch.effective_price is None else epoch.effective_price for epoch in epochs
    ]
    axes.plot(numbers, effective, "o", ms=4, color=_PAID, label="effective price: paid / work")
    axes.set_yscale("log")
    axes.set_ylabel("price of a work unit")
    axes.legend(loc="lower center", frameon=False)
    axes.set_title("Fees under a volume shock and a quiet spell", loc="left")


def _draw_amounts(axes: Axes, epochs: list[Epoch]) -> None:
    numbers = range(1, len(epochs) + 1)
    paid = [epoch.paid / _MILLION for epoch in epochs]
    refunded = [epoch.refunded / _MILLION for epoch in epochs]
    axes.bar(numbers, paid, color=_PAID, label="paid to stakers")
    axes.bar(numbers, refunded, bottom=paid, color=_REFUNDED, label="refunded to payers")
    voted = [epoch.voted / _MILLION for epoch in epochs]
    axes.step(numbers, voted, where="mid", color=_VOTED, lw=1, label="voted cost")
    axes.set_ylabel("smallest units, millions")
    axes.set_yscale("symlog", linthresh=50)
    axes.set_xlabel("epoch")
    axes.legend(loc="upper center", frameon=False, title="a bar is what an epoch collected")


def _mark_phases(axes: Axes, epochs: list[Epoch]) -> None:
    """Draw a line where the volume changes, and say what it is from there on."""
    starts = [0] + [
        n for n, pair in enumerate(pairwise(epochs), 1) if pair[0].phase != pair[1].phase
    ]
    for start in starts:
        axes.axvline(start + 0.5, color=_SOFT, lw=0.6, ls=":")
        axes.annotate(
            epochs[start].phase,
            (start + 0.7, 1.0),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=8,
            color=_SOFT,
        )
