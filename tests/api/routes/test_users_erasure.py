"""Erasure and export of a customer: every worker forgets them at once, and the receipt names what is left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from api.state import AppState
from recsys.data.store.open import open_store
from recsys.progress import StepLog
from training.erasure_sweep import sweep
from training.job import train
from training.registry import Registry

Worker = Callable[..., TestClient]
KNOWN = "/v1/users/user-002"
ASK = f"{KNOWN}/recommendations?k=5"


def state_of(client: TestClient) -> AppState:
    state: AppState = client.app.app.state.app_state  # type: ignore[attr-defined]
    return state


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_an_erased_customer_is_unknown_to_every_worker_at_once(worker: Worker) -> None:
    here, there = worker(), worker()
    assert {client.get(ASK).json()["fallback"] for client in (here, there)} == {"personal"}
    body = here.delete(KNOWN).json()
    assert body["kind"] == "erasure"
    assert body["counts"]["events"] > 0
    for client in (there, here):
        answer = client.get(ASK).json()
        assert answer["fallback"] == "popular"
        assert ids(answer) == ids(client.get("/v1/users/nobody/recommendations?k=5").json())
        posted = client.post("/v1/recommendations", json={"user_id": "user-002", "k": 3}).json()
        assert posted["fallback"] == "popular"
    assert here.get(KNOWN).status_code == 404
    assert there.get(f"{KNOWN}/export").json()["events"] == []
    assert there.get(f"{KNOWN}/export").json()["release"]["is_known"] is False


def test_a_customer_with_an_erased_id_is_a_new_customer(client: TestClient) -> None:
    client.delete(KNOWN)
    event = {"user_id": "user-002", "item_id": "item-005", "kind": "purchase"}
    assert client.post("/v1/events", json=event).json()["accepted"] == 1
    answer = client.get(f"{KNOWN}/recommendations?placement=buy-again&k=1").json()
    assert (ids(answer), answer["fallback"]) == (["item-005"], "personal")
    assert len(client.get(f"{KNOWN}/export").json()["events"]) == 1


def test_workers_drop_erased_data_from_memory(worker: Worker, redis_url: str) -> None:
    env = {"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_REDIS_READ_MS": "2000", "RECSYS_SERVE_REDIS_CONNECT_MS": "2000"}
    here, there = worker(env), worker(env)
    for client in (here, there):
        client.get(ASK)
    with redis.Redis.from_url(redis_url) as shared:
        assert list(shared.scan_iter("recsys:answer:*")) != []
        here.delete(KNOWN)
        assert list(shared.scan_iter("recsys:answer:*")) == []
    state = state_of(there)
    there.portal.call(state.erasure_sync.reload_if_changed)  # type: ignore[union-attr]
    for entry in (state, state_of(here)):
        reader = entry.user_states
        assert (len(entry.memory._payloads), len(reader._heads), len(reader._states)) == (0, 0, 0)
        assert entry.releases.now is not None
        kept = entry.releases.now.recommender.engine.candidate_cache
        assert not [*kept._lists, *kept._repeat_purchases]


def test_no_worker_remembers_an_order_id_of_others_that_held_the_customer(worker: Worker) -> None:
    here, there = worker(), worker()
    bought = {"user_id": "user-004", "item_id": "item-005", "kind": "purchase", "order_id": "order-user-002-1"}
    assert here.post("/v1/events", json=bought).json()["accepted"] == 1

    def remembered() -> list[str | None]:
        there.get("/v1/users/user-004/recommendations?k=5")
        return [event.order_id for event in state_of(there).user_states._events._by_owner["user-004"].events]

    assert remembered() == ["order-user-002-1"]
    receipt = here.delete(KNOWN).json()
    there.portal.call(state_of(there).erasure_sync.reload_if_changed)  # type: ignore[union-attr]
    assert remembered() == [f"order-erased-{receipt['receipt_id']}-1"]


def test_a_merge_drops_nothing(client: TestClient) -> None:
    client.get(ASK)
    client.post("/v1/users:merge", json={"from": "visitor", "into": "user-004"})
    state = state_of(client)
    client.portal.call(state.erasure_sync.reload_if_changed)  # type: ignore[union-attr]
    assert len(state.memory._payloads) == 1


def test_while_the_log_does_not_answer_the_erased_stay_unknown(worker: Worker) -> None:
    here, there = worker(), worker()
    here.delete(KNOWN)
    state = state_of(there)
    there.portal.call(state.erasure_sync.reload_if_changed)  # type: ignore[union-attr]
    state.store.close()
    assert there.get(ASK).json()["fallback"] == "popular"
    assert there.get("/v1/users/user-004/recommendations?k=5").json()["fallback"] == "personal"


def test_the_receipt_is_read_again_until_nothing_is_left(client: TestClient, home: Path) -> None:
    receipt = client.delete(KNOWN).json()
    version = client.get("/version").json()["model"]["version"]
    path = f"/v1/receipts/{receipt['receipt_id']}"
    assert client.get(path).json() == receipt
    assert receipt["remains"] == {"releases": [version], "log_file": False}
    store = open_store(home, None)
    done = sweep(store, Registry(home))
    assert (done.live, done.n_held, done.deleted) == (version, 1, [])
    train(store, home, None, StepLog())
    assert version in client.get(path).json()["remains"]["releases"], "the way back is kept for some days"
    assert sweep(store, Registry(home)).deleted == [version]
    store.close()
    assert client.get(path).json()["remains"] == {"releases": [], "log_file": False}


def test_a_training_deletes_old_releases_that_hold_an_erased_customer(home: Path) -> None:
    (home / "recsys.toml").write_text("[train]\nerase_within_days = 0\n")
    store, registry = open_store(home, None), Registry(home)
    before = registry.live()
    store.erase_user("user-002")
    train(store, home, home / "recsys.toml", StepLog())
    assert [release.version for release in registry.releases()] == [registry.live()] != [before]
    store.close()


def test_the_erasure_of_an_unknown_customer_gives_a_receipt_too(client: TestClient) -> None:
    response = client.delete("/v1/users/a%2Fstranger")
    assert response.status_code == 200
    assert response.json()["counts"]["events"] == 0


@pytest.mark.parametrize(("path", "status"), [("/v1/receipts/0123", 404), ("/v1/receipts/X", 422)])
def test_an_unknown_receipt_is_not_found(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_an_export_over_http_is_the_whole_document(client: TestClient) -> None:
    client.get(ASK)
    client.patch(KNOWN, json={"attributes": {"town": "Ulm"}})
    body = client.get(f"{KNOWN}/export").json()
    assert body["attributes"] == {"town": "Ulm"}
    assert body["release"]["is_known"]
    assert len(body["events"]) >= len(body["release"]["history"]) > 10
    assert len(body["shown"]) >= 5
    assert {entry["user_id"] for entry in body["shown"]} == {KNOWN.rpartition("/")[2]}
