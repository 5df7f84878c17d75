"""Play dense random blocks on the chain and on its oracle, side by side, for millions of steps.

    python -m scripts.rules_campaign --steps 5000000 --seed 1

A step is a leg, or an event of a block. Results and events are compared after every block, all
records after every few. Seeds count upwards from the first, each with its own markets, bounds and
blocks. Says on standard error how far it is; prints what was reached (as one JSON object with
`--json`); exits 1 at the first difference, whose command it prints before anything else, and when
an outcome of the exchange was never reached.
"""

import json
import sys
import time

import click

from tests.seeded_runs import Reached, play_seed

_PROGRESS_S = 10.0


@click.command()
@click.option("--steps", default=5_000_000, show_default=True, help="How many steps to compare.")
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option("--blocks", default=40, show_default=True, help="How many blocks a seed plays.")
@click.option("--compared", default=4, show_default=True, help="Compare records every so often.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, steps: int, seed: int, blocks: int, compared: int, as_json: bool) -> None:
    """Compare the chain with its oracle."""
    reached, began, told = Reached(), time.monotonic(), time.monotonic()
    first = seed
    while reached.steps < steps:
        try:
            play_seed(seed, blocks, reached, compared=compared)
        except Exception:
            again = f"python -m scripts.rules_campaign --steps 1 --seed {seed} --blocks {blocks}"
            click.echo(f"seed {seed} differs, again by: {again} --compared 1")
            raise
        seed += 1
        if time.monotonic() - told > _PROGRESS_S:
            told = time.monotonic()
            rate = reached.steps / (told - began)
            click.echo(f"{reached.steps:,} steps, seed {seed}, {rate:,.0f} steps/s", err=True)
    seconds = time.monotonic() - began
    summary = {
        "steps": reached.steps,
        "seeds": [first, seed - 1],
        "blocks": (seed - first) * blocks,
        "seconds": round(seconds, 1),
        "steps_per_second": round(reached.steps / seconds),
        "differences": 0,
        "never_reached": reached.list_missing(),
        "reached": dict(sorted(reached.counts.items())),
    }
    click.echo(json.dumps(summary) if as_json else describe(summary))
    sys.exit(1 if summary["never_reached"] else 0)


def describe(summary: dict[str, object]) -> str:
    """Return a line for each thing that is known of a run."""
    lines: list[str] = []
    for name, value in summary.items():
        if isinstance(value, dict):
            lines += [f"  {count:>12,}  {outcome}" for outcome, count in value.items()]
        else:
            lines.append(f"{name.replace('_', ' ')}: {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
