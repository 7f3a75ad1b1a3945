"""Release history: which releases were live in what order, from which a rollback fled, and which are too old."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import replace_file
from recsys.bundle import is_version, published_manifest
from recsys.errors import BadBundle
from recsys.shared_registry.state import FLED, PROMOTIONS


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """Two small files of a folder; who writes them holds the lock of the registry."""

    folder: Path

    def promoted(self) -> list[str]:
        """Versions in the order of their promotion, oldest first, up to the one that a rollback went back to."""
        return self._read(PROMOTIONS)

    def fled(self) -> set[str]:
        """Versions that a rollback left, and nobody promoted again by force."""
        return set(self._read(FLED))

    def before(self) -> list[str]:
        """The promoted versions that a rollback may go back to, the live one included."""
        fled = self.fled()
        return [version for version in self.promoted() if version not in fled]

    def write_promoted(self, versions: Iterable[str]) -> None:
        """Raises OSError; then the old list stays."""
        self._write(PROMOTIONS, versions)

    def forget(self, versions: Collection[str]) -> None:
        """Leaves out releases that are deleted.  Raises OSError; then the old list stays."""
        promoted = self.promoted()
        if not set(versions).isdisjoint(promoted):
            self.write_promoted(version for version in promoted if version not in versions)

    def write_fled(self, versions: Collection[str]) -> None:
        """Raises OSError; then the old set stays."""
        if set(versions) != self.fled():
            self._write(FLED, sorted(versions))

    def _read(self, name: str) -> list[str]:
        file = self.folder / name
        lines = file.read_text("ascii", "replace").splitlines() if file.exists() else []
        return [line for line in lines if is_version(line)]

    def _write(self, name: str, versions: Iterable[str]) -> None:
        replace_file(self.folder / name, "".join(f"{version}\n" for version in versions).encode())


def disposable(folders: Sequence[Path], kept: Collection[str | None], keep: int) -> list[str]:
    """Which of these releases, newest first, are too old: beyond the newest `keep` trainings and as many refreshes.

    kept: stay at any age; and the training below a refresh that stays, stays too.
    """
    models_of = {folder.name: _models_of(folder) for folder in folders}
    trainings, refreshes = ([each for each in models_of if bool(models_of[each]) == is_it] for is_it in (False, True))
    staying = {*kept, *trainings[:keep], *refreshes[:keep]}
    staying |= {models_of[version] for version in models_of if version in staying}
    return [version for version in models_of if version not in staying]


def _models_of(release: Path) -> str:
    """The training below a refreshed release; "" for a training, and for a release that cannot be read."""
    try:
        return published_manifest(release).models_of
    except BadBundle:
        return ""
