"""How the suite's pictures look: one style, image mosaics, lines with intervals.

Figures are made without pyplot, so nothing global is kept and experiments may draw in any process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#22262b"
MUTED = "#6b7280"
GRID = "#e3e6ea"
# Okabe & Ito's palette, which people with any common colour vision tell apart.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def new_figure(title: str, width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches with a title, laid out so that nothing is clipped."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        figure.suptitle(title, fontsize=12, color=INK, fontweight="bold")
    return figure


def style(axes: Axes, title: str = "", x: str = "", y: str = "") -> Axes:
    """Titles with units and a quiet frame for a plot of numbers."""
    axes.set_title(title, fontsize=10, color=INK)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=MUTED)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    return axes


def legend(axes: Axes, **options: Any) -> None:
    """The legend in the suite's style."""
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, **options)


def mosaic(images: Tensor | Sequence[Tensor], columns: int, gap: int = 2, background: float = 1.0) -> np.ndarray:
    """Images side by side in rows of `columns`.

    images: (N, 3, h, w) in [0, 1], or N images (3, h_i, w_i) which are centred in cells of the largest size.
    Returns (H, W, 3) float32 in [0, 1].
    """
    pictures = [np.asarray(image.detach().cpu().permute(1, 2, 0).clamp(0, 1), dtype=np.float32) for image in images]
    if not pictures:
        raise ValueError("a mosaic needs at least one image, found none")
    height = max(p.shape[0] for p in pictures)
    width = max(p.shape[1] for p in pictures)
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    canvas = np.full(shape, background, dtype=np.float32)
    for i, picture in enumerate(pictures):
        h, w = picture.shape[:2]
        top = (i // columns) * (height + gap) + (height - h) // 2
        left = (i % columns) * (width + gap) + (width - w) // 2
        canvas[top : top + h, left : left + w] = picture
    return canvas


def show_image(axes: Axes, image: np.ndarray | Tensor, title: str = "", **options: Any) -> None:
    """An image (H, W, 3) or (3, H, W) in [0, 1], or a map (H, W), without axes and without smoothing."""
    if isinstance(image, Tensor):
        image = image.detach().cpu().numpy()
        if image.ndim == 3 and image.shape[0] in (1, 3):
            image = image.transpose(1, 2, 0)
    axes.imshow(image, interpolation="nearest", **options)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=8, color=INK)


def dot_with_interval(axes: Axes, interval: tuple[float, float, float], y: float, colour: str, **options: Any) -> None:
    """A dot at the estimate with its interval as a bar. interval: estimate, low, high.

    Of equal values the mean may lie beside the ends by rounding; then there is no bar on that side.
    """
    mean, low, high = interval
    bars = [[max(0.0, mean - low)], [max(0.0, high - mean)]]
    axes.errorbar([mean], [y], xerr=bars, fmt="o", color=colour, capsize=3, **options)


def line_with_interval(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    label: str,
    colour: str,
) -> None:
    """A line with its interval as a band."""
    axes.plot(x, mean, color=colour, label=label, linewidth=1.6)
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
