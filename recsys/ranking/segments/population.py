"""Population of segments: customers as rows of figures, histories and attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints
from recsys.customers.card import CustomerNow, customer_now
from recsys.customers.groups import short_groups
from recsys.customers.prediction.clusters import NO_CLUSTER
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.stages import NEVER
from recsys.customers.table import NO_CLASS, CustomerTable, rhythm_columns
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.entities import User
from recsys.data.events import Event
from recsys.data.guests import PREFIX
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.engine.engine import Engine
from recsys.errors import BadInput
from recsys.ranking.context.context import with_recent_events
from recsys.ranking.segments.attributes import Attributes
from recsys.time_units import DAY_MS

T = TypeVar("T", CustomerTable, CustomerScores)

NO_TABLE = "the live release has no table of customers; run `recsys refresh --always` or `recsys train`"
_NO_VALUE: Final[Mapping[str, float]] = {
    **dict.fromkeys(("first_seen_ms", "first_at_ms", "last_at_ms", "since_day"), NEVER),
    **dict.fromkeys(("group", "short_group", "previous_stage", "month_stage"), NEVER),
    **dict.fromkeys(("margin", "gap_days", "price_level"), np.nan),
    **dict.fromkeys(("value_class", "value_class_before"), NEVER),
    "abc": NO_CLASS,
    "cluster": NO_CLUSTER,
}  # of a customer whom the release does not know; all other columns are 0 there, or NaN in predictions


@dataclass(frozen=True, slots=True)
class SegmentPopulation:
    """N customers.  user_ids (N,): of each.  is_named (N,): False for guests and for whoever may not be named.

    table, scores, histories, users: a row each.  scores may be empty.  users: their records; None without one.
    store: with the campaigns that conditions name; None where there are none.
    is_whole: every customer of the shop is among them, so an attribute that none of them has is misspelt.
    """

    engine: Engine
    catalogue: Catalogue
    user_ids: Sequence[str]
    is_named: Bools
    table: CustomerTable
    scores: CustomerScores
    histories: Histories
    users: Sequence[User | None]
    as_of_ms: int
    is_whole: bool = True
    store: Store | None = None
    _masks: dict[str, Bools] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.user_ids)

    def attributes(self) -> list[Attributes]:
        """Those of each customer, empty without a record."""
        return [user.attributes if user is not None else {} for user in self.users]

    def remembered(self, text: str) -> Bools | None:
        """The mask of a condition that was worked out before."""
        return self._masks.get(text)

    def remember(self, text: str, mask: Bools) -> Bools:
        self._masks[text] = mask
        return mask


def release_population(engine: Engine, catalogue: Catalogue, store: Store, log_seq: int) -> SegmentPopulation:
    """The customers of a release as of its table, and those with a record whom it does not know.

    Raises BadInput for a release without a table of customers.
    """
    people = replace(population_of(engine, catalogue, {user.user_id: user for user in store.users()}), store=store)
    gone = {tombstone.digest for tombstone in store.tombstones_since(log_seq)}
    if not gone:
        return people
    stays = np.array([store.digest(user_id) not in gone for user_id in people.user_ids], bool)
    return replace(people, is_named=people.is_named & stays)


def population_of(engine: Engine, catalogue: Catalogue, records: Mapping[str, User]) -> SegmentPopulation:
    """The same from the records by user_id, without a look at who was erased or merged since."""
    if not len(engine.customers):
        raise BadInput(NO_TABLE)
    ids = engine.users.texts.all()
    new_ids = sorted(records.keys() - set(ids))
    rows = np.concatenate((np.arange(len(ids)), np.full(len(new_ids), MISSING))).astype(np.int32)
    user_ids = [*ids, *new_ids]
    users = [records.get(user_id) for user_id in user_ids]
    return SegmentPopulation(
        engine=engine,
        catalogue=catalogue,
        user_ids=user_ids,
        is_named=_may_be_named(user_ids, users),
        table=rows_of(engine.customers, rows),
        scores=rows_of(engine.customer_scores, rows),
        histories=_histories_of(engine.histories, rows),
        users=users,
        as_of_ms=engine.customers.as_of_ms,
    )


def customers_now(
    engine: Engine, catalogue: Catalogue, store: Store, user_ids: Sequence[str], now_ms: int, log_seq: int
) -> SegmentPopulation:
    """Some customers as of now, by the functions of the card: every event of theirs counts.  Predictions stay.

    Raises BadInput for a release without a table of customers.
    """
    if not len(engine.customers):
        raise BadInput(NO_TABLE)
    user_ids = [user_id for user_id in user_ids if not user_id.startswith(PREFIX)]
    users = [store.user(user_id) for user_id in user_ids]
    rows = np.array([engine.users.position(user_id) for user_id in user_ids], np.int32)
    table = rows_of(engine.customers, rows)
    cards = [
        customer_now(
            engine.customers,
            row,
            store.user_activity(user_id),
            catalogue,
            now_ms,
            store.recommendation_facts(user_id),
        )
        for row, user_id in zip(rows.tolist(), user_ids, strict=True)
    ]
    return SegmentPopulation(
        engine=engine,
        catalogue=catalogue,
        user_ids=user_ids,
        is_named=np.array([user is None or user.is_personal for user in users], bool),
        table=_with_cards(table, cards, now_ms),
        scores=rows_of(engine.customer_scores, rows),
        histories=_recent_histories(
            engine, catalogue, rows, [store.user_events(user_id, after_seq=log_seq) for user_id in user_ids], now_ms
        ),
        users=users,
        as_of_ms=now_ms,
        is_whole=False,
        store=store,
    )


def rows_of(table: T, rows: Ints) -> T:
    """Those rows of a table, blank for MISSING; a table without rows stays so.  rows (N,)"""
    if not len(table):
        return table
    specs = type(table).specs()
    known = rows != MISSING
    columns: dict[str, Any] = {
        name: _taken(name, getattr(table, name), rows, known)
        for name, spec in specs.items()
        if str(spec.shape).partition(" ")[0] == "U"
    }
    return replace(table, **columns)


def _taken(name: str, column: AnyArray, rows: Ints, known: Bools) -> AnyArray:
    if known.all() and len(rows) == len(column) and bool((rows == np.arange(len(column))).all()):
        return column
    blank = _NO_VALUE.get(name, np.nan if column.dtype.kind == "f" and name not in ("money", "discount") else 0)
    taken = np.full((len(rows), *column.shape[1:]), blank, column.dtype)
    taken[known] = column[rows[known]]
    return taken


def _histories_of(histories: Histories, rows: Ints) -> Histories:
    n_known = int((rows != MISSING).sum())
    if n_known == len(rows):
        return histories
    offsets = np.concatenate((histories.offsets, np.full(len(rows) - n_known, histories.offsets[-1])))
    return replace(histories, offsets=offsets)


def _may_be_named(user_ids: Sequence[str], users: Sequence[User | None]) -> Bools:
    """Not guests, and not who refused personalisation.  (N,)"""
    return np.array(
        [
            not user_id.startswith(PREFIX) and (user is None or user.is_personal)
            for user_id, user in zip(user_ids, users, strict=True)
        ],
        bool,
    )


def _with_cards(table: CustomerTable, cards: Sequence[CustomerNow], now_ms: int) -> CustomerTable:
    """The table with what the cards say now."""
    if not cards:
        return replace(table, as_of_ms=now_ms)
    rows = [_card_columns(card, table) for card in cards]
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows], getattr(table, name).dtype) for name in rows[0]
    }
    return replace(table, as_of_ms=now_ms, is_counted=np.ones(len(cards), bool), **columns)


def _card_columns(card: CustomerNow, table: CustomerTable) -> dict[str, Any]:
    breadth, stages, scores = card.breadth, card.stages, card.scores
    columns = {
        **rhythm_columns(card.rhythm),
        **{name.name: getattr(breadth, name.name) for name in fields(breadth)},
        "recency_score": scores.recency,
        "frequency_score": scores.frequency,
        "money_score": scores.money,
        "group": table.grouping.of_scores(scores),
        "short_group": short_groups(scores),
        "stage": stages.stage,
        "previous_stage": stages.previous,
        "since_day": stages.since_day,
    }
    row = {name: values[0] for name, values in columns.items()}
    return row | {"abc": NO_CLASS if card.abc is None else card.abc, "first_seen_ms": card.first_seen_ms}


def _recent_histories(
    engine: Engine, catalogue: Catalogue, rows: Ints, events: Sequence[Sequence[Event]], now_ms: int
) -> Histories:
    """The histories of the customers with their events since the release."""
    own = [
        with_recent_events(engine.history_at(row), recent, engine, catalogue)
        for row, recent in zip(rows.tolist(), events, strict=True)
    ]
    lengths = [len(history.item) for history in own]

    def joined(name: str) -> Any:
        column = getattr(engine.histories, name)[:0]
        return np.concatenate([column, *(getattr(history, name) for history in own)])

    return Histories(
        np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        joined("item"),
        joined("at"),
        joined("weight"),
        joined("kind"),
        engine.n_items,
        now_ms / DAY_MS,
    )
