"""Scores of all customers of a release, and what the manifest says about how they were learnt and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Kinds
from recsys.customers.orders import Orders
from recsys.customers.prediction.churn import (
    CHURN_HORIZONS,
    METHODS_OF_CHURN,
    NO_REASON,
    REASONS,
    churn_chances,
    is_active,
)
from recsys.customers.prediction.clusters import NO_CLUSTER, category_shares, describe_clusters
from recsys.customers.prediction.features import activity_features
from recsys.customers.prediction.needs import NEED_HORIZONS
from recsys.customers.prediction.scored import UNKNOWN, CustomerScores
from recsys.customers.prediction.value import margin_share, value_at, value_classes
from recsys.customers.rhythm import rhythm_at
from recsys.customers.table import MONTH_DAYS
from recsys.data.dataset.interactions import Interactions
from recsys.learning.customers.churn import fit_churn
from recsys.learning.customers.clusters import fit_clusters
from recsys.learning.customers.past import Past, sampled
from recsys.learning.customers.propensity import fit_propensity
from recsys.learning.customers.value import fit_value
from recsys.time_units import DAY_MS

Note = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Now:
    """All customers as of the release, and a sample of them to learn from."""

    orders: Orders
    as_of_ms: int
    features: Doubles
    past: Past
    rng: Generator


def learn_scores(
    orders: Orders, data: Interactions, categories: Sequence[str], as_of_ms: int, rng: Generator
) -> tuple[CustomerScores, Note]:
    """The scores of all customers, and a note about each part.  data: of the same.  categories: by code."""
    known = orders.until(as_of_ms)
    now = _Now(known, as_of_ms, activity_features(known, as_of_ms), Past(sampled(known, rng), as_of_ms), rng)
    parts = [_value(now), _churn(now), _propensity(now), _clusters(now, data, categories)]
    columns: dict[str, Any] = {}
    note: Note = {}
    for values, said in parts:
        columns |= values
        note |= said
    scores = CustomerScores(as_of_ms=as_of_ms, features=now.features.astype(np.float32), **columns)
    return scores, note


def _value(now: _Now) -> tuple[Note, Note]:
    n = now.orders.n_customers
    fit = fit_value(now.past, now.rng)
    if fit is None:
        nan, none = np.full(n, np.nan), np.full(n, UNKNOWN, np.int8)
        money = dict.fromkeys(("value", "value_low", "value_high", "value_margin"), nan)
        return {**money, "value_class": none, "value_class_before": none}, {"value": {"why_not": "too few buyers"}}
    value = value_at(fit.model, now.orders, now.as_of_ms)
    low, high = fit.model.interval(value)
    earlier_ms = now.as_of_ms - MONTH_DAYS * DAY_MS
    before = value_at(fit.model, now.orders.until(earlier_ms), earlier_ms)
    if fit.tested is None:  # nothing was tested, so nothing says how far off it may be
        low = high = np.full(n, np.nan)
    columns = {
        "value": value,
        "value_low": low,
        "value_high": high,
        "value_margin": value * margin_share(now.orders),
        "value_method": fit.model.method,
        "value_class": value_classes(value),
        "value_class_before": value_classes(before),
    }
    return columns, {
        "value": {"why": fit.why, "purchases": asdict(fit.model.purchases), "money": asdict(fit.model.money)}
    }


def _churn(now: _Now) -> tuple[Note, Note]:
    n, active = now.orders.n_customers, is_active(now.orders, now.as_of_ms)
    columns: Note = {}
    reasons = np.full((n, len(CHURN_HORIZONS), REASONS), NO_REASON, np.int8)
    contributions = np.zeros(reasons.shape, np.float32)
    methods, note = np.zeros(len(CHURN_HORIZONS), np.int8), {}
    for at, days in enumerate(CHURN_HORIZONS):
        fit = fit_churn(now.past, days)
        columns[f"churn_{days}"] = np.full(n, np.nan)
        methods[at] = METHODS_OF_CHURN.index(fit.method)
        note[str(days)] = {"method": fit.method, "why_not": fit.why_not} | (asdict(fit.judged) if fit.judged else {})
        if fit.model is not None:
            chances = churn_chances(fit.model, now.features, active)
            columns[f"churn_{days}"] = chances.chance
            reasons[:, at], contributions[:, at] = chances.reason, chances.contribution
    more = {"churn_method": methods, "churn_reason": reasons, "churn_contribution": contributions}
    return columns | more, {"churn": _without_nan(note)}


def _propensity(now: _Now) -> tuple[Note, Note]:
    columns: Note = {}
    note: Note = {}
    for days in NEED_HORIZONS:
        fit = fit_propensity(now.past, days)
        unknown = np.full(now.orders.n_customers, np.nan)
        columns[f"propensity_{days}"] = unknown if fit.model is None else fit.model.probability(now.features)
        note[str(days)] = {"method": fit.method} | (asdict(fit.judged) if fit.judged else {})
    return columns, {"propensity": _without_nan(note)}


def _clusters(now: _Now, data: Interactions, categories: Sequence[str]) -> tuple[Note, Note]:
    none: Kinds = np.full(now.orders.n_customers, NO_CLUSTER, np.int8)
    rhythm = rhythm_at(now.orders, now.as_of_ms)
    fit = fit_clusters(rhythm, data, now.rng)
    if fit is None:
        return {"cluster": none}, {"clusters": {"why_not": "too few buyers, or all alike"}}
    shares = category_shares(data, fit.model.category)
    cluster = fit.model.assign(fit.model.points(rhythm, shares))
    names = [categories[code] for code in fit.model.category.tolist()]
    said = describe_clusters(fit.model, cluster, rhythm, shares, names)
    numbers = [asdict(number) | {"is_stable": number.is_stable} for number in fit.numbers]
    return {"cluster": cluster}, {"clusters": {"descriptions": said, "numbers": numbers}}


def _without_nan(note: Mapping[str, Mapping[str, Any]]) -> Note:
    return {
        days: {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        for days, row in note.items()
    }
