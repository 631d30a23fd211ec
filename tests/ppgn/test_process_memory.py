"""A process that keeps freed memory isn't given the same pages anew again and again."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from replications.ppgn.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    pieces = [bytearray(6 << 20) for _ in range(5)]
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that were made anew in five rounds of allocating and freeing 30 MiB, which are 7680 pages."""
    found = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(found.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is glibc's")
def test_pages_are_used_again() -> None:
    assert faults("keep") < 100 < 7680 < faults("leave")
