"""What a PPGN of strokes is made of: a classifier whose hidden layer is the code, a generator and an autoencoder.

The generator inverts the code, as that of Nguyen et al. 2017: its losses are the distance of the points and that of the
codes, each in shares of its variance. There is no adversarial loss, which is for the sharpness of images: a mean of
strokes is a stroke.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.images.objectives import Outputs
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import Condition, LogProbability, Part
from replications.ppgn.dae import CodeDAE, DAERecipe, train_dae
from replications.ppgn.strokes import DIGITS, MOMENTS, NAMES, Strokes
from replications.suite.context import seed_of

Loss = Callable[[Tensor], Tensor]  # of the examples at these rows


class StrokeClassifier(nn.Module):
    """Points (n, 2, MOMENTS) -> logits of the digits (n, 10): convolutions over time, then a hidden layer, the code."""

    def __init__(self, code_size: int = 64) -> None:
        super().__init__()
        self.code_size = code_size
        self.encoder = nn.Sequential(
            nn.Conv1d(2, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Flatten(),
            nn.Linear(32 * (MOMENTS // 4), code_size),
            nn.ReLU(),
        )
        self.last = nn.Linear(code_size, len(DIGITS))

    def code(self, points: Tensor) -> Tensor:
        """(n, code_size), at least 0."""
        found: Tensor = self.encoder(points)
        return found

    def forward(self, points: Tensor) -> Tensor:
        found: Tensor = self.last(self.code(points))
        return found


class StrokeGenerator(nn.Module):
    """Codes (n, code_size) -> points (n, 2, MOMENTS)."""

    def __init__(self, code_size: int = 64, width: int = 128) -> None:
        super().__init__()
        self.code_size = code_size
        self.layers = nn.Sequential(
            nn.Linear(code_size, width),
            nn.LeakyReLU(0.3),
            nn.Linear(width, width),
            nn.LeakyReLU(0.3),
            nn.Linear(width, 2 * MOMENTS),
            nn.Unflatten(1, (2, MOMENTS)),
        )

    def forward(self, codes: Tensor) -> Tensor:
        found: Tensor = self.layers(codes)
        return found


class StrokeJudge(nn.Module):
    """Points (n, 2, MOMENTS) -> logits of the kinds of digits (n, 20). Held out: another architecture, fully connected,
    that is trained on other examples and takes no part in sampling."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * MOMENTS, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, len(NAMES)),
        )

    def forward(self, points: Tensor) -> Tensor:
        found: Tensor = self.layers(points)
        return found


@dataclass(frozen=True)
class StrokeRecipe:
    """How the parts are trained: by Adam, its rate falling along half a cosine.

    code: numbers in a code. classifier, generator, autoencoder: steps of each. batch: examples of a step. noise: that
    the autoencoder removes, as a share of the codes' spread.
    """

    code: int
    classifier: int
    generator: int
    autoencoder: int
    batch: int
    rate: float
    noise: float

    def __post_init__(self) -> None:
        if min(self.code, self.classifier, self.generator, self.autoencoder, self.batch) < 1 or self.rate <= 0:
            raise ValueError(f"a training needs codes, steps, examples and a rate above 0, found {self}")


@dataclass(frozen=True, eq=False)
class StrokeParts:
    """All frozen and in evaluation mode. real: where the codes of the training examples lie."""

    classifier: StrokeClassifier
    generator: StrokeGenerator
    dae: CodeDAE
    real: RealCodes


@dataclass(frozen=True, eq=False)
class IsDigit(Condition):
    """The log-probability of a digit. The digits of a batch are read off one pass of their classifier."""

    classifier: StrokeClassifier
    label: int

    @property
    def name(self) -> str:
        return f"digit {DIGITS[self.label]}"

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return ((1.0, _Digit(self.classifier, self.label)),)


@dataclass(frozen=True, eq=False)
class _Digit(Part):
    classifier: StrokeClassifier
    label: int

    @property
    def kind(self) -> tuple[Any, ...]:
        return _Digit, id(self.classifier)

    @classmethod
    def together(cls, members: Sequence[_Digit], rows: Tensor) -> LogProbability:
        classifier, labels = members[0].classifier, torch.tensor([[member.label] for member in members])

        def value(made: Tensor, outputs: Outputs) -> Tensor:
            return classifier(made[rows]).log_softmax(1).gather(1, labels.to(made.device))[:, 0]

        return value


def train_parts(examples: Strokes, recipe: StrokeRecipe, seed: int) -> StrokeParts:
    """The whole of a PPGN-h of strokes. Depends on its arguments alone, and on one thread."""
    torch.manual_seed(seed_of(seed, "parts"))
    classifier, generator = StrokeClassifier(recipe.code), StrokeGenerator(recipe.code)
    points, labels = examples.points, examples.labels
    _train(
        classifier,
        lambda rows: F.cross_entropy(classifier(points[rows]), labels[rows]),
        recipe.classifier,
        len(points),
        recipe,
        seed,
    )
    with torch.no_grad():
        codes = classifier.code(points)
    real = RealCodes.of(codes)
    _train(generator, _inverting(generator, classifier, points, codes), recipe.generator, len(points), recipe, seed)
    dae = CodeDAE(recipe.code, recipe.noise * real.spread)
    dae.standardize(real)
    train_dae(dae, codes, DAERecipe(recipe.autoencoder, recipe.batch, recipe.rate), seed=seed)
    return StrokeParts(classifier, generator, dae, real)


def train_judge(examples: Strokes, steps: int, recipe: StrokeRecipe, seed: int) -> StrokeJudge:
    """Tells the kinds of digits. steps: of its training; the rest of it is the recipe's."""
    torch.manual_seed(seed_of(seed, "judge"))
    judge = StrokeJudge()
    points, kinds = examples.points, examples.kinds
    _train(judge, lambda rows: F.cross_entropy(judge(points[rows]), kinds[rows]), steps, len(points), recipe, seed)
    return judge


def _inverting(generator: StrokeGenerator, classifier: StrokeClassifier, points: Tensor, codes: Tensor) -> Loss:
    spread_of_points, spread_of_codes = (x.var(0, correction=0).mean() for x in (points.flatten(1), codes))

    def loss(rows: Tensor) -> Tensor:
        made = generator(codes[rows])
        apart = F.mse_loss(made, points[rows]) / spread_of_points
        return apart + F.mse_loss(classifier.code(made), codes[rows]) / spread_of_codes

    return loss


def _train(module: nn.Module, loss: Loss, steps: int, count: int, recipe: StrokeRecipe, seed: int) -> None:
    """Trains the module in place, and leaves it frozen, in evaluation mode."""
    stream = torch.Generator().manual_seed(seed_of(seed, type(module).__name__))
    optimizer = torch.optim.Adam(module.parameters(), lr=recipe.rate)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        loss(torch.randint(count, (recipe.batch,), generator=stream)).backward()
        optimizer.step()
    module.eval().requires_grad_(False)
