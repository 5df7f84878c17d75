"""Keys of a network's validators, nodes and accounts, and the files that CometBFT keeps them in.

Secrets come from the operating system, or, for networks that must be the same again, from a seed.
Every file that holds one is readable by its owner only.
"""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from coincurve import PrivateKey

from omg_abci.protocol.crypto import ORDER, compute_address

_NOTHING_SIGNED: Final = {"height": "0", "round": 0, "step": 0}
_FIELD: Final = 2**255 - 19
_CURVE_D: Final = -121665 * pow(121666, -1, _FIELD) % _FIELD
_BASE_Y: Final = 4 * pow(5, -1, _FIELD) % _FIELD
_BASE_X: Final = 15112221349535400772501151409588531511454012693041857206046113283949847762202

_Point = tuple[int, int, int, int]


class EthereumKey(NamedTuple):
    """A secp256k1 key with its Ethereum address: of a validator, an account or an agent."""

    secret: bytes
    address: bytes

    @property
    def public_key(self) -> bytes:
        """Return the compressed point, 33 bytes."""
        return PrivateKey(self.secret).public_key.format(compressed=True)


class NodeKey(NamedTuple):
    """An ed25519 key that names a node to its peers."""

    secret: bytes
    public_key: bytes

    @property
    def node_id(self) -> str:
        """Return the first 20 bytes of the public key's SHA-256, in hex."""
        return hashlib.sha256(self.public_key).digest()[:20].hex()


def make_ethereum_key(seed: bytes | None, label: str) -> EthereumKey:
    """Make a secp256k1 key, a new one or the one that seed and label name."""
    secret = _make_secret(seed, label)
    while not 0 < int.from_bytes(secret, "big") < ORDER:
        secret = hashlib.sha256(secret).digest()
    return EthereumKey(secret, compute_address(PrivateKey(secret).public_key.format()))


def make_node_key(seed: bytes | None, label: str) -> NodeKey:
    """Make an ed25519 key, a new one or the one that seed and label name."""
    secret = _make_secret(seed, label)
    return NodeKey(secret, compute_ed25519_public_key(secret))


def _make_secret(seed: bytes | None, label: str) -> bytes:
    if seed is None:
        return os.urandom(32)
    name = label.encode()
    material = b"OMG localnet key\n" + len(name).to_bytes(2, "big") + name + seed
    return hashlib.sha256(material).digest()


def compute_ed25519_public_key(secret: bytes) -> bytes:
    """Return the public key of a 32-byte secret (RFC 8032, 5.1.5).

    Not in constant time: a node's key on the own machine names it, and guards nothing.
    """
    digest = bytearray(hashlib.sha512(secret).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    x, y, z, _ = _multiply_base(int.from_bytes(digest, "little"))
    inverse = pow(z, -1, _FIELD)
    sign = x * inverse % _FIELD & 1
    return (y * inverse % _FIELD | sign << 255).to_bytes(32, "little")


def _multiply_base(scalar: int) -> _Point:
    total: _Point = (0, 1, 1, 0)
    power: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _FIELD)
    while scalar:
        if scalar & 1:
            total = _add(total, power)
        power = _add(power, power)
        scalar >>= 1
    return total


def _add(left: _Point, right: _Point) -> _Point:
    """Add two points in extended coordinates (RFC 8032, 5.1.4)."""
    a = (left[1] - left[0]) * (right[1] - right[0])
    b = (left[1] + left[0]) * (right[1] + right[0])
    c = 2 * left[3] * right[3] * _CURVE_D
    d = 2 * left[2] * right[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _FIELD, g * h % _FIELD, f * g % _FIELD, e * h % _FIELD


def write_secret_file(path: Path, document: object) -> None:
    """Write a new JSON file that its owner alone can read. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=2) + "\n")


def encode_public_key(key: EthereumKey) -> dict[str, str]:
    """Return a validator's public key as CometBFT's JSON has it."""
    return {"type": "tendermint/PubKeySecp256k1eth", "value": _base64(key.public_key)}


def write_validator_key(home: Path, key: EthereumKey) -> None:
    """Write a validator's key, and the state of one that has signed nothing yet."""
    document = {
        "address": key.address.hex().upper(),
        "pub_key": encode_public_key(key),
        "priv_key": {"type": "tendermint/PrivKeySecp256k1eth", "value": _base64(key.secret)},
    }
    write_secret_file(home / "config" / "priv_validator_key.json", document)
    write_secret_file(home / "data" / "priv_validator_state.json", _NOTHING_SIGNED)


def write_node_key(home: Path, key: NodeKey) -> None:
    """Write a node's key; CometBFT keeps secret and public key in one string."""
    value = _base64(key.secret + key.public_key)
    document = {"priv_key": {"type": "tendermint/PrivKeyEd25519", "value": value}}
    write_secret_file(home / "config" / "node_key.json", document)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
