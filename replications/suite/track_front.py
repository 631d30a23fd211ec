"""Logs what a paper has on the index page to W&B: `python -m replications.suite.track_front regress`.

For what isn't a run of experiments and yet is watched: the verdicts of `make regress`, after it has run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import yaml
from hydra.utils import get_method

from replications.paths import project_root, results_root
from replications.suite import tracking
from replications.suite.report.index import papers

EVERY = "all-profiles"


def main(arguments: Sequence[str] | None = None) -> int:
    """Log it; the exit status is 1 where there is nothing to log or logging didn't work."""
    fronts = {key: str(said["front"]) for key, said in papers().items() if said.get("front")}
    parser = argparse.ArgumentParser(prog="python -m replications.suite.track_front", description=main.__doc__)
    parser.add_argument("paper", choices=list(fronts))
    parser.add_argument("--mode", choices=["auto", "online", "offline"], default="auto")
    given = parser.parse_args(arguments)
    panels = get_method(fronts[given.paper])(results_root())
    if not panels:
        print(f"there is nothing of {given.paper} yet that could be logged", file=sys.stderr)
        return 1
    configured = yaml.safe_load((project_root() / "conf" / "tracking" / "wandb.yaml").read_text(encoding="utf-8"))
    described = {"paper": given.paper, "profile": EVERY}
    warning = tracking.track({**configured, "mode": given.mode}, described, [], [], panels=panels)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return 1 if warning else 0


if __name__ == "__main__":
    sys.exit(main())
