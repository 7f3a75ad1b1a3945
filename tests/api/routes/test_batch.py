"""Rows and batches: several lists in one answer, and many queries in one request."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from tests.api.conftest import Worker

Json = dict[str, object]
BATCH = "/v1/recommendations:batch"


def test_rows_come_by_get_and_by_post_and_share_one_answer(client: TestClient) -> None:
    by_path = client.get("/v1/users/user-003/recommendations?k=2&rows=true").json()
    by_body = client.post("/v1/recommendations", json={"user_id": "user-003", "k": 2, "rows": True}).json()
    assert by_path.pop("request_id") != by_body.pop("request_id")
    assert by_path == by_body
    assert set(by_path) == {"rows", "placement", "model_version", "fallback"}
    assert {"title", "placement", "because", "items", "fallback"} == set(by_path["rows"][0])
    items = [item["item_id"] for row in by_path["rows"] for item in row["items"]]
    assert len(items) == len(set(items)) > 2
    text = client.get("/metrics").text
    assert 'recsys_answers_total{source="computed"} 1.0' in text
    assert 'recsys_answers_total{source="memory"} 1.0' in text


def test_the_rows_can_be_named(client: TestClient) -> None:
    body = {"user_id": "user-003", "k": 3, "rows": ["best-sellers", "buy-again"]}
    rows = client.post("/v1/recommendations", json=body).json()["rows"]
    assert [row["title"] for row in rows] == ["Best-sellers", "Buy again"]
    refused = client.post("/v1/recommendations", json={**body, "rows": ["nowhere"]})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "unknown_placement"


def test_a_click_changes_the_rows_at_once(client: TestClient) -> None:
    def looked_at() -> list[str]:
        body = {"user_id": "new-here", "rows": ["recently-viewed"], "k": 1}
        return [row["items"][0]["item_id"] for row in client.post("/v1/recommendations", json=body).json()["rows"]]

    assert looked_at() != ["item-021"]
    client.post("/v1/events", json={"user_id": "new-here", "item_id": "item-021", "kind": "view"})
    assert looked_at() == ["item-021"]


def test_each_query_of_a_batch_gets_the_answer_it_gets_alone(client: TestClient) -> None:
    queries: list[Json] = [
        {"user_id": "user-002", "k": 4},
        {"placement": "basket", "context": ["item-001", "item-003"], "k": 3},
        {"user_id": "user-005", "rows": True, "k": 2},
    ]
    response = client.post(BATCH, json={"asks": queries})
    assert response.status_code == 200
    body = response.json()
    for number, (ask, entry) in enumerate(zip(queries, body["answers"], strict=True), start=1):
        alone = client.post("/v1/recommendations", json=ask).json()
        alone.pop("request_id")
        assert entry["answer"].pop("request_id") == f"{body['request_id']}.{number}"
        assert entry == {"answer": alone}
    bare = client.post(BATCH, json=queries).json()
    assert [entry["answer"]["fallback"] for entry in bare["answers"]] == ["personal", "session", "personal"]


def test_one_wrong_query_of_a_batch_harms_no_other(client: TestClient) -> None:
    queries = [{"k": 0}, {"user_id": "user-002", "k": 1}, {"placement": "nowhere"}, "what?", {"kk": 1}]
    answers = client.post(BATCH, json={"asks": queries}).json()["answers"]
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        "invalid", None, "unknown_placement", "invalid", "invalid",
    ]  # fmt: skip
    assert answers[0]["error"]["details"][0]["field"] == "ask.k"
    assert len(answers[1]["answer"]["items"]) == 1


@pytest.mark.parametrize(
    ("body", "code"), [({"asks": []}, "invalid"), ({"asks": [{}] * 257}, "too_many"), ({"asks": 3}, "invalid")]
)
def test_an_invalid_batch_is_refused(reader: TestClient, body: Json, code: str) -> None:
    response = reader.post(BATCH, json=body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == code


def test_a_batch_without_a_live_release_is_unavailable(worker: Worker, tmp_path: Path) -> None:
    response = worker(at=tmp_path).post(BATCH, json=[{}])
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "no_live_bundle"


def test_answers_of_a_batch_and_all_rows_are_logged(worker: Worker, home: Path) -> None:
    with worker() as client:
        queries = [
            {"user_id": "user-002", "k": 2},
            {"user_id": "user-002", "k": 2, "rows": ["buy-again", "best-sellers"]},
        ]
        body = client.post(BATCH, json=queries).json()
        explored = client.post("/v1/recommendations", json={"user_id": "user-002", "k": 2, "seed": 7}).json()
    log = AnswerLog(home / ANSWER_LOG_FILE)
    rows = log.request_items(body["answers"][1]["answer"]["request_id"])
    assert [(x.row, x.placement, x.position) for x in rows] == [
        (row, name, position) for row, name in ((1, "buy-again"), (2, "best-sellers")) for position in (1, 2)
    ]
    assert len(log.request_items(body["answers"][0]["answer"]["request_id"])) == 2
    chances = [item["probability"] for item in explored["items"]]
    assert all(0 < chance < 1 for chance in chances)
    assert [x.probability for x in log.request_items(explored["request_id"])] == chances
    log.close()


def test_the_work_of_a_batch_is_bounded_and_the_refusal_names_the_limit(worker: Worker) -> None:
    client = worker({"RECSYS_SERVE_WORK_LIMIT": "1200"})
    rows = ["best-sellers", "buy-again"]
    asks = [{"k": 100, "rows": rows} for _ in range(6)]
    assert client.post(BATCH, json=asks).status_code == 200
    refused = client.post(BATCH, json=[*asks, {"k": 1}])
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "too_many")
    assert "1201 items" in refused.json()["error"]["message"]
    assert "work_limit" in refused.json()["error"]["message"]
    most = client.post(BATCH, json=[{"k": 100, "rows": 12 * ["home"]} for _ in range(256)])
    assert most.status_code == 422


def test_a_batch_counts_each_of_its_lists_for_the_rate_limit(worker: Worker) -> None:
    client = worker({"RECSYS_LIMITS_ADDRESS_PER_S": "0.1", "RECSYS_LIMITS_ADDRESS_BURST": "8"})
    assert client.post(BATCH, json=[{"k": 1}, {"rows": ["best-sellers", "buy-again"]}]).status_code == 200
    assert client.get("/version").headers["ratelimit-remaining"] == "4"
    assert client.post("/v1/recommendations", json={"rows": ["best-sellers", "buy-again"]}).status_code == 200
    assert client.post(BATCH, json=[{"k": 1} for _ in range(200)]).status_code == 200
    refused = client.get("/version")
    assert refused.status_code == 429
    assert 40 <= int(refused.headers["retry-after"]) <= 71
