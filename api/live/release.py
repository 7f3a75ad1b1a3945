"""Live release: immutable, replaced as a whole when a new one is published; each request reads it once."""

import asyncio
import secrets
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from api.live.rules import LiveRules
from api.observability.metrics import Metrics
from api.polling import FileStamp, Poller, stamp_of
from api.settings import ServerConfig
from recsys.bundle import LIVE, Manifest, live_version, open_release
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Item
from recsys.data.lineage import NOT_COVERED, Watermark
from recsys.data.store.base import Store
from recsys.errors import BadBundle, LogUnavailable, NoBundle, RecsysError, UntrustedBundle
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.ranking.rules.model import Rules
from recsys.ranking.rules.repository import open_rule_repository
from recsys.time_units import DAY_MS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """A recommender and the catalogue revision it knows.

    log_id: the identity of the log it is served with.  log_seq: up to where it knows that log, -1 when it was learnt
    from another one.  state: names everything that an answer depends on but the rules.  edges_ms: the moments at which
    an item becomes or ceases to be available.
    """

    recommender: Recommender
    version: str
    log_id: str
    log_seq: int
    made_at_ms: int
    item_revision: int
    state: str
    edges_ms: Sequence[int]

    @classmethod
    def build(cls, recommender: Recommender, log_id: str, log_seq: int, item_revision: int) -> "LiveRelease":
        manifest = recommender.bundle.manifest
        return cls(
            recommender,
            manifest.version,
            log_id,
            log_seq,
            manifest.made_at_ms,
            item_revision,
            f"{log_id}/{manifest.version}/{recommender.digest}/{item_revision}",
            _edges(recommender.catalogue),
        )

    def with_items(self, changed: Sequence[Item], item_revision: int) -> "LiveRelease":
        """The same release after those items changed."""
        if not changed:
            return replace(self, item_revision=item_revision)
        catalogue = self.recommender.catalogue.with_changes(changed)
        return LiveRelease.build(self.recommender.with_catalogue(catalogue), self.log_id, self.log_seq, item_revision)

    def with_log(self, log_id: str) -> "LiveRelease":
        """The same release with another log, of which it knows nothing."""
        state = f"{log_id}/{self.state.partition('/')[2]}"
        return replace(self, log_id=log_id, log_seq=NOT_COVERED.seq, state=state)

    def with_rules(self, rules: Rules) -> "LiveRelease":
        """The same release and catalogue under other rules."""
        return replace(self, recommender=self.recommender.with_rules(rules))

    def state_at(self, now_ms: int) -> str:
        """Names everything that an answer at that moment depends on."""
        rules = self.recommender.rules
        return f"{self.state}/{rules.state_at(now_ms)}" if rules else self.state

    def moment(self, now_ms: int, ttl_ms: int) -> int:
        """Start of the span around now in which no date changes an answer: answers of one span may be shared."""
        start = now_ms - now_ms % ttl_ms
        if not self.edges_ms:
            return start
        passed = bisect_right(self.edges_ms, now_ms)
        return max(start, self.edges_ms[passed - 1]) if passed else start


