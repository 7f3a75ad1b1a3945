"""Back-test of customers: rolling moments, each learnt from what was known then and judged by what came."""

from collections.abc import Iterator

import numpy as np

from eval.customers.chances import CATEGORY, ITEM, churn_test, needs_tests, pooled_propensity, propensity_test
from eval.customers.records import CustomerRecords
from eval.customers.results import ChanceTest, CustomerEvaluation, StageTest, ValueTest
from recsys.customers.advocacy import advocates
from recsys.customers.population import MIN_GROUP
from recsys.customers.prediction.churn import CHURN_HORIZONS, has_churned
from recsys.customers.prediction.clusters import category_shares, describe_clusters
from recsys.customers.prediction.needs import NEED_HORIZONS
from recsys.customers.prediction.value import METHODS, VALUE_DAYS, value_at, window_value
from recsys.customers.rhythm import rhythm_at
from recsys.customers.stages import Stage, stages_at
from recsys.errors import NotEnoughData
from recsys.learning.customers.clusters import ClusterFit, fit_clusters
from recsys.learning.customers.needs import by_category
from recsys.learning.customers.past import Past
from recsys.learning.customers.value import ValueBacktest, fit_value, pick_method, value_backtest
from recsys.progress import StepLog
from recsys.time_units import DAY_MS

STEP_DAYS = 28  # between moments
STAGE_DAYS = 28


