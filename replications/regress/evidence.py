"""Evidence that the regression check can fail, and that it is quiet otherwise: `make regress-evidence`.

(a) Every defect of `defects` is planted, the probes that it could touch are measured anew with three seeds, and what
    they find is tested against the baseline as `make regress` does, corrected for all the tests that it makes.
(b) On the code as it is all probes are measured twenty times, each time with three fresh seeds.

What turned worse, with its numbers, and how many of the twenty raised an alarm go to results/baselines/evidence.json.
The raw values of every part are kept under the cache folder by the code and the configurations behind them, so what was
interrupted goes on, and a baseline that is written anew costs no new measuring.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from replications.paths import atomic_write, cache_root, project_root
from replications.progress import say
from replications.regress.baselines import Baseline, baselines_root, load
from replications.regress.defects import DEFECTS, planted
from replications.regress.measuring import measure, settings_for
from replications.regress.testing import ALPHA, Verdict, judge, tests
from replications.regress.values import Made, Measured, MeasureValues, ProbeValues
from replications.suite.errors import WrongInput, sentence
from replications.suite.identity import code_of
from replications.suite.outcome_json import digest
from replications.suite.settings import Settings

PROFILE = "laptop"
SEEDS = (1000, 1001, 1002)  # as `make regress` has them
RERUNS = 20
FIRST_FRESH = 2000  # the number of the first set of the first rerun
INTERRUPTED = 130


@dataclasses.dataclass(frozen=True)
class Part:
    """One measuring. defect: what is planted, None for nothing. numbers: of the sets. probes: None for all."""

    name: str
    defect: str | None
    numbers: tuple[int, ...]
    probes: tuple[str, ...] | None

    def measured(self, settings: Settings) -> Measured:
        """Measure it, in this process alone."""
        with planted(self.defect) if self.defect else contextlib.nullcontext():
            return measure(settings, self.numbers, self.probes)


def parts_of(settings: Settings, reruns: int) -> list[Part]:
    """All there is to measure, the defects first. Probes that aren't configured are left out."""
    found = []
    for defect in DEFECTS.values():
        probes = tuple(name for name in defect.probes if name in settings.configs)
        found.append(Part(f"defect-{defect.name.replace(' ', '-')}", defect.name, SEEDS, probes))
    for number in range(reruns):
        first = FIRST_FRESH + len(SEEDS) * number
        found.append(Part(f"rerun-{first}", None, tuple(range(first, first + len(SEEDS))), None))
    return found


# ----------------------------------------------------------------------------------------------------- kept parts


def kept_in(settings: Settings) -> Path:
    """The folder of the parts' raw values, by all that they depend on but the machine."""
    code = code_of(dict(settings.configs), "replications.regress.defects", "replications.regress.measuring")
    for part in settings.parts.values():
        code |= code_of(part)
    about = json.dumps([digest(code), digest(dict(settings.configs)), digest(dict(settings.parts))])
    return cache_root() / "evidence" / hashlib.sha256(about.encode()).hexdigest()[:20]


def keep(path: Path, measured: Measured, seconds: float) -> None:
    """Write a part's values, in one step."""
    probes = {name: dataclasses.asdict(probe) for name, probe in measured.probes.items()}
    document = {"numbers": measured.numbers, "seconds": round(seconds, 1), "probes": probes}
    with atomic_write(path, "w") as file:
        json.dump(document, file)


