"""What proofs under attested roots need: the state tree, old values, and the hashes of each height.

The app hash of height h holds the root of the state at an earlier multiple of the root interval,
and the header of h + 1 carries that app hash. Guarantees that a proof and the value beside it are
of that state, for every header height from `oldest` to `newest`.

A *layer* holds the old values of the keys that changed after one multiple of the root interval
and up to the next; its keys are at the same time what the next fold has to write. So a record
that came and went in between costs the tree nothing.
"""

from collections import deque
from collections.abc import Iterator
from typing import ClassVar, Final, NamedTuple

from omg_abci.node.packed_records import PackedRecords
from omg_abci.node.storage import Meta, Storage, UndoMissing
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.units import Hash, Height
from omg_abci.state.hashes import (
    NO_CHECKPOINT,
    DiffEntry,
    compute_app_hash,
    compute_genesis_diff_hash,
    compute_root_height,
)
from omg_abci.state.tree import Tree

FOLDS_RETAINED: Final = 64
"""As many as the tree can prove."""
FOLDS_RETAINED_MIN: Final = 4
OLD_VALUES_MAX: Final = 1_000_000
"""Bounds the memory of old values to about 300 MB; the oldest states are forgotten first."""


class ReadError(OmgError):
    """A question about the committed state that cannot be answered."""

    code: ClassVar[str]


class HeaderOutOfRange(ReadError):
    """No proof can be given under the app hash of this header."""

    code = "read.header_out_of_range"


class StateInconsistent(ReadError):
    """What was loaded or received contradicts itself; the process must stop."""

    code = "read.state_inconsistent"


class Head(NamedTuple):
    """The hashes of one height: what the next header attests."""

    app_hash: Hash
    diff_hash: Hash
    tree_root: Hash


class Fold(NamedTuple):
    """What brings the tree to the state at a multiple of the root interval."""

    state_height: Height
    changes: list[DiffEntry]


class ProvenValue(NamedTuple):
    """A record with what leads from it to the app hash in a header."""

    key: bytes
    value: bytes | None
    state_height: Height
    header_height: Height
    tree_root: Hash
    diff_hash: Hash
    checkpoint_digest: Hash
    proof: bytes


