"""The page with every setting: `python -m tests.docs.settings_page > docs/operations/settings.md`."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from api.console.settings import ConsoleSettings
from api.settings import LimitSettings, ServeSettings
from recsys.campaigns.settings import CampaignSettings
from recsys.config import (
    PREFIX,
    CatalogueSettings,
    InfluenceSettings,
    KeepSettings,
    RulesSettings,
    SettingsSection,
    ShopSettings,
    WeightSettings,
)
from recsys.customers.settings import CustomerSettings, GroupSettings
from recsys.jobs.notifications import NotifySettings
from recsys.promotions.settings import PromotionSettings
from recsys.shared_registry.settings import RegistrySettings
from training.backup.settings import BackupSettings
from training.canary.settings import CanarySettings
from training.gate.settings import GateSettings
from training.schedule.settings import JobSettings, ScheduleSettings
from training.settings import TrainSettings
from training.spark.settings import SparkSettings

HEAD = """# Every setting

This page is made from the settings classes, and a test keeps it true. A setting is a key of its table in `recsys.toml`,
which is read from the home, otherwise from the current folder; or a variable, which wins. An unknown key is refused
with the nearest right one. [Operations](../operations.md#settings) has an example of the whole file.

Four tables have names of your own or of models as keys: `[models.NAME]`, whose keys are the hyper-parameters of that
model ([models](../reference/models.md)), with `off = true` to leave it out; `[placements.NAME]`
([API](../api.md#placements)); `[sources.NAME]` ([imports](../imports.md#sources-besides-files)); and
`[catalogue.never_show]`.

"""
SECTIONS: tuple[type[SettingsSection], ...] = (
    ShopSettings,
    ServeSettings,
    ConsoleSettings,
    LimitSettings,
    RegistrySettings,
    TrainSettings,
    SparkSettings,
    GateSettings,
    CanarySettings,
    ScheduleSettings,
    NotifySettings,
    BackupSettings,
    KeepSettings,
    WeightSettings,
    InfluenceSettings,
    CatalogueSettings,
    CustomerSettings,
    CampaignSettings,
    PromotionSettings,
    RulesSettings,
)
WORDS_BY_TYPE: Mapping[type, str] = {
    GroupSettings: "table",
    str: "text",
    Path: "path",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
}

SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for section in SECTIONS:
        table = section.section
        parts += _table(f"`[{table}]`" if table else "Outside a table", table, section.model_fields)
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
        if not _is_table(setting):
            meaning = (setting.description or "").replace("|", "\\|")
            yield f"| `{setting.alias or name}` | {_type(setting)} | {_default(setting)} | {meaning} |\n"
    yield "\n"


def _is_table(setting: FieldInfo) -> bool:
    return isinstance(setting.annotation, type) and issubclass(setting.annotation, BaseModel)


def _type(setting: FieldInfo) -> str:
    """The type in words, with its limits."""
    limits = {name: getattr(each, name) for each in setting.metadata for name in SIGNS if hasattr(each, name)}
    if {"ge", "le"} <= limits.keys():
        return f"{_type_words(setting.annotation)}, {limits['ge']:,.12g} to {limits['le']:,.12g}"
    words = (f"{SIGNS[name]} {limit:,.12g}" for name, limit in limits.items())
    return ", ".join([_type_words(setting.annotation), *words])


def _type_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (tuple, frozenset, list):
        return f"list of {_type_words(get_args(annotation)[0])}"
    if get_origin(annotation) is dict:
        return "table"
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if parts:
        return _type_words(parts[0])
    return WORDS_BY_TYPE[annotation]


def _default(setting: FieldInfo) -> str:
    value = setting.get_default(call_default_factory=True)
    if value is None or value == "" or value == () or value == {}:
        return "–"
    if isinstance(value, frozenset):
        return ", ".join(f"`{each}`" for each in sorted(value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
