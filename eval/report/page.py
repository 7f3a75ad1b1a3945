"""Page model: what a report page shows, in its order, whatever was evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.charts import Chart
from eval.report.ranking_report import EvaluationRecord
from eval.stats.paired import ComparisonVerdict


@dataclass(frozen=True, slots=True)
class PageSection:
    """Sentences and charts under a heading.  name: its anchor; small_print: a sentence below them."""

    name: str
    title: str
    parts: Sequence[str | Chart]
    small_print: str = ""

    @property
    def has_charts(self) -> bool:
        return any(isinstance(part, Chart) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.  answers: verdict, question and answer of each; question: the heading above them."""

    title: str
    headline: str
    question: str
    answers: Sequence[tuple[ComparisonVerdict, str, str]]
    warnings: Sequence[str]
    sections: Sequence[PageSection]
    caveats: Sequence[str]
    record: EvaluationRecord
    glossary: Mapping[str, str]
