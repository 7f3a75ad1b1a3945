"""Filter parser: a filter has one canonical text, and an invalid filter is refused with its place."""

import operator
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import BadFilter
from recsys.ranking.filters.expression import to_json
from recsys.ranking.filters.operators import OPERATORS
from recsys.ranking.filters.parser import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, parse_filter, parse_filter_text
from recsys.ranking.filters.values import FIELDS
from recsys.time_units import DAY_MS

IDS = ["apple", "bread", "cocoa", "dates"]
WORDS = ["red", "blue", "Rød", ""]
NUMBERS = [0.0, 1.0, 2.5, 999.5]
TIMES = [int(day * DAY_MS) for day in (1, 900, 1_000, 1_100)]
COMPARE = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}

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


def test_an_operator_says_why_it_refuses_a_kind_of_field() -> None:
    refused = [(name, field) for name, row in OPERATORS.items() for field in FIELDS if FIELDS[field] not in row.kinds]
    assert {("gte", "brand"), ("in", "available_from"), ("eq", "age_days")} <= set(refused)
    for name, field in refused:
        with pytest.raises(BadFilter, match=rf"^{field}\.{name}: \w.*; use \w") as refusal:
            parse_filter({field: {name: 5}})
        assert "{" not in str(refusal.value)


def test_a_filter_of_the_largest_size_is_accepted() -> None:
    assert parse_filter(nested(MAX_DEPTH))
    assert parse_filter({"or": [{"brand": str(at)} for at in range(MAX_CONDITIONS - 1)]})
    assert parse_filter({"brand": [str(at) for at in range(MAX_VALUES)]})
