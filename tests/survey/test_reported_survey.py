"""The ledger of the survey holds what is known of it and of the works that it rests on, and how."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from replications.suite.ledger import Ledger, load
from replications.suite.verdicts import VerdictKind, judge

CATEGORIES = ["object", "part", "scene", "material", "texture", "colour"]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("survey")


def test_it_holds_every_row_that_is_known(ledger: Ledger) -> None:
    assert Counter(row.kind for row in ledger.rows) == {"setup": 33, "value": 53, "claim": 8}
    assert {row.id for row in ledger.rows if row.kind != "claim"} == {
        *(f"SUR-{n}" for n in range(1, 7)),
        *(f"ND-{n:02d}" for n in range(1, 9)),
        *(f"ND-T3{part}" for part in "abc"),
        *(f"ND-R{n}" for n in range(1, 7)),
        *(f"ND-U{n:02d}" for n in range(1, 28)),
        *(f"ND-V{n}" for n in range(1, 6)),
        *(f"MV-{n:02d}" for n in range(1, 6)),
        "MV-T1",
        *(f"MV-T3{part}" for part in "abc"),
        *(f"DB-{n:02d}" for n in range(1, 6)),
        *(f"BO-{n:02d}" for n in range(1, 9)),
        *(f"ZI-{n:02d}" for n in range(1, 4)),
        *(f"MA-{n:02d}" for n in range(1, 7)),
    }


def test_what_is_a_memory_is_said_to_be_one_and_nothing_is_compared(ledger: Ledger) -> None:
    from_memory = {row.id for row in ledger.rows if row.from_memory}
    assert from_memory == {
        *(
            "SUR-3",
            "SUR-4",
            "SUR-5",
            "SUR-6",
            "ND-07",
            "MV-01",
            "MV-03",
            "MV-04",
            "MV-T1",
            "MV-T3a",
            "MV-T3b",
            "MV-T3c",
        ),
        *("DB-03", "DB-04", "DB-05", "MA-04", "MA-05", "MA-06"),
    }
    assert not any(cell.tolerance is not None for row in ledger.rows for cell in row.cells.values())
    for row in ledger.rows:
        assert not row.cells or row.from_memory or row.not_compared


def test_unique_detectors_are_the_sum_over_categories(ledger: Ledger) -> None:
    released = [row for row in ledger.rows if row.id.startswith("ND-U")]
    assert len(released) == 27
    for row in released:
        assert list(row.cells) == ["unique", *CATEGORIES, "units", "share"]
        assert row.cells["unique"].value == sum(row.cells[category].value for category in CATEGORIES)


@pytest.mark.parametrize(
    ("row", "units"),
    [
        *((name, 256) for name in ("ND-U01", "ND-U02", "ND-U03", "ND-U05", "ND-U18", "ND-U27")),
        ("ND-U07", 768),
        ("ND-U08", 512),
        ("ND-U12", 1024),
        ("ND-U15", 2048),
    ],
)
def test_the_share_of_detector_units_is_of_the_layer(ledger: Ledger, row: str, units: int) -> None:
    cells = ledger[row].cells
    assert cells["share"].value == pytest.approx(100 * cells["units"].value / units, abs=0.051)


@pytest.mark.parametrize(
    ("counted", "released"), [("V1", "U02"), ("V2", "U03"), ("V3", "U06"), ("V4", "U16"), ("V5", "U15")]
)
def test_the_recount_by_category_is_what_was_released(ledger: Ledger, counted: str, released: str) -> None:
    by_rule, cells = ledger[f"ND-{counted}"].cells, ledger[f"ND-{released}"].cells
    assert by_rule["per category"].value == cells["unique"].value > by_rule["top"].value
    assert by_rule["units"].value == cells["units"].value


def test_the_numbers_lie_where_the_claims_say(ledger: Ledger) -> None:
    def unique(row: str) -> float:
        return ledger[row].cells["unique"].value

    assert unique("ND-U01") < unique("ND-U02")  # random, trained
    assert unique("ND-U05") < unique("ND-U03")  # with batch normalization, without
    assert unique("ND-U06") < unique("ND-U07")  # AlexNet, wider with global average pooling
    assert unique("ND-U15") > unique("ND-U09") > unique("ND-U14") > unique("ND-U06")  # Places365
    errors = [ledger[f"MV-T3{part}"].cells for part in "abc"]
    assert [len(cells) for cells in errors] == [20, 20, 20]
    assert errors[0]["conv1"].value < errors[1]["conv1"].value < errors[2]["conv1"].value


def test_every_claim_has_one_experiment_and_none_is_decided_without_it(ledger: Ledger) -> None:
    verdicts = [verdict for verdict in judge(ledger, [], "laptop") if verdict.row.kind == "claim"]
    assert {verdict.kind for verdict in verdicts} == {VerdictKind.NOT_RUN}
    assert {verdict.row.id: verdict.row.experiment for verdict in verdicts} == {
        "ND-C-trained-more": "random_weights",
        "ND-C-rotation-fewer": "rotation",
        "ND-C-rotation-angle": "rotation",
        "ND-C-batchnorm-fewer": "training_variants",
        "ND-C-wider-more": "training_variants",
        "ND-C-emergence": "emergence",
        "ND-C-ordering": "network_ranking",
        "DB-C-last-layer": "inversion_by_network",
    }


def test_no_claim_can_be_at_the_papers_own_scale(ledger: Ledger) -> None:
    """CaffeNet isn't built."""
    imagenet = {"classes": 1000, "training_images": 1_281_167}
    trained = imagenet | {"architecture": "alexnet", "arguments": {}}
    for section in ledger.sections:
        identity = {"data": imagenet, "network": {"trained": trained}}
        assert ledger.scale.gap(section.reads, identity, "imagenet") is not None


def test_dissection_counts_as_was_published(ledger: Ledger) -> None:
    """The quantile and the threshold that the code takes where nothing else is asked for."""
    import inspect

    from replications.survey.dissection import dissection

    said = re.search(r"P\(a_k > T_k\) = (\S+)", ledger["ND-01"].text or "")
    assert said is not None
    assert float(said[1]) == inspect.signature(dissection.dissect).parameters["quantile"].default
    said = re.search(r"IoU > (\S+)", ledger["ND-02"].text or "")
    assert said is not None
    assert float(said[1]) == inspect.signature(dissection.Dissection.detectors).parameters["threshold"].default
