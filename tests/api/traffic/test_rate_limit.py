"""Rate limits: token buckets that all workers share, and the headers of a refused request."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.auth.api_keys import create_key
from api.traffic.rate_limit import Bucket, TokenBuckets, tag_of_address

Worker = Callable[..., TestClient]
ASK = "/v1/users/user-002/recommendations"
SLOW = 1e-6  # requests a second: nothing comes back while a test runs


def made(home: Path, *scopes: str) -> dict[str, str]:
    return {"x-api-key": create_key(home / "keys.json", "test", scopes, now_ms=1)[1]}


def statuses(client: TestClient, n: int, headers: dict[str, str] | None = None) -> list[int]:
    return [client.get(ASK, headers=headers).status_code for _ in range(n)]


@given(
    waits=st.lists(st.integers(0, 200), max_size=60),
    per_s=st.sampled_from([0.5, 1.0, 2.0, 8.0]),
    burst=st.integers(1, 10),
)
def test_the_buckets_agree_with_a_bucket_that_counts_tokens(
    tmp_path_factory: pytest.TempPathFactory, waits: list[int], per_s: float, burst: int
) -> None:
    table = TokenBuckets(tmp_path_factory.mktemp("limits") / "limits")
    now, tokens, last = 1_000.0, float(burst), 1_000.0
    for wait in waits:
        now += wait / 64  # powers of two: both count exactly
        tokens, last = min(burst, tokens + (now - last) * per_s), now
        expected = tokens >= 1
        verdict = table.take(7, Bucket(per_s, burst), now)
        assert verdict.is_allowed == expected
        tokens -= expected
        if expected:
            assert verdict.left == int(tokens)
            assert verdict.full_s == (burst - tokens) / per_s
        else:
            assert verdict.wait_s == (1 - tokens) / per_s
    table.close()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[TokenBuckets]:
    buckets = TokenBuckets(tmp_path / "limits")
    yield buckets
    buckets.close()


def test_a_clock_that_restarted_locks_no_client_out(table: TokenBuckets) -> None:
    for _ in range(5):
        table.take(7, Bucket(1.0, 5), 1e9)
    assert not table.take(7, Bucket(1.0, 5), 1e9).is_allowed
    assert table.take(7, Bucket(1.0, 5), 3.0).is_allowed


def test_many_addresses_replace_only_quiet_ones(table: TokenBuckets) -> None:
    for _ in range(3):
        table.take(1, Bucket(SLOW, 3), 10.0)
    for stranger in range(1, 1_000):
        table.take(1 + stranger * 8_192, Bucket(1.0, 5), 10.0 + stranger)  # all of them in its bucket
    assert not table.take(1, Bucket(SLOW, 3), 2_000.0).is_allowed


def take_many(file: Path, n: int, begins_at: float) -> int:
    table = TokenBuckets(file)
    time.sleep(max(0.0, begins_at - time.monotonic()))
    return sum(table.take(7, Bucket(SLOW, 1_000), time.monotonic()).is_allowed for _ in range(n))


def test_two_processes_at_once_count_together(tmp_path: Path) -> None:
    file = tmp_path / "limits"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(take_many, [(tmp_path / "warm", 1, 0.0)] * 2)
        allowed = pool.starmap(take_many, [(file, 3_000, time.monotonic() + 0.2)] * 2)
    # The others do not wait for a worker that is stopped; one that is stopped as it writes still overwrites theirs.
    assert 1_000 <= sum(allowed) <= 1_500


class StoppedBuckets(TokenBuckets):
    """Buckets of a worker that is stopped once between reading a slot and writing it."""

    meanwhile: Callable[[], object] | None = None

    def _find(self, tag: int) -> tuple[int, bytes, float]:
        slot = super()._find(tag)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return slot


@pytest.fixture
def stopped(tmp_path: Path, table: TokenBuckets) -> Iterator[StoppedBuckets]:
    buckets = StoppedBuckets(tmp_path / "limits")
    yield buckets
    buckets.close()


def test_a_worker_that_stood_in_the_middle_counts_what_others_counted(
    table: TokenBuckets, stopped: StoppedBuckets
) -> None:
    stopped.meanwhile = lambda: [table.take(7, Bucket(SLOW, 3), 5.0) for _ in range(3)]
    assert not stopped.take(7, Bucket(SLOW, 3), 5.0).is_allowed


def test_a_charge_that_stood_in_the_middle_adds_to_what_others_counted(
    table: TokenBuckets, stopped: StoppedBuckets
) -> None:
    stopped.meanwhile = lambda: [table.take(7, Bucket(SLOW, 4), 5.0) for _ in range(2)]
    stopped.charge(7, Bucket(SLOW, 4), 5.0, 1)
    assert [table.take(7, Bucket(SLOW, 4), 5.0).is_allowed for _ in range(2)] == [True, False]


def test_a_new_address_does_not_take_the_slot_that_another_took_meanwhile(
    table: TokenBuckets, stopped: StoppedBuckets
) -> None:
    stopped.meanwhile = lambda: table.take(7 + 8_192, Bucket(SLOW, 1), 5.0)
    assert stopped.take(7, Bucket(SLOW, 1), 5.0).is_allowed
    assert not any(table.take(tag, Bucket(SLOW, 1), 5.0).is_allowed for tag in (7, 7 + 8_192))


def test_workers_count_together_and_each_key_for_itself(home: Path, worker: Worker) -> None:
    key, other = made(home, "read"), made(home, "read")
    env = {"RECSYS_LIMITS_KEY_PER_S": str(SLOW), "RECSYS_LIMITS_KEY_BURST": "6"}
    here, there = worker(env), worker(env)
    assert statuses(here, 4, key) + statuses(there, 4, key) == [200] * 6 + [429] * 2
    assert statuses(there, 2, other) == [200] * 2


def test_a_refused_request_gets_the_time_of_the_next_try(home: Path, worker: Worker) -> None:
    key, operator = made(home, "read"), made(home, "read")
    client = worker({"RECSYS_LIMITS_KEY_PER_S": "0.1", "RECSYS_LIMITS_KEY_BURST": "2"})
    first, _, third = (client.get(ASK, headers=key) for _ in range(3))
    assert {name: first.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")} == {
        "limit": "2",
        "remaining": "1",
        "reset": "10",
    }
    assert third.status_code == 429
    assert third.json()["error"]["code"] == "rate_limited"
    assert 1 <= int(third.headers["retry-after"]) <= 10
    assert third.headers["ratelimit-remaining"] == "0"
    text = client.get("/metrics", headers=operator).text
    assert 'recsys_requests_total{route="limited",status="429"} 1.0' in text


def test_guessing_keys_is_limited_by_address_and_health_probes_are_not(home: Path, worker: Worker) -> None:
    key = made(home, "read")
    client = worker({"RECSYS_LIMITS_ADDRESS_PER_S": str(SLOW), "RECSYS_LIMITS_ADDRESS_BURST": "3"})
    wrong = {"x-api-key": "rk_00000000_guessed"}
    assert statuses(client, 5, wrong) == [401] * 3 + [429] * 2
    assert statuses(client, 5, key) == [200] * 5
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_without_settings_there_is_no_limit_and_no_header(client: TestClient) -> None:
    answer = client.get(ASK)
    assert not [name for name in answer.headers if name.startswith("ratelimit")]
    assert statuses(client, 50) == [200] * 50


def test_one_network_of_ipv6_is_one_address() -> None:
    assert tag_of_address("2001:db8:1:2::1") == tag_of_address("2001:db8:1:2:ffff::9")
    assert tag_of_address("2001:db8:1:2::1") != tag_of_address("2001:db8:1:3::1")
    assert tag_of_address("192.0.2.1") != tag_of_address("192.0.2.2")


def test_without_a_file_a_worker_counts_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    table = TokenBuckets(tmp_path / "file" / "limits")
    assert [table.take(1, Bucket(SLOW, 2), 5.0).is_allowed for _ in range(3)] == [True, True, False]
