"""A picture of a result: figures against floor, goal, ceiling and field, stages, growth."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from omg_abci.bench.peers import PEERS, Peer
from omg_abci.bench.plot_growth import draw_growth
from omg_abci.bench.plot_stages import draw_stages
from omg_abci.bench.report import format_number
from omg_abci.bench.results import Document, Figure

mpl.use("Agg")

_INK: Final = "#1c2430"
_SOFT: Final = "#6b7480"
_GOAL: Final = "#1a8f4c"
_FLOOR: Final = "#c8372d"
_BARS: Final = {"goal": "#58b37e", "floor": "#e0b23e", "below": "#df7b6b"}
_WIDTH: Final = 13.5
_ROW: Final = 0.62
_STYLE: Final[Any] = {
    "font.size": 9.5,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "omg-bench",
}
_Row = tuple[str, dict[str, Any], int]


def draw_document(document: Document, place: Path) -> None:
    """Draw the picture; the name's ending says in which form."""
    figures = [figure for figure in document["figures"] if figure["value"] is not None]
    panels: list[tuple[float, Callable[[Axes], None]]] = []
    rates = [figure for figure in figures if figure["better"] == "higher"]
    if rates:
        panels.append((1.1 + _ROW * len(rates), lambda axes: _draw_rates(axes, rates)))
    bounded = _list_bounded(figures)
    if bounded:
        panels.append((0.9 + _ROW * len(bounded), lambda axes: _draw_bounded(axes, bounded)))
    split = [figure for figure in figures if figure.get("stages")]
    if split:
        panels.append((2.0 + 0.75 * len(split), lambda axes: draw_stages(axes, split)))
    grown = [figure for figure in figures if figure["name"] == "growth"]
    if grown:
        panels.append((3.6, lambda axes: draw_growth(axes, grown[0])))
    if not panels:
        panels.append((1.0, _draw_nothing))
    with mpl.rc_context(_STYLE):
        _draw_panels(document, panels, place)


def _draw_panels(
    document: Document, panels: Sequence[tuple[float, Callable[[Axes], None]]], place: Path
) -> None:
    heights = [height for height, _ in panels]
    picture = Picture(figsize=(_WIDTH, sum(heights) + 0.9), layout="constrained")
    grid = picture.add_gridspec(len(panels), 1, height_ratios=heights)
    for row, (_, draw) in enumerate(panels):
        draw(picture.add_subplot(grid[row]))
    picture.suptitle(_describe(document), fontsize=11, x=0.01, ha="left")
    picture.savefig(place, dpi=110, metadata={"Date": None} if place.suffix == ".svg" else None)


def _describe(document: Document) -> str:
    machine, commit = document["machine"], document.get("commit")
    version = (
        f"{commit['hash'][:10]}{'+' if commit.get('changed') else ''}"
        if isinstance(commit, dict)
        else "unknown commit"
    )
    disturbed = [
        each["name"] for each in document["figures"] if each["runs"] and not each["counted"]
    ]
    note = f"\nnot two free cores in any run of {', '.join(disturbed)}" if disturbed else ""
    return (
        f"omgd bench{' --quick' if document['quick'] else ''}, {document['begun'][:10]}, {version},"
        f" {machine.get('cores')} cores of {machine.get('processor')}, {machine.get('python')}"
        f"{note}"
    )


def _draw_nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "nothing was measured", ha="center")
    axes.set_axis_off()


