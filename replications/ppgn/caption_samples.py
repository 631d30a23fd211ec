"""Images for captions.

Nguyen et al. 2017 exchange the class for a sentence: the condition is a captioner of convolutions and an LSTM, and a
chain climbs the sum of the log-probabilities of the sentence's words. The paper shows pictures; there are no numbers in
it to compare with.

Here one caption of each class is drawn by the seed, each telling a facet, a colour, a side of the frame, a place and a
time of day, and each is asked for by several chains with the released schedule for captions. What the images show is
read by a held-out evaluator (class and facet) and by linear probes of real images (colour, side, place, time; see
`caption_reading`), neither of which the chains climb. Each reading stands beside
- the same of the images that were made for other captions, which is how often it would be right by chance;
- that of real images of the class, with what their own captions tell: what the readings miss of what is there;
- the captioner's own, which chains do climb.
Also measured are the captioner's probability of the caption, given its own image and those of other captions, and
whether the caption is the likeliest of all that were asked for.

The claim that images are generated conditioned on captions holds if by captions each of these is above 0; set before
any chain was run:
1. the share of images whose class is read as the caption has it, minus that of images made for other captions;
2. the same of the colour;
3. the same of the place.
All three must hold by themselves, so that their number needs no correction.

Deviations, with their reasons:
- The captioner is a small one that the project trains on facetworld's captions, in place of LRCN on natural images.
- The captions are short: of an object of middling size without texture, and without things around it.
- How many captions and images the paper made isn't known; sets of chains, one for each caption, are the seeds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from replications.data.facetworld.dataset import FacetSet
from replications.multifaceted.images import class_images
from replications.multifaceted.judge import Judge
from replications.ppgn.caption_drawing import picture_of_matrix, picture_of_samples
from replications.ppgn.caption_reading import Reader, right, right_elsewhere
from replications.ppgn.captioner import MADE_BY, LSTMCaptioner, is_unmade, load_captioner
from replications.ppgn.captioner_errors import read_slots
from replications.ppgn.captions import Caption
from replications.ppgn.comparisons import Floats, Measure, Scored
from replications.ppgn.parts import sample
from replications.ppgn.told import SLOTS, Told, plain_captions, told_of
from replications.ppgn.variants import TITLES, Variants, check_variant, missing
from replications.suite.interface import Context, Evidence, Experiment, Outcome, Table

CLAIM = "PPGN-C-captions"
TESTED = ("class", "colour", "place")
OWN, ELSEWHERE, REAL, CAPTIONER = (
    "images for the caption",
    "images for other captions",
    "real images",
    "the captioner's own reading",
)
_CLUSTERS = 2  # that stand for facets where the judge tells none; nothing is measured by them here
MEASURES: Mapping[str, Measure] = {
    **{slot: Measure(f"share read as the caption has it, the {slot}; 0 to 1", "higher", True) for slot in SLOTS},
    "log-probability": Measure("nats a word, mean log-probability of the caption's words; at most 0", "higher"),
    "word probability": Measure("mean over words, of the caption's words' probabilities; 0 to 1", "higher", True),
    "likeliest": Measure("share of images, whose caption the captioner finds likeliest of all; 0 to 1", "higher", True),
}


@dataclasses.dataclass(frozen=True)
class CaptionSamples(Experiment):
    """ppgn: a configuration of conf/ppgn. variant: which of its samplers. changes: of its settings for captions.

    captioner: a file of `load_captioner`. sets: chains of each caption. probe_images: real images that probes of
    words learn from. real: images of each class that are read beside.
    """

    name: ClassVar[str] = "captions"
    title: ClassVar[str] = "Images for captions"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-H4", CLAIM)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    variant: str
    changes: Mapping[str, Any]
    captioner: str
    sets: int
    probe_images: int
    real: int

    def __post_init__(self) -> None:
        if min(self.sets, self.real) < 1 or self.probe_images < 2:
            raise ValueError(
                "expected at least 1 set of chains, 2 images to learn words from and 1 real image of a class; found "
                f"sets={self.sets}, probe_images={self.probe_images}, real={self.real}"
            )
        check_variant(self.ppgn, self.variant, "caption")

    def missing(self, context: Context) -> str | None:
        if absent := missing(self.ppgn, context, [self.variant]):
            return absent
        if "captions" not in context.data.train.provides:
            return f"needs images with captions to learn words from, and those of {context.data.name} have none"
        if is_unmade(self.captioner):
            return f"needs {self.captioner}; `{MADE_BY}` trains it"
        judge = Judge(context.evaluator, context.data.validation, clusters=_CLUSTERS)
        if not all(judge.tells_facets(name) for name in SLOTS["class"]):
            return f"needs an evaluator that tells the facets of {context.data.name}, which '{judge.name}' doesn't"
        return None

    def run(self, context: Context) -> Outcome:
        captioner = load_captioner(self.captioner, context.device)
        asked = plain_captions(context.generator("captions"))
        told, sets = asked * self.sets, [number for number in range(self.sets) for _ in asked]
        outcome = Outcome()
        images = self._images(context, captioner, told, outcome)
        train, validation = context.data.train, context.data.validation
        assert isinstance(train, FacetSet)
        assert isinstance(validation, FacetSet)
        judge = Judge(context.evaluator, validation, clusters=_CLUSTERS)
        reader = Reader(judge, train, self.probe_images)
        read = reader.read(images)
        logs = _log_probabilities(captioner, images, [one.caption for one in asked])
        scores = {OWN: _own(read, told, logs), ELSEWHERE: _elsewhere(read, told, sets, logs)}
        scores[REAL] = self._real(context, captioner, reader, validation)
        scores[CAPTIONER] = {
            slot: right(v, told, slot).numpy() for slot, v in read_slots(captioner, images, told).items()
        }
        self._report(outcome, Scored(scores, [one.value("class") for one in told], MEASURES, "chain"))
        outcome.tables.append(_table_of_captions(captioner, images, told, len(asked), read))
        outcome.pictures.append(picture_of_samples(images, told, len(asked), read, self._title))
        outcome.pictures.append(picture_of_matrix(logs.per_word, asked, self.sets))
        return outcome

    @property
    def _title(self) -> str:
        return TITLES[self.variant]

    def _images(self, context: Context, captioner: LSTMCaptioner, told: Sequence[Told], outcome: Outcome) -> Tensor:
        """(n, 3, S, S): what a chain for each caption ends at."""
        variant = Variants.of(self.ppgn, context).get(self.variant, "caption", **self.changes)
        chains = sample(
            variant.sampler,
            [Caption(captioner, one.caption) for one in told],
            seed=context.seed,
            folder=context.workspace,
            name="captions",
            progress=context.progress,
        )
        if chains.diverged:
            outcome.notes.append(f"{len(chains.diverged)} of {len(chains)} chains diverged and stayed where they were.")
        return variant.made(chains.codes)

    def _real(self, context: Context, captioner: LSTMCaptioner, reader: Reader, images: FacetSet) -> dict[str, Floats]:
        """The scores of real images of each class, each class's mean once for each set."""
        found: dict[str, list[float]] = {}
        for name in context.progress(SLOTS["class"], "reading real images", len(SLOTS["class"])):
            own = class_images(images, name)
            chosen = own[torch.randperm(len(own), generator=context.generator("real", name))[: self.real]]
            told, shown = told_of(images, chosen), images.images(chosen)
            read = reader.read(shown)
            words = captioner.of_own(shown, [one.caption for one in told])
            counts = (captioner.indices([one.caption for one in told]) >= 0).sum(1).cpu()
            values = {slot: float(right(read[slot], told, slot).mean()) for slot in SLOTS}
            values["log-probability"] = float((words.sum(1) / counts).mean())
            values["word probability"] = float(_mean_probability(words, counts).mean())
            for measure, value in values.items():
                found.setdefault(measure, []).append(value)
        return {measure: np.tile(np.array(values), self.sets) for measure, values in found.items()}

    def _report(self, outcome: Outcome, scored: Scored) -> None:
        outcome.measurements += scored.measurements()
        for slot in TESTED:
            outcome.evidence.append(self._evidence(scored, slot))
        caption = (
            f"{self.sets} chains of {self._title} for each of {len(set(scored.groups))} captions, one of each class. "
            f"'{ELSEWHERE}': how often the reading is as the caption has it in images that were made for captions that "
            f"tell something else. '{REAL}': {self.real} validation images of the class, with their own captions, "
            "which are longer. The captioner reads a slot as the value whose caption, else the same, is likeliest."
        )
        outcome.tables.append(scored.table("readings", "What images for captions show", caption, "read"))
        measures = [measure for measure in MEASURES if measure != "likeliest"]
        outcome.tables.append(
            scored.differences("differences", "What the caption changes", [(OWN, ELSEWHERE)], measures)
        )
        outcome.pictures.append(scored.picture("scores", "What images for captions show", caption, (ELSEWHERE, REAL)))

    def _evidence(self, scored: Scored, slot: str) -> Evidence:
        difference = scored.scores[OWN][slot] - scored.scores[ELSEWHERE][slot]
        what = f"share of images whose {slot} is read as the caption has it, minus that of images for other captions"
        return scored.evidence(CLAIM, what, difference, "", self.sets)


