"""Experiment routes: started, listed, read and stopped over HTTP; what is wrong is named."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.live import log_reports
from api.live.log_reports import Words
from recsys.experiments.state import read_experiments

PLAN: dict[str, Any] = {"id": "popular", "b": {"placements": {"home": {"sources": ["popular"], "mix": "in-order"}}}}


def test_an_experiment_is_started_listed_read_and_stopped(client: TestClient, home: Path) -> None:
    started = client.post("/v1/experiments", json=PLAN)
    assert started.status_code == 200, started.text
    assert "salt" not in started.text
    assert client.get("/v1/experiments").json()["experiments"] == [started.json()]
    assert client.get("/v1/experiments/popular").json()["outcome"] == "running"
    stopped = client.post("/v1/experiments/popular:stop", json={"reason": "seen enough"}).json()
    assert (stopped["outcome"], stopped["reasons"]) == ("stopped", ["seen enough"])
    assert read_experiments(home / "bundles")[-1].outcome == "stopped"
    again = client.post("/v1/experiments/popular:stop")
    assert again.status_code == 422
    assert "is over" in again.json()["error"]["message"]


def test_a_plan_is_tried_by_the_command_that_plans_and_nothing_starts(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list[tuple[Words, bytes]]()

    async def answer(_home: Path, words: Words, text: bytes = b"") -> bytes:
        given.append((words, text))
        return b"{}"

    monkeypatch.setattr(log_reports, "run_command", answer)
    assert client.post("/v1/experiments:try", json=PLAN).status_code == 200
    ((words, text),) = given
    assert (words, tomllib.loads(text.decode())["b"]["placements"]) == (
        ("experiment", "plan", "-"),
        PLAN["b"]["placements"],
    )
    assert client.post("/v1/experiments:try", json={**PLAN, "days": 0}).status_code == 422
    assert client.get("/v1/experiments").json()["experiments"] == []


@pytest.mark.slow
def test_a_tried_plan_says_how_many_customers_it_needs(client: TestClient) -> None:
    tried = client.post("/v1/experiments:try", json=PLAN).json()
    assert (tried["id"], tried["power"]["needed"] > 0) == ("popular", True)
    assert "customers in each arm are needed" in tried["words"]
    refused = client.post("/v1/experiments:try", json={**PLAN, "b": {"rules": "rules.toml"}}).json()
    assert refused["error"]["code"] == "bad_rules"


def test_a_second_experiment_is_refused_while_one_runs(client: TestClient) -> None:
    assert client.post("/v1/experiments", json=PLAN).status_code == 200
    refused = client.post("/v1/experiments", json={**PLAN, "id": "other"})
    assert refused.status_code == 422
    assert "popular runs" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"b": {"release": "v9"}, "a": {"release": "v9"}}, "'v9' is not published"),
        ({"b": {"rules": "0123456789abcdef"}}, "no version with that digest"),
        ({"b": {"rules": "[[rules]]\nkind = 7"}}, "kind"),
        ({"b": {"blend": {"nothing": 1}}}, "no model 'nothing'"),
        ({"b": {"placements": {"home": {"sources": ["nothing"]}}}}, "no source 'nothing'"),
        ({"b": {"blend": {"als": 1}}, "interleaved": "nowhere"}, "nowhere"),
        ({"share": 200}, "share"),
        ({"b": {"release": "v9"}}, "for both arms"),
    ],
)
def test_a_plan_that_cannot_run_is_refused_by_name(reader: TestClient, fields: dict[str, object], words: str) -> None:
    refused = reader.post("/v1/experiments", json={"id": "e1", **fields})
    assert refused.status_code == 422, refused.text
    assert words in refused.text
    assert reader.get("/v1/experiments").json() == {"experiments": []}


def test_an_unknown_experiment_is_not_found(client: TestClient) -> None:
    for path in ("", "/result"):
        assert client.get(f"/v1/experiments/none{path}").json()["error"]["code"] == "unknown_experiment"


@pytest.mark.slow
def test_the_result_says_in_one_sentence_how_it_stands(client: TestClient) -> None:
    client.post("/v1/experiments", json=PLAN)
    result = client.get("/v1/experiments/popular/result").json()
    assert result["result"]["verdict"].startswith("go on: ")
    assert "salt" not in result["experiment"]


@pytest.mark.parametrize("source", [None, ["buy_again", None]])
def test_a_null_in_a_plan_is_refused_by_name(client: TestClient, source: object) -> None:
    plan = {"id": "nothing", "b": {"placements": {"home": {"sources": [source]}}}}
    refused = client.post("/v1/experiments:try", json=plan)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_input")
    assert "null" in refused.json()["error"]["message"]
