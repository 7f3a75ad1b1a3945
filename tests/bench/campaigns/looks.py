"""Looks: how often A/A tests see an effect, by four weekly looks with alpha spending and by naive daily ones."""

import time

import numpy as np

from recsys.arrays import Doubles
from recsys.inference.sequential import boundaries
from tests.bench.campaigns._complete_journey import BEFORE_DAYS, DAYS, daily_money

N_DRAWS = 10_000
WEEKLY = (0.25, 0.5, 0.75, 1.0)


def z_scores(cumulated: Doubles, treated: Doubles) -> Doubles:
    """Of Welch's test at each look and draw.  (L, U), (U, D) of 0 and 1 -> (L, D)"""
    n, m = treated.sum(axis=0), (1 - treated).sum(axis=0)
    means, variances = [], []
    for arm, size in ((treated, n), (1 - treated, m)):
        mean = cumulated @ arm / size
        means.append(mean)
        variances.append((np.square(cumulated) @ arm / size - np.square(mean)) / (size - 1))
    return np.asarray((means[0] - means[1]) / np.sqrt(variances[0] + variances[1]), np.float64)


def main(options: list[str]) -> None:
    """Prints the share of A/A tests in which any look sees an effect."""
    started = time.process_time()
    _, money = daily_money()
    cumulated = np.cumsum(money[:, BEFORE_DAYS:], axis=1).T
    rng = np.random.default_rng(0)
    treated = (rng.random((cumulated.shape[1], N_DRAWS)) < 0.5).astype(np.float64)
    z = np.abs(z_scores(cumulated, treated))
    weekly = z[[7 * week - 1 for week in range(1, DAYS // 7 + 1)]]
    bounds = np.array(boundaries(WEEKLY))[:, None]
    print(f"{N_DRAWS:,} draws; bounds {', '.join(f'{bound:.2f}' for bound in bounds[:, 0])}")
    print(f"four weekly looks with alpha spending: {(weekly >= bounds).any(axis=0).mean():.2%}")
    print(f"four weekly naive looks: {(weekly >= 1.96).any(axis=0).mean():.2%}")
    print(f"28 daily naive looks: {(z >= 1.96).any(axis=0).mean():.2%}")
    print(f"{time.process_time() - started:.1f} s of CPU")
