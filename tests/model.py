"""The oracle: the state machine written the plainest way, from docs/spec and nothing else.

Plain dictionaries, every list sorted when it is asked for, every sum added up anew, every undoing
a copy that was made before. It imports the vocabulary only, never what it judges.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.messages import (
    TRADE_MESSAGES,
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelRecovery,
    FinishRecovery,
    Message,
    Pay,
    PayRequest,
    PlaceOrder,
    SetSwitch,
    SignedTx,
    StartRecovery,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.results import Event, LegResult, TxResult
from omg_abci.protocol.signing import Domain, compute_no_bridge_domain
from omg_abci.protocol.units import MarketMode, MarketStatus, OrderType, Scheme
from tests.model_fee_state import read_fees
from tests.model_fees import end_fees, settle_payers
from tests.model_legs import do_leg
from tests.model_mass import work_end, work_start
from tests.model_offers import list_offer_refusals, reserve, settle
from tests.model_recovery import find_key
from tests.model_sponsors import find_payer, list_sponsor_refusals, make_fee
from tests.model_stake_blocks import begin_staking, compute_held, end_staking
from tests.model_stake_state import read_stake
from tests.model_state import NOBODY, Market, Refused, State, Token
from tests.model_work import compute_base_work, compute_declared_work, compute_used_work

_TRADE_SCOPE, _PAY_SCOPE, _RECOVER_SCOPE = 1, 2, 4


class Applied(NamedTuple):
    """What a block did: a result a transaction, what happened outside of them, who signs next."""

    results: list[TxResult]
    events: list[Event]
    updates: list[ValidatorUpdate]


class Model:
    """The chain from its genesis document on."""

    def __init__(self, chain_id: str, document: Mapping[str, Any]) -> None:
        """Read a valid genesis document (docs/architecture.md)."""
        self.domain = compute_no_bridge_domain(chain_id)
        if "ethereum_chain_id" in document:
            contract = bytes.fromhex(document["verifying_contract"][2:])
            self.domain = Domain(chain_id, document["ethereum_chain_id"], contract)
        self.state = State(
            chain_id,
            compute_keccak(chain_id.encode()),
            int(document["unit_price"]),
            document["fee_token"],
            document["root_interval"],
            int(document.get("market_bond", limits.MARKET_BOND_DEFAULT)),
        )
        for row in document["balances"]:
            key = (bytes.fromhex(row["owner"][2:]), row["subaccount"], row["token"])
            self.state.add_free(key, int(row["amount"]))
        self.state.stake = read_stake(document)
        self.state.fees = read_fees(document)
        bonded = compute_held(self.state.stake)
        for row in document["tokens"]:
            supply = sum(n for (_, _, token), n in self.state.free.items() if token == row["id"])
            supply += bonded if row["id"] == document["fee_token"] else 0
            self.state.tokens[row["id"]] = Token(row["decimals"], supply, row["symbol"])
        for row in document["markets"]:
            self.state.markets[row["id"]] = make_market(row)
            self.state.next_market = max(self.state.next_market, row["id"] + 1)
        for row in document["agents"]:
            pair = (bytes.fromhex(row["owner"][2:]), bytes.fromhex(row["agent"][2:]))
            self.state.agents[pair] = (row["scope"], row["expires_ms"])

    def records(self) -> dict[bytes, bytes]:
        """Return the complete state as docs/spec/state.md encodes it."""
        return self.state.encode()

    # --- what may enter a block ---------------------------------------------------------------

    def list_refusals(
        self, tx: SignedTx, height: int, time_ms: int, block: Sequence[SignedTx] = ()
    ) -> list[int]:
        """Return every code that speaks against including the transaction, fees aside.

        `block` holds the transactions it would share the block with.
        """
        body = tx.body
        kept = self.state.nonces.get(tx.signer, ())
        before = [
            each.body.nonce
            for each in block
            if (each.signer, each.body.owner) == (tx.signer, body.owner)
        ]
        oldest = time_ms - limits.NONCE_AGE_MAX_MS
        late = 0 < body.valid_until_ms <= time_ms or 0 < body.valid_until_height < height
        found: list[type[errors.TxError]] = []
        if body.nonce <= oldest:
            found.append(errors.StaleNonce)
        if body.nonce > time_ms + limits.NONCE_AHEAD_MAX_MS:
            found.append(errors.NonceAhead)
        if body.nonce in kept:
            found.append(errors.NonceUsed)
        if late:
            found.append(errors.TxExpired)
        if body.max_unit_price < self.state.unit_price:
            found.append(errors.UnitPriceTooLow)
        if compute_declared_work(tx) > limits.BLOCK_WORK_MAX:
            found.append(errors.TooDear)
        if body.after and body.after not in (*kept, *before):
            found.append(errors.AfterNotExecuted)
        found += self.list_key_refusals(tx, time_ms)
        return [each.code for each in found]

    def list_key_refusals(self, tx: SignedTx, time_ms: int) -> list[type[errors.TxError]]:
        """Return what speaks against the key that signed."""
        owner, key = tx.body.owner, find_key(self.state, tx.body.owner)
        if tx.signer == owner:
            return [] if key == owner else [errors.KeyReplaced]
        if tx.signer == key:
            return [] if tx.scheme == Scheme.TYPED else [errors.OwnKeyRaw]
        return self.list_agent_refusals(tx, time_ms)

    def list_agent_refusals(self, tx: SignedTx, time_ms: int) -> list[type[errors.TxError]]:
        """Return what speaks against an agent's signature before the block."""
        approval = self.state.agents.get((tx.body.owner, tx.signer))
        if approval is None:
            return [errors.NotAnAgent]
        found: list[type[errors.TxError]] = []
        if approval[1] <= time_ms:
            found.append(errors.AgentExpired)
        if not is_covered(approval[0], tx.body.legs):
            found.append(errors.AgentScope)
        return found

    def check_tx(self, tx: SignedTx, height: int, time_ms: int) -> list[int]:
        """Return every code that speaks against taking the transaction into the pool."""
        found = self.list_refusals(tx, height, time_ms)
        return found + self.list_fee_refusals(tx, time_ms)

    def list_unpaid(self, txs: Sequence[SignedTx]) -> list[bytes]:
        """Return the payers whose free balance does not cover the declared work."""
        fees = self.compute_fees(txs)
        return [who for who, fee in fees.items() if self.state.get_free(self.payer(who)) < fee]

    def list_fee_refusals(
        self, tx: SignedTx, time_ms: int, others: Sequence[SignedTx] = ()
    ) -> list[int]:
        """Return what speaks against the payer's paying beside the others' fees."""
        fee, *rest = (make_fee(each, self.compute_fee(each)) for each in (tx, *others))
        if fee.payer != fee.owner:
            list_refusals = list_offer_refusals if fee.use else list_sponsor_refusals
            return [each.code for each in list_refusals(self.state, time_ms, fee, rest)]
        unpaid = fee.payer in self.list_unpaid([tx, *others])
        return [errors.FeesNotCovered.code] if unpaid else []

    def compute_fee(self, tx: SignedTx) -> int:
        """Return the price of a transaction's declared work."""
        return compute_declared_work(tx) * self.state.unit_price

    def compute_fees(self, txs: Sequence[SignedTx]) -> dict[bytes, int]:
        """Return the price of the declared work that each payer pays."""
        fees: dict[bytes, int] = {}
        for tx in txs:
            payer = find_payer(tx)
            fees[payer] = fees.get(payer, 0) + self.compute_fee(tx)
        return fees

    def payer(self, owner: bytes) -> tuple[bytes, int, int]:
        """Return the balance that pays an owner's fees."""
        return owner, 0, self.state.fee_token

    def validate_block(self, height: int, time_ms: int, txs: Sequence[SignedTx]) -> str | None:
        """Return why the block is not valid, None when it is."""
        if len(txs) > limits.BLOCK_TXS_MAX:
            return "too many transactions"
        if sum(len(tx.raw) for tx in txs) > limits.BLOCK_BYTES_MAX:
            return "too many bytes"
        for tx in txs:
            refusals = self.list_refusals(tx, height, time_ms, txs)
            if refusals:
                return f"transaction refused: {refusals}"
        used = [(tx.signer, tx.body.nonce) for tx in txs]
        if any(used.count(each) > 1 for each in used):
            return "a nonce is used twice"
        signers = [tx.signer for tx in txs]
        if any(signers.count(each) > limits.SIGNER_TXS_PER_BLOCK_MAX for each in signers):
            return "too many transactions of a signer"
        if sum(compute_declared_work(tx) for tx in txs) > limits.BLOCK_WORK_MAX:
            return "too much work"
        for place, tx in enumerate(txs):
            if self.list_fee_refusals(tx, time_ms, txs[:place]):
                return "fees are not covered"
        if self.list_unpaid(txs):
            return "fees are not covered"
        if list(txs) != self.order_block(txs):
            return "not in the canonical order"
        return None

    def order_block(self, txs: Sequence[SignedTx]) -> list[SignedTx]:
        """Return the transactions in the order of the next block."""
        return order_block(self.state.block_hash, txs)

    # --- what a block does --------------------------------------------------------------------

    def apply_block(
        self,
        height: int,
        time_ms: int,
        block_hash: bytes,
        txs: Sequence[SignedTx],
        votes: Sequence[Vote] = (),
        offences: Sequence[Offence] = (),
    ) -> Applied:
        """Execute a valid block."""
        state = self.state
        if 0 < state.now < time_ms - limits.CHAIN_HALT_MS:
            state.post_only_until = time_ms + limits.POST_ONLY_MS
        state.height, state.now, state.placed, state.events = height, time_ms, 0, []
        begin_staking(state, votes, offences)
        work_start(state)
        settle_payers(state, sorted({find_payer(tx) for tx in txs}))
        state.terms = state.offers.copy()
        state.unpaid = [make_fee(tx, self.compute_fee(tx)) for tx in txs]
        for fee in state.unpaid:
            reserve(state, fee)
        results = [self.execute_tx(tx) for tx in txs]
        work_end(self.state)
        end_fees(self.state, txs, results)
        updates = end_staking(self.state)
        self.state.block_hash = block_hash
        return Applied(results, self.state.events, updates)

    def execute_tx(self, tx: SignedTx) -> TxResult:
        """Use the nonce, do the legs, settle the fee."""
        body = tx.body
        self.use_nonce(tx.signer, body.nonce)
        before = self.state.copy() if body.atomic else self.state
        error = self.find_lost_right(tx)
        if error is not None:
            legs, work = [LegResult(code=error.code) for _ in body.legs], 0
        else:
            legs, work = self.execute_legs(tx)
        failed = [leg.code for leg in legs if leg.code]
        code = failed[0] if failed and (body.atomic or len(failed) == len(legs)) else 0
        if body.atomic and failed:
            self.state = before
            own = [one for one in failed if one != errors.LegsRolledBack.code]
            code = own[0]
        work += compute_base_work(tx)
        fee = work * self.state.unit_price
        settle(self.state, self.state.unpaid.pop(0), fee)
        return TxResult(code, tuple(legs), work, fee)

    def find_lost_right(self, tx: SignedTx) -> type[errors.LegError] | None:
        """Return what happened to the signer's right before it in the block."""
        owner, key = tx.body.owner, find_key(self.state, tx.body.owner)
        if tx.signer == owner:
            return None if key == owner else errors.KeyReplacedBefore
        if tx.signer == key and tx.scheme == Scheme.TYPED:
            return None
        approval = self.state.agents.get((owner, tx.signer), (0, 0))
        return None if is_covered(approval[0], tx.body.legs) else errors.AgentRevoked

    def execute_legs(self, tx: SignedTx) -> tuple[list[LegResult], int]:
        """Return each leg's result and the work they used; an atomic failure stops."""
        body = tx.body
        default_until = body.valid_until_ms or body.nonce + limits.NONCE_AGE_MAX_MS
        own = (body.owner, find_key(self.state, body.owner))
        agent = None if tx.signer in own else tx.signer
        results: list[LegResult] = []
        work = 0
        for place, leg in enumerate(body.legs):
            try:
                result, steps = do_leg(self.state, body.owner, leg, default_until, agent)
            except Refused as refused:
                result, steps = refused.result, refused.steps
            work += compute_used_work(leg, steps)
            results.append(result)
            if result.code and body.atomic:
                rolled_back = LegResult(code=errors.LegsRolledBack.code)
                results = [rolled_back] * len(body.legs)
                results[place] = LegResult(code=result.code)
                break
        return results, work

    def use_nonce(self, signer: bytes, nonce: int) -> None:
        """Keep a nonce, and forget the oldest pages of those that are too old to come again."""
        kept = sorted([*self.state.nonces.get(signer, ()), nonce])
        oldest = self.state.now - limits.NONCE_AGE_MAX_MS
        pages = sorted({each // 1_024 for each in kept})
        old = [page for page in pages if page * 1_024 + 1_023 <= oldest]
        forgotten = old[: limits.NONCE_PAGES_PRUNED]
        self.state.nonces[signer] = tuple(n for n in kept if n // 1_024 not in forgotten)


def make_market(row: Mapping[str, Any]) -> Market:
    """Return a market as a row of the genesis document has it."""
    opens_ms = row.get("opens_ms", 0)
    return Market(
        row["base"],
        row["quote"],
        int(row["base_unit"]),
        int(row["quote_unit"]),
        row["lots_min"],
        row["lots_max"],
        MarketMode.BATCH if row.get("mode") == "batch" else MarketMode.CONTINUOUS,
        row.get("band_bp", 0),
        row.get("auction_ms", limits.AUCTION_DEFAULT_MS),
        bytes.fromhex(row["creator"][2:]) if "creator" in row else NOBODY,
        status=MarketStatus.AUCTION if opens_ms else MarketStatus.ACTIVE,
        until_ms=opens_ms,
    )


def is_covered(scope: int, legs: Sequence[Message]) -> bool:
    """Tell whether a scope covers every leg."""
    covered: tuple[type[Message], ...] = ()
    if scope & _TRADE_SCOPE:
        covered += TRADE_MESSAGES
    if scope & _PAY_SCOPE:
        covered += (Transfer, Pay, PayRequest)
    if scope & _RECOVER_SCOPE:
        covered += (StartRecovery, CancelRecovery, FinishRecovery)
    if covered:
        covered += (UseSponsorship,)  # an agent could name an offer of its own
    return all(isinstance(each, covered) for each in legs)


# --- order ------------------------------------------------------------------------------------


def compute_own_class(tx: SignedTx) -> int:
    """Return 0 for cancels only, 1 for what can only rest or wait, else 2."""
    return max(compute_leg_class(leg) for leg in tx.body.legs)


def compute_leg_class(leg: Message) -> int:
    """Return the class of a transaction of this leg alone."""
    match leg:
        case CancelOrder() | CancelAll() | SetSwitch() | UseSponsorship() | UseFeeOffer():
            return 0
        case PlaceOrder():
            waits = leg.order_type in {OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT}
            return 1 if waits or leg.post_only else 2
        case AmendOrder():
            return 2 if leg.price else 1
        case _:
            return 2


def order_block(previous_hash: bytes, txs: Sequence[SignedTx]) -> list[SignedTx]:
    """Return the transactions in the canonical order."""

    def compute_place(tx: SignedTx) -> tuple[int, bytes, int, bytes]:
        mine = (tx.body.nonce, tx.signer)
        classes = [
            compute_own_class(each)
            for each in txs
            if each.body.owner == tx.body.owner and (each.body.nonce, each.signer) <= mine
        ]
        return max(classes), compute_keccak(previous_hash + tx.body.owner), *mine

    return sorted(txs, key=compute_place)
