"""What /docs says of requests that are read by hand: their models stand beside everybody else's."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.auth.authorization import NEEDS, PUBLIC
from api.openapi.examples import with_examples
from api.openapi.responses import _REF, _ref
from api.schemas.common import ErrorOut
from api.schemas.request_models import REQUEST_MODELS

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


class DocumentedApi(FastAPI):
    """FastAPI whose schema also holds the models of bodies it does not read itself."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        _, found = models_json_schema([(model, "validation") for model in REQUEST_MODELS], ref_template=_REF)
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
