"""A result is written whole, read back as it was, and anything else is refused by name."""

import json
from pathlib import Path

import pytest

from omg_abci.bench.errors import BenchError
from omg_abci.bench.results import (
    RESULT_BYTES_MAX,
    SCHEMA,
    find_commit,
    load_document,
    write_document,
)
from tests.bench.documents import make_whole

RESULTS = Path(__file__).parents[2] / "docs" / "performance" / "results"


def refusal_of(path: Path) -> str:
    """Return the code with which a file is refused."""
    with pytest.raises(BenchError) as caught:
        load_document(path)
    return caught.value.code


def test_round_trip(tmp_path: Path) -> None:
    """What was written is what is read, and nothing else lies beside it."""
    document = make_whole()
    write_document(document, tmp_path / "now.json")
    assert load_document(tmp_path / "now.json") == document
    assert [path.name for path in tmp_path.iterdir()] == ["now.json"]


def test_document_says_what_it_is() -> None:
    """Schema, time, machine and size of a run are in it."""
    document = make_whole()
    assert document["schema"] == SCHEMA
    assert document["begun"] == "2026-11-28T12:00:00+00:00"
    assert (document["quick"], document["seconds"]) == (True, 3.1)
    assert document["machine"]["cores"] == 2


def test_missing_file(tmp_path: Path) -> None:
    """A name that is no file, or a folder, is refused."""
    assert refusal_of(tmp_path / "none.json") == "bench.result_missing"
    assert refusal_of(tmp_path) == "bench.result_missing"


def test_oversized_file_is_not_read(tmp_path: Path) -> None:
    """A file above the bound is refused before it is parsed."""
    place = tmp_path / "large.json"
    place.write_bytes(b"[" * (RESULT_BYTES_MAX + 1))
    assert refusal_of(place) == "bench.result_too_large"


@pytest.mark.parametrize("text", ["", "{", "\xff\xfe", '{"schema": NaN}', "[" * 100_000])
def test_broken_file(tmp_path: Path, text: str) -> None:
    """What is no JSON is refused, and so is what JSON does not know."""
    place = tmp_path / "broken.json"
    place.write_bytes(text.encode("latin-1"))
    assert refusal_of(place) == "bench.result_broken"


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """A result that was cut off anywhere is broken."""
    place = tmp_path / "cut.json"
    text = json.dumps(make_whole())
    for size in range(0, len(text), 997):
        place.write_text(text[:size], encoding="utf-8")
        assert refusal_of(place) == "bench.result_broken"


@pytest.mark.parametrize("schema", ["omg-bench/1", "omg-bench/3"])
def test_other_version(tmp_path: Path, schema: str) -> None:
    """A result of another form is named as such."""
    place = tmp_path / "other.json"
    place.write_text(json.dumps(make_whole() | {"schema": schema}), encoding="utf-8")
    assert refusal_of(place) == "bench.result_version"


@pytest.mark.parametrize("document", [1, [], {}, {"schema": "else"}, {"schema": SCHEMA}])
def test_foreign_document(tmp_path: Path, document: object) -> None:
    """JSON that is no result is refused."""
    place = tmp_path / "foreign.json"
    place.write_text(json.dumps(document), encoding="utf-8")
    assert refusal_of(place) == "bench.result_foreign"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", "1"),
        ("value", True),
        ("runs", None),
        ("limits", [1]),
        ("limits", [{"name": "x"}]),
        ("values", [1]),
        ("values", [["1", True]]),
        ("values", [[1, 1]]),
        ("cpu_us_of_runs", [None]),
        ("stages", {"us_per_leg_per_node": {"a": "b"}, "by_process": {}}),
        ("stages", []),
    ],
)
def test_figure_of_another_shape(tmp_path: Path, field: str, value: object) -> None:
    """A field that is missing or of another type never reaches the table or the picture."""
    document = make_whole()
    document["figures"][0] |= {field: value}
    place = tmp_path / "shape.json"
    place.write_text(json.dumps(document), encoding="utf-8")
    assert refusal_of(place) == "bench.result_foreign"


def test_commit_of_a_folder_that_is_none(tmp_path: Path) -> None:
    """Without git, or below another checkout, there is no commit."""
    assert find_commit(tmp_path) is None
    assert find_commit(Path(__file__).parent) is None


def test_kept_results_are_read_and_listed() -> None:
    """Every result in the documentation is one that this version reads, and the index names it."""
    index = (RESULTS / "README.md").read_text(encoding="utf-8")
    for path in sorted(RESULTS.glob("*.json")):
        load_document(path)
        assert f"]({path.name})" in index
