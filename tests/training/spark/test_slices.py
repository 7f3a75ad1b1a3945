"""Slices: whole customers in each file, and sums over slices that are those over all customers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.data.dataset.histories import Histories
from recsys.engine.repurchase import fit_repurchase_intervals, purchase_gaps, repurchase_intervals
from recsys.models.buy_again import BuyAgain, RepeatCounts
from recsys.models.event_weights import repeated_pairs, shop_tempo_days, tempo_days, tempo_of
from recsys.models.popularity import Demand, Popularity
from recsys.testing import camp_baskets
from training.spark.slices import _each_slice, _histories, write_slices

DATA = camp_baskets()
N_ITEMS, NOW = DATA.n_items, DATA.histories.now


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[pa.Table]:
    folder = tmp_path_factory.mktemp("slices")
    write_slices(DATA.histories, folder, 200)
    return [pq.read_table(file) for file in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def parts(tables: list[pa.Table]) -> list[Histories]:
    return [_histories(table, N_ITEMS, NOW)[0] for table in tables]


def test_a_customer_is_in_one_slice_alone(tables: list[pa.Table]) -> None:
    users = [set(table["user"].to_pylist()) for table in tables]

    assert len(users) > 3
    assert sum(map(len, users)) == len(set.union(*users)) == np.count_nonzero(np.diff(DATA.histories.offsets))


def test_a_slice_is_one_group_of_rows_which_no_task_can_split(tmp_path: Path) -> None:
    write_slices(DATA.histories, tmp_path, 200)

    assert {pq.ParquetFile(file).num_row_groups for file in tmp_path.iterdir()} == {1}


def test_a_task_that_got_several_slices_in_any_order_sorts_their_customers(tables: list[pa.Table]) -> None:
    histories, users = _histories(pa.concat_tables(reversed(tables)), N_ITEMS, NOW)

    np.testing.assert_array_equal(users, np.flatnonzero(np.diff(DATA.histories.offsets)))
    np.testing.assert_array_equal(histories.item, DATA.histories.item)
    np.testing.assert_array_equal(histories.at, DATA.histories.at)


def test_the_number_of_a_customer_becomes_the_position_among_all(tables: list[pa.Table]) -> None:
    def own(histories: Histories) -> dict[str, np.ndarray]:
        return {"user": histories.user, "item": histories.item}

    rows = _each_slice(own, N_ITEMS, NOW, iter(tables[3].to_batches()))

    assert pa.Table.from_batches(rows)["user"].to_pylist() == tables[3]["user"].to_pylist()


def test_demand_and_counts_of_slices_add_up_to_those_of_all_customers(parts: list[Histories]) -> None:
    def added(sums: Iterator[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
        return [np.sum(arrays, axis=0) for arrays in zip(*sums, strict=True)]

    demand, counts = Popularity().demand, BuyAgain().counts
    sold = Popularity().model(Demand(*added(demand(part) for part in parts)), DATA.category)
    again = BuyAgain().model(RepeatCounts(*added(counts(part) for part in parts)))

    whole = Popularity().fit(DATA, np.random.default_rng(0))
    np.testing.assert_allclose(sold.weight, whole.weight, rtol=1e-6)
    np.testing.assert_allclose(sold.trend, whole.trend, rtol=1e-6)
    np.testing.assert_allclose(again.loyalty, BuyAgain().fit(DATA, np.random.default_rng(0)).loyalty, rtol=1e-6)


def test_tempo_and_repurchase_intervals_of_slices_are_those_of_all_customers(parts: list[Histories]) -> None:
    n_repeated, n_pairs = np.sum([repeated_pairs(part) for part in parts], axis=0)
    days = np.concatenate([tempo_days(part) for part in parts])
    items, gaps = (np.concatenate(column) for column in zip(*map(purchase_gaps, parts), strict=True))
    first = np.full(N_ITEMS, np.inf)
    np.minimum.at(first, DATA.histories.item, DATA.histories.at)

    assert tempo_of(n_repeated, n_pairs, days) == shop_tempo_days(DATA.histories)
    whole = fit_repurchase_intervals(DATA.histories)
    np.testing.assert_array_equal(repurchase_intervals(first, items, gaps).gap_days, whole.gap_days)
