"""Networks ranked, where it is known which detects more."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from coloured_squares import UNITS, context, network, plant

from replications.survey.network_ranking import NetworkRanking

NETWORKS = {"one": UNITS[:1], "two": UNITS[:2], "three": UNITS}  # they detect 2, 4 and 5 concepts
EXPERIMENT = NetworkRanking(
    networks={name: {"name": name} for name in NETWORKS},
    layer=5,
    concepts={},
    draws=2,
    ordering=None,
    reported={},
    batch=16,
)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    networks = {name: network(units, name) for name, units in NETWORKS.items()}
    plant(monkeypatch, tmp_path, "replications.survey.trained_and_random", networks)
    return context(networks["one"])


def test_networks_come_in_the_order_of_their_detectors(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    ranking, pairs = outcome.tables
    assert [row[:2] for row in ranking.rows] == [[1, "three"], [2, "two"], [3, "one"]]
    assert [row[0] for row in pairs.rows] == ["three minus two", "three minus one", "two minus one"]
    assert [str(row[2]).partition(" ")[0] for row in pairs.rows] == ["1.0", "3.0", "2.0"]
    values = {m.name: m.values for m in outcome.measurements}
    assert values["unique detectors/two/per category"] == (4.0,)
    assert len(values["unique detectors/two/per category, random weights"]) == 2


def test_the_paper_s_order_is_tested_only_among_its_networks(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    assert not outcome.evidence
    assert "its order isn't tested here" in " ".join(outcome.notes)
    ordered = dataclasses.replace(EXPERIMENT, ordering=["three", "two", "one"], reported={"two": "ND-U08"}).run(planted)
    assert [(e.claim, e.effect, e.over) for e in ordered.evidence] == [
        ("ND-C-ordering", 1.0, "block of images"),
        ("ND-C-ordering", 2.0, "block of images"),
    ]
    assert not ordered.notes
    beside = {m.name: (m.reported, m.cell) for m in ordered.measurements if m.reported}
    assert beside == {"unique detectors/two/per category": ("ND-U08", "unique")}


def test_what_can_t_be_ranked_is_refused_or_said() -> None:
    with pytest.raises(ValueError, match="networks that aren't ranked: four; ranked are one, two, three"):
        dataclasses.replace(EXPERIMENT, ordering=["three", "four"])
    with pytest.raises(ValueError, match="networks that aren't ranked: four"):
        dataclasses.replace(EXPERIMENT, reported={"four": "ND-U08"})
    with pytest.raises(ValueError, match="at least 2 draws, found 0"):
        dataclasses.replace(EXPERIMENT, draws=0)
    assert "needs trained networks" in str(dataclasses.replace(EXPERIMENT, networks=None).missing(None))  # type: ignore[arg-type]
