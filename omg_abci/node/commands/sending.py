"""From a leg to its result: prepare, show, confirm, sign, submit, wait, say what happened.

Guarantees that nothing is signed before it was shown and confirmed (or --yes was given), that the
secret is read after that, and that a lost answer is told apart from a refusal, so that nobody
sends an order twice by mistake.
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.connection import connect, find_node, node_option
from omg_abci.node.commands.encoding import (
    DecodedTx,
    decode_tx,
    encode_body,
    encode_result,
)
from omg_abci.node.commands.failure import CommandError, make_refusal
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
    json_option,
    parse_span,
    print_object,
    say,
)
from omg_abci.node.commands.paying import PAYER_OPTIONS, Payer, compute_work_max
from omg_abci.node.commands.words import describe_leg, describe_legs
from omg_abci.protocol import codec
from omg_abci.protocol.errors import NonceUsed
from omg_abci.protocol.messages import Message, SignedTx
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import Address, TokenId
from wallet_sdk.build import build_body, choose_scheme, sign

_VALID_FOR: Final = "10m"
_WAIT_SECONDS: Final = 30.0
_LOST: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN")
"""After these nobody knows whether the node took the transaction."""


class SubmitOptions(NamedTuple):
    """How a signed transaction is sent."""

    node: str | None
    no_wait: bool
    timeout: float
    as_json: bool


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


_SUBMIT_OPTIONS: Final = (
    node_option,
    click.option("--no-wait", is_flag=True, help="Do not wait until it is in a block."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=_WAIT_SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the block.",
    ),
    json_option,
)
_SIGN_OPTIONS: Final = (
    click.option("--from", "signer_name", required=True, metavar="NAME", help="Key that signs."),
    click.option(
        "--owner",
        metavar="ADDRESS",
        help="Account that acts, when the key is its agent; by default the key's own.",
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


with_submit_options = gather(SubmitOptions, _SUBMIT_OPTIONS)
with_send_options = gather(SendOptions, (*_SIGN_OPTIONS, *_SUBMIT_OPTIONS))


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
        raw = sign(domain, tx.body, signer.address, signer.unlock())
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
            after=options.after,
            valid_until_ms=self.nonce + parse_span(options.valid_for),
            max_unit_price=price,
        )
        return DecodedTx(signer, choose_scheme(self.owner, signer), body)

    def _show(self, tx: DecodedTx, note: str) -> None:
        body = tx.body
        whose = "" if tx.signer == body.owner else f", agent of {format_hex(body.owner)}"
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
            print_object({"tx_id": tx_id, "raw": raw, "tx": _encode(signed)})
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


def _encode(signed: SignedTx) -> dict[str, object]:
    return encode_body(DecodedTx(signed.signer, signed.scheme, signed.body))


# --- submit and wait --------------------------------------------------------------------------


def submit(
    client: NodeClient,
    how: SubmitOptions,
    signed: SignedTx,
    catalogue: Catalogue,
    status: pb.Status,
) -> None:
    """Submit a transaction, wait for its block unless told not to, print what it did.

    Raise CommandError for a refusal, for a leg that failed, and when no block came in time.
    """
    tx_id = format_hex(signed.tx_id)
    try:
        (admission,) = client.submit([signed.raw])
    except NodeError as reason:
        if reason.code not in _LOST:
            raise
        raise CommandError(
            "answer_lost",
            f"the node may or may not have taken transaction {tx_id}: {reason.text}",
            f"before sending it again: omgd query tx-result {tx_id}",
        ) from reason
    if admission.code:
        raise _explain_refusal(admission, tx_id)
    if how.no_wait:
        _print_acknowledged(tx_id, signed, as_json=how.as_json)
        return
    say(f"transaction {tx_id} is acknowledged; waiting for its block …")
    block, outcome = _wait(find_node(how.node), signed, status.height + 1, how.timeout)
    fee_token = status.fee_token
    if print_outcome(block, outcome, catalogue, fee_token, as_json=how.as_json):
        raise SystemExit(1)


def _explain_refusal(admission: pb.Admission, tx_id: str) -> CommandError:
    refusal = make_refusal(admission.code, admission.log)
    if admission.code == NonceUsed.code:
        hint = f"it may have been executed already: omgd query tx-result {tx_id}"
        return CommandError(refusal.code, refusal.text, hint)
    return refusal


def _print_acknowledged(tx_id: str, signed: SignedTx, *, as_json: bool) -> None:
    if as_json:
        print_object({"tx_id": tx_id, "acknowledged": True, "tx": _encode(signed)})
    else:
        click.echo(f"transaction {tx_id} is acknowledged")


def _wait(
    target: str, signed: SignedTx, from_height: int, timeout: float
) -> tuple[pb.Block, pb.TxOutcome]:
    """Return the block that has the transaction; raise CommandError when none comes in time."""
    with NodeClient(target) as client:
        # A stream without blocks never returns by itself: closing its channel ends it.
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            client.close()

        timer = threading.Timer(timeout, give_up)
        timer.daemon = True
        timer.start()
        try:
            for block in client.stream_blocks(from_height):
                for outcome in block.txs:
                    if outcome.tx_id == signed.tx_id:
                        return block, outcome
        except NodeError as reason:
            if not overdue.is_set():
                raise
            raise _make_overdue(signed, timeout) from reason
        finally:
            timer.cancel()
    raise _make_overdue(signed, timeout)


def _make_overdue(signed: SignedTx, timeout: float) -> CommandError:
    tx_id = format_hex(signed.tx_id)
    left = max(0, signed.body.valid_until_ms - get_now_ms())
    stays = f"; it may still come, for {format_span(left)}" if left else ""
    return CommandError(
        "not_included",
        f"transaction {tx_id} is acknowledged, but in no block after {timeout:g} s{stays}",
        f"omgd query tx-result {tx_id} tells when it is",
    )


def print_outcome(
    block: pb.Block,
    outcome: pb.TxOutcome,
    catalogue: Catalogue,
    fee_token: TokenId,
    *,
    as_json: bool,
) -> bool:
    """Print what became of a transaction; tell whether it failed."""
    tx = decode_tx(outcome.tx)
    result = codec.decode_result(outcome.result, outcome.code)
    failure = make_refusal(result.code) if result.code else None
    if as_json:
        shown: dict[str, object] = {
            "tx_id": format_hex(outcome.tx_id),
            "height": block.height,
            "time_ms": block.time_ms,
            "tx": encode_body(tx),
            **encode_result(result),
        }
        if failure:
            shown["error"] = failure.describe()
        print_object(shown)
        return failure is not None
    click.echo(f"in block {block.height}, transaction {format_hex(outcome.tx_id)}:")
    for line in describe_legs(tx.body.legs, result.legs, catalogue):
        click.echo(f"  {line}")
    click.echo(f"  fee {catalogue.tokens[fee_token].format(result.fee)}")
    if failure and failure.hint:
        say(f"  → {failure.hint}")
    return failure is not None
