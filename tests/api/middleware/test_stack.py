"""Mounted applications and folders of files: behind the scope of the one table, as routes are."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Host, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from api.app import build_api
from api.auth import authorization
from api.auth.authorization import NEEDS
from api.middleware.stack import with_middleware, wrap_route
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.data.store.open import open_store
from tests.api.conftest import bearer


async def echo(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path, "method": request.method})


@pytest.fixture
def mounted(home: Path, tmp_path: Path, keys: object, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The service with a Starlette application at /console and a folder of files at /assets."""
    needs = {**NEEDS, "/console/*": {"GET": "users", "POST": "users"}, "/assets/*": {"GET": "read"}}
    monkeypatch.setattr(authorization, "NEEDS", needs)
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "app.js").write_text("let x = 1")
    state = AppState(ServerConfig.load(home, None, {}), open_store(home, None), Metrics())
    api = build_api(state)
    api.mount("/console", Starlette(routes=[Route("/{rest:path}", echo, methods=["GET", "POST", "DELETE"])]))
    api.mount("/assets", StaticFiles(directory=folder))
    return TestClient(with_middleware(api, state), raise_server_exceptions=False)


@pytest.mark.parametrize("route", sorted(path for path in NEEDS if ":path}" in path))
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
def test_a_slash_that_is_not_escaped_belongs_to_no_id(reader: TestClient, route: str, method: str) -> None:
    name = re.sub(r"\{.*\}", "{}", route)
    body = b'{"stock": 0}' if method in ("PUT", "PATCH", "POST") else None
    for path in (f"{name.format('item-001')}/", name.format("item-001/"), name.format("new/one"), name.format("")):
        assert reader.request(method, path, content=body).status_code in (404, 405), path
    assert reader.get("/v1/items/item-001%2F").status_code == 404


def test_a_line_break_behind_a_path_is_that_of_no_route(reader: TestClient) -> None:
    for route in (path for path in NEEDS if not path.endswith(("*", "}"))):
        path = re.sub(r"\{.*\}", "item-001", route)
        assert {reader.request(method, f"{path}%0A").status_code for method in NEEDS[route]} <= {404, 405}, route


def test_a_mounted_application_opens_to_its_scope_alone(mounted: TestClient, keys: dict[str, str]) -> None:
    with mounted as client:
        for path in ("/console/", "/console/customers", "/console/a/b"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer(keys["read"])).json()["error"]["code"] == "missing_scope"
            answer = client.get(path, headers=bearer(keys["users"]))
            assert (answer.status_code, answer.json()["path"]) == (200, path)
            assert answer.headers["x-request-id"]
        assert client.post("/console/customers", headers=bearer(keys["users"])).status_code == 200


def test_a_mounted_folder_of_files_opens_to_its_scope_alone(mounted: TestClient, keys: dict[str, str]) -> None:
    with mounted as client:
        assert client.get("/assets/app.js").status_code == 401
        assert client.get("/assets/app.js", headers=bearer(keys["users"])).status_code == 403
        assert client.get("/assets/app.js", headers=bearer(keys["read"])).text == "let x = 1"
        assert client.head("/assets/app.js", headers=bearer(keys["read"])).status_code == 200
        for path in ("/assets/none.js", "/assets/%2e%2e/keys.json", "/assets/..%2fkeys.json"):
            assert client.get(path, headers=bearer(keys["read"])).status_code == 404


def test_a_method_that_the_table_does_not_name_is_refused_below_a_mount(
    mounted: TestClient, keys: dict[str, str]
) -> None:
    with mounted as client:
        answer = client.delete("/console/customers", headers=bearer(keys["users"]))
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_an_escaped_slash_reaches_a_mounted_application_as_any_server_sends_it(
    mounted: TestClient, keys: dict[str, str]
) -> None:
    with mounted as client:
        assert client.get("/console/a%2Fb", headers=bearer(keys["users"])).json()["path"] == "/console/a/b"


def test_the_metrics_name_a_mounted_application_by_its_prefix(mounted: TestClient, keys: dict[str, str]) -> None:
    with mounted as client:
        client.get("/console/customer-17", headers=bearer(keys["users"]))
        text = client.get("/metrics", headers=bearer(keys["read"])).text
        assert 'route="/console"' in text
        assert "customer-17" not in text


@pytest.mark.parametrize("mount", [Mount("/new", Starlette()), Mount("/new", routes=[Route("/", echo)])])
def test_a_mount_without_a_declared_scope_stops_the_service(mount: Mount) -> None:
    with pytest.raises(RuntimeError, match=r"NEEDS \(api/auth/authorization.py\).*GET.*/new/\*"):
        wrap_route(mount)


def test_what_is_neither_a_route_nor_a_mount_stops_the_service() -> None:
    with pytest.raises(RuntimeError, match="only routes and mounted applications"):
        wrap_route(Host("other.example", Starlette()))
