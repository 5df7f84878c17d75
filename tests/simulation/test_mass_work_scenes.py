"""The scenes of the mass work campaign, small: with few steps a block each takes several."""

import pytest

from omg_abci.protocol import limits
from tests.mass_work_scenes import describe, make_scenes

ORDERS = {"expiry": 1_000, "cascade": 9_000, "delisting": 2_000, "auction": 3_000, "switch": 3_000}
"""The scale at which a scene is large enough for several blocks."""


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_scene_ends_as_foreseen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is rolled back and done again, and done on a state loaded anew, alike."""
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 40)
    monkeypatch.setattr(limits, "MASS_START_MAX", 20)
    monkeypatch.setattr(limits, "MASS_PAIRS_MAX", 10)
    scene = make_scenes(ORDERS[name])[name]()
    scene.play(rehearsed=True)
    figures = describe(scene)
    assert figures["scene"] == name
    assert scene.blocks >= 2
    assert 0 < max(scene.chain.steps) <= 40
