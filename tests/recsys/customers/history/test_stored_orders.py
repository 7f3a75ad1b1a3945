"""Stored orders: what a release keeps of the orders of its customers."""

import numpy as np

from recsys.customers.history.stored_orders import StoredOrders, store_orders
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import AS_OF_MS, leaving_world


def test_orders_are_the_same_after_a_release_kept_them() -> None:
    orders = leaving_world(200)
    kept = StoredOrders.from_arrays(store_orders(orders).arrays()).orders()
    for at_ms in (200 * DAY_MS, AS_OF_MS):
        own, again = orders.until(at_ms), kept.until(at_ms)
        np.testing.assert_array_equal(own.at_ms, again.at_ms)
        np.testing.assert_array_equal(own.indptr, again.indptr)
        np.testing.assert_allclose(own.money, again.money)


def test_a_release_without_orders_has_no_arrays_of_them() -> None:
    assert StoredOrders().arrays() == {}
    assert len(StoredOrders()) == 0
