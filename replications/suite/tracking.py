"""Weights & Biases: one run for each run of a paper, resumed rather than duplicated; a copy, never the truth.

Runs are grouped by paper, profile and commit, those of a sweep by the sweep. The same outcomes at a later commit are
not logged again: a run in W&B is a commit at which something else was found.

The logging happens in a process of its own with a time limit (`python -m replications.suite.tracking JOB`), so that
neither an error nor a hang of the client or the network can fail or hold up the run.
"""

from __future__ import annotations

import dataclasses
import json
import netrc
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from replications.paths import atomic_write, results_root
from replications.suite.outcome_json import digest
from replications.suite.provenance import commit
from replications.suite.report.panels import Panel
from replications.suite.result import ExperimentResult

LONGEST_TAG = 64  # letters that W&B takes


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run stands among the others. group: of a sweep, else None. network, seed: for its tags."""

    group: str | None = None
    network: str = ""
    seed: int = 0


def track(
    settings: Mapping[str, Any],
    described: Mapping[str, Any],
    results: Sequence[ExperimentResult],
    verdicts: list[Any],
    place: Place | None = None,
    panels: Sequence[Panel] = (),
) -> str | None:
    """Log a run, if that is wanted and anything in it is new.

    Args:
        settings: `mode` (auto, online, offline or disabled), `project`, `entity`, `timeout` in seconds.
        described: what the run is of (paper, profile, network, ..., without what was found); its hash is the run's id.
        results: the experiments' results.
        verdicts: rows (id, place, verdict, sentence).
        place: where the run stands among the others.
        panels: what the paper has on the index page beside its verdicts; their tables and numbers are logged.

    Returns:
        A warning in one line if it didn't work, else None.
    """
    try:
        return _track(settings, described, results, verdicts, place or Place(), panels)
    except Exception as error:  # whatever goes wrong in logging what is kept already, the run has not failed
        return _warning(f"{type(error).__name__}: {error}")


def _track(
    settings: Mapping[str, Any],
    described: Mapping[str, Any],
    results: Sequence[ExperimentResult],
    verdicts: Sequence[tuple[str, ...]],
    place: Place,
    panels: Sequence[Panel],
) -> str | None:
    mode = chosen_mode(str(settings["mode"]))
    if mode == "disabled":
        return None
    folder = results_root() / "runs" / "wandb"
    paper, profile = str(described["paper"]), str(described["profile"])
    revision, dirty = commit()
    short = revision[:7] if revision else "uncommitted"
    configured = digest(described)[:12]
    found = {
        "mode": mode,
        "project": settings["project"],
        "entity": settings.get("entity"),
        "dir": str(folder.parent),  # wandb adds its own "wandb"
        "experiments": [_described(result) for result in results if result.outcome is not None],
        "verdicts": [list(row) for row in verdicts],
        "tables": [[panel.title, list(panel.columns), [list(row) for row in panel.rows]] for panel in panels],
        "numbers": {**_counted(paper, verdicts), **{name: n for panel in panels for name, n in panel.numbers.items()}},
    }
    run_id = f"{paper}-{profile}-{short}-{configured}"
    job = {
        **found,
        "id": run_id,
        "config": {**described, "commit": revision, "dirty": dirty, "network": place.network},
        "group": place.group or f"{paper}-{profile}-{short}",
        "job_type": paper,
        "tags": _tags(paper, profile, short, place, dirty),
    }
    content, marker = digest({**found, "described": described}), folder / f"{paper}-{profile}-{configured}.logged"
    if marker.is_file() and marker.read_text() == content:
        return None
    with atomic_write(folder / f"{run_id}.json", "w") as file:
        json.dump(job, file)
    problem = _in_a_process(folder / f"{run_id}.json", float(settings["timeout"]))
    if problem is not None:
        return _warning(problem)
    with atomic_write(marker, "w") as file:
        file.write(content)
    return None


def _counted(paper: str, verdicts: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """How many rows have which verdict."""
    return {f"verdicts/{paper}/{kind}": n for kind, n in Counter(row[2] for row in verdicts).items()}


def _tags(paper: str, profile: str, short: str, place: Place, dirty: bool) -> list[str]:
    tags = [paper, profile, place.network, short, f"seed {place.seed}", place.group or "", "dirty" if dirty else ""]
    return [tag[:LONGEST_TAG] for tag in dict.fromkeys(tags) if tag]


def _warning(problem: str) -> str:
    return f"tracking with W&B didn't work ({problem}); all results are in {results_root() / 'runs'}"


def chosen_mode(asked: str) -> str:
    """The mode: WANDB_MODE if set, else what is asked for; "auto" is online if an account is configured."""
    mode = os.environ.get("WANDB_MODE") or asked
    if mode != "auto":
        return mode
    return "online" if account_configured() else "offline"


def account_configured() -> bool:
    """Whether this machine knows an account of W&B."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _described(result: ExperimentResult) -> dict[str, Any]:
    assert result.outcome is not None
    assert result.folder is not None
    return {
        "name": result.name,
        "status": result.status,
        "measurements": [[m.name, list(m.values), m.unit, m.over] for m in result.outcome.measurements],
        "tables": [[t.name, list(t.columns), [list(row) for row in t.rows]] for t in result.outcome.tables],
        "pictures": [[p.name, str(result.folder / p.file), p.title] for p in result.outcome.pictures],
        "seconds": result.provenance.seconds if result.provenance else None,
    }


