"""Customer card: table and later events give what a full rebuild gives; what cannot be known is None with a reason."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recsys.customers.card import CustomerNow, card_figures, customer_now, last_moment
from recsys.customers.groups import short_groups
from recsys.customers.population import MIN_GROUP
from recsys.customers.scores import abc_classes, quintile_scores
from recsys.customers.stages import Stage, StageRule
from recsys.customers.table import NO_CLASS, CustomerTable
from recsys.data.events import Activity, Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import MISSING
from recsys.testing import NOW, small_events
from recsys.time_units import DAY_MS, date
from tests.recsys.customers.conftest import NOW_MS, Shop

QUICK = StageRule(new_days=5, loyal_days=20, loyal_purchases=2)
BEFORE_MS = NOW_MS - 20 * DAY_MS
RHYTHM = ("n_orders", "n_days", "money", "discount", "margin", "first_at_ms", "last_at_ms", "gap_days")


def lively_events(n_users: int) -> list[Event]:
    """The small shop with returns, coupons, customers who fell silent, and one who came after the table."""
    events = []
    for event in small_events(n_users):
        user = int(event.user_id[-3:])
        if user % 5 == 1 and event.at_ms > NOW_MS - (10 + user) * DAY_MS:
            continue
        events.append(event._replace(discount=0.5) if user % 7 == 2 else event)
        if user % 3 == 0 and event.kind == Kind.PURCHASE and event.item_id.endswith("4"):
            sent = event._replace(event_id=f"{event.event_id}-back", kind=Kind.RETURN, at_ms=event.at_ms + 9 * DAY_MS)
            events.append(sent)
    newcomer = Event("new", "user-new", "item-001", Kind.PURCHASE, NOW_MS - DAY_MS, 1.0, 7.0, "new")
    return sorted([*events, newcomer], key=lambda event: event.at_ms)


def by_user(events: Sequence[Event]) -> dict[str, list[Event]]:
    own: dict[str, list[Event]] = {}
    for event in events:
        own.setdefault(event.user_id, []).append(event)
    return own


def check_own_figures(now: CustomerNow, rebuilt: CustomerTable, row: int) -> None:
    """Rhythm, breadth and stage are those of the rebuilt table."""
    for name in RHYTHM:
        np.testing.assert_allclose(getattr(now.rhythm, name)[0], getattr(rebuilt, name)[row], rtol=1e-12)
    for name in ("n_items", "n_categories", "price_level", "top_category"):
        np.testing.assert_allclose(getattr(now.breadth, name)[0], getattr(rebuilt, name)[row], rtol=1e-6)
    stages = now.stages
    assert (stages.stage[0], stages.previous[0], stages.since_day[0]) == (
        rebuilt.stage[row],
        rebuilt.previous_stage[row],
        rebuilt.since_day[row],
    )
    assert now.first_seen_ms == rebuilt.first_seen_ms[row]


def check_places(now: CustomerNow, table: CustomerTable, row: int) -> None:
    """Scores and class are those of a table in which this customer alone moved."""
    columns = {name: getattr(table, name).copy() for name in ("last_at_ms", "n_days", "money")}
    for name, column in columns.items():
        column[row] = getattr(now.rhythm, name)[0]
    bought = table.has_bought()
    bought[row] = bool(now.rhythm.has_bought[0])
    if not bought[row]:
        assert now.abc is None
        return
    place = int(bought[:row].sum())
    last, days, money = (columns[name][bought] for name in ("last_at_ms", "n_days", "money"))
    expected = [int(quintile_scores(values)[place]) for values in (last // DAY_MS, days, money)]
    assert [int(score[0]) for score in (now.scores.recency, now.scores.frequency, now.scores.money)] == expected
    assert now.abc == abc_classes(money)[place]


def check_parity(make_shop: Callable[..., Shop], n_users: int) -> None:
    events = lively_events(n_users)
    data, table = make_shop([event for event in events if event.at_ms < BEFORE_MS], BEFORE_MS, rule=QUICK)
    praise = [Fact(f"n{n}", f"user-{n:03}", FactKind.SURVEY, NOW_MS - 9 * DAY_MS, 9.0, ref="nps") for n in range(20)]
    rebuilt_data, rebuilt = make_shop(events, NOW_MS, praise, QUICK)
    catalogue = data.catalogue
    assert (rebuilt.stage == Stage.ADVOCATE).any()
    for user_id, own in by_user(events).items():
        row = data.users.position(user_id)
        own_praise = [fact for fact in praise if fact.user_id == user_id]
        now = customer_now(table, row, Activity.from_events(own), catalogue, NOW_MS, own_praise)
        check_own_figures(now, rebuilt, rebuilt_data.users.position(user_id))
        if row != MISSING:
            check_places(now, table, row)


def test_cards_of_table_and_later_events_equal_a_rebuild(make_shop: Callable[..., Shop]) -> None:
    check_parity(make_shop, 30)


@pytest.mark.slow
def test_a_thousand_cards_of_table_and_later_events_equal_a_rebuild(make_shop: Callable[..., Shop]) -> None:
    check_parity(make_shop, 1_000)


def test_a_card_at_the_moment_of_the_table_repeats_its_row(shop: Shop) -> None:
    data, table = shop
    for user_id, own in by_user(small_events()).items():
        row = data.users.position(user_id)
        now = customer_now(table, row, Activity.from_events(own), data.catalogue, table.as_of_ms)
        check_own_figures(now, table, row)
        figures = card_figures(now, table, data.catalogue)
        assert figures["rfm"]["cell"] == "".join(
            str(int(score[row])) for score in (table.recency_score, table.frequency_score, table.money_score)
        )
        assert figures["rfm"]["group"] == table.grouping.names[table.group[row]]
        assert short_groups(now.scores)[0] == table.short_group[row]
        assert now.abc == table.abc[row] != NO_CLASS


def card_of(shop: Shop, user_id: str, events: Sequence[Event]) -> dict[str, Any]:
    data, table = shop
    now = customer_now(
        table, data.users.position(user_id), Activity.from_events(events), data.catalogue, table.as_of_ms
    )
    return card_figures(now, table, data.catalogue)


def test_every_none_of_a_card_has_a_reason(shop: Shop) -> None:
    for user_id, own in (("nobody", []), ("user-001", by_user(small_events())["user-001"][:9])):
        card = card_of(shop, user_id, own)
        empty = {
            f"{part}.{name}"
            for part, figures in card.items()
            if isinstance(figures, dict) and part != "unknown"
            for name, value in figures.items()
            if value is None
        }
        assert empty == set(card["unknown"])
        assert all(reason and reason != "not known" for reason in card["unknown"].values())


def test_a_customer_without_orders_is_potential_and_has_no_place(shop: Shop) -> None:
    card = card_of(shop, "nobody", [])
    assert (card["stage"]["name"], card["stage"]["reason"]) == ("potential", "no purchase yet")
    assert card["unknown"]["rfm.cell"] == "no order yet"


def test_a_guest_is_compared_with_nobody(shop: Shop) -> None:
    guest = Event("g", "guest:o1", "item-001", Kind.PURCHASE, NOW_MS - DAY_MS, 1.0, 500.0, "o1")
    assert card_of(shop, "guest:o1", [guest])["abc"]["class"] is None


def test_a_loyal_customer_who_recommends_the_shop_is_an_advocate_since_then(make_shop: Callable[..., Shop]) -> None:
    data, table = make_shop(small_events(), rule=QUICK)
    loyal = data.users[int(np.flatnonzero(table.stage == Stage.LOYAL)[0])]
    praise = [Fact("n", loyal, FactKind.SURVEY, NOW_MS - 9 * DAY_MS, 9.0, ref="nps")]
    own = Activity.from_events(by_user(small_events())[loyal])
    now = customer_now(table, data.users.position(loyal), own, data.catalogue, NOW_MS, praise)
    stage = card_figures(now, table, data.catalogue)["stage"]
    assert (stage["name"], stage["before"]) == ("advocate", "loyal")
    assert stage["since"] == date(NOW - 9)
    assert stage["reason"].endswith(f"recommends the shop since {date(NOW - 9)}")


def test_a_margin_is_blank_where_the_cost_of_an_item_is_not_known(shop: Shop) -> None:
    cards = [card_of(shop, user_id, own) for user_id, own in by_user(small_events()).items()]
    known = [card for card in cards if card["money"]["margin"] is not None]
    assert 0 < len(known) < len(cards)
    blank = next(card for card in cards if card["money"]["margin"] is None)
    assert blank["unknown"]["money.margin"] == "the cost of an item that they bought is not known"


def test_a_silent_customer_is_at_risk_for_a_reason_with_numbers(shop: Shop) -> None:
    own = [event for event in by_user(small_events())["user-001"] if event.at_ms < (NOW - 30) * DAY_MS]
    card = card_of(shop, "user-001", own)
    assert card["stage"]["name"] == Stage.AT_RISK.name.lower()
    assert "no purchase for" in card["stage"]["reason"]
    assert "more than 28" in card["stage"]["reason"]


def test_among_few_customers_nobody_has_a_place(make_shop: Callable[..., Shop]) -> None:
    events = small_events(MIN_GROUP - 1)
    card = card_of(make_shop(events), "user-001", by_user(events)["user-001"])
    assert card["abc"]["class"] is None
    assert card["unknown"]["abc.class"] == "fewer than 20 customers"


def test_a_card_stands_for_the_end_of_the_log_and_never_for_the_future() -> None:
    assert last_moment(100, 1_000, [500, None]) == 501
    assert last_moment(100, 1_000, [5_000, 700]) == 701
    assert last_moment(100, 1_000, [None, None]) == 100
