"""What CometBFT tells of validators reaches the rules, and their answer reaches CometBFT."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.gen.cometbft.crypto import keys_pb2
from omg_abci.node.genesis_export import export_genesis
from omg_abci.protocol import errors
from omg_abci.protocol.crypto import compute_address
from omg_abci.state.stake_records import ValidatorRecord
from tests.cast import CHAIN_ID, OWNERS, PUBLIC_KEYS
from tests.node.app_world import AppNode, compute_hash, make_init, run, set_time
from tests.vectors.genesis import STAKING_GENESIS

ABSENT, COMMIT, NIL = 1, 2, 3
BIG, SMALL = (compute_address(key) for key in PUBLIC_KEYS[:2])


def make_request(powers: Sequence[int] = (10_000, 3)) -> pb.RequestInitChain:
    """Return InitChain as CometBFT's genesis file makes it."""
    request = make_init(json.dumps(STAKING_GENESIS).encode())
    request.consensus_params.evidence.max_age_num_blocks = 2
    request.consensus_params.evidence.max_age_duration.FromMilliseconds(3_999)
    for key, power in zip(PUBLIC_KEYS, powers, strict=False):
        public = keys_pb2.PublicKey(secp256k1eth=key)
        request.validators.append(pb.ValidatorUpdate(pub_key=public, power=power))
    return request


async def decide(
    node: AppNode, flags: Sequence[int] = (), guilty: Sequence[tuple[bytes, int]] = ()
) -> pb.ResponseFinalizeBlock:
    """Process, decide and commit an empty block; CometBFT tells the same both times."""
    process = pb.RequestProcessProposal(height=node.height + 1)
    final = pb.RequestFinalizeBlock(height=node.height + 1)
    for request, commit in (
        (process, process.proposed_last_commit),
        (final, final.decided_last_commit),
    ):
        request.hash = compute_hash(request.height, [])
        set_time(request, node.time_ms + 250)
        for address, flag in zip((BIG, SMALL), flags, strict=False):
            vote = commit.votes.add()
            vote.validator.address = address
            vote.block_id_flag = flag  # type: ignore[assignment]
        for address, height in guilty:
            offence = request.misbehavior.add(type=1, height=height)
            offence.validator.address = address
    assert (await node.app.process_proposal(process)).status == 1
    answer = await node.app.finalize_block(final)
    node.commit()
    return answer


def list_updates(answer: pb.ResponseFinalizeBlock) -> list[tuple[bytes, int]]:
    """Return what a block answers about the set."""
    return [(each.pub_key.secp256k1eth, each.power) for each in answer.validator_updates]


def get_validator(node: AppNode, place: int) -> ValidatorRecord:
    """Return a validator."""
    return node.chain.get_state().validators[OWNERS[place].address]


def test_evidence_is_punished_once(tmp_path: Path) -> None:
    """The same evidence comes twice in a block and again later; then of a key that is nobody's."""

    async def test(node: AppNode) -> None:
        await node.app.init_chain(make_request())
        assert list_updates(await decide(node)) == []
        answer = await decide(node, (COMMIT, COMMIT), [(SMALL, 1), (SMALL, 1)])
        assert list_updates(answer) == [(PUBLIC_KEYS[1], 0)]
        assert get_validator(node, 1).tokens == 1
        assert list_updates(await decide(node, (COMMIT, COMMIT), [(SMALL, 1)])) == []
        assert list_updates(await decide(node, (COMMIT,), [(SMALL, 2), (bytes(20), 2)])) == []
        assert get_validator(node, 1)[6:8] == (1, 3)
        assert get_validator(node, 1).tombstoned == 1
        assert get_validator(node, 0).tokens == 10_000

    run(tmp_path, test)


def test_absence_is_counted_and_nil_is_a_vote(tmp_path: Path) -> None:
    """Only who sent nothing was away; it leaves the set at the checkpoint."""

    async def test(node: AppNode) -> None:
        await node.app.init_chain(make_request())
        await decide(node)
        assert list_updates(await decide(node, (NIL, COMMIT))) == []
        assert get_validator(node, 0).jailed_until_ms == 0
        assert list_updates(await decide(node, (ABSENT, COMMIT))) == []
        assert get_validator(node, 0).tokens == 7_500
        assert list_updates(await decide(node, (ABSENT, COMMIT))) == [(PUBLIC_KEYS[0], 0)]
        assert get_validator(node, 0).tokens == 7_500

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("powers", "reason"),
    [
        ((), "gives 0x"),
        ((10_000,), "gives 0x"),
        ((10_000, 4), "a power of 3"),
        ((10_000, 3, 1), "CometBFT's genesis has 3"),
    ],
)
def test_other_validators_are_refused(tmp_path: Path, powers: Sequence[int], reason: str) -> None:
    """Both genesis parts name the same validators, or the chain does not begin."""

    async def test(node: AppNode) -> None:
        with pytest.raises(errors.GenesisError, match=reason):
            await node.app.init_chain(make_request(powers))
        assert node.height == 0
        await node.app.init_chain(make_request())

    run(tmp_path, test)


def test_evidence_that_outlives_stake_is_refused(tmp_path: Path) -> None:
    """The unbonding time is longer than evidence lasts, in time and in blocks."""

    async def test(node: AppNode) -> None:
        request = make_request()
        request.consensus_params.evidence.max_age_duration.FromNanoseconds(3_999_000_001)
        with pytest.raises(errors.GenesisError, match="unbonding_ms: 4000 is not longer"):
            await node.app.init_chain(request)
        request = make_request()
        request.consensus_params.evidence.max_age_num_blocks = 3
        with pytest.raises(errors.GenesisError, match="evidence_blocks: 2 is fewer"):
            await node.app.init_chain(request)

    run(tmp_path, test)


def test_an_export_names_the_set_of_its_state(tmp_path: Path) -> None:
    """Who was tombstoned is not in the exported genesis, and the new chain begins with the rest."""
    found: list[str] = []

    async def export(node: AppNode) -> None:
        await node.app.init_chain(make_request())
        await decide(node)
        await decide(node, (COMMIT, COMMIT), [(SMALL, 1)])
        genesis = {"consensus_params": {}, "validators": ["of the file"]}
        found.extend(export_genesis(node.chain.storage, genesis, CHAIN_ID))

    async def begin(node: AppNode) -> None:
        exported = json.loads("".join(found))
        (validator,) = exported["validators"]
        assert (validator["address"], validator["power"]) == (BIG.hex().upper(), "10000")
        request = make_request((10_000,))
        request.app_state_bytes = json.dumps(exported["app_state"]).encode()
        request.initial_height = int(exported["initial_height"])
        await node.app.init_chain(request)
        assert get_validator(node, 1).tombstoned == 1

    run(tmp_path / "old", export)
    run(tmp_path / "new", begin)