class ReleaseHolder:
    """`now` is the live release, None before the first training.  Only the event loop assigns it."""

    def __init__(self, config: ServerConfig, store: Store, metrics: Metrics) -> None:
        self._config = config
        self._store = store
        self._metrics = metrics
        self._stamp: FileStamp | None = None
        self._poller = Poller("release", self._poll, config.serve.look_every_s)
        self.now: LiveRelease | None = None
        self._loaded: str | None = None  # the version, as long as the log is the one it was loaded with
        self._unknown_log = secrets.token_hex(8)
        self.refusal: str | None = None
        self.rules = LiveRules(open_rule_repository(config.home, config.file), metrics)

    def current(self) -> LiveRelease:
        """The live release.  Raises NoBundle."""
        if self.now is None:
            raise NoBundle(self.refusal or "nothing is live yet; run `recsys train`, it is picked up by itself")
        return self.now

    def replace(self, before: LiveRelease, after: LiveRelease) -> LiveRelease:
        """Puts `after` in the place of `before`, unless another took it meanwhile; returns the live release."""
        if self.now is before:
            self.now = after
        return self.current()

    async def start(self) -> None:
        """Takes the live release, and from then on every one that becomes live."""
        await self._poll()
        self._poller.start()

    async def close(self) -> None:
        await self._poller.close()

    async def reload_if_changed(self) -> None:
        """Loads the release that LIVE names; a damaged one is refused, and the one in service stays."""
        stamp = stamp_of(self._config.bundles / LIVE)
        if stamp is None or stamp == self._stamp:
            return
        try:
            release = await asyncio.to_thread(self._load)
        except RecsysError as error:
            self._refuse(error)
        except Exception as error:  # the error boundary of this job: whatever is wrong, the release in service stays
            log.exception("bundle_failed")
            self._refuse(BadBundle(f"the live release cannot be opened ({error!r}); `recsys train` makes another"))
        else:
            self._take(release)
        self._stamp = stamp

    async def use_log(self, log_id: str) -> None:
        """Loads the live release again when the log has another identity than the one it was loaded with."""
        if self.now is not None and self.now.log_id != log_id:
            self.now = self.now.with_log(log_id)
            self._stamp = self._loaded = None
            await self.reload_if_changed()

    async def reload_rules_if_changed(self) -> None:
        """Loads the rules of the file; invalid ones are refused, and those in service stay."""
        if await self.rules.reload_if_changed() and self.now is not None:
            self.now = self.now.with_rules(self.rules.now)

    def _load(self) -> LiveRelease | None:
        """The live release with the current catalogue, warmed up; None when it is in service already."""
        version = live_version(self._config.bundles)
        if version is None or version == self._loaded:
            return None
        bundle = open_release(self._config.bundles, version, trusted=self._config.trusted_keys())
        log_id, mark = self._watermark(bundle.manifest)
        changed, revision = self._changed_since(mark.revision)
        remember = self._config.serve.remembered_customers
        recommender = build_recommender(bundle, changed, self._config.file, remember=remember)
        recommender.recommend(Query(now_ms=int(bundle.manifest.now * DAY_MS)))
        return LiveRelease.build(recommender, log_id, mark.seq, revision)

    def _watermark(self, manifest: Manifest) -> tuple[str, Watermark]:
        """The identity of the log, and up to where the release knows it.

        While the log does not answer it has an identity that no other process has, and is taken for the release's own.
        """
        try:
            lineage = self._store.lineage()
        except LogUnavailable:
            return self._unknown_log, Watermark(manifest.log_id, manifest.log_seq, manifest.item_revision)
        return lineage.log_id, lineage.watermark(manifest)

    def _changed_since(self, revision: int) -> tuple[Sequence[Item], int]:
        """The items that changed after that revision, and the newest one; no items when the log does not answer."""
        try:
            newest = self._store.item_revision()  # before the items: a change in between is applied twice, never lost
            return list(self._store.items_since(revision)), newest
        except LogUnavailable as error:
            log.warning("items_unknown", detail=str(error))
            return (), revision

    def _take(self, release: LiveRelease | None) -> None:
        self.refusal = None
        if release is None:
            return
        before, self.now = self.now, release.with_rules(self.rules.now)
        self._loaded = release.version
        if release.log_seq == NOT_COVERED.seq:
            log.warning("release_of_another_log", version=release.version, log_id=release.log_id)
        self._metrics.in_service(release.version, release.made_at_ms, before.version if before else None)
        log.info("in_service", version=release.version, before=before.version if before else None)

    def _refuse(self, error: RecsysError) -> None:
        self.refusal = str(error)
        self._metrics.refused.inc()
        if isinstance(error, UntrustedBundle):
            self._metrics.untrusted.inc()
        log.error("bundle_refused", code=error.code, detail=str(error), kept=self.now.version if self.now else None)

    async def _poll(self) -> None:
        await self.reload_rules_if_changed()
        await self.reload_if_changed()


def _edges(catalogue: Catalogue) -> Sequence[int]:
    dates = np.concatenate((catalogue.opens, catalogue.closes))
    dates = np.unique(dates[np.isfinite(dates)])
    return array("q", np.ceil(np.round(dates * DAY_MS, 3)).astype(np.int64).tolist())
