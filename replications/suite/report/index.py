"""The index of all pages: `replicate index`, `make index`. It joins what runs have left and what is recorded.

Verdicts are counted from what runs of this machine left beside their pages (`kept`), and, where there is no such run,
from results/verdicts, which the README's tables are made of too.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import yaml

from replications.paths import atomic_write, project_root, results_root
from replications.suite import ledger
from replications.suite.readme import PROFILES, summaries
from replications.suite.recorded import read_document
from replications.suite.report import kept
from replications.suite.report.environment import environment
from replications.suite.report.panels import Panel
from replications.suite.report.view import STATUS_WORDS, SYMBOLS
from replications.suite.store import DPI
from replications.suite.verdicts import VerdictKind

INDEX = "index.html"
CSS_DPI = 96
TALLEST = 260  # CSS pixels of a picture in the gallery
MISSING = ("failed", "stale", "not run")  # by weight


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of a paper, of this machine or recorded. page: its address; None where it has no page here.

    counts: of claims, values and setups, by verdict. experiments: as in run.json; empty where only verdicts are known.
    """

    paper: str
    profile: str
    network: str
    seed: str
    own: bool
    page: str | None
    pages: tuple[tuple[str, str], ...]
    counts: Mapping[str, Mapping[str, int]]
    experiments: tuple[Mapping[str, Any], ...]

    @property
    def title(self) -> str:
        """What run it is, in words."""
        seed = "" if self.seed in ("", "0") else f", seed {self.seed}"
        return f"{self.profile}, {self.network}{seed}"


@dataclasses.dataclass(frozen=True)
class Shown:
    """A picture of the gallery. picture, page: addresses."""

    place: str
    title: str
    picture: str
    page: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Lacking:
    """An experiment that there is no current outcome of, and why."""

    run: str
    name: str
    title: str
    status: str
    word: str
    why: str
    command: str


@dataclasses.dataclass(frozen=True)
class Paper:
    key: str
    title: str
    cited: str
    runs: tuple[Run, ...]
    gallery: tuple[Shown, ...]
    lacking: tuple[Lacking, ...]


def write_index(arguments: Sequence[str] = ()) -> int:
    """Write results/runs/index.html from what there is; what the word `index` of the command line does."""
    from replications.suite.errors import WrongInput

    if arguments and arguments[0] in ("--help", "-h"):
        print("replicate index: write results/runs/index.html from what has been measured and what is recorded")
        return 0
    if arguments:
        raise WrongInput(f"`replicate index` takes nothing, found {' '.join(arguments)}")
    page = write(results_root())
    relative = os.path.relpath(page)
    print(f"The index of all pages: {page if relative.startswith('..') else relative}")
    return 0


def write(results: Path) -> Path:
    """Write `results`/runs/index.html; gives it.

    Raises:
        OSError: it can't be written.
    """
    path = results / "runs" / INDEX
    configured = papers()
    page = (
        _environment()
        .get_template("all.html.jinja")
        .render(
            papers=[_paper(key, said, results, path.parent) for key, said in configured.items()],
            panels=[
                (panel, _links(panel, path.parent))
                for said in configured.values()
                for panel in (_named(said["front"])(results) if "front" in said else ())
            ],
            words=_words(),
        )
    )
    with atomic_write(path, "w") as file:
        file.write(page)
    return path


def papers(extra: str | None = None) -> dict[str, dict[str, Any]]:
    """What conf/paper says of each paper, in the order of their turns and years. extra: another folder like conf."""
    found = {}
    folders = [project_root() / "conf", *([Path(extra)] if extra else [])]
    for path in (path for folder in folders for path in sorted((folder / "paper").glob("*.yaml"))):
        said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        found[path.stem] = said
    return dict(sorted(found.items(), key=lambda item: order(*item)))


def order(key: str, said: Mapping[str, Any]) -> tuple[bool, int, int, str]:
    """By turn, those without one last, and by year."""
    turn = said.get("turn", 0)
    try:
        year = ledger.load(key).paper.year
    except ledger.LedgerError:
        year = 0
    return turn is None, turn or 0, year, key


def _paper(key: str, said: Mapping[str, Any], results: Path, at: Path) -> Paper:
    own = list(_own_runs(key, results, at))
    have = {(run.profile, run.network) for run in own}
    runs = sorted([*own, *(r for r in _recorded_runs(key, results) if (r.profile, r.network) not in have)], key=_rank)
    try:
        paper = ledger.load(key).paper
        names = [author.split()[-1] for author in paper.authors]
        cited = f"{' & '.join(names) if len(names) < 3 else f'{names[0]} et al.'} {paper.year}"
    except ledger.LedgerError:
        cited = ""
    gallery = tuple(_gallery(runs, results, at, key))
    return Paper(key, str(said["title"]), cited, tuple(runs), gallery, tuple(_lacking(runs)))


