"""The schema at /openapi.json and the service agree on every generated request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.homes import copy_home
from tests.resilience.running import PATIENT_S, service, url_of

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
N_SLOW, N_SOAK, N_STORIES = 120, 10_000, 300
NO_LIMITS = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
)


@pytest.fixture(scope="module")
def url(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = copy_home(trained_home, tmp_path_factory.mktemp("schema") / "home")
    with service(home, {"RECSYS_SERVE_KEEP_ALIVE_S": "600"}) as running:
        yield url_of(running)


REPORTS_OF_THE_LOG = ["/v1/kpis", "/v1/cohorts", "/v1/expected-units"]
# Each starts a process for a second; their own tests check what they say.
REPORTS = [
    *("/v1/experiments:try", "/v1/evaluations:try", "/v1/experiments/{experiment_id}/result", "/v1/shown/rates"),
    *(f"/v1/promotions/{name}" for name in ("responses", "bundles", "upsell", "table")),
    *("/v1/settings", "/v1/campaigns/{campaign_id}/result", "/v1/holdouts/{quarter}", "/v1/movers", "/v1/pairs"),
    *("/v1/releases", "/v1/releases:rollback", "/v1/releases:promote"),
]


@pytest.fixture(scope="module")
def schema(url: str) -> OpenApiSchema:
    """Without reports over the whole log: each starts a process for seconds, and `test_kpis.py` checks what it says."""
    whole = schemathesis.openapi.from_url(f"{url}/openapi.json")
    return cast(OpenApiSchema, whole.exclude(path=REPORTS_OF_THE_LOG))


def modes_of(operation: APIOperation[Any, Any, Any, Any]) -> tuple[GenerationMode, ...]:
    """Valid requests, and invalid ones where there is something to get wrong."""
    takes_something = operation.body or any(operation.iter_parameters())
    return (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes_something else (GenerationMode.POSITIVE,)


def ask_whatever(schema: OpenApiSchema, n: int | None) -> int:
    """Sends that many requests over all operations; returns their number.

    n: None sends one for each operation, valid and invalid in turn; generating them takes most of the time.
    """
    operations = [entry.ok() for entry in schema.get_all_operations() if isinstance(entry, Ok)]
    each = 1 if n is None else -(-n // (2 * len(operations)))
    n_sent = 0
    with requests.Session() as session:
        for at, operation in enumerate(operations):
            modes = modes_of(operation)
            for mode in modes if n is not None else modes[at % len(modes) :][:1]:

                @settings(NO_LIMITS, max_examples=each)
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Case[Any]) -> None:
                    nonlocal n_sent
                    n_sent += 1
                    answer = case.call(session=session, timeout=PATIENT_S)
                    case.validate_response(answer, checks=CHECKS)

                ask()
    return n_sent


def test_the_schema_names_the_answer_to_an_odd_request_of_each_operation(schema: OpenApiSchema, url: str) -> None:
    answered_here = cast(OpenApiSchema, schema.exclude(path=REPORTS))
    assert ask_whatever(answered_here, None) > 50
    assert 'status="500"' not in httpx.get(f"{url}/metrics").text


@pytest.mark.slow
def test_the_schema_names_every_answer_that_some_hundred_odd_requests_get(schema: OpenApiSchema, url: str) -> None:
    assert ask_whatever(schema, N_SLOW) > N_SLOW / 2
    assert 'status="500"' not in httpx.get(f"{url}/metrics").text


@pytest.mark.soak
def test_the_schema_names_every_answer_that_ten_thousand_odd_requests_get(schema: OpenApiSchema, url: str) -> None:
    assert ask_whatever(schema, N_SOAK) > N_SOAK / 2
    assert 'status="500"' not in httpx.get(f"{url}/metrics").text


class Stories:
    """Sequences with the same checks at each step, without the one that expects a refused key: there are no keys."""

    def validate_response(self, response: Response, case: Case[Any], **_more: object) -> None:
        case.validate_response(response, checks=CHECKS)


@pytest.mark.soak
def test_sequences_of_requests_end_without_a_fault(schema: OpenApiSchema, url: str) -> None:
    stories: Any = type("StoriesOfTheService", (Stories, schema.as_state_machine()), {})
    stories.run(settings=settings(NO_LIMITS, max_examples=N_STORIES, stateful_step_count=6))
    assert 'status="500"' not in httpx.get(f"{url}/metrics").text