@dataclasses.dataclass(frozen=True, eq=False)
class LogProbabilities:
    """Of the m asked captions given each of n images, n = sets x m in the order of the captions within a set.

    total, per_word, probability: (n, m) float64: the sum over the words, their mean, the mean of their probabilities.
    """

    total: Tensor
    per_word: Tensor
    probability: Tensor


def _log_probabilities(captioner: LSTMCaptioner, images: Tensor, captions: Sequence[str]) -> LogProbabilities:
    n, m = len(images), len(captions)
    words = captioner.of_own(images.repeat_interleave(m, 0), list(captions) * n)
    counts = (captioner.indices(captions) >= 0).sum(1).cpu().repeat(n)
    total = words.sum(1)
    found = (total, total / counts, _mean_probability(words, counts))
    return LogProbabilities(*(values.reshape(n, m) for values in found))


def _mean_probability(words: Tensor, counts: Tensor) -> Tensor:
    """(n,): the mean over a caption's words of their probabilities. words: (n, T) logarithms, 0 behind the end."""
    return (words.exp().sum(1) - (words.shape[1] - counts)) / counts


def _own(read: Mapping[str, Sequence[str]], told: Sequence[Told], logs: LogProbabilities) -> dict[str, Floats]:
    scores = {slot: right(values, told, slot).numpy() for slot, values in read.items()}
    asked = torch.arange(len(told)) % logs.total.shape[1]
    for measure, values in (("log-probability", logs.per_word), ("word probability", logs.probability)):
        scores[measure] = values.gather(1, asked[:, None])[:, 0].numpy()
    scores["likeliest"] = (logs.total.argmax(1) == asked).double().numpy()
    return scores


