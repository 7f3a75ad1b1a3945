"""Seasonal model: best-sellers, moved by what sold in the same weeks of earlier years."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.hyperparameters import AboveZero, HalfLifeDays, PositiveAmount
from recsys.models.popularity import strongest_events
from recsys.models.serialization import StoredFields, require_events

YEAR_DAYS = 364.0  # 52 weeks, so that weekdays meet
LEAST_DAYS = 400.0  # of a log with one earlier year: its best-sellers, and what was sold after that
MAX_TREND = 4.0


@dataclass(frozen=True, slots=True)
class SeasonalModel(StoredFields):
    """weight (I,): the expected share of each item in the coming weeks, the same for all users."""

    name: ClassVar[str] = "seasonal"
    weight: Annotated[Floats, ArraySpec("I", low=0)]

    def score(self, histories: Histories) -> Floats:
        return np.repeat(self.weight[None], len(histories), axis=0)


@dataclass(frozen=True, slots=True)
class Seasonal:
    """half_life_days: how fast an event fades in the best-sellers of now.  demand_days: length of the coming season.

    caution: standard errors that a difference between an earlier year's best-sellers and its next weeks must exceed to
    count at all.  trend_prior: steady buyers added to each item, so that two after one are no growth.
    """

    half_life_days: HalfLifeDays = 28.0
    demand_days: AboveZero = 21.0
    caution: PositiveAmount = 2.0
    trend_prior: PositiveAmount = 10.0

    def fit(self, data: Interactions, rng: Generator) -> SeasonalModel:
        """Best-sellers alone for a log shorter than LEAST_DAYS.  Raises NotEnoughData without any event."""
        require_events(data)
        histories = data.histories
        now = _demand(histories, self.half_life_days)
        changes = [self._change(histories, now, at) for at in _years_ago(histories)]
        return SeasonalModel(_positive(now.share + sum(changes) / len(changes) if changes else now.share))

    def _change(self, histories: Histories, now: "_Demand", at: float) -> Doubles:
        """By how much the share of each item differed in the weeks after that moment from what sold before it.  (I,)

        The part beyond noise, scaled by what the item has grown since.
        """
        before = _demand(_between(histories, -np.inf, at), self.half_life_days)
        after = _demand(_between(histories, at, at + self.demand_days), np.inf)
        difference = after.share - before.share
        # Positive part of James & Stein 1961: what is smaller than its noise counts nothing.
        noise = self.caution**2 * (before.variance + after.variance)
        certain = np.maximum(0.0, 1.0 - noise / np.maximum(difference**2, np.finfo(np.float64).tiny))
        trend = (now.share + self.trend_prior / now.total) / (before.share + self.trend_prior / now.total)
        return np.asarray(difference * certain * np.clip(trend, 1 / MAX_TREND, MAX_TREND))


@dataclass(frozen=True, slots=True)
class _Demand:
    """share (I,): part of all demand; variance (I,): of that share, as if each user came by chance.  total: users."""

    share: Doubles
    variance: Doubles
    total: float


def _demand(histories: Histories, half_life_days: float) -> _Demand:
    """Users of each item, each with their one strongest decayed event."""
    _, item, weight = strongest_events(histories, half_life_days)
    total = max(float(weight.sum()), float(np.finfo(np.float32).tiny))
    users, squares = (np.bincount(item, each, minlength=histories.n_items) for each in (weight, weight**2))
    return _Demand(users / total, squares / total**2, total)


def _years_ago(histories: Histories) -> list[float]:
    """The same day of each earlier year of which enough is known."""
    known_days = histories.now - float(histories.at.min()) - (LEAST_DAYS - YEAR_DAYS)
    return [histories.now - YEAR_DAYS * year for year in range(1, 1 + int(known_days // YEAR_DAYS))]


def _between(histories: Histories, since: float, until: float) -> Histories:
    return replace(histories.where((histories.at >= since) & (histories.at < until)), now=until)


def _positive(share: Doubles) -> Floats:
    return np.maximum(share, 0.0).astype(np.float32)
