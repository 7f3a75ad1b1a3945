"""Logistic regression with scikit-learn, and its isotonic calibration where the chances are off."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.customers.prediction.logistic import LogisticModel

INVERSE_PENALTY = 0.1  # C: features of one theme move together, and strong coefficients would cancel each other
MOST_ERROR = 0.01  # expected calibration error above which chances are calibrated: half of what is allowed later, .02
BINS = 10
SLOPE = 1e-7  # of a flat stretch of a curve, per knot
CONSTANT = 1e-12  # spread of a feature that is always the same, up to rounding, in shares of its value
MIN_EXAMPLES = 200
MIN_OUTCOMES = 30  # of each kind


def has_enough(outcome: Bools) -> bool:
    """Whether there is enough to learn from."""
    ones = int(outcome.sum())
    return len(outcome) >= MIN_EXAMPLES and MIN_OUTCOMES <= ones <= len(outcome) - MIN_OUTCOMES


def fit_logistic(features: Doubles, outcome: Bools, only: Sequence[int] | None = None) -> LogisticModel:
    """On standardised features.  (N, F), (N,)  only: features that may count; the others get 0."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > CONSTANT * np.maximum(np.abs(centre), 1.0), spread, 1.0)
    columns = np.arange(features.shape[1]) if only is None else np.asarray(only)
    learner = LogisticRegression(C=INVERSE_PENALTY, max_iter=1_000)
    learner.fit(((features - centre) / spread)[:, columns], outcome)
    coefficient = np.zeros(features.shape[1])
    coefficient[columns] = learner.coef_[0]
    return LogisticModel(centre, spread, coefficient, float(learner.intercept_[0]))


def calibration_error(chance: Doubles, outcome: Bools, bins: int = BINS) -> float:
    """Expected calibration error: |mean chance - share| over bins of equal size by chance, weighted by their sizes."""
    order = np.argsort(chance, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return float(sum(abs(chance[group].mean() - outcome[group].mean()) * len(group) for group in groups) / len(chance))


def fit_calibrated(features: Doubles, outcome: Bools, only: Sequence[int] | None = None) -> LogisticModel:
    """A logistic model, with an isotonic curve where its own chances are off by more than MOST_ERROR.  (N, F), (N,)"""
    model = fit_logistic(features, outcome, only)
    chance = model.probability(features)
    if calibration_error(chance, outcome) <= MOST_ERROR:
        return model
    curve_from, curve_to = _curve(chance, outcome)
    return replace(model, curve_from=curve_from, curve_to=curve_to)


def _curve(chance: Doubles, outcome: Bools) -> tuple[Doubles, Doubles]:
    """Knots of the isotonic regression of shares in bins, rising strictly from (0, 0) to (1, 1)."""
    from sklearn.isotonic import IsotonicRegression

    groups = np.array_split(np.argsort(chance, kind="stable"), max(BINS, min(len(chance) // 100, 50)))
    mean = np.array([chance[group].mean() for group in groups])
    share = np.array([(outcome[group].sum() + 0.5) / (len(group) + 1) for group in groups])  # never 0 or 1
    rising = IsotonicRegression(y_min=0, y_max=1).fit(mean, share).predict(mean)
    # A tiny slope keeps apart what the model tells apart, inside a flat stretch too.
    sloped = rising + np.arange(len(rising)) * SLOPE
    inner = (np.diff(mean, prepend=0.0) > 0) & (mean < 1) & (sloped > 0) & (sloped < 1)
    return np.concatenate(([0.0], mean[inner], [1.0])), np.concatenate(([0.0], sloped[inner], [1.0]))
