"""Run routes: the runs of the store, newest first, with death found out; only an admin reads them."""

from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from api.auth.authorization import NEEDS
from api.live import log_reports
from recsys.cli.settings.describe import describe_settings
from recsys.data.runs import RunRecord
from recsys.data.store.open import open_store


def test_the_runs_of_a_job_are_listed_newest_first_without_their_logs(client: TestClient, home: Path) -> None:
    store = open_store(home, None)
    for n in (1, 2):
        store.put_run(RunRecord(f"r{n}", "sweep", "cron", n, verdict="done", ended_ms=n, log=("a line",)))
    store.put_run(RunRecord("r3", "sweep", "cron", 3, alive_ms=3))
    store.close()
    listed = client.get("/v1/runs", params={"job": "sweep", "newest": 2}).json()["runs"]
    assert [(run["run_id"], run["verdict"], run["log"]) for run in listed] == [("r3", "died", []), ("r2", "done", [])]
    assert client.get("/v1/runs/r2").json()["log"] == ["a line"]
    assert client.get("/v1/runs/nobody").json()["error"]["code"] == "unknown_run"
    assert "train" in {run["job"] for run in client.get("/v1/runs").json()["runs"]}


def test_wrong_parameters_are_refused(client: TestClient) -> None:
    for params in ({"newest": 0}, {"newest": 1_001}, {"job": "a b"}, {"jobs": "train"}):
        assert client.get("/v1/runs", params=params).status_code == 422


def test_only_an_admin_reads_runs() -> None:
    assert {NEEDS[path]["GET"] for path in ("/v1/runs", "/v1/runs/{run_id}")} == {"admin"}


def test_releases_are_changed_by_commands_whose_words_no_version_can_add_to(
    client: TestClient, log_commands: list[tuple[str, ...]]
) -> None:
    assert client.post("/v1/releases:promote", json={"version": "20260101T040000Z-3f9a"}).status_code == 200
    assert client.post("/v1/releases:rollback").status_code == 200
    for wrong in ("--force=x", "../x", "", "a b"):
        assert client.post("/v1/releases:promote", json={"version": wrong}).status_code == 422
    assert log_commands == [("promote", "20260101T040000Z-3f9a"), ("rollback",)]


def test_settings_say_where_the_service_still_works_with_another_value(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_calls = 0

    async def describe(home: Path, words: tuple[str, ...], _given: bytes = b"") -> bytes:
        nonlocal n_calls
        n_calls += words == ("settings",)
        rows = [asdict(row) for row in describe_settings(home / "recsys.toml", {"RECSYS_REDIS_URL": "redis://:x@r"})]
        return orjson.dumps({"file": None, "settings": rows})

    monkeypatch.setattr(log_reports, "run_command", describe)
    (home / "recsys.toml").write_text("[serve]\nworkers = 3\n")
    for _ in range(2):
        rows = {f"{row['table']}.{row['name']}": row for row in client.get("/v1/settings").json()["settings"]}
    workers, port, redis = (rows[name] for name in ("serve.workers", "serve.port", ".redis_url"))
    assert (workers["value"], workers["running"], workers["is_pending"]) == (3, 1, True)
    assert (port["is_pending"], redis["value"], redis["running"], redis["is_pending"]) == (False, "***", None, True)
    assert n_calls == 1
    (home / "recsys.toml").write_text("[serve]\nworkers = 1\n# other\n")
    settings = client.get("/v1/settings").json()["settings"]
    assert not next(row for row in settings if row["name"] == "workers")["is_pending"]
