"""Answer log of a worker: every kind of answer is logged, and a log that fails harms no answer."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.live.answer_log import MAX_NOTES
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import answer_log_writer
from recsys.cli.app import application
from recsys.clock import deletion_time, read_clock
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer, LoggedItem
from recsys.time_units import DAY_MS, HOUR_MS
from tests.api.conftest import Worker

Json = dict[str, object]


def written(home: Path) -> dict[str, list[LoggedItem]]:
    """The places of every answer by its request id."""
    log = AnswerLog(home / ANSWER_LOG_FILE)
    result: dict[str, list[LoggedItem]] = {}
    for item in log.items_between(0, 2**53):
        result.setdefault(item.request_id, []).append(item)
    log.close()
    return result


def ask(client: TestClient, path: str, body: Json | None = None) -> Json:
    response = client.get(path) if body is None else client.post(path, json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def test_every_answer_of_every_route_is_logged(worker: Worker, home: Path) -> None:
    client = worker()
    with client:
        answers = [
            ask(client, "/v1/users/user-002/recommendations?k=5"),
            ask(client, "/v1/users/user-002/recommendations?k=5"),  # from the cache
            ask(client, "/v1/users/a%20visitor/recommendations?k=5"),  # not on the fast path
            ask(client, "/v1/recommendations", {"user_id": "user-003", "context": ["item-001"], "k": 3}),
            ask(client, "/v1/recommendations", {"session": ["item-001"], "k": 3}),
            ask(client, "/v1/items/item-001/similar?k=4"),
        ]
    result = written(home)
    assert set(result) == {answer["request_id"] for answer in answers}
    users = ["user-002", "user-002", "a visitor", "user-003", None, None]
    for answer, user in zip(answers, users, strict=True):
        places = result[str(answer["request_id"])]
        items = answer["items"]
        assert isinstance(items, list)
        assert [(x.item_id, x.position, x.source, x.score) for x in places] == [
            (item["item_id"], item["rank"], item["source"], item["score"]) for item in items
        ]
        assert {(x.user_id, x.model_version, x.placement, x.probability) for x in places} == {
            (user, answer["model_version"], answer["placement"], 1.0)
        }


def test_without_the_setting_no_answer_is_logged(worker: Worker, home: Path) -> None:
    with worker({"RECSYS_SERVE_LOG_ANSWERS": "false"}) as client:
        ask(client, "/v1/users/user-002/recommendations")
    assert not (home / ANSWER_LOG_FILE).exists()


def test_a_refused_request_is_not_logged_as_an_answer(worker: Worker, home: Path) -> None:
    with worker() as client:
        client.get("/v1/users/user-002/recommendations?placement=nowhere")
        client.app.app.state.app_state.answer_log._expire()  # type: ignore[attr-defined]
    assert not (home / ANSWER_LOG_FILE).exists()


def test_a_file_that_cannot_be_written_harms_no_answer_and_is_counted(worker: Worker, home: Path) -> None:
    (home / ANSWER_LOG_FILE).mkdir()
    client = worker()
    with client:
        ask(client, "/v1/users/user-002/recommendations")
        state = client.app.app.state.app_state  # type: ignore[attr-defined]
        state.answer_log.write()
        assert 'recsys_shown_total{outcome="dropped"} 1.0' in client.get("/metrics").text


def test_notes_that_come_too_fast_are_dropped_and_counted_and_never_wait(home: Path) -> None:
    metrics = Metrics()
    shown = answer_log_writer(ServerConfig.load(home, None, {}), metrics)
    assert shown is not None
    for n in range(MAX_NOTES + 7):
        shown.note(
            f"r{n}", "u", b'{"items":[],"placement":"home","model_version":"v","fallback":"popular","request_id":"'
        )
    shown.close()
    exposed = metrics.exposition().decode()
    assert 'recsys_shown_total{outcome="dropped"} 7.0' in exposed
    assert f'recsys_shown_total{{outcome="kept"}} {float(MAX_NOTES)}' in exposed


def test_old_answers_are_forgotten_while_the_service_runs(worker: Worker, home: Path) -> None:
    log = AnswerLog(home / ANSWER_LOG_FILE)
    items = b'[{"item_id":"a","rank":1,"source":"s","score":1.0}]'
    body = b'{"items":' + items + b',"placement":"p","model_version":"v","fallback":"popular"}'
    log.append([LoggedAnswer("ancient", 1, "u", body)])
    assert "ancient" in written(home)
    log.close()
    client = worker()
    with client:
        state = client.app.app.state.app_state  # type: ignore[attr-defined]
        state.answer_log._expire()
        assert "ancient" in written(home), "the clock of a new home is in doubt"
        trust_clock(home)
        state.answer_log._expires_at = 0.0
        state.answer_log._expire()
    assert "ancient" not in written(home)


def test_a_clock_that_runs_ahead_empties_no_answer_log(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust_clock(home)
    with worker() as client:
        ask(client, "/v1/users/user-002/recommendations")
        state = client.app.app.state.app_state  # type: ignore[attr-defined]
        state.answer_log.write()
        before = written(home)
        now = read_clock()
        monkeypatch.setattr("recsys.clock.read_clock", lambda: now._replace(wall_ms=now.wall_ms + 370 * DAY_MS))
        state.answer_log._expires_at = 0.0
        state.answer_log._expire()
    assert before
    assert written(home) == before


def trust_clock(home: Path) -> None:
    """Two readings, hours apart."""
    now = read_clock()
    for later_ms in (0, 7 * HOUR_MS):
        deletion_time(home, now._replace(wall_ms=now.wall_ms + later_ms, uptime_ms=now.uptime_ms + later_ms))


def test_a_click_and_a_purchase_find_the_answer_that_led_to_them(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker() as client:
        answer = ask(client, "/v1/users/user-002/recommendations?k=3")
        items = answer["items"]
        assert isinstance(items, list)
        led_to = {"item_id": items[1]["item_id"], "request_id": answer["request_id"]}
        events = [{"user_id": "user-002", "kind": kind, "price": 4, **led_to} for kind in ("click", "purchase")]
        assert client.post("/v1/events", json=events).status_code == 202
    command = application()
    csv = home / "shown.csv"
    run = CliRunner()
    result = run.invoke(command, ["--home", str(home), "shown", str(answer["request_id"])], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if str(items[1]["item_id"]) in line)
    assert line.split()[-5:] == ["1", "0", "1", "0", "4"]
    total = run.invoke(command, ["--home", str(home), "shown", "--since", "2020-01-01", "--csv", str(csv)])
    assert total.exit_code == 0, total.output
    assert csv.read_text().splitlines()[2].endswith(",1,0,1,0,4.0,request_id")
    lost = run.invoke(command, ["--home", str(home), "shown", "never-given"])
    assert lost.exit_code == 1
