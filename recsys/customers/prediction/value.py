"""Customer value: money expected within a horizon, by a rule (last window, simple), BG/NBD with Gamma-Gamma, or both.

Purchases are counted in days with an order.  Times are days; BG/NBD takes them in weeks.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from recsys.arrays import Bools, Doubles, Kinds, Longs
from recsys.bundle.array_spec import ArraySpec
from recsys.customers.orders import Orders
from recsys.models.serialization import StoredFields
from recsys.time_units import DAY_MS

VALUE_DAYS = 91  # horizon, and the last window
METHODS = ("window", "simple", "bg_nbd", "combined")  # by number; of equally good ones the earlier is chosen
SHORTEST_DAYS = 28.0  # a younger customer counts as that old in the simple rule
WEEK = 7.0
CLASSES = ("low", "middle", "high")
CLASS_FROM = (0.5, 0.8)  # shares of customers with a smaller value, from which one is middle and high


@dataclass(frozen=True, slots=True)
class RepeatSummary:
    """Of U customers: purchase days after the first (frequency), weeks from the first to the last (recency) and to the
    moment (age), the mean money of a repeat day and money in all; age is 0 without an order.  (U,) float64 each.
    """

    frequency: Doubles
    recency: Doubles
    age: Doubles
    mean_money: Doubles
    money: Doubles

    @property
    def known(self) -> Bools:
        """Who has bought at all."""
        return self.money > 0

    def where(self, rows: Bools | Longs) -> "RepeatSummary":
        """Some of the customers."""
        return RepeatSummary(*(getattr(self, name)[rows] for name in self.__slots__))


def repeat_purchases(orders: Orders, as_of_ms: int) -> RepeatSummary:
    """From the orders before the moment."""
    n_customers, day = orders.n_customers, orders.at_ms // DAY_MS
    money = np.maximum(orders.money, 0.0)
    starts = np.ones(len(day), bool)
    starts[1:] = (np.diff(day) > 0) | (np.diff(orders.customer) > 0)
    n_days = np.bincount(orders.customer[starts], minlength=n_customers)
    known = np.flatnonzero(np.diff(orders.indptr))
    first, last = np.zeros(n_customers, np.int64), np.zeros(n_customers, np.int64)
    first[known], last[known] = day[orders.indptr[known]], day[orders.indptr[known + 1] - 1]
    total = np.bincount(orders.customer, money, n_customers).astype(np.float64)
    on_first = day == first[orders.customer]
    of_first = np.bincount(orders.customer[on_first], money[on_first], n_customers)
    frequency = np.maximum(n_days - 1, 0).astype(np.float64)
    age = np.zeros(n_customers)
    age[known] = np.maximum(as_of_ms / DAY_MS - first[known], 0) / WEEK
    mean_money = np.where(frequency > 0, (total - of_first) / np.maximum(frequency, 1), 0.0)
    return RepeatSummary(frequency, np.minimum((last - first) / WEEK, age), age, mean_money, total)


@dataclass(frozen=True, slots=True)
class BgNbd(StoredFields):
    """BG/NBD: Poisson purchases with Gamma rates (r, alpha per week), leaving after a purchase with Beta (a, b) chance.

    Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way.
    """

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, past: RepeatSummary) -> Doubles:
        """Of each customer.  Eq. 6 of the paper, in logarithms.  (U,)"""
        from scipy.special import betaln, gammaln

        x, t_x, age = past.frequency, past.recency, past.age
        common = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        common += betaln(self.a, self.b + x) - betaln(self.a, self.b)
        alive = -(self.r + x) * np.log(self.alpha + age)
        with np.errstate(divide="ignore"):
            left = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) - (self.r + x) * np.log(self.alpha + t_x)
        total: Doubles = common + np.logaddexp(alive, np.where(x > 0, left, -np.inf))
        return total

    def expected_purchases(self, past: RepeatSummary, days: float) -> Doubles:
        """Purchase days of each customer in the next `days`.  Eq. 10 of the paper.  (U,)"""
        from scipy.special import hyp2f1

        x, t_x, age, t = past.frequency, past.recency, past.age, days / WEEK
        a, b, r, alpha = self.a, self.b, self.r, self.alpha
        ratio = (alpha + age) / (alpha + age + t)
        expected = (a + b + x - 1) / (a - 1)
        expected = expected * (1 - ratio ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + age + t)))
        left = a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x)
        days_bought: Doubles = np.maximum(expected / (1 + np.where(x > 0, left, 0.0)), 0.0)
        return days_bought

    def alive(self, past: RepeatSummary) -> Doubles:
        """The chance that a customer has not left for good: no churn score for shops with frequent purchases.  (U,)"""
        x = past.frequency
        odds = ((self.alpha + past.age) / (self.alpha + past.recency)) ** (self.r + x)
        return 1 / (1 + np.where(x > 0, self.a / (self.b + np.maximum(x, 1) - 1) * odds, 0.0))


@dataclass(frozen=True, slots=True)
class GammaGamma(StoredFields):
    """Gamma-Gamma: money of a purchase day around a mean of the customer's own.  Fader & Hardie 2013."""

    p: float
    q: float
    v: float

    def log_likelihood(self, past: RepeatSummary) -> Doubles:
        """Of customers with a repeat purchase.  Eq. 1a of the note.  (U,)"""
        from scipy.special import gammaln

        x, mean = past.frequency, past.mean_money
        shape = self.p * x
        total: Doubles = (
            gammaln(shape + self.q) - gammaln(shape) - gammaln(self.q) + self.q * np.log(self.v)
            + (shape - 1) * np.log(mean) + shape * np.log(x) - (shape + self.q) * np.log(x * mean + self.v)
        )  # fmt: skip
        return total

    def expected_money(self, past: RepeatSummary) -> Doubles:
        """Of a purchase day: the customer's own mean, drawn to that of all where there are few days.  Eq. 5.  (U,)"""
        weight = self.p * past.frequency / (self.p * past.frequency + self.q - 1)
        return (1 - weight) * self.p * self.v / (self.q - 1) + weight * past.mean_money


