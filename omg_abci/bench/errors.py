"""What can keep a figure from being measured, or an earlier result from being used.

MeasurementFailed has the code bench.failed, the others bench.result_…: missing, too_large, broken
(cut off, or no JSON), foreign (JSON, and no result) and version (a result of another version).
"""

from typing import ClassVar

from omg_abci.protocol.errors import OmgError


class BenchError(OmgError):
    """No figure could be measured, or no result read."""

    code: ClassVar[str]


class MeasurementFailed(BenchError):
    """A measurement ended with an error, or did not do what it was to measure."""

    code = "bench.failed"


class ResultMissing(BenchError):
    """There is no file of that name."""

    code = "bench.result_missing"


class ResultTooLarge(BenchError):
    """The file is larger than any result; it was not read."""

    code = "bench.result_too_large"


class ResultBroken(BenchError):
    """The file is cut off, or no JSON."""

    code = "bench.result_broken"


class ResultForeign(BenchError):
    """The file is JSON and not what omgd bench writes."""

    code = "bench.result_foreign"


class ResultVersion(BenchError):
    """The file is a result that another version wrote."""

    code = "bench.result_version"
