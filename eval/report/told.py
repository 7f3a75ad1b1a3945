"""What stands on a page, in its order, whatever was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.compare import Verdict
from eval.report.pictures import Chart
from eval.report.story import Exclusion, Table


@dataclass(frozen=True, slots=True)
class Section:
    """Sentences and pictures under a heading.  name: its anchor; small: what is said below them in small letters."""

    name: str
    title: str
    parts: Sequence[str | Chart]
    small: str = ""

    @property
    def charts(self) -> list[Chart]:
        """Its pictures."""
        return [part for part in self.parts if isinstance(part, Chart)]


@dataclass(frozen=True, slots=True)
class Told:
    """A whole page.  answers: the verdict in a word, the question, the answer; question: the heading above them.

    figures, data: the same for a machine, behind two links.
    """

    title: str
    headline: str
    question: str
    answers: Sequence[tuple[Verdict, str, str]]
    warnings: Sequence[str]
    sections: Sequence[Section]
    doubts: Sequence[str]
    facts: Mapping[str, str]
    exclusions: Sequence[Exclusion]
    tables: Sequence[Table]
    figures: Table
    data: Mapping[str, Any]
    run_id: str
    made_at: str
    glossary: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
