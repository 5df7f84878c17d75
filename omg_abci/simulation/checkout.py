"""The way to the oracle and the generators, which live in a source checkout's tests.

An installed package has none: they need the test tools, and nobody but who changes the chain has
a use for them.
"""

import importlib
import sys
from pathlib import Path
from typing import Final

from omg_abci.node.commands.failure import CommandError
from omg_abci.simulation.rounds import World

_ROOT: Final = Path(__file__).resolve().parents[2]
_ORACLE: Final = "tests/simulated_world.py"
_HINT: Final = "git clone the sources, make setup, and use .venv/bin/omgd there"


def load_world(seed: int, chapter: int) -> World:
    """Return the world of a part of a run; raise CommandError where there are no sources."""
    if not (_ROOT / _ORACLE).is_file():
        raise CommandError(
            "sources_missing",
            f"the simulator compares with the oracle in {_ORACLE}, which is not installed",
            _HINT,
        )
    if str(_ROOT) not in sys.path:
        sys.path.insert(0, str(_ROOT))
    try:
        module = importlib.import_module("tests.simulated_world")
    except ModuleNotFoundError as reason:
        raise CommandError(
            "sources_missing", f"the oracle needs {reason.name}, which is not installed", _HINT
        ) from reason
    world: World = module.SimulatedWorld(seed, chapter)
    return world