def _draw_rates(axes: Axes, figures: Sequence[Figure]) -> None:
    """Draw one bar a figure on a common scale, the marks on it."""
    for row, figure in enumerate(figures):
        _draw_bar(axes, row, figure["value"], figure, figure["counted"])
        _draw_marks(axes, row, figure["floor"], figure["goal"])
        axes.plot(figure["ceiling"], row, "D", color="white", mec=_INK, ms=6, zorder=4)
        _draw_peers(axes, row + 0.36, PEERS.get(figure["name"], ()), 1.0)
        axes.annotate(
            f"{format_number(figure['value'])}",
            (figure["value"], row),
            (-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
            zorder=5,
        )
    axes.set_xscale("log")
    axes.set_xlim(300, 4_000_000)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_yticks(range(len(figures)), [f"{each['name']}\n{each['unit']}" for each in figures])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#e6e8eb", zorder=0)
    axes.set_title("Per second: longer is better", loc="left", fontweight="bold")
    _add_legend(axes)


def _list_bounded(figures: Sequence[Figure]) -> list[_Row]:
    """Return what should be small: figures, and limits of figures that have a goal above zero."""
    rows: list[_Row] = []
    for figure in figures:
        if figure["better"] == "lower":
            rows.append((figure["name"], figure, figure["counted"]))
        rows += [
            (f"{figure['name']} {limit['name']}", limit, figure["counted"])
            for limit in figure["limits"]
            if limit["better"] == "lower" and limit["goal"] and limit["value"] is not None
        ]
    return rows


def _draw_bounded(axes: Axes, rows: Sequence[_Row]) -> None:
    """Draw each as a share of its goal, which is one line for all."""
    for row, (name, each, counted) in enumerate(rows):
        goal = each["goal"]
        _draw_bar(axes, row, each["value"] / goal, each, counted)
        _draw_marks(axes, row, each["floor"] / goal, 1.0)
        _draw_peers(axes, row + 0.36, PEERS.get(name, ()), goal)
        text = f"{format_number(each['value'])} {each['unit']}"
        bounds = f"goal {format_number(goal)}, floor {format_number(each['floor'])}"
        axes.annotate(
            text,
            (0, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
            zorder=5,
        )
        axes.annotate(
            bounds,
            (0.995, row),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
            zorder=5,
        )
    axes.set_xlim(0, max(1.7, *(each["value"] / each["goal"] * 1.05 for _, each, _ in rows)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_yticks(range(len(rows)), [name.replace(" ", "\n") for name, _, _ in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#e6e8eb", zorder=0)
    axes.set_title("Of its goal: shorter is better", loc="left", fontweight="bold")


def _draw_marks(axes: Axes, row: int, floor: float, goal: float) -> None:
    axes.plot([floor, floor], [row - 0.34, row + 0.34], color=_FLOOR, lw=2.2, zorder=3)
    axes.plot([goal, goal], [row - 0.34, row + 0.34], color=_GOAL, lw=2.2, zorder=3)


def _draw_peers(axes: Axes, row: float, peers: Sequence[Peer], unit: float) -> None:
    """Draw the others; of those that would be written over each other the last stands right."""
    for place, peer in enumerate(peers):
        value = peer.value / unit
        crowded = [each for each in peers if each is not peer and _is_near(each, peer)]
        side = "center" if not crowded else "right" if place < peers.index(crowded[0]) else "left"
        fill = _SOFT if peer.measured else "white"
        axes.plot(value, row, "v", color=_SOFT, mec=_SOFT, mfc=fill, ms=5, zorder=4)
        axes.annotate(
            peer.name,
            (value, row),
            (0, -5),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=7.5,
            color=_SOFT,
        )


def _is_near(one: Peer, other: Peer) -> bool:
    """Tell whether two names would overlap."""
    return max(one.value, other.value) < 2 * min(one.value, other.value)


def _draw_bar(axes: Axes, row: int, length: float, judged: dict[str, Any], counted: int) -> None:
    """Draw a value's bar, hatched when no run counted."""
    axes.barh(
        row,
        length,
        height=0.5,
        color=_pick_colour(judged),
        hatch=None if counted else "///",
        edgecolor="white",
        lw=0,
        zorder=2,
    )


def _pick_colour(judged: dict[str, Any]) -> str:
    if judged["met"]:
        return _BARS["goal"]
    return _BARS["floor" if judged["holds"] else "below"]


def _add_legend(axes: Axes) -> None:
    marks: list[Any] = [
        Line2D([], [], color=_FLOOR, lw=2.2, label="floor"),
        Line2D([], [], color=_GOAL, lw=2.2, label="goal"),
        Line2D([], [], color="white", marker="D", mec=_INK, ls="", label="ceiling, same run"),
        Line2D([], [], color=_SOFT, marker="v", ls="", label="others, measured"),
        Line2D([], [], color=_SOFT, mfc="white", marker="v", ls="", label="others, claimed"),
        Patch(color=_BARS["goal"], label="at its goal"),
        Patch(color=_BARS["floor"], label="above its floor"),
        Patch(color=_BARS["below"], label="below its floor"),
        Patch(facecolor="#9aa3ad", edgecolor="white", hatch="///", lw=0, label="not counted"),
    ]
    axes.legend(
        handles=marks,
        ncols=9,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.35 / axes.get_ylim()[0]),
        frameon=False,
        fontsize=8,
        handletextpad=0.4,
        columnspacing=1.0,
    )
