"""Command line for people who hold an account: ``omg``.

It has no commands yet, and says so instead of offering empty ones.
"""

import click


@click.group(invoke_without_command=True, no_args_is_help=False)
@click.version_option(package_name="omg-chain", prog_name="omg")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Use an account on an OMG chain.

    Nothing of that is built yet: this release has no wallet. Keys, transactions and queries are
    commands of the node's own program: see "omgd keys", "omgd tx" and "omgd query".
    """
    click.echo(ctx.get_help())
