"""Everything that is known of one customer, as one JSON document that is written piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from recsys.data.answer_log.log import LoggedItem, open_answer_log
from recsys.data.entities import PURPOSES, User
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.privacy.erasure import group_of
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS


def export(store: Store, home: Path, recommender: Recommender | None, user_id: str) -> Iterator[bytes]:
    """The document: record, merged ids, every event, what the release in service knows, and what was shown.

    Raises LogUnavailable, once the writing has begun as well.
    """
    identity = store.identity(user_id)
    owner = identity.owner_id
    user = store.user(owner) or User(owner)
    known = {} if recommender is None else _learnt(recommender, user, identity.forgotten_seq)
    head = {
        "user_id": owner,
        "merged_ids": store.merged_ids(owner),
        "attributes": dict(user.attributes),
        "consent": {purpose: user.consent.get(purpose) for purpose in PURPOSES},
        "release": known,
    }
    yield orjson.dumps(head)[:-1]
    events = (_event(event) for page in store.event_pages(owner) for event in page)
    yield from _list("events", events)
    yield from _list("shown", _shown(home, group_of(store, owner)))
    yield b"}\n"


def _list(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    first = b""
    for row in rows:
        yield first + orjson.dumps(row)
        first = b","
    yield b"]"


def _event(event: Event) -> dict[str, Any]:
    """As it was sent: it could be sent again."""
    told = event._asdict()
    told["kind"] = Kind(event.kind).name.lower()
    told["at"] = told.pop("at_ms")
    return {name: value for name, value in told.items() if value is not None}


def _learnt(recommender: Recommender, user: User, forgotten: int) -> dict[str, Any]:
    """What the release knows; nothing of a customer who was forgotten since it was made, for it is not used."""
    engine, manifest = recommender.engine, recommender.bundle.manifest
    is_known = engine.users.position(user.user_id) != MISSING and forgotten <= manifest.log_seq
    history = engine.history_of(user.user_id if is_known else None)
    item_id = recommender.catalogue.item_id
    traits = [] if engine.segments is None else engine.segments.vocabulary.features_of(user.attributes).tolist()
    return {
        "version": manifest.version,
        "is_known": is_known,
        "history": [
            {"item_id": item_id(item), "kind": Kind(kind).name.lower(), "at": round(at * DAY_MS), "weight": weight}
            for item, kind, at, weight in zip(
                history.item.tolist(), history.kind.tolist(), history.at.tolist(), history.weight.tolist(), strict=True
            )
        ],
        "ratings": _ratings(recommender, user.user_id if is_known else None),
        "traits": [] if engine.segments is None else [engine.segments.vocabulary.words[trait] for trait in traits],
    }


def _ratings(recommender: Recommender, user_id: str | None) -> list[dict[str, Any]]:
    if recommender.expected is None or user_id is None:
        return []
    rated = recommender.expected.rated(user_id, (), recommender.catalogue)
    pairs = zip(rated.item.tolist(), rated.value.tolist(), strict=True)
    return [{"item_id": recommender.catalogue.item_id(item), "rating": value} for item, value in pairs]


def _shown(home: Path, ids: list[str]) -> Iterator[dict[str, Any]]:
    log = open_answer_log(home)
    if log is None:
        return
    try:
        for one in ids:
            yield from (_place(item) for item in log.of_user(one))
    finally:
        log.close()


def _place(item: LoggedItem) -> dict[str, Any]:
    return item._asdict()
