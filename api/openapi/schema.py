"""OpenAPI schema: the document of FastAPI, with request bodies parsed by hand, scopes, refusals and examples."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from api.auth.authorization import NEEDS, PUBLIC
from api.openapi.examples import with_examples
from api.openapi.responses import REF_TEMPLATE, RequestBody, ref
from api.schemas.common import ErrorOut

TAGS = {
    "recommendations": "What to show: to a customer, beside an item, in a place of the shop; and why",
    "events": "What customers do",
    "facts": "What customers say, search and are sent",
    "items": "The catalogue",
    "users": "Customers: facts, export, erasure, whom to write to",
    "customers": "Who the customers are",
    "segments": "Saved conditions on customers",
    "campaigns": "Offers with a control group: planned, drawn once, exported, closed.",
    "promotions": "What the shop offers, to whom, for how much money",
    "rules": "Rules of the marketers",
    "operations": "Whether the service is well",
}
_REFUSALS = {
    401: "No key, or one that is not known, revoked or expired",
    429: "Too many requests of this key or address; `retry-after` says when to come again",
    403: "The key has not the scope for this, or may not be used from this page",
}
_OF_ANY_REQUEST = {
    400: "No HTTP/1.1, or a path or query that is no UTF-8",
    408: "The request took too long to arrive",
    431: "Request line and headers are too large",
}


class DocumentedApi(FastAPI):
    """FastAPI whose schema also holds the models of bodies that it does not parse itself."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        _, extra = models_json_schema(
            [(model, "validation") for model in request_models(self.routes)], ref_template=REF_TEMPLATE
        )
        schema["components"]["schemas"] |= extra["$defs"]
        _with_operation_ids(schema, self.routes)
        _with_common_refusals(schema)
        _with_security(schema)
        with_examples(schema)
        return schema


def request_models(routes: Iterable[BaseRoute]) -> list[type[BaseModel]]:
    """The models of all bodies that routes parse themselves."""
    bodies = [route.openapi_extra for route in routes if isinstance(route, APIRoute)]
    return list(dict.fromkeys(model for body in bodies if isinstance(body, RequestBody) for model in body.models))


def _with_operation_ids(schema: dict[str, Any], routes: Iterable[BaseRoute]) -> None:
    """Names every operation as its function: generators of clients make methods of these names."""
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                schema["paths"][route.path_format][method.lower()]["operationId"] = route.name


def _with_common_refusals(schema: dict[str, Any]) -> None:
    """Adds the refusals of a request whose operation is not known yet."""
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"] |= {str(status): _refusal(text) for status, text in _OF_ANY_REQUEST.items()}


def _with_security(schema: dict[str, Any]) -> None:
    """Adds to every operation the scope it needs, and the refusals without it."""
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
            operation["responses"] |= {str(status): _refusal(text) for status, text in _REFUSALS.items()}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": ref(ErrorOut)}}}
