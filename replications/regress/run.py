"""The regression check: `replicate regress`, `make regress`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# cuBLAS reads this once, before its first call; without it matrix products on a GPU are not reproducible.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

from replications.paths import results_root
from replications.regress import recorded_values
from replications.regress.baselines import Baseline, baselines_root, load
from replications.regress.golden import NUMBER
from replications.regress.golden_judge import GoldenVerdict, judge_golden
from replications.regress.measuring import chosen_probes, measure, settings_for
from replications.regress.report import Report, write_report
from replications.regress.testing import Verdict, judge
from replications.regress.words import REGRESS_HELP, SETS, understood
from replications.suite.errors import WrongInput, sentence
from replications.suite.settings import Settings

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    sys.exit(regress(sys.argv[1:]))


def regress(arguments: Sequence[str]) -> int:
    """The exit status: 0 if nothing got worse, 1 if something did or a probe failed, 2 for wrong input."""
    if any(word in ("--help", "-h", "help") for word in arguments):
        print(REGRESS_HELP)
        return 0
    return guarded(lambda: _regress(arguments), "replicate regress")


def guarded(do: Callable[[], int], name: str) -> int:
    """`do()`, whose errors of input become one sentence and the exit status 2."""
    try:
        return do()
    except KeyboardInterrupt:
        print("\ninterrupted; nothing is kept of an unfinished check", file=sys.stderr)
        return INTERRUPTED
    except (WrongInput, OSError) as error:
        if os.environ.get("REPLICATIONS_TRACEBACK"):
            raise
        print(f"{name}: {sentence(error)}", file=sys.stderr)
        return 2


def _regress(arguments: Sequence[str]) -> int:
    start = time.perf_counter()
    words = understood(arguments, ("seed", "probes", "recorded"))
    settings, golden = settings_for(words.overrides)
    names = chosen_probes(settings, words.probes)
    numbers = tuple(range(words.seed, words.seed + SETS))
    folder = baselines_root()
    if not names and not words.recorded:
        raise WrongInput("probes=none and recorded=false leave nothing to check")
    baseline = load(settings.profile, settings.network, folder)
    if names:
        _check(baseline, settings, numbers)
    kept = recorded_values.load(folder) if words.recorded else {}
    measured = measure(settings, numbers, names, golden, NUMBER)
    if names and all(probe.status == "not run" for probe in measured.probes.values()):
        first = next(iter(measured.probes.values()))
        raise WrongInput(f"no probe can be run; {first.name}: {first.sentence}")
    verdicts = judge(baseline.probes, measured, words.probes)
    pictures = judge_golden(baseline, measured, folder)
    recorded = recorded_values.judge(kept, recorded_values.recorded_now()) if words.recorded else []
    report = Report(baseline, measured, verdicts, pictures, recorded, _command(arguments), time.perf_counter() - start)
    page = write_report(report, report_folder(settings, words.seed))
    for line in departures([*verdicts, *recorded], pictures):
        print(line)
    print(report.summary())
    print(f"The page: {_relative(page)}")
    sys.stdout.flush()
    return 1 if report.reds else 0


def _check(baseline: Baseline, settings: Settings, numbers: Sequence[int]) -> None:
    """Raises WrongInput where there is nothing to compare with, or where it is compared with itself."""
    if not baseline.probes:
        raise WrongInput(
            f"there is no baseline of profile {settings.profile} with network {settings.network} yet; write one: "
            "make baseline REASON='...'" + (f" PROFILE={settings.profile}" if settings.profile != "laptop" else "")
        )
    if both := sorted(baseline.numbers() & set(numbers)):
        raise WrongInput(
            f"the sets {both} are the baseline's own, and a list can't be tested against itself; choose a seed from "
            f"{max(baseline.numbers()) + 1} on"
        )


def departures(verdicts: Sequence[Verdict], pictures: Sequence[GoldenVerdict]) -> list[str]:
    """A line for each verdict but "same"; measures of a probe that share a sentence share a line."""
    groups: dict[tuple[str, str, str, bool], list[str]] = {}
    for verdict in verdicts:
        if verdict.kind != "same":
            key = (verdict.kind, verdict.probe, verdict.sentence, verdict.red)
            groups.setdefault(key, []).append(verdict.measure)
    for one in pictures:
        if one.kind != "same":
            groups.setdefault((one.kind, one.probe, one.sentence, one.red), []).append("golden pictures")
    order = {kind: place for place, kind in enumerate(("worse", "missing", "incomparable", "better"))}
    by_weight = sorted(groups.items(), key=lambda item: (not item[0][3], order[item[0][0]]))
    lines = []
    for (kind, probe, said, red), measures in by_weight:
        named = ", ".join(filter(None, measures[:3])) + (f" and {len(measures) - 3} more" if len(measures) > 3 else "")
        lines.append(f"{'! ' if red else '  '}{kind:<12} {probe} {named}{': ' if named else ''}{said}")
    return lines


def report_folder(settings: Settings, seed: int) -> Path:
    """Where the page goes."""
    own = "" if settings.network == settings.own_network else f"-{settings.network}"
    other = "" if seed == understood([], ()).seed else f"-seed{seed}"
    return results_root() / "runs" / "regress" / settings.profile / f"report{own}{other}"


def _command(arguments: Sequence[str]) -> str:
    return " ".join(["replicate regress", *arguments])


def _relative(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


if __name__ == "__main__":
    main()
