"""Memory that was freed, given back to the machine."""

import ctypes


def release_freed_memory() -> None:
    """Ask the C library to give back what is free inside its heap; where it cannot, do nothing.

    Loading frees much between what stays: a million accounts and orders in the read process held
    1.34 GiB, and 1.02 GiB after this.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
