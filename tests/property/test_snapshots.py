"""Whatever the chain did: who joins by a snapshot has its state, and its hashes ever after."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage
from tests.node.committed_chain import DOMAIN, make_chain
from tests.node.snapshot_world import Joiner, take


@given(
    seed=st.integers(0, 2**32),
    interval=st.integers(1, 5),
    roots=st.integers(2, 4),
    late=st.integers(0, 5),
    more=st.integers(1, 11),
)
@settings(max_examples=12, deadline=None)
def test_joined_node_is_as_any_other(
    seed: int, interval: int, roots: int, late: int, more: int
) -> None:
    """Records, meta and undo are those of a node that executed; so are all later roots."""
    height = roots * interval
    until = height + min(late, interval)
    chain = make_chain(max(until, height + more), seed, interval)
    with tempfile.TemporaryDirectory() as folder:
        taken = take(chain, Path(folder) / "provider", height, until)
        joiner = Joiner(Path(folder) / "joiner")
        assert joiner.join(taken) == chain.make_meta(height)
        assert joiner.read_records() == chain.states[height]
        storage = Storage.open(joiner.state)
        for undone in range(height - interval + 1, height + 1):
            assert list(storage.load_undo(undone).changes) == chain.undos[undone]
        reader = Reader.load_storage(storage, DOMAIN, height)
        for each in range(height + 1, height + more + 1):
            chain.commit(storage, each)
            # Raises when the root in the header's app hash is not the one folded here.
            fold = reader.apply_block(each, chain.heads[each], chain.diffs[each])
            if fold is not None:
                reader.history.add_fold(each, reader.history.fold(fold))
        assert storage.load_meta() == chain.make_meta(height + more)
        storage.close()
