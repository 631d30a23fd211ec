"""Pictures whose order is known: natural images, copies of one, mixtures of facets, other classes' images, noise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from facet_world import CLASSES, PICTURES, SIZE, drawn, eyes, facet_judge
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from replications.compare.measure import Measure
from replications.paths import project_root

SETS = 6


def configured() -> dict[str, Measure]:
    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        composed: Any = compose(overrides=["+compared@measures=measures"])
    return {name: instantiate(config) for name, config in composed.measures.items()}


MEASURES = configured()


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATIONS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def values(own_cache: None) -> dict[str, dict[str, torch.Tensor]]:
    """By the kind of pictures and the measure (sets, subjects)."""
    looking = eyes(others={"other": facet_judge(CLASSES, "other")})
    found: dict[str, dict[str, torch.Tensor]] = {}
    for kind, pictures in PICTURES.items():
        made = {seed: pictures(seed) for seed in range(SETS)}
        sets = list(looking.look(made))
        with torch.inference_mode():
            found[kind] = {
                name: torch.tensor([measure.checked(one) for _, _, one in sets]).view(SETS, -1)
                for name, measure in MEASURES.items()
            }
    return found


def test_the_list_names_every_measure_by_its_own_name_with_all_that_is_said_of_it() -> None:
    files = {path.stem for path in (project_root() / "conf" / "measured").glob("*.yaml")}
    assert set(MEASURES) == files == {measure.name for measure in MEASURES.values()}
    titles = [measure.title for measure in MEASURES.values()]
    assert len(set(titles)) == len(titles)
    for measure in MEASURES.values():
        assert measure.unit
        assert measure.better in ("higher", "lower")
        assert measure.floor > 0
    assert {name for name, one in MEASURES.items() if one.truth} == {
        "facet_recall",
        "facet_purity",
        "matched_recall",
        "matched_purity",
    }


# what each measure must tell natural images that excite the class's unit from, by more than its floor
TOLD = {
    "activation": ("of others", "noise"),
    "quantile": ("of others", "noise"),
    "driving": ("of others", "noise"),
    "recognized": ("of others", "noise"),
    "transfer": ("of others", "noise"),
    "facet_recall": ("copies", "of others", "noise"),  # of a mixture one facet may be likeliest; purity tells it
    "facet_purity": ("mixtures", "of others", "noise"),
    "matched_recall": ("mixtures", "of others", "noise"),
    "matched_purity": ("mixtures", "of others", "noise"),
    "cluster_recall": ("copies", "mixtures", "of others", "noise"),
    "diversity": ("copies", "of others", "noise"),
    "dissimilarity": ("copies", "of others", "noise"),
    "vendi": ("copies", "of others", "noise"),
    "plausibility": ("mixtures", "of others", "noise"),
    "kernel": ("copies", "of others", "noise"),
    "precision": ("mixtures", "of others", "noise"),
    "coverage": ("copies", "mixtures", "of others", "noise"),
    "colour": ("of others", "noise"),
    "spectrum": ("noise",),
    "choice": ("of others",),
    "hard_choice": ("of others",),
}


@pytest.mark.parametrize("measure", TOLD)
def test_natural_images_of_a_class_come_first(measure: str, values: dict[str, dict[str, torch.Tensor]]) -> None:
    sign = 1 if MEASURES[measure].better == "higher" else -1
    natural = values["natural"][measure][:, :2].mean()
    for kind in TOLD[measure]:
        other = values[kind][measure][:, :2].mean()
        assert sign * (natural - other) > MEASURES[measure].floor, (kind, natural, other)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [("recognized", 1.0), ("facet_purity", 1.0), ("plausibility", 1.0), ("coverage", 1.0), ("colour", 1.0)],
)
def test_natural_images_have_what_a_measure_says_they_have(
    measure: str, expected: float, values: dict[str, dict[str, torch.Tensor]]
) -> None:
    assert float(values["natural"][measure][:, :2].mean()) == pytest.approx(expected, abs=0.3)


def test_copies_have_no_variety(values: dict[str, dict[str, torch.Tensor]]) -> None:
    copies = values["copies"]
    torch.testing.assert_close(copies["diversity"], torch.zeros(SETS, 3), atol=1e-12, rtol=0)
    # in single precision a picture isn't quite as similar to its copy as to itself
    torch.testing.assert_close(copies["dissimilarity"], torch.zeros(SETS, 3), atol=1e-5, rtol=0)
    driving = copies["driving"] > 0
    torch.testing.assert_close(copies["vendi"], torch.where(driving, 0.25, 0.0), atol=1e-5, rtol=0)
    assert float(copies["facet_recall"][:, :2].max()) == 0.5


def test_the_variety_of_pictures_that_do_not_drive_the_unit_does_not_count(
    values: dict[str, dict[str, torch.Tensor]],
) -> None:
    noise = {measure: found[:, :2] for measure, found in values["noise"].items()}
    assert float(noise["driving"].max()) == 0
    for measure in ("diversity", "dissimilarity", "vendi", "matched_recall", "matched_purity"):
        assert float(noise[measure].abs().max()) == 0


def test_what_takes_a_class_is_undefined_for_a_hidden_unit(values: dict[str, dict[str, torch.Tensor]]) -> None:
    for kind in PICTURES:
        for measure, found in values[kind].items():
            assert bool(found[:, 2].isnan().all()) == (measure in ("transfer", "one_thing")), measure
            assert not found[:, :2].isnan().any()
            assert not found.isinf().any()


def test_hidden_units_are_asked_for_the_facets_that_they_like(values: dict[str, dict[str, torch.Tensor]]) -> None:
    assert float(values["natural"]["recognized"][:, 2].min()) > 0.9
    assert float(values["of others"]["recognized"][:, 2].max()) < 0.1
    assert torch.equal(values["natural"]["facet_recall"][:, 2], torch.ones(SETS))


def test_without_known_facets_clusters_and_the_class_are_what_is_left() -> None:
    looking = eyes(judge=facet_judge(CLASSES, "judge of classes"), known=False)
    assert "doesn't tell facets" in " ".join(looking.notes)
    for _, subject, looked in looking.look({0: drawn(0)}):
        for name, measure in MEASURES.items():
            value = measure.checked(looked)
            hidden = subject.kind == "hidden" and name in ("recognized", "transfer", "one_thing")
            assert math.isnan(value) == (measure.truth or hidden), (subject.title, name)


def test_one_thing_is_told_from_several() -> None:
    looking = eyes()
    one, two = (torch.zeros(3, 4, 3, SIZE, SIZE) for _ in range(2))
    one[:, :, 0, 8:16, 8:16] = 0.9
    two[:, :, 0, :8, :8] = two[:, :, 0, 16:, 16:] = 0.9
    measure = MEASURES["one_thing"]
    with torch.inference_mode():
        singles, doubles = (next(looking.look({0: images}))[2] for images in (one, two))
        assert measure.checked(singles) == 1
        assert measure.checked(doubles) == 0
        assert doubles.things is not None
        assert doubles.things.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(("pictures", "lacking"), [(2, {"kernel"})])
def test_few_pictures_leave_some_undefined(pictures: int, lacking: set[str]) -> None:
    looking = eyes(pictures=pictures)
    _, _, looked = next(looking.look({0: drawn(0, pictures)}))
    assert {name for name, measure in MEASURES.items() if math.isnan(measure.checked(looked))} == lacking


def test_too_few_natural_images_leave_the_choices_undefined_and_say_so() -> None:
    looking = eyes(trials=40)
    _, _, looked = next(looking.look({0: drawn(0)}))
    assert math.isnan(MEASURES["choice"].checked(looked))
    assert math.isnan(MEASURES["hard_choice"].checked(looked))
    assert "No forced choice: 40 trials" in " ".join(looking.notes)
    assert not [note for note in eyes(hard_queries=None).notes if "harder" in note]


def test_a_value_out_of_bounds_is_refused() -> None:
    class Wrong(type(MEASURES["driving"])):  # type: ignore[misc]
        def value(self, looked: Any) -> float:
            return 1.5

    _, _, looked = next(eyes().look({0: drawn(0)}))
    with pytest.raises(ValueError, match=r"'driving' lies in \[0.0, 1.0\] and was 1.5 for set 0 of a"):
        Wrong().checked(looked)


def test_every_module_of_metrics_is_spoken_of() -> None:
    import replications.compare.measures as measures

    said = measures.__doc__ or ""
    for path in (Path(project_root()) / "metrics").glob("[a-z]*.py"):
        name = "crossed_" if path.stem.startswith("crossed_") else path.stem
        assert name in said, path.stem
