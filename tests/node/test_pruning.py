"""Pruning: nothing goes that evidence, a joining node or a checkpoint still needs."""

from pathlib import Path

import pytest

from omg_abci.node.config import SettingsError, load_settings
from omg_abci.node.genesis_file import GenesisFileError, load_genesis_file
from omg_abci.node.pruning import KEEP_ALL, Retention, compute_retain_height


def test_keep_all_by_default() -> None:
    """Without a wish of the operator every block stays."""
    assert compute_retain_height(10**9, KEEP_ALL, None) == 0
    assert compute_retain_height(10**9, Retention(0, 5), 10**8, 10**8) == 0


@pytest.mark.parametrize(
    ("height", "kept", "evidence", "snapshot", "checkpoint", "retain"),
    [
        (1_000, 100, 50, None, None, 900),
        (1_000, 100, 300, None, None, 700),
        (1_000, 100, 50, 600, None, 600),
        (1_000, 100, 50, 950, 400, 400),
        (1_000, 100, 50, 0, None, 0),
        (90, 100, 50, None, None, 0),
    ],
)
def test_the_oldest_need_counts(
    height: int, kept: int, evidence: int, snapshot: int | None, checkpoint: int | None, retain: int
) -> None:
    """The retain height is below whatever is still needed, and never negative."""
    retention = Retention(kept, evidence)
    assert compute_retain_height(height, retention, snapshot, checkpoint) == retain


def test_settings(tmp_path: Path) -> None:
    """Both tables are read, 0 is allowed where it means something, and the rest is refused."""
    (tmp_path / "app").mkdir()
    file = tmp_path / "app" / "app.toml"
    file.write_text("[snapshots]\ninterval = 0\nkept = 2\n[pruning]\nkept_blocks = 7\n")
    settings = load_settings(tmp_path)
    assert (settings.snapshots.interval, settings.snapshots.kept) == (0, 2)
    assert settings.pruning.kept_blocks == 7
    for text in (
        "snapshots = 1\n",
        "[snapshots]\nkept = 0\n",
        "[snapshots]\ninterval = -1\n",
        "[snapshots]\nevery = 4\n",
        "[pruning]\nkept_blocks = -1\n",
        '[pruning]\nkept_blocks = "all"\n',
    ):
        file.write_text(text)
        with pytest.raises(SettingsError):
            load_settings(tmp_path)


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", "{}", '{"chain_id": 1, "app_state": {}, "consensus_params": 2}']
)
def test_no_genesis_file(tmp_path: Path, text: str | None) -> None:
    """A file that is not there, or is none of CometBFT's, is refused."""
    path = tmp_path / "genesis.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(GenesisFileError):
        load_genesis_file(path)
