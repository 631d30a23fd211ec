"""Geometric transforms, crops and occlusions of batches of images, as Zeiler & Fergus 2014 use them.

Fig. 5 moves, scales and turns images; Fig. 7 slides a grey square over them; Fig. 2 shows the patch a unit sees.

All transforms are one affine resampling about the image's centre: bilinear, pixels as little squares (grid_sample with
align_corners=False), computed for all images and all steps at once. No step is filtered before it is resampled, so a
scale below 1 aliases; the paper's lie in 1 to 1.8. A step that leaves the image where it is returns it bit for bit.

What comes in from outside the image is, by `border`, the image's own mean colour ("mean", the default, which adds no
structure beyond its edge) or the image mirrored at its edge ("reflect"). The paper doesn't say what it filled in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Border = Literal["mean", "reflect"]


def translate(images: Tensor, offsets: Sequence[tuple[float, float]] | Tensor, border: Border = "mean") -> Tensor:
    """Moved images. offsets: (down, right) in pixels, one for each step. Returns (steps, N, C, H, W)."""
    height, width = images.shape[-2:]
    moves = torch.as_tensor(offsets, dtype=torch.float64).reshape(-1, 2)
    matrices = torch.eye(2, 3, dtype=torch.float64).repeat(len(moves), 1, 1)
    matrices[:, 0, 2], matrices[:, 1, 2] = -2 * moves[:, 1] / width, -2 * moves[:, 0] / height
    return _resample(images, matrices, border)


def scale(images: Tensor, factors: Sequence[float] | Tensor, border: Border = "mean") -> Tensor:
    """Images enlarged (factor > 1) or shrunk about their centre. Returns (steps, N, C, H, W)."""
    values = torch.as_tensor(factors, dtype=torch.float64)
    if not bool((values > 0).all()):
        raise ValueError(f"scale factors must be positive, found {values.min():g}")
    matrices = torch.eye(2, 3, dtype=torch.float64) / values[:, None, None]
    return _resample(images, matrices, border)


def rotate(images: Tensor, degrees: Sequence[float] | Tensor, border: Border = "mean") -> Tensor:
    """Images turned about their centre, counter-clockwise as seen. Returns (steps, N, C, H, W)."""
    height, width = images.shape[-2:]
    angles = torch.as_tensor(degrees, dtype=torch.float64) * (math.pi / 180)
    cosine, sine = torch.cos(angles), torch.sin(angles)
    matrices = torch.zeros(len(angles), 2, 3, dtype=torch.float64)
    # grid_sample's coordinates run from -1 to 1 along either side, whatever its length
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine, -sine * height / width
    matrices[:, 1, 0], matrices[:, 1, 1] = sine * width / height, cosine
    matrices[angles == 0] = torch.eye(2, 3, dtype=torch.float64)
    return _resample(images, matrices, border)


def _resample(images: Tensor, matrices: Tensor, border: Border) -> Tensor:
    """images: (N, C, H, W); matrices: (steps, 2, 3) from output to input coordinates. Returns (steps, N, C, H, W)."""
    if border not in ("mean", "reflect"):
        raise ValueError(f"border must be 'mean' or 'reflect', found {border!r}")
    if images.ndim != 4:
        raise ValueError(f"expected images (N, C, H, W), found {tuple(images.shape)}")
    count, channels, height, width = images.shape
    steps = len(matrices)
    # all images of one step share its grid, so they are resampled as channels of one image
    stacked = images.reshape(1, count * channels, height, width)
    fill = torch.zeros_like(stacked[..., :1, :1])
    if border == "mean":
        fill = stacked.mean((2, 3), keepdim=True)
        stacked = stacked - fill
    grid = F.affine_grid(matrices, [steps, 1, height, width], align_corners=False).to(images)
    mode = "zeros" if border == "mean" else "reflection"
    moved = F.grid_sample(
        stacked.expand(steps, -1, -1, -1), grid, mode="bilinear", padding_mode=mode, align_corners=False
    )
    moved = (moved + fill).clamp(images.min(), images.max()).reshape(steps, count, channels, height, width)
    unmoved = (matrices == torch.eye(2, 3, dtype=matrices.dtype)).all(2).all(1)
    moved[unmoved.to(moved.device)] = images
    return moved


def centre_crop(images: Tensor, size: int) -> Tensor:
    """(..., size, size) from the middle of (..., H, W). Raises ValueError where the images are smaller."""
    height, width = images.shape[-2:]
    if size > min(height, width):
        raise ValueError(f"a crop of {size} pixels doesn't fit into {height}x{width}")
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    return images[..., top : top + size, left : left + size]


def crop_boxes(images: Tensor, boxes: Tensor, fill: float = 0.5) -> Tensor:
    """The patch of each image in its box; what lies outside the image has the value `fill`.

    images: (N, C, H, W); boxes: (N, 4) int top, left, bottom, right, half-open, all of one height and width, free to
    reach beyond the image. Returns (N, C, height, width).
    """
    heights, widths = (boxes[:, 2] - boxes[:, 0]).unique(), (boxes[:, 3] - boxes[:, 1]).unique()
    if len(boxes) != len(images) or len(heights) != 1 or len(widths) != 1 or min(heights[0], widths[0]) < 1:
        raise ValueError("expected one box for each image, all of one height and width")
    height, width = int(heights[0]), int(widths[0])
    patches = images.new_full((len(images), images.shape[1], height, width), fill)
    for patch, image, (top, left, bottom, right) in zip(patches, images, boxes.tolist(), strict=True):
        seen = image[:, max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        y, x = max(0, -top), max(0, -left)
        patch[:, y : y + seen.shape[1], x : x + seen.shape[2]] = seen
    return patches


def occlusion_grid(height: int, width: int, size: int, stride: int) -> tuple[list[int], list[int]]:
    """Tops and lefts of the squares of `occlude`: every `stride` pixels, and one at the far edge.

    Squares lie inside the image and together touch every pixel if stride <= size.
    """
    if size < 1 or stride < 1 or size > min(height, width):
        raise ValueError(f"a square of {size} pixels every {stride} doesn't fit over an image of {height}x{width}")
    tops, lefts = (list(range(0, length - size + 1, stride)) for length in (height, width))
    for starts, length in ((tops, height), (lefts, width)):
        if starts[-1] != length - size:
            starts.append(length - size)
    return tops, lefts


def occlude(
    images: Tensor, size: int, stride: int, value: float = 0.5, batch_size: int = 64
) -> Iterator[tuple[Tensor, Tensor]]:
    """The images with a grey square at every position in turn, row by row.

    images: (N, C, H, W). Yields positions (p, 2), top and left, and batches (p, N, C, H, W) of about `batch_size`
    images. There are len(tops) * len(lefts) positions of `occlusion_grid`.
    Source: Zeiler & Fergus 2014, Sec. 4.2 and Fig. 7.
    """
    height, width = images.shape[-2:]
    tops, lefts = occlusion_grid(height, width, size, stride)
    positions = torch.cartesian_prod(torch.tensor(tops), torch.tensor(lefts)).reshape(-1, 2)
    for part in positions.split(max(1, batch_size // max(1, len(images)))):
        batch = images.expand(len(part), *images.shape).clone()
        for occluded, (top, left) in zip(batch, part.tolist(), strict=True):
            occluded[..., top : top + size, left : left + size] = value
        yield part, batch


def occlusion_map(values: Tensor, positions: Tensor, size: int, height: int, width: int) -> Tensor:
    """A map of the image from one value for each position of the square: at each pixel the mean over the squares on it.

    values: (positions, ...); positions: (positions, 2). Returns (..., height, width), nan where no square came.
    """
    total = values.new_zeros((*values.shape[1:], height, width))
    count = values.new_zeros((height, width))
    for value, (top, left) in zip(values, positions.tolist(), strict=True):
        total[..., top : top + size, left : left + size] += value[..., None, None]
        count[top : top + size, left : left + size] += 1
    return total / count
