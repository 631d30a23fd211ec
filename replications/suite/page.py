"""A whole run of a paper: measure, judge, write the page, track, and say how it came out."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from replications.paths import file_lock, results_root
from replications.progress import say
from replications.suite import ledger, recorded, summary, tracking, verdicts
from replications.suite.identity import portable
from replications.suite.outcome_json import digest
from replications.suite.provenance import device_name
from replications.suite.report import kept
from replications.suite.report.write import write
from replications.suite.result import ExperimentResult
from replications.suite.runner import Runner, runs_folder
from replications.suite.settings import Settings

# What the place or the name of a page says already, or what pages are shared over.
NAMED = ("paper", "profile", "network", "seed", "experiments")
LONGEST = 80  # letters of a page's name that say in which settings the runs of a sweep differ


def replicate(settings: Settings) -> int:
    """Run it; the exit status: 1 if an experiment failed, or if one that was asked for by name can't be run; else 0.

    Raises:
        WrongInput: an input can't be used.
        OSError: the results can't be written.
    """
    from hydra.utils import get_method

    reported = ledger.load(settings.paper)
    runner = Runner(settings)
    results = runner.results()
    if settings.record:
        _record(settings, runner, results)
    folder = runs_folder(settings.paper, settings.profile) / report_name(settings)
    with file_lock(folder.parent / ".locks" / f"{folder.name}.lock"):
        if settings.sweep:
            results = runner.look_again()
        judged = verdicts.judge(reported, results, settings.profile)
        page = write(
            reported,
            settings.profile,
            results,
            judged,
            folder,
            _facts(settings, runner),
            settings.about,
            [get_method(name) for name in settings.pages],
        )
        kept.keep(reported, settings.profile, results, judged, folder, _facts(settings, runner))
    if settings.record:
        found = summary.summarize_run(settings.paper, settings.profile, settings.network, results, judged)
        path = summary.keep(found, settings.own_network)
        say(f"verdicts   recorded in {_relative(path)}; for the README: make readme")
    rows = [(v.row.id, v.row.place, str(v.kind), v.sentence) for v in judged]
    place = tracking.Place(settings.sweep or None, settings.network, settings.seed)
    panels = get_method(settings.front)(results_root()) if settings.front else ()
    warning = tracking.track(settings.tracking, _described(settings, runner), results, rows, place, panels)
    if warning:
        say(f"warning: {warning}")
    failed = [r.name for r in results if r.status == "failed" and r.name in settings.selected]
    asked = settings.experiments if settings.experiments is not None and settings.measure else ()
    lacking = [r.name for r in results if r.name in asked and (r.status == "not run" or r.lacks)]
    counts = ", ".join(f"{n} {kind}" for kind, n in verdicts.count(judged).items() if n)
    ending = f" Failed: {', '.join(failed)}." if failed else ""
    ending += f" Not run: {', '.join(lacking)}." if lacking else ""
    print(f"{counts}.{ending} The page: {_relative(page)}")
    sys.stdout.flush()
    return 1 if failed or lacking else 0


def report_name(settings: Settings) -> str:
    """The folder of the page: "report", with the network's name where it isn't the profile's own, and a seed but 0.

    In a sweep also with the other settings in which its runs differ, but for which experiments they run: runs that
    share everything else share the page, on which each finds what the others have measured.
    """
    network = "" if settings.network == settings.own_network else f"-{settings.network}"
    name = f"report{network}" + (f"-seed{settings.seed}" if settings.seed else "")
    others = [o for o in settings.varied if o.lstrip("+~").partition("=")[0] not in NAMED]
    words = re.sub(r"[^\w.=-]+", "-", " ".join(o.lstrip("+~") for o in others)).strip("-=")
    if len(words) > LONGEST:
        words = f"{words[:LONGEST]}-{digest(others)[:8]}"
    return f"{name}-{words}" if words else name


def _record(settings: Settings, runner: Runner, results: list[ExperimentResult]) -> None:
    """Keep what this run selected and has measured, now or earlier, with the project."""
    for result in results:
        if result.name in settings.selected and result.status == "done":
            assert result.folder is not None
            name = recorded.folder_name(result.name, runner.needs(result.name), settings.network, settings.own_network)
            kept = recorded.keep(result.folder, settings.paper, settings.profile, name, settings.keep_pictures)
            say(f"{result.name:<10} recorded in {_relative(kept)}")


def _facts(settings: Settings, runner: Runner) -> dict[str, str]:
    """What the head of the page says about the run."""
    return {
        "network": settings.network,
        "data": _data_name(settings),
        "seed": str(settings.seed),
        "device": device_name(runner.device),
        "command": settings.command(None, settings.full),
    }


def _data_name(settings: Settings) -> str:
    data = settings.parts["data"]
    return str(data.get("name") or data["_target_"].rpartition(".")[2]) if data else "none"


def _described(settings: Settings, runner: Runner) -> dict[str, object]:
    """What the run is of, whatever part of the paper it measures: the same again resumes the tracked run."""
    return {
        "paper": settings.paper,
        "profile": settings.profile,
        "seed": settings.seed,
        "device": runner.device.type,
        "parts": portable(settings.parts),
        "experiments": portable(settings.configs),
    }


def _relative(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