def evaluate_customers(
    records: CustomerRecords, steps: StepLog, *, n_windows: int, seed: int, needs_at_ms: int | None = None
) -> CustomerEvaluation:
    """All back-tests at `n_windows` moments, the latest first, STEP_DAYS apart.

    needs_at_ms: the moment of the needs (default: their longest horizon before the end).  Raises NotEnoughData where
    the log is too short for any.
    """
    past = Past(records.orders, records.as_of_ms)
    with steps("churn and propensity"):
        chances, n_hidden = _chances(records, past, n_windows)
        pooled = [pooled_propensity(past, days, n_windows * STEP_DAYS // days) for days in NEED_HORIZONS]
    with steps("needs"):
        chances += list(_needs(records, seed, needs_at_ms))
    with steps("value"):
        tests = list(_value_backtests(past, n_windows, seed))
        values = [_value_test(past, test, seed) for test in tests]
    if not chances and not values:
        raise NotEnoughData(
            "no purchases for a back-test: churn, needs and value are learnt from one horizon and judged by the next; "
            "import at least five months of orders of some 200 customers"
        )
    with steps("stages and clusters"):
        stages = _stage_tests(records, past)
        fit, descriptions = _clusters(records, seed)
    return CustomerEvaluation(
        as_of_ms=records.as_of_ms,
        n_customers=int((np.diff(past.orders.indptr) > 0).sum()),
        n_orders=len(past.orders.at_ms),
        money=float(past.orders.money.sum()),
        seed=seed,
        segment=records.segment,
        chances=chances,
        pooled=[test for test in pooled if test is not None],
        values=values,
        pooled_value=pick_method(tests) if tests else None,
        stages=stages,
        clusters=fit.numbers if fit is not None else (),
        descriptions=descriptions,
        n_groups_hidden=n_hidden,
        notes=_notes(tests, chances),
    )


def _chances(records: CustomerRecords, past: Past, n_windows: int) -> tuple[list[ChanceTest], int]:
    tests: list[ChanceTest] = []
    n_hidden = 0
    for days in CHURN_HORIZONS:
        for window in range(n_windows):
            test, hidden = churn_test(records, past, days, _moment(past, days, window))
            tests += [test] if test is not None else []
            n_hidden += hidden * (window == 0)
    for days in NEED_HORIZONS:
        moments = (_moment(past, days, window) for window in range(n_windows))
        tests += [test for at_ms in moments if (test := propensity_test(past, days, at_ms)) is not None]
    return tests, n_hidden


def _moment(past: Past, days: float, window: int) -> int:
    return past.as_of_ms - round((days + window * STEP_DAYS) * DAY_MS)


def _needs(records: CustomerRecords, seed: int, at_ms: int | None) -> Iterator[ChanceTest]:
    at_ms = records.as_of_ms - max(NEED_HORIZONS) * DAY_MS if at_ms is None else at_ms
    data = records.dataset.data
    yield from needs_tests(data, ITEM, at_ms, seed)
    if (data.category > 0).any():
        yield from needs_tests(by_category(data), CATEGORY, at_ms, seed)


def _value_backtests(past: Past, n_windows: int, seed: int) -> Iterator[ValueBacktest]:
    for window in range(n_windows):
        test = value_backtest(past, _moment(past, VALUE_DAYS, window), np.random.default_rng(seed))
        if test is not None:
            yield test


def _value_test(past: Past, test: ValueBacktest, seed: int) -> ValueTest:
    from scipy.stats import spearmanr  # half a second, in every process that only loads it

    picked, why = pick_method([test])
    spent = float(test.actual.sum())
    return ValueTest(
        test.at_ms,
        len(test.actual),
        spent,
        {name: float(test.forecasts[name].sum()) / spent - 1 if spent > 0 else float("nan") for name in METHODS},
        {name: float(np.abs(test.forecasts[name] - test.actual).mean()) for name in METHODS},
        {name: float(spearmanr(test.forecasts[name], test.actual).statistic) for name in METHODS},
        picked,
        why,
        _covered(past, test.at_ms, seed),
    )


def _covered(past: Past, at_ms: int, seed: int) -> float:
    """Share of the customers inside the interval that a training at that moment would have said."""
    fit = fit_value(past.as_of(at_ms), np.random.default_rng(seed))
    if fit is None or fit.tested is None:
        return float("nan")
    value = value_at(fit.model, past.moment(at_ms).orders, at_ms)
    low, high = fit.model.interval(value)
    end_ms = at_ms + VALUE_DAYS * DAY_MS
    actual, known = window_value(past.orders.until(end_ms), end_ms), ~np.isnan(value)
    return float(((actual >= low) & (actual <= high))[known].mean())


def _stage_tests(records: CustomerRecords, past: Past) -> list[StageTest]:
    at_ms = records.as_of_ms - STAGE_DAYS * DAY_MS
    if at_ms <= past.first_ms:
        return []
    signs = advocates(records.recommendations, records.dataset.users, at_ms)
    stage = stages_at(past.orders.until(at_ms), at_ms, records.rule, signs).stage
    left = has_churned(past.orders, at_ms, STAGE_DAYS)
    counts = ((each, stage == each) for each in Stage)
    return [
        StageTest(each.name.lower().replace("_", " "), int(own.sum()), float(left[own].mean()))
        for each, own in counts
        if own.sum() >= MIN_GROUP
    ]


def _clusters(records: CustomerRecords, seed: int) -> tuple[ClusterFit | None, list[str | None]]:
    rhythm, data = rhythm_at(records.orders, records.as_of_ms), records.dataset.data
    fit = fit_clusters(rhythm, data, np.random.default_rng(seed))
    if fit is None:
        return None, []
    shares = category_shares(data, fit.model.category)
    names = [records.dataset.catalogue.category.words[code] for code in fit.model.category.tolist()]
    return fit, describe_clusters(fit.model, fit.model.assign(fit.model.points(rhythm, shares)), rhythm, shares, names)


def _notes(tests: list[ValueBacktest], chances: list[ChanceTest]) -> list[str]:
    notes = []
    if not tests:
        notes.append(
            f"Value is not judged: that takes {2 * VALUE_DAYS} days of orders and 100 customers who came back."
        )
    if not any(test.task == ITEM for test in chances):
        notes.append("Needs are not judged: too few items were bought again.")
    return notes
