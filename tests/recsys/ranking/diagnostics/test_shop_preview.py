from collections.abc import Sequence
from dataclasses import replace

import pytest

from recsys.errors import NotEnoughData
from recsys.ranking.diagnostics.shop_preview import ShopPreview, preview_shop, sampled_customers
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml
from recsys.testing import NOW
from recsys.time_units import DAY_MS

QUERY = Query(int(NOW * DAY_MS), "home", 5)


@pytest.fixture(scope="module")
def queries(small_shop: Recommender) -> Sequence[Query]:
    return [replace(QUERY, user_id=user) for user in sampled_customers(small_shop.engine.users, 25)]


def previewed(shop: Recommender, queries: Sequence[Query], *rules: dict[str, object]) -> ShopPreview:
    parsed = parse_rules(to_toml(RulesIn.model_validate({"rules": rules})), ["home", "discover"])
    return preview_shop(shop, queries, parsed, NO_RULES)


def block(*items: str) -> dict[str, object]:
    return {"id": "gone", "kind": "block", "items": items, "reason": "Called back"}


def test_no_rules_change_nothing(small_shop: Recommender, queries: Sequence[Query]) -> None:
    result = previewed(small_shop, queries)
    assert (result.changed.share, result.came_in) == (0, 0)
    assert result.changed.high > 0
    assert result.money.difference == 0
    assert result.coverage.before == result.coverage.after > 5


def test_a_block_changes_the_lists_that_held_the_item_and_loses_it(
    small_shop: Recommender, queries: Sequence[Query]
) -> None:
    lists = [[item.item_id for item in small_shop.recommend(query).items] for query in queries]
    result = previewed(small_shop, queries, block(lists[0][0]))
    holders = sum(lists[0][0] in items for items in lists)
    assert result.changed.share == holders / len(queries)
    assert result.came_in == pytest.approx(holders / len(queries))
    assert result.money.low <= result.money.difference <= result.money.high
    assert result.money.difference < 0
    assert result.active == {"gone": 1.0}
    assert result.shorter.share == 0


def test_one_pin_for_all_lists_narrows_coverage_with_an_interval(
    small_shop: Recommender, queries: Sequence[Query]
) -> None:
    items = [f"item-{number:03}" for number in range(5)]
    pin: dict[str, object] = {"id": "only", "kind": "pin", "slot": 1, "items": items, "reason": "All alike"}
    coverage = previewed(small_shop, queries, pin).coverage
    assert coverage.after < coverage.before
    assert coverage.low <= coverage.difference == coverage.after - coverage.before <= coverage.high


def test_the_number_of_customers_done_is_reported_and_a_few_are_refused(
    small_shop: Recommender, queries: Sequence[Query]
) -> None:
    calls = list[tuple[int, int]]()
    preview_shop(small_shop, queries, NO_RULES, NO_RULES, on_customer=lambda *done: calls.append(done))
    assert (calls[0], calls[-1]) == ((1, len(queries)), (len(queries), len(queries)))
    with pytest.raises(NotEnoughData, match="19 customers"):
        preview_shop(small_shop, queries[:19], NO_RULES, NO_RULES)


def test_the_sample_holds_nobody_twice_and_is_the_same_again(small_shop: Recommender) -> None:
    users = small_shop.engine.users
    sample = sampled_customers(users, 20)
    assert sample == sampled_customers(users, 20) == sorted(set(sample))
    assert len(sampled_customers(users, 10_000)) == len(users)
