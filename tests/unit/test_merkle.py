"""The independent checker: frozen proofs, every refusal, and the worked example of the spec."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omg_abci.protocol.merkle import (
    NESTED_MAX,
    PROOF_BYTES_MAX,
    SIBLINGS,
    KeyAbsent,
    KeyInvalid,
    KeyPresent,
    MerkleError,
    Proof,
    ProofInvalid,
    RootMismatch,
    RootNotRetained,
    ValueInvalid,
    ValueMismatch,
    verify_absence,
    verify_inclusion,
)
from tests import tree_model

ROOT_DIR = Path(__file__).parents[2]
CASES: list[dict[str, Any]] = json.loads(
    (ROOT_DIR / "tests/vectors/tree/cases.json").read_text(encoding="utf-8")
)
SPEC = (ROOT_DIR / "docs/spec/state-tree.md").read_text(encoding="utf-8")

CONTENTS = {b"alice": b"100", b"bob": b"200"}
ROOT = tree_model.compute_root(CONTENTS)
ALICE = tree_model.compute_proof(CONTENTS, b"alice")
CAROL = tree_model.compute_proof(CONTENTS, b"carol")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_frozen_proofs_verify(case: dict[str, Any]) -> None:
    """Each frozen proof shows what it was made for, under its root and no other claim."""
    root = bytes.fromhex(case["root"])
    for row in case["proofs"]:
        key, data = bytes.fromhex(row["key"]), bytes.fromhex(row["proof"])
        proof = Proof.decode(data)
        assert proof.encode() == data
        if row["value"] is None:
            verify_absence(root, key, proof)
            with pytest.raises(KeyAbsent):
                verify_inclusion(root, key, b"any", proof)
        else:
            verify_inclusion(root, key, bytes.fromhex(row["value"]), proof)
            with pytest.raises(ValueMismatch):
                verify_inclusion(root, key, b"another value", proof)
            with pytest.raises(KeyPresent):
                verify_absence(root, key, proof)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_frozen_cases_are_what_the_oracle_computes(case: dict[str, Any]) -> None:
    """The frozen roots and proofs follow from the contents."""
    contents = {bytes.fromhex(key): bytes.fromhex(value) for key, value in case["contents"].items()}
    assert tree_model.compute_root(contents).hex() == case["root"]
    for row in case["proofs"]:
        assert tree_model.compute_proof(contents, bytes.fromhex(row["key"])).hex() == row["proof"]


def test_example_of_the_spec() -> None:
    """Every figure of the worked example is right."""
    rows = re.findall(r"^\| (\d+) \| `([0-9a-f]{64})` \|$", SPEC, re.MULTILINE)
    leaves = tree_model.compute_leaves({b"alice": b"100"})
    depths = range(18, -1, -3)
    assert rows == [(str(depth), tree_model.compute_empty(depth).hex()) for depth in depths] + [
        (str(depth), tree_model.compute_node(leaves, depth).hex()) for depth in depths
    ]
    ((path, leaf),) = leaves.items()
    assert f"`00616c696365`: `{path:064x}`" in SPEC
    assert f"`01050003616c696365313030`: `{leaf.hex()}`" in SPEC
    bits = f"{path >> 238:018b}"
    triples = [bits[at : at + 3] for at in range(0, 18, 3)]
    children = ", ".join(str(int(triple, 2)) for triple in triples)
    assert (
        f"{' '.join(triples)} in binary, so the bucket is {path >> 238} and the children chosen "
        f"from the root down are {children}." in SPEC
    )
    assert f"empty state has the root `{tree_model.compute_root({}).hex()}`" in SPEC
    smallest = len(tree_model.compute_proof({}, b"alice"))
    assert f"A proof is {smallest} to {PROOF_BYTES_MAX} bytes" in SPEC


def test_spec_names_every_code() -> None:
    """The page and the classes agree on the codes, each of which is used once."""
    found = [kind.code for kind in MerkleError.__subclasses__()]
    codes = [code for code in found if code.startswith("merkle.")]
    assert sorted(codes) == sorted(set(re.findall(r"`(merkle\.\w+)`", SPEC)))
    assert RootNotRetained.code in codes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00",
        ALICE[:-1],
        ALICE[:-64],
        ALICE + b"\x00",
        ALICE + bytes(64),
        b"\x00" + ALICE[1:],
        b"\x02" + ALICE[1:],
        ALICE[:1] + b"\x01" + ALICE[2:],
        ALICE[:2] + b"\x00" + ALICE[3:],
        bytes((1, NESTED_MAX + 1, 0)) + bytes(32 * (NESTED_MAX + 1 + SIBLINGS)),
        bytes((1, 0, 17)) + bytes(32 * SIBLINGS) + b"".join(bytes([n]) * 64 for n in range(17)),
        bytes((1, 0, 2)) + bytes(32 * SIBLINGS) + bytes(128),
        bytes((1, 0, 2)) + bytes(32 * SIBLINGS) + b"\x02" * 64 + b"\x01" * 64,
        bytes((1, 255, 255)) + bytes(32 * (255 + SIBLINGS + 510)),
        bytes(PROOF_BYTES_MAX + 1),
    ],
    ids=[
        "nothing",
        "short header",
        "one byte short",
        "one entry short",
        "trailing byte",
        "trailing entry",
        "format 0",
        "format 2",
        "one nested announced",
        "no entry announced",
        "too deep",
        "too many entries",
        "same path twice",
        "descending paths",
        "all maximal",
        "oversized",
    ],
)
def test_decode_refuses_what_is_not_canonical(data: bytes) -> None:
    """Bytes that encode() cannot produce are refused with one stable code."""
    with pytest.raises(ProofInvalid) as caught:
        Proof.decode(data)
    assert caught.value.code == "merkle.proof_invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"nested": (bytes(32),) * (NESTED_MAX + 1)},
        {"nested": (bytes(31),)},
        {"siblings": ()},
        {"siblings": (bytes(32),) * (SIBLINGS + 1)},
        {"siblings": (bytes(33),) * SIBLINGS},
        {"entries": ((bytes(32), b""),)},
        {"entries": tuple((bytes([n]) * 32, bytes(32)) for n in range(17))},
    ],
)
def test_proofs_of_impossible_shape_cannot_be_made(change: dict[str, Any]) -> None:
    """A proof built by hand is held to the same bounds as a decoded one."""
    with pytest.raises(ProofInvalid):
        replace(Proof.decode(ALICE), **change)


def test_the_largest_proof_is_decoded() -> None:
    """A proof at every bound is exactly PROOF_BYTES_MAX long and comes back unchanged."""
    entries = tuple((bytes([n]) * 32, bytes(32)) for n in range(16))
    proof = Proof((b"\x01" * 32,) * NESTED_MAX, (b"\x02" * 32,) * SIBLINGS, entries)
    assert len(proof.encode()) == PROOF_BYTES_MAX
    assert Proof.decode(proof.encode()) == proof


def test_any_flipped_bit_is_noticed() -> None:
    """A proof with one bit changed, at any byte, shows nothing at all."""
    for at in range(len(ALICE)):
        data = bytearray(ALICE)
        data[at] ^= 1 << at % 8
        with pytest.raises((ProofInvalid, RootMismatch)):
            verify_inclusion(ROOT, b"alice", b"100", Proof.decode(bytes(data)))
        with pytest.raises((ProofInvalid, RootMismatch)):
            verify_absence(ROOT, b"alice", Proof.decode(bytes(data)))


def test_a_proof_holds_for_its_own_key_only() -> None:
    """The place comes from the key, so another key's proof does not lead to the root."""
    with pytest.raises(ProofInvalid, match="is not in the bucket"):
        verify_absence(ROOT, b"carol", Proof.decode(ALICE))
    with pytest.raises(RootMismatch):
        verify_absence(ROOT, b"alice", Proof.decode(CAROL))
    with pytest.raises(RootMismatch):
        verify_inclusion(ROOT, b"bob", b"200", Proof.decode(CAROL))


