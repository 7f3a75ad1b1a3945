"""Response model: who redeemed before redeems again; a campaign without messages is refused."""

import numpy as np
import polars as pl
import pytest

from eval.promotions.responses import campaign_answers, judge_responses
from recsys.data.events import PURCHASE
from recsys.data.facts import Fact, FactKind
from recsys.errors import BadInput

DAY_MS = 86_400_000


def fact(user: int, day: int, kind: FactKind, ref: str, text: str, value: float | None = None) -> Fact:
    return Fact(f"{user}-{day}-{ref}-{text}", f"u{user:03}", kind, day * DAY_MS, value, text, ref)


@pytest.fixture(scope="module")
def log() -> tuple[pl.DataFrame, list[Fact]]:
    """300 customers; every fifth uses coupons, before and in both campaigns, nine times out of ten."""
    rng = np.random.default_rng(0)
    facts = [fact(u, day, FactKind.MESSAGE, ref, "sent") for u in range(300) for day, ref in ((100, "c1"), (200, "c2"))]
    for user in range(0, 300, 5):
        facts.append(fact(user, 50, FactKind.COUPON, "till", "redeemed", 2.0))
        facts += [
            fact(user, day, FactKind.COUPON, ref, "redeemed")
            for day, ref in ((110, "X1"), (210, "c2"))
            if rng.random() < 0.9
        ]
    rows = [(f"u{user:03}", day) for user in range(300) for day in range(user % 7, 190, 14)]
    events = pl.DataFrame(
        {
            "user_id": [user for user, _ in rows],
            "at_ms": [day * DAY_MS for _, day in rows],
            "item_id": "i",
            "price": 2.0,
            "quantity": 1.0,
            "discount": 0.0,
        }
    ).with_columns(pl.lit(None, pl.String).alias("order_id"), pl.lit(PURCHASE, pl.Int8).alias("kind"))
    return events, facts


def test_a_model_of_one_campaign_finds_the_responders_of_the_next(log: tuple[pl.DataFrame, list[Fact]]) -> None:
    report = judge_responses(*log, "c1", "c2", {"c1": ["X1"]})
    assert report.customers == 300
    assert report.auc > 0.9
    assert report.lift > 3.5
    assert "coupon" in report.drivers[0][0]


def test_nothing_after_the_first_message_is_a_feature(log: tuple[pl.DataFrame, list[Fact]]) -> None:
    events, facts = log
    before = [each for each in facts if each.at_ms <= 100 * DAY_MS]
    early = campaign_answers(events.filter(pl.col("at_ms") < 100 * DAY_MS), before, "c1", ["X1"])
    late = campaign_answers(events, facts, "c1", ["X1"])
    np.testing.assert_array_equal(early.features, late.features)
    assert not early.responded.any()


def test_a_campaign_that_wrote_to_nobody_is_refused(log: tuple[pl.DataFrame, list[Fact]]) -> None:
    with pytest.raises(BadInput, match="no message fact has the ref 'c9'"):
        judge_responses(*log, "c1", "c9", {})
