"""How fast chains mix, within a class and from class to class.

Nguyen et al. 2017 say of chains of pixels (PPGN-x, Sec. 3.1) and of chains without a learned prior (DGN-AM, Sec. 3.2)
that they mix slowly, that PPGN-h mixes faster than PPGN-x (Sec. 3.3), and Noiseless Joint PPGN-h slightly slower than
Joint PPGN-h (Sec. 3.5). They show chains; there are no numbers. Here every variant makes
- chains that stay with one class, one for each class and set; the sets are the seeds. What the first `burn_in` steps
  made is not looked at, since a chain's way from its start isn't mixing;
- chains that pass through classes one after the other, with the published number of steps for each (H2), in an order
  that is drawn for each set, so that every set asks for all classes.

Statistic, fixed before any result was seen: a chain's *variety* is the variance among those of its samples that show
its class, over the variance among real images of that class, in the features of a held-out judge. It is 0 for a chain
that stays at one picture, and about 1 for one that is anywhere among the class's images after a few steps. It is one
minus the mean autocorrelation of such samples about the class's own centre, on the scale of real images, so the small
circles of a chain that is caught don't count as mixing; and samples that show something else count for nothing, so
neither do noise and drifting off. A claim holds if, over classes,
- PPGN-C-x-slow, PPGN-C-dgn-slow: Joint PPGN-h, which the paper calls the fastest, has more variety than PPGN-x, DGN-AM;
- PPGN-C-h-faster-x: PPGN-h has more variety than PPGN-x;
- PPGN-C-noiseless-slower-joint: Joint PPGN-h has more variety than Noiseless Joint PPGN-h, and the latter more than
  half of the former's (the half is this suite's, for "slightly").
Beside it, and not part of the tests: the variety of all samples, the share that shows the class, the steps until
another facet of the class is shown, the autocorrelation time of the judge's features (over the chains of a class, whose
own spread is the unit, however poor the pictures are), and in chains through classes the steps until the new class is
shown. The yardstick are real images of the class in random order.

Deviations, with their reasons:
- DGN-AM's rate, published as falling from 8 to 1e-10, is that of Joint PPGN-h: at the end of the published schedule any
  chain stands still, whatever its prior.
- Staying chains take 150 steps, the last 100 of which are looked at: as many as the paper gives to a class of a chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.autocorrelation import autocorrelation_time
from replications.multifaceted.judge import Judge
from replications.ppgn.chains import Chains
from replications.ppgn.comparisons import Measure, Scored
from replications.ppgn.conditions import of_class
from replications.ppgn.mixing_drawing import picture_of_curves, picture_of_passing, picture_of_staying
from replications.ppgn.mixing_scores import MEASURES, VARIETY, Walk, scores, steps_to, walks
from replications.ppgn.parts import sample
from replications.ppgn.variants import NAMES, TITLES, Variant, Variants, missing
from replications.suite.interface import Context, Evidence, Experiment, Outcome

X, DGN, H, JOINT, NOISELESS = (TITLES[name] for name in NAMES)
REAL = "real images"
SLOWER = {  # by claim, the slower variant and the faster one
    "PPGN-C-x-slow": (X, JOINT),
    "PPGN-C-dgn-slow": (DGN, JOINT),
    "PPGN-C-h-faster-x": (X, H),
    "PPGN-C-noiseless-slower-joint": (NOISELESS, JOINT),
}
SLIGHTLY = "PPGN-C-noiseless-slower-joint"
_FASTEST = "joint_ppgn_h"
HALF = 0.5
TIME, ARRIVAL = "autocorrelation time", "steps to the new class"
OVER = "class and set of chains"


@dataclass(frozen=True)
class Mixing(Experiment):
    """ppgn: a configuration of conf/ppgn. changes: of all variants' settings.

    classes: at most, the first ones; None for all. sets: of chains. every: steps between two samples. steps, burn_in:
    of staying chains. passing_classes, passing_steps: of a chain through classes, and of each class. shown: classes in
    the picture of staying chains. parts: that the chains of a variant are sampled in, side by side on a CPU.
    """

    name: ClassVar[str] = "mixing"
    title: ClassVar[str] = "How fast chains mix"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-V1", "PPGN-V2", "PPGN-V3", "PPGN-V5", "PPGN-H2", *SLOWER)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    changes: Mapping[str, Any]
    classes: int | None
    sets: int
    every: int
    steps: int
    burn_in: int
    passing_classes: int
    passing_steps: int
    shown: int
    parts: int

    def __post_init__(self) -> None:
        if self.every < 1 or self.burn_in % self.every or self.steps - self.burn_in < 3 * self.every:
            raise ValueError(
                "expected samples every step or more, the first of them after burn_in steps, and four or more of them; "
                f"found every={self.every}, burn_in={self.burn_in}, steps={self.steps}"
            )
        if min(self.sets, self.shown, self.parts) < 1 or self.passing_classes < 2 or self.passing_steps % self.every:
            raise ValueError(
                "expected at least 1 set, 1 class shown, 1 part, 2 classes to pass through, and samples at the end of "
                f"each; found sets={self.sets}, shown={self.shown}, parts={self.parts}, "
                f"passing_classes={self.passing_classes}, passing_steps={self.passing_steps}, every={self.every}"
            )

    def missing(self, context: Context) -> str | None:
        if lacking := missing(self.ppgn, context):
            return lacking
        judge, names = self._judge(context), self._names(context)
        if dull := [name for name in names if not judge.tells_facets(name)]:
            return f"needs a judge that tells facets, and {judge.name} doesn't tell those of {', '.join(dull)}"
        if len(names) < self.passing_classes:
            return f"needs {self.passing_classes} classes to pass through, and there are {len(names)}"
        return None

    def run(self, context: Context) -> Outcome:
        variants, judge, names = Variants.of(self.ppgn, context), self._judge(context), self._names(context)
        outcome = Outcome()
        routes = self._routes(context, names)
        staying, passing, strips, films = {}, {}, {}, {}
        for name in NAMES:
            staying[TITLES[name]], strips[TITLES[name]] = self._stay(context, variants, judge, names, name, outcome)
            passing[TITLES[name]], films[TITLES[name]] = self._pass(context, variants, judge, routes, name, outcome)
        staying[REAL] = self._real(context, judge, names)
        self._report_staying(outcome, judge, names, staying)
        self._report_passing(outcome, routes, passing)
        outcome.pictures += [
            picture_of_staying(strips, names[: self.shown], self.steps, self.burn_in),
            picture_of_passing(films, routes[0], self.passing_steps),
            picture_of_curves(staying, [name for name in names for _ in range(self.sets)], self.every, REAL),
        ]
        return outcome

    def _judge(self, context: Context) -> Judge:
        return Judge(context.evaluator, context.data.validation, clusters=2)

    def _names(self, context: Context) -> list[str]:
        """The classes that both the images and the network know."""
        return [name for name in context.data.train.classes if name in context.network.classes][: self.classes]

    def _routes(self, context: Context, names: list[str]) -> list[list[str]]:
        """The classes of each passing chain, in order: for each set all classes, shared out among its chains."""
        found, each = [], self.passing_classes
        for number in range(self.sets):
            order = torch.randperm(len(names), generator=context.generator("order", number)).tolist()
            found += [[names[i] for i in order[k : k + each]] for k in range(0, len(names) - each + 1, each)]
        return found

    def _stay(
        self, context: Context, variants: Variants, judge: Judge, names: list[str], name: str, outcome: Outcome
    ) -> tuple[list[Walk], Tensor]:
        """What the judge sees of the chains of each class and set; and images (k, n, ...) of the first set's, of the
        classes shown."""
        variant = self._variant(variants, name, None, self.steps)
        wanted = [of_class(context.network, own) for own in names for _ in range(self.sets)]
        numbers = [number for _ in names for number in range(self.sets)]
        chains = self._sampled(context, variant, wanted, numbers, f"{name}-staying", outcome)
        images = _images(variant, chains)
        first = self.burn_in // self.every
        asked = [own for own in names for _ in range(self.sets)]
        return walks(judge, asked, images[first:]), images[:, : self.sets * self.shown : self.sets].clone()

    def _pass(
        self, context: Context, variants: Variants, judge: Judge, routes: list[list[str]], name: str, outcome: Outcome
    ) -> tuple[list[float], tuple[Tensor, Tensor]]:
        """The steps that each change of class takes; and the first chain's images (k, ...) with whether each shows the
        class that it is asked for (k,)."""
        variant = self._variant(variants, name, "chain", self.passing_steps)
        wanted = [[of_class(context.network, own) for own in route] for route in routes]
        chains = self._sampled(context, variant, wanted, None, f"{name}-passing", outcome)
        images = _images(variant, chains)
        each = self.passing_steps // self.every
        steps = [i * self.every for i in range(1, each + 1)]
        waits, shows = [], []
        for i, route in enumerate(routes):
            for turn, own in enumerate(route):
                # what a step has made is kept before the next one: the first sample still shows the class before
                [walk] = walks(judge, [own], images[turn * each + 1 : (turn + 1) * each + 1, [i]])
                if turn:
                    waits.append(float(steps_to(walk.shows.tolist(), steps)))
                if not i:
                    shows.append(walk.shows)
        return waits, (images[1:, 0].clone(), torch.cat(shows))

    def _variant(self, variants: Variants, name: str, task: str | None, steps: int) -> Variant:
        changes = {"steps": steps, "keep_every": self.every, **self.changes}
        if TITLES[name] == DGN and "rate" not in changes:
            changes["rate"] = variants.get(_FASTEST, task).sampler.settings.rate
        return variants.get(name, task, **changes)

    def _sampled(
        self,
        context: Context,
        variant: Variant,
        wanted: list[Any],
        numbers: list[int] | None,
        name: str,
        outcome: Outcome,
    ) -> Chains:
        chains = sample(
            variant.sampler,
            wanted,
            seed=context.seed,
            numbers=numbers,
            folder=context.workspace,
            name=name,
            at_once=-(-len(wanted) // self.parts),
            progress=context.progress,
        )
        if chains.diverged:
            outcome.notes.append(f"{name}: {len(chains.diverged)} of {len(chains)} chains diverged and stand still.")
        return chains

    def _real(self, context: Context, judge: Judge, names: list[str]) -> list[Walk]:
        """Validation images of each class in random order, as many as samples of a chain."""
        count, found = (self.steps - self.burn_in) // self.every + 1, []
        for name in names:
            images, _ = judge.natural(name)
            for number in range(self.sets):
                chosen = torch.randperm(len(images), generator=context.generator("real", name, number))[:count]
                found += walks(judge, [name], images[chosen][:, None])
        return found

    def _report_staying(
        self, outcome: Outcome, judge: Judge, names: list[str], staying: Mapping[str, list[Walk]]
    ) -> None:
        groups = [name for name in names for _ in range(self.sets)]
        natural = {name: judge.natural(name)[1].features.values for name in names}
        found: dict[str, dict[str, np.ndarray]] = {}
        for title, own in staying.items():
            rows = [scores(walk, natural[name], self.every) for walk, name in zip(own, groups, strict=True)]
            found[title] = {measure: np.array([row[measure] for row in rows]) for measure in MEASURES}
        scored = Scored(found, groups, MEASURES, OVER)
        times = Scored(self._times(staying, len(names)), names, {TIME: _TIMES}, "class")
        pairs = [(faster, slower) for slower, faster in SLOWER.values()]
        caption = f"Chains that stay with a class, from step {self.burn_in} to step {self.steps}."
        outcome.measurements += [*scored.measurements(), *times.measurements()]
        outcome.tables += [
            scored.table("staying", "How far chains get within a class", caption, "chains"),
            times.table("memory", "How long chains remember where they were", caption, "chains"),
            scored.differences("differences", "Faster and slower by the paper", pairs, list(MEASURES), caption),
        ]
        outcome.pictures.append(scored.picture("scores", "How far chains get within a class", caption, [REAL]))
        outcome.evidence += self._evidence(scored)

    def _times(self, staying: Mapping[str, list[Walk]], classes: int) -> dict[str, dict[str, np.ndarray]]:
        found = {}
        for title, own in staying.items():
            features = np.stack([walk.features.numpy() for walk in own])
            sets = features.reshape(classes, self.sets, *features.shape[1:])
            found[title] = {TIME: np.array([self.every * autocorrelation_time(one) for one in sets])}
        return found

    def _evidence(self, scored: Scored) -> list[Evidence]:
        found, unit = [], "share of the variance of real images"
        for claim, (slower, faster) in SLOWER.items():
            slow, fast = (scored.scores[title][VARIETY] for title in (slower, faster))
            what = f"variety within a class, {faster} minus {slower}"
            found.append(scored.evidence(claim, what, fast - slow, unit, self.sets))
            if claim == SLIGHTLY:
                what = f"variety within a class, {slower} minus half of {faster}"
                found.append(scored.evidence(claim, what, slow - HALF * fast, unit, self.sets))
        return found

    def _report_passing(self, outcome: Outcome, routes: list[list[str]], passing: Mapping[str, list[float]]) -> None:
        groups = [name for route in routes for name in route[1:]]
        about = Measure(
            f"steps, until the class is shown that is asked for now; {self.passing_steps} if never", "lower"
        )
        found = {title: {ARRIVAL: np.array(waits)} for title, waits in passing.items()}
        scored = Scored(found, groups, {ARRIVAL: about}, "change of class")
        caption = f"Chains through {self.passing_classes} classes, {self.passing_steps} steps each."
        outcome.measurements += scored.measurements()
        outcome.tables.append(scored.table("passing", "How fast chains change class", caption, "chains"))


_TIMES = Measure("steps, that tell as much as one independent sample; chains of a class together", "lower")


def _images(variant: Variant, chains: Chains) -> Tensor:
    """(k, n, 3, S, S) in [0, 1], of all that the chains kept."""
    made = variant.made(chains.kept.flatten(0, 1))
    return made.unflatten(0, chains.kept.shape[:2])
