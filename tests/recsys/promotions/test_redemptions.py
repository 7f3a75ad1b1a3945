"""Redemptions: coupons given and redeemed are facts, and the budget falls with them."""

import pytest

from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from recsys.promotions.document import parse_promotions
from recsys.promotions.redemptions import PromotionUse, promotion_uses, use_rows
from recsys.ranking.segments.parser import SegmentVocabulary

TEXT = """
[[promotions]]
id = "a"
title = "A"
kind = "discount"
items = ["x"]
percent = 10
budget = 10
cost = 0.5
codes = ["A1", "A2"]
[[promotions]]
id = "b"
title = "B"
kind = "threshold"
spend = 5
amount = 1
"""


def coupon(code: str, what: str, money: float | None = None) -> Fact:
    return Fact(f"{code}-{what}-{money}", "u", FactKind.COUPON, 1_000, money, what, code)


def test_the_budget_falls_with_redemptions_and_no_erasure_raises_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = open_store(tmp_path_factory.mktemp("redemptions"), None)
    store.add_facts(
        [
            coupon("A1", "given"),
            coupon("A1", "redeemed", 2.0),
            coupon("A2", "given"),
            coupon("a", "given"),
            coupon("A2", "redeemed"),
            coupon("b", "redeemed", 1.0),
            coupon("Z", "redeemed", 99.0),
        ]
    )
    promotions = parse_promotions(TEXT, SegmentVocabulary())
    uses = promotion_uses(promotions, store.coupon_totals(promotions.by_code()))
    store.erase_user("u")
    assert promotion_uses(promotions, store.coupon_totals(promotions.by_code())) == uses
    store.close()
    assert uses == {"a": PromotionUse(3, 2, 3.5, 6.5, 1), "b": PromotionUse(0, 1, 1.0, None, 0)}


def test_the_end_is_that_of_the_clock_of_the_promotion() -> None:
    text = 'timezone = "America/New_York"' + TEXT.replace("percent = 10", "percent = 10\nuntil = 2026-11-30")
    rows = use_rows(parse_promotions(text, SegmentVocabulary()), [], 0)
    assert [row["until"] for row in rows] == ["2026-12-01T00:00-05:00", None]


def test_a_promotion_without_coupons_has_its_whole_budget() -> None:
    assert promotion_uses(parse_promotions(TEXT, SegmentVocabulary()), [])["a"] == PromotionUse(left=10.0)
