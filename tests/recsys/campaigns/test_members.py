"""Members of a campaign afterwards: on the card, in segments, in the export of a person, and after merges."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.campaigns.campaign import find_campaign
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.export import treated_list
from recsys.campaigns.members import find_members
from recsys.data.entities import User, UserChange
from recsys.data.store.campaigns.records import Arm
from recsys.errors import BadInput
from recsys.privacy.export import export_user_data
from recsys.ranking.customer_profile import read_profile
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import customers_now
from tests.recsys.campaigns.conftest import saved


def drawn(shop: CampaignShop) -> dict[str, Arm]:
    """The arm of each member."""
    saved(shop)
    campaign, _ = draw_campaign(shop, "c1")
    return {member.user_id: member.arm for member in find_members(shop.store, campaign).members}


def user_of(arms: dict[str, Arm], arm: Arm, nth: int = 0) -> str:
    return [user_id for user_id, own in arms.items() if own is arm][nth]


def test_in_campaign_finds_the_members_by_arm(shop: CampaignShop) -> None:
    arms = drawn(shop)
    few = sorted(arms)[:5]
    now = customers_now(shop.recommender.engine, shop.recommender.catalogue, shop.store, few, shop.now_ms, 0)
    for written, expected in (
        ("c1", {*arms}),
        ({"not": ["c1"]}, set()),
        ({"id": ["c1"], "arm": "treated"}, {user_id for user_id, arm in arms.items() if arm is Arm.TREATED}),
        ({"id": "c1", "arm": "control"}, {user_id for user_id, arm in arms.items() if arm is Arm.CONTROL}),
    ):
        where = parse_customers({"in_campaign": written}, SegmentVocabulary())
        mask = members(where, shop.people, {})
        assert {shop.people.user_ids[row] for row in mask.nonzero()[0].tolist()} == expected
        mask = members(where, now, {})
        assert {few[row] for row in mask.nonzero()[0].tolist()} == expected & {*few}
    unknown = parse_customers({"in_campaign": "c2"}, SegmentVocabulary())
    with pytest.raises(BadInput, match="no campaign 'c2'"):
        members(unknown, shop.people, {})
    with pytest.raises(BadInput, match="not known here"):
        members(unknown, replace(shop.people, store=None), {})


def test_the_card_and_the_export_of_a_person_name_their_campaigns(shop: CampaignShop, tmp_path: Path) -> None:
    user_id = user_of(drawn(shop), Arm.CONTROL)
    shop.store.put_users([User(user_id)])
    expected = [{"campaign": "c1", "arm": "control", "status": "drawn", "starts": 1_519_898_400_000}]
    assert read_profile(shop.store, shop.recommender, None, user_id, shop.now_ms)["campaigns"] == expected
    document = json.loads(b"".join(export_user_data(shop.store, tmp_path, shop.recommender, user_id)))
    assert document["campaigns"] == expected


def test_a_pair_that_is_merged_across_arms_is_left_out_and_counted(shop: CampaignShop) -> None:
    arms = drawn(shop)
    treated, other = user_of(arms, Arm.TREATED), user_of(arms, Arm.TREATED, 1)
    control, erased = user_of(arms, Arm.CONTROL), user_of(arms, Arm.CONTROL, 1)
    shop.store.merge_users(control, treated)
    shop.store.merge_users(user_of(arms, Arm.TREATED, 2), other)
    shop.store.erase_user(erased)
    found = find_members(shop.store, find_campaign(shop.store, "c1"))
    assert {treated, control, erased}.isdisjoint(member.user_id for member in found.members)
    assert (found.n_across, found.n_within, found.n_gone) == (2, 1, 1)
    assert len(found.members) == len(arms) - 4
    assert sum(found.n_drawn.values()) == len(arms), "what was counted stays"
    assert "2 of the drawn were merged into customers of the other arm and are left out of both" in found.notes


def test_the_list_leaves_out_who_withdrew_since_and_who_has_no_address(shop: CampaignShop) -> None:
    arms = drawn(shop)
    first, second = user_of(arms, Arm.TREATED), user_of(arms, Arm.TREATED, 1)
    shop.store.put_users([User(first, {"E-Mail": "a@b.example", "First name": "=Ada"})])
    shop.store.change_users([UserChange(second, consent={"marketing": False})])
    campaign = find_campaign(shop.store, "c1")
    plain, mailchimp = (treated_list(shop.store, campaign, layout, None) for layout in ("plain", "mailchimp"))
    n_treated = sum(arm is Arm.TREATED for arm in arms.values())
    assert (len(plain.rows), plain.withdrawn) == (n_treated - 1, 1)
    assert [row["Email Address"] for row in mailchimp.rows] == ["a@b.example"]
    assert mailchimp.no_address == n_treated - 2
    assert b"'=Ada" in mailchimp.content("csv")
    assert [json.loads(payload)["customers"] for _, payload in mailchimp.messages()] == [mailchimp.rows]
    with pytest.raises(BadInput, match="layout: 'mailchip' is none"):
        treated_list(shop.store, campaign, "mailchip", None)
