"""Hot swap: a new release goes into service by itself; a damaged one is refused and the old one stays."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys.atomic_file import replace_file
from recsys.bundle import LIVE, Bundle, open_bundle, write_bundle
from recsys.bundle.key_rotation import create_signing_key
from recsys.bundle.signature import SIGNATURE
from recsys.data.store.open import open_store
from tests.homes import publish_live
from training.registry import Registry

Worker = Callable[..., TestClient]
QUESTION = "/v1/users/user-002/recommendations"


def trained_again(home: Path) -> str:
    with closing(open_store(home, None)) as store:
        return publish_live(store, home)


def version_of(client: TestClient) -> str:
    return str(client.get(QUESTION).json()["model_version"])


def wait_for(done: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.005)


def test_two_workers_take_a_new_release_without_dropping_or_mixing_an_answer(worker: Worker, home: Path) -> None:
    here, there = worker(), worker()
    old = version_of(here)
    seen: list[tuple[int, str, str]] = []
    stop = threading.Event()

    def keep_asking(client: TestClient) -> None:
        while not stop.wait(0.005):
            response = client.get(QUESTION)
            version = response.json().get("model_version", "")
            seen.append((response.status_code, version, response.json()["items"][0]["item_id"]))

    askers = [threading.Thread(target=keep_asking, args=(client,)) for client in (here, there)]
    for asker in askers:
        asker.start()
    new = trained_again(home)
    wait_for(lambda: version_of(here) == new and version_of(there) == new)
    stop.set()
    for asker in askers:
        asker.join()
    assert {status for status, _, _ in seen} == {200}
    assert {version for _, version, _ in seen} == {old, new}
    assert len({item for _, version, item in seen if version == new}) == 1


def test_a_rollback_goes_into_service_too(client: TestClient, home: Path) -> None:
    old = version_of(client)
    new = trained_again(home)
    wait_for(lambda: version_of(client) == new)
    Registry(home).rollback()
    wait_for(lambda: version_of(client) == old)


def test_a_damaged_release_is_refused_and_the_one_in_service_stays(client: TestClient, home: Path) -> None:
    old = version_of(client)
    new = trained_again(home)
    wait_for(lambda: version_of(client) == new)
    file = max((home / "bundles" / old).rglob("*.npy"), key=lambda path: path.stat().st_size)
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 0xFF
    file.unlink()
    file.write_bytes(damaged)
    (home / "bundles" / "beside").write_text(f"{old}\n")
    (home / "bundles" / "beside").replace(home / "bundles" / LIVE)
    wait_for(lambda: "recsys_bundles_refused_total 1.0" in client.get("/metrics").text)
    assert version_of(client) == new
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert any(str(file.name) in warning for warning in ready.json()["warnings"])


def test_an_unsigned_release_is_refused_and_the_signed_one_stays(client: TestClient, home: Path) -> None:
    old = version_of(client)
    create_signing_key(home, home / "bundles", now_ms=0)
    new = trained_again(home)
    wait_for(lambda: version_of(client) == new)
    (home / "bundles" / old / SIGNATURE).unlink()
    replace_file(home / "bundles" / LIVE, f"{old}\n".encode())
    wait_for(lambda: "recsys_bundles_untrusted_total 1.0" in client.get("/metrics").text)
    assert version_of(client) == new
    ready = client.get("/readyz").json()
    assert ready["parts"]["bundle"] == "refused"
    assert any("it is not signed" in warning for warning in ready["warnings"])


def test_a_release_that_only_fails_when_it_is_used_is_refused_too(worker: Worker, home: Path) -> None:
    registry = Registry(home)
    live = registry.live()
    assert live is not None
    whole = open_bundle(home / "bundles" / live)
    arrays = {name: whole.array(name) for name in whole.names if not name.startswith("users/")}

    def write_without_users(directory: Path) -> Bundle:
        return write_bundle(directory, arrays, whole.manifest.model_copy(update={"version": "odd", "files": {}}))

    client = worker()
    registry.publish(write_without_users)
    registry.promote("odd")
    wait_for(lambda: "recsys_bundles_refused_total 1.0" in client.get("/metrics").text)
    assert version_of(client) == live
    late = worker()
    assert late.get("/readyz").status_code == 503
    assert late.get("/livez").status_code == 200


@pytest.mark.parametrize("content", [b"", b"../elsewhere\n", b"no-such-version\n", b"\xff\xfe"])
def test_a_damaged_live_file_changes_nothing(client: TestClient, home: Path, content: bytes) -> None:
    old = version_of(client)
    (home / "bundles" / "beside").write_bytes(content)
    (home / "bundles" / "beside").replace(home / "bundles" / LIVE)
    wait_for(lambda: "recsys_bundles_refused_total 1.0" in client.get("/metrics").text)
    assert version_of(client) == old


def test_the_first_training_makes_a_waiting_service_ready(worker: Worker, home: Path) -> None:
    live = home / "bundles" / LIVE
    kept = live.read_bytes()
    live.unlink()
    client = worker()
    assert client.get("/readyz").status_code == 503
    live.write_bytes(kept)
    wait_for(lambda: client.get("/readyz").status_code == 200)
    assert version_of(client)


def test_items_changed_before_the_swap_stay_changed_after_it(worker: Worker, home: Path) -> None:
    here, there = worker(), worker()
    here.patch("/v1/items/item-006", json={"stock": 0})
    new = trained_again(home)
    here.patch("/v1/items/item-004", json={"stock": 0})
    for client in (here, there):
        wait_for(lambda client=client: version_of(client) == new)  # type: ignore[misc]
        shown = [item["item_id"] for item in client.get(QUESTION, params={"k": 24}).json()["items"]]
        assert not {"item-004", "item-006"} & {*shown}
