"""Alarm bands: a quiet year raises at most one false alarm, and planted drops are seen in their week."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from recsys.arrays import Doubles, Longs
from recsys.customers.kpis.bands import MIN_WEEKS, WATCHED, WatchedFigure, band_of, watch, watch_series
from recsys.customers.kpis.counted.rows import count_rows
from recsys.customers.kpis.figures import Figure, no_figure
from recsys.customers.kpis.log import KpiLog, build_kpi_log
from recsys.customers.kpis.periods import Period
from recsys.customers.population import Population
from recsys.data.entities import Item
from recsys.data.events import Kind
from recsys.data.facts import Fact, FactKind
from recsys.time_units import DAY_MS
from tests.recsys.customers.kpis.conftest import MONDAY, at

N_WEEKS, N_CUSTOMERS, N_CATEGORIES = 52 + 26, 300, 40
WEEK = Period(0, 7 * DAY_MS)
Alarms = dict[int, list[str]]


def made_up_shop(seed: int, stays: Doubles | None = None) -> KpiLog:
    """Customers with rates of their own, the same in every week; each order one line; views, carts and answers, too.

    stays (N_WEEKS,): the share of its orders that a week keeps.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(3, 0.3, N_CUSTOMERS)
    n = rng.poisson(np.broadcast_to(rate[:, None], (N_CUSTOMERS, N_WEEKS)))
    if stays is not None:
        n = rng.binomial(n, stays)
    user, week = np.repeat(np.indices(n.shape).reshape(2, -1), n.ravel(), axis=1)
    at_ms = (MONDAY + 7 * week) * DAY_MS + rng.integers(0, 7 * DAY_MS, len(week))
    item = rng.integers(0, N_CATEGORIES, len(week))
    price = rng.lognormal(2, 0.5, len(week))
    bought = _events(user, item, at_ms, Kind.PURCHASE, price)
    viewed = _events(user, item, at_ms, Kind.VIEW)
    carted = _events(user, item, at_ms, Kind.CART).sample(fraction=0.8, seed=seed)
    answers = rng.integers(0, 11, len(week))
    facts = [
        Fact(f"f{place}", f"u{user[place]}", FactKind.SURVEY, int(at_ms[place]), float(answers[place]), None, "nps")
        for place in range(0, len(week), 3)
    ]
    last = _events(np.zeros(1, int), np.zeros(1, int), np.array([at(7 * N_WEEKS)]), Kind.VIEW)
    events = pl.concat([bought, viewed, carted, last]).cast({"user_id": pl.Categorical, "item_id": pl.Categorical})
    items = [Item(f"i{place}", category=f"c{place}") for place in range(N_CATEGORIES)]
    return build_kpi_log(count_rows(Population(events, items, len(events))), facts)


def _events(user: Longs, item: Longs, at_ms: Longs, kind: Kind, price: Doubles | None = None) -> pl.DataFrame:
    n = len(user)
    return pl.DataFrame(
        {
            "user_id": [f"u{each}" for each in user],
            "item_id": [f"i{each}" for each in item],
            "kind": pl.Series([int(kind)] * n, dtype=pl.Int8),
            "at_ms": at_ms.astype(np.int64),
            "quantity": np.ones(n),
            "price": pl.Series(price, dtype=pl.Float64)
            if price is not None
            else pl.Series([None] * n, dtype=pl.Float64),
            "order_id": pl.Series([None] * n, dtype=pl.String),
            "discount": pl.Series([None] * n, dtype=pl.Float64),
            "channel": pl.Series([None] * n, dtype=pl.String),
        }
    )


def alarms(log: KpiLog, weeks: Sequence[int]) -> Alarms:
    """The figures outside their bands, by week."""
    everyone = np.ones(log.n_customers, bool)
    figures = {week: watch(log, everyone, at(7 * week + 7)) for week in weeks}
    return {week: names for week, each in figures.items() if (names := [f.name for f in each if f.is_outside])}


def test_eight_quiet_weeks_raise_no_alarm_and_a_planted_drop_is_seen_in_its_week() -> None:
    stays = np.ones(N_WEEKS)
    stays[40] = 0.5
    seen = alarms(made_up_shop(0, stays), range(32, 41))
    assert list(seen) == [40]
    assert {"customers", "orders", "revenue"} <= set(seen[40])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year_of_quiet_weeks_raises_at_most_one_false_alarm(seed: int) -> None:
    seen = alarms(made_up_shop(seed), range(N_WEEKS - 52, N_WEEKS))
    assert sum(map(len, seen.values())) <= 1, seen


@pytest.mark.slow
def test_planted_drops_of_two_fifths_are_all_seen() -> None:
    planted, stays = (30, 45, 60), np.ones(N_WEEKS)
    stays[list(planted)] = 0.6
    seen = alarms(made_up_shop(4, stays), planted)
    assert set(seen) == set(planted)


def series(values: Sequence[float]) -> WatchedFigure:
    return watch_series("revenue", WEEK, [Figure(value, value - 1.96, value + 1.96, 100) for value in values])


def test_a_series_that_grows_steadily_stays_in_its_band_and_one_that_falls_leaves_it() -> None:
    rising = [100.0 + 5 * week for week in range(20)]
    assert not series([*rising, 200.0]).is_outside
    assert series([*rising, 150.0]).is_outside
    assert series([*rising, 250.0]).is_outside


def test_a_band_is_the_prediction_interval_of_the_line() -> None:
    """8 points on a line, errors of 2: at n + 1 the reach is sqrt(1 + 1/8 + 4.5^2 / 42), times the t of 6 degrees."""
    from scipy.stats import t

    band = band_of(np.arange(8.0), np.full(8, 2.0))
    half = t.isf(0.1 / (52 * len(WATCHED)) / 2, 6) * np.sqrt(1 + 1 / 8 + 4.5**2 / 42)
    assert list(band) == pytest.approx([8 - half, 8 + half])


def test_an_earlier_drop_hides_no_later_one_and_a_new_level_is_learnt() -> None:
    quiet = [100.0 + (-1) ** week for week in range(24)]
    drop = [*quiet[:12], 50.0, *quiet[12:]]
    assert series([*drop, 85.0]).is_outside
    assert not series([*drop, 100.0]).is_outside
    assert not series([*quiet[:14], *([50.0] * 10), 50.0]).is_outside


def test_too_few_weeks_have_no_band_and_no_figure_no_alarm() -> None:
    short = series([10.0] * MIN_WEEKS)
    assert (short.band, short.is_outside) == (None, False)
    assert short.unknown == "fewer than 8 weeks before it have the figure"
    assert series([10.0] * (MIN_WEEKS + 1)).band is not None
    nobody = watch_series("nps", WEEK, [no_figure("nobody answered")])
    assert (nobody.value, nobody.unknown, nobody.is_outside) == (None, "nobody answered", False)
