"""Writes results/leaderboard.csv and the raw values beside it: `python -m replications.compare.export [--check]`.

leaderboard.csv           a row for each recorded method, setting and measure, of every profile and network, with cost
leaderboard_values.csv.gz a row for each value: of one unit, in one set of pictures, by one measure

They are made of what is recorded and nothing else, the same bytes for the same outcomes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from metrics.crossed_missing import crossed_interval_with_gaps
from replications.compare.boards import Board, CellFound, read_cell
from replications.compare.recorded_cells import Recorded, recorded
from replications.paths import atomic_write, project_root

LEADERBOARD, RAW = "leaderboard.csv", "leaderboard_values.csv.gz"
COLUMNS = (
    "profile",
    "network",
    "method",
    "title",
    "family",
    "setting",
    "measure",
    "direction",
    "mean",
    "low",
    "high",
    "units",
    "seeds",
    "passes",
    "generator_passes",
    "images_looked_at",
    "seconds",
    "peak_memory_mib",
    "device",
    "commit",
)
RAW_COLUMNS = ("profile", "network", "method", "setting", "measure", "seed", "unit", "kind", "layer", "value")
DIGITS = 6

Cells = Sequence[tuple[Recorded, CellFound]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with --check say whether they are in step; the exit status is 1 where they are not."""
    parser = argparse.ArgumentParser(prog="python -m replications.compare.export", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    checking = parser.parse_args(arguments).check
    results = project_root() / "results"
    old = stale(results)
    if checking and old:
        print(f"not in step with results/recorded: {', '.join(old)}; run `make readme`", file=sys.stderr)
        return 1
    for name, content in files(results).items():
        if name in old:
            with atomic_write(results / name) as file:
                file.write(content)
    return 0


def stale(results: Path) -> list[str]:
    """The files that hold something else than what is recorded."""
    return [name for name, content in files(results).items() if _content(results / name) != content]


def files(results: Path) -> Mapping[str, bytes]:
    """The files by name; none where nothing is recorded. Of the compressed one the bytes depend on nothing else."""
    found = [(one, cell) for one in recorded(results) if (cell := read_cell(one.document)) is not None]
    if not found:
        return {}
    return {LEADERBOARD: _csv(COLUMNS, _rows(found)), RAW: gzip.compress(_csv(RAW_COLUMNS, _values(found)), 9, mtime=0)}


def _content(path: Path) -> bytes | None:
    """What the file holds; compressed ones are compared by what another zlib would make of the same."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    return gzip.compress(gzip.decompress(content), 9, mtime=0) if path.suffix == ".gz" else content


def _rows(cells: Cells) -> Iterator[list[object]]:
    for one, cell in cells:
        board, made = Board(cell.setting, [cell]), one.provenance
        memory = made["device_memory"] or made["peak_memory"]
        for name, measure in board.measures.items():
            values = board.values(name, cell.name)
            known = ~np.isnan(values)
            yield [
                one.profile,
                one.network,
                cell.name,
                cell.title,
                cell.family,
                cell.setting,
                name,
                measure.better,
                *map(_number, crossed_interval_with_gaps(values)),
                int(known.any(0).sum()),
                int(known.any(1).sum()),
                _number(cell.passes),
                _number(cell.generator_passes),
                _number(cell.looked_at),
                _number(made["seconds"]),
                round(memory / 2**20),
                made["device"],
                (made["commit"] or "")[:12],
            ]


def _values(cells: Cells) -> Iterator[list[object]]:
    for one, cell in cells:
        head = [one.profile, one.network, cell.name, cell.setting]
        for measure in cell.measures:
            for (seed, unit), value in cell.values[measure.name].items():
                layer = "" if unit.layer is None else unit.layer
                yield [*head, measure.name, seed, unit.title, unit.kind, layer, _number(value)]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().encode()


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else ""


if __name__ == "__main__":
    sys.exit(main())
