"""Every write has an exact inverse, and a state behaves the same after a restart.

A failure prints its seed: ``pytest tests/unit/test_state_undo.py -k 'SEED'`` replays a listed one.
"""

from random import Random

import pytest

from omg_abci.state.diff import compute_changes, compute_records, store_changes
from tests.unit import state_steps, state_world

BLOCKS = 12
STEPS = 25


@pytest.mark.parametrize("seed", range(60))
def test_blocks_are_undone_and_remembered(seed: int) -> None:
    """Rolled back, a block leaves nothing; committed, its diff is the change; reloaded, all is."""
    random = Random(seed)
    state = state_world.make_state()
    records = dict(compute_records(state))
    for _ in range(BLOCKS):
        before = state_world.view(state)
        chosen, found = random.random(), []
        for committed in (False, True):
            state_world.begin(state)
            state_steps.run(state, Random(chosen), STEPS)
            found.append(compute_changes(state))
            if not committed:
                state.rollback()
                state_world.check_complete(state)
                assert state_world.view(state) == before._replace(events=[])
        assert found[0] == found[1]
        changes = found[1]
        store_changes(state, changes)
        state.commit()
        for key, old in changes.undo:
            assert records.get(key) == old
        for key, new in changes.diff:
            assert records.get(key) != new
            records.pop(key, None)
            if new is not None:
                records[key] = new
        assert compute_records(state) == sorted(records.items())
        state_world.check_complete(state)


@pytest.mark.parametrize("seed", range(60, 90))
def test_a_loaded_state_goes_on_the_same(seed: int) -> None:
    """A state that was loaded in between does and shows the same as one that was not."""
    random = Random(seed)
    state = state_world.make_state()
    for _ in range(BLOCKS):
        loaded = state_world.reload_state(state)
        loaded.events = list(state.events)
        assert state_world.view(loaded) == state_world.view(state)
        state_world.check_complete(loaded)
        chosen, found = random.random(), []
        for each in (state, loaded):
            state_world.begin(each)
            state_steps.run(each, Random(chosen), STEPS)
            changes = compute_changes(each)
            found.append((changes, state_world.view(each)))
            store_changes(each, changes)
            each.commit()
        assert found[0] == found[1]
