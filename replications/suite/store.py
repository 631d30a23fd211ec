"""Keeps outcomes: a folder each, named by what determines it, complete or not there.

<root>/<experiment>-<hash12>/outcome.json, *.png, *.npz, *.gif    done
<root>/.work/<experiment>-<hash12>/                         scratch of an experiment under way
<root>/.locks/<experiment>-<hash12>.lock                    held while it is being measured
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.paths import explain_os_error, file_lock
from replications.suite.outcome_json import digest, encode

if TYPE_CHECKING:
    from replications.suite.interface import Outcome, Picture

DOCUMENT = "outcome.json"
FORMAT = 1
DPI = 150


def key_of(experiment: str, identity: Mapping[str, Any]) -> str:
    """The folder's name: the experiment and the first 12 digits of its identity's hash."""
    return f"{experiment}-{digest(identity)[:12]}"


class Store:
    """The outcomes below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Where the outcome lies, or will lie."""
        return self.root / key

    def workspace(self, key: str) -> Path:
        """The scratch folder of an experiment that is not done; survives an interrupted run."""
        return self.root / ".work" / key

    def load(self, key: str) -> dict[str, Any] | None:
        """The document of a finished outcome, or None."""
        return read_document(self.folder(key))

    @contextlib.contextmanager
    def lock(self, key: str, timeout: float = -1) -> Iterator[None]:
        """Held by whoever measures `key`; raises TimeoutError if another process holds it for `timeout` seconds."""
        with file_lock(self.root / ".locks" / f"{key}.lock", timeout):
            yield

    def save(self, key: str, head: Mapping[str, Any], outcome: Outcome, provenance: Mapping[str, Any]) -> Path:
        """Write the outcome and its pictures to a temporary folder and rename it; then drop the scratch folder.

        Must be called under `lock(key)`.

        Raises:
            OSError: the disk is full or read-only; nothing is left behind.
            ValueError: the outcome can't be written as JSON (see `outcome_json.encode`).
        """
        target, temporary = self.folder(key), self.root / f".{key}.tmp"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            pictures = [_draw(temporary, picture) for picture in outcome.pictures]
            document = {"format": FORMAT, **head, **encode(outcome, pictures), "provenance": dict(provenance)}
            write_document(temporary, document)
            _sync(temporary)
            replace_folder(temporary, target)
        except OSError as error:
            raise explain_os_error(error, target) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(self.workspace(key), ignore_errors=True)
        return target


def read_document(folder: Path) -> dict[str, Any] | None:
    """The outcome in `folder`, or None if there is none of this format."""
    try:
        document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return document if document.get("format") == FORMAT else None


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    """Write an outcome to `folder`."""
    _write(folder / DOCUMENT, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def replace_folder(source: Path, target: Path) -> None:
    """Move `source` to `target`; an older `target` is put aside first and then removed."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(source, target)
    shutil.rmtree(old, ignore_errors=True)


def _draw(folder: Path, picture: Picture) -> dict[str, Any]:
    """Write one picture and the arrays behind it, the same bytes for the same figure; gives its description."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", picture.name)
    figure = picture.figure
    FigureCanvasAgg(figure)
    # Without "Software" the file doesn't change with matplotlib's version string.
    figure.savefig(folder / f"{stem}.png", dpi=DPI, metadata={"Software": None})
    if picture.arrays:
        arrays: dict[str, Any] = dict(picture.arrays)
        np.savez_compressed(folder / f"{stem}.npz", **arrays)
    if picture.animation is not None:
        (folder / f"{stem}.gif").write_bytes(picture.animation)
    width, height = _png_size(folder / f"{stem}.png")
    return {
        "name": picture.name,
        "title": picture.title,
        "caption": picture.caption,
        "file": f"{stem}.png",
        "arrays": f"{stem}.npz" if picture.arrays else None,
        "width": width,
        "height": height,
        **({} if picture.animation is None else {"animation": f"{stem}.gif"}),
    }


def _png_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header."""
    with path.open("rb") as file:
        header = file.read(24)
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync(folder: Path) -> None:
    """Have the files on the disk before the rename says that they are complete."""
    for path in [*sorted(folder.iterdir()), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
