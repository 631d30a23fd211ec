"""Network inversion by optimization: pictures that a layer can't tell from a given one.

Mahendran & Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them" (arXiv 1412.0035), with the
numbers of their released code (github.com/aravindhm/deep-goggle, core/invert_nn.m and experiments/experiment_cnn.m).
For features phi0 of one layer a picture x is looked for that minimizes

    |phi(x) - phi0|^2 / |phi0|^2  +  (lambda_TV / 2 * TV(x) + lambda_alpha / 2 * sum |x|^alpha) / sigma^2,

x the pixels in levels (0 to 255) about the mean of natural images and sigma the typical norm of these. Descent has a
momentum of 0.9, its step is `step` times sigma^2, and the momentum is forgotten whenever the step changes. Division by
sigma^2 and |phi0|^2 makes the numbers good for pictures of any size and for features of any scale.

Deviations: pixels are counted from a mean colour, theirs from a mean image. The set of images behind their sigma isn't
named; here any may be given. Their step suits CaffeNet, and for steep layers of other networks it can be too long: a
picture whose pixels run away begins again from its start with a quarter of the step, `retries` times at most; each is
counted.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.networks.network import Network

LEVELS = 255.0
RUN_AWAY = 10 * LEVELS  # from the mean; no picture needs so many
SHORTER = 0.25  # the step of a picture's next attempt, over that of the last

Progress = Callable[[Iterable[int], str, int], Iterable[int]]


@dataclass(frozen=True)
class Stage:
    """iterations: descended with one `step` (in units of sigma^2, see above)."""

    iterations: int
    step: float

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.step > 0:
            raise ValueError(f"a stage needs at least 1 iteration and a step above 0, found {self}")


@dataclass(frozen=True)
class Inversion:
    """The objective and how it is descended; the defaults are the released code's, for its first six layers.

    total_variation, beta: weight and power of the total variation. alpha_norm, alpha: weight and power of the norm.
    Powers are even numbers in the paper; 2 is the least that is allowed. retries: see above; the released code has
    none.
    """

    stages: Sequence[Stage] = (Stage(100, 4e-3), Stage(200, 4e-4), Stage(100, 4e-5))
    momentum: float = 0.9
    total_variation: float = 1.0
    beta: float = 2.0
    alpha_norm: float = 8e-10
    alpha: float = 6.0
    retries: int = 3

    def __post_init__(self) -> None:
        if not self.stages or min(self.beta, self.alpha) < 2 or min(self.total_variation, self.alpha_norm) < 0:
            raise ValueError(f"expected at least one stage, powers of 2 or more and weights of 0 or more; found {self}")
        if not 0 <= self.momentum < 1 or self.retries < 0:
            raise ValueError(
                f"momentum lies from 0 to below 1 and retries are 0 or more, found {self.momentum} and {self.retries}"
            )

    @property
    def iterations(self) -> int:
        return sum(stage.iterations for stage in self.stages)

    def slope(self, levels: Tensor) -> Tensor:
        """(n, 3, H, W) in levels about the mean -> the same: the gradient of both penalties times sigma^2."""
        return self.total_variation / 2 * _slope_of_variation(levels, self.beta) + (
            self.alpha_norm * self.alpha / 2 * levels * levels.square() ** ((self.alpha - 2) / 2)
        )


def _slope_of_variation(levels: Tensor, beta: float) -> Tensor:
    """Of the sum over places and colours of (dx² + dy²)^(beta / 2), see `images.regularizers.TotalVariation`.

    Written out, since following every operation back takes as long as the first layers of a small network.
    """
    down = F.pad(levels[:, :, 1:] - levels[:, :, :-1], (0, 0, 0, 1))
    right = F.pad(levels[..., 1:] - levels[..., :-1], (0, 1))
    if beta != 2:
        share = (down.square() + right.square()) ** (beta / 2 - 1) * (beta / 2)
        down, right = down * share, right * share
    slope = -(down + right)
    slope[:, :, 1:] += down[:, :, :-1]
    slope[..., 1:] += right[..., :-1]
    return 2 * slope


@dataclass(frozen=True)
class PixelStatistics:
    """What is known of natural images. mean: of each colour, in [0, 1]. deviation: of a pixel's colour, root mean
    square about that mean, in [0, 1]; so sigma is deviation times the root of three times the number of pixels."""

    mean: tuple[float, float, float]
    deviation: float

    @classmethod
    def of(cls, images: Tensor) -> PixelStatistics:
        """images: (n, 3, H, W) in [0, 1]. Raises ValueError for images without contrast."""
        wide = images.double()
        mean = wide.mean((0, 2, 3))
        deviation = float((wide - mean[:, None, None]).square().mean().sqrt())
        if not deviation > 0:
            raise ValueError("the images are all of one colour, so they have no typical contrast")
        red, green, blue = mean.tolist()
        return cls((red, green, blue), deviation)

    def levels(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [0, 1] -> levels about the mean."""
        return (images - self._colour(images)) * LEVELS

    def images(self, levels: Tensor) -> Tensor:
        """The inverse of `levels`; not clamped."""
        return levels / LEVELS + self._colour(levels)

    def noise(self, seed: int, size: int) -> Tensor:
        """(3, size, size) in levels: normal random numbers scaled to the typical norm, as the released code starts."""
        drawn = torch.randn(3, size, size, generator=torch.Generator().manual_seed(seed))
        return drawn * (self.deviation * LEVELS * math.sqrt(drawn.numel()) / float(drawn.norm()))

    def _colour(self, like: Tensor) -> Tensor:
        return torch.tensor(self.mean, dtype=like.dtype, device=like.device)[:, None, None]


