"""Learning of hours and days: evidence where customers keep their hours, none where all are alike."""

import numpy as np
import pytest

from recsys.arrays import Longs
from recsys.customers.contact_times import DAY, HOUR, ContactTimes, shop_profile
from recsys.customers.orders import Amounts, Postings
from recsys.learning.customers import contact_times
from recsys.learning.customers.contact_times import fitted_strength, learn_contact_times
from recsys.time_units import DAY_MS, HOUR_MS

N, DAYS_OF_LOG = 40, 100


def postings(hour: Longs) -> Postings:
    """An order of each customer every third day, at these hours (N, DAYS_OF_LOG // 3)."""
    n_orders = hour.shape[1]
    customer = np.repeat(np.arange(N, dtype=np.int32), n_orders)
    at_ms = np.tile(np.arange(n_orders) * 3 * DAY_MS, N) + hour.ravel() * HOUR_MS
    ones = np.ones(len(at_ms))
    return Postings(customer, np.arange(len(at_ms)), at_ms, Amounts(ones, ones, ones, ones, ones))


def learnt(hour: Longs) -> ContactTimes:
    return learn_contact_times(postings(hour), "UTC", np.random.default_rng(0))


def test_customers_who_keep_their_hours_give_evidence_of_hours_alone() -> None:
    times = learnt(np.repeat(np.arange(N)[:, None] % 24, DAYS_OF_LOG // 3, axis=1))
    assert times.doubt(HOUR) is None
    assert times.gain[HOUR] > 2
    assert times.doubt(DAY) is not None
    assert N * 8 < times.n_orders[HOUR] == times.n_orders[DAY] < N * 9


def test_customers_who_are_alike_give_no_evidence() -> None:
    hours = np.random.default_rng(0).integers(0, 24, (N, DAYS_OF_LOG // 3))
    doubt = learnt(hours).doubt(HOUR)
    assert doubt is not None
    assert doubt.startswith("no evidence: own hours foretell no order better")


def test_a_few_customers_are_not_judged_and_no_order_learns_nothing() -> None:
    few = postings(np.zeros((N, 2), np.int64))
    kept = few.customer < 10
    few = Postings(few.customer[kept], few.order[kept], few.at_ms[kept], few.amounts.where(kept))
    times = learn_contact_times(few, "Europe/Berlin", np.random.default_rng(0))
    assert (times.zone, "too few orders" in (times.doubt(HOUR) or "")) == ("Europe/Berlin", True)
    assert not learn_contact_times(few.until(-1), "UTC", np.random.default_rng(0)).is_learnt


def test_a_large_shop_is_learnt_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_times, "MOST_CUSTOMERS", 25)
    hours = np.repeat(np.arange(N)[:, None] % 24, DAYS_OF_LOG // 3, axis=1)
    assert 25 * 8 < learnt(hours).n_orders[HOUR] < 25 * 9


def test_customers_who_are_alike_are_shrunk_more_than_those_who_differ() -> None:
    rng = np.random.default_rng(0)
    alike = rng.multinomial(40, np.full(24, 1 / 24), 200).astype(float)
    own = np.array([rng.multinomial(40, rng.dirichlet(np.full(24, 0.2))) for _ in range(200)]).astype(float)
    assert fitted_strength(alike, shop_profile(alike)) >= 500
    assert fitted_strength(own, shop_profile(own)) <= 10
