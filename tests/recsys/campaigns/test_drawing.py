"""Draw of a campaign: by the hash, once, and beside other draws."""

import pytest

from recsys.campaigns.campaign import close_campaign, find_campaign
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop, arms_of
from recsys.campaigns.members import find_members
from recsys.data.store.campaigns.records import Arm
from recsys.errors import BadInput, NotEnoughData, UnknownCampaign
from tests.recsys.campaigns.conftest import saved


def test_everybody_who_is_eligible_gets_the_arm_of_their_bucket(shop: CampaignShop) -> None:
    saved(shop, control_share=0.4)
    campaign, is_new = draw_campaign(shop, "c1")
    found = find_members(shop.store, campaign).members
    ids = [member.user_id for member in found]
    buckets, is_treated = arms_of("fixed", 0.4, ids)
    assert is_new
    assert ids == sorted(
        user_id for user_id, named in zip(shop.people.user_ids, shop.people.is_named, strict=True) if named
    )
    assert [member.bucket for member in found] == buckets.tolist()
    assert [member.arm is Arm.TREATED for member in found] == is_treated.tolist()
    assert campaign.draw["treated"] + campaign.draw["control"] == campaign.draw["eligible"] == len(ids)
    assert {member.stratum for member in found} - {""}


def test_a_second_draw_changes_nothing_and_says_so(shop: CampaignShop) -> None:
    saved(shop)
    first, _ = draw_campaign(shop, "c1")
    assert draw_campaign(shop, "c1") == (first, False)
    with pytest.raises(BadInput, match="'c1' was drawn and never changes"):
        saved(shop, control_share=0.1)


def test_too_few_customers_are_drawn_by_force_alone(shop: CampaignShop) -> None:
    saved(shop, effect=0.001)
    with pytest.raises(NotEnoughData, match=r"too small: .* are needed at this control share"):
        draw_campaign(shop, "c1")
    assert not find_campaign(shop.store, "c1").is_drawn
    assert draw_campaign(shop, "c1", force=True)[1]


def test_fewer_than_twenty_are_drawn_by_nothing(shop: CampaignShop) -> None:
    saved(shop, audience={"where": {"orders": {"gte": 10_000}}})
    with pytest.raises(NotEnoughData, match="fewer than 20"):
        draw_campaign(shop, "c1", force=True)


def test_a_closed_campaign_is_not_drawn_and_an_unknown_one_is_named(shop: CampaignShop) -> None:
    saved(shop)
    close_campaign(shop.store, "c1", 5)
    with pytest.raises(BadInput, match="closed before it was drawn"):
        draw_campaign(shop, "c1")
    with pytest.raises(UnknownCampaign, match="'c2'"):
        draw_campaign(shop, "c2")


def test_the_third_campaign_of_a_week_finds_nobody_and_one_of_the_next_week_everybody(shop: CampaignShop) -> None:
    for name in ("c1", "c2"):
        saved(shop, name, control_share=0.0)
        draw_campaign(shop, name, force=True)
    saved(shop, "c3", starts="2018-03-07T10:00")
    with pytest.raises(NotEnoughData):
        draw_campaign(shop, "c3", force=True)
    saved(shop, "c4", starts="2018-03-08T10:00")
    assert draw_campaign(shop, "c4", force=True)[0].draw["losses"]["contact_cap"] == 0
