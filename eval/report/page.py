"""Page model: what a report page shows, in its order, whatever was evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.charts import Chart
from eval.report.ranking_report import EvaluationRecord, ReportTable
from eval.scoring.user_samples import ListedItem
from eval.stats.paired import ComparisonVerdict


@dataclass(frozen=True, slots=True)
class ExampleLists:
    """One customer by example.  facts: what they had and took, by its name; columns: titles of the lists.

    rows: by place, the item of each list, None behind the end of a list.  mark: the word for an item that was taken.
    """

    facts: Mapping[str, str]
    columns: Sequence[str]
    rows: Sequence[Sequence[ListedItem | None]]
    mark: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Parts that are shown when a reader opens them, under a title that tells what they say."""

    title: str
    parts: Sequence[str | Chart | ExampleLists]
    is_open: bool = False


PagePart = str | Chart | ReportTable | Fold


@dataclass(frozen=True, slots=True)
class PageSection:
    """Sentences, charts, tables and folded parts under a heading.  name: its anchor; small_print: a sentence below."""

    name: str
    title: str
    parts: Sequence[PagePart]
    small_print: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    verdict: one sentence, the largest on the page; headline: the figures behind it.  answers: verdict, question and
    answer of each; question: the heading above them.
    """

    title: str
    verdict: str
    headline: Sequence[str]
    question: str
    answers: Sequence[tuple[ComparisonVerdict, str, str]]
    warnings: Sequence[str]
    sections: Sequence[PageSection]
    caveats: Sequence[str]
    record: EvaluationRecord
    glossary: Mapping[str, str]
