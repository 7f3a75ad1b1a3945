"""Offers of one customer, with consent, segments, tiers and budgets read from the store."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from recsys.customers.card import last_moment
from recsys.customers.history.loyalty import loyalty_states
from recsys.data.facts import FactKind
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.promotions.chances import customer_chances
from recsys.promotions.margins import unit_margins
from recsys.promotions.model import Promotion, Promotions
from recsys.promotions.offers import NOT_FOR_CUSTOMER, LeftOut, OfferRanking, impersonal_offers, rank_offers
from recsys.promotions.redemptions import promotion_uses
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.population import SegmentPopulation, customers_now

REFUSED_MARKETING = "the customer refused marketing"
NOT_KNOWN = "nothing of the customer may be used or is known: offers for everybody, in the order of the file"


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What is offered under.  days: horizon of the chances.  margin_share: where a cost is unknown.

    channel: over which it is offered, None is any.
    """

    promotions: Promotions
    saved: SavedSegments
    margin_share: float
    days: float = 28.0
    channel: str | None = None


def customer_offers(
    recommender: Recommender, store: Store, query: Query, terms: OfferTerms, *, owner_id: str | None, log_seq: int
) -> dict[str, Any]:
    """The offers of the customer as JSON types, `query.k` at most.

    query.user_id: the customer as the release may know them, None for whom nothing may be used.  owner_id: whose
    answers to marketing count, None for nobody's.
    """
    running = terms.promotions.running(query.now_ms)
    user = store.user(owner_id) if owner_id is not None else None
    if user is not None and user.answer("marketing", terms.channel) is False:
        return _document(OfferRanking((), ()), terms, recommender, 0, REFUSED_MARKETING)
    uses = promotion_uses(terms.promotions, store.coupon_totals(terms.promotions.by_code()))
    engine = recommender.engine
    if query.user_id is None or engine.users.position(query.user_id) == MISSING:
        return _document(impersonal_offers(running, uses), terms, recommender, query.k, NOT_KNOWN)
    person = None
    if len(engine.customers):
        as_of_ms = last_moment(engine.customers.as_of_ms, query.now_ms, [store.last_event_ms()])
        person = customers_now(engine, recommender.catalogue, store, [query.user_id], as_of_ms, log_seq)
    fitting = [each for each in running if _is_for(each, person, terms.saved, store, query.user_id)]
    chances = customer_chances(recommender, query, person, store, terms.days)
    margins = unit_margins(engine, recommender.catalogue, terms.margin_share)
    ranking = rank_offers(fitting, uses, recommender, chances, margins, query.now_ms)
    others = (LeftOut(each.id, NOT_FOR_CUSTOMER) for each in running if each not in fitting)
    return _document(OfferRanking(ranking.offers, (*ranking.left_out, *others)), terms, recommender, query.k, None)


def _is_for(
    promotion: Promotion, person: SegmentPopulation | None, saved: SavedSegments, store: Store, user_id: str
) -> bool:
    """Whether the customer is in its segment and has its tier; a condition that cannot be worked out holds nobody.

    person: None with a release that has no table of customers."""
    if promotion.kind == "member_price":
        tier = _tier(store, user_id)
        if tier is None or (promotion.tiers and tier not in promotion.tiers):
            return False
    conditions = saved.conditions()
    where = promotion.customers or (conditions.get(promotion.segment) if promotion.segment is not None else None)
    if where is None:
        return promotion.segment is None
    if person is None:
        return False
    try:
        return bool(members(where, person, conditions)[0])
    except BadInput:
        return False


def _tier(store: Store, user_id: str) -> str | None:
    facts = (fact for fact in store.user_facts(user_id) if fact.kind == FactKind.LOYALTY)
    state = loyalty_states(facts).get(user_id)
    return None if state is None else state.tier


def _document(
    ranking: OfferRanking, terms: OfferTerms, recommender: Recommender, k: int, note: str | None
) -> dict[str, Any]:
    left_out: Iterable[LeftOut] = ranking.left_out
    return {
        "days": terms.days,
        "offers": [offer.to_json() for offer in ranking.offers[:k]],
        "left_out": [{"promotion_id": each.promotion_id, "reason": each.reason} for each in left_out],
        "note": note,
        "model_version": recommender.engine.version,
    }