def _in_a_process(job: Path, timeout: float) -> str | None:
    """Run `main` on the job in a process of its own; what went wrong in one line, or None."""
    environment = {**os.environ, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    process = subprocess.Popen(
        [sys.executable, "-m", "replications.suite.tracking", str(job)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:.0f} s"
    finally:
        # The client leaves a service process behind when it hangs.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return None
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit status {process.returncode}"


def log(job: Mapping[str, Any]) -> None:
    """Log one job; called in the process of its own."""
    import wandb

    folder = Path(job["dir"])
    online = job["mode"] == "online"
    if not online:
        # An offline run can't be resumed; as this one holds all that the earlier one held, it takes its place.
        for earlier in (folder / "wandb").glob(f"offline-run-*-{job['id']}"):
            shutil.rmtree(earlier)
    run = wandb.init(
        project=job["project"],
        entity=job["entity"],
        id=job["id"],
        name=job["id"],
        config=job["config"],
        group=job["group"],
        job_type=job["job_type"],
        tags=job["tags"],
        mode=job["mode"],
        resume="allow" if online else None,
        dir=str(folder),
        settings=wandb.Settings(console="off", disable_code=True, disable_git=True, x_disable_stats=True),
    )
    logged: dict[str, Any] = {}
    for experiment in job["experiments"]:
        name = experiment["name"]
        raw = wandb.Table(columns=["measurement", "value", "unit", "over"])
        for measurement, values, unit, over in experiment["measurements"]:
            run.summary[f"{name}/{measurement}"] = sum(values) / len(values)
            for value in values:
                raw.add_data(measurement, value, unit, over)
        logged[f"{name}/measurements"] = raw
        run.summary[f"{name}/status"] = experiment["status"]
        run.summary[f"{name}/seconds"] = experiment["seconds"]
        for table, columns, rows in experiment["tables"]:
            text = [["" if cell is None else str(cell) for cell in row] for row in rows]
            logged[f"{name}/{table}"] = wandb.Table(columns=columns, data=text)
        for picture, path, title in experiment["pictures"]:
            logged[f"{name}/pictures/{picture}"] = wandb.Image(path, caption=title)
    if job["verdicts"]:
        logged["verdicts"] = wandb.Table(columns=["id", "place", "verdict", "sentence"], data=job["verdicts"])
    for title, columns, rows in job["tables"]:
        if rows:
            logged[f"tables/{title}"] = wandb.Table(columns=columns, data=rows)
    run.log({**logged, **job["numbers"]})
    run.finish()


if __name__ == "__main__":
    log(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
