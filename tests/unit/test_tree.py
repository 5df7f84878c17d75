"""The state tree against the oracle, its nesting, its older roots and its bounds."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from omg_abci.protocol.merkle import (
    KeyInvalid,
    KeyPresent,
    Proof,
    RootNotRetained,
    ValueInvalid,
    verify_absence,
    verify_inclusion,
)
from omg_abci.state.tree import ROOTS_RETAINED, Tree
from omg_abci.state.tree_bucket import ABSENT, Nest, Part, compute_changed, compute_digest
from tests import tree_model

VECTORS = Path(__file__).parents[1] / "vectors/tree"
CASES: list[dict[str, Any]] = json.loads((VECTORS / "cases.json").read_text(encoding="utf-8"))
GROUND: dict[str, Any] = json.loads((VECTORS / "ground_keys.json").read_text(encoding="utf-8"))
GROUND_KEYS = [
    bytes.fromhex(GROUND["prefix"]) + number.to_bytes(4, "big") for number in GROUND["numbers"]
]


def make_record(number: int, prefix_bits: int) -> bytes:
    """Return a record with a random path behind `prefix_bits` zeros, as if ground."""
    path = int.from_bytes(sha256(b"%d" % number).digest(), "big") >> prefix_bits
    return path.to_bytes(32, "big") + sha256(b"leaf %d" % number).digest()


def list_nests(part: Part) -> Iterator[Nest]:
    """Yield every nested node of a part."""
    if isinstance(part, Nest):
        yield part
        yield from list_nests(part.left)
        yield from list_nests(part.right)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_frozen_cases(case: dict[str, Any]) -> None:
    """Loading and folding both give the frozen root and the frozen proofs."""
    contents = {bytes.fromhex(key): bytes.fromhex(value) for key, value in case["contents"].items()}
    folded = Tree()
    for item in reversed(contents.items()):
        folded.fold([item])
    for tree in (Tree.load(contents.items()), folded):
        assert tree.root.hex() == case["root"]
        for row in case["proofs"]:
            assert tree.prove(bytes.fromhex(row["key"])).encode().hex() == row["proof"]


def test_empty_tree() -> None:
    """A tree without keys has a root, and proves that any key is absent."""
    tree = Tree()
    assert tree.root == tree_model.compute_root({}) == Tree.load([]).root
    assert tree.roots == (tree.root,)
    verify_absence(tree.root, b"any", tree.prove(b"any"))


def test_ground_keys_share_a_bucket() -> None:
    """The ground keys are what they are said to be: 300 different keys of bucket 0."""
    assert len(set(GROUND_KEYS)) == 300
    for key in GROUND_KEYS:
        assert sha256(b"\x00" + key).digest() < bytes((0, 0, 0x40))


@pytest.mark.parametrize("count", [1, 16, 17, 40, 300])
@pytest.mark.parametrize("batch", [1, 7, 300])
def test_ground_bucket_grows_and_shrinks(count: int, batch: int) -> None:
    """A bucket nests and is flat again exactly as its contents say, whatever the batches."""
    tree = Tree()
    keys = GROUND_KEYS[:count]
    contents: dict[bytes, bytes] = {}
    for at in range(0, count, batch):
        contents |= dict.fromkeys(keys[at : at + batch], b"ground")
        tree.fold(dict.fromkeys(keys[at : at + batch], b"ground").items())
    assert tree.root == tree_model.compute_root(contents)
    for key in (keys[0], keys[-1], b"absent"):
        assert tree.prove(key).encode() == tree_model.compute_proof(contents, key)
    left = list(reversed(keys))
    while left:
        gone, left = left[:batch], left[batch:]
        tree.fold([(key, None) for key in gone])
        for key in gone:
            del contents[key]
        if len(left) in {0, 15, 16, 17} or batch == 7:
            assert tree.root == tree_model.compute_root(contents)
    assert tree.root == Tree().root


@pytest.mark.parametrize("prefix_bits", [18, 100, 200])
@pytest.mark.parametrize("count", [17, 200])
def test_paths_that_share_many_bits(prefix_bits: int, count: int) -> None:
    """Nesting holds however many path bits an attacker makes equal."""
    records = sorted(make_record(number, prefix_bits) for number in range(count))
    leaves = {int.from_bytes(record[:32], "big"): record[32:] for record in records}
    part: Part = b""
    for record in records:
        part = compute_changed(part, 18, [record], [])
    assert compute_digest(part) == tree_model.compute_node(leaves, 18)
    assert compute_digest(compute_changed(b"", 18, records, [])) == compute_digest(part)


def test_undo_records_lead_back() -> None:
    """Writing back what a change replaced restores the bucket; what replaced nothing left none."""
    records = sorted(make_record(number, 18) for number in range(120))
    start = compute_changed(b"", 18, records[::2], [])
    previous: list[bytes] = []
    gone = [record[:32] + ABSENT for record in records[:40]]
    changed = compute_changed(start, 18, gone + records[40:], previous)
    assert compute_digest(changed) != compute_digest(start)
    assert len(previous) == 20 + 40
    back = compute_changed(changed, 18, previous, [])
    assert compute_digest(back) == compute_digest(start)
    unchanged: list[bytes] = []
    assert compute_changed(start, 18, records[::2], unchanged) is start
    assert unchanged == []


def test_a_change_in_a_ground_bucket_rehashes_one_way_down() -> None:
    """With N keys ground into a bucket, a change makes about log2(N / 16) nested nodes, not N."""
    records = sorted(make_record(number, 18) for number in range(8192))
    part = compute_changed(b"", 18, records, [])
    before = list(list_nests(part))
    known = {id(nest) for nest in before}
    assert len(before) > 512
    for record in (records[0], records[4000], records[-1]):
        changed = compute_changed(part, 18, [record[:32] + sha256(record).digest()], [])
        assert sum(id(nest) not in known for nest in list_nests(changed)) <= 14


def test_order_batches_and_detours_leave_no_trace() -> None:
    """The root is a function of the contents alone."""
    contents = {b"key%d" % n: b"value%d" % n for n in range(200)} | dict.fromkeys(GROUND_KEYS, b"g")
    straight = Tree.load(contents.items())
    winding = Tree()
    items = list(contents.items())
    for at in range(0, len(items), 33):
        winding.fold((key, b"wrong") for key, _ in items[at : at + 50])
        winding.fold([(b"passing%d" % at, b"by"), (b"never there", None)])
    winding.fold(reversed(items))
    winding.fold((b"passing%d" % at, None) for at in range(0, len(items), 33))
    assert winding.root == straight.root == tree_model.compute_root(contents)


def test_of_a_repeated_key_the_last_value_counts() -> None:
    """Within one fold or load, later changes of a key replace earlier ones."""
    tree = Tree()
    tree.fold([(b"a", b"1"), (b"b", b"1"), (b"a", None), (b"a", b"2"), (b"b", None)])
    assert tree.root == Tree.load([(b"a", b"1"), (b"a", b"2")]).root
    assert tree.root == tree_model.compute_root({b"a": b"2"})


def test_older_roots_are_proved() -> None:
    """For each of the last 64 roots every proof is the one of that time, byte for byte."""
    tree = Tree()
    contents: dict[bytes, bytes] = {}
    history = [dict(contents)]
    for fold in range(80):
        changes: dict[bytes, bytes | None] = {b"key%d" % (fold % 7): b"value%d" % fold}
        for key in GROUND_KEYS[fold * 37 % 250 :][:40]:
            changes[key] = None if fold % 3 == 0 else b"%d" % fold
        tree.fold(changes.items())
        for key, value in changes.items():
            contents.pop(key, None)
            if value is not None:
                contents[key] = value
        history.append(dict(contents))
    assert len(tree.roots) == ROOTS_RETAINED == 64
    for root, old in zip(tree.roots, reversed(history), strict=False):
        for key in (b"key3", GROUND_KEYS[60], b"absent"):
            proof = tree.prove(key, root)
            if key in old:
                verify_inclusion(root, key, old[key], proof)
            else:
                verify_absence(root, key, proof)
    for age in (1, 30, 63):
        expected = tree_model.compute_proof(history[-1 - age], GROUND_KEYS[60])
        assert tree.prove(GROUND_KEYS[60], tree.roots[age]).encode() == expected


def test_an_older_root_of_a_ground_bucket_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys a fold changed in a bucket, a proof writes back at most 16 of a layer."""
    sizes: list[int] = []

    def count(part: Part, depth: int, records: list[bytes], previous: list[bytes]) -> Part:
        sizes.append(len(records))
        return compute_changed(part, depth, records, previous)

    tree = Tree()
    tree.fold((key, b"1") for key in GROUND_KEYS[:16])
    tree.fold((key, b"2") for key in GROUND_KEYS)
    tree.fold((key, None) for key in GROUND_KEYS[5:])
    tree.fold((key, b"3") for key in GROUND_KEYS[:16])
    monkeypatch.setattr("omg_abci.state.tree.compute_changed", count)
    for root, value in zip(tree.roots, [b"3", b"2", b"2", b"1"], strict=False):
        verify_inclusion(root, GROUND_KEYS[0], value, tree.prove(GROUND_KEYS[0], root))
    verify_absence(tree.roots[-1], GROUND_KEYS[0], tree.prove(GROUND_KEYS[0], tree.roots[-1]))
    assert max(sizes) == 16


