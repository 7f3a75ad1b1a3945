"""Changes since a moment: stages as the table has them, who may be named, and reminders that became due."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.customers.history.stored_orders import StoredOrders
from recsys.customers.stages import Stage
from recsys.data.entities import User
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput, NoBundle
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.ranking.reminders.changes import CHANGE_KINDS, Change, ChangeKind, find_changes, value_model
from recsys.ranking.reminders.reminders import ReminderPlan
from recsys.time_units import DAY_MS, date, now_ms
from tests.homes import copy_home


@pytest.fixture(scope="module")
def recommender(home_with_needs: Path) -> Recommender:
    return open_recommender(home_with_needs, None)


@pytest.fixture
def store(home_with_needs: Path, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(copy_home(home_with_needs, tmp_path / "home"), None)) as store:
        yield store


def changes(
    store: Store, recommender: Recommender, days: float, kinds: Sequence[ChangeKind] = CHANGE_KINDS
) -> Sequence[Change]:
    since_ms = recommender.engine.customers.as_of_ms - int(days * DAY_MS)
    return find_changes(store, recommender, since_ms, now_ms(), kinds, ReminderPlan(at_least=0.0)).changes


def test_stages_come_from_then_and_lead_to_those_of_the_table(store: Store, recommender: Recommender) -> None:
    table, users = recommender.engine.customers, recommender.engine.users
    moved = changes(store, recommender, 28, ["stage"])
    now = {users[row]: Stage(stage).name.lower() for row, stage in enumerate(table.stage.tolist())}
    then = {users[row]: Stage(stage).name.lower() for row, stage in enumerate(table.month_stage.tolist())}
    assert {each["user_id"]: (each["from"], each["to"]) for each in moved} == {
        user_id: (then[user_id], now[user_id]) for user_id in now if then[user_id] != now[user_id]
    }


def test_the_moment_is_the_one_that_was_asked_for_also_at_midnight(store: Store, recommender: Recommender) -> None:
    midnight = recommender.engine.customers.as_of_ms // DAY_MS * DAY_MS
    assert find_changes(store, recommender, midnight, now_ms(), ["stage"]).since_ms == midnight


def test_who_was_erased_or_refused_since_is_not_named(store: Store, recommender: Recommender) -> None:
    first, second = sorted({each["user_id"] for each in changes(store, recommender, 120, ["stage"])})[:2]
    store.erase_user(first)
    store.put_users([User(second, consent={"personalisation": False})])
    assert not {first, second} & {each["user_id"] for each in changes(store, recommender, 120)}


def test_a_reminder_is_told_on_the_day_on_which_it_became_due(store: Store, recommender: Recommender) -> None:
    due = changes(store, recommender, 5, ["reminder"])
    as_of = recommender.engine.customers.as_of_ms
    assert due
    assert {date((as_of - 5 * DAY_MS) / DAY_MS) < each["on"] <= date(as_of / DAY_MS) for each in due} == {True}
    assert {(each["change"], each["from"]) for each in due} == {("reminder", None)}


def test_what_cannot_be_compared_is_refused(store: Store, recommender: Recommender) -> None:
    with pytest.raises(BadInput, match="the release knows the customers until"):
        changes(store, recommender, 0)
    engine = replace(recommender.engine, customer_orders=StoredOrders())
    with pytest.raises(NoBundle, match="no orders of customers"):
        changes(store, replace(recommender, engine=engine), 1)


def test_the_value_model_is_that_of_the_manifest(recommender: Recommender) -> None:
    note = {"purchases": {"r": 1.0, "alpha": 2.0, "a": 3.0, "b": 4.0}, "money": {"p": 1.0, "q": 2.0, "v": 3.0}}
    manifest = recommender.bundle.manifest
    learnt = manifest.model_copy(update={"blend": {"customer_scores": {"value": note}}})
    model = value_model(learnt, 2)
    assert model is not None
    assert (model.method, model.purchases.b, model.money.v) == (2, 4.0, 3.0)
    assert value_model(learnt, -1) is None
    assert value_model(manifest.model_copy(update={"blend": {}}), 0) is None
