"""Records of the state as JSON, and the keys that people name them by."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.encoding import encode_field
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.identity import Names
from omg_abci.node.commands.output import format_hex
from omg_abci.protocol.parameters import compute_value
from omg_abci.protocol.units import HASH_BYTES
from omg_abci.state import schema
from omg_abci.state.fee_records import (
    EpochRecord,
    FeesRecord,
    ParameterRecord,
    TallyRecord,
    VotesRecord,
)
from omg_abci.state.keyed_records import (
    AllowancesRecord,
    FeeOfferRecord,
    IssueRecord,
    LimitsRecord,
    NextTokenRecord,
    PaymentRecord,
    RequestRecord,
    SponsorshipRecord,
)
from omg_abci.state.recipients import RecipientsRecord
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BalanceRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
    TokenRecord,
    decode_nonce_page,
    decode_tombstone,
)
from omg_abci.state.recovery_records import GuardiansRecord, KeyRecord, RecoveryRecord
from omg_abci.state.stake_records import (
    ConsensusRecord,
    DelegationRecord,
    MovingPoolRecord,
    MovingRecord,
    SigningRecord,
    StakingRecord,
    UnbondingPoolRecord,
    UnbondingRecord,
    ValidatorRecord,
)

_ADDRESSES: Final = (
    "owner",
    "agent",
    "signer",
    "consensus",
    "delegator",
    "validator",
    "source",
    "target",
    "issuer",
    "sponsor",
    "customer",
    "provider",
    "payee",
    "staker",
)

_HEX: Final = (*_ADDRESSES, "pool")


class _Table(NamedTuple):
    """How a table's records are read."""

    parts: Mapping[str, int]
    """What stands in the key, and its bytes."""
    decode: Callable[[bytes], dict[str, Any]]


def _fields(record: Any) -> Callable[[bytes], dict[str, Any]]:  # noqa: ANN401 - a record's class
    return lambda data: dict(record.decode(data)._asdict())


def _decode_tombstone(data: bytes) -> dict[str, Any]:
    return {"until_ms": decode_tombstone(data)}


def _decode_nonces(data: bytes) -> dict[str, Any]:
    """Return the places of the used nonces in their page."""
    bits = decode_nonce_page(data)
    return {"used": [place for place in range(bits.bit_length()) if bits >> place & 1]}


def _decode_missed(data: bytes) -> dict[str, Any]:
    """Return the places of the window whose blocks were missed."""
    bits = SigningRecord.decode(data).missed
    return {"missed": [place for place in range(bits.bit_length()) if bits >> place & 1]}


def _decode_allowances(data: bytes) -> dict[str, Any]:
    """Return what an agent may pay of each token."""
    return _show_rows([row._asdict() for row in AllowancesRecord.decode(data).rows])


def _decode_limits(data: bytes) -> dict[str, Any]:
    """Return what an account may pay of each token."""
    return _show_rows([row._asdict() for row in LimitsRecord.decode(data).rows])


def _show_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows with their amounts in decimal text."""
    amounts = ("left", "daily", "next_daily", "spent")
    return {
        "rows": [
            {name: str(each) if name in amounts else each for name, each in row.items()}
            for row in rows
        ]
    }


def _decode_request(data: bytes) -> dict[str, Any]:
    """Return a payment request; what its payers paid in decimal text."""
    fields = dict(RequestRecord.decode(data)._asdict())
    payers = [{"payer": format_hex(who), "paid": str(paid)} for who, paid in fields["payers"]]
    return fields | {"payers": payers}


def _decode_parameter(data: bytes) -> dict[str, Any]:
    """Return a number that stakers vote on, in decimal text: it may be an amount."""
    return {name: str(each) for name, each in ParameterRecord.decode(data)._asdict().items()}


def _decode_votes(data: bytes) -> dict[str, Any]:
    """Return a staker's votes, each with the value that its step stands for."""
    return {
        "votes": [
            {"parameter": parameter, "step": step, "value": str(compute_value(step))}
            for parameter, step in VotesRecord.decode(data).steps
        ]
    }


def _decode_guardians(data: bytes) -> dict[str, Any]:
    """Return an account's guardians."""
    fields = dict(GuardiansRecord.decode(data)._asdict())
    return fields | {"guardians": [format_hex(each) for each in fields["guardians"]]}


def _decode_recovery(data: bytes) -> dict[str, Any]:
    """Return which key each guardian approved, and which may take effect."""
    fields = dict(RecoveryRecord.decode(data)._asdict())
    approvals = fields["approvals"]
    rows = [{"guardian": format_hex(who), "key": format_hex(key)} for who, key in approvals]
    return fields | {"approvals": rows}


def _decode_recipients(data: bytes) -> dict[str, Any]:
    """Return whom an account pays, and since when."""
    lifts_ms, rows = RecipientsRecord.decode(data)
    shown = [{"recipient": format_hex(who), "since_ms": since_ms} for who, since_ms in rows]
    return {"lifts_ms": lifts_ms, "rows": shown}


