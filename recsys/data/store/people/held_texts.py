"""Texts of events and facts beside the id of their customer: searched stretch by stretch, replaced piece by piece."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from recsys.data.aged_events import SCANNED_ROWS
from recsys.data.events import Event
from recsys.data.facts import Fact
from recsys.data.store.people.fact_table import FIELDS

if TYPE_CHECKING:
    from recsys.data.store.people.user_tables import UserTables

EVENT_TEXTS = ("event_id", "user_id", "order_id", "channel", "request_id", "coupon", "campaign")
FACT_TEXTS = ("fact_id", "text", "ref", "channel")
PROSE = frozenset(("channel", "campaign", "text"))  # texts of words
ID_TEXTS = tuple(name for name in EVENT_TEXTS if name not in PROSE)
PIECE_ROWS = 200  # of one transaction: a few milliseconds, after which other writers get their turn

_LAST_FACT = "SELECT coalesce(max(nth), 0) FROM facts"
_FACT = f"SELECT {FIELDS} FROM facts WHERE nth = $1"
_SET_FACT = "UPDATE facts SET fact_id = $1, text = $2, ref = $3, channel = $4 WHERE nth = $5"
_MOVE_SENT_AS = "UPDATE sent_as SET event_id = $1 WHERE event_id = $2"


def id_pattern(user_id: str) -> re.Pattern[str]:
    """The id as a whole word: no letter or digit stands beside it, and before an address no underscore."""
    before = r"\w" if "@" in user_id else r"[^\W_]"
    return re.compile(rf"(?<!{before}){re.escape(user_id)}(?![^\W_])")


class HeldTexts(ABC):
    """The part of a store that looks into texts of events and facts.  Every method raises `LogUnavailable`.

    Some 0.1 s for each million events; writers wait for none of it, and for a piece that changes some milliseconds.
    """

    _IN_COLUMN: ClassVar[str]  # the condition that {column} holds $1

    def rewrite_events_holding(self, user_id: str, change: Callable[[Event], Event]) -> int:
        """Replaces events of which a text holds that id as a word, see `id_pattern`, by what `change` makes of each.

        Returns how many differ.
        """
        where, texts = self._holding(EVENT_TEXTS), ", ".join(EVENT_TEXTS)
        sql = f"SELECT event_id, {texts} FROM events WHERE {where} AND seq > $2 AND seq <= $3 ORDER BY seq"
        return sum(self._rewritten(_rewrite_events, ids, change) for ids in self._stretches(sql, user_id, self.head()))

    def rewrite_facts_holding(self, user_id: str, change: Callable[[Fact], Fact]) -> int:
        """The same with facts."""
        where, texts = self._holding(FACT_TEXTS), ", ".join(FACT_TEXTS)
        sql = f"SELECT nth, {texts} FROM facts WHERE {where} AND nth > $2 AND nth <= $3 ORDER BY nth"
        last = int(self._read_page(_LAST_FACT)[0][0])
        return sum(self._rewritten(_rewrite_facts, numbers, change) for numbers in self._stretches(sql, user_id, last))

    def _holding(self, columns: Sequence[str]) -> str:
        return f"({' OR '.join(self._IN_COLUMN.format(column=column) for column in columns)})"

    def _stretches(self, sql: str, user_id: str, last: int) -> Iterator[list[Any]]:
        is_within = id_pattern(user_id).search
        for after in range(0, last, SCANNED_ROWS):
            rows = self._read_page(sql, user_id, after, after + SCANNED_ROWS)
            keys = [key for key, *texts in rows if any(text and is_within(text) for text in texts)]
            yield from (keys[start : start + PIECE_ROWS] for start in range(0, len(keys), PIECE_ROWS))

    def _rewritten(self, rewrite: Callable[..., int], keys: Sequence[Any], change: Callable[..., Any]) -> int:
        with self._user_tables(len(keys)) as tables:
            return rewrite(tables, keys, change)

    @abstractmethod
    def head(self) -> int:
        """seq of the last event or tombstone; 0 when there is neither."""

    @abstractmethod
    def _read_page(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that may take longer."""

    @abstractmethod
    def _user_tables(self, n_rows: int) -> "AbstractContextManager[UserTables]":
        """The tables of customers in one durable transaction that writes about so many rows."""


def _rewrite_events(tables: "UserTables", event_ids: Sequence[str], change: Callable[[Event], Event]) -> int:
    stored = tables.stored_events(event_ids)
    changes = [(seq, event, after) for seq, event in stored.values() if (after := change(event)) != event]
    for _, event, after in changes:
        if after.event_id != event.event_id:
            tables.execute(_MOVE_SENT_AS, (after.event_id, event.event_id))
    tables.replace_events(changes)
    return len(changes)


def _rewrite_facts(tables: "UserTables", numbers: Sequence[int], change: Callable[[Fact], Fact]) -> int:
    n_changed = 0
    for nth in numbers:
        for fact in map(Fact._make, tables.rows(_FACT, nth)):
            after = change(fact)
            if after != fact:
                tables.execute(_SET_FACT, (after.fact_id, after.text, after.ref, after.channel, nth))
                n_changed += 1
    return n_changed
