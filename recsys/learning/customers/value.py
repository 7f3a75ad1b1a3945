"""Value learnt: BG/NBD and Gamma-Gamma by maximum likelihood, and the method that a back-test picks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.customers.prediction.value import (
    METHODS,
    VALUE_DAYS,
    BgNbd,
    GammaGamma,
    RepeatSummary,
    ValueModel,
    repeat_purchases,
    value_forecasts,
    window_value,
)
from recsys.learning.customers.past import Past
from recsys.time_units import DAY_MS

YEARLY_DISCOUNT = 0.1  # rate at which later money counts less
MOST_FITTED = 20_000  # customers in a likelihood
MIN_REPEATED = 100  # customers who bought again
BANDS = 10
ENDS = (0.1, 0.9)  # quantiles of the interval
STANDARD_ERRORS = 2.0
LOG_LIMIT = 12.0  # of the parameters
LARGEST_RATIO = 1e11

Loss = Callable[[Doubles], float]


@dataclass(frozen=True, slots=True)
class ValueBacktest:
    """At one moment: the forecast of each method and what customers then spent, (U,) each, of those who had bought."""

    at_ms: int
    forecasts: Mapping[str, Doubles]
    actual: Doubles


@dataclass(frozen=True, slots=True)
class ValueFit:
    """model: with the picked method.  tested: what it was picked by, None in a short log.  why: in words."""

    model: ValueModel
    tested: ValueBacktest | None
    why: str


def fit_bg_nbd(past: RepeatSummary) -> BgNbd:
    """Maximum likelihood, from two starts."""
    from scipy.optimize import minimize

    loss = _loss(lambda numbers: BgNbd(*numbers).log_likelihood(past))
    starts = ([0.0, 0.0, 0.0, 0.0], [-1.0, 1.0, -0.5, 1.0])
    limits = [(-LOG_LIMIT, LOG_LIMIT)] * 4
    best = min(
        (minimize(loss, start, method="L-BFGS-B", bounds=limits) for start in starts), key=lambda r: float(r.fun)
    )
    return BgNbd(*_polished(loss, best.x))


def fit_gamma_gamma(past: RepeatSummary) -> GammaGamma:
    """Maximum likelihood over customers with a repeat purchase."""
    repeated = past.where((past.frequency > 0) & (past.mean_money > 0))
    return GammaGamma(*_polished(_loss(lambda numbers: GammaGamma(*numbers).log_likelihood(repeated)), [1.0, 1.0, 2.0]))


def value_backtest(past: Past, at_ms: int, rng: Generator) -> ValueBacktest | None:
    """All methods at a moment, learnt from what was known then; None where its past or what follows is too short."""
    end_ms = at_ms + VALUE_DAYS * DAY_MS
    if end_ms > past.as_of_ms or at_ms - past.first_ms < VALUE_DAYS * DAY_MS:
        return None
    orders = past.moment(at_ms).orders
    history = repeat_purchases(orders, at_ms)
    fitted = _fitted(history, rng)
    if fitted is None:
        return None
    forecasts = value_forecasts(*fitted, orders, history, at_ms)
    actual, known = window_value(past.orders.until(end_ms), end_ms), history.known
    return ValueBacktest(at_ms, {name: forecast[known] for name, forecast in forecasts.items()}, actual[known])


def fit_value(past: Past, rng: Generator) -> ValueFit | None:
    """The method that was no worse one horizon ago, with the bands of its error; None without enough buyers.

    The window stands unless another method has a smaller absolute error over the same customers, beyond noise.
    """
    fitted = _fitted(repeat_purchases(past.orders, past.as_of_ms), rng)
    if fitted is None:
        return None
    tested = value_backtest(past, past.as_of_ms - VALUE_DAYS * DAY_MS, rng)
    if tested is None:
        why = f"the log is shorter than two horizons of {VALUE_DAYS} days, so nothing could be tested"
        no_bands = np.zeros(1), np.zeros(1), np.full(1, LARGEST_RATIO)
        return ValueFit(ValueModel(0, YEARLY_DISCOUNT, *fitted, *no_bands), None, why)
    method, why = pick_method([tested])
    return ValueFit(ValueModel(METHODS.index(method), YEARLY_DISCOUNT, *fitted, *bands(tested, method)), tested, why)


def pick_method(tests: Sequence[ValueBacktest]) -> tuple[str, str]:
    """The method, and why: the first one unless another is closer to what customers spent, beyond noise."""
    best, most, why = METHODS[0], 0.0, "no method was closer than the last window, beyond noise"
    errors = {name: np.concatenate([np.abs(test.forecasts[name] - test.actual) for test in tests]) for name in METHODS}
    for name in METHODS[1:]:
        gain = errors[METHODS[0]] - errors[name]
        mean, noise = float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
        if mean > STANDARD_ERRORS * noise and mean > most:
            best, most = name, mean
            why = f"closer than the last window by {mean:.2f} per customer (standard error {noise:.2f})"
    return best, why


def bands(tested: ValueBacktest, method: str) -> tuple[Doubles, Doubles, Doubles]:
    """Bands of equal numbers of customers by forecast, and the quantiles of what they spent, see `ValueModel`."""
    value = tested.forecasts[method]
    starts, ends = [], []
    for at, group in enumerate(np.array_split(np.argsort(value, kind="stable"), BANDS)):
        if len(group):
            scale = np.ones(len(group)) if at == 0 else np.maximum(value[group], 1e-9)
            starts.append(0.0 if at == 0 else float(value[group[0]]))
            ends.append(np.minimum(np.quantile(tested.actual[group] / scale, ENDS), LARGEST_RATIO))
    low, high = np.array(ends).T.copy()
    return np.array(starts), low, high


def _fitted(history: RepeatSummary, rng: Generator) -> tuple[BgNbd, GammaGamma] | None:
    """None with too few customers who bought again."""
    known = np.flatnonzero(history.known)
    if len(known) > MOST_FITTED:
        known = np.sort(rng.choice(known, MOST_FITTED, replace=False))
    sample = history.where(known)
    if np.count_nonzero(sample.frequency > 0) < MIN_REPEATED:
        return None
    return fit_bg_nbd(sample), fit_gamma_gamma(sample)


def _loss(likelihood: Callable[[Sequence[float]], Doubles]) -> Loss:
    """The mean negative log-likelihood as a function of the logarithms of the parameters."""

    def loss(logs: Doubles) -> float:
        mean = float(np.mean(likelihood(np.exp(np.clip(logs, -LOG_LIMIT, LOG_LIMIT)).tolist())))
        return -mean if np.isfinite(mean) else 1e9

    return loss


def _polished(loss: Loss, start: Sequence[float] | Doubles) -> list[float]:
    """The parameters at the minimum near a start."""
    from scipy.optimize import minimize

    options: Any = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4_000}
    logs = minimize(loss, np.asarray(start, np.float64), method="Nelder-Mead", options=options).x
    numbers: list[float] = np.exp(np.clip(logs, -LOG_LIMIT, LOG_LIMIT)).tolist()
    return numbers
