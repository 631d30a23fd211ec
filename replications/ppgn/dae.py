"""Denoising autoencoders whose residual is a prior (Nguyen et al. 2017, Sec. 3.1 and 3.3).

A denoising autoencoder R that is trained to give x back from x + N(0, sigma^2) tells the gradient of the logarithm of
the density of such noisy x (Alain & Bengio 2014; Eq. 6):

    d log p(x) / dx ~ (R(x) - x) / sigma^2

Sources: for codes the paper's sizes are 4096-2048-1024-500-1024-2048-4096, fully connected (seen in a secondary
source); for pixels its noise is 25.6 of 256 grey levels (10 %; from memory). Ours, what couldn't be recovered:
- The seven sizes are read as seven layers of units, so that there are six of weights; ReLU between them, none at the
  end, where a posterior mean has to be able to fall between what the units say.
- Codes are standardized inside by one mean and one deviation per unit, which are constants of the autoencoder.
- The noise on codes is a share of their spread (the root mean square of their deviations): no level could be recovered.
- The autoencoder of pixels: two strided convolutions, two at the smallest size, two up-convolutions.
- Adam with a rate that falls along half a cosine.
For codes of other widths the sizes are in proportion.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional as F

from replications.paths import atomic_write
from replications.ppgn.codes import RealCodes
from replications.progress import say
from replications.training.side_by_side import one_thread

PUBLISHED_WIDTHS = (4096, 2048, 1024, 500, 1024, 2048, 4096)
PIXEL_NOISE = 25.6 / 256  # of pixels in [0, 1]


class WrongCheckpoint(ValueError):
    """A file holds something else than was asked for."""


class DAE(nn.Module, ABC):
    """A denoising autoencoder: (n, *shape) -> (n, *shape).

    sigma: the standard deviation of the noise that it is trained to remove, in the units of what it reads.
    """

    kind: ClassVar[str]
    sigma: Tensor

    def __init__(self, shape: Sequence[int], sigma: float) -> None:
        super().__init__()
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"a denoising autoencoder removes noise of a deviation above 0, found {sigma}")
        self.shape = tuple(int(extent) for extent in shape)
        self.register_buffer("sigma", torch.tensor(float(sigma)))

    @abstractmethod
    def forward(self, noisy: Tensor) -> Tensor:
        """What was there before the noise, in the mean."""

    @property
    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """What another of the same sizes is made with, besides the noise."""

    def residual(self, x: Tensor) -> Tensor:
        """R(x) - x, the direction that epsilon 1 multiplies (Eq. 11)."""
        return self(x) - x

    def score(self, x: Tensor) -> Tensor:
        """The gradient of the log density of real ones with noise, at x (Eq. 6)."""
        return self.residual(x) / self.sigma**2


def widths_for(code: int) -> tuple[int, ...]:
    """The published sizes, in proportion to a code of so many numbers, and each at least 1."""
    return tuple(max(1, round(width * code / PUBLISHED_WIDTHS[0])) for width in PUBLISHED_WIDTHS)


class CodeDAE(DAE):
    """R_h of PPGN-h: fully connected, from codes (n, d) to codes (n, d).

    widths: of all layers of units, the first and the last d; None for the published ones in proportion.
    """

    kind = "code"

    def __init__(self, code: int, sigma: float, widths: Sequence[int] | None = None) -> None:
        super().__init__((code,), sigma)
        self.widths = widths_for(code) if widths is None else tuple(int(width) for width in widths)
        if len(self.widths) < 2 or self.widths[0] != code or self.widths[-1] != code or min(self.widths) < 1:
            raise ValueError(
                f"the layers of an autoencoder of codes of {code} numbers begin and end with {code} units, found "
                f"{'-'.join(map(str, self.widths)) or 'none'}"
            )
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("deviation", torch.ones(code))
        layers: list[nn.Module] = []
        for before, after in zip(self.widths, self.widths[1:], strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    mean: Tensor
    deviation: Tensor

    @property
    def arguments(self) -> dict[str, Any]:
        return {"code": self.shape[0], "widths": list(self.widths)}

    def standardize(self, real: RealCodes) -> None:
        """Takes mean and deviation of real codes as its own; a unit that never varies keeps the scale of the others."""
        if real.shape != self.shape:
            raise ValueError(f"expected what is known of codes of shape {self.shape}, found {real.shape}")
        self.mean.copy_(real.mean)
        self.deviation.copy_(torch.where(real.deviation > 1e-3 * real.spread, real.deviation, real.spread or 1.0))

    def forward(self, noisy: Tensor) -> Tensor:
        found: Tensor = self.layers((noisy - self.mean) / self.deviation)
        return found * self.deviation + self.mean


class PixelDAE(DAE):
    """R_x of PPGN-x: convolutional, from images (n, 3, S, S) to images; S is a multiple of 4."""

    kind = "pixels"

    def __init__(self, size: int, sigma: float = PIXEL_NOISE, width: int = 32) -> None:
        super().__init__((3, size, size), sigma)
        if size % 4:
            raise ValueError(
                f"an autoencoder of pixels halves them twice, so their side is a multiple of 4, not {size}"
            )
        self.width = width
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1),
        )

    @property
    def arguments(self) -> dict[str, Any]:
        return {"size": self.shape[1], "width": self.width}

    def forward(self, noisy: Tensor) -> Tensor:
        # pixels lie around a half; the layers begin around zero
        found: Tensor = self.layers(noisy - 0.5)
        return found + 0.5


KINDS: dict[str, Callable[..., DAE]] = {"code": CodeDAE, "pixels": PixelDAE}


@dataclasses.dataclass(frozen=True)
class DAERecipe:
    """How an autoencoder is trained.

    steps, batch: of Adam, and how many examples each sees. rate: of the first step; it falls to 0 along half a cosine.
    """

    steps: int
    batch: int = 128
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(float(beta) for beta in self.betas))
        if self.steps < 1 or self.batch < 1 or self.rate <= 0:
            raise ValueError(f"a training needs steps, examples and a rate above 0, found {self}")

    def rate_at(self, step: int) -> float:
        """In step 0, 1, ..., steps - 1."""
        return self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2


Progress = Callable[[Iterable[int], str, int], Iterable[int]]


def train_dae(
    dae: DAE,
    real: Tensor,
    recipe: DAERecipe,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    path: Path | None = None,
    keep_every: int = 1000,
    progress: Progress | None = None,
) -> list[float]:
    """Trains `dae` in place to remove its noise from `real`, and leaves it on `device`, frozen, in evaluation mode.

    Batch and noise of a step follow from seed and step alone, so that a training which is taken up goes on bit for bit
    (on one machine; on a CPU with one thread, however many there are).

    Args:
        real: (N, *dae.shape), codes or images in [0, 1]; uint8 stands for 256 levels in [0, 1].
        path: where it keeps how far it is, every `keep_every` steps; it is removed at the end. None keeps nothing.
        progress: wraps the steps.

    Returns:
        the mean squared error of each step's batch, before the step.

    Raises:
        ValueError: `real` isn't of the autoencoder's shape, or the loss is no longer a number.
        WrongCheckpoint: `path` holds another training.
    """
    if tuple(real.shape[1:]) != dae.shape or not len(real):
        raise ValueError(f"expected examples of shape {dae.shape} to train on, found {tuple(real.shape)}")
    dae.to(device).train().requires_grad_(True)
    optimizer = torch.optim.Adam(dae.parameters(), lr=recipe.rate, betas=recipe.betas)
    about = {**_about(dae), "recipe": dataclasses.asdict(recipe), "seed": seed, "examples": _digest(real)}
    losses = _taken_up(path, about, dae, optimizer)
    steps = range(len(losses), recipe.steps)
    with one_thread(torch.device(device)):
        for step in steps if progress is None else progress(steps, "training an autoencoder", len(steps)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(step)
            losses.append(_step(dae, real, optimizer, recipe.batch, _seed(seed, step)))
            if not math.isfinite(losses[-1]):
                raise ValueError(f"the loss is {losses[-1]} in step {step}; lower the rate, which is {recipe.rate:g}")
            if path is not None and (step + 1) % keep_every == 0:
                _keep(path, about, dae, optimizer, losses)
    dae.eval().requires_grad_(False)
    if path is not None:
        path.unlink(missing_ok=True)
    return losses


def noise_left(dae: DAE, real: Tensor, *, seed: int = 0, batch: int = 256) -> float:
    """The mean squared error of what it gives back, as a share of the noise's variance.

    1 is no better than leaving the noise there. real: as for `train_dae`, not seen in training.
    """
    generator = torch.Generator().manual_seed(_seed(seed, -1))
    total, count = 0.0, 0
    with torch.inference_mode():
        for part in real.split(batch):
            clean = _as_values(part)
            noise = torch.randn(clean.shape, generator=generator)
            clean = clean.to(dae.sigma.device)
            found = dae(clean + dae.sigma * noise.to(clean))
            total += float((found - clean).double().square().sum())
            count += clean.numel()
    return total / count / float(dae.sigma) ** 2


def save_dae(path: Path, dae: DAE, about: Mapping[str, Any] | None = None, *, half: bool = False) -> None:
    """Writes the autoencoder with its sizes and noise; about: what else is known of it, as JSON can say it.

    half: its weights in float16, half the size."""
    text = json.dumps({**_about(dae), "about": dict(about or {})}, sort_keys=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in dae.state_dict().items()}
    if half:
        tensors |= {name: tensors[name].half() for name, _ in dae.named_parameters()}
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"dae": text}))


def load_dae(path: Path, shape: Sequence[int] | None = None) -> tuple[DAE, dict[str, Any]]:
    """What `save_dae` wrote, frozen and in evaluation mode: the autoencoder, and what else is known of it.

    shape: of the examples it is for; None for any. Raises WrongCheckpoint where the file holds anything else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("dae")
    except SafetensorError as error:
        raise WrongCheckpoint(f"'{path}' is cut short or no file of weights ({error}); make it again") from error
    if text is None:
        raise WrongCheckpoint(f"'{path}' holds no denoising autoencoder")
    described = json.loads(text)
    dae = KINDS[described["kind"]](sigma=described["sigma"], **described["arguments"])
    if shape is not None and tuple(shape) != dae.shape:
        raise WrongCheckpoint(
            f"'{path}' holds an autoencoder of {described['kind']} of shape {dae.shape}; expected one of {tuple(shape)}"
        )
    dae.load_state_dict(load_file(path))
    return dae.eval().requires_grad_(False), described["about"]


