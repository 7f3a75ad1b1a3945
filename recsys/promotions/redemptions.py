"""Redemptions and budgets: what coupons were given and redeemed, from facts, and what is left of each budget."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any

from recsys.data.store.people.fact_store import CouponTotal
from recsys.promotions.model import Promotion, Promotions


@dataclass(frozen=True, slots=True)
class PromotionUse:
    """Coupons given and redeemed; spent: discounts redeemed, and the cost of those given; left: None without a budget.

    without_money: redemptions whose fact says no money; they count as no discount.
    """

    given: int = 0
    redeemed: int = 0
    spent: float = 0.0
    left: float | None = None
    without_money: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def promotion_uses(promotions: Promotions, totals: Iterable[CouponTotal]) -> dict[str, PromotionUse]:
    """What became of each promotion, by id.  totals: of the codes of these promotions."""
    by_code = promotions.by_code()
    own: dict[str, list[CouponTotal]] = {each.id: [] for each in promotions.promotions}
    for total in totals:
        own[by_code[total.code]].append(total)
    return {each.id: _use(each, own[each.id]) for each in promotions.promotions}


def use_rows(promotions: Promotions, totals: Iterable[CouponTotal], now_ms: int) -> list[dict[str, Any]]:
    """Each promotion with its state, budget and what became of it, as JSON types."""
    uses = promotion_uses(promotions, totals)
    return [{**_head(each, now_ms), **uses[each.id].to_json()} for each in promotions.promotions]


def _head(promotion: Promotion, now_ms: int) -> dict[str, Any]:
    until_ms = promotion.times.until_ms
    return {
        "id": promotion.id,
        "title": promotion.title,
        "kind": promotion.kind,
        "state": promotion.state(now_ms),
        "until": None if until_ms is None else _moment(until_ms, promotion.times.zone),
        "budget": promotion.budget,
    }


def _moment(at_ms: int, zone: tzinfo) -> str:
    """As the clock of the promotion shows it, with its offset."""
    return datetime.fromtimestamp(at_ms / 1_000, zone).isoformat(timespec="minutes")


def _use(promotion: Promotion, totals: Iterable[CouponTotal]) -> PromotionUse:
    given = redeemed = without_money = 0
    money = 0.0
    for total in totals:
        if total.what == "redeemed":
            redeemed += total.n
            money += total.money
            without_money += total.without_money
        else:
            given += total.n
    # Who redeems a coupon was given one, whether or not a fact says so.
    spent = money + promotion.cost * max(given, redeemed)
    left = None if promotion.budget is None else max(promotion.budget - spent, 0.0)
    return PromotionUse(given, redeemed, round(spent, 2), None if left is None else round(left, 2), without_money)