def test_a_proof_holds_under_its_own_root_only() -> None:
    """Another root, or something that is no root, is a mismatch."""
    for root in (bytes(32), b"", ROOT[:-1], ROOT + b"\x00", tree_model.compute_root({})):
        with pytest.raises(RootMismatch):
            verify_inclusion(root, b"alice", b"100", Proof.decode(ALICE))
        with pytest.raises(RootMismatch):
            verify_absence(root, b"carol", Proof.decode(CAROL))


def test_key_and_value_cannot_trade_bytes() -> None:
    """The leaf commits both lengths, and the path the key."""
    with pytest.raises((RootMismatch, ProofInvalid)):
        verify_inclusion(ROOT, b"alice1", b"00", Proof.decode(ALICE))
    assert (
        len(
            {
                tree_model.compute_root(contents)
                for contents in ({b"ab": b"c"}, {b"a": b"bc"}, {b"abc": b"\x00"}, {b"a": b"bc\x00"})
            }
        )
        == 4
    )


@pytest.mark.parametrize("key", [b"", bytes(65)])
def test_keys_out_of_bounds_are_refused(key: bytes) -> None:
    """A key is 1 to 64 bytes."""
    with pytest.raises(KeyInvalid) as caught:
        verify_inclusion(ROOT, key, b"100", Proof.decode(ALICE))
    assert caught.value.code == "merkle.key_invalid"
    with pytest.raises(KeyInvalid):
        verify_absence(ROOT, key, Proof.decode(ALICE))


@pytest.mark.parametrize("value", [b"", bytes(4097)])
def test_values_out_of_bounds_are_refused(value: bytes) -> None:
    """A value is 1 to 4096 bytes."""
    with pytest.raises(ValueInvalid) as caught:
        verify_inclusion(ROOT, b"alice", value, Proof.decode(ALICE))
    assert caught.value.code == "merkle.value_invalid"
