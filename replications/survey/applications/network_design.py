"""Network design: let what a first layer looks like say how to change it, and measure what the change gains.

Zeiler & Fergus 2014, Sec. 4.1, looked at the first layer of Krizhevsky's network, saw dead features and aliasing, took
its 11x11 filters with stride 4 to 7x7 with stride 2, and classified better. The survey of Qin et al. 2018 names this as
a use of visualization. Here it is a rule that needs no eye and never sees an error:

    Look at the first layer of the trained network. If a few filters dominate, renormalize filters. If features are dead
    or power is folded, halve the stride and shrink the filters to two thirds. Train the changed network, look again;
    stop where nothing is wrong, or where the change that is called for has been made already or isn't on the ladder.

The three numbers are those of Fig. 6 (`zeiler.fig6_architecture_selection` defines them), here over training images.
What is wrong is a number above its tolerance, and the tolerances are round numbers, fixed before the rule was run: a
tenth of the features dead, a tenth of the power folded, half of the energy in the strongest tenth of the filters (the
last is Fig. 6's own). Some of these networks are also in Fig. 6; its recorded numbers were not consulted for them.

The rule walks in a small, complete space of designs: the first layers of a ladder (11x11 with stride 4, 7x7 with stride
2, 5x5 with stride 1; layer 2 reads every fourth pixel of each) with and without renormalized filters. All are trained,
from every seed, so that what the rule chooses from each start can be compared, in validation error, with the start,
with a design drawn at random, and with the best there is (best on the same validation images, so it flatters itself).

Each seed is a walk of its own, and the intervals are over seeds. No row of the ledger asks this, so nothing is claimed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from metrics.statistics import Interval, plus_minus, seed_interval
from replications.suite.interface import Context, Direction, Experiment, Measurement, Outcome, Picture, Table
from replications.survey.applications.network_design_drawing import designs_picture, filters_picture
from replications.survey.training_jobs import SurveyJob
from replications.training.evaluate import classification_errors
from replications.zeiler.fig6_first_layer import BETTER, DEAD, FOLDED, TOP_ENERGY, UNITS, first_layer_numbers
from replications.zeiler.variants import Variants, lacking, seeds_from, task

if TYPE_CHECKING:
    from replications.training.job import TrainingJob
    from replications.training.zoo import Trained

FIRST_LAYERS = {"alexnet": "11x11, stride 4", "zfnet": "7x7, stride 2", "fine": "5x5, stride 1"}
LOOKED_AT = (DEAD, FOLDED, TOP_ENERGY)
ERROR = "validation error"


class Design(NamedTuple):
    """A first layer, by its place on the ladder, and whether filters are renormalized."""

    step: int
    renormalized: bool


Looks = Mapping[str, float]  # DEAD, FOLDED and TOP_ENERGY of one network


@dataclasses.dataclass(frozen=True)
class NetworkDesign(Experiment):
    """networks: see `zeiler.variants.Variants`; null where the profile can't train them. ladder: first layers, each
    with half the stride of the one before. seeds: networks of each design. images: training images that a first layer
    is looked at with; spectrum_images: how many of them the spectra are of. tolerances: above which a number is
    wrong."""

    name: ClassVar[str] = "network_design"
    title: ClassVar[str] = "Network design: change what the first layer shows to be wrong"
    paper: ClassVar[str] = "survey"
    trains: ClassVar[bool] = True
    needs: ClassVar = ("data",)
    answers: ClassVar[tuple[str, ...]] = ("SUR-2",)

    networks: Mapping[str, Any] | None
    ladder: Sequence[str]
    seeds: int
    images: int
    spectrum_images: int
    tolerances: Mapping[str, float]

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.ladder) - set(FIRST_LAYERS)):
            raise ValueError(f"the ladder has first layers of {', '.join(FIRST_LAYERS)}; found {', '.join(unknown)}")
        if set(self.tolerances) != set(LOOKED_AT):
            raise ValueError(f"expected tolerances of {', '.join(LOOKED_AT)}; found {', '.join(self.tolerances)}")
        if self.seeds < 2 or len(self.ladder) < 2:
            raise ValueError(f"expected at least 2 seeds and 2 first layers, found {self.seeds} and {self.ladder}")

    @property
    def designs(self) -> list[Design]:
        """All designs that there are."""
        return [Design(step, renormalized) for renormalized in (False, True) for step in range(len(self.ladder))]

    def missing(self, context: Context) -> str | None:
        return lacking(self.networks, len(self.designs) * self.seeds, context)

    def run(self, context: Context) -> Outcome:
        assert self.networks is not None
        variants = Variants.of(self.networks)
        jobs = self.jobs(variants, context)
        networks = context.zoo.train_all([job for _, job in jobs], "networks")
        trained: dict[Design, list[Trained]] = {design: [] for design in self.designs}
        for (design, _), network in zip(jobs, networks, strict=True):
            trained[design].append(network)
        looks, dead = self._looks(trained, variants, context)
        errors = self._errors(trained, variants, context)
        walks = {start: self._walks(start, looks) for start in self.designs}
        weights = {self.title_of(design): first_weights(each[0].network) for design, each in trained.items()}
        crossed = {self.title_of(design): flags for design, flags in dead.items()}
        return Outcome(
            measurements=_measurements(self, looks, errors, walks),
            pictures=[filters_picture(weights, crossed, len(self.ladder)), self._picture(looks, errors, walks)],
            tables=[self._gains(errors, walks), self._designs_table(looks, errors)],
            notes=[
                f"Networks learnt {len(task(context.data.train)[1])} kinds of images from "
                f"{variants.count(context.data.train)}; the numbers of first layers are over {self.images} of these, "
                f"errors over all {len(context.data.validation)} validation images."
            ],
        )

    def jobs(self, variants: Variants, context: Context) -> list[tuple[Design, TrainingJob]]:
        """Every network to be trained, with its design."""
        return [
            (design, self._job(design, variants, context, seed))
            for design in self.designs
            for seed in seeds_from(context.seed, self.seeds)
        ]

    def _job(self, design: Design, variants: Variants, context: Context, seed: int) -> TrainingJob:
        layer, data = self.ladder[design.step], context.data.train
        if layer == "fine":
            base = variants.job("zfnet", data, seed, renormalize=design.renormalized)
            return SurveyJob.of(base, "zfnet_small_fine")
        return variants.job(layer, data, seed, renormalize=design.renormalized)

    def title_of(self, design: Design) -> str:
        """A design in words."""
        how = "renormalized" if design.renormalized else "not renormalized"
        return f"{FIRST_LAYERS[self.ladder[design.step]]}, {how}"

    def _looks(
        self, trained: Mapping[Design, Sequence[Trained]], variants: Variants, context: Context
    ) -> tuple[dict[Design, list[Looks]], dict[Design, Tensor]]:
        """What the first layer of each network looks like, and the dead features of each design's first."""
        data = context.data.train
        order = torch.randperm(variants.count(data), generator=context.generator("images"))
        images = data.images(order[: self.images].sort().values)
        found: dict[Design, list[Looks]] = {design: [] for design in trained}
        dead: dict[Design, Tensor] = {}
        each = [(design, one) for design, networks in trained.items() for one in networks]
        for design, one in context.progress(each, "first layers"):
            untrained = first_weights(one.job.build())
            numbers, flags = first_layer_numbers(
                one.network, untrained, one.preprocessing(images), self.spectrum_images
            )
            dead.setdefault(design, flags)
            found[design].append({name: numbers[name] for name in LOOKED_AT})
        return found, dead

    def _errors(
        self, trained: Mapping[Design, Sequence[Trained]], variants: Variants, context: Context
    ) -> dict[Design, list[float]]:
        data = context.data.validation
        labels, size = task(data)[0], variants.input_size(context.data.train)
        found: dict[Design, list[float]] = {design: [] for design in trained}
        each = [(design, one) for design, networks in trained.items() for one in networks]
        for design, one in context.progress(each, "errors"):
            found[design].append(classification_errors([one.probabilities], data, labels=labels, size=size).top1)
        return found

    def _walks(self, start: Design, looks: Mapping[Design, Sequence[Looks]]) -> list[list[Design]]:
        """The rule's walk from a design, of each seed."""
        return [
            walk(start, {design: each[seed] for design, each in looks.items()}, len(self.ladder), self.tolerances)
            for seed in range(self.seeds)
        ]

    def _picture(
        self,
        looks: Mapping[Design, Sequence[Looks]],
        errors: Mapping[Design, Sequence[float]],
        walks: Mapping[Design, Sequence[Sequence[Design]]],
    ) -> Picture:
        longest = [max(walks[start], key=len) for start in self.designs]
        return designs_picture(
            [self.title_of(design) for design in self.designs],
            {name: [[one[name] for one in looks[design]] for design in self.designs] for name in LOOKED_AT},
            [errors[design] for design in self.designs],
            self.tolerances,
            UNITS,
            [[self.designs.index(design) for design in path] for path in longest],
        )

    def _gains(
        self, errors: Mapping[Design, Sequence[float]], walks: Mapping[Design, Sequence[Sequence[Design]]]
    ) -> Table:
        rows = []
        for start, paths in walks.items():
            gains = gains_of(start, paths, errors)
            chosen = dict.fromkeys(self.title_of(path[-1]) for path in paths)
            rows.append(
                [
                    self.title_of(start),
                    "; ".join(chosen),
                    plus_minus([len(path) - 1 for path in paths]),
                    *(_with_interval(gains[name]) for name in GAINS),
                ]
            )
        return Table(
            "gains",
            "What the rule chooses, and what that gains",
            ("start", "chosen", "changes", *(f"{name} (points of error)" for name in GAINS)),
            rows,
            f"Validation errors, means over {self.seeds} seeds, each with a walk of its own; 95 % t intervals. Gain: "
            "the start's minus the chosen design's. Against chance: that of all designs, on average, minus the chosen "
            "one's. Short of the best: the chosen one's minus that of the design with the lowest mean error.",
        )

    def _designs_table(
        self, looks: Mapping[Design, Sequence[Looks]], errors: Mapping[Design, Sequence[float]]
    ) -> Table:
        rows = [
            [
                self.title_of(design),
                *(
                    plus_minus([one[name] for one in looks[design]], 2 if name == TOP_ENERGY else 1)
                    for name in LOOKED_AT
                ),
                plus_minus(errors[design]),
                "; ".join(dict.fromkeys(", ".join(wrong(one, self.tolerances)) or "nothing" for one in looks[design])),
            ]
            for design in looks
        ]
        return Table(
            "designs",
            "What first layers look like",
            ("first layer", *(f"{name} ({UNITS[name]})" for name in LOOKED_AT), f"{ERROR} (%)", "above tolerance"),
            rows,
            f"Mean ± standard deviation over {self.seeds} seeds. Tolerances: "
            + ", ".join(f"{name} {value:g} ({UNITS[name]})" for name, value in self.tolerances.items())
            + ".",
        )


