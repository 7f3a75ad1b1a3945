"""User state: newest events, consent and attributes of a user, and the current catalogue, read before each answer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from api.live.event_cache import CachedEvents, EventCache
from api.live.release import LiveRelease
from api.live.release_holder import ReleaseHolder
from api.live.split.canary import LiveCanary
from api.live.split.experiment import LiveExperiment
from api.live.subject import NOBODY, Subject, UserHead, UserState, read_head
from api.observability.metrics import Metrics
from api.settings import ServeSettings
from api.traffic.circuit_breaker import CircuitBreaker
from recsys.data.events import Event
from recsys.data.store.base import Store
from recsys.errors import LogUnavailable
from recsys.memory_size import attribute_bytes, text_bytes
from recsys.ranking.rules.model import NO_RULES, Rules

T = TypeVar("T")

FAILURES = (LogUnavailable, TimeoutError)
_THREADS = 8
_MANY_ITEMS = 2_000  # more changed items than that are applied in a thread: they would block the event loop
_CATCH_UP_S = 2.0
_USER_BYTES = 1_024  # for each user of `known_users`: ids and attributes beyond it make room of others
_HEAD_BYTES = 768  # of what is kept of a user, beside their id and attributes

Split = LiveCanary | LiveExperiment | None


class UserStateReader:
    """Reads what any worker wrote, before the next answer.

    A local store is read on the event loop, in microseconds.  A store over a network is read in threads, within a time
    limit; while it is down, answers are made from what was read last.
    """

    def __init__(self, releases: ReleaseHolder, store: Store, settings: ServeSettings, metrics: Metrics) -> None:
        self._releases = releases
        releases.after_look = self._forget_outdated
        self._store = store
        self._metrics = metrics
        self._known_users = settings.known_users
        self._timeout_s = settings.database_timeout_ms / 1_000
        self._heads: OrderedDict[str, UserHead] = OrderedDict()
        self._heads_bytes = 0
        # Whole states of users in `_heads`, as long as nothing was written and no other release, rules or split came.
        self._states: dict[str, UserState] = {}
        self._basis: tuple[LiveRelease | None, Split] = (None, None)
        # Sequence number by digest of the user, as far as this worker read it; used while the log does not answer.
        self.forgotten: dict[bytes, int] = {}
        self._events = EventCache()
        self._check = 0
        self._is_checked = False  # in this turn of the event loop
        self._is_changed = True
        self._rules: tuple[Rules, LiveExperiment | None] = (NO_RULES, None)
        self._revision = 0
        self._pool = ThreadPoolExecutor(_THREADS, "user-state")
        self._catching_up: asyncio.Task[None] | None = None
        self.breaker = CircuitBreaker(
            "log",
            self._probe,
            failures=FAILURES,
            every_s=settings.probe_every_s,
            on_open=lambda: metrics.opened("log"),
            on_back=lambda: metrics.back("log"),
        )

    def read_now(self, user_id: str | None) -> UserState | None:
        """The state for an answer to that user, None when reading it takes more than microseconds."""
        release = self._releases.now
        if release is None or not self._store.is_local or not self.breaker.is_closed:
            return None
        try:
            return self._read_local(user_id, release)
        except LogUnavailable:
            return None

    async def read(self, user_id: str | None) -> UserState:
        """The state for an answer to that user.  Raises NoBundle."""
        release = self._releases.current()
        if not self.breaker.is_closed:
            return self._last_known(user_id)
        try:
            local = self._store.is_local
            user_state = self._read_local(user_id, release) if local else await self._read_remote(user_id, release)
        except FAILURES as error:
            self.breaker.trip(error)
            return self._last_known(user_id)
        return user_state or await self._read_after_catching_up(user_id)

    def read_anonymous(self) -> UserState:
        """The state for an answer to nobody in particular, without any wait.  Raises NoBundle."""
        return self.read_now(None) or UserState.build(self._releases.current(), NOBODY)

    def events_now(self, user_state: UserState) -> Sequence[Event] | None:
        """The result of `events` for a state of `read_now`; None when the log does not answer."""
        owner = user_state.owner
        if owner is None or user_state.head <= user_state.release.log_seq:
            return ()
        cached = self._cached_events(owner, user_state)
        if cached.until < user_state.head:
            try:
                newer = self._store.user_events(owner, after_seq=cached.until)
            except LogUnavailable:
                return None
            cached = cached.with_newer(newer, user_state.head)
            self._events.keep(owner, cached)
        return cached.events

    async def events(self, user_state: UserState) -> Sequence[Event] | None:
        """The user's events since the release, oldest first; None when the log does not answer."""
        owner = user_state.owner
        if owner is None or user_state.head <= user_state.release.log_seq:
            return ()
        cached = self._cached_events(owner, user_state)
        if cached.until < user_state.head:
            if not self.breaker.is_closed:
                return None
            fetch = partial(self._store.user_events, owner, after_seq=cached.until)
            try:
                newer = fetch() if self._store.is_local else await self._in_pool(fetch)
            except FAILURES as error:
                self.breaker.trip(error)
                return None
            cached = cached.with_newer(newer, user_state.head)
            self._events.keep(owner, cached)
        return cached.events

    def _cached_events(self, owner: str, user_state: UserState) -> CachedEvents:
        return self._events.get(owner, after=user_state.release.log_seq, forgotten=user_state.forgotten)

    async def newest_events(self, user_id: str | None) -> Sequence[Event]:
        """The user's newest events, also those before the release; none when the log does not answer."""
        if user_id is None or not self.breaker.is_closed:
            return ()
        fetch = partial(self._newest, user_id)
        try:
            if self._store.is_local:  # for a user of many years this takes longer than others can wait
                return await asyncio.get_running_loop().run_in_executor(self._pool, fetch)
            return await self._in_pool(fetch)
        except FAILURES as error:
            self.breaker.trip(error)
            return ()

    def owner(self, user_id: str | None) -> str | None:
        """The id under which an answer to this user may be logged, as far as it was read lately; None: under no id."""
        head = self._heads.get(user_id) if user_id is not None else None
        return head.owner if head is not None else None

    def _newest(self, user_id: str) -> Sequence[Event]:
        identity = self._store.identity(user_id)
        return self._store.user_events(identity.owner_id, after_seq=identity.forgotten_seq)

    async def close(self) -> None:
        await self.breaker.close()
        if self._catching_up is not None:
            await asyncio.gather(self._catching_up, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read_local(self, user_id: str | None, release: LiveRelease) -> UserState | None:
        """The state with that release, which is live; None when so many items changed that a thread must apply them.

        The store is looked at once in a turn of the event loop: every request of the turn was in the process before the
        turn began, and one that arrives later is handled in the next turn, after `_end_turn`.
        """
        if not self._is_checked:
            self._is_changed = self._store.changed() or self._is_changed
            self._is_checked = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        if self._is_changed:
            self._revision = self._store.item_revision()
            self._check += 1
            self._states.clear()
            self._is_changed = False  # only now: after a failed read it must be read again
        if release.item_revision < self._revision:
            newest = self._with_newest_items(release)
            if newest is None:
                return None
            release = newest
        if not user_id:
            return UserState.build(release, NOBODY)
        split = self._releases.canary.now or self._releases.experiment.now
        if release is not self._basis[0] or split is not self._basis[1]:
            self._states.clear()
            self._basis = release, split
        known = self._states.get(user_id)
        if known is not None:
            return known
        if split is None:
            user_state = UserState.build(release, self._local_head(user_id, release))
        else:
            for other in self._releases.beside_live():
                if self._with_newest_items(other) is None:
                    return None
            user_state = self._in_split(self._local_head(user_id, release))
        self._states[user_id] = user_state
        return user_state

    def _with_newest_items(self, release: LiveRelease) -> LiveRelease | None:
        """None when so many items changed that a thread must apply them."""
        behind = self._revision - release.item_revision
        if behind > _MANY_ITEMS:
            return None
        return release if behind <= 0 else self._releases.replace(release, self._updated(release, self._revision))

    def _forget_outdated(self) -> None:
        """Lets go of a release that serves nobody any more, though nobody asks: its files would stay on the disk."""
        releases, (release, split) = self._releases, self._basis
        if release is not releases.now or split is not (releases.canary.now or releases.experiment.now):
            self._states.clear()
            self._basis = None, None

    def _end_turn(self) -> None:
        self._is_checked = False

    def _local_head(self, user_id: str, release: LiveRelease) -> UserHead:
        rules = release.recommender.rules, self._releases.experiment.now
        if rules[0] is not self._rules[0] or rules[1] is not self._rules[1]:  # they may need other attributes
            self._rules = rules
            self._check += 1
        head = self._heads.get(user_id)
        if head is not None and head.check == self._check:
            return head
        more = self._releases.experiment.uses_attributes
        return self._keep_head(user_id, read_head(self._store, user_id, release, self._check, with_attributes=more))

    def _keep_head(self, user_id: str, head: UserHead) -> UserHead:
        before = self._heads.pop(user_id, None)
        if before is not None:
            self._heads_bytes -= _head_bytes(user_id, before)
        self._heads[user_id] = head
        self._heads_bytes += _head_bytes(user_id, head)
        while len(self._heads) > self._known_users or self._heads_bytes > self._known_users * _USER_BYTES:
            oldest, before = self._heads.popitem(last=False)
            self._heads_bytes -= _head_bytes(oldest, before)
            self._states.pop(oldest, None)
        return head

    async def _read_remote(self, user_id: str | None, release: LiveRelease) -> UserState | None:
        """None when items changed."""
        store, more = self._store, self._releases.experiment.uses_attributes
        revision, head = await self._in_pool(
            lambda: (
                store.item_revision(),
                read_head(store, user_id, release, self._check, with_attributes=more) if user_id else NOBODY,
            )
        )
        self._revision = max(self._revision, revision)
        if user_id:
            self._keep_head(user_id, head)
        user_state = self._in_split(head)
        return user_state if user_state.release.item_revision >= revision else None

    def _in_split(self, head: UserHead, *, is_fresh: bool = True) -> UserState:
        """The state with the release that this customer gets: the live one, of a canary, or of an experiment's arm."""
        if head.owner is None:
            return UserState.build(self._releases.current(), head, is_fresh)
        release, bucket, arm = self._releases.assigned(head.owner)
        return UserState.build(release, head, is_fresh, bucket, arm)

    def _last_known(self, user_id: str | None) -> UserState:
        self._metrics.stale.inc()
        return self._in_split(self._kept_head(user_id), is_fresh=False)

    async def _read_after_catching_up(self, user_id: str | None) -> UserState:
        """One task applies the changed items for all requests; a request that waits too long gets what is known."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                await asyncio.shield(self._catching_up)
        except FAILURES as error:
            if isinstance(error, LogUnavailable):
                self.breaker.trip(error)
            return self._last_known(user_id)
        if not self._store.is_local:
            return self._in_split(self._kept_head(user_id))
        return self._read_local(user_id, self._releases.current()) or self._last_known(user_id)

    def _kept_head(self, user_id: str | None) -> UserHead:
        """What was read of the user last; a user who was never read is taken for the owner of the id."""
        if user_id is None:
            return NOBODY
        head = self._heads.get(user_id)
        if head is not None or not self.forgotten:
            return head or UserHead(0, 0, user_id, Subject(user_id))
        forgotten = self.forgotten.get(self._store.digest(user_id), 0)
        return UserHead(0, 0, user_id, Subject(user_id), forgotten)

    def drop(self) -> None:
        """Drops what was read of all users; it is read again."""
        self._heads.clear()
        self._states.clear()
        self._heads_bytes = 0
        self._events.drop()

    def drop_log(self) -> None:
        """Drops all that was read of the log, which is another one now."""
        self.drop()
        self.forgotten.clear()
        self._revision = 0
        self._is_changed = True

    async def _catch_up(self) -> None:
        self._releases.current()
        for release in self._releases.in_service():
            while release.item_revision < self._revision:
                updated = await asyncio.to_thread(self._updated, release, self._revision)
                release = self._releases.replace(release, updated)

    def _updated(self, release: LiveRelease, revision: int) -> LiveRelease:
        return release.with_items(list(self._store.items_since(release.item_revision)), revision)

    async def _in_pool(self, read: Callable[[], T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await asyncio.get_running_loop().run_in_executor(self._pool, read)

    async def _probe(self) -> None:
        await self._in_pool(self._store.item_revision)
        self._is_changed = True


def _head_bytes(user_id: str, head: UserHead) -> int:
    attributes = head.subject.attributes
    return _HEAD_BYTES + 2 * text_bytes(user_id) + (attribute_bytes(attributes) if attributes else 0)
