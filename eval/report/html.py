"""A page as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

import base64
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.report import caveats, charts
from eval.report import text as words
from eval.report.charts import Chart
from eval.report.glossary import GLOSSARY
from eval.report.page import Page, PageSection
from eval.report.story import Story, StoryTable


def write_page(page: Story | Page, path: Path) -> None:
    """The page, as UTF-8."""
    path.write_text(page_of(page), encoding="utf-8")


def page_of(page: Story | Page) -> str:
    """The page.  Whatever comes from data is escaped; a name that is missing in a template is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    told = told_of(page) if isinstance(page, Story) else page
    loader = PackageLoader("eval.report", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("page.html.j2").render(
        told=told,
        settings={name: _settings(values) for name, values in told.settings.items()},
        csv=_base64(as_csv(told.figures).encode()),
        json=_base64(_json(told)),
    )


def told_of(story: Story) -> Page:
    """A story of lists, put into words and pictures."""
    return Page(
        title=story.title,
        headline=words.headline(story),
        question=words.question(story),
        answers=words.answers(story),
        warnings=caveats.warnings(story),
        sections=[section for section in _sections(story) if section.charts or section.small],
        doubts=caveats.doubts(story),
        facts=story.facts,
        exclusions=story.exclusions,
        tables=story.tables,
        figures=story.figures,
        data={"run": story.run_id, **story.data},
        run_id=story.run_id,
        made_at=story.made_at,
        glossary=GLOSSARY,
        settings=story.settings,
        notes=story.notes,
    )


def as_csv(table: StoryTable) -> str:
    """A header and a row for each of the table's."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue()


def _sections(story: Story) -> list[PageSection]:
    reached, money, shelf = charts.reached_chart(story), charts.money_chart(story), charts.shelf_chart(story)
    whisker = "The thin line on a bar shows how far luck alone may have moved it."
    found: list[str | Chart] = [whisker, charts.found_chart(story)]
    if reached is not None:
        found += [words.reached(story), reached]
    apart: list[str | Chart] = [*words.known_and_new(story), *charts.apart_charts(story)]
    return [
        PageSection("found", "Every list beside the simple rules", found),
        PageSection("apart", "Known things and new things", apart),
        PageSection("groups", "For which customers", charts.group_charts(story), words.hidden(story)),
        PageSection("money", "How much of the money", [words.money(story), money] if money else []),
        PageSection("shelf", "How much of the range anybody sees", [*words.shelf(story), shelf] if shelf else []),
    ]


def _json(told: Page) -> bytes:
    import orjson

    return orjson.dumps(told.data, option=orjson.OPT_NON_STR_KEYS)


def _settings(values: Any) -> str:
    """factors 64, weights (als 0.667, popularity 0.333): settings as text, fractions to four digits."""
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
