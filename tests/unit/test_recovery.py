"""Whose signature counts while guardians replace a key, beside the oracle at every step."""

from functools import partial

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    RECOVER_MESSAGES,
    ApproveAgent,
    CancelOrder,
    CancelRecovery,
    CreateToken,
    FinishRecovery,
    Message,
    SetAllowance,
    SetGuardians,
    SetSwitch,
    SignedTx,
    StartRecovery,
    Transfer,
    TxBody,
    UseSponsorship,
)
from omg_abci.protocol.terms import get_scopes
from omg_abci.protocol.units import Scope
from omg_abci.rules.accounts import require_agent
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.state import schema
from omg_abci.state.records import AgentRecord
from omg_abci.state.recovery_records import RecoveryRecord
from tests.cast import AGENTS, CHAIN_ID, EXCHANGE, OWNERS, STRANGER, Key, make_key, show
from tests.side_by_side import Pair
from tests.strategies import sign_body
from tests.vectors.cases import ALL_LEGS

OWNER, GUARDIAN, OTHER, ANYBODY = OWNERS
NEW = STRANGER
SERVICE = AGENTS[2]
DELAY_MS = limits.RECOVERY_DELAY_MIN_MS
GUARDED = EXCHANGE | {
    "balances": [
        row | {"amount": str(10**9)} if row["token"] == 1 else row for row in EXCHANGE["balances"]
    ]
    + [{"owner": show(NEW), "subaccount": 0, "token": 1, "amount": str(10**9)}]
}
START = StartRecovery(OWNER.address, NEW.address)
FINISH = FinishRecovery(OWNER.address)


class World(Pair):
    """A chain beside its oracle, whose blocks are told leg by leg."""

    def __init__(self, threshold: int = 1) -> None:
        """Start with an account that two guardians guard."""
        super().__init__(GUARDED)
        guardians = tuple(sorted([GUARDIAN.address, OTHER.address]))
        assert self.do(self.tx(OWNER, SetGuardians(guardians, threshold, DELAY_MS))) == [0]

    def tx(
        self,
        owner: Key,
        *legs: Message,
        signer: Key | None = None,
        typed: bool = False,
        nonce: int | None = None,
        atomic: bool = False,
    ) -> SignedTx:
        """Return a transaction for the next block."""
        head = (CHAIN_ID, owner.address, nonce or self.time_ms + 1_000, 0, 0, 0)
        body = TxBody(*head, atomic=atomic, max_unit_price=2, legs=legs)
        return sign_body(body, signer or owner, typed=typed)

    def do(self, *txs: SignedTx, after_ms: int = 1_000) -> list[int]:
        """Execute, a while later, a block of all of these; return the legs' codes."""
        height, time_ms = self.height + 1, self.time_ms + after_ms
        chosen = self.model.order_block(self.fill(height, time_ms, txs))
        assert len(chosen) == len(txs)
        result = self.execute(height, time_ms, chosen, rehearsed=True)
        self.restart()
        return [leg.code for each in result.results for leg in each.legs]

    def require(self, error: type[errors.TxError], tx: SignedTx) -> None:
        """Assert that pool and block refuse a transaction for this reason."""
        height, time_ms = self.height + 1, self.time_ms + 1_000
        budget = BlockBudget(self.state, height, time_ms, limits.BLOCK_BYTES_MAX)
        for ask in (partial(check_tx, self.state, tx, height, time_ms), partial(budget.add, tx)):
            with pytest.raises(error):
                ask()

    def approve(self, key: Key = NEW, guardian: Key = GUARDIAN) -> list[int]:
        """Let a guardian approve a key."""
        return self.do(self.tx(guardian, StartRecovery(OWNER.address, key.address)))

    def get_ready_ms(self) -> int:
        """Return when the key that waits may take effect."""
        key = schema.compute_recovery_key(OWNER.address)
        recovery = self.state.find_record(RecoveryRecord, key)
        assert recovery is not None
        return recovery.ready_ms

    def replace(self) -> None:
        """Give the account its new key."""
        assert self.approve() == [0]
        assert self.do(self.tx(ANYBODY, FINISH), after_ms=DELAY_MS) == [0]