@dataclass(frozen=True, eq=False)
class Inverted:
    """What came out, picture by picture; all tensors on the CPU.

    unbounded: (n, 3, S, S), the pictures as they were found; their pixels may lie outside [0, 1].
    distances: (n,) float64, |phi(x) - phi0| of these. clamped_distances: the same of `images`.
    history: (iterations, n), |phi(x) - phi0|^2 / |phi0|^2 before each update.
    retried: (n,) int64, how often a picture began again with a shorter step.
    diverged: (n,) bool: its pixels ran away or weren't finite in the last attempt too; it is what it was before that.
    """

    unbounded: Tensor
    distances: Tensor
    clamped_distances: Tensor
    history: Tensor
    retried: Tensor
    diverged: Tensor

    @property
    def images(self) -> Tensor:
        """(n, 3, S, S) in [0, 1], clamped."""
        return self.unbounded.clamp(0, 1)

    def __len__(self) -> int:
        return len(self.unbounded)


def invert(
    network: Network,
    layer: str,
    features: Tensor,
    *,
    statistics: PixelStatistics,
    settings: Inversion | None = None,
    seeds: Sequence[int] | None = None,
    starts: Tensor | None = None,
    batch: int | None = None,
    progress: Progress | None = None,
) -> Inverted:
    """A pre-image for each row of `features`; each is what it would be alone, up to rounding.

    Args:
        features: (n, ...) what the layer is to give, as `network.forward_to(layer, ...)` does. The network stops there.
        statistics: of natural images: where pixels are counted from and how large they are.
        settings: `Inversion()` if None.
        seeds: of the noise that each picture starts from; None takes 0, 1, ...
        starts: (n, 3, S, S) in [0, 1], S what the network reads, to start from instead.
        batch: pictures at a time; None takes all at once.
        progress: wraps the iterations (a context's).

    Raises:
        UnknownLayer; ValueError: features or starts of another shape or number, or features that are all zero or not
        finite: their distance can't be measured by their size.
    """
    settings = settings or Inversion()
    targets = _checked(network, layer, features)
    levels = _started(network, len(targets), statistics, seeds, starts).to(network.device)
    size = batch or len(targets)
    total = settings.iterations * -(-len(targets) // size)
    turns: Iterable[int] = range(total)
    ticks = iter(turns if progress is None else progress(turns, f"inverting {layer}", total))

    def made(rows: Tensor, shorter: float) -> Inverted:
        parts = [
            _Descent(network, layer, targets[part], statistics, settings, shorter).run(levels[part], ticks)
            for part in rows.split(size)
        ]
        return Inverted(**{name: torch.cat([getattr(one, name) for one in parts], _ALONG[name]) for name in _ALONG})

    found = made(torch.arange(len(targets)), 1.0)
    for _ in ticks:  # lets a bar close
        pass
    for attempt in range(1, settings.retries + 1):
        rows = found.diverged.nonzero().flatten()
        if not len(rows):
            break
        again = made(rows, SHORTER**attempt)
        for name, along in _ALONG.items():
            getattr(found, name).index_copy_(along, rows, getattr(again, name))
        found.retried[rows] = attempt
    return found


_ALONG = {name: 1 if name == "history" else 0 for name in (field.name for field in dataclasses.fields(Inverted))}


def _checked(network: Network, layer: str, features: Tensor) -> Tensor:
    shape = network.shape(layer)
    if features.dim() < 2 or tuple(features.shape[1:]) != shape or not len(features):
        raise ValueError(
            f"layer '{layer}' of network '{network.name}' gives features (n, {', '.join(map(str, shape))}); expected "
            f"at least one of that shape, found {tuple(features.shape)}"
        )
    targets = features.detach().to(network.device)
    sizes = targets.flatten(1).double().norm(dim=1)
    wrong = (~sizes.isfinite() | (sizes == 0)).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"features to be inverted must be finite and not all zero at '{layer}'; those of images {wrong} aren't, so "
            "leave these images out"
        )
    return targets


