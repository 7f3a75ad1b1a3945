"""Rotation: a second request with `rotate` gets other items, although nobody posts impressions."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState, answer_log_writer
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from tests.api.conftest import Worker

ASK = {"user_id": "user-003", "k": 5, "rotate": True}


def state_of(client: TestClient) -> AppState:
    state: AppState = client.app.app.state.app_state  # type: ignore[attr-defined]
    return state


def recommended(client: TestClient, **more: object) -> list[str]:
    response = client.post("/v1/recommendations", json={**ASK, **more})
    assert response.status_code == 200, response.text
    body = response.json()
    assert "rows" in body or len(body["items"]) == 5
    return [item["item_id"] for part in body.get("rows", [body]) for item in part["items"]]


def test_two_requests_in_a_row_to_one_worker_get_other_items(client: TestClient) -> None:
    plain = recommended(client, rotate=False, user_id="user-004")
    first, second, third = (recommended(client) for _ in range(3))
    assert set(first).isdisjoint(second)
    assert third not in (first, second)
    assert recommended(client, rotate=False, user_id="user-004") == plain


def test_lists_of_every_route_count_in_every_worker_once_they_are_logged(worker: Worker) -> None:
    here, there = worker(), worker()
    plain = [item["item_id"] for item in here.get("/v1/users/user-003/recommendations?k=5").json()["items"]]
    state_of(here).answer_log.write()  # type: ignore[union-attr]
    assert set(plain).isdisjoint(recommended(there))


def test_a_plain_get_rotates_with_the_parameter(client: TestClient) -> None:
    def got(query: str) -> set[str]:
        items = client.get(f"/v1/users/user-003/recommendations?k=5{query}").json()["items"]
        return {item["item_id"] for item in items}

    first = got("&rotate=true")
    assert first.isdisjoint(got("&rotate=true"))
    assert got("") == got("&rotate=false") == first


def test_every_query_of_a_batch_counts_for_the_next_one(client: TestClient) -> None:
    body = client.post("/v1/recommendations:batch", json=[ASK, ASK]).json()["answers"]
    first, second = ({item["item_id"] for item in entry["answer"]["items"]} for entry in body)
    assert first.isdisjoint(second)


def test_rows_are_rotated_too(client: TestClient) -> None:
    rows = ["best-sellers", "discover"]
    first, second = recommended(client, rows=rows), recommended(client, rows=rows)
    assert len(set(second) - set(first)) > len(second) / 2


def test_a_note_counts_while_it_is_being_written(home: Path) -> None:
    shown = answer_log_writer(ServerConfig.load(home, None, {}), Metrics())
    assert shown is not None
    waiting = shown.waiting
    seen: list[Sequence[LoggedAnswer]] = []

    class Watched(AnswerLog):
        def append(self, showings: Sequence[LoggedAnswer], *, pause_s: float = 0.0) -> None:
            seen.append(waiting({"u"}))
            super().append(showings, pause_s=pause_s)

    shown._file = Watched(home / ANSWER_LOG_FILE)
    body = b'{"items":[],"placement":"p","model_version":"v","fallback":"popular","request_id":"'
    shown.note("mine", "u", body)
    shown.note("theirs", "v", body)
    assert [element.request_id for element in shown.waiting({"u"})] == ["mine"]
    shown.write()
    assert [[element.request_id for element in entry] for entry in seen] == [["mine"]]
    assert shown.waiting({"u"}) == []
    shown.close()


def test_without_an_answer_log_only_posted_impressions_count(worker: Worker) -> None:
    client = worker({"RECSYS_SERVE_LOG_ANSWERS": "false"})
    first = recommended(client)
    assert recommended(client) == first
    seen = [{"user_id": "user-003", "item_id": first[0], "kind": "impression"}]
    assert client.post("/v1/events", json=seen).status_code == 202
    assert recommended(client)[:4] == first[1:]


def test_a_file_that_cannot_be_read_is_no_error_and_posted_impressions_count(worker: Worker, home: Path) -> None:
    (home / ANSWER_LOG_FILE).mkdir()
    client = worker()
    first = recommended(client)
    state_of(client).answer_log.write()  # type: ignore[union-attr]
    seen = [{"user_id": "user-003", "item_id": first[0], "kind": "impression"}]
    assert client.post("/v1/events", json=seen).status_code == 202
    assert first[0] not in recommended(client)


def test_impressions_under_the_request_id_tell_what_was_seen_of_an_answer(client: TestClient) -> None:
    answer = client.post("/v1/recommendations", json=ASK).json()
    first = [item["item_id"] for item in answer["items"]]
    seen = {"user_id": "user-003", "item_id": first[0], "kind": "impression", "request_id": answer["request_id"]}
    assert client.post("/v1/events", json=seen).status_code == 202
    assert recommended(client)[:4] == first[1:]


def test_what_an_erased_customer_was_shown_counts_no_more_in_any_worker(worker: Worker) -> None:
    here, there = worker(), worker()
    stranger = recommended(here, user_id="nobody-yet", rotate=False)
    for client in (here, there):
        recommended(client)
    assert there.delete("/v1/users/user-003").status_code == 200
    assert recommended(here) == stranger


def test_a_home_that_took_no_part_in_an_erasure_counts_nothing_from_before_it(worker: Worker, home: Path) -> None:
    client = worker()
    stranger = recommended(client, user_id="nobody-yet", rotate=False)
    recommended(client)
    state_of(client).store.erase_user("user-003")  # as on another machine: the answer log here stays
    assert recommended(client) == stranger
    assert set(stranger).isdisjoint(recommended(client))


def test_without_consent_nothing_is_rotated(client: TestClient) -> None:
    recommended(client)
    client.patch("/v1/users/user-003", json={"consent": {"personalisation": False}})
    first = recommended(client)
    assert recommended(client) == first == recommended(client, rotate=False)
    client.patch("/v1/users/user-003", json={"consent": {"personalisation": True}})
    assert recommended(client) == first
    assert set(first).isdisjoint(recommended(client))


def test_answers_to_a_visitor_count_for_the_customer_they_are_merged_into(worker: Worker) -> None:
    client, unheard = worker(), worker({"RECSYS_SERVE_LOG_ANSWERS": "false"})
    seen = recommended(client, user_id="visitor")
    client.post("/v1/users:merge", json={"from": "visitor", "into": "user-003"})
    assert not set(seen).isdisjoint(recommended(unheard))
    assert set(seen).isdisjoint(recommended(client, user_id="visitor"))


def test_a_busy_worker_does_not_read_recent_answers(worker: Worker) -> None:
    client = worker({"RECSYS_SERVE_MOST_WAITING": "1"})
    lately = state_of(client).recent_answers
    assert lately is not None
    assert client.portal is not None
    client.portal.call(lately.close)  # a read fails from now on
    body = client.post("/v1/recommendations:batch", json=[ASK]).json()["answers"][0]["answer"]
    assert body["fallback"] == "popular"


def test_why_not_says_that_an_item_was_shown_lately(client: TestClient) -> None:
    first = recommended(client)
    why = client.post("/v1/explain", json={"item_id": first[0], "ask": ASK}).json()
    assert (why["place"], why["code"]) == (None, "shown_lately")


@pytest.mark.parametrize("rotate", [True, False])
def test_a_rotated_list_is_not_cached(worker: Worker, redis_url: str, rotate: bool) -> None:
    client = worker({"RECSYS_REDIS_URL": redis_url})
    lists = {tuple(recommended(client, rotate=rotate, exclude=[f"not-{rotate}"])) for _ in range(3)}
    assert len(lists) == (3 if rotate else 1)
