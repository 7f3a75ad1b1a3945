"""Clients that disconnect: no other client notices, and no answer holds data of another customer."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.bench.servers import Server
from tests.resilience.disconnects import N_CUSTOMERS, N_OWN, Crowd, customer, trained_shop
from tests.resilience.running import new_connections, service, url_of

N_QUICK, N_WHOLE = 240, 20_000
AT_ONCE = 24


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_shop(tmp_path_factory.mktemp("hang-ups") / "home")


def everything(server: Server) -> dict[str, list[str]]:
    """The list of each customer, by id."""
    with new_connections() as web:
        answers = {
            customer(n): web.get(f"{url_of(server)}/v1/users/{customer(n)}/recommendations?k=9&placement=buy-again")
            for n in range(N_CUSTOMERS)
        }
    assert {answer.status_code for answer in answers.values()} == {200}
    return {user_id: [item["item_id"] for item in answer.json()["items"]] for user_id, answer in answers.items()}


def hold(shop: Path, redis_url: str, n_questions: int, settings: dict[str, str] | None = None) -> None:
    with service(shop, {"RECSYS_REDIS_URL": redis_url, **(settings or {})}, workers=2) as server:
        before = everything(server)
        crowd = Crowd(server.port, n_questions)
        asyncio.run(crowd.ask(AT_ONCE))
        after = everything(server)
        metrics = httpx.get(f"{url_of(server)}/metrics", timeout=60).text
    assert crowd.wrong == []
    assert set(crowd.statuses) == {"200", "202"}
    assert len(crowd.hung_up) == 3
    assert 0.22 < crowd.hung_up.total() / (crowd.hung_up.total() + crowd.statuses.total()) < 0.45
    assert 'status="499"' in metrics
    assert 'status="5' not in metrics
    assert after == before
    assert all(own.startswith(user_id) for user_id, shown in after.items() for own in shown[:N_OWN])


def test_each_of_some_hundred_requests_gets_its_own_answer_while_a_third_disconnect(
    shop: Path, redis_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    hold(shop, redis_url, N_QUICK)
    assert '"level": "error"' not in capfd.readouterr().err, "to hang up is no fault of anybody"


@pytest.mark.slow
@pytest.mark.parametrize("cache_mb", ["0", "1"])
def test_each_of_twenty_thousand_requests_gets_its_own_answer_while_a_third_disconnect(
    shop: Path, redis_url: str, cache_mb: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The workers have no memory cache, so every answer comes through Redis."""
    hold(shop, redis_url, N_WHOLE, {"RECSYS_SERVE_CACHE_MB": cache_mb})
    assert '"level": "error"' not in capfd.readouterr().err
