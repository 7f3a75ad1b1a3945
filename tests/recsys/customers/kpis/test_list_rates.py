import polars as pl
import pytest

from recsys.customers.kpis.list_rates import REST, all_rates, list_rates
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

Row = tuple[str, int, str | None, int, str, str, int, int, int, float]
COLUMNS = ("request_id", "row", "user_id", "at_ms", "placement", "source", "dismissed", "clicked", "bought", "revenue")


def shop(n: int, placement: str, *, source: str = "discover", day: int = 20_000, first: int = 0) -> list[Row]:
    """n customers with a list of two items each: one is clicked twice, and bought for 4.0 by every other customer."""
    rows: list[Row] = []
    for user in range(first, first + n):
        request, bought = f"{placement}-{day}-{user}", user % 2
        head = (request, 0, f"user-{user}", day * DAY_MS, placement, source)
        rows += [(*head, 0, 2, bought, 4.0 * bought), (*head, 0, 0, 0, 0.0)]
    return rows


def table(*groups: list[Row]) -> pl.DataFrame:
    return pl.DataFrame([row for rows in groups for row in rows], schema=COLUMNS, orient="row")


def test_rates_are_shares_of_shown_items_and_money_is_that_of_a_list() -> None:
    (home,) = list_rates(table(shop(40, "home")), "placement")
    assert (home.group, home.customers, home.lists, home.shown) == ("home", 40, 40, 80)
    assert home.click_rate == (0.5, 0.5, 0.5)
    assert home.buy_rate.value == 0.25
    assert home.money_per_list.value == 2.0
    assert home.money_per_list.low < 2.0 < home.money_per_list.high


def test_what_never_happened_may_still_happen() -> None:
    rate = all_rates(table(shop(40, "home"))).dismiss_rate
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert 0.05 < rate.high < 0.15


def test_small_groups_are_one_and_no_subtraction_tells_of_a_few() -> None:
    few = table(shop(100, "home"), shop(40, "search", first=100), shop(5, "cart", first=200))
    groups = list_rates(few, "placement")
    assert [(each.group, each.customers) for each in groups] == [("home", 100), (REST, 45)]
    both = table(shop(100, "home"), shop(12, "cart", first=200), shop(12, "search", first=300))
    assert [(each.group, each.customers) for each in list_rates(both, "placement")] == [("home", 100), (REST, 24)]


def test_a_customer_in_two_small_groups_counts_once() -> None:
    same = table(shop(100, "home"), shop(12, "cart", first=200), shop(12, "search", first=200))
    assert [each.group for each in list_rates(same, "placement")] == [REST]


def test_fewer_than_20_customers_are_not_told() -> None:
    with pytest.raises(NotEnoughData, match="fewer than 20 customers"):
        list_rates(table(shop(19, "home")), "day")


def test_days_stand_in_their_order_and_sources_by_their_lists() -> None:
    rows = table(shop(25, "home", day=20_001, source="popular"), shop(30, "home", day=20_000, first=50))
    assert [each.group for each in list_rates(rows, "day")] == ["2024-10-04", "2024-10-05"]
    assert [each.group for each in list_rates(rows, "source")] == ["discover", "popular"]


def test_visits_without_an_id_count_one_by_one() -> None:
    rows = table(shop(30, "home")).with_columns(pl.lit(None, pl.String).alias("user_id"))
    assert all_rates(rows).customers == 30
