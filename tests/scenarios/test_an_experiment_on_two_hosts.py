"""An experiment over two hosts with PostgreSQL: the same arm at both, started and stopped at both within seconds."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from recsys.data.events import Event
from tests.scenarios.topology import ApiHost, Topology, topology_on_storage, wait_until

pytestmark = pytest.mark.slow
USERS = [f"user-{n:03}" for n in range(40)]
PLAN = {
    "id": "both-hosts",
    "a": {},
    "b": {"placements": {"home": {"mix": "in-order"}}},
    "share": 100,
}
REACHED_S = 2.0
Figure = Callable[[str, object], None]


@pytest.fixture(scope="module")
def shop(
    shop_events: list[Event], postgres_url: str, s3_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Topology]:
    with topology_on_storage(tmp_path_factory.mktemp("two-hosts"), postgres_url, s3_server, shop_events) as running:
        yield running


def arms(host: ApiHost) -> dict[str, Any]:
    return {user: host.list_for(user).get("experiment") for user in USERS}


def serve(host: ApiHost) -> set[str | None]:
    """The experiments that the workers of the host serve: so many requests meet each of them."""
    return {(host.list_for("user-003").get("experiment") or {}).get("id") for _ in range(8)}


def seconds_until(happened: Callable[[], bool]) -> float:
    began = time.monotonic()
    wait_until(happened)
    return time.monotonic() - began


def logged(host: ApiHost) -> Counter[str | None]:
    """Answers of the experiment in the host's own log, by arm."""
    with closing(AnswerLog(host.home / ANSWER_LOG_FILE)) as log:
        shown = {item.request_id: item.arm for item in log.items_between(0, 2**62) if item.experiment == PLAN["id"]}
    return Counter(shown.values())


def test_an_experiment_reaches_both_hosts_and_is_read_over_both(shop: Topology, record_property: Figure) -> None:
    a, b = shop.hosts
    assert a.request("POST", "/v1/experiments", PLAN).status_code == 200
    began = seconds_until(lambda: all(serve(host) == {"both-hosts"} for host in shop.hosts))
    record_property("seconds from started to every worker of both hosts", round(began, 2))
    here, there = arms(a), arms(b)
    assert here == there == arms(a), "sticky, and the same at both hosts"
    assert {label["arm"] for label in here.values()} == {"A", "B"}
    second = b.request("POST", "/v1/experiments", {**PLAN, "id": "another"})
    assert second.status_code == 422
    assert "both-hosts runs until" in second.json()["error"]["message"]

    expected = Counter(label["arm"] for label in here.values())
    wait_until(lambda: all(logged(host)[arm] >= expected[arm] for host in shop.hosts for arm in ("A", "B")))
    stopped = b.request("POST", "/v1/experiments/both-hosts:stop", {"reason": "tried"})
    assert stopped.status_code == 200
    ended = seconds_until(lambda: all(serve(host) == {None} for host in shop.hosts))
    record_property("seconds from stopped to every worker of both hosts", round(ended, 2))
    assert max(began, ended) < REACHED_S

    alone, both = read(shop, a.home), read(shop, a.home, "--answers", str(b.home / ANSWER_LOG_FILE))
    assert (both["n_a"], both["n_b"]) == (expected["A"], expected["B"])
    assert (alone["n_a"], alone["n_b"]) == (both["n_a"], both["n_b"]), "each customer was at both hosts"
    elsewhere = read(shop, shop.trainer, "--answers", str(a.home / ANSWER_LOG_FILE))
    assert elsewhere["n_a"] == both["n_a"]


def read(shop: Topology, home: Path, *words: str) -> dict[str, Any]:
    done = shop.run("experiment", "read", "both-hosts", *words, "--json", home=home)
    assert done.returncode == 0, done.stderr + done.stdout
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result
