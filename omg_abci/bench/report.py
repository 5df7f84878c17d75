"""What a bench says to people: the table of figures, the stages, the comparison."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from omg_abci.bench.compare import compare_documents, compare_stages, list_caveats
from omg_abci.bench.results import Document, Figure
from omg_abci.bench.stages import MEANINGS

_HEAD: Final = (
    *("figure", "value", "unit", "floor", "goal", ""),
    *("ceiling", "CPU µs", "counted", "min … max"),
)
_STAGES_SHOWN_US: Final = 0.05
"""Stages below this are left out of the text; JSON has them."""


def format_number(value: object) -> str:
    """Return a number for people: grouped when large, three digits when small."""
    if not isinstance(value, int | float):
        return "–"
    if value == 0 or math.isinf(value):
        return f"{value:g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits


def format_document(document: Document) -> str:
    """Return everything that a document says, for people."""
    machine = document["machine"]
    parts = [
        format_figures(document["figures"]),
        *(format_stages(figure) for figure in document["figures"] if figure.get("stages")),
        f"{machine.get('processor')}, {machine.get('cores')} cores, {machine.get('python')}",
        format_verdict(document["figures"]),
    ]
    return "\n\n".join(parts)


def format_figures(figures: Sequence[Figure]) -> str:
    """Return the figures as a table."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for figure in figures:
        spread = "–"
        if figure["value"] is not None:
            spread = f"{format_number(figure['min'])} … {format_number(figure['max'])}"
        rows.append(
            (
                str(figure["name"]),
                format_number(figure["value"]),
                str(figure["unit"]),
                format_number(figure["floor"]),
                format_number(figure["goal"]),
                judge(figure),
                format_number(figure["ceiling"]),
                format_number(figure.get("cpu_us")),
                f"{figure['counted']}/{figure['runs']}",
                spread,
            )
        )
        rows += [
            (
                f"  {limit['name']}",
                format_number(limit["value"]),
                str(limit["unit"]),
                format_number(limit["floor"]),
                format_number(limit["goal"]),
                judge(limit),
                *("",) * (len(_HEAD) - 6),
            )
            for limit in figure["limits"]
        ]
    return _align(rows)


def judge(figure: Mapping[str, object]) -> str:
    """Return where a value stands: at its goal, above its floor, or below it."""
    if figure["value"] is None:
        return "–"
    if figure["met"]:
        return "goal"
    return "floor" if figure["holds"] else "BELOW"


def format_verdict(figures: Sequence[Figure]) -> str:
    """Return whether the floors hold, and for what that is not sure."""
    limits = [
        (f"{figure['name']} {limit['name']}", limit)
        for figure in figures
        for limit in figure["limits"]
    ]
    judged = [*((figure["name"], figure) for figure in figures), *limits]
    below = [name for name, each in judged if each["value"] is not None and not each["holds"]]
    lines = [f"Below their floors: {', '.join(below)}." if below else "Every floor holds."]
    disturbed = [figure["name"] for figure in figures if figure["runs"] and not figure["counted"]]
    if disturbed:
        lines.append(
            f"No two free cores in any run of {', '.join(disturbed)}: their values say what the"
            " machine did; look at processor time."
        )
    return "\n".join(lines)


def format_stages(figure: Figure) -> str:
    """Return where an order's processor time goes, as a table."""
    stages = figure["stages"]
    roles = list(stages["by_process"])
    rows = [("stage", "CPU µs", *roles, "what it is")]
    for stage, used in stages["us_per_leg_per_node"].items():
        if used < _STAGES_SHOWN_US:
            continue
        own = [stages["by_process"][role].get(stage) for role in roles]
        cells = ["" if each is None else format_number(each) for each in own]
        rows.append((stage, format_number(used), *cells, MEANINGS.get(stage, "")))
    processes = stages.get("processes_us", {})
    sums = [format_number(processes.get(role)) for role in roles]
    total = format_number(stages.get("processes_sum_us"))
    sampled = format_number(stages.get("sum_us"))
    rows.append(("sum", sampled, *("",) * len(roles), "of all samples"))
    rows.append(("processes", total, *sums, "the same as the system counts it"))
    apart = ", ".join(
        f"{who} {format_number(used)}" for who, used in stages.get("apart_us_per_leg", {}).items()
    )
    title = f"{figure['name']}: processor time of an order (leg) and node; beside it: {apart}"
    return f"{title}\n{_align(rows)}"


def format_comparison(then: Document, now: Document) -> str:
    """Return each figure, then and now, what else differs, and each stage."""
    compared = compare_documents(then, now)
    rows = [("figure", "then", "now", "now/then", "unit", "verdict", "by")]
    rows += [
        (
            each.name,
            format_number(each.then),
            format_number(each.now),
            "–" if each.ratio is None else f"{each.ratio:.2f}",
            each.unit,
            each.verdict,
            each.basis,
        )
        for each in compared
    ]
    stages = [
        (
            each.figure,
            each.stage,
            format_number(each.then),
            format_number(each.now),
            f"{each.now / each.then:.2f}" if each.then else "–",
        )
        for each in compare_stages(then, now)
        if max(each.then, each.now) >= _STAGES_SHOWN_US
    ]
    parts = [f"Against {then['begun']}:", _align(rows), *list_caveats(then, now)]
    if stages:
        parts += ["", _align([("figure", "stage, CPU µs", "then", "now", "now/then"), *stages])]
    return "\n".join(parts)


def _align(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
