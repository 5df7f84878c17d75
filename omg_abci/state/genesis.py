"""From the genesis document to the first state.

The document is CometBFT's ``app_state``, parsed by the shell; docs/architecture.md has its form.
Whatever is missing, unknown, repeated or out of range is refused with the field's name.
"""

from collections.abc import Mapping
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.signing import Domain, compute_no_bridge_domain
from omg_abci.protocol.units import ALL_SCOPES, ZERO_ADDRESS, MarketMode, MarketStatus
from omg_abci.state import schema
from omg_abci.state.genesis_fees import add_fees
from omg_abci.state.genesis_fields import (
    read_address,
    read_entries,
    read_int,
    read_optional,
    require_fields,
)
from omg_abci.state.genesis_staking import add_staking, require_power_fits
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BalanceRecord,
    BlockRecord,
    MarketRecord,
    TokenRecord,
)

Records = dict[bytes, bytes]

_REQUIRED: Final = ("fee_token", "unit_price", "root_interval", "tokens", "markets", "balances")
_DOMAIN: Final = ("ethereum_chain_id", "verifying_contract")
_OPTIONAL: Final = ("agents", "market_bond", "staking", "fees", *_DOMAIN)
_MARKET_REQUIRED: Final = (
    "id",
    "base",
    "quote",
    "base_unit",
    "quote_unit",
    "lots_min",
    "lots_max",
)
_MARKET_OPTIONAL: Final = ("mode", "band_bp", "auction_ms", "opens_ms", "creator")
_MODES: Final = {
    "continuous": int(MarketMode.CONTINUOUS),
    "batch": int(MarketMode.BATCH),
}
_MARKET_ID_MAX: Final = limits.U32_MAX >> 1
"""The other half of the ids is for markets that are created later: they are never used again."""
_TOKEN_ID_MAX: Final = limits.CREATED_TOKEN_FIRST - 1
"""The other half of the ids is for tokens that are created later."""


def build_genesis(
    chain_id: str, document: Mapping[str, object]
) -> tuple[list[tuple[bytes, bytes]], Domain]:
    """Return the records, ascending by key, and the signing domain; raise `GenesisError`."""
    if not 1 <= len(chain_id.encode()) <= limits.CHAIN_ID_BYTES_MAX:
        raise GenesisError(f"chain id {chain_id!r} is empty or longer than 16 bytes")
    require_fields("genesis", document, _REQUIRED, _OPTIONAL)
    domain = _read_domain(chain_id, document)
    records: Records = {}
    supplies = _add_balances(records, document)
    fee_token = read_int(document, "fee_token", 1, limits.U32_MAX)
    bonded = add_staking(records, document)
    if bonded:
        supplies[fee_token] = supplies.get(fee_token, 0) + bonded
    tokens = _add_tokens(records, document, supplies)
    next_market = _add_markets(records, document, tokens)
    _add_agents(records, document)
    if fee_token not in tokens:
        raise GenesisError(f"fee_token {fee_token} is not among the tokens")
    require_power_fits(records, supplies.get(fee_token, 0))
    bond = read_optional(document, "market_bond", 0, limits.AMOUNT_MAX, limits.MARKET_BOND_DEFAULT)
    records[schema.BLOCK] = BlockRecord(
        0,
        0,
        compute_keccak(chain_id.encode()),
        0,
        read_int(document, "unit_price", 1, limits.U64_MAX),
        fee_token,
        read_int(document, "root_interval", 1, limits.ROOT_INTERVAL_MAX),
        next_market=next_market,
        market_bond=bond,
    ).encode()
    add_fees(records, document)
    return sorted(records.items()), domain


def _read_domain(chain_id: str, document: Mapping[str, object]) -> Domain:
    given = [name for name in _DOMAIN if name in document]
    if not given:
        return compute_no_bridge_domain(chain_id)
    if len(given) == 1:
        raise GenesisError("ethereum_chain_id and verifying_contract go together")
    ethereum_chain_id = read_int(document, "ethereum_chain_id", 1, limits.U64_MAX)
    return Domain(chain_id, ethereum_chain_id, read_address(document, "verifying_contract"))


def _add_balances(records: Records, document: Mapping[str, object]) -> dict[int, int]:
    """Write the balances; return each token's sum."""
    supplies: dict[int, int] = {}
    for entry in read_entries(document, "balances"):
        require_fields("balances", entry, ("owner", "token", "amount"), ("subaccount",))
        owner = read_address(entry, "owner")
        token = read_int(entry, "token", 1, limits.U32_MAX)
        amount = read_int(entry, "amount", 1, limits.AMOUNT_MAX)
        subaccount = 0
        if "subaccount" in entry:
            subaccount = read_int(entry, "subaccount", 0, limits.SUBACCOUNT_MAX)
        key = schema.compute_balance_key(owner, subaccount, token)
        if key in records:
            raise GenesisError(f"balances: 0x{owner.hex()} has token {token} twice")
        records[key] = BalanceRecord(amount, 0).encode()
        supplies[token] = supplies.get(token, 0) + amount
    return supplies