def test_the_new_key_signs_and_the_old_one_does_not() -> None:
    """Typed by the new key only: nobody else, nothing raw, and nothing signed before."""
    world = World()
    paid = Transfer(ANYBODY.address, 3, 7, 0, 0)
    kept = world.tx(OWNER, paid, nonce=world.time_ms + 500_000)
    world.require(errors.NotAnAgent, world.tx(OWNER, paid, signer=NEW, typed=True))
    world.replace()
    assert world.state.accounts[OWNER.address].key == NEW.address
    world.require(errors.KeyReplaced, kept)
    world.require(errors.KeyReplaced, world.tx(OWNER, paid))
    world.require(errors.OwnKeyRaw, world.tx(OWNER, CancelOrder(1), signer=NEW))
    world.require(errors.NotAnAgent, world.tx(OWNER, paid, signer=GUARDIAN, typed=True))
    before = world.state.get_free(OWNER.address, 0, 3)
    assert world.do(world.tx(OWNER, paid, signer=NEW, typed=True)) == [0]
    assert world.state.get_free(OWNER.address, 0, 3) == before - 7


def test_a_nonce_is_used_once_by_a_key() -> None:
    """What the new key signs for the account and for its own shares one row of nonces."""
    world = World()
    world.replace()
    nonce = world.time_ms + 1_000
    mine = world.tx(NEW, CancelOrder(1), nonce=nonce)
    given = world.tx(OWNER, CancelOrder(1), signer=NEW, typed=True, nonce=nonce)
    assert world.do(given) == [0]
    world.require(errors.NonceUsed, given)
    world.require(errors.NonceUsed, mine)
    assert world.do(world.tx(NEW, CancelOrder(1), nonce=nonce + 1)) == [0]


def test_as_many_agents_as_there_may_be_are_dropped() -> None:
    """All of them and what they may pay, in one leg that costs what it declared."""
    world = World()
    agents = [make_key(number).address for number in range(500, 515)]
    until_ms = world.time_ms + limits.RECOVERY_DELAY_MAX_MS
    world.do(world.tx(OWNER, *[ApproveAgent(each, 2, until_ms) for each in agents]))
    assert len(world.state.accounts[OWNER.address].agents) == limits.AGENTS_MAX
    world.do(world.tx(OWNER, *[SetAllowance(each, 3, 9, 9) for each in agents]))
    world.replace()
    assert world.state.accounts[OWNER.address].agents == {}
    left = [key for key in world.disk if key[:1] in {schema.AGENT, schema.ALLOWANCES}]
    assert [key for key in left if key[1:21] == OWNER.address] == []


def test_a_leg_behind_that_fails_keeps_the_key() -> None:
    """An atomic transaction that is rolled back replaces nothing, and drops no agent."""
    world = World()
    assert world.approve() == [0]
    no_token = CreateToken("OMG", 2, mintable=False, burnable=True, supply=9, cap=9)
    tx = world.tx(ANYBODY, FINISH, no_token, atomic=True)
    codes = world.do(tx, after_ms=DELAY_MS)
    assert codes[0] == errors.LegsRolledBack.code
    assert world.state.accounts[OWNER.address].key == OWNER.address
    assert world.state.accounts[OWNER.address].agents
    assert world.do(world.tx(OWNER, CancelOrder(1))) == [0]


def test_the_delay_begins_once() -> None:
    """More approvals of the key that waits move nothing; one that is taken back does."""
    world = World(threshold=1)
    assert world.approve() == [0]
    ready_ms = world.get_ready_ms()
    assert ready_ms == world.time_ms + DELAY_MS
    assert world.approve(guardian=OTHER) == [0]
    assert world.get_ready_ms() == ready_ms
    assert world.approve(make_key(600), OTHER) == [0]
    assert world.get_ready_ms() == ready_ms
    assert world.approve(make_key(600), GUARDIAN) == [0]
    assert world.get_ready_ms() == world.time_ms + DELAY_MS


def test_guardians_who_disagree_begin_nothing() -> None:
    """Two of two approve the same key, or nothing waits."""
    world = World(threshold=2)
    assert world.approve() == [0]
    assert world.approve(make_key(600), OTHER) == [0]
    assert world.get_ready_ms() == 0
    assert world.approve(NEW, OTHER) == [0]
    assert world.get_ready_ms() == world.time_ms + DELAY_MS


