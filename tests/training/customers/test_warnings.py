"""Warnings of customers: each change told once, in signed pages, and kept only until it arrived."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recsys.bundle import open_release
from recsys.data.runs import CHANGED_CUSTOMERS, RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import NoBundle
from recsys.jobs.notifications import CHANNELS, PAGE_CUSTOMERS, Notifier, customer_messages
from recsys.jobs.settings import NotifySettings
from recsys.privacy.erasure import erase_user_data
from recsys.ranking.reminders.changes import CustomerChanges
from recsys.time_units import DAY_MS, now_ms
from tests.homes import copy_home
from training.customers.warnings import warn

OUT = "messages.jsonl"


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    home = copy_home(trained_home, tmp_path / "home")
    append = f"import sys; open({str(home / OUT)!r}, 'a').write(sys.stdin.read() + chr(10))"
    (home / "recsys.toml").write_text(f'[notify]\ncommand = ["python3", "-c", """{append}"""]\n')
    return home


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with closing(open_store(home, None)) as store:
        yield store


def warned(store: Store, home: Path, since_ms: int | None = None) -> CustomerChanges | None:
    return warn(store, home, home / "recsys.toml", since_ms=since_ms)


def as_of(home: Path) -> int:
    return int(
        open_release(home / "bundles", (home / "bundles" / "LIVE").read_text().strip()).array("customers/as_of_ms")
    )


def test_each_change_is_told_once_and_then_forgotten(store: Store, home: Path) -> None:
    changes = warned(store, home, as_of(home) - 60 * DAY_MS)
    assert changes is not None
    told = [json.loads(line) for line in (home / OUT).read_text().splitlines()]
    assert [row for message in told for row in message["customers"]] == list(changes.changes)
    assert {message["type"] for message in told} == {"customers.stage"}
    assert len({message["id"] for message in told}) == len(told)
    assert warned(store, home) is None
    assert len((home / OUT).read_text().splitlines()) == len(told)
    last, first = store.runs(job="warn")
    assert (last.verdict, first.verdict) == ("nothing_new", "done")
    assert first.result[CHANGED_CUSTOMERS] == []
    assert first.result["counts"] == {"stage": len(changes.changes)}


def test_without_somebody_to_tell_no_id_is_kept(store: Store, home: Path) -> None:
    (home / "recsys.toml").write_text("")
    changes = warned(store, home, as_of(home) - 60 * DAY_MS)
    assert changes is not None
    assert changes.changes
    assert store.runs(job="warn")[0].result[CHANGED_CUSTOMERS] == []


def test_before_the_first_release_the_run_fails_and_the_next_begins_anew(store: Store, home: Path) -> None:
    (home / "bundles" / "LIVE").unlink()
    with pytest.raises(NoBundle):
        warned(store, home)
    assert store.runs(job="warn")[0].verdict == "failed"
    assert store.last_success("warn") is None


def with_changes(n: int) -> RunRecord:
    rows = [
        {"user_id": f"u{number}", "change": "stage", "from": "loyal", "to": "at_risk", "on": "2026-01-01"}
        for number in range(n)
    ]
    result = {"since": 1, "until": 2, CHANGED_CUSTOMERS: rows}
    return RunRecord("r", "warn", "cron", 1, ended_ms=now_ms(), verdict="done", result=result)


def test_pages_that_arrived_are_not_sent_again(store: Store, home: Path) -> None:
    store.put_run(with_changes(3 * PAGE_CUSTOMERS), CHANNELS)
    script, mended = home / "receive.sh", home / "mended"
    script.write_text(
        f"read body; case $body in *stage_3*) [ -e {mended} ] || exit 1;; esac; echo $body >> {home / OUT}\n"
    )
    notifier = Notifier(NotifySettings(command=("sh", str(script))), pause=lambda seconds: None)
    assert notifier.deliver_due(store) == 0
    mended.touch()
    store.set_due("r", ["command"], 0)
    assert notifier.deliver_due(store) == 1
    told = [json.loads(line) for line in (home / OUT).read_text().splitlines()]
    assert [message["id"] for message in told] == ["r_stage_1", "r_stage_2", "r_stage_3"]
    assert sum(len(message["customers"]) for message in told) == 3 * PAGE_CUSTOMERS


def test_pages_hold_customers_of_one_kind_and_say_how_many_there_are() -> None:
    messages = [json.loads(payload) for _, payload in customer_messages(with_changes(PAGE_CUSTOMERS + 1))]
    assert [(each["page"], each["pages"], len(each["customers"])) for each in messages] == [(1, 2, 500), (2, 2, 1)]


def test_an_erased_customer_waits_in_no_message(store: Store, home: Path) -> None:
    store.put_run(with_changes(3), CHANNELS)
    erase_user_data(store, home, "u1")
    run = store.run("r")
    assert run is not None
    assert [row["user_id"] for row in run.result[CHANGED_CUSTOMERS]] == ["u0", "u2"]
    assert CHANGED_CUSTOMERS not in run.without_customers().result


def test_a_count_of_customers_in_another_job_is_no_change(store: Store) -> None:
    run = RunRecord("e", "export", "cron", 1, ended_ms=now_ms(), verdict="done", result={"customers": 60})
    assert customer_messages(run) == []
    assert run.without_customers() == run
