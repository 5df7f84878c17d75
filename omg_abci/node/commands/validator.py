"""The commands `omgd validator create|edit|unjail`: to sign blocks, and to come back to it."""

import base64
import json
from pathlib import Path
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.numbers import format_percent, parse_percent
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.protocol.units import Address
from wallet_sdk import build_stake

_KEY_FILE: Final = Path("config/priv_validator_key.json")
_KEY_TYPE: Final = "tendermint/PubKeySecp256k1eth"


class _CreateOptions(NamedTuple):
    """The terms of a new validator."""

    home: Path | None
    public_key: str | None
    moniker: str
    commission: str
    commission_max: str
    commission_step: str
    self_bond_min: str | None


_with_create_options = gather(
    _CreateOptions,
    (
        click.option(
            "--home",
            type=click.Path(path_type=Path, file_okay=False),
            help="Home of the node that is to sign: its public key is read from there.",
        ),
        click.option(
            "--public-key", metavar="HEX", help="That key itself: secp256k1, compressed, 33 bytes."
        ),
        click.option("--moniker", required=True, metavar="NAME", help="What people call it."),
        click.option(
            "--commission",
            default="0",
            show_default=True,
            metavar="PERCENT",
            help="What it keeps of the rewards before its delegators share them.",
        ),
        click.option(
            "--commission-max",
            default="100",
            show_default=True,
            metavar="PERCENT",
            help="The commission never becomes more than this.",
        ),
        click.option(
            "--commission-step",
            default="0",
            show_default=True,
            metavar="PERCENT",
            help="How much it may change at a time, once a day; 0: never.",
        ),
        click.option(
            "--self-bond-min",
            metavar="AMOUNT",
            help="With less of its owner's stake it does not sign; by default the chain's minimum.",
        ),
    ),
)


@click.group(
    "validator",
    epilog=format_examples(
        "omgd validator create 5000 --home ~/.omg/localnet/joined/node4/node4 --moniker five"
        " --from erin",
        "omgd validator edit --commission 4 --from erin",
        "omgd validator unjail --from erin",
    ),
)
def validator_group() -> None:
    """Become a validator, change one's own, bring it back from jail.

    A validator belongs to the account that signs; only its own key may do this, no agent's. It
    signs blocks with another key, its node's. What it does is told by omgd query validators.
    """


@validator_group.command(
    "create",
    epilog=format_examples(
        "omgd validator create 5000 --home ~/.omg/node --moniker five --commission 5 --from erin",
        "omgd validator create 5000 --public-key 0x02… --moniker five --from erin --json",
    ),
)
@click.argument("amount")
@_with_create_options
@with_send_options
def create_command(terms: _CreateOptions, options: SendOptions, *, amount: str) -> None:
    """Bond AMOUNT of one's own and become a validator.

    The next checkpoint takes it into the set, if its stake is among the hundred largest. Start its
    node before: a validator that does not sign is jailed.
    """
    public_key = _find_public_key(terms)
    with open_session(options) as session:
        found = require_staking(session)
        token = session.fee_token
        least = token.parse(terms.self_bond_min) if terms.self_bond_min else found.self_bond_min
        leg = build_stake.create_validator(
            public_key,
            terms.moniker,
            token.parse(amount),
            self_bond_min=int(least),
            commission_bp=parse_percent(terms.commission),
            commission_max_bp=parse_percent(terms.commission_max),
            commission_step_bp=parse_percent(terms.commission_step),
        )
        session.send(leg)


@validator_group.command(
    "edit",
    epilog=format_examples(
        "omgd validator edit --moniker 'five and a half' --from erin",
        "omgd validator edit --commission 4 --self-bond-min 2000 --from erin",
    ),
)
@click.option("--moniker", metavar="NAME", help="What people call it.")
@click.option("--commission", metavar="PERCENT", help="At most its step from now, once a day.")
@click.option("--self-bond-min", metavar="AMOUNT", help="Can be raised, never lowered.")
@with_send_options
def edit_command(
    options: SendOptions, *, moniker: str | None, commission: str | None, self_bond_min: str | None
) -> None:
    """Change name, commission or self-bond minimum; what is not given stays as it is."""
    if (moniker, commission, self_bond_min) == (None, None, None):
        raise click.UsageError("nothing to change: give --moniker, --commission or --self-bond-min")
    with open_session(options) as session:
        known = _find_own(session)
        token = session.fee_token
        leg = build_stake.edit_validator(
            known.moniker if moniker is None else moniker,
            known.commission_bp if commission is None else parse_percent(commission),
            int(known.self_bond_min) if self_bond_min is None else token.parse(self_bond_min),
        )
        note = (
            f"until now {known.moniker!r}, {format_percent(known.commission_bp)},"
            f" {token.format(int(known.self_bond_min))}"
        )
        session.send(leg, note=note)


@validator_group.command("unjail", epilog=format_examples("omgd validator unjail --from erin"))
@with_send_options
def unjail_command(options: SendOptions) -> None:
    """Let one's validator come back once its jail time is over.

    Start its node before: from the next checkpoint on it has to sign again. omgd query validators
    says until when it is jailed.
    """
    with open_session(options) as session:
        session.send(build_stake.unjail())


def _find_public_key(terms: _CreateOptions) -> bytes:
    """Return the consensus key that is written or lies in a node's home; raise CommandError."""
    if (terms.home is None) == (terms.public_key is None):
        raise click.UsageError("give either --home or --public-key")
    if terms.home is not None:
        return read_public_key(terms.home.expanduser() / _KEY_FILE)
    try:
        return bytes.fromhex((terms.public_key or "").removeprefix("0x"))
    except ValueError:
        raise CommandError("BadPublicKey", f"{terms.public_key!r} is not hex") from None


def read_public_key(file: Path) -> bytes:
    """Return the public key in CometBFT's file of a validator's key; raise CommandError.

    The secret in it is not looked at.
    """
    try:
        document = json.loads(file.read_bytes())["pub_key"]
        kind, key = str(document["type"]), base64.b64decode(document["value"], validate=True)
    except FileNotFoundError:
        raise CommandError(
            "validator_key_missing",
            f"{file} is not there",
            "--home names a node's home, as omgd init or omgd localnet join made it",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise CommandError("validator_key_damaged", f"{file} is no validator's key") from None
    if kind != _KEY_TYPE:
        raise CommandError(
            "validator_key_damaged", f"{file} holds a key of type {kind}, not {_KEY_TYPE}"
        )
    return key


def require_staking(session: Session) -> pb.ListValidatorsResponse:
    """Return the validators and the terms of staking; raise CommandError without staking."""
    found = session.client.validators()
    if not found.validators:
        raise CommandError("NoStaking", "the chain has no staking: its validators never change")
    return found


def _find_own(session: Session) -> pb.Validator:
    """Return the signer's own validator; raise CommandError."""
    own = find_validator(require_staking(session), session.owner)
    if own is None:
        raise CommandError("UnknownValidator", "the signer has no validator")
    return own


def find_validator(found: pb.ListValidatorsResponse, owner: Address) -> pb.Validator | None:
    """Return the validator of an owner, or None."""
    return next((each for each in found.validators if each.owner == owner), None)
