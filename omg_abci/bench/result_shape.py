"""What a result must hold so that the table, the comparison and the picture can be made of it.

A file may come from anywhere: every field that is looked at is checked here, and nowhere else.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from omg_abci.bench.figures import NAMES

Check = Callable[[object], bool]


class ShapeError(ValueError):
    """A field is missing or of another type; the text says which."""


def is_text(value: object) -> bool:
    """Tell whether it is a string."""
    return isinstance(value, str)


def is_flag(value: object) -> bool:
    """Tell whether it is true or false."""
    return isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether it is a number that can be drawn."""
    return isinstance(value, int | float) and not is_flag(value) and isfinite(value)


def is_share(value: object) -> bool:
    """Tell whether it is a number that a logarithmic or a stacked scale can show."""
    return isinstance(value, int | float) and is_number(value) and 0 <= value < _NUMBER_MAX


def is_count(value: object) -> bool:
    """Tell whether it is a whole number from 0 on."""
    return isinstance(value, int) and is_share(value)


def is_parts(value: object) -> bool:
    """Tell whether it is an object of names and numbers."""
    return isinstance(value, dict) and all(map(is_share, value.values()))


def check_document(document: Mapping[str, object]) -> None:
    """Raise ShapeError unless every field that is looked at is there and of its type."""
    _require(document, "the document", _DOCUMENT)
    figures = document["figures"]
    for figure in figures if isinstance(figures, list) else ():
        _require(figure, "a figure", _FIGURE)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _object_of(fields: Mapping[str, Check]) -> Check:
    return lambda value: isinstance(value, dict) and not _find_wrong(value, fields)


def _is_run(value: object) -> bool:
    """Tell whether it is a run's value and whether it counted."""
    match value:
        case [number, bool()]:
            return is_share(number)
        case _:
            return False


def _is_name(value: object) -> bool:
    return value in NAMES


def _is_more(value: object) -> bool:
    """Tell whether what was found besides is an object, and growth's states are what is drawn."""
    if not isinstance(value, dict):
        return False
    states = value.get("states", {})
    return isinstance(states, dict) and all(map(_object_of(_STATE), states.values()))


def _require(found: object, what: str, fields: Mapping[str, Check]) -> None:
    if not isinstance(found, dict):
        raise ShapeError(f"{what} is no object")
    if name := _find_wrong(found, fields):
        raise ShapeError(f"{what} lacks {name}, or has it in another form")


def _find_wrong(found: Mapping[str, object], fields: Mapping[str, Check]) -> str:
    """Return the first field that is missing or of another form; nothing when all are right."""
    for name, check in fields.items():
        if name not in found and name in _MAY_BE_MISSING:
            continue
        if name not in found or not check(found[name]):
            return name
    return ""


_MAY_BE_MISSING: Final = ("stages", "commit")
_NUMBER_MAX: Final = 1e15
_BETTER: Final = ("higher", "lower")
_JUDGED: Final[dict[str, Check]] = {
    "name": is_text,
    "value": _or_none(is_share),
    "unit": is_text,
    "better": lambda value: value in _BETTER,
    "goal": is_share,
    "floor": is_share,
    "met": is_flag,
    "holds": is_flag,
}
_STATE: Final[dict[str, Check]] = {
    "accounts": is_count,
    "history": is_flag,
    "us_per_order": is_share,
    "parts": is_parts,
}
_STAGES: Final[dict[str, Check]] = {
    "us_per_leg_per_node": is_parts,
    "by_process": lambda value: isinstance(value, dict) and all(map(is_parts, value.values())),
    "processes_us": is_parts,
    "processes_sum_us": is_share,
    "sum_us": is_share,
    "apart_us_per_leg": is_parts,
}
_FIGURE: Final[dict[str, Check]] = _JUDGED | {
    "name": _is_name,
    "ceiling": _or_none(is_share),
    "limits": _list_of(_object_of(_JUDGED)),
    "runs": is_count,
    "counted": is_count,
    "values": _list_of(_is_run),
    "min": _or_none(is_share),
    "max": _or_none(is_share),
    "cpu_us": _or_none(is_share),
    "cpu_us_of_runs": _list_of(is_share),
    "more": _is_more,
    "stages": _or_none(_object_of(_STAGES)),
}
_COMMIT: Final[dict[str, Check]] = {"hash": is_text, "changed": is_flag}
_DOCUMENT: Final[dict[str, Check]] = {
    "begun": is_text,
    "commit": _or_none(_object_of(_COMMIT)),
    "quick": is_flag,
    "machine": lambda value: isinstance(value, dict),
    "figures": lambda value: isinstance(value, list),
}
