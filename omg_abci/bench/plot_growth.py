"""The part of the picture that shows that an order costs the same whatever the state's size."""

from typing import Final

from matplotlib.axes import Axes

from omg_abci.bench.results import Figure

_PARTS: Final = {
    "execute": ("#c94f3d", "execute"),
    "tree": ("#3f8f6b", "tree fold, read process"),
    "check": ("#e2795a", "check"),
    "store": ("#5c3a4b", "RocksDB"),
    "view": ("#79bb98", "indexes, read process"),
    "commit": ("#e3a0b5", "commit in memory"),
    "hash": ("#8f2f3f", "hash"),
}


def draw_growth(axes: Axes, figure: Figure) -> None:
    """Draw an order's cost over the number of accounts, in all and by part."""
    states = sorted(figure["more"]["states"].values(), key=lambda state: state["accounts"])
    plain = [state for state in states if not state["history"]]
    history = [state for state in states if state["history"]]
    for chosen, style, label in (
        (plain, "o-", "an order in a block, all parts"),
        (history, "s--", "the same, accounts with a history"),
    ):
        axes.plot(
            [state["accounts"] for state in chosen],
            [state["us_per_order"] for state in chosen],
            style,
            color="#1c2430",
            lw=2,
            label=label,
        )
    for part, (colour, label) in _PARTS.items():
        axes.plot(
            [state["accounts"] for state in plain],
            [state["parts"].get(part, 0.0) for state in plain],
            ".-",
            color=colour,
            lw=1.3,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("accounts, each with an open order (logarithmic)")
    axes.set_ylabel("CPU µs an order")
    axes.grid(color="#e6e8eb")
    axes.set_title(
        "What an order costs as the state grows: flat is better", loc="left", fontweight="bold"
    )
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=5,
        frameon=False,
        fontsize=8,
        handlelength=1.6,
    )
