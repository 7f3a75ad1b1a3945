"""Coupons of a campaign: how many customers of each arm redeemed them in its time, and for how much money."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recsys.campaigns.campaign import Campaign
from recsys.customers.population import MIN_GROUP
from recsys.data.facts import Fact

REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True)
class ArmCoupons:
    """Customers of an arm who redeemed, their redemptions, and the money off; None for fewer than MIN_GROUP, but 0."""

    customers: int | None
    redemptions: int | None
    money: float | None


@dataclass(frozen=True, slots=True)
class CampaignCoupons:
    """codes: by which redemptions are known."""

    codes: tuple[str, ...]
    treated: ArmCoupons
    control: ArmCoupons


def coupon_codes(campaign_id: str, campaign: Campaign | None) -> tuple[str, ...]:
    """The coupon and the promotion of the offer, and the id of the campaign."""
    offer = None if campaign is None else campaign.definition.offer
    codes = (campaign_id,) if offer is None else (offer.coupon, offer.promotion, campaign_id)
    return tuple(dict.fromkeys(code for code in codes if code))


def count_coupons(
    facts: Iterable[Fact], codes: tuple[str, ...], treated: set[str], control: set[str]
) -> CampaignCoupons | None:
    """Of both arms.  facts: of coupons, within the time of the campaign.  None where nobody redeemed one."""
    own = [fact for fact in facts if fact.ref in codes and fact.text == REDEEMED]
    if not own:
        return None
    arms = ([fact for fact in own if fact.user_id in arm] for arm in (treated, control))
    return CampaignCoupons(codes, *map(_of_arm, arms))


def _of_arm(facts: Sequence[Fact]) -> ArmCoupons:
    n = len({fact.user_id for fact in facts})
    if 0 < n < MIN_GROUP:
        return ArmCoupons(None, None, None)
    return ArmCoupons(n, len(facts), round(sum(fact.value or 0.0 for fact in facts), 2))
