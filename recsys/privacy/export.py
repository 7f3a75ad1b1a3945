"""Data export: all stored data of one customer, as a JSON document written piece by piece."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from recsys.data.answer_log.answer_log import open_answer_log
from recsys.data.entities import User
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.data.store.identity import Identity
from recsys.privacy.erasure import all_ids
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS

_MOST_AUDIT = 100_000  # rows of one id


def export_user_data(store: Store, home: Path, recommender: Recommender | None, user_id: str) -> Iterator[bytes]:
    """The document: record, events, facts, campaigns, what the live release learnt, logged answers, and who saw them.

    The statements of consent among the facts are its history: purpose, channel, when and from where.

    Raises LogUnavailable, also after the first pieces.
    """
    identity = store.identity(user_id)
    owner_id = identity.owner_id
    user = store.user(owner_id) or User(owner_id)
    release = {} if recommender is None else _learnt(recommender, user, _may_be_used(store, recommender, identity))
    head = {
        "user_id": owner_id,
        "merged_ids": store.merged_ids(owner_id),
        "attributes": dict(user.attributes),
        "consent": user.consent_json(),
        "release": release,
    }
    yield orjson.dumps(head)[:-1]
    events = (_event(event) for page in store.event_pages(owner_id) for event in page)
    yield from _list("events", events)
    ids = all_ids(store, owner_id)
    yield from _list("facts", (_fact(fact) for any_id in ids for page in store.fact_pages(any_id) for fact in page))
    yield from _list("campaigns", (membership.to_json() for membership in store.memberships(owner_id)))
    yield from _list("shown", _shown(home, ids))
    yield from _list("audit", _audit(store, ids))
    yield b"}\n"


def _list(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    first = b""
    for row in rows:
        yield first + orjson.dumps(row)
        first = b","
    yield b"]"


def _event(event: Event) -> dict[str, Any]:
    """The event in the format of the API, so that it could be sent again."""
    fields = event._asdict()
    fields["kind"] = Kind(event.kind).name.lower()
    fields["at"] = fields.pop("at_ms")
    return {name: value for name, value in fields.items() if value is not None}


def _fact(fact: Fact) -> dict[str, Any]:
    """The fact in the format of the API."""
    fields = {**fact._asdict(), "kind": FactKind(fact.kind).name.lower(), "at": fact.at_ms}
    return {name: value for name, value in fields.items() if value is not None and name != "at_ms"}


def _may_be_used(store: Store, recommender: Recommender, identity: Identity) -> bool:
    return identity.forgotten_seq <= store.watermark(recommender.bundle.manifest).seq


def _learnt(recommender: Recommender, user: User, may_be_used: bool) -> dict[str, Any]:
    """What the release learnt of the customer; empty where nothing of it is used: erased since, or learnt elsewhere."""
    engine, manifest = recommender.engine, recommender.bundle.manifest
    is_known = engine.users.position(user.user_id) != MISSING and may_be_used
    history = engine.history_of(user.user_id if is_known else None)
    item_id = recommender.catalogue.item_id
    return {
        "version": manifest.version,
        "is_known": is_known,
        "history": [
            {"item_id": item_id(item), "kind": Kind(kind).name.lower(), "at": round(at * DAY_MS), "weight": weight}
            for item, kind, at, weight in zip(
                history.item.tolist(), history.kind.tolist(), history.at.tolist(), history.weight.tolist(), strict=True
            )
        ],
        "new_items": [
            {"item_id": event.item_id, "kind": Kind(event.kind).name.lower(), "at": event.at_ms}
            for event in engine.unnumbered_events.of_user(engine.users.position(user.user_id) if is_known else MISSING)
        ],
        "ratings": _ratings(recommender, user.user_id if is_known else None),
        "traits": _features(recommender, user),
        "profile": engine.customers.row(engine.users.position(user.user_id)) if is_known else None,
    }


def _features(recommender: Recommender, user: User) -> list[str]:
    if recommender.engine.segments is None:
        return []
    vocabulary = recommender.engine.segments.vocabulary
    return [vocabulary.words[feature] for feature in vocabulary.features_of(user.attributes).tolist()]


def _ratings(recommender: Recommender, user_id: str | None) -> list[dict[str, Any]]:
    if recommender.rating_predictor is None or user_id is None:
        return []
    rated = recommender.rating_predictor.rated(user_id, (), recommender.catalogue)
    pairs = zip(rated.item.tolist(), rated.value.tolist(), strict=True)
    return [{"item_id": recommender.catalogue.item_id(item), "rating": value} for item, value in pairs]


def _audit(store: Store, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Who saw the customer in the console, or changed something about them, and when."""
    for user_id in ids:
        for row in store.audit(user_id=user_id, newest=_MOST_AUDIT):
            yield {"at": row.at_ms, "role": row.role, "kind": row.kind, "page": row.page}


def _shown(home: Path, ids: list[str]) -> Iterator[dict[str, Any]]:
    log = open_answer_log(home)
    if log is None:
        return
    with closing(log):
        for user_id in ids:
            yield from (item._asdict() for item in log.user_items(user_id))
