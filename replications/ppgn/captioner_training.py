"""Training a captioner on images and their captions: the mean over words of the cross-entropy, each given those before.

Adam with decoupled weight decay and a rate that falls along half a cosine. Half of the images are seen mirrored, with
left and right exchanged in their captions, where the world might show the mirror image. All randomness of an epoch
follows from the seed and the epoch's number, so that a training which is taken up between two goes on bit for bit (on
one machine; on a CPU with one thread, however many there are).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

from replications.data.facetworld.dataset import FacetSet
from replications.paths import atomic_write
from replications.ppgn.captioning_network import PADDING, CaptioningNetwork, padded
from replications.ppgn.dae import WrongCheckpoint
from replications.ppgn.told import told_of
from replications.ppgn.words import words_of
from replications.progress import say
from replications.training.batches import TrainingImages
from replications.training.loop import derived_seed
from replications.training.side_by_side import one_thread

ADAM = ("exp_avg", "exp_avg_sq", "step")
MEAN, DEVIATION = 0.5, 0.25  # of all colours in [0, 1], which the network reads standardized
Progress = Callable[[Iterable[int], str, int], Iterable[int]]


@dataclasses.dataclass(frozen=True)
class CaptionerRecipe:
    """How a captioner is trained.

    epochs: through all images. baseline_epochs: of the captioner with shuffled images. learning_rate: of the first
    step; it falls to 0. dropout: see `CaptioningNetwork`. mirror, mixed_precision: see the head of the file; convolve
    in bfloat16 where the processor has instructions for it.
    """

    epochs: int
    baseline_epochs: int = 4
    batch_size: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    dropout: float = 0.25
    mirror: bool = True
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        if min(self.epochs, self.baseline_epochs, self.batch_size) < 1 or not self.learning_rate > 0:
            raise ValueError(f"a training needs epochs, images in a batch and a rate above 0, found {self}")

    def rate_at(self, share: float) -> float:
        """After a share of the training, 0 to 1."""
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2


class CaptionedImages:
    """The images of a set with their captions as indices of words.

    words: all that occur in the captions, in alphabetical order.
    """

    def __init__(self, images: FacetSet) -> None:
        told = told_of(images)
        if not told:
            raise ValueError("expected at least one image to train on, found none")
        self.name, self.fingerprint, self.size = images.name, images.fingerprint, images.size
        sentences = [words_of(one.caption) for one in told]
        self.words = tuple(sorted({word for sentence in sentences for word in sentence}))
        self._vocabulary = {word: index for index, word in enumerate(self.words)}
        self._images = TrainingImages(images, torch.arange(len(images)))
        self._captions = self._indices(sentences)
        self._mirrored = self._indices([words_of(one.mirrored().caption) for one in told])
        self.mirrors = torch.tensor([one.mirrors for one in told])

    def __len__(self) -> int:
        return len(self._captions)

    def batch(self, positions: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) uint8 channels last, and (n, T) int64 words; mirrored: (n,) bool."""
        columns = torch.arange(self.size).expand(len(positions), -1)
        read = torch.where(mirrored[:, None], columns.flip(1), columns)
        words = torch.where(mirrored[:, None], self._mirrored[positions], self._captions[positions])
        longest = int((words >= 0).sum(1).max())
        return self._images.take(positions, columns, read), words[:, :longest]

    def _indices(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        return padded([[*(self._vocabulary[word] for word in one), len(self.words)] for one in sentences])


def train_captioner(
    network: CaptioningNetwork,
    data: CaptionedImages,
    recipe: CaptionerRecipe,
    *,
    epochs: int | None = None,
    shuffled: bool = False,
    seed: int = 0,
    device: torch.device | str = "cpu",
    path: Path | None = None,
    progress: Progress | None = None,
) -> list[float]:
    """Trains `network` in place and leaves it on `device`, frozen, in evaluation mode.

    Args:
        epochs: other than the recipe's.
        shuffled: every caption is learned with another image than its own, in each epoch another.
        path: where it keeps how far it is, after each epoch; it is removed at the end. None keeps nothing.
        progress: wraps the epochs.

    Returns:
        the mean cross-entropy of a word over each epoch, in nats.

    Raises:
        ValueError: a network for other words or images, or a loss that is no longer a number.
        WrongCheckpoint: `path` holds another training.
    """
    device = torch.device(device)
    if network.end != len(data.words):
        raise ValueError(f"expected a network for {len(data.words)} words, found one for {network.end}")
    network.to(device=device, memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    count = epochs or recipe.epochs
    about = {
        "recipe": dataclasses.asdict(recipe),
        "epochs": count,
        "shuffled": shuffled,
        "seed": seed,
        "data": data.fingerprint,
        "network": repr(network),
    }
    losses = _taken_up(path, about, network, optimizer)
    todo = range(len(losses), count)
    with one_thread(device):
        for epoch in todo if progress is None else progress(todo, "epochs of a captioner", len(todo)):
            losses.append(_epoch(network, data, recipe, optimizer, epoch, count, shuffled, seed))
            if not math.isfinite(losses[-1]):
                raise ValueError(f"the loss is {losses[-1]} in epoch {epoch}; lower the rate, {recipe.learning_rate:g}")
            if path is not None:
                _keep(path, about, network, optimizer, losses)
    network.eval().requires_grad_(False)
    if path is not None:
        path.unlink(missing_ok=True)
    return losses


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16; emulated it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _epoch(
    network: CaptioningNetwork,
    data: CaptionedImages,
    recipe: CaptionerRecipe,
    optimizer: torch.optim.AdamW,
    epoch: int,
    epochs: int,
    shuffled: bool,
    seed: int,
) -> float:
    """The mean loss of a word."""
    device = network.word.weight.device
    random = torch.Generator().manual_seed(derived_seed(seed, "captioner", epoch))
    total, count = 0.0, 0
    batches = torch.randperm(len(data), generator=random).split(recipe.batch_size)
    # the network's dropout draws from torch's own numbers
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else None):
        torch.manual_seed(derived_seed(seed, "captioner dropout", epoch))
        for step, positions in enumerate(batches):
            share = (epoch + step / len(batches)) / epochs
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(share)
            mirrored = (torch.rand(len(positions), generator=random) < 0.5) & data.mirrors[positions] & recipe.mirror
            images, words = data.batch(positions, mirrored)
            if shuffled:
                words = words.roll(1, 0)
            loss, said = _loss(network, images.to(device), words.to(device), recipe)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, count = total + float(loss.detach()) * said, count + said
    return total / count


def _loss(network: CaptioningNetwork, images: Tensor, words: Tensor, recipe: CaptionerRecipe) -> tuple[Tensor, int]:
    """The mean cross-entropy of a word in nats, and of how many words."""
    half = recipe.mixed_precision and computes_in_bfloat16(images.device)
    precision = torch.autocast(images.device.type, dtype=torch.bfloat16) if half else contextlib.nullcontext()
    with precision:
        maps = network.convolutions(standardized(images))
    features = network.dropout(network.image(maps.float().flatten(1)).relu())
    logits = network.logits(features, words)
    loss = F.cross_entropy(logits.flatten(0, 1), words.flatten(), ignore_index=PADDING)
    return loss, int((words >= 0).sum())


def standardized(images: Tensor) -> Tensor:
    """What the network reads of 8-bit images."""
    return (images.float() / 255 - MEAN) / DEVIATION


def _keep(
    path: Path, about: Mapping[str, Any], network: CaptioningNetwork, optimizer: torch.optim.AdamW, losses: list[float]
) -> None:
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key in ADAM:
            tensors[f"{key}.{name}"] = optimizer.state[parameter][key]
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    found = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(found, metadata={"training": json.dumps(about, sort_keys=True)}))


def _taken_up(
    path: Path | None, about: Mapping[str, Any], network: CaptioningNetwork, optimizer: torch.optim.AdamW
) -> list[float]:
    """Puts network and optimizer where the file says that they were; gives the losses so far."""
    if path is None or not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            held = json.loads((file.metadata() or {}).get("training", "{}"))
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        say(f"{path} can't be used ({error}), so its training begins anew")
        return []
    wanted = json.loads(json.dumps(about))
    if held != wanted:
        differ = ", ".join(sorted(key for key in {*held, *wanted} if held.get(key) != wanted.get(key)))
        raise WrongCheckpoint(f"'{path}' holds another training, which differs in {differ}; remove it or name another")
    network.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    for name, parameter in network.named_parameters():
        optimizer.state[parameter] = {
            key: tensors[f"{key}.{name}"].to("cpu" if key == "step" else parameter.device) for key in ADAM
        }
    losses: list[float] = tensors["losses"].tolist()
    return losses
