"""Keys of a local network: RFC 8032, determinism by seed, and who can read the files."""

import base64
import json
from pathlib import Path

import pytest

from omg_abci.localnet.keys import (
    compute_ed25519_public_key,
    make_ethereum_key,
    make_node_key,
    write_node_key,
    write_secret_file,
    write_validator_key,
)
from omg_abci.protocol.crypto import compute_address

# RFC 8032, 7.1, tests 1 to 3.
_RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
]


def _home(path: Path) -> Path:
    for folder in ("config", "data"):
        (path / folder).mkdir()
    return path


@pytest.mark.parametrize(("secret", "public_key"), _RFC_8032)
def test_ed25519_public_key_is_the_standards(secret: str, public_key: str) -> None:
    """The public keys of the RFC's vectors come out."""
    assert compute_ed25519_public_key(bytes.fromhex(secret)).hex() == public_key


def test_seed_and_label_name_a_key() -> None:
    """The same seed and label give the same keys, any other gives others."""
    assert make_ethereum_key(b"a", "x") == make_ethereum_key(b"a", "x")
    assert make_node_key(b"a", "x") == make_node_key(b"a", "x")
    secrets = {
        make_ethereum_key(seed, label).secret
        for seed, label in [(b"a", "x"), (b"a", "y"), (b"b", "x"), (b"", "xa"), (b"xa", "")]
    }
    assert len(secrets) == 5


def test_keys_without_a_seed_are_new() -> None:
    """No seed means another key each time."""
    assert make_ethereum_key(None, "x").secret != make_ethereum_key(None, "x").secret
    assert make_node_key(None, "x").secret != make_node_key(None, "x").secret


def test_validator_key_is_as_cometbft_reads_it(tmp_path: Path) -> None:
    """Names, encodings and address are those of secp256k1eth."""
    key = make_ethereum_key(b"a", "validator 0")
    write_validator_key(_home(tmp_path), key)
    document = json.loads((tmp_path / "config/priv_validator_key.json").read_text())
    public_key = base64.b64decode(document["pub_key"]["value"])
    assert document["priv_key"]["type"] == "tendermint/PrivKeySecp256k1eth"
    assert base64.b64decode(document["priv_key"]["value"]) == key.secret
    assert document["pub_key"]["type"] == "tendermint/PubKeySecp256k1eth"
    assert len(public_key) == 33
    assert document["address"] == compute_address(public_key).hex().upper()
    state = json.loads((tmp_path / "data/priv_validator_state.json").read_text())
    assert state == {"height": "0", "round": 0, "step": 0}


def test_node_key_is_as_cometbft_reads_it(tmp_path: Path) -> None:
    """Secret and public key stand in one string of 64 bytes; the id is 40 hex digits."""
    key = make_node_key(b"a", "node 0")
    write_node_key(_home(tmp_path), key)
    document = json.loads((tmp_path / "config/node_key.json").read_text())
    assert document["priv_key"]["type"] == "tendermint/PrivKeyEd25519"
    assert base64.b64decode(document["priv_key"]["value"]) == key.secret + key.public_key
    assert len(bytes.fromhex(key.node_id)) == 20


def test_secret_files_are_private_and_never_replaced(tmp_path: Path) -> None:
    """Mode 0600 from the first moment; a second write is refused."""
    path = tmp_path / "secret.json"
    write_secret_file(path, {"secret": "0x01"})
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_secret_file(path, {})
