"""Release registry: publish, promote, roll back, prune.  A complete release is live at any moment, after any crash."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from recsys.atomic_file import file_lock, replace_file, sync
from recsys.bundle import (
    LIVE,
    MANIFEST,
    Bundle,
    bundle_path,
    open_bundle,
    open_release,
)
from recsys.bundle.signature import read_signing_key
from recsys.canary.state import CANARY, CHANGING, Canary, CanaryOutcome, read_canary, write_canary
from recsys.data.lineage import Lineage
from recsys.errors import BadBundle, BadFile, BadInput, StaleJob
from recsys.experiments.state import end_in, held_releases, read_experiments, running_experiment
from recsys.gate.verdict import GateVerdict
from recsys.privacy.erasure import releases_before
from recsys.shared_registry.mirror import RegistryMirror
from recsys.shared_registry.state import DELETED, FLED, GENERATION, PROMOTIONS
from recsys.time_units import now_ms
from training.registry.history import disposable
from training.registry.reader import RegistryReader
from training.registry.staging import STAGED, again_if_changed, staged_change

MAKING = ".making-"
GONE = ".gone-"
PUBLISHING = ".publishing"  # lock file, held as long as a training writes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registry(RegistryReader):
    """The same with changes, which hold a file lock.

    The kernel releases a lock when its process dies, so temporary files found while holding the lock are leftovers.
    """

    def publish(self, write: Callable[[Path], Bundle]) -> Bundle:
        """Runs `write`, signs and checks the result on disk and renames it to its version in one step; not live yet.

        `write` may take long: other publishers wait for it, promotion and rollback do not.
        Raises BadBundle when the version exists or the files cannot be read back; then nothing is left behind.
        """
        key = read_signing_key(self.home)  # before `write`: a training of hours should not end with a bad key
        with file_lock(self.bundles / PUBLISHING):
            self._sweep(MAKING)
            making = Path(tempfile.mkdtemp(prefix=MAKING, dir=self.bundles))
            try:
                write(making)
                if key is not None:
                    key.sign(making, (making / MANIFEST).read_bytes())
                version = open_bundle(making, trusted=self.trusted()).manifest.version
                if bundle_path(self.bundles, version).exists():
                    raise BadBundle(f"{version} is published already; a release is never written again")
                making.rename(self.bundles / version)
            except BaseException:
                shutil.rmtree(making, ignore_errors=True)
                raise
            sync(self.bundles)
        self._give(version, lambda mirror: mirror.push(version))
        return open_bundle(self.bundles / version, verify=False)

    @again_if_changed
    def begin_generation(self, generation: int) -> None:
        """From now on a job of an older generation may not promote."""
        with self._locked() as now:
            replace_file(now._state / GENERATION, f"{max(generation, now.generation())}\n".encode())

    @again_if_changed
    def promote(
        self, version: str, *, generation: int | None = None, force: str | None = None, base: str | None = None
    ) -> Bundle:
        """Makes that version live for all customers; a canary ends.

        generation: that of the job which made it, None where a person decides.  force: the reason to do it in spite of
        the gate, or after a rollback; it is kept.  base: the release that a refresh stands on.
        Raises BadBundle when it is damaged or missing, BadInput when the gate refused it or a rollback left it,
        StaleJob when a newer job has begun, or the base is not live for all any more; then the live one stays.
        """
        with self._changing() as now:
            now._check_generation(version, generation)
            if base is not None:
                now.check_base(base)
            bundle = now._promotable(version, force)
            now._make_live(version)
            now._end_canary("stopped", [f"{version} was promoted"])
        return bundle

    @again_if_changed
    def rollback(self, version: str | None = None) -> Bundle:
        """Makes that version live, or the last sound one that was live before; a second call goes back further.

        The one that it leaves is never gone back to, and neither is a canary, which ends.
        Raises BadBundle when there is none to go back to, BadInput for one that the gate refused or a rollback left.
        """
        with self._changing() as now:
            bundle, past = now._last_sound() if version is None else now._named(version)
            target = bundle.manifest.version
            left = {old for old in (now._live_if_readable(), *now._in_canary()) if old is not None} - {target}
            now._history.write_fled((now._history.fled() | left) & {*now._versions()})
            # LIVE last: after a crash in between, the release we leave must not count as the one before.
            now._history.write_promoted(past)
            now._point_at(target)
            now._end_canary("stopped", [f"rolled back to {target}"])
            end_in(now._state, [f"rolled back to {target}"], now_ms(), only_releases=True)
        return bundle

    @again_if_changed
    def begin_canary(self, version: str, *, share: float, hours: float, force: str | None = None) -> Canary:
        """Lets that version serve a share of the customers (percent); it takes the place of another canary.

        Raises as `promote`; BadInput for the live version, and where none is live.
        """
        with self._changing() as now:
            now._promotable(version, force)
            if running_experiment(read_experiments(now._state)) is not None:
                raise BadInput("an experiment runs; `recsys experiment stop` ends it, then a canary may begin")
            live = now.live()
            if live is None or live == version:
                raise BadInput(f"a canary serves beside another release, but {live or 'nothing'} is live")
            now._end_canary("stopped", [f"the canary of {version} took its place"])
            canary = Canary(version=version, champion=live, share=share, hours=hours, began_at_ms=now_ms())
            write_canary(now._state, canary)
            log.info("canary_began", extra={"version": version, "share": share})
        return canary

    @again_if_changed
    def end_canary(self, canary: Canary, outcome: CanaryOutcome, reasons: Sequence[str]) -> bool:
        """Ends that canary: forward promotes it, back rejects it.  False when it is over already.

        Raises BadBundle when a release that goes forward is damaged; then it goes on.
        """
        with self._changing() as now:
            if not canary.is_running or now.canary() != canary:
                return False
            if outcome == "forward":
                now._open(canary.version)
                now._make_live(canary.version)
            now._end_canary(outcome, reasons)
            now._keep_canary_verdict()
        return True

    @again_if_changed
    def settle_canary(self) -> bool:
        """Keeps the verdict on a canary that a worker of the service ended; False when there is none to keep."""
        with self._locked() as now:
            return now._keep_canary_verdict()

    def put_verdict(self, verdict: GateVerdict, page: str | None = None) -> None:
        """Keeps that verdict, in place of an earlier one on the same release.  page: HTML, kept beside it."""
        self._verdict_files.write(verdict, page)
        self._give(verdict.version, lambda mirror: mirror.push_verdict(verdict.version))

    @again_if_changed
    def prune(self, keep: int) -> list[str]:
        """Deletes all but the newest `keep` trainings and as many refreshes, the live release and the one before it.

        The training below a release that stays, stays too.  Returns the deleted ones.
        """
        if keep < 0:
            raise BadInput(f"cannot keep {keep} releases; give 0 or more")
        with self._locked() as now:
            kept = {now._live_if_readable(), *now._before_live()[-1:], *now._in_canary(), *held_releases(now._state)}
            old = disposable(now._folders(), kept, keep)
            now._delete(old)
        return old

    @again_if_changed
    def prune_before(self, seq: int, lineage: Lineage) -> list[str]:
        """Deletes every release but the live one that knows the log up to before that seq; returns the deleted ones."""
        with self._locked() as now:
            unneeded = {*releases_before(self.bundles, seq, lineage)} - {now._live_if_readable()}
            old = [version for version in reversed(now._versions()) if version in unneeded]
            if set(now._in_canary()) & set(old):
                now._end_canary("stopped", ["it holds customers who were erased"])
            if set(held_releases(now._state)) & set(old):
                end_in(now._state, ["a release of it holds customers who were erased"], now_ms())
            now._delete(old)
        return old

    @contextmanager
    def _locked(self) -> Iterator["Registry"]:
        """The lock of the home, and the registry as a change sees it.  Raises BadFile, ChangedMeanwhile."""
        with file_lock(self.bundles / CHANGING):
            if self.mirror is None:
                yield self
                return
            self._sweep(STAGED)
            with staged_change(self.mirror) as staged:
                yield replace(self, staged=staged)

    @contextmanager
    def _changing(self) -> Iterator["Registry"]:
        """The same for most changes.  Raises BadBundle where nothing was ever published: it would make the folder."""
        if not self.bundles.is_dir():
            raise BadBundle(f"{self.home}: nothing is published here; check --home, or run `recsys train`")
        with self._locked() as now:
            self._sweep(*(f".{name}-" for name in (LIVE, PROMOTIONS, FLED, GENERATION, CANARY)))
            now._keep_canary_verdict()
            yield now

    def _give(self, version: str, give: Callable[[RegistryMirror], object]) -> None:
        """Gives something of that release to the other hosts, later where the storage is gone now."""
        if self.mirror is None:
            return
        try:
            give(self.mirror)
        except BadFile as error:
            log.warning("registry_not_reached", extra={"version": version, "reason": str(error)})
            self.mirror.give_later(version)

    def _open(self, version: str) -> Bundle:
        """The release, with every file checked; from the other hosts where this one does not have it."""
        if self.mirror is not None:
            self.mirror.fetch(version)
        return open_release(self.bundles, version, trusted=self.trusted())

    def _promotable(self, version: str, force: str | None) -> Bundle:
        """The release, opened.  force: the reason to take it whatever was said of it, which is kept."""
        if force is None:
            self._check_verdict(version)
            self._check_fled(version)
        bundle_path(self.bundles, version)
        if version not in self._versions():
            raise BadBundle(f"{version} is not published here; `recsys releases` lists what is")
        bundle = self._open(version)
        if force is not None:
            verdict = self.verdict(version) or GateVerdict.without_checks(version, self._live_if_readable(), now_ms())
            self.put_verdict(verdict.forced(force))
            self._history.write_fled(self._history.fled() - {version})
        return bundle

    def _make_live(self, version: str) -> None:
        live, past = self._live_if_readable(), self._history.promoted()
        if live is not None and past[-1:] != [live]:
            past.append(live)  # after a crash between the two writes below
        self._point_at(version)
        if past[-1:] != [version]:
            self._history.write_promoted([*past, version])

    def _last_sound(self) -> tuple[Bundle, list[str]]:
        """The last sound release that was live before, and the history up to it."""
        past = self._before_live()
        while past:
            try:
                return self._open(past[-1]), past
            except BadBundle as error:
                log.warning("release_passed_over", extra={"version": past.pop(), "damage": str(error)})
        raise BadBundle("no sound release was live before; `recsys rollback VERSION` takes any of `recsys releases`")

    def _named(self, version: str) -> tuple[Bundle, list[str]]:
        """That release, and the history up to the last time that it was live."""
        bundle, past = self._promotable(version, None), self._history.promoted()
        n_before = len(past) - past[::-1].index(version) - 1 if version in past else len(past)
        return bundle, [*past[:n_before], version]

    def _end_canary(self, outcome: CanaryOutcome, reasons: Sequence[str]) -> None:
        """Writes that the canary is over, if one runs; the caller holds the lock."""
        with suppress(BadBundle):  # a damaged file is no canary for anybody
            canary = read_canary(self._state)
            if canary is not None and canary.is_running:
                is_live = self._live_if_readable() == canary.version
                write_canary(self._state, canary.ended("forward" if is_live else outcome, reasons, now_ms()))
                log.info("canary_ended", extra={"version": canary.version, "outcome": outcome})

    def _keep_canary_verdict(self) -> bool:
        """A canary that went back is rejected, by whichever process ended it; False when that is kept already."""
        canary = self.canary()
        if canary is None or canary.outcome != "back":
            return False
        verdict = self.verdict(canary.version)
        if verdict is None or verdict == self._verdict_files.read(canary.version):
            return False
        self.put_verdict(verdict)
        return True

    def _check_generation(self, version: str, generation: int | None) -> None:
        newest = self.generation()
        if generation is not None and generation < newest:
            raise StaleJob(
                f"{version} is not put into service: its job (generation {generation}) lost the job lock, and a newer "
                f"one (generation {newest}) has begun; it stays published, `recsys promote {version}` takes it anyway"
            )

    def _check_verdict(self, version: str) -> None:
        """Raises BadInput for a release that the gate refused, or that went back as a canary."""
        verdict = self.verdict(version)
        if verdict is not None and not verdict.may_go_live:
            why = "; ".join(verdict.reasons)
            raise BadInput(
                f"{version} was rejected: {why}. `recsys promote {version} --force REASON` puts it live anyway"
            )

    def _check_fled(self, version: str) -> None:
        """Raises BadInput for a release that a rollback left."""
        if version in self._history.fled():
            raise BadInput(f"a rollback left {version}; `recsys promote {version} --force REASON` puts it live anyway")

    def _delete(self, versions: list[str]) -> None:
        """Renames them first, so that no reader lists or opens half a release; shared ones go from all hosts."""
        for version in versions:
            self._verdict_files.release_deleted(version)
            if self.staged is None:
                (self.bundles / version).rename(self.bundles / f"{GONE}{version}")
        if self.staged is not None and versions:
            with (self.staged / DELETED).open("a") as deleted:
                deleted.writelines(f"{version}\n" for version in versions)
        self._sweep(GONE)
        self._history.forget(versions)

    def _sweep(self, *prefixes: str) -> None:
        """Removes leftovers of a crash; the caller must hold the lock."""
        for leftover in self.bundles.iterdir():
            if not leftover.name.startswith(prefixes):
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()

    def _point_at(self, version: str) -> None:
        replace_file(self._state / LIVE, f"{version}\n".encode())
        log.info("promoted", extra={"version": version})
