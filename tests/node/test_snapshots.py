"""Snapshots: the same bytes on every node, and the same node on the other side."""

from pathlib import Path

from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage
from tests.node.committed_chain import DOMAIN, INTERVAL, make_chain
from tests.node.snapshot_world import Joiner, take


def test_join_has_records_and_meta(tmp_path: Path) -> None:
    """The state after a join is that of a node that executed the blocks, and goes on as it."""
    chain = make_chain(24)
    taken = take(chain, tmp_path / "provider", 16, 19)
    assert taken.metadata.app_hash == chain.heads[16].app_hash
    joiner = Joiner(tmp_path / "joiner")
    assert joiner.join(taken) == chain.make_meta(16)
    assert joiner.read_records() == chain.states[16]
    assert not (tmp_path / "joiner" / "restoring").exists()
    storage = Storage.open(joiner.state)
    reader = Reader.load_storage(storage, DOMAIN, 16)
    assert reader.history.get_roots()[-1][0] == 16
    for height in range(17, 25):
        chain.commit(storage, height)
        fold = reader.apply_block(height, chain.heads[height], chain.diffs[height])
        if fold is not None:
            reader.history.add_fold(height, reader.history.fold(fold))
    storage.close()
    storage = Storage.open(joiner.state, read_only=True)
    again = Reader.load_storage(storage, DOMAIN, 24)
    storage.close()
    assert again.history.get_roots()[-1] == reader.history.get_roots()[-1]
    assert reader.history.newest == 24
    assert INTERVAL == 4