# -------------------------------------------------------------------------------------------------------- internals


def _step(dae: DAE, real: Tensor, optimizer: torch.optim.Optimizer, batch: int, seed: int) -> float:
    """The loss before the step."""
    generator = torch.Generator().manual_seed(seed)
    clean = _as_values(real[torch.randint(len(real), (batch,), generator=generator)]).to(dae.sigma.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean)
    loss = F.mse_loss(dae(clean + dae.sigma * noise), clean)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _about(dae: DAE) -> dict[str, Any]:
    return {"kind": dae.kind, "arguments": dae.arguments, "sigma": float(dae.sigma)}


def _as_values(examples: Tensor) -> Tensor:
    return examples.float() / 255 if examples.dtype == torch.uint8 else examples.float()


def _seed(seed: int, step: int) -> int:
    return int.from_bytes(hashlib.sha256(f"dae/{seed}/{step}".encode()).digest()[:8], "little") >> 1


def _digest(tensor: Tensor) -> str:
    values = tensor.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(values.view(torch.uint8).numpy().tobytes()).hexdigest()[:16]


def _keep(path: Path, about: Mapping[str, Any], dae: DAE, optimizer: torch.optim.Adam, losses: Sequence[float]) -> None:
    tensors = {f"model.{name}": value for name, value in dae.state_dict().items()}
    for name, parameter in dae.named_parameters():
        for key in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"{key}.{name}"] = optimizer.state[parameter][key]
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    found = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(found, metadata={"training": json.dumps(about, sort_keys=True)}))


def _taken_up(path: Path | None, about: Mapping[str, Any], dae: DAE, optimizer: torch.optim.Adam) -> list[float]:
    """Puts model and optimizer where the file says that they were; gives the losses so far."""
    if path is None or not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("training", "{}")
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        say(f"{path} can't be used ({error}), so its training begins anew")
        return []
    held = json.loads(text)
    wanted = json.loads(json.dumps(about))
    if held != wanted:
        differ = ", ".join(sorted(key for key in {*held, *wanted} if held.get(key) != wanted.get(key)))
        raise WrongCheckpoint(f"'{path}' holds another training, which differs in {differ}; remove it or name another")
    dae.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    for name, parameter in dae.named_parameters():
        optimizer.state[parameter] = {
            key: tensors[f"{key}.{name}"].to("cpu" if key == "step" else parameter.device)
            for key in ("exp_avg", "exp_avg_sq", "step")
        }
    losses: list[float] = tensors["losses"].tolist()
    return losses
