"""Compare the auction's price with the best of all ticks, on many random books.

    python -m scripts.auction_campaign --books 100000 --seed 1

Says on standard error how far it is; prints one JSON object; exits 1 at the first difference,
which it prints with its book.
"""

import json
import random
import sys
import time

import click

from omg_abci.rules.auction import compute_uniform_price
from tests.random_books import compute_price_by_trying, make_book


@click.command()
@click.option("--books", default=100_000, show_default=True, help="How many books to compare.")
@click.option("--seed", default=1, show_default=True, help="Chooses the books.")
def main(books: int, seed: int) -> None:
    """Compare the auction's price with the best of all ticks."""
    source = random.Random(seed)  # noqa: S311 - a campaign's choice
    begun = time.monotonic()
    crossed = one_sided = 0
    for done in range(books):
        if done % 10_000 == 0:
            click.echo(f"{done} of {books} books, {crossed} crossed", err=True)
        book = make_book(source)
        found = compute_uniform_price(*book)
        expected = compute_price_by_trying(*book)
        if found != expected:
            difference = {"book": done, "seed": seed, "found": found, "expected": expected}
            click.echo(json.dumps({**difference, **book._asdict()}))
            sys.exit(1)
        crossed += found is not None
        one_sided += not (book.bids and book.asks)
    figures = {
        "books": books,
        "seed": seed,
        "crossed": crossed,
        "one_sided": one_sided,
        "differences": 0,
        "seconds": round(time.monotonic() - begun, 1),
    }
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