_TABLES: Final[dict[bytes, _Table]] = {
    schema.BLOCK: _Table({}, _fields(BlockRecord)),
    schema.TOKEN: _Table({"id": 4}, _fields(TokenRecord)),
    schema.MARKET: _Table({"id": 4}, _fields(MarketRecord)),
    schema.ACCOUNT: _Table({"owner": 20}, _fields(AccountRecord)),
    schema.BALANCE: _Table({"owner": 20, "subaccount": 1, "token": 4}, _fields(BalanceRecord)),
    schema.AGENT: _Table({"owner": 20, "agent": 20}, _fields(AgentRecord)),
    schema.ORDER: _Table({"owner": 20, "client_id": 8}, _fields(OrderRecord)),
    schema.ENDED: _Table({"owner": 20, "slot": 2}, _fields(EndedRecord)),
    schema.TOMBSTONE: _Table({"owner": 20, "client_id": 8}, _decode_tombstone),
    schema.ISSUE: _Table({"token": 4}, _fields(IssueRecord)),
    schema.NEXT_TOKEN: _Table({}, _fields(NextTokenRecord)),
    schema.PAYMENT: _Table({"owner": 20, "client_id": 8}, _fields(PaymentRecord)),
    schema.ALLOWANCES: _Table({"owner": 20, "agent": 20}, _decode_allowances),
    schema.REQUEST: _Table({"owner": 20, "request": 8}, _decode_request),
    schema.SPONSORSHIP: _Table({"sponsor": 20, "customer": 20}, _fields(SponsorshipRecord)),
    schema.FEE_OFFER: _Table({"provider": 20, "token": 4}, _fields(FeeOfferRecord)),
    schema.LIMITS: _Table({"owner": 20}, _decode_limits),
    schema.GUARDIANS: _Table({"owner": 20}, _decode_guardians),
    schema.RECOVERY: _Table({"owner": 20}, _decode_recovery),
    schema.RECIPIENTS: _Table({"owner": 20}, _decode_recipients),
    schema.KEY: _Table({"owner": 20}, _fields(KeyRecord)),
    schema.NONCES: _Table({"signer": 20, "page": 8}, _decode_nonces),
    schema.STAKING: _Table({}, _fields(StakingRecord)),
    schema.VALIDATOR: _Table({"owner": 20}, _fields(ValidatorRecord)),
    schema.CONSENSUS: _Table({"consensus": 20}, _fields(ConsensusRecord)),
    schema.SIGNING: _Table({"owner": 20}, _decode_missed),
    schema.DELEGATION: _Table({"delegator": 20, "validator": 20}, _fields(DelegationRecord)),
    schema.UNBONDING_POOL: _Table({"validator": 20, "period": 8}, _fields(UnbondingPoolRecord)),
    schema.UNBONDING: _Table(
        {"delegator": 20, "validator": 20, "period": 8}, _fields(UnbondingRecord)
    ),
    schema.MOVING_POOL: _Table(
        {"source": 20, "target": 20, "period": 8}, _fields(MovingPoolRecord)
    ),
    schema.MOVING: _Table({"delegator": 20, "pool": 32}, _fields(MovingRecord)),
    schema.FEES: _Table({}, _fields(FeesRecord)),
    schema.EPOCH: _Table({"number": 8}, _fields(EpochRecord)),
    schema.PARAMETER: _Table({"number": 1}, _decode_parameter),
    schema.VOTES: _Table({"staker": 20, "validator": 20}, _decode_votes),
    schema.TALLY: _Table({"validator": 20, "parameter": 1, "step": 2}, _fields(TallyRecord)),
}


def encode_record(key: bytes, value: bytes | None) -> dict[str, object]:
    """Return a record for JSON, with its key's parts; only these when there is no value."""
    table = _TABLES[key[:1]]
    encoded: dict[str, object] = {"table": schema.TABLES[key[:1]]}
    at = 1
    for name, size in table.parts.items():
        part = key[at : at + size]
        encoded[name] = format_hex(part) if name in _HEX else int.from_bytes(part, "big")
        at += size
    if value is None:
        return encoded
    for name, field in table.decode(value).items():
        is_sum = name == "orders_sum"
        encoded[name] = (
            format_hex(field.to_bytes(32, "big")) if is_sum else encode_field(name, field)
        )
    return encoded


def compute_key(table: str, parts: Sequence[str], names: Names, catalogue: Catalogue) -> bytes:
    """Return the key that people write as a table and its parts; raise CommandError."""
    if table == "key" and len(parts) == 1:
        return _parse_key(parts[0])
    prefix = {name: each for each, name in schema.TABLES.items()}.get(table)
    if prefix is None or len(parts) != len(_TABLES[prefix].parts):
        tables = [
            " ".join([schema.TABLES[each], *(name.upper() for name in known.parts)])
            for each, known in _TABLES.items()
        ]
        raise CommandError(
            "bad_key",
            f"no record is called {' '.join([table, *parts])!r}",
            f"write one of: {', '.join(tables)}, key HEX",
        )
    key = prefix
    for (name, size), text in zip(_TABLES[prefix].parts.items(), parts, strict=True):
        if name in _ADDRESSES:
            key += names.find_address(text)
        elif name == "pool":
            key += _parse_hash(name, text)
        elif name == "token" or table == "token":
            key += catalogue.find_token(text).id.to_bytes(size, "big")
        elif table == "market":
            key += catalogue.find_market(text).id.to_bytes(size, "big")
        else:
            key += _parse_number(name, text, size)
    return key


def _parse_hash(name: str, text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES:
        raise CommandError("bad_key", f"{name} {text!r} is not {HASH_BYTES} bytes in hex")
    return found


def _parse_number(name: str, text: str, size: int) -> bytes:
    most = (1 << 8 * size) - 1
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most
    ):
        raise CommandError("bad_key", f"{name} {text!r} is not a number from 0 to {most}")
    return int(text).to_bytes(size, "big")


def _parse_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if not key or key[:1] not in schema.TABLES:
        raise CommandError("bad_key", f"{text!r} is no state key", "docs/spec/state.md lists them")
    return key
