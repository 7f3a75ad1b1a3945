"""What stands on a page, in its order, whatever was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.report.charts import Chart
from eval.report.story import Exclusion, StoryTable
from eval.stats.paired import ComparisonVerdict


@dataclass(frozen=True, slots=True)
class PageSection:
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
class Page:
    """A whole page.  answers: the verdict in a word, the question, the answer; question: the heading above them.

    figures, data: the same for a machine, behind two links.
    """

    title: str
    headline: str
    question: str
    answers: Sequence[tuple[ComparisonVerdict, str, str]]
    warnings: Sequence[str]
    sections: Sequence[PageSection]
    doubts: Sequence[str]
    facts: Mapping[str, str]
    exclusions: Sequence[Exclusion]
    tables: Sequence[StoryTable]
    figures: StoryTable
    data: Mapping[str, Any]
    run_id: str
    made_at: str
    glossary: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
