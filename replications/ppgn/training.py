"""One step of training generator and discriminator, for every variant: what is added, weighed and paused is its recipe.

    Noiseless Joint PPGN-h, DGN-AM    x -> h1 -> h -> G -> x^ -> h1^
    Joint PPGN-h                      x + noise -> h1 + noise -> h + noise -> G -> x^ -> h1^ -> h^

(Plug & Play Generative Networks, Fig. 3b and c.) The encoder is fixed. The targets of the losses are the clean x, h1
and h, and the discriminator sees images with the clean h. As in the authors' training code, the discriminator is
updated first, and the generator then by what the updated one says.

All randomness of a step (which images, noise, dropout) comes from the seed and the step's number, so that a training
that is taken up between two steps goes on bit for bit (on one machine; on a GPU up to the order in which its kernels
sum).
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from replications.ppgn.balance import Balance
from replications.ppgn.discriminator import Discriminator
from replications.ppgn.encoder import Encoder
from replications.ppgn.features import Batch, RealFeatures
from replications.ppgn.generator import Generator
from replications.ppgn.losses import (
    Terms,
    Variances,
    adversarial_loss,
    discriminator_loss,
    divisors,
    squared_distance,
    total,
)
from replications.ppgn.recipe import GeneratorRecipe
from replications.training.loop import derived_seed

ADAM = ("exp_avg", "exp_avg_sq", "step")
Part = TypeVar("Part", Generator, Discriminator)


class StepLosses(NamedTuple):
    """What one step gave. image, comparator, code: squared distances as shares of the variance of real ones; spread:
    of the generated images, as a share of the real ones'. None: not computed. On the training's device."""

    image: Tensor
    comparator: Tensor | None
    code: Tensor | None
    discriminator: Tensor | None
    adversarial: Tensor | None
    spread: Tensor


class GeneratorTraining:
    """A generator and its discriminator being trained: their weights and what Adam knows of each.

    generator: what is being trained; `result` is what comes out. discriminator: None where its loss has no weight.
    balance: which of the two the next step trains.
    """

    def __init__(
        self,
        recipe: GeneratorRecipe,
        encoder: Encoder,
        *,
        variances: Variances,
        mean_image: Tensor,
        code_scale: float,
        seed: int,
        device: torch.device,
    ) -> None:
        """variances, mean_image (3, S, S), code_scale: of the training images (`RealFeatures`), S the generator's size.

        seed: of initial weights, order, noise and dropout.
        """
        self.recipe, self.encoder, self.seed, self.device = recipe, encoder, seed, device
        self.variances, self._divisors = variances, divisors(recipe.losses, variances)
        size, image_size = encoder.code_size, mean_image.shape[-1]
        self.generator: Generator = self._placed(
            recipe.generator(size, image_size, derived_seed(seed, "generator")), code_scale
        )
        self.generator.take_mean(mean_image.to(device))
        self.discriminator: Discriminator | None = None
        if recipe.losses.adversarial:
            built = recipe.discriminator(size, image_size, derived_seed(seed, "discriminator"))
            self.discriminator = self._placed(built, code_scale)
        self._average = None if recipe.ema is None else copy.deepcopy(self.generator).requires_grad_(False)
        self.balance = Balance()
        self._adam = {"generator": self._optimizer(self.generator, 0.0)}
        if self.discriminator is not None:
            self._adam["discriminator"] = self._optimizer(self.discriminator, recipe.weight_decay)

    @property
    def result(self) -> Generator:
        """The averaged generator where the recipe asks for one, else the trained one."""
        return self.generator if self._average is None else self._average

    # ------------------------------------------------------------------------------------------------- a step

    def step(self, number: int, real: RealFeatures) -> StepLosses:
        """Step `number`, 1 for the first."""
        batch = real.batch(self.positions(number, len(real)))
        batch = Batch(*(part.to(self.device) for part in batch))
        for adam in self._adam.values():
            for group in adam.param_groups:
                group["lr"] = self.recipe.learning_rate_at(number)
        # Dropout draws from torch's global generator; the caller's stays as it was.
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(derived_seed(self.seed, number, "dropout"))
            with self._precision():
                code = self._code(batch, number)
            return self._updated(batch, code)

    def positions(self, number: int, count: int) -> Tensor:
        """Which of `count` images step `number` sees: each once in an epoch's random order; a rest is left out.

        Raises ValueError for fewer images than a batch has.
        """
        size = self.recipe.batch_size
        if count < size:
            raise ValueError(f"expected at least a batch of {size} images to train on, found {count}")
        epoch, batch = divmod(number - 1, count // size)
        return _order(derived_seed(self.seed, epoch, "order"), count)[batch * size : (batch + 1) * size]

    def _code(self, batch: Batch, number: int) -> Tensor:
        """What the generator reads: the images' codes, with noise on the way to them where the recipe adds any."""
        noise = self.recipe.noise
        if not noise:
            return batch.code
        random = torch.Generator(self.device).manual_seed(derived_seed(self.seed, number, "noise"))
        h1, code = batch.comparator, batch.code
        with torch.no_grad():
            if noise.image:
                h1 = self.encoder.comparator(_noisy(batch.images, noise.image, random))
            if noise.comparator:
                deviation = math.sqrt(self.variances.comparator / self.encoder.comparator_size)
                h1 = _noisy(h1, noise.comparator * deviation, random)
            if noise.image or noise.comparator:
                code = self.encoder.code_of(h1).float()
            if noise.code:
                deviation = math.sqrt(self.variances.code / self.encoder.code_size)
                code = _noisy(code, noise.code * deviation, random)
        return code

    def _updated(self, batch: Batch, code: Tensor) -> StepLosses:
        turn = self.balance
        with torch.set_grad_enabled(turn.generator), self._precision():
            images = self.generator(code)
        judged = None if self.discriminator is None else self._judge(batch, images.detach(), turn.discriminator)
        with torch.set_grad_enabled(turn.generator):
            terms = self._terms(batch, images)
            if turn.generator:
                loss = total(terms, self.recipe.losses)
                self._adam["generator"].zero_grad()
                # the discriminator's own gradients aren't needed here
                loss.backward(inputs=list(self.generator.parameters()))
                self._adam["generator"].step()
                self._move_average()
        if self.recipe.balance is not None and judged is not None and terms.adversarial is not None:
            self.balance = self.recipe.balance.after(turn, float(judged), float(terms.adversarial.detach()))
        return self._summary(batch, images.detach(), terms, judged)

    def _judge(self, batch: Batch, generated: Tensor, train: bool) -> Tensor:
        """The discriminator's loss; updates it where it's trained."""
        assert self.discriminator is not None
        with torch.set_grad_enabled(train):
            with self._precision():
                logits = self.discriminator(
                    torch.cat([batch.images, generated.to(batch.images.dtype)]), torch.cat([batch.code, batch.code])
                )
            loss = discriminator_loss(*logits.chunk(2))
        if train:
            self._adam["discriminator"].zero_grad()
            # the weight matters beside the weight decay
            (self.recipe.losses.adversarial * loss).backward()
            self._adam["discriminator"].step()
        return loss.detach()

    def _terms(self, batch: Batch, images: Tensor) -> Terms:
        """The generator's losses, unweighted; of those without weight only the image's, which is cheap."""
        weights, by = self.recipe.losses, self._divisors
        h1 = code = adversarial = None
        with self._precision():
            if weights.code:
                h1, code = self.encoder.features(images.float())
            elif weights.comparator:
                h1 = self.encoder.comparator(images.float())
            if self.discriminator is not None:
                adversarial = adversarial_loss(self.discriminator(images, batch.code))
        return Terms(
            image=squared_distance(images, batch.images) / by.image,
            comparator=None if h1 is None else squared_distance(h1, batch.comparator) / by.comparator,
            code=None if code is None else squared_distance(code, batch.code) / by.code,
            adversarial=adversarial,
        )

    @torch.no_grad()
    def _summary(self, batch: Batch, images: Tensor, terms: Terms, judged: Tensor | None) -> StepLosses:
        by, of = self._divisors, self.variances

        def share(term: Tensor | None, divisor: float, variance: float) -> Tensor | None:
            return None if term is None else term.detach() * (divisor / variance)

        image = share(terms.image, by.image, of.image)
        assert image is not None
        return StepLosses(
            image=image,
            comparator=share(terms.comparator, by.comparator, of.comparator),
            code=share(terms.code, by.code, of.code),
            discriminator=judged,
            adversarial=None if terms.adversarial is None else terms.adversarial.detach(),
            spread=(images.float().var(0).sum() / batch.images.var(0).sum()).sqrt(),
        )

    # ---------------------------------------------------------------------------------------------- its state

    def state(self) -> dict[str, Tensor]:
        """All that a continuation needs besides `balance`, on the CPU: weights, averages, and what Adam knows."""
        tensors: dict[str, Tensor] = {}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        for name, adam in self._adam.items():
            for key, parameter in self._modules()[name].named_parameters():
                for kind, value in adam.state.get(parameter, {}).items():
                    tensors[f"adam.{name}.{key}.{kind}"] = value
        return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}

    def load(self, tensors: dict[str, Tensor], balance: Balance) -> None:
        """Takes up a state that `state` gave."""
        self.balance = balance
        for name, module in self._modules().items():
            module.load_state_dict(
                {key.removeprefix(f"{name}."): v for key, v in tensors.items() if key.startswith(f"{name}.")}
            )
        for name, adam in self._adam.items():
            for key, parameter in self._modules()[name].named_parameters():
                if f"adam.{name}.{key}.step" not in tensors:
                    continue
                exp_avg, exp_avg_sq, step = (tensors[f"adam.{name}.{key}.{kind}"] for kind in ADAM)
                adam.state[parameter] = {
                    "step": step.clone(),
                    "exp_avg": torch.empty_like(parameter).copy_(exp_avg).detach(),
                    "exp_avg_sq": torch.empty_like(parameter).copy_(exp_avg_sq).detach(),
                }

    def _modules(self) -> dict[str, nn.Module]:
        found = {"generator": self.generator, "discriminator": self.discriminator, "average": self._average}
        return {name: module for name, module in found.items() if module is not None}

    def _placed(self, module: Part, code_scale: float) -> Part:
        if self.recipe.scale_codes:
            module.code_scale.fill_(code_scale)
        return module.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _optimizer(self, module: nn.Module, weight_decay: float) -> torch.optim.Adam:
        recipe = self.recipe
        betas = (recipe.beta1, recipe.beta2)
        return torch.optim.Adam(module.parameters(), recipe.learning_rate, betas, weight_decay=weight_decay)

    @torch.no_grad()
    def _move_average(self) -> None:
        if self._average is None or self.recipe.ema is None:
            return
        state = self._adam["generator"].state[next(self.generator.parameters())]
        updates = float(state["step"])
        decay = min(self.recipe.ema, (1 + updates) / (10 + updates))  # else the start would linger
        for mean, value in zip(self._average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        """Autocast to bfloat16 where `precision_name` says so. Its range is float32's, so losses need no scaling."""
        if precision_name(self.recipe, self.device) == "bfloat16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()


def precision_name(recipe: GeneratorRecipe, device: torch.device) -> str:
    """ "bfloat16" where the recipe asks for mixed precision and the device computes in it, else "float32"."""
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported()
    else:
        # without the instructions, bfloat16 is emulated, and slower than float32
        found = torch.cpu.get_capabilities()
        supported = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return "bfloat16" if recipe.mixed_precision and supported else "float32"


@functools.lru_cache(maxsize=2)
def _order(seed: int, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def _noisy(values: Tensor, deviation: float, random: torch.Generator) -> Tensor:
    noise = torch.randn(values.shape, generator=random, device=values.device)
    return values.float() + deviation * noise
