"""OpenAPI responses and request bodies: errors by status, and bodies that are parsed by hand."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from api.schemas.common import ErrorOut
from recsys.promotions.document import PromotionsIn
from recsys.ranking.rules.parser import RulesIn
from recsys.ranking.segments.document import SegmentsIn

REF_TEMPLATE = "#/components/schemas/{model}"

Responses = dict[int | str, dict[str, Any]]


def _error(description: str) -> dict[str, Any]:
    return {"model": ErrorOut, "description": description}


_INVALID = _error("Not valid; `details` names each wrong field, and each query parameter that is not known")

FAULT = _error("A fault of the service; its log knows the request id")
ERRORS: Responses = {422: _INVALID, 503: _error("Nothing is live yet, or the log cannot be reached")}
BODY_ERRORS: Responses = {413: _error("The body is too large"), **ERRORS}
RECEIPT_ERRORS: Responses = {404: _error("No such receipt"), **ERRORS}
RUN_ERRORS: Responses = {404: _error("No such run"), **ERRORS}
REPORT_RESPONSES: Responses = {
    200: {
        "description": "The page",
        "content": {"text/html": {"schema": {"type": "string"}, "example": "<!DOCTYPE html>…"}},
    },
    404: _error("No such page"),
    **ERRORS,
}
EXPERIMENT_ERRORS: Responses = {404: _error("No such experiment"), **BODY_ERRORS}
USER_ERRORS: Responses = {404: _error("No such customer"), **ERRORS}
ITEM_ERRORS: Responses = {404: _error("No such item"), **BODY_ERRORS}
CAMPAIGN_ERRORS: Responses = {
    404: _error("No such campaign"),
    412: _error("Somebody else changed or drew it meanwhile"),
    **BODY_ERRORS,
}
VERSION_ERRORS: Responses = {404: _error("No such version"), 422: _INVALID}
RULES_ERRORS: Responses = {
    412: _error("Somebody else changed them meanwhile"),
    413: BODY_ERRORS[413],
    422: _error("Not valid; `details` names each fault with its line"),
    503: _error("They cannot be stored"),
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


def segments_body() -> RequestBody:
    """The request body with segments: JSON, or the TOML text of the file."""
    body = body_of(SegmentsIn)
    body["requestBody"]["content"]["application/toml"] = {
        "schema": {"type": "string"},
        "example": '[[segments]]\nname = "leaving"\nwhere = { stage = "at_risk", money = { gte = 500 } }\n',
    }
    return body


def promotions_body() -> RequestBody:
    """The request body with promotions: JSON, or the TOML text of the file."""
    body = body_of(PromotionsIn)
    lines = ("[[promotions]]", 'id = "tea-10"', 'title = "10 % off tea"', 'kind = "discount"', 'categories = ["TEA"]')
    body["requestBody"]["content"]["application/toml"] = {
        "schema": {"type": "string"},
        "example": "\n".join((*lines, "percent = 10", "")),
    }
    return body


def ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REF_TEMPLATE.format(model=model.__name__)}
