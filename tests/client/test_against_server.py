"""Python client against a real server, on every route."""

import asyncio
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple

import httpx
import pytest

from api.app import build_api
from api.auth.api_keys import SCOPES, create_key
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.client import calls, campaign_calls, experiment_calls, judge_calls, kpi_calls, list_calls, promotion_calls
from recsys.client.call import Call
from recsys.client.errors import ApiError, Unreachable
from recsys.client.transport import AsyncClient, Client
from recsys.client.types import Ask, Event, Item, Ranking, Recommendations, Rows, User
from recsys.data.store.open import open_store
from tests.homes import copy_home


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shop(NamedTuple):
    """A real server, an admin key, and a key with the scope read."""

    url: str
    key: str
    reading: str


@pytest.fixture(scope="module")
def shop(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = copy_home(trained_home, tmp_path_factory.mktemp("served") / "home")
    now_ms = int(time.time() * 1_000)
    _, key = create_key(home / "keys.json", "all", SCOPES, now_ms=now_ms)
    _, reading = create_key(home / "keys.json", "page", ["read"], now_ms=now_ms)
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        str(Path(sys.executable).with_name("recsys")),
        "--home",
        str(home),
        "serve",
        "--port",
        url.split(":")[-1],
    ]
    process = subprocess.Popen(command, env=dict(os.environ), cwd=home, stdout=subprocess.DEVNULL)
    with Client(url, tries=90, timeout_s=20) as client:
        client.ready()
    yield Shop(url, key, reading)
    process.terminate()
    process.wait(20)


OF_ONE_CAMPAIGN = ("campaign", "campaign_result", "draw_campaign", "export_campaign", "campaign_csv", "close_campaign")


def made() -> dict[str, Call[object]]:
    """Each call of the client, made with some arguments."""
    given: dict[str, tuple[object, ...]] = {
        "recommendations": ("u",),
        "recommend": (Ask(),),
        "rows": (Ask(),),
        "batch": ([Ask()],),
        "similar": ("i",),
        "audience": ("i",),
        "audience_where": ({},),
        "similar_customers": ("u",),
        "rank": (Ranking(items=["i"]),),
        "events": ([],),
        "facts": ([],),
        "put_items": ([],),
        "item": ("i",),
        "put_item": (Item(item_id="i"),),
        "change_item": ("i",),
        "delete_item": ("i",),
        "put_rules": ([],),
        **dict.fromkeys(("start_experiment", "try_experiment"), ({},)),
        **dict.fromkeys(("evaluation_page", "verdict_page", "evaluate_answers"), ("x",)),
        **dict.fromkeys(("experiment", "experiment_result", "stop_experiment"), ("e1",)),
        "put_users": ([],),
        "user": ("u",),
        "customer": ("u",),
        "customer_changes": ("2017-01-01",),
        "put_user": (User(user_id="u"),),
        "change_user": ("u",),
        "why": ("i",),
        "why_in": (Ask(), "i"),
        "put_segments": ([],),
        "put_promotions": ([],),
        "try_promotions": ([],),
        **dict.fromkeys(("rule_version", "segment_version", "promotion_version"), (1,)),
        **dict.fromkeys(("needs", "offers", "upsell", "search_items"), ("u",)),
        "coupon_responses": ("c", "d"),
        "try_segment": ({},),
        "try_rules": (Ask(), []),
    }
    modules = calls, campaign_calls, experiment_calls, judge_calls, kpi_calls, list_calls, promotion_calls
    functions = [each for module in modules for each in inspect.getmembers(module, inspect.isfunction)]
    named = {"merge_users": {"into": "u"}}
    given["merge_users"] = ("v",)
    given |= dict.fromkeys(("export_user", "unmerge_user", "erase_user", "receipt", "run", "promote_release"), ("u",))
    given |= dict.fromkeys((*OF_ONE_CAMPAIGN, "holdout_result"), ("c",))
    given |= dict.fromkeys(("plan_campaign", "try_campaign"), ({},))
    names = [module.__name__ for module in modules]
    ours = {name: make for name, make in functions if make.__module__ in names and not name.startswith("_")}
    return {name: make(*given.get(name, ()), **named.get(name, {})) for name, make in ours.items()}


