"""Experiment routes: started, listed, read and stopped over HTTP; what is wrong is named."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys.experiments.state import read_experiments

PLAN = {"id": "popular", "b": {"placements": {"home": {"sources": ["popular"], "mix": "in-order"}}}}


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
def test_a_plan_that_cannot_run_is_refused_by_name(client: TestClient, fields: dict[str, object], words: str) -> None:
    refused = client.post("/v1/experiments", json={"id": "e1", **fields})
    assert refused.status_code == 422, refused.text
    assert words in refused.text
    assert client.get("/v1/experiments").json() == {"experiments": []}


def test_an_unknown_experiment_is_not_found(client: TestClient) -> None:
    for path in ("", "/result"):
        assert client.get(f"/v1/experiments/none{path}").json()["error"]["code"] == "unknown_experiment"


@pytest.mark.slow
def test_the_result_says_in_one_sentence_how_it_stands(client: TestClient) -> None:
    client.post("/v1/experiments", json=PLAN)
    result = client.get("/v1/experiments/popular/result").json()
    assert result["result"]["verdict"].startswith("go on: ")
    assert "salt" not in result["experiment"]
