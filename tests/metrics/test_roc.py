from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from metrics.roc import ScoredImages, auc_difference, auc_interval, roc_auc


def group(seed: int, count: int = 200, shift: float = 1.0) -> ScoredImages:
    generator = np.random.default_rng(seed)
    clean = generator.normal(size=count)
    return ScoredImages(clean, generator.normal(shift, size=count), np.ones(count, dtype=bool))


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_that_of_a_reference_also_with_ties(seed: int) -> None:
    generator = np.random.default_rng(seed)
    positive, negative = generator.integers(0, 8, 50) + 1.0, generator.integers(0, 8, 70) + 0.0
    truth = np.repeat([1, 0], [50, 70])
    assert roc_auc(positive, negative) == pytest.approx(roc_auc_score(truth, np.concatenate([positive, negative])))


def test_the_interval_covers_the_known_area_of_two_normals() -> None:
    truth = stats.norm.cdf(1 / np.sqrt(2))  # P(x + 1 > y) of two standard normals
    covered = [(i := auc_interval([group(seed)], resamples=300)).low < truth < i.high for seed in range(100)]
    assert 0.88 < np.mean(covered) <= 1.0


def test_only_counted_images_are_positives_and_all_are_negatives() -> None:
    one = group(0)
    counted = np.arange(200) % 3 == 0
    estimate = auc_interval([one._replace(counted=counted)]).estimate
    assert estimate == pytest.approx(roc_auc(one.attacked[counted], one.clean))


def test_a_difference_is_resampled_together_so_equal_scores_differ_by_nothing() -> None:
    groups = [group(0), group(1)]
    assert auc_difference(groups, groups) == (0.0, 0.0, 0.0)
    monotone = [g._replace(clean=np.exp(g.clean), attacked=np.exp(g.attacked)) for g in groups]
    assert auc_difference(groups, monotone) == (0.0, 0.0, 0.0)
    better = auc_difference([group(0, shift=2)], [group(0, shift=1)])
    assert better.low > 0


def test_what_has_no_area_is_refused() -> None:
    few = group(0)._replace(counted=np.arange(100) < 4)
    with pytest.raises(ValueError, match="at least 5 counted images in each group, found 4"):
        auc_interval([few])
    with pytest.raises(ValueError, match="two scores of the same images"):
        auc_difference([group(0)], [few])
    with pytest.raises(ValueError, match="needs positives and negatives, found 0 and 3"):
        roc_auc(np.zeros(0), np.zeros(3))
    with pytest.raises(ValueError, match="must be finite"):
        roc_auc(np.array([np.nan]), np.zeros(3))
    with pytest.raises(ValueError, match="at least one group"):
        auc_interval([])
