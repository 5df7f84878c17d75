"""Writes to orders: into the book, to their triggers, out again, and what they say."""

from heapq import heappush
from typing import Final

from omg_abci.protocol.errors import InvariantBroken, require
from omg_abci.protocol.units import BUY, RESTS, Height, Lots, Millis, Ticks
from omg_abci.state.book import (
    SIDE_BITS,
    Level,
    Order,
    OwnerList,
    Special,
    attach_waiting,
    detach,
    is_rising,
    reattach,
)
from omg_abci.state.objects import NOTHING
from omg_abci.state.tables import Tables

_NOTHING: Final = Special()

_Links = tuple[Order | None, Order | None, Order | None, Order | None]


class OrderWrites(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    # --- in and out ---

    def rest_order(self, order: Order) -> None:
        """Put an order at the end of its level, with the next priority.

        What `BookSide.attach` and `_add_open` do stands here again: most orders come this way, and
        three calls would be added to some 140 steps of the interpreter.
        """
        account, market = order.account, order.market
        self._journal.append((_undo_rest, order, order.priority))
        priority = order.priority = self.next_priority
        self.next_priority = priority + 1
        side = market.bids if order.side == BUY else market.asks
        place = order.price * side.sign
        level = side.levels.get(place)
        if level is None:
            level = Level(side, order.price, place)
            side.open_level(level)
        order.level = level
        order.previous = tail = level.tail
        order.next = None
        if tail is None:
            level.head = order
        else:
            tail.next = order
        level.tail = order
        if account.orders is NOTHING:
            account.open_tables()
        owner_list = account.lists.get(side.where)
        if owner_list is None:
            owner_list = account.lists[side.where] = OwnerList()
        order.owner_list = owner_list
        order.owner_previous = last = owner_list.tail
        order.owner_next = None
        if last is None:
            owner_list.head = order
        else:
            last.owner_next = order
        owner_list.tail = order
        account.orders[order.client_id] = order
        market.open_orders += 1
        self.dirty_orders[order] = None
        if order.expires_ms or order.special is not None or market.is_batch:
            self._note_resting(order)

    def _note_resting(self, order: Order) -> None:
        """Do for an order that came to rest what few orders need."""
        market, special = order.market, order.special
        if special is not None and special.display:
            self.change_tip(order, min(special.display, order.remaining))
        if market.is_batch:
            self.batch_work[market.id] = market
            if not RESTS[order.time_in_force]:
                market.immediate[order] = None
        self._push_expiries(order)

    def wait_order(self, order: Order) -> None:
        """Open an order that waits for its trigger, with the next priority."""
        require(_get_special(order).trigger != 0, "an order that waits has a trigger")
        self._journal.append((_undo_wait, order, order.priority))
        attach_waiting(order)
        self._add_open(order)
        self._push_trigger(order)

    def _add_open(self, order: Order) -> None:
        """Give an order the next priority, and add it to what its owner has open."""
        account, market = order.account, order.market
        order.priority = self.next_priority
        self.next_priority += 1
        if account.orders is NOTHING:
            account.open_tables()
        where = market.id << SIDE_BITS | order.side
        owner_list = account.lists.get(where)
        if owner_list is None:
            owner_list = account.lists[where] = OwnerList()
        owner_list.append(order)
        account.orders[order.client_id] = order
        market.open_orders += 1
        if order.expires_ms or order.special is not None:
            self._push_expiries(order)
        self.dirty_orders[order] = None

    def take_out(self, order: Order) -> None:
        """Take an order out of the book, or from its trigger; its reserve stays as it is.

        What `detach` and `OwnerList.remove` do stands here again, as in `rest_order`.
        """
        market, level, owner_list = order.market, order.level, order.owner_list
        if level is None or owner_list is None:
            raise InvariantBroken("an order that is taken out was open")
        before, after = order.previous, order.next
        owner_before, owner_after = order.owner_previous, order.owner_next
        self._journal.append((put_back, order, level, before, after, owner_before, owner_after))
        if before is None:
            level.head = after
        else:
            before.next = after
        if after is None:
            level.tail = before
        else:
            after.previous = before
        if level.head is None:
            level.side.close_level(level)
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
        del order.account.orders[order.client_id]
        market.open_orders -= 1
        self.dirty_orders[order] = None

    def renew_tip(self, order: Order) -> None:
        """Give a resting iceberg a new tip, the next priority and the end of its level."""
        market, special = order.market, _get_special(order)
        links = (order.previous, order.next, order.owner_previous, order.owner_next)
        level = detach(order)
        self._journal.append((_undo_renew, order, level, links, order.priority))
        (market.bids if order.side == BUY else market.asks).attach(order)
        owner_list = _get_list(order)
        owner_list.remove(order)
        owner_list.append(order)
        order.priority = self.next_priority
        self.next_priority += 1
        self.change_tip(order, min(special.display, order.remaining))
        self._push_expiries(order)

    # --- heaps ---

    def _push_expiries(self, order: Order) -> None:
        """Note when an open order ends."""
        if order.expires_ms:
            self._pushed += 1
            heappush(self.order_expiries, (order.expires_ms, order.priority, self._pushed, order))
        special = order.special
        if special is not None and special.expires_height:
            self._pushed += 1
            heappush(
                self.height_expiries,
                (special.expires_height, order.priority, self._pushed, order),
            )

    def _push_trigger(self, order: Order) -> None:
        """Note at which price a waiting order is triggered."""
        trigger = _get_special(order).trigger
        self._pushed += 1
        if is_rising(order):
            heappush(order.market.rising, (trigger, order.priority, self._pushed, order))
        else:
            heappush(order.market.falling, (-trigger, order.priority, self._pushed, order))

    # --- what an order says ---

    def change_order(self, order: Order, filled: Lots, remaining: Lots) -> None:
        """Set what is filled and what remains."""
        self._journal.append((_restore_order, order, order.filled, order.remaining))
        order.filled = filled
        order.remaining = remaining
        self.dirty_orders[order] = None

    def change_tip(self, order: Order, tip: Lots) -> None:
        """Set what is left of an iceberg's tip."""
        special = _get_special(order)
        self._journal.append((_restore_tip, special, special.tip))
        special.tip = tip
        self.dirty_orders[order] = None

    def change_terms(
        self,
        order: Order,
        *,
        price: Ticks | None = None,
        expires_ms: Millis | None = None,
        expires_height: Height | None = None,
        display: Lots | None = None,
        trigger: Ticks | None = None,
        time_in_force: int | None = None,
        post_only: int | None = None,
        self_trade: int | None = None,
    ) -> None:
        """Set what is given; the price of an order in the book may not change."""
        self._journal.append(
            (
                _restore_terms,
                order,
                order.price,
                order.expires_ms,
                order.time_in_force,
                order.post_only,
                order.self_trade,
                order.special,
            )
        )
        if price is not None and price != order.price:
            in_book = order.level is not None and order.level is not order.market.waiting
            require(not in_book, "the price of a level holds")
            order.price = price
        if time_in_force is not None:
            require(RESTS[time_in_force] == RESTS[order.time_in_force], "immediate stays immediate")
            order.time_in_force = time_in_force
        if post_only is not None:
            order.post_only = post_only
        if self_trade is not None:
            order.self_trade = self_trade
        if expires_ms is not None:
            order.expires_ms = expires_ms
        if expires_height is not None or display is not None or trigger is not None:
            order.special = _compute_special(order.special, expires_height, display, trigger)
        self.dirty_orders[order] = None
        if order.level is not None:
            self._note_terms(order, trigger, ends=expires_ms or expires_height)

    def _note_terms(self, order: Order, trigger: Ticks | None, ends: int | None) -> None:
        """Note new terms of an open order where they are looked for."""
        if ends:
            self._push_expiries(order)
        if trigger is not None:
            waits = order.special is not None and order.special.trigger != 0
            require(waits == (order.level is order.market.waiting), "an order with a trigger waits")
            if waits:
                self._push_trigger(order)
        if order.market.is_batch:
            self.batch_work[order.market.id] = order.market

    def set_trigger_done(self, order: Order) -> None:
        """Take the trigger and its steps off an order that was taken out."""
        special = _get_special(order)
        require(order.level is None, "a triggered order was taken out")
        self._journal.append((_restore_special, order, special))
        height = special.expires_height
        order.special = Special(expires_height=height) if height else None


def _get_special(order: Order) -> Special:
    """Return what a plain order does not have; raise `InvariantBroken` for a plain one."""
    special = order.special
    if special is None:
        message = "a plain order has no tip and no trigger"
        raise InvariantBroken(message)
    return special


def _get_list(order: Order) -> OwnerList:
    """Return the list that an order which is or was open stands in."""
    owner_list = order.owner_list
    if owner_list is None:
        raise InvariantBroken("an order that was never open stands in no list")
    return owner_list


def _compute_special(
    old: Special | None, expires_height: Height | None, display: Lots | None, trigger: Ticks | None
) -> Special | None:
    """Return what an order has besides the plain ones after a change; None: nothing."""
    was = _NOTHING if old is None else old
    new = Special(
        was.display if display is None else display,
        was.tip,
        was.trigger if trigger is None else trigger,
        was.expires_height if expires_height is None else expires_height,
        was.max_matches,
    )
    return new if new.display or new.trigger or new.expires_height else None


# --- inverses -----------------------------------------------------------------------------------


def _undo_open(order: Order, priority: int) -> None:
    _get_list(order).remove(order)
    del order.account.orders[order.client_id]
    order.market.open_orders -= 1
    order.priority = priority


def _undo_rest(order: Order, priority: int) -> None:
    detach(order)
    _undo_open(order, priority)
    order.market.immediate.pop(order, None)


def _undo_wait(order: Order, priority: int) -> None:
    detach(order)
    _undo_open(order, priority)


def _undo_remove(order: Order) -> None:
    _get_list(order).restore(order)
    order.account.orders[order.client_id] = order
    order.market.open_orders += 1


def put_back(
    order: Order,
    level: Level,
    before: Order | None,
    after: Order | None,
    owner_before: Order | None,
    owner_after: Order | None,
) -> None:
    """Undo that an order was taken out.

    Its neighbours then are given: an amended order is the same object at another place meanwhile.
    """
    order.previous, order.next = before, after
    order.owner_previous, order.owner_next = owner_before, owner_after
    reattach(order, level)
    _undo_remove(order)
    market = order.market
    if market.is_batch and level is not market.waiting and not RESTS[order.time_in_force]:
        market.immediate[order] = None


def _undo_renew(order: Order, level: Level, links: _Links, priority: int) -> None:
    detach(order)
    _get_list(order).remove(order)
    order.previous, order.next, order.owner_previous, order.owner_next = links
    reattach(order, level)
    _get_list(order).restore(order)
    order.priority = priority


def _restore_order(order: Order, filled: Lots, remaining: Lots) -> None:
    order.filled = filled
    order.remaining = remaining


def _restore_tip(special: Special, tip: Lots) -> None:
    special.tip = tip


def _restore_special(order: Order, special: Special | None) -> None:
    order.special = special


def _restore_terms(
    order: Order,
    price: Ticks,
    expires_ms: Millis,
    time_in_force: int,
    post_only: int,
    self_trade: int,
    special: Special | None,
) -> None:
    order.price = price
    order.expires_ms = expires_ms
    order.time_in_force = time_in_force
    order.post_only = post_only
    order.self_trade = self_trade
    order.special = special