class ProofHistory:
    """The state tree with the values and hashes of the recent heights."""

    def __init__(
        self, records: PackedRecords, interval: int, start: Height, first: Height = 0
    ) -> None:
        """Begin at the state height `start`, a multiple of the interval; `load_tree` comes next.

        `records` is the live state, which the owner changes after each `note_change`; `first` the
        height of genesis, before which there is no state.
        """
        self._first = first
        self._records = records
        self._interval = interval
        self._tree = Tree()
        self._heads: dict[Height, Head] = {}
        self._folds: deque[tuple[Height, Hash]] = deque()
        self._layers: deque[tuple[Height, dict[bytes, bytes | None]]] = deque()
        self._layers.append((start, {}))
        self._old_values = 0
        self.height = start
        """The newest height that is known, whose app hash no committed header carries yet."""

    @property
    def layer(self) -> dict[bytes, bytes | None]:
        """The old values since the last multiple of the interval: the owner notes changes here."""
        return self._layers[-1][1]

    def compute_genesis_head(self, root: Hash) -> Head:
        """Return the hashes of genesis, whose state is the first layer's."""
        diff_hash = compute_genesis_diff_hash(sorted(self._iterate_records(0)))
        return Head(compute_app_hash(root, diff_hash), diff_hash, root)

    def add_head(self, height: Height, head: Head) -> None:
        """Keep the hashes of a height; heights come in ascending order."""
        self._heads[height] = head
        self.height = height

    def get_head(self, height: Height) -> Head:
        """Return the hashes of a retained height."""
        return self._heads[height]

    def load_tree(self) -> Hash:
        """Build the tree over the first layer's state and return its root."""
        start = self._layers[0][0]
        self._tree = Tree.load(self._iterate_records(start))
        self._folds.append((start, self._tree.root))
        return self._tree.root

    def begin_layer(self, height: Height) -> None:
        """Close the layer: the block at this multiple of the interval has been applied."""
        self._old_values += len(self.layer)
        self._layers.append((height, {}))

    def compute_fold(self, state_height: Height) -> Fold:
        """Return what differs between this multiple of the interval and the one before."""
        before = next(
            layer for start, layer in self._layers if start == state_height - self._interval
        )
        values = self._records.get_each(before)
        if any(layer for start, layer in self._layers if start >= state_height):
            values = [self._get_value(key, state_height) for key in before]
        changes = [
            (key, new) for (key, old), new in zip(before.items(), values, strict=True) if new != old
        ]
        return Fold(state_height, changes)

    def fold(self, fold: Fold) -> Hash:
        """Bring the tree to the fold's state and return its root; `add_fold` comes next.

        Folds come in ascending order; one may run in another thread while nothing is proved.
        """
        return self._tree.fold(fold.changes)

    def add_fold(self, state_height: Height, root: Hash) -> None:
        """Keep the root of a fold, and drop what is above the bounds.

        Bounded are the states and the old values; the heights that need a dropped state go too.
        """
        self._folds.append((state_height, root))
        while len(self._folds) > FOLDS_RETAINED or (
            self._old_values > OLD_VALUES_MAX and len(self._folds) > FOLDS_RETAINED_MIN
        ):
            self._folds.popleft()
            self._old_values -= len(self._layers.popleft()[1])
        self._forget_heads()

    def check_root(self, height: Height) -> None:
        """Raise StateInconsistent unless the root in the height's app hash is the folded one."""
        expected = self._heads[height].tree_root
        state_height = self._get_state_height(height)
        for folded, root in self._folds:
            if folded == state_height and root != expected:
                raise StateInconsistent(
                    f"state {folded} has root {root.hex()}, "
                    f"the app hash of {height} holds {expected.hex()}"
                )

    def get_roots(self) -> list[tuple[Height, Hash]]:
        """Return (state height, root) of every retained fold, oldest first."""
        return list(self._folds)

    @property
    def newest(self) -> Height:
        """The newest header height that can be proved, 0 for none."""
        folded = self._folds[-1][0] // self._interval if self._folds else -2
        return min(self.height, (folded + 2) * self._interval)

    @property
    def oldest(self) -> Height:
        """The oldest header height that can be proved."""
        return next(iter(self._heads)) + 1 if self._heads else 1

    def prove(self, key: bytes, header_height: Height) -> ProvenValue:
        """Return the record under the app hash in the header; 0 is the newest header.

        Raise HeaderOutOfRange, KeyInvalid. Not to be called while a fold runs.
        """
        newest, oldest = self.newest, self.oldest
        if newest < oldest:
            raise HeaderOutOfRange("no header can be proved yet: wait for the next block")
        header_height = header_height or newest
        if not oldest <= header_height <= newest:
            raise HeaderOutOfRange(
                f"header {header_height} cannot be proved, only {oldest} to {newest}"
            )
        head = self._heads[header_height - 1]
        state_height = self._get_state_height(header_height - 1)
        proof = self._tree.prove(key, head.tree_root)
        return ProvenValue(
            key,
            self._get_value(key, state_height),
            state_height,
            header_height,
            head.tree_root,
            head.diff_hash,
            NO_CHECKPOINT,
            proof.encode(),
        )

    def _forget_heads(self) -> None:
        first = self._folds[0][0]
        while self._heads:
            height = next(iter(self._heads))
            if self._get_state_height(height) >= first:
                break
            del self._heads[height]

    def _get_state_height(self, height: Height) -> Height:
        """Return the height of the state whose root is in a height's app hash."""
        return max(self._first, compute_root_height(height, self._interval))

    def _get_value(self, key: bytes, state_height: Height) -> bytes | None:
        for start, layer in self._layers:
            if start >= state_height and key in layer:
                return layer[key]
        return self._records.get(key)

    def _iterate_records(self, state_height: Height) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records as of a state height that is retained."""
        changed: dict[bytes, bytes | None] = {}
        for start, layer in self._layers:
            if start >= state_height:
                changed = layer | changed
        if not changed:
            yield from self._records.iterate()
            return
        for key, value in self._records.iterate():
            if key not in changed:
                yield key, value
        for key, old in changed.items():
            if old is not None:
                yield key, old


def load_history(
    storage: Storage, records: PackedRecords, height: Height, interval: int, head: Head
) -> ProofHistory:
    """Return the history of a state that was loaded as of `height`, from the undo records.

    The tree begins where the header of `height` has its root, if the records reach there, and is
    folded up to the last multiple of the interval.
    Raise StorageError, and StateInconsistent when the records do not lead to the head's root.
    """
    stored = storage.load_meta()
    first = 0 if stored is None else stored.first_height
    start = _find_start(storage, height, interval, first)
    history = ProofHistory(records, interval, start, first)
    heads: list[tuple[Height, Head]] = []
    for number in range(start + 1, height + 1):
        undo = storage.load_undo(number)
        layer = history.layer
        for key, old in undo.changes:
            layer.setdefault(key, old)
        if undo.meta is not None:
            heads.append((number - 1, get_head(undo.meta)))
        if number % interval == 0:
            history.begin_layer(number)
    heads.append((height, head))
    root = history.load_tree()
    if start == 0 and heads[0][0] > 0:
        heads.insert(0, (0, history.compute_genesis_head(root)))
    for state_height in range(start + interval, height + 1, interval):
        history.add_fold(state_height, history.fold(history.compute_fold(state_height)))
    for number, each in heads:
        if max(first, compute_root_height(number, interval)) >= start:
            history.add_head(number, each)
    history.check_root(height)
    return history


def get_head(meta: Meta) -> Head:
    """Return the hashes in a meta."""
    return Head(meta.app_hash, meta.diff_hash, meta.tree_root)


def _find_start(storage: Storage, height: Height, interval: int, first: Height) -> Height:
    """Return the state height to begin at, never before the genesis state at `first`.

    It is the one in the app hash below `height`, or, when the database has gone on and forgotten
    that, the next: the executor cannot be further before it has the roots of the last two.
    """
    start = max(first, compute_root_height(max(0, height - 1), interval))
    if start < height:
        try:
            storage.load_undo(start + 1)
        except UndoMissing:
            return max(first, compute_root_height(height, interval))
    return start
