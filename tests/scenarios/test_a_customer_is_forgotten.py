"""A visitor logs in, asks what is known of them, then to be forgotten: two workers, Redis, and every byte on disk."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest
import redis

from recsys.data.audit import AuditRow
from recsys.data.store.open import open_store
from recsys.models.registry import LEARNERS
from recsys.testing import small_events, small_items

READY_S = 120.0
WEB = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=30)
MARK = "unmistakable"
VISITOR, CUSTOMER = f"visitor-{MARK}-7f3a", f"customer-{MARK}@example.com"
SETTINGS = "".join(
    f"[models.{name}]\noff = true\n" for name in sorted(LEARNERS) if name not in ("popularity", "buy_again")
)


def recsys(home: Path, *words: str) -> str:
    command = [str(Path(sys.executable).with_name("recsys")), "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The small shop; the customer bought before the release was made, and an import refused a line of theirs."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS)
    store = open_store(home, None)
    store.append(small_events())
    mine = [event._replace(event_id=f"{MARK}-{event.event_id}", user_id=CUSTOMER) for event in small_events(1)]
    store.append([event._replace(order_id=f"order-{MARK}-{event.at_ms}") for event in mine])
    store.put_items(small_items())
    store.add_audit([AuditRow(1, "key", "viewer", "read", "/customer", CUSTOMER)])
    store.close()
    orders = tmp_path / "orders.csv"
    orders.write_text(f"user_id,item_id,kind,at\n{CUSTOMER},item-001,bought,2017-01-01\n900,item-001,bought,x\n")
    subprocess.run([Path(sys.executable).with_name("recsys"), "--home", home, "import", "events", orders], check=False)
    recsys(home, "train")
    return home


@pytest.fixture
def url(shop: Path, redis_url: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    env |= {"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_LOOK_EVERY_S": "0.05", "RECSYS_SERVE_REDIS_READ_MS": "2000"}
    env |= {"RECSYS_SERVE_SHED_AFTER_MS": "60000"}  # however busy the machine
    command = [str(Path(sys.executable).with_name("recsys")), "--home", str(shop), "serve", "--port", port]
    process = subprocess.Popen([*command, "--workers", "2"], env=env)
    found = f"http://127.0.0.1:{port}"
    wait_until(lambda: len(workers(found)) == 2)
    yield found
    process.terminate()
    process.wait(30)


def workers(url: str) -> set[str]:
    """The prefix of a request id is its worker's."""
    seen = set()
    for _ in range(20):
        try:
            answer = WEB.get(f"{url}/readyz")
        except httpx.TransportError:
            return set()
        if answer.status_code == 200:
            seen.add(answer.headers["x-request-id"].split("-")[0])
    return seen


def wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + READY_S
    while not is_so():
        assert time.monotonic() < ends, f"not within {READY_S} s"
        time.sleep(0.1)


def asked(url: str, user_id: str, placement: str = "buy-again") -> list[dict[str, object]]:
    """The answers of both workers: twenty questions, each over a connection of its own."""
    path = f"{url}/v1/users/{user_id}/recommendations?k=3&placement={placement}"
    return [WEB.get(path).json() for _ in range(20)]


def steps(answers: list[dict[str, object]]) -> set[object]:
    return {answer["fallback"] for answer in answers}


def firsts(answers: list[dict[str, object]]) -> set[str]:
    return {answer["items"][0]["item_id"] for answer in answers}  # type: ignore[index]


def files_with(home: Path, text: str) -> dict[str, int]:
    """How often the bytes occur, file by file, wherever they do."""
    found = {str(path.relative_to(home)): content(path).count(text.encode()) for path in files(home)}
    return {name: n for name, n in found.items() if n}


def content(path: Path) -> bytes:
    """The bytes of the file, those of a compressed table as text."""
    return pl.read_parquet(path).write_csv().encode() if path.suffix == ".parquet" else path.read_bytes()


def places(home: Path) -> set[str]:
    """The files and folders of the home that speak of the customer."""
    return {name.split("/")[0].removesuffix("-wal") for name in files_with(home, MARK)}


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_customer_is_told_everything_and_then_forgotten_to_the_last_byte(
    url: str, shop: Path, redis_url: str
) -> None:
    # A visitor buys something, then logs in: it counts for the customer in both workers.
    WEB.post(f"{url}/v1/events", json={"user_id": VISITOR, "item_id": "item-019", "kind": "purchase"})
    merged = WEB.post(f"{url}/v1/users:merge", json={"from": VISITOR, "into": CUSTOMER}).json()
    assert merged["receipt"]["counts"] == {"events": 1, "not_kept": 0}
    WEB.put(f"{url}/v1/users/{CUSTOMER}", json={"attributes": {"motto": f"{MARK} motto"}})
    assert steps(asked(url, CUSTOMER)) == steps(asked(url, VISITOR)) == {"personal"}

    # What is known of them is told: the record, both pasts, and what they were shown.
    document = WEB.get(f"{url}/v1/users/{VISITOR}/export").json()
    assert (document["user_id"], document["merged_ids"]) == (CUSTOMER, [VISITOR])
    assert {event["item_id"] for event in document["events"]} >= {"item-019"}
    assert document["release"]["history"]
    assert document["shown"]
    assert json.loads(recsys(shop, "users", "export", CUSTOMER))["events"] == document["events"]
    assert places(shop) == {"shop.db", "shown.db", "bundles", "rejects"}

    # They are erased: strangers to both workers at once, gone from Redis, and from every file but old releases.
    receipt = WEB.delete(f"{url}/v1/users/{CUSTOMER}").json()
    assert places(shop) == {"bundles"}
    assert receipt["counts"] | {"events": 0, "shown": 0} == {
        "events": 0,
        "records": 1,
        "ids": 2,
        "shown": 0,
        "rejected_lines": 1,
    }
    assert receipt["counts"]["events"] == len(document["events"])
    assert WEB.get(f"{url}/v1/users/{CUSTOMER}/export").json()["release"]["history"] == []
    with redis.Redis.from_url(redis_url) as shared:
        assert list(shared.scan_iter("recsys:answer:*")) == []
    for who in (CUSTOMER, VISITOR):
        assert steps(asked(url, who)) == {"popular"}
        WEB.delete(f"{url}/v1/users/{who}")  # to have asked under that id is a trace of somebody new

    # A training and a sweep make an end of the releases that held them; the service never stops.
    recsys(shop, "train")
    recsys(shop, "sweep")
    assert files_with(shop, MARK) == {}
    remains = WEB.get(f"{url}/v1/receipts/{receipt['receipt_id']}").json()["remains"]
    assert remains == {"releases": [], "log_file": False}
    live = (shop / "bundles" / "LIVE").read_text().strip()
    wait_until(lambda: {answer["model_version"] for answer in asked(url, "user-004")} == {live})

    # Whoever comes later under that id is somebody new.
    WEB.post(f"{url}/v1/events", json={"user_id": CUSTOMER, "item_id": "item-007", "kind": "purchase"})
    assert firsts(asked(url, CUSTOMER)) == {"item-007"}