# ------------------------------------------------------------------------------------------------- the rule


def wrong(looks: Looks, tolerances: Mapping[str, float]) -> list[str]:
    """Which of the numbers are above their tolerances."""
    return [name for name in LOOKED_AT if looks[name] > tolerances[name]]


def changed(design: Design, defects: Sequence[str], steps: int) -> Design:
    """The design with what the defects call for; itself where that has been done already or isn't on the ladder."""
    finer = (DEAD in defects or FOLDED in defects) and design.step + 1 < steps
    return Design(design.step + finer, design.renormalized or TOP_ENERGY in defects)


def walk(start: Design, looks: Mapping[Design, Looks], steps: int, tolerances: Mapping[str, float]) -> list[Design]:
    """The designs that the rule goes through from `start`, the last being the one that it chooses.

    looks: what the first layer of each design's trained network looks like. steps: first layers on the ladder.
    """
    path = [start]
    while (following := changed(path[-1], wrong(looks[path[-1]], tolerances), steps)) != path[-1]:
        path.append(following)
    return path


# ------------------------------------------------------------------------------------------------- what it gains

GAINS = ("gain", "against chance", "short of the best")


def gains_of(
    start: Design, paths: Sequence[Sequence[Design]], errors: Mapping[Design, Sequence[float]]
) -> dict[str, list[float]]:
    """What the chosen designs gain, in points of error, one value a seed. paths: of each seed from `start`."""
    best = min(errors, key=lambda design: sum(errors[design]) / len(errors[design]))
    found: dict[str, list[float]] = {name: [] for name in GAINS}
    for seed, path in enumerate(paths):
        chosen = errors[path[-1]][seed]
        found["gain"].append(errors[start][seed] - chosen)
        found["against chance"].append(sum(each[seed] for each in errors.values()) / len(errors) - chosen)
        found["short of the best"].append(chosen - errors[best][seed])
    return found


