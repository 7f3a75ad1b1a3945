"""Ranking of offers for one customer: chance x margin - cost, under what is left of each budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.promotions.chances import CustomerChances
from recsys.promotions.margins import UnitMargins
from recsys.promotions.model import OF_BASKETS, Promotion
from recsys.promotions.redemptions import PromotionUse
from recsys.ranking.recommender import Recommender

NO_CHANCE: Final = "no evidence that the customer buys any of it"
NO_ORDER_CHANCE: Final = "the release says no chance to order; `recsys train` learns it"
NOT_WORTH: Final = "chance x margin is below its cost"
BUDGET_SPENT: Final = "the budget is spent"
NOT_FOR_CUSTOMER: Final = "not for this customer"
NO_PRICE: Final = "no price is known of its items"


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer.  chance: that the customer takes it within the horizon.  margin: of the shop when they do, after the
    discount.  value: chance x margin - cost, in money.  item_id: the item of it that they buy most likely.

    assumption: what is assumed about costs, None where all are known.  Without personal data chance, margin and value
    are None.
    """

    promotion_id: str
    title: str
    kind: str
    chance: float | None
    margin: float | None
    discount: float | None
    cost: float
    value: float | None
    item_id: str | None
    until_ms: int | None
    assumption: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A running promotion that is no offer now, and why."""

    promotion_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OfferRanking:
    """Offers, the best first, and running promotions that are none."""

    offers: tuple[Offer, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Estimate:
    """chance of a purchase; margin and discount of it; item: position, -1 for a basket."""

    chance: float
    margin: float
    discount: float
    item: int = -1
    assumption: str | None = None


def rank_offers(
    promotions: Sequence[Promotion],
    uses: Mapping[str, PromotionUse],
    recommender: Recommender,
    chances: CustomerChances,
    margins: UnitMargins,
    now_ms: int,
) -> OfferRanking:
    """Offers of the promotions by falling value, ties in the order of the file; those that cost more are left out."""
    on_sale = recommender.catalogue.on_sale(now_ms / 86_400_000)
    offers, left_out = list[Offer](), list[LeftOut]()
    for promotion in promotions:
        estimate = _estimate(promotion, recommender, chances, margins, on_sale)
        reason = estimate if isinstance(estimate, str) else _refusal(promotion, estimate, uses[promotion.id].left)
        if isinstance(estimate, str) or reason is not None:
            left_out.append(LeftOut(promotion.id, str(reason)))
        else:
            offers.append(_offer(promotion, estimate, recommender))
    offers.sort(key=lambda offer: -(offer.value or 0.0))
    return OfferRanking(tuple(offers), tuple(left_out))


def impersonal_offers(promotions: Sequence[Promotion], uses: Mapping[str, PromotionUse]) -> OfferRanking:
    """The offers for everybody in the order of the file, for customers of whom nothing may be used or is known."""
    offers, left_out = list[Offer](), list[LeftOut]()
    for each in promotions:
        left = uses[each.id].left
        if not each.is_for_everybody:
            left_out.append(LeftOut(each.id, NOT_FOR_CUSTOMER))
        elif left is not None and left <= each.cost:
            left_out.append(LeftOut(each.id, BUDGET_SPENT))
        else:
            until_ms = each.times.until_ms
            offers.append(
                Offer(each.id, each.title, each.kind, None, None, None, each.cost, None, None, until_ms, None)
            )
    return OfferRanking(tuple(offers), tuple(left_out))


def _offer(promotion: Promotion, estimate: _Estimate, recommender: Recommender) -> Offer:
    return Offer(
        promotion_id=promotion.id,
        title=promotion.title,
        kind=promotion.kind,
        chance=round(estimate.chance, 4),
        margin=round(estimate.margin, 4),
        discount=round(estimate.discount, 4),
        cost=promotion.cost,
        value=round(estimate.chance * estimate.margin - promotion.cost, 4),
        item_id=recommender.catalogue.item_id(estimate.item) if estimate.item >= 0 else None,
        until_ms=promotion.times.until_ms,
        assumption=estimate.assumption,
    )


def _refusal(promotion: Promotion, estimate: _Estimate, left: float | None) -> str | None:
    if left is not None and left < estimate.discount + promotion.cost:
        return BUDGET_SPENT
    return NOT_WORTH if estimate.chance * estimate.margin <= promotion.cost else None


def _estimate(
    promotion: Promotion, recommender: Recommender, chances: CustomerChances, margins: UnitMargins, on_sale: Bools
) -> _Estimate | str:
    """The estimate, or why there is none."""
    if promotion.kind in OF_BASKETS:
        return _of_baskets(promotion, chances, margins)
    items = promotion.target.positions(recommender.catalogue)
    items = items[on_sale[items] & (items < len(chances.item))]
    if promotion.kind == "bundle":
        return _of_bundle(promotion, items, chances, margins)
    items = items[chances.item[items] > 0]
    if not len(items):
        return NO_CHANCE
    priced = items[~np.isnan(margins.margin[items])]
    if not len(priced):
        return NO_PRICE
    if promotion.kind == "gift":
        gift = recommender.catalogue.position(promotion.gift or "")
        off = np.full(len(priced), margins.price[gift] - margins.margin[gift] if gift >= 0 else np.nan)
        return _of_items(priced, chances, margins, off) if not np.isnan(off[0]) else NO_PRICE
    return _of_items(priced, chances, margins, promotion.reduction.discount(margins.price[priced]))


def _of_items(items: Ints, chances: CustomerChances, margins: UnitMargins, discount: Doubles) -> _Estimate:
    """At least one of the items is bought, each on its own account: 1 - prod(1 - p); margins weigh by p.

    discount (K,): of one unit of each.
    """
    p = np.minimum(chances.item[items], 1 - 1e-12)
    chance = float(1 - np.exp(np.log1p(-p).sum()))
    share = p / p.sum()
    return _Estimate(
        chance,
        float(share @ (margins.margin[items] - discount)),
        float(share @ discount),
        int(items[np.argmax(p)]),
        margins.assumption(items),
    )


def _of_bundle(promotion: Promotion, items: Ints, chances: CustomerChances, margins: UnitMargins) -> _Estimate | str:
    """All items are bought: the product of their chances, as if each were bought on its own account."""
    if len(items) < len(set(promotion.target.items)) or not (chances.item[items] > 0).all():
        return NO_CHANCE
    total = np.array([margins.price[items].sum()])
    if np.isnan(total[0]) or np.isnan(margins.margin[items]).any():
        return NO_PRICE
    discount = float(promotion.reduction.discount(total)[0])
    chance, margin = float(np.prod(chances.item[items])), float(margins.margin[items].sum())
    best = int(items[np.argmax(chances.item[items])])
    return _Estimate(chance, margin - discount, discount, best, margins.assumption(items))


def _of_baskets(promotion: Promotion, chances: CustomerChances, margins: UnitMargins) -> _Estimate | str:
    """An order, and the share of own orders that reach the first step; half an order more is counted for both."""
    if chances.order is None:
        return NO_ORDER_CHANCE
    money, least = chances.basket_money, promotion.steps[0].spend
    reached = money >= least
    chance = chances.order * (int(reached.sum()) + 0.5) / (len(money) + 1)
    money, margin = (money[reached], chances.basket_margin[reached]) if reached.any() else (np.array([least]), None)
    assumed = margins.share * money
    margin = assumed if margin is None else np.where(np.isnan(margin), assumed, margin)
    discount = promotion.basket_discount(money)
    is_assumed = not reached.any() or bool(np.isnan(chances.basket_margin[reached]).any())
    note = f"costs of some baskets are unknown: {margins.share:.0%} of the money stands for margin"
    return _Estimate(
        float(chance),
        float((margin - discount).mean()),
        float(discount.mean()),
        assumption=note if is_assumed else None,
    )
