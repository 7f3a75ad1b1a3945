"""Filter expressions: a filter passes the items it describes, and an invalid filter is refused with its place."""

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue.catalogue import Catalogue, build_catalogue
from recsys.data.catalogue.mask_cache import ENTRY_BYTES
from recsys.data.entities import Attribute, Item
from recsys.data.ids import IdMap
from recsys.errors import BadFilter, UnknownAttribute
from recsys.ranking.filters.evaluate import passing
from recsys.ranking.filters.expression import to_json
from recsys.ranking.filters.parser import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, parse_filter, parse_filter_text
from recsys.time_units import DAY_MS

NOW = 1_000.0
IDS = ["apple", "bread", "cocoa", "dates"]
WORDS = ["red", "blue", "Rød", ""]
NUMBERS = [0.0, 1.0, 2.5, 999.5]
TIMES = [int(day * DAY_MS) for day in (1, 900, 1_000, 1_100)]
COMPARE = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}
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
texts = st.sampled_from(["item_id", "name", "category", "brand"])
numbers = st.sampled_from(["price", "stock", "age_days"])
attributes = st.sampled_from(["colour", "size", "attributes.new"])


def bounds(values: list[float]) -> st.SearchStrategy[dict[str, float]]:
    return st.dictionaries(st.sampled_from(sorted(COMPARE)), st.sampled_from(values), min_size=1, max_size=2)


any_value = st.sampled_from([*WORDS, *NUMBERS, True, False])
some_leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.tuples(texts, st.sampled_from([*WORDS, *IDS])),
    st.tuples(texts, st.lists(st.sampled_from([*WORDS, *IDS]), max_size=3)),
    st.tuples(st.sampled_from(["price", "stock"]), st.fixed_dictionaries({"in": st.lists(st.sampled_from(NUMBERS))})),
    st.tuples(numbers, bounds(NUMBERS)),
    st.tuples(st.sampled_from(["available_from", "available_until"]), bounds([float(time) for time in TIMES])),
    st.tuples(attributes, st.fixed_dictionaries({"eq": any_value}) | st.lists(any_value, max_size=3)),
    st.tuples(attributes, bounds(NUMBERS)),
    st.tuples(attributes | texts | numbers | st.just("available_until"), st.builds(dict, exists=st.booleans())),
    st.tuples(attributes, st.fixed_dictionaries({"exists": st.booleans(), "in": st.lists(any_value, max_size=2)})),
).map(lambda pair: {pair[0]: pair[1]})
some_filters = st.recursive(
    some_leaves,
    lambda inner: st.one_of(
        st.builds(dict, **{"not": inner}),
        st.builds(dict, **{"and": st.lists(inner, max_size=3)}),
        st.builds(dict, **{"or": st.lists(inner, max_size=3)}),
        st.tuples(inner, inner).map(lambda two: {**two[0], **two[1]}),
    ),
    max_leaves=6,
).filter(lambda written: depth(written) <= MAX_DEPTH)


def depth(written: Mapping[str, Any]) -> int:
    inner = [depth(part) for key in ("and", "or") for part in written.get(key, ())]
    return 1 + max([*inner, depth(written["not"]) if "not" in written else 0])


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


@given(filters=some_filters)
def test_the_canonical_text_parses_to_the_same_filter(filters: dict[str, Any]) -> None:
    where = parse_filter(filters)
    again = parse_filter(to_json(where.expression))
    assert again == where
    assert parse_filter_text(where.text) == where


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ({"colour": "red"}, {"attributes.colour": {"eq": "red"}}),
        ({"colour": "red"}, {"colour": {"in": ["red", "red"]}}),
        ({"colour": ["blue", "red"]}, {"colour": {"in": ["red", "blue"]}}),
        ({"price": {"gte": 2}}, {"price": {"gte": 2.0}}),
        ({"price": {"gte": 1, "lt": 2}, "brand": "a"}, {"and": [{"brand": "a"}, {"price": {"lt": 2, "gte": 1}}]}),
        ({"and": [{"brand": "a"}, {"and": [{"name": "b"}]}]}, {"name": "b", "brand": "a"}),
        ({"not": {"not": {"brand": "a"}}}, {"brand": "a"}),
        ({"size": {"exists": False}}, {"not": {"size": {"exists": True}}}),
        ({"available_from": {"lt": "1970-01-02T00:00:00Z"}}, {"available_from": {"lt": DAY_MS}}),
    ],
)
def test_equal_filters_have_one_canonical_form(written: dict[str, Any], same: dict[str, Any]) -> None:
    assert parse_filter(written) == parse_filter(same)


def test_a_word_is_no_boolean_and_a_boolean_is_no_number() -> None:
    assert len({parse_filter({"new": value}).text for value in (True, 1, "true", "1")}) == 4


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"price": 1}
    for _ in range(levels - 1):
        inner = {"not": inner}
    return inner


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([], "where: must be an object"),
        ("price", "where: must be an object"),
        ({"price": {"les": 5}}, "price: 'les' is no operator; did you mean 'lte'"),
        ({"price": {"$gt": 5}}, r"price: '\$gt' is no operator; did you mean 'gt'"),
        ({"price": {}}, "price: says nothing"),
        ({"price": "5"}, "price.eq: must be a number, not '5'"),
        ({"price": True}, "price.eq: must be a number"),
        ({"price": {"lt": None}}, "price.lt: must be a number"),
        ({"price": {"lt": float("nan")}}, "price.lt: must be a finite number"),
        ({"price": {"lt": 10**400}}, "price.lt: must be a finite number"),
        ({"brand": 5}, "brand.eq: must be text, not 5"),
        ({"brand": {"gte": "a"}}, "brand.gte: only numbers and moments have bounds"),
        ({"brand": None}, 'write {"exists": false}'),
        ({"colour": {"in": "red"}}, "colour.in: must be a list"),
        ({"colour": {"in": [["red"]]}}, "colour.in: must be text, a number, true or false, not a list"),
        ({"colour": {"exists": "yes"}}, "colour.exists: must be true or false"),
        ({"colour": "\ud800"}, "colour.eq: use text"),
        ({"\ud800": "red"}, "use a name of up to 1000"),
        ({"x" * 1_001: "red"}, "use a name of up to 1000"),
        ({"colour": "x" * 1_001}, "colour.eq: use text of up to 1000"),
        ({"available_from": {"gt": "soon"}}, "available_from.gt: use ISO 8601"),
        ({"available_from": 5}, "is a moment that nothing hits"),
        ({"and": {"brand": "a"}}, "and: must be a list"),
        ({"or": [{"brand": "a"}, 7]}, r"or\[1\]: must be an object"),
        ({"not": []}, "not: must be an object"),
        (nested(MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels"),
        ({"or": [{"brand": str(at)} for at in range(MAX_CONDITIONS)]}, f"more than {MAX_CONDITIONS} conditions"),
        ({"brand": [str(at) for at in range(MAX_VALUES + 1)]}, f"more than {MAX_VALUES} values"),
    ],
)
def test_an_invalid_filter_is_refused_with_its_place(filters: object, message: str) -> None:
    with pytest.raises(BadFilter, match=message):
        parse_filter(filters)


def test_a_filter_of_the_largest_size_is_accepted() -> None:
    assert parse_filter(nested(MAX_DEPTH))
    assert parse_filter({"or": [{"brand": str(at)} for at in range(MAX_CONDITIONS - 1)]})
    assert parse_filter({"brand": [str(at) for at in range(MAX_VALUES)]})


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
