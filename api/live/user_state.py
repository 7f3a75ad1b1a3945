"""What changed a moment ago: before an answer, the catalogue's revision and the customer's last event are looked up."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from api.live.event_cache import CachedEvents, EventCache
from api.live.release import LiveRelease, ReleaseHolder
from api.observability.metrics import Metrics
from api.settings import ServeSettings
from api.traffic.circuit_breaker import CircuitBreaker
from recsys.data.entities import Attribute
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.errors import LogUnavailable
from recsys.fast_dataclass import fast_frozen
from recsys.ranking.rules.model import NO_RULES

T = TypeVar("T")

FAILURES = (LogUnavailable, TimeoutError)
_THREADS = 8
_MANY_ITEMS = 2_000  # more changes than that are applied in a thread: they would hold up the event loop
_CATCH_UP_S = 2.0


UserAttributes = Mapping[str, Attribute]
NOTHING: Final[UserAttributes] = MappingProxyType({})


class Subject(NamedTuple):
    """What an answer may know of whom it is for.

    user_id: under which the release may know them; None for visitors, for who refuses, for who was forgotten since.
    attributes: what the shop says of a customer whom the release does not know; or of any when rules ask for it.
    is_personal: False for a customer without consent: then nothing of them counts, not even this visit.
    """

    user_id: str | None = None
    attributes: UserAttributes = NOTHING
    is_personal: bool = True


class UserHead(NamedTuple):
    """What was read of a customer, and in which look: see `Standing`; owner is None for whoever has none."""

    seq: int
    look: int
    owner: str | None = None
    asker: Subject = Subject()
    forgotten: int = 0

    def asker_of(self, serving: LiveRelease) -> Subject:
        """Whom an answer of that release is for: one made before they were forgotten does not know them."""
        return self.asker if self.forgotten <= serving.log_seq else self.asker._replace(user_id=None)


_NOBODY = UserHead(0, 0)


@fast_frozen
@dataclass(frozen=True, slots=True)
class RequestState:
    """The state one answer is made from.  `is_fresh` is False when the log did not answer: then nothing is cached.

    owner: whose events count and whose answer it is; None for visitors and for who does not consent: theirs are shared.
    """

    serving: LiveRelease
    head: int
    owner: str | None
    asker: Subject
    is_fresh: bool = True
    forgotten: int = 0

    @classmethod
    def of(cls, serving: LiveRelease, head: UserHead, *, is_fresh: bool = True) -> "RequestState":
        return cls(serving, head.seq, head.owner, head.asker_of(serving), is_fresh, head.forgotten)


class UserStateReader:
    """Sees what any worker wrote, before the next answer.

    A local store is read on the event loop, in microseconds.  One over a network is read in threads, within a time
    limit; while it is down, answers stand on what was known last.
    """

    def __init__(self, live: ReleaseHolder, store: Store, settings: ServeSettings, metrics: Metrics) -> None:
        self._live = live
        self._store = store
        self._metrics = metrics
        self._known_users = settings.known_users
        self._timeout_s = settings.database_timeout_ms / 1_000
        self._heads: OrderedDict[str, UserHead] = OrderedDict()
        self.forgotten: dict[
            bytes, int
        ] = {}  # seq by digest, as far as this worker heard; counts where the log is mute
        self._since = EventCache()
        self._look = 0
        self._has_looked = False
        self._is_due = True
        self._rules = NO_RULES
        self._revision = 0
        self._pool = ThreadPoolExecutor(_THREADS, "recent")
        self._catching_up: asyncio.Task[None] | None = None
        self.breaker = CircuitBreaker(
            "log",
            self._probe,
            failures=FAILURES,
            every_s=settings.probe_every_s,
            on_open=lambda: metrics.opened("log"),
            on_back=lambda: metrics.back("log"),
        )

    def see_now(self, user_id: str | None) -> RequestState | None:
        """The state for an answer to that customer, None when finding out takes more than microseconds."""
        if not self._store.is_local or not self.breaker.is_closed or self._live.now is None:
            return None
        try:
            return self._see_local(user_id)
        except LogUnavailable:
            return None

    async def see(self, user_id: str | None) -> RequestState:
        """The state for an answer to that customer.  Raises NoBundle."""
        self._live.current()
        if not self.breaker.is_closed:
            return self._last_known(user_id)
        try:
            found = self._see_local(user_id) if self._store.is_local else await self._see_remote(user_id)
        except FAILURES as error:
            self.breaker.open(error)
            return self._last_known(user_id)
        return found or await self._see_after_catching_up(user_id)

    def known(self) -> RequestState:
        """The state for an answer to nobody in particular, as this worker knows it.  Raises NoBundle.  Never waits."""
        return self.see_now(None) or RequestState.of(self._live.current(), _NOBODY)

    def events_now(self, seen: RequestState) -> Sequence[Event] | None:
        """What `events_of` gives for a state of `see_now`; None when the log does not answer."""
        owner = seen.owner
        if owner is None or seen.head <= seen.serving.log_seq:
            return ()
        read = self._read_of(owner, seen)
        if read.until < seen.head:
            try:
                read = read.with_newer(self._store.user_events(owner, after_seq=read.until), seen.head)
            except LogUnavailable:
                return None
            self._since.keep(owner, read)
        return read.events

    async def events_of(self, seen: RequestState) -> Sequence[Event] | None:
        """The customer's events since the bundle, oldest first; None when the log does not answer."""
        owner = seen.owner
        if owner is None or seen.head <= seen.serving.log_seq:
            return ()
        if not self.breaker.is_closed:
            return None
        read = self._read_of(owner, seen)
        if read.until < seen.head:
            newer = partial(self._store.user_events, owner, after_seq=read.until)
            try:
                found = newer() if self._store.is_local else await self._away(newer)
            except FAILURES as error:
                self.breaker.open(error)
                return None
            read = read.with_newer(found, seen.head)
            self._since.keep(owner, read)
        return read.events

    def _read_of(self, owner: str, seen: RequestState) -> CachedEvents:
        return self._since.find(owner, after=seen.serving.log_seq, forgotten=seen.forgotten)

    async def latest_of(self, user_id: str | None) -> Sequence[Event]:
        """The customer's newest events, those of before the bundle too; none where the log does not answer."""
        if user_id is None or not self.breaker.is_closed:
            return ()
        read = partial(self._latest, user_id)
        try:
            if self._store.is_local:  # of a customer of many years that takes longer than others can wait
                return await asyncio.get_running_loop().run_in_executor(self._pool, read)
            return await self._away(read)
        except FAILURES as error:
            self.breaker.open(error)
            return ()

    def owner_of(self, user_id: str | None) -> str | None:
        """Whose answer it was, as far as that was read lately: under no other name may it be written down."""
        head = self._heads.get(user_id) if user_id is not None else None
        return head.owner if head is not None else None

    def _latest(self, user_id: str) -> Sequence[Event]:
        return self._store.user_events(self._store.identity(user_id).owner_id)

    async def close(self) -> None:
        await self.breaker.close()
        if self._catching_up is not None:
            await asyncio.gather(self._catching_up, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _see_local(self, user_id: str | None) -> RequestState | None:
        """None when so many items changed that a thread must apply them."""
        if not self._has_looked:
            self._has_looked = self._look_for_changes()
        if self._is_due:
            self._revision = self._store.item_revision()
            self._look += 1
            self._is_due = False  # only now: a look that failed is due again
        serving = self._live.current()
        behind = self._revision - serving.item_revision
        if behind > _MANY_ITEMS:
            return None
        if behind > 0:
            serving = self._live.replace(serving, self._updated(serving, self._revision))
        return RequestState.of(serving, self._local_head(user_id, serving) if user_id else _NOBODY)

    def _look_for_changes(self) -> bool:
        """Once in a turn of the event loop: whatever is answered in it was in the process before the turn began.

        What runs in the next one because of something that arrived later runs after `_turn_ends`.
        """
        self._is_due = self._store.changed() or self._is_due
        asyncio.get_running_loop().call_soon(self._turn_ends)
        return True

    def _turn_ends(self) -> None:
        self._has_looked = False

    def _local_head(self, user_id: str, serving: LiveRelease) -> UserHead:
        rules = serving.recommender.rules
        if rules is not self._rules:  # other rules may ask for more of a customer
            self._rules = rules
            self._look += 1
        known = self._heads.get(user_id)
        if known is not None and known.look == self._look:
            return known
        return self._remember(user_id, self._head_of(user_id, serving))

    def _head_of(self, user_id: str, serving: LiveRelease) -> UserHead:
        """Read from the store; attributes only where rules ask, or the release can say nothing else of the customer."""
        look, identity = self._look, self._store.identity(user_id)
        if not identity.is_personal:
            return UserHead(0, look, asker=Subject(is_personal=False))
        owner, engine, forgotten = identity.owner_id, serving.recommender.engine, identity.forgotten_seq
        is_known = engine.users.position(owner) != MISSING and forgotten <= serving.log_seq
        is_told = serving.recommender.rules.asks_segment or (engine.segments is not None and not is_known)
        user = self._store.user(owner) if is_told else None
        asker = Subject(owner, user.attributes if user is not None else NOTHING)
        return UserHead(identity.head, look, owner, asker, forgotten)

    def _remember(self, user_id: str, head: UserHead) -> UserHead:
        self._heads[user_id] = head
        self._heads.move_to_end(user_id)
        if len(self._heads) > self._known_users:
            self._heads.popitem(last=False)
        return head

    async def _see_remote(self, user_id: str | None) -> RequestState | None:
        """None when items changed."""
        serving = self._live.current()
        revision, head = await self._away(
            lambda: (self._store.item_revision(), self._head_of(user_id, serving) if user_id else _NOBODY)
        )
        self._revision = max(self._revision, revision)
        if user_id:
            self._remember(user_id, head)
        serving = self._live.current()
        return RequestState.of(serving, head) if serving.item_revision >= revision else None

    def _last_known(self, user_id: str | None) -> RequestState:
        self._metrics.stale.inc()
        return RequestState.of(self._live.current(), self._kept_head(user_id), is_fresh=False)

    async def _see_after_catching_up(self, user_id: str | None) -> RequestState:
        """One task catches up for all who wait; whoever waits too long gets what is known."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                await asyncio.shield(self._catching_up)
        except FAILURES as error:
            if isinstance(error, LogUnavailable):
                self.breaker.open(error)
            return self._last_known(user_id)
        found = self._see_local(user_id) if self._store.is_local else self._just_read(user_id)
        return found or self._last_known(user_id)

    def _just_read(self, user_id: str | None) -> RequestState:
        return RequestState.of(self._live.current(), self._kept_head(user_id))

    def _kept_head(self, user_id: str | None) -> UserHead:
        """What was read of the customer last; of one never asked about, that they are who they say."""
        if user_id is None:
            return _NOBODY
        known = self._heads.get(user_id)
        if known is not None or not self.forgotten:
            return known or UserHead(0, 0, user_id, Subject(user_id))
        forgotten = self.forgotten.get(self._store.digest(user_id), 0)
        return UserHead(0, 0, user_id, Subject(user_id), forgotten)

    def drop(self) -> None:
        """Forgets what was read of all customers; it is read again."""
        self._heads.clear()
        self._since.drop()

    async def _catch_up(self) -> None:
        serving = self._live.current()
        while serving.item_revision < self._revision:
            updated = await asyncio.to_thread(self._updated, serving, self._revision)
            serving = self._live.replace(serving, updated)

    def _updated(self, serving: LiveRelease, revision: int) -> LiveRelease:
        return serving.with_items(list(self._store.items_since(serving.item_revision)), revision)

    async def _away(self, read: Callable[[], T]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await asyncio.get_running_loop().run_in_executor(self._pool, read)

    async def _probe(self) -> None:
        await self._away(self._store.item_revision)
        self._is_due = True
