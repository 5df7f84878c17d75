"""The chains of `omgd simulate`: drawn rounds, and what the oracle says that each must do.

A seed and a chapter's number say everything. Orders, accounts and stake are drawn by the sources of
the other seeded tests; here they share blocks, and each block is surrounded by hostile twins.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from random import Random
from typing import Any

from omg_abci.protocol import limits
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_keccak, compute_sha256
from omg_abci.protocol.messages import SignedTx
from omg_abci.simulation.rounds import Decision, Expected, Question, Round, describe_answers
from tests.cast import CHAIN_ID, START_MS
from tests.invariants import check_invariants, check_ladder
from tests.model import Model
from tests.model_work import compute_declared_work
from tests.random_plans import PlanSource
from tests.random_recoveries import RecoverySource
from tests.random_stakes import StakeSource
from tests.random_wallets import WalletSource
from tests.seeded_runs import draw_bounds
from tests.side_by_side import WALLET_LIMITS, choose_key, narrowed
from tests.simulated_payer_aims import PayerAimSource
from tests.simulated_twins import FORMAT_TWINS, TwinMaker
from tests.strategies import TxPlan, make_body, sign_body
from tests.tree_model import compute_root

TXS_MAX, LEGS_MAX = 7, 8
_PRICE_HIGH = 1 << 40
_FORMAT_TWINS_A_BLOCK = 5
_NARROW_WALLETS = 0.5
_AIMED = 0.5
"""The share of blocks with a transaction that aims at something rare."""
_KINDS = ("fees", "wallets", "staking", "exchange")
"""What the chapters of a run are about, in turn: stakers who vote on fees; providers and payments;
stake with fixed fees; trading. Wallets trade as well, and are in some of the others."""


class SimulatedWorld:
    """One chain of a run."""

    def __init__(self, seed: int, chapter: int) -> None:
        """Draw what the chain is."""
        self.random = Random(f"world {seed} {chapter}")
        self.chain_id = CHAIN_ID
        self.kind = _KINDS[(seed + chapter) % len(_KINDS)]
        self.plans = self._choose_plans(seed + chapter)
        self.stakes = self._choose_stakes()
        self.genesis: dict[str, Any] = dict(self.plans.genesis)
        if self.has_stake:
            self.genesis |= {
                name: self.stakes.genesis[name]
                for name in ("staking", "fees")
                if name in self.stakes.genesis
            }
        if self.has_stake and (seed + chapter) // len(_KINDS) % 2 == 0:
            self._be_careless()
        elif self.has_stake:
            self.stakes.guilty = 0.05
        self.bounds = draw_bounds(self.random.getrandbits(32))
        if self.random.random() < _NARROW_WALLETS:
            self.bounds |= WALLET_LIMITS
        if self.random.random() < 0.5:
            self.bounds["CANDIDATES_MAX"] = self.random.choice([2, 3])
        self.model = Model(CHAIN_ID, self.genesis)
        self.time_ms, self.height = START_MS, 0
        self.records = self.model.records()
        self.diff_hash = sha256(b"OMG genesis v1" + encode_diff(sorted(self.records.items())))
        self.roots = {0: compute_root(self.records)}
        self.app_hash = self._compute_app_hash()
        self.previous: list[SignedTx] = []
        self.drawn: list[SignedTx] = []
        self.twins = TwinMaker(self.random, self.model)
        self.aims = PayerAimSource(self.random, self.model)
        self.format_turn = chapter * 60 * _FORMAT_TWINS_A_BLOCK

    @property
    def has_stake(self) -> bool:
        """Tell whether the chain has stakers."""
        return self.kind in {"fees", "staking"}

    def _choose_plans(self, turn: int) -> PlanSource:
        """Return what draws orders, of wallets as well in the chapters about them and some more."""
        round_ = turn // len(_KINDS)
        wallets = self.kind == "wallets" or (self.has_stake and round_ % 3 == 0)
        source = WalletSource if wallets else PlanSource
        if self.kind == "wallets" and round_ % 3:
            source = RecoverySource
        return source(self.random.getrandbits(32))

    def _choose_stakes(self) -> StakeSource:
        """Return a source whose chain votes on fees, or one whose chain does not."""
        while True:
            source = StakeSource(self.random.getrandbits(32))
            if ("fees" in source.genesis) == (self.kind == "fees"):
                return source

    def _be_careless(self) -> None:
        """Let validators be away often, and slash them so little that shares stay near tokens."""
        self.stakes.away, self.stakes.guilty = 0.4, 0.0
        self.genesis["staking"] = self.genesis["staking"] | {"downtime_bp": 1}

    def narrow(self) -> AbstractContextManager[None]:
        """Let the limits be narrow in this process."""
        return narrowed(self.bounds)

    # --- drawing ------------------------------------------------------------------------------

    def draw(self) -> Round:
        """Draw the next block, its rivals and the hostile twins around it."""
        pick = self.random
        plan = self.plans.draw_block(TXS_MAX, LEGS_MAX)
        height, time_ms = self.height + 1, self.time_ms + plan.ahead_ms
        plans = [] if pick.random() < 0.04 else [self._afford(each) for each in plan.txs]
        if pick.random() < (0.7 if self.has_stake else 0.1):
            plans += [self._afford(each) for each in self.stakes.draw_block().txs[:8]]
        if pick.random() < _AIMED:
            plans += self.aims.draw(time_ms)
        drawn = [self.sign(each, time_ms) for each in plans]
        chosen = self.fill(height, time_ms, drawn)
        self.drawn = self.model.order_block(chosen)
        questions = [self._ask(height, time_ms, tx, "valid") for tx in drawn]
        questions += [self._ask(height, time_ms, tx, "replayed") for tx in self.previous[:3]]
        hostile = self.twins.draw(height, time_ms, self.drawn)
        questions += [self._ask(height, time_ms, tx, name) for name, tx in hostile]
        questions += self._draw_format_twins()
        unfit = [
            tx
            for tx in drawn
            if tx not in chosen and self.model.list_fee_refusals(tx, time_ms, chosen)
        ]
        told = self._draw_facts(height)
        decided = self._decide(height, time_ms, b"block", self.drawn, told)
        refused = [tx for _, tx in hostile if self.model.list_refusals(tx, height, time_ms)]
        pick.shuffle(refused)
        return Round(
            tuple(questions),
            tuple(self._draw_invalid(decided, unfit, refused)),
            self._draw_rival(height, time_ms, told),
            decided,
            tuple(type(leg).__name__ for tx in self.drawn for leg in tx.body.legs),
        )

    def _afford(self, plan: TxPlan) -> TxPlan:
        """Return the plan with a limit above the price, where the price moves, most of the time."""
        if self.kind == "fees" and self.random.random() < 0.95:
            return plan._replace(max_unit_price=_PRICE_HIGH)
        return plan

    def sign(self, plan: TxPlan, time_ms: int) -> SignedTx:
        """Return a planned transaction, aimed at the orders that its owner has now."""
        open_ids = [number for who, number in self.model.state.orders if who == plan.owner.address]
        body = make_body(plan, time_ms, sorted(open_ids), self.height + 1)
        signer, typed = choose_key(self.model, plan)
        return sign_body(body, signer, typed=typed)

    def fill(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return what the oracle lets into a block."""
        chosen: list[SignedTx] = []
        for tx in sorted(txs, key=lambda each: (each.body.nonce, each.signer, each.raw)):
            if self._fits(height, time_ms, tx, chosen):
                chosen.append(tx)
        return chosen

    def _fits(self, height: int, time_ms: int, tx: SignedTx, others: Sequence[SignedTx]) -> bool:
        same = [each for each in others if each.signer == tx.signer]
        work = sum(compute_declared_work(each) for each in (*others, tx))
        return (
            len(same) < limits.SIGNER_TXS_PER_BLOCK_MAX
            and tx.body.nonce not in [each.body.nonce for each in same]
            and work <= limits.BLOCK_WORK_MAX
            and not self.model.list_refusals(tx, height, time_ms, others)
            and not self.model.list_fee_refusals(tx, time_ms, others)
            and not self.model.list_unpaid([*others, tx])
        )

    def _ask(self, height: int, time_ms: int, tx: SignedTx, twin: str) -> Question:
        codes = self.model.check_tx(tx, height, time_ms)
        return Question(tx.raw, tuple(codes), twin, type(tx.body.legs[0]).__name__)

    def _draw_format_twins(self) -> list[Question]:
        """Return some malformed transactions, all of them in turn."""
        found: list[Question] = []
        for _ in range(_FORMAT_TWINS_A_BLOCK):
            bad = FORMAT_TWINS[self.format_turn % len(FORMAT_TWINS)]
            found.append(Question(bad.raw, (bad.code,), "malformed", bad.kind))
            self.format_turn += 1
        return found

    def _draw_facts(self, height: int) -> tuple[tuple[Vote, ...], tuple[Offence, ...]]:
        """Draw what consensus tells."""
        votes = self.stakes.draw_votes(self.model.state) if self.height else ()
        return votes, self.stakes.draw_offences(height)

    def _decide(
        self,
        height: int,
        time_ms: int,
        name: bytes,
        txs: Sequence[SignedTx],
        told: tuple[tuple[Vote, ...], tuple[Offence, ...]],
    ) -> Decision:
        block_hash = compute_sha256(b"%s %d" % (name, height))
        return Decision(height, time_ms, block_hash, tuple(tx.raw for tx in txs), *told)

    def _draw_invalid(
        self, decided: Decision, unfit: Sequence[SignedTx], refused: Sequence[SignedTx]
    ) -> list[Decision]:
        """Return blocks that no rule lets pass: a refused transaction, another order, a repeat.

        What is `unfit` could be in a block alone, and not beside the others.
        """
        found = [(*decided.raws, tx.raw) for tx in unfit[:1]]
        chance = self.random.random()
        if refused and chance < 0.3:
            found.append((*decided.raws, refused[0].raw))
        if len(decided.raws) > 1 and 0.2 < chance < 0.5:
            found.append(decided.raws[::-1])
        if decided.raws and 0.4 < chance < 0.6:
            found.append((*decided.raws, decided.raws[0]))
        place = compute_sha256(b"invalid %d" % decided.height)
        return [decided._replace(raws=raws, block_hash=place) for raws in found]

    def _draw_rival(
        self, height: int, time_ms: int, told: tuple[tuple[Vote, ...], tuple[Offence, ...]]
    ) -> Decision | None:
        """Return another valid block of the height, if every second transaction makes one."""
        txs = self.model.order_block(self.drawn[::2])
        if self.model.validate_block(height, time_ms + 1, txs) is not None:
            return None
        return self._decide(height, time_ms + 1, b"rival", txs, told)

    # --- settling -----------------------------------------------------------------------------

    def settle(self, decided: Decision) -> Expected:
        """Do the drawn block on the oracle; return what everybody must have done."""
        height, time_ms, block_hash, _, votes, offences = decided
        assert self.model.validate_block(height, time_ms, self.drawn) is None
        applied = self.model.apply_block(height, time_ms, block_hash, self.drawn, votes, offences)
        before, after = self.records, self.model.records()
        changed = sorted(key for key in before | after if before.get(key) != after.get(key))
        diff = tuple((key, after.get(key)) for key in changed)
        self.diff_hash = sha256(self.diff_hash.digest() + encode_diff(diff))
        self.records, self.height, self.time_ms = after, height, time_ms
        self.previous = self.drawn
        if height % self.genesis["root_interval"] == 0:
            self.roots[height] = compute_root(after)
        self.app_hash = self._compute_app_hash()
        check_ladder(self.model.state)
        check_invariants(self.model.state)
        answers = describe_answers(applied.results, applied.events, applied.updates)
        return Expected(
            answers | {"diff_hash": self.diff_hash.hexdigest()},
            self.app_hash,
            self._get_root(),
            diff,
            sha256(encode_diff(sorted(after.items()))).digest(),
            tuple(applied.results),
            tuple(applied.events),
        )

    def _get_root(self) -> bytes:
        """Return the root in the app hash: of the last interval's state but one."""
        interval: int = self.genesis["root_interval"]
        return self.roots[max(0, self.height // interval - 1) * interval]

    def _compute_app_hash(self) -> bytes:
        return compute_keccak(self._get_root() + self.diff_hash.digest() + bytes(32))


def encode_diff(diff: Sequence[tuple[bytes, bytes | None]]) -> bytes:
    """Return the bytes of a diff as docs/spec/state.md has them."""
    out = b""
    for key, value in diff:
        size = 0 if value is None else len(value) + 1
        out += len(key).to_bytes(2, "big") + key + size.to_bytes(4, "big") + (value or b"")
    return out
