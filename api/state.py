"""Application state: the parts of one worker, put together, started and closed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from api.auth.authentication import Authenticator
from api.auth.key_uses import KeyUses
from api.cache.memory import MemoryCache
from api.live.answer_log import AnswerLogWriter
from api.live.erasure_sync import ErasureSync
from api.live.log_reports import LogReports
from api.live.log_watch import LogWatch
from api.live.recent_answers import RecentAnswers
from api.live.registry_sync import RegistrySync
from api.live.release_holder import ReleaseHolder
from api.live.user_state import UserStateReader
from api.observability.job_metrics import JobMetrics
from api.observability.metrics import Metrics
from api.recommendation_service import RecommendationService, without_request_id
from api.settings import ServerConfig
from api.traffic.load_shedding import LoadShedder
from api.traffic.rate_limit import RateLimiter
from recsys.customers.aggregates.summary import KeptSummary
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from recsys.data.answer_log.recent_lists import RecentListReader
from recsys.data.catalogue.name_search import NameSearch
from recsys.data.lineage import Lineage
from recsys.data.store.base import Store
from recsys.data.store.group_commit import GroupCommit
from recsys.errors import BadSettings
from recsys.privacy.erasure import tidy
from recsys.privacy.erasure_follower import follow_erasures
from recsys.ranking.segments.named import NamedCustomers
from recsys.redaction import redacted

if TYPE_CHECKING:
    from fastapi import Request

    from api.cache.redis import RedisCache


T = TypeVar("T")

POPULATIONS_AT_ONCE = 2  # searches and sums of all customers or items; those who wait hold no thread
DOCUMENTS_AT_ONCE = 2  # rules, segments and promotions that are checked or tried
BATCHES_AT_ONCE = 4  # the answer to a batch grows in memory until its last list; the next batches wait for their turn


class AppState:
    """The parts that the routes work with.  Belongs to one event loop."""

    def __init__(self, config: ServerConfig, store: Store, metrics: Metrics) -> None:
        serve = config.serve
        self.config = config
        self.store = store
        self.metrics = metrics
        self.authenticator = Authenticator(config)
        self.key_uses = KeyUses(self.authenticator, store)
        self.rate_limiter = RateLimiter(config.limits, config.home / "run" / "limits")
        self.load_shedder = LoadShedder(serve.shed_after_ms / 1_000, serve.most_waiting)
        self.registry_sync = RegistrySync(config, metrics)
        self.releases = ReleaseHolder(config, store, metrics)
        self.user_states = UserStateReader(self.releases, store, serve, metrics)
        self.memory = MemoryCache(serve.cache_mb * 2**20)
        self.redis = redis_cache(config, metrics)
        self.recommendations = RecommendationService(
            self.user_states, self.memory, self.redis, self.releases, metrics, ttl_s=serve.answer_ttl_s
        )
        self.commits = GroupCommit(store.append)
        self.audience_slot = asyncio.Semaphore(1)
        self.population_slots = asyncio.Semaphore(POPULATIONS_AT_ONCE)
        self.document_slots = asyncio.Semaphore(DOCUMENTS_AT_ONCE)
        self.name_search = NameSearch()
        self.named_customers = NamedCustomers()
        self.customer_summary = KeptSummary()
        self.log_reports = LogReports(config.home)
        self.batch_slots = asyncio.Semaphore(BATCHES_AT_ONCE)
        self.answer_log = answer_log_writer(config, metrics)
        self.recent_answers = recent_answers_reader(config, store, self.answer_log)
        self.erasure_sync = ErasureSync(
            store,
            self.user_states,
            self._drop,
            tidy=partial(tidy, store, config.home),
            follow=partial(follow_erasures, store, config.home),
        )
        self.log_watch = LogWatch(store, config.home, self._use_log)
        self.job_metrics = JobMetrics(store)
        self._items_thread = ThreadPoolExecutor(1, "items")

    async def start(self) -> None:
        await self.authenticator.start()
        self.key_uses.start()
        await self.log_watch.start()
        await self.releases.start()
        self.registry_sync.start()
        await self.erasure_sync.start()
        if self.answer_log is not None:
            self.answer_log.start()

    async def serialized(self, work: Callable[[], T]) -> T:
        """Work on items, one call after the other, so that reading and writing back loses no change of this worker."""
        return await asyncio.get_running_loop().run_in_executor(self._items_thread, work)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Work on users, beside the event loop; the store makes sure that no change is lost."""
        return await asyncio.to_thread(work)

    def _drop(self) -> None:
        """Drops everything that memory holds of any user."""
        self.memory.drop()
        self.user_states.drop()
        self.log_reports.drop()
        self.releases.forget_customers()

    async def _use_log(self, lineage: Lineage) -> None:
        """Judges everything by a log that took the place of the one before."""
        await self.releases.use_log(lineage.log_id)
        self.user_states.drop_log()
        self._drop()
        await self.erasure_sync.restart()

    async def close(self) -> None:
        """Closes all parts; what was acknowledged is durable already."""
        await self.authenticator.close()
        await self.key_uses.close()
        await self.log_watch.close()
        await self.erasure_sync.close()
        await self.registry_sync.close()
        await self.releases.close()
        await self.user_states.close()
        if self.redis is not None:
            await self.redis.close()
        await asyncio.to_thread(self.commits.close)  # commits the events that wait
        if self.recent_answers is not None:
            await self.recent_answers.close()
        if self.answer_log is not None:
            await asyncio.to_thread(self.answer_log.close)
        self._items_thread.shutdown(cancel_futures=True)
        self.store.close()
        self.rate_limiter.close()


def redis_cache(config: ServerConfig, metrics: Metrics) -> "RedisCache | None":
    """The shared cache, None when no URL is set.  Raises BadSettings when the URL is invalid."""
    url = config.shop.redis_url
    if not url:
        return None
    from api.cache.redis import RedisCache

    try:
        return RedisCache(
            url, config.serve, on_failure=lambda: metrics.opened("redis"), on_back=lambda: metrics.back("redis")
        )
    except ValueError as error:
        raise BadSettings(
            f"redis_url: {redacted(str(error), url)}; use redis://host:port/0, or redis+cluster://host:port,host:port"
        ) from None


def answer_log_writer(config: ServerConfig, metrics: Metrics) -> AnswerLogWriter | None:
    """The writer of the answer log, None when the settings switch it off."""
    if not config.serve.log_answers:
        return None
    return AnswerLogWriter(
        AnswerLog(config.home / ANSWER_LOG_FILE), metrics, without_request_id, keep_days=config.keep.shown_days
    )


def recent_answers_reader(config: ServerConfig, store: Store, writer: AnswerLogWriter | None) -> RecentAnswers | None:
    """The reader of users' recent answers, None without an answer log."""
    if writer is None:
        return None
    timeout_s = config.serve.database_timeout_ms / 1_000
    return RecentAnswers(store, writer, RecentListReader(config.home / ANSWER_LOG_FILE), timeout_s=timeout_s)


def app_state(request: "Request") -> AppState:
    """The state of the worker that answers the request."""
    return cast(AppState, request.app.state.app_state)
