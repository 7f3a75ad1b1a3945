"""Registry mirror: a home follows the shared registry, and serves mapped files of its own whatever happens there.

Objects: `releases/VERSION/…`, the manifest last; `verdicts/VERSION.json` and `.html`; and `LIVE`, the state.
A host only reads `LIVE` to see what others did; who changes it writes it on condition that nobody else did meanwhile.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from recsys.atomic_file import PRIVATE_FILE, file_lock, make_private, replace_file, sync
from recsys.bundle import (
    ELSEWHERE,
    LIVE,
    MANIFEST,
    MANIFEST_CHECKSUM,
    Manifest,
    bundle_path,
    is_version,
    open_bundle,
    published_manifest,
    read_manifest,
    release_folders,
)
from recsys.bundle.signature import SIGNATURE, TrustedKeys, read_trusted_keys
from recsys.canary.state import CHANGING, Canary, read_canary
from recsys.errors import BadBundle, UntrustedBundle
from recsys.experiments.state import failed_elsewhere, read_experiments
from recsys.shared_registry.object_storage import ObjectStorage
from recsys.shared_registry.record import MirrorRecord, read_record, write_record
from recsys.shared_registry.settings import RegistrySettings
from recsys.shared_registry.state import MOST_DELETED, RegistryState, parse_state, read_state, write_state
from recsys.time_units import DAY_MS, now_ms

BUNDLES = "bundles"
RELEASES, VERDICTS = "releases", "verdicts"
VERDICT_FILES = ".verdicts"  # the folder of the home
PULLING = ".pulling-"
SMALL_FILES = (MANIFEST_CHECKSUM, SIGNATURE, MANIFEST)
AT_ONCE = 4  # transfers

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegistryMirror:
    """The releases of a shared registry in a home.  Methods that reach the storage raise BadFile when it is gone.

    trusted: the keys that releases must be signed with, read anew each time.
    """

    home: Path
    storage: ObjectStorage
    trusted: Callable[[], TrustedKeys | None]

    @property
    def bundles(self) -> Path:
        return self.home / BUNDLES

    def pull(self, *, whole: bool = True) -> bool:
        """Takes over what became live, what runs as a canary, and what was deleted; True if anything changed.

        whole: with the manifests of all releases and with the verdicts, and gives what could not be given before.
        Raises BadBundle for a release that is damaged or that no trusted key has signed; then the state stays.
        """
        self.bundles.mkdir(parents=True, exist_ok=True)
        if whole:
            self._sweep()
            self._give_what_waits()
        is_changed = self._pull_state()
        if whole:
            self._pull_manifests()
            self._pull_signatures()
            self._pull_verdicts()
        return is_changed

    def read(self) -> tuple[RegistryState | None, str | None]:
        """The state in the storage and its ETag; None before the first change.  Raises BadBundle."""
        stored = self.storage.read(LIVE)
        if stored is None:
            return None, None
        return parse_state(stored.content, f"{self.storage.url}/{LIVE}"), stored.etag

    def write(self, state: RegistryState, etag: str | None) -> str | None:
        """Replaces the state that has that ETag, and returns the new one; None when another host changed it meanwhile.

        Gives the releases in service, and the one before, first, where the storage does not have them.
        """
        state = state.model_copy(update={"deleted": state.deleted[-MOST_DELETED:]})
        for version in state.in_service:
            self.push(version)
        if state.before is not None and (self.bundles / state.before).is_dir():
            self.push(state.before)
        return self.storage.write_if(LIVE, state.model_dump_json(indent=2).encode(), etag)

    def fetch(self, version: str) -> None:
        """Copies that release into the home and checks every file; nothing where it is there already.

        Files that a release of this home has, as those below a refresh, are linked.  Raises BadBundle.
        """
        target = bundle_path(self.bundles, version)
        if target.is_dir():
            return
        with self._making() as making:
            if not self._download_small(version, making):
                raise BadBundle(f"{version} is not published in {self.storage.url}; `recsys releases` lists what is")
            manifest = read_manifest(making, self.trusted())
            self._download_files(version, making, manifest)
            if open_bundle(making, trusted=self.trusted()).manifest.version != version:
                raise BadBundle(f"{self.storage.url}: in the place of {version} is another release; delete it there")
            _make_private(making)
            try:
                making.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was quicker
                    raise
        sync(self.bundles)
        log.info("release_pulled", extra={"version": version})

    def push(self, version: str) -> None:
        """Gives a release of this home to the others, its manifest last; nothing where they have it already.

        Raises BadBundle when another release has that version.
        """
        release = bundle_path(self.bundles, version)
        ours = (release / MANIFEST).read_bytes() if release.is_dir() else None
        theirs = self.storage.read(f"{RELEASES}/{version}/{MANIFEST}")
        if theirs is None and ours is None:
            raise BadBundle(f"{version} is not published here; `recsys releases` lists what is")
        if theirs is None and ours is not None:
            others = (path for path in release.rglob("*") if path.is_file() and path != release / MANIFEST)
            _all(lambda path: self.storage.upload(_name(version, path.relative_to(release)), path), others)
            if self.storage.write_if(f"{RELEASES}/{version}/{MANIFEST}", ours, None) is not None:
                log.info("release_given", extra={"version": version})
                return
            theirs = self.storage.read(f"{RELEASES}/{version}/{MANIFEST}")
        if theirs is not None and ours is not None and theirs.content != ours:
            raise BadBundle(f"{version} is published already; a release is never written again")

    def push_signatures(self, versions: Iterable[str]) -> None:
        """Gives the signatures of these releases, as far as the others have them, after a change of keys."""
        for version in set(self.storage.folders(RELEASES)).intersection(versions):
            self.storage.upload(_name(version, Path(SIGNATURE)), self.bundles / version / SIGNATURE)

    def push_verdict(self, version: str) -> None:
        """Gives the verdict on that release and its page, and deletes those that are older than all of this home."""
        given = self.storage.etags(VERDICTS)
        for kind in ("json", "html"):
            ours = sorted(file.name for file in (self.bundles / VERDICT_FILES).glob(f"*.{kind}"))
            if (name := f"{version}.{kind}") in ours:
                self.storage.upload(f"{VERDICTS}/{name}", self.bundles / VERDICT_FILES / name)
            for old in (old for old in given if ours and old.endswith(kind) and old < ours[0]):
                self.storage.delete(f"{VERDICTS}/{old}")

    def give_later(self, version: str) -> None:
        """Notes that this release, or its verdict, could not be given; the next whole pull tries again."""
        with self.record() as record:
            record.waiting = sorted({*record.waiting, version})

    def drop(self, versions: Iterable[str]) -> None:
        """Deletes these releases from the storage, each manifest first, and the verdicts that this home deleted."""
        for version in versions:
            self.storage.delete(f"{RELEASES}/{version}/{MANIFEST}")
            for name in self.storage.etags(f"{RELEASES}/{version}"):
                self.storage.delete(f"{RELEASES}/{version}/{name}")
            if not (self.bundles / VERDICT_FILES / f"{version}.json").exists():
                self.storage.delete(f"{VERDICTS}/{version}.json")

    def _sweep(self) -> None:
        """Removes what a process left that died while it fetched; one that fetches goes on."""
        for leftover in self.bundles.glob(f"{PULLING}*"):
            with suppress(FileNotFoundError):
                if leftover.stat().st_mtime * 1_000 < now_ms() - DAY_MS:
                    shutil.rmtree(leftover, ignore_errors=True)

    def _give_what_waits(self) -> None:
        for version in read_record(self.bundles).waiting:
            if (self.bundles / version).is_dir():
                self.push(version)
            self.push_verdict(version)
            with self.record() as record:
                record.waiting = [each for each in record.waiting if each != version]

    def _pull_state(self) -> bool:
        """Again, if it changes while releases are fetched."""
        while True:
            state, etag = self.read()
            if state is None or (etag == read_record(self.bundles).etag and read_state(self.bundles) == state):
                return False
            if ended_here := self._ended_here(state):
                self.write(state.model_copy(update=ended_here), etag)
                continue
            for version in state.in_service:
                self.fetch(version)
            if state.before is not None:
                with suppress(BadBundle):  # a rollback would take its time, or pass it over
                    self.fetch(state.before)
            with file_lock(self.bundles / CHANGING):
                if self.read()[1] != etag:
                    continue
                self.take(state, etag)
            return True

    def take(self, state: RegistryState, etag: str | None) -> None:
        """Makes that state the one of this home, whose lock the caller holds; deletes what was deleted for all."""
        write_state(self.bundles, state)
        with self.record() as record:
            record.etag = etag
        for version in state.deleted:
            for folder in (self.bundles / version, self.bundles / ELSEWHERE / version):
                shutil.rmtree(folder, ignore_errors=True)

    def _ended_here(self, state: RegistryState) -> dict[str, object]:
        """What a worker of this host ended while the others still give it to customers: fields of the state."""
        ended: dict[str, object] = {}
        if (sent_back := self._sent_back(state)) is not None:
            ended["canary"] = sent_back
        with suppress(BadBundle):
            failed = failed_elsewhere(read_experiments(self.bundles), state.experiments)
            if failed is not None:
                ended["experiments"] = failed
        return ended

    def _sent_back(self, state: RegistryState) -> Canary | None:
        """The canary that a worker of this host ended while the others still give it to customers."""
        with suppress(BadBundle):
            ours, theirs = read_canary(self.bundles), state.canary
            if ours is None or theirs is None or ours.outcome != "back" or not theirs.is_running:
                return None
            is_same = (ours.version, ours.began_at_ms) == (theirs.version, theirs.began_at_ms)
            return ours if is_same else None
        return None

    def _pull_manifests(self) -> None:
        """The manifests of releases that this home does not hold; none of those that nobody holds any more."""
        published = set(self.storage.folders(RELEASES))
        elsewhere = self.bundles / ELSEWHERE
        elsewhere.mkdir(exist_ok=True)
        known = {path.name: path for path in release_folders(self.bundles)}
        for version, path in known.items():
            if path.parent == elsewhere and (version not in published or (self.bundles / version).is_dir()):
                shutil.rmtree(path, ignore_errors=True)
        for version in sorted(published - known.keys()):
            with self._making() as making:
                if is_version(version) and self._download_small(version, making):
                    making.rename(elsewhere / version)

    def _pull_signatures(self) -> None:
        """Those of releases that no key signed that is trusted now: another host may have signed them anew."""
        for folder in release_folders(self.bundles):
            try:
                read_manifest(folder, self.trusted())
            except UntrustedBundle:
                stored = self.storage.read(f"{RELEASES}/{folder.name}/{SIGNATURE}")
                if stored is not None:
                    replace_file(folder / SIGNATURE, stored.content)
            except BadBundle:
                continue  # whoever opens it says so

    def _pull_verdicts(self) -> None:
        known, now = read_record(self.bundles).verdicts, self.storage.etags(VERDICTS)
        folder = self.bundles / VERDICT_FILES
        for name in (name for name, etag in sorted(now.items()) if known.get(name) != etag):
            stem, _, kind = name.rpartition(".")
            stored = self.storage.read(f"{VERDICTS}/{name}")
            if stored is not None and is_version(stem) and kind in ("json", "html"):
                folder.mkdir(exist_ok=True)
                replace_file(folder / name, stored.content, PRIVATE_FILE if kind == "html" else 0o644)
        for name in known.keys() - now.keys():
            (folder / name).unlink(missing_ok=True)
        if known != now:
            with self.record() as record:
                record.verdicts = now

    def _download_small(self, version: str, target: Path) -> bool:
        """The manifest with its checksum and signature; False where no whole release of that version is published."""
        for name in SMALL_FILES:
            stored = self.storage.read(f"{RELEASES}/{version}/{name}")
            if stored is not None:
                (target / name).write_bytes(stored.content)
        return (target / MANIFEST).exists()

    def _download_files(self, version: str, target: Path, manifest: Manifest) -> None:
        ours = _files_by_digest(self.bundles)

        def bring(name: str) -> None:
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            same = ours.get(manifest.files[name].sha256)
            try:
                if same is None:
                    raise FileNotFoundError
                file.hardlink_to(same)
            except OSError:
                self.storage.download(_name(version, Path(name)), file)

        _all(bring, manifest.files)

    @contextmanager
    def _making(self) -> Iterator[Path]:
        """A folder for a release that comes, which is gone in the end unless it was renamed."""
        making = Path(tempfile.mkdtemp(prefix=PULLING, dir=self.bundles))
        try:
            yield making
        finally:
            shutil.rmtree(making, ignore_errors=True)

    @contextmanager
    def record(self) -> Iterator[MirrorRecord]:
        """The record of this home for a change, which is stored in the end."""
        with file_lock(self.bundles / ".mirror.lock"):
            record = read_record(self.bundles)
            yield record
            write_record(self.bundles, record)


def open_mirror(home: Path, settings: RegistrySettings, trusted_keys: Path | None = None) -> RegistryMirror | None:
    """The mirror of that home; None where the settings name no shared registry.  Raises BadSettings without s3fs."""
    if not settings.url:
        return None
    storage = ObjectStorage(settings.url, settings.timeout_s)
    return RegistryMirror(home, storage, lambda: read_trusted_keys(home, trusted_keys))


def _name(version: str, file: Path) -> str:
    return f"{RELEASES}/{version}/{file.as_posix()}"


def _all(transfer: Callable[[T], None], values: Iterable[T]) -> None:
    """Transfers them, some at a time.  Raises what the first failed one raised."""
    with ThreadPoolExecutor(AT_ONCE, "registry") as pool:
        for _ in pool.map(transfer, values):
            pass


def _files_by_digest(bundles: Path) -> dict[str, Path]:
    """The files of the releases of this home by their content."""
    files: dict[str, Path] = {}
    for folder in release_folders(bundles):
        if folder.parent == bundles:
            with suppress(BadBundle):
                manifest = published_manifest(folder)
                files |= {checksum.sha256: folder / name for name, checksum in manifest.files.items()}
    return files


def _make_private(release: Path) -> None:
    """As a training leaves it: private, and on the disk."""
    paths = sorted((release, *release.rglob("*")), reverse=True)
    for path in paths:
        make_private(path)
        sync(path)
