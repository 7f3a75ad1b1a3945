"""A shop whose answer is known: 200 customers, one order a week, and 10 more for the treated of a campaign."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recsys.campaigns.campaign import drawn_document, find_campaign, save_campaign
from recsys.campaigns.definition import parse_definition
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm
from recsys.data.store.open import open_store
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


def plant(home: Path) -> Store:
    """A store with a campaign of fair arms, one that lost half of its control, and a mailing that nobody drew."""
    rng, store = np.random.default_rng(5), open_store(home, None)
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
