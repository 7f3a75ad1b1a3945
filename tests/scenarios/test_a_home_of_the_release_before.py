"""Upgrade of a home that older code wrote: it opens, gives the same answers, serves, rolls back, learns on."""

import csv
import json
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.cli.app import application
from recsys.data.store.open import open_store
from recsys.threads import limit_threads
from tests.resilience.running import service, url_of

DATA = Path(__file__).parents[1] / "data"
EXPECTED = json.loads((DATA / "home-of-the-release-before.json").read_text())
NEWEST, FIRST = EXPECTED["releases"]
NOW_MS = EXPECTED["now_ms"]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(DATA / "home-of-the-release-before.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "home"


@pytest.fixture
def home(unpacked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unpacked, tmp_path / "home"))


@pytest.fixture
def old_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment at which the older code answered."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW_MS * 1_000_000)


@contextmanager
def web(home: Path) -> Iterator[TestClient]:
    env = {"RECSYS_SERVE_DATABASE_TIMEOUT_MS": "10000"}
    limit_threads(env)
    config = ServerConfig.load(home, home / "recsys.toml", env)
    state = AppState(config, open_store(home, None), Metrics())
    with TestClient(create_app(state), headers=bearer(EXPECTED["admin"])) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def run(home: Path, *words: str) -> str:
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def differences(new: Any, old: Any, at: str = "") -> Iterator[str]:
    """Where an answer is not what it was.  Numbers agree to six digits: processors round differently."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - {"request_id"}:
            yield from differences(new.get(key), old[key], f"{at}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (newer, older) in enumerate(zip(new, old, strict=True)):
            yield from differences(newer, older, f"{at}[{place}]")
    elif new != (pytest.approx(old, rel=1e-6) if isinstance(old, float) else old):
        yield f"{at}: {new!r}, was {old!r}"


def changed_answers(home: Path, release: dict[str, Any]) -> list[str]:
    """Of all that was asked under that release, what the service answers differently now."""
    changed: list[str] = []
    with web(home) as client:
        for asked in release["answers"]:
            response = client.request(asked["method"], asked["path"], json=asked["body"])
            place = f"{asked['method']} {asked['path']} {asked['body']}"
            changed += differences([response.status_code, response.json()], [asked["status"], asked["answer"]], place)
    return changed


@pytest.mark.usefixtures("old_clock")
def test_every_answer_is_what_it_was(home: Path) -> None:
    assert changed_answers(home, NEWEST) == []


@pytest.mark.usefixtures("old_clock")
def test_the_first_release_answers_as_it_did_after_a_rollback(home: Path) -> None:
    assert FIRST["version"] in run(home, "rollback")
    assert changed_answers(home, FIRST) == []


@pytest.mark.parametrize("release", [NEWEST, FIRST], ids=["newest", "first"])
def test_every_predicted_rating_is_what_it_was(home: Path, release: dict[str, Any]) -> None:
    run(home, "rollback", release["version"])
    for user, item, rating in release["predicted"]:
        assert run(home, "predict", user, item).strip() == rating


def test_its_keys_open_what_they_opened(home: Path) -> None:
    with service(home) as server, httpx.Client(base_url=url_of(server)) as client:
        path = "/v1/users/user-002/recommendations?k=3"
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer(EXPECTED["former"])).status_code == 401
        assert len(client.get(path, headers=bearer(EXPECTED["reader"])).json()["items"]) == 3
        assert client.get("/v1/rules", headers=bearer(EXPECTED["reader"])).status_code == 403
        assert client.get("/v1/rules", headers=bearer(EXPECTED["admin"])).status_code == 200


def test_its_answer_log_is_read_on(home: Path) -> None:
    shown = run(home, "shown", "answer-1")
    assert "home for user-012" in shown
    assert NEWEST["version"] in shown
    table = home / "shown.csv"
    run(home, "shown", "--since", "2017-11-01", "--csv", str(table))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["request_id"] for row in rows] == 4 * ["answer-1"] + 2 * ["answer-2"] + 4 * ["answer-3"]
    assert [row["position"] for row in rows if float(row["revenue"]) == 7.5] == ["2"]


def test_it_takes_further_events_and_learns_from_them(home: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("user_id,item_id,kind,at\nsomebody-new,item-008,purchase,2017-12-01T10:00:00Z\n")
    assert "1 accepted" in run(home, "import", "events", str(events))
    run(home, "train", "--force", "it learns from what is there, however its lists compare")
    with web(home) as client:
        answer = client.get("/v1/users/somebody-new/recommendations?k=3&placement=buy-again").json()
        erased = client.get("/v1/users/user-007/export").json()
    assert answer["model_version"] not in {NEWEST["version"], FIRST["version"]}
    assert answer["items"][0]["item_id"] == "item-008"
    assert erased["events"] == []
