"""What is wrong with a field, in words that help: the nearest known name for a misspelt one."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from recsys.config import nearest

_PREFIX = "Value error, "  # pydantic's, before a sentence of ours


def problem_with(found: Mapping[str, Any], title: str) -> str:
    """What one entry of a ValidationError says.  title: of the error, the name of the model that was asked for."""
    if found["type"] != "extra_forbidden":
        return str(found["msg"]).removeprefix(_PREFIX)
    *place, name = found["loc"]
    known = fields_at(title, place)
    return f"no such field; {nearest(str(name)[:80], known)}" if known else "no such field"


def fields_at(title: str, place: Sequence[object]) -> set[str]:
    """The names of the fields that a body of that model takes there; none where no model says them."""
    models = [model for name, model in _models().items() if name in re.findall(r"\w+", title)]
    for part in place:
        inner = [one for model in models for field in _called(model, part) for one in _within(field.annotation)]
        models = inner or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _called(model: type[BaseModel], part: object) -> Iterator[FieldInfo]:
    return (field for name, field in model.model_fields.items() if part in (name, field.alias))


def _within(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models in a type such as `list[str | SessionEvent]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _within(part)]


@cache
def _models() -> dict[str, type[BaseModel]]:
    from api.schemas.request_models import REQUEST_MODELS  # it describes errors, too

    return {model.__name__: model for model in REQUEST_MODELS}
