"""Clusters learnt by k-means: as many as are stable when the customers are drawn anew (bootstrap ARI)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.customers.prediction.clusters import ClusterModel, category_shares, log_rfm, top_categories
from recsys.customers.rhythm import Rhythm
from recsys.data.dataset.interactions import Interactions

NUMBERS = (2, 3, 4, 5, 6)
STABLE = 0.85  # mean ARI from which a number of clusters is stable
N_CATEGORIES = 8
RESAMPLES = 10
STARTS = 10
MOST_CUSTOMERS = 3_000  # whose silhouette and stability are worked out
MOST_FITTED = 50_000
MIN_CUSTOMERS = 200


@dataclass(frozen=True, slots=True)
class ClusterNumber:
    """A number of clusters: its silhouette, and how alike clusters of resampled customers are (ARI, 1: the same)."""

    n_clusters: int
    silhouette: float
    stability: float

    @property
    def is_stable(self) -> bool:
        return self.stability >= STABLE


@dataclass(frozen=True, slots=True)
class ClusterFit:
    """model: with the chosen number of clusters.  numbers: all that were tried."""

    model: ClusterModel
    numbers: Sequence[ClusterNumber]


def fit_clusters(rhythm: Rhythm, data: Interactions, rng: Generator) -> ClusterFit | None:
    """The largest number of clusters before the first unstable one.

    None below MIN_CUSTOMERS buyers, and where they are all alike.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    category = top_categories(data, N_CATEGORIES)
    values = log_rfm(rhythm)
    known = np.flatnonzero(rhythm.has_bought)
    if len(known) < MIN_CUSTOMERS:
        return None
    centre, spread = values[known].mean(axis=0), values[known].std(axis=0)
    empty = ClusterModel(centre, np.where(spread > 0, spread, 1.0), category, np.empty((0, 3 + len(category))))
    points = empty.points(rhythm, category_shares(data, category))[known]
    points = points[np.sort(rng.choice(len(points), min(len(points), MOST_FITTED), replace=False))]
    seed = int(rng.integers(2**31))
    tried = [n for n in NUMBERS if n <= _n_different(points)]
    if not tried:
        return None
    with threadpool_limits(1):  # k-means with threads waits for itself on a busy machine
        numbers = [judge_number(points, n, seed) for n in tried]
        centres = _kmeans(points, chosen_number(numbers), seed)
    return ClusterFit(ClusterModel(centre, empty.spread, category, centres), numbers)


def chosen_number(numbers: Sequence[ClusterNumber]) -> int:
    """The largest before the first unstable one, at least the first."""
    chosen = numbers[0].n_clusters
    for number in numbers:
        if not number.is_stable:
            break
        chosen = number.n_clusters
    return chosen


def judge_number(points: Doubles, n_clusters: int, seed: int) -> ClusterNumber:
    """Silhouette of k-means, and the mean ARI of its clusters with those of customers drawn with replacement."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    rng = np.random.default_rng(seed)
    sample = points[np.sort(rng.choice(len(points), min(len(points), MOST_CUSTOMERS), replace=False))]
    labels = _labels(sample, _kmeans(sample, n_clusters, seed))
    agreements = []
    for at in range(RESAMPLES):
        drawn = sample[rng.integers(0, len(sample), len(sample))]
        other = _labels(sample, _kmeans(drawn, n_clusters, seed + at + 1, starts=3))
        agreements.append(adjusted_rand_score(labels, other))
    silhouette = silhouette_score(sample, labels) if len(np.unique(labels)) > 1 else 0.0
    return ClusterNumber(n_clusters, float(silhouette), float(np.mean(agreements)))


def _kmeans(points: Doubles, n_clusters: int, seed: int, starts: int = STARTS) -> Doubles:
    """Centres, those with more purchase days last; as many as different points where these are fewer.  (K, D)"""
    from sklearn.cluster import KMeans

    n_clusters = min(n_clusters, _n_different(points))
    centres = KMeans(n_clusters, n_init=starts, random_state=seed % 2**31).fit(points).cluster_centers_
    return np.ascontiguousarray(centres[np.argsort(centres[:, 1], kind="stable")], np.float64)


def _n_different(points: Doubles) -> int:
    """How many different points there are, up to the largest number of clusters.  (N, D)"""
    return min(len(np.unique(points, axis=0)), NUMBERS[-1])


def _labels(points: Doubles, centres: Doubles) -> Doubles:
    squares = (centres**2).sum(axis=1) - 2 * points @ centres.T
    labels: Doubles = np.argmin(squares, axis=1)
    return labels
