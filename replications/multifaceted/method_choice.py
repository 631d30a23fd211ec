"""Forced choices by the pictures of several methods, in the same trials (see `metrics.forced_choice`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.feature_space import Features
from metrics.forced_choice import ForcedChoice, Trials, draw_trials, feature_distances, margins, reference_distances
from metrics.forced_choice import shuffled_units as shuffled
from replications.multifaceted.judge import Judge

Floats = NDArray[np.float64]


class Choices:
    """Trials for each set of pictures, whose queries are the judge's natural images; only maximal references are shown.

    activations: by class (N,), its unit's on all the judge's natural images. names: the class of each set of pictures.
    generator: of random numbers by a name. quantiles: between which the queries lie; None for the most driving images.
    Raises ValueError where there are too few natural images for so many trials.
    """

    def __init__(
        self,
        judge: Judge,
        activations: Mapping[str, Tensor],
        names: Sequence[str],
        count: int,
        generator: Callable[..., torch.Generator],
        *,
        trials: int,
        quantiles: Sequence[float] | None = None,
    ) -> None:
        self.judge, self.names, self.count = judge, list(names), count
        self.seed = generator("shuffled").initial_seed() % 2**32
        seeds = [generator("trials", name, i).initial_seed() % 2**63 for i, name in enumerate(names)]
        columns = torch.stack([activations[name] for name in names], 1)
        window = None if quantiles is None else (quantiles[0], quantiles[1])
        self.trials: Trials = draw_trials(columns, seeds, trials=trials, references=count, query_quantiles=window)

    def right(
        self, pictures: Tensor | None, *, of_others: bool = False, aggregate: Literal["mean", "nearest"] = "mean"
    ) -> Floats:
        """(sets,) in [0, 1]: the share of right choices with the set's pictures as references; chance 1/2.

        pictures: (sets x count, 3, H, W) in [0, 1]; None for the natural exemplars of each trial. of_others: the
        references of another class's set instead, the control. aggregate: see `margins`.
        """
        order = self.of_another_class() if of_others else torch.arange(len(self.names))
        if pictures is None:
            trials = self.trials.with_references_of(order)
            queries = torch.stack([trials.maximal, trials.minimal], 2)
            values = self._pool.values
            distances = torch.cdist(values[queries], values[trials.maximal_references])
        else:
            shown = pictures.unflatten(0, (len(self.names), self.count))[order].flatten(0, 1)
            references = self.judge.see(shown).features
            distances = reference_distances(self.trials, feature_distances(references, self._pool, len(self.names)))
        margin = margins(distances, aggregate=aggregate)
        found: Floats = ForcedChoice("pictures", self.judge.name, self.trials, margin).per_unit.numpy()
        return found

    def of_another_class(self) -> Tensor:
        """(sets,): for each set one of another class, that of the same class for all sets of a class."""
        classes = list(dict.fromkeys(self.names))
        places = {name: [i for i, own in enumerate(self.names) if own == name] for name in classes}
        other = dict(zip(classes, (classes[i] for i in shuffled(len(classes), self.seed).tolist()), strict=True))
        seen = dict.fromkeys(classes, 0)
        order = []
        for name in self.names:
            theirs = places[other[name]]
            order.append(theirs[seen[name] % len(theirs)])
            seen[name] += 1
        return torch.tensor(order)

    @functools.cached_property
    def _pool(self) -> Features:
        images = self.judge.images
        parts = [self.judge.see(part).features for _, part, _ in images.batches(64)]
        return Features(torch.cat([part.values for part in parts]), parts[0].space)
