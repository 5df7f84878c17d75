"""Whether two cores are really there: the work of one process against that of two at once.

Virtual machines sometimes get one core's time for minutes, and other programs take some: what is
measured then says nothing. Each run stands between two of these controls.
"""

import subprocess
import sys
import time
from typing import Final

_SECONDS: Final = 0.25
_LEAD_SECONDS: Final = 0.2
"""Time for both processes to be there before they begin."""


def measure_control() -> float:
    """Return how many times the work of one process two do at once; 2.0 when nothing is shared.

    One process is measured before and after the two, and the better one counts: if it was itself
    disturbed, two would look faster than they are.
    """
    before = _count_in(1)
    both = _count_in(2)
    return sum(both) / max(before + _count_in(1))


def _count_in(processes: int) -> list[int]:
    """Return what each of so many processes counted to in the same span of time."""
    begin = time.monotonic() + _LEAD_SECONDS
    command = [sys.executable, "-I", __file__, str(begin)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    try:
        return [int(process.communicate()[0]) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def count_from(begin: float) -> int:
    """Wait for a moment of the monotonic clock, then count until the span is over."""
    end = begin + _SECONDS
    while time.monotonic() < begin:
        pass
    count = 0
    while time.monotonic() < end:
        for number in range(1_000):
            count += number & 1
    return count


if __name__ == "__main__":
    sys.stdout.write(f"{count_from(float(sys.argv[1]))}\n")
