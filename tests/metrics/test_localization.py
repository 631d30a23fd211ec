from __future__ import annotations

import pytest
import torch
from sklearn.metrics import roc_auc_score

from metrics import localization


def test_pointing() -> None:
    masks = torch.zeros(4, 8, 8, dtype=torch.bool)
    masks[:, 2:4, 2:4] = True
    maps = torch.zeros(4, 8, 8)
    maps[0, 3, 3] = 1  # on the object
    maps[1, 5, 3] = 1  # two pixels below it
    maps[2, 3, 3] = maps[2, 7, 7] = 1  # undecided; the last map is constant
    assert localization.pointing_hits(maps, masks).tolist() == pytest.approx([1, 0, 0.5, 4 / 64])
    assert localization.pointing_hits(maps, masks, 1).tolist() == pytest.approx([1, 0, 0.5, 16 / 64])
    assert localization.pointing_hits(maps, masks, 2).tolist() == pytest.approx([1, 1, 0.5, 36 / 64])
    assert localization.mask_share(masks).tolist() == pytest.approx([4 / 64] * 4)


@pytest.mark.parametrize("levels", [1000, 4])
def test_auc_is_sklearns(levels: int) -> None:
    generator = torch.Generator().manual_seed(levels)
    maps = (torch.rand(5, 9, 7, generator=generator) * levels).round()
    masks = torch.rand(5, 9, 7, generator=generator) < 0.3
    expected = [roc_auc_score(mask.flatten(), one.flatten()) for one, mask in zip(maps, masks, strict=True)]
    assert localization.mask_auc(maps, masks).tolist() == pytest.approx(expected)


def test_auc_bounds_and_undefined() -> None:
    masks = torch.zeros(4, 4, 4, dtype=torch.bool)
    masks[:3, :2] = True
    maps = torch.stack([masks[0].float(), -masks[0].float(), torch.ones(4, 4), torch.ones(4, 4)])
    auc = localization.mask_auc(maps, masks)
    assert auc[:3].tolist() == [1.0, 0.0, 0.5]
    assert auc[3].isnan()


def test_energy_share_counts_the_positive_part() -> None:
    masks = torch.tensor([[[True, False], [False, False]]])
    maps = torch.tensor([[[3.0, 1.0], [-5.0, 0.0]]])
    assert localization.energy_share(maps, masks).tolist() == [0.75]
    assert localization.energy_share(-maps.abs(), masks).isnan().all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="bool masks"):
        localization.mask_auc(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="finite"):
        localization.pointing_hits(torch.full((1, 2, 2), torch.nan), torch.ones(1, 2, 2, dtype=torch.bool))
