"""Writes the frozen vectors of each message, from the oracle and never from the rules.

`python -m tests.vectors.make_vectors` writes tests/vectors/<message>/{accepted,rejected}/*.json and
tests/vectors/signing/*.json. A vector holds a genesis document and then one of these:
`blocks` that are valid, with results, hashes and the records after the last; `refused`, a
transaction that may not enter the next block; `malformed`, bytes that are no transaction.
"""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from omg_abci.protocol import codec, limits
from omg_abci.protocol.messages import Message, SignedTx, TxBody
from omg_abci.protocol.results import Activated, Event, LegResult, TxResult
from omg_abci.protocol.signing import (
    compute_digest,
    compute_domain_separator,
    compute_no_bridge_domain,
    compute_typed_data,
)
from omg_abci.protocol.units import Scheme
from tests.model import Model
from tests.strategies import CHAIN_ID, DOMAIN, START_MS, sign_body, sign_unchecked
from tests.vectors.case_types import Case, Malformed, Tx
from tests.vectors.cases import CASES, SAMPLES

FOLDER = Path(__file__).parent
Json = dict[str, Any]


def write_vectors() -> None:
    """Write every vector; take away those that no case makes any more."""
    vectors = compute_vectors()
    for pattern in ("*/accepted/*.json", "*/rejected/*.json", "signing/*.json"):
        for path in FOLDER.glob(pattern):
            if path.relative_to(FOLDER).as_posix() not in vectors:
                path.unlink()
    for name, vector in vectors.items():
        target = FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(vector, indent=1) + "\n", encoding="utf-8")


def compute_vectors() -> dict[str, Json]:
    """Return every vector by its path in this folder."""
    vectors = {}
    for case in CASES:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", case.message.__name__).lower()
        vectors[f"{name}/{case.verdict}/{case.name}.json"] = compute_vector(case)
    for sample in SAMPLES:
        vectors[f"signing/{sample.name}.json"] = compute_signing(sample.body, sample.name)
    return vectors


def compute_vector(case: Case) -> Json:
    """Return a case's vector."""
    vector: Json = {"note": case.note, "chain_id": CHAIN_ID, "genesis": case.genesis}
    if case.malformed:
        return vector | {"malformed": [compute_malformed(each) for each in case.malformed]}
    model, diff_hash = Model(CHAIN_ID, case.genesis), b""
    diff_hash = sha256(b"OMG genesis v1" + encode_diff({}, model.records())).digest()
    vector["genesis_diff_hash"] = diff_hash.hex()
    vector["blocks"] = blocks = []
    signed: list[SignedTx] = []
    for height, txs in enumerate(case.blocks, 1):
        time_ms = compute_time(case, height)
        signed = model.order_block([sign(tx, time_ms, place) for place, tx in enumerate(txs)])
        block_hash = sha256(b"block %d" % height).digest()
        reason = model.validate_block(height, time_ms, signed)
        assert reason is None, f"{case.name}: {reason}"
        before = model.records()
        votes, offences = dict(enumerate(case.told, 1)).get(height, ((), ()))
        applied = model.apply_block(height, time_ms, block_hash, signed, votes, offences)
        diff_hash = sha256(diff_hash + encode_diff(before, model.records())).digest()
        blocks.append(
            {
                "height": height,
                "time_ms": time_ms,
                "block_hash": block_hash.hex(),
                "txs": [show_tx(tx) for tx in signed],
                "results": [show_result(result) for result in applied.results],
                "events": [show_event(event) for event in applied.events],
                "diff_hash": diff_hash.hex(),
            }
            | show_told("votes", votes)
            | show_told("offences", offences)
            | show_told("validator_updates", applied.updates)
        )
    if case.refused is not None:
        return vector | {"refused": compute_refused(case, model, signed)}
    check_outcome(case, blocks)
    return vector | {"records": {k.hex(): v.hex() for k, v in model.records().items()}}


def show_told(name: str, rows: Sequence[Any]) -> Json:
    """Return what consensus tells or is told with a block; nothing is not shown."""
    return {name: [show_fields(row) for row in rows]} if rows else {}


def check_outcome(case: Case, blocks: list[Json]) -> None:
    """Assert that the last block with transactions holds the case's code, 0 when accepted."""
    results = [block["results"] for block in blocks if block["results"]][-1]
    codes = [leg.get("code", 0) for result in results for leg in result["legs"]]
    assert case.code in codes, f"{case.name}: {codes} without {case.code}"


def compute_time(case: Case, height: int) -> int:
    """Return the time of the block at a height."""
    return START_MS + sum((*case.ahead_ms, *[1_000] * height)[:height])


def sign(tx: Tx, time_ms: int, place: int) -> SignedTx:
    """Return a case's transaction, signed; -1 ms of validity is the block's time itself."""
    nonce = time_ms + tx.nonce + place
    body = TxBody(
        CHAIN_ID,
        tx.owner.address,
        nonce,
        nonce - tx.after if tx.after else 0,
        tx.valid_for_ms and time_ms + max(tx.valid_for_ms, 0),
        tx.valid_until_height,
        tx.atomic,
        tx.max_unit_price,
        tuple(move_expiry(leg, time_ms) for leg in tx.legs),
    )
    return sign_body(body, tx.signer or tx.owner, typed=tx.typed)


