"""OpenAPI document: complete for every route, with examples that are valid."""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from api import schemas
from api.openapi.examples import EXAMPLES
from api.schemas import health
from recsys.campaigns.definition import CampaignDefinition
from recsys.promotions.document import PromotionsIn
from recsys.ranking.rules.parser import RulesIn
from recsys.ranking.segments.document import SegmentsIn

Json = dict[str, Any]
MODULES = [import_module(module.name) for module in pkgutil.walk_packages(schemas.__path__, "api.schemas.")]


@pytest.fixture(scope="module")
def schema(reader: TestClient) -> Json:
    document: Json = reader.get("/openapi.json").json()
    return document


def operations(schema: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(schema: Json, part: Json) -> Json:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else part


def has_example(schema: Json, content: Json) -> bool:
    """Whether the media type has an example, or each of its models has one."""
    media = next(iter(content.values()))
    if "example" in media or "examples" in media:
        return True
    result = resolved(schema, media["schema"])
    if "anyOf" not in result:
        return bool(result.get("examples"))
    named = [entry for entry in result["anyOf"] if "$ref" in entry]
    return (
        bool(named)
        and all(resolved(schema, entry).get("examples") or "$ref" in entry for entry in named)
        and any(resolved(schema, entry).get("examples") for entry in named)
    )


def says_what_goes_wrong(schema: Json, operation: Json) -> bool:
    failures = {status: entry for status, entry in operation["responses"].items() if status >= "400"}
    error = "#/components/schemas/ErrorOut"
    return bool(failures) and all(
        entry["description"] and entry["content"]["application/json"]["schema"] == {"$ref": error}
        for entry in failures.values()
    )


def test_every_route_says_what_it_does_and_what_may_go_wrong(schema: Json) -> None:
    for name, operation in operations(schema):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert says_what_goes_wrong(schema, operation), name


def test_every_route_says_what_it_answers_with_an_example(schema: Json) -> None:
    for name, operation in operations(schema):
        done = {status: entry for status, entry in operation["responses"].items() if status < "300"}
        assert len(done) == 1, name
        (status, entry), *_ = done.items()
        if status == "204":
            assert "content" not in entry, name
            continue
        assert next(iter(entry["content"].values()))["schema"], name
        assert has_example(schema, entry["content"]), f"{name}: add one to api/openapi/examples.py"


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
    models |= {"RulesIn": RulesIn, "SegmentsIn": SegmentsIn, "PromotionsIn": PromotionsIn}
    models["CampaignDefinition"] = CampaignDefinition
    examples: list[tuple[str, Mapping[str, Any]]] = [
        (name, example)
        for name, component in schema["components"]["schemas"].items()
        for example in component.get("examples", [])
    ]
    assert {name for name, _ in examples} >= {"RecommendationsIn", "RecommendationsOut", "ErrorOut"}
    for name, example in examples:
        models[name].model_validate_json(orjson.dumps(example))  # type: ignore[attr-defined]
    assert set(EXAMPLES) <= set(schema["components"]["schemas"])
    for name, example in EXAMPLES.items():
        unknown = set(example) - set(schema["components"]["schemas"][name]["properties"])
        assert not unknown, name


def test_the_operational_routes_answer_as_their_schema_says(client: TestClient) -> None:
    for path, model in (
        ("/livez", health.LiveOut),
        ("/readyz", health.ReadyOut),
        ("/version", health.VersionOut),
    ):
        response = client.get(path)
        assert set(response.json()) == set(model.model_fields)
        model.model_validate_json(response.content)


def test_operations_have_short_names_of_their_own_for_generated_clients(schema: Json) -> None:
    names = [operation["operationId"] for _, operation in operations(schema)]
    assert len(names) == len(set(names)) > 20
    assert all(name.isidentifier() and "_v1_" not in name for name in names)
    assert schema["paths"]["/v1/users/{user_id}/recommendations"]["get"]["operationId"] == "recommendations_of_user"


def test_the_document_names_its_licence_a_contact_and_every_tag(schema: Json) -> None:
    assert schema["info"]["license"]["identifier"] == "Apache-2.0"
    assert schema["info"]["contact"]["name"]
    used = {tag for _, operation in operations(schema) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in schema["tags"]}
