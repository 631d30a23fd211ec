"""Pictures are made once, under all that determines them; what is cut off goes on set by set."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from cell_toys import CALLS, RULES, Paint, Still, context, own_cache  # noqa: F401 - a fixture
from facet_world import Clouds

from replications.compare.making import make
from replications.compare.protocol import Protocol
from replications.compare.subjects import choose
from replications.data.image_set import DataSource
from replications.paths import cache_root

PAINT = Paint("paint")
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def made(method: Any = PAINT, number: int = 0, passes: int | None = 8, given: Any = None, **changes: Any) -> Any:
    given = given or context()
    rules = Protocol(**{**RULES, **changes})
    return make(given, method, rules, choose(given, rules).subjects, number, passes)


def test_the_second_time_they_are_found_as_they_were() -> None:
    first, second = made(), made()
    assert len(CALLS) == 1
    assert torch.equal(first.images, second.images)
    assert (second.passes, second.generator_passes, second.looked_at) == (8.0, 2.0, 0.0)
    assert first.notes == second.notes == ("4 were painted.",)


def test_what_does_not_determine_them_makes_none_again() -> None:
    made()
    made(Paint("by another title"))
    made(trials=9, seeds=[0], least_share=0.11)
    assert len(CALLS) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"method": Paint("paint", brightness=0.4)},
        {"method": Still("paint")},
        {"number": 1},
        {"passes": 9},
        {"passes": None},
        {"given": context(seed=1)},
        {"given": context(data=DataSource("other", Clouds(161, seed=5), Clouds(280, seed=6)))},
        {"pictures": 4},
        {"training_images": 50},
        {"hidden": {1: 1}},
    ],
    ids=[
        "brightness",
        "method",
        "number",
        "passes",
        "published",
        "seed",
        "data",
        "pictures",
        "training images",
        "hidden",
    ],
)
def test_what_determines_them_makes_them_anew(change: dict[str, Any]) -> None:
    made()
    made(**change)
    assert len(CALLS) == 2


def test_passes_are_nothing_to_a_method_that_does_not_optimize() -> None:
    made(Still("still"))
    made(Still("still"), passes=9)
    assert len(CALLS) == 1


def test_finished_parts_last_until_the_set_is_done() -> None:
    with pytest.raises(InterruptedError):
        made(Paint("paint", fails=0))
    (part,) = cache_root().rglob("part")
    assert part.read_text() == "a finished part"
    made(number=1)
    assert list(cache_root().rglob("part")) == [part]


def test_a_broken_file_is_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    first = made()
    (path,) = (cache_root() / "compared" / "made").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(made().images, first.images)
    assert len(CALLS) == 2
    assert "can't be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "said"),
    [(Paint("small", shape=5), "expected pictures of the shape"), (Paint("bright", brightness=2.0), r"in \[0, 1\]")],
)
def test_what_is_no_picture_is_refused_and_not_kept(method: Paint, said: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=said):
            made(method)
    assert len(CALLS) == 2


def test_a_method_of_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        made(dataclasses.replace(Paint("paint"), lacks=object()))  # type: ignore[arg-type]
