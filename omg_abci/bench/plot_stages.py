"""The part of the picture that shows where an order's processor time goes."""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from omg_abci.bench.results import Figure

COLOURS: Final = {
    "decode": "#9ec9f0",
    "recover": "#4a90d9",
    "marshal": "#b7b0e0",
    "admit": "#f6c667",
    "accept": "#d9a441",
    "gossip": "#a87d2d",
    "order": "#f2a07b",
    "check": "#e2795a",
    "execute": "#c94f3d",
    "hash": "#8f2f3f",
    "store": "#5c3a4b",
    "settle": "#e3a0b5",
    "ABCI": "#c9c2b2",
    "CometBFT": "#8b8577",
    "tree": "#3f8f6b",
    "view": "#79bb98",
    "API": "#b5dcc4",
    "loop": "#dfe3e8",
    "rest": "#f4f4f4",
}
"""Stages in the order of a transaction's way: worker, executor, CometBFT, read process."""
_DARK: Final = ("execute", "hash", "store", "gossip", "tree", "recover")
_LABEL_SHARE: Final = 0.035
"""A segment narrower than this share of the axis has no room for its name."""


def draw_stages(axes: Axes, figures: Sequence[Figure]) -> None:
    """Draw one stacked bar a figure."""
    totals = [sum(figure["stages"]["us_per_leg_per_node"].values()) for figure in figures]
    longest = max(totals)
    for row, (figure, total) in enumerate(zip(figures, totals, strict=True)):
        _draw_bar(axes, row, figure["stages"]["us_per_leg_per_node"], longest)
        axes.annotate(
            f"{total:.0f} µs",
            (total, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
        )
    axes.set_yticks(range(len(figures)), [_name(figure) for figure in figures])
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.08)
    axes.set_xlabel("µs of processor time, all processes of a node together (sampled)")
    axes.set_title(
        "Where an order's processor time goes: shorter is better", loc="left", fontweight="bold"
    )
    axes.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="#6b7480", lw=0.4, label=stage)
            for stage, colour in COLOURS.items()
        ],
        ncols=len(COLOURS),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.18 - 0.12 / len(figures)),
        frameon=False,
        fontsize=7.5,
        handlelength=1.0,
        handletextpad=0.3,
        columnspacing=0.8,
    )


def _draw_bar(axes: Axes, row: int, stages: dict[str, float], longest: float) -> None:
    left = 0.0
    for stage, colour in COLOURS.items():
        used = stages.get(stage, 0.0)
        axes.barh(row, used, left=left, height=0.6, color=colour, edgecolor="white", lw=0.5)
        if used > longest * _LABEL_SHARE:
            text, ink = f"{stage}\n{used:.0f}", "white" if stage in _DARK else "#1c2430"
            axes.text(left + used / 2, row, text, ha="center", va="center", size=8, color=ink)
        left += used


def _name(figure: Figure) -> str:
    unit = "a leg" if str(figure["unit"]).startswith("leg") else "an order"
    return f"{figure['name']}\n{unit} and node"
