"""The frozen vectors: the chain does what they say, and the oracle still says the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from omg_abci.protocol import codec, errors
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.messages import MESSAGES, SignedTx
from omg_abci.protocol.signing import Domain, compute_digest, compute_domain_separator
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import Scheme
from omg_abci.rules.admission import check_tx
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import compute_diff_hash, compute_genesis_diff_hash
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState
from tests.vectors.make_vectors import (
    compute_vectors,
    show_body,
    show_event,
    show_fields,
    show_result,
)

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS = sorted([*FOLDER.glob("*/accepted/*.json"), *FOLDER.glob("*/rejected/*.json")])
SIGNING = sorted(FOLDER.glob("signing/*.json"))


def name_vector(path: Path) -> str:
    """Return a vector's path in the folder of vectors."""
    return path.relative_to(FOLDER).as_posix()


def read(path: Path) -> Any:  # noqa: ANN401 - what JSON holds
    """Return a vector."""
    return json.loads(path.read_text(encoding="utf-8"))


def verify(verifier: Verifier, shown: dict[str, Any]) -> SignedTx:
    """Return the verified transaction of a vector; it says what the vector shows."""
    tx = verifier.verify_tx(bytes.fromhex(shown["raw"]))
    assert tx.tx_id.hex() == shown["tx_id"]
    assert (f"0x{tx.signer.hex()}", int(tx.scheme)) == (shown["signer"], shown["scheme"])
    assert show_body(tx.body) == shown["body"]
    return tx


def to_bytes(told: dict[str, Any]) -> bytes:
    """Return the validator that a vote or an offence names."""
    return bytes.fromhex(told["validator"][2:])


def play(vector: dict[str, Any]) -> tuple[WorkingState, Verifier]:
    """Execute a vector's blocks on the chain and compare what each leaves."""
    records, domain = build_genesis(vector["chain_id"], vector["genesis"])
    diff_hash = compute_genesis_diff_hash(records)
    assert diff_hash.hex() == vector["genesis_diff_hash"]
    state, verifier = load_state(vector["chain_id"], records), Verifier(domain)
    for each in vector["blocks"]:
        txs = tuple(verify(verifier, shown) for shown in each["txs"])
        block_hash = bytes.fromhex(each["block_hash"])
        votes = tuple(Vote(to_bytes(v), v["signed"]) for v in each.get("votes", []))
        offences = tuple(Offence(to_bytes(o), o["height"]) for o in each.get("offences", []))
        block = Block(each["height"], each["time_ms"], block_hash, txs, votes, offences)
        check_block(state, block)
        result = apply_block(state, block)
        assert [show_result(one) for one in result.results] == each["results"]
        assert [show_event(event) for event in result.events] == each["events"]
        shown_updates = [show_fields(update) for update in result.validator_updates]
        assert shown_updates == each.get("validator_updates", [])
        diff_hash = compute_diff_hash(diff_hash, result.changes.diff)
        assert diff_hash.hex() == each["diff_hash"]
        store_changes(state, result.changes)
        state.commit()
    return state, verifier


@pytest.mark.parametrize("path", VECTORS, ids=name_vector)
def test_chain_does_what_the_vector_says(path: Path) -> None:
    """Results, hashes, records and codes of one vector."""
    vector = read(path)
    if "malformed" in vector:
        verifier = Verifier(build_genesis(vector["chain_id"], vector["genesis"])[1])
        for each in vector["malformed"]:
            with pytest.raises(errors.FormatError) as caught:
                verifier.verify_tx(bytes.fromhex(each["raw"]))
            assert caught.value.code == each["code"], each["why"]
        return
    state, verifier = play(vector)
    if "refused" in vector:
        refused = vector["refused"]
        tx = verify(verifier, refused)
        with pytest.raises(errors.TxError) as not_taken:
            check_tx(state, tx, refused["height"], refused["time_ms"])
        assert not_taken.value.code == refused["code"]
        with pytest.raises(errors.BlockInvalid):
            check_block(state, Block(refused["height"], refused["time_ms"], bytes(32), (tx,)))
    else:
        records = {key.hex(): value.hex() for key, value in compute_records(state)}
        assert records == vector["records"]


@pytest.mark.parametrize("path", SIGNING, ids=name_vector)
def test_digests_are_the_vectors(path: Path) -> None:
    """Both digests of one body; the typed one is also what eth-account hashes."""
    vector = read(path)
    contract = bytes.fromhex(vector["domain"]["verifying_contract"][2:])
    ids = vector["domain"]["chain_id"], vector["domain"]["ethereum_chain_id"]
    separator = compute_domain_separator(Domain(*ids, contract))
    assert separator.hex() == vector["domain_separator"]
    data = bytes.fromhex(vector["body_bytes"])
    body = codec.decode_body(data)
    assert show_body(body) == vector["body"]
    for scheme, name in ((Scheme.TYPED, "typed_digest"), (Scheme.RAW, "raw_digest")):
        assert compute_digest(separator, scheme, data, body).hex() == vector[name]
    signable = encode_typed_data(full_message=vector["typed_data"])
    wallets = compute_keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert wallets.hex() == vector["typed_digest"]


def test_vectors_are_what_the_oracle_says() -> None:
    """Nothing was edited by hand: the oracle computes every file as it stands, and no other."""
    computed = compute_vectors()
    assert sorted(computed) == sorted(name_vector(path) for path in [*VECTORS, *SIGNING])
    for path in [*VECTORS, *SIGNING]:
        assert json.loads(json.dumps(computed[name_vector(path)])) == read(path), path.name


def test_vectors_hold_the_codes() -> None:
    """Every refusal that does not need thousands of records has a vector."""
    held = {0}
    for path in VECTORS:
        vector = read(path)
        held.update(each["code"] for each in vector.get("malformed", []))
        if "refused" in vector:
            held.add(vector["refused"]["code"])
        for block in vector.get("blocks", []):
            legs = [leg for result in block["results"] for leg in result["legs"]]
            held.update(leg.get("code", 0) for leg in legs)
    large = {errors.TxTooLarge, errors.TooManyOpenOrders, errors.TooManyTombstones, errors.TooDear}
    large |= {errors.SwitchFiring, errors.MarketUncrossing, errors.MarketDelisting}
    large |= {errors.TooManyMarkets, errors.TooManyTokens, errors.TooManyAllowances}
    large |= {errors.TooManyLimits, errors.TooManyValidators}
    of_signatures = {errors.UnknownScheme, errors.EmptyLeg, errors.BadSignatureLength}
    of_signatures |= {errors.SignatureHighS, errors.SignatureOutOfRange, errors.SignerMismatch}
    elsewhere = large | of_signatures | {errors.SignatureUnrecoverable}
    of_the_chain = [code for code in errors.CODES if code < errors.PoolFull.code]
    missing = [code for code in of_the_chain if code not in held]
    assert sorted(missing) == sorted(each.code for each in elsewhere)
    assert len(MESSAGES) == len({path.parents[1].name for path in VECTORS})
