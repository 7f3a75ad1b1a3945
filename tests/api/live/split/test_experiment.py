"""Experiments in the workers: who gets which arm, what the answer log says, and that a variant's faults end it."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from recsys.canary.counters import read_counts
from recsys.canary.state import Canary, write_canary
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from recsys.errors import BadBundle, BadInput
from recsys.experiments.definition import ExperimentPlan, Variant
from recsys.experiments.split import arm_of, customer_bucket
from recsys.experiments.state import Experiment, read_experiments
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.shared_registry.experiments import start_experiment, stop_experiment
from recsys.time_units import now_ms
from tests.api.live.test_release import wait_for
from tests.api.middleware.conftest import NoFastPath
from tests.api.middleware.test_whole_answer import answer_now
from training.registry import Registry

Worker = Callable[..., TestClient]
USERS = [f"user-{n:03}" for n in range(40)]
POPULAR = Variant(placements={"home": {"sources": ["popular"], "mix": "in-order"}})


def answer(client: TestClient, user: str, query: str = "k=5") -> dict[str, object]:
    return dict(client.get(f"/v1/users/{user}/recommendations?{query}").json())


def started(home: Path, *clients: TestClient, **fields: object) -> Experiment:
    """An experiment that all these workers serve: home with best-sellers only in B."""
    plan = ExperimentPlan.model_validate({"id": "popular", "b": POPULAR, **fields})
    experiment = start_experiment(home / "bundles", None, plan, now_ms())
    mine = next(user for user in USERS if arm_of(experiment, customer_bucket(experiment, user)) == "B")
    wait_for(lambda: all("experiment" in answer(client, mine) for client in clients))
    return experiment


def is_over(client: TestClient) -> bool:
    return all("experiment" not in answer(client, user) for user in USERS[:4])


def arm(experiment: Experiment, user: str) -> str | None:
    return arm_of(experiment, customer_bucket(experiment, user))


def test_each_customer_gets_their_arm_in_every_worker_and_the_answer_names_it(worker: Worker, home: Path) -> None:
    here, there = worker(), worker()
    experiment = started(home, here, there)
    expected = {user: {"id": "popular", "arm": arm(experiment, user)} for user in USERS}
    for client in (here, there, here):
        assert {user: answer(client, user)["experiment"] for user in USERS} == expected
    sources = {user: {item["source"] for item in answer(here, user)["items"]} for user in USERS}  # type: ignore[attr-defined]
    assert all(sources[user] == {"popular"} for user in USERS if arm(experiment, user) == "B")


def test_without_a_task_and_by_the_route_an_arm_gets_the_same_bytes(worker: Worker, home: Path) -> None:
    short, long = worker(), worker()
    long.app.fast_path = NoFastPath()  # type: ignore[attr-defined]
    experiment = started(home, short, long)
    for user in USERS[:8]:
        url = f"/v1/users/{user}/recommendations?k=5"
        whole = answer_now(short, url, x_request_id="ID")
        assert whole is not None
        assert whole[2] == long.get(url, headers={"x-request-id": "ID"}).content
        assert orjson.loads(whole[2])["experiment"] == {"id": "popular", "arm": arm(experiment, user)}


def test_best_sellers_for_everybody_in_b_are_not_counted_as_filled_up(client: TestClient, home: Path) -> None:
    experiment = started(home, client)
    for user in USERS:
        answer(client, user)

    def n_marked(mark: str) -> int:
        counts = read_counts(home, experiment, experiment.window(now_ms()))[mark]
        return counts.canary.marked + counts.live.marked

    wait_for(lambda: n_marked("answered") == len({customer_bucket(experiment, user) for user in USERS}))
    assert n_marked("fallback") == 0


def test_a_merged_customer_has_the_arm_of_the_id_that_they_were_merged_into(client: TestClient, home: Path) -> None:
    experiment = started(home, client)
    mine = {arm(experiment, user): user for user in USERS}
    assert answer(client, mine["A"])["experiment"] == {"id": "popular", "arm": "A"}
    client.post("/v1/users:merge", json={"from": mine["A"], "into": mine["B"]})
    assert answer(client, mine["A"])["experiment"] == {"id": "popular", "arm": "B"}


def test_customers_outside_its_share_get_the_shop_as_it_is_and_no_arm(client: TestClient, home: Path) -> None:
    before = {user: answer(client, user)["items"] for user in USERS}
    experiment = started(home, client, share=20)
    outside = [user for user in USERS if arm(experiment, user) is None]
    assert len(outside) > len(USERS) / 2
    assert all("experiment" not in answer(client, user) for user in outside)
    assert [answer(client, user)["items"] for user in outside] == [before[user] for user in outside]


def test_visitors_and_customers_without_consent_are_in_no_arm(client: TestClient, home: Path) -> None:
    started(home, client)
    client.put(f"/v1/users/{USERS[0]}", json={"consent": {"personalisation": False}})
    assert "experiment" not in answer(client, USERS[0])
    assert "experiment" not in client.post("/v1/recommendations", json={"k": 3}).json()


def test_the_answer_log_holds_the_arm_and_an_erased_customer_leaves_no_trace(client: TestClient, home: Path) -> None:
    experiment = started(home, client)
    for user in USERS[:6]:
        answer(client, user)
    client.__exit__(None, None, None)  # the worker writes what waits
    with closing(AnswerLog(home / ANSWER_LOG_FILE)) as log:
        for user in USERS[:6]:
            assert {(item.experiment, item.arm) for item in log.user_items(user)} >= {
                ("popular", arm(experiment, user))
            }
        log.delete_user(USERS[0])
        assert list(log.user_items(USERS[0])) == []


def test_interleaving_mixes_both_lists_and_names_the_team_of_each_item(client: TestClient, home: Path) -> None:
    before = {user: [item["item_id"] for item in answer(client, user)["items"]] for user in USERS}  # type: ignore[attr-defined]
    started(home, client, interleaved="home")
    for user in USERS[:10]:
        mixed = answer(client, user)
        items = mixed["items"]
        assert mixed["experiment"] == {"id": "popular", "arm": "A+B"}
        assert isinstance(items, list)
        assert [item["rank"] for item in items] == [1, 2, 3, 4, 5]
        assert {item["team"] for item in items} == {"A", "B"}
        assert next(item["item_id"] for item in items if item["team"] == "A") in before[user][:2]
        assert answer(client, user) | {"request_id": ""} == mixed | {"request_id": ""}
    assert "experiment" not in answer(client, USERS[0], "k=5&placement=buy-again")


def test_a_stopped_experiment_gives_everybody_the_shop_again(worker: Worker, home: Path) -> None:
    here, there = worker(), worker()
    before = {user: answer(here, user)["items"] for user in USERS}
    experiment = started(home, here, there)
    stop_experiment(home / "bundles", None, experiment.id, "seen enough", now_ms())
    for client in (here, there):
        wait_for(partial(is_over, client))
        assert {user: answer(client, user)["items"] for user in USERS} == before


def test_rules_of_an_arm_hold_for_its_customers_alone(client: TestClient, home: Path) -> None:
    before = {user: answer(client, user)["items"] for user in USERS}
    shown = before[USERS[0]][0]["item_id"]  # type: ignore[index]
    rule = f'[[rules]]\nid = "not-this"\nkind = "block"\nitems = ["{shown}"]\nreason = "tried"\n'
    experiment = started(home, client, b={"rules": rule})
    lists = {user: answer(client, user)["items"] for user in USERS}
    ids = {user: {item["item_id"] for item in lists[user]} for user in USERS}  # type: ignore[attr-defined]
    assert all(shown not in ids[user] for user in USERS if arm(experiment, user) == "B")
    assert all(lists[user] == before[user] for user in USERS if arm(experiment, user) == "A")


def test_a_rule_of_the_shop_reaches_customers_of_an_experiment_that_holds_releases(
    client: TestClient, home: Path
) -> None:
    live = Registry(home).live()
    experiment = started(home, client, a={"release": live}, b={"release": live, "placements": POPULAR.placements})
    mine = {"A": "", "B": ""} | {str(arm(experiment, user)): user for user in USERS}
    shown = [answer(client, user)["items"][0]["item_id"] for user in mine.values()]  # type: ignore[index]
    rule = f'[[rules]]\nid = "recall"\nkind = "block"\nitems = {shown}\nreason = "recall"\n'
    (home / "rules.toml").write_text(rule)

    def is_recalled() -> bool:
        items = [item for user in mine.values() for item in answer(client, user)["items"]]  # type: ignore[attr-defined]
        return not {item["item_id"] for item in items} & {*shown}

    wait_for(is_recalled)
    assert all("experiment" in answer(client, user) for user in mine.values())


def test_an_erasure_drops_what_an_arm_with_a_blend_of_its_own_kept_of_customers(client: TestClient, home: Path) -> None:
    experiment = started(home, client, b={"blend": {"als": 1.0}})
    user = next(user for user in USERS if arm(experiment, user) == "B")
    client.post("/v1/events", json={"user_id": user, "item_id": "item-001", "kind": "view"})
    answer(client, user)
    running = client.app.app.state.app_state.releases.experiment.now  # type: ignore[attr-defined]
    kept = running.derived["B"].release.recommender.engine.candidate_cache._lists
    assert user in running.placed
    assert [*kept]
    client.delete(f"/v1/users/{user}")
    assert not running.placed
    assert not [*kept]


def test_a_variant_that_fails_ends_the_experiment_in_every_worker(
    worker: Worker, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = worker(), worker()
    experiment = started(home, here, there)
    recommend = Recommender.recommend

    def fail_in_b(self: Recommender, query: Query) -> RecommendationList:
        if self.placements["home"].sources == ("popular",):
            raise BadBundle("planted")
        return recommend(self, query)

    monkeypatch.setattr(Recommender, "recommend", fail_in_b)
    users = [f"new-{n}" for n in range(200)]
    for user in users:
        here.get(f"/v1/users/{user}/recommendations?k=4")
    wait_for(lambda: read_experiments(home / "bundles")[-1].outcome == "failed")
    assert "a request failed" in read_experiments(home / "bundles")[-1].reasons[0]
    mine = next(user for user in users if arm(experiment, user) == "B")
    wait_for(lambda: "experiment" not in answer(there, mine) and "items" in answer(there, mine))


def test_one_that_names_rules_which_are_not_valid_leaves_the_shop_as_it_is(client: TestClient, home: Path) -> None:
    plan = ExperimentPlan(id="broken", b=Variant(rules="[[rules]]\nkind = 7\n"))
    start_experiment(home / "bundles", None, plan, now_ms())
    wait_for(lambda: read_experiments(home / "bundles")[-1].outcome == "failed")
    assert "experiment" not in answer(client, USERS[0])
    assert "cannot serve it" in read_experiments(home / "bundles")[-1].reasons[0]


def test_none_starts_beside_a_canary(home: Path) -> None:
    live = Registry(home).live()
    assert live is not None
    write_canary(home / "bundles", Canary(version="v2", champion=live, share=10, hours=1, began_at_ms=now_ms()))
    with pytest.raises(BadInput, match="v2 is a canary"):
        start_experiment(home / "bundles", None, ExperimentPlan(id="e1", b=POPULAR), now_ms())
    assert read_experiments(home / "bundles") == ()
