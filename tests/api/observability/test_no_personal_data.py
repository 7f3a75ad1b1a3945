"""Personal data in the log: at debug level it holds no key, no customer and no item."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import orjson

from api.auth.api_keys import create_key

PRIVATE = (
    "hidden-customer",
    "hidden-item",
    "hidden-attribute",
    "hidden-brand",
    "hidden-path",
    "hidden-mail@shop.example",
)
READY_S = 90.0


def traffic(url: str, key: str, wrong: str) -> list[int]:
    """Requests that succeed and requests that fail in every way, each with personal data."""
    headers = {"authorization": f"Bearer {key}"}
    event = {"user_id": "hidden-customer", "item_id": "hidden-item", "kind": "view"}
    with httpx.Client(base_url=url, headers=headers, timeout=20) as web:
        done = [
            web.get("/v1/users/hidden-customer/recommendations"),
            web.get("/v1/users/hidden-customer/recommendations?k=hidden-item"),
            web.get("/v1/users/hidden-customer/recommendations?placement=hidden-path"),
            web.get("/v1/items/hidden-item/similar"),
            web.post("/v1/recommendations", json={"user_id": "hidden-customer", "context": ["hidden-item"]}),
            web.post("/v1/recommendations", json={"attributes": {"mail": "hidden-mail@shop.example"}, "k": 0}),
            web.post("/v1/events", json=[event, {**event, "kind": "hidden-attribute"}]),
            web.post("/v1/events", content=b'{"user_id": "hidden-customer'),
            web.put("/v1/items/hidden-item", json={"brand": "hidden-brand", "price": "hidden-attribute"}),
            web.put("/v1/items/hidden-item", json={"brand": "hidden-brand"}),
            web.get("/hidden-path/hidden-customer"),
            web.get("/v1/users/hidden-customer/recommendations", headers={"authorization": f"Bearer {wrong}"}),
            web.get("/v1/users/hidden-customer/recommendations", headers={"x-api-key": wrong}),
            web.get(f"/livez?key={key}"),
        ]
    return [answer.status_code for answer in done]


def garbage(port: int, key: str) -> None:
    """A request that is no HTTP, and one that disconnects during its body."""
    for raw in (
        f"NONSENSE hidden-path {key}\r\n\r\n",
        f"POST /v1/events HTTP/1.1\r\nX-API-Key: {key}\r\ncontent-length: 99\r\n\r\nhidden-customer",
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(raw.encode())
            connection.settimeout(1)
            try:
                connection.recv(1_000)
            except TimeoutError:
                continue


def test_at_debug_level_the_log_holds_no_key_and_nothing_of_customers_or_items(home: Path) -> None:
    key, wrong = create_key(home / "keys.json", "test", ["admin"], now_ms=1)[1], "rk_00000000_a-guess-that-is-wrong"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("recsys")), "--home", str(home), "serve", "--port", str(port)]
    env = {**os.environ, "RECSYS_SERVE_LOG_LEVEL": "debug"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=home)
    try:
        url, ends = f"http://127.0.0.1:{port}", time.monotonic() + READY_S
        while not answers(url):
            assert time.monotonic() < ends
            time.sleep(0.02)
        statuses = traffic(url, key, wrong)
        garbage(port, key)
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert {200, 202, 401, 404, 422} <= set(statuses)
    output = (out + err).decode()
    assert [word for word in (*PRIVATE, key, key.split("_", 2)[2], wrong) if word in output] == []
    lines = [orjson.loads(line) for line in err.decode().splitlines()]
    logged = [line for line in lines if line["event"] == "request"]
    assert len(logged) >= len(statuses)
    assert all({"route", "status", "ms", "request_id", "timestamp", "level"} <= set(line) for line in logged)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        time.sleep(0.02)
        return False