def test_a_guardian_whose_key_was_replaced_signs_with_the_new_one() -> None:
    """Guardians are accounts, so what counts is whose own key signed."""
    world = World()
    world.replace()
    guard = SetGuardians((OWNER.address,), 1, DELAY_MS)
    assert world.do(world.tx(GUARDIAN, guard)) == [0]
    start = StartRecovery(GUARDIAN.address, make_key(600).address)
    world.require(errors.KeyReplaced, world.tx(OWNER, start))
    assert world.do(world.tx(OWNER, start, signer=NEW, typed=True)) == [0]


# --- agents with the scope "recover" ----------------------------------------------------------


@pytest.mark.parametrize("kind", ALL_LEGS, ids=lambda kind: kind.__name__)
def test_recover_scope_covers_recoveries_alone(kind: type[Message]) -> None:
    """Approvals, cancellations and ends of recoveries; a sponsor as with any scope."""
    state = World().state
    account = state.get_account(OWNER.address)
    account.agents = {SERVICE.address: AgentRecord(Scope.RECOVER, state.time_ms + DELAY_MS)}
    leg = ALL_LEGS[kind]
    scopes = get_scopes(leg)
    ask = partial(require_agent, account, SERVICE.address, (leg,), scopes, state.time_ms)
    if kind in {*RECOVER_MESSAGES, UseSponsorship}:
        ask()
        return
    with pytest.raises(errors.AgentScope, match=kind.__name__):
        ask()


@pytest.mark.parametrize("kind", RECOVER_MESSAGES, ids=lambda kind: kind.__name__)
def test_other_scopes_cover_no_recovery(kind: type[Message]) -> None:
    """Who may trade and pay says nothing about keys."""
    world = World()
    scope = Scope.TRADE | Scope.PAY
    assert world.do(world.tx(OWNER, approve(SERVICE, world, scope))) == [0]
    world.require(errors.AgentScope, world.tx(OWNER, ALL_LEGS[kind], signer=SERVICE))


def approve(agent: Key, world: World, scope: Scope = Scope.RECOVER) -> ApproveAgent:
    """Return an approval that outlives every delay."""
    return ApproveAgent(agent.address, scope, world.time_ms + 10 * DELAY_MS)


def test_a_service_votes_for_its_guardian_and_finishes() -> None:
    """The approval is the guardian's; who finishes may be the account's agent, which it drops."""
    world = World(threshold=2)
    for guardian in (GUARDIAN, OTHER):
        assert world.do(world.tx(guardian, approve(SERVICE, world))) == [0]
    assert world.do(world.tx(OWNER, approve(SERVICE, world))) == [0]
    assert world.do(world.tx(GUARDIAN, START, signer=SERVICE)) == [0]
    again = world.tx(GUARDIAN, START, signer=SERVICE)
    assert world.do(again) == [errors.ApprovedBefore.code]
    assert world.do(world.tx(OTHER, START, signer=SERVICE)) == [0]
    finish = world.tx(OWNER, FINISH, CancelRecovery(), signer=SERVICE)
    assert world.do(finish, after_ms=DELAY_MS) == [0, errors.NoRecovery.code]
    assert world.state.accounts[OWNER.address].key == NEW.address
    world.require(errors.NotAnAgent, world.tx(OWNER, CancelRecovery(), signer=SERVICE))


def test_a_watchtower_cancels_and_does_nothing_else() -> None:
    """It stops a false recovery; who guards the account stays the owner's to say."""
    world = World()
    assert world.do(world.tx(OWNER, approve(SERVICE, world))) == [0]
    assert world.approve() == [0]
    guardians = SetGuardians((OTHER.address,), 1, DELAY_MS)
    for leg in (guardians, SetSwitch(0), approve(AGENTS[1], world)):
        mixed = world.tx(OWNER, CancelRecovery(), leg, signer=SERVICE)
        world.require(errors.AgentScope, mixed)
    assert world.do(world.tx(OWNER, CancelRecovery(), signer=SERVICE)) == [0]
    late = world.tx(ANYBODY, FINISH)
    assert world.do(late, after_ms=DELAY_MS) == [errors.NoRecovery.code]
    assert world.state.get_account(OWNER.address).key == OWNER.address