def test_the_client_has_a_call_for_every_route_and_none_for_others(home: Path) -> None:
    config = ServerConfig.load(home, None, {})
    store = open_store(home, None)
    paths = build_api(AppState(config, store, Metrics())).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    calls_of_client = {(call.method, call.template) for call in made().values()}
    assert routes - calls_of_client == set(), "add a call to recsys/client/calls.py, and a method to both clients"
    assert calls_of_client - routes == set()


def test_both_clients_have_a_method_for_every_call() -> None:
    for client in (Client, AsyncClient):
        methods = {name for name, _ in inspect.getmembers(client, inspect.isfunction)}
        assert set(made()) <= methods
        assert all(inspect.getdoc(getattr(client, name)) for name in made())


def test_a_shop_is_served_from_first_item_to_last_event(shop: Shop) -> None:
    with Client(shop.url, shop.key) as client:
        answer = client.recommendations("user-002", k=3)
        assert len(answer.items) == 3
        assert answer.items[0].reason.text
        assert client.recommend(Ask(user_id="user-002", k=3)).items == answer.items
        session: list[str | Mapping[str, object]] = [{"item_id": "item-001", "kind": "cart"}, "item-003"]
        ask = Ask(session=session, filters={"price_to": 20}, max_per={"brand": 1}, k=3)
        assert len(client.recommend(ask).items) == 3
        assert client.rows(Ask(user_id="user-002", k=2, rows=["buy-again"])).rows[0].title == "Buy again"
        assert client.similar("item-001", k=2).items
        ranked = client.rank(Ranking(items=["item-001", "nobody", "item-002"], user_id="user-002"))
        assert (len(ranked.items), ranked.unknown) == (2, ("nobody",))
        batch = client.batch(
            [Ask(user_id="user-002", k=1), Ask(placement="nowhere"), Ask(user_id="user-002", rows=True)]
        )
        first, second, third = batch.answers
        assert isinstance(first.answer, Recommendations)
        assert second.error is not None
        assert second.error.code == "unknown_placement"
        assert isinstance(third.answer, Rows)
        verdicts = client.events(
            [
                Event(user_id="user-002", item_id="item-005", kind="click", request_id=answer.request_id),
                Event(user_id="user-002", item_id="item-005", kind="purchase", at=datetime.now(UTC), price=2.5),
            ]
        )
        assert (verdicts.accepted, [event.verdict for event in verdicts.events]) == (2, ["accepted", "accepted"])
        assert client.live()["status"] == "ok"
        assert client.version()["model"]["version"] == answer.model_version
        assert "recsys_requests_total" in client.metrics()


def test_items_are_put_read_changed_and_deleted(shop: Shop) -> None:
    with Client(shop.url, shop.key) as client:
        odd = "a/b?ü %2e"
        opens = datetime(2026, 1, 1, tzinfo=UTC)
        assert client.put_items([Item(item_id=odd, name="Odd"), Item(item_id="..", price=2)]).stored == 2
        assert client.item("..").price == 2
        put = client.put_item(
            Item(item_id=odd, name="Odder", stock=3, available_from=opens, attributes={"colour": "red"})
        )
        assert put.available_from == int(opens.timestamp() * 1_000)
        assert client.item(odd).name == "Odder"
        assert client.put_item(client.item(odd)) == client.item(odd)  # a stored item can be sent back as it is
        changed = client.change_item(odd, stock=0, attributes={"size": 4})
        assert (changed.name, changed.stock, changed.attributes) == ("Odder", 0, {"colour": "red", "size": 4})
        client.delete_item(odd)
        with pytest.raises(ApiError, match="unknown_item") as refused:
            client.item(odd)
        assert refused.value.status == 404
        assert refused.value.request_id


@pytest.mark.parametrize(
    "ends", ["similar", "audience", "recommendations", "export", "/", "%2Fsimilar", "similar/similar"]
)
def test_ids_that_end_like_a_route_are_reached(shop: Shop, ends: str) -> None:
    with Client(shop.url, shop.key) as client:
        for item_id in (f"item-001/{ends}", f"/{ends}"):
            assert client.put_item(Item(item_id=item_id, name=ends)).item_id == item_id
            assert client.item(item_id).name == ends
            assert client.item("item-001").name == "Product 1"
            assert item_id not in {item.item_id for item in client.similar(item_id, k=5).items}
            client.delete_item(item_id)
        user_id = f"user-002/{ends}"
        assert client.put_user(User(user_id=user_id, attributes={"age": "30"})).user_id == user_id
        assert client.user(user_id).attributes == {"age": "30"}
        assert client.recommend(Ask(user_id=user_id, k=3)).fallback != "personal"
        assert client.erase_user(user_id).counts["records"] == 1
        assert client.recommend(Ask(user_id="user-002", k=3)).fallback == "personal"


