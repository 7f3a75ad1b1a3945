"""The catalogue knows which items are on sale, and a change makes another catalogue."""

import numpy as np
import pytest

from recsys.data.catalogue.catalogue import Catalogue, build_catalogue, build_never_show
from recsys.data.entities import Item
from recsys.data.ids import MISSING, IdMap
from recsys.time_units import DAY_MS

HIDING = build_never_show({"department": ["FUEL"], "category": ["coupons"]})
ITEMS = [
    Item("apple", "Apple", "fruit", "farm", 1.5),
    Item("petrol", "Petrol", "car", attributes={"department": "FUEL"}),
    Item("voucher", category="coupons"),
    Item("water", "Water", "drinks", stock=3.0),
]
IDS = IdMap.from_ids(["apple", "bread", "petrol", "voucher", "water"])


@pytest.fixture
def catalogue() -> Catalogue:
    return build_catalogue(IDS, ITEMS, HIDING)


def on_sale(catalogue: Catalogue, now: float = 1_000.0) -> set[str]:
    return {catalogue.item_id(int(at)) for at in np.flatnonzero(catalogue.on_sale(now))}


def test_an_item_nobody_described_is_on_sale_and_has_no_name(catalogue: Catalogue) -> None:
    assert on_sale(catalogue) == {"apple", "bread", "water"}
    assert catalogue.name(catalogue.position("bread")) is None
    assert catalogue.name(catalogue.position("apple")) == "Apple"


def test_a_catalogue_comes_back_from_its_arrays_as_it_was(catalogue: Catalogue) -> None:
    again = Catalogue.from_arrays(catalogue.arrays(), HIDING)
    for name, column in catalogue.arrays().items():
        np.testing.assert_array_equal(column, again.arrays()[name], err_msg=name)
    assert on_sale(again) == on_sale(catalogue)
    assert again.category.words == catalogue.category.words


def test_a_change_makes_another_catalogue_and_leaves_the_first_alone(catalogue: Catalogue) -> None:
    changed = catalogue.with_changes(
        [Item("water", "Spring water", "drinks", stock=0.0), Item("kiwi", "Kiwi", "fruit")]
    )
    assert on_sale(changed) == {"apple", "bread", "kiwi"}
    assert on_sale(catalogue) == {"apple", "bread", "water"}
    assert changed.name(changed.position("water")) == "Spring water"
    assert changed.n_items == catalogue.n_items + 1
    assert changed.item_id(changed.position("kiwi")) == "kiwi"
    assert catalogue.position("kiwi") == MISSING
    assert changed.category.isin(["fruit"])[changed.position("kiwi")]


def test_the_last_change_of_an_item_counts(catalogue: Catalogue) -> None:
    changed = catalogue.with_changes([Item("apple", deleted=True), Item("apple", "Apple again", price=2.0)])
    assert "apple" in on_sale(changed)
    assert changed.price[changed.position("apple")] == 2.0


def test_changes_add_up_over_several_rounds(catalogue: Catalogue) -> None:
    first = catalogue.with_changes([Item("kiwi", "Kiwi", "fruit"), Item("lime", "Lime", "fruit")])
    second = first.with_changes([Item("kiwi", "Kiwi", "exotic"), Item("mango", "Mango", "exotic")])
    assert {"kiwi", "lime", "mango"} <= on_sale(second)
    assert len({second.position(name) for name in ("kiwi", "lime", "mango")}) == 3
    exotic = second.category.isin(["exotic"])
    assert {second.item_id(int(at)) for at in np.flatnonzero(exotic)} == {"kiwi", "mango"}


def test_a_deleted_item_and_one_that_becomes_hidden_are_gone(catalogue: Catalogue) -> None:
    gone = catalogue.with_changes([Item("apple", deleted=True), Item("bread", attributes={"department": "FUEL"})])
    assert on_sale(gone) == {"water"}


def test_dates_open_and_close_to_the_millisecond(catalogue: Catalogue) -> None:
    opens, closes = 500 * DAY_MS, 600 * DAY_MS
    dated = catalogue.with_changes([Item("apple", available_from_ms=opens, available_until_ms=closes)])
    for moment, is_shown in ((opens - 1, False), (opens, True), (closes - 1, True), (closes, False)):
        assert ("apple" in on_sale(dated, moment / DAY_MS)) is is_shown


def test_words_of_no_item_select_nothing(catalogue: Catalogue) -> None:
    assert not catalogue.category.isin(["no such category"]).any()
    assert not catalogue.brand.isin([]).any()
