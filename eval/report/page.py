"""A story as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

import base64
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.report import doubts, pictures, words
from eval.report.glossary import GLOSSARY
from eval.report.story import Story, Table


def write_page(story: Story, path: Path) -> None:
    """The page, as UTF-8."""
    path.write_text(page_of(story), encoding="utf-8")


def page_of(story: Story) -> str:
    """The page.  Whatever comes from data is escaped; a name that is missing in a template is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("eval.report", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("page.html.j2").render(
        story=story,
        headline=words.headline(story),
        answers=words.answers(story),
        warnings=doubts.warnings(story),
        found=pictures.found_chart(story),
        reached=words.reached(story),
        reached_chart=pictures.reached_chart(story),
        known_and_new=words.known_and_new(story),
        apart=pictures.apart_charts(story),
        groups=pictures.group_charts(story),
        hidden=words.hidden(story),
        money=words.money(story),
        money_chart=pictures.money_chart(story),
        shelf=words.shelf(story),
        shelf_chart=pictures.shelf_chart(story),
        doubts=doubts.doubts(story),
        settings={name: _settings(values) for name, values in story.settings.items()},
        glossary=GLOSSARY,
        csv=_base64(as_csv(story.figures).encode()),
        json=_base64(_json(story)),
    )


def as_csv(table: Table) -> str:
    """A header and a row for each of the table's."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue()


def _json(story: Story) -> bytes:
    import orjson

    return orjson.dumps({"run": story.run_id, **story.data}, option=orjson.OPT_NON_STR_KEYS)


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
