"""Canary in the workers: who gets it, that both arms are right, and that its faults end it."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys.bundle import Bundle, open_bundle, write_bundle
from recsys.canary.counters import read_counts
from recsys.canary.split import bucket_of
from recsys.canary.state import Canary, read_canary, write_canary
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from recsys.errors import BadBundle
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.time_units import now_ms
from tests.api.live.test_release import wait_for
from training.registry import Registry

Worker = Callable[..., TestClient]
USERS = [f"user-{n:03}" for n in range(60)]


@pytest.fixture
def registry(home: Path) -> Registry:
    """The live release once more, under the name v2."""
    registry = Registry(home)
    live = registry.live()
    assert live is not None
    whole = open_bundle(home / "bundles" / live)

    def write(directory: Path) -> Bundle:
        arrays = {name: whole.array(name) for name in whole.names}
        manifest = whole.manifest.model_copy(update={"version": "v2", "files": {}})
        extra = [name for name in whole.manifest.files if not name.endswith(".npy")]

        def copy(target: Path) -> None:
            for name in extra:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(whole.path / name, target / name)

        return write_bundle(directory, arrays, manifest, copy)

    registry.publish(write)
    return registry


def version_for(client: TestClient, user_id: str) -> str:
    return str(client.get(f"/v1/users/{user_id}/recommendations?k=3").json().get("model_version"))


def began(registry: Registry, *clients: TestClient, share: float = 30) -> Canary:
    """A canary of v2 that all these workers serve."""
    canary = registry.begin_canary("v2", share=share, hours=24)
    mine = next(user for user in USERS if is_in(canary, user))
    wait_for(lambda: all(version_for(client, mine) == "v2" for client in clients))
    return canary


def is_in(canary: Canary, user_id: str) -> bool:
    return bucket_of(user_id, canary.version) < canary.n_buckets


def test_each_customer_gets_the_release_of_their_bucket_in_every_worker(worker: Worker, registry: Registry) -> None:
    here, there = worker(), worker()
    canary = began(registry, here, there)
    expected = {user: "v2" if is_in(canary, user) else canary.champion for user in USERS}
    assert set(expected.values()) == {"v2", canary.champion}
    for client in (here, there, here):
        assert {user: version_for(client, user) for user in USERS} == expected


def test_visitors_without_an_id_and_customers_without_consent_get_the_live_release(
    client: TestClient, registry: Registry
) -> None:
    canary = began(registry, client, share=50)
    denied = next(user for user in USERS if is_in(canary, user))
    client.put(f"/v1/users/{denied}", json={"consent": {"personalisation": False}})
    assert version_for(client, denied) == canary.champion
    answers = [client.post("/v1/recommendations", json={"k": 3}).json() for _ in range(10)]
    assert {answer["model_version"] for answer in answers} == {canary.champion}


def test_a_merged_customer_stays_with_the_id_they_were_merged_into(client: TestClient, registry: Registry) -> None:
    canary = began(registry, client)
    inside = next(user for user in USERS if is_in(canary, user))
    outside = next(f"visitor-{n}" for n in range(100) if not is_in(canary, f"visitor-{n}"))
    assert version_for(client, outside) == canary.champion
    merged = client.post("/v1/users:merge", json={"from": outside, "into": inside})
    assert merged.status_code < 300, merged.text
    assert version_for(client, outside) == version_for(client, inside) == "v2"


def test_the_answer_log_says_which_release_answered(client: TestClient, registry: Registry, home: Path) -> None:
    canary = began(registry, client)
    versions = {user: version_for(client, user) for user in USERS[:20]}
    client.__exit__(None, None, None)  # the worker writes what waits
    with closing(AnswerLog(home / ANSWER_LOG_FILE)) as log:
        logged = {
            user: {item.model_version for item in log.user_items(user)} - {canary.champion} for user in USERS[:20]
        }
    assert logged == {user: {"v2"} if version == "v2" else set() for user, version in versions.items()}


def test_a_changed_item_is_known_to_both_arms_at_once(client: TestClient, registry: Registry) -> None:
    canary = began(registry, client)
    for user in (next(u for u in USERS if is_in(canary, u)), next(u for u in USERS if not is_in(canary, u))):
        shown = client.get(f"/v1/users/{user}/recommendations?k=5").json()["items"]
        item = shown[0]["item_id"]
        assert client.patch(f"/v1/items/{item}", json={"stock": 0}).status_code < 300
        again = client.get(f"/v1/users/{user}/recommendations?k=5").json()["items"]
        assert item not in {entry["item_id"] for entry in again}


def test_a_canary_that_fails_goes_back_by_itself_in_every_worker(
    worker: Worker, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = worker(), worker()
    canary = began(registry, here, there)
    recommend = Recommender.recommend

    def fail_for_v2(self: Recommender, query: Query) -> RecommendationList:
        if self.bundle.manifest.version == "v2":
            raise BadBundle("planted")
        return recommend(self, query)

    monkeypatch.setattr(Recommender, "recommend", fail_for_v2)
    statuses = {user: here.get(f"/v1/users/{user}/recommendations?k=4").status_code for user in USERS}
    failed = {user for user, status in statuses.items() if status == 503}
    assert failed
    assert failed <= {user for user in USERS if is_in(canary, user)}
    wait_for(lambda: (registry.canary() or canary).outcome == "back")
    wait_for(lambda: {version_for(client, user) for client in (here, there) for user in failed} == {canary.champion})
    verdict = registry.verdict("v2")
    assert verdict is not None
    assert verdict.outcome == "rejected"
    assert "a request failed for" in verdict.reasons[0]
    assert registry.live() == canary.champion
    wait_for(lambda: "recsys_canaries_back_total 1.0" in here.get("/metrics").text + there.get("/metrics").text)


def test_a_canary_that_cannot_be_opened_goes_back(client: TestClient, registry: Registry, home: Path) -> None:
    live = str(registry.live())
    file = max((home / "bundles" / "v2").rglob("*.npy"), key=lambda path: path.stat().st_size)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    canary = Canary(version="v2", champion=live, share=30, hours=24, began_at_ms=now_ms())
    write_canary(home / "bundles", canary)  # `recsys promote` would see the damage
    wait_for(lambda: (registry.canary() or canary).outcome == "back")
    assert {version_for(client, user) for user in USERS} == {live}
    assert file.name in (read_canary(home / "bundles") or canary).reasons[0]


def test_empty_and_slow_lists_are_counted_for_their_arm(
    client: TestClient, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.split.canary.JUDGE_EVERY_S", 3_600.0)
    monkeypatch.setattr("api.live.split.canary.LATE_S", 0.0)
    canary = began(registry, client)
    for user in USERS:
        client.post("/v1/recommendations", json={"user_id": user, "filters": {"category_in": ["none of ours"]}})
    counts = read_counts(home, canary, 0)
    n_inside = sum(is_in(canary, user) for user in USERS)
    assert counts["late"].canary.marked == counts["answered"].canary.n == n_inside
    assert counts["late"].live.marked == len(USERS) - n_inside
    assert counts["empty"].canary.marked == n_inside


@pytest.mark.parametrize("change", ["rollback", "promote", "stop"])
def test_whatever_ends_a_canary_ends_it_in_every_worker(worker: Worker, registry: Registry, change: str) -> None:
    here, there = worker(), worker()
    canary = began(registry, here, there)
    if change == "rollback":
        registry.rollback(canary.champion)
    elif change == "promote":
        registry.promote("v2")
    else:
        registry.end_canary(canary, "stopped", ["by hand"])
    expected = "v2" if change == "promote" else canary.champion
    wait_for(lambda: {version_for(client, user) for client in (here, there) for user in USERS} == {expected})


def test_a_rollback_and_the_end_of_a_canary_open_no_release_again(
    client: TestClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = began(registry, client)
    monkeypatch.setattr("api.live.release_holder.build_recommender", lambda *args, **options: None)  # fails if used
    registry.end_canary(canary, "forward", ["nothing was wrong"])
    wait_for(lambda: {version_for(client, user) for user in USERS} == {"v2"})
    registry.rollback()
    wait_for(lambda: {version_for(client, user) for user in USERS} == {canary.champion})
    assert "recsys_bundles_refused_total 0.0" in client.get("/metrics").text


def test_a_release_that_was_deleted_does_not_stay_open(client: TestClient, registry: Registry, home: Path) -> None:
    before = registry.live()
    registry.promote("v2")
    wait_for(lambda: version_for(client, USERS[0]) == "v2")
    maps = Path("/proc/self/maps")
    folder = str(home / "bundles" / str(before))
    assert folder in maps.read_text()
    shutil.rmtree(folder)
    wait_for(lambda: folder not in maps.read_text())


def test_no_canary_costs_a_request_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hash, no count: the split is not looked at."""
    calls: list[object] = []
    monkeypatch.setattr("api.live.split.canary.bucket_of", lambda *args: calls.append(args))
    monkeypatch.setattr("api.live.split.canary.CanaryHolder.observe", lambda *args: calls.append(args))
    version_for(client, USERS[0])
    assert calls == []
