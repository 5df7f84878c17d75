"""Recovery by libsecp256k1's own functions says what its plain form says."""

import pytest
from coincurve import PublicKey
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.protocol import errors
from omg_abci.protocol.crypto import (
    HALF_ORDER,
    ORDER,
    compute_address,
    recover_address,
    recover_signer,
    require_signature,
    sign_digest,
)

_EDGES = [0, 1, HALF_ORDER, HALF_ORDER + 1, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1]
_WORDS = st.one_of(st.sampled_from(_EDGES), st.integers(0, 2**256 - 1))
_SIGNATURES = st.one_of(
    st.builds(
        lambda r, s, v: r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v]),
        _WORDS,
        _WORDS,
        st.integers(0, 3),
    ),
    st.binary(min_size=64, max_size=66),
)
_DIGESTS = st.binary(min_size=32, max_size=32)


def require_plainly(signature: bytes) -> None:
    """Do what `require_signature` does, with numbers."""
    if len(signature) != 65:
        raise errors.BadSignatureLength(str(len(signature)))
    if signature[64] > 1:
        raise errors.SignatureBadV(str(signature[64]))
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise errors.SignatureOutOfRange
    if s > HALF_ORDER:
        raise errors.SignatureHighS


def recover_plainly(digest: bytes, signature: bytes) -> bytes:
    """Do what `recover_signer` does, with coincurve's objects."""
    require_plainly(signature)
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as reason:  # coincurve raises bare Exception
        raise errors.SignatureUnrecoverable from reason
    return compute_address(key.format())


def tell(digest: bytes, signature: bytes, *, plainly: bool) -> bytes | tuple[int, str]:
    """Return the signer, or the error's code and text."""
    try:
        return (recover_plainly if plainly else recover_signer)(digest, signature)
    except errors.FormatError as error:
        return error.code, str(error)


@given(_DIGESTS, _SIGNATURES)
def test_any_signature_has_the_plain_verdict(digest: bytes, signature: bytes) -> None:
    """The same signer, or the same error with the same text."""
    assert tell(digest, signature, plainly=False) == tell(digest, signature, plainly=True)


@given(_DIGESTS, st.integers(1, ORDER - 1), st.integers(0, 65 * 8 - 1))
def test_made_signatures_have_the_plain_verdict(digest: bytes, secret: int, bit: int) -> None:
    """So have signatures that were made, and those with one bit changed."""
    signature = sign_digest(digest, secret.to_bytes(32, "big"))
    require_signature(signature)
    changed = bytearray(signature)
    changed[bit >> 3] ^= 1 << (bit & 7)
    for each in (signature, bytes(changed)):
        assert tell(digest, each, plainly=False) == tell(digest, each, plainly=True)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_digest_of_another_length_recovers_to_nobody(size: int) -> None:
    """Nothing beyond a digest's end is read."""
    signature = sign_digest(bytes(32), bytes(31) + b"\x01")
    with pytest.raises(errors.SignatureUnrecoverable):
        recover_address(bytes(size), signature)
