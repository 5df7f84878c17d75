"""The demonstration's recording, and its picture: the chain's book and trades over time.

Everything drawn comes from the book that was rebuilt from committed results.
"""

from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.dates import DateFormatter, MinuteLocator
from matplotlib.figure import Figure

from omg_abci.protocol.units import Side
from omg_abci.replay.compare import Comparer
from omg_abci.replay.errors import Unreadable
from omg_abci.replay.session import Plan
from omg_abci.replay.steps import EventEnd

PACKAGE: Final = "ob-analytics"
_SAMPLE: Final = "_sample_data/orders.csv.gz"
_SAMPLE_NS: Final = 3_000_000_000
_LEVELS: Final = 400
_ROWS: Final = 100
"""Price steps of the picture."""
_SECOND_NS: Final = 1_000_000_000
_SETTLED_NS: Final = 5 * _SECOND_NS
"""The first moments are the snapshot coming in."""
_BUY: Final = "#2ee6a0"
_SELL: Final = "#ff5470"
_BID: Final = "#3d7dff"
_ASK: Final = "#ff9d2e"
_INK: Final = "#e8e6e3"
_GROUND: Final = "#12141c"
_GRID: Final = "#2c3040"
mpl.use("Agg")


def find_sample() -> Path:
    """Return the order file of the package's sample data; raise Unreadable."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as reason:
        problem = f"the package {PACKAGE} is not installed; make demo installs it"
        raise Unreadable(Path(PACKAGE), 0, problem) from reason
    for each in files:
        if str(each).endswith(_SAMPLE):
            return Path(str(each.locate()))
    raise Unreadable(Path(PACKAGE), 0, f"the package has no {_SAMPLE}")


class _Sample(NamedTuple):
    """The best levels at a moment: (price, size) of each side, in the venue's units."""

    time_ns: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


class _Trade(NamedTuple):
    time_ns: int
    price: float
    size: float
    is_buy: bool


