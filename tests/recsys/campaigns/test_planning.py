"""Plan of a campaign: what would keep its result from saying anything is told before the draw."""

from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.planning import measure_power, money_between, plan_campaign
from tests.recsys.campaigns.conftest import define


def test_a_group_of_fewer_than_twenty_is_told_before_the_draw(shop: CampaignShop) -> None:
    few, many = (plan_campaign(shop, define(control_share=share)).power for share in (0.05, 0.95 - 0.05))
    assert not few.is_enough
    assert "the control group would have some" in few.advice
    assert "of fewer than 20 no result is told: widen the audience, or draw halves" in few.advice
    assert "the group that gets it would have some" in many.advice


def test_customers_who_bought_nothing_lately_are_told_with_the_last_day_of_the_data(shop: CampaignShop) -> None:
    second = define(starts="2018-03-01T10:00:00", reading="2018-03-01T10:00:01")
    has_no_order = money_between(shop, shop.people.as_of_ms - 1_000, shop.people.as_of_ms) == 0
    advice = measure_power(shop, second, has_no_order).advice
    assert advice.startswith("none of them ordered in the ")
    assert "days before 2017-11-29, up to where the data go" in advice


def test_a_start_before_the_end_of_the_data_is_noted(shop: CampaignShop) -> None:
    past = plan_campaign(shop, define(starts="2017-11-01T10:00", reading="2017-11-20T10:00")).to_json()
    assert past["note"].startswith("it starts before the data end (2017-11-29 ")
    assert plan_campaign(shop, define()).to_json()["note"] is None
