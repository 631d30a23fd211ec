"""Trains a generator, or finds it trained: one folder a training, named by everything that determines the weights.

<root>/<key>: job.json (what the key stands for), resume-NNNNNNN.safetensors to go on from, generator.safetensors when
it is done, and a lock, so that two processes never train the same one at once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from replications.identity import code_fingerprint
from replications.paths import atomic_write, file_lock
from replications.ppgn.balance import Balance
from replications.ppgn.collapse import Record, TrainingCollapsed
from replications.ppgn.encoder import Encoder
from replications.ppgn.features import RealFeatures
from replications.ppgn.generator import Generator
from replications.ppgn.recipe import GeneratorRecipe
from replications.ppgn.training import GeneratorTraining, StepLosses, precision_name
from replications.progress import counted
from replications.training.job import plain
from replications.training.loop import TrainingDiverged
from replications.training.side_by_side import one_thread

if TYPE_CHECKING:
    from replications.data.image_set import ImageSet
    from replications.networks.network import Network

RECORD_EVERY = 50
CHECKPOINT_EVERY = 500

Sheet = Callable[[int, Tensor, Tensor], object]


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratorJob:
    """One generator to train.

    network: the encoder. data: the training images, whose size is the generator's; indices: which of them (None: all).
    seed: of initial weights, order, noise and dropout.
    """

    network: Network
    data: ImageSet
    recipe: GeneratorRecipe
    seed: int = 0
    indices: Sequence[int] | Tensor | None = None

    @property
    def encoder(self) -> Encoder:
        """The network read at the recipe's layers."""
        return Encoder(self.network, self.recipe.code_layer, self.recipe.comparator_layer)

    @property
    def chosen(self) -> Tensor:
        """(n,) int64, the indices of the training images."""
        return torch.arange(len(self.data)) if self.indices is None else torch.as_tensor(self.indices).long()

    def description(self, device: torch.device) -> dict[str, Any]:
        """All that determines the weights, as plain values. When a collapse would stop it isn't part of it."""
        recipe = dataclasses.asdict(self.recipe)
        del recipe["collapse"]
        return {
            "recipe": plain(recipe),
            "encoder": self.network.fingerprint,
            "data": self.data.fingerprint,
            "size": self.data.size,
            "images": len(self.chosen),
            "indices": hashlib.sha256(self.chosen.numpy().tobytes()).hexdigest()[:16],
            "seed": self.seed,
            "device": device.type,
            "precision": precision_name(self.recipe, device),
            "code": code_fingerprint("replications.ppgn.training"),
            "torch": torch.__version__.partition("+")[0],
        }

    def key(self, device: torch.device) -> str:
        """The name of the training's folder."""
        text = json.dumps(self.description(device), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclasses.dataclass(frozen=True)
class Codes:
    """Of the numbers of all training images' codes: the smallest, the largest, the root mean square."""

    low: float
    high: float
    root_mean_square: float


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """generator: in evaluation mode, frozen, on the run's device. key: of its folder. description: what that covers."""

    job: GeneratorJob
    generator: Generator
    history: tuple[Record, ...]
    codes: Codes
    key: str
    description: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time of all steps."""
        return sum(record.seconds for record in self.history)


def train_generator(
    job: GeneratorJob,
    root: Path,
    device: torch.device | str = "cpu",
    *,
    name: str = "generator",
    progress: bool = True,
    sheet: Sheet | None = None,
    sheet_images: Tensor | None = None,
    sheet_every: int = 1000,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> TrainedGenerator:
    """The job's generator, trained now as far as it isn't yet; on a CPU with one thread, so that it is reproducible.

    name: for the progress bar. sheet: called every `sheet_every` steps and after the last with the step, `sheet_images`
    (n, 3, S, S) in [0, 1], and what the generator makes of their codes. checkpoint_every: a multiple of 50.

    Raises:
        TrainingCollapsed: see `CollapseRule`; what was trained so far is kept.
        TrainingDiverged: a loss is no longer a number.
        ValueError: layers, images or the recipe don't fit together.
    """
    if checkpoint_every < 1 or checkpoint_every % RECORD_EVERY:
        raise ValueError(f"checkpoints are written every multiple of {RECORD_EVERY} steps, not {checkpoint_every}")
    device = torch.device(device)
    description, key = job.description(device), job.key(device)
    folder = root / key
    with file_lock(folder / "lock"):
        if read_metadata(folder / "generator.safetensors") is None:
            with atomic_write(folder / "job.json", "w") as file:
                json.dump(description, file, indent=2, sort_keys=True)
            with one_thread(device):
                run = _Run(job, folder, device, name if progress else None, checkpoint_every)
                run.go(sheet, sheet_images, sheet_every)
    return _finished(job, folder, device, key, description)


class _Run:
    """A training being carried on in its folder; without a name it shows nothing of how far it is."""

    def __init__(
        self, job: GeneratorJob, folder: Path, device: torch.device, name: str | None, checkpoint_every: int
    ) -> None:
        self.job, self.folder, self.name, self.checkpoint_every = job, folder, name, checkpoint_every
        job.network.to(device)
        with self._counted("encoding images", len(job.chosen), "image") as done:
            self.real = RealFeatures(job.data, job.chosen, job.encoder, done)
        self.training = GeneratorTraining(
            job.recipe,
            job.encoder,
            variances=self.real.variances,
            mean_image=self.real.mean_image,
            code_scale=self.real.code_scale,
            seed=job.seed,
            device=device,
        )
        self.history: list[Record] = []
        self.done = 0
        self._take_up()

    def go(self, sheet: Sheet | None, sheet_images: Tensor | None, sheet_every: int) -> None:
        recipe = self.job.recipe
        means, last = _Means(), time.perf_counter()
        steps = recipe.steps - self.done
        with self._counted(f"training with {len(self.real)} images", steps, "step") as done:
            for number in range(self.done + 1, recipe.steps + 1):
                turn = self.training.balance
                means.add(self.training.step(number, self.real), turn)
                done(1)
                final = number == recipe.steps
                if number % RECORD_EVERY == 0 or final:
                    now = time.perf_counter()
                    self.history.append(means.record(number, recipe.learning_rate_at(number), now - last))
                    means, last = _Means(), now
                    self._check()
                if sheet is not None and sheet_images is not None and (number % sheet_every == 0 or final):
                    self._draw(sheet, number, sheet_images)
                if number % self.checkpoint_every == 0 and not final:
                    self._keep(number)
                    self._judge()
        self._finish()

    def _counted(self, what: str, total: int, unit: str) -> AbstractContextManager[Callable[[int], object]]:
        """A progress bar, where one is wanted."""
        return nullcontext(_ignore) if self.name is None else counted(f"{self.name}: {what}", total, unit)

    def _check(self) -> None:
        record = self.history[-1]
        losses = [record.image, record.comparator, record.code, record.discriminator_loss, record.adversarial_loss]
        if not all(math.isfinite(loss) for loss in losses if loss is not None):
            raise TrainingDiverged(
                f"training diverged by step {record.step}: its losses are {losses} at learning rate "
                f"{record.learning_rate:g}; lower the recipe's learning rate"
            )

    def _judge(self) -> None:
        rule = self.job.recipe.collapse
        if rule is not None and (sentence := rule.sentence(self.history)) is not None:
            raise TrainingCollapsed(sentence)

    @torch.inference_mode()
    def _draw(self, sheet: Sheet, number: int, images: Tensor) -> None:
        generator = self.training.result
        code = self.job.encoder.code(images)
        sheet(number, images, generator(code.to(self.training.device)).float().cpu())

    def _take_up(self) -> None:
        """Goes on from the last whole checkpoint."""
        from safetensors.torch import load_file

        for path in sorted(self.folder.glob("resume-*.safetensors"), reverse=True):
            metadata = read_metadata(path)
            if metadata is None:
                continue
            self.training.load(load_file(path), Balance(**metadata["balance"]))
            self.history = [Record(**record) for record in metadata["history"]]
            self.done = int(metadata["step"])
            return

    def _keep(self, number: int) -> None:
        """Writes a checkpoint and removes those older than the one before it, should the last turn out damaged."""
        held = sorted(self.folder.glob("resume-*.safetensors"))
        _write(self.folder / f"resume-{number:07d}.safetensors", self.training.state(), self._metadata(number))
        for path in held[:-1]:
            path.unlink(missing_ok=True)

    def _finish(self) -> None:
        state = {name: value.cpu().contiguous() for name, value in self.training.result.state_dict().items()}
        _write(self.folder / "generator.safetensors", state, self._metadata(self.job.recipe.steps))
        for path in self.folder.glob("resume-*.safetensors"):
            path.unlink(missing_ok=True)

    def _metadata(self, number: int) -> dict[str, Any]:
        return {
            "step": number,
            "balance": dataclasses.asdict(self.training.balance),
            "history": [dataclasses.asdict(record) for record in self.history],
            "codes": dataclasses.asdict(Codes(self.real.low, self.real.high, self.real.code_scale)),
        }


class _Means:
    """Means of what the steps gave since the last record."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count, self._discriminator, self._generator = 0, 0, 0
        self._spread = torch.zeros(())

    def add(self, losses: StepLosses, turn: Balance) -> None:
        self._count += 1
        self._discriminator += turn.discriminator and losses.discriminator is not None
        self._generator += turn.generator
        self._spread = losses.spread
        for name, value in losses._asdict().items():
            if value is not None and name != "spread":
                self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value

    def record(self, step: int, learning_rate: float, seconds: float) -> Record:
        def mean(name: str) -> float | None:
            return float(self._sums[name]) / self._count if name in self._sums else None

        return Record(
            step=step,
            learning_rate=learning_rate,
            image=float(self._sums["image"]) / self._count,
            comparator=mean("comparator"),
            code=mean("code"),
            discriminator_loss=mean("discriminator"),
            adversarial_loss=mean("adversarial"),
            discriminator_share=self._discriminator / self._count,
            generator_share=self._generator / self._count,
            spread=float(self._spread),
            seconds=seconds,
        )


def _finished(
    job: GeneratorJob, folder: Path, device: torch.device, key: str, description: dict[str, Any]
) -> TrainedGenerator:
    from safetensors.torch import load_file

    path = folder / "generator.safetensors"
    metadata = read_metadata(path)
    if metadata is None:
        raise RuntimeError(f"{path} was written and can't be read back; does something else empty the folder?")
    generator = job.recipe.generator(job.encoder.code_size, job.data.size, job.seed)
    generator.load_state_dict(load_file(path))
    generator = generator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TrainedGenerator(
        job=job,
        generator=generator.eval().requires_grad_(False),
        history=tuple(Record(**record) for record in metadata["history"]),
        codes=Codes(**metadata["codes"]),
        key=key,
        description=description,
    )


def read_metadata(path: Path) -> dict[str, Any] | None:
    """What a checkpoint says besides its tensors; None where the file is absent, cut short or none of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get("training")
    except (FileNotFoundError, SafetensorError):
        return None
    return None if found is None else dict(json.loads(found))


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    from safetensors.torch import save

    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"training": json.dumps(metadata)}))


def _ignore(count: int) -> None:
    """Shows nothing of how far things are."""
