"""Last use of a key: noted by each request in memory, and stored together."""

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.auth.api_keys import create_key
from api.auth.authentication import Authenticator
from api.auth.key_uses import KeyUses
from api.settings import ServerConfig
from recsys.data.audit import AuditTable
from recsys.data.store.open import open_store
from recsys.errors import LogUnavailable
from recsys.time_units import now_ms
from tests.api.conftest import Worker, bearer, new_key


def test_a_worker_stores_when_a_key_was_used_and_nothing_of_one_that_it_refused(
    key_file: Path, worker: Worker, home: Path
) -> None:
    key, unused, began = new_key(key_file, "read"), new_key(key_file, "read"), now_ms()
    client: TestClient = worker()
    for sent in (key, f"{unused}x"):
        client.get("/v1/users/user-002/recommendations", headers=bearer(sent))
    client.__exit__(None, None, None)
    store = open_store(home, None)
    uses = store.last_uses()
    store.close()
    assert uses.keys() == {key.split("_")[1]}
    assert began <= uses[key.split("_")[1]] <= now_ms()


def test_a_store_that_does_not_answer_costs_the_note_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, text = create_key(tmp_path / "keys.json", "x", ["read"], now_ms=now_ms())
    store = open_store(tmp_path, None)

    async def use() -> None:
        authenticator = Authenticator(ServerConfig.load(tmp_path, None, {}))
        await authenticator.start()
        uses, sent = KeyUses(authenticator, store), {b"x-api-key": text.encode()}
        authenticator.authenticate(sent)
        with monkeypatch.context() as patch:
            patch.setattr(AuditTable, "note_uses", _unavailable)
            await uses.flush()
        assert store.last_uses() == {}
        authenticator.authenticate(sent)
        await uses.flush()
        await authenticator.close()

    asyncio.run(use())
    assert store.last_uses().keys() == {made.id}
    store.close()


def _unavailable(*_: object) -> None:
    raise LogUnavailable("the disk is full")
