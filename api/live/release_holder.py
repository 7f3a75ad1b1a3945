"""Release holder of a worker: takes the release that becomes live, and a canary beside it, while requests go on."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Sequence

import structlog

from api.live.release import LiveRelease
from api.live.rules import LiveRules
from api.live.segments import LiveSegments
from api.live.split.canary import CanaryHolder
from api.live.split.experiment import ExperimentHolder, ServedArm
from api.live.split.marks import Mark
from api.observability.metrics import Metrics
from api.polling import FileStamp, Poller, stamp_of
from api.settings import ServerConfig
from recsys.bundle import LIVE, Bundle, Manifest, live_version, open_release
from recsys.data.entities import Item
from recsys.data.lineage import NOT_COVERED, Watermark
from recsys.data.store.base import Store
from recsys.errors import BadBundle, LogUnavailable, NoBundle, RecsysError, UntrustedBundle
from recsys.experiments.definition import ArmName
from recsys.experiments.state import Experiment
from recsys.ranking.query import Query
from recsys.ranking.recommender import build_recommender
from recsys.ranking.rules.repository import open_rule_repository
from recsys.ranking.variants import VariantParts, variant_parts
from recsys.time_units import DAY_MS

log = structlog.get_logger()

FileStamps = Sequence[FileStamp | None]


class ReleaseHolder:
    """`now` is the live release, None before the first training.  Only the event loop assigns it."""

    def __init__(self, config: ServerConfig, store: Store, metrics: Metrics) -> None:
        self._config = config
        self._store = store
        self._metrics = metrics
        self._stamp: FileStamp | None = None
        self._poller = Poller("release", self._poll, config.serve.look_every_s)
        self.now: LiveRelease | None = None
        self.after_look: Callable[[], None] = _nothing  # called whenever it was looked whether anything changed
        self._loaded: str | None = None  # the version, as long as the log is the one it was loaded with
        self._before: LiveRelease | None = None  # stays open, so that a rollback need not read it again
        self._checked: dict[str, FileStamps] = {}  # the files of a release when they were verified, by version
        self._unknown_log = secrets.token_hex(8)
        self.refusal: str | None = None
        self.rules = LiveRules(open_rule_repository(config.home, config.file), metrics)
        self.segments = LiveSegments(self.rules.repository.segments, store, config.serve.segments_every_s)
        self.canary = CanaryHolder(config.home, config.bundles, metrics, self._open)
        self.experiment = ExperimentHolder(config.home, config.bundles, metrics, self._open)

    def current(self) -> LiveRelease:
        """The live release.  Raises NoBundle."""
        if self.now is None:
            raise NoBundle(self.refusal or "nothing is live yet; run `recsys train`, it is picked up by itself")
        return self.now

    def replace(self, before: LiveRelease, after: LiveRelease) -> LiveRelease:
        """Puts `after` in the place of `before`, live or canary, unless another took it; returns the one to use."""
        is_held = self.experiment.replace(before, after)
        if self.now is before:
            self.now = after
        elif self.canary.replace(before, after) or is_held:
            return after
        return self.current()

    def in_service(self) -> list[LiveRelease]:
        """The live release, that of a canary and those that an experiment holds, as far as there are any."""
        canary = self.canary.now
        releases = (self.now, None if canary is None else canary.release, *self.experiment.releases())
        return list({id(release): release for release in releases if release is not None}.values())

    def forget_customers(self) -> None:
        """Drops what memory holds of customers who asked."""
        for release in self.in_service():
            release.recommender.engine.candidate_cache.clear()
        self.experiment.forget_customers()

    def beside_live(self) -> Collection[LiveRelease]:
        """The releases in service beside the live one."""
        canary = self.canary.now
        return self.experiment.releases() if canary is None else (canary.release,)

    def assigned(self, owner: str) -> tuple[LiveRelease, int | None, ServedArm | None]:
        """The release of a customer, with the bucket and the arm where a canary or an experiment runs."""
        release, canary, experiment = self.current(), self.canary.now, self.experiment.now
        if canary is None:
            return (release, None, None) if experiment is None else experiment.assigned(owner, release)
        bucket = canary.bucket(owner)
        return canary.release if canary.arm(bucket) == "canary" else release, bucket, None

    def observe(self, bucket: int, seconds: float, mark: Mark | None) -> None:
        """Counts one answer for its arm: a canary and an experiment never run beside each other."""
        (self.experiment if self.canary.now is None else self.canary).observe(bucket, seconds, mark)

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
            self._stamp = self._loaded = self._before = None
            self.canary.drop()
            self.experiment.drop()
            await self.reload_if_changed()

    async def reload_rules_if_changed(self) -> None:
        """Loads the rules of the file; invalid ones are refused, and those in service stay."""
        if await self.rules.reload_if_changed() and self.now is not None:
            self.now = self.now.with_rules(self.rules.now)
            self.canary.use_rules(self.rules.now)

    async def renew_segments(self) -> None:
        """Works out the members of the segments that rules name, where that is due."""
        members = await self.segments.renewed(self.now, self.rules.now, self.experiment.saved_segments)
        if members is not None and self.now is not None:
            self.rules.use_members(members)
            self.now = self.now.with_rules(self.rules.now)
            self.canary.use_rules(self.rules.now)

    def _load(self) -> LiveRelease | None:
        """The live release with the current catalogue, warmed up; None when it is in service already."""
        version = live_version(self._config.bundles)
        if version is None or version == self._loaded:
            return None
        return self._still_open(version) or self._open(version)

    def _still_open(self, version: str) -> LiveRelease | None:
        """The canary, or the release that was live before, if its files are those that were verified."""
        for release in (self.canary.loaded(version), self._before):
            if release is not None and release.version == version:
                trusted = self._config.trusted_keys()
                bundle = open_release(self._config.bundles, version, verify=False, trusted=trusted)
                return release if _file_stamps(bundle) == self._checked.get(version) else None
        return None

    def _open(self, version: str) -> LiveRelease:
        """A published release with the current catalogue, warmed up."""
        trusted = self._config.trusted_keys()
        self._checked[version] = _file_stamps(
            open_release(self._config.bundles, version, verify=False, trusted=trusted)
        )
        bundle = open_release(self._config.bundles, version, trusted=trusted)
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
        self._keep_open(before)
        if release.log_seq == NOT_COVERED.seq:
            log.warning("release_of_another_log", version=release.version, log_id=release.log_id)
        self._metrics.in_service(release.version, release.made_at_ms, before.version if before else None)
        log.info("in_service", version=release.version, before=before.version if before else None)

    def _keep_open(self, before: LiveRelease | None) -> None:
        if before is not None:
            before.recommender.engine.candidate_cache.clear()
        self._before = before
        served = {release.version for release in (*self.in_service(), *([before] if before else []))}
        self._checked = {version: stamps for version, stamps in self._checked.items() if version in served}

    def _refuse(self, error: RecsysError) -> None:
        self.refusal = str(error)
        self._metrics.refused.inc()
        if isinstance(error, UntrustedBundle):
            self._metrics.untrusted.inc()
        log.error("bundle_refused", code=error.code, detail=str(error), kept=self.now.version if self.now else None)

    async def _poll(self) -> None:
        if self._before is not None and not self._before.recommender.bundle.path.is_dir():
            self._before = None  # open files of a deleted release would stay on the disk
        await self.reload_rules_if_changed()
        await self.reload_if_changed()
        await self.renew_segments()
        await self.canary.poll(self.rules.now)
        await self.experiment.poll(self.now, self._variants)
        self.after_look()

    def _variants(self, experiment: Experiment) -> dict[ArmName, VariantParts]:
        """What each arm of the experiment changes.  Raises BadRules, BadSettings."""
        arms: tuple[ArmName, ArmName] = ("A", "B")
        plan, file = experiment.plan, self._config.file
        return {arm: variant_parts(plan.variant(arm), self.rules.repository, file) for arm in arms}


def _nothing() -> None:
    """What nobody waits for."""


def _file_stamps(bundle: Bundle) -> FileStamps:
    return [stamp_of(bundle.path / name) for name in bundle.manifest.files]
