"""Back-tests of chances: churn, buying anything, and buying an item or a category again, beside simple rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from eval.customers.records import CustomerRecords
from eval.customers.results import OURS, ChanceGroup, ChanceTest, PooledCalibration, PrecisionTest
from eval.metrics.classification import calibration_bins, calibration_noise, classification_metrics
from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.arrays import Bools, Doubles, Longs
from recsys.customers.population import MIN_GROUP
from recsys.customers.prediction.churn import visits_rule
from recsys.customers.prediction.features import order_counts, recency_days
from recsys.customers.prediction.needs import NEED_HORIZONS, NeedPairs
from recsys.data.dataset.interactions import Interactions
from recsys.learning.customers.churn import fit_churn
from recsys.learning.customers.logistic import calibration_error
from recsys.learning.customers.needs import PastPairs, fit_needs
from recsys.learning.customers.paired_auc import NORMAL_95, compare_auc
from recsys.learning.customers.past import Moment, Past
from recsys.learning.customers.propensity import fit_propensity
from recsys.models.buy_again import BuyAgain
from recsys.time_units import DAY_MS

CHURN, ANYTHING, ITEM, CATEGORY = "churn", "buys anything", "buys an item again", "buys a category again"
VISITS, RECENCY = "visits of 91 days", "recency"
FREQUENCY, LAST_BOUGHT, NEXT_DUE = "frequency", "last bought", "last order + mean gap"
PLACES = 5


def churn_test(records: CustomerRecords, past: Past, days: int, at_ms: int) -> tuple[ChanceTest | None, int]:
    """Churn of active customers at a moment, None where it could not be said; and how many groups are too small."""
    fit = fit_churn(past.as_of(at_ms), days)
    if fit.model is None:
        return None, 0
    moment = past.moment(at_ms)
    rows = np.flatnonzero(moment.active)
    left, chance = past.churned(moment, days)[rows], fit.model.probability(moment.features[rows])
    rules = {name: rule[rows] for name, rule in _churn_rules(moment).items()}
    test = _test(CHURN, days, at_ms, left, {OURS: chance, **rules}, method=fit.method)
    groups, n_hidden = _groups(records, moment, rows, left, chance, rules[VISITS])
    return replace(test, groups=groups), n_hidden


def propensity_test(past: Past, days: int, at_ms: int) -> ChanceTest | None:
    """Buying anything, of all customers with an order."""
    fit = fit_propensity(past.as_of(at_ms), days)
    if fit.model is None:
        return None
    moment = past.moment(at_ms)
    rows = np.flatnonzero(~np.isnan(moment.features[:, 0]))
    bought = ~past.churned(moment, days)[rows]
    scores = {OURS: fit.model.probability(moment.features[rows])}
    scores |= {name: -rule[rows] for name, rule in _churn_rules(moment).items()}
    return _test(ANYTHING, days, at_ms, bought, scores, method=fit.method)


def pooled_propensity(past: Past, days: int, n_moments: int) -> PooledCalibration | None:
    """Calibration of buying anything over the latest moments one horizon apart, each learnt before it."""
    chances, outcomes = [], []
    for step in range(1, n_moments + 1):
        at_ms = past.as_of_ms - step * days * DAY_MS
        fit = fit_propensity(past.as_of(at_ms), days)
        if fit.model is not None:
            moment = past.moment(at_ms)
            rows = ~np.isnan(moment.features[:, 0])
            chances.append(fit.model.probability(moment.features[rows]))
            outcomes.append(~past.churned(moment, days)[rows])
    if not chances:
        return None
    chance, bought = np.concatenate(chances), np.concatenate(outcomes)
    ece, noise = calibration_error(chance, bought), calibration_noise(chance)
    bias = float(chance.mean() - bought.mean())
    return PooledCalibration(ANYTHING, days, len(chances), len(chance), ece, noise, bias)


def needs_tests(data: Interactions, task: str, at_ms: int, seed: int) -> Iterator[ChanceTest]:
    """Buying again what was bought on two days or more, lately within 180 days; none where nothing could be learnt."""
    now, learner = at_ms / DAY_MS, BuyAgain()
    fit = fit_needs(data.before(now), learner, np.random.default_rng(seed))
    if fit is None:
        return
    past = PastPairs(data, learner, np.random.default_rng(seed))
    for days in NEED_HORIZONS:
        pairs, bought = past.outcome(now, days)
        if not bought.any() or bought.all():
            continue
        scores = {
            OURS: fit.model.chance(pairs, days),
            FREQUENCY: pairs.frequency(),
            LAST_BOUGHT: -pairs.age_days,
            NEXT_DUE: -np.abs(pairs.gap_days - pairs.age_days),
        }
        test = _test(task, days, at_ms, bought, scores, method=fit.model.method(days), customer=pairs.customer)
        yield replace(test, precision_at_5=precision_tests(pairs, bought, scores))


def precision_tests(pairs: NeedPairs, bought: Bools, scores: Mapping[str, Doubles]) -> dict[str, PrecisionTest]:
    """Precision at 5 of each score, the first against each, by customers."""
    places = np.minimum(np.unique(pairs.customer, return_counts=True)[1], PLACES)
    hits = {name: _hits(pairs, bought, score) for name, score in scores.items()}
    ours = next(iter(hits.values()))
    tests = {}
    for name, own in hits.items():
        gain = ours - own
        ahead = gain.sum() / places.sum()
        margin = NORMAL_95 * float(np.sqrt(np.sum((gain - ahead * places) ** 2))) / places.sum()
        filled, of_all = own.sum() / places.sum(), own.mean() / PLACES
        tests[name] = PrecisionTest(float(filled), float(of_all), float(ahead - margin), float(ahead + margin))
    return tests


def _hits(pairs: NeedPairs, bought: Bools, score: Doubles) -> Longs:
    """How many of the first PLACES pairs of each customer with any were bought; equal scores by item."""
    order = np.lexsort((pairs.item, -score, pairs.customer))
    customer = pairs.customer[order]
    starts = np.flatnonzero(np.append(True, np.diff(customer) != 0))
    place = np.arange(len(customer)) - np.repeat(starts, np.diff(np.append(starts, len(customer))))
    return np.add.reduceat(bought[order] & (place < PLACES), starts, dtype=np.int64)


def _churn_rules(moment: Moment) -> dict[str, Doubles]:
    return {
        VISITS: visits_rule(moment.orders, moment.at_ms),
        RECENCY: np.minimum(recency_days(moment.orders, moment.at_ms), 1e6),
    }


def _test(
    task: str,
    days: int,
    at_ms: int,
    outcome: Bools,
    scores: Mapping[str, Doubles],
    *,
    method: str,
    customer: Longs | None = None,
) -> ChanceTest:
    """scores: the first is the chance on the card, the others are rules.  customer: as in `compare_auc`."""
    chance, rules = scores[OURS], {name: score for name, score in scores.items() if name != OURS}
    metrics = {name: classification_metrics(outcome, score, is_chance=name == OURS) for name, score in scores.items()}
    return ChanceTest(
        task,
        days,
        at_ms,
        len(outcome),
        float(outcome.mean()),
        method,
        metrics,
        {name: compare_auc(outcome, chance, rule, customer) for name, rule in rules.items()},
        calibration_bins(chance, outcome),
    )


def _groups(
    records: CustomerRecords, moment: Moment, rows: Longs, outcome: Bools, chance: Doubles, rule: Doubles
) -> tuple[list[ChanceGroup], int]:
    """Groups by activity and by the attribute, as of the moment; small ones are counted and not shown."""
    count = order_counts(moment.orders, moment.at_ms, 91)[rows]
    bands = count_bands(count)
    segments = [Segment("Orders of the last 91 days", f"{name}, {span}", members) for name, span, members in bands]
    labels = np.array(records.labels, object)[rows] if records.segment is not None else np.empty(0, object)
    values = sorted({label for label in labels.tolist() if label})
    segments += [Segment(f"customer's {records.segment}", value, labels == value) for value in values]
    large, n_hidden = large_segments(segments, lambda members: int(members.sum()))
    groups = []
    for segment in large:
        own = segment.members
        if min(int(outcome[own].sum()), int((~outcome[own]).sum())) >= MIN_GROUP:
            n, share = int(own.sum()), float(outcome[own].mean())
            compared = compare_auc(outcome[own], chance[own], rule[own])
            groups.append(ChanceGroup(segment.family, segment.title, n, share, compared))
    return groups, n_hidden
