"""Random folds on the state tree against the oracle, and proofs under attack."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from omg_abci.protocol.merkle import (
    KeyAbsent,
    KeyPresent,
    MerkleError,
    Proof,
    ProofInvalid,
    ValueMismatch,
    verify_absence,
    verify_inclusion,
)
from omg_abci.state.tree import Tree
from tests import tree_model

_GROUND = json.loads(
    (Path(__file__).parents[1] / "vectors/tree/ground_keys.json").read_text(encoding="utf-8")
)
GROUND_KEYS = [
    bytes.fromhex(_GROUND["prefix"]) + number.to_bytes(4, "big") for number in _GROUND["numbers"]
]

KEYS = st.one_of(
    st.sampled_from(GROUND_KEYS[:48]),
    st.sampled_from([b"a", b"b", b"c"]),
    st.binary(min_size=1, max_size=64),
)
VALUES = st.binary(min_size=1, max_size=40)
CHANGES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=40)


class TreeMachine(RuleBasedStateMachine):
    """Folds of any kind; after each, roots and proofs are those of the oracle."""

    def __init__(self) -> None:
        """Start from an empty state."""
        super().__init__()
        self.tree = Tree()
        self.contents: dict[bytes, bytes] = {}
        self.history: list[tuple[bytes, dict[bytes, bytes]]] = [(self.tree.root, {})]

    def fold(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """Fold into the tree and into the plain contents."""
        root = self.tree.fold(changes)
        for key, value in changes:
            self.contents.pop(key, None)
            if value is not None:
                self.contents[key] = value
        self.history.insert(0, (root, dict(self.contents)))
        del self.history[64:]

    @rule(changes=CHANGES)
    def fold_any(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """Any changes, repeated and absent keys included."""
        self.fold(changes)

    @rule(first=st.integers(0, 280), count=st.integers(1, 40), value=st.none() | VALUES)
    def fold_ground(self, first: int, count: int, value: bytes | None) -> None:
        """Many keys of one bucket at once, written or deleted."""
        self.fold([(key, value) for key in GROUND_KEYS[first : first + count]])

    @rule()
    def fold_away(self) -> None:
        """Delete everything."""
        self.fold([(key, None) for key in self.contents])

    @rule()
    def reload(self) -> None:
        """A bulk load of the contents gives the same root."""
        assert Tree.load(self.contents.items()).root == self.tree.root

    @rule(key=KEYS, age=st.integers(0, 63))
    def prove(self, key: bytes, age: int) -> None:
        """A proof under any retained root is the oracle's, and the checker agrees."""
        root, old = self.history[age % len(self.history)]
        data = self.tree.prove(key, root).encode()
        assert data == tree_model.compute_proof(old, key)
        proof = Proof.decode(data)
        if key in old:
            verify_inclusion(root, key, old[key], proof)
            with pytest.raises(KeyPresent):
                verify_absence(root, key, proof)
            with pytest.raises(ValueMismatch):
                verify_inclusion(root, key, old[key] + b"\x00", proof)
        else:
            verify_absence(root, key, proof)
            with pytest.raises(KeyAbsent):
                verify_inclusion(root, key, b"any", proof)

    @invariant()
    def roots_are_the_oracles(self) -> None:
        """The newest root is the oracle's, and all retained roots are those of their time."""
        assert self.tree.root == tree_model.compute_root(self.contents)
        assert self.tree.roots == tuple(root for root, _ in self.history)


TestTree = TreeMachine.TestCase
TestTree.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)

ATTACKED = dict.fromkeys(GROUND_KEYS[:40], b"ground") | {
    b"key%d" % n: b"v%d" % n for n in range(60)
}
ATTACKED_TREE = Tree.load(ATTACKED.items())


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from([*ATTACKED, GROUND_KEYS[40], b"absent"]),
    at=st.integers(min_value=0),
    flip=st.integers(1, 255),
)
def test_a_proof_with_any_byte_changed_shows_nothing(key: bytes, at: int, flip: int) -> None:
    """No changed byte leaves a proof that verifies, of presence or of absence."""
    data = bytearray(ATTACKED_TREE.prove(key).encode())
    data[at % len(data)] ^= flip
    value = ATTACKED.get(key, b"any")
    with pytest.raises(MerkleError):
        verify_inclusion(ATTACKED_TREE.root, key, value, Proof.decode(bytes(data)))
    with pytest.raises(MerkleError):
        verify_absence(ATTACKED_TREE.root, key, Proof.decode(bytes(data)))


@settings(max_examples=100, deadline=None)
@given(
    key=st.sampled_from([*ATTACKED, b"absent"]),
    other=st.sampled_from([*ATTACKED, b"absent"]),
    value=VALUES,
)
def test_another_keys_proof_never_lies(key: bytes, other: bytes, value: bytes) -> None:
    """Whosever proof is shown, only true statements verify."""
    proof = ATTACKED_TREE.prove(other)
    try:
        verify_inclusion(ATTACKED_TREE.root, key, value, proof)
    except MerkleError:
        assert ATTACKED.get(key) != value or key != other
    else:
        assert ATTACKED.get(key) == value
    try:
        verify_absence(ATTACKED_TREE.root, key, proof)
    except MerkleError:
        assert key in ATTACKED or key != other
    else:
        assert key not in ATTACKED


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=4096))
def test_random_bytes_are_refused_with_a_code(data: bytes) -> None:
    """Decoding never fails in another way than ProofInvalid."""
    with pytest.raises(ProofInvalid):
        Proof.decode(data)
