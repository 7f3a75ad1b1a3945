"""Clusters: the nearest centre of each customer, shares of categories, and a sentence for each."""

import numpy as np

from recsys.arrays import Ints
from recsys.customers.prediction.clusters import (
    MIN_TOLD,
    NO_CLUSTER,
    ClusterModel,
    category_shares,
    describe_clusters,
    top_categories,
)
from recsys.customers.rhythm import rhythm_at
from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import orders_of_days


def interactions() -> Interactions:
    item: Ints = np.array([0, 1, 2, 0], np.int32)
    histories = build_histories(
        user=np.array([0, 0, 0, 1], np.int32),
        item=item,
        at=np.arange(4.0),
        weight=np.ones(4, np.float32),
        kind=np.ones(4, np.int8),
        n_users=3,
        n_items=3,
        now=10.0,
    )
    return Interactions(
        histories, np.full(4, -1, np.int32), np.array([6, 3, 1, 5], np.float32), np.array([1, 2, 0], np.int32)
    )


def test_shares_are_of_all_money_and_unknown_categories_are_no_column() -> None:
    data = interactions()
    category = top_categories(data, 5)
    assert category.tolist() == [1, 2]
    np.testing.assert_allclose(category_shares(data, category), np.array([[0.6, 0.3], [1, 0], [0, 0]]))


def model(centres: list[list[float]]) -> ClusterModel:
    return ClusterModel(np.zeros(3), np.ones(3), np.array([1], np.int32), np.array(centres, np.float64))


def test_a_customer_belongs_to_the_nearest_centre_and_without_orders_to_none() -> None:
    points = np.array([[0.0, 0, 0, 0], [5, 5, 5, 0], [2, 2, 2, 0], [np.nan, 0, 0, 0]])
    clusters = model([[0, 0, 0, 0], [4, 4, 4, 0]])
    assert clusters.assign(points).tolist() == [0, 1, 0, NO_CLUSTER]


def test_small_clusters_are_not_described() -> None:
    n = 60
    orders = orders_of_days(np.repeat(np.arange(n), 3), np.tile([10.0, 20.0, 30.0], n))
    rhythm = rhythm_at(orders, 40 * DAY_MS)
    cluster = (np.arange(n) < MIN_TOLD - 1).astype(np.int8)
    shares = np.where(np.arange(n) % 2 == 0, 0.8, 0.2)[:, None]
    sentences = describe_clusters(model([[0, 0, 0, 0], [1, 1, 1, 1]]), cluster, rhythm, shares, ["COFFEE"])
    assert sentences[1] is None
    assert sentences[0] is not None
    assert "41 customers (68%), in the middle 3 purchase days, 30 in all, last order 10 days ago" in sentences[0]


def test_a_category_that_stands_out_is_named() -> None:
    n = 60
    rhythm = rhythm_at(orders_of_days(np.arange(n, dtype=np.int32), np.full(n, 10.0)), 40 * DAY_MS)
    cluster = (np.arange(n) < 30).astype(np.int8)
    shares = np.where(cluster == 1, 0.9, 0.1)[:, None]
    sentences = describe_clusters(model([[0, 0, 0, 0], [1, 1, 1, 1]]), cluster, rhythm, shares, ["COFFEE"])
    assert sentences[1] is not None
    assert sentences[1].endswith("more than others on COFFEE (1.8 times the usual share)")
