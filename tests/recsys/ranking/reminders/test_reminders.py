"""Reminders: one a customer and week, of those who may be written to, equal to the needs of each customer."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recsys.data.entities import User
from recsys.data.events import PURCHASE, RETURN, Event
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.consent import known_user
from recsys.data.store.open import open_store
from recsys.errors import NotEnoughData
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.ranking.reminders.customer_needs import customer_needs
from recsys.ranking.reminders.reminders import ReminderPlan, Reminders, find_reminders
from recsys.ranking.rules.model import Rule, Target, build_rules
from recsys.time_units import DAY_MS, date
from tests.homes import copy_home

PLAN = ReminderPlan(days=14, at_least=0.2)


@pytest.fixture(scope="module")
def recommender(home_with_needs: Path) -> Recommender:
    return open_recommender(home_with_needs, None)


@pytest.fixture
def store(home_with_needs: Path, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(copy_home(home_with_needs, tmp_path / "home"), None)) as store:
        yield store


def moment(recommender: Recommender) -> int:
    return int(recommender.engine.histories.now * DAY_MS) + DAY_MS


def found(store: Store, recommender: Recommender, plan: ReminderPlan = PLAN) -> tuple[list[dict[str, Any]], Reminders]:
    result = find_reminders(store, recommender, plan, moment(recommender))
    return [reminder for page in result.pages for reminder in page.reminders], result


def users_in(rows: list[dict[str, Any]]) -> set[str]:
    return {row["user_id"] for row in rows}


def test_a_customer_gets_one_reminder_a_week_the_likeliest(store: Store, recommender: Recommender) -> None:
    rows, result = found(store, recommender)
    today = result.as_of_ms // DAY_MS
    weeks = [(row["user_id"], row["due"] >= date(today + 7)) for row in rows]
    assert len(weeks) == len(set(weeks)) > len(users_in(rows)) > 50
    assert {row["due"] >= date(today) for row in rows} == {True}
    assert max(row["due"] for row in rows) <= date(today + 13)


def test_reminders_are_the_needs_of_each_customer_also_after_new_events(store: Store, recommender: Recommender) -> None:
    at_ms = moment(recommender) - DAY_MS // 2
    store.append([Event("e1", "user-003", "item-005", PURCHASE, at_ms, 1.0, 2.0)])
    rows, _ = found(store, recommender)
    for user_id in ("user-003", "user-004"):
        known = known_user(store, user_id, store.watermark(recommender.bundle.manifest).seq)
        query = Query(moment(recommender), k=50, user_id=known.user_id, recent=known.recent)
        needs = customer_needs(recommender, query, days=14, at_least=0.2, last_event_ms=store.last_event_ms())["needs"]
        reminders = [{name: row[name] for name in needs[0]} for row in rows if row["user_id"] == user_id]
        assert needs[0] in reminders
        assert all(reminder in needs for reminder in reminders)


def test_who_refused_or_was_contacted_lately_gets_none(store: Store, recommender: Recommender) -> None:
    answers = {"user-001": "marketing", "user-002": "marketing/email"}
    store.put_users([User(user_id, consent={purpose: False}) for user_id, purpose in answers.items()])
    store.put_users([User("user-006", consent={"personalisation": False})])
    sent = [("user-004", moment(recommender) - 2 * DAY_MS), ("user-005", moment(recommender) - 20 * DAY_MS)]
    store.add_facts([Fact(f"f-{u}", u, FactKind.MESSAGE, at, text="sent", ref="c1") for u, at in sent])
    rows, result = found(store, recommender)
    assert not users_in(rows) & {"user-001", "user-004", "user-006"}
    assert users_in(rows) >= {"user-002", "user-005"}
    assert result.left_out == {"refused": 2, "contacted": 1}
    by_email = ReminderPlan(days=14, at_least=0.2, channel="email", quiet_days=0)
    rows, _ = found(store, recommender, by_email)
    assert "user-002" not in users_in(rows)
    assert "user-004" in users_in(rows)


def test_an_erased_customer_is_in_no_list(store: Store, recommender: Recommender) -> None:
    store.erase_user("user-003")
    assert "user-003" not in users_in(found(store, recommender)[0])


def test_what_was_sent_back_since_the_release_is_not_reminded_of(store: Store, recommender: Recommender) -> None:
    item_id = next(row["item_id"] for row in found(store, recommender)[0] if row["user_id"] == "user-003")
    at_ms = moment(recommender) - DAY_MS // 2
    store.append([Event("e2", "user-003", item_id, RETURN, at_ms, 9.0, 2.0)])
    rows, _ = found(store, recommender)
    assert item_id not in {row["item_id"] for row in rows if row["user_id"] == "user-003"}
    assert "user-003" in users_in(rows)


def test_rules_hold_for_reminders_also_those_for_some_customers(store: Store, recommender: Recommender) -> None:
    rows, _ = found(store, recommender)
    item_id = rows[0]["item_id"]
    store.put_users([User("user-000", {"tier": "gold"})])
    block = Rule("b", "block", "recalled", Target(items=(item_id,)))
    for_gold = Rule("b", "block", "recalled", Target(items=(item_id,)), segment={"tier": ("gold",)})
    blocked, _ = found(store, recommender.with_rules(build_rules([block], "x")))
    assert item_id not in {row["item_id"] for row in blocked}
    some, _ = found(store, recommender.with_rules(build_rules([for_gold], "y")))
    with_item = {row["user_id"] for row in some if row["item_id"] == item_id}
    assert with_item == {row["user_id"] for row in rows if row["item_id"] == item_id} - {"user-000"}


def test_a_release_that_learnt_no_needs_says_so(store: Store, trained_home: Path) -> None:
    with pytest.raises(NotEnoughData, match="knows no needs"):
        found(store, open_recommender(trained_home, None))
