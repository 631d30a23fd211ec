"""Image files on the disk: decoding whatever users have, and checking once which files can be decoded.

Decoding gives RGB as a viewer shows it: EXIF rotation is applied, greyscale, palette, CMYK and 16-bit files are
converted, transparent pixels are laid over white. Resizing and cropping are torchvision's `Resize` (of the short side,
bilinear, antialiased) and `CenterCrop`.

A check decodes a file fully and keeps what it found (height, width, a digest of the content or the reason why it can't
be used) in a small file under the cache root, keyed by the file's path, size and modification time, so that it isn't
repeated at each start. For sets of the size of ImageNet a quick check reads only the header and the first and last
4 KiB: it still finds files that are no images and nearly all truncated JPEGs (whose end marker is missing).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm import tqdm

from replications.data.errors import DataError
from replications.paths import atomic_write, cache_root

Item = TypeVar("Item")
Result = TypeVar("Result")

_ENDS = 4096  # bytes read from either end by a quick check
_SHOW_PROGRESS_FROM = 1000  # files
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values that swap height and width

NOT_AN_IMAGE, TRUNCATED, UNREADABLE, TOO_LARGE = "not an image", "truncated", "unreadable", "too large"


class Checked(NamedTuple):
    """What is known of one file: its size as seen in a viewer, a digest of its content, or why it can't be used."""

    height: int
    width: int
    digest: str
    reason: str | None


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: Path
    reason: str


