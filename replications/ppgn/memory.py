"""Keeping freed memory for what is allocated next.

A step of a chain allocates and frees the same tens of megabytes as the one before. The C library gives what lies on top
of its heap back to the system each time, which then has to clear every page of it anew: a sixth of the time of a step
on a CPU.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
KEPT = 2**30 - 1  # bytes on top of the heap, at most
LARGEST = 2**25  # bytes of one piece of the heap, the most that glibc takes; larger ones are the system's


def keep_freed_memory() -> bool:
    """Lets this process keep up to 1 GiB that it has freed. Whether it could be done: it is glibc's, on Linux."""
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and bool(set_option(MMAP_THRESHOLD, LARGEST) and set_option(TRIM_THRESHOLD, KEPT))
