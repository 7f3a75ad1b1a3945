"""Churn of active customers: the chance of no order within a horizon, with the reasons, and the rule that it must beat.

Churn within H days is no order in the H days after the moment.  It is stated for customers who ordered in the 91 days
before the moment; whoever did not has left already, and the stage says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Kinds, Longs
from recsys.customers.orders import Orders
from recsys.customers.prediction.features import ACTIVE_DAYS, FEATURES, THEME_OF, THEMES, order_counts, recency_days
from recsys.customers.prediction.logistic import LogisticModel
from recsys.time_units import DAY_MS, MINUTE_MS

CHURN_HORIZONS = (28, 56, 91)  # days
REASONS = 3  # of a customer, the strongest first
NO_REASON = -1
METHODS_OF_CHURN = ("none", "visits_91", "logistic")  # visits_91: by the orders of 91 days and the last one
SENSE_BY_FEATURE: Mapping[str, Mapping[str, int]] = {  # by theme: 1 where more of it speaks for leaving, -1 for staying
    "recency": {"log_recency": 1, "log_overdue": 1},
    "frequency": {"log_orders_91": -1},
    "money": {"log_money_91": -1},
    "rhythm": {"log_median_gap": 1, "log_longest_gap": 1},
    "tenure": {"log_tenure": -1},
    "discounts": {},  # may mean either
    "basket size": {"log_lines": -1},
}
LONG_OVERDUE = 1.5  # times the mean gap, from which a reason names it
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
    by_theme = np.where(_is_plain(model, features, by_theme), by_theme, 0.0)
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


def _is_plain(model: LogisticModel, features: Doubles, by_theme: Doubles) -> Bools:
    """Whether a contribution points where the words of its theme do, such as few orders to leaving.  (U, THEMES)

    Features go together, so that a model may count money against who spends much and often: true in the sum, and
    nonsense as a reason.
    """
    z = (features - model.centre) / model.spread
    plain = np.ones(by_theme.shape, bool)
    for theme, words in enumerate(THEMES):
        senses = [(FEATURES.index(name), sense) for name, sense in SENSE_BY_FEATURE[words].items()]
        if senses:
            agreements = [z[:, column] * sense * by_theme[:, theme] > 0 for column, sense in senses]
            plain[:, theme] = np.any(agreements, axis=0)
    return plain


def reason_text(theme: int, contribution: float, features: Doubles, *, as_of_ms: int, gap_days: float) -> str:
    """A reason in words.  features (F,): those of the customer.  gap_days: their median, NaN where it is not known."""
    value = dict(zip(FEATURES, features.tolist(), strict=True))
    side = int(contribution > 0)
    return f"{('lowers it', 'raises it')[side]}: {_WORDS[THEMES[theme]](value, side, as_of_ms, gap_days)}"


def _recency_words(value: Mapping[str, float], side: int, as_of_ms: int, _gap_days: float) -> str:
    days, ratio = whole_days(np.expm1(value["log_recency"]), as_of_ms), np.exp(value["log_overdue"])
    gap = np.expm1(value["log_recency"] - value["log_overdue"])
    if side:
        return f"no order for {_days(days)}" + (f", {ratio:.1f} times their mean gap" if ratio >= LONG_OVERDUE else "")
    ago = f"last order {_days(days)} ago" if days else "last order today"
    return ago + (f", within their mean gap of {_days(round(gap))}" if ratio < 1 and gap > days else "")


def _rhythm_words(value: Mapping[str, float], side: int, _as_of_ms: int, gap_days: float) -> str:
    usual = np.expm1(value["log_median_gap"]) if np.isnan(gap_days) else gap_days
    longest = np.expm1(value["log_longest_gap"])
    habit = ("comes regularly", "long pauses")[side]
    return f"{habit}: usually {_days(round(usual, 1))} between orders, at most {_days(round(max(longest, usual)))}"


_WORDS: Mapping[str, Callable[[Mapping[str, float], int, int, float], str]] = {
    "recency": _recency_words,
    "frequency": lambda value, side, *_: (
        f"{_few(side)}{_count(np.expm1(value['log_orders_91']), 'order')} in the last {ACTIVE_DAYS:.0f} days"
    ),
    "money": lambda value, side, *_: (
        f"{_few(side)}{np.expm1(value['log_money_91']):,.0f} spent in the last {ACTIVE_DAYS:.0f} days"
    ),
    "rhythm": _rhythm_words,
    "tenure": lambda value, side, as_of_ms, _: (
        f"customer for {_few(side)}{_days(whole_days(np.expm1(value['log_tenure']), as_of_ms))}"
    ),
    "discounts": lambda value, *_: f"discounts took {value['discount_share']:.0%} off what they bought",
    "basket size": lambda value, side, *_: (
        f"{('large', 'small')[side]} orders: {np.expm1(value['log_lines']):.1f} products each"
    ),
}


def whole_days(days: float, as_of_ms: int) -> int:
    """Midnights (UTC) between a moment so many days before and as_of_ms, as the card counts days.

    days: of a float32, so the moment is taken to the minute.
    """
    then_ms = round((as_of_ms - days * DAY_MS) / MINUTE_MS) * MINUTE_MS
    return int(as_of_ms // DAY_MS - then_ms // DAY_MS)


def _few(side: int) -> str:
    return "only " if side else ""


def _days(n: float) -> str:
    return _count(n, "day")


def _count(n: float, word: str) -> str:
    whole = round(float(n), 1)
    return f"{whole:g} {word}" + "s" * (whole != 1)
