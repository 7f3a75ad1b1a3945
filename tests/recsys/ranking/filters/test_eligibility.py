"""Filter evaluation: a filter passes the items it describes, and each mask is computed once for a catalogue."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue.catalogue import Catalogue, build_catalogue
from recsys.data.catalogue.mask_cache import ENTRY_BYTES
from recsys.data.entities import Attribute, Item
from recsys.data.ids import IdMap
from recsys.errors import UnknownAttribute
from recsys.ranking.filters.eligibility import eligible_items, passing
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.filters.spec import Filters
from recsys.time_units import DAY_MS
from tests.recsys.ranking.filters.test_parser import COMPARE, IDS, NUMBERS, TIMES, WORDS, some_filters

NOW = 1_000.0
# so that no attribute is unknown, and each holds text, numbers and booleans
ALWAYS = [Item(f"known{x}", attributes=dict.fromkeys(("colour", "size", "new"), x)) for x in ("red", 1.0, True)]

some_values: st.SearchStrategy[Attribute] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(WORDS),
    st.sampled_from(NUMBERS),
    st.lists(st.sampled_from(WORDS), max_size=3),
)
some_items = st.builds(
    Item,
    item_id=st.sampled_from(IDS),
    name=st.none() | st.sampled_from(WORDS),
    category=st.none() | st.sampled_from(WORDS),
    brand=st.none() | st.sampled_from(WORDS),
    price=st.none() | st.sampled_from(NUMBERS),
    stock=st.none() | st.sampled_from(NUMBERS),
    available_from_ms=st.none() | st.sampled_from(TIMES),
    available_until_ms=st.none() | st.sampled_from(TIMES),
    attributes=st.dictionaries(st.sampled_from(["colour", "size", "new", "price"]), some_values),
)


def value_of(item: Item, name: str) -> Attribute:
    if name == "age_days":
        return None if item.available_from_ms is None else NOW - item.available_from_ms / DAY_MS
    if name in ("available_from", "available_until"):
        moment_ms = getattr(item, f"{name}_ms")
        return None if moment_ms is None else float(moment_ms)
    if name in ("item_id", "name", "category", "brand", "price", "stock"):
        value: Attribute = getattr(item, name)
        return value
    return item.attributes.get(name.removeprefix("attributes."))


def holds(value: Attribute, wanted: object) -> bool:
    if wanted == "":
        return not is_something(value)
    if isinstance(value, list):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def is_something(value: Attribute) -> bool:
    return any(value) if isinstance(value, list) else value not in (None, "")


def passes(item: Item, written: Any) -> bool:
    """Whether the item passes the filter, evaluated step by step."""
    return all(_passes(item, key, operand) for key, operand in written.items())


def _passes(item: Item, key: str, operand: Any) -> bool:
    if key == "not":
        return not passes(item, operand)
    if key in ("and", "or"):
        return (all if key == "and" else any)(passes(item, part) for part in operand)
    value = value_of(item, key)
    if not isinstance(operand, dict):
        return any(holds(value, wanted) for wanted in (operand if isinstance(operand, list) else [operand]))
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return all(
        [
            holds(value, operand["eq"]) if "eq" in operand else True,
            any(holds(value, wanted) for wanted in operand["in"]) if "in" in operand else True,
            is_something(value) is operand["exists"] if "exists" in operand else True,
            *(number is not None and COMPARE[bound](number, operand[bound]) for bound in COMPARE if bound in operand),
        ]
    )


def build_shop(bundled: list[Item], changed: list[Item]) -> tuple[Catalogue, list[Item]]:
    """A catalogue of the first items, changed by the others, and the items as they are now, in its order."""
    made = build_catalogue(IdMap.from_ids([*IDS[:3], *(item.item_id for item in ALWAYS)]), [*ALWAYS, *bundled], {})
    now = Catalogue.from_arrays(made.arrays(), {}).with_changes(changed)
    items = {item.item_id: item for item in (*ALWAYS, *bundled, *changed)}
    ids = [now.item_id(at) for at in range(now.n_items)]
    return now, [items.get(item_id, Item(item_id)) for item_id in ids]


@given(
    bundled=st.lists(some_items.filter(lambda item: item.item_id != "dates"), max_size=4),
    changed=st.lists(some_items, max_size=4),
    filters=some_filters,
)
def test_a_filter_passes_the_items_it_describes(
    bundled: list[Item], changed: list[Item], filters: dict[str, Any]
) -> None:
    catalogue, items = build_shop(bundled, changed)
    mask = passing(parse_filter(filters), catalogue, NOW).mask
    assert mask.tolist() == [passes(item, filters) for item in items]


def test_an_attribute_that_no_item_has_is_named_with_the_nearest() -> None:
    catalogue, _ = build_shop([], [])
    with pytest.raises(UnknownAttribute, match="no item has the attribute 'color'; did you mean 'colour'"):
        passing(parse_filter({"color": "red"}), catalogue, NOW)
    with pytest.raises(UnknownAttribute, match="brand is a field: name it without 'attributes.'"):
        passing(parse_filter({"attributes.brand": {"exists": False}}), catalogue, NOW)


def test_a_mask_is_computed_once_for_each_catalogue() -> None:
    catalogue, _ = build_shop([], [])
    red = parse_filter({"colour": "red"})
    assert passing(red, catalogue, NOW) is passing(parse_filter({"colour": ["red"]}), catalogue, NOW)
    changed = catalogue.with_changes([Item("apple", attributes={"colour": "red"})])
    assert np.count_nonzero(passing(red, changed, NOW).mask) == 1 + np.count_nonzero(passing(red, catalogue, NOW).mask)


def test_the_age_of_an_item_is_that_of_the_moment() -> None:
    catalogue, _ = build_shop([Item("apple", available_from_ms=int(990 * DAY_MS))], [])
    young = parse_filter({"age_days": {"lte": 15}})
    assert passing(young, catalogue, NOW).mask.sum() == 1
    assert passing(young, catalogue, NOW + 6).mask.sum() == 0


def test_only_recently_used_masks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue, _ = build_shop([], [])
    monkeypatch.setattr(catalogue.masks, "_max_bytes", 3 * ENTRY_BYTES)
    one, two, three = (parse_filter({"price": price}) for price in (1, 2, 3))
    kept = [passing(where, catalogue, NOW) for where in (one, two, one, three)]
    assert catalogue.masks.get(one.text) is kept[0]
    assert catalogue.masks.get(two.text) is None
    assert catalogue.masks.get(three.text) is kept[3]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"grams": {"gte": 300}}, "'grams' holds text, such as '300', and no item has numbers"),
        ({"grams": [300, 400]}, "'grams' holds text, such as '300', and no item has numbers"),
        ({"organic": True}, "'organic' holds text, such as 'yes', and no item has true and false"),
        ({"kids": "2"}, "'kids' holds numbers, such as 2.0, and no item has text; compare it with numbers"),
        ({"not": {"new": {"lt": 5}}}, "'new' holds true and false, such as True, and no item has numbers"),
    ],
)
def test_a_condition_that_compares_numbers_with_text_is_an_error(filters: dict[str, Any], message: str) -> None:
    item = Item("i", attributes={"grams": "300", "organic": "yes", "kids": 2, "new": True})
    bundled = build_catalogue(IdMap.from_ids(["i"]), [item], {})
    changed = build_catalogue(IdMap.from_ids(["i"]), [], {}).with_changes([item])
    for catalogue in (bundled, changed):
        with pytest.raises(UnknownAttribute, match=message):
            passing(parse_filter(filters), catalogue, NOW)


@given(bundled=st.lists(some_items), changed=st.lists(some_items), written=some_filters)
def test_what_a_request_keeps_of_a_filter_is_what_the_next_would_find(
    bundled: list[Item], changed: list[Item], written: dict[str, Any]
) -> None:
    catalogue, _ = build_shop(bundled, changed)
    filters = Filters(where=parse_filter(written))
    assert filters.combined is not None
    for now in (NOW, NOW + 400.0, NOW, NOW + 400.0):
        eligible = eligible_items(filters, catalogue, now)
        expected = catalogue.on_sale(now) & passing(filters.combined, catalogue, now).mask
        assert eligible.mask.tolist() == expected.tolist()
        assert eligible.few is None or eligible.few.tolist() == expected.nonzero()[0].tolist()
