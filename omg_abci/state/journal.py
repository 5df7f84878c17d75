"""The journal that makes every write of a block undoable.

Each write appends its exact inverse; undoing newest first restores what was, whatever happened in
between. Heaps and work lists hold more than what is due, and what is not due is passed over: so
adding to them needs no inverse, but taking from them does, since what was passed over may become
due again when the block is rolled back.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVar

_Entry = TypeVar("_Entry", bound=tuple[Any, ...])
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Journal:
    """The inverses of what was written since the block began, newest last.

    Slots, because the state has so many attributes: a read takes two thirds of the time.
    """

    __slots__ = ("_journal", "ended_log", "mark", "next_priority")

    def __init__(self) -> None:
        """Start with nothing written."""
        self._journal: list[tuple[Any, ...]] = []
        self.mark = 1
        """Changes with each savepoint: what bears it has its inverse in the journal since then."""
        self.next_priority = 0
        self.ended_log: list[tuple[Any, ...]] = []
        """The journal's entries of ended orders: account, slot and its record before are 1 to 3."""

    def record_undo(self, undo: Callable[..., object], *arguments: object) -> None:
        """Append an inverse to the journal."""
        self._journal.append((undo, *arguments))

    def open_savepoint(self) -> int:
        """Return a place in the journal to which `rollback_to` can return."""
        self.mark += 1
        self._journal.append((self._restore_counts, self.next_priority, len(self.ended_log)))
        return len(self._journal) - 1

    def rollback_to(self, savepoint: int) -> None:
        """Undo every write since the savepoint, newest first."""
        journal = self._journal
        while len(journal) > savepoint:
            undo, *arguments = journal.pop()
            undo(*arguments)
        self.mark += 1

    def pop_entry(self, heap: list[_Entry]) -> _Entry:
        """Take the first entry off one of the state's heaps, be it due or passed over."""
        entry = heappop(heap)
        self._journal.append((heappush, heap, entry))
        return entry

    def drop_work(self, work: dict[int, _Value], key: int) -> None:
        """Take a market off one of the state's work lists, if it is there."""
        value = work.pop(key, None)
        if value is not None:
            self._journal.append((put, work, key, value))

    def _restore_counts(self, next_priority: int, ended: int) -> None:
        self.next_priority = next_priority
        del self.ended_log[ended:]


def put(table: dict[_Key, _Value], key: _Key, value: _Value | None) -> None:
    """Set what a table says of a key; None deletes it."""
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
