"""Which cells and measures play which part in what is said of a comparison; from the configuration, by their names."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Roles:
    """yardstick, floor: the cells of natural exemplars and of random natural images.

    realism, choice, diversity: measures. truths: those that need the ground truth, against which proxies are held; the
    first one is the quality that pictures are about. main: measures that are shown first, in this order.
    maximization: the family whose methods the claim about natural images is tested against.
    """

    yardstick: str
    floor: str
    realism: str
    choice: str
    diversity: str
    truths: tuple[str, ...]
    main: tuple[str, ...]
    maximization: str = "maximization"

    def __post_init__(self) -> None:
        for name in ("truths", "main"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.truths or not self.main:
            raise ValueError("truths and main name at least one measure each")
