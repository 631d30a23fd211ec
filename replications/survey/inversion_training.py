"""Trains an up-convolutional network to invert a layer: squared error in image space, Adam (Dosovitskiy & Brox 2016).

The inverted network is fixed. Errors are shares of the images' variance: 1 is the error of the mean image, 2 that of an
unrelated image. The learning rate falls along half a cosine to 0. Which images a step sees follows from the seed and
the step's number, so that a training that is taken up between two steps goes on bit for bit; on a CPU with one thread,
however many there are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.identity import code_fingerprint
from replications.networks.network import Network
from replications.paths import atomic_write, file_lock
from replications.progress import counted
from replications.survey.inversion_codes import code_shape, codes
from replications.survey.upconvolution import UpConvolution
from replications.training.batches import TrainingImages
from replications.training.loop import TrainingDiverged, derived_seed
from replications.training.side_by_side import one_thread

ADAM = ("exp_avg", "exp_avg_sq", "step")
RECORD_EVERY = 50
CHECKPOINT_EVERY = 500
HELD = 400 * 2**20  # bytes of codes that are held; more are computed with each batch
_BATCH = 200


@dataclasses.dataclass(frozen=True)
class InversionRecipe:
    """steps: updates. width, hidden: see `UpConvolution`. learning_rate: of the first step."""

    steps: int
    width: int
    hidden: int
    batch_size: int
    learning_rate: float

    def __post_init__(self) -> None:
        if min(self.steps, self.width, self.hidden, self.batch_size) < 1 or not self.learning_rate > 0:
            raise ValueError(f"a training needs steps, widths, images in a batch and a rate above 0, found {self}")

    def rate_at(self, step: int) -> float:
        """Of step `step`, 1 for the first."""
        return self.learning_rate * (1 + math.cos(math.pi * (step - 1) / self.steps)) / 2


@dataclasses.dataclass(frozen=True, eq=False)
class InversionJob:
    """One network to train. network: the inverted one. layer: of it, or "probabilities". data: the training images."""

    network: Network
    layer: str
    data: ImageSet
    recipe: InversionRecipe
    seed: int = 0

    def untrained(self) -> UpConvolution:
        """With its first weights; without the statistics of real codes."""
        return UpConvolution(
            code_shape=code_shape(self.network, self.layer),
            image_size=self.data.size,
            width=self.recipe.width,
            hidden=self.recipe.hidden,
            layer=self.layer,
            seed=derived_seed(self.seed, "inversion", self.layer),
        )

    def description(self, device: torch.device) -> dict[str, Any]:
        """All that determines the weights, as plain values."""
        return {
            "recipe": dataclasses.asdict(self.recipe),
            "network": self.network.fingerprint,
            "layer": self.layer,
            "data": self.data.fingerprint,
            "size": self.data.size,
            "seed": self.seed,
            "device": device.type,
            "code": code_fingerprint("replications.survey.inversion_training"),
            "torch": torch.__version__.partition("+")[0],
        }

    def key(self, device: torch.device) -> str:
        """The name of the training's folder."""
        text = json.dumps(self.description(device), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclasses.dataclass(frozen=True)
class Record:
    """error: mean over the steps since the last record, as a share of the variance. seconds: that they took."""

    step: int
    error: float
    seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedInversion:
    """inversion: in evaluation mode, frozen. key: of its folder. description: what that covers."""

    inversion: UpConvolution
    history: tuple[Record, ...]
    key: str
    description: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time of all steps."""
        return sum(record.seconds for record in self.history)


def train_inversion(
    job: InversionJob,
    root: Path,
    device: torch.device | str = "cpu",
    *,
    name: str | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> TrainedInversion:
    """The job's network, trained now as far as it isn't yet; kept in a folder of `root` named by what determines it.

    name: for the progress bar; None shows nothing. checkpoint_every: a multiple of 50 steps.

    Raises:
        TrainingDiverged: the loss is no longer a number.
        ValueError: layer, images and recipe don't fit together.
        UnknownLayer: the network has no such layer.
    """
    if checkpoint_every < 1 or checkpoint_every % RECORD_EVERY:
        raise ValueError(f"checkpoints are written every multiple of {RECORD_EVERY} steps, not {checkpoint_every}")
    device = torch.device(device)
    description, key = job.description(device), job.key(device)
    folder = root / key
    with file_lock(folder / "lock"):
        if not (folder / "inversion.safetensors").is_file():
            with atomic_write(folder / "job.json", "w") as file:
                json.dump(description, file, indent=2, sort_keys=True)
            with one_thread(device):
                _Run(job, folder, device, name, checkpoint_every).go()
    tensors, metadata = read(folder / "inversion.safetensors")
    inversion = job.untrained()
    inversion.load_state_dict(tensors)
    inversion = inversion.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    history = tuple(Record(**record) for record in metadata["history"])
    return TrainedInversion(inversion.requires_grad_(False), history, key, description)


class _Run:
    """A training being carried on in its folder."""

    def __init__(
        self, job: InversionJob, folder: Path, device: torch.device, name: str | None, checkpoint_every: int
    ) -> None:
        self.job, self.folder, self.device, self.name, self.every = job, folder, device, name, checkpoint_every
        job.network.to(device)
        with self._counted("reading images", len(job.data), "image") as done:
            self.shown = ShownImages(job.network, job.layer, job.data, done)
        inversion = job.untrained()
        inversion.take_statistics(self.shown.mean_image, self.shown.code_scale)
        self.inversion: UpConvolution = inversion.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.inversion.parameters(), job.recipe.learning_rate)
        self.history: list[Record] = []
        self._take_up()

    def go(self) -> None:
        recipe = self.job.recipe
        begun = self.history[-1].step if self.history else 0
        errors: list[Tensor] = []
        last = time.perf_counter()
        with self._counted(f"training with {len(self.shown)} images", recipe.steps - begun, "step") as done:
            for number in range(begun + 1, recipe.steps + 1):
                errors.append(self._step(number))
                done(1)
                if number % RECORD_EVERY == 0 or number == recipe.steps:
                    now = time.perf_counter()
                    error = float(torch.stack(errors).mean())
                    if not math.isfinite(error):
                        raise TrainingDiverged(
                            f"training diverged by step {number}: its error is {error}; lower the recipe's learning "
                            f"rate, {recipe.learning_rate:g}"
                        )
                    self.history.append(Record(number, error, now - last))
                    errors, last = [], now
                if number % self.every == 0 and number < recipe.steps:
                    self._keep()
        state = {name: value.cpu().contiguous() for name, value in self.inversion.state_dict().items()}
        _write(self.folder / "inversion.safetensors", state, self._metadata())
        (self.folder / "resume.safetensors").unlink(missing_ok=True)

    def _step(self, number: int) -> Tensor:
        """The batch's error, as a share of the variance."""
        images, code = self.shown.batch(self._positions(number))
        images = images.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.job.recipe.rate_at(number)
        error = (self.inversion(code.to(self.device)) - images).square().flatten(1).sum(1).mean() / self.shown.variance
        self.optimizer.zero_grad()
        error.backward()
        self.optimizer.step()
        return error.detach()

    def _positions(self, number: int) -> Tensor:
        """Which images step `number` sees: each once in an epoch's random order; a rest is left out."""
        size, count = self.job.recipe.batch_size, len(self.shown)
        epoch, batch = divmod(number - 1, count // size)
        generator = torch.Generator().manual_seed(derived_seed(self.job.seed, "inversion order", epoch))
        return torch.randperm(count, generator=generator)[batch * size : (batch + 1) * size]

    def _counted(self, what: str, total: int, unit: str) -> AbstractContextManager[Callable[[int], object]]:
        return nullcontext(_ignore) if self.name is None else counted(f"{self.name}: {what}", total, unit)

    def _keep(self) -> None:
        tensors = {f"model.{name}": value for name, value in self.inversion.state_dict().items()}
        for name, parameter in self.inversion.named_parameters():
            tensors |= {f"{kind}.{name}": self.optimizer.state[parameter][kind] for kind in ADAM}
        found = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        _write(self.folder / "resume.safetensors", found, self._metadata())

    def _take_up(self) -> None:
        """Goes on from the last checkpoint, which is whole, since files are replaced in one step."""
        path = self.folder / "resume.safetensors"
        if not path.is_file():
            return
        tensors, metadata = read(path)
        self.inversion.load_state_dict(
            {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        )
        for name, parameter in self.inversion.named_parameters():
            averages = {k: torch.empty_like(parameter).copy_(tensors[f"{k}.{name}"]).detach() for k in ADAM[:2]}
            self.optimizer.state[parameter] = {**averages, "step": tensors[f"step.{name}"]}
        self.history = [Record(**record) for record in metadata["history"]]

    def _metadata(self) -> dict[str, Any]:
        return {"history": [dataclasses.asdict(record) for record in self.history]}


class ShownImages:
    """Training images with their codes, which are held where they fit into `HELD` bytes; everything on the CPU.

    mean_image: (3, S, S) in [0, 1]. variance: mean squared distance of an image from it. code_scale: root mean square
    of the codes' numbers. Raises ValueError where there is no image or no variance.
    """

    def __init__(
        self, network: Network, layer: str, data: ImageSet, on_images: Callable[[int], object] = lambda count: None
    ) -> None:
        self._network, self._layer = network, layer
        self._images = TrainingImages(data, torch.arange(len(data)))
        self._sides = torch.arange(data.size)
        fits = 4 * len(data) * math.prod(code_shape(network, layer)) <= HELD
        total, square, squares, numbers = torch.zeros(3, data.size, data.size, dtype=torch.float64), 0.0, 0.0, 0
        held: list[Tensor] = []
        for positions in torch.arange(len(data)).split(_BATCH):
            images = self._pictures(positions)
            found = self._codes(images)
            total += images.double().sum(0)
            square += float(images.double().square().sum())
            squares, numbers = squares + float(found.double().square().sum()), numbers + found.numel()
            if fits:
                held.append(found)
            on_images(len(positions))
        if not len(data):
            raise ValueError(f"expected at least one image to train on, found none in {data.name}")
        self._held = torch.cat(held) if fits else None
        self._count = len(data)
        mean = total / len(data)
        self.mean_image = mean.float()
        self.variance = square / len(data) - float(mean.square().sum())
        self.code_scale = math.sqrt(squares / numbers)
        if not (self.variance > 1e-9 and self.code_scale > 0):
            raise ValueError(
                f"nothing can be learned from {len(data)} images of variance {self.variance:g} whose codes of layer "
                f"'{layer}' have a root mean square of {self.code_scale:g}"
            )

    def __len__(self) -> int:
        return self._count

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Images (n, 3, S, S) in [0, 1], rounded to 8 bits, and their codes."""
        images = self._pictures(positions)
        return images, self._codes(images) if self._held is None else self._held[positions]

    @torch.no_grad()
    def _codes(self, images: Tensor) -> Tensor:
        return codes(self._network, self._layer, images).float().cpu().contiguous()

    def _pictures(self, positions: Tensor) -> Tensor:
        sides = self._sides.expand(len(positions), -1)
        return self._images.take(positions, sides, sides).float().div_(255)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a checkpoint, and what it says besides."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, dict(json.loads(file.metadata()["training"]))


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    from safetensors.torch import save

    with atomic_write(path) as file:
        file.write(save(dict(tensors), metadata={"training": json.dumps(metadata)}))


def _ignore(count: int) -> None:
    """Shows nothing of how far things are."""