def _elsewhere(
    read: Mapping[str, Sequence[str]], told: Sequence[Told], sets: Sequence[int], logs: LogProbabilities
) -> dict[str, Floats]:
    scores = {slot: right_elsewhere(values, told, sets, slot).numpy() for slot, values in read.items()}
    for measure, values in (("log-probability", logs.per_word), ("word probability", logs.probability)):
        scores[measure] = _of_others(values).numpy()
    return scores


def _of_others(values: Tensor) -> Tensor:
    """(n,): the mean of each image's asked caption over the images of the other captions of its set.

    values: (n, m), n = sets x m in the order of the captions within a set.
    """
    m = values.shape[1]
    by_set = values.reshape(-1, m, m)  # set, image, caption
    own = by_set.diagonal(dim1=1, dim2=2)
    return ((by_set.sum(1) - own) / (m - 1)).flatten()


def _table_of_captions(
    captioner: LSTMCaptioner, images: Tensor, told: Sequence[Told], count: int, read: Mapping[str, Sequence[str]]
) -> Table:
    """What was asked, what is read of each image, and what the captioner says of the first."""
    said = captioner.describe(images[:count])
    rows: list[list[str | float | None]] = []
    for i in range(count):
        own = range(i, len(told), count)
        cells = [", ".join(read[slot][k] for k in own) for slot in ("facet", "colour", "side", "place", "time")]
        rows.append([told[i].caption, said[i], *cells])
    caption = (
        "What the held-out evaluator and the probes read of each chain's image, in the order of the sets, and what the "
        "captioner itself says of the first image, word by word the likeliest."
    )
    columns = ["asked", "the captioner says", "facets", "colours", "sides", "places", "times"]
    return Table("captions", "Captions and what their images show", columns, rows, caption)
