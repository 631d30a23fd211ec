"""What is written of planted defects and reruns, and that measured parts are found again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from replications.regress import evidence
from replications.regress.defects import DEFECTS
from replications.regress.evidence import Part
from replications.regress.testing import Verdict
from replications.regress.values import Made, Measured, MeasureValues, ProbeValues

SETTINGS: Any = SimpleNamespace(profile="laptop", network="zfnet_small", configs={"jitter": {}, "facets": {}})
SAME = Verdict(
    "jitter", "roughness", "same", "1 -> 1: as chance makes it.", old=(1.0, 1.0), new=(1.0,), p=0.5, adjusted=1
)
WORSE = Verdict(
    "jitter", "fine detail", "worse", "1 -> 3 (p = 1e-9).", True, (1.0, 1.0), (3.0,), floor=0.1, p=1e-9, adjusted=1e-7
)


def rerun(number: int) -> Part:
    return Part(f"rerun-{number}", None, (number, number + 1, number + 2), None)


def test_every_defect_is_a_part_and_reruns_share_no_set() -> None:
    parts = evidence.parts_of(SETTINGS, 20)
    assert [part.defect for part in parts[: len(DEFECTS)]] == list(DEFECTS)
    assert parts[[part.defect for part in parts].index("jitter off")].probes == ("jitter",)
    fresh = [number for part in parts[len(DEFECTS) :] for number in part.numbers]
    assert len(parts) == len(DEFECTS) + 20
    assert len(set(fresh)) == 60
    assert not set(fresh) & set(evidence.SEEDS)


def test_a_part_is_found_as_it_was_kept(tmp_path: Path) -> None:
    measures = {"roughness": MeasureValues({1000: 0.1, 1001: 1 / 3}, "of pixels", "none", 0.01)}
    done = ProbeValues(
        "jitter", "Jitter", "done", "", measures, Made({"a": 1}, {"network": {"b": 2}}), {"seconds": 3.0}
    )
    failed = ProbeValues("facets", "Facets", "failed", "it raised")
    measured = Measured("laptop", "zfnet_small", (1000, 1001), {"jitter": done, "facets": failed})
    evidence.keep(tmp_path / "part.json", measured, 1.25)
    found = evidence.held(tmp_path / "part.json", SETTINGS)
    assert found is not None
    assert found[0].probes == measured.probes
    assert found[0].numbers == (1000, 1001)
    assert found[1] == pytest.approx(1.2)


def test_half_a_file_is_no_part(tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text('{"numbers": [1')
    assert evidence.held(tmp_path / "part.json", SETTINGS) is None
    assert evidence.held(tmp_path / "none.json", SETTINGS) is None


def test_a_caught_defect_says_what_turned_worse() -> None:
    part = Part("defect-jitter-off", "jitter off", (1000,), ("jitter",))
    found = evidence.about_defect(part, [SAME, WORSE], 2.0)
    assert found["caught"]
    assert found["breaks"] == "replications.images.transforms.Jitter.draw"
    (worse,) = found["worse"]
    assert (worse["measure"], worse["baseline"], worse["now"], worse["floor"]) == ("fine detail", 1.0, 3.0, 0.1)
    assert found["probes"] == {"jitter": {"same": 1, "worse": 1}}
    assert not evidence.about_defect(part, [SAME], 2.0)["caught"]


def test_reruns_are_held_to_the_stated_rate() -> None:
    runs = [(rerun(2000 + 3 * i), [SAME]) for i in range(20)]
    none = evidence.about_reruns(runs)
    assert (none["alarms"], none["chance_of_as_many"], none["quiet"]) == (0, 1.0, True)
    one = evidence.about_reruns([(runs[0][0], [SAME, WORSE]), *runs[1:]])
    assert one["chance_of_as_many"] == pytest.approx(1 - 0.99**20, rel=1e-3)
    assert one["quiet"]
    two = evidence.about_reruns([(part, [WORSE]) for part, _ in runs[:2]] + runs[2:])
    assert two["chance_of_as_many"] == pytest.approx(1 - 0.99**20 - 20 * 0.01 * 0.99**19, rel=1e-3)
    assert not two["quiet"]
    assert [alarm["numbers"] for alarm in two["alarms_of"]] == [[2000, 2001, 2002], [2003, 2004, 2005]]