def first_weights(network: nn.Module) -> Tensor:
    """The first layer's weights, (K, 3, h, w)."""
    conv1 = network.get_submodule("conv1")
    assert isinstance(conv1, nn.Conv2d)
    return conv1.weight.detach().cpu()


def _with_interval(values: Sequence[float]) -> str:
    interval: Interval = seed_interval(values)
    return f"{interval.estimate:+.1f} ({interval.low:+.1f} to {interval.high:+.1f})"


def _measurements(
    experiment: NetworkDesign,
    looks: Mapping[Design, Sequence[Looks]],
    errors: Mapping[Design, Sequence[float]],
    walks: Mapping[Design, Sequence[Sequence[Design]]],
) -> list[Measurement]:
    found = []
    for design, each in looks.items():
        title = experiment.title_of(design)
        for name in LOOKED_AT:
            found.append(Measurement(f"{name}/{title}", [one[name] for one in each], UNITS[name], "seed", BETTER[name]))
        found.append(Measurement(f"{ERROR}/{title}", errors[design], "% error", "seed", "lower"))
    for start, paths in walks.items():
        for name, values in gains_of(start, paths, errors).items():
            better: Direction = "lower" if name == "short of the best" else "higher"
            title = f"{name}/from {experiment.title_of(start)}"
            found.append(Measurement(title, values, "points of error", "seed", better))
    return found
