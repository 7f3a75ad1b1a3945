"""Results of campaigns in a shop whose answer is known: 200 customers, one order a week, 10 more for the treated."""

from pathlib import Path

import numpy as np
import pytest

from recsys.campaigns.campaign import save_campaign
from recsys.campaigns.definition import parse_definition
from recsys.campaigns.result.campaign_result import CampaignResult, read_result
from recsys.campaigns.result.verdict import NO_PROOF, drawn_words
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import NotEnoughData, UnknownCampaign
from recsys.inference.welch import welch
from recsys.time_units import DAY_MS
from tests.recsys.campaigns.result.planted_campaigns import IDS, LIFT, NOW_MS, START_MS, N, orders


@pytest.fixture(scope="module")
def store(planted_store: Store) -> Store:
    return planted_store


def read(store: Store, campaign_id: str, now_ms: int = NOW_MS) -> CampaignResult:
    return read_result(store, None, campaign_id, now_ms)


@pytest.fixture(scope="module")
def fair(store: Store) -> CampaignResult:
    return read(store, "fair")


def test_a_drawn_campaign_earned_what_was_planted(fair: CampaignResult) -> None:
    plain, narrow = fair.effects["welch"], fair.effects["cuped"]
    assert narrow.low < LIFT < narrow.high
    assert narrow.is_clear
    assert narrow.high - narrow.low < (plain.high - plain.low) / 5
    assert "earned" in fair.verdict
    assert not fair.is_mismatch


def test_margin_and_cost_are_taken_off_in_all(fair: CampaignResult) -> None:
    assert fair.margin is not None
    assert fair.net is not None
    assert fair.cost == 0.5 * N / 2
    assert fair.net.difference == pytest.approx(fair.margin.difference * N / 2 - fair.cost)
    document = fair.to_json()
    assert (document["net"]["relative"], document["net"]["p"]) == (None, None), "those of the margin do not hold for it"
    assert document["effects"]["cuped"]["in_all"]["difference"] == pytest.approx(
        document["effects"]["cuped"]["difference"] * N / 2
    )
    assert document["proof"] is None


def test_segments_and_answers_of_fewer_than_20_customers_are_hidden(fair: CampaignResult) -> None:
    assert [each.segment for each in fair.segments] == ["loyal"]
    assert fair.n_segments_hidden == 1
    assert (fair.response["sent"], fair.response["opened"], fair.response["clicked"]) == (100, 50, None)
    assert fair.response["bounced"] == 0


def test_arms_that_were_not_drawn_so_have_no_effect(store: Store) -> None:
    lost = read(store, "lost")
    assert lost.is_mismatch
    assert lost.effects == {}
    assert lost.net is None
    assert "not what was drawn" in lost.verdict


def test_messages_alone_give_a_result_that_says_it_is_no_proof(store: Store) -> None:
    # The window of 56 days has not ended.
    with pytest.raises(NotEnoughData, match="the log ends on"):
        read(store, "mailing", NOW_MS + 100 * DAY_MS)
    save_campaign(
        store,
        parse_definition(
            {
                "id": "mailing",
                "audience": {"where": {"all": []}},
                "channel": "post",
                "starts": "2018-03-01",
                "reading": "2018-03-29",
                "control_share": 0,
            }
        ),
        0,
        lambda _: None,
    )
    mailing = read(store, "mailing")
    assert list(mailing.effects) == ["naive", "gap_before", "difference_in_differences", "cuped"]
    assert (mailing.n_treated, mailing.n_control) == (100, 100)
    changes = mailing.effects["difference_in_differences"]
    assert changes.low < LIFT < changes.high
    assert mailing.effects["gap_before"].low < 0 < mailing.effects["gap_before"].high
    assert NO_PROOF in mailing.verdict
    assert mailing.to_json()["proof"] == NO_PROOF
    assert mailing.net is None


def test_nobody_looks_before_the_reading_date(store: Store) -> None:
    with pytest.raises(NotEnoughData, match="it is read on 2018-03-29"):
        read(store, "fair", START_MS + 20 * DAY_MS)


def test_a_draft_that_no_message_names_is_not_read_but_says_to_draw_it(store: Store) -> None:
    days = {"starts": "2018-03-01", "reading": "2018-03-29"}
    fields = {"id": "draft", "audience": {"where": {"all": []}}, "channel": "email", "control_share": 0.5, **days}
    save_campaign(store, parse_definition(fields), 0, lambda _: None)
    with pytest.raises(NotEnoughData, match="'draft' was never drawn.*draw it first"):
        read(store, "draft")


def test_a_campaign_that_nobody_knows_is_named(store: Store) -> None:
    with pytest.raises(UnknownCampaign, match="'nope'"):
        read(store, "nope")


def test_a_campaign_to_a_few_customers_is_not_read(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    rng = np.random.default_rng(0)
    store.append([event for user in range(40) for event in orders(user, rng)])
    store.add_facts([Fact(f"m{n}", IDS[n], FactKind.MESSAGE, START_MS, None, "sent", "few") for n in range(5)])
    with pytest.raises(NotEnoughData, match="fewer than 20"):
        read(store, "few")


def test_groups_that_paid_nothing_tell_nothing() -> None:
    nothing = {"cuped": welch(np.zeros(30), np.zeros(30))}
    assert drawn_words(nothing, "the campaign").startswith("Nobody of either group paid anything")
