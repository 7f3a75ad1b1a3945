"""Pages of customers: the order of a plain sort, unknown figures last, and nobody who may not be named."""

from typing import Any

import pytest

from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import SavedSegments, parse_segments
from recsys.ranking.segments.named import NamedCustomers, needs_records
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import SegmentPopulation
from recsys.ranking.segments.search import CustomerPage, customers_frame, ordered_people, search_customers

NONE = SavedSegments((), "")
ORDERS = ("money", "last_order", "gap_days", "stage", "rfm_group", "top_category", "user_id", "stage_since", "abc")


def page_of(people: SegmentPopulation, **page: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = search_customers(people, None, NONE, CustomerPage(**page))["rows"]
    return rows


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_pages_together_are_the_whole_table_sorted(population: SegmentPopulation, order: str, reverse: bool) -> None:
    whole = ordered_people(customers_frame(population, None, NONE), order, (), reverse=reverse)
    pages = [
        row
        for at in range(0, len(whole), 7)
        for row in page_of(population, order=order, reverse=reverse, limit=7, offset=at)
    ]
    assert pages == whole.to_dicts()
    assert page_of(population, order=order, offset=len(whole)) == []


def test_a_page_holds_the_fields_that_were_asked_for_and_a_wrong_one_is_told(population: SegmentPopulation) -> None:
    assert [set(row) for row in page_of(population, fields=("user_id", "money"), limit=2)] == [{"user_id", "money"}] * 2
    for page in ({"order": "mony"}, {"fields": ("mony",)}):
        with pytest.raises(BadInput, match="did you mean 'money'"):
            page_of(population, **page)


def test_without_records_the_same_customers_are_named(
    population: SegmentPopulation, small_shop: Recommender, store: Store
) -> None:
    named = NamedCustomers()
    for _ in range(2):
        people = named.population(small_shop.engine, small_shop.catalogue, store, 0)
        where = parse_customers({"money": {"gt": 0}}, SegmentVocabulary())
        for condition in (None, where):
            one, other = (
                search_customers(each, condition, NONE, CustomerPage(limit=500)) for each in (people, population)
            )
            assert one == other
            assert "user-001" not in {row["user_id"] for row in one["rows"]}


def test_attributes_and_campaigns_need_records_also_behind_a_saved_segment() -> None:
    text = (
        '[[segments]]\nname = "austrians"\n[segments.where]\ncountry = "AT"\n'
        '[[segments]]\nname = "rich"\n[segments.where]\nmoney = { gte = 50 }\n'
        '[[segments]]\nname = "both"\n[segments.where]\nsegment = ["rich", "austrians"]\n'
    )
    vocabulary = SegmentVocabulary(segments=frozenset(("austrians", "rich", "both")))
    saved = parse_segments(text, vocabulary)

    def needs(condition: dict[str, Any]) -> bool:
        return needs_records(parse_customers(condition, vocabulary), saved)

    assert not needs_records(None, saved)
    assert not needs({"stage": "loyal", "bought": {"days": 30}})
    assert needs({"any": [{"stage": "loyal"}, {"not": {"country": "AT"}}]})
    assert needs({"segment": "both"})
    assert not needs({"segment": "rich"})
