"""A shop's first day: files in, training, service, a purchase, a sold-out item, and the way back."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.data.events import Kind
from recsys.testing import small_events, small_items
from tests.homes import settle_models

RECSYS = Path(sys.executable).parent / "recsys"


def run(home: Path, *words: str) -> str:
    done = subprocess.run([RECSYS, "--home", home, *words], capture_output=True, text=True, check=False, env=_env())
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def run_here(home: Path, *words: str) -> str:
    """The same within this process, which has loaded everything already."""
    done = CliRunner().invoke(application(), ["--home", str(home), *words], env=_env())
    assert done.exit_code == 0, done.output
    return done.stdout


def _env() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that has imported its files and trained once."""
    folder = tmp_path_factory.mktemp("shop")
    with (folder / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("customer", "sku", "ordered_at", "order", "price"))
        for event in small_events():
            if event.kind == Kind.PURCHASE:
                moment = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat()
                rows.writerow((event.user_id, event.item_id, moment, event.order_id, event.price))
    with (folder / "products.jsonl").open("w") as file:
        for item in small_items():
            file.write(json.dumps({"sku": item.item_id, "title": item.name, "category": item.category}) + "\n")
    state = folder / "state"
    run_here(state, "import", "items", str(folder / "products.jsonl"), "--map", "item_id=sku,name=title")
    orders = ("import", "events", str(folder / "orders.csv"), "--kind", "purchase")
    told = run_here(state, *orders, "--map", "user_id=customer,item_id=sku,at=ordered_at,order_id=order")
    assert "0 rejected" in told
    run(state, "train")
    return state


@pytest.fixture(scope="module")
def shop(home: Path) -> Iterator[httpx.Client]:
    """The shop's service, two workers, over real HTTP."""
    port = _free_port()
    words = [str(RECSYS), "--home", str(home), "serve", "--port", str(port), "--workers", "2"]
    server = subprocess.Popen(words, env=_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        try:
            _wait_until_ready(client, server)
            yield client
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)


def _wait_until_ready(client: httpx.Client, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(900):
        assert server.poll() is None, "the service ended before it was ready"
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service was not ready after 90 s")


def ask(shop: httpx.Client, user_id: str, **params: Any) -> dict[str, Any]:
    """On a connection of its own, so that both workers get their turn."""
    url = f"{shop.base_url}/v1/users/{user_id}/recommendations"
    answer = httpx.get(url, params=params, timeout=10)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def shown(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_importing_again_adds_nothing(home: Path) -> None:
    told = run_here(home, "import", "events", str(home.parent / "orders.csv"), "--kind", "purchase", "--map",
                    "user_id=customer,item_id=sku,at=ordered_at,order_id=order")  # fmt: skip
    assert " 0 accepted" in told


def test_the_terminal_answers_with_names_and_reasons(home: Path) -> None:
    told = run_here(home, "recommend", "user-007", "-k", "3", "--placement", "buy-again")
    assert "Product " in told
    assert re.search(r"You (bought|buy) this", told)
    beside = run_here(home, "similar", "item-004", "-k", "3")
    assert "Goes with Product 4" in beside or "together" in beside


def test_a_known_customer_and_a_stranger_are_both_served(shop: httpx.Client) -> None:
    known, stranger = ask(shop, "user-007", k=5), ask(shop, "nobody", k=5)
    assert known["fallback"] == "personal"
    assert stranger["fallback"] == "popular"
    assert len(known["items"]) == len(stranger["items"]) == 5
    assert known["request_id"] != stranger["request_id"]


def test_a_purchase_counts_in_the_next_answer_of_every_worker(shop: httpx.Client) -> None:
    before = shown(ask(shop, "user-010", k=3, placement="discover"))
    event = {"user_id": "user-010", "item_id": before[0], "kind": "purchase"}
    told = shop.post("/v1/events", json=event)
    assert told.status_code == 202, told.text
    assert all(before[0] not in shown(ask(shop, "user-010", k=3, placement="discover")) for _ in range(12))


def test_a_sold_out_item_is_gone_from_every_worker_and_comes_back(shop: httpx.Client) -> None:
    first = shown(ask(shop, "user-020", k=3))[0]
    assert shop.patch(f"/v1/items/{first}", json={"stock": 0}).status_code == 200
    assert all(first not in shown(ask(shop, "user-020", k=24)) for _ in range(12))
    assert shop.patch(f"/v1/items/{first}", json={"stock": 7}).status_code == 200
    assert all(first in shown(ask(shop, "user-020", k=3)) for _ in range(12))


def test_a_new_release_is_picked_up_and_can_be_taken_back(home: Path, shop: httpx.Client) -> None:
    first = ask(shop, "user-030")["model_version"]
    run_here(home, "train")
    assert _eventually(shop, lambda version: version != first)
    assert "live" in run_here(home, "releases")
    run_here(home, "rollback")
    assert _eventually(shop, lambda version: version == first)


def _eventually(shop: httpx.Client, is_right: Any) -> bool:
    """Whether both workers come to that version, some time on a busy machine."""
    for _ in range(1_000):
        if all(is_right(ask(shop, "user-030")["model_version"]) for _ in range(8)):
            return True
        time.sleep(0.1)
    return False


def test_the_evaluation_says_which_list_is_better(home: Path) -> None:
    settle_models(home)
    told = run_here(home, "evaluate", "--cut", "2017-11-16", "--days", "14", "--json", str(home / "evaluation.json"))
    assert "best-sellers" in told
    data = json.loads((home / "evaluation.json").read_bytes())
    lines = {line["name"]: line for line in data["tasks"][0]["lines"]}
    found = {name: line["pooled"]["metrics"]["ndcg@10"]["mean"] for name, line in lines.items()}
    assert found["buy-again"] > found["best-sellers"]
