"""Log watch: a copy of a home and a restored backup are told from the log they were, whatever outlived it."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from starlette.testclient import TestClient

from api.cli.doctor import examine
from api.settings import ServerConfig
from recsys.data.store.open import notice_restore, open_store
from recsys.errors import BadInput
from recsys.models.registry import LEARNERS
from recsys.progress import StepLog
from recsys.testing import small_events
from tests.homes import publish_live
from training.backup.backup import BackupSource, back_up
from training.backup.restore import RestoreTarget, restore
from training.backup.storage import FolderStorage
from training.erasure_sweep import sweep
from training.job import TrainingOptions, train
from training.registry import Registry

Worker = Callable[..., TestClient]
CUSTOMER, OTHER, LATECOMER = "user-002", "user-003", "latecomer"
LIST = "/v1/users/{}/recommendations?k=5"
LATER = [event._replace(event_id=f"later-{event.event_id}", user_id=LATECOMER) for event in small_events(1)]


def shown(client: TestClient, user_id: str = CUSTOMER) -> list[str]:
    return [item["item_id"] for item in client.get(LIST.format(user_id)).json()["items"]]


def dismiss(client: TestClient, item_id: str, user_id: str = CUSTOMER) -> None:
    client.post("/v1/events", json={"user_id": user_id, "item_id": item_id, "kind": "dismiss"})


def copy_log(home: Path, copy: Path) -> None:
    with sqlite3.connect(home / "shop.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)


def few_models(home: Path) -> Path:
    """Settings for a training of a moment, outside the home."""
    models = sorted(LEARNERS.keys() - {"popularity", "buy_again"})
    file = home.with_name("few-models.toml")
    file.write_text("".join(f"[models.{name}]\noff = true\n" for name in models))
    return file


def replace_the_file(backup: Path, log: Path) -> None:
    shutil.copyfile(backup, backup.with_name("new"))
    backup.with_name("new").rename(log)


@pytest.fixture
def backup(home: Path, tmp_path: Path) -> Path:
    """A backup of the log; after it came events, and a release was made of them."""
    copy_log(home, tmp_path / "backup.db")
    store = open_store(home, None)
    store.append(LATER)
    publish_live(store, home, few_models(home))
    notice_restore(store, home)
    store.close()
    return tmp_path / "backup.db"


@pytest.fixture(params=[replace_the_file, shutil.copyfile], ids=["replaced", "overwritten"])
def restored(request: pytest.FixtureRequest, home: Path, backup: Path, worker: Worker) -> TestClient:
    request.param(backup, home / "shop.db")
    return worker()


def test_a_copy_of_a_home_gets_no_answer_of_the_first_from_redis(
    worker: Worker, home: Path, tmp_path: Path, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    env = {"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_REDIS_READ_MS": "2000", "RECSYS_SERVE_CACHE_MB": "0"}
    shutil.copytree(home, tmp_path / "staging")
    first, copy = worker(env), worker(env, at=tmp_path / "staging")
    top, *_ = shown(copy)
    first.post("/v1/events", json={"user_id": CUSTOMER, "item_id": top, "kind": "view"})
    dismiss(copy, top)
    assert top in shown(first)
    assert top not in shown(copy)


def test_a_release_newer_than_its_log_is_said(restored: TestClient, home: Path) -> None:
    ready = restored.get("/readyz").json()
    assert ready["parts"]["bundle"] == "of another log"
    assert any("repeat the erasures" in warning for warning in ready["warnings"])
    checks = {check.name: check for check in examine(ServerConfig.load(home, None, {}))}
    assert (checks["bundle"].is_ok, checks["bundle"].result) == (False, "of another log")


def test_after_a_restore_events_with_numbers_that_were_used_before_count(restored: TestClient) -> None:
    top, *_ = shown(restored)
    dismiss(restored, top)
    assert top not in shown(restored)
    assert restored.get(LIST.format(CUSTOMER)).json()["fallback"] == "personal"


def test_after_a_restore_a_customer_of_the_lost_future_is_a_stranger(restored: TestClient) -> None:
    assert restored.get(LIST.format(LATECOMER)).json()["fallback"] == "popular"
    assert restored.get(f"/v1/users/{LATECOMER}").status_code == 404


def test_after_a_restore_an_erasure_holds_against_the_newer_release(restored: TestClient) -> None:
    version = restored.get("/version").json()["model"]["version"]
    receipt = restored.delete(f"/v1/users/{OTHER}").json()
    assert version in receipt["remains"]["releases"]
    assert restored.get(LIST.format(OTHER)).json()["fallback"] == "popular"
    export = restored.get(f"/v1/users/{OTHER}/export").json()
    assert (export["events"], export["release"]["is_known"], export["release"]["history"]) == ([], False, [])


def test_a_release_that_knows_a_lost_future_names_no_customers(restored: TestClient) -> None:
    answer = restored.post("/v1/audience", json={"where": {"category": {"in": ["a", "b"]}}, "limit": 5})
    assert answer.status_code == 503
    assert "recsys train" in answer.text


def test_a_release_newer_than_its_log_is_swept_after_an_erasure(home: Path, backup: Path) -> None:
    replace_the_file(backup, home / "shop.db")
    store, registry = open_store(home, None), Registry(home)
    newer = registry.live()
    store.erase_user(OTHER)
    done = sweep(store, registry)
    assert (done.live, done.n_held) == (newer, 1)
    train(store, home, few_models(home), StepLog(), TrainingOptions(force="it has few models"))
    assert newer in [release.version for release in registry.releases()]
    assert newer in sweep(store, registry).deleted
    store.close()


def test_items_of_a_restored_log_replace_those_that_the_newer_release_knows(
    restored: TestClient,
) -> None:
    top, *_ = shown(restored)
    restored.put(f"/v1/items/{top}", json={"stock": 0})
    assert top not in shown(restored)


def test_a_log_that_is_replaced_under_a_worker_is_taken_at_the_next_look(
    worker: Worker, home: Path, backup: Path
) -> None:
    client = worker()
    assert client.get(LIST.format(LATECOMER)).json()["fallback"] == "personal"
    for file in home.glob("shop.db-*l"):
        file.unlink()
    (home / "shop.db-shm").unlink(missing_ok=True)  # of a connection that closed last
    replace_the_file(backup, home / "shop.db")
    watch = client.app.app.state.app_state.log_watch  # type: ignore[attr-defined]
    client.portal.call(watch.poll)  # type: ignore[union-attr]
    assert client.get("/readyz").json()["parts"]["bundle"] == "of another log"
    assert client.get(LIST.format(LATECOMER)).json()["fallback"] == "popular"
    top, *_ = shown(client)
    dismiss(client, top)
    assert top not in shown(client)


def test_a_restored_home_answers_as_before_and_gets_no_answer_of_the_lost_future_from_redis(
    worker: Worker, home: Path, tmp_path: Path, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    env = {"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_REDIS_READ_MS": "2000", "RECSYS_SERVE_CACHE_MB": "0"}
    backups = FolderStorage(tmp_path / "backups")
    with worker(env) as service:
        back_up(BackupSource(home), backups, StepLog())
        customers = [f"user-{n:03}" for n in range(2, 12)]
        lists = {customer: shown(service, customer) for customer in customers}
        first, second, *_ = lists[CUSTOMER]
        dismiss(service, first)
        assert first not in shown(service), "and this answer is in Redis"
    restore(backups, RestoreTarget(home), StepLog(), replace=True)
    with worker(env) as service:
        assert service.get("/readyz").json()["parts"]["bundle"] != "of another log"
        assert {customer: shown(service, customer) for customer in customers} == lists
        dismiss(service, second)  # has the number in the log that the first dismissal had
        assert shown(service)[0] == first
        assert second not in shown(service)


def test_a_home_is_not_restored_under_a_running_service(worker: Worker, home: Path, tmp_path: Path) -> None:
    backups, client = FolderStorage(tmp_path / "backups"), worker()
    back_up(BackupSource(home), backups, StepLog())
    before = shown(client)
    with pytest.raises(BadInput, match="stop the service"):
        restore(backups, RestoreTarget(home), StepLog(), replace=True)
    dismiss(client, before[0])
    assert before[0] not in shown(client)
    assert not list(home.glob(".re*"))


def test_whoever_was_erased_after_the_backup_is_a_stranger_to_the_restored_home(
    worker: Worker, home: Path, tmp_path: Path
) -> None:
    backups = FolderStorage(tmp_path / "backups")
    with worker() as service:
        back_up(BackupSource(home), backups, StepLog())
        receipt = service.delete(f"/v1/users/{OTHER}").json()["receipt_id"]
    restore(backups, RestoreTarget(home), StepLog(), replace=True)
    client = worker()
    assert client.get(LIST.format(OTHER)).json()["fallback"] == "popular"
    assert client.get(f"/v1/users/{OTHER}").status_code == 404
    assert client.get(f"/v1/receipts/{receipt}").json()["remains"]["releases"] != []
    assert client.get(LIST.format(CUSTOMER)).json()["fallback"] == "personal"
