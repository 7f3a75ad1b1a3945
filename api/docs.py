"""What /docs says of requests that are read by hand: their models stand beside everybody else's."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.schemas import ErrorOut, EventIn, EventsIn, ItemFields, ItemIn, ItemsIn, RecommendationsIn

READ_BY_HAND: tuple[type[BaseModel], ...] = (RecommendationsIn, EventIn, EventsIn, ItemFields, ItemIn, ItemsIn)
_REF = "#/components/schemas/{model}"

_INVALID: dict[str, Any] = {"model": ErrorOut, "description": "Not valid; `details` names each wrong field"}
_DOWN: dict[str, Any] = {"model": ErrorOut, "description": "Nothing is live yet, or the log cannot be reached"}
ERRORS: dict[int | str, dict[str, Any]] = {422: _INVALID, 503: _DOWN}
BODY_ERRORS = {413: {"model": ErrorOut, "description": "The body is too large"}, **ERRORS}
ITEM_ERRORS = {404: {"model": ErrorOut, "description": "No such item"}, **BODY_ERRORS}


class DocumentedApi(FastAPI):
    """FastAPI whose schema also holds the models of bodies it does not read itself."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        _, found = models_json_schema([(model, "validation") for model in READ_BY_HAND], ref_template=_REF)
        schema["components"]["schemas"] |= found["$defs"]
        return schema


def body_of(*models: type[BaseModel], many: type[BaseModel] | None = None) -> dict[str, Any]:
    """The request body as one of these models, or a bare list of `many`."""
    choices: list[dict[str, Any]] = [_ref(model) for model in models]
    if many is not None:
        choices.append({"type": "array", "items": _ref(many), "title": f"List of {many.__name__}"})
    schema = choices[0] if len(choices) == 1 else {"anyOf": choices}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}