class Sampler:
    """Watches a replay and draws what it saw."""

    def __init__(self, plan: Plan) -> None:
        """Take the units from the plan."""
        self._tick = plan.price_unit / 10**plan.price_decimals
        self._lot = 1 / 10**plan.size_decimals
        self._samples: list[_Sample] = []
        self._trades: list[_Trade] = []
        self._first_ns = 0

    def watch(self, step: EventEnd, comparer: Comparer) -> None:
        """Keep the event's trades, and the book once every three seconds of the venue's time."""
        self._first_ns = self._first_ns or step.time_ns
        self._trades.extend(
            _Trade(step.time_ns, price * self._tick, size * self._lot, side == Side.BUY)
            for _, price, size, side in comparer.traded
        )
        if self._samples and step.time_ns < self._samples[-1].time_ns + _SAMPLE_NS:
            return
        if step.time_ns < self._first_ns + _SETTLED_NS:
            return
        bids, asks = (self._list_levels(comparer, side) for side in (Side.BUY, Side.SELL))
        if bids and asks:
            self._samples.append(_Sample(step.time_ns, bids, asks))

    def _list_levels(self, comparer: Comparer, side: int) -> list[tuple[float, float]]:
        return [
            (price * self._tick, size * self._lot)
            for price, size, _ in comparer.chain.compute_levels(side, _LEVELS)
        ]

    def draw(self, picture: Path, report: dict[str, Any]) -> bool:
        """Write the picture and return true, or false when too little was seen for one."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a picture over time needs two moments
            return False
        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=(14, 8.6), facecolor=_GROUND)
            grid = figure.add_gridspec(
                2, 2, width_ratios=(4.2, 1), height_ratios=(4, 1), hspace=0.08, wspace=0.03
            )
            figure.subplots_adjust(left=0.065, right=0.965, top=0.875, bottom=0.075)
            book = figure.add_subplot(grid[0, 0])
            volume = figure.add_subplot(grid[1, 0], sharex=book)
            depth = figure.add_subplot(grid[0, 1], sharey=book)
            self._draw_book(figure, book)
            self._draw_volume(volume)
            self._draw_depth(depth)
            _write_titles(figure, report)
            figure.savefig(picture, dpi=110, facecolor=_GROUND)
        return True

    def _find_prices(self) -> tuple[float, float]:
        """Return the range of prices that the best quotes and trades moved in, and some more."""
        seen = [each.price for each in self._trades]
        seen += [side[0][0] for each in self._samples for side in (each.bids, each.asks)]
        low, high = min(seen), max(seen)
        margin = max((high - low) * 0.3, self._tick * 5)
        return low - margin, high + margin

    def _draw_book(self, figure: Figure, axes: Axes) -> None:
        low, high = self._find_prices()
        edges = np.linspace(low, high, _ROWS + 1)
        moments = _to_moments([each.time_ns for each in self._samples])
        depths = {side: self._compute_depth(side, edges) for side in ("bids", "asks")}
        both = np.concatenate([each[each > 0] for each in depths.values()])
        norm = LogNorm(vmin=float(np.percentile(both, 20)), vmax=float(np.percentile(both, 99.7)))
        for side, colour, name in (("asks", _ASK, "offered"), ("bids", _BID, "bid")):
            shades = LinearSegmentedColormap.from_list(side, (_GROUND, colour, "#ffffff"))
            mesh = axes.pcolormesh(
                moments, (edges[:-1] + edges[1:]) / 2, np.ma.masked_equal(depths[side], 0.0),
                cmap=shades, norm=norm, shading="nearest", rasterized=True, alpha=0.62,
            )  # fmt: skip
            bottom = 0.175 if side == "asks" else 0.095
            bar = figure.colorbar(
                mesh, cax=figure.add_axes((0.8, bottom, 0.165, 0.014)), orientation="horizontal"
            )
            bar.set_label(f"BTC {name} at a price", fontsize=9, labelpad=1)
            bar.ax.tick_params(labelsize=8)
            best = [getattr(each, side)[0][0] for each in self._samples]
            label = f"best {side.removesuffix('s')}"
            axes.step(moments, best, where="post", color=colour, linewidth=1.4, label=label)
        self._draw_trades(axes)
        axes.set_ylim(low, high)
        axes.set_ylabel("price, USD")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.tick_params(labelbottom=False)
        axes.legend(loc="upper left", ncols=4, framealpha=0.75, facecolor=_GROUND, edgecolor=_GRID)

    def _compute_depth(self, side: str, edges: Any) -> Any:  # noqa: ANN401 - arrays
        """Return the size that rests at each price step (row) and moment (column)."""
        depth = np.zeros((_ROWS, len(self._samples)))
        for column, sample in enumerate(self._samples):
            levels = np.array(getattr(sample, side))
            depth[:, column], _ = np.histogram(levels[:, 0], bins=edges, weights=levels[:, 1])
        return depth

    def _draw_trades(self, axes: Axes) -> None:
        for is_buy, colour, mark, name in (
            (True, _BUY, "^", "buyer took"),
            (False, _SELL, "v", "seller took"),
        ):
            trades = [each for each in self._trades if each.is_buy == is_buy]
            sizes = [26 + 150 * min(1.0, each.size) for each in trades]
            moments = _to_moments([each.time_ns for each in trades])
            axes.scatter(
                moments, [each.price for each in trades], s=sizes, c=colour, marker=mark,
                edgecolors=_GROUND, linewidths=0.7, alpha=1.0, zorder=3, label=name,
            )  # fmt: skip

    def _draw_volume(self, axes: Axes) -> None:
        start = self._samples[0].time_ns // (60 * _SECOND_NS)
        count = self._samples[-1].time_ns // (60 * _SECOND_NS) - start + 1
        for is_buy, colour, sign in ((True, _BUY, 1), (False, _SELL, -1)):
            sums = np.zeros(count)
            for each in self._trades:
                minute = each.time_ns // (60 * _SECOND_NS) - start
                if each.is_buy == is_buy and 0 <= minute < count:
                    sums[minute] += sign * each.size
            minutes = _to_moments(
                [(start + place) * 60 * _SECOND_NS + 30 * _SECOND_NS for place in range(count)]
            )
            axes.bar(minutes, sums, width=np.timedelta64(48, "s"), color=colour)
        axes.axhline(0, color=_INK, linewidth=0.6)
        axes.set_ylabel("BTC a minute")
        axes.xaxis.set_major_locator(MinuteLocator(byminute=range(0, 60, 5)))  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
        axes.set_xlabel("Bitstamp's time, UTC")
        first, last = _to_moments([self._samples[0].time_ns, self._samples[-1].time_ns])
        axes.set_xlim(first, last)

    def _draw_depth(self, axes: Axes) -> None:
        """Draw how much rests up to each price, at the last moment."""
        last = self._samples[-1]
        low, high = self._find_prices()
        for levels, colour in ((last.bids, _BID), (last.asks, _ASK)):
            near = [each for each in levels if low <= each[0] <= high]
            sums = np.cumsum([size for _, size in near])
            prices = np.array([price for price, _ in near])
            axes.fill_betweenx(prices, 0, sums, step="post", color=colour, alpha=0.3)
            axes.step(sums, prices, where="pre", color=colour, linewidth=1.2)
        axes.set_xlim(left=0)
        axes.tick_params(labelleft=False)
        axes.set_xlabel("BTC to this price, at the end")


_STYLE: Final[dict[Any, Any]] = {
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _GRID,
    "axes.facecolor": _GROUND,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "font.size": 10,
}


def _to_moments(times_ns: list[int]) -> Any:  # noqa: ANN401 - an array of moments
    return np.array(times_ns, dtype="datetime64[ns]")


def _write_titles(figure: Figure, report: dict[str, Any]) -> None:
    fills = report["fills"]
    agree = "agree on every block" if report["app_hashes_equal"] else "DIFFER"
    figure.text(
        0.065, 0.945, "Bitstamp BTC/USD, order by order, through the OMG chain",
        fontsize=18, weight="bold",
    )  # fmt: skip
    figure.text(
        0.065,
        0.905,
        f"{report['rows']:,} recorded rows · {report['legs']:,} orders and cancels ·"
        f" {report['blocks']:,} blocks · {report['rows_per_second']:,.0f} rows/s ·"
        f" {fills['equal']:,} of {fills['compared']:,} fills as at the venue ·"
        f" {report['validators']} validators {agree}",
        fontsize=11,
    )
