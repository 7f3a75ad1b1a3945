"""People table: a row per counted customer, in the columns that the docs describe, for polars and pandas."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from recsys.customers.people import COLUMNS, PEOPLE_FILE, SCORE_COLUMNS, people_frame, score_columns, write_people
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.table import CustomerTable
from tests.recsys.customers.conftest import Shop


def test_the_file_opens_in_polars_and_pandas_with_the_documented_columns(shop: Shop, tmp_path: Path) -> None:
    data, table = shop
    write_people(tmp_path, table, data.users, data.catalogue.category.words)
    people, same = pl.read_parquet(tmp_path / PEOPLE_FILE), pd.read_parquet(tmp_path / PEOPLE_FILE)
    assert people.columns == list(COLUMNS) == list(same.columns)
    assert len(people) == len(same) == int(table.is_counted.sum())
    assert "guest:o1" not in people["user_id"].to_list()


def test_what_cannot_be_known_is_null(shop: Shop, tmp_path: Path) -> None:
    data, table = shop
    write_people(tmp_path, table, data.users, data.catalogue.category.words)
    people = pl.read_parquet(tmp_path / PEOPLE_FILE)
    visitor = people.row(by_predicate=pl.col("user_id") == "visitor", named=True)
    unknown = {name for name, value in visitor.items() if value is None}
    assert unknown == {
        *("first_order", "last_order", "recency_days", "gap_days", "margin", "price_level", "top_category"),
        *("r", "f", "m", "rfm_group", "short_group", "abc", "stage_since", "stage_before"),
    }


def test_sums_are_without_the_last_digits_of_floating_point(shop: Shop) -> None:
    data, table = shop
    odd = replace(table, money=np.full(len(table), 0.1 + 0.2), discount=np.full(len(table), 362.87000000000006))
    people = people_frame(odd, data.users.texts.all(), data.catalogue.category.words, {})
    assert {*people["money"], *people["discount"]} == {0.3, 362.87}


def test_a_release_without_a_table_has_no_file(shop: Shop, tmp_path: Path) -> None:
    write_people(tmp_path, CustomerTable(), shop[0].users, ("",))
    assert not (tmp_path / PEOPLE_FILE).exists()


def test_scores_that_the_release_learnt_are_columns_with_null_where_unknown(shop: Shop) -> None:
    data, table = shop
    unknown = np.full(len(table), np.nan)
    columns: dict[str, Any] = dict.fromkeys(SCORE_COLUMNS, unknown) | {"value": np.arange(len(table), dtype=np.float64)}
    scores = CustomerScores(**columns)
    people = people_frame(table, data.users.texts.all(), data.catalogue.category.words, score_columns(scores))
    assert people.columns == [*COLUMNS, *SCORE_COLUMNS]
    assert people["churn_28"].null_count() == len(people)
    assert people["value"].null_count() == 0
    assert score_columns(CustomerScores()) == {}
