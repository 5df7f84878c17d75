"""Play the scenes that make the most mass work at full size, and say how long their blocks take.

    python -m scripts.mass_work_scenes --orders 1000000

Plays an expiry of so many orders at one instant, a cascade of stop orders (a hundredth as many),
a delisting (a fifth, and a tenth of them more that wait), a call auction and a dead-man's switch
(a tenth each). Blocks are executed and committed in memory; preparing them is not timed. Says on
standard error how far it is; prints each scene's figures (as one JSON object with `--json`); an
outcome that was not foreseen is an AssertionError.
"""

import gc
import json
import time
from collections.abc import Callable

import click

from tests.mass_work_scenes import Scene, describe, make_scenes

_PROGRESS_S = 10.0


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, help="The size of the expiry.")
@click.option("--scene", "only", multiple=True, help="Play this scene; all unless it is given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, orders: int, only: tuple[str, ...], as_json: bool) -> None:
    """Time the blocks of much mass work."""
    figures = []
    for name, make in make_scenes(orders).items():
        if not only or name in only:
            figures.append(_play(name, make))
            if not as_json:
                click.echo(_describe(figures[-1]))
    if as_json:
        click.echo(json.dumps({"orders": orders, "scenes": figures}))


def _play(name: str, make: Callable[[], Scene]) -> dict[str, object]:
    told = time.monotonic()
    click.echo(f"{name}: preparing", err=True)
    scene = make()
    click.echo(f"{name}: prepared in {time.monotonic() - told:.0f} s", err=True)

    def tell(blocks: int) -> None:
        nonlocal told
        if time.monotonic() - told > _PROGRESS_S:
            told = time.monotonic()
            left = scene.chain.open_orders
            click.echo(f"{name}: {blocks:,} blocks, {left:,} orders are open", err=True)

    # As a node does: what was loaded is never looked through for cycles again.
    gc.collect()
    gc.freeze()
    scene.play(tell=tell)
    gc.unfreeze()
    return describe(scene)


def _describe(figures: dict[str, object]) -> str:
    return ", ".join([f"{name.replace('_', ' ')}: {value}" for name, value in figures.items()])


if __name__ == "__main__":
    main()
