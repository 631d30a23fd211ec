"""Activation maximization: pictures that drive units of a network as strongly as they can.

One loop for all methods: what a picture is made of is a `Parametrization`, what it is for an `Objective`, and what is
done to it when is a `Schedule`. The network is frozen and stops at the layer that is asked for; a unit at one position
is shown its receptive field alone. All pictures of a batch take each step together, and each is what it would be
without the others, up to rounding: it has its own stream of random numbers, which follows from the seed, what it is
of, and which of several attempts it is.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.images import canvas as canvases
from replications.images.canvas import Canvas
from replications.images.objectives import Diversity, Objective, as_objective, as_probability, reader
from replications.images.optimizers import Ascent, Optimizer, Updater
from replications.images.parametrization import Parameters, Parametrization
from replications.images.regularizers import centre_mask
from replications.images.schedule import Octave, Schedule
from replications.images.transforms import Placement, place, view
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.suite.context import seed_of

Progress = Callable[[Iterable[int], str, int], Iterable[int]]
LARGEST = 1e6  # a parameter beyond it has run away: no picture needs one


@dataclass(frozen=True, eq=False)
class Maximized:
    """What came out, picture by picture; all tensors on the CPU.

    images: (n, 3, h, w) in [0, 1], as they were at the end. activations: (n,), of their objectives on these images.
    best_images, best_activations: the same for the iteration of the last octave whose view had the highest value.
    best_step: (n,), that iteration, counted over all octaves.
    history: (iterations, n), the objective's value on the view of each iteration, before its update.
    diverged: picture -> the iteration in which its value, gradient or parameters were no longer finite, or ran away;
        it stays what it was before.
    unmoved: pictures that had no gradient in any iteration: their unit couldn't be reached, as one can't that is dead.
    nudged: (n,), in how many iterations a picture had no gradient and was changed at random (see `maximize`).
    names: what each picture is of. canvas: which part of the network's input the pictures are.
    """

    images: Tensor
    activations: Tensor
    best_images: Tensor
    best_activations: Tensor
    best_step: Tensor
    history: Tensor
    diverged: dict[int, int]
    unmoved: tuple[int, ...]
    nudged: Tensor
    names: tuple[str, ...]
    canvas: Canvas


def maximize(
    network: Network,
    wanted: Sequence[Unit | Objective],
    schedule: Sequence[Octave],
    parametrization: Parametrization,
    *,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    restarts: Sequence[int] | None = None,
    start: Tensor | None = None,
    diversity: Diversity | None = None,
    canvas: Literal["field", "whole"] = "field",
    nudge: float = 0.0,
    batch: int | None = None,
    precision: torch.dtype | None = None,
    progress: Progress | None = None,
) -> Maximized:
    """One picture for each of `wanted`.

    Args:
        wanted: a unit stands for its activation; the same one more than once is several attempts.
        optimizer: `Ascent()` if None.
        restarts: which attempt each picture is; None counts those of the same name from 0. With the seed and the name
            it decides the picture's random numbers.
        start: (n, 3, h, w) in [0, 1] of the first octave's size, to start from instead of random numbers.
        canvas: "field" optimizes only what is seen by a position that all pictures share; "whole" all of the input.
        nudge: the standard deviation of random numbers added to the parameters of a picture in an iteration in which it
            has no gradient at all, as can happen where no ReLU on the way is active.
        batch: pictures at a time; None takes all at once.
        precision: of the passes through the network: torch.bfloat16, float16, or float32 as the weights; None: bfloat16
            on a GPU, float32 elsewhere.
        progress: wraps the iterations (`replications.progress.progress`, or a context's).

    Raises:
        UnknownLayer, ValueError: a unit, schedule or start that can't be used, with what was expected.
    """
    objectives = [as_objective(one) for one in wanted]
    _check(network, objectives, schedule, parametrization, diversity, batch)
    names = tuple(objective.name for objective in objectives)
    attempts = attempts_of(names) if restarts is None else [int(r) for r in restarts]
    if len(attempts) != len(names):
        raise ValueError(f"expected a number of the attempt for each of {len(names)} pictures, found {len(attempts)}")
    if start is not None and len(start) != len(names):
        raise ValueError(f"expected a start for each of {len(names)} pictures, found {len(start)}")
    area = canvases.canvas_for(network, objectives) if canvas == "field" else canvases.whole(network)
    step = batch or len(names)
    parts = []
    for first in range(0, len(names), step):
        rows = slice(first, first + step)
        streams = [
            torch.Generator().manual_seed(seed_of(seed, name, attempt))
            for name, attempt in zip(names[rows], attempts[rows], strict=True)
        ]
        loop = _Loop(network, objectives[rows], streams, parametrization, area, diversity, nudge, precision)
        what = "pictures" if step >= len(names) else f"pictures {first + 1} to {min(first + step, len(names))}"
        parts.append(
            loop.run(tuple(schedule), optimizer or Ascent(), None if start is None else start[rows], progress, what)
        )
    return _joined(parts, step, names, area)


def _check(
    network: Network,
    objectives: Sequence[Objective],
    schedule: Sequence[Octave],
    parametrization: Parametrization,
    diversity: Diversity | None,
    batch: int | None,
) -> None:
    if not objectives or not schedule:
        raise ValueError(f"expected pictures and octaves, found {len(objectives)} and {len(schedule)}")
    for objective in objectives:
        objective.check(network)
        if any(octave.value == "probability" for octave in schedule):
            as_probability(objective).check(network)
    if any(octave.steps for octave in schedule) and not parametrization.pixelwise:
        raise ValueError(
            f"steps on pixels need a parametrization by pixels; {type(parametrization).__name__} can have penalties"
        )
    if diversity is not None:
        network.node(diversity.layer)
        if batch is not None and batch < len(objectives):
            raise ValueError("pictures that are to differ from each other must be optimized in one batch")


def _any_size(network: Network, layers: Sequence[str]) -> bool:
    """Whether the layers can be computed for inputs of any size: no map on the way is laid out as a vector."""
    nodes = {node.name: node for layer in layers for node in network.ancestors(layer)}
    flattened = [network.shape(node.inputs[0]) for node in nodes.values() if node.kind == "flatten"]
    return all(shape[1:] in ((), (1, 1)) for shape in flattened)


def attempts_of(names: Sequence[str]) -> list[int]:
    """Which attempt each picture is: those of the same name are counted from 0."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(seen[name])
        seen[name] += 1
    return found


class _Loop:
    """The ascent of one batch of pictures."""

    def __init__(
        self,
        network: Network,
        objectives: Sequence[Objective],
        streams: Sequence[torch.Generator],
        parametrization: Parametrization,
        canvas: Canvas,
        diversity: Diversity | None,
        nudge: float,
        precision: torch.dtype | None,
    ) -> None:
        self.network, self.streams, self.parametrization, self.canvas = network, streams, parametrization, canvas
        self.objectives = [objective.moved(*canvas.moved) for objective in objectives]
        self.names = [objective.name for objective in objectives]
        self.diversity, self.nudge, self.device = diversity, nudge, network.device
        layers = dict.fromkeys(layer for objective in objectives for layer in objective.layers)
        self.layers = tuple(dict.fromkeys([*layers, *([diversity.layer] if diversity else [])]))
        self.any_size = _any_size(network, self.layers) and all(o.position is None for o in objectives)
        self.origin = canvases.origin(network)
        self.precision = torch.bfloat16 if precision is None and self.device.type == "cuda" else precision
        self.n = len(objectives)
        self.dead = torch.zeros(self.n, dtype=torch.bool, device=self.device)
        self.died = torch.full((self.n,), -1, device=self.device)
        self.moved = torch.zeros(self.n, dtype=torch.bool, device=self.device)
        self.nudged = torch.zeros(self.n, dtype=torch.long)
        self.history: list[Tensor] = []
        self.size = canvas.size

    def run(
        self, schedule: Schedule, optimizer: Optimizer, start: Tensor | None, progress: Progress | None, what: str
    ) -> Maximized:
        self.size = schedule[0].sized(self.canvas.size, self.canvas.size)
        begin = None if start is None else start.to(self.origin)
        parameters = self.parametrization.start(self.n, self.size, self.streams, origin=self.origin, images=begin)
        steps = [(octave, i) for octave in schedule for i in range(octave.iterations)]
        ticks = iter(range(len(steps)) if progress is None else progress(range(len(steps)), what, len(steps)))
        for k, octave in enumerate(schedule):
            if k:
                before, self.size = self.size, octave.sized(self.size, self.canvas.size)
                parameters = self.parametrization.resized(parameters, before, self.size)
            read = self._readers(octave)
            updater = optimizer.begin()
            best = torch.full((self.n,), -torch.inf, device=self.device)
            best_step = torch.zeros(self.n, dtype=torch.long, device=self.device)
            best_images = torch.empty(0)
            for i in range(octave.iterations):
                next(ticks)
                parameters, images, values = self._step(parameters, octave, i, read, updater)
                better = (values > best) & ~self.dead
                best = torch.where(better, values, best)
                best_step = torch.where(better, len(self.history) - 1, best_step)
                first = best_images.numel() == 0
                best_images = images if first else torch.where(_each(better, images), images, best_images)
        next(ticks, None)  # lets the progress end
        return self._result(parameters, best_images, best_step)

    def _readers(self, octave: Octave) -> tuple[Callable[..., Tensor], Callable[..., Tensor] | None]:
        """What is optimized, and what the history tells where that is something else."""
        told = reader(_repeated(self.objectives, octave.views), self.device)
        if octave.value == "activation":
            return told, None
        return reader(_repeated([as_probability(o) for o in self.objectives], octave.views), self.device), told

    def _step(
        self, before: Parameters, octave: Octave, iteration: int, read: Any, updater: Updater
    ) -> tuple[Parameters, Tensor, Tensor]:
        """The new parameters, the images before the update, and the objective's values on them."""
        leaves = {name: values.detach().requires_grad_() for name, values in before.items()}
        with torch.enable_grad():
            images = self.parametrization.images(leaves, self.size)
            views, placement = self._views(images, octave)
            outputs = self._outputs(views)
            driven, told = read
            values = driven(outputs).float().reshape(self.n, octave.views).mean(1)
            total = values
            for penalty in octave.penalties:
                total = total - penalty.weighted(images, self.origin, iteration, octave.iterations)
            if self.diversity is not None:
                output = outputs[self.diversity.layer]
                names, pictures = (_repeated(items, octave.views) for items in (self.names, range(self.n)))
                apart = self.diversity.values(output.float(), names, pictures)
                total = total + self.diversity.weight * apart.reshape(self.n, octave.views).mean(1)
            found = torch.autograd.grad(total.sum(), list(leaves.values()))
        with torch.no_grad():
            if told is not None:
                values = told(outputs).float().reshape(self.n, octave.views).mean(1)
            values = values.detach()
            gradients = dict(zip(leaves, found, strict=True))
            seen = 3 * placement.size[0] * placement.size[1] if placement.windows(self.size) else images[0].numel()
            after = updater.updated(before, gradients, octave.step_at(iteration), seen)
            after = self.parametrization.constrained(after)
            for step in octave.steps:
                change = (step, gradients["pixels"], iteration, octave.iterations)
                after = {"pixels": self._windowed(after["pixels"], placement, change)}
                after = self.parametrization.constrained(after)
            after = self._kept(before, after, gradients, values)
        self.history.append(values)
        return after, images.detach(), values

    def _views(self, images: Tensor, octave: Octave) -> tuple[Tensor, Placement]:
        repeats = octave.views
        streams = _repeated(self.streams, repeats)
        placement = place(
            octave.transforms, self.size, self.canvas.size, streams, fit=not (octave.native and self.any_size)
        )
        views = images if repeats == 1 else images.repeat_interleave(repeats, 0)
        views = view(views, placement, self.origin)
        if octave.margin:
            mask = centre_mask(placement.size, octave.margin).to(views)
            views = views * mask + views.detach() * (1 - mask)
        if octave.noise is not None:
            views = views + torch.stack([octave.noise.draw(placement.size, s) for s in streams]).to(views)
        return views, placement

    def _outputs(self, views: Tensor, *, exact: bool = False) -> dict[str, Tensor]:
        with contextlib.nullcontext() if exact else self._precision():
            return self.network.activations(self.layers, self.canvas.read(self.network, views), preprocessed=True)

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        if self.precision in (None, torch.float32):
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.precision)

    def _windowed(self, pixels: Tensor, placement: Placement, change: tuple[Any, Tensor, int, int]) -> Tensor:
        """The pixels after a step on what the network was shown, if that is a part of the picture, else on all."""
        step, gradients, iteration, iterations = change
        windows = placement.windows(self.size)
        if windows is None or len(windows) != self.n or placement.size == self.size:
            return step.done(pixels, gradients, self.origin, iteration, iterations)
        height, width = placement.size
        part, slope = (
            torch.stack([x[:, y : y + height, z : z + width] for x, (y, z) in zip(whole, windows, strict=True)])
            for whole in (pixels, gradients)
        )
        part = step.done(part, slope, self.origin, iteration, iterations)
        pixels = pixels.clone()
        for i, (top, left) in enumerate(windows):
            pixels[i, :, top : top + height, left : left + width] = part[i]
        return pixels

    def _kept(self, before: Parameters, after: Parameters, gradients: Parameters, values: Tensor) -> Parameters:
        """What was before, for pictures that have diverged; notes which those are."""
        bad = ~values.isfinite()
        flat = torch.ones_like(bad)
        for name, gradient in gradients.items():
            largest = gradient.abs().flatten(1).amax(1)
            flat &= largest == 0
            bad |= ~largest.isfinite() | ~(after[name].abs().flatten(1).amax(1) <= LARGEST)
        self.died = torch.where(bad & ~self.dead, len(self.history), self.died)
        self.dead = self.dead | bad
        self.moved |= ~flat
        if self.nudge:
            after = self._nudged(after, flat & ~self.dead)
        return {name: torch.where(_each(self.dead, new), before[name], new) for name, new in after.items()}

    def _nudged(self, parameters: Parameters, still: Tensor) -> Parameters:
        rows = still.cpu().nonzero()[:, 0].tolist()
        if not rows:
            return parameters
        found = {name: values.clone() for name, values in parameters.items()}
        for i in rows:
            self.nudged[i] += 1
            for values in found.values():
                values[i] += (torch.randn(values.shape[1:], generator=self.streams[i]) * self.nudge).to(values)
        return self.parametrization.constrained(found)

    def _result(self, parameters: Parameters, best_images: Tensor, best_step: Tensor) -> Maximized:
        with torch.no_grad():
            images = self.parametrization.images(parameters, self.size).clamp(0, 1)
            best_images = best_images.clamp(0, 1)
            activations, best = self._measured(images), self._measured(best_images)
        died = self.died.tolist()
        return Maximized(
            images=images.float().cpu(),
            activations=activations.cpu(),
            best_images=best_images.float().cpu(),
            best_activations=best.cpu(),
            best_step=best_step.cpu(),
            history=torch.stack(self.history).cpu(),
            diverged={i: step for i, step in enumerate(died) if step >= 0},
            unmoved=tuple(i for i, moved in enumerate(self.moved.tolist()) if not moved and died[i] < 0),
            nudged=self.nudged,
            names=tuple(self.names),
            canvas=self.canvas,
        )

    def _measured(self, images: Tensor) -> Tensor:
        """The objectives on whole pictures, in full precision, at the network's size where theirs is another."""
        if self.size != self.canvas.size:
            images = F.interpolate(images, self.canvas.size, mode="bilinear", antialias=True, align_corners=False)
        return reader(self.objectives, self.device)(self._outputs(images, exact=True)).float()


def _repeated(items: Sequence[Any], times: int) -> list[Any]:
    return [item for item in items for _ in range(times)]


def _each(mask: Tensor, like: Tensor) -> Tensor:
    return mask.reshape(-1, *[1] * (like.dim() - 1))


def _joined(parts: Sequence[Maximized], step: int, names: tuple[str, ...], canvas: Canvas) -> Maximized:
    def together(field: str, dim: int = 0) -> Tensor:
        return torch.cat([getattr(part, field) for part in parts], dim)

    return Maximized(
        images=together("images"),
        activations=together("activations"),
        best_images=together("best_images"),
        best_activations=together("best_activations"),
        best_step=together("best_step"),
        history=together("history", 1),
        diverged={k * step + i: at for k, part in enumerate(parts) for i, at in part.diverged.items()},
        unmoved=tuple(k * step + i for k, part in enumerate(parts) for i in part.unmoved),
        nudged=together("nudged"),
        names=names,
        canvas=canvas,
    )
