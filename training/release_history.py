"""Release history: which releases were live in what order, from which a rollback fled, and which are too old."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import replace_file
from recsys.bundle import is_version, open_bundle
from recsys.errors import BadBundle

HISTORY = ".promotions"
FLED = ".fled"  # versions that a rollback left: no other rollback goes back to them


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """Two small files beside the releases; who writes them holds the lock of the registry."""

    bundles: Path

    def promoted(self) -> list[str]:
        """Versions in the order of their promotion, oldest first, up to the one that a rollback went back to."""
        return self._read(HISTORY)

    def fled(self) -> set[str]:
        """Versions that a rollback left, and nobody promoted again by force."""
        return set(self._read(FLED))

    def before(self) -> list[str]:
        """The promoted versions that a rollback may go back to, the live one included."""
        fled = self.fled()
        return [version for version in self.promoted() if version not in fled]

    def write_promoted(self, versions: Iterable[str]) -> None:
        """Raises OSError; then the old list stays."""
        self._write(HISTORY, versions)

    def forget(self, versions: Collection[str]) -> None:
        """Leaves out releases that are deleted.  Raises OSError; then the old list stays."""
        promoted = self.promoted()
        if not set(versions).isdisjoint(promoted):
            self.write_promoted(version for version in promoted if version not in versions)

    def write_fled(self, versions: set[str]) -> None:
        """Leaves out those that are deleted.  Raises OSError."""
        if versions != self.fled():
            self._write(FLED, sorted(version for version in versions if (self.bundles / version).is_dir()))

    def _read(self, name: str) -> list[str]:
        file = self.bundles / name
        lines = file.read_text("ascii", "replace").splitlines() if file.exists() else []
        return [line for line in lines if is_version(line)]

    def _write(self, name: str, versions: Iterable[str]) -> None:
        replace_file(self.bundles / name, "".join(f"{version}\n" for version in versions).encode())


def disposable(bundles: Path, versions: Sequence[str], kept: Collection[str | None], keep: int) -> list[str]:
    """Which of these releases, newest first, are too old: beyond the newest `keep` trainings and as many refreshes.

    kept: stay at any age; and the training below a refresh that stays, stays too.
    """
    models_of = {version: _models_of(bundles / version) for version in versions}
    trainings, refreshes = ([each for each in versions if bool(models_of[each]) == is_it] for is_it in (False, True))
    staying = {*kept, *trainings[:keep], *refreshes[:keep]}
    staying |= {models_of[version] for version in versions if version in staying}
    return [version for version in versions if version not in staying]


def _models_of(release: Path) -> str:
    """The training below a refreshed release; "" for a training, and for a release that cannot be read."""
    try:
        return open_bundle(release, verify=False).manifest.models_of
    except BadBundle:
        return ""
