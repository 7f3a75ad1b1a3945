"""The release in service, as one immutable thing that is replaced whole; whoever answers reads it once."""

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from api.live.rules import FileStamp, LiveRules, stamp_of
from api.observability.metrics import Metrics
from api.polling import Poller
from api.settings import ServerConfig
from recsys.bundle import LIVE, bundle_path, live_version, open_bundle
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Item
from recsys.data.store.base import Store
from recsys.errors import BadBundle, LogUnavailable, NoBundle, RecsysError
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, recommender_of
from recsys.ranking.rules.model import Rules
from recsys.ranking.rules.repository import rule_repository
from recsys.time_units import DAY_MS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """A recommender and the catalogue revision it knows.

    state: names everything of it that an answer depends on but the rules.  edges_ms: when an item becomes or ceases to
    be available.
    """

    recommender: Recommender
    version: str
    log_seq: int
    made_at_ms: int
    item_revision: int
    state: str
    edges_ms: Sequence[int]

    @classmethod
    def of(cls, recommender: Recommender, item_revision: int) -> "LiveRelease":
        manifest = recommender.bundle.manifest
        return cls(
            recommender,
            manifest.version,
            manifest.log_seq,
            manifest.made_at_ms,
            item_revision,
            f"{manifest.version}/{recommender.digest}/{item_revision}",
            _edges(recommender.catalogue),
        )

    def with_items(self, changed: Sequence[Item], item_revision: int) -> "LiveRelease":
        """The same release after those items changed."""
        if not changed:
            return replace(self, item_revision=item_revision)
        catalogue = self.recommender.catalogue.with_changes(changed)
        return LiveRelease.of(self.recommender.with_catalogue(catalogue), item_revision)

    def with_rules(self, rules: Rules) -> "LiveRelease":
        """The same release and catalogue under other rules."""
        return replace(self, recommender=self.recommender.with_rules(rules))

    def state_at(self, now_ms: int) -> str:
        """Names everything that an answer at that moment depends on."""
        rules = self.recommender.rules
        return f"{self.state}/{rules.state_at(now_ms)}" if rules else self.state

    def moment(self, now_ms: int, ttl_ms: int) -> int:
        """Start of the span around now in which no date changes an answer: equal moments may share one."""
        start = now_ms - now_ms % ttl_ms
        if not self.edges_ms:
            return start
        passed = bisect_right(self.edges_ms, now_ms)
        return max(start, self.edges_ms[passed - 1]) if passed else start


class ReleaseHolder:
    """`now` is what is in service, None before the first training.  Only the event loop assigns it."""

    def __init__(self, place: ServerConfig, store: Store, metrics: Metrics) -> None:
        self._place = place
        self._store = store
        self._metrics = metrics
        self._seen: FileStamp | None = None
        self._watch = Poller("release", self._look_at_all, place.serve.look_every_s)
        self.now: LiveRelease | None = None
        self.refusal: str | None = None
        self.rules = LiveRules(rule_repository(place.home, place.file), metrics)

    def current(self) -> LiveRelease:
        """What is in service.  Raises NoBundle."""
        if self.now is None:
            raise NoBundle(self.refusal or "nothing is live yet; run `recsys train`, it is picked up by itself")
        return self.now

    def replace(self, before: LiveRelease, after: LiveRelease) -> LiveRelease:
        """Puts `after` in the place of `before`, unless another took it meanwhile; returns what is in service now."""
        if self.now is before:
            self.now = after
        return self.current()

    async def start(self) -> None:
        """Takes what is live, and from then on whatever becomes live."""
        await self._look_at_all()
        self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    async def look(self) -> None:
        """Puts into service what LIVE names; a damaged release is refused and the one in service stays."""
        stamp = stamp_of(self._place.bundles / LIVE)
        if stamp is None or stamp == self._seen:
            return
        try:
            found = await asyncio.to_thread(self._load)
        except RecsysError as error:
            self._refuse(error)
        except Exception as error:  # the rim of this job: whatever is wrong with a release, the one in service stays
            log.exception("bundle_failed")
            self._refuse(BadBundle(f"the live release cannot be opened ({error!r}); `recsys train` makes another"))
        else:
            self._take(found)
        self._seen = stamp

    async def look_at_rules(self) -> None:
        """Puts into service what the rules say now; where they are no good, the ones in service stay."""
        if await self.rules.look() and self.now is not None:
            self.now = self.now.with_rules(self.rules.now)

    def _load(self) -> LiveRelease | None:
        """The live release with the catalogue as it is now, warm; None when it is in service already."""
        version = live_version(self._place.bundles)
        if version is None or (self.now is not None and self.now.version == version):
            return None
        bundle = open_bundle(bundle_path(self._place.bundles, version))
        changed, revision = self._changed_since(bundle.manifest.item_revision)
        remember = self._place.serve.remembered_customers
        recommender = recommender_of(bundle, changed, self._place.file, remember=remember)
        recommender.recommend(Query(now_ms=int(bundle.manifest.now * DAY_MS)))
        return LiveRelease.of(recommender, revision)

    def _changed_since(self, revision: int) -> tuple[Sequence[Item], int]:
        """Items that changed after that revision, and the revision with them; none while the log does not answer."""
        try:
            newest = self._store.item_revision()  # before the items: what comes between is applied twice, never lost
            return list(self._store.items_since(revision)), newest
        except LogUnavailable as error:
            log.warning("items_unknown", detail=str(error))
            return (), revision

    def _take(self, found: LiveRelease | None) -> None:
        self.refusal = None
        if found is None:
            return
        before, self.now = self.now, found.with_rules(self.rules.now)
        self._metrics.serving(found.version, found.made_at_ms, before.version if before else None)
        log.info("in_service", version=found.version, before=before.version if before else None)

    def _refuse(self, error: RecsysError) -> None:
        self.refusal = str(error)
        self._metrics.refused.inc()
        log.error("bundle_refused", code=error.code, detail=str(error), kept=self.now.version if self.now else None)

    async def _look_at_all(self) -> None:
        await self.look_at_rules()
        await self.look()


def _edges(catalogue: Catalogue) -> Sequence[int]:
    dates = np.concatenate((catalogue.opens, catalogue.closes))
    dates = np.unique(dates[np.isfinite(dates)])
    return array("q", np.ceil(np.round(dates * DAY_MS, 3)).astype(np.int64).tolist())
