"""Request validation: JSON to a schema, or a refusal that names each wrong field."""

from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from api.errors.handlers import field_name, refused_fields
from api.errors.refused import Refused
from recsys.versioned_toml.field_problems import problem_with

M = TypeVar("M", bound=BaseModel)


def parse_body(model: type[M], raw: bytes) -> M:
    """The body as that model.  Raises Refused."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _invalid(error, model) from None


def validated(model: type[M], data: object, where: str = "body") -> M:
    """Parsed JSON, or parameters, as that model.  Raises Refused; `where` begins the name of each wrong field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _invalid(error, model, where) from None


def parse_json(raw: bytes) -> object:
    """Raises Refused when the body is no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_json", f"the body is no JSON: {error}") from None


def parse_batch(raw: bytes, name: str, limit: int) -> list[object]:
    """The entries of a body that is one object, `{name: [...]}`, or a bare list.  Raises Refused."""
    data = parse_json(raw)
    if isinstance(data, dict) and name in data:
        if len(data) > 1:
            raise Refused("invalid", f"a body with `{name}` holds nothing else")
        data = data[name]
        if not isinstance(data, list):
            raise Refused("invalid", f"{name}: must be a list")
    if isinstance(data, dict):
        return [data]
    if not isinstance(data, list):
        raise Refused("invalid", f'the body must be an object, a list, or {{"{name}": [...]}}')
    if not data:
        raise Refused("invalid", f"{name}: there is none in it")
    if len(data) > limit:
        raise Refused("too_many", f"{name}: {len(data)} in one request, at most {limit}; send several requests")
    return data


def _invalid(error: ValidationError, model: type[BaseModel], where: str = "body") -> Refused:
    """The refusal that names each wrong field of that model."""
    errors = error.errors(include_url=False)
    if errors[0]["type"] == "json_invalid":
        return Refused("bad_json", f"the {where} is no JSON: {errors[0]['ctx']['error']}")
    start = (where,) if where else ()
    return refused_fields((field_name((*start, *entry["loc"])), problem_with(entry, model)) for entry in errors)


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """The first wrong field, in one line."""
    first = error.errors(include_url=False)[0]
    return ": ".join(filter(None, (field_name(first["loc"]), problem_with(first, model))))
