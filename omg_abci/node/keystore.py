"""Keys on disk: one Web3 Secret Storage file (keystore v3) a key, encrypted with a passphrase.

Guarantees that a secret is never written in the clear, that files are readable by their owner
only, that nothing is overwritten, and that what is unlocked is the key of the shown address.

    KeystoreError
    ├── KeyNameInvalid      key_name        the name cannot be a file's
    ├── KeyMissing          key_missing     no key has the name
    ├── KeyExists           key_exists      a key of the name is there
    ├── KeyDamaged          key_damaged     the file is no keystore, or contradicts itself
    ├── SecretInvalid       key_secret      the bytes are no secret key
    └── PassphraseWrong     passphrase      the passphrase does not open the file
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from coincurve import PrivateKey

from omg_abci.protocol.crypto import ORDER, compute_address
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.units import ADDRESS_BYTES, Address

WORK_FACTOR: Final = 1 << 18
"""scrypt's n: 256 MiB and about a second for each guess."""
SECRET_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX: Final = ".json"


class KeystoreError(OmgError):
    """A key cannot be had or kept."""

    code: ClassVar[str] = "keystore"


class KeyNameInvalid(KeystoreError):
    """The name cannot be a file's."""

    code = "key_name"


class KeyMissing(KeystoreError):
    """No key has the name."""

    code = "key_missing"


class KeyExists(KeystoreError):
    """A key of the name is there already."""

    code = "key_exists"


class KeyDamaged(KeystoreError):
    """The file is no keystore, or contradicts itself."""

    code = "key_damaged"


class SecretInvalid(KeystoreError):
    """The bytes are no secret key."""

    code = "key_secret"


class PassphraseWrong(KeystoreError):
    """The passphrase does not open the file."""

    code = "passphrase"


class StoredKey(NamedTuple):
    """A key as it can be seen without its passphrase."""

    name: str
    address: Address
    path: Path


class Keystore:
    """A directory of encrypted keys."""

    def __init__(self, directory: Path, work_factor: int = WORK_FACTOR) -> None:
        """Use the directory, which is made with its first key."""
        self.directory = directory.expanduser()
        self._work_factor = work_factor

    def list(self) -> list[StoredKey]:
        """Return all keys, by name; raise KeyDamaged."""
        if not self.directory.is_dir():
            return []
        names = sorted(path.name for path in self.directory.iterdir())
        return [self.get(name[: -len(_SUFFIX)]) for name in names if _is_key_file(name)]

    def get(self, name: str) -> StoredKey:
        """Return a key without its secret; raise KeyNameInvalid, KeyMissing, KeyDamaged."""
        path = self._find(name)
        return StoredKey(name, _read_address(self.load_document(name), path), path)

    def load_document(self, name: str) -> dict[str, Any]:
        """Return the encrypted file's content; raise KeyNameInvalid, KeyMissing, KeyDamaged."""
        path = self._find(name)
        try:
            return parse_document(path.read_bytes(), str(path))
        except FileNotFoundError:
            raise KeyMissing(f"no key {name!r} in {self.directory}") from None

    def unlock(self, name: str, passphrase: str) -> bytes:
        """Return the secret, 32 bytes; raise as `load_document`, or PassphraseWrong."""
        key = self.get(name)
        return open_document(self.load_document(name), passphrase, str(key.path))

    def add(self, name: str, secret: bytes, passphrase: str) -> StoredKey:
        """Encrypt a secret and keep it; raise KeyNameInvalid, KeyExists, SecretInvalid."""
        # The module behind it takes more than a second to import: only when a key is made.
        from eth_keyfile.keyfile import create_keyfile_json  # noqa: PLC0415

        compute_secret_address(secret)
        document = create_keyfile_json(
            secret, passphrase.encode(), kdf="scrypt", iterations=self._work_factor
        )
        return self.add_document(name, document)

    def add_document(self, name: str, document: Mapping[str, Any]) -> StoredKey:
        """Keep an encrypted key as it is; raise KeyNameInvalid, KeyExists, KeyDamaged."""
        path = self._find(name)
        _read_address(document, path)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyExists(f"a key {name!r} is there already: {path}") from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return self.get(name)

    def remove(self, name: str) -> StoredKey:
        """Delete a key; raise KeyNameInvalid, KeyMissing, KeyDamaged."""
        key = self.get(name)
        key.path.unlink()
        return key

    def require_new(self, name: str) -> None:
        """Raise KeyNameInvalid, KeyExists: before anyone thinks of a passphrase."""
        path = self._find(name)
        if path.exists():
            raise KeyExists(f"a key {name!r} is there already: {path}")

    def _find(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyNameInvalid(
                f"{name!r} cannot be a key's name: 1 to 64 letters, digits, '.', '_' and '-',"
                " the first a letter or digit"
            )
        return self.directory / f"{name}{_SUFFIX}"


def _is_key_file(name: str) -> bool:
    return name.endswith(_SUFFIX) and _NAME.fullmatch(name[: -len(_SUFFIX)]) is not None


def compute_secret_address(secret: bytes) -> Address:
    """Return the address of a secret key; raise SecretInvalid."""
    if len(secret) != SECRET_BYTES or not 0 < int.from_bytes(secret, "big") < ORDER:
        raise SecretInvalid("a secret key is 32 bytes, not zero and below the curve's order")
    return compute_address(PrivateKey(secret).public_key.format())


def parse_document(data: bytes, place: str) -> dict[str, Any]:
    """Return a keystore v3 document; raise KeyDamaged naming the place."""
    try:
        document = json.loads(data)
    except ValueError:
        raise KeyDamaged(f"{place} is not JSON") from None
    if not isinstance(document, dict) or document.get("version") != 3:  # noqa: PLR2004 - the format
        raise KeyDamaged(f"{place} is no keystore of version 3")
    return document


def open_document(document: Mapping[str, Any], passphrase: str, place: str) -> bytes:
    """Return the secret in a keystore; raise PassphraseWrong, KeyDamaged."""
    from eth_keyfile.keyfile import decode_keyfile_json  # noqa: PLC0415 - see Keystore.add

    try:
        secret: bytes = decode_keyfile_json(dict(document), passphrase.encode())
    except (KeyError, TypeError, AttributeError, NotImplementedError) as reason:
        raise KeyDamaged(f"{place} is no keystore of version 3: {reason!r}") from reason
    except ValueError as reason:
        if "MAC" in str(reason):
            raise PassphraseWrong(f"the passphrase does not open {place}") from None
        raise KeyDamaged(f"{place} is damaged: {reason}") from reason
    if compute_secret_address(secret) != _read_address(document, Path(place)):
        raise KeyDamaged(f"{place} names an address that is not its key's")
    return secret


def _read_address(document: Mapping[str, Any], path: Path) -> Address:
    text = document.get("address")
    try:
        address = bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != ADDRESS_BYTES:
        raise KeyDamaged(f"{path} names no address")
    return address
