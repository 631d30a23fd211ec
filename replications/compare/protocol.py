"""What every method of a comparison is asked for: how many pictures of which units, from what, at what cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Protocol:
    """One file each in conf/protocol.

    pictures: of one unit, in one set. seeds: the numbers of the sets; each is made by itself, from other images.
    classes: class units, at most: the first classes of the data that the network knows and that have images enough;
        None for all. hidden: by the paper's number of a layer how many of its units.
    passes: forward-backward passes of the network for one picture, views counted, where methods are given as much.
    training_images: drawn anew for each set, at most; all that a method may look at. validation_images: looked at to
        choose units and compared with, at most; no method sees them.
    liked: images that a hidden unit likes: so many that excite it most. least_share: of a facet among them, to be one
        that the unit likes.
    trials: of a forced choice, for each set of pictures. hard_queries: quantiles between which the queries of harder
        trials lie; None for no such trials. natural_clusters: of what a unit likes, where facets aren't known.

    Raises:
        ValueError: a number that can't be.
    """

    pictures: int
    seeds: tuple[int, ...]
    classes: int | None
    hidden: Mapping[int, int]
    passes: int
    training_images: int
    validation_images: int
    liked: int
    least_share: float
    trials: int
    hard_queries: tuple[float, float] | None
    natural_clusters: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        object.__setattr__(self, "hidden", {int(layer): int(count) for layer, count in self.hidden.items()})
        if self.hard_queries is not None:
            low, high = self.hard_queries
            object.__setattr__(self, "hard_queries", (float(low), float(high)))
        counts = {
            "pictures": self.pictures,
            "passes": self.passes,
            "training_images": self.training_images,
            "validation_images": self.validation_images,
            "liked": self.liked,
            "trials": self.trials,
            "number of seeds": len(self.seeds),
        }
        if wrong := [f"{name}={value}" for name, value in counts.items() if value < 1]:
            raise ValueError(f"a protocol's numbers are at least 1; found {', '.join(wrong)}")
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"the seeds are different numbers from 0, found {list(self.seeds)}")
        if self.pictures < 2 or self.natural_clusters < 2:
            raise ValueError(
                "pictures of a unit are compared with each other, and clusters too, so there are at least 2 of each; "
                f"found pictures={self.pictures}, natural_clusters={self.natural_clusters}"
            )
        if self.classes == 0 and not any(self.hidden.values()):
            raise ValueError("there are no units: classes is 0 and hidden names none")
        if not 0 < self.least_share <= 1:
            raise ValueError(f"least_share is a share above 0 and up to 1, found {self.least_share}")
