"""Eligibility: who of an audience may be written to, and how many each rule takes.  The cap comes before the draw."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.campaigns.campaign import DRAFT, Campaign, all_campaigns
from recsys.campaigns.contact_cap import ContactCap, Contacts, contacts_near, in_quiet_days, over_cap
from recsys.campaigns.definition import CampaignDefinition
from recsys.campaigns.settings import CampaignSettings
from recsys.data.entities import User
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.inference.randomization import N_BUCKETS, buckets_of
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.population import SegmentPopulation
from recsys.ranking.targeting.audience import AudienceScope
from recsys.time_units import DAY_MS

LOSSES: Final = ("consent", "holdout", "contact_cap", "quiet_days", "priority", "stock", "budget")

ConditionReader = Callable[[object, str | None], CustomerWhere | None]


@dataclass(frozen=True, slots=True)
class CampaignShop:
    """What campaigns are planned with: the live release, its customers, the saved segments and the rules of the shop.

    log_seq: up to where `people` know the log.  condition: of a `where` in JSON types, or of a saved segment's name.
    """

    store: Store
    recommender: Recommender
    people: SegmentPopulation
    saved: SavedSegments
    condition: ConditionReader
    settings: CampaignSettings
    log_seq: int
    now_ms: int

    @property
    def cap(self) -> ContactCap:
        return ContactCap(self.settings.max_contacts, self.settings.per_days, self.settings.quiet_days)


@dataclass(frozen=True, slots=True)
class CampaignEligibility:
    """n_audience: customers of the audience.  losses: of them, by the first rule that took each, in order of LOSSES.

    eligible (N,): who is left, of the people of the shop.
    """

    n_audience: int
    losses: Mapping[str, int]
    eligible: Bools

    @property
    def n_eligible(self) -> int:
        return int(self.eligible.sum())


def find_eligible(shop: CampaignShop, definition: CampaignDefinition) -> CampaignEligibility:
    """Who may be written to by the campaign.

    Raises BadInput for a segment, item or attribute that there is not, and for a start in quiet hours.
    """
    quiet = shop.settings.quiet_reason(definition.starts_ms)
    if quiet is not None:
        raise BadInput(quiet)
    audience = audience_mask(shop, definition)
    contacts = contacts_near(shop.store, shop.people.user_ids, definition.starts_ms, shop.cap.span_ms)
    n, at_ms, cap = len(shop.people), definition.starts_ms, shop.cap
    rules: dict[str, Bools] = {
        "consent": ~_may_contact(shop, definition, audience),
        "holdout": in_holdout(shop, at_ms, audience),
        "contact_cap": over_cap(contacts, n, at_ms, cap),
        "quiet_days": in_quiet_days(contacts, n, at_ms, cap),
        "priority": _reserved(shop, definition, contacts),
        "stock": np.full(n, not _is_in_stock(shop, definition)),
    }
    left, losses = audience.copy(), dict[str, int]()
    for name, is_lost in rules.items():
        losses[name] = int((left & is_lost).sum())
        left &= ~is_lost
    within = _within_budget(shop, definition, left)
    losses["budget"] = int((left & ~within).sum())
    return CampaignEligibility(int(audience.sum()), losses, left & within)


def audience_mask(shop: CampaignShop, definition: CampaignDefinition) -> Bools:
    """The customers of the audience, without those who may not be named.  (N,)"""
    audience = definition.audience
    if audience.item is None:
        where = shop.condition(audience.where, audience.segment)
        assert where is not None
        return members(where, shop.people, shop.saved.conditions())
    if shop.recommender.catalogue.position(audience.item) == MISSING:
        raise BadInput(f"audience.item: no item {audience.item!r:.80} in the catalogue")
    engine = shop.recommender.engine
    best = shop.recommender.audience(
        audience.item,
        now_ms=shop.now_ms,
        limit=audience.limit,
        has_consent=lambda user_id: True,
        scope=AudienceScope(shop.people.is_named[: len(engine.users)]),
    )
    mask = np.zeros(len(shop.people), bool)
    mask[[engine.users.position(member.user_id) for member in best]] = True
    return mask


def in_holdout(shop: CampaignShop, at_ms: int, among: Bools) -> Bools:
    """Who of those customers is in the hold-out of the shop in the quarter of that moment.  (N,)"""
    rows = np.flatnonzero(among)
    user_ids = [shop.people.user_ids[row] for row in rows.tolist()]
    mask = np.zeros(len(shop.people), bool)
    mask[rows] = ~arms_of(shop.settings.holdout_key(at_ms), shop.settings.holdout_share, user_ids)[1]
    return mask


def arms_of(salt: str, control_share: float, user_ids: list[str]) -> tuple[Ints, Bools]:
    """Bucket of each customer, and whether it is treated: control are the first buckets.  (N,) each"""
    buckets = buckets_of(salt, user_ids)
    return buckets, buckets >= round(control_share * N_BUCKETS)


def most_contacts(definition: CampaignDefinition) -> int | None:
    """How many contacts the budget pays for; None without a budget or a cost."""
    if definition.budget is None or not definition.cost_per_contact:
        return None
    return floor(definition.budget / definition.cost_per_contact + 1e-9)  # 0.3 / 0.1 is a little less than 3


def may_contact(user: User | None, definition: CampaignDefinition) -> bool:
    """Whether the customer's consent lets the campaign write to them; None is a customer without a record."""
    if user is None:
        return definition.consent == "not_refused"
    answer = user.answer(definition.purpose, definition.channel if definition.purpose == "marketing" else None)
    return user.is_personal and (answer is True or (answer is None and definition.consent == "not_refused"))


