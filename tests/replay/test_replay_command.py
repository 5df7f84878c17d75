"""`omgd replay` and `omgd demo`: four real validators, one JSON object, errors in words."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omg_abci.node.cli import main
from tests.replay.venue import Venue, write, write_lobster, write_mbo, write_mbp


def run(*arguments: str | Path) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.network
def test_random_day_through_four_validators(tmp_path: Path) -> None:
    """What four validators committed, read from another node, is what the venue did."""
    events = Venue(7).run(1_500)
    recording = write_mbo(tmp_path / "mbo.csv", events)
    book = write_mbp(tmp_path / "mbp.csv", events)
    result = run("replay", recording, "--book", book, "--format", "databento", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    for name in ("fills", "books", "order_books"):
        assert report[name]["equal"] == report[name]["compared"] > 100
    assert report["books"]["compared"] == len(book.read_text().splitlines()) - 1
    assert report["app_hashes_equal"]
    assert report["final_book"]["equal"]
    assert report["final_book"]["orders"] > 0
    assert report["validators"] == 4
    assert report["blocks"] >= 1
    assert report["differences"] == []


@pytest.mark.network
def test_pair_through_two_validators_for_people(tmp_path: Path) -> None:
    """The summary says in words how much was equal."""
    recording, book = write_lobster(tmp_path, Venue(8).run(600), 10)
    result = run(
        "replay", recording, "--book", book, "--format", "lobster", "--validators", "2",
        "--limit", "300",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "300 rows" in result.stdout
    assert "snapshots   300 of 300 equal" in result.stdout
    assert "agree on the application hash of every block" in result.stdout


@pytest.mark.parametrize("as_json", [True, False])
def test_malformed_recording_stops_before_a_network_is_started(
    tmp_path: Path, *, as_json: bool
) -> None:
    """The line and the reason are shown, and the status is not 0."""
    recording = write(tmp_path / "m.csv", ["34200.1,1,10,100,10000,1", "34200.2,8,1,1,1,1"])
    more = ["--json"] if as_json else []
    result = run("replay", recording, "--format", "lobster", *more)
    assert result.exit_code == 1
    text = "m.csv, line 2: type 8 is unknown"
    if as_json:
        error = json.loads(result.stdout)["error"]
        assert (error["code"], error["text"]) == ("bad_word", text)
    else:
        assert result.stdout == ""
        assert text in result.stderr


def test_format_and_files_are_required(tmp_path: Path) -> None:
    """Without a format, or with files that are not there, usage is explained."""
    recording = write(tmp_path / "m.csv", ["34200.1,1,10,100,10000,1"])
    assert run("replay", recording).exit_code == 2
    assert run("replay", tmp_path / "none.csv", "--format", "lobster").exit_code == 2


def test_snapshots_do_not_go_with_bitstamp(tmp_path: Path) -> None:
    """A book file is refused where the format has none."""
    recording = write(tmp_path / "orders.csv", ["id"])
    result = run("replay", recording, "--book", recording, "--format", "bitstamp")
    assert result.exit_code == 1
    assert "no snapshot file" in result.stderr


def test_given_network_needs_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is given needs to know who trades."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OMG_ACCOUNTS", raising=False)
    recording = write(tmp_path / "m.csv", ["34200.1,1,10,100,10000,1"])
    result = run("replay", recording, "--format", "lobster", "--node", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "--accounts" in result.stderr
    accounts = write(tmp_path / "accounts.json", ["{}"])
    result = run(
        "replay", recording, "--format", "lobster", "--node", "127.0.0.1:1", "--accounts", accounts
    )
    assert result.exit_code == 1
    assert "no account with an agent" in result.stderr
