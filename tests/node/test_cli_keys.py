"""`omgd keys …`: encrypted files, private to their owner, that other wallets read and wrote."""

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from omg_abci.node import keystore
from omg_abci.node.keystore import (
    KeyDamaged,
    KeyExists,
    KeyNameInvalid,
    Keystore,
    PassphraseWrong,
    SecretInvalid,
)
from tests.node.cli_run import Cli, make_cli

_SECRET = bytes(range(1, 33))
_PHRASE = "correct horse Ω"
_EMPTY = {"OMG_PASSPHRASE": ""}
_GIVEN = {"OMG_PASSPHRASE": _PHRASE}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a command line whose keys are cheap to open."""
    monkeypatch.setattr(keystore.Keystore.__init__, "__defaults__", (4,))
    return make_cli(tmp_path)


def _get_keyring(cli: Cli) -> Path:
    return cli.home / ".omg" / "keys"


def test_a_new_key_is_private_and_encrypted(cli: Cli) -> None:
    """The file is its owner's alone, opens with the passphrase only, and is standard."""
    made = cli.ask("keys", "new", "alice", **_GIVEN)
    file = Path(made["file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    secret = Account.decrypt(json.loads(file.read_text()), _PHRASE)
    assert Account.from_key(secret).address.lower() == made["address"]
    assert secret.hex() not in file.read_text()
    assert cli.ask("keys", "list")["keys"] == [made]
    assert cli.ask("keys", "show", "alice") == made
    assert made["address"] in cli.run("keys", "list").stdout


def test_a_passphrase_is_asked_for_twice(cli: Cli) -> None:
    """The prompt hides and repeats; standard output holds the answer only."""
    result = cli.run("keys", "new", "alice", stdin="one\none\n")
    assert result.exit_code == 0
    assert result.stdout.startswith("made alice: 0x")
    assert cli.refuse("keys", "new", "bob", stdin="one\ntwo\n") == "passphrase"
    assert not (_get_keyring(cli) / "bob.json").exists()


def test_secrets_are_imported_and_exported(cli: Cli, tmp_path: Path) -> None:
    """A secret comes from a prompt or a file, and leaves in the clear only when told to."""
    asked = cli.run("keys", "import", "alice", stdin=_SECRET.hex() + "\n", **_GIVEN)
    assert _SECRET.hex() not in asked.output
    file = tmp_path / "secret"
    file.write_text(f"0x{_SECRET.hex()}\n")
    assert cli.run("keys", "import", "bob", "--file", str(file), **_GIVEN).exit_code == 0
    shown = cli.run("keys", "export", "alice", "--unsafe", **_GIVEN)
    assert shown.stdout == f"0x{_SECRET.hex()}\n"
    assert cli.ask("keys", "export", "bob", "--unsafe", **_GIVEN)["secret"] == f"0x{_SECRET.hex()}"
    document = cli.ask("keys", "export", "alice")
    assert document["version"] == 3
    assert json.loads(cli.run("keys", "export", "alice").stdout) == document


def test_other_wallets_files_are_kept_as_they_are(cli: Cli, tmp_path: Path) -> None:
    """A keystore file is taken with its passphrase, and refused with another."""
    document = Account.encrypt(_SECRET, "theirs", kdf="pbkdf2", iterations=10)
    file, passphrase = tmp_path / "wallet.json", tmp_path / "passphrase"
    file.write_text(json.dumps(document))
    passphrase.write_text("theirs\nsecond line\n")
    args = ("keys", "import", "alice", "--file", str(file))
    assert cli.refuse(*args, **_GIVEN) == "passphrase"
    cli.ask(*args, "--passphrase-file", str(passphrase))
    assert Keystore(_get_keyring(cli)).unlock("alice", "theirs") == _SECRET


def test_a_key_is_removed_when_confirmed(cli: Cli) -> None:
    """Without a yes the key stays."""
    cli.ask("keys", "new", "alice", **_GIVEN)
    assert cli.refuse("keys", "remove", "alice", stdin="n\n") == "not_confirmed"
    assert cli.refuse("keys", "remove", "alice") == "not_confirmed"
    assert cli.ask("keys", "remove", "alice", "--yes")["name"] == "alice"
    assert cli.ask("keys", "list")["keys"] == []
    assert "omgd keys new" in cli.run("keys", "list").stderr


@pytest.mark.parametrize(
    ("args", "stdin", "code"),
    [
        (("show", "nobody"), "", "key_missing"),
        (("show", "../alice"), "", "key_name"),
        (("new", ""), "", "key_name"),
        (("new", "a/b"), "", "key_name"),
        (("new", "taken"), "", "key_exists"),
        (("import", "taken"), "", "key_exists"),
        (("import", "alice"), "12\n", "key_secret"),
        (("import", "alice"), "00" * 32 + "\n", "key_secret"),
        (("import", "alice"), "ff" * 32 + "\n", "key_secret"),
        (("import", "alice", "--file", "no such file"), "", "usage"),
        (("new", "alice", "--passphrase-file", "no such file"), "", "system"),
        (("remove",), "", "usage"),
    ],
)
def test_mistakes(cli: Cli, args: tuple[str, ...], stdin: str, code: str) -> None:
    """Each mistake has its code."""
    cli.ask("keys", "new", "taken", **_GIVEN)
    assert cli.refuse("keys", *args, stdin=stdin) == code


def test_a_mistyped_secret_is_not_repeated(cli: Cli) -> None:
    """An error about a secret never shows what was typed."""
    typed = _SECRET.hex() + "0"
    assert typed not in cli.run("keys", "import", "alice", stdin=typed + "\n").output


def test_no_passphrase(cli: Cli, tmp_path: Path) -> None:
    """A passphrase that nobody gives, or that is empty, is refused."""
    assert cli.refuse("keys", "new", "alice") == "passphrase"
    assert cli.refuse("keys", "new", "alice", **_EMPTY) == "passphrase"
    empty = tmp_path / "empty"
    empty.write_text("\nx")
    assert cli.refuse("keys", "new", "alice", "--passphrase-file", str(empty)) == "passphrase"


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        '{"version": 1}',
        '{"version": 3}',
        '{"version": 3, "address": "0x12"}',
        '{"version": 3, "address": "zz"}',
    ],
)
def test_files_that_are_no_keys(tmp_path: Path, content: str) -> None:
    """A damaged file is refused by name when keys are listed."""
    (tmp_path / "alice.json").write_text(content)
    with pytest.raises(KeyDamaged, match=r"alice\.json"):
        Keystore(tmp_path).list()


