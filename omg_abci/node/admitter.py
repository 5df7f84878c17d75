"""Whether the next block could hold a transaction, and the pool has room for it.

Reads the working state and never writes it. While a block is applied and not yet committed it
sees that block's effects: what it says is advice, and the block decides.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from omg_abci.node.pool import Entry, Pool
from omg_abci.node.selection import Budget
from omg_abci.protocol import errors
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Amount, Hash, Height, Millis
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.ordering import compute_order
from omg_abci.state.working import WorkingState


class StateHolder(Protocol):
    """What has the working state: chain.Chain."""

    state: WorkingState | None


def compute_fee_max(state: WorkingState, tx: SignedTx) -> int:
    """Return the most that a transaction can cost, in the fee token's units."""
    return tx.work * state.unit_price


def get_funds(state: WorkingState, owner: Address) -> int:
    """Return what an owner's fees are taken from."""
    return state.get_free(owner, 0, state.fee_token)


class Next(NamedTuple):
    """The block that transactions are admitted for: the state before it, its height and time."""

    state: WorkingState
    height: Height
    time_ms: Millis


class Rules(NamedTuple):
    """The rules that the mempool asks; tests give it others."""

    check_tx: Callable[[WorkingState, SignedTx, Height, Millis], tuple[Amount, Amount]] = check_tx
    make_budget: Callable[[WorkingState, Height, Millis, int], Budget] = BlockBudget
    compute_order: Callable[[Hash, Sequence[SignedTx]], list[SignedTx]] = compute_order
    compute_fee_max: Callable[[WorkingState, SignedTx], int] = compute_fee_max
    get_funds: Callable[[WorkingState, Address], int] = get_funds


class Admitter:
    """Checks transactions against the state and puts them into the pool."""

    def __init__(
        self, holder: StateHolder, pool: Pool, rules: Rules, clock_ms: Callable[[], Millis]
    ) -> None:
        """Bind the parts; the clock stands in for the time of the next block."""
        self._holder = holder
        self._pool = pool
        self._rules = rules
        self._check_tx = rules.check_tx
        self._clock_ms = clock_ms

    def get_state(self) -> WorkingState:
        """Return the state; raise NodeBusy before genesis."""
        state = self._holder.state
        if state is None:
            raise errors.NodeBusy("the chain has not begun")
        return state

    def get_next(self) -> Next:
        """Return what the next block may be; raise NodeBusy before genesis."""
        state = self.get_state()
        return Next(state, state.height + 1, max(state.time_ms, self._clock_ms()))

    def find_refusal(self, tx: SignedTx) -> errors.TxError | None:
        """Return why the next block could not hold a transaction."""
        try:
            state, height, time_ms = self.get_next()
            self._check_tx(state, tx, height, time_ms)
        except errors.TxError as error:
            # Without its traceback, which leads back here: nothing may end in a cycle.
            return error.with_traceback(None)
        return None

    def admit(
        self, tx: SignedTx, following: Next, *, acknowledged: bool
    ) -> tuple[Entry, list[Entry]]:
        """Put a transaction whose key is not pending into the pool; return what it displaced too.

        One that waits for its `after` is taken too. Raise what keeps the transaction out: the
        refusals of `check_tx`, then those of `Pool.add`.
        """
        state, height, time_ms = following
        waiting = False
        try:
            fee, funds = self._check_tx(state, tx, height, time_ms)
        except errors.AfterNotExecuted:
            waiting = True
            fee = self._rules.compute_fee_max(state, tx)
            funds = self._rules.get_funds(state, tx.body.payer)
        entry = Entry(tx, fee, acknowledged=acknowledged, waiting=waiting)
        return entry, self._pool.add(entry, funds)

    def readmit(self, tx: SignedTx) -> tuple[Entry, errors.TxError | None]:
        """Put an acknowledged transaction back into the pool, bounds or not; return its refusal."""
        error = self.find_refusal(tx)
        waiting = isinstance(error, errors.AfterNotExecuted)
        fee = self._rules.compute_fee_max(self.get_state(), tx)
        entry = Entry(tx, fee, acknowledged=True, waiting=waiting)
        self._pool.add(entry, within_bounds=False)
        return entry, None if waiting else error
