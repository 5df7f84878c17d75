"""The calls of ABCI 2.0: on which connection each comes, and what answers it may have.

One `Call` a row. Requests are decoded and answers encoded here, so that nothing else of the
server touches an envelope. An answer is checked for what makes CometBFT stop before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from omg_abci.abci.errors import (
    CODESPACE,
    INTERNAL_ERROR_CODE,
    InvalidAnswer,
    UndecodableRequest,
    UnknownRequest,
    UnsetRequest,
)
from omg_abci.abci.framing import encode_uvarint
from omg_abci.gen.cometbft.abci import types_pb2 as pb

Kind = Literal["any", "query", "mempool", "snapshot", "consensus"]

_WIRE_TYPE_LENGTH_DELIMITED = 2
_INTERNAL_ERROR = "internal error"


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the table of calls."""

    name: str
    kind: Kind
    answer_type: type[Message]
    # The envelope's tag in front of the answer's length.
    answer_tag: bytes
    # What to answer when the application raised; None means that no answer would be true.
    refusal: Message | None
    # Raises InvalidAnswer for an answer that CometBFT would stop at.
    require: Callable[[Any, Any, int], None] | None

    @property
    def is_exclusive(self) -> bool:
        """Say whether the call waits for all earlier ones of its connection, and later for it."""
        return self.kind in {"consensus", "snapshot"}

    def encode(self, request: Message, answer: object) -> bytes:
        """Return the answer in its envelope.

        Raises:
            InvalidAnswer: wrong type, or CometBFT would stop at it.
        """
        if type(answer) is not self.answer_type:
            raise InvalidAnswer(f"{self.name} returned {type(answer).__name__}")
        body = answer.SerializeToString()
        if self.require is not None:
            self.require(request, answer, len(body))
        return self.answer_tag + encode_uvarint(len(body)) + body

    def encode_refusal(self) -> bytes | None:
        """Return the answer for a failed application in its envelope, or None if there is none."""
        if self.refusal is None:
            return None
        body = self.refusal.SerializeToString()
        return self.answer_tag + encode_uvarint(len(body)) + body


def _require_enum(field: str) -> Callable[[Any, Any, int], None]:
    def require(request: Message, answer: Message, body_bytes: int) -> None:
        del request, body_bytes
        number = getattr(answer, field)
        known = answer.DESCRIPTOR.fields_by_name[field].enum_type
        if number == 0 or known is None or number not in known.values_by_number:
            raise InvalidAnswer(f"{answer.DESCRIPTOR.name}.{field} is {number}")

    return require


def _require_one_result_a_tx(
    request: pb.RequestFinalizeBlock, answer: pb.ResponseFinalizeBlock, body_bytes: int
) -> None:
    del body_bytes
    wanted, given = len(request.txs), len(answer.tx_results)
    if wanted != given:
        raise InvalidAnswer(f"finalize_block returned {given} results for {wanted} transactions")


def _require_fitting(
    request: pb.RequestPrepareProposal, answer: pb.ResponsePrepareProposal, body_bytes: int
) -> None:
    del answer
    if body_bytes > request.max_tx_bytes:
        raise InvalidAnswer(
            f"prepare_proposal returned {body_bytes} bytes, {request.max_tx_bytes} allowed"
        )


_KINDS: dict[str, Kind] = {
    "echo": "any",
    "flush": "any",
    "info": "query",
    "query": "query",
    "check_tx": "mempool",
    "insert_tx": "mempool",
    "reap_txs": "mempool",
    "list_snapshots": "snapshot",
    "offer_snapshot": "snapshot",
    "load_snapshot_chunk": "snapshot",
    "apply_snapshot_chunk": "snapshot",
    "init_chain": "consensus",
    "prepare_proposal": "consensus",
    "process_proposal": "consensus",
    "extend_vote": "consensus",
    "verify_vote_extension": "consensus",
    "finalize_block": "consensus",
    "commit": "consensus",
}

_REFUSALS: dict[str, Message] = {
    "query": pb.ResponseQuery(code=INTERNAL_ERROR_CODE, codespace=CODESPACE, log=_INTERNAL_ERROR),
    "check_tx": pb.ResponseCheckTx(
        code=INTERNAL_ERROR_CODE, codespace=CODESPACE, log=_INTERNAL_ERROR
    ),
    "insert_tx": pb.ResponseInsertTx(code=INTERNAL_ERROR_CODE),
    "reap_txs": pb.ResponseReapTxs(),
    "list_snapshots": pb.ResponseListSnapshots(),
    "offer_snapshot": pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT),
    "load_snapshot_chunk": pb.ResponseLoadSnapshotChunk(),
    "apply_snapshot_chunk": pb.ResponseApplySnapshotChunk(
        result=pb.ResponseApplySnapshotChunk.REJECT_SNAPSHOT
    ),
}

_REQUIREMENTS: dict[str, Callable[[Any, Any, int], None]] = {
    "offer_snapshot": _require_enum("result"),
    "apply_snapshot_chunk": _require_enum("result"),
    "prepare_proposal": _require_fitting,
    "process_proposal": _require_enum("status"),
    "verify_vote_extension": _require_enum("status"),
    "finalize_block": _require_one_result_a_tx,
}


def _answer_tag(name: str) -> bytes:
    number = pb.Response.DESCRIPTOR.fields_by_name[name].number
    return encode_uvarint(number << 3 | _WIRE_TYPE_LENGTH_DELIMITED)


def _answer_type(name: str) -> type[Message]:
    envelope = pb.Response()
    return type(getattr(envelope, name))


CALLS: dict[str, Call] = {
    name: Call(
        name=name,
        kind=kind,
        answer_type=_answer_type(name),
        answer_tag=_answer_tag(name),
        refusal=_REFUSALS.get(name),
        require=_REQUIREMENTS.get(name),
    )
    for name, kind in _KINDS.items()
}


def decode_request(payload: bytes) -> tuple[Call, Message]:
    """Return the call that a frame's payload makes, and its typed request.

    Raises:
        UndecodableRequest: the payload is no Request.
        UnknownRequest: the call has a number that ABCI 2.0 does not have.
        UnsetRequest: there is no call in it.
    """
    try:
        envelope = pb.Request.FromString(payload)
    except DecodeError as error:
        raise UndecodableRequest(f"{len(payload)} bytes are no Request: {error}") from error
    name = envelope.WhichOneof("value")
    if name is None:
        unknown = UnknownFieldSet(envelope)
        if len(unknown):
            raise UnknownRequest(f"no call has the number {unknown[0].field_number}")
        raise UnsetRequest("the Request names no call")
    return CALLS[name], getattr(envelope, name)


def encode_exception(text: str) -> bytes:
    """Return the answer that makes CometBFT stop, in its envelope."""
    return pb.Response(exception=pb.ResponseException(error=text)).SerializeToString()
