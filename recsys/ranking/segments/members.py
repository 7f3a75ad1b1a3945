"""Segment members: who is in each saved segment, worked out once, so that a list pays for a set lookup."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.store.base import Store
from recsys.engine.engine import Engine
from recsys.errors import BadInput
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.population import SegmentPopulation, customers_now, release_population

# Customers with events since the release who are worked out anew; the others stand as of its table.
MOST_CHANGED = 2_000


@dataclass(frozen=True, slots=True)
class SegmentMembers:
    """The members of some segments by user_id, immutable.

    as_of_ms: of the table.  changed: the segments of customers with newer events, who are looked up there alone.
    problems: why a segment has no members, by name.
    """

    ids_by_segment: Mapping[str, frozenset[str]] = field(default_factory=dict)
    as_of_ms: int = 0
    changed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def holds(self, name: str, user_id: str | None) -> bool:
        """Whether the customer is in the segment; nobody is in a segment that there is not."""
        if user_id is None:
            return False
        own = self.changed.get(user_id)
        return name in own if own is not None else user_id in self.ids_by_segment.get(name, ())

    def names_of(self, user_id: str) -> list[str]:
        """The segments of the customer."""
        return [name for name in self.ids_by_segment if self.holds(name, user_id)]


NOBODY: Final = SegmentMembers()


def find_members(saved: SavedSegments, names: Collection[str], population: SegmentPopulation) -> SegmentMembers:
    """The members of the named segments; a segment that cannot be worked out has none, and its problem says why."""
    ids_by_segment, problems = dict[str, frozenset[str]](), dict[str, str]()
    conditions = saved.conditions()
    for name in sorted(names):
        try:
            rows = members(conditions[name], population, conditions).nonzero()[0].tolist() if name in conditions else []
        except BadInput as error:
            rows, problems[name] = [], str(error)
        ids_by_segment[name] = frozenset(population.user_ids[row] for row in rows)
    return SegmentMembers(ids_by_segment, population.as_of_ms, problems=problems)


def segments_of_each(
    saved: SavedSegments, names: Collection[str], population: SegmentPopulation
) -> Mapping[str, frozenset[str]]:
    """The segments of each customer of a small population, by user_id."""
    own = find_members(saved, names, population)
    return {user_id: frozenset(own.names_of(user_id)) for user_id in population.user_ids}


def members_now(
    saved: SavedSegments,
    names: Collection[str],
    *,
    engine: Engine,
    catalogue: Catalogue,
    store: Store,
    log_seq: int,
    now_ms: int,
) -> SegmentMembers:
    """The members as of the table of the release, and those with events since then as of now."""
    if not names:
        return NOBODY
    try:
        whole = find_members(saved, names, release_population(engine, catalogue, store, log_seq))
    except BadInput as error:
        return SegmentMembers(problems=dict.fromkeys(names, str(error)))
    user_ids = changed_since(store, log_seq)
    changed = customers_now(engine, catalogue, store, user_ids, now_ms, log_seq)
    return replace(whole, changed=segments_of_each(saved, names, changed))


def changed_since(store: Store, seq: int, most: int = MOST_CHANGED) -> list[str]:
    """The customers with events after that number, those with the newest events first, at most `most`."""
    newest: dict[str, None] = {}
    for frame in store.scan(after_seq=seq):
        for user_id in frame["user_id"].to_list():
            newest.pop(user_id, None)
            newest[user_id] = None
    return [*reversed(newest)][:most]
