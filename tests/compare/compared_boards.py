"""Outcomes of made-up cells in the form that cells have, for what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from replications.compare.boards import MeasureWords

ABOUT = {
    "facet_recall": MeasureWords("facet_recall", "facet recall", "share of facets found, 0 to 1", "higher", True),
    "facet_purity": MeasureWords("facet_purity", "facet purity", "likeliest less next, 0 to 1", "higher", True),
    "plausibility": MeasureWords("plausibility", "distance to natural images", "1: theirs", "lower"),
    "choice": MeasureWords("choice", "forced choice", "share of right choices, 0 to 1", "higher"),
    "diversity": MeasureWords("diversity", "diversity", "mean distance of pairs", "higher"),
    "transfer": MeasureWords("transfer", "transfer", "other networks' probability, 0 to 1", "higher"),
}
ROLES: dict[str, Any] = {
    "yardstick": "natural_exemplars",
    "floor": "random_images",
    "realism": "plausibility",
    "choice": "choice",
    "diversity": "diversity",
    "truths": ["facet_recall", "facet_purity"],
    "main": ["facet_recall", "plausibility", "choice", "diversity"],
}


def document(
    name: str,
    title: str,
    family: str,
    values: Mapping[str, np.ndarray],
    *,
    setting: str = "equal",
    passes: float = 64.0,
    hidden: int = 0,
    seeds: Sequence[int] | None = None,
) -> dict[str, Any]:
    """An outcome as in outcome.json. values: by measure (seeds, units), nan where there is none; the last `hidden`
    units are hidden ones of layer 5, the others classes."""
    first = np.asarray(next(iter(values.values())))
    rows = []
    numbers = list(range(first.shape[0])) if seeds is None else list(seeds)
    for s, seed in enumerate(numbers):
        for u in range(first.shape[1]):
            is_hidden = u >= first.shape[1] - hidden
            head = [seed, f"unit {u}", "hidden" if is_hidden else "class", 5 if is_hidden else None]
            cells = [float(table[s, u]) for table in map(np.asarray, values.values())]
            rows.append([*head, *(None if np.isnan(cell) else cell for cell in cells)])
    return {
        "format": 1,
        "paper": "compare",
        "profile": "laptop",
        "experiment": name,
        "title": title + (", as published" if setting == "published" else ""),
        "answers": [],
        "measurements": [
            {
                "name": measure,
                "values": [float(v) for v in np.asarray(table).ravel() if not np.isnan(v)],
                "unit": ABOUT[measure].unit,
                "over": "unit and seed",
                "better": ABOUT[measure].better,
                "reported": None,
                "cell": None,
            }
            for measure, table in values.items()
            if not np.isnan(np.asarray(table)).all()
        ],
        "evidence": [],
        "pictures": [],
        "tables": [
            {
                "name": "values",
                "title": "Unit by unit",
                "columns": ["seed", "unit", "kind", "layer", *values],
                "rows": rows,
                "caption": "",
            },
            {
                "name": "cost",
                "title": "What it costs",
                "columns": ["setting", "family", "passes", "generator passes", "looked at"],
                "rows": [[setting, family, passes, 0.0, 100.0]],
                "caption": "",
            },
        ],
        "notes": [],
    }


def levels(
    base: Mapping[str, float], *, seeds: int = 3, units: int = 12, noise: float = 0.02, number: int = 0
) -> dict[str, np.ndarray]:
    """By measure (seeds, units) around a level, with the same differences between units for every method."""
    of_units = np.random.default_rng(99).normal(size=units) * 0.05
    generator = np.random.default_rng(number)
    return {
        measure: level + of_units + noise * generator.normal(size=(seeds, units)) for measure, level in base.items()
    }


def documents(*, published: bool = False) -> list[dict[str, Any]]:
    """Seven methods of all families; natural exemplars are best by all but diversity, and transfer misleads."""
    told = [
        ("natural_exemplars", "natural exemplars", "natural", 0.9, 0.0),
        ("natural_drawn", "drawn natural images", "natural", 0.8, 0.0),
        ("random_images", "random images", "natural", 0.1, 0.0),
        ("deconvnet", "deconvnet projections", "projection", 0.5, 1.0),
        ("olah2017", "Olah et al. 2017", "maximization", 0.4, 64.0),
        ("erhan2009", "Erhan et al. 2009", "maximization", 0.2, 64.0),
        ("mfv", "MFV", "multifaceted", 0.6, 64.0),
        ("ppgn_h", "PPGN-h", "generative", 0.7, 64.0),
        ("inverted", "mean codes inverted", "inversion", 0.3, 0.0),
    ]
    found = []
    for number, (name, title, family, good, passes) in enumerate(told):
        base = {
            "facet_recall": good,
            "facet_purity": good / 2 + 0.2,
            "plausibility": 2 - good,
            "choice": 0.5 + good / 2,
            "diversity": [0.3, 0.5, 0.9, 0.2, 0.6, 0.1, 0.7, 0.8, 0.4][number],
            "transfer": 1 - good,
        }
        values = levels(base, number=number)
        values["transfer"][:, -4:] = np.nan
        found.append(document(name, title, family, values, passes=passes, hidden=4))
        if published and family in ("maximization", "multifaceted", "generative"):
            values = levels({**base, "facet_recall": good + 0.05}, number=number + 50)
            found.append(
                document(f"published_{name}", title, family, values, setting="published", passes=512, hidden=4)
            )
    return found