def held(path: Path, settings: Settings) -> tuple[Measured, float] | None:
    """What the file of a part holds, and how many seconds it took; None where there is none of use."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        probes = {name: _probe(one) for name, one in document["probes"].items()}
        return Measured(settings.profile, settings.network, tuple(document["numbers"]), probes), document["seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _probe(one: Mapping[str, Any]) -> ProbeValues:
    measures = {
        name: MeasureValues(**{**said, "values": {int(n): v for n, v in said["values"].items()}})
        for name, said in one["measures"].items()
    }
    return ProbeValues(**{**one, "measures": measures, "made": Made(**one["made"])})


# ------------------------------------------------------------------------------------------------- what it comes to


def about_defect(part: Part, verdicts: Sequence[Verdict], seconds: float) -> dict[str, Any]:
    """What the check says with the defect planted."""
    assert part.defect is not None
    defect = DEFECTS[part.defect]
    red = [verdict for verdict in verdicts if verdict.red]
    return {
        "name": defect.name,
        "fear": defect.fear,
        "breaks": f"{defect.module}.{defect.attribute}",
        "caught": bool(red),
        "seconds": seconds,
        "tests": sum(verdict.p is not None for verdict in verdicts),
        "worse": [_told(verdict) for verdict in sorted(red, key=_clearness)],
        "probes": {
            name: {
                kind: sum(v.probe == name and v.kind == kind for v in verdicts)
                for kind in dict.fromkeys(v.kind for v in verdicts if v.probe == name)
            }
            for name in part.probes or ()
        },
    }


def _clearness(verdict: Verdict) -> tuple[bool, float]:
    return verdict.adjusted is None, verdict.adjusted or 0.0


def _told(verdict: Verdict) -> dict[str, Any]:
    old, new = (sum(values) / len(values) if values else None for values in (verdict.old, verdict.new))
    return {
        "probe": verdict.probe,
        "measure": verdict.measure,
        "verdict": verdict.kind,
        "baseline": _rounded(old),
        "now": _rounded(new),
        "floor": verdict.floor,
        "p": _rounded(verdict.p),
        "adjusted": _rounded(verdict.adjusted),
        "sentence": verdict.sentence,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def about_reruns(runs: Sequence[tuple[Part, Sequence[Verdict]]]) -> dict[str, Any]:
    """How often the check raises an alarm where nothing has changed."""
    from scipy import stats

    alarms = [(part, [v for v in verdicts if v.red]) for part, verdicts in runs]
    count, raised = len(alarms), sum(bool(red) for _, red in alarms)
    # what is said to be one in a hundred would raise so many alarms or more with this probability
    chance = float(stats.binom.sf(raised - 1, count, ALPHA)) if count else 1.0
    return {
        "runs": count,
        "sets_of_a_run": len(SEEDS),
        "stated_rate": ALPHA,
        "alarms": raised,
        "chance_of_as_many": _rounded(chance),
        "quiet": chance > 0.05,
        "numbers": [list(part.numbers) for part, _ in alarms],
        "alarms_of": [
            {"numbers": list(part.numbers), "worse": [_told(verdict) for verdict in red]} for part, red in alarms if red
        ],
    }


def evidence(settings: Settings, baseline: Baseline, parts: Sequence[Part], folder: Path) -> dict[str, Any]:
    """The whole, from parts that are all measured."""
    found: list[tuple[Part, list[Verdict], float]] = []
    for part in parts:
        kept = held(folder / f"{part.name}.json", settings)
        assert kept is not None, f"{part.name} isn't measured"
        probes = tuple(settings.configs) if part.probes is None else part.probes
        found.append((part, judge(baseline.probes, kept[0], probes), kept[1]))
    defects = [about_defect(part, verdicts, took) for part, verdicts, took in found if part.defect]
    one = next(iter(baseline.probes.values()))
    return {
        "profile": settings.profile,
        "network": settings.network,
        "alpha": ALPHA,
        "tests": tests(baseline.probes),
        "baseline": {"sets": len(baseline.numbers()), "commit": one.provenance.get("commit")},
        "caught": sum(defect["caught"] for defect in defects),
        "planted": len(defects),
        "defects": defects,
        "reruns": about_reruns([(part, verdicts) for part, verdicts, _ in found if not part.defect]),
        "seconds": round(sum(took for _, _, took in found), 1),
    }


def path() -> Path:
    """The file of the evidence."""
    return baselines_root() / "evidence.json"


# -------------------------------------------------------------------------------------------------- command line


def run(arguments: Sequence[str]) -> int:
    """The exit status: 0 if every defect is caught and the reruns are quiet, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m replications.regress.evidence", description=__doc__.split("\n")[0])
    parser.add_argument("--reruns", type=int, default=RERUNS, help="how often the code as it is is measured")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parts that are measured side by side")
    parser.add_argument("--only", nargs="+", metavar="PART", help="measure these parts and write nothing")
    parser.add_argument("--list", action="store_true", help="say what the parts are, and which are measured")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # one part, in this process
    asked = parser.parse_args(arguments)
    settings, _ = settings_for([f"profile={PROFILE}"])
    folder = kept_in(settings)
    parts = parts_of(settings, asked.reruns)
    if asked.part:
        _measure(next(part for part in parts if part.name == asked.part), settings, folder)
        return 0
    if asked.list:
        for part in parts:
            print(f"{'measured' if held(folder / f'{part.name}.json', settings) else '        '}  {part.name}")
        return 0
    if wrong := sorted(set(asked.only or ()) - {part.name for part in parts}):
        raise WrongInput(f"there is no part {', '.join(wrong)}; --list says which there are")
    chosen = [part for part in parts if not asked.only or part.name in asked.only]
    if failed := _measure_all([p for p in chosen if held(folder / f"{p.name}.json", settings) is None], asked):
        raise WrongInput(f"these parts couldn't be measured: {', '.join(failed)}; what they said stands above")
    baseline = load(settings.profile, settings.network)
    if not baseline.probes:
        raise WrongInput("there is no baseline to test against yet; write one: make baseline REASON='...'")
    found = evidence(settings, baseline, chosen, folder)
    for line in lines(found):
        print(line)
    if not asked.only:
        with atomic_write(path(), "w") as file:
            file.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0 if found["caught"] == found["planted"] and found["reruns"]["quiet"] else 1


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The evidence in words."""
    for defect in found["defects"]:
        worse = defect["worse"]
        first = (
            f"{worse[0]['probe']} {worse[0]['measure']}: {worse[0]['sentence']}" if worse else "nothing turned worse"
        )
        more = f" (and {len(worse) - 1} more)" if len(worse) > 1 else ""
        yield f"{'caught' if defect['caught'] else 'MISSED'}  {defect['name']}: {first}{more}"
    reruns = found["reruns"]
    if found["planted"]:
        yield f"{found['caught']} of {found['planted']} planted defects are caught."
    if reruns["runs"]:
        yield (
            f"{reruns['alarms']} of {reruns['runs']} reruns of the code as it is raised an alarm; stated are "
            f"{reruns['stated_rate']:.0%} of runs."
        )


def _measure(part: Part, settings: Settings, folder: Path) -> None:
    start = time.perf_counter()
    measured = part.measured(settings)
    keep(folder / f"{part.name}.json", measured, time.perf_counter() - start)


def _measure_all(parts: Sequence[Part], asked: argparse.Namespace) -> list[str]:
    """Measure the parts, each in a process of its own; the names of those that failed."""
    failed: list[str] = []
    pool = concurrent.futures.ThreadPoolExecutor(max(1, asked.jobs))
    waiting = {pool.submit(_in_process, part, asked.reruns): part for part in parts}
    try:
        for number, done in enumerate(concurrent.futures.as_completed(waiting), 1):
            part, (status, took) = waiting[done], done.result()
            say(f"{number} of {len(parts)}: {part.name} {'measured' if status == 0 else 'failed'} in {took:.0f} s")
            failed += [part.name] if status else []
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return failed


def _in_process(part: Part, reruns: int) -> tuple[int, float]:
    """One core works on a part: as many parts as there are cores take no longer than one on all of them."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "replications.regress.evidence", "--part", part.name, "--reruns", str(reruns)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
    done = subprocess.run(words, env=environment, cwd=project_root(), stdout=subprocess.DEVNULL, check=False)
    return done.returncode, time.perf_counter() - start


def main() -> None:
    """Run the command line and exit."""
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\ninterrupted; the parts that are measured are kept: run the same command to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (WrongInput, OSError) as error:
        if os.environ.get("REPLICATIONS_TRACEBACK"):
            raise
        print(f"regress-evidence: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
