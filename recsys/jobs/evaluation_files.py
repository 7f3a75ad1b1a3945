"""Kept evaluations of a home: the page of each `recsys evaluate` and `recsys compare` on the shop's own log."""

import logging
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from recsys.atomic_file import PRIVATE_FILE, replace_file
from recsys.errors import UnknownReport

EVALUATIONS = "evaluations"  # folder in the home
MOST_KEPT = 30  # the newest; a page takes half a megabyte
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

EvaluationKind = Literal["lists", "customers", "releases"]
log = logging.getLogger(__name__)


class KeptEvaluation(BaseModel):
    """What a page says first.  kind: lists and customers of `recsys evaluate`, releases of `recsys compare`.

    verdict: its one sentence.  headline: the figures behind it.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    kind: EvaluationKind
    made_at_ms: int
    title: str
    verdict: str
    headline: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationFiles:
    """The evaluations of a home: for each a page and what it says first."""

    home: Path

    def all(self) -> list[KeptEvaluation]:
        """The newest first; one that cannot be read is left out."""
        kept = [each for file in self._files() if (each := _read(file)) is not None]
        return sorted(kept, key=lambda each: (each.made_at_ms, each.id), reverse=True)

    def page(self, evaluation_id: str) -> bytes:
        """The page as HTML.  Raises UnknownReport."""
        if _ID.fullmatch(evaluation_id):
            try:
                return (self._folder / f"{evaluation_id}.html").read_bytes()
            except FileNotFoundError:
                pass
        raise UnknownReport(f"no evaluation {evaluation_id!r:.80} is kept; the newest {MOST_KEPT} are")

    def keep(
        self, kind: EvaluationKind, page: str, made_at: datetime, *, title: str, verdict: str, headline: tuple[str, ...]
    ) -> KeptEvaluation:
        """Keeps that page, and deletes the oldest ones.  Raises OSError."""
        name = f"{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(2)}"
        at_ms = int(made_at.timestamp() * 1_000)
        kept = KeptEvaluation(id=name, kind=kind, made_at_ms=at_ms, title=title, verdict=verdict, headline=headline)
        self._folder.mkdir(exist_ok=True)
        replace_file(self._folder / f"{name}.html", page.encode(), PRIVATE_FILE)
        replace_file(self._folder / f"{name}.json", kept.model_dump_json(indent=2).encode(), PRIVATE_FILE)
        for file in self._files()[:-MOST_KEPT]:
            file.unlink(missing_ok=True)
            file.with_suffix(".html").unlink(missing_ok=True)
        return kept

    @property
    def _folder(self) -> Path:
        return self.home / EVALUATIONS

    def _files(self) -> list[Path]:
        """The oldest first: names begin with their time."""
        return sorted(self._folder.glob("*.json"))


def _read(file: Path) -> KeptEvaluation | None:
    try:
        return KeptEvaluation.model_validate_json(file.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("evaluation_unreadable", extra={"file": file.name, "damage": str(error)})
        return None
