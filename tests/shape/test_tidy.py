"""Functions and modules stay short, and the longest of today is the most there will ever be."""

from tests.shape.sizes import LIMITS, measure_functions, measure_modules, read_ratchet


def test_no_function_is_longer_than_recorded() -> None:
    """The longest function does not grow; `make ratchet` records that it became shorter."""
    most = read_ratchet()["function_lines"]
    assert [found for found in measure_functions() if found[0] > most] == []


def test_no_module_is_longer_than_recorded() -> None:
    """The longest module does not grow; `make ratchet` records that it became shorter."""
    most = read_ratchet()["module_lines"]
    assert [found for found in measure_modules() if found[0] > most] == []


def test_ratchet_keeps_the_limits() -> None:
    """What is recorded is never above what STYLE.md allows."""
    recorded = read_ratchet()
    assert recorded.keys() == LIMITS.keys()
    assert all(recorded[name] <= limit for name, limit in LIMITS.items())
