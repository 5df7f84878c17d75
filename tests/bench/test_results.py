"""A result is written whole, read back as it was, and anything else is refused by name."""

import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.bench.compare import describe_comparison
from omg_abci.bench.errors import BenchError, ResultBroken, ResultForeign, ResultVersion
from omg_abci.bench.plot import draw_document
from omg_abci.bench.report import format_comparison, format_document
from omg_abci.bench.results import (
    RESULT_BYTES_MAX,
    SCHEMA,
    find_commit,
    load_document,
    write_document,
)
from tests.bench.documents import make_whole

ODDITIES: list[object] = [None, True, 0, -1, 1.5, 10**20, "", "x", [], [1], {}, {"x": 1}]
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


@pytest.mark.parametrize("text", ["[" * 17 + "]" * 17, '{"a":' * 17 + "1" + "}" * 17])
def test_deep_nesting_is_refused_before_it_is_parsed(tmp_path: Path, text: str) -> None:
    """How deep the parser may go depends on the process; a result needs little."""
    place = tmp_path / "deep.json"
    place.write_text(text, encoding="utf-8")
    assert refusal_of(place) == "bench.result_broken"
    place.write_text(json.dumps(["[" * 17, '"\\[[' * 17]), encoding="utf-8")
    assert refusal_of(place) == "bench.result_foreign"


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
        ("name", "nonsense"),
        ("better", "larger"),
        ("value", -1),
        ("value", 1e300),
        ("more", {"states": {"1": {"accounts": 1}}}),
    ],
)
def test_figure_of_another_shape(tmp_path: Path, field: str, value: object) -> None:
    """A field that is missing or of another type never reaches the table or the picture."""
    document = make_whole()
    document["figures"][0] |= {field: value}
    place = tmp_path / "shape.json"
    place.write_text(json.dumps(document), encoding="utf-8")
    assert refusal_of(place) == "bench.result_foreign"


@given(data=st.data())
def test_whatever_is_read_can_be_shown(data: st.DataObject) -> None:
    """A result with anything anywhere is refused by name, or can be told, compared and drawn."""
    document = json.loads(json.dumps(make_whole()))
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(data, document)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "any.json"
        place.write_text(json.dumps(document), encoding="utf-8")
        try:
            found = load_document(place)
        except (ResultForeign, ResultVersion, ResultBroken):
            return
        assert format_document(found)
        assert format_comparison(make_whole(), found)
        assert format_comparison(found, make_whole())
        describe_comparison(found, found)
        if data.draw(st.integers(0, 9)) == 0:
            draw_document(found, place.with_suffix(".png"))


def spoil(data: st.DataObject, document: object) -> None:
    """Replace or remove one thing somewhere in a document."""
    while True:
        places = list(document) if isinstance(document, dict) else []
        if isinstance(document, list):
            places = list(range(len(document)))
        if not places:
            return
        place = data.draw(st.sampled_from(places))
        inner = document[place]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not data.draw(st.integers(0, 5)):
            break
        document = inner
    if data.draw(st.booleans()):
        del document[place]  # type: ignore[attr-defined]
    else:
        document[place] = copy.deepcopy(data.draw(st.sampled_from(ODDITIES)))  # type: ignore[index]


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