def _started(
    network: Network, count: int, statistics: PixelStatistics, seeds: Sequence[int] | None, starts: Tensor | None
) -> Tensor:
    size = network.input_size
    if starts is not None:
        if tuple(starts.shape) != (count, 3, size, size):
            raise ValueError(f"expected starts as {(count, 3, size, size)} in [0, 1], found {tuple(starts.shape)}")
        return statistics.levels(starts.detach())
    chosen = range(count) if seeds is None else seeds
    if len(chosen) != count:
        raise ValueError(f"expected a seed for each of {count} pictures, found {len(chosen)}")
    return torch.stack([statistics.noise(int(seed), size) for seed in chosen])


class _Descent:
    """All pictures of a batch, which take each step together."""

    def __init__(
        self,
        network: Network,
        layer: str,
        targets: Tensor,
        statistics: PixelStatistics,
        settings: Inversion,
        shorter: float,
    ) -> None:
        self.network, self.layer, self.targets = network, layer, targets
        self.statistics, self.settings, self.shorter = statistics, settings, shorter
        self.energies = targets.flatten(1).double().square().sum(1)

    def run(self, levels: Tensor, ticks: Iterator[int]) -> Inverted:
        history: list[Tensor] = []
        stopped = torch.zeros(len(levels), dtype=torch.bool, device=levels.device)
        for stage in self.settings.stages:
            velocity = torch.zeros_like(levels)
            for _ in range(stage.iterations):
                next(ticks, None)  # which count the first attempts
                if stopped.all():
                    history.append(history[-1])
                    continue
                losses, gradients = self._slope(levels)
                history.append(losses)
                velocity = self.settings.momentum * velocity - self.shorter * stage.step * gradients
                moved = levels + velocity
                stopped = stopped | ~(moved.abs().flatten(1).amax(1) < RUN_AWAY)
                levels = torch.where(stopped[:, None, None, None], levels, moved)
        unbounded = self.statistics.images(levels)
        with torch.inference_mode():
            distances, clamped = (self._distances(images) for images in (unbounded, unbounded.clamp(0, 1)))
        return Inverted(
            unbounded=unbounded.cpu(),
            distances=distances,
            clamped_distances=clamped,
            history=torch.stack(history).cpu(),
            retried=torch.zeros(len(levels), dtype=torch.int64),
            diverged=stopped.cpu(),
        )

    def _slope(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """The normalized loss (n,) and the gradient of the objective times sigma^2, (n, 3, S, S)."""
        levels = levels.detach().requires_grad_()
        energies = self.energies.to(levels)
        losses = self._difference(self.statistics.images(levels)).square().flatten(1).sum(1) / energies
        (gradients,) = torch.autograd.grad(losses.sum(), levels)
        sigma_squared = levels[0].numel() * (self.statistics.deviation * LEVELS) ** 2
        return losses.detach(), gradients * sigma_squared + self.settings.slope(levels.detach())

    def _difference(self, images: Tensor) -> Tensor:
        inputs = self.network.preprocessing.normalize(images)
        return self.network.forward_to(self.layer, inputs, preprocessed=True) - self.targets

    def _distances(self, images: Tensor) -> Tensor:
        return self._difference(images).flatten(1).double().norm(dim=1).cpu()
