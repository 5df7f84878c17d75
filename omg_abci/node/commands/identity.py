"""Who acts: names and addresses, keys from the keyring or from a local network's accounts file.

A secret is read when something is about to be signed, and not before; it never stands in an
argument and is never printed.
"""

import getpass
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from omg_abci.node.commands.connection import LOCALNET
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.keystore import (
    KeyMissing,
    KeyNameInvalid,
    Keystore,
    StoredKey,
    compute_secret_address,
)
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.units import ADDRESS_BYTES, ZERO_ADDRESS, Address

KEYRING: Final = Path("~/.omg/keys")
ACCOUNTS_VARIABLE: Final = "OMG_ACCOUNTS"
PASSPHRASE_VARIABLE: Final = "OMG_PASSPHRASE"  # noqa: S105 - its name, not its value
_AGENT: Final = "agent"
_HEX_DIGITS: Final = 2 * ADDRESS_BYTES

keyring_option = click.option(
    "--keyring",
    type=click.Path(path_type=Path, file_okay=False),
    default=KEYRING,
    show_default=True,
    help="Directory of encrypted keys.",
)
accounts_option = click.option(
    "--accounts",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=ACCOUNTS_VARIABLE,
    show_envvar=True,
    help="A local network's accounts.json: its names, such as alice or alice/agent, are used "
    "instead of the keyring's.",
)
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"First line is the passphrase; else {PASSPHRASE_VARIABLE}, else it is asked for.",
)


class Signer(NamedTuple):
    """A key that can sign, still locked."""

    name: str
    address: Address
    owner: Address
    """For whom it signs unless told otherwise."""
    unlock: Callable[[], bytes]
    """Return the secret; may ask for a passphrase."""


class Names(NamedTuple):
    """Where names are looked up."""

    keyring: Path
    accounts: Path | None

    def find_signer(self, name: str, passphrase_file: Path | None) -> Signer:
        """Return a key by its name; raise CommandError, KeystoreError."""
        account = self._find_account(name)
        if account is not None:
            return account
        keystore = Keystore(self.keyring)
        key = self._get_key(keystore, name)

        def unlock() -> bytes:
            return keystore.unlock(name, read_passphrase(name, passphrase_file))

        return Signer(name, key.address, key.address, unlock)

    def find_address(self, text: str) -> Address:
        """Return the address that is written, or of the key that is named; raise CommandError."""
        if text.lower().startswith("0x"):
            return parse_address(text)
        account = self._find_account(text)
        return account.address if account else self._get_key(Keystore(self.keyring), text).address

    def _find_account(self, name: str) -> Signer | None:
        """Return the account of a name, or None when the accounts file lacks it."""
        if self.accounts is None:
            return None
        return _find_account(self.accounts, name)

    def _get_key(self, keystore: Keystore, name: str) -> StoredKey:
        try:
            return keystore.get(name)
        except (KeyMissing, KeyNameInvalid) as reason:
            also = f", nor in {self.accounts}" if self.accounts else ""
            raise CommandError("key_missing", f"{reason}{also}", _advise(name)) from None


def _advise(name: str) -> str:
    """Say where the name is to be found, or how to make it."""
    place = LOCALNET / "accounts.json"
    try:
        found = _find_account(place.expanduser(), name)
    except CommandError:
        found = None
    if found is None:
        return "omgd keys list shows the keys, omgd keys new NAME makes one"
    return f"the local network has that name: add --accounts {place}"


def _find_account(path: Path, name: str) -> Signer | None:
    """Return an account's own key, or with /agent behind the name its agent's; None for neither."""
    account_name, slash, part = name.partition("/")
    entry = _load_accounts(path).get(account_name)
    if entry is None or (slash and part != _AGENT):
        return None
    try:
        secret = bytes.fromhex((entry[_AGENT] if part else entry)["secret"].removeprefix("0x"))
        owner = bytes.fromhex(entry["address"].removeprefix("0x"))
        return Signer(name, compute_secret_address(secret), owner, lambda: secret)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _bad_accounts(path) from None


def _load_accounts(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.expanduser().read_bytes())
        return {str(entry["name"]): entry for entry in document["accounts"]}
    except FileNotFoundError:
        raise CommandError(
            "accounts_missing",
            f"{path} is not there",
            "omgd localnet writes accounts.json into its --home",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise _bad_accounts(path) from None


def _bad_accounts(path: Path) -> CommandError:
    return CommandError("accounts_damaged", f"{path} is no accounts file of a local network")


def parse_address(text: str) -> Address:
    """Return the address of 0x and 40 hex digits, mixed case checked; raise CommandError."""
    digits = text[2:]
    hint = f"write 0x and {_HEX_DIGITS} hex digits"
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(address) != ADDRESS_BYTES or len(digits) != _HEX_DIGITS:
        raise CommandError("bad_address", f"{text!r} is no address", hint)
    if address == ZERO_ADDRESS:
        raise CommandError("bad_address", "the zero address belongs to nobody", hint)
    if digits not in (digits.lower(), digits.upper()) and digits != _compute_checksummed(address):
        raise CommandError(
            "bad_address",
            f"{text} is mistyped: its capital letters (EIP-55) say so",
            "copy the address again",
        )
    return address


def _compute_checksummed(address: Address) -> str:
    """Return the digits of an address in EIP-55's mixed case."""
    digits = address.hex()
    marks = compute_keccak(digits.encode()).hex()
    return "".join(
        digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False)
    )


def read_passphrase(name: str, file: Path | None, *, is_new: bool = False) -> str:
    """Return a key's passphrase from file, environment or a hidden prompt; raise CommandError."""
    if file is not None:
        passphrase = file.expanduser().read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        origin = str(file)
    elif PASSPHRASE_VARIABLE in os.environ:
        passphrase, origin = os.environ[PASSPHRASE_VARIABLE], PASSPHRASE_VARIABLE
    else:
        passphrase, origin = _ask_passphrase(name, is_new=is_new), "the prompt"
    if not passphrase:
        raise CommandError("passphrase", f"the passphrase from {origin} is empty")
    return str(passphrase)


def _ask_passphrase(name: str, *, is_new: bool) -> str:
    """Ask without showing what is typed; raise CommandError when nobody answers."""
    with warnings.catch_warnings():
        # Without a terminal Python would warn that it cannot hide the passphrase.
        warnings.simplefilter("ignore", getpass.GetPassWarning)
        try:
            return str(
                click.prompt(
                    f"Passphrase of {name}", hide_input=True, confirmation_prompt=is_new, err=True
                )
            )
        except click.Abort:
            raise CommandError(
                "passphrase",
                f"no passphrase was given for {name}",
                f"--passphrase-file FILE or {PASSPHRASE_VARIABLE} gives it without a prompt",
            ) from None
