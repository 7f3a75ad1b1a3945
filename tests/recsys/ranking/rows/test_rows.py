"""Rows: each list holds what its title says, and no item is in two of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.errors import BadSettings, UnknownPlacement
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import load_placements
from recsys.ranking.query import ListOptions, Query, Rows
from recsys.ranking.recommender import Recommender
from recsys.ranking.rows.rows import FEWEST, build_rows
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]
NAMES = sorted(load_placements(None, frozenset(SOURCES)))
some_ids = st.lists(st.sampled_from([*ITEM_IDS, "nobody-knows-me"]), max_size=6, unique=True)


def shown(rows: Rows) -> list[str]:
    return [item.item_id for row in rows.rows for item in row.items]


def titles(rows: Rows) -> list[str]:
    return [row.title for row in rows.rows]


@given(
    names=st.lists(st.sampled_from(NAMES), max_size=6),
    placement=st.sampled_from(["home", "product", "basket"]),
    k=st.integers(1, 9),
    user=st.sampled_from(["user-003", "user-010", "stranger", None]),
    context=some_ids,
    exclude=some_ids,
    only=st.none() | st.just(frozenset({"category-1", "category-2"})),
)
def test_no_item_is_in_two_rows_and_every_item_is_eligible(
    small_shop: Recommender,
    names: list[str],
    placement: str,
    k: int,
    user: str | None,
    context: list[str],
    exclude: list[str],
    only: frozenset[str] | None,
) -> None:
    query = Query(
        NOW_MS, placement, k, user, context_item_ids=context, exclude=exclude, filters=Filters(category_in=only)
    )
    rows = build_rows(small_shop, query, names)
    items = shown(rows)
    eligible = {item.item_id for item in small_items() if only is None or item.category in only} - {*context, *exclude}
    assert len(items) == len(set(items))
    assert set(items) <= eligible
    for row in rows.rows:
        assert len(row.items) <= k
        assert [item.rank for item in row.items] == list(range(1, len(row.items) + 1))
    assert bool(items) == bool(eligible)
    if len(rows.rows) > 1:
        assert min(len(row.items) for row in rows.rows) >= min(FEWEST, k)


def test_rows_of_home_hold_what_their_titles_say(small_shop: Recommender) -> None:
    rows = build_rows(small_shop, Query(NOW_MS, "home", 1, "user-007"))
    first = rows.rows[0]
    assert first.title == "Buy again"
    assert {item.source for item in first.items} == {"buy_again"}
    because = [row for row in rows.rows if row.placement == "because"]
    assert because
    for row in because:
        (item_id,) = row.because
        assert row.title == f"Because you bought Product {int(item_id[-3:])}"
        assert {item.source for item in row.items} <= {"similar", "bought_together", "similar_vectors"}
    assert rows.fallback == "personal"


def test_seed_items_are_of_different_categories(small_shop: Recommender) -> None:
    rows = build_rows(small_shop, Query(NOW_MS, "home", 1, "user-007"), ["because"])
    kinds = [int(row.because[0][-3:]) % 4 for row in rows.rows]
    assert 1 < len(kinds) == len(set(kinds)) <= 3


def test_no_deleted_or_dismissed_item_is_mentioned(small_shop: Recommender) -> None:
    query = Query(NOW_MS, "home", 6, "user-004")
    named = {item_id for row in build_rows(small_shop, query).rows for item_id in row.because}
    anchors = {
        item_id
        for placement in ("discover", "home")
        for item_id in reasons(small_shop, replace(query, placement=placement))
    }
    assert named
    assert anchors
    no = [Event(f"no-{item_id}", "user-004", item_id, Kind.DISMISS, NOW_MS + 1) for item_id in sorted(named | anchors)]
    gone = small_shop.with_catalogue(
        small_shop.catalogue.with_changes(Item(item_id, deleted=True) for item_id in named | anchors)
    )

    for shop, recent in ((small_shop, no), (gone, [])):
        rows = build_rows(shop, replace(query, recent=recent))
        assert not named & {item_id for row in rows.rows for item_id in row.because}
        for placement in ("discover", "home"):
            assert not (named | anchors) & reasons(shop, replace(query, placement=placement, recent=recent))


def reasons(shop: Recommender, query: Query) -> set[str]:
    """The ids that the reasons of a list name."""
    return {item_id for item in shop.recommend(query).items for item_id in item.reason.because}


def test_a_visitor_gets_a_row_for_viewed_items(small_shop: Recommender) -> None:
    session = [Event("v", "", "item-003", Kind.VIEW, NOW_MS)]
    rows = build_rows(small_shop, Query(NOW_MS, "home", 3, session=session), ["because", "because-viewed"])
    assert titles(rows) == ["Because you looked at Product 3"]
    assert rows.rows[0].because == ("item-003",)
    assert all(int(item.item_id[-3:]) % 2 == 1 for item in rows.rows[0].items)


def test_an_unknown_customer_gets_rows_that_need_no_history(small_shop: Recommender) -> None:
    rows = build_rows(small_shop, Query(NOW_MS, "home", 4, "stranger"))
    assert set(titles(rows)) == {"Trending", "Best-sellers"}
    assert rows.fallback == "popular"


def test_without_a_long_enough_row_the_placement_itself_is_the_row(small_shop: Recommender) -> None:
    two = Filters(category_in=frozenset({"none-yet"}))
    late = [Item(f"late-{n}", category="none-yet") for n in range(2)]
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes(late))
    rows = build_rows(shop, Query(NOW_MS, "product", 5, "user-007", filters=two))
    assert titles(rows) == ["Goes with this"]
    assert len(shown(rows)) == 2
    assert build_rows(small_shop, Query(NOW_MS, "home", 5, filters=two)).rows == ()


def test_rows_of_a_product_page_hold_up_sell_and_cross_sell(small_shop: Recommender) -> None:
    rows = build_rows(small_shop, Query(NOW_MS, "product", 2, "user-001", context_item_ids=["item-008"]))
    by_title = {row.title: row for row in rows.rows}
    assert {"Similar", "To go with it"} <= set(by_title)
    assert all(int(item.item_id[-3:]) % 4 != 0 for item in by_title["To go with it"].items)


def test_an_unknown_row_is_named(small_shop: Recommender, tmp_path: Path) -> None:
    with pytest.raises(UnknownPlacement, match="did you mean 'trending'"):
        build_rows(small_shop, Query(NOW_MS), ["trendin"])
    file = tmp_path / "recsys.toml"
    file.write_text('[placements.home]\nrows = ["buy-agian"]\n')
    with pytest.raises(BadSettings, match="did you mean 'buy-again'"):
        load_placements(file, frozenset(SOURCES))


def test_exploration_reports_the_probability_of_each_place(small_shop: Recommender) -> None:
    def chances(seed: int) -> dict[tuple[str, ...], float]:
        recommendations = small_shop.recommend(Query(NOW_MS, "best-sellers", 2, options=ListOptions(seed=seed)))
        product = float(np.prod([item.probability for item in recommendations.items]))  # type: ignore[arg-type]
        return {tuple(item.item_id for item in recommendations.items): product}

    runs = 800
    draws = [chances(seed) for seed in range(runs)]
    chance_by_order = {order: chance for draw in draws for order, chance in draw.items()}
    for order, chance in chance_by_order.items():
        often = sum(order in draw for draw in draws) / runs
        assert often == pytest.approx(chance, abs=5 * np.sqrt(chance / runs) + 1e-3)
    plain = small_shop.recommend(replace(Query(NOW_MS, "best-sellers", 2)))
    assert [item.probability for item in plain.items] == [None, None]
