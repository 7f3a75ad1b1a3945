"""Promotion model: what a promotion takes off, from which items, for whom, when, and for how much money in all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from recsys.arrays import Doubles
from recsys.config import spelling_hint
from recsys.errors import UnknownPromotion
from recsys.ranking.rules.model import Target
from recsys.ranking.rules.schedule import ALWAYS, RuleTimes
from recsys.ranking.segments.expression import CustomerWhere

PromotionKind = Literal["discount", "threshold", "ladder", "bundle", "gift", "member_price"]
KINDS: Final[tuple[PromotionKind, ...]] = ("discount", "threshold", "ladder", "bundle", "gift", "member_price")
OF_BASKETS: Final = frozenset({"threshold", "ladder"})


@dataclass(frozen=True, slots=True)
class Reduction:
    """What is taken off: a share of the money, an amount, or all above a new price; one of them is set."""

    percent: float | None = None
    amount: float | None = None
    price: float | None = None

    def discount(self, money: Doubles) -> Doubles:
        """Money taken off what costs so much, never more than all of it.  (N,) -> (N,)"""
        if self.percent is not None:
            return money * (self.percent / 100)
        if self.amount is not None:
            return np.minimum(self.amount, money)
        return np.maximum(money - (self.price or 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """A basket of `spend` or more has this reduction."""

    spend: float
    reduction: Reduction


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion.

    target: its items, everything without fields.  steps: of threshold (one) and ladder, rising.  gift: id of the item
    that is given.  tiers: of the loyalty programme, empty is any customer with a tier.  segment, customers: who may
    have it; both None is everybody.  budget: money for discounts and costs, None is no limit.  cost: of giving it to
    one customer.  codes: of coupons, by which redemptions are recognised; the id is a code, too.
    """

    id: str
    title: str
    kind: PromotionKind
    is_on: bool
    target: Target
    reduction: Reduction = Reduction()
    steps: tuple[Step, ...] = ()
    gift: str | None = None
    tiers: tuple[str, ...] = ()
    segment: str | None = None
    customers: CustomerWhere | None = None
    times: RuleTimes = ALWAYS
    budget: float | None = None
    cost: float = 0.0
    codes: tuple[str, ...] = ()
    written: Mapping[str, Any] | None = None

    @property
    def is_for_everybody(self) -> bool:
        """Whether nothing about the customer decides who may have it."""
        return self.segment is None and self.customers is None and self.kind != "member_price"

    def state(self, now_ms: int) -> str:
        """Off, planned, running or ended at this moment."""
        if not self.is_on:
            return "off"
        if self.times.hold_at(now_ms):
            return "running"
        is_planned = self.times.from_ms is not None and now_ms < self.times.from_ms
        return "planned" if is_planned else "ended"

    def basket_discount(self, money: Doubles) -> Doubles:
        """What threshold and ladder take off baskets of that money: the highest step that is reached.  (N,)"""
        off = np.zeros(len(money))
        for step in self.steps:
            off = np.where(money >= step.spend, step.reduction.discount(money), off)
        return off


@dataclass(frozen=True, slots=True)
class Promotions:
    """All promotions in the order of the file.  digest: of its text."""

    promotions: tuple[Promotion, ...]
    digest: str

    def running(self, now_ms: int) -> tuple[Promotion, ...]:
        """Those that are on at this moment."""
        return tuple(each for each in self.promotions if each.is_on and each.times.hold_at(now_ms))

    def by_code(self) -> dict[str, str]:
        """The id of the promotion by code; the id itself is a code, too."""
        codes = {code: each.id for each in self.promotions for code in each.codes}
        return {**codes, **{each.id: each.id for each in self.promotions}}

    def segments(self) -> dict[str, str]:
        """The id of a promotion that names it, by saved segment."""
        return {each.segment: each.id for each in self.promotions if each.segment is not None}

    def ids(self) -> list[str]:
        return [each.id for each in self.promotions]

    def promotion(self, promotion_id: str) -> Promotion:
        """Raises UnknownPromotion with the nearest id."""
        for each in self.promotions:
            if each.id == promotion_id:
                return each
        hint = spelling_hint(promotion_id, self.ids()) if self.promotions else "`recsys promotions put` saves some"
        raise UnknownPromotion(f"no promotion {promotion_id!r:.70}; {hint}")


NO_PROMOTIONS: Final = Promotions((), "none")
