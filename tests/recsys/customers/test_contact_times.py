"""Best hour and day: shrunk shares, blank with the reason where nothing is known, in the time zone of the shop."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Longs
from recsys.customers.contact_times import (
    NO_ORDER,
    NOT_LEARNT,
    ContactTimes,
    contact_figures,
    counts_of,
    order_moments,
    places_of,
    shop_profile,
    shrunk_profiles,
)
from recsys.customers.orders import Amounts, Postings
from recsys.data.ids import Texts
from recsys.time_units import DAY_MS, HOUR_MS

ZONE = Texts.from_strings(["UTC"])
TIMES = ContactTimes(
    np.full(24, 1 / 24),
    np.full(7, 1 / 7),
    np.array([5.0, 5.0]),
    gain=np.array([0.2, 0.0]),
    low=np.array([0.1, -0.1]),
    high=np.array([0.3, 0.1]),
    n_orders=np.array([100, 100]),
    zone_offsets=ZONE.offsets,
    zone_blob=ZONE.blob,
)


def postings(at_ms: Longs) -> Postings:
    n = len(at_ms)
    ones = np.ones(n)
    return Postings(np.zeros(n, np.int32), np.arange(n), at_ms, Amounts(ones, ones, ones, ones, ones))


def test_hours_and_days_are_those_of_the_time_zone() -> None:
    at_ms = np.array([20_000 * DAY_MS + 13 * HOUR_MS, 20_100 * DAY_MS + 23 * HOUR_MS])  # 2024-10-04, 2025-01-12
    assert [places.tolist() for places in places_of(at_ms, "UTC")] == [[13, 23], [4, 6]]
    assert [places.tolist() for places in places_of(at_ms, "Europe/Berlin")] == [[15, 0], [4, 0]]


def test_a_customer_without_orders_has_the_profile_of_the_shop() -> None:
    counts = counts_of(np.array([0, 0, 0]), np.array([1, 1, 2]), 2, 3)
    shop = shop_profile(counts)
    profiles = shrunk_profiles(counts, shop, 5.0)
    assert profiles[1].tolist() == pytest.approx(shop.tolist())
    assert profiles.sum(axis=1).tolist() == pytest.approx([1, 1])
    assert profiles[0, 1] > shop[1]


def test_a_moment_counts_once_and_what_was_sent_back_never() -> None:
    customer, at_ms = order_moments(np.array([1, 0, 1, 0]), np.array([5, 7, 5, 9]), np.array([1.0, 2.0, 1.0, -1.0]))
    assert (customer.tolist(), at_ms.tolist()) == ([0, 1], [7, 5])


def test_the_card_names_an_hour_with_evidence_and_no_day_without() -> None:
    at_ms = np.array([DAY_MS * day + 17 * HOUR_MS for day in range(5)])
    figures, reasons = contact_figures(TIMES, postings(at_ms))
    share = (5 + 5 / 24) / 10
    assert figures["best_hour"] == {"at": "17:00", "share": round(share, 4), "shop_share": round(1 / 24, 4)}
    assert (figures["orders"], figures["best_day"]) == (5, None)
    assert reasons == {
        "contact_time.best_day": "no evidence: own days foretell no order better than those of the shop "
        "(+0.000 bits an order, -0.100 to +0.100)"
    }


def test_nothing_is_said_without_orders_without_a_back_test_and_by_an_older_release() -> None:
    none = postings(np.empty(0, np.int64))
    assert contact_figures(TIMES, none)[1]["contact_time.best_hour"] == NO_ORDER
    assert set(contact_figures(ContactTimes(), none)[1].values()) == {NOT_LEARNT}
    untested = replace(TIMES, low=np.full(2, np.nan))
    assert "too few orders to hold some back" in (untested.doubt(0) or "")
