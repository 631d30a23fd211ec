"""A protocol's files can be read, and numbers that can't be are refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from cell_toys import RULES
from omegaconf import OmegaConf

from replications.compare.protocol import Protocol
from replications.paths import project_root

FILES = sorted((project_root() / "conf" / "protocol").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_a_protocol(path: Any) -> None:
    found = Protocol(**OmegaConf.to_container(OmegaConf.load(path)))  # type: ignore[arg-type]
    json.dumps(dataclasses.asdict(found))
    # what a unit likes drives it as strongly as is asked of pictures
    assert found.liked <= round(0.05 * found.validation_images)
    if found.hard_queries is not None:
        low, high = found.hard_queries
        assert low < high < 1


def test_the_profiles_compared_on_have_one() -> None:
    assert {path.stem for path in FILES} >= {"laptop", "natural", "imagenet"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"passes": 0}, "passes=0"),
        ({"seeds": []}, "number of seeds=0"),
        ({"seeds": [1, 1]}, "the seeds are different numbers"),
        ({"seeds": [-1]}, "the seeds are different numbers"),
        ({"pictures": 1}, "pictures=1"),
        ({"natural_clusters": 1}, "natural_clusters=1"),
        ({"classes": 0, "hidden": {5: 0}}, "there are no units"),
        ({"least_share": 0}, "least_share"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Protocol(**{**RULES, **changes})


def test_lists_become_what_cannot_be_changed() -> None:
    found = Protocol(**{**RULES, "hard_queries": [0.8, 0.9], "hidden": {"5": 3}})
    assert (found.seeds, found.hard_queries, found.hidden) == ((0, 1), (0.8, 0.9), {5: 3})
