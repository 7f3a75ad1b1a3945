"""Condition builder: rows of a form as a condition on customers, and a simple condition as rows again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.console.formats import words
from api.console.visit import Visit
from recsys.errors import BadInput
from recsys.ranking.segments.columns import COLUMNS

ROWS = 5
Condition = Mapping[str, Any]
OPERATORS = {"is": "is", "not": "is not", "gte": "at least", "lte": "at most"}
LABELS = {
    "rfm_group": "group",
    "money": "money paid",
    "recency_days": "days since the last order",
    "gap_days": "usual days between orders",
    "abc": "ABC class",
    "r": "score of recency",
    "f": "score of frequency",
    "m": "score of money",
    "value": "money expected in 91 days",
    **{f"churn_{days}": f"chance of no order in {days} days" for days in (28, 56, 91)},
    **{f"propensity_{days}": f"chance of an order in {days} days" for days in (7, 14, 28)},
}


class ConditionRow(NamedTuple):
    """One row of the builder."""

    field: str = ""
    operator: str = "is"
    value: str = ""


def fields() -> list[tuple[str, str]]:
    """Name and label of every figure that a condition may compare."""
    return sorted(((name, LABELS.get(name, words(name))) for name in COLUMNS), key=lambda pair: pair[1])


def suggestions() -> list[str]:
    """Known values of text fields, as hints while somebody types."""
    return sorted({words(word) for column in COLUMNS.values() for word in column.words or ()})


def typed_rows(visit: Visit) -> list[ConditionRow]:
    """The rows of the form that say something."""
    rows = [ConditionRow(*(visit.typed(f"{part}{n}") for part in ("field", "op", "value"))) for n in range(ROWS)]
    return [row for row in rows if row.field]


def built(rows: Sequence[ConditionRow], joint: str) -> Condition:
    """The condition of rows.  joint: `all` or `any`.  Raises BadInput with the row."""
    parts = [_part(n, row) for n, row in enumerate(rows, 1)]
    if not parts:
        raise BadInput("choose a field in the first row, or write the condition as text")
    return parts[0] if len(parts) == 1 else {joint if joint == "any" else "all": parts}


def as_rows(where: Any) -> tuple[list[ConditionRow], str] | None:
    """The rows and joint of a condition, None for one that the builder cannot show."""
    if not isinstance(where, dict):
        return None
    joint = next((name for name in ("all", "any") if name in where and len(where) == 1), "")
    parts = where[joint] if joint else [{name: value} for name, value in where.items()]
    rows = [_row(part) for part in parts]
    known = [row for row in rows if row is not None]
    return (known, joint or "all") if len(known) == len(rows) <= ROWS else None


def parsed_condition(text: str) -> Condition:
    """A condition that was typed as JSON.  Raises BadInput with the line."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"the condition is no JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    if not isinstance(value, dict):
        raise BadInput('a condition is an object, such as {"stage": "at_risk"}')
    return value


def written(where: Condition) -> str:
    """The text form of a condition."""
    return json.dumps(where, ensure_ascii=False, indent=1)


def _part(n: int, row: ConditionRow) -> Condition:
    if row.field not in COLUMNS:
        raise BadInput(f"row {n}: {row.field!r} is no field; choose one of the list")
    if row.operator not in OPERATORS:
        raise BadInput(f"row {n}: {row.operator!r} is no comparison; choose one of the list")
    if not row.value:
        raise BadInput(f"row {n}: a value is missing for {LABELS.get(row.field, words(row.field))!r}")
    value = _value(n, row)
    if row.operator in ("gte", "lte"):
        return {row.field: {row.operator: value}}
    is_so = {row.field: value}
    return {"not": is_so} if row.operator == "not" else is_so


def _value(n: int, row: ConditionRow) -> str | float | list[str]:
    match COLUMNS[row.field].kind:
        case "number":
            try:
                number = float(row.value.replace(",", ""))
            except ValueError:
                raise BadInput(f"row {n}: {row.value!r} is no number") from None
            return int(number) if number.is_integer() else number
        case "text" if row.operator in ("gte", "lte"):
            raise BadInput(f"row {n}: {OPERATORS[row.operator]!r} compares numbers and dates; choose 'is' or 'is not'")
        case "text" if "," in row.value:
            return [part.strip() for part in row.value.split(",")]
        case _:
            return row.value


def _row(part: Any) -> ConditionRow | None:
    if not isinstance(part, dict) or len(part) != 1:
        return None
    ((name, value),) = part.items()
    if name == "not":
        row = _row(value)
        return row._replace(operator="not") if row is not None and row.operator == "is" else None
    if name not in COLUMNS:
        return None
    if isinstance(value, dict):
        ((operator, value), *more) = value.items() if value else [("", None)]
        return ConditionRow(name, operator, str(value)) if operator in ("gte", "lte") and not more else None
    if isinstance(value, list):
        return ConditionRow(name, "is", ", ".join(map(str, value)))
    return ConditionRow(name, "is", str(value))
