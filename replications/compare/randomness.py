"""Random numbers that depend on the run's seed and a name alone, so that all methods are asked for the same."""

from __future__ import annotations

import torch

from replications.suite.context import seed_of


def generator_of(seed: int, *name: str | int) -> torch.Generator:
    """A CPU generator seeded by the run's seed and the name, and by nothing else."""
    return torch.Generator().manual_seed(seed_of(seed, "compare", *name))
