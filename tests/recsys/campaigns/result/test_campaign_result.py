"""Results of campaigns in a shop whose answer is known: 200 customers, one order a week, 10 more for the treated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recsys.campaigns.campaign import drawn_document, find_campaign, save_campaign
from recsys.campaigns.definition import parse_definition
from recsys.campaigns.result.campaign_result import CampaignResult, read_result
from recsys.campaigns.result.verdict import NO_PROOF
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm
from recsys.data.store.open import open_store
from recsys.errors import NotEnoughData, UnknownCampaign
from recsys.time_units import DAY_MS

N, LIFT = 200, 10.0
START_MS = 1_519_862_400_000  # 2018-03-01
WEEKS_BEFORE, WEEKS = 13, 4
NOW_MS = START_MS + 30 * DAY_MS
IDS = [f"u{n:03}" for n in range(N)]


def is_treated(user: int) -> bool:
    return user % 2 == 0


def orders(user: int, rng: np.random.Generator) -> list[Event]:
    usual = 20 + user % 50
    events = []
    for week in range(-WEEKS_BEFORE, WEEKS):
        money = usual + rng.normal(0, 2) + (LIFT if week == 0 and is_treated(user) else 0)
        at_ms = START_MS + week * 7 * DAY_MS + user * 1_000
        events.append(Event(f"{user}-{week}", IDS[user], f"i{user % 3}", Kind.PURCHASE, at_ms, price=float(money)))
    events.append(Event(f"{user}-end", IDS[user], "i0", Kind.VIEW, NOW_MS - DAY_MS))
    return events


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    rng, store = np.random.default_rng(5), open_store(tmp_path_factory.mktemp("results"), None)
    store.put_items([Item(f"i{n}", cost=5.0) for n in range(3)])
    store.append([event for user in range(N) for event in orders(user, rng)])
    draw(store, "fair", range(N))
    draw(store, "lost", [user for user in range(N) if is_treated(user) or user % 4 == 1])
    store.add_facts(
        [
            Fact(f"{ref}{word}{user}", IDS[user], FactKind.MESSAGE, START_MS + 60_000, None, word, ref)
            for ref in ("fair", "mailing")
            for user in range(0, N, 2)
            for word in ("sent", *(["opened"] if user < 100 else []), *(["clicked"] if user < 20 else []))
            if ref == "fair" or word == "sent"
        ]
    )
    return store


def draw(store: Store, campaign_id: str, users: Sequence[int]) -> None:
    fields = {
        "id": campaign_id,
        "audience": {"where": {"all": []}},
        "channel": "email",
        "cost_per_contact": 0.5,
        "starts": "2018-03-01",
        "reading": "2018-03-29",
        "control_share": 0.5,
        "goal": "win back",
    }
    save_campaign(store, parse_definition(fields), 0, lambda _: None)
    campaign = find_campaign(store, campaign_id)
    store.begin_draw(campaign_id, "t", campaign.record.document)
    arms = [(IDS[user], Arm.TREATED if is_treated(user) else Arm.CONTROL) for user in users]
    strata = ["loyal" if user_id < "u190" else "new" for user_id, _ in arms]
    rows = [(campaign_id, user_id, arm, 1, stratum) for (user_id, arm), stratum in zip(arms, strata, strict=True)]
    store.add_members(rows, token="t", log_seq=store.head())
    n = sum(arm == Arm.TREATED for _, arm in arms)
    counts = {"treated": n, "control": len(arms) - n}
    assert store.finish_draw(campaign_id, "t", drawn_document(campaign, counts), last_draw=store.last_draw())


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
