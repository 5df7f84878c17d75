"""The command: what it prints, writes and draws, and with which status it ends."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omg_abci.bench import cli_bench
from omg_abci.bench.figures import NAMES, get_specification
from omg_abci.bench.results import load_document, write_document
from omg_abci.node.cli import main
from tests.bench.documents import make_figure, make_whole

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `omgd bench` whose suite finds every figure at its goal."""

    def run_suite(names: Sequence[str], **_: object) -> list[dict[str, object]]:
        goals = {name: get_specification(name).goal for name in names}
        return [make_figure(get_specification(name), [goal] * 3) for name, goal in goals.items()]

    monkeypatch.setattr(cli_bench, "run_suite", run_suite)
    return lambda *arguments: CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_json_is_one_object(run: Run) -> None:
    """Standard output is one JSON object; figures come in the design's order, each once."""
    result = run("--json", "--only", "state", "--only", "match", "--only", "match")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [figure["name"] for figure in document["figures"]] == ["match", "state"]
    assert document["machine"]["cores"] >= 1
    assert len(document["machine"]["load_after"]) == 3


def test_table_shows_value_floor_and_goal(run: Run) -> None:
    """For people there is a line a figure, with its limits below it, and a verdict at the end."""
    result = run("--quick")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (match,) = [line for line in lines if line.startswith("match ")]
    assert match.split()[:6] == ["match", "1,000,000", "messages/s", "700,000", "1,000,000", "goal"]
    assert any(line.startswith("  p99_ms") for line in lines)
    assert any(line.startswith("recover") for line in lines)
    assert lines[-1] == "Every floor holds."


def test_value_below_its_floor_is_said(tmp_path: Path, run: Run) -> None:
    """A floor that does not hold is named, and shared cores are."""
    document = make_whole(control=1.0)
    document["figures"][0] = make_figure(get_specification("match"), [1.0], control=1.0)
    write_document(document, tmp_path / "low.json")
    result = run("--load", tmp_path / "low.json")
    assert result.exit_code == 0
    assert "Below their floors: match." in result.stdout
    assert "No two free cores in any run of match, block_single" in result.stdout


def test_out_load_and_plot(tmp_path: Path, run: Run) -> None:
    """What was written loads and draws as what was measured."""
    kept, drawn = tmp_path / "now.json", tmp_path / "now.png"
    assert run("--out", kept).exit_code == 0
    assert [figure["name"] for figure in load_document(kept)["figures"]] == list(NAMES)
    result = run("--load", kept, "--plot", drawn, "--json", "--only", "match")
    assert result.exit_code == 0
    assert [each["name"] for each in json.loads(result.stdout)["figures"]] == ["match"]
    assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("scale", "status", "verdict"), [(0.5, 0, "better"), (2.0, 3, "worse")])
def test_comparison_has_a_status(
    tmp_path: Path, run: Run, scale: float, status: int, verdict: str
) -> None:
    """A figure that is worse than before ends with 3."""
    write_document(make_whole(scale), tmp_path / "then.json")
    result = run("--only", "match", "--compare", tmp_path / "then.json")
    assert result.exit_code == status
    assert f"  {verdict}  " in result.stdout
    as_json = run("--only", "match", "--compare", tmp_path / "then.json", "--json")
    assert as_json.exit_code == status
    (compared,) = json.loads(as_json.stdout)["comparison"]["figures"]
    assert (compared["verdict"], compared["ratio"]) == (verdict, pytest.approx(1 / scale))


def test_file_that_cannot_be_compared_is_refused_first(tmp_path: Path, run: Run) -> None:
    """Nothing is measured when the earlier result cannot be used; the code is stable."""
    place = tmp_path / "then.json"
    place.write_text("{", encoding="utf-8")
    result = run("--compare", place, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "bench.result_broken"
    assert "(code bench.result_missing)" in run("--load", tmp_path / "none").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--plot", "x.pdf"),
        ("--out", "none/x.json"),
        ("--only", "nonsense"),
        ("--quick", "--load", "x.json"),
    ],
)
def test_command_lines_that_are_wrong(run: Run, arguments: tuple[str, ...]) -> None:
    """What cannot be, or cannot be done, is refused before anything is measured."""
    assert run(*arguments).exit_code == 2


def test_missing_figure_is_a_failure(tmp_path: Path, run: Run) -> None:
    """A figure that could not be measured makes the command fail, and the table shows a dash."""
    document = make_whole()
    document["figures"][0] |= {"value": None, "runs": 0, "counted": 0, "limits": []}
    write_document(document, tmp_path / "now.json")
    result = run("--load", tmp_path / "now.json", "--plot", tmp_path / "now.svg")
    assert result.exit_code == 1
    assert any(line.split()[:2] == ["match", "–"] for line in result.stdout.splitlines())
