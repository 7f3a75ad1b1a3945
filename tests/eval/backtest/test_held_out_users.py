"""Money earned is the price less the cost, where the cost is known."""

import polars as pl

from eval.backtest.held_out_users import earned_money
from recsys.data.entities import Item


def rows(*purchases: tuple[str, float | None, float]) -> pl.DataFrame:
    schema = {"item_id": pl.String, "price": pl.Float64, "quantity": pl.Float64}
    return pl.DataFrame(purchases, schema=schema, orient="row")


def test_money_earned_is_price_less_cost_or_a_share_of_the_price() -> None:
    items = [Item("tea", attributes={"cost": 2.0}), Item("jam", attributes={"margin": 0.25}), Item("salt")]
    earned = earned_money(rows(("tea", 5.0, 2.0), ("jam", 4.0, 1.0), ("salt", 9.0, 1.0), ("gone", 9.0, 1.0)), items)
    assert earned is not None
    assert earned.tolist() == [6.0, 1.0, 0.0, 0.0]


def test_an_item_sold_below_cost_or_without_a_price_earns_nothing() -> None:
    earned = earned_money(rows(("tea", 1.0, 2.0), ("tea", None, 1.0)), [Item("tea", attributes={"cost": 2.0})])
    assert earned is not None
    assert earned.tolist() == [0.0, 0.0]


def test_without_any_cost_there_is_no_margin() -> None:
    assert earned_money(rows(("tea", 5.0, 2.0)), [Item("tea", attributes={"cost": None, "margin": "high"})]) is None


def test_the_cost_of_a_catalogue_counts_before_an_attribute_of_that_name() -> None:
    items = [Item("tea", cost=2.0, attributes={"cost": 1.0}), Item("jam", attributes={"cost": 1.0})]
    assert earned_money(rows(("tea", 5.0, 2.0), ("jam", 4.0, 1.0)), items).tolist() == [6.0, 3.0]  # type: ignore[union-attr]
