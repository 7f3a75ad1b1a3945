"""Everything older than `[keep]` says is deleted, to the last byte of the files, and nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.clock import CLOCK_FILE, read_clock
from recsys.config import KeepSettings
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.events import Event, Kind
from recsys.data.runs import RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.time_units import DAY_MS
from training.erasure_sweep import expire, sweep
from training.registry import Registry
from training.retention import AgedData, count_aged, delete_aged, delete_aged_if_possible

NOW = 1_800_000_000_000
OLD, NEW = NOW - 401 * DAY_MS, NOW - 399 * DAY_MS
ITEM = {"item_id": "i", "rank": 1, "score": 0.5, "source": "popular"}
ANSWER = orjson.dumps({"items": [ITEM], "placement": "home", "model_version": "v", "fallback": "popular"})
KEEP = KeepSettings(view_days=400, shown_days=400, reject_days=400, import_days=400, run_days=400)
MARK = b"unmistakable"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, None)
    yield store
    store.close()


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Path:
    """A home with one old thing of every sort, that names an unmistakable customer, and a new one."""
    store.append([Event(f"view-{n}-unmistakable", "unmistakable", "i", Kind.VIEW, OLD) for n in range(300)])
    store.append([Event("buy", "kept", "i", Kind.PURCHASE, OLD), Event("view", "kept", "i", Kind.VIEW, NEW)])
    log = AnswerLog(tmp_path / ANSWER_LOG_FILE)
    log.append([LoggedAnswer("unmistakable", OLD, "unmistakable", ANSWER), LoggedAnswer("r", NEW, "kept", ANSWER)])
    log.close()
    for at_ms, run_id in ((OLD, "old"), (NEW, "new")):
        store.put_run(RunRecord(run_id, "train", "cron", at_ms, verdict="promoted", ended_ms=at_ms))
    for folder, names in {
        "rejects": ("20251201T000000Z-unmistakable.csv.jsonl", "20270101T000000Z-a.csv.jsonl", "odd.jsonl"),
        "imports": ("a.json", "b.json", "c.json"),
    }.items():
        (tmp_path / folder).mkdir()
        for name, at_ms in zip(names, (OLD, NEW, NEW + 1), strict=True):
            (tmp_path / folder / name).write_text("{}")
            os.utime(tmp_path / folder / name, ns=(0, at_ms * 1_000_000))
    return tmp_path


def bytes_left(home: Path) -> dict[str, int]:
    files = (path for path in home.rglob("*") if path.is_file())
    return {path.name: n for path in files if (n := path.read_bytes().count(MARK) + path.name.count(MARK.decode()))}


def test_what_is_too_old_is_counted_and_nothing_is_deleted(store: Store, home: Path) -> None:
    assert count_aged(store, home, KEEP, NOW) == AgedData({"view": 300}, 1, 1, 1, 1)
    assert count_aged(store, home, KEEP, NOW) == AgedData({"view": 300}, 1, 1, 1, 1)


def test_no_byte_of_what_was_too_old_is_left_after_a_sweep(store: Store, home: Path) -> None:
    assert bytes_left(home)
    assert delete_aged(store, home, KEEP, NOW) == AgedData({"view": 300}, 1, 1, 1, 1)
    sweep(store, Registry(home))
    assert bytes_left(home) == {}
    assert count_aged(store, home, KEEP, NOW).is_empty
    assert [each.event_id for each in store.user_events("kept")] == ["buy", "view"]
    assert [run.run_id for run in store.runs()] == ["new"]
    assert sorted(path.name for path in home.glob("[ri]*s/*")) == [
        "20270101T000000Z-a.csv.jsonl",
        "b.json",
        "c.json",
        "odd.jsonl",
    ]


def test_by_default_only_old_answers_are_deleted(store: Store, home: Path) -> None:
    assert delete_aged(store, home, KeepSettings(), NOW) == AgedData(answers=2)
    assert store.head() == 302


def test_the_newest_record_of_an_import_stays_however_old(store: Store, home: Path) -> None:
    delete_aged(store, home, KEEP, NOW + 1_000 * DAY_MS)
    assert [path.name for path in (home / "imports").iterdir()] == ["c.json"]


def test_releases_that_hold_events_deleted_by_age_go_in_time_and_not_with_the_next_sweep(
    store: Store, home: Path
) -> None:
    registry, version = Registry(home), "20260101T000000Z-aaaa"
    write_bundle(registry.bundles / version, {}, Manifest(version=version, made_at_ms=0, now=0.0, log_seq=302))
    delete_aged(store, home, KEEP, NOW)
    (mark,) = store.tombstones_since(0)
    assert sweep(store, registry).deleted == []
    assert expire(store, registry, now_ms=mark.at_ms + 13 * DAY_MS, within_days=14) == []
    assert expire(store, registry, now_ms=mark.at_ms + 15 * DAY_MS, within_days=14) == [version]


def test_a_training_deletes_by_a_clock_without_doubt_and_goes_on_where_that_fails(store: Store, home: Path) -> None:
    delete_aged_if_possible(store, home, KeepSettings(view_days=1))
    assert store.head() == 302, "the clock is in doubt"
    (home / CLOCK_FILE).write_bytes(orjson.dumps([[*read_clock()], None]))
    (home / ANSWER_LOG_FILE).write_bytes(b"rubbish" * 1_000)
    delete_aged_if_possible(store, home, KeepSettings(view_days=1))
    (home / ANSWER_LOG_FILE).unlink()
    delete_aged_if_possible(store, home, KeepSettings(view_days=1))
    assert [each.event_id for each in store.user_events("unmistakable")] == []
