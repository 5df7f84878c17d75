"""The staking section of the genesis document: what it makes, and everything that it refuses."""

from typing import Any

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.errors import GenesisError
from omg_abci.state import schema
from omg_abci.state.genesis import build_genesis
from omg_abci.state.genesis_staking import compute_told_set
from omg_abci.state.loading import load_state
from omg_abci.state.records import TokenRecord
from omg_abci.state.working import WorkingState
from tests.cast import CHAIN_ID, GENESIS, OWNERS, PUBLIC_KEYS, show

VALIDATOR: dict[str, Any] = {
    "owner": show(OWNERS[0]),
    "public_key": "0x" + PUBLIC_KEYS[0].hex(),
    "moniker": "one",
    "self_bond": "2999",
}
OTHER = VALIDATOR | {"owner": show(OWNERS[1]), "public_key": "0x" + PUBLIC_KEYS[1].hex()}
STAKING: dict[str, Any] = {
    "unbonding_ms": 9_000,
    "checkpoint_blocks": 7,
    "evidence_blocks": 0,
    "power_unit": "1000",
    "self_bond_min": "5",
    "window_blocks": 10,
    "signed_min_blocks": 10,
    "jail_ms": 1,
    "downtime_bp": 0,
    "equivocation_bp": 10_000,
    "validators": [VALIDATOR],
}


def build(*validators: dict[str, Any], **terms: object) -> WorkingState:
    """Return the state of a document with such a section."""
    section = STAKING | terms
    if validators:
        section = section | {"validators": list(validators)}
    records, _ = build_genesis(CHAIN_ID, GENESIS | {"staking": section})
    return load_state(CHAIN_ID, records)


def test_a_validator_of_which_little_is_said() -> None:
    """It takes no commission, has the chain's minimum, and whole units of power."""
    state = build()
    owner = OWNERS[0].address
    validator = state.validators[owner]
    assert validator[:6] == (PUBLIC_KEYS[0], 0, 10_000, 0, 0, 5)
    assert (validator.tokens, validator.shares, validator.told_power) == (2_999, 2_999, 2)
    assert state.find_owner(compute_address(PUBLIC_KEYS[0])) == owner
    delegation = state.find_delegation(owner, owner)
    assert delegation is not None
    assert delegation.shares == 2_999


def test_what_is_bonded_adds_to_the_supply() -> None:
    """Balances and bonds of all validators together are the fee token's supply."""
    plain = dict(build_genesis(CHAIN_ID, GENESIS)[0])
    key = schema.compute_token_key(1)
    staked = dict(build_genesis(CHAIN_ID, GENESIS | {"staking": STAKING})[0])
    added = TokenRecord.decode(staked[key]).supply - TokenRecord.decode(plain[key]).supply
    assert added == 2_999
    assert [name for name in plain if plain[name] != staked[name]] == [key]


def test_who_is_too_weak_is_not_in_the_set() -> None:
    """Less than a unit is no power; the others sign."""
    state = build(VALIDATOR, OTHER | {"self_bond": "999"})
    assert state.validators[OWNERS[1].address].told_power == 0
    assert compute_told_set(list(state.validators.values())) == [(PUBLIC_KEYS[0], 2)]


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        ({"unbonding_ms": 0}, "unbonding_ms"),
        ({"checkpoint_blocks": 0}, "checkpoint_blocks"),
        ({"evidence_blocks": -1}, "evidence_blocks"),
        ({"power_unit": "0"}, "power_unit"),
        ({"self_bond_min": "0"}, "self_bond_min"),
        ({"window_blocks": 0}, "window_blocks"),
        ({"window_blocks": limits.SIGNING_WINDOW_MAX + 1}, "window_blocks"),
        ({"signed_min_blocks": 11}, "signed_min_blocks"),
        ({"jail_ms": 0}, "jail_ms"),
        ({"downtime_bp": 10_001}, "downtime_bp"),
        ({"equivocation_bp": 10_001}, "equivocation_bp"),
        ({"validators": []}, "validators"),
        ({"validators": {}}, "validators"),
        ({"more": 1}, "more"),
        ({"power_unit": "3000"}, "no validator has a power"),
    ],
)
def test_wrong_terms_are_refused(terms: dict[str, object], name: str) -> None:
    """With the name of the field."""
    with pytest.raises(GenesisError, match=name):
        build(**terms)


@pytest.mark.parametrize("name", sorted(STAKING))
def test_missing_terms_are_refused(name: str) -> None:
    """None has a default: a chain's terms are said."""
    section = {each: value for each, value in STAKING.items() if each != name}
    with pytest.raises(GenesisError, match=f"{name} is missing"):
        build_genesis(CHAIN_ID, GENESIS | {"staking": section})


@pytest.mark.parametrize("section", [[], "x", 1, None])
def test_what_is_no_section_is_refused(section: object) -> None:
    """It is an object."""
    with pytest.raises(GenesisError, match="staking is not an object"):
        build_genesis(CHAIN_ID, GENESIS | {"staking": section})


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"owner": "0x00"}, "owner"),
        ({"public_key": "0x" + "00" * 33}, "consensus key"),
        ({"public_key": PUBLIC_KEYS[0].hex()}, "public_key"),
        ({"public_key": "0x" + PUBLIC_KEYS[0].hex().upper()}, "public_key"),
        ({"public_key": 5}, "public_key"),
        ({"moniker": ""}, "moniker"),
        ({"moniker": 5}, "moniker"),
        ({"self_bond": "4"}, "self_bond"),
        ({"self_bond_min": "4"}, "self_bond_min"),
        ({"self_bond_min": "3000"}, "self_bond"),
        ({"commission_bp": 10_001}, "commission_bp"),
        ({"commission_bp": 5, "commission_max_bp": 4}, "commission_max_bp"),
        ({"commission_max_bp": 4, "commission_step_bp": 5}, "commission"),
        ({"jailed": True}, "jailed"),
    ],
)
def test_a_wrong_validator_is_refused(wrong: dict[str, object], name: str) -> None:
    """As CreateValidator would be."""
    with pytest.raises(GenesisError, match=name):
        build(VALIDATOR | wrong)


@pytest.mark.parametrize(("same", "name"), [("owner", "twice"), ("public_key", "public_key")])
def test_validators_are_there_once(same: str, name: str) -> None:
    """By owner and by key."""
    with pytest.raises(GenesisError, match=name):
        build(VALIDATOR, OTHER | {same: VALIDATOR[same]})


def test_a_supply_that_is_too_much_power_is_refused() -> None:
    """All tokens bonded at once must fit into what CometBFT counts."""
    units = limits.POWER_TOTAL_MAX
    with pytest.raises(GenesisError, match="too small for the supply"):
        build(VALIDATOR | {"self_bond": str(units * 1_000)})


def test_a_hundred_and_one_are_refused() -> None:
    """Genesis has no more validators than sign."""
    with pytest.raises(GenesisError, match="101 are not 1 to 100"):
        build(*[VALIDATOR] * 101)
