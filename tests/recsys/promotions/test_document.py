"""Promotion document: every kind is read, and every fault has its line."""

import pytest

from recsys.errors import BadPromotions, UnknownPromotion
from recsys.promotions.document import PromotionsIn, parse_promotions, to_toml
from recsys.promotions.model import Promotions
from recsys.ranking.segments.parser import SegmentVocabulary

GOOD = """
timezone = "Europe/Berlin"
[[promotions]]
id = "coffee-10"
title = "10 % off coffee"
kind = "discount"
categories = ["COFFEE"]
percent = 10
customers = { stage = "at_risk" }
from = 2026-12-01
until = 2026-12-24
budget = 500
codes = ["C10"]

[[promotions]]
id = "ladder"
title = "More saves more"
kind = "ladder"
steps = [{ spend = 30, percent = 5 }, { spend = 80, amount = 10 }]

[[promotions]]
id = "pair"
title = "Both for 3"
kind = "bundle"
items = ["a", "b"]
price = 3
"""


def parsed(text: str) -> Promotions:
    return parse_promotions(text, SegmentVocabulary())


def test_promotions_are_read_in_their_order_with_dates_of_their_clock() -> None:
    promotions = parsed(GOOD)
    assert promotions.ids() == ["coffee-10", "ladder", "pair"]
    coffee = promotions.promotion("coffee-10")
    end_ms = 1_798_153_200_000  # 2026-12-25 00:00 in Berlin
    assert (coffee.state(end_ms - 1), coffee.state(end_ms)) == ("running", "ended")
    assert [each.id for each in promotions.running(0)] == ["ladder", "pair"]
    assert promotions.by_code()["C10"] == "coffee-10"


@pytest.mark.parametrize(
    ("before", "after", "line", "problem"),
    [
        ("percent = 10\n", "percent = 110\n", 8, "less than or equal to 100"),
        ("percent = 10\n", "percent = 10\namount = 2\n", 6, "needs one of percent, amount"),
        ("percent = 10\n", "price = 2\n", 8, "says nothing in a promotion of kind discount"),
        ('"at_risk"', '"at_rsk"', 9, "did you mean 'at_risk'?"),
        ('customers = { stage = "at_risk" }', 'segment = "gone"', 9, "no segment 'gone'"),
        ("until = 2026-12-24", "until = 2026-11-24", 11, "is not after `from`"),
        ('"Europe/Berlin"', '"Europe/Berln"', 2, "Berln"),
        ("spend = 80", "spend = 20", 19, "must rise"),
        ("spend = 80, amount = 10", "spend = 80", 19, "needs one of percent, amount"),
        ('items = ["a", "b"]', 'items = ["a"]', 25, "two items or more"),
        ('codes = ["C10"]', 'codes = ["pair"]', 13, "stands in two promotions"),
        ('id = "pair"', 'id = "ladder"', 16, "stands in two promotions"),
        ('kind = "bundle"', 'kind = "bundel"', 24, "'bundle'"),
        ("budget = 500", "budgt = 500", 12, "no such field; did you mean 'budget'?"),
        ("percent = 10\n", "percent = -5\n", 8, "greater than 0, not -5"),
        ('["C10"]', '"C10"', 13, 'must be a list, such as ["a", "b"], not \'C10\''),
        ("until = 2026-12-24", "until = 5", 11, "valid date, not 5"),
        ("until = 2026-12-24", "until = 9999-12-31", 11, "9999-12-31 is no date that a clock reaches"),
        ("amount = 10 }", "amount = 90 }", 19, "90 off a basket of 80 is more than it costs"),
        ("amount = 10 }", "amount = 3 }", 19, "the step of 80 takes off less than that of 30"),
        ("amount = 10 }", "amuont = 10 }", 19, "did you mean 'amount'?"),
        ('categories = ["COFFEE"]\n', "", 6, "needs items, categories, brands or where"),
        ("steps =", 'categories = ["x"]\nsteps =', 18, "for whole baskets"),
    ],
)
def test_a_fault_names_its_line_and_its_reason(before: str, after: str, line: int, problem: str) -> None:
    with pytest.raises(BadPromotions) as caught:
        parsed(GOOD.replace(before, after, 1))
    faults = caught.value.faults
    assert (line, True) in {(fault.line, problem in fault.problem) for fault in faults}, [str(each) for each in faults]


def test_an_unknown_id_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownPromotion, match="did you mean 'coffee-10'"):
        parsed(GOOD).promotion("cofee-10")


def test_promotions_as_json_become_a_text_that_says_the_same() -> None:
    entry = {"id": "a", "title": "A", "kind": "discount", "items": ["x"], "amount": 2, "from": "2026-12-01"}
    again = parsed(to_toml(PromotionsIn.model_validate({"promotions": [entry]})))
    assert again.promotions[0].written == entry
