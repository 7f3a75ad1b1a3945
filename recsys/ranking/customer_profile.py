"""Customer profile: the card of a customer with offers, what they were shown, and consent, for the shop itself."""

from collections import Counter
from typing import Any

from recsys.customers.card import card_figures, customer_now, last_moment
from recsys.customers.contact_times import contact_figures
from recsys.data.answer_log.answer_log import AnswerLog
from recsys.data.answer_log.outcomes import HOURS, sum_outcomes
from recsys.data.catalogue.catalogue import Catalogue, is_hidden
from recsys.data.entities import User
from recsys.data.events import Activity
from recsys.data.facts import FactKind
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.data.store.consent import KnownUser, known_user
from recsys.data.store.identity import Identity
from recsys.errors import UnknownUser
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.targeting.customer_predictions import customer_predictions
from recsys.time_units import DAY_MS, HOUR_MS

SHOWN_DAYS = 28  # of answers that the profile sums up
N_OFFERS = 5
N_CONTACTS = 10
REFUSED = "the customer refused personalisation"


def read_profile(
    store: Store, recommender: Recommender, answers: AnswerLog | None, user_id: str, now_ms: int
) -> dict[str, Any]:
    """All that the shop knows of a customer, as JSON types; for a merged id, of the customer it was merged into.

    answers: the answer log, None where nothing is logged.  Raises UnknownUser, LogUnavailable.
    """
    identity, log_seq = store.identity(user_id), store.watermark(recommender.bundle.manifest).seq
    user = store.user(identity.owner_id)
    row = recommender.engine.users.position(identity.owner_id) if identity.forgotten_seq <= log_seq else MISSING
    activity = _shop_activity(store, recommender.catalogue, identity)
    if user is None and not activity.at_ms and row == MISSING:
        raise UnknownUser(f"no customer {user_id!r}; an event of theirs makes one, or PUT /v1/users/{{user_id}}")
    user = user or User(identity.owner_id)
    head: dict[str, Any] = {
        "user_id": identity.owner_id,
        "merged_ids": store.merged_ids(identity.owner_id),
        "attributes": dict(user.attributes),
        "consent": user.consent_json(),
        "model_version": recommender.bundle.manifest.version,
    }
    if not identity.is_personal:
        return head | {"as_of": now_ms, "unknown": dict.fromkeys(_PARTS, REFUSED)} | dict.fromkeys(_PARTS)
    table = recommender.engine.customers
    ends = [store.last_event_ms(), max((at_ms for at_ms in activity.at_ms if at_ms <= now_ms), default=None)]
    as_of_ms = last_moment(table.as_of_ms, now_ms, ends)
    recommendations = store.recommendation_facts(identity.owner_id)
    now = customer_now(table, row, activity, recommender.catalogue, as_of_ms, recommendations)
    card = card_figures(now, table, recommender.catalogue)
    known = known_user(store, user_id, log_seq)
    predicted, reasons = customer_predictions(recommender.engine, recommender.catalogue, row, known.recent)
    contact_time, doubts = contact_figures(recommender.engine.contact_times, now.orders.postings)
    card["unknown"] |= reasons | doubts
    return (
        head
        | card
        | predicted
        | {
            "contact_time": contact_time,
            "offers": _offers(recommender, known, now_ms),
            "shown": _shown(answers, store, identity, activity, now_ms),
            "contacts": _contacts(store, identity.owner_id),
            "campaigns": [membership.to_json() for membership in store.memberships(identity.owner_id)],
        }
    )


_PARTS = (
    *("since", "recency", "frequency", "money", "rfm", "abc", "stage", "rhythm", "contact_time", "taste"),
    *("value", "churn", "needs", "category_needs", "contacts", "campaigns", "offers", "shown"),
)


def _shop_activity(store: Store, catalogue: Catalogue, identity: Identity) -> Activity:
    """All events of the customer that count: without those of items that are never shown."""
    activity = store.user_activity(identity.owner_id)
    unknown = [item_id for item_id in {*activity.item_id} if catalogue.position(item_id) == MISSING]
    hidden = {item.item_id for item in store.items(unknown) if is_hidden(item, catalogue.never_show)}
    return activity.where([item_id not in hidden for item_id in activity.item_id]) if hidden else activity


def _offers(recommender: Recommender, known: KnownUser, now_ms: int) -> list[dict[str, Any]]:
    """The first items of the home placement, as shoppers get them."""
    query = Query(now_ms, "home", N_OFFERS, known.user_id, known.recent, attributes=known.attributes)
    return [
        {"item_id": item.item_id, "name": item.name, "reason": item.reason.text, "source": item.source}
        for item in recommender.recommend(query).items
    ]


def _shown(
    answers: AnswerLog | None, store: Store, identity: Identity, activity: Activity, now_ms: int
) -> dict[str, Any]:
    """What lists showed in the last SHOWN_DAYS, and what came of it within HOURS."""
    since_ms = now_ms - SHOWN_DAYS * DAY_MS
    ids = (identity.owner_id, *store.merged_ids(identity.owner_id)) if answers is not None else ()
    items = sorted(
        (item for each in ids for item in answers.user_items(each, since_ms)) if answers is not None else (),
        key=lambda item: item.at_ms,
    )
    recent = activity.where([at_ms >= since_ms - HOURS * HOUR_MS for at_ms in activity.at_ms]) if items else None
    events = recent.events() if recent is not None else []
    return {"days": SHOWN_DAYS, "hours": HOURS, **sum_outcomes(items, events)._asdict()}


def _contacts(store: Store, user_id: str) -> dict[str, Any]:
    """What reached the customer and came from them, by kind of fact, and the newest ones, the newest first."""
    facts = store.user_facts(user_id)
    names = [FactKind(fact.kind).name.lower() for fact in facts]
    newest = [
        {
            "kind": kind,
            "at": fact.at_ms,
            "text": fact.text,
            "ref": fact.ref,
            "channel": fact.channel,
            "value": fact.value,
        }
        for kind, fact in zip(reversed(names), reversed(facts), strict=True)
    ]
    return {"count": dict(sorted(Counter(names).items())), "newest": newest[:N_CONTACTS]}
