"""Transactions of `omgd simulate` that aim at what wallets, providers and sponsors meet rarely."""

from collections.abc import Iterator

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelAll,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    FinishRecovery,
    Message,
    Pay,
    PayRequest,
    RevokeAgent,
    SetAllowance,
    SetGuardians,
    SetLimits,
    SetSponsorship,
    StartRecovery,
    Transfer,
    UseSponsorship,
)
from omg_abci.protocol.units import PostOnly, Side
from tests.cast import AGENTS, GUEST, OWNERS, Key
from tests.simulated_aims import Aim, AimSource
from tests.strategies import TxPlan

ENDS_MS = 90_000
PAST_MS = 1
"""As a drawn time: before the block's."""
_REQUEST = 77
_CAP = 10
TX_WORK = 620
"""About what the fee aims use besides their cancellations."""
MUCH = 10**12


class WalletAimSource(AimSource):
    """Draws transactions with an aim, of wallets too."""

    def list_aims(self) -> list[Aim]:
        """Return every aim."""
        return [
            *super().list_aims(),
            self._aim_limits,
            self._aim_deposit,
            self._aim_poor_sponsor,
            self._aim_busy_sponsor,
            self._aim_small_grant,
            self._aim_past_ends,
            self._aim_payer_cap,
            self._aim_allowances,
            self._aim_daily_allowance,
            self._aim_revoked,
            self._aim_large_lot,
            self._aim_daily_limit,
            self._aim_recovery,
            self._aim_early_finish,
            self._aim_own_key,
            self._aim_replaced_before,
        ]

    def _aim_limits(self) -> Iterator[TxPlan]:
        """Limit more tokens than may be limited."""
        if limits.LIMITS_MAX < 4:
            yield self._plan(OWNERS[1], *[SetLimits(token, MUCH) for token in (2, 3, 4)])

    def _aim_deposit(self) -> Iterator[TxPlan]:
        """Give nearly everything away and issue a token."""
        token = CreateToken(f"AIM{self._random.randint(1, 999)}", 2, True, True, 0, 100)  # noqa: FBT003 - mintable, burnable
        yield from self._give_away_before(token)

    def _aim_poor_sponsor(self) -> Iterator[TxPlan]:
        """Let the poorest owner grant much, and use more than it has."""
        sponsor, customer = OWNERS[-1], OWNERS[2]
        if (sponsor.address, customer.address) not in self._model.state.grants:
            yield self._plan(sponsor, SetSponsorship(customer.address, MUCH, ENDS_MS))
            return
        free = self._model.state.get_free(self._model.payer(sponsor.address))
        yield self._use(sponsor.address, customer, free + TX_WORK * self._model.state.unit_price)

    def _aim_busy_sponsor(self) -> Iterator[TxPlan]:
        """Use most of a grant, and as much again in the same block."""
        state = self._model.state
        for (sponsor, customer), grant in sorted(state.grants.items()):
            key = self._find_key(customer)
            fee = 7 * min(grant.left, state.get_free(self._model.payer(sponsor))) // 10
            if key is not None and fee > TX_WORK * state.unit_price:
                yield self._use(sponsor, key, fee)
                yield self._use(sponsor, key, fee)._replace(nonce=295)

    def _aim_small_grant(self) -> Iterator[TxPlan]:
        """Grant next to nothing, and use it."""
        sponsor, customer = OWNERS[1], OWNERS[2]
        grant = self._model.state.grants.get((sponsor.address, customer.address))
        if grant is None or grant.left > 1:
            yield self._plan(sponsor, SetSponsorship(customer.address, 1, ENDS_MS))
        else:
            yield self._use(sponsor.address, customer, 0)

    def _use(self, sponsor: bytes, customer: Key, fee: int) -> TxPlan:
        """Return a transaction that can cost so much, as far as legs go; the sponsor pays."""
        return self._plan(customer, UseSponsorship(sponsor), *self._cancel(fee))

    def _cancel(self, fee: int) -> list[Message]:
        """Return cancellations that can cost so much, beside another leg."""
        orders = (fee // self._model.state.unit_price - TX_WORK) // limits.WORK_CANCELLED_ORDER
        legs: list[Message] = []
        for _ in range(limits.LEGS_TYPED_MAX - 1):
            part = min(orders, limits.CANCEL_ALL_MAX)
            if part > 0:
                legs.append(CancelAll(0, 0, part))
            orders -= part
        return legs or [CancelAll(0, 0, 1)]

    def _aim_past_ends(self) -> Iterator[TxPlan]:
        """Ask for and grant what has ended already."""
        request = CreatePaymentRequest(_REQUEST + 1, 3, 5, PAST_MS, 2, 0, 1, b"")
        yield self._plan(OWNERS[0], request, SetSponsorship(OWNERS[2].address, 500, PAST_MS))

    def _aim_payer_cap(self) -> Iterator[TxPlan]:
        """Ask for at most a little of each payer, and pay more."""
        payee, payer = OWNERS[0], OWNERS[1]
        if (payee.address, _REQUEST) not in self._model.state.requests:
            yield self._plan(payee, CreatePaymentRequest(_REQUEST, 3, 0, ENDS_MS, 9, _CAP, 1, b""))
        part = PayRequest(payee.address, _REQUEST, 3, _CAP - 2, 0, 0)
        yield self._plan(payer, part, part)

    def _aim_daily_limit(self) -> Iterator[TxPlan]:
        """Pay more than a limit of a day."""
        payer, to = OWNERS[1], OWNERS[0].address
        pay = Pay(to, 3, 2, 0, 0, 0, b"")
        yield self._plan(payer, SetLimits(3, 1), pay)

    def _aim_allowances(self) -> Iterator[TxPlan]:
        """Allow an agent more tokens than it may have."""
        if limits.ALLOWANCES_MAX < 4:
            agent = AGENTS[0].address
            allowed = [SetAllowance(agent, token, MUCH, MUCH) for token in (1, 2, 3, 4)]
            yield self._plan(OWNERS[0], ApproveAgent(agent, 2, ENDS_MS), *allowed)

    def _aim_daily_allowance(self) -> Iterator[TxPlan]:
        """Pay as an agent more than it may on a day, and less than it may in all."""
        for (owner, agent, token), row in sorted(self._model.state.allowances.items()):
            key = next((each for each in AGENTS if each.address == agent), None)
            payer = self._find_key(owner)
            if key is None or payer is None or row.left <= row.daily:
                continue
            to = next(each.address for each in OWNERS if each.address != owner)
            leg = Pay(to, token, row.daily + 1, 0, 0, 0, b"")
            yield self._plan(payer, leg)._replace(signer=key)

    def _aim_revoked(self) -> Iterator[TxPlan]:
        """Take an agent's approval away in the block in which it trades."""
        for (owner, agent), (_, ends_ms) in sorted(self._model.state.agents.items()):
            payer = self._find_key(owner)
            key = next((each for each in AGENTS if each.address == agent), None)
            if payer and key and ends_ms > self.time_ms and self._random.random() < 0.1:
                yield self._plan(payer, RevokeAgent(agent))._replace(nonce=100)
                order = self._make_order(1, Side.BUY, PostOnly.NONE)
                yield self._plan(payer, order)._replace(signer=key, nonce=299)

    def _aim_large_lot(self) -> Iterator[TxPlan]:
        """Create a market whose lot is more than there is of its token."""
        market = CreateMarket(2, 1, 5 * 10**35, 1, 1, 5, 1, 0, limits.AUCTION_MIN_MS)
        yield self._plan(OWNERS[0], market)

    def _aim_recovery(self) -> Iterator[TxPlan]:
        """Give an account a guardian, let it approve a key, and after the delay finish."""
        state, (payer, guardian) = self._model.state, OWNERS[:2]
        account = payer.address
        if account in state.keys:
            yield self._plan(guardian, StartRecovery(account, state.keys[account]))
            return
        _, ready_ms = state.waiting.get(account, (b"", 0))
        guarded = state.guardians.get(account)
        if guarded is None or guardian.address not in guarded.guardians:
            shortest = limits.RECOVERY_DELAY_MIN_MS
            yield self._plan(payer, SetGuardians((guardian.address,), 1, shortest))
        elif not ready_ms:
            yield self._plan(guardian, StartRecovery(account, GUEST.address))
        elif ready_ms <= self.time_ms:
            yield self._plan(guardian, FinishRecovery(account))

    def _aim_early_finish(self) -> Iterator[TxPlan]:
        """Finish a recovery that one of two guardians has begun."""
        state, account = self._model.state, OWNERS[2].address
        guardians = tuple(sorted(key.address for key in OWNERS[:2]))
        guarded = state.guardians.get(account)
        if account in state.waiting:
            return
        if any(who == account for who, _ in state.approvals):
            yield self._plan(OWNERS[3], FinishRecovery(account))
        elif guarded is None or (guarded.threshold, guarded.guardians) != (2, guardians):
            shortest = limits.RECOVERY_DELAY_MIN_MS
            yield self._plan(OWNERS[2], SetGuardians(guardians, 2, shortest))
        else:
            yield self._plan(OWNERS[0], StartRecovery(account, GUEST.address))

    def _aim_own_key(self) -> Iterator[TxPlan]:
        """Approve the key that an account was given as its agent; that key signs."""
        for owner, key in sorted(self._model.state.keys.items()):
            payer = self._find_key(owner)
            if payer is not None:
                yield self._plan(payer, ApproveAgent(key, 1, ENDS_MS))._replace(nonce=211)

    def _aim_replaced_before(self) -> Iterator[TxPlan]:
        """Finish a recovery in a block that also holds something of the old key."""
        for account, (_, ready_ms) in sorted(self._model.state.waiting.items()):
            payer = self._find_key(account)
            if payer is None or ready_ms > self.time_ms:
                continue
            other = next(key for key in OWNERS if key != payer)
            yield self._plan(other, FinishRecovery(account))._replace(nonce=213)
            yield self._plan(payer, Transfer(other.address, 3, 1, 0, 0))._replace(nonce=214)
