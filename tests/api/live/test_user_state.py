"""User state: kept for as long as nothing was written, and never without what names its owner in the answer log."""

from collections.abc import Callable
from dataclasses import replace

from starlette.testclient import TestClient

from api.live.subject import UserState
from api.live.user_state import UserStateReader
from tests.api.live.test_release import wait_for

Worker = Callable[..., TestClient]


def user_states(client: TestClient) -> UserStateReader:
    reader: UserStateReader = client.app.app.state.app_state.user_states  # type: ignore[attr-defined]
    return reader


def state(client: TestClient, user_id: str) -> UserState:
    async def read() -> UserState:
        return await user_states(client).read(user_id)

    return client.portal.call(read)  # type: ignore[union-attr]


def test_a_state_is_read_again_once_anybody_did_something(module_worker: Worker) -> None:
    client = module_worker()
    before = state(client, "user-001")
    assert state(client, "user-001") is before
    client.post("/v1/events", json={"user_id": "user-002", "item_id": "item-001", "kind": "view"})
    after = state(client, "user-001")
    assert after is not before
    assert after == before
    client.post("/v1/events", json={"user_id": "user-001", "item_id": "item-001", "kind": "view"})
    assert state(client, "user-001").head > before.head


def test_a_release_that_serves_nobody_any_more_is_let_go_though_nobody_asks(module_worker: Worker) -> None:
    client = module_worker()
    before = state(client, "user-001").release
    reader = user_states(client)
    reader._releases.now = replace(before)
    wait_for(lambda: not reader._states and reader._basis == (None, None))
    assert state(client, "user-001").release is reader._releases.now


def test_of_a_customer_who_made_room_for_others_nothing_is_kept(module_worker: Worker) -> None:
    client = module_worker({"RECSYS_SERVE_KNOWN_USERS": "2"})
    for number in range(4):
        state(client, f"user-{number:03}")
    assert [*user_states(client)._states] == [*user_states(client)._heads] == ["user-002", "user-003"]
    user_states(client).drop()
    assert not user_states(client)._states
