"""HTML rendering of a report page: one file without scripts, fonts or pictures from elsewhere."""

import base64
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from eval.report import caveats, charts, text
from eval.report.charts import Chart
from eval.report.labels import GLOSSARY
from eval.report.page import Page, PageSection
from eval.report.ranking_report import RankingReport, ReportTable
from recsys.data.files.spreadsheet_csv import guard_cell


def write_page(content: RankingReport | Page, path: Path) -> None:
    """Writes the page as UTF-8."""
    path.write_text(render_page(content), encoding="utf-8")


def render_page(content: RankingReport | Page) -> str:
    """The page as HTML.  All data is escaped; a name that is missing in a template is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = page_of(content) if isinstance(content, RankingReport) else content
    record = page.record
    loader = PackageLoader("eval.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("page.html.j2").render(
        page=page,
        record=record,
        settings={name: _settings(values) for name, values in record.settings.items()},
        csv=_base64(as_csv(record.figures).encode()),
        json=_base64(orjson.dumps({"run": record.run_id, **record.data}, option=orjson.OPT_NON_STR_KEYS)),
    )


def page_of(report: RankingReport) -> Page:
    """The page of a report on lists: its figures as sentences and charts."""
    return Page(
        title=report.title,
        headline=text.headline(report),
        question=f"Is {report.wording.ours.singular} better?",
        answers=text.answers(report),
        warnings=caveats.warnings(report),
        sections=[section for section in _sections(report) if section.has_charts or section.small_print],
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
    hit_rate, revenue, coverage = (
        chart(report) for chart in (charts.hit_rate_chart, charts.revenue_chart, charts.coverage_chart)
    )
    whisker = "The thin line on a bar shows how far luck alone may have moved it."
    hits: list[str | Chart] = [whisker, charts.hits_chart(report)]
    if hit_rate is not None:
        hits += [text.hit_rate(report), hit_rate]
    repeat_and_new: list[str | Chart] = [*text.repeat_and_new(report), *charts.repeat_and_new_charts(report)]
    hidden = text.hidden_groups(report.n_groups_hidden)
    return [
        PageSection("found", "Every list beside the simple rules", hits),
        PageSection("apart", "Known things and new things", repeat_and_new),
        PageSection("groups", "For which customers", charts.group_charts(report), hidden),
        PageSection("money", "How much of the money", [text.revenue(report), revenue] if revenue else []),
        PageSection(
            "shelf", "How much of the range anybody sees", [*text.coverage(report), coverage] if coverage else []
        ),
    ]


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
