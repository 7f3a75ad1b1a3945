"""Attribute columns hold the values of the items after any changes, and come back from a file."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue import attributes
from recsys.data.catalogue.attributes import Attributes, AttributeTable, AttributeValue
from recsys.data.catalogue.catalogue import Catalogue, build_catalogue
from recsys.data.entities import Attribute, Item
from recsys.data.ids import IdMap

N = 6
WORDS = ("red", "blue", "rød", "")
VALUES = ("red", "blue", "rød", "new", True, False, 0.0, 1.0, 2.5)
Described = dict[int, dict[str, Attribute]]

some_values: st.SearchStrategy[Attribute] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(WORDS),
    st.sampled_from([0.0, 1.0, 2.5]),
    st.lists(st.sampled_from(WORDS), max_size=3),
)
some_items = st.dictionaries(
    st.integers(0, N - 1), st.dictionaries(st.sampled_from(["colour", "size", "new"]), some_values), max_size=N
)


def has(value: Attribute, wanted: AttributeValue) -> bool:
    """Whether an item with that value has the wanted value, in the obvious way."""
    if isinstance(value, list):
        return wanted in value and isinstance(wanted, str)
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def is_something(value: Attribute) -> bool:
    return any(value) if isinstance(value, list) else value not in (None, "")


def assert_holds(attributes_now: Attributes, items: Mapping[int, Mapping[str, Attribute]]) -> None:
    values_by_name = {name: [items.get(at, {}).get(name) for at in range(N)] for name in ("colour", "size", "new")}
    held = {name for name, values in values_by_name.items() if any(map(is_something, values))}
    assert held <= set(attributes_now.names())
    for name in attributes_now.names():
        values, column = values_by_name[name], attributes_now.column(name)
        assert column is not None
        assert column.has_value(N).tolist() == [is_something(value) for value in values]
        for wanted in VALUES:
            assert column.isin([wanted], N).tolist() == [has(value, wanted) for value in values], wanted
        assert column.has_number_where(column.number >= 1, N).tolist() == [
            isinstance(value, float) and not isinstance(value, bool) and value >= 1 for value in values
        ]


@given(bundled=some_items, changes=st.lists(some_items, max_size=4), used=st.lists(st.sampled_from(["colour", "new"])))
def test_columns_hold_the_values_of_the_items_after_any_changes(
    bundled: Described, changes: list[Described], used: list[str]
) -> None:
    current, items = Attributes(AttributeTable.from_arrays(AttributeTable.build(bundled).arrays())), dict(bundled)
    assert_holds(current, items)
    current = Attributes(current.table)
    for change in changes:
        for name in used:  # columns in use are updated at once, the others when they are first used
            current.column(name)
        current, items = current.with_changes(change), {**items, **change}
    assert_holds(current, items)


@given(bundled=some_items, changes=st.lists(some_items, max_size=4))
def test_many_pending_changes_go_into_the_columns(bundled: Described, changes: list[Described]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "MAX_PENDING", 1)
        current, items = Attributes(AttributeTable.build(bundled)), dict(bundled)
        for change in changes:
            current, items = current.with_changes(change), {**items, **change}
    assert len(current.pending) <= 1
    assert_holds(current, items)


def test_a_change_to_the_same_values_keeps_the_column() -> None:
    current = Attributes(AttributeTable.build({0: {"colour": ["red", "blue"], "size": 2.0}}))
    before = current.column("colour"), current.column("size")
    after = current.with_changes({0: {"colour": ["blue", "red", "red"], "size": 2.0}, 1: {}})
    assert (after.column("colour"), after.column("size")) == before
    assert after.column("colour") is before[0]


def test_items_with_one_value_have_one_code_and_items_without_have_none() -> None:
    values: list[Attribute] = ["red", "blue", ["red", "blue"], 2.0, 2.0, True, None, "", False, 3.0]
    column = Attributes(AttributeTable.build({at: {"it": value} for at, value in enumerate(values)})).column("it")
    assert column is not None
    codes = column.codes(len(values)).tolist()
    assert [codes[6], codes[7]] == [0, 0]
    assert (codes[1] == codes[2], codes[3] == codes[4]) == (True, True)  # words stand in UTF-8 order
    assert len({codes[at] for at in (0, 1, 3, 5, 6, 8, 9)}) == 7


def test_an_attribute_that_no_item_ever_had_is_unknown_and_a_removed_one_is_known() -> None:
    current = Attributes(AttributeTable.build({0: {"colour": "red"}, 1: {"size": None}}))
    assert current.names() == ["colour"]
    assert current.column("size") is None
    emptied = current.with_changes({0: {"size": 3.0}}).with_changes({0: {}})
    assert emptied.names() == ["colour"]


def test_a_catalogue_keeps_the_attributes_of_its_items_in_its_arrays_and_through_changes() -> None:
    items = [Item("apple", attributes={"organic": True, "weight": 0.2}), Item("bread", attributes={"grain": ["rye"]})]
    made = build_catalogue(IdMap.from_ids(["apple", "bread", "water"]), items, {})
    again = Catalogue.from_arrays(made.arrays(), {}).with_changes([Item("kiwi", attributes={"organic": True})])
    organic, grain = again.attributes.column("organic"), again.attributes.column("grain")
    assert organic is not None
    assert grain is not None
    assert organic.isin([True], again.n_items).tolist() == [True, False, False, True]
    assert grain.isin(["rye"], again.n_items).tolist() == [False, True, False, False]


def test_a_catalogue_made_before_there_were_attributes_knows_none() -> None:
    made = build_catalogue(IdMap.from_ids(["apple"]), [Item("apple", attributes={"organic": True})], {})
    before = {name: array for name, array in made.arrays().items() if not name.startswith("attributes/")}
    assert Catalogue.from_arrays(before, {}).attributes.names() == []
    np.testing.assert_array_equal(made.is_listed, [True])
