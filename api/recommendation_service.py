"""From a question to the bytes of its answer: what is known, what was answered before, and else the recommender."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import orjson

from api.cache.memory import Cache, CacheKey, MemoryCache
from api.live.release import LiveRelease
from api.live.user_state import RequestState, Subject, UserStateReader
from api.observability.metrics import Metrics
from api.traffic.deadline import AT_ONCE, NEVER, Deadline
from api.traffic.load_shedding import LatencyEstimate
from recsys.data.events import Event
from recsys.ranking.query import Query, RecommendationList, Rows, as_data

# A request id is this answer's own, so it stands at the end and is put in when the bytes leave.
_TAIL = b'","request_id":"'
_END = b'"}'

SOURCES = ("memory", "redis", "computed", "shed")

Compute = Callable[[LiveRelease, int, Sequence[Event], Subject], RecommendationList | Rows]
T = TypeVar("T")


class CacheableQuery(NamedTuple):
    """Who asks, and all arguments written in one way only: equal questions share an answer.

    is_long: takes longer to answer than others may be kept waiting.
    is_kept: False where asking changes the answer: then none is kept, nor one that was found again.
    lesser: the same asked by nobody in particular, for when there is no time to think of a customer.
    """

    user_id: str | None
    text: str
    is_long: bool = False
    lesser: "Callable[[], tuple[CacheableQuery, Compute]] | None" = None
    is_kept: bool = True


def plain(user_id: str | None, placement: str, k: int) -> tuple[CacheableQuery, Compute]:
    """The question of a customer that has no further arguments, and how it is answered."""

    def make(serving: LiveRelease, now: int, events: Sequence[Event], asker: Subject) -> RecommendationList:
        return serving.recommender.recommend(
            Query(now, placement, k, asker.user_id, events, attributes=asker.attributes)
        )

    return CacheableQuery(user_id, plain_text(placement, k), lesser=lambda: plain(None, placement, k)), make


def plain_text(placement: str, k: int) -> str:
    """The arguments of a question that has no others."""
    return f"{k} {placement}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def finished(body: bytes, request_id: str) -> bytes:
    """The answer as it leaves, under its request id."""
    return b"".join((body, request_id.encode(), _END))


def unfinished(answer: RecommendationList | Rows) -> bytes:
    """The answer as it is cached: all but the request id."""
    return orjson.dumps(as_data(answer)).removesuffix(_END) + _TAIL


def whole(body: bytes) -> bytes:
    """The JSON of an unfinished answer, under no request id."""
    return body + _END


def step_of(body: bytes) -> str:
    """The fallback step in an unfinished answer."""
    end = len(body) - len(_TAIL)
    return body[body.rindex(b'"', 0, end) + 1 : end].decode()


class RecommendationService:
    """Answers each question from one state: the release in service, the catalogue and the customer's events now."""

    def __init__(
        self, recent: UserStateReader, memory: MemoryCache, shared: Cache | None, metrics: Metrics, *, ttl_s: int
    ) -> None:
        self._recent = recent
        self._memory = memory
        self._shared = shared
        self._ttl_ms = ttl_s * 1_000
        self._given = {source: metrics.cache.labels(source).inc for source in SOURCES}
        self._steps: dict[str, Callable[[], None]] = {}
        self._metrics = metrics
        self._pace = LatencyEstimate()

    async def soon(self, question: CacheableQuery, make: Compute, due: Deadline = NEVER) -> bytes | None:
        """The unfinished answer when nothing but Redis has to be waited for, else None.  Raises what `make` raises."""
        seen = self._recent.see_now(question.user_id)
        if seen is None:
            return None
        now = now_ms()
        key = self._key(question, seen, now)
        source, body = "memory", self._memory.find(key)
        if body is None and self._shared is not None and due is not AT_ONCE:
            return await self._shared_or_made(question, make, seen=seen, now=now, key=key, due=due)
        if body is None and self._is_late(due):
            return self._lesser(question, due)
        if body is None:
            events = self._recent.events_now(seen)
            if events is None:
                return None
            source, body = "computed", self._computed(make, seen, now, events)
            self._memory.keep(key, body)
        self._count(source, body)
        return body

    async def answer(self, question: CacheableQuery, make: Compute, due: Deadline = NEVER) -> bytes:
        """The unfinished answer; when it cannot be there in time, that to the lesser question, if there is one.

        Raises NoBundle and whatever `make` raises.
        """
        if question.lesser is None:
            return await self._answer(question, make, NEVER)
        if due.why == "busy":
            return await self._answer(question, make, due)
        try:
            async with asyncio.timeout(max(0.0, due.at - time.perf_counter())):
                return await self._answer(question, make, due)
        except TimeoutError:
            return self._lesser(question, due)

    async def _answer(self, question: CacheableQuery, make: Compute, due: Deadline) -> bytes:
        if due is AT_ONCE:
            return self._lesser(question, due)
        now = now_ms()
        seen = await self._recent.see(question.user_id)
        key = self._key(question, seen, now)
        body = self._memory.find(key) if question.is_kept else None
        if body is None:
            return await self._shared_or_made(question, make, seen=seen, now=now, key=key, due=due)
        self._count("memory", body)
        return body

    async def _shared_or_made(
        self, question: CacheableQuery, make: Compute, *, seen: RequestState, now: int, key: CacheKey, due: Deadline
    ) -> bytes:
        source, body = "redis", None
        if self._shared is not None and question.is_kept:
            body = await self._shared.get(key)
            if body is not None:
                self._memory.keep(key, body)
        if body is None and self._is_late(due):
            return self._lesser(question, due)
        if body is None:
            source, body = "computed", await self._made(question, make, seen=seen, now=now, key=key)
        self._count(source, body)
        return body

    def _is_late(self, due: Deadline) -> bool:
        """Whether an answer begun now would come too late."""
        return due is not NEVER and time.perf_counter() + self._pace.seconds > due.at

    def _lesser(self, question: CacheableQuery, due: Deadline) -> bytes:
        """The answer to the lesser question from what this worker knows: it waits for nothing."""
        assert question.lesser is not None
        other, make = question.lesser()
        seen, now = self._recent.known(), now_ms()
        key = self._key(other, seen, now)
        body = self._memory.find(key)
        if body is None:
            body = self._computed(make, seen, now, ())
            self._memory.keep(key, body)
        self._pace.skipped()
        self._metrics.shed.labels(due.why).inc()
        self._count("shed", body)
        return body

    def _computed(self, make: Compute, seen: RequestState, now: int, events: Sequence[Event]) -> bytes:
        started = time.perf_counter()
        body = unfinished(make(seen.serving, now, events, seen.asker))
        self._pace.took(time.perf_counter() - started)
        return body

    async def once(
        self, user_id: str | None, make: Callable[[LiveRelease, int, Sequence[Event], Subject], T], *, apart: bool
    ) -> T:
        """What is made of the state now, not kept.  apart: in a thread, for what takes longer than others can wait.

        Raises NoBundle and whatever `make` raises.
        """
        seen = await self._recent.see(user_id)
        events = await self._recent.events_of(seen)
        work = partial(make, seen.serving, now_ms(), events or (), seen.asker)
        return await asyncio.to_thread(work) if apart else work()

    async def _made(
        self, question: CacheableQuery, make: Compute, *, seen: RequestState, now: int, key: CacheKey
    ) -> bytes:
        events = await self._recent.events_of(seen)
        if question.is_long:
            body = await asyncio.to_thread(self._computed, make, seen, now, events or ())
        else:
            body = self._computed(make, seen, now, events or ())
        if seen.is_fresh and events is not None and question.is_kept:
            self._memory.keep(key, body)
            if self._shared is not None:
                await self._shared.put(key, body)
        return body

    def _key(self, question: CacheableQuery, seen: RequestState, now: int) -> CacheKey:
        serving = seen.serving
        text = question.text
        attributes = seen.asker.attributes
        if attributes:
            text += "\n\n" + orjson.dumps(dict(attributes), option=orjson.OPT_SORT_KEYS).decode()
        return CacheKey(serving.state_at(now), serving.moment(now, self._ttl_ms), seen.owner, seen.head, text)

    def _count(self, source: str, body: bytes) -> None:
        self._given[source]()
        step = step_of(body)
        count = self._steps.get(step)
        if count is None:
            count = self._steps[step] = self._metrics.fallback.labels(step).inc
        count()
