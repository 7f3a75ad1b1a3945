"""Field problems of a schema in plain words: the wrong value, or the nearest known name for a misspelt field."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from recsys.config import spelling_hint

MOST_PROBLEMS = 5
_PREFIX = "Value error, "  # pydantic puts it before our own sentences
_WITHOUT_VALUE = frozenset({"missing", "value_error", "extra_forbidden"})
_KINDS = {"tuple_type": 'must be a list, such as ["a", "b"]', "model_type": "must be a table, such as {a = 1}"}


def problem_with(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """The problem that one entry of a ValidationError of that model reports."""
    if error["type"] != "extra_forbidden":
        return str(error["msg"]).removeprefix(_PREFIX)
    *path, name = error["loc"]
    known = fields_at(model, path)
    return f"no such field; {spelling_hint(str(name)[:80], known)}" if known else "no such field"


def problem_with_value(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """The same with the value, for documents that people write.  Not for settings: a value may be a secret."""
    if error["type"] in _WITHOUT_VALUE:
        return problem_with(error, model)
    return f"{_KINDS.get(error['type'], error['msg'])}, not {error['input']!r:.60}"


def field_problems(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problems as one sentence, each with its place."""
    rows = error.errors(include_url=False)[:MOST_PROBLEMS]
    pairs = [(".".join(map(str, row["loc"])), problem_with_value(row, model)) for row in rows]
    return "; ".join(f"{place}: {problem}" if place else problem for place, problem in pairs)


def fields_at(model: type[BaseModel], path: Sequence[object]) -> set[str]:
    """The names of the fields that a body of that model takes there; empty where no model defines them."""
    models = [model]
    for part in path:
        inner = [child for model in models for field in _named(model, part) for child in _within(field.annotation)]
        models = inner or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _named(model: type[BaseModel], part: object) -> Iterator[FieldInfo]:
    return (field for name, field in model.model_fields.items() if part in (name, field.alias))


def _within(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models in a type such as `list[str | SessionEvent]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _within(part)]
