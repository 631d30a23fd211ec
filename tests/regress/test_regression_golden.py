"""Golden pictures: kept without loss, compared by a distance, told apart by what differs between sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from regress_toys import VERSIONS, measure_values, probe_values
from torch import Tensor

from metrics.perceptual import Backbone
from replications.regress import golden, golden_judge
from replications.regress.baselines import BadBaseline, Baseline, load, write
from replications.regress.golden import LEAST, NUMBER, BadGolden, Golden
from replications.regress.golden_judge import GoldenVerdict, judge_golden
from replications.regress.values import Measured

BACKBONE = Backbone("toy/mean", lambda images: [images])
SETS = tuple(range(12))


def pictures(number: int, units: int = 2) -> Tensor:
    return torch.rand(units, 3, 3, 8, 8, generator=torch.Generator().manual_seed(number))


def test_a_sheet_holds_the_pictures_without_loss() -> None:
    some = golden.rounded(pictures(0, 3))
    content = golden.sheet(some)
    found, same = golden.new(BACKBONE, "x.png", dict.fromkeys((*SETS, NUMBER), some), SETS)
    assert same == content
    assert (found.rows, found.columns, found.size) == (3, 3, 8)
    assert torch.equal((golden.from_sheet(content, found) * 255).round(), (some * 255).round())


def test_a_sheet_has_a_row_for_each_unit() -> None:
    from io import BytesIO

    import numpy as np
    from PIL import Image

    some = torch.zeros(2, 3, 3, 4, 4)
    some[1, 2, 0] = 1  # the last picture of the second unit is red
    whole = np.array(Image.open(BytesIO(golden.sheet(some))))
    assert whole.shape == (8, 12, 3)
    assert (whole[4:, 8:] == [255, 0, 0]).all()
    assert whole.sum() == 255 * 16


def test_another_file_is_refused() -> None:
    found, content = golden.new(BACKBONE, "x.png", {n: pictures(n) for n in (*SETS, NUMBER)}, SETS)
    with pytest.raises(BadGolden, match="another file"):
        golden.from_sheet(content + b"x", found)
    other = golden.sheet(pictures(0, 3))
    import hashlib

    described = dataclasses.replace(found, sha256=hashlib.sha256(other).hexdigest())
    with pytest.raises(BadGolden, match="must be 24 x 16 pixels"):
        golden.from_sheet(other, described)


def test_the_threshold_is_a_low_quantile_of_distances_between_sets() -> None:
    found, _ = golden.new(BACKBONE, "x.png", {n: pictures(n) for n in (*SETS, NUMBER)}, SETS)
    assert len(found.distances) == 11 * 2  # from each set to the next, for each of two units
    one = golden.distances(BACKBONE, pictures(0), pictures(1))
    assert found.distances[:2] == tuple(one)
    assert found.threshold == pytest.approx(torch.tensor(found.distances).double().quantile(0.05).item())


def test_the_distance_is_the_mean_over_a_units_pictures() -> None:
    """Of one position's unit vectors: red and green are 2 apart, red and red 0."""
    red, green = (torch.zeros(1, 2, 3, 4, 4) for _ in range(2))
    red[:, :, 0] = 1
    green[:, 0, 0] = green[:, 1, 1] = 1
    assert golden.distances(BACKBONE, red, green) == [1.0]


def test_sets_that_do_not_differ_leave_room_for_a_rounding() -> None:
    assert golden.new(BACKBONE, "x", {n: pictures(0) for n in (*SETS, NUMBER)}, SETS)[0].threshold == LEAST


def test_kept_are_the_first_classes_and_hidden_units_of_each_layer() -> None:
    assert golden.shown([None, None, None, 5, 5, 7]) == [0, 1, 3, 5]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    own, content = golden.new(BACKBONE, "p.png", {n: pictures(n) for n in (*SETS, NUMBER)}, SETS)
    probe = probe_values("p", {"m": measure_values([0.5] * 12)})
    write(Baseline("laptop", "toy", {"p": probe}, {"p": own}), {"p": content}, tmp_path)
    return tmp_path


def verdict(
    folder: Path, monkeypatch: pytest.MonkeyPatch, now: Tensor | None, backbone: Backbone = BACKBONE, **made: object
) -> GoldenVerdict:
    monkeypatch.setattr(golden_judge.golden_pictures, "backbone_of", lambda network: backbone)
    probe = probe_values("p", {"m": measure_values([0.5] * 3)}, **made)  # type: ignore[arg-type]
    some = {} if now is None else {"p": {NUMBER: now}}
    current = Measured("laptop", "toy", (1000, 1001, 1002), {"p": probe}, some, object())  # type: ignore[arg-type]
    (found,) = judge_golden(load("laptop", "toy", folder), current, folder)
    return found


def test_the_same_pictures(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdict(kept, monkeypatch, pictures(NUMBER))
    assert (found.kind, found.red, max(found.distances)) == ("same", False, 0.0)
    nearly = (pictures(NUMBER) + 0.002).clamp(0, 1)
    assert verdict(kept, monkeypatch, nearly).kind == "same"


def test_other_pictures_of_one_unit_are_enough(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = pictures(NUMBER)
    now[1] = pictures(77)[1]
    found = verdict(kept, monkeypatch, now)
    assert (found.kind, found.red) == ("worse", True)
    assert found.distances[0] == 0
    swapped = verdict(kept, monkeypatch, pictures(NUMBER).flip(2))
    assert swapped.kind == "worse"


def test_with_other_libraries_they_are_incomparable(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {**VERSIONS, "torch": "2.12.0"}
    found = verdict(kept, monkeypatch, pictures(77), versions=versions)
    assert (found.kind, found.red) == ("incomparable", False)
    assert verdict(kept, monkeypatch, pictures(NUMBER), versions=versions).kind == "same"


def test_made_otherwise_they_are_incomparable(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(kept, monkeypatch, pictures(77), config={"passes": 2}).kind == "incomparable"
    assert verdict(kept, monkeypatch, pictures(NUMBER, 3)).kind == "incomparable"
    other = Backbone("another network", BACKBONE.features)
    assert verdict(kept, monkeypatch, pictures(NUMBER), other).kind == "incomparable"


def test_without_pictures_they_are_missing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(kept, monkeypatch, None).kind == "missing"


def test_a_golden_picture_that_was_changed_is_wrong_input(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept / "golden" / "laptop-toy" / "p.png"
    path.write_bytes(golden.sheet(pictures(5)))
    with pytest.raises(BadBaseline, match="another file"):
        verdict(kept, monkeypatch, pictures(NUMBER))
    path.unlink()
    with pytest.raises(BadBaseline, match="can't be used"):
        verdict(kept, monkeypatch, pictures(NUMBER))


def test_pictures_that_no_baseline_names_are_removed(kept: Path) -> None:
    old = load("laptop", "toy", kept)
    write(dataclasses.replace(old, golden={}), {}, kept)
    assert not list((kept / "golden" / "laptop-toy").glob("*.png"))
    assert isinstance(next(iter(old.golden.values())), Golden)
