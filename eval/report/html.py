"""HTML rendering of a report page: one file without scripts, fonts or pictures from elsewhere."""

import base64
import csv
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from eval.report import caveats, charts, text
from eval.report.folds import example_folds, folded_groups
from eval.report.labels import GLOSSARY
from eval.report.page import Fold, Page, PagePart, PageSection
from eval.report.ranking_report import RankingReport, ReportTable
from recsys.atomic_file import open_private
from recsys.data.files.spreadsheet_csv import guard_cell

if TYPE_CHECKING:
    from jinja2 import Template


def write_page(content: RankingReport | Page | str, path: Path) -> None:
    """Writes the page, or its HTML, as UTF-8, for the eyes of its owner: it shows what some customers bought."""
    html = content if isinstance(content, str) else render_page(content)
    with open_private(path, "wb") as file:
        file.write(html.encode())


def render_page(content: RankingReport | Page) -> str:
    """The page as HTML.  All data is escaped; a name that is missing in a template is an error."""
    page = page_of(content)
    record = page.record
    return _template().render(
        page=page,
        record=record,
        settings={name: _settings(values) for name, values in record.settings.items()},
        csv=_base64(as_csv(record.figures).encode()),
        json=_base64(orjson.dumps({"run": record.run_id, **record.data}, option=orjson.OPT_NON_STR_KEYS)),
    )


@cache
def _template() -> "Template":
    """Compiled once: that takes longer than a page of it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("eval.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("page.html.j2")


def page_of(report: RankingReport | Page) -> Page:
    """The page of a report on lists: its figures as sentences and charts; a page is one already."""
    if isinstance(report, Page):
        return report
    return Page(
        title=report.title,
        verdict=text.verdict(report),
        headline=[sentence for sentence in (text.headline(report), text.hit_rate(report)) if sentence],
        question=f"Is {report.wording.ours.singular} better?",
        answers=text.answers(report),
        warnings=caveats.warnings(report),
        sections=[section for section in _sections(report) if section.parts or section.small_print],
        caveats=caveats.caveats(report),
        record=report,
        glossary=GLOSSARY,
    )


def as_csv(table: ReportTable) -> str:
    """A header and one line for each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(map(guard_cell, row) for row in table.rows)
    return out.getvalue()


def _sections(report: RankingReport) -> list[PageSection]:
    reached, revenue, coverage = (
        [Fold(chart.title, [chart])] if chart is not None else []
        for chart in (charts.hit_rate_chart(report), charts.revenue_chart(report), charts.coverage_chart(report))
    )
    hidden = text.hidden_groups(report.n_groups_hidden)
    return [
        PageSection("found", charts.BESIDE_RULES, [charts.hits_chart(report), *reached]),
        PageSection("examples", "Lists of real customers", _examples(report)),
        PageSection("apart", "Known things and new things", _repeat_and_new(report)),
        PageSection("groups", "For which customers", _groups(report), hidden),
        PageSection("money", "How much of the money", [text.revenue(report), *revenue] if revenue else []),
        PageSection(
            "shelf", "How much of the range anybody sees", [*text.coverage(report), *coverage] if coverage else []
        ),
    ]


def _examples(report: RankingReport) -> list[PagePart]:
    folds = example_folds(report)
    return [text.samples(len(folds)), *folds] if folds else []


def _groups(report: RankingReport) -> list[Fold]:
    return folded_groups(charts.group_charts(report), report.groups, report.wording)


def _repeat_and_new(report: RankingReport) -> list[PagePart]:
    folds = [Fold(chart.title, [chart]) for chart in charts.repeat_and_new_charts(report)]
    return [*text.repeat_and_new(report), *folds]


def _settings(values: Any) -> str:
    """factors 64, weights (als 0.667, popularity 0.333): settings as text, fractions with four digits."""
    if isinstance(values, Mapping):
        parts = [(name, value, isinstance(value, Mapping)) for name, value in values.items()]
        return ", ".join(
            f"{name} ({_settings(value)})" if nests else f"{name} {_settings(value)}" for name, value, nests in parts
        )
    if isinstance(values, list | tuple):
        return " ".join(_settings(value) for value in values) or "none"
    return f"{values:.4g}" if isinstance(values, float) else str(values)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
