"""OpenAPI responses and request bodies: errors by status, and bodies that are parsed by hand."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from api.schemas.common import ErrorOut
from recsys.ranking.rules.parser import RulesIn

REF_TEMPLATE = "#/components/schemas/{model}"
_INVALID: dict[str, Any] = {
    "model": ErrorOut,
    "description": "Not valid; `details` names each wrong field, and each query parameter that is not known",
}

_DOWN: dict[str, Any] = {"model": ErrorOut, "description": "Nothing is live yet, or the log cannot be reached"}

FAULT: dict[str, Any] = {"model": ErrorOut, "description": "A fault of the service; its log knows the request id"}

ERRORS: dict[int | str, dict[str, Any]] = {422: _INVALID, 503: _DOWN}

BODY_ERRORS = {413: {"model": ErrorOut, "description": "The body is too large"}, **ERRORS}

RECEIPT_ERRORS = {404: {"model": ErrorOut, "description": "No such receipt"}, **ERRORS}

USER_ERRORS = {404: {"model": ErrorOut, "description": "No such customer"}, **ERRORS}

ITEM_ERRORS = {404: {"model": ErrorOut, "description": "No such item"}, **BODY_ERRORS}

RULES_ERRORS: dict[int | str, dict[str, Any]] = {
    412: {"model": ErrorOut, "description": "Somebody else changed the rules meanwhile"},
    413: BODY_ERRORS[413],
    422: {"model": ErrorOut, "description": "Not valid; `details` names each fault with its line"},
    503: {"model": ErrorOut, "description": "The rules cannot be stored"},
}

VERSION_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorOut, "description": "No such version"},
    422: _INVALID,
}


class RequestBody(dict[str, Any]):
    """`openapi_extra` of a route that parses its body itself.  models: what the body may be."""

    models: Sequence[type[BaseModel]] = ()


def body_of(*models: type[BaseModel], many: type[BaseModel] | None = None) -> RequestBody:
    """The request body as one of these models, or a bare list of `many`."""
    choices: list[dict[str, Any]] = [ref(model) for model in models]
    if many is not None:
        choices.append({"type": "array", "items": ref(many), "title": f"List of {many.__name__}"})
    schema = choices[0] if len(choices) == 1 else {"anyOf": choices}
    body = RequestBody(requestBody={"required": True, "content": {"application/json": {"schema": schema}}})
    body.models = [*models, *([many] if many is not None else [])]
    return body


def rules_body() -> RequestBody:
    """The request body with rules: JSON, or the TOML text of the file."""
    body = body_of(RulesIn)
    body["requestBody"]["content"]["application/toml"] = {
        "schema": {"type": "string"},
        "example": '[[rules]]\nid = "no-gift-cards"\nkind = "block"\ncategories = ["GIFT CARDS"]\nreason = "No gift"\n',
    }
    return body


def ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REF_TEMPLATE.format(model=model.__name__)}
