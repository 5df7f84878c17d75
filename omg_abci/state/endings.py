"""How orders end: out of the book, and remembered by client id in the account's next slot."""

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Lots
from omg_abci.state.book import Level, Order
from omg_abci.state.journal import put
from omg_abci.state.objects import NOTHING, Account
from omg_abci.state.order_writes import put_back
from omg_abci.state.records import decode_ended_client_id, encode_ended
from omg_abci.state.tables import Tables

_Links = tuple[Level, Order | None, Order | None, Order | None, Order | None]
_Stood = tuple[_Links | None, Lots, Lots]
"""Where an order stood, None for one that was not open; what was filled of it, and what not."""


class Endings(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    def end_order(self, order: Order, ended: int, filled: Lots, remaining: Lots) -> None:
        """Take an order out if it is open, set its numbers, and remember it; no reserve moves.

        What `take_out` does stands here again: a third of all legs ends an order that was open,
        and one call with one journal entry does it where there were three.
        """
        account, level, links = order.account, order.level, None
        if level is not None:
            market, owner_list = order.market, order.owner_list
            if owner_list is None:
                raise InvariantBroken("an open order stands in its owner's list")
            before, after = order.previous, order.next
            owner_before, owner_after = order.owner_previous, order.owner_next
            links = level, before, after, owner_before, owner_after
            if after is not None:
                after.previous = before
            else:
                level.tail = before
                if before is None:
                    level.side.close_level(level)
            if before is None:
                level.head = after
            else:
                before.next = after
            order.level = None
            if owner_before is None:
                owner_list.head = owner_after
            else:
                owner_before.owner_next = owner_after
            if owner_after is None:
                owner_list.tail = owner_before
            else:
                owner_after.owner_previous = owner_before
            if market.immediate:
                market.immediate.pop(order, None)
            market.open_orders -= 1
            del account.orders[order.client_id]
            self.dirty_orders[order] = None
        stood = links, order.filled, order.remaining
        order.filled, order.remaining = filled, remaining
        self._remember(account, order, ended, stood)

    def remember_ended(self, order: Order, ended: int) -> None:
        """Remember an order that is not open any more, or never was."""
        self._remember(order.account, order, ended, (None, order.filled, order.remaining))

    def _remember(self, account: Account, order: Order, ended: int, stood: _Stood) -> None:
        """Write an ended order into the account's next slot, over what was there."""
        slot, client_id, filled = account.ended_next, order.client_id, order.filled
        slots, by_id = account.slots, account.ended
        if slots is NOTHING:
            slots, by_id = account.slots, account.ended = {}, {}
        old, overwritten = slots.get(slot), 0
        if old is not None:
            overwritten = decode_ended_client_id(old)
            if by_id.get(overwritten) == slot:
                del by_id[overwritten]
            else:
                overwritten = 0
        until_ms, quantity = self.time_ms + limits.CLOSED_KEPT_MS, filled + order.remaining
        slots[slot] = encode_ended(client_id, until_ms, ended, quantity, filled)
        entry = (_undo_end, account, slot, old, overwritten, by_id.get(client_id), order, stood)
        self._journal.append(entry)
        self.ended_log.append(entry)
        by_id[client_id] = slot
        account.ended_next = (slot + 1) % limits.CLOSED_KEPT_MAX


def _undo_end(
    account: Account,
    slot: int,
    old: bytes | None,
    overwritten: int,
    shadowed: int | None,
    order: Order,
    stood: _Stood,
) -> None:
    put(account.ended, order.client_id, shadowed)
    if overwritten:
        account.ended[overwritten] = slot
    put(account.slots, slot, old)
    account.ended_next = slot
    links, order.filled, order.remaining = stood
    if links is not None:
        put_back(order, *links)
