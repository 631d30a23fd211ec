"""How long chains of samples remember where they were: autocorrelation from several chains, and its integrated time.

For m chains of n samples, the autocorrelation at lag k is

    rho_k = 1 - V_k / (2 var+),    V_k = mean over chains and i of |x_i - x_{i+k}|^2,
    var+ = (n - 1) / n * (mean variance within chains) + (variance of the chains' means),

so chains that jitter about places of their own, without ever reaching each other's, come out as correlated, which the
autocorrelation of each chain about its own mean would hide. Samples may be vectors, whose variances add up.
Source: Gelman et al. 2013, "Bayesian Data Analysis", Eq. 11.3, 11.7 and 11.8; Vehtari et al. 2021 for the lower bound.

| metric | direction | bounds |
|---|---|---|
| `autocorrelation` | lower is faster | up to 1; below 0 where a chain swings |
| `autocorrelation_time` | lower is faster; 1 for independent samples | [1 / log10(m n), 2 n - 1] |

It is a number of one set of chains: with several sets or classes, `metrics.statistics.cluster_bootstrap` has the
interval. Of chains shorter than some ten times it, it is too low.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def autocorrelation(chains: ArrayLike) -> Floats:
    """(n,) rho at the lags 0, 1, ..., n - 1; the first is 1.

    chains: (m, n) or (m, n, d), finite, of at least four samples each. Where no sample differs from another, it is 1
    throughout: such chains don't move. Raises ValueError for other shapes, or numbers that aren't finite.
    """
    values = _checked(chains)
    m, n, _ = values.shape
    within = values.var(1, ddof=1).sum(1).mean()
    between = values.mean(1).var(0, ddof=1).sum() if m > 1 else 0.0
    total = (n - 1) / n * within + between
    if total <= 1e-24 * np.square(values).sum(2).mean():
        return np.ones(n)
    apart = [np.square(values[:, k:] - values[:, : n - k]).sum(2).mean() for k in range(n)]
    found: Floats = 1 - np.array(apart) / (2 * total)
    return found


def autocorrelation_time(chains: ArrayLike) -> float:
    """How many samples of the chains tell as much as one independent sample: 1 + 2 (rho_1 + rho_2 + ...).

    The sum runs over pairs of neighbouring lags up to the first pair that isn't positive, beyond which there is only
    noise, and no pair counts more than one before it (Geyer 1992, "Practical Markov chain Monte Carlo", Sec. 3.3: the
    initial monotone sequence). chains: as for `autocorrelation`.
    """
    rho = autocorrelation(chains)
    n, m = len(rho), len(_checked(chains))
    even = n - n % 2
    pairs = rho[:even].reshape(-1, 2).sum(1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else np.append(pairs, rho[even:])
    falling = np.minimum.accumulate(positive) if len(positive) else positive
    return max(float(2 * falling.sum() - 1), 1 / math.log10(max(10, m * n)))


def _checked(chains: ArrayLike) -> Floats:
    values = np.asarray(chains, np.float64)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[1] < 4 or 0 in values.shape:
        raise ValueError(f"expected chains (m, n) or (m, n, d) of 4 samples or more, found {np.shape(chains)}")
    if not np.isfinite(values).all():
        raise ValueError("the chains must be finite; found nan or infinity among them")
    return values
