"""Writes the README's tables from the summaries in results/verdicts: `python -m replications.suite.readme [--check]`.

A table stands between `<!-- NAME -->` and `<!-- end of NAME -->`; what is there is replaced, nothing else is touched.
A paper may have further tables of its own: `readme` in its file in conf/paper names, by the table, what makes each.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from replications.paths import atomic_write, project_root
from replications.suite import ledger
from replications.suite.formatting import memory, seconds
from replications.suite.ledger import Ledger, Paper
from replications.suite.verdicts import VerdictKind

Summary = Mapping[str, Any]
COMMANDS = "commands.json"
PROFILES = ("laptop", "natural", "imagenet")
BOLD = (VerdictKind.REPRODUCED, VerdictKind.TREND, VerdictKind.DEVIATES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or with --check say whether they are in step; the exit status is 1 where they are not."""
    parser = argparse.ArgumentParser(prog="python -m replications.suite.readme", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    checking = parser.parse_args(arguments).check
    path = project_root() / "README.md"
    old = path.read_text(encoding="utf-8")
    kept = project_root() / "results" / "verdicts"
    new = renew(old, summaries(kept), measured_commands(kept))
    new = renew_own(new, own_tables(project_root() / "conf" / "paper"), kept.parent)
    if new == old:
        return 0
    if checking:
        print("README.md is not in step with results/verdicts; run `make readme`", file=sys.stderr)
        return 1
    with atomic_write(path, "w") as file:
        file.write(new)
    return 0


def summaries(folder: Path) -> list[Summary]:
    """All kept summaries, small profiles first."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != COMMANDS]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return sorted(found, key=lambda s: (s["paper"], PROFILES.index(s["profile"]), s["network"]))


def measured_commands(folder: Path) -> Mapping[str, Any] | None:
    """What `measure_commands` has kept, or None."""
    path = folder / COMMANDS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def renew(readme: str, kept: Sequence[Summary], commands: Mapping[str, Any] | None) -> str:
    """`readme` with its tables made anew from the summaries and from what the commands cost.

    Raises:
        ValueError: a table's markers are missing.
    """
    ledgers = [ledger.load(paper) for paper in {summary["paper"] for summary in kept}]
    ledgers.sort(key=lambda found: (found.paper.year, found.paper.key))
    tables = [verdict_table(found, [s for s in kept if s["paper"] == found.paper.key]) for found in ledgers]
    readme = _between(readme, "verdicts", "\n\n".join(tables) or "Nothing is recorded yet.")
    readme = _between(readme, "costs", cost_table(kept) if kept else "Nothing is recorded yet.")
    return _between(readme, "commands", command_table(commands) if commands else "Not measured yet.")


def own_tables(conf: Path) -> dict[str, str]:
    """What makes the papers' own tables, by the tables' names: functions of the folder of results, by dotted names."""
    papers = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(conf.glob("*.yaml"))]
    return {name: maker for paper in papers for name, maker in (paper.get("readme") or {}).items()}


def renew_own(readme: str, tables: Mapping[str, str], results: Path) -> str:
    """`readme` with the papers' own tables made anew, as far as it has a place for them.

    Raises:
        ValueError: a table begins and doesn't end.
    """
    from hydra.utils import get_method

    for name, maker in tables.items():
        if f"<!-- {name} -->" in readme:
            readme = _between(readme, name, get_method(maker)(results))
    return readme


def command_table(found: Mapping[str, Any]) -> str:
    """What the README's commands took in a fresh clone, and whether the resumed run found what the undisturbed did."""
    costs = found["commands"]
    told = {
        "setup": "`make setup`: everything is installed",
        "replicate": "`make replicate-zeiler`, the first run",
        "again": "the same again",
        "resumed": "the same in new folders, killed half-way and started again: the rest",
        "test": "`make test`",
    }
    if "test" in costs:
        told["test"] += ": " + ", ".join(f"{n:,} {kind}" for kind, n in costs["test"]["tests"].items())
    lines = [_line("", "Time", "Peak memory"), _line(*["---"] * 3)]
    for name, words in told.items():
        if name in costs:
            lines.append(_line(words, seconds(costs[name]["seconds"]), memory(costs[name]["peak_memory"])))
    cores = f"{found['cores']} core{'s' if found['cores'] > 1 else ''}"
    where = f"{cores} ({found['processor']}), Python {found['python']}, on {found['date']}"
    lines += ["", f"Measured in a fresh clone of commit `{found['commit'][:7]}` on {where} (`make measure-commands`)."]
    if "resumed" in costs:
        lines.append(_resumed(costs["resumed"]))
    return "\n".join(lines)


def _resumed(cost: Mapping[str, Any]) -> str:
    """What became of the killed run, in a sentence."""
    killed = f"Killed with SIGKILL after {seconds(cost['killed_after'])}, {cost['done_when_killed']} outcomes done"
    same = "all are those of the undisturbed run, bit for bit"
    ending = f"{len(cost['differences'])} differ from the undisturbed run's" if cost["differences"] else same
    return f"{killed}, and started again, it found {cost['outcomes']}: {ending}."


def verdict_table(reported: Ledger, kept: Sequence[Summary]) -> str:
    """A row for each claim of the paper and a column for each recorded run, with the counts above."""
    place = {section.experiment: section.place for section in reported.sections}
    heads = [f"{s['profile']}, `{s['network']}`" for s in kept]
    lines = [f"**{_cite(reported.paper)}, {reported.paper.title}**", ""]
    for head, summary in zip(heads, kept, strict=True):
        counted = summary["counts"]["claim"]
        counts = ", ".join(f"{counted[kind]} {kind}" for kind in VerdictKind if kind in counted)
        lines.append(f"- {head}: {counts}, of {len(summary['claims'])} claims")
    lines += ["", _line("", "Claim of the paper", *heads), _line(*["---"] * (2 + len(heads)))]
    for row in reported.rows:
        if row.kind == "claim" and row.experiment is not None:
            cells = [_verdict(summary["claims"].get(row.id)) for summary in kept]
            lines.append(_line(place[row.experiment], row.quantity, *cells))
    return "\n".join(lines)


def cost_table(kept: Sequence[Summary]) -> str:
    """What the experiments of each recorded run took together: those of every run, and those that need `full=true`.

    A network that several experiments use counts once. Its training is counted in seconds of the one core it had.
    """
    lines = [_line("Run", "Experiments", "Time", "Peak memory of its process", "Measured on"), _line(*["---"] * 5)]
    for summary in kept:
        for trains, words in ((False, "of every run"), (True, "with `FULL=1` only")):
            costs = [cost for cost in summary["experiments"].values() if cost["trains"] is trains]
            if not costs:
                continue
            trained = {key: took for cost in costs for key, took in cost.get("trained", {}).items()}
            if trained:
                words += f"; {len(trained)} networks took {seconds(sum(trained.values()))} of one core, several at once"
            devices = "; ".join(dict.fromkeys(cost["device"] for cost in costs))
            lines.append(
                _line(
                    f"{summary['paper']}: {summary['profile']}, `{summary['network']}`",
                    f"{len(costs)}: {words}",
                    seconds(sum(cost["seconds"] for cost in costs)),
                    memory(max(cost["peak_memory"] for cost in costs)),
                    devices,
                )
            )
    return "\n".join(lines)


def _cite(paper: Paper) -> str:
    """ "Zeiler & Fergus 2014" """
    names = [author.split()[-1] for author in paper.authors]
    return f"{' & '.join(names) if len(names) < 3 else f'{names[0]} et al.'} {paper.year}"


def _verdict(claim: Mapping[str, Any] | None) -> str:
    """The verdict on one claim in a cell: the word, and the measured effects with their intervals."""
    if claim is None:
        return "–"
    word = f"**{claim['verdict']}**" if claim["verdict"] in BOLD else claim["verdict"]
    if claim["open"]:
        word += " (direction not established)"
    stale = " (stale)" if claim["status"] == "stale" and claim["effects"] else ""
    return f"{word}{stale}" + "".join(f"<br>{effect}" for effect in claim["effects"])


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _between(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"README.md needs the markers '{begin}' and '{end}', once each")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text)


if __name__ == "__main__":
    sys.exit(main())
