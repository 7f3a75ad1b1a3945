"""Release history: which releases were live in what order, and from which a rollback fled."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import replace_file
from recsys.bundle import is_version

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
