"""Recommendation service: answers a query from the cache when it can, else computes the list and caches it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, TypeVar

import orjson

from api.cache.memory import CacheKey, MemoryCache, SharedCache
from api.live.release import LiveRelease
from api.live.release_holder import ReleaseHolder
from api.live.split.experiment import ServedArm
from api.live.split.marks import mark_of_impersonal
from api.live.subject import Subject, UserState
from api.live.user_state import UserStateReader
from api.observability.metrics import Metrics
from api.traffic.deadline import AT_ONCE, NEVER, Deadline
from api.traffic.load_shedding import LatencyEstimate
from recsys.data.events import Event
from recsys.experiments.interleaving import coin_flips, interleaved
from recsys.ranking.faces import FaceField, with_faces
from recsys.ranking.filters.expression import Where
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.query import Query, RecommendationList, Rows, to_json
from recsys.time_units import now_ms as unix_ms

# A payload is the JSON of a list up to its request id, which belongs to one answer only and is added when it leaves.
_TAIL = b'","request_id":"'
_START, _END = b"{", b'"}'

PENDING: Final = b""  # no payload yet

Compute = Callable[[LiveRelease, int, Sequence[Event], Subject], RecommendationList | Rows]
Then = Callable[[bytes | None], None]
T = TypeVar("T")


class CacheableQuery(NamedTuple):
    """A query whose arguments are written in one way only: queries of one user with equal text share a payload.

    user_id: None for an anonymous visitor.  compute: makes the list.
    is_slow: computed in a thread, because it takes longer than other requests can wait.
    is_cacheable: False when the query changes its own next result: then no cache is read or written.
    degraded: the same query for nobody in particular, for when there is no time to compute a list for the user.
    """

    user_id: str | None
    text: str
    compute: Compute
    is_slow: bool = False
    is_cacheable: bool = True
    degraded: "Callable[[], CacheableQuery] | None" = None


def plain_query(user_id: str | None, placement: str, k: int) -> CacheableQuery:
    """The query for a user, without further arguments."""
    return CacheableQuery(user_id, *_plain_arguments(placement, k))


@lru_cache(1_024)
def _plain_arguments(placement: str, k: int) -> tuple[str, Compute, bool, bool, Callable[[], CacheableQuery]]:
    def compute(release: LiveRelease, now_ms: int, events: Sequence[Event], subject: Subject) -> RecommendationList:
        return release.recommender.recommend(
            Query(now_ms, placement, k, subject.user_id, events, attributes=subject.attributes)
        )

    return plain_text(placement, k), compute, False, True, partial(plain_query, None, placement, k)


def similar_query(item_id: str, k: int, where: Where | None = None, fields: Sequence[FaceField] = ()) -> CacheableQuery:
    """The query for items that go with that item."""
    filters = NO_FILTERS if where is None else Filters(where=where)

    def compute(release: LiveRelease, now_ms: int, _events: Sequence[Event], _subject: Subject) -> RecommendationList:
        similar = release.recommender.similar(item_id, k=k, now_ms=now_ms, filters=filters)
        return with_faces(release.recommender, similar, fields)

    text = f"similar {k} {item_id}" if where is None else f"similar {k} {item_id}\n{where.text}"
    return CacheableQuery(None, f"{text}\n{','.join(fields)}" if fields else text, compute)


def plain_text(placement: str, k: int) -> str:
    """The text of a query without further arguments."""
    return f"{k} {placement}"


def _mixed(
    body: dict[str, Any], user_state: UserState, arm: ServedArm, rival: RecommendationList | Rows
) -> dict[str, Any]:
    """The list of A mixed with that of B, as JSON types."""
    flips = coin_flips(arm.experiment, user_state.owner or "", str(user_state.head))
    return interleaved(body, to_json(rival), flips)


def with_request_id(payload: bytes, request_id: str) -> bytes:
    """The JSON of an answer as it leaves."""
    return b"".join((payload, request_id.encode(), _END))


def without_request_id(payload: bytes) -> bytes:
    """The same JSON with an empty request id."""
    return payload + _END


def fallback_level(payload: bytes) -> str:
    end = len(payload) - len(_TAIL)
    return payload[payload.rindex(b'"', 0, end) + 1 : end].decode()


class RecommendationService:
    """Makes each answer from one state: the live release, the catalogue and the user's events now."""

    def __init__(
        self,
        user_states: UserStateReader,
        memory: MemoryCache,
        redis: SharedCache | None,
        releases: ReleaseHolder,
        metrics: Metrics,
        *,
        ttl_s: int,
    ) -> None:
        self._user_states = user_states
        self._releases = releases
        self._memory = memory
        self._redis = redis
        self._ttl_ms = ttl_s * 1_000
        self._metrics = metrics
        self._latency = LatencyEstimate()

    def answer_now(self, query: CacheableQuery, deadline: Deadline, then: Then) -> bytes | None:
        """The payload when nothing has to be waited for; else PENDING when Redis may hold it, and None in other cases.

        then: called later and once after PENDING, with what Redis holds.  Raises what `query.compute` raises.
        """
        user_state = self._user_states.read_now(query.user_id)
        if user_state is None:
            return None
        now_ms = unix_ms()
        key = self._key(query, user_state, now_ms)
        payload = self._memory.find(key)
        if payload is not None:
            return self._from_memory(user_state, payload)
        if self._redis is not None and deadline is not AT_ONCE:
            return PENDING if self._redis.read(key, partial(self._after_redis, user_state, key, then)) else None
        if query.degraded is not None and self._latency.is_late(deadline):
            return self._degraded(query, deadline)
        events = self._user_states.events_now(user_state)
        if events is None:
            return None
        payload = self._compute(query, user_state, now_ms, events)
        self._memory.keep(key, payload)
        return payload

    def _after_redis(self, user_state: UserState, key: CacheKey, then: Then, stored: bytes | None) -> None:
        then(None if stored is None else self._from_redis(user_state, key, stored))

    async def try_now(
        self, query: CacheableQuery, deadline: Deadline = NEVER, *, reads_redis: bool = True
    ) -> bytes | None:
        """The payload when only Redis has to be waited for, else None.  Raises what `query.compute` raises."""
        if self._redis is None or deadline is AT_ONCE:
            return self.answer_now(query, deadline, _nothing_follows)
        user_state = self._user_states.read_now(query.user_id)
        if user_state is None:
            return None
        now_ms = unix_ms()
        key = self._key(query, user_state, now_ms)
        payload = self._memory.find(key)
        if payload is not None:
            return self._from_memory(user_state, payload)
        return await self._find_or_compute(
            query,
            user_state,
            now_ms=now_ms,
            key=key,
            deadline=NEVER if query.degraded is None else deadline,
            reads_redis=reads_redis,
        )

    def _from_memory(self, user_state: UserState, payload: bytes, source: str = "memory") -> bytes:
        level = fallback_level(payload)
        self._metrics.list_answered(source, level)
        if user_state.bucket is not None:
            release = user_state.release
            mark = None if level == "personal" else mark_of_impersonal(payload, release.recommender.placements)
            self._releases.observe(user_state.bucket, 0.0, mark)
        return payload

    def _from_redis(self, user_state: UserState, key: CacheKey, payload: bytes) -> bytes:
        self._memory.keep(key, payload)
        return self._from_memory(user_state, payload, "redis")

    async def recommend(self, query: CacheableQuery, deadline: Deadline = NEVER) -> bytes:
        """The payload; that of the degraded query, if there is one, when the deadline cannot be met.

        Raises NoBundle and what `query.compute` raises.
        """
        if self._redis is None and not query.is_slow:
            payload = await self.try_now(query, NEVER if query.degraded is None else deadline)
            if payload is not None:
                return payload
        if query.degraded is None:
            return await self._recommend(query, NEVER)
        if deadline.reason == "busy":
            return await self._recommend(query, deadline)
        try:
            async with asyncio.timeout(max(0.0, deadline.at - time.perf_counter())):
                return await self._recommend(query, deadline)
        except TimeoutError:
            return self._degraded(query, deadline)

    async def _recommend(self, query: CacheableQuery, deadline: Deadline) -> bytes:
        if deadline is AT_ONCE:
            return self._degraded(query, deadline)
        now_ms = unix_ms()
        user_state = await self._user_states.read(query.user_id)
        key = self._key(query, user_state, now_ms)
        payload = self._memory.find(key) if query.is_cacheable else None
        if payload is None:
            return await self._find_or_compute(query, user_state, now_ms=now_ms, key=key, deadline=deadline)
        return self._from_memory(user_state, payload)

    async def _find_or_compute(
        self,
        query: CacheableQuery,
        user_state: UserState,
        *,
        now_ms: int,
        key: CacheKey,
        deadline: Deadline,
        reads_redis: bool = True,
    ) -> bytes:
        if self._redis is not None and query.is_cacheable and reads_redis:
            payload = await self._redis.get(key)
            if payload is not None:
                return self._from_redis(user_state, key, payload)
        if self._latency.is_late(deadline):
            return self._degraded(query, deadline)
        return await self._compute_and_keep(query, user_state, now_ms=now_ms, key=key)

    def _degraded(self, query: CacheableQuery, deadline: Deadline) -> bytes:
        """The payload of the degraded query from what this worker knows, without any wait."""
        assert query.degraded is not None
        query = query.degraded()
        user_state, now_ms = self._user_states.read_anonymous(), unix_ms()
        key = self._key(query, user_state, now_ms)
        payload = self._memory.find(key)
        if payload is None:
            payload = self._compute(query, user_state, now_ms, (), "shed")
            self._memory.keep(key, payload)
        else:
            self._metrics.list_answered("shed", fallback_level(payload))
        self._latency.skipped()
        self._metrics.shed.labels(deadline.reason).inc()
        return payload

    def _compute(
        self,
        query: CacheableQuery,
        user_state: UserState,
        now_ms: int,
        events: Sequence[Event],
        source: str = "computed",
    ) -> bytes:
        """The payload of a list that is made now, counted under that source."""
        started = time.perf_counter()
        try:
            recommendations = query.compute(user_state.release, now_ms, events, user_state.subject)
            body, start, arm = to_json(recommendations), _START, user_state.arm
            if arm is not None:
                if arm.rival is None:
                    start = arm.label
                elif arm.interleaves(recommendations):
                    rival = query.compute(arm.rival, now_ms, events, user_state.subject)
                    body, start = _mixed(body, user_state, arm, rival), arm.label
            payload = start + orjson.dumps(body)[len(_START) : -len(_END)] + _TAIL
        except Exception:
            self._count_error(user_state)
            raise
        seconds, level = time.perf_counter() - started, recommendations.fallback
        self._latency.observe(seconds)
        self._metrics.list_answered(source, level)
        if user_state.bucket is not None:
            release = user_state.release
            mark = None if level == "personal" else mark_of_impersonal(payload, release.recommender.placements)
            self._releases.observe(user_state.bucket, seconds, mark)
        return payload

    def _count_error(self, user_state: UserState) -> None:
        """Counts a list that failed for its arm while a canary or an experiment runs."""
        if user_state.bucket is not None:
            self._releases.observe(user_state.bucket, 0.0, "error")

    async def _compute_and_keep(
        self, query: CacheableQuery, user_state: UserState, *, now_ms: int, key: CacheKey
    ) -> bytes:
        events = await self._user_states.events(user_state)
        if query.is_slow:
            payload = await asyncio.to_thread(self._compute, query, user_state, now_ms, events or ())
        else:
            payload = self._compute(query, user_state, now_ms, events or ())
        if user_state.is_fresh and events is not None and query.is_cacheable:
            self._memory.keep(key, payload)
            if self._redis is not None:
                await self._redis.put(key, payload)
        return payload

    async def compute_once(
        self,
        user_id: str | None,
        compute: Callable[[LiveRelease, int, Sequence[Event], Subject], T],
        *,
        in_thread: bool,
    ) -> T:
        """The result of `compute` for the state now, not cached.  in_thread: it takes longer than others can wait.

        Raises NoBundle and what `compute` raises.
        """
        user_state = await self._user_states.read(user_id)
        events = await self._user_states.events(user_state)
        work = partial(compute, user_state.release, unix_ms(), events or (), user_state.subject)
        try:
            return await asyncio.to_thread(work) if in_thread else work()
        except Exception:
            self._count_error(user_state)
            raise

    def _key(self, query: CacheableQuery, user_state: UserState, now_ms: int) -> CacheKey:
        release, text, attributes = user_state.release, query.text, user_state.subject.attributes
        if attributes:
            text += "\n\n" + orjson.dumps(dict(attributes), option=orjson.OPT_SORT_KEYS).decode()
        rules = release.recommender.rules
        if rules.saved_segments:
            text += f"\n\n{rules.membership(user_state.owner)}"
        return CacheKey(*release.state_at(now_ms, self._ttl_ms), user_state.owner, user_state.head, text)


def _nothing_follows(_payload: bytes | None) -> None:
    """What waits for Redis where there is none."""
