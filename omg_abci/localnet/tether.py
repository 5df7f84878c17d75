"""Run a command that ends when the process that started it ends, however that ends.

Run as a program, `python -I -S tether.py PARENT COMMAND …`, it asks Linux for SIGKILL at the
parent's death and becomes the command. A program of its own, because running Python between fork
and exec is not safe in a process that has threads. Other systems have no such signal: there the
command runs without it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command of the arguments."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have ended before the request, which then has no effect.
        if os.getppid() != parent:
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
