"""Release registry: publish, promote, roll back, prune.  A complete release is live at any moment, after any crash."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys.atomic_file import file_lock, replace_file, sync
from recsys.bundle import LIVE, MANIFEST, Bundle, bundle_path, is_version, live_version, open_bundle, open_release
from recsys.bundle.signature import TrustedKeys, read_signing_key, read_trusted_keys
from recsys.canary.state import CANARY, CHANGING, Canary, CanaryOutcome, read_canary, write_canary
from recsys.data.lineage import Lineage
from recsys.errors import BadBundle, BadInput, StaleJob
from recsys.privacy.erasure import releases_before
from recsys.time_units import now_ms
from training.gate.verdict import GateVerdict
from training.gate.verdict_files import VerdictFiles
from training.release_history import FLED, HISTORY, ReleaseHistory, disposable

MAKING = ".making-"
GONE = ".gone-"
PUBLISHING = ".publishing"  # lock file, held as long as a training writes
GENERATION = ".generation"  # of the newest job; a job of an older one may not promote

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Release:
    """One published version.  `damage`: what is wrong with it, None for a sound one.

    verdict: of the gate, None for a release of an earlier build.  data_digest: of what it was learnt from.
    """

    version: str
    is_live: bool
    made_at_ms: int | None = None
    n_bytes: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None
    verdict: GateVerdict | None = None
    data_digest: str = ""

    @property
    def is_rejected(self) -> bool:
        """Whether the gate refused it, and nobody promoted it in spite of that."""
        return self.verdict is not None and self.verdict.outcome == "rejected"


@dataclass(frozen=True, slots=True)
class Registry:
    """The releases below `home`.  Changes hold a file lock; reading needs none.

    The kernel releases a lock when its process dies, so temporary files found while holding the lock are leftovers.
    """

    home: Path

    @property
    def bundles(self) -> Path:
        """The folder that training and serving share."""
        return self.home / "bundles"

    @property
    def _history(self) -> ReleaseHistory:
        return ReleaseHistory(self.bundles)

    def trusted(self) -> TrustedKeys | None:
        """The keys that releases of this home must be signed with.  Raises UntrustedBundle for a damaged file."""
        return read_trusted_keys(self.home)

    def live(self) -> str | None:
        """The version in service, None before the first promotion.  Raises BadBundle when LIVE is damaged."""
        return live_version(self.bundles)

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
        return open_bundle(self.bundles / version, verify=False)

    def generation(self) -> int:
        """That of the newest job that took the job lock, 0 before the first."""
        try:
            return int((self.bundles / GENERATION).read_text("ascii"))
        except (OSError, ValueError):  # none yet, or damaged: the next job begins again
            return 0

    def begin_generation(self, generation: int) -> None:
        """From now on a job of an older generation may not promote."""
        with file_lock(self.bundles / CHANGING):
            replace_file(self.bundles / GENERATION, f"{max(generation, self.generation())}\n".encode())

    def promote(
        self, version: str, *, generation: int | None = None, force: str | None = None, base: str | None = None
    ) -> Bundle:
        """Makes that version live for all customers; a canary ends.

        generation: that of the job which made it, None where a person decides.  force: the reason to do it in spite of
        the gate, or after a rollback; it is kept.  base: the release that a refresh stands on.
        Raises BadBundle when it is damaged or missing, BadInput when the gate refused it or a rollback left it,
        StaleJob when a newer job has begun, or the base is not live for all any more; then the live one stays.
        """
        with self._changing():
            self._check_generation(version, generation)
            if base is not None:
                self.check_base(base)
            bundle = self._promotable(version, force)
            self._make_live(version)
            self._end_canary("stopped", [f"{version} was promoted"])
        return bundle

    def rollback(self, version: str | None = None) -> Bundle:
        """Makes that version live, or the last sound one that was live before; a second call goes back further.

        The one that it leaves is never gone back to, and neither is a canary, which ends.
        Raises BadBundle when there is none to go back to, BadInput for one that the gate refused or a rollback left.
        """
        with self._changing():
            bundle, past = self._last_sound() if version is None else self._named(version)
            target = bundle.manifest.version
            left = {old for old in (self._live_if_readable(), *self._in_canary()) if old is not None} - {target}
            self._history.write_fled(self._history.fled() | left)
            # LIVE last: after a crash in between, the release we leave must not count as the one before.
            self._history.write_promoted(past)
            self._point_at(target)
            self._end_canary("stopped", [f"rolled back to {target}"])
        return bundle

    def begin_canary(self, version: str, *, share: float, hours: float, force: str | None = None) -> Canary:
        """Lets that version serve a share of the customers (percent); it takes the place of another canary.

        Raises as `promote`; BadInput for the live version, and where none is live.
        """
        with self._changing():
            self._promotable(version, force)
            live = self.live()
            if live is None or live == version:
                raise BadInput(f"a canary serves beside another release, but {live or 'nothing'} is live")
            self._end_canary("stopped", [f"the canary of {version} took its place"])
            canary = Canary(version=version, champion=live, share=share, hours=hours, began_at_ms=now_ms())
            write_canary(self.bundles, canary)
            log.info("canary_began", extra={"version": version, "share": share})
        return canary

    def canary(self) -> Canary | None:
        """The last canary, running or over; None without one, or where its file is damaged."""
        try:
            canary = read_canary(self.bundles)
        except BadBundle as error:
            log.warning("canary_unreadable", extra={"damage": str(error)})
            return None
        return None if canary is None else canary.beside(self._live_if_readable())

    def end_canary(self, canary: Canary, outcome: CanaryOutcome, reasons: Sequence[str]) -> bool:
        """Ends that canary: forward promotes it, back rejects it.  False when it is over already.

        Raises BadBundle when a release that goes forward is damaged; then it goes on.
        """
        with self._changing():
            if not canary.is_running or self.canary() != canary:
                return False
            if outcome == "forward":
                open_release(self.bundles, canary.version, trusted=self.trusted())
                self._make_live(canary.version)
            self._end_canary(outcome, reasons)
            self._keep_canary_verdict()
        return True

    def settle_canary(self) -> bool:
        """Keeps the verdict on a canary that a worker of the service ended; False when there is none to keep."""
        with file_lock(self.bundles / CHANGING):
            return self._keep_canary_verdict()

    def releases(self, *, verify: bool = False) -> list[Release]:
        """Every published version, newest first.  `verify` checks all digests, else only sizes."""
        live = self._live_if_readable()
        return [self._release(version, version == live, verify) for version in self._versions()]

    def verdict(self, version: str) -> GateVerdict | None:
        """The verdict on that release, also of its canary; None where there is none, or none that can be read."""
        canary, stored = self.canary(), self._verdict_files.read(version)
        if canary is None or canary.version != version or canary.outcome != "back":
            return stored
        return (stored or GateVerdict.without_checks(version, canary.champion, canary.began_at_ms)).sent_back(canary)

    def verdicts(self) -> list[GateVerdict]:
        """All that are kept, oldest first; those on releases that are gone too."""
        return [verdict for version in self._verdict_files.versions() if (verdict := self.verdict(version)) is not None]

    def verdict_page(self, version: str) -> Path | None:
        """The page of the verdict on that release; None where there is none."""
        return self._verdict_files.page(version)

    def put_verdict(self, verdict: GateVerdict, page: str | None = None) -> None:
        """Keeps that verdict, in place of an earlier one on the same release.  page: HTML, kept beside it."""
        self._verdict_files.write(verdict, page)

    @property
    def _verdict_files(self) -> VerdictFiles:
        return VerdictFiles(self.bundles)

    def prune(self, keep: int) -> list[str]:
        """Deletes all but the newest `keep` trainings and as many refreshes, the live release and the one before it.

        The training below a release that stays, stays too.  Returns the deleted ones.
        """
        if keep < 0:
            raise BadInput(f"cannot keep {keep} releases; give 0 or more")
        with file_lock(self.bundles / CHANGING):
            kept = {self._live_if_readable(), *self._before_live()[-1:], *self._in_canary()}
            old = disposable(self.bundles, self._versions(), kept, keep)
            self._delete(old)
        return old

    def prune_before(self, seq: int, lineage: Lineage) -> list[str]:
        """Deletes every release but the live one that knows the log up to before that seq; returns the deleted ones."""
        with file_lock(self.bundles / CHANGING):
            live = self._live_if_readable()
            old = [version for version in releases_before(self.bundles, seq, lineage) if version != live]
            if set(self._in_canary()) & set(old):
                self._end_canary("stopped", ["it holds customers who were erased"])
            self._delete(old)
        return old

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """The lock of every change.  Raises BadBundle where no release was ever published: it would make the folder."""
        if not self.bundles.is_dir():
            raise BadBundle(f"{self.home}: nothing is published here; check --home, or run `recsys train`")
        with file_lock(self.bundles / CHANGING):
            self._sweep(*(f".{name}-" for name in (LIVE, HISTORY, FLED, GENERATION, CANARY)))
            self._keep_canary_verdict()
            yield

    def _promotable(self, version: str, force: str | None) -> Bundle:
        """The release, opened.  force: the reason to take it whatever was said of it, which is kept."""
        if force is None:
            self._check_verdict(version)
            self._check_fled(version)
        if not bundle_path(self.bundles, version).is_dir():
            raise BadBundle(f"{version} is not published here; `recsys releases` lists what is")
        bundle = open_release(self.bundles, version, trusted=self.trusted())
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
                return open_release(self.bundles, past[-1], trusted=self.trusted()), past
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
            canary = read_canary(self.bundles)
            if canary is not None and canary.is_running:
                is_live = self._live_if_readable() == canary.version
                write_canary(self.bundles, canary.ended("forward" if is_live else outcome, reasons, now_ms()))
                log.info("canary_ended", extra={"version": canary.version, "outcome": outcome})

    def _in_canary(self) -> list[str]:
        """The version of the canary that runs, or nothing."""
        canary = self.canary()
        return [canary.version] if canary is not None and canary.is_running else []

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

    def check_base(self, version: str) -> None:
        """Raises StaleJob unless that release is live for all customers: no refresh stands on another."""
        canary, live = self.canary(), self._live_if_readable()
        if live != version:
            raise StaleJob(f"{live} became live in place of {version} meanwhile; the next refresh stands on it")
        if canary is not None and canary.is_running:
            raise StaleJob(f"{canary.version} is a canary beside {version}; the next refresh comes after its end")

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
        """Renames them first, so that no reader lists or opens half a release."""
        for version in versions:
            self._verdict_files.release_deleted(version)
            (self.bundles / version).rename(self.bundles / f"{GONE}{version}")
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
        replace_file(self.bundles / LIVE, f"{version}\n".encode())
        log.info("promoted", extra={"version": version})

    def _live_if_readable(self) -> str | None:
        """None for a damaged LIVE file, so that the operator can repair it."""
        try:
            return self.live()
        except BadBundle as error:
            log.warning("live_unreadable", extra={"damage": str(error)})
            return None

    def _before_live(self) -> list[str]:
        live, past = self._live_if_readable(), self._history.before()
        while past and past[-1] == live:
            past.pop()
        return past

    def _versions(self) -> list[str]:
        paths = self.bundles.iterdir() if self.bundles.is_dir() else ()
        return sorted((path.name for path in paths if path.is_dir() and is_version(path.name)), reverse=True)

    def _release(self, version: str, is_live: bool, verify: bool) -> Release:
        try:
            manifest = open_release(self.bundles, version, verify=verify, trusted=self.trusted()).manifest
        except BadBundle as error:
            return Release(version, is_live, damage=str(error), verdict=self.verdict(version))
        n_bytes = sum(seal.bytes for seal in manifest.files.values())
        verdict = self.verdict(version)
        made = manifest.made_at_ms, n_bytes, manifest.metrics
        return Release(version, is_live, *made, verdict=verdict, data_digest=manifest.data_digest)