def _own_runs(key: str, results: Path, at: Path) -> Iterator[Run]:
    """The runs of this machine that left something beside their pages."""
    for path in sorted((results / "runs" / key).glob(f"*/*/{kept.FILE}")):
        said = kept.read(path)
        if said is None or not (path.parent / INDEX).is_file():
            continue
        pages = tuple((Path(name).stem, _address(path.parent / name, at)) for name in said["pages"])
        experiments = tuple(
            {**e, "at": _address(path.parent, at), "anchor": f"{_address(path.parent / INDEX, at)}#{quote(e['name'])}"}
            for e in said["experiments"]
        )
        page = _address(path.parent / INDEX, at)
        about = said["profile"], said["network"], str(said["seed"])
        yield Run(key, *about, True, page, pages, _ordered(said["counts"]), experiments)


def _recorded_runs(key: str, results: Path) -> Iterator[Run]:
    """The runs whose verdicts are kept with these results or with the project."""
    seen = set()
    for folder in dict.fromkeys((results / "verdicts", project_root() / "results" / "verdicts")):
        for found in summaries(folder) if folder.is_dir() else ():
            run = Run(key, found["profile"], found["network"], "", False, None, (), _ordered(found["counts"]), ())
            if found["paper"] == key and (run.profile, run.network) not in seen:
                seen.add((run.profile, run.network))
                yield run


def _ordered(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The counts of each kind of row with the verdicts in their own order."""
    kinds = [str(kind) for kind in VerdictKind]
    return {row: {kind: counted[kind] for kind in kinds if kind in counted} for row, counted in counts.items()}


def _rank(run: Run) -> tuple[int, str, str, str]:
    place = PROFILES.index(run.profile) if run.profile in PROFILES else len(PROFILES)
    return place, run.profile, run.network, run.seed


def _gallery(runs: Sequence[Run], results: Path, at: Path, key: str) -> Iterator[Shown]:
    """Of the first run of this machine that shows something, else what is recorded with pictures."""
    for run in runs:
        if any(e["pictures"] for e in run.experiments):
            for e in run.experiments:
                for p in e["pictures"][:1]:
                    picture = f"{e['at']}/{quote(p['file'])}"
                    yield Shown(e["place"], p["title"], picture, e["anchor"], *_size(p))
            return
    for root in dict.fromkeys((results, project_root() / "results")):
        for folder in sorted((root / "recorded" / key / PROFILES[0]).glob("*")):
            document = read_document(folder) or {"pictures": []}
            for p in document["pictures"][:1]:
                address = _address(folder / p["file"], at)
                yield Shown(document["title"], p["title"], address, address, *_size(p))


def _size(picture: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height in CSS pixels, no higher than the gallery's pictures are."""
    scale = min(CSS_DPI / DPI, TALLEST / picture["height"])
    return round(picture["width"] * scale), round(picture["height"] * scale)


def _lacking(runs: Iterable[Run]) -> list[Lacking]:
    found = [
        Lacking(
            run.title, e["name"], e["title"], e["status"], STATUS_WORDS[e["status"]], e["sentence"] or "–", e["command"]
        )
        for run in runs
        for e in run.experiments
        if e["status"] in MISSING
    ]
    return sorted(found, key=lambda one: MISSING.index(one.status))


def _links(panel: Panel, at: Path) -> list[tuple[str, str]]:
    return [(words, _address(path, at)) for words, path in panel.links if path.is_file()]


def _words() -> dict[str, str]:
    """What a verdict's word looks like in a class of the style sheet."""
    return {str(kind): re.sub(r"[^a-z]+", "-", str(kind)) for kind in VerdictKind}


def _address(path: Path, at: Path) -> str:
    """The address of a file on a page in the folder `at`."""
    return quote(os.path.relpath(path, at).replace(os.sep, "/"))


def _named(name: str) -> Callable[..., list[Panel]]:
    from hydra.utils import get_method

    found: Callable[..., list[Panel]] = get_method(name)
    return found


def _environment() -> jinja2.Environment:
    templates = environment()
    templates.globals["symbols"] = {str(kind): symbol for kind, symbol in SYMBOLS.items()}
    return templates
