"""Changes of customers since a moment: stages crossed, value classes lost, and reminders that became due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from recsys.bundle import Manifest
from recsys.customers.history.changes import CustomerMoves, stage_moves, value_falls
from recsys.customers.prediction.value import CLASSES, BgNbd, GammaGamma, ValueModel
from recsys.customers.stages import Stage
from recsys.data.guests import PREFIX
from recsys.data.store.base import Store
from recsys.data.store.consent import ConsentCheck, personalisation_consent
from recsys.errors import BadInput, NoBundle
from recsys.ranking.recommender import Recommender
from recsys.ranking.reminders.reminders import ReminderPlan, find_reminders
from recsys.ranking.targeting.needs import need_models
from recsys.time_units import DAY_MS, date, minute

ChangeKind = Literal["stage", "value", "reminder"]
CHANGE_KINDS: Final[tuple[ChangeKind, ...]] = ("stage", "value", "reminder")
Change = dict[str, Any]  # user_id, change, from, to, on: as JSON types


@dataclass(frozen=True, slots=True)
class CustomerChanges:
    """What changed from `since_ms` until the release, at `as_of_ms`: by kind, then by customer.

    Each has user_id, change (of CHANGE_KINDS), from, to, and on, the day since when it is so.  Of a reminder, from is
    None, to is the item, and on is the day on which it became due.
    """

    since_ms: int
    as_of_ms: int
    changes: Sequence[Change]


def find_changes(
    store: Store,
    recommender: Recommender,
    since_ms: int,
    now_ms: int,
    kinds: Sequence[ChangeKind] = CHANGE_KINDS,
    plan: ReminderPlan = ReminderPlan(),  # noqa: B008 - frozen
) -> CustomerChanges:
    """The changes of the customers of the release who may be named now; reminders by the plan, and by its consent.

    Raises NoBundle for a release without orders, BadInput for a moment after the release, LogUnavailable.
    """
    engine = recommender.engine
    as_of_ms = engine.customers.as_of_ms
    if not len(engine.customer_orders):
        raise NoBundle("the live release has no orders of customers; run `recsys refresh --always` or `recsys train`")
    if since_ms >= as_of_ms:
        advice = "take an earlier moment, or run `recsys refresh`"
        raise BadInput(f"since {minute(since_ms)}: the release knows the customers until {minute(as_of_ms)}; {advice}")
    before_ms = since_ms - int(since_ms % DAY_MS == 0)  # a day begins with the state in which the one before ended
    log_seq = store.watermark(recommender.bundle.manifest).seq
    may_be_named = personalisation_consent(store, log_seq)
    changes: list[Change] = []
    if "stage" in kinds or "value" in kinds:
        moves = _moves(store, recommender, before_ms, kinds)
        changes += _named(moves, recommender, may_be_named)
    if "reminder" in kinds and need_models(engine) is not None:
        changes += _new_reminders(store, recommender, before_ms, now_ms, plan)
    return CustomerChanges(since_ms, as_of_ms, changes)


def _moves(
    store: Store, recommender: Recommender, since_ms: int, kinds: Sequence[ChangeKind]
) -> Iterator[tuple[ChangeKind, CustomerMoves, Sequence[str]]]:
    """The moves of each kind, with the words of their numbers."""
    engine, orders = recommender.engine, recommender.engine.customer_orders.orders()
    until_ms = engine.customers.as_of_ms
    if "stage" in kinds:
        facts, rule = store.recommendation_facts(), engine.customers.rule
        moves = stage_moves(orders, rule, facts, engine.users, since_ms=since_ms, until_ms=until_ms)
        yield "stage", moves, [stage.name.lower() for stage in Stage]
    model = value_model(recommender.bundle.manifest, engine.customer_scores.value_method)
    if "value" in kinds and model is not None:
        yield "value", value_falls(orders, model, since_ms=since_ms, until_ms=until_ms), CLASSES


def _named(
    moves: Iterator[tuple[ChangeKind, CustomerMoves, Sequence[str]]], recommender: Recommender, may_name: ConsentCheck
) -> Iterator[Change]:
    users = recommender.engine.users
    for kind, moved, words in moves:
        columns = (moved.customer, moved.before, moved.after, moved.since_day)
        for user, before, after, day in zip(*(column.tolist() for column in columns), strict=True):
            user_id = users[user]
            if not user_id.startswith(PREFIX) and may_name(user_id):
                move = {"from": words[before], "to": words[after], "on": date(day)}
                yield {"user_id": user_id, "change": kind, **move}


def _new_reminders(
    store: Store, recommender: Recommender, since_ms: int, now_ms: int, plan: ReminderPlan
) -> Iterator[Change]:
    """Reminders whose item became due, by the customer's own gap, after that day."""
    first, last = date(since_ms // DAY_MS), date(recommender.engine.customers.as_of_ms // DAY_MS)
    for page in find_reminders(store, recommender, plan, now_ms).pages:
        for each in page.reminders:
            if first < each["expected"] <= last:
                item = {"from": None, "to": each["item_id"], "on": each["expected"]}
                yield {"user_id": each["user_id"], "change": "reminder", **item}


def value_model(manifest: Manifest, method: int) -> ValueModel | None:
    """The value model that a release was scored by; None where it learnt none.

    Classes only compare customers, so neither the discount rate nor the intervals are needed.
    """
    note = manifest.blend.get("customer_scores", {}).get("value", {})
    if method < 0 or "purchases" not in note:
        return None
    none = np.empty(0)
    return ValueModel(method, 0.0, BgNbd(**note["purchases"]), GammaGamma(**note["money"]), none, none, none)
