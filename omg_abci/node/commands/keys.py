"""The commands `omgd keys …`: encrypted keys in a directory.

No secret is ever an argument, and none is printed but by `export --unsafe`.
"""

import contextlib
import json
import secrets
from pathlib import Path

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.identity import keyring_option, passphrase_option, read_passphrase
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    json_option,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.keystore import (
    SECRET_BYTES,
    Keystore,
    SecretInvalid,
    StoredKey,
    compute_secret_address,
    open_document,
    parse_document,
)


@click.group(
    "keys",
    epilog=format_examples(
        "omgd keys new alice", "omgd keys import bob --file bob.key", "omgd keys list"
    ),
)
def keys_group() -> None:
    """Make and keep keys, each in a file encrypted with a passphrase (keystore v3).

    The passphrase is asked for, or read from --passphrase-file or OMG_PASSPHRASE. Whoever loses
    it or the file loses the key: nobody can restore it.
    """


def _show(key: StoredKey, done: str, *, as_json: bool) -> None:
    if as_json:
        print_object(_encode(key))
    else:
        click.echo(f"{done} {key.name}: {format_hex(key.address)}")


def _encode(key: StoredKey) -> dict[str, str]:
    return {"name": key.name, "address": format_hex(key.address), "file": str(key.path)}


@keys_group.command("new", epilog=format_examples("omgd keys new alice"))
@click.argument("name")
@keyring_option
@passphrase_option
@json_option
def new_command(*, name: str, keyring: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a new key and show its address."""
    keystore = Keystore(keyring)
    keystore.require_new(name)
    passphrase = read_passphrase(name, passphrase_file, is_new=True)
    key = keystore.add(name, _make_secret(), passphrase)
    _show(key, "made", as_json=as_json)
    say(f"Keep a copy of {key.path} and remember its passphrase.")


def _make_secret() -> bytes:
    while True:
        secret = secrets.token_bytes(SECRET_BYTES)
        # One in 2^128 is no key.
        with contextlib.suppress(SecretInvalid):
            compute_secret_address(secret)
            return secret


@keys_group.command("list", epilog=format_examples("omgd keys list --json"))
@keyring_option
@json_option
def list_command(*, keyring: Path, as_json: bool) -> None:
    """List names and addresses."""
    found = Keystore(keyring).list()
    if as_json:
        print_object({"keys": [_encode(key) for key in found]})
    elif found:
        print_table(("name", "address"), [(key.name, format_hex(key.address)) for key in found])
    else:
        say(f"no keys in {keyring}; omgd keys new NAME makes one")


@keys_group.command("show", epilog=format_examples("omgd keys show alice"))
@click.argument("name")
@keyring_option
@json_option
def show_command(*, name: str, keyring: Path, as_json: bool) -> None:
    """Show a key's address and file."""
    key = Keystore(keyring).get(name)
    if as_json:
        print_object(_encode(key))
    else:
        print_fields(_encode(key).items())


@keys_group.command(
    "import",
    epilog=format_examples(
        "omgd keys import alice                     asks for the secret, hidden",
        "omgd keys import alice --file wallet.json  a file of another wallet",
    ),
)
@click.argument("name")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A keystore v3 file, kept with its passphrase, or a file with the secret's hex digits; "
    "without it the secret is asked for.",
)
@keyring_option
@passphrase_option
@json_option
def import_command(
    *,
    name: str,
    file: Path | None,
    keyring: Path,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Keep a key that was made elsewhere."""
    keystore = Keystore(keyring)
    keystore.require_new(name)
    text = file.read_text(encoding="utf-8") if file else None
    if file and text is not None and text.lstrip().startswith("{"):
        document = parse_document(text.encode(), str(file))
        open_document(document, read_passphrase(str(file), passphrase_file), str(file))
        key = keystore.add_document(name, document)
    else:
        secret = _parse_secret(text)
        passphrase = read_passphrase(name, passphrase_file, is_new=True)
        key = keystore.add(name, secret, passphrase)
    _show(key, "imported", as_json=as_json)


def _parse_secret(text: str | None) -> bytes:
    """Return the secret of hex digits, asked for when there are none; raise CommandError."""
    if text is None:
        text = str(click.prompt("Secret key (hex, hidden)", hide_input=True, err=True))
    try:
        secret = bytes.fromhex(text.strip().removeprefix("0x"))
        compute_secret_address(secret)
    except (ValueError, SecretInvalid):
        # The text itself is not repeated: it may be a secret with one digit too many.
        raise CommandError(
            SecretInvalid.code, "that is no secret key", "it has 64 hex digits, with or without 0x"
        ) from None
    return secret


@keys_group.command(
    "export",
    epilog=format_examples(
        "omgd keys export alice > alice.json",
        "omgd keys export alice --unsafe    shows the secret: whoever sees it has the key",
    ),
)
@click.argument("name")
@click.option("--unsafe", is_flag=True, help="Print the secret itself, not encrypted.")
@keyring_option
@passphrase_option
@json_option
def export_command(
    *, name: str, unsafe: bool, keyring: Path, passphrase_file: Path | None, as_json: bool
) -> None:
    """Print a key's encrypted file, which any Ethereum wallet can import."""
    keystore = Keystore(keyring)
    if not unsafe:
        document = keystore.load_document(name)
        if as_json:
            print_object(document)
        else:
            click.echo(json.dumps(document, indent=2))
        return
    key = keystore.get(name)
    say(f"Whoever sees the secret of {name} has the key.")
    secret = format_hex(keystore.unlock(name, read_passphrase(name, passphrase_file)))
    if as_json:
        print_object({**_encode(key), "secret": secret})
    else:
        click.echo(secret)


@keys_group.command("remove", epilog=format_examples("omgd keys remove alice"))
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@keyring_option
@json_option
def remove_command(*, name: str, yes: bool, keyring: Path, as_json: bool) -> None:
    """Delete a key's file; without a copy of it the key is lost."""
    keystore = Keystore(keyring)
    key = keystore.get(name)
    if not yes:
        question = f"Delete the key {name} of {format_hex(key.address)} for ever?"
        try:
            confirmed = click.confirm(question, err=True)
        except click.Abort:
            confirmed = False
        if not confirmed:
            raise CommandError("not_confirmed", "nothing was deleted", "--yes deletes at once")
    _show(keystore.remove(name), "removed", as_json=as_json)
