"""Hashes and secp256k1, as Ethereum uses them.

A signature is 65 bytes R ‖ S ‖ V with low S and V in {0, 1}: exactly what the Plasma contract
accepts, so no signature can pass on one side and fail on the other.
"""

import hashlib
from typing import Final

import sha3  # type: ignore[import-untyped]
from coincurve import PrivateKey, PublicKey

from omg_abci.protocol import errors
from omg_abci.protocol.units import Address, Hash

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Number of points of secp256k1 (SEC 2, 2.4.1)."""
HALF_ORDER: Final = ORDER >> 1
SIGNATURE_BYTES: Final = 65
_KECCAK = sha3.keccak_256


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
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise errors.SignatureOutOfRange
    if s > HALF_ORDER:
        raise errors.SignatureHighS


def compute_address(public_key: bytes) -> Address:
    """Return the Ethereum address of a public key in any SEC 1 form."""
    point = PublicKey(public_key).format(compressed=False)
    return compute_keccak(point[1:])[12:]


def recover_signer(digest: Hash, signature: bytes) -> Address:
    """Return the address that signed the digest; raise as `require_signature`, or Unrecoverable."""
    require_signature(signature)
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as reason:  # coincurve raises bare Exception
        raise errors.SignatureUnrecoverable from reason
    return compute_keccak(key.format(compressed=False)[1:])[12:]


def sign_digest(digest: Hash, secret: bytes) -> bytes:
    """Return R ‖ S ‖ V over the digest; libsecp256k1 makes S low and the nonce by RFC 6979."""
    return PrivateKey(secret).sign_recoverable(digest, hasher=None)
