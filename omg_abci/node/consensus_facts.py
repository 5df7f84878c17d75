"""What CometBFT says about validators, as the state machine takes it, and its answers."""

from collections.abc import Iterable, Sequence
from typing import Final

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.gen.cometbft.crypto import keys_pb2
from omg_abci.gen.cometbft.types import validator_pb2
from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
from omg_abci.protocol.errors import GenesisError
from omg_abci.state.genesis_staking import compute_told_set
from omg_abci.state.working import WorkingState

_ABSENT: Final = validator_pb2.BLOCK_ID_FLAG_ABSENT
_NANOS: Final = 1_000_000
"""Nanoseconds in a millisecond."""


def read_votes(commit: pb.CommitInfo) -> tuple[Vote, ...]:
    """Return who signed the block before: a vote for nil is a sign of life too."""
    return tuple(
        [Vote(vote.validator.address, vote.block_id_flag != _ABSENT) for vote in commit.votes]
    )


def read_offences(misbehavior: Iterable[pb.Misbehavior]) -> tuple[Offence, ...]:
    """Return the evidence that a block carries; each kind of it is signing two blocks."""
    return tuple([Offence(each.validator.address, each.height) for each in misbehavior])


def make_updates(updates: Sequence[ValidatorUpdate]) -> list[pb.ValidatorUpdate]:
    """Return a block's changes of the set as CometBFT takes them."""
    return [
        pb.ValidatorUpdate(
            pub_key=keys_pb2.PublicKey(secp256k1eth=each.public_key), power=each.power
        )
        for each in updates
    ]


def require_staking_fits(state: WorkingState, request: pb.RequestInitChain) -> None:
    """Raise GenesisError where CometBFT's genesis and the staking section contradict each other.

    Evidence that CometBFT still takes must find the offender's stake; and both must begin with
    the same validators of the same powers.
    """
    staking = state.staking
    if staking is None:
        return
    evidence = request.consensus_params.evidence
    age = evidence.max_age_duration
    age_ms = -(-(age.seconds * 1_000 * _NANOS + age.nanos) // _NANOS)
    if staking.unbonding_ms <= age_ms:
        raise GenesisError(
            f"unbonding_ms: {staking.unbonding_ms} is not longer than evidence lasts, {age_ms}"
        )
    if staking.evidence_blocks < evidence.max_age_num_blocks:
        raise GenesisError(
            f"evidence_blocks: {staking.evidence_blocks} is fewer than evidence lasts,"
            f" {evidence.max_age_num_blocks}"
        )
    given = sorted([(each.pub_key.secp256k1eth, each.power) for each in request.validators])
    told = compute_told_set(list(state.validators.values()))
    for public_key, power in told:
        if (public_key, power) not in given:
            raise GenesisError(
                f"validators: the staking section gives 0x{public_key.hex()} a power of {power},"
                " CometBFT's genesis does not"
            )
    if len(given) != len(told):
        raise GenesisError(
            f"validators: CometBFT's genesis has {len(given)}, the staking section {len(told)}"
        )
