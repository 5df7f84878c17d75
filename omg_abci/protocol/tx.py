"""From bytes to a transaction whose signature is its signer's, and back.

`verify_tx` is everything that can be said of a transaction without looking at the state: it is
what a signature worker does, and its verdict for given bytes never changes.
"""

from omg_abci.protocol import codec, errors
from omg_abci.protocol.crypto import recover_address, require_signature, sign_digest
from omg_abci.protocol.messages import SignedTx, TxBody
from omg_abci.protocol.signing import Domain, compute_digest, compute_domain_separator
from omg_abci.protocol.terms import compute_terms
from omg_abci.protocol.units import Scheme

_new = tuple.__new__


class Verifier:
    """Verifies transactions of one chain; holds the domain separator."""

    def __init__(self, domain: Domain) -> None:
        """Fix chain id and signing domain."""
        self.domain = domain
        self._chain_id = domain.chain_id
        self.separator = compute_domain_separator(domain)

    def decode_tx(self, raw: bytes) -> tuple[SignedTx, bytes]:
        """Return the transaction and its signature, not yet compared with the signer.

        Raise the format errors in this order: size, envelope, signature form, body, chain, fields.
        """
        body_bytes, signer, scheme, signature = codec.decode_envelope(raw)
        require_signature(signature)
        body = codec.decode_body(body_bytes)
        if body.chain_id != self._chain_id:
            raise errors.WrongChain(f"{body.chain_id!r}, this is {self._chain_id!r}")
        body.check(signer, scheme)
        digest = compute_digest(self.separator, scheme, body_bytes, body)
        work, scopes = compute_terms(len(raw), body.legs)
        return _new(SignedTx, (raw, digest, signer, scheme, body, work, scopes)), signature

    def verify_tx(self, raw: bytes) -> SignedTx:
        """Return the transaction; raise any `FormatError`, last of all SignerMismatch."""
        tx, signature = self.decode_tx(raw)
        recovered = recover_address(tx.tx_id, signature)
        if recovered != tx.signer:
            raise errors.SignerMismatch(
                f"recovers to 0x{recovered.hex()}, envelope says 0x{tx.signer.hex()},"
                f" digest 0x{tx.tx_id.hex()}"
            )
        return tx


def sign_tx(domain: Domain, body: TxBody, signer: bytes, secret: bytes, scheme: int) -> bytes:
    """Return the bytes of a signed transaction; raise the format errors of its fields."""
    body.check(signer, scheme)
    body_bytes = codec.encode_body(body)
    separator = compute_domain_separator(domain)
    digest = compute_digest(separator, scheme, body_bytes, body)
    return codec.encode_envelope(body_bytes, signer, Scheme(scheme), sign_digest(digest, secret))
