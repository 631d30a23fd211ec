"""What a paper may put on the index of all pages beside its verdicts; `front` in conf/paper names what makes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Panel:
    """A part of the index page.

    sentences: above the table. columns, rows: of the table, if any, as text. links: words and the file that each leads
    to; one that isn't there is left out. numbers: not shown, but followed over time by the tracking, by their names.
    """

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    links: tuple[tuple[str, Path], ...] = ()
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)


class Front(Protocol):
    """Makes the panels of one paper."""

    def __call__(self, results: Path) -> list[Panel]:
        """results: the folder of results. None at all where there is nothing to show."""
        ...
