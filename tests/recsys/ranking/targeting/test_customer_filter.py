"""Customer filter: attributes of customers compared by the operators of item filters, page by page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.data.entities import User
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.targeting import customer_filter
from recsys.ranking.targeting.customer_filter import all_customers, matching_customers, segment_filter

USERS = (
    User("a", {"age": "18-24", "visits": 3.0, "tags": ["tea", "milk"]}),
    User("b", {"age": "25-34", "visits": 12.0, "vip": True}),
    User("c", {"age": "18-24", "vip": False}),
    User("d"),
)


@pytest.fixture(params=[1, 2, 10_000])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(customer_filter, "PAGE_CUSTOMERS", request.param)
    store = open_store(tmp_path, None)
    store.put_users(USERS)
    store.append([Event(f"e-{user}", user, "i", Kind.VIEW, 1) for user in ("b", "bb", "e")])
    yield store
    store.close()


def ids(store: Store, where: object) -> str:
    return " ".join(user.user_id for user in matching_customers(store, parse_filter(where)))


def test_all_customers_are_those_with_a_record_or_an_event_in_order(store: Store) -> None:
    assert [user.user_id for user in all_customers(store)] == ["a", "b", "bb", "c", "d", "e"]
    assert {user.user_id: user for user in all_customers(store)}["b"] == USERS[1]


def test_a_filter_reads_attributes_of_customers_whatever_the_pages(store: Store) -> None:
    assert ids(store, {"age": "18-24"}) == "a c"
    assert ids(store, {"visits": {"gte": 5}}) == "b"
    assert ids(store, {"tags": "tea"}) == "a"
    assert ids(store, {"vip": False}) == "c"
    assert ids(store, {"not": {"age": "18-24"}}) == "b bb d e"
    assert ids(store, {"or": [{"vip": True}, {"visits": {"lt": 5}}]}) == "a b"


def test_a_segment_holds_those_with_one_of_the_values_of_each_attribute(store: Store) -> None:
    def of_segment(**values: list[str]) -> list[str]:
        return [user.user_id for user in matching_customers(store, segment_filter(values))]

    assert of_segment(age=["18-24", "25-34"]) == ["a", "b", "c"]
    assert of_segment(age=["18-24"], tags=["milk"]) == ["a"]
    assert (of_segment(visits=["12"]), of_segment(vip=["false"])) == (["b"], ["c"])
    both = segment_filter({"age": ["18-24"]}, parse_filter({"vip": {"exists": True}}))
    assert [user.user_id for user in matching_customers(store, both)] == ["c"]


def test_an_attribute_that_no_customer_has_is_named_with_the_nearest(store: Store) -> None:
    with pytest.raises(BadInput, match=r"no customer has the attribute 'agee'.*'age'"):
        ids(store, {"agee": "18-24"})
    with pytest.raises(BadInput, match=r"'category' is a field of items.*attributes.category"):
        ids(store, {"not": {"or": [{"category": "x"}, {"age": "x"}]}})


def test_without_attributes_at_all_the_message_says_how_to_give_some(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="recsys import users"):
        ids(open_store(tmp_path / "new", None), {"age": "x"})
