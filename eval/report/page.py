"""A story as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

import base64
import csv
import io
from pathlib import Path

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

    return orjson.dumps({"run": story.run_id, **story.data}, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
