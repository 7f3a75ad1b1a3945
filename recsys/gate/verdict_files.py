"""Files of verdicts beside the releases: one for each release, with its page; the releases are never written again."""

import logging
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import PRIVATE_FILE, replace_file
from recsys.gate.verdict import GateVerdict

VERDICTS = ".verdicts"
MOST_VERDICTS = 100  # the newest; they outlive their releases, because drift is judged by them
MOST_PAGES = 20  # of half a megabyte each

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VerdictFiles:
    """The verdicts on the releases in `bundles`."""

    bundles: Path

    def read(self, version: str) -> GateVerdict | None:
        """The verdict on that release; None where there is none, or none that can be read."""
        try:
            return GateVerdict.model_validate_json(self._file(version, "json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("verdict_unreadable", extra={"version": version, "damage": str(error)})
            return None

    def newest(self) -> list[GateVerdict]:
        """All that are kept, those that were judged last first."""
        verdicts = [verdict for version in self.versions() if (verdict := self.read(version)) is not None]
        return sorted(verdicts, key=lambda verdict: (verdict.judged_at_ms, verdict.version), reverse=True)

    def versions(self) -> list[str]:
        """Those with a verdict, oldest first; also of releases that are gone."""
        return [file.stem for file in self._files("json")]

    def page(self, version: str) -> Path | None:
        """The page of the verdict on that release; None where there is none."""
        file = self._file(version, "html")
        return file if file.is_file() else None

    def write(self, verdict: GateVerdict, page: str | None = None) -> None:
        """Keeps that verdict, in place of an earlier one on the same release, and deletes the oldest ones.

        page: HTML.  Raises OSError; then the old verdict stays.
        """
        self._file(verdict.version, "json").parent.mkdir(exist_ok=True)
        if page is not None:
            replace_file(self._file(verdict.version, "html"), page.encode(), PRIVATE_FILE)
        replace_file(self._file(verdict.version, "json"), verdict.model_dump_json(indent=2).encode())
        for file in (*self._files("json")[:-MOST_VERDICTS], *self._files("html")[:-MOST_PAGES]):
            file.unlink(missing_ok=True)

    def release_deleted(self, version: str) -> None:
        """Deletes the verdict if nothing is learnt from it, as that of a refresh, of which there are many."""
        verdict = self.read(version)
        if verdict is not None and not verdict.facts:
            self._file(version, "json").unlink(missing_ok=True)

    def _file(self, version: str, kind: str) -> Path:
        return self.bundles / VERDICTS / f"{version}.{kind}"

    def _files(self, kind: str) -> list[Path]:
        return sorted((self.bundles / VERDICTS).glob(f"*.{kind}"))
