"""Trainings that have collapsed, made up, and ones that haven't."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tiny_generators import record

from replications.ppgn.collapse import CollapseRule, Record

RULE = CollapseRule(warm_up=1000, lasting=500)


def history(until: int, since: int, **changes: Any) -> list[Record]:
    """Records every 50 steps that show `changes` after step `since`."""
    return [record(step, **(changes if step > since else {})) for step in range(50, until + 1, 50)]


SIGNS: list[tuple[dict[str, Any], str]] = [
    ({"spread": 0.012}, r"hardly depend on their codes.*1\.2 % of that of real images, expected at least 10 %"),
    ({"image": 2.6}, r"farther from the images that they should be than unrelated.*2\.6 times the variance"),
    ({"generator_share": 0.0}, r"generator was paused in all of them.*resume: null"),
]


@pytest.mark.parametrize(("changes", "words"), SIGNS)
def test_a_collapse_that_lasts_is_said_with_step_number_and_remedy(changes: dict[str, Any], words: str) -> None:
    sentence = RULE.sentence(history(3000, since=2500, **changes))
    assert sentence is not None
    assert sentence.startswith("the training has collapsed by step 3000")
    assert re.search(words, sentence)
    assert "; lower the" in sentence or "; weigh the" in sentence or "; give the" in sentence


@pytest.mark.parametrize(("changes", "_words"), SIGNS)
def test_one_that_does_not_last_is_not(changes: dict[str, Any], _words: str) -> None:
    assert RULE.sentence(history(3000, since=2550, **changes)) is None
    recovered = [*history(3000, since=2400, **changes)[:-1], record(3000)]
    assert RULE.sentence(recovered) is None


@pytest.mark.parametrize(("changes", "_words"), SIGNS)
def test_nothing_is_judged_while_it_warms_up(changes: dict[str, Any], _words: str) -> None:
    assert RULE.sentence(history(1450, since=0, **changes)) is None
    assert RULE.sentence(history(1500, since=0, **changes)) is not None
    assert RULE.sentence([]) is None


def test_a_training_that_goes_well_is_left_alone() -> None:
    assert RULE.sentence(history(5000, since=5000)) is None
    assert RULE.sentence(history(5000, since=0, discriminator_share=0.0, adversarial_loss=9.0)) is None
