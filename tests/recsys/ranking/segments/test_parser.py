"""Segment parser: every name is looked up, and the nearest one is named."""

from typing import Any

import pytest

from recsys.errors import BadFilter
from recsys.ranking.segments.expression import leaves, segment_names
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers, parse_customers_text

WORDS = SegmentVocabulary(segments=frozenset({"coffee"}))


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"stage": "at_rsk"}, r"stage: 'at_rsk' is none of its values; did you mean 'at_risk'\?"),
        ({"rfm": {"in": ["loyl"]}}, r"rfm: 'loyl' is none of its values; did you mean 'loyal'\?"),
        ({"not": {"value_class": "hihg"}}, r"not.value_class: 'hihg' is none of its values; did you mean 'high'\?"),
        ({"segment": "cofee"}, r"segment: no segment 'cofee'; did you mean 'coffee'\?"),
        ({"bought": {"wher": {}}}, r"bought: 'wher' is no field of it; did you mean 'where'\?"),
        (
            {"bought": {"where": {"price": {"ltt": 5}}}},
            r"bought.where: price: 'ltt' is no operator; did you mean 'lt'\?",
        ),
        ({"bought": {"days": -1}}, r"bought.days: must be a number of days from 0.01 to 3,650, not -1"),
        ({"bought": {"days": 0}}, r"bought.days: must be a number of days from 0.01 to 3,650, not 0"),
        ({"chance": {"days": 14}}, r"chance: says no bound"),
        ({"chance": {"days": 90, "gte": 0.5}}, r"chance.days: must be a number of days from 7 to 28"),
        ({"chance": {"item": "a", "category": "b", "days": 7, "gte": 0}}, "says both item and category"),
        ({"money": "much"}, r"money.eq: must be a number, not 'much'"),
        ({"any": {"stage": "new"}}, "any: must be a list of conditions"),
        ({"in_campaign": {"not": [7]}}, "in_campaign.not: must be the id of a campaign"),
        ({"in_campaign": {"id": "c7", "arm": "tretaed"}}, "use control or treated"),
        ({"in_campaign": {"name": "c7"}}, "is no field of it"),
        ({"in_loyalty": {"tier": 7}}, "in_loyalty.tier: must be the name of a tier, or a list of names, not 7"),
        ({"in_loyalty": {"tiers": ["gold"]}}, r"'tiers' is no field of it; did you mean 'tier'\?"),
        ({"in_loyalty": {"balance": {"gte": "many"}}}, "must be a number, not 'many'"),
        ("stage", "where: must be an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_nearest_word(written: Any, problem: str) -> None:
    with pytest.raises(BadFilter, match=problem):
        parse_customers(written, WORDS)


def test_case_spaces_and_underscores_do_not_count_in_names_of_stages_and_groups() -> None:
    assert (
        parse_customers({"stage": "At risk"}, WORDS).expression
        == parse_customers({"stage": ["at_risk"]}, WORDS).expression
    )
    assert (
        parse_customers({"rfm": "Needs_Attention"}, WORDS).expression
        == parse_customers({"rfm_group": "needs attention"}, WORDS).expression
    )


def test_a_condition_is_read_from_json_or_from_the_name_of_a_segment() -> None:
    named = parse_customers_text("segment:coffee", WORDS)
    assert segment_names(named.expression) == ("coffee",)
    both = parse_customers_text('{"any": [{"segment": "coffee"}, {"not": {"country": "AT"}}]}', WORDS)
    assert len(list(leaves(both.expression))) == 2
    with pytest.raises(BadFilter, match="no JSON"):
        parse_customers_text("{", WORDS)


def test_conditions_that_differ_in_order_only_have_one_text() -> None:
    first, second = ({"stage": "new", "money": {"gt": 1}}, {"money": {"gt": 1}, "stage": "new"})
    assert parse_customers(first, WORDS).text == parse_customers(second, WORDS).text


def test_a_condition_may_not_be_deep_or_long() -> None:
    deep: Any = {"stage": "new"}
    for _ in range(7):
        deep = {"not": deep}
    with pytest.raises(BadFilter, match="more than 6 levels"):
        parse_customers(deep, WORDS)
    with pytest.raises(BadFilter, match="more than 50 conditions"):
        parse_customers({"any": [{"stage": "new"}] * 51}, WORDS)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_a_number_of_more_than_64_bits_is_refused(number: int) -> None:
    with pytest.raises(BadFilter, match="64 bits"):
        parse_customers({"money": {"gte": number}}, WORDS)
