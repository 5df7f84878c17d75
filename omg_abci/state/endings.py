"""How orders end: out of the book, and remembered by client id in the account's next slot."""

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Lots
from omg_abci.state.book import Level, Order
from omg_abci.state.journal import put
from omg_abci.state.objects import Account
from omg_abci.state.order_writes import put_back
from omg_abci.state.records import decode_ended_client_id, encode_ended
from omg_abci.state.tables import Tables


class Endings(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    def end_order(self, order: Order, ended: int, filled: Lots, remaining: Lots) -> None:
        """Take an order out if it is open, set its numbers, and remember it; no reserve moves.

        What `take_out` does stands here again: a third of all legs ends an order that was open,
        and one call with one journal entry does it where there were three. The order keeps its
        neighbours for the undoing: nothing gives it others, as an amendment does.
        """
        level = order.level
        if level is not None:
            market, owner_list = order.market, order.owner_list
            if owner_list is None:
                raise InvariantBroken("an open order stands in its owner's list")
            before, after = order.previous, order.next
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
            before, after = order.owner_previous, order.owner_next
            if before is None:
                owner_list.head = after
            else:
                before.owner_next = after
            if after is None:
                owner_list.tail = before
            else:
                after.owner_previous = before
            if market.immediate:
                market.immediate.pop(order, None)
            market.open_orders -= 1
            del order.account.orders[order.client_id]
            self.dirty_orders[order] = None
        filled_before, remaining_before = order.filled, order.remaining
        order.filled, order.remaining = filled, remaining
        self._remember(order, ended, filled_before, remaining_before, level)

    def remember_ended(self, order: Order, ended: int) -> None:
        """Remember an order that is not open any more, or never was."""
        self._remember(order, ended, order.filled, order.remaining, None)

    def _remember(
        self,
        order: Order,
        ended: int,
        filled_before: Lots,
        remaining_before: Lots,
        level: Level | None,
    ) -> None:
        """Write an ended order into its account's next slot, over what was there.

        The rest is for the undoing; ``level`` is where the order was open until now, if it was.
        """
        account, client_id, filled = order.account, order.client_id, order.filled
        slot, slots, by_id = account.ended_next, account.slots, account.ended
        until_ms, quantity = self.time_ms + limits.CLOSED_KEPT_MS, filled + order.remaining
        value = encode_ended(client_id, until_ms, ended, quantity, filled)
        old, overwritten, size = None, 0, len(slots)
        if slot == size and size:
            slots.append(value)
        elif slot < size:
            old = slots[slot]
            slots[slot] = value
            if old is not None:
                overwritten = decode_ended_client_id(old)
                if by_id.get(overwritten) == slot:
                    del by_id[overwritten]
                else:
                    overwritten = 0
        else:
            account.set_slot(slot, value)
            by_id = account.ended
        # fmt: off
        entry = (_undo_end, account, slot, old, overwritten, by_id.get(client_id),
                 order, filled_before, remaining_before, level)
        # fmt: on
        self._journal.append(entry)
        self.ended_log.append(entry)
        by_id[client_id] = slot
        account.ended_next = slot + 1 if slot + 1 < limits.CLOSED_KEPT_MAX else 0


def _undo_end(
    account: Account,
    slot: int,
    old: bytes | None,
    overwritten: int,
    shadowed: int | None,
    order: Order,
    filled: Lots,
    remaining: Lots,
    level: Level | None,
) -> None:
    put(account.ended, order.client_id, shadowed)
    if overwritten:
        account.ended[overwritten] = slot
    account.slots[slot] = old
    account.ended_next = slot
    order.filled, order.remaining = filled, remaining
    if level is not None:
        put_back(order, level, order.previous, order.next, order.owner_previous, order.owner_next)
