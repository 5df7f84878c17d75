"""Hashes and secp256k1, as Ethereum uses them.

A signature is 65 bytes R ‖ S ‖ V with low S and V in {0, 1}: exactly what the Plasma contract
accepts, so no signature can pass on one side and fail on the other.
"""

import hashlib
from typing import Any, Final

import sha3  # type: ignore[import-untyped]
from coincurve import PrivateKey, PublicKey
from coincurve._libsecp256k1 import ffi as _ffi  # type: ignore[import-not-found]
from coincurve._libsecp256k1 import lib as _lib
from coincurve.context import GLOBAL_CONTEXT

from omg_abci.protocol import errors
from omg_abci.protocol.units import Address, Hash

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Number of points of secp256k1 (SEC 2, 2.4.1)."""
HALF_ORDER: Final = ORDER >> 1
SIGNATURE_BYTES: Final = 65
_HASH_BYTES: Final = 32
_ZERO_WORD: Final = bytes(32)
_ORDER_WORD: Final = ORDER.to_bytes(32, "big")
_HALF_ORDER_WORD: Final = HALF_ORDER.to_bytes(32, "big")
_KECCAK = sha3.keccak_256

_CONTEXT: Final[Any] = GLOBAL_CONTEXT.ctx
_SIGNATURE: Final = _ffi.typeof("secp256k1_ecdsa_recoverable_signature *")
_KEY: Final = _ffi.typeof("secp256k1_pubkey *")
_POINT: Final = _ffi.typeof("unsigned char[65]")
"""An uncompressed public key: 4, x, y."""
_POINT_SIZE: Final[Any] = _ffi.new("size_t *", 65)


def compute_keccak(data: bytes) -> Hash:
    """Return Keccak-256 (Ethereum's, not NIST's) of the bytes."""
    digest: bytes = _KECCAK(data).digest()
    return digest


def compute_sha256(data: bytes) -> Hash:
    """Return SHA-256 of the bytes."""
    return hashlib.sha256(data).digest()


def require_signature(signature: bytes) -> None:
    """Raise BadSignatureLength, SignatureBadV, SignatureOutOfRange or SignatureHighS."""
    if len(signature) != SIGNATURE_BYTES:
        raise errors.BadSignatureLength(str(len(signature)))
    if signature[64] > 1:
        raise errors.SignatureBadV(str(signature[64]))
    # Big-endian numbers of one length are ordered as their bytes are.
    s = signature[32:64]
    if not (_ZERO_WORD < signature[:32] < _ORDER_WORD and _ZERO_WORD < s < _ORDER_WORD):
        raise errors.SignatureOutOfRange
    if s > _HALF_ORDER_WORD:
        raise errors.SignatureHighS


def compute_address(public_key: bytes) -> Address:
    """Return the Ethereum address of a public key in any SEC 1 form."""
    point = PublicKey(public_key).format(compressed=False)
    return compute_keccak(point[1:])[12:]


def is_public_key(public_key: bytes) -> bool:
    """Return whether the bytes are a point of secp256k1 in a SEC 1 form."""
    key = _ffi.new(_KEY)
    size = len(public_key)
    return bool(_lib.secp256k1_ec_pubkey_parse(_CONTEXT, key, bytes(public_key), size))


def recover_signer(digest: Hash, signature: bytes) -> Address:
    """Return the address that signed the digest; raise as `require_signature`, or Unrecoverable."""
    require_signature(signature)
    return recover_address(digest, signature)


def recover_address(digest: Hash, signature: bytes) -> Address:
    """Do the same with a signature that `require_signature` has passed.

    By libsecp256k1's own functions: 2.5 µs beside the recovery, and 6.5 with coincurve's objects.
    """
    found, key, point = _ffi.new(_SIGNATURE), _ffi.new(_KEY), _ffi.new(_POINT)
    parse = _lib.secp256k1_ecdsa_recoverable_signature_parse_compact
    if len(digest) != _HASH_BYTES or not (
        parse(_CONTEXT, found, signature, signature[64])
        and _lib.secp256k1_ecdsa_recover(_CONTEXT, key, found, digest)
    ):
        raise errors.SignatureUnrecoverable
    serialize = _lib.secp256k1_ec_pubkey_serialize
    serialize(_CONTEXT, point, _POINT_SIZE, key, _lib.SECP256K1_EC_UNCOMPRESSED)
    address: Address = _KECCAK(_ffi.buffer(point)[1:]).digest()[12:]
    return address


def sign_digest(digest: Hash, secret: bytes) -> bytes:
    """Return R ‖ S ‖ V over the digest; libsecp256k1 makes S low and the nonce by RFC 6979."""
    return PrivateKey(secret).sign_recoverable(digest, hasher=None)
