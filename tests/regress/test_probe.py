"""What a probe writes, and the numbers that probes take, where they are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from replications.regress.probe import Found, Probe, Quantity, drawn
from replications.regress.probes.pictures import _central, fine_detail, variety
from replications.regress.probes.projections import correlation
from replications.regress.values import read_values
from replications.suite.interface import Context, Outcome


@dataclasses.dataclass(frozen=True)
class Toy(Probe):
    name: ClassVar[str] = "toy"
    title: ClassVar[str] = "Toy"
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity("size", "metres", "higher", 0.5),
        Quantity("weight", "kilograms", "none", 0.1),
        Quantity("age", "years", "lower", 1.0),
    )
    protocol: Mapping[str, Any]

    def look(self, context: Context, seed: int, prepared: None) -> Iterator[Found]:
        yield Found("dog", "class", {"size": seed, "weight": 2.0})
        yield Found("cat", "class", {"size": seed + 1, "weight": float("nan")})


def outcome(seeds: list[int]) -> Outcome:
    context: Any = SimpleNamespace(progress=lambda items, description, total=None: iter(items))
    return Toy({"seeds": seeds}).run(context)


def test_there_is_a_row_for_each_seed_and_unit() -> None:
    values, measures = outcome([3, 5]).tables
    assert values.columns == ["seed", "unit", "kind", "layer", "size", "weight", "age"]
    assert values.rows[0] == [3, "dog", "class", None, 3, 2.0, None]
    assert values.rows[3] == [5, "cat", "class", None, 6, None, None]
    assert measures.rows[1] == ["weight", "kilograms", "none", 0.1]


def test_what_is_nowhere_defined_is_no_measurement() -> None:
    assert [one.name for one in outcome([0]).measurements] == ["size", "weight"]


def test_the_check_reads_the_mean_over_units_for_each_seed() -> None:
    found = outcome([3, 5])
    document = {
        "tables": [{"name": t.name, "columns": t.columns, "rows": t.rows} for t in found.tables],
        "measurements": [],
    }
    measures = read_values(document, {}, [3, 5])
    assert measures["size"].values == {3: 3.5, 5: 5.5}
    assert measures["weight"].values == {3: 2.0, 5: 2.0}
    assert (measures["size"].better, measures["size"].floor) == ("higher", 0.5)
    assert "age" not in measures


def test_images_are_drawn_once_each() -> None:
    indices = drawn(10, 10, torch.Generator().manual_seed(0))
    assert indices.tolist() == list(range(10))
    with pytest.raises(ValueError, match="only 10"):
        drawn(11, 10, torch.Generator())


def test_correlation_is_pearsons() -> None:
    a = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    b = torch.tensor([[2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [1.0, 5.0, 3.0]])
    expected = [1.0, -1.0, float(torch.corrcoef(torch.stack([a[2], b[2]]))[0, 1])]
    assert correlation(a, b).tolist() == pytest.approx(expected)
    assert correlation(a[:1], torch.ones(1, 3)).isnan().all()


def test_fine_detail_is_all_of_a_chessboard_and_nothing_of_a_wave() -> None:
    rows = torch.arange(16)
    chessboard = ((rows[:, None] + rows) % 2).float().expand(3, 16, 16)
    wave = torch.sin(2 * torch.pi * rows / 16)[:, None].expand(3, 16, 16)
    found = fine_detail(torch.stack([chessboard, wave, chessboard + wave, torch.ones(3, 16, 16)]))
    # the board's power is a quarter of a pixel's squared range, the wave's a half of its squared height
    assert found.tolist() == pytest.approx([1, 0, 1 / 3, 0], abs=1e-6)


def test_variety_is_the_distance_of_pairs() -> None:
    images = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2), torch.ones(3, 2, 2)])
    assert variety(images) == pytest.approx(2 / 3)
    assert variety(images[1:]) == 0


def test_the_central_part_is_in_the_centre() -> None:
    inside = _central(torch.zeros(1, 3, 64, 64))[0, 0]
    assert torch.equal(inside, inside.flip(0))
    assert torch.equal(inside, inside.T)
    assert inside[32, 32]
    assert inside[32].sum() == 36  # 0.56 of 64
    assert not inside[0].any()
