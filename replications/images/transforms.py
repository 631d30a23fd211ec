"""Random changes of what the network is shown of a picture, so that it can't rely on single pixels.

Jitter, scale, rotation, cropping and padding are each an affine map from places of the view to places of the picture.
Those of a schedule are multiplied and the picture is resampled once; where the product only shifts by whole pixels,
nothing is interpolated. What lies outside the picture is shown in the colour that the network reads as zero.

Google's DeepDream (Mordvintsev et al. 2015) jitters; Olah et al. 2017 ("Feature Visualization") pad, jitter, scale,
rotate; Nguyen et al. 2016 crop the network's input out of a larger picture; Fel et al. 2023 (MACO) crop boxes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]
Matrix = np.ndarray  # (3, 3): (row, column, 1) of a pixel's centre in the result -> in what it is made from


class Transform(ABC):
    """Draws, for one picture, what its result is made from."""

    @abstractmethod
    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        """size: of what comes in. target: of what the network reads. Returns the map and the size of the result."""

    def scaled(self, factor: float) -> Transform:
        """The same for pictures so many times as large: what counts pixels counts so many times as many."""
        return self


@dataclass(frozen=True)
class Jitter(Transform):
    """A shift by up to `pixels` in each direction, whole pixels, all equally likely; the size stays."""

    pixels: int

    def __post_init__(self) -> None:
        _not_negative("jitter", self.pixels)

    def scaled(self, factor: float) -> Jitter:
        return Jitter(round(self.pixels * factor))

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        down, right = torch.randint(-self.pixels, self.pixels + 1, (2,), generator=stream).tolist()
        return _affine(1.0, 0.0, down, right), size


@dataclass(frozen=True)
class Roll(Transform):
    """A shift by up to `pixels` where what leaves at one side comes in at the other (DeepDream's jitter).

    Only the first of the transforms can be one.
    """

    pixels: int

    def __post_init__(self) -> None:
        _not_negative("roll", self.pixels)

    def scaled(self, factor: float) -> Roll:
        return Roll(round(self.pixels * factor))

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        down, right = torch.randint(-self.pixels, self.pixels + 1, (2,), generator=stream).tolist()
        return _affine(1.0, 0.0, down, right), size


@dataclass(frozen=True)
class Scale(Transform):
    """Enlarged about the centre by one of `factors`; the size stays."""

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", _choices("scale", self.factors))
        if min(self.factors) <= 0:
            raise ValueError(f"factors of scale must be above 0, found {self.factors}")

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        return _about_centre(1 / _one_of(self.factors, stream), 0.0, size), size


@dataclass(frozen=True)
class Rotate(Transform):
    """Turned clockwise about the centre by one of `degrees`; the size stays."""

    degrees: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "degrees", _choices("rotate", self.degrees))

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        return _about_centre(1.0, math.radians(_one_of(self.degrees, stream)), size), size


@dataclass(frozen=True)
class Pad(Transform):
    """`pixels` more at each side."""

    pixels: int

    def __post_init__(self) -> None:
        _not_negative("pad", self.pixels)

    def scaled(self, factor: float) -> Pad:
        return Pad(round(self.pixels * factor))

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        return _affine(1.0, 0.0, -self.pixels, -self.pixels), (size[0] + 2 * self.pixels, size[1] + 2 * self.pixels)


@dataclass(frozen=True)
class Crop(Transform):
    """As much as the network reads, out of a larger picture, at whole pixels (Nguyen et al. 2016, released code).

    window: the standard deviation of the place about the centre, relative to how far there is to go. A draw outside the
    picture is taken to its border. None: all places are equally likely; the same random number decides, so that a
    picture made with a window and one made without it are a pair.
    """

    window: float | None

    def __post_init__(self) -> None:
        _not_negative("crop", self.window or 0)

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        drawn = torch.randn(2, generator=stream).tolist()
        if size[0] < target[0] or size[1] < target[1]:
            raise ValueError(f"can't crop {target[0]}x{target[1]} out of a picture of {size[0]}x{size[1]}")
        slack = [have - want for have, want in zip(size, target, strict=True)]
        top, left = (self._place(room, normal) for room, normal in zip(slack, drawn, strict=True))
        return _affine(1.0, 0.0, top, left), target

    def _place(self, room: int, normal: float) -> int:
        if self.window is None:
            rank = (1 + math.erf(normal / math.sqrt(2))) / 2  # evenly in [0, 1]
            return min(int(rank * (room + 1)), room)
        return int(min(max(room / 2 + normal * self.window * room, 0), room))


@dataclass(frozen=True)
class Box(Transform):
    """A square box of the picture, resampled to what the network reads (Fel et al. 2023).

    smallest, largest: of the box's side, relative to the picture's; uniformly. spread: standard deviation of the box's
    centre about the picture's, relative to its side.
    """

    smallest: float
    largest: float
    spread: float

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest or self.spread < 0:
            raise ValueError(
                "a box needs 0 < smallest <= largest and spread >= 0, found "
                f"{self.smallest}, {self.largest}, {self.spread}"
            )

    def draw(self, size: Size, target: Size, stream: torch.Generator) -> tuple[Matrix, Size]:
        side = self.smallest + (self.largest - self.smallest) * float(torch.rand(1, generator=stream))
        drawn = (torch.randn(2, generator=stream) * self.spread).tolist()
        matrix = np.eye(3)
        for axis, normal in enumerate(drawn):
            ratio = side * size[axis] / target[axis]
            start = (0.5 + normal - side / 2) * size[axis]
            matrix[axis, axis], matrix[axis, 2] = ratio, start + ratio / 2 - 0.5
        return matrix, target


@dataclass(frozen=True)
class Noise:
    """Random numbers added to the view: normal ones, and uniform ones in [-uniform, uniform]."""

    normal: float = 0.0
    uniform: float = 0.0

    def draw(self, size: Size, stream: torch.Generator) -> Tensor:
        """(3, *size)"""
        noise = torch.randn(3, *size, generator=stream) * self.normal
        return noise + (torch.rand(3, *size, generator=stream) * 2 - 1) * self.uniform


@dataclass(frozen=True)
class Placement:
    """Where each view is taken from.

    matrices: (n, 3, 3), float64. size: of the views. rolled: by how many rows and columns each picture is rolled first.
    """

    matrices: np.ndarray
    size: Size
    rolled: tuple[tuple[int, int], ...] | None = None

    @property
    def shifts(self) -> list[tuple[int, int]] | None:
        """Top and left of each view in its (rolled) picture, where that's all there is to it; None otherwise."""
        linear, offsets = self.matrices[:, :2, :2], self.matrices[:, :2, 2]
        if not (
            np.array_equal(linear, np.broadcast_to(np.eye(2), linear.shape)) and (offsets == offsets.round()).all()
        ):
            return None
        return [(int(top), int(left)) for top, left in offsets]

    def windows(self, size: Size) -> list[tuple[int, int]] | None:
        """The shifts, where every view is a part of its picture of that size, or all of it; None otherwise."""
        shifts = None if self.rolled else self.shifts
        if shifts is None:
            return None
        room = size[0] - self.size[0], size[1] - self.size[1]
        inside = all(0 <= top <= room[0] and 0 <= left <= room[1] for top, left in shifts)
        return shifts if inside else None


def place(
    transforms: Sequence[Transform], size: Size, target: Size, streams: Sequence[torch.Generator], *, fit: bool = True
) -> Placement:
    """One view of each picture, picture i drawn from `streams[i]`.

    size: of the pictures. target: of what the network reads; a view of another size is resampled to it, with everything
    else in one go, unless `fit` is False.
    """
    rolls = bool(transforms) and isinstance(transforms[0], Roll)
    if any(isinstance(transform, Roll) for transform in transforms[1:]):
        raise ValueError("a roll has to be the first of the transforms")
    matrices, rolled = [], []
    for stream in streams:
        matrix, at = np.eye(3), size
        for k, transform in enumerate(transforms):
            step, at = transform.draw(at, target, stream)
            if rolls and k == 0:
                rolled.append((int(step[0, 2]), int(step[1, 2])))
            else:
                matrix = matrix @ step
        if fit and at != target:
            matrix = matrix @ _fitting(at, target)
        matrices.append(matrix)
    return Placement(np.stack(matrices), target if fit else at, tuple(rolled) if rolls else None)


def view(images: Tensor, placement: Placement, outside: Tensor) -> Tensor:
    """images: (n, 3, H, W) -> (n, 3, *placement.size), differentiable. outside: (3, 1, 1), shown beyond the picture."""
    if placement.rolled is not None:
        pairs = zip(images.unbind(0), placement.rolled, strict=True)
        images = torch.stack([image.roll((-down, -right), (1, 2)) for image, (down, right) in pairs])
    size = (images.shape[2], images.shape[3])
    shifts = placement.shifts
    if shifts is None:
        return _resampled(images, placement, outside)
    if placement.size == size and all(shift == (0, 0) for shift in shifts):
        return images
    pictures = zip(images.unbind(0), shifts, strict=True)
    return torch.stack([_shifted(image, top, left, placement.size, outside) for image, (top, left) in pictures])


def _shifted(image: Tensor, top: int, left: int, size: Size, outside: Tensor) -> Tensor:
    bottom, right = top + size[0], left + size[1]
    part = image[:, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if part.shape[1:] == size:
        return part
    result = outside.expand(3, *size).clone()
    above, before = min(max(-top, 0), size[0]), min(max(-left, 0), size[1])
    result[:, above : above + part.shape[1], before : before + part.shape[2]] = part
    return result


def _resampled(images: Tensor, placement: Placement, outside: Tensor) -> Tensor:
    """Bilinear. `grid_sample` counts places from -1 to 1 between the picture's edges, columns first."""
    places = placement.matrices[:, [1, 0]].copy()
    places[..., 2] += 0.5
    places *= 2 / np.array([images.shape[3], images.shape[2]])[:, None]
    places[..., 2] -= 1
    by_row, by_column, offset = torch.from_numpy(places).to(images)[:, None, None].unbind(-1)
    rows, columns = (torch.arange(extent, dtype=images.dtype, device=images.device) for extent in placement.size)
    grid = by_row * rows[:, None, None] + (by_column * columns[:, None] + offset)
    return F.grid_sample(images - outside, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + outside


def _affine(scale: float, angle: float, down: float, right: float) -> Matrix:
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[cos, -sin, down], [sin, cos, right], [0.0, 0.0, 1.0]])


def _about_centre(scale: float, angle: float, size: Size) -> Matrix:
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    matrix = _affine(scale, angle, 0.0, 0.0)
    matrix[:2, 2] = middle - matrix[:2, :2] @ middle
    return matrix


def _fitting(size: Size, target: Size) -> Matrix:
    rows, columns = size[0] / target[0], size[1] / target[1]
    return np.array([[rows, 0, rows / 2 - 0.5], [0, columns, columns / 2 - 0.5], [0, 0, 1]])


def _one_of(values: tuple[float, ...], stream: torch.Generator) -> float:
    return values[int(torch.randint(len(values), (1,), generator=stream))]


def _choices(what: str, values: Sequence[float]) -> tuple[float, ...]:
    if not values:
        raise ValueError(f"{what} needs at least one value to choose from")
    return tuple(float(value) for value in values)


def _not_negative(what: str, value: float) -> None:
    if value < 0:
        raise ValueError(f"{what} can't be negative, found {value}")
