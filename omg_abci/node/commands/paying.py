"""Who pays a transaction's fee, as the options of every sending command name it."""

from collections.abc import Callable
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.encoding import DecodedTx
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.identity import Names
from omg_abci.protocol import codec
from omg_abci.protocol.limits import AMOUNT_MAX
from omg_abci.protocol.messages import Message
from omg_abci.protocol.terms import compute_terms
from omg_abci.protocol.units import Address, Amount, TokenId
from wallet_sdk.build_wallet import use_fee_offer, use_sponsorship

PAYER_OPTIONS: Final = (
    click.option(
        "--sponsor",
        metavar="ADDRESS",
        help="Let it pay the fee, as it granted: omgd tx sponsor grant.",
    ),
    click.option(
        "--fee-offer",
        nargs=2,
        metavar="ADDRESS TOKEN",
        help="Pay the fee in a token, as it offers to take it: omgd query offers TOKEN.",
    ),
    click.option(
        "--max-fee",
        metavar="AMOUNT",
        help="Most of that token that the fee may cost; by default what the offer asks now for"
        " the highest fee.",
    ),
)

_NO_SIGNATURE: Final = bytes(65)


class Payer(NamedTuple):
    """The options as they were given."""

    sponsor: str | None
    fee_offer: tuple[str, str] | None
    max_fee: str | None

    def put_first(
        self,
        legs: tuple[Message, ...],
        chain: tuple[NodeClient, Catalogue, Names],
        compute_fee_max: Callable[[tuple[Message, ...]], Amount],
    ) -> tuple[Message, ...]:
        """Return the legs behind the one that names who pays, if somebody was named.

        `compute_fee_max` tells what legs can cost at most. Raise CommandError, NodeError.
        """
        client, catalogue, names = chain
        if self.fee_offer is None:
            if self.max_fee is not None:
                raise click.UsageError("--max-fee goes with --fee-offer")
            if self.sponsor is None:
                return legs
            return use_sponsorship(names.find_address(self.sponsor)), *legs
        if self.sponsor is not None:
            raise click.UsageError("--sponsor and --fee-offer name two payers: give one of them")
        who, what = self.fee_offer
        provider, token = names.find_address(who), catalogue.find_token(what)
        if self.max_fee is not None:
            return use_fee_offer(provider, token.id, token.parse(self.max_fee)), *legs
        offer = find_offer(client, provider, token.id)
        # The amount stands in the transaction, whose bytes cost: with the longest one none is low.
        longest = (use_fee_offer(provider, token.id, AMOUNT_MAX), *legs)
        most = -(-compute_fee_max(longest) * offer.tokens // offer.per)
        return use_fee_offer(provider, token.id, max(1, min(most, AMOUNT_MAX))), *legs


def find_offer(client: NodeClient, provider: Address, token: TokenId) -> pb.FeeOffer:
    """Return a provider's offer; raise CommandError when there is none."""
    found = client.fee_offers(token, provider=provider).offers
    if not found:
        raise CommandError("FeeNotOffered", "the provider pays no fees for that token")
    return found[0]


def compute_work_max(tx: DecodedTx) -> int:
    """Return the most work that the transaction can use, once it is signed."""
    body = codec.encode_body(tx.body)
    raw = codec.encode_envelope(body, tx.signer, tx.scheme, _NO_SIGNATURE)
    work, _ = compute_terms(len(raw), tx.body.legs)
    return work
