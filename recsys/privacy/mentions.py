"""Mentions of a customer: their id as a value, or as a word of a text, in what the store keeps of others.

That is: items, records of other customers, and the order ids, channels and other texts of their events and facts.

An id may be a word that means something else: customer 7 is no reason to remove the size 7.  So a value goes only
where the id cannot be mistaken (`is_unmistakable`), or from a column that holds customers' ids (`holds_customer_ids`).
Other mentions stay, and are counted.  Within an order id c1048 is a customer, and 1048 is a number of orders, too.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from recsys.data.entities import Attribute, Item, User, UserChange
from recsys.data.events import Event
from recsys.data.facts import Fact
from recsys.data.guests import PREFIX
from recsys.data.store.base import Store
from recsys.data.store.people.held_texts import EVENT_TEXTS, FACT_TEXTS, PROSE, id_pattern
from recsys.data.store.serialization import json_text

MAX_SAMPLE = 200  # values of a column that are looked up
MAX_SCANNED = 20_000  # items with that column
MIN_SHARE = 0.5
MIN_DISTINCT = 3
LONG_ID = 12
LONGEST_ID = 100  # characters around a word that are taken for a part of the same id
MAX_PARTS = 4  # of a longer id, on each side of a word
FIELDS = ("name", "category", "brand")

_SHORT = re.compile(r"\d{1,5}")  # a number like any other: sizes, weights and years are as short
_BEFORE, _AFTER = re.compile(r"[\w.+%@-]+$"), re.compile(rf"[\w.+%@-]{{1,{LONGEST_ID}}}")  # of a word
_DOMAIN_GOES_ON = re.compile(r"\.\w")
_WORD_BEGINS, _WORD_ENDS = re.compile(r"(?<![^\W_])(?=[^\W_])"), re.compile(r"(?<=[^\W_])(?![^\W_])")
_PEOPLE = re.compile("customer|user|client|buyer|member|person|shopper|account|owner|mail|kunde", re.IGNORECASE)

Columns = dict[str, Attribute]


def is_unmistakable(user_id: str) -> bool:
    """Whether a text that holds the id can only mean the customer: an address, or a long id with a digit."""
    return "@" in user_id or (len(user_id) >= LONG_ID and any(map(str.isdigit, user_id)))


def is_code(user_id: str) -> bool:
    """Whether the id, as a word of the id of an order, means the customer: it has a letter and a digit."""
    return is_unmistakable(user_id) or (any(map(str.isdigit, user_id)) and any(map(str.isalpha, user_id)))


def codes_within(text: str) -> Iterator[str]:
    """Every code that a run of words of the text may be: of order-c1048-1 it is c1048, order-c1048, c1048-1 and all."""
    text = text[:LONGEST_ID]
    begins, ends = ([edge.start() for edge in edges.finditer(text)] for edges in (_WORD_BEGINS, _WORD_ENDS))
    yield from (text[begin:end] for begin in begins for end in ends if begin < end and is_code(text[begin:end]))


def holds_customer_ids(name: str, values: Collection[str], is_customer: Callable[[str], bool]) -> bool:
    """Whether most of the different values of that column are ids of customers.

    Short numbers, and fewer than three values, are taken for ids only where the name of the column speaks of people.
    """
    distinct = sorted(set(values))
    sample = distinct[:: -(-len(distinct) // MAX_SAMPLE) or 1]
    if not sample or sum(map(is_customer, sample)) <= MIN_SHARE * len(sample):
        return False
    n_short = sum(_SHORT.fullmatch(value) is not None for value in sample)
    return bool(_PEOPLE.search(name)) or (len(distinct) >= MIN_DISTINCT and n_short <= MIN_SHARE * len(sample))


def value_texts(value: Attribute) -> list[str]:
    """The value as texts, as an id would be written: 17.0 is 17, a list is its elements; none for a boolean."""
    if isinstance(value, list):
        return value
    if value is None or isinstance(value, bool):
        return []
    return [f"{value:.15g}" if isinstance(value, float | int) else value]


def remove_mentions(store: Store, user_ids: Collection[str], alias: str) -> dict[str, int]:
    """Removes these ids from what the store keeps of items and of other customers.  Raises LogUnavailable.

    alias: stands in place of an id that is a part of the id of an order or an event, so that lines of one order stay
    together.  Returns how many values were removed (`mentions`), and how many stay because they may mean something else
    (`mentions_kept`); an empty mapping where there are none.
    """
    removal = _Removal(store, user_ids, alias)
    for user_id in user_ids:
        text = json_text(user_id)
        if is_unmistakable(user_id):
            store.drop_merges_holding(text)
        if is_code(user_id):
            removal.n_removed += store.rewrite_events_holding(user_id, removal.event)
            removal.n_removed += store.rewrite_facts_holding(user_id, removal.fact)
        for items in store.items_holding(text):
            changed = [item.item_id for item in items if removal.item(item) != item]
            if changed:
                store.change_items(changed, removal.counted_item)
        for users in store.users_holding(text):
            store.change_users([change for user in users if (change := removal.user_change(user)) is not None])
    kept = removal.kept
    return {name: n for name, n in (("mentions", removal.n_removed), ("mentions_kept", len(kept))) if n}


def erased_mentions(store: Store) -> Counter[str]:
    """How many values of each column of the catalogue are the id of a customer who was erased; columns of ids only."""
    erased = store.erased_digests()
    counts = Counter[str]()
    if not erased:
        return counts
    is_erased = lru_cache(100_000)(lambda text: store.digest(text).hex() in erased)
    for item in store.items_since(0):
        for name, value in _columns(item).items():
            counts[name] += sum(is_erased(text) for text in value_texts(value))
    columns = _CustomerColumns(store, ())
    return Counter({name: n for name, n in counts.items() if n and columns.holds(name)})


class _Removal:
    """Removes ids from entities, and counts what is removed and what stays."""

    def __init__(self, store: Store, user_ids: Collection[str], alias: str) -> None:
        self._ids = frozenset(user_ids)
        longest_first = sorted(user_ids, key=len, reverse=True)
        self._words = re.compile("|".join(id_pattern(user_id).pattern for user_id in longest_first))
        self._unmistakable = frozenset(filter(is_unmistakable, user_ids))
        self._codes = frozenset(filter(is_code, user_ids))
        self._columns = _CustomerColumns(store, user_ids)
        self._store = store
        self._alias = alias
        self.n_removed = 0
        self.kept: set[tuple[str, str]] = set()  # entity and column

    def item(self, item: Item) -> Item:
        fields: dict[str, Any] = {name: self._without(item.item_id, name, getattr(item, name)) for name in FIELDS}
        attributes = {name: self._without(item.item_id, name, value) for name, value in item.attributes.items()}
        own = {name: value for name, value in attributes.items() if value is not None or item.attributes[name] is None}
        return replace(item, **fields, attributes=own)

    def counted_item(self, item: Item) -> Item:
        """The same, with its removed values counted."""
        changed = self.item(item)
        before, after = _columns(item), _columns(changed)
        self.n_removed += sum(before[name] != after.get(name) for name in before)
        return changed

    def event(self, event: Event) -> Event:
        """An event of another customer; the id of a guest is made of an order id."""
        names = EVENT_TEXTS if event.user_id.startswith(PREFIX) else [name for name in EVENT_TEXTS if name != "user_id"]
        changed: dict[str, Any] = {name: self._renamed(name, getattr(event, name)) for name in names}
        return event._replace(**changed)

    def fact(self, fact: Fact) -> Fact:
        changed: dict[str, Any] = {name: self._renamed(name, getattr(fact, name)) for name in FACT_TEXTS}
        return fact._replace(**changed)

    def _renamed(self, name: str, text: str | None) -> str | None:
        return text and self._replaced(text, self._alias, self._unmistakable if name in PROSE else self._codes)

    def user_change(self, user: User) -> UserChange | None:
        after = {name: self._without(user.user_id, name, value) for name, value in user.attributes.items()}
        changed = {name: value for name, value in after.items() if value != user.attributes[name]}
        self.n_removed += len(changed)
        return UserChange(user.user_id, changed) if changed else None

    def _without(self, entity_id: str, name: str, value: Attribute) -> Attribute:
        texts = value_texts(value)
        named = self._ids.intersection(texts)
        if named and (named <= self._unmistakable or self._columns.holds(name)):
            rest = [text for text in texts if text not in named]
            return rest if isinstance(value, list) and rest else None
        if isinstance(value, str) and not named and self._unmistakable:
            return self._without_words(entity_id, name, value)
        if named or any(map(self._words.search, texts)):
            self.kept.add((entity_id, name))
        return value

    def _without_words(self, entity_id: str, name: str, text: str) -> str | None:
        changed = self._replaced(text, "", self._unmistakable)
        if self._words.search(changed):
            self.kept.add((entity_id, name))
        return text if changed == text else (" ".join(changed.split()) or None)

    def _replaced(self, text: str, by: str, user_ids: Collection[str]) -> str:
        """The text with `by` in place of each of these ids that is not a part of the id of another customer."""

        def rest(match: re.Match[str]) -> str:
            is_theirs = match[0] in user_ids and not self._is_of_another(match)
            return by if is_theirs else match[0]

        return self._words.sub(rest, text)

    def _is_of_another(self, match: re.Match[str]) -> bool:
        """Whether the word is a part of another address, or of the id of another customer: mary.ann@x.org."""
        word, text = match[0], match.string
        before = _BEFORE.search(text[max(0, match.start() - LONGEST_ID) : match.start()])
        after = _AFTER.match(text, match.end())
        start, end = (part[0] if part else "" for part in (before, after))
        if "@" in word and (start.endswith((".", "+")) or _DOMAIN_GOES_ON.match(end)):
            return True
        starts = [start[edge.start() :] for edge in _WORD_BEGINS.finditer(start)][-MAX_PARTS:]
        ends = [end[: edge.start()] for edge in islice(_WORD_ENDS.finditer(end), MAX_PARTS)]
        longer = {f"{before}{word}{after}" for before in ("", start, *starts) for after in ("", end, *ends)} - {word}
        return any(is_known_customer(self._store, other) for other in longer)


class _CustomerColumns:
    """Which columns of the catalogue hold customers' ids, decided once for each column that is looked at."""

    def __init__(self, store: Store, user_ids: Collection[str]) -> None:
        self._store = store
        self._ids = frozenset(user_ids)
        self._erased = store.erased_digests()
        self._holds: dict[str, bool] = {}

    def holds(self, name: str) -> bool:
        if name not in self._holds:
            self._holds[name] = holds_customer_ids(name, self._values(name), self._is_customer)
        return self._holds[name]

    def _values(self, name: str) -> set[str]:
        return {text for value in self._column(name) for text in value_texts(value)}

    def _column(self, name: str) -> Iterator[Attribute]:
        piece = f'"{json_text(name)}":'
        items = chain.from_iterable(self._store.items_holding(piece))
        yield from (_columns(item).get(name) for item in islice(items, MAX_SCANNED))
        users = chain.from_iterable(self._store.users_holding(piece))
        yield from (user.attributes.get(name) for user in islice(users, MAX_SCANNED))

    def _is_customer(self, text: str) -> bool:
        is_past = text in self._ids or self._store.digest(text).hex() in self._erased
        return is_past or is_known_customer(self._store, text)


def is_known_customer(store: Store, user_id: str) -> bool:
    """Whether the store has events or a record of that customer."""
    return bool(store.user_head(user_id)) or store.user(user_id) is not None


def _columns(item: Item) -> Mapping[str, Any]:
    return {**{name: getattr(item, name) for name in FIELDS}, **item.attributes}


def customer_columns(columns: Mapping[str, Iterable[Attribute]], store: Store) -> Sequence[str]:
    """The columns of a file that hold ids of known customers."""
    texts = {name: {text for value in values for text in value_texts(value)} for name, values in columns.items()}
    return [
        name
        for name, values in texts.items()
        if holds_customer_ids(name, values, lambda text: is_known_customer(store, text))
    ]