@dataclass(frozen=True, slots=True)
class ValueModel(StoredFields):
    """How value is worked out.  method: number in METHODS.  yearly_discount: rate at which later money counts less.

    band_from (B,): values from which a band begins; band_low, band_high (B,): 10 % and 90 % quantiles of what customers
    of the band spent, as shares of their value; in the first band, which holds values near 0, in money.
    """

    NESTED: ClassVar = {"purchases": ("purchases/", BgNbd), "money": ("money/", GammaGamma)}
    method: int
    yearly_discount: float
    purchases: BgNbd
    money: GammaGamma
    band_from: Annotated[Doubles, ArraySpec("B", low=0, order="rising")]
    band_low: Annotated[Doubles, ArraySpec("B", low=0)]
    band_high: Annotated[Doubles, ArraySpec("B", low=0)]

    def interval(self, value: Doubles) -> tuple[Doubles, Doubles]:
        """The ends of the 80 % interval, NaN where the value is.  (U,) -> (U,), (U,)"""
        band = np.clip(self.band_from.searchsorted(np.nan_to_num(value), "right") - 1, 0, None)
        scale = np.where(band == 0, np.where(np.isnan(value), np.nan, 1.0), value)
        return self.band_low[band] * scale, self.band_high[band] * scale


def window_value(orders: Orders, as_of_ms: int, days: float = VALUE_DAYS) -> Doubles:
    """Money of the last window: what came comes again.  (U,)"""
    recent = (orders.at_ms >= as_of_ms - days * DAY_MS) & (orders.at_ms < as_of_ms)
    return np.maximum(np.bincount(orders.customer[recent], orders.money[recent], orders.n_customers), 0.0)


def simple_value(past: RepeatSummary, days: float = VALUE_DAYS) -> Doubles:
    """Order value x frequency x duration: the money per day so far, for so many days.  (U,)"""
    return past.money / np.maximum(past.age * WEEK, SHORTEST_DAYS) * days


def model_value(purchases: BgNbd, money: GammaGamma, past: RepeatSummary, days: float = VALUE_DAYS) -> Doubles:
    """Expected purchase days x expected money of each.  (U,)"""
    return np.where(past.known, purchases.expected_purchases(past, days) * money.expected_money(past), 0.0)


def value_forecasts(
    purchases: BgNbd, money: GammaGamma, orders: Orders, past: RepeatSummary, as_of_ms: int
) -> dict[str, Doubles]:
    """The forecast of each of METHODS, (U,).  orders, past: known at the moment.

    combined: the mean of window and model, whose errors differ (Bates & Granger 1969, with equal weights).
    """
    window, model = window_value(orders, as_of_ms), model_value(purchases, money, past)
    forecasts = window, simple_value(past), model, (window + model) / 2
    return dict(zip(METHODS, forecasts, strict=True))


def discount_factor(yearly_discount: float, days: float = VALUE_DAYS) -> float:
    """What money spread evenly over the horizon is worth today: (1 - e^-kt) / kt with k = ln(1 + rate) per year."""
    exponent = np.log1p(yearly_discount) * days / 365
    return float(-np.expm1(-exponent) / exponent) if exponent else 1.0


def value_at(model: ValueModel, orders: Orders, as_of_ms: int) -> Doubles:
    """The value of each customer by the model's method, NaN for who has not bought.  orders: known then.  (U,)"""
    past = repeat_purchases(orders, as_of_ms)
    value = value_forecasts(model.purchases, model.money, orders, past, as_of_ms)[METHODS[model.method]]
    return np.where(past.known, value * discount_factor(model.yearly_discount), np.nan)


def margin_share(orders: Orders) -> Doubles:
    """Margin per money of each customer, over orders whose costs are known; NaN where there is none.  (U,)"""
    known = ~np.isnan(orders.margin)
    margin = np.bincount(orders.customer[known], orders.margin[known], orders.n_customers)
    money = np.bincount(orders.customer[known], orders.money[known], orders.n_customers)
    return np.where(money > 0, margin / np.where(money > 0, money, 1.0), np.nan)


def value_classes(value: Doubles) -> Kinds:
    """Numbers of CLASSES by the share of customers with a smaller value, -1 for NaN; equal values are equal.  (U,)"""
    known = ~np.isnan(value)
    ordered = np.sort(value[known])
    share = ordered.searchsorted(value[known]) / max(len(ordered), 1)
    classes = np.full(len(value), -1, np.int8)
    classes[known] = np.searchsorted(CLASS_FROM, share, "right")
    classes[(value == 0) & known] = 0
    return classes
