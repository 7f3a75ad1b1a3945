"""The page with every setting: `python -m tests.docs.settings_page > docs/operations/settings.md`."""

import sys
from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo

from recsys.cli.settings.describe import nested_model, settings_sections, type_words
from recsys.config import PREFIX
from training.schedule.settings import JobSettings, ScheduleSettings

HEAD = """# Every setting

This page is made from the settings classes, and a test keeps it true. A setting is a key of its table in `recsys.toml`,
which is read from the home, otherwise from the current folder; or a variable, which wins. An unknown key is refused
with the nearest right one. [Operations](../operations.md#settings) has an example of the whole file.

Four tables have names of your own or of models as keys: `[models.NAME]`, whose keys are the hyper-parameters of that
model ([models](../reference/models.md)), with `off = true` to leave it out; `[placements.NAME]`
([API](../api.md#placements)); `[sources.NAME]` ([imports](../imports.md#sources-besides-files)); and
`[catalogue.never_show]`.

"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for section in settings_sections():
        table = section.section
        parts += _table(f"`[{table}]`" if table else "Outside a table", table, section.model_fields)
        for name, setting in section.model_fields.items():
            nested = nested_model(setting)
            if nested is not None and nested is not JobSettings:
                variable = f"{PREFIX}{table}_{name}__".upper()
                parts += _table(f"`[{table}.{name}]`", "", nested.model_fields, variable=variable)
        if section is ScheduleSettings:
            jobs = ", ".join(f"`{name}`" for name in ScheduleSettings().jobs())
            before = f"JOB is one of {jobs}. "
            variable = f"{PREFIX}SCHEDULE_JOB__"
            parts += _table("`[schedule.JOB]`", "", JobSettings.model_fields, variable=variable, before=before)
    return "".join(parts).rstrip() + "\n"


def _table(
    title: str, table: str, fields: Mapping[str, FieldInfo], *, variable: str | None = None, before: str = ""
) -> Iterator[str]:
    """variable: the beginning of the names of the variables, where it is not that of the table."""
    start = variable or f"{PREFIX}{table}_".replace("__", "_").upper()
    yield f"## {title}\n\n{before}Variables: `{start}…`.\n\n| setting | type | default | meaning |\n|---|---|---|---|\n"
    for name, setting in fields.items():
        if nested_model(setting) is None:
            meaning = (setting.description or "").replace("|", "\\|")
            yield f"| `{setting.alias or name}` | {type_words(setting)} | {_default(setting)} | {meaning} |\n"
    yield "\n"


def _default(setting: FieldInfo) -> str:
    value = setting.get_default(call_default_factory=True)
    if value is None or value == "" or value == () or value == {}:
        return "–"
    if isinstance(value, frozenset | tuple):
        return ", ".join(f"`{each}`" for each in (value if isinstance(value, tuple) else sorted(value)))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
