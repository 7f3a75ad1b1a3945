"""Churn of active customers: the chance of no order within a horizon, with the reasons, and the rule that it must beat.

Churn within H days is no order in the H days after the moment.  It is stated for customers who ordered in the 91 days
before the moment; whoever did not has left already, and the stage says so.
"""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Kinds, Longs
from recsys.customers.orders import Orders
from recsys.customers.prediction.features import ACTIVE_DAYS, FEATURES, THEME_OF, THEMES, order_counts, recency_days
from recsys.customers.prediction.logistic import LogisticModel
from recsys.time_units import DAY_MS

CHURN_HORIZONS = (28, 56, 91)  # days
REASONS = 3  # of a customer, the strongest first
NO_REASON = -1
METHODS_OF_CHURN = ("none", "visits_91", "logistic")  # visits_91: by the number of orders in 91 days alone
LEAST_CONTRIBUTION = 0.05  # to the log-odds; below, a theme is no reason


@dataclass(frozen=True, slots=True)
class ChurnChances:
    """Of U customers.  chance (U,): NaN where it cannot be said.  reason (U, REASONS): numbers of THEMES, NO_REASON.

    contribution (U, REASONS): to the log-odds; above 0 the theme makes leaving likelier.
    """

    chance: Doubles
    reason: Kinds
    contribution: Doubles


def is_active(orders: Orders, as_of_ms: int) -> Bools:
    """Who ordered in the last ACTIVE_DAYS.  (U,)"""
    return recency_days(orders, as_of_ms) <= ACTIVE_DAYS


def has_churned(orders: Orders, as_of_ms: int, horizon_days: float) -> Bools:
    """Who has no order in the days after the moment.  orders: known at its end.  (U,)"""
    after = (orders.at_ms >= as_of_ms) & (orders.at_ms < as_of_ms + horizon_days * DAY_MS)
    n_after: Longs = np.bincount(orders.customer[after], minlength=orders.n_customers)
    return np.asarray(n_after == 0, bool)


def visits_rule(orders: Orders, as_of_ms: int) -> Doubles:
    """The score of the rule, higher for likelier leavers: few orders in 91 days, then a long time since.  (U,)"""
    recency = np.minimum(recency_days(orders, as_of_ms), 1e6)
    return -order_counts(orders, as_of_ms, ACTIVE_DAYS) + recency / 1e7


def churn_chances(model: LogisticModel, features: Doubles, active: Bools) -> ChurnChances:
    """Chances and reasons of the active customers; the others have neither.  features (U, F)"""
    chance = np.where(active, model.probability(features), np.nan)
    by_theme = theme_contributions(model, features)
    strongest = np.argsort(-np.abs(by_theme), axis=1, kind="stable")[:, :REASONS]
    contribution = np.take_along_axis(by_theme, strongest, axis=1)
    holds = active[:, None] & (np.abs(contribution) >= LEAST_CONTRIBUTION)
    return ChurnChances(
        chance,
        np.where(holds, strongest, NO_REASON).astype(np.int8),
        np.where(holds, contribution, 0.0),
    )


def theme_contributions(model: LogisticModel, features: Doubles) -> Doubles:
    """Contributions summed by theme, because features of one theme share what they say.  (U, F) -> (U, THEMES)"""
    contributions = model.contributions(features)
    return np.column_stack([contributions[:, theme == THEME_OF].sum(axis=1) for theme in range(len(THEMES))])


def reason_text(theme: int, contribution: float, features: Doubles) -> str:
    """A reason in words.  features (F,): those of the customer."""
    value = dict(zip(FEATURES, features.tolist(), strict=True))
    days, orders = np.expm1(value["log_recency"]), round(np.expm1(value["log_orders_91"]))
    texts = {
        "recency": f"last order {days:.0f} days ago, {np.exp(value['log_overdue']):.1f} times the own mean gap",
        "frequency": f"{orders} {'order' if orders == 1 else 'orders'} in the last 91 days",
        "money": f"{np.expm1(value['log_money_91']):,.0f} spent in the last 91 days",
        "rhythm": f"usually {np.expm1(value['log_median_gap']):.0f} days between orders, "
        f"at most {np.expm1(value['log_longest_gap']):.0f}",
        "tenure": f"customer for {np.expm1(value['log_tenure']):.0f} days",
        "discounts": f"{value['discount_share']:.0%} of the price taken off by discounts",
        "basket size": f"{np.expm1(value['log_lines']):.1f} products per order",
    }
    return f"{texts[THEMES[theme]]} ({'more' if contribution > 0 else 'less'} likely to leave)"
