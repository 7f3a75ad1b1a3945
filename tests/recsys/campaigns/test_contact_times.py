"""Best hour and day in the plan and on the list of a campaign: a column, or the words why it is blank."""

from dataclasses import replace

import numpy as np

from recsys.campaigns.campaign import find_campaign
from recsys.campaigns.contact_times import best_times
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.export import treated_list
from recsys.customers.contact_times import ContactTimes
from recsys.data.ids import MISSING
from recsys.engine.engine import Engine
from tests.recsys.campaigns.conftest import saved
from tests.recsys.customers.test_contact_times import TIMES


def sure(engine: Engine) -> Engine:
    return replace(engine, contact_times=replace(TIMES, low=np.full(2, 0.1)))


def test_each_customer_has_the_hour_of_most_of_their_orders(shop: CampaignShop) -> None:
    engine = sure(shop.recommender.engine)
    rows = np.array([1, 0, MISSING, 10**6])
    times = best_times(engine, rows)
    for row, place in zip(rows[:2].tolist(), times.places["best_hour"].tolist(), strict=False):
        orders = engine.customer_orders
        at_ms = np.unique(orders.at_ms[orders.user_offsets[row] : orders.user_offsets[row + 1]])
        counts = np.bincount(at_ms // 3_600_000 % 24, minlength=24)
        assert place == counts.argmax()
    assert times.column("best_day")[2:] == ["", ""]
    assert "2 have no best hour and day: no order yet" in times.notes


def test_the_plan_counts_them_and_hides_few(shop: CampaignShop) -> None:
    planned = best_times(sure(shop.recommender.engine), np.arange(40)).to_json()
    assert planned["unknown"] == {}
    assert all(row["customers"] >= 20 for row in (*planned["best_hour"], *planned["best_day"]))
    doubted = best_times(replace(shop.recommender.engine, contact_times=TIMES), np.arange(40)).to_json()
    assert doubted["best_day"] is None
    assert doubted["unknown"]["best_day"].startswith("no evidence")


def test_the_list_has_a_column_and_says_why_it_is_blank(shop: CampaignShop) -> None:
    saved(shop)
    draw_campaign(shop, "c1", force=True)
    campaign, engine = find_campaign(shop.store, "c1"), shop.recommender.engine
    known = treated_list(shop.store, campaign, "plain", sure(engine))
    assert {row["best_hour"][-3:] for row in known.rows} == {":00"}
    older = treated_list(shop.store, campaign, "klaviyo", replace(engine, contact_times=ContactTimes()))
    assert any("no evidence: the release says nothing" in note for note in older.notes)
    assert "best hour and day: nothing is live yet" in treated_list(shop.store, campaign, "plain", None).notes
