"""Everything, one after the other: `replicate all`, `make replicate`. Papers by their turns, then the index of pages.

Each is a process of its own, as if it had been asked for by itself: memory is given back, and one that fails, or can't
even begin, doesn't stop the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from replications.paths import results_root
from replications.progress import say
from replications.suite.report import index

HELP = """\
Replicate all papers, one after the other, then write the index of all pages (results/runs/index.html).

  replicate all                        everything that a machine with nothing can measure
  replicate all profile=natural        on photographs
  replicate all full=true              also what trains networks, and methods as published

What is given is given to every paper. What is done is not done again; what fails doesn't stop the rest, and the exit
status is then the largest of all."""
NOT_HERE = ("paper=", "experiments=", "experiment.", "+experiment")


def replicate_all(arguments: Sequence[str]) -> int:
    """Run every paper whose turn it is, with these arguments; the largest exit status of all."""
    from replications.suite.errors import WrongInput
    from replications.suite.words import config_dir

    if any(argument in ("--help", "-h") for argument in arguments):
        print(HELP)
        return 0
    for argument in arguments:
        if argument.startswith(NOT_HERE):
            raise WrongInput(f"`replicate all` runs everything of every paper; leave out '{argument}'")
    turns = [key for key, said in index.papers(config_dir(arguments)).items() if said.get("turn", 0) is not None]
    statuses: dict[str, int] = {}
    for number, paper in enumerate(turns, 1):
        say(f"{paper} ({number} of {len(turns)})")
        statuses[paper] = one(paper, arguments)
    page = index.write(results_root())
    bad = [f"{paper} ({status})" for paper, status in statuses.items() if status]
    print(f"{len(turns)} papers, " + (f"not well: {', '.join(bad)}" if bad else "all well"), end=". ")
    relative = os.path.relpath(page)
    print(f"The index of all pages: {page if relative.startswith('..') else relative}")
    return max(statuses.values(), default=0)


def one(paper: str, arguments: Sequence[str]) -> int:
    """Run one paper in a process of its own; its exit status.

    Raises:
        KeyboardInterrupt: the run was interrupted, and so should what comes after it be.
    """
    from replications.__main__ import INTERRUPTED

    sys.stdout.flush()
    status = subprocess.run([sys.executable, "-m", "replications", paper, *arguments], check=False).returncode
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    return status if status >= 0 else 128 - status  # ended by a signal, as a shell says it
