"""Command line of the bridge service: ``omg-bridge``.

It has no commands yet, and says so instead of offering empty ones.
"""

import click


@click.group(invoke_without_command=True, no_args_is_help=False)
@click.version_option(package_name="omg-chain", prog_name="omg-bridge")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Carry deposits, anchors and withdrawals between the chain and Ethereum.

    Nothing of that is built yet: this release has no Plasma contract and no bridge, so there are
    no commands here. A network runs without it; every token comes from its genesis file.
    """
    click.echo(ctx.get_help())
