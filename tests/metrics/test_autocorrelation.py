"""Chains whose autocorrelation can be written down, and a slow restatement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from metrics.autocorrelation import autocorrelation, autocorrelation_time


def ar1(phi: float, chains: int, samples: int, dimensions: int = 1, seed: int = 0) -> np.ndarray:
    """x_{i+1} = phi x_i + noise, in its stationary distribution of variance 1: rho_k = phi^k."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(chains, samples, dimensions)) * np.sqrt(1 - phi**2)
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


@pytest.mark.parametrize("phi", [0.9, 0.5, 0.0, -0.5])
@pytest.mark.parametrize("dimensions", [1, 3])
def test_an_autoregressive_chain_has_its_closed_form(phi: float, dimensions: int) -> None:
    chains = ar1(phi, 300, 400, dimensions)
    assert autocorrelation(chains)[:8] == pytest.approx(phi ** np.arange(8), abs=0.03)
    assert autocorrelation_time(chains) == pytest.approx(
        (1 + phi) / (1 - phi), rel=0.12
    )  # about two standard errors of the slowest


def test_a_chain_in_one_dimension_may_leave_it_out() -> None:
    chains = ar1(0.5, 3, 50)
    assert np.array_equal(autocorrelation(chains), autocorrelation(chains[:, :, 0]))


def test_chains_that_jitter_about_places_of_their_own_are_not_mixed() -> None:
    random = np.random.default_rng(0)
    jitter = random.normal(size=(5, 40, 2)) * 0.01
    apart = random.normal(size=(5, 1, 2))
    assert autocorrelation_time(jitter) < 1.5
    assert autocorrelation(apart + jitter)[1:].min() > 0.99
    assert autocorrelation_time(apart + jitter) == pytest.approx(2 * 40 - 1, rel=0.01)
    # one chain alone can't know of other places
    assert autocorrelation_time((apart + jitter)[:1]) < 1.5


def test_chains_that_do_not_move() -> None:
    still = np.full((3, 7), 2.5)
    assert np.array_equal(autocorrelation(still), np.ones(7))
    assert autocorrelation_time(still) == 2 * 7 - 1
    assert autocorrelation_time(np.zeros((1, 6))) == 2 * 6 - 1


def test_a_chain_that_swings_tells_more_than_independent_samples() -> None:
    swinging = np.tile([1.0, -1.0], (2, 50))
    assert autocorrelation(swinging)[1] == pytest.approx(-1, abs=0.02)
    assert autocorrelation_time(swinging) == pytest.approx(1 / np.log10(200))


def test_the_definition_slowly() -> None:
    chains = ar1(0.7, 3, 9, 2, seed=4)
    m, n, _ = chains.shape
    means = [sum(chains[j]) / n for j in range(m)]
    centre = sum(means) / m
    within = sum(sum(float((x - means[j]) @ (x - means[j])) for x in chains[j]) / (n - 1) for j in range(m)) / m
    between = sum(float((mean - centre) @ (mean - centre)) for mean in means) / (m - 1)
    for k in range(n):
        steps = [chains[j, i] - chains[j, i + k] for j in range(m) for i in range(n - k)]
        v = sum(float(step @ step) for step in steps) / (m * (n - k))
        expected = 1 - v / (2 * ((n - 1) / n * within + between))
        assert autocorrelation(chains)[k] == pytest.approx(expected, rel=1e-12)


def test_scale_and_place_do_not_matter() -> None:
    chains = ar1(0.6, 4, 30, 2)
    assert autocorrelation_time(1000 - 3 * chains) == pytest.approx(autocorrelation_time(chains))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"4 samples or more, found \(3, 3\)"):
        autocorrelation(np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"found \(9,\)"):
        autocorrelation_time(np.zeros(9))
    with pytest.raises(ValueError, match="finite"):
        autocorrelation(np.full((2, 5), np.nan))
