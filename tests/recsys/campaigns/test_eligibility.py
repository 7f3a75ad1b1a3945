"""Eligibility: each rule takes its customers, each customer is counted once, and the hold-out is new each quarter."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from recsys.campaigns.campaign import close_campaign
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop, find_eligible, in_holdout, may_contact
from recsys.campaigns.planning import plan_campaign
from recsys.campaigns.settings import CampaignSettings
from recsys.data.entities import Item, User
from recsys.data.facts import Fact, FactKind
from recsys.errors import BadInput
from tests.recsys.campaigns.conftest import define, saved

START_MS = 1_519_898_400_000  # 2018-03-01 10:00
DAY_MS = 86_400_000


def with_users(shop: CampaignShop, users: list[User]) -> CampaignShop:
    """The shop with these records of its customers."""
    by_id = {user.user_id: user for user in users}
    return replace(shop, people=replace(shop.people, users=[by_id.get(each) for each in shop.people.user_ids]))


def message(nth: int, user_id: str, days: float) -> Fact:
    return Fact(f"m{nth}", user_id, FactKind.MESSAGE, START_MS + round(days * DAY_MS), None, "sent", "other", "email")


def test_each_rule_takes_its_customers_and_all_add_up(shop: CampaignShop) -> None:
    ids = shop.people.user_ids
    shop.store.add_facts([message(1, ids[1], -1), message(2, ids[1], -2), message(3, ids[2], 0.5)])
    shop.store.add_facts([message(4, ids[0], -1), message(5, ids[0], -2)])
    asked = with_users(
        shop, [User(ids[0], consent={"marketing/email": False}), User(ids[3], consent={"marketing": True})]
    )
    asked = replace(asked, settings=CampaignSettings(holdout_share=0, quiet_days=1))
    found = find_eligible(asked, define())
    assert (found.losses["consent"], found.losses["contact_cap"], found.losses["quiet_days"]) == (1, 1, 1)
    assert found.n_audience == found.n_eligible + sum(found.losses.values()) == int(shop.people.is_named.sum())
    assert not found.eligible[:3].any()
    agreed = find_eligible(asked, define(consent="agreed"))
    assert [ids[row] for row in agreed.eligible.nonzero()[0].tolist()] == [ids[3]]


def test_a_message_takes_the_place_of_the_planned_contact(shop: CampaignShop) -> None:
    shop = replace(shop, settings=CampaignSettings(holdout_share=0, quiet_days=0, max_contacts=1))
    saved(shop, control_share=0.0)
    draw_campaign(shop, "c1", force=True)
    later = define("c2", starts="2018-03-04T10:00", reading="2018-04-01")
    assert find_eligible(shop, later).n_eligible == 0
    sent = message(1, shop.people.user_ids[0], -6)._replace(ref="c1")
    shop.store.add_facts([sent])
    assert find_eligible(shop, later).n_eligible == 1, "it was sent six days earlier than planned"


def test_stock_and_budget_take_theirs(shop: CampaignShop) -> None:
    first, second = (shop.recommender.catalogue.item_id(at) for at in (0, 1))
    catalogue = shop.recommender.catalogue.with_changes([Item(first, stock=0), Item(second)])
    shop = replace(shop, recommender=shop.recommender.with_catalogue(catalogue))
    assert find_eligible(shop, define(offer={"items": [first, second]})).losses["stock"] == 0
    gone = find_eligible(shop, define(offer={"items": [first]}))
    assert (gone.n_eligible, gone.losses["stock"]) == (0, gone.n_audience)


@pytest.mark.parametrize(("cost", "budget", "n_paid"), [(1, 15, 15), (0.1, 1.9, 19)])
def test_the_treated_of_the_draw_never_cost_more_than_the_budget(
    shop: CampaignShop, cost: float, budget: float, n_paid: int
) -> None:
    saved(shop, cost_per_contact=cost, budget=budget)
    assert plan_campaign(shop, define(cost_per_contact=cost, budget=budget)).to_json()["expected_cost"] <= budget
    assert draw_campaign(shop, "c1", force=True)[0].draw["treated"] == n_paid


def test_quiet_hours_that_leave_no_hour_are_refused() -> None:
    with pytest.raises(ValidationError, match="begins and ends at 08:00"):
        CampaignSettings(quiet_hours="08:00-08:00")


def test_contacts_are_left_to_drafts_of_a_higher_priority_until_they_are_closed(shop: CampaignShop) -> None:
    shop = replace(shop, settings=CampaignSettings(holdout_share=0, quiet_days=0, max_contacts=1))
    saved(shop, "first", priority=5)
    other = define("c2", starts="2018-03-03T10:00")
    assert find_eligible(shop, other).losses["priority"] == int(shop.people.is_named.sum())
    assert find_eligible(shop, define("c3", starts="2018-03-03T10:00", priority=6)).losses["priority"] == 0
    assert find_eligible(shop, define("c4", starts="2018-03-08T10:00")).losses["priority"] == 0
    close_campaign(shop.store, "first", 1)
    assert find_eligible(shop, other).losses["priority"] == 0


def test_the_hold_out_stays_for_a_quarter_and_is_never_eligible(shop: CampaignShop) -> None:
    shop = replace(shop, settings=CampaignSettings(holdout_share=0.4))
    named = shop.people.is_named
    held = in_holdout(shop, START_MS, named)
    assert 0.2 < held.sum() / named.sum() < 0.6
    assert (in_holdout(shop, START_MS + 29 * DAY_MS, named) == held).all()
    assert (in_holdout(shop, START_MS + 32 * DAY_MS, named) != held).any()
    found = find_eligible(shop, define())
    assert found.losses["holdout"] == held.sum()
    assert not (found.eligible & held).any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quiet_hours": "21:00-11:30", "time_zone": "Europe/Berlin"}, "quiet hours 21:00-11:30"),
        ({"quiet_hours": "09:00-10:30"}, "start at 10:30"),
        ({"quiet_weekdays": ("thursday",)}, "is a thursday in UTC, a quiet day"),
    ],
)
def test_no_campaign_starts_in_quiet_times(shop: CampaignShop, settings: dict[str, object], words: str) -> None:
    shop = replace(shop, settings=CampaignSettings.model_validate(settings))
    with pytest.raises(BadInput, match=words):
        find_eligible(shop, define())
    find_eligible(shop, define(starts="2018-03-02T12:00"))


@pytest.mark.parametrize(
    ("moment", "is_quiet"),
    [
        ("2027-03-27T19:59", False),  # 20:59 in Berlin, where summer time begins that night
        ("2027-03-27T20:00", True),
        ("2027-03-28T18:59", False),
        ("2027-03-28T19:00", True),
        ("2027-10-31T07:00", False),  # 08:00, winter time again
        ("2027-10-31T06:59", True),
    ],
)
def test_quiet_hours_follow_summer_time(moment: str, is_quiet: bool) -> None:
    settings = CampaignSettings(quiet_hours="21:00-08:00", time_zone="Europe/Berlin")
    assert (settings.quiet_reason(define(starts=moment, reading="2027-11-30").starts_ms) is not None) is is_quiet


@pytest.mark.parametrize(
    ("consent", "purpose", "may", "may_if_agreed"),
    [
        ({}, "marketing", True, False),
        ({"marketing": True, "marketing/email": False}, "marketing", False, False),
        ({"marketing/email": True}, "marketing", True, True),
        ({"marketing": True, "personalisation": False}, "marketing", False, False),
        ({"marketing": False}, "personalisation", True, False),
    ],
)
def test_consent_to_purpose_and_channel_counts(
    consent: dict[str, bool], purpose: str, may: bool, may_if_agreed: bool
) -> None:
    user = User("u", consent=consent)
    assert may_contact(user, define(purpose=purpose)) is may
    assert may_contact(user, define(purpose=purpose, consent="agreed")) is may_if_agreed