def test_a_fold_without_effect_still_counts() -> None:
    """A fold that changes nothing repeats the root, which can be proved all the same."""
    tree = Tree.load([(b"a", b"1")])
    root = tree.root
    assert tree.fold([]) == root
    assert tree.fold([(b"a", b"1"), (b"b", None)]) == root
    assert tree.roots == (root, root, root)
    tree.fold([(b"a", None)])
    verify_inclusion(root, b"a", b"1", tree.prove(b"a", root))
    with pytest.raises(KeyPresent):
        verify_absence(root, b"a", tree.prove(b"a", root))


def test_forgotten_and_unknown_roots_are_refused() -> None:
    """A root that is not among the last 64 has its own stable code."""
    tree = Tree()
    first = tree.root
    for fold in range(64):
        assert tree.prove(b"a", first).entries == ()
        tree.fold([(b"a", b"%d" % fold)])
    for root in (first, bytes(32), b""):
        with pytest.raises(RootNotRetained) as caught:
            tree.prove(b"a", root)
        assert caught.value.code == "merkle.root_not_retained"


@pytest.mark.parametrize("key", [b"", bytes(65)])
def test_keys_out_of_bounds_change_nothing(key: bytes) -> None:
    """A key of a wrong length is refused everywhere, before anything is written."""
    tree = Tree.load([(b"a", b"1")])
    roots = tree.roots
    with pytest.raises(KeyInvalid):
        tree.fold([(b"a", b"2"), (key, b"1")])
    with pytest.raises(KeyInvalid):
        tree.fold([(key, None)])
    with pytest.raises(KeyInvalid):
        tree.prove(key)
    with pytest.raises(KeyInvalid):
        Tree.load([(key, b"1")])
    assert tree.roots == roots


@pytest.mark.parametrize("value", [b"", bytes(4097)])
def test_values_out_of_bounds_change_nothing(value: bytes) -> None:
    """A value of a wrong length is refused, before anything is written."""
    tree = Tree()
    roots = tree.roots
    with pytest.raises(ValueInvalid):
        tree.fold([(b"a", b"2"), (b"b", value)])
    with pytest.raises(ValueInvalid):
        Tree.load([(b"b", value)])
    assert tree.roots == roots


def test_longest_key_and_value() -> None:
    """64 and 4096 bytes are within the bounds."""
    tree = Tree.load([(bytes(64), bytes(4096))])
    proof = Proof.decode(tree.prove(bytes(64)).encode())
    verify_inclusion(tree.root, bytes(64), bytes(4096), proof)