def _may_contact(shop: CampaignShop, definition: CampaignDefinition, among: Bools) -> Bools:
    mask, users = among.copy(), shop.people.users
    for row in np.flatnonzero(among).tolist():
        mask[row] = may_contact(users[row], definition)
    return mask


def _reserved(shop: CampaignShop, definition: CampaignDefinition, contacts: Contacts) -> Bools:
    """Whom the cap leaves to drafts of a higher priority that start nearby.  (N,)"""
    n, at_ms, cap = len(shop.people), definition.starts_ms, shop.cap
    for other in all_campaigns(shop.store):
        if _goes_before(other, definition, cap):
            audience = audience_mask(shop, other.definition)
            audience &= _may_contact(shop, other.definition, audience)
            audience &= ~in_holdout(shop, other.definition.starts_ms, audience)
            contacts = contacts.with_contact(np.flatnonzero(audience), other.definition.starts_ms)
    return over_cap(contacts, n, at_ms, cap) | in_quiet_days(contacts, n, at_ms, cap)


def _goes_before(other: Campaign, definition: CampaignDefinition, cap: ContactCap) -> bool:
    return (
        other.record.status == DRAFT
        and other.id != definition.id
        and other.definition.priority > definition.priority
        and abs(other.definition.starts_ms - definition.starts_ms) < cap.span_ms
    )


def _is_in_stock(shop: CampaignShop, definition: CampaignDefinition) -> bool:
    """Whether one of the items of the offer is on sale; an offer without items needs none."""
    items, catalogue = definition.offer.items, shop.recommender.catalogue
    positions = {item_id: catalogue.position(item_id) for item_id in items}
    unknown = [item_id for item_id, position in positions.items() if position == MISSING]
    if unknown:
        raise BadInput(f"offer.items: no item {unknown[0]!r:.80} in the catalogue")
    on_sale = catalogue.on_sale(shop.now_ms / DAY_MS)
    return not items or bool(on_sale[[*positions.values()]].any())


def _within_budget(shop: CampaignShop, definition: CampaignDefinition, left: Bools) -> Bools:
    """Of the customers who are left, as many as the budget pays for the treated of, by a hash of their own.  (N,)"""
    most = most_contacts(definition)
    if most is None:
        return left
    rows = np.flatnonzero(left)
    user_ids = [shop.people.user_ids[row] for row in rows.tolist()]
    order = np.argsort(buckets_of(f"{definition.salt} budget", user_ids), kind="stable")
    is_treated = arms_of(definition.salt, definition.control_share, user_ids)[1]
    chosen = np.zeros(len(left), bool)
    chosen[rows[order[np.cumsum(is_treated[order]) <= most]]] = True
    return chosen
