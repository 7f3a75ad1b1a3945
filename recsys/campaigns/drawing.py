"""Draw of a campaign: a keyed hash into treated and control, written down once, beside draws of other hosts."""

import secrets
from dataclasses import asdict
from typing import Any

import numpy as np

from recsys.campaigns.campaign import CLOSED, Campaign, drawn_document, find_campaign
from recsys.campaigns.eligibility import CampaignEligibility, CampaignShop, arms_of, find_eligible
from recsys.campaigns.planning import CampaignPower, measure_power
from recsys.customers.people import stage_names
from recsys.customers.population import MIN_GROUP
from recsys.data.store.campaigns.campaign_table import MemberRow
from recsys.data.store.campaigns.records import Arm
from recsys.errors import BadInput, CampaignChanged, NotEnoughData

MOST_TRIES = 20


def draw_campaign(shop: CampaignShop, campaign_id: str, *, force: bool = False) -> tuple[Campaign, bool]:
    """The campaign after its draw, and whether this call drew it: a second draw changes nothing.

    force: also where too few are left to see the effect.  Raises UnknownCampaign, BadInput, NotEnoughData,
    CampaignChanged, LogUnavailable.
    """
    for _ in range(MOST_TRIES):
        campaign = find_campaign(shop.store, campaign_id)
        if campaign.is_drawn:
            return campaign, False
        if campaign.record.status == CLOSED:
            raise BadInput(f"campaign {campaign_id!r} was closed before it was drawn; plan it with another id")
        last_draw = shop.store.last_draw()
        eligibility = find_eligible(shop, campaign.definition)
        power = measure_power(shop, campaign.definition, eligibility.eligible)
        _check(eligibility, power, force=force)
        if _written(shop, campaign, eligibility, power, last_draw):
            return find_campaign(shop.store, campaign_id), True
    raise CampaignChanged(f"other campaigns were drawn meanwhile, {MOST_TRIES} times; draw {campaign_id!r} again")


def _check(eligibility: CampaignEligibility, power: CampaignPower, *, force: bool) -> None:
    if eligibility.n_eligible < MIN_GROUP:
        raise NotEnoughData(
            f"fewer than {MIN_GROUP} customers are left: widen the audience; its plan says who was taken out and why"
        )
    if not power.is_enough and not force:
        raise NotEnoughData(f"{power.advice}; a draw never changes: draw with force to do it all the same")


def _written(
    shop: CampaignShop, campaign: Campaign, eligibility: CampaignEligibility, power: CampaignPower, last_draw: int
) -> bool:
    """Whether the draw was stored; False if another campaign was drawn since `last_draw`."""
    rows = np.flatnonzero(eligibility.eligible)
    user_ids = [shop.people.user_ids[row] for row in rows.tolist()]
    buckets, is_treated = arms_of(campaign.definition.salt, campaign.definition.control_share, user_ids)
    strata = [_stage(code) for code in shop.people.table.stage[rows].tolist()]
    arms = [Arm(int(treated)) for treated in is_treated.tolist()]
    members: list[MemberRow] = [
        (campaign.id, user_id, arm, bucket, stratum)
        for user_id, arm, bucket, stratum in zip(user_ids, arms, buckets.tolist(), strata, strict=True)
    ]
    draw: dict[str, Any] = {
        "at": shop.now_ms,
        "model_version": shop.recommender.bundle.manifest.version,
        "as_of": shop.people.as_of_ms,
        "audience": eligibility.n_audience,
        "losses": dict(eligibility.losses),
        "eligible": len(members),
        "treated": int(is_treated.sum()),
        "control": int((~is_treated).sum()),
        "power": asdict(power),
    }
    token, store = secrets.token_hex(8), shop.store
    store.begin_draw(campaign.id, token, campaign.record.document)
    store.add_members(members, token=token, log_seq=shop.log_seq)
    return store.finish_draw(campaign.id, token, drawn_document(campaign, draw), last_draw=last_draw)


def _stage(code: int) -> str:
    names = stage_names()
    return names[code] if 0 <= code < len(names) else ""
