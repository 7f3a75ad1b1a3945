"""The parts of one worker, put together, started and ended."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

from api.auth.authentication import Authenticator
from api.cache.memory import MemoryCache
from api.live.answer_log import AnswerLogWriter
from api.live.erasure_sync import ErasureSync
from api.live.recent_answers import RecentAnswers
from api.live.release import ReleaseHolder
from api.live.user_state import UserStateReader
from api.observability.metrics import Metrics
from api.recommendation_service import RecommendationService, whole
from api.settings import ServerConfig
from api.traffic.load_shedding import LoadShedder
from api.traffic.rate_limit import RateLimiter
from recsys.data.answer_log.log import ANSWER_LOG_FILE, AnswerLog
from recsys.data.answer_log.recent_lists import RecentListReader
from recsys.data.store.base import Store
from recsys.data.store.group_commit import GroupCommit
from recsys.errors import BadSettings

if TYPE_CHECKING:
    from fastapi import Request

    from api.cache.redis import RedisCache


T = TypeVar("T")


class AppState:
    """What the routes work with.  Belongs to one event loop."""

    def __init__(self, place: ServerConfig, store: Store, metrics: Metrics) -> None:
        serve = place.serve
        self.place = place
        self.store = store
        self.metrics = metrics
        self.guard = Authenticator(place.keys_file)
        self.limits = RateLimiter(place.limits, place.home / "run" / "limits")
        self.load = LoadShedder(serve.shed_after_ms / 1_000, serve.most_waiting)
        self.live = ReleaseHolder(place, store, metrics)
        self.recent = UserStateReader(self.live, store, serve, metrics)
        self.memory = MemoryCache(serve.cache_mb * 2**20)
        self.redis = redis_cache(place, metrics)
        self.answers = RecommendationService(self.recent, self.memory, self.redis, metrics, ttl_s=serve.answer_ttl_s)
        self.commits = GroupCommit(store)
        self.one_audience = asyncio.Semaphore(1)
        self.shown = shown_of(place, metrics)
        self.lately = lately_of(place, store, self.shown)
        self.forgetting = ErasureSync(store, self.recent, self._drop)
        self._items_thread = ThreadPoolExecutor(1, "items")

    async def start(self) -> None:
        await self.guard.start()
        await self.live.start()
        await self.forgetting.start()
        if self.shown is not None:
            self.shown.start()

    async def alone(self, work: Callable[[], T]) -> T:
        """Work on items, one after the other: what reads and writes back loses no change of this worker."""
        return await asyncio.get_running_loop().run_in_executor(self._items_thread, work)

    async def apart(self, work: Callable[[], T]) -> T:
        """Work on customers, beside the event loop; the store sees to it that no change is lost."""
        return await asyncio.to_thread(work)

    def _drop(self) -> None:
        """Whatever is held in memory of any customer."""
        self.memory.forget()
        self.recent.drop()
        if self.live.now is not None:
            self.live.now.recommender.engine.candidate_cache.clear()

    async def close(self) -> None:
        """Ends everything; what was acknowledged is durable already."""
        await self.guard.close()
        await self.forgetting.close()
        await self.live.close()
        await self.recent.close()
        if self.redis is not None:
            await self.redis.close()
        await asyncio.to_thread(self.commits.close)  # commits what waits
        if self.lately is not None:
            await self.lately.close()
        if self.shown is not None:
            await asyncio.to_thread(self.shown.close)
        self._items_thread.shutdown(cancel_futures=True)
        self.store.close()
        self.limits.close()


def redis_cache(place: ServerConfig, metrics: Metrics) -> "RedisCache | None":
    """The shared cache, None when no URL is set.  Raises BadSettings when the URL is none."""
    url = place.shop.redis_url
    if not url:
        return None
    from api.cache.redis import RedisCache

    try:
        return RedisCache(
            url, place.serve, on_failure=lambda: metrics.opened("redis"), on_back=lambda: metrics.back("redis")
        )
    except ValueError as error:
        raise BadSettings(f"redis_url: {error}; use redis://host:port/0") from None


def shown_of(place: ServerConfig, metrics: Metrics) -> AnswerLogWriter | None:
    """Where answers are written down, None when they are not to be."""
    if not place.serve.log_answers:
        return None
    return AnswerLogWriter(AnswerLog(place.home / ANSWER_LOG_FILE), metrics, whole, keep_days=place.serve.shown_days)


def lately_of(place: ServerConfig, store: Store, shown: AnswerLogWriter | None) -> RecentAnswers | None:
    """What customers were shown lately, None where answers are not written down."""
    if shown is None:
        return None
    timeout_s = place.serve.database_timeout_ms / 1_000
    return RecentAnswers(store, shown, RecentListReader(place.home / ANSWER_LOG_FILE), timeout_s=timeout_s)


def app_state(request: "Request") -> AppState:
    """The worker's parts, from a request to it."""
    return cast(AppState, request.app.state.service)