def move_expiry(leg: Message, time_ms: int) -> Message:
    """Return the leg with a time that counts from the block's time; -1 is the time itself."""
    for name in ("expires_ms", "at_ms"):
        if getattr(leg, name, 0):
            return leg._replace(**{name: time_ms + max(getattr(leg, name), 0)})  # type: ignore[arg-type, return-value]
    return leg


def compute_refused(case: Case, model: Model, previous: list[SignedTx]) -> Json:
    """Return the transaction that may not follow, with every code that speaks against it."""
    height = len(case.blocks) + 1
    time_ms = compute_time(case, height)
    assert case.refused is not None
    tx = previous[0] if case.refused.legs == () else sign(case.refused, time_ms, 0)
    codes = model.check_tx(tx, height, time_ms)
    assert codes == [case.code], f"{case.name}: {codes}"
    return {"height": height, "time_ms": time_ms, "code": case.code} | show_tx(tx)


def compute_malformed(malformed: Malformed) -> Json:
    """Return bytes that no node accepts, and the code that it answers."""
    signer = malformed.signer
    scheme = Scheme.TYPED if signer.address == malformed.body.owner else Scheme.RAW
    raw = malformed.twist(sign_unchecked(malformed.body, signer, scheme))
    return {"why": malformed.why, "code": malformed.code, "raw": raw.hex()}


def compute_signing(body: TxBody, name: str) -> Json:
    """Return both digests of a body, and what a wallet is shown."""
    data, separator = codec.encode_body(body), compute_domain_separator(DOMAIN)
    return {
        "note": f"{name}: what is hashed, and what a wallet shows",
        "domain": {
            "chain_id": DOMAIN.chain_id,
            "ethereum_chain_id": DOMAIN.ethereum_chain_id,
            "verifying_contract": show(DOMAIN.verifying_contract),
        },
        "domain_separator": separator.hex(),
        "body": show_body(body),
        "body_bytes": data.hex(),
        "typed_data": compute_typed_data(compute_no_bridge_domain(CHAIN_ID), body),
        "typed_digest": compute_digest(separator, Scheme.TYPED, data, body).hex(),
        "raw_digest": compute_digest(separator, Scheme.RAW, data, body).hex(),
    }


# --- bytes and JSON ---------------------------------------------------------------------------


def encode_diff(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> bytes:
    """Return the diff between two states as docs/spec/state.md encodes it."""
    out = b""
    for key in sorted({**before, **after}):
        if before.get(key) != after.get(key):
            value = after.get(key)
            size = 0 if value is None else len(value) + 1
            out += len(key).to_bytes(2, "big") + key + size.to_bytes(4, "big") + (value or b"")
    return out


def show(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return "0x" + data.hex()


def show_value(name: str, value: object) -> object:
    """Return a field as JSON has it; amounts are decimal strings."""
    if isinstance(value, bytes):
        return show(value)
    if isinstance(value, tuple):
        return [show_value(name, each) for each in value]
    if name in {"amount", "fee", "supply", "cap", "total", "daily", "payer_cap"} or (
        isinstance(value, int) and value > limits.PRICE_TICKS_MAX
    ):
        return str(value)
    return value if isinstance(value, str | bool) else int(value)  # type: ignore[call-overload]


def show_fields(row: Any) -> Json:  # noqa: ANN401 - any named tuple
    """Return a named tuple as JSON has it."""
    return {name: show_value(name, value) for name, value in row._asdict().items()}


def show_body(body: TxBody) -> Json:
    """Return a body as JSON has it."""
    legs = [{"kind": type(leg).__name__} | show_fields(leg) for leg in body.legs]
    return show_fields(body._replace(legs="")) | {"legs": legs}  # type: ignore[arg-type]


def show_tx(tx: SignedTx) -> Json:
    """Return a transaction: its bytes, and what they say."""
    return {
        "raw": tx.raw.hex(),
        "tx_id": tx.tx_id.hex(),
        "signer": show(tx.signer),
        "scheme": int(tx.scheme),
        "body": show_body(tx.body),
    }


def show_result(result: TxResult) -> Json:
    """Return a result; of each leg what is not zero."""
    return {
        "code": result.code,
        "work": result.work,
        "fee": str(result.fee),
        "legs": [show_leg(leg) for leg in result.legs],
        "data": codec.encode_result(result).hex(),
    }


def show_event(event: Event) -> Json:
    """Return an event, with its kind; of an activation's result what is not zero."""
    kind = {"event": type(event).__name__}
    if isinstance(event, Activated):
        shown = {"owner": show(event.owner), "client_id": event.client_id}
        return kind | shown | {"result": show_leg(event.result)}
    return kind | show_fields(event)


def show_leg(leg: LegResult) -> Json:
    """Return what is not zero of a leg's result."""
    shown: Json = {}
    for name, value in leg._asdict().items():
        if isinstance(value, tuple):
            rows = [show_fields(each) for each in value]
            shown |= {name: rows} if rows else {}
        elif value:
            shown[name] = show_value(name, value)
    return shown


if __name__ == "__main__":
    write_vectors()
