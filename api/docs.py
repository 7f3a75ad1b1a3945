"""What /docs says of requests that are read by hand: their models stand beside everybody else's."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.examples import with_examples
from api.schemas import BatchIn, ErrorOut, EventIn, EventsIn, ItemFields, ItemIn, ItemsIn, RecommendationsIn
from api.schemas_audience import AudienceIn
from api.schemas_explain import ExplainIn
from api.schemas_rank import RankIn
from api.schemas_rules import RulesTryIn
from api.schemas_users import MergeIn, UserFields, UserIn, UsersIn
from api.scopes import NEEDS, PUBLIC
from recsys.ranking.rules_text import RulesIn

READ_BY_HAND: tuple[type[BaseModel], ...] = (
    RecommendationsIn,
    BatchIn,
    EventIn,
    EventsIn,
    ItemFields,
    ItemIn,
    ItemsIn,
    ExplainIn,
    RankIn,
    RulesIn,
    RulesTryIn,
    UserFields,
    UserIn,
    UsersIn,
    MergeIn,
    AudienceIn,
)
_REF = "#/components/schemas/{model}"

_REFUSALS = {
    401: "No key, or one that is not known, revoked or expired",
    429: "Too many requests of this key or address; `retry-after` says when to come again",
    403: "The key has not the scope for this, or may not be used from this page",
}
_ANYWHERE = {
    400: "No HTTP/1.1, or a path or query that is no UTF-8",
    408: "The request took too long to arrive",
    431: "Request line and headers are too large",
}
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


class DocumentedApi(FastAPI):
    """FastAPI whose schema also holds the models of bodies it does not read itself."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        _, found = models_json_schema([(model, "validation") for model in READ_BY_HAND], ref_template=_REF)
        schema["components"]["schemas"] |= found["$defs"]
        _with_what_any_request_may_hear(schema)
        _with_keys(schema)
        with_examples(schema)
        return schema


def _with_what_any_request_may_hear(schema: dict[str, Any]) -> None:
    """What is refused before anybody knows which operation is meant."""
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"] |= {str(status): _refusal(said) for status, said in _ANYWHERE.items()}


def _with_keys(schema: dict[str, Any]) -> None:
    """Says of every operation which scope opens it, and how it is refused."""
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key made with `recsys keys create`"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key, without a word"},
    }
    for template, needs in NEEDS.items():
        for method, need in needs.items():
            operation = schema["paths"].get(template.replace(":path", ""), {}).get(method.lower())
            if operation is None or need == PUBLIC:
                continue
            operation["security"] = [{"bearer": [need]}, {"key": [need]}]
            operation["responses"] |= {str(status): _refusal(said) for status, said in _REFUSALS.items()}


def _refusal(said: str) -> dict[str, Any]:
    return {"description": said, "content": {"application/json": {"schema": _ref(ErrorOut)}}}


def body_of(*models: type[BaseModel], many: type[BaseModel] | None = None) -> dict[str, Any]:
    """The request body as one of these models, or a bare list of `many`."""
    choices: list[dict[str, Any]] = [_ref(model) for model in models]
    if many is not None:
        choices.append({"type": "array", "items": _ref(many), "title": f"List of {many.__name__}"})
    schema = choices[0] if len(choices) == 1 else {"anyOf": choices}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def rules_body() -> dict[str, Any]:
    """The rules as JSON, or the text of the file itself."""
    body = body_of(RulesIn)
    body["requestBody"]["content"]["application/toml"] = {
        "schema": {"type": "string"},
        "example": '[[rules]]\nid = "no-gift-cards"\nkind = "block"\ncategories = ["GIFT CARDS"]\nreason = "No gift"\n',
    }
    return body


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}
