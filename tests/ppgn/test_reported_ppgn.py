"""The ledger of Plug & Play Generative Networks holds what is known of the paper, and how."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from replications.ppgn import settings
from replications.ppgn.dae import PUBLISHED_WIDTHS
from replications.ppgn.losses import PUBLISHED_WEIGHTS
from replications.suite.ledger import Ledger, load
from replications.suite.verdicts import VerdictKind, judge

NOISELESS = "noiseless_joint_ppgn_h"


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("ppgn")


def numbers(ledger: Ledger, row: str, pattern: str) -> list[float]:
    """What stands at the groups of `pattern` in a row's text."""
    text = " ".join((ledger[row].text or "").split())
    found = re.search(pattern, text)
    assert found is not None, f"{row} doesn't say {pattern}: {text}"
    return [float(group) for group in found.groups()]


def test_it_holds_every_row_that_is_known(ledger: Ledger) -> None:
    assert Counter(row.kind for row in ledger.rows) == {"setup": 28, "value": 5, "claim": 17}
    numbered = {row.id for row in ledger.rows if row.kind != "claim"}
    assert numbered == {
        "PPGN-A1",
        *(f"PPGN-E{name}" for name in ("6", "10", "11", "11c", "12")),
        *(f"PPGN-V{n}" for n in (1, 2, 3, 4, 5, 7, 8)),  # V6, noise levels, was not recovered
        *(f"PPGN-H{n}" for n in range(1, 14)),
        *(f"PPGN-R{n}" for n in (1, 2, 3, 4, 6, 7, 8)),  # R5, numbers of what the paper shows as figures, neither
    }


def test_the_table_real_ppgn_is_a_memory_and_decides_nothing(ledger: Ledger) -> None:
    from_memory = [row.id for row in ledger.rows if row.from_memory]
    assert from_memory == ["PPGN-E10", "PPGN-V7", "PPGN-R1", "PPGN-R2", "PPGN-R3", "PPGN-R4"]
    assert not any(cell.tolerance is not None for row in ledger.rows for cell in row.cells.values())


def test_real_images_are_ahead_of_ppgn_and_a_smaller_size_costs_some_of_it(ledger: Ledger) -> None:
    real, large, small = (ledger[f"PPGN-R{n}"].cells for n in (1, 3, 4))
    assert list(real) == list(large) == list(small) == ["accuracy", "Inception score", "MS-SSIM", "classes"]
    for name, sign in (("accuracy", 1), ("Inception score", 1), ("MS-SSIM", -1), ("classes", 1)):
        assert sign * real[name].value > sign * large[name].value > sign * small[name].value


def test_every_claim_has_an_experiment_and_none_is_decided_without_one(ledger: Ledger) -> None:
    verdicts = judge(ledger, [], "laptop")
    assert {v.kind for v in verdicts if v.row.kind == "claim"} == {VerdictKind.NOT_RUN}
    assert Counter(row.experiment for row in ledger.rows if row.kind == "claim") == {
        "class_samples": 2,
        "loss_terms": 1,
        "variants": 4,
        "mixing": 4,
        "epsilons": 2,
        "hidden_units": 1,
        "captions": 1,
        "inpainting": 1,
        "modality": 1,
    }


def test_no_claim_can_be_at_the_papers_own_scale(ledger: Ledger) -> None:
    """CaffeNet isn't built, and what the paper doesn't show has no scale of the paper's."""
    assert {section.reads.get("data") for section in ledger.sections} == {"ImageNet"}
    imagenet = {"classes": 1000, "training_images": 1_281_167}
    trained = imagenet | {"architecture": "alexnet", "arguments": {}}
    for section in ledger.sections:
        for identity in ({"data": imagenet, "network": {"trained": trained}}, {"data": None, "network": None}):
            assert ledger.scale.gap(section.reads, identity, "imagenet") is not None


def test_the_samplers_of_the_configuration_are_those_that_were_released(ledger: Ledger) -> None:
    epsilons = r"eps1 (\S+), eps2 (\S+), eps3 (\S+);"
    for task, row, pattern in (
        (None, "PPGN-H1", epsilons + r" (\d+) iterations at rate (\d)"),
        ("caption", "PPGN-H4", epsilons + r" (\d+) iterations, rate (\d)"),
    ):
        said = numbers(ledger, row, pattern)
        found = settings.load(NOISELESS, task)
        assert said == [found.at(f"epsilon{n}", 0) for n in (1, 2, 3)] + [found.steps, found.at("rate", 0)]
    assert [settings.load(NOISELESS, "chain").steps] == numbers(ledger, "PPGN-H2", r"^(\d+) iterations a class")
    hidden = settings.load(NOISELESS, "hidden")
    assert [hidden.steps, hidden.reset_every] == numbers(
        ledger, "PPGN-H3", r"(\d+) iterations, started again every (\d+)"
    )
    assert hidden.reset_epsilon1 == tuple(numbers(ledger, "PPGN-H7", r"U\((\S+), (\S+)\)"))
    real = settings.load(NOISELESS, "from_image")
    assert [real.at("rate", 0), real.steps] == numbers(ledger, "PPGN-H5", r"rate (\S+), (\d+) iterations")


def test_rates_that_fall_end_where_they_were_released_to(ledger: Ledger) -> None:
    for name, task, row in (
        (NOISELESS, "caption", "PPGN-H4"),
        (NOISELESS, "inpainting", "PPGN-H6"),
        ("dgn_am", None, "PPGN-H13"),
    ):
        start, end = numbers(ledger, row, r"rate (\S+) -> ([\d.e-]+)")
        rate = settings.load(name, task).rate
        assert not isinstance(rate, float)
        assert (rate.start, rate.end) == (start, end)
    filling = settings.load(NOISELESS, "inpainting")
    assert [filling.at(f"epsilon{n}", 0) for n in (1, 2, 3, 4)] == numbers(
        ledger, "PPGN-H6", r"eps1 (\S+), eps2 (\S+), eps3 (\S+), eps4 (\S+);"
    )
    assert [filling.steps] == numbers(ledger, "PPGN-H6", r"(\d+) iterations")
    am = settings.load("dgn_am")
    assert [am.steps, am.decay] == numbers(ledger, "PPGN-H13", r"(\d+) iterations.*multiplied by (\S+)")


def test_what_was_published_of_the_networks_is_what_is_built(ledger: Ledger) -> None:
    assert "-".join(map(str, PUBLISHED_WIDTHS)) in (ledger["PPGN-V3"].text or "")
    assert [PUBLISHED_WEIGHTS.image, PUBLISHED_WEIGHTS.comparator, PUBLISHED_WEIGHTS.adversarial] == numbers(
        ledger, "PPGN-H9", r"L_img (\S+), L_h1 (\S+), L_GAN (\d+)"
    )