def test_a_file_is_opened_to_the_key_that_it_names(tmp_path: Path) -> None:
    """Another address in the file, other parameters, another passphrase: no secret."""
    keys = Keystore(tmp_path, work_factor=4)
    key = keys.add("alice", _SECRET, "x")
    assert keys.unlock("alice", "x") == _SECRET
    with pytest.raises(PassphraseWrong):
        keys.unlock("alice", "y")
    document = json.loads(key.path.read_text())
    key.path.write_text(json.dumps(document | {"address": "12" * 20}))
    with pytest.raises(KeyDamaged, match="not its key's"):
        keys.unlock("alice", "x")
    key.path.write_text(json.dumps(document | {"crypto": {"kdf": "scrypt"}}))
    with pytest.raises(KeyDamaged):
        keys.unlock("alice", "x")
    key.path.write_text(json.dumps(document | {"crypto": document["crypto"] | {"kdf": "rot13"}}))
    with pytest.raises(KeyDamaged):
        keys.unlock("alice", "x")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Adding refuses taken names, bad names and what is no secret."""
    keys = Keystore(tmp_path, work_factor=4)
    key = keys.add("alice", _SECRET, "x")
    before = key.path.read_bytes()
    with pytest.raises(KeyExists):
        keys.add("alice", _SECRET, "y")
    assert key.path.read_bytes() == before
    with pytest.raises(KeyNameInvalid):
        keys.add("a b", _SECRET, "x")
    for secret in (b"", b"\0" * 32, b"\xff" * 32, _SECRET + b"\0"):
        with pytest.raises(SecretInvalid):
            keys.add("bob", secret, "x")
