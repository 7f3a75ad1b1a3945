"""Name search: every word in any case, the closest first, and what changed since the release."""

import pytest

from recsys.data.catalogue.catalogue import Catalogue, build_catalogue, build_never_show
from recsys.data.catalogue.name_search import NameSearch, closeness, unlisted_items
from recsys.data.entities import Item
from recsys.data.ids import IdMap

NAMES = {"p-1": "Grüner Tee", "p-2": "Tee mit Zitrone", "p-3": "Teekanne", "p-4": "Kaffee", "tee": "Becher", "x": None}
ITEMS = [Item(item_id, name) for item_id, name in NAMES.items()]


@pytest.fixture
def catalogue() -> Catalogue:
    return build_catalogue(IdMap.from_ids(NAMES), [*ITEMS, Item("p-9", "Tee alt", deleted=True)], build_never_show({}))


def matching(catalogue: Catalogue, query: str, limit: int = 10) -> tuple[int, list[str]]:
    total, positions = NameSearch().search(catalogue, query, limit)
    return total, [catalogue.item_id(at) for at in positions]


def test_the_id_comes_first_then_names_that_begin_so_then_short_ones(catalogue: Catalogue) -> None:
    assert matching(catalogue, "TEE") == (4, ["tee", "p-3", "p-2", "p-1"])
    assert matching(catalogue, "tee", 2) == (4, ["tee", "p-3"])


def test_every_word_must_stand_in_the_name_or_id(catalogue: Catalogue) -> None:
    assert matching(catalogue, " zitrone  tee ") == (1, ["p-2"])
    assert matching(catalogue, "GRÜNER p-1") == (1, ["p-1"])
    assert matching(catalogue, "tee.*") == (0, [])


def test_names_of_the_last_change_count_and_deleted_items_do_not(catalogue: Catalogue) -> None:
    search = NameSearch()
    assert search.search(catalogue, "rooibos", 5).total == 0
    changed = catalogue.with_changes([Item("p-4", "Rooibos"), Item("new", "Rooibos neu"), Item("p-2", deleted=True)])
    assert [changed.item_id(at) for at in search.search(changed, "rooibos", 5).positions] == ["p-4", "new"]
    assert search.search(changed, "kaffee", 5).total == search.search(changed, "zitrone", 5).total == 0


def test_a_category_counts_like_a_name_but_comes_after_names() -> None:
    items = [Item("a", "Assam leaves", category="Tea"), Item("b", "A pot of tea"), Item("c", "Tea rose", category="X")]
    shop = build_catalogue(IdMap.from_ids("abc"), items, build_never_show({}))
    assert matching(shop, "tea") == (3, ["c", "b", "a"])
    assert matching(shop.with_changes([Item("c", "Rose", category="Teas")]), "teas") == (1, ["c"])
    by_hand = sorted(items, key=lambda item: closeness("tea", item.item_id, item.name))
    assert [item.item_id for item in by_hand] == ["c", "b", "a"]


def test_stored_items_that_no_list_shows_are_found_unless_they_are_deleted(catalogue: Catalogue) -> None:
    stored = [*ITEMS, Item("fee", "Tee-Pfand", category="Pfand"), Item("gone", "Tee", deleted=True)]
    assert [item.item_id for item in unlisted_items(stored, catalogue, "PFAND tee")] == ["fee"]
    hidden = catalogue.with_changes([Item("p-3", deleted=True)])
    assert [item.item_id for item in unlisted_items(stored, hidden, "teekanne")] == ["p-3"]


@pytest.mark.parametrize("query", ["", " ", "\u2003\t"])
def test_a_search_for_no_word_matches_nothing(catalogue: Catalogue, query: str) -> None:
    assert matching(catalogue, query) == (0, [])