def _add_tokens(
    records: Records, document: Mapping[str, object], supplies: Mapping[int, int]
) -> list[int]:
    tokens: list[int] = []
    for entry in read_entries(document, "tokens"):
        require_fields("tokens", entry, ("id", "symbol", "decimals"), ())
        token = read_int(entry, "id", 1, _TOKEN_ID_MAX)
        symbol = entry["symbol"]
        if not isinstance(symbol, str) or not 1 <= len(symbol.encode()) <= limits.SYMBOL_BYTES_MAX:
            raise GenesisError(f"tokens: symbol {symbol!r} is not 1 to 16 bytes of text")
        if token in tokens:
            raise GenesisError(f"tokens: id {token} stands twice")
        supply = supplies.get(token, 0)
        if supply > limits.AMOUNT_MAX:
            raise GenesisError(f"tokens: the balances of {token} add up to more than 2^128 - 1")
        decimals = read_int(entry, "decimals", 0, limits.DECIMALS_MAX)
        records[schema.compute_token_key(token)] = TokenRecord(decimals, supply, symbol).encode()
        tokens.append(token)
    for token in sorted(supplies):
        if token not in tokens:
            raise GenesisError(f"balances: token {token} is not among the tokens")
    return tokens


def _add_markets(records: Records, document: Mapping[str, object], tokens: list[int]) -> int:
    """Write the markets; return the id that the next market gets."""
    entries = read_entries(document, "markets")
    if len(entries) > limits.MARKETS_MAX:
        raise GenesisError(f"markets: more than {limits.MARKETS_MAX}")
    greatest = 0
    for entry in entries:
        require_fields("markets", entry, _MARKET_REQUIRED, _MARKET_OPTIONAL)
        market = read_int(entry, "id", 1, _MARKET_ID_MAX)
        key = schema.compute_market_key(market)
        if key in records:
            raise GenesisError(f"markets: id {market} stands twice")
        records[key] = _read_market(entry, market, tokens).encode()
        greatest = max(greatest, market)
    return greatest + 1


def _read_market(entry: Mapping[str, object], market: int, tokens: list[int]) -> MarketRecord:
    base = read_int(entry, "base", 1, limits.U32_MAX)
    quote = read_int(entry, "quote", 1, limits.U32_MAX)
    if base == quote or base not in tokens or quote not in tokens:
        raise GenesisError(f"markets: {market} needs two different tokens that exist")
    mode = entry.get("mode", "continuous")
    if not isinstance(mode, str) or mode not in _MODES:
        raise GenesisError(f"mode: {mode!r} is neither continuous nor batch")
    band_bp = read_optional(entry, "band_bp", 0, limits.BAND_MAX_BP, 0)
    if 0 < band_bp < limits.BAND_MIN_BP:
        raise GenesisError(f"band_bp: {band_bp} is neither 0 nor at least {limits.BAND_MIN_BP}")
    opens_ms = read_optional(entry, "opens_ms", 0, limits.U64_MAX, 0)
    lots_min = read_int(entry, "lots_min", 1, limits.QUANTITY_LOTS_MAX)
    return MarketRecord(
        base,
        quote,
        read_int(entry, "base_unit", 1, limits.AMOUNT_MAX),
        read_int(entry, "quote_unit", 1, limits.AMOUNT_MAX),
        lots_min,
        read_int(entry, "lots_max", lots_min, limits.QUANTITY_LOTS_MAX),
        MarketStatus.AUCTION if opens_ms else MarketStatus.ACTIVE,
        mode=_MODES[mode],
        band_bp=band_bp,
        auction_ms=read_optional(
            entry,
            "auction_ms",
            limits.AUCTION_MIN_MS,
            limits.AUCTION_MAX_MS,
            limits.AUCTION_DEFAULT_MS,
        ),
        creator=read_address(entry, "creator") if "creator" in entry else ZERO_ADDRESS,
        until_ms=opens_ms,
    )


def _add_agents(records: Records, document: Mapping[str, object]) -> None:
    counts: dict[bytes, int] = {}
    for entry in read_entries(document, "agents") if "agents" in document else ():
        require_fields("agents", entry, ("owner", "agent", "scope", "expires_ms"), ())
        owner, agent = read_address(entry, "owner"), read_address(entry, "agent")
        scope = read_int(entry, "scope", 1, ALL_SCOPES)
        expires_ms = read_int(entry, "expires_ms", 1, limits.U64_MAX)
        key = schema.compute_agent_key(owner, agent)
        if key in records or owner == agent:
            raise GenesisError(f"agents: 0x{agent.hex()} stands twice or is its own owner")
        records[key] = AgentRecord(scope, expires_ms).encode()
        counts[owner] = counts.get(owner, 0) + 1
    for owner, count in counts.items():
        if count > limits.AGENTS_MAX:
            raise GenesisError(f"agents: 0x{owner.hex()} has more than {limits.AGENTS_MAX}")
        record = AccountRecord(0, 0, 0, 0, count)
        records[schema.compute_account_key(owner)] = record.encode()
