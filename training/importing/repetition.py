"""Repetition of an import: whether a file that is imported with other options than before corrects its events."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.source import open_source
from recsys.errors import BadInput
from training.importing.corrections import EventReading
from training.importing.events import TARGETS

OPTIONS = {
    "decimal": "--decimal",
    "time_formats": "--time-format",
    "carry_down": "--carry-down",
    "carry_within": "--carry-within",
    "days_between": "--days-between",
    "returns_by_sign": "--returns-by-sign",
    "explode": "--explode",
    "joins": "--join",
}  # by the field of a mapping


def is_correction(path: Path, last: EventReading | None, reading: EventReading) -> bool:
    """Whether the lines replace the events that they became: the reading says as much as the last one, or more.

    False for a repetition, and where other lines (--where) become events of another kind: these are added.
    Raises BadInput where the reading says less than the last one, or another kind: either way events would be lost, or
    doubled.
    """
    if last is None or last == reading:
        return False
    columns = open_source(path, reading.mapping).columns
    is_other_kind = _kind(last, columns) != _kind(reading, columns)
    if is_other_kind and last.mapping.where != reading.mapping.where:
        return False
    missing = [*_missing(last.mapping, reading.mapping, columns)]
    if is_other_kind:
        missing.append(f"the kind {_kind(last, columns)!r}")
    if missing:
        raise BadInput(
            f"{path}: it was imported before with {', '.join(missing)}; use the same options, or say --correct to "
            "replace the events that its lines became, or --no-correct to add events beside them"
        )
    return True


def _kind(reading: EventReading, columns: Sequence[str]) -> str:
    """The kind of all lines, or the column that names it."""
    mapping = reading.mapping
    return mapping.constant.get("kind") or "+".join(mapping.sources("kind", columns)) or reading.kind or ""


def _missing(last: ColumnMapping, new: ColumnMapping, columns: Sequence[str]) -> Iterator[str]:
    """What the last import was told and this one is not."""
    for target in TARGETS:
        if last.has(target, columns) and not new.has(target, columns):
            yield f"a column for {target}"
    yield from (option for name, option in OPTIONS.items() if getattr(last, name) and not getattr(new, name))
    yield from (f"--guest {word!r}" for word in sorted(last.guests - new.guests)[:1])
    yield from (f"--kinds {word}" for word in sorted(last.kinds.keys() - new.kinds.keys())[:1])
