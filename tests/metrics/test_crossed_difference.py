from __future__ import annotations

import numpy as np
import pytest

from metrics.crossed_difference import crossed_difference


def table(seed: int, seeds: int, images: int, of_seed: float, of_image: float, own: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = of_seed * generator.normal(size=(seeds, 1)) + of_image * generator.normal(size=(1, images))
    return values + own * generator.normal(size=(seeds, images))


def slow_differences(a: np.ndarray, b: np.ndarray, draws: int) -> np.ndarray:
    generator = np.random.default_rng(99)
    found = []
    for _ in range(draws):
        columns = generator.integers(0, a.shape[1], a.shape[1])
        rows = [generator.integers(0, len(values), len(values)) for values in (a, b)]
        found.append(a[rows[0]][:, columns].mean() - b[rows[1]][:, columns].mean())
    return np.array(found)


@pytest.mark.parametrize(("of_seed", "of_image"), [(0.0, 1.0), (1.0, 0.0), (0.5, 1.0)])
def test_the_interval_is_that_of_drawing_seeds_and_images(of_seed: float, of_image: float) -> None:
    a, b = table(0, 5, 60, of_seed, of_image, 0.5), table(1, 3, 60, of_seed, of_image, 0.5)
    found = crossed_difference(a, b, resamples=6000)
    slow = np.quantile(slow_differences(a, b, 6000), [0.025, 0.975])
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    assert [found.low, found.high] == pytest.approx(slow, abs=0.08 * (slow[1] - slow[0]))


def test_a_known_difference_is_covered() -> None:
    covered = []
    for seed in range(100):
        same = np.random.default_rng(1000 + seed).normal(size=(1, 100))
        a, b = same + 0.2 + table(seed, 10, 100, 0.3, 0, 0.5), same + table(200 + seed, 8, 100, 0.3, 0, 0.5)
        found = crossed_difference(a, b, resamples=300)
        covered.append(found.low < 0.2 < found.high)
    assert 0.87 < np.mean(covered) <= 1.0


def test_images_are_paired() -> None:
    images = table(0, 1, 80, 0.0, 5.0, 0.0)
    assert crossed_difference(images + 1, images) == pytest.approx((1, 1, 1))


def test_what_has_no_difference_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least two images, found \(3, 1\)"):
        crossed_difference(np.zeros((3, 1)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="same images, found 3 and 4"):
        crossed_difference(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="must be finite"):
        crossed_difference([[1.0, np.inf]], [[1.0, 2.0]])