def test_an_escaped_slash_belongs_to_the_id_and_another_one_separates_the_path(shop: Shop) -> None:
    with httpx.Client(base_url=shop.url, headers={"x-api-key": shop.key}) as web:
        assert web.get("/v1/items/item-001/similar?k=3").json()["placement"] == "product"
        for slash in ("%2F", "%2f"):
            assert web.get(f"/v1/items/item-001{slash}similar").json()["error"]["code"] == "unknown_item"
            assert web.get(f"/v1/users/user-002{slash}recommendations").json()["error"]["code"] == "unknown_user"
        stranger = web.get("/v1/users/user-002%2Frecommendations/recommendations?k=3").json()
        assert stranger["fallback"] == "popular"
        assert web.get("/v1/users/user-002/recommendations?k=3").json()["fallback"] == "personal"
        assert web.get("/v1%2Fusers/user-002").status_code == 404


def test_audiences_and_filters_are_understood(shop: Shop) -> None:
    with Client(shop.url, shop.key) as client:
        blue = client.similar("item-004", k=24, where={"colour": "blue"})
        assert {item.item_id for item in blue.items} == {f"item-{i:03}" for i in range(0, 24, 5)}
        fans = client.audience("item-004", limit=3).customers
        assert [fan.item_id for fan in fans] == ["item-004"] * 3
        assert {fan.item_id for fan in client.audience_where({"colour": "blue"}).customers} <= {
            item.item_id for item in blue.items
        }
        assert client.customer("user-002").stage is not None
        assert client.similar_customers("user-002", k=2).customers[0].shared


def test_the_client_explains_why_an_item_is_not_shown(shop: Shop) -> None:
    with Client(shop.url, shop.key) as client:
        first = client.recommend(Ask(user_id="user-003", explain=True)).items[0]
        assert first.explanation is not None
        assert client.why(first.item_id, user_id="user-003").place == 1
        assert client.why_in(Ask(user_id="user-003", exclude=[first.item_id]), first.item_id).code == "excluded"


def test_rules_are_tried_put_and_put_back(shop: Shop) -> None:
    rule = {"id": "none", "kind": "block", "items": ["item-002"], "reason": "recalled"}
    with Client(shop.url, shop.key) as client:
        before = client.rules()
        trial = client.try_rules(Ask(placement="best-sellers", k=24), [rule])
        assert "item-002" in [item.item_id for item in trial.without]
        assert "item-002" not in [item.item_id for item in trial.with_rules]
        whole = client.try_rules(Ask(placement="best-sellers", k=24), [rule], customers=20).shop
        assert whole is not None
        assert whole["changed"]["share"] == 1
        put = client.put_rules([rule], if_digest=before.digest)
        assert put.rules[0]["id"] == "none"
        with pytest.raises(ApiError, match="412"):
            client.put_rules([], if_digest=before.digest)
        newest = client.rule_versions().versions[0]
        assert client.rule_version(newest.version).digest == newest.digest == put.digest
        assert client.put_rules([]).rules == ()


def test_customers_are_put_changed_and_merged(shop: Shop) -> None:
    with Client(shop.url, shop.key) as client:
        assert client.put_users([User(user_id="ann", attributes={"age": "30-39"}), User(user_id="bob")]).stored == 2
        assert client.put_user(User(user_id="ann", attributes={"age": "40-49"})).attributes == {"age": "40-49"}
        changed = client.change_user("ann", attributes={"kids": 2}, consent={"marketing": False})
        assert client.user("ann").attributes == changed.attributes == {"age": "40-49", "kids": 2}
        assert changed.consent == {"personalisation": None, "marketing": False, "channels": {"marketing": {}}}
        client.events([Event(user_id="visitor-1", item_id="item-001", kind="view")])
        merged = client.merge_users("visitor-1", into="ann")
        assert (merged.user_id, merged.merged) == ("ann", True)
        ann = client.user("visitor-1")
        assert list(ann.merged_ids) == ["visitor-1"]
        assert client.put_user(ann) == ann
        assert client.export_user("ann")["events"][0]["item_id"] == "item-001"
        erased = client.erase_user("visitor-1")
        assert (erased.counts["ids"], erased.counts["events"]) == (2, 1)
        assert client.receipt(erased.receipt_id).remains.releases == erased.remains.releases != []


