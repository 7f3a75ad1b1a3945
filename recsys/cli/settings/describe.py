"""Description of settings: value, default, source and meaning of each; a secret is said to be set, never shown."""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from recsys.config import PREFIX, SettingsSection, read_table, read_toml
from recsys.redaction import HIDDEN, redacted

Source = Literal["default", "file", "variable"]

RESTART = "when the service starts again: recsys serve"
TRAINING = "with the next training: recsys train"
# When a change of a table counts, in the order in which tables are told.
COUNTS: Mapping[str, str] = {
    "": "when the service starts again, and with the next command",
    "serve": RESTART,
    "console": "when the console starts again: recsys console",
    "limits": RESTART,
    "registry": "when the service starts again, and with the next training",
    "train": TRAINING,
    "spark": "with the next training on Spark",
    "gate": TRAINING,
    "canary": "with the next look at a canary: recsys canary judge",
    "schedule": "when the schedule starts again: recsys schedule",
    "notify": "with the next job that ends",
    "backup": "with the next backup: recsys backup",
    "keep": "with the next job; of the answer log when the service starts again",
    "weights": TRAINING,
    "influence": TRAINING,
    "catalogue": "with the next training, and when the service starts again",
    "customers": TRAINING,
    "campaigns": "at once",
    "promotions": "at once",
    "rules": RESTART,
    "models": TRAINING,
    "placements": "with the next release, and when the service starts again",
    "sources": "with the next import from it",
}
# Tables whose keys are names of your own: only what is written is known.
FREE_TABLES: Mapping[str, str] = {
    "models": "hyper-parameter of the model; off = true leaves it out",
    "placements": "place of the shop: sources, mix and limits of its list",
    "sources": "where `recsys import --from` reads",
}
WORDS_BY_TYPE: Mapping[type, str] = {
    str: "text",
    Path: "path",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
}
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_SECRET = re.compile(r"password|passwd|secret|token|credential|(^|_)key", re.IGNORECASE)
_ANY = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting.  value, default: as JSON types, hidden where it is a secret.  place: the file or the variable.

    allowed: its type and limits in words.  counts: when a change of it counts.
    """

    table: str
    name: str
    value: Any
    default: Any
    source: Source
    place: str
    allowed: str
    meaning: str
    counts: str


def settings_sections() -> list[type[SettingsSection]]:
    """The tables of all installed packages: each stands in a module called `settings`, or in `recsys.config`."""
    packages = {"recsys", *(entry.value.partition(".")[0] for entry in entry_points(group="recsys.commands"))}
    for package in sorted(packages):
        spec = find_spec(package)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            for file in folder.rglob("settings.py"):
                parts = file.relative_to(folder).with_suffix("").parts
                importlib.import_module(".".join((package, *parts)))
    ours = (each for each in SettingsSection.__subclasses__() if each.__module__.partition(".")[0] in packages)
    order = list(COUNTS)
    return sorted(ours, key=lambda each: order.index(each.section) if each.section in order else len(order))


def describe_settings(file: Path | None, env: Mapping[str, str]) -> list[SettingRow]:
    """Every setting as a command that starts now would read it.  Raises BadSettings."""
    rows = [row for section in settings_sections() for row in _section_rows(section, file, env)]
    return [*rows, *(row for name in FREE_TABLES for row in _free_rows(name, file))]


def type_words(setting: FieldInfo) -> str:
    """The type in words, with its limits."""
    limits = {name: getattr(each, name) for each in setting.metadata for name in SIGNS if hasattr(each, name)}
    if {"ge", "le"} <= limits.keys():
        return f"{_type_words(setting.annotation)}, {limits['ge']:,.12g} to {limits['le']:,.12g}"
    words = (f"{SIGNS[name]} {limit:,.12g}" for name, limit in limits.items())
    return ", ".join([_type_words(setting.annotation), *words])


def shown_value(setting: FieldInfo, value: Any) -> Any:
    """The value as JSON types; a secret is hidden where it is set."""
    if setting.repr:
        return _shown(value)
    return HIDDEN if value else None


def shown_values(section: SettingsSection) -> dict[str, Any]:
    """The values of a table that was read, by the name of the setting."""
    fields = type(section).model_fields.items()
    return {field.alias or name: shown_value(field, getattr(section, name)) for name, field in fields}


def nested_model(setting: FieldInfo) -> type[BaseModel] | None:
    """The model of a setting that is a table of its own."""
    kind = setting.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _type_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (tuple, frozenset, list):
        return f"list of {_type_words(get_args(annotation)[0])}"
    if get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "table"
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return _type_words(parts[0]) if parts else WORDS_BY_TYPE[annotation]


def _section_rows(section: type[SettingsSection], file: Path | None, env: Mapping[str, str]) -> Iterator[SettingRow]:
    loaded, table = section.load(file, env), section.section
    written = read_table(file, table) if table else (read_toml(file) if file is not None and file.is_file() else {})
    start = f"{PREFIX}{table}_".replace("__", "_").upper()
    for name, setting in section.model_fields.items():
        key, value = setting.alias or name, getattr(loaded, name)
        variable = f"{start}{key.upper()}"
        model = nested_model(setting)
        if model is None:
            yield _row(table, key, setting, value, _place(key, written, file, variable, env))
            continue
        inner = written.get(key, {})
        for field, nested in model.model_fields.items():
            whole = variable if variable in env else f"{variable}__{field.upper()}"
            place = _place(field, inner, file, whole, env)
            yield _row(f"{table}.{key}", field, nested, getattr(value, field), place)


def _place(
    key: str, written: Mapping[str, Any], file: Path | None, variable: str, env: Mapping[str, str]
) -> tuple[Source, str]:
    """Where the value came from; a variable wins."""
    if any(name == variable or name.startswith(f"{variable}__") for name in env):
        return "variable", variable
    return ("file", str(file)) if key in written else ("default", "")


def _row(table: str, name: str, setting: FieldInfo, value: Any, place: tuple[Source, str]) -> SettingRow:
    default = setting.get_default(call_default_factory=True)
    return SettingRow(
        table=table,
        name=name,
        value=shown_value(setting, value),
        default=_shown(default),
        source=place[0],
        place=place[1],
        allowed=type_words(setting),
        meaning=setting.description or "",
        counts=COUNTS[table.partition(".")[0]],
    )


def _free_rows(table: str, file: Path | None) -> Iterator[SettingRow]:
    for name, written in read_table(file, table).items():
        inner = written if isinstance(written, Mapping) else {"": written}
        for key, value in inner.items():
            shown = HIDDEN if _SECRET.search(str(key)) else _shown(value)
            words = FREE_TABLES[table], COUNTS[table]
            yield SettingRow(f"{table}.{name}", str(key), shown, None, "file", str(file), "", *words)


def _shown(value: Any) -> Any:
    """As JSON types, without passwords in addresses."""
    plain = sorted(value) if isinstance(value, frozenset) else value
    return _redacted(_ANY.dump_python(plain, mode="json"))


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if isinstance(value, dict):
        return {name: HIDDEN if _SECRET.search(name) else _redacted(each) for name, each in value.items()}
    return value
