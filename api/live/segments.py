"""Live segments: the members of the segments that rules name, worked out once and renewed on a schedule."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import structlog

from api.live.release import LiveRelease
from api.polling import FileStamp, stamp_of
from recsys.data.store.base import Store
from recsys.errors import BadDocument, LogUnavailable
from recsys.ranking.rules.model import Rules
from recsys.ranking.segments.document import NO_SEGMENTS, SavedSegments
from recsys.ranking.segments.members import SegmentMembers, changed_since, members_now, segments_of_each
from recsys.ranking.segments.population import customers_now
from recsys.ranking.segments.repository import SegmentRepository

log = structlog.get_logger()

_Key = tuple[str, str, frozenset[str], FileStamp | None]


class LiveSegments:
    """All members are worked out when the release, the rules or the segments change; whoever did something since, every
    `every_s`.  Nothing is worked out while no rule names a segment.
    """

    def __init__(self, repository: SegmentRepository, store: Store, every_s: float) -> None:
        self.repository = repository
        self._store = store
        self._every_s = every_s
        self._key: _Key | None = None
        self._saved: SavedSegments = NO_SEGMENTS
        self._seq = 0
        self._due = 0.0

    async def renewed(
        self, release: LiveRelease | None, rules: Rules, more: frozenset[str] = frozenset()
    ) -> SegmentMembers | None:
        """Other members than those of the rules, None where they stay.  more: segments that other rules name."""
        if more:
            rules = replace(rules, saved_segments=rules.saved_segments | more)
        if release is None or not rules.saved_segments:
            return None
        key = (release.version, release.log_id, rules.saved_segments, stamp_of(self.repository.file))
        now = time.monotonic()
        if key == self._key and now < self._due:
            return None
        try:
            members = await asyncio.to_thread(self._all if key != self._key else self._changed, release, rules)
        except (BadDocument, LogUnavailable) as error:
            log.warning("segments_unknown", code=error.code, detail=str(error))
            members = None
        else:
            self._key = key
        self._due = now + self._every_s
        return members

    def _all(self, release: LiveRelease, rules: Rules) -> SegmentMembers:
        self._saved, self._seq = self.repository.last_valid(), self._store.head()
        recommender = release.recommender
        members = members_now(
            self._saved,
            rules.saved_segments,
            engine=recommender.engine,
            catalogue=recommender.catalogue,
            store=self._store,
            log_seq=release.log_seq,
            now_ms=_now_ms(),
        )
        for name, problem in members.problems.items():
            log.warning("segment_without_members", segment=name, detail=problem)
        log.info("segments_in_service", digest=self._saved.digest, segments=len(members.ids_by_segment))
        return members

    def _changed(self, release: LiveRelease, rules: Rules) -> SegmentMembers | None:
        head = self._store.head()
        user_ids = changed_since(self._store, self._seq)
        engine, catalogue = release.recommender.engine, release.recommender.catalogue
        if not user_ids or not len(engine.customers):
            return None
        people = customers_now(engine, catalogue, self._store, user_ids, _now_ms(), release.log_seq)
        changed: Mapping[str, frozenset[str]] = segments_of_each(self._saved, rules.saved_segments, people)
        self._seq = head
        return replace(rules.members, changed={**rules.members.changed, **changed})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
