"""Writes the page of a run: index.html and the pictures it shows, readable without a server."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import jinja2
from markupsafe import Markup

from replications.paths import atomic_write
from replications.suite.formatting import number
from replications.suite.ledger import Ledger
from replications.suite.report import view
from replications.suite.report.environment import environment
from replications.suite.result import ExperimentResult
from replications.suite.store import DPI
from replications.suite.verdicts import Verdict, VerdictKind

PICTURES = "pictures"
CSS_DPI = 96
MOST_ROWS = 40  # of a table on the page; a browser would be slow with all raw values of a large experiment


class PageWriter(Protocol):
    """Writes one more page of a paper, which index.html links to; named under `pages` in conf/paper."""

    def __call__(
        self,
        results: Sequence[ExperimentResult],
        folder: Path,
        facts: Mapping[str, str],
        pictures: Mapping[tuple[str, str], str],
    ) -> tuple[str, str] | None:
        """Write it to `folder`; gives its file's name and its title, or None where there is nothing to show.

        facts: as for `write`, with the profile. pictures: the address in the folder of (experiment, picture's file).
        """
        ...


def write(
    ledger: Ledger,
    profile: str,
    results: Sequence[ExperimentResult],
    verdicts: Sequence[Verdict],
    folder: Path,
    facts: Mapping[str, str] | None = None,
    about: str = "",
    writers: Sequence[PageWriter] = (),
) -> Path:
    """Write `folder`/index.html with copies of the pictures in `folder`/pictures; gives the page.

    Pictures are written first and the page takes the older one's place in one step, so a reader never sees half of
    it; pictures that no page shows any more are removed last. The page depends on nothing but the arguments.

    Args:
        ledger: what the paper reported.
        profile: the profile of the run.
        results: what became of each experiment.
        verdicts: from `verdicts.judge`, in the ledger's order.
        facts: about the run, for its head, by label ("network", "data", "seed", "device", "command").
        about: what the profile looks at, in a few sentences.
        writers: of further pages, beside index.html.

    Raises:
        OSError: the folder can't be written, or an outcome's picture can't be read.
    """
    shown = _copy_pictures(results, folder)
    all_facts = {"profile": profile, **(facts or {})}
    pages = [page for page in (writer(results, folder, all_facts, shown) for writer in writers) if page is not None]
    page = (
        _environment(ledger)
        .get_template("index.html.jinja")
        .render(
            ledger=ledger,
            paper=ledger.paper,
            facts=all_facts,
            about=about,
            pages=pages,
            tallies=view.tallies(verdicts),
            places={section.experiment: section.place for section in ledger.sections},
            claims=[verdict for verdict in verdicts if verdict.row.kind == "claim"],
            sections=view.sections(ledger, results, verdicts, shown),
            verdicts=verdicts,
        )
    )
    path = folder / "index.html"
    with atomic_write(path, "w") as file:
        file.write(page)
    _remove_others(folder / PICTURES, set(shown.values()))
    return path


def _environment(ledger: Ledger) -> jinja2.Environment:
    templates = environment()
    templates.filters["number"] = _cell
    templates.filters["reported"] = view.reported
    templates.filters["slug"] = lambda text: re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")
    templates.filters["deviation"] = view.deviation
    templates.filters["cited"] = functools.partial(_cited, tuple(ledger.sources))
    templates.filters["css_pixels"] = lambda pixels: round(pixels * CSS_DPI / DPI)
    templates.globals["symbols"] = view.SYMBOLS
    templates.globals["most_rows"] = MOST_ROWS
    templates.globals["kinds"] = list(VerdictKind)
    return templates


def _cited(sources: tuple[str, ...], text: object) -> Markup:
    """The text with the keys of sources made links to the list of sources."""
    keys = "|".join(map(re.escape, sources))
    parts = re.split(rf"(?<![\w-])({keys})(?![\w-])", str(text)) if keys else [str(text)]
    link = Markup('<a href="#source-{0}">{0}</a>')
    return Markup("").join(link.format(part) if part in sources else part for part in parts)


def _cell(value: str | float | int | None) -> str:
    """A table's cell as text."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(value)


def _copy_pictures(results: Sequence[ExperimentResult], folder: Path) -> dict[tuple[str, str], str]:
    """Copy every picture, still or moving, that isn't there already; gives the page's address of (experiment, file)."""
    shown = {}
    for result in results:
        if result.outcome is None or result.folder is None:
            continue
        for kept in (name for p in result.outcome.pictures for name in (p.file, p.animation) if name is not None):
            name = picture_name(result.name, kept)
            content = (result.folder / kept).read_bytes()
            target = folder / PICTURES / name
            if not target.is_file() or target.read_bytes() != content:
                with atomic_write(target) as file:
                    file.write(content)
            shown[result.name, kept] = f"{PICTURES}/{name}"
    return shown


def picture_name(experiment: str, file: str) -> str:
    """What an experiment's picture is called beside the page."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{experiment}-{file}")


def _remove_others(folder: Path, shown: set[str]) -> None:
    """Remove the pictures in `folder` that the page doesn't show."""
    for path in (*folder.glob("*.png"), *folder.glob("*.gif")):
        if f"{PICTURES}/{path.name}" not in shown:
            path.unlink(missing_ok=True)
