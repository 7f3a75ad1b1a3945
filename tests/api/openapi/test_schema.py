"""What /openapi.json says of every route is whole, and its examples are true."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from api.openapi.examples import EXAMPLES
from api.schemas import audience, common, events, explain, health, items, rank, recommendations, rules, users
from api.schemas.request_models import REQUEST_MODELS

Json = dict[str, Any]
MODULES = (recommendations, audience, common, events, explain, health, items, rank, rules, users)


@pytest.fixture
def schema(client: TestClient) -> Json:
    found: Json = client.get("/openapi.json").json()
    return found


def operations(schema: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(schema: Json, found: Json) -> Json:
    name = found.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else found


def has_example(schema: Json, content: Json) -> bool:
    """Whether the media type has one, or each of the models that may stand there."""
    media = next(iter(content.values()))
    if "example" in media or "examples" in media:
        return True
    found = resolved(schema, media["schema"])
    if "anyOf" not in found:
        return bool(found.get("examples"))
    named = [one for one in found["anyOf"] if "$ref" in one]
    return (
        bool(named)
        and all(resolved(schema, one).get("examples") or "$ref" in one for one in named)
        and any(resolved(schema, one).get("examples") for one in named)
    )


def says_what_goes_wrong(schema: Json, operation: Json) -> bool:
    failures = {status: told for status, told in operation["responses"].items() if status >= "400"}
    error = "#/components/schemas/ErrorOut"
    return bool(failures) and all(
        told["description"] and told["content"]["application/json"]["schema"] == {"$ref": error}
        for told in failures.values()
    )


def test_every_route_says_what_it_does_and_what_may_go_wrong(schema: Json) -> None:
    for name, operation in operations(schema):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert says_what_goes_wrong(schema, operation), name


def test_every_route_says_what_it_answers_with_an_example(schema: Json) -> None:
    for name, operation in operations(schema):
        done = {status: told for status, told in operation["responses"].items() if status < "300"}
        assert len(done) == 1, name
        (status, told), *_ = done.items()
        if status == "204":
            assert "content" not in told, name
            continue
        assert next(iter(told["content"].values()))["schema"], name
        assert has_example(schema, told["content"]), f"{name}: add one to api/openapi/examples.py"


def test_every_body_and_every_name_in_a_path_has_an_example(schema: Json) -> None:
    for name, operation in operations(schema):
        if "requestBody" in operation:
            assert has_example(schema, operation["requestBody"]["content"]), name
        for parameter in operation.get("parameters", []):
            is_text = parameter["schema"].get("type") == "string"
            if parameter["in"] == "path" and is_text:
                assert parameter["schema"].get("examples") or parameter.get("example"), f"{name}: {parameter['name']}"


def test_every_example_is_what_its_model_says(schema: Json) -> None:
    models = {name: model for module in MODULES for name, model in vars(module).items() if isinstance(model, type)}
    models |= {model.__name__: model for model in REQUEST_MODELS}
    told: list[tuple[str, Mapping[str, Any]]] = [
        (name, example)
        for name, component in schema["components"]["schemas"].items()
        for example in component.get("examples", [])
    ]
    assert {name for name, _ in told} >= {"RecommendationsIn", "RecommendationsOut", "ErrorOut"}
    for name, example in told:
        models[name].model_validate_json(orjson.dumps(example))  # type: ignore[attr-defined]
    assert set(EXAMPLES) <= set(schema["components"]["schemas"])
    for name, example in EXAMPLES.items():
        unknown = set(example) - set(schema["components"]["schemas"][name]["properties"])
        assert not unknown, name


def test_what_the_service_says_of_itself_is_what_its_schema_says(client: TestClient) -> None:
    for path, model in (
        ("/livez", health.LiveOut),
        ("/readyz", health.ReadyOut),
        ("/version", health.VersionOut),
    ):
        told = client.get(path)
        assert set(told.json()) == set(model.model_fields)
        model.model_validate_json(told.content)
