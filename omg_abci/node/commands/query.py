"""The commands `omgd query …`: what a node's committed state and recent blocks say."""

from collections.abc import Iterator

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.options import NodeOptions, OwnerOptions, with_node, with_owner
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    format_time,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.query_blocks import block_command, tx_result_command
from omg_abci.node.commands.query_fees import epoch_command, fees_command, votes_command
from omg_abci.node.commands.query_markets import market_command, markets_command
from omg_abci.node.commands.query_orders import book_command, order_command, orders_command
from omg_abci.node.commands.query_payments import (
    allowances_command,
    offers_command,
    requests_command,
)
from omg_abci.node.commands.query_proof import proof_command
from omg_abci.node.commands.query_recovery import (
    guardians_command,
    limits_command,
    recipients_command,
)
from omg_abci.node.commands.query_stake import stake_command, validators_command
from omg_abci.node.commands.words_wallet import describe_scope


@click.group(
    "query",
    epilog=format_examples(
        "omgd query account alice --accounts ~/.omg/localnet/accounts.json",
        "omgd query market OMG/USD",
        "omgd query book OMG/USD --depth 5",
        "omgd query proof balance alice 0 OMG --json",
    ),
)
def query_group() -> None:
    """Ask a node for what is committed: accounts, markets, orders, books, blocks, proofs.

    OWNER is an address or a key's name, MARKET is BASE/QUOTE or an id, TOKEN a symbol or an id.
    With --json prices are in ticks, quantities in lots and amounts in smallest units.
    """


@query_group.command("account", epilog=format_examples("omgd query account alice"))
@click.argument("owner")
@with_owner
def account_command(options: OwnerOptions, *, owner: str) -> None:
    """Show an account: balances, agents, open orders."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        account = client.account(address)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(encode_message(account))
        return
    print_fields(
        [
            ("account", format_hex(address)),
            ("at height", account.height),
            ("open orders", account.open_orders),
            *_list_key(account),
            *_list_switch(account),
        ]
    )
    if account.balances:
        click.echo()
        print_table(("subaccount", "free", "reserved", "token"), _list_balances(account, catalogue))
    else:
        say("no balances: nothing was ever sent to this address, or all of it was spent")
    if account.agents:
        click.echo()
        print_table(
            ("agent", "may", "until"),
            [
                (
                    format_hex(agent.agent),
                    describe_scope(agent.scope),
                    format_time(agent.expires_ms),
                )
                for agent in account.agents
            ],
        )


def _list_key(account: pb.Account) -> Iterator[tuple[str, object]]:
    if account.key not in (b"", account.owner):
        yield "own key", f"{format_hex(account.key)}, given by guardians"


def _list_switch(account: pb.Account) -> Iterator[tuple[str, object]]:
    if account.switch_ms:
        yield "switch", f"all orders are cancelled at {format_time(account.switch_ms)}"


def _list_balances(account: pb.Account, catalogue: Catalogue) -> Iterator[tuple[object, ...]]:
    for balance in account.balances:
        token = catalogue.tokens[balance.token]
        free, _, symbol = token.format(int(balance.free)).partition(" ")
        reserved = token.format(int(balance.reserved)).partition(" ")[0]
        yield balance.subaccount, free, reserved, symbol


@query_group.command("balance", epilog=format_examples("omgd query balance alice OMG"))
@click.argument("owner")
@click.argument("token")
@click.option("--subaccount", type=click.IntRange(0, 255), default=0, show_default=True)
@with_owner
def balance_command(options: OwnerOptions, *, owner: str, token: str, subaccount: int) -> None:
    """Show what an account has of one token."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        terms = Catalogue.load(client).find_token(token)
        account = client.account(address)
    wanted = (subaccount, terms.id)
    found = [each for each in account.balances if (each.subaccount, each.token) == wanted]
    balance = found[0] if found else pb.Balance(free="0", reserved="0")
    if options.as_json:
        print_object(
            {
                "height": account.height,
                "owner": format_hex(address),
                "subaccount": subaccount,
                "token": terms.id,
                "symbol": terms.symbol,
                "decimals": terms.decimals,
                "free": balance.free,
                "reserved": balance.reserved,
            }
        )
        return
    free, reserved = terms.format(int(balance.free)), terms.format(int(balance.reserved))
    print_fields([("free", free), ("reserved", reserved)])


@query_group.command("tokens")
@with_node
def tokens_command(options: NodeOptions) -> None:
    """List the tokens and their supply."""
    with connect(options.node) as client:
        tokens = client.tokens()
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object({"tokens": [encode_message(token) for token in tokens]})
        return
    print_table(
        ("id", "symbol", "decimals", "supply"),
        [
            (
                token.id,
                token.symbol,
                token.decimals,
                catalogue.tokens[token.id].format(int(token.supply)),
            )
            for token in tokens
        ],
    )


for _command in (
    market_command,
    markets_command,
    order_command,
    orders_command,
    book_command,
    block_command,
    tx_result_command,
    proof_command,
    validators_command,
    stake_command,
    fees_command,
    epoch_command,
    votes_command,
    allowances_command,
    requests_command,
    guardians_command,
    recipients_command,
    limits_command,
    offers_command,
):
    query_group.add_command(_command)