def read_rgb(path: Path) -> Image.Image:
    """The image in a file, fully decoded, upright, in RGB. Raises what Pillow raises."""
    with Image.open(path) as file:
        return to_rgb(ImageOps.exif_transpose(file))


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode in RGB; transparent pixels are laid over white, 16-bit values are scaled to 8."""
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float64) / 65535 * 255
        return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), opaque).convert("RGB")
    return image.convert("RGB")


def resized_size(height: int, width: int, short: int) -> tuple[int, int]:
    """Height and width once the shorter side is `short` pixels, rounded as torchvision rounds them."""
    if height <= width:
        return short, int(short * width / height)
    return int(short * height / width), short


def crop_corner(height: int, width: int, size: int) -> tuple[int, int]:
    """Top and left of the centre crop of `size` pixels, rounded as torchvision rounds them."""
    return round((height - size) / 2.0), round((width - size) / 2.0)


def fit(image: Image.Image, resize: int, size: int) -> np.ndarray:
    """(3, size, size) uint8: the short side resized to `resize` pixels, then the centre cropped to `size`."""
    height, width = resized_size(image.height, image.width, resize)
    if (height, width) != (image.height, image.width):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    top, left = crop_corner(height, width, size)
    pixels = np.asarray(image)[top : top + size, left : left + size]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


class Pixels:
    """The files of a set as uint8 images of one size, decoded when asked for and kept while they fit in memory.

    paths: the files; resize, size: as in `fit`; keep_bytes: all images are kept once decoded if together they take
    no more than this, and none otherwise; workers: decoding threads (Pillow decodes without Python's lock).
    """

    def __init__(self, paths: Sequence[Path], resize: int, size: int, keep_bytes: int, workers: int | None) -> None:
        if not 1 <= size <= resize:
            raise ValueError(f"the crop must be at least 1 pixel and fit in the resized image: size {size}, {resize}")
        self.paths, self.resize, self.size = tuple(paths), resize, size
        self._keep_bytes, self._workers = keep_bytes, worker_count(workers)
        shape = (len(self.paths), 3, size, size)
        kept = int(np.prod(shape)) <= keep_bytes
        # empty pages are not taken from memory before they are written
        self._kept: Tensor | None = torch.empty(shape, dtype=torch.uint8) if kept else None
        self._filled = np.zeros(len(self.paths), dtype=bool)

    def narrowed(self, positions: Tensor) -> tuple[Pixels, Tensor]:
        """Pixels that hold at least the files at `positions`, and where: these, or new ones that may fit in memory."""
        if self._kept is not None:
            return self, positions
        paths = [self.paths[i] for i in positions.tolist()]
        return Pixels(paths, self.resize, self.size, self._keep_bytes, self._workers), torch.arange(len(paths))

    def get(self, positions: Tensor) -> Tensor:
        """(n, 3, size, size) uint8. Raises DataError where a file can't be decoded (any more)."""
        wanted = positions.tolist()
        if self._kept is None:
            return torch.from_numpy(np.stack(_mapped(self._decode, wanted, self._workers))) if wanted else self._none()
        fresh = sorted({i for i in wanted if not self._filled[i]})
        for i, pixels in zip(fresh, _mapped(self._decode, fresh, self._workers), strict=True):
            self._kept[i] = torch.from_numpy(pixels)
            self._filled[i] = True
        return self._kept[positions]

    def _none(self) -> Tensor:
        return torch.empty((0, 3, self.size, self.size), dtype=torch.uint8)

    def _decode(self, position: int) -> np.ndarray:
        path = self.paths[position]
        try:
            return fit(read_rgb(path), self.resize, self.size)
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(
                f"'{path}' could not be decoded ({error}); it changed since it was checked, or was checked only "
                "quickly: mend or remove it"
            ) from error


def check_files(
    root: Path, paths: Sequence[Path], *, thorough: bool = True, workers: int | None = None
) -> list[Checked]:
    """What is known of each file below `root`, from the cache where the file hasn't changed since.

    thorough: decode each file fully, and digest all of its content; otherwise header, size and both ends only.
    A cache that can't be written costs the check at the next start, and a warning now.
    """
    root = root.resolve()
    kind = "full" if thorough else "quick"
    name = hashlib.sha256(f"{root}|{kind}".encode()).hexdigest()[:16]
    cache_file = cache_root() / "image_checks" / f"{name}.json"
    known = _read_cache(cache_file)
    keys = [_key(root, path) for path in paths]
    fresh = [(path, key) for path, key in zip(paths, keys, strict=True) if key not in known]
    if fresh:
        lock = threading.Lock()
        bar = tqdm(total=len(fresh), desc=f"checking {root.name}", disable=len(fresh) < _SHOW_PROGRESS_FROM)

        def check(item: tuple[Path, str]) -> None:
            found = check_file(item[0], thorough=thorough)
            with lock:
                known[item[1]] = found
                bar.update()

        try:
            _mapped(check, fresh, worker_count(workers))
        finally:
            bar.close()
            _write_cache(cache_file, known)
    return [known[key] for key in keys]


def check_file(path: Path, *, thorough: bool = True) -> Checked:
    """Height, width and digest of one file, or the reason why it can't be used."""
    try:
        with Image.open(path) as file:
            is_jpeg = file.format in ("JPEG", "MPO")
            if thorough:
                width, height = to_rgb(ImageOps.exif_transpose(file)).size
            else:
                sideways = file.getexif().get(_ORIENTATION) in _SIDEWAYS
                width, height = reversed(file.size) if sideways else file.size
        with path.open("rb") as raw:
            if thorough:
                return Checked(height, width, hashlib.file_digest(raw, "sha256").hexdigest()[:32], None)
            length = os.fstat(raw.fileno()).st_size
            ends = raw.read(_ENDS)
            raw.seek(max(0, length - _ENDS))
            last = raw.read(_ENDS)
        if is_jpeg and b"\xff\xd9" not in last:
            return _unusable(TRUNCATED)
        return Checked(height, width, hashlib.sha256(f"{length}|".encode() + ends + last).hexdigest()[:32], None)
    except UnidentifiedImageError:
        return _unusable(NOT_AN_IMAGE)
    except (PermissionError, FileNotFoundError):
        return _unusable(UNREADABLE)
    except Image.DecompressionBombError:
        return _unusable(TOO_LARGE)
    except (OSError, SyntaxError, ValueError):
        # Pillow recognized the format but could not decode the content
        return _unusable(TRUNCATED)


def skipped_note(skipped: Sequence[Skipped]) -> str | None:
    """ "2 files skipped: 1 truncated, 1 not an image", or None if there are none."""
    if not skipped:
        return None
    counts = Counter(item.reason for item in skipped)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items(), key=lambda item: item[0]))
    return f"{len(skipped)} file{'s' if len(skipped) > 1 else ''} skipped: {reasons}"


def worker_count(workers: int | None) -> int:
    """The number of decoding threads: as named, or as many as this process has cores, at most eight."""
    if workers is not None:
        return max(1, workers)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)


def _mapped(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    if workers == 1 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        return list(pool.map(function, items))


def _unusable(reason: str) -> Checked:
    return Checked(0, 0, "", reason)


def _key(root: Path, path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path}|missing"
    relative = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{relative.as_posix()}|{status.st_size}|{status.st_mtime_ns}"


def _read_cache(path: Path) -> dict[str, Checked]:
    try:
        return {key: Checked(*value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        warnings.warn(f"the cache '{path}' is damaged ({error}); the images are checked again", stacklevel=3)
        return {}


def _write_cache(path: Path, known: dict[str, Checked]) -> None:
    # whether a file can be read may change without a change of the file
    lasting = {key: found for key, found in known.items() if found.reason != UNREADABLE}
    try:
        with atomic_write(path, "w") as file:
            json.dump(lasting, file, separators=(",", ":"))
    except OSError as error:
        warnings.warn(f"the check of the images is not kept for the next start: {error}", stacklevel=3)
