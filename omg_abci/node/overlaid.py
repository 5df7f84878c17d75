"""Records as they were at another height: those of a database, with some values replaced."""

from collections.abc import Iterable, Iterator, Mapping


def iterate_overlaid(
    records: Iterable[tuple[bytes, bytes]], overlay: Mapping[bytes, bytes | None]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield ascending records with the overlay's values, still ascending; None takes one out."""
    if not overlay:
        yield from records
        return
    replaced = sorted([(key, value) for key, value in overlay.items() if value is not None])
    replaced.reverse()
    for key, value in records:
        while replaced and replaced[-1][0] <= key:
            yield replaced.pop()
        if key not in overlay:
            yield key, value
    yield from reversed(replaced)
