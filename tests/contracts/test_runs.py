"""Every store keeps the runs of jobs: as they were written, newest first, a bounded number of each job."""

from dataclasses import replace

import pytest

from recsys.data.runs import RunRecord
from recsys.data.store.base import Store
from tests.contracts.conftest import OpenStore

FULL = RunRecord(
    run_id="20261130T023000Z-3f9a",
    job="train",
    cause="cron \x00 Grüße 'DROP TABLE runs'",
    started_ms=1_000,
    process="host/boot 12 345",
    alive_ms=61_000,
    ended_ms=61_000,
    verdict="promoted",
    reasons=("better than the floors",),
    log_id="abc",
    log_seq=7,
    item_revision=3,
    data_digest="d" * 32,
    version="20261130T023001Z-aaaa",
    result={"metrics": {"ndcg@10": 0.5}},
    wall_s=60.0,
    cpu_s=90.5,
    peak_mib=512.0,
    steps={"read": {"seconds": 1.0, "peak_mib": 300.0}},
    log=("info promoted",),
)


def made(n: int, job: str = "train", **fields: object) -> RunRecord:
    base = RunRecord(f"run-{n:03}", job, "cron", started_ms=n, alive_ms=n)
    return replace(base, **fields)  # type: ignore[arg-type]


def ids_of(runs: list[RunRecord]) -> list[str]:
    return [run.run_id for run in runs]


def test_a_run_comes_back_as_it_was_from_another_connection(opened: OpenStore) -> None:
    opened().put_run(FULL)
    stored = opened().run(FULL.run_id)
    assert stored is not None
    assert replace(stored, reasons=tuple(stored.reasons), log=tuple(stored.log)) == FULL


def test_a_store_without_runs_is_empty(store: Store) -> None:
    assert (store.run("x"), store.runs(), store.unended_runs(), store.run_jobs()) == (None, [], [], [])
    assert store.last_success("train") is None
    assert store.run("\ud800") is None


def test_runs_are_listed_newest_first_and_by_job(store: Store) -> None:
    for n, job in enumerate(["train", "sweep", "train", "train"]):
        store.put_run(made(n, job))
    store.put_run(made(4, "train", started_ms=3))
    assert ids_of(store.runs()) == ["run-004", "run-003", "run-002", "run-001", "run-000"]
    assert ids_of(store.runs(newest=2)) == ["run-004", "run-003"]
    assert ids_of(store.runs(job="train", newest=2)) == ["run-004", "run-003"]
    assert ids_of(store.runs(job="sweep")) == ["run-001"]
    assert store.run_jobs() == ["sweep", "train"]


def test_a_run_that_ends_replaces_the_one_that_began(store: Store) -> None:
    store.put_run(made(1))
    store.put_run(made(2))
    assert ids_of(store.unended_runs()) == ["run-002", "run-001"]
    store.put_run(made(1, verdict="failed", ended_ms=9))
    assert ids_of(store.unended_runs()) == ["run-002"]
    ended = store.run("run-001")
    assert ended is not None
    assert (ended.verdict, ended.ended_ms) == ("failed", 9)


def test_a_sign_of_life_moves_a_run_that_goes_on_and_no_other(store: Store) -> None:
    store.put_run(made(1))
    store.put_run(made(2, verdict="done", ended_ms=2))
    for run_id in ("run-001", "run-002", "unknown"):
        store.keep_run_alive(run_id, 50)
    assert [run.alive_ms for run in store.runs()] == [2, 50]


@pytest.mark.parametrize("verdict", ["promoted", "forced", "nothing_new", "done"])
def test_the_last_success_is_the_newest_run_that_ended_well(store: Store, verdict: str) -> None:
    store.put_run(made(1, verdict="done"))
    store.put_run(made(2, verdict=verdict))
    store.put_run(made(3, "sweep", verdict="done"))
    for n, bad in enumerate(["failed", "rejected", "died", "running"], 4):
        store.put_run(made(n, verdict=bad))
    last = store.last_success("train")
    assert last is not None
    assert last.run_id == "run-002"


def test_old_runs_of_one_job_are_dropped(store: Store) -> None:
    for n in range(5):
        store.put_run(made(n))
    store.put_run(made(0, "sweep", run_id="sweep-0"))
    store.drop_runs("train", keep=2)
    assert ids_of(store.runs()) == ["run-004", "run-003", "sweep-0"]


def test_what_is_due_is_claimed_once_and_stays_until_it_is_settled(store: Store) -> None:
    store.put_run(made(2, verdict="failed"), ("webhook", "command"))
    store.put_run(made(1, verdict="done"), ("command",))
    store.put_run(made(3))
    assert [(run.run_id, due) for run, due in store.due_runs(10)] == [
        ("run-001", ["command"]),
        ("run-002", ["webhook", "command"]),
    ]
    assert store.claim_due_run("run-002", 10, until_ms=20)
    assert not store.claim_due_run("run-002", 19, until_ms=29)
    assert [run.run_id for run, _ in store.due_runs(19)] == ["run-001"]
    store.set_due("run-002", ["command"], 30)
    assert not store.claim_due_run("run-002", 29, until_ms=40)
    assert store.claim_due_run("run-002", 30, until_ms=40)
    store.set_due("run-002", [])
    assert not store.claim_due_run("run-002", 99, until_ms=100)
    assert [run.run_id for run, _ in store.due_runs(99)] == ["run-001"]
