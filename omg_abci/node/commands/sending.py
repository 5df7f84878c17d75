"""From a leg to a signed transaction: prepare, show, confirm, sign, hand over to be submitted.

Guarantees that nothing is signed before it was shown and confirmed (or --yes was given), and that
the secret is read after that.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.encoding import (
    DecodedTx,
)
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.identity import (
    Names,
    Signer,
    accounts_option,
    keyring_option,
    passphrase_option,
)
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import (
    format_hex,
    format_span,
    get_now_ms,
    parse_span,
    print_object,
    say,
)
from omg_abci.node.commands.paying import PAYER_OPTIONS, Payer, compute_work_max
from omg_abci.node.commands.submitting import SUBMIT_OPTIONS, SubmitOptions, encode_signed, submit
from omg_abci.node.commands.words import describe_leg
from omg_abci.protocol.messages import Message, SignedTx
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import Address
from wallet_sdk.build import build_body, choose_scheme, sign

_VALID_FOR: Final = "10m"


class SendOptions(NamedTuple):
    """Who signs, under which bounds, and how it is sent."""

    signer_name: str
    owner: str | None
    keyring: Path
    accounts: Path | None
    passphrase_file: Path | None
    node: str | None
    yes: bool
    no_wait: bool
    no_submit: bool
    timeout: float
    valid_for: str
    after: int
    nonce: int | None
    max_unit_price: int | None
    sponsor: str | None
    fee_offer: tuple[str, str] | None
    max_fee: str | None
    chain_id: str | None
    as_json: bool


_SIGN_OPTIONS: Final = (
    click.option("--from", "signer_name", required=True, metavar="NAME", help="Key that signs."),
    click.option(
        "--owner",
        metavar="ADDRESS",
        help="Account that acts, when the key is its agent's or guardians gave it; by default the"
        " key's own.",
    ),
    keyring_option,
    accounts_option,
    passphrase_option,
    click.option("-y", "--yes", is_flag=True, help="Sign without asking."),
    click.option("--no-submit", is_flag=True, help="Print the signed bytes for send-raw instead."),
    click.option(
        "--valid-for",
        default=_VALID_FOR,
        show_default=True,
        help="No block takes it after that time; at most 2d.",
    ),
    click.option(
        "--after",
        type=click.IntRange(min=0),
        default=0,
        metavar="NONCE",
        help="Only after the same signer's transaction with this nonce.",
    ),
    click.option(
        "--nonce", type=click.IntRange(min=1), help="Used once by a key; by default the time in ms."
    ),
    click.option(
        "--max-unit-price",
        type=click.IntRange(min=1),
        help="Highest fee for a work unit; by default today's, and twice that on a chain whose"
        " stakers vote on fees.",
    ),
    *PAYER_OPTIONS,
    click.option("--chain-id", help="Refuse to sign for any other chain."),
)


with_send_options = gather(SendOptions, (*_SIGN_OPTIONS, *SUBMIT_OPTIONS))


class Session:
    """What a command knows of chain and signer while it makes its leg."""

    def __init__(self, options: SendOptions, client: NodeClient) -> None:
        """Ask the node where it is; raise NodeError, CommandError, KeystoreError."""
        self.options = options
        self.names = Names(options.keyring, options.accounts)
        self.signer: Signer = self.names.find_signer(options.signer_name, options.passphrase_file)
        self.owner: Address = (
            self.names.find_address(options.owner) if options.owner else self.signer.owner
        )
        self.client = client
        self.is_own_key = self._is_own_key()
        self.status = client.status()
        if options.chain_id not in (None, self.status.chain_id):
            raise CommandError(
                "other_chain",
                f"the node is of chain {self.status.chain_id!r}, not {options.chain_id!r}",
                "--node names another node",
            )
        self.catalogue = Catalogue.load(client)
        self.now_ms = get_now_ms()
        self.nonce = options.nonce or self.now_ms

    def _is_own_key(self) -> bool:
        """Tell whether the signer's is the own key of the account: its address's, or a given one.

        An address's own key that was replaced is not found out here: the node refuses it.
        """
        if self.signer.address == self.owner:
            return True
        return self.client.account(self.owner).key == self.signer.address

    @property
    def fee_token(self) -> TokenTerms:
        """Return the token that fees and stake are in."""
        return self.catalogue.tokens[self.status.fee_token]

    def send(self, *legs: Message, note: str = "") -> None:
        """Show, sign and submit a transaction of these legs, and print what it did.

        `note` is shown below the legs: what their signer should know and they do not say.
        """
        options, signer = self.options, self.signer
        payer = Payer(options.sponsor, options.fee_offer, options.max_fee)
        price = options.max_unit_price or self._choose_unit_price()

        def compute_fee_max(all_legs: tuple[Message, ...]) -> int:
            return compute_work_max(self._prepare(all_legs, price)) * price

        legs = payer.put_first(legs, (self.client, self.catalogue, self.names), compute_fee_max)
        tx = self._prepare(legs, price)
        self._show(tx, note)
        if not options.yes:
            _confirm()
        domain = get_domain(self.status)
        raw = sign(domain, tx.body, signer.address, signer.unlock(), is_own_key=self.is_own_key)
        signed = Verifier(domain).verify_tx(raw)
        if options.no_submit:
            self._print_signed(signed)
            return
        how = SubmitOptions(options.node, options.no_wait, options.timeout, options.as_json)
        submit(self.client, how, signed, self.catalogue, self.status)

    def _prepare(self, legs: tuple[Message, ...], price: int) -> DecodedTx:
        """Return the transaction of these legs, not signed yet."""
        options, signer = self.options, self.signer.address
        body = build_body(
            self.status.chain_id,
            self.owner,
            legs,
            nonce=self.nonce,
            signer=signer,
            is_own_key=self.is_own_key,
            after=options.after,
            valid_until_ms=self.nonce + parse_span(options.valid_for),
            max_unit_price=price,
        )
        scheme = choose_scheme(self.owner, signer, is_own_key=self.is_own_key)
        return DecodedTx(signer, scheme, body)

    def _show(self, tx: DecodedTx, note: str) -> None:
        body = tx.body
        role = "own key" if self.is_own_key else "agent"
        whose = "" if tx.signer == body.owner else f", {role} of {format_hex(body.owner)}"
        say(f"On chain {body.chain_id}, {self.signer.name} ({format_hex(tx.signer)}{whose}) signs:")
        for leg in body.legs:
            say(f"  {describe_leg(leg, self.catalogue)}")
        if note:
            say(f"  {note}")
        fee = compute_work_max(tx) * self.status.unit_price
        most = self.fee_token.format(fee)
        now = "" if body.max_unit_price == self.status.unit_price else " at today's price"
        say(f"  fee at most {most}{now}; valid for {format_span(self._get_validity())}")

    def _choose_unit_price(self) -> int:
        """Return what a work unit may cost: a voted price moves from one block to the next."""
        moves = self.client.fees().epoch_blocks
        return self.status.unit_price * (2 if moves else 1)

    def _get_validity(self) -> int:
        return parse_span(self.options.valid_for)

    def _print_signed(self, signed: SignedTx) -> None:
        if self.options.as_json:
            tx_id, raw = format_hex(signed.tx_id), format_hex(signed.raw)
            print_object({"tx_id": tx_id, "raw": raw, "tx": encode_signed(signed)})
            return
        say(f"transaction {format_hex(signed.tx_id)}, not sent; omgd tx send-raw FILE sends it")
        click.echo(format_hex(signed.raw))


@contextlib.contextmanager
def open_session(options: SendOptions) -> Iterator[Session]:
    """Connect for one command."""
    with connect(options.node) as client:
        yield Session(options, client)


def get_domain(status: pb.Status) -> Domain:
    """Return the signing domain of a node's chain."""
    return Domain(status.chain_id, status.ethereum_chain_id, status.verifying_contract)


def _confirm() -> None:
    try:
        confirmed = click.confirm("Sign and send?", err=True)
    except click.Abort:
        confirmed = False
    if not confirmed:
        raise CommandError("not_confirmed", "nothing was signed", "--yes signs without asking")
