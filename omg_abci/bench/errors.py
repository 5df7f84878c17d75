"""What can keep a figure from being measured."""

from typing import ClassVar

from omg_abci.protocol.errors import OmgError


class BenchError(OmgError):
    """No figure could be measured."""

    code: ClassVar[str]


class MeasurementFailed(BenchError):
    """A measurement ended with an error, or did not do what it was to measure."""

    code = "bench.failed"