def test_the_async_client_gives_the_same(shop: Shop) -> None:
    async def ask() -> tuple[Recommendations, list[Recommendations]]:
        async with AsyncClient(shop.url, shop.key) as client:
            many = await asyncio.gather(*(client.recommendations(f"user-{n:03}", k=2) for n in range(8)))
            await client.events([Event(user_id="user-003", item_id="item-001", kind="view")])
            with pytest.raises(ApiError, match="unknown_placement"):
                await client.recommend(Ask(placement="nowhere"))
            return await client.recommend(Ask(user_id="user-001", k=2)), list(many)

    single, many = asyncio.run(ask())
    assert len(single.items) == 2
    assert len({answer.request_id for answer in many}) == 8


def test_a_key_opens_the_routes_of_its_scopes(shop: Shop) -> None:
    with Client(shop.url) as nobody, pytest.raises(ApiError, match="no_key") as refused:
        nobody.recommendations("user-001")
    assert refused.value.status == 401
    with Client(shop.url, shop.reading) as page:
        assert page.recommendations("user-001").items
        with pytest.raises(ApiError, match="missing_scope"):
            page.events([Event(user_id="u", item_id="i", kind="view")])


class Flaky(BaseHTTPRequestHandler):
    """A service that fails as its script says, then answers."""

    script: ClassVar[list[str]] = []
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        step = self.script.pop(0) if self.script else "ok"
        if step == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if step == "proxy":
            self._say(502, b"<html>bad gateway</html>", "text/html")
        elif step == "busy":
            self._say(429, b'{"error":{"code":"too_fast","message":"slower","details":[]}}')
        else:
            self._say(202, b'{"accepted":1,"duplicate":0,"rejected":0,"events":[]}')

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def flaky() -> Iterator[str]:
    Flaky.script, Flaky.bodies = [], []
    server = HTTPServer(("127.0.0.1", 0), Flaky)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_events_whose_answer_was_lost_are_sent_again_under_the_same_ids(flaky: str) -> None:
    Flaky.script = ["cut", "proxy"]
    with Client(flaky) as shop:
        assert shop.events([Event(user_id="u", item_id="i", kind="view")]).accepted == 1
    assert len(Flaky.bodies) == 3
    assert len(set(Flaky.bodies)) == 1
    assert b"event_id" in Flaky.bodies[0]


def test_a_service_that_stays_busy_is_reported_as_an_error(flaky: str) -> None:
    Flaky.script = ["busy"] * 5
    with Client(flaky) as shop, pytest.raises(ApiError, match="too_fast"):
        shop.events([Event(user_id="u", item_id="i", kind="view")])
    assert len(Flaky.bodies) == 3
    Flaky.script = ["proxy"]
    with Client(flaky, tries=1) as shop, pytest.raises(ApiError, match="502 http_error"):
        shop.events([Event(user_id="u", item_id="i", kind="view")])


def test_a_call_that_may_not_be_repeated_is_sent_once(flaky: str) -> None:
    Flaky.script = ["cut"]
    once: Call[bytes] = Call("POST", "/once", bytes, body={}, is_repeatable=False)
    with Client(flaky) as shop, pytest.raises(Unreachable, match="after 1 tries"):
        shop.send(once)
    assert len(Flaky.bodies) == 1


def test_an_unreachable_service_is_reported_in_words() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as shop, pytest.raises(Unreachable, match="GET /livez: no answer"):
        shop.live()


def test_the_client_loads_nothing_of_the_engine() -> None:
    heavy = "{'numpy', 'scipy', 'polars', 'faiss', 'apsw', 'fastapi', 'recsys.data', 'recsys.arrays'}"
    code = f"import sys, recsys.client; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
