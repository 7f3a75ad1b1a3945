"""Measures of the key figures: one function for each definition, from the log, a period and some of its customers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.customers.kpis.counted.rows import BOUGHT, CARTED, VIEWED
from recsys.customers.kpis.definitions import ACTIVE_DAYS, CHURN_DAYS, UPGRADE, WARM_UP_DAYS
from recsys.customers.kpis.figures import (
    Figure,
    no_figure,
    ratio_figure,
    share_figure,
    sum_figure,
    survey_figure,
    unless_few_others,
)
from recsys.customers.kpis.funnel import step_share
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.periods import Period
from recsys.customers.surveys import net_promoter_score, satisfied_share
from recsys.time_units import DAY_MS

NO_CATEGORIES = "no item that was bought has a category"


@dataclass(frozen=True, slots=True)
class Question:
    """Figures of these customers (U,) in a period; before: the period before it."""

    log: KpiLog
    members: Bools
    period: Period
    before: Period

    def begins_after(self, days: int, until_ms: int) -> str | None:
        """Why the log does not hold the days before that moment; None where it does."""
        is_short = self.log.begins_ms // DAY_MS > until_ms // DAY_MS - days
        return f"the log holds less than the {days} days before" if is_short else None

    def bought(self, start_ms: int, end_ms: int) -> Bools:
        """Which of the customers have an order in that time.  (U,)"""
        return self.log.has_bought(start_ms, end_ms) & self.members


def measure(question: Question, name: str) -> Figure:
    """The figure of that name; none where the period has not ended, and none that tells of a few others."""
    if question.period.end_ms > question.log.as_of_ms and name not in ("nps", "csat"):
        return no_figure("the period is not over")
    others = replace(question, members=~question.members)
    return unless_few_others(MEASURES[name](question), lambda: MEASURES[name](others))


def measure_all(question: Question) -> dict[str, Figure]:
    """Every figure by its name."""
    return {name: measure(question, name) for name in MEASURES}


def _by_customer(question: Question, period: Period) -> tuple[Doubles, Doubles]:
    """Money and number of orders of each member with an order in the period.  (n,), (n,)"""
    log = question.log
    rows = log.order_rows(*period)
    customer = log.orders.customer[rows]
    count = np.bincount(customer, minlength=log.n_customers).astype(np.float64)
    money = np.bincount(customer, log.orders.money[rows], log.n_customers).astype(np.float64)
    kept = (count > 0) & question.members
    return money[kept], count[kept]


def _customers(question: Question) -> Figure:
    return sum_figure(np.ones(len(_by_customer(question, question.period)[1])))


def _orders(question: Question) -> Figure:
    return sum_figure(_by_customer(question, question.period)[1])


def _revenue(question: Question) -> Figure:
    return sum_figure(_by_customer(question, question.period)[0])


def _basket_value(question: Question) -> Figure:
    return ratio_figure(*_by_customer(question, question.period))


def _depth(question: Question) -> Figure:
    count = _by_customer(question, question.period)[1]
    return ratio_figure(count, np.ones(len(count)))


def _customer_value(question: Question) -> Figure:
    end_ms = question.period.end_ms
    if reason := question.begins_after(ACTIVE_DAYS, end_ms):
        return no_figure(reason)
    money, _ = _by_customer(question, Period(end_ms - ACTIVE_DAYS * DAY_MS, end_ms))
    return ratio_figure(money, np.ones(len(money)))


def _repurchase_rate(question: Question) -> Figure:
    log = question.log
    rows = log.order_rows(0, question.period.end_ms)
    count = np.bincount(log.orders.customer[rows], minlength=log.n_customers)[question.members]
    return share_figure(int((count >= 2).sum()), int((count >= 1).sum()))


def _retention(question: Question) -> Figure:
    if question.before.start_ms // DAY_MS < question.log.begins_ms // DAY_MS:
        return no_figure("the log does not hold the whole period before")
    before = question.bought(*question.before)
    return share_figure(int((before & question.bought(*question.period)).sum()), int(before.sum()))


def _churn_rate(question: Question) -> Figure:
    start_ms, end_ms = question.period
    if reason := question.begins_after(CHURN_DAYS, start_ms):
        return no_figure(reason)
    limit_ms = CHURN_DAYS * DAY_MS
    active, stayed = question.bought(start_ms - limit_ms, start_ms), question.bought(end_ms - limit_ms, end_ms)
    return share_figure(int((active & ~stayed).sum()), int(active.sum()))


def _cross_sell_rate(question: Question) -> Figure:
    lines, period = question.log.lines, question.period
    if reason := _no_comparison(question):
        return no_figure(reason)
    known = question.bought(*period) & question.log.has_bought(0, period.start_ms)
    first, begin, _ = lines.spans(*period)
    crossed = np.zeros(question.log.n_customers, bool)
    crossed[lines.customer(begin[begin == first])] = True
    return share_figure(int((known & crossed).sum()), int(known.sum()))


def _upgrade_rate(question: Question) -> Figure:
    if reason := _no_comparison(question):
        return no_figure(reason)
    expected, paid = _money_at_earlier_prices(question)
    compared = (expected > 0) & question.members
    return share_figure(int((paid[compared] >= UPGRADE * expected[compared]).sum()), int(compared.sum()))


def _no_comparison(question: Question) -> str | None:
    if not len(question.log.lines.pair):
        return NO_CATEGORIES
    return question.begins_after(WARM_UP_DAYS, question.period.start_ms)


def _money_at_earlier_prices(question: Question) -> tuple[Doubles, Doubles]:
    """What the units of each customer would have cost at their own earlier prices, and what they cost.  (U,), (U,)

    Only categories that the customer had bought from before the period count.
    """
    lines, n = question.log.lines, question.log.n_customers
    first, begin, end = lines.spans(*question.period)
    units_before, money_before = (column[begin] - column[first] for column in (lines.units, lines.money))
    units, money = (column[end] - column[begin] for column in (lines.units, lines.money))
    known = (units_before > 0) & (money_before > 0) & (units > 0)
    price = money_before[known] / units_before[known]
    customer = lines.customer(begin[known])
    expected, paid = (
        np.bincount(customer, values, n).astype(np.float64) for values in (price * units[known], money[known])
    )
    return expected, paid


def _breadth(question: Question) -> Figure:
    lines = question.log.lines
    if not len(lines.pair):
        return no_figure(NO_CATEGORIES)
    _, begin, _ = lines.spans(*question.period)
    n_categories = np.bincount(lines.customer(begin), minlength=question.log.n_customers)
    own = n_categories[(n_categories > 0) & question.members].astype(np.float64)
    return ratio_figure(own, np.ones(len(own)))


def _step(question: Question, first: int, then: int) -> Figure:
    return step_share(question.log.steps, question.members, question.period, first, then)


def _scores(question: Question, *, is_nps: bool) -> dict[float, int]:
    """How many members gave each score in the period; of several answers the last counts."""
    answers, (start_ms, end_ms) = question.log.answers, question.period
    kept = (answers.is_nps == is_nps) & (answers.at_ms >= start_ms) & (answers.at_ms < end_ms)
    rows = np.flatnonzero(kept & question.members[answers.customer])
    rows = rows[np.lexsort((rows, answers.at_ms[rows]))]
    last = dict(zip(answers.customer[rows].tolist(), answers.score[rows].tolist(), strict=True))
    scores, counts = np.unique(list(last.values()), return_counts=True)
    return dict(zip(scores.tolist(), counts.tolist(), strict=True))


def _nps(question: Question) -> Figure:
    return survey_figure(net_promoter_score(_scores(question, is_nps=True)))


def _csat(question: Question) -> Figure:
    return survey_figure(satisfied_share(_scores(question, is_nps=False)), scale=100.0)


MEASURES: Mapping[str, Callable[[Question], Figure]] = {
    "customers": _customers,
    "orders": _orders,
    "revenue": _revenue,
    "basket_value": _basket_value,
    "repurchase_rate": _repurchase_rate,
    "retention": _retention,
    "churn_rate": _churn_rate,
    "customer_value": _customer_value,
    "cross_sell_rate": _cross_sell_rate,
    "upgrade_rate": _upgrade_rate,
    "breadth": _breadth,
    "depth": _depth,
    "view_to_cart": partial(_step, first=VIEWED, then=CARTED),
    "cart_to_purchase": partial(_step, first=CARTED, then=BOUGHT),
    "view_to_purchase": partial(_step, first=VIEWED, then=BOUGHT),
    "nps": _nps,
    "csat": _csat,
}
