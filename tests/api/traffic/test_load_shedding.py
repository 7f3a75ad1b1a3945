"""Load shedding and deadlines: a less personal list instead of an error, under the same rules and filters."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.testclient import TestClient

from api.recommendation_service import plain_query
from api.state import AppState
from api.traffic.deadline import AT_ONCE, NEVER, Deadline
from api.traffic.load_shedding import LatencyEstimate, LoadShedder

Worker = Callable[..., TestClient]
ASK = "/v1/users/user-002/recommendations"


def state_of(client: TestClient) -> AppState:
    state = client.app.app.state.app_state  # type: ignore[attr-defined]
    assert isinstance(state, AppState)
    return state


def busy(client: TestClient) -> TestClient:
    """The same worker with so many requests in progress that it computes no list."""
    state_of(client).load_shedder.waiting = 10_000
    return client


def items(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_a_busy_worker_gives_full_lists_marked_as_not_personal(client: TestClient) -> None:
    assert client.get(ASK).json()["fallback"] == "personal"
    stranger = items(client.get("/v1/users/somebody-new/recommendations?k=7"))
    for path in (f"{ASK}?k=7", "/v1/users/user-003/recommendations?k=7"):
        answer = busy(client).get(path)
        assert answer.json()["fallback"] == "popular"
        assert items(answer) == stranger


def test_a_cached_answer_is_given_even_by_a_busy_worker(client: TestClient) -> None:
    before = client.get(ASK)
    after = busy(client).get(ASK)
    assert (after.json()["fallback"], items(after)) == ("personal", items(before))


@pytest.mark.parametrize("path", [ASK, f"{ASK}?placement=buy-again&k=3", f"{ASK}?k=2&placement=discover"])
def test_the_fast_path_and_the_route_give_the_same_list_when_busy(client: TestClient, path: str) -> None:
    short = busy(client).get(path)
    long = client.get(f"{path}{'&' if '?' in path else '?'}rows=false")
    assert (items(short), short.json()["fallback"]) == (items(long), long.json()["fallback"])


def test_filters_and_exclusions_hold_when_busy(client: TestClient) -> None:
    best = items(client.get("/v1/users/somebody-new/recommendations?k=100"))
    body = {"user_id": "user-002", "session": [best[0]], "exclude": best[:5], "k": 100}
    busy(client)
    shown = items(client.post("/v1/recommendations", json=body))
    assert set(shown) == set(best) - set(best[:5])
    filtered = items(client.post("/v1/recommendations", json={**body, "exclude": [], "filters": {"price_to": 0}}))
    assert filtered == items(client.post("/v1/recommendations", json={"k": 100, "filters": {"price_to": 0}}))


def test_a_sold_out_item_is_gone_from_the_list_of_a_busy_worker_at_once(client: TestClient) -> None:
    first = items(busy(client).get(ASK))[0]
    assert client.patch(f"/v1/items/{first}", json={"stock": 0}).status_code == 200
    assert first not in items(client.get(ASK))


def test_a_degraded_list_is_counted_with_its_reason(client: TestClient) -> None:
    busy(client).get(ASK)
    state_of(client).load_shedder.waiting = 0
    state_of(client).recommendations._latency.seconds = 5.0
    client.get("/v1/users/user-005/recommendations", headers={"x-timeout-ms": "100"})
    text = client.get("/metrics").text
    assert 'recsys_shed_total{why="busy"} 1.0' in text
    assert 'recsys_shed_total{why="deadline"} 1.0' in text
    assert 'recsys_answers_total{source="shed"} 2.0' in text


@pytest.mark.parametrize("path", [ASK, f"{ASK}?rows=false"])
def test_a_request_that_cannot_be_answered_in_time_gets_a_degraded_list(worker: Worker, path: str) -> None:
    client = worker({"RECSYS_SERVE_SHED_AFTER_MS": "20000"})
    state_of(client).recommendations._latency.seconds = 50.0
    assert client.get(path, headers={"x-timeout-ms": "10000"}).json()["fallback"] == "popular"
    assert client.get(path).json()["fallback"] == "popular"  # longer than a request may wait for its turn
    state_of(client).recommendations._latency.seconds = 0.0
    assert client.get(path, headers={"x-timeout-ms": "10000"}).json()["fallback"] == "personal"


def lists_of_batch(client: TestClient, headers: dict[str, str] | None = None) -> list[tuple[str, int]]:
    """The fallback level and the length of each list of a batch."""
    queries = [{"user_id": f"user-{n:03}", "k": 4} for n in range(3)]
    answers = client.post("/v1/recommendations:batch", json=queries, headers=headers).json()["answers"]
    return [(answer["answer"]["fallback"], len(answer["answer"]["items"])) for answer in answers]


def test_the_queries_of_a_batch_wait_for_their_turns_as_other_requests_do(client: TestClient) -> None:
    assert lists_of_batch(client) == [("personal", 4)] * 3
    state_of(client).memory.drop()
    assert lists_of_batch(busy(client)) == [("popular", 4)] * 3
    assert state_of(client).load_shedder.waiting == 10_000


def test_a_batch_has_until_its_deadline_and_its_rows_are_made_as_asked(client: TestClient) -> None:
    state_of(client).recommendations._latency.seconds = 50.0
    soon = {"x-timeout-ms": "10000"}
    assert lists_of_batch(client, soon) == [("popular", 4)] * 3
    rows = client.post("/v1/recommendations:batch", json=[{"user_id": "user-002", "rows": True}], headers=soon).json()
    assert rows["answers"][0]["answer"]["fallback"] == "personal"
    assert lists_of_batch(client, {"x-timeout-ms": "60000"}) == [("personal", 4)] * 3


@pytest.mark.parametrize("value", ["", "0", "-5", "1.5", "soon", "60001", "99999999999"])
def test_an_invalid_timeout_changes_nothing(reader: TestClient, value: str) -> None:
    assert reader.get(ASK, headers={"x-timeout-ms": value}).json()["fallback"] == "personal"


def test_one_slow_answer_does_not_stop_all_that_follow() -> None:
    latency, skipped = LatencyEstimate(), 0
    latency.observe(20.0)
    while latency.seconds > 0.1:
        latency.skipped()
        skipped += 1
    assert skipped < 100


def test_requests_of_one_turn_share_its_end_and_the_next_turn_has_its_own() -> None:
    async def turns() -> tuple[list[Deadline], Deadline]:
        shedder = LoadShedder(0.1, 1_000, clock=lambda: 10.05)
        first = [shedder.begin(10.0), shedder.begin(10.05), shedder.begin(10.2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return first, shedder.begin(10.3)

    first, second = asyncio.run(turns())
    assert [due.at for due in first] == [10.1] * 3
    assert second.at == 10.4


async def shares(lasted_s: list[float]) -> list[float]:
    """The part of each turn that is spent on lists for customers, for turns of these lengths."""
    now, shares_s = 0.0, []
    shedder = LoadShedder(0.1, 1_000, clock=lambda: now)
    for seconds in lasted_s:
        shares_s.append(round(shedder.begin(now).at - now, 4))
        shedder.end()
        now += seconds
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return shares_s


def test_while_turns_last_too_long_less_of_them_is_spent_on_lists_for_customers() -> None:
    assert asyncio.run(shares([0.3] * 7)) == [0.1, 0.05, 0.025, 0.0125, 0.0063, 0.0063, 0.0063]


def test_after_the_overload_the_share_is_as_before() -> None:
    result = asyncio.run(shares([0.3] * 10 + [0.001] * 40))
    assert result[10] < 0.01
    assert result[-1] == 0.1
    assert result[10:] == sorted(result[10:])


def test_with_too_many_requests_in_progress_there_is_no_time_for_more() -> None:
    async def many() -> list[bool]:
        shedder = LoadShedder(0.1, 2)
        results = [shedder.begin(0.0) is AT_ONCE for _ in range(4)]
        shedder.end()
        shedder.end()
        shedder.end()
        return [*results, shedder.begin(0.0) is AT_ONCE]

    assert asyncio.run(many()) == [False, False, True, True, False]


def test_a_deadline_counts_from_the_turn_and_never_exceeds_the_share() -> None:
    shedder = LoadShedder(0.1, 1_000)
    turn = Deadline(10.1, "busy")
    soon = shedder.within(turn, b"20")
    assert (round(soon.at, 9), soon.reason) == (10.02, "deadline")
    assert shedder.within(turn, b"5000") == Deadline(10.1, "deadline")
    assert shedder.within(AT_ONCE, b"20") is AT_ONCE


def test_a_plain_query_degrades_to_one_for_nobody() -> None:
    query = plain_query("user-002", "home", 5)
    assert query.degraded is not None
    other = query.degraded()
    assert (other.user_id, other.text) == (None, query.text)
    assert NEVER.at == float("inf")
