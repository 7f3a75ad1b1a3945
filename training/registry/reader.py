"""Reader of the release registry: what is live, published, judged and in a canary."""

import logging
from dataclasses import dataclass
from pathlib import Path

from recsys.bundle import live_version, open_release, read_manifest, release_folders
from recsys.bundle.signature import TrustedKeys, read_trusted_keys
from recsys.canary.state import Canary, read_canary
from recsys.errors import BadBundle, StaleJob
from recsys.gate.verdict import GateVerdict
from recsys.gate.verdict_files import VerdictFiles
from recsys.shared_registry.mirror import RegistryMirror
from recsys.shared_registry.state import DELETED, read_generation
from training.registry.history import ReleaseHistory
from training.registry.release import Release

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegistryReader:
    """The releases below `home`; reading needs no lock.

    mirror: of the registry that several hosts share; without one the home is all there is.  staged: where a change
    finds and leaves the state of a shared registry, see `staged_change`.
    """

    home: Path
    mirror: RegistryMirror | None = None
    staged: Path | None = None

    @property
    def bundles(self) -> Path:
        """The folder that training and serving share."""
        return self.home / "bundles"

    @property
    def _state(self) -> Path:
        """The folder with the files of the state."""
        return self.staged or self.bundles

    @property
    def _history(self) -> ReleaseHistory:
        return ReleaseHistory(self._state)

    @property
    def _verdict_files(self) -> VerdictFiles:
        return VerdictFiles(self.bundles)

    def trusted(self) -> TrustedKeys | None:
        """The keys that releases of this home must be signed with.  Raises UntrustedBundle for a damaged file."""
        return read_trusted_keys(self.home)

    def live(self) -> str | None:
        """The version in service, None before the first promotion.  Raises BadBundle when LIVE is damaged."""
        return live_version(self._state)

    def generation(self) -> int:
        """That of the newest job that took the job lock, 0 before the first."""
        return read_generation(self._state)

    def canary(self) -> Canary | None:
        """The last canary, running or over; None without one, or where its file is damaged."""
        try:
            canary = read_canary(self._state)
        except BadBundle as error:
            log.warning("canary_unreadable", extra={"damage": str(error)})
            return None
        return None if canary is None else canary.beside(self._live_if_readable())

    def releases(self, *, verify: bool = False) -> list[Release]:
        """Every published version, newest first.  `verify` checks all digests, else only sizes."""
        live = self._live_if_readable()
        return [self._release(folder, folder.name == live, verify) for folder in self._folders()]

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

    def check_base(self, version: str) -> None:
        """Raises StaleJob unless that release is live for all customers: no refresh stands on another."""
        canary, live = self.canary(), self._live_if_readable()
        if live != version:
            raise StaleJob(f"{live} became live in place of {version} meanwhile; the next refresh stands on it")
        if canary is not None and canary.is_running:
            raise StaleJob(f"{canary.version} is a canary beside {version}; the next refresh comes after its end")

    def _in_canary(self) -> list[str]:
        """The version of the canary that runs, or nothing."""
        canary = self.canary()
        return [canary.version] if canary is not None and canary.is_running else []

    def _live_if_readable(self) -> str | None:
        """None for a damaged LIVE file, so that the operator can repair it."""
        try:
            return self.live()
        except BadBundle as error:
            log.warning("live_unreadable", extra={"damage": str(error)})
            return None

    def _before_live(self) -> list[str]:
        """What a rollback may go back to, without what is on trial: an earlier release that is a canary now."""
        live, canary = self._live_if_readable(), self._in_canary()
        past = [version for version in self._history.before() if version not in canary]
        while past and past[-1] == live:
            past.pop()
        return past

    def _versions(self) -> list[str]:
        return [folder.name for folder in self._folders()]

    def _folders(self) -> list[Path]:
        """Those of all published releases, newest first, without what is being deleted."""
        file = self._state / DELETED
        deleted = set(file.read_text("ascii", "replace").splitlines()) if file.exists() else set()
        return [folder for folder in reversed(release_folders(self.bundles)) if folder.name not in deleted]

    def _release(self, folder: Path, is_live: bool, verify: bool) -> Release:
        version, trusted = folder.name, self.trusted()
        try:
            if folder.parent == self.bundles:
                manifest = open_release(self.bundles, version, verify=verify, trusted=trusted).manifest
            else:
                manifest = read_manifest(folder, trusted)
        except BadBundle as error:
            return Release(version, is_live, damage=str(error), verdict=self.verdict(version))
        n_bytes = sum(seal.bytes for seal in manifest.files.values())
        verdict = self.verdict(version)
        made = manifest.made_at_ms, n_bytes, manifest.metrics
        return Release(version, is_live, *made, verdict=verdict, data_digest=manifest.data_digest)
