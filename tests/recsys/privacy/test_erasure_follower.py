"""A host erases from its files whom another host erased from the shared log, also while it was down."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.data.uploads import UploadFolder
from recsys.privacy.erasure import erase_user_data, tidy
from recsys.privacy.erasure_follower import LOCK, MARK, _lock, follow_erasures, place_of
from recsys.time_units import HOUR_MS, now_ms


@pytest.fixture
def log_of_both(patient_postgres: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, patient_postgres)
    yield store
    store.close()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The home of a host where three customers got an answer an hour ago, lines were refused and a file waits."""
    home = tmp_path / "here"
    home.mkdir()
    shown(home, now_ms() - HOUR_MS, "ann", "bea@example.org", "cid")
    file = home / "rejects" / "orders.csv.jsonl"
    file.parent.mkdir()
    lines = [
        {"read": {"user_id": "ann"}},
        {"row": {"text": "7;bea@example.org,broken"}},
        {"read": {"user_id": "cid"}, "row": {"order": "bea@example.org-17"}},
        {"row": {"text": "cid"}},
    ]
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    UploadFolder(home, 100).receive("orders.csv", io.BytesIO(b"ann"), now_ms())
    return home


def shown(home: Path, at_ms: int, *user_ids: str) -> None:
    item = {"item_id": "i", "rank": 1, "score": 0.5, "source": "popular", "placement": "home"}
    answer = orjson.dumps({"items": [item], "placement": "home", "model_version": "v", "fallback": "popular"})
    log = AnswerLog(home / ANSWER_LOG_FILE)
    log.append([LoggedAnswer(f"request {at_ms} {user_id}", at_ms, user_id, answer) for user_id in user_ids])
    log.close()


def users_of(home: Path) -> list[str]:
    log = AnswerLog(home / ANSWER_LOG_FILE)
    users = [user_id for page in log.pages_of_users() for user_id in page]
    log.close()
    return users


def test_whom_another_host_erased_is_gone_here_from_answers_and_refused_lines(
    log_of_both: Store, here: Path, tmp_path: Path
) -> None:
    assert follow_erasures(log_of_both, here) == 0
    log_of_both.merge_users("ann", "bea@example.org")
    erase_user_data(log_of_both, tmp_path / "there", "bea@example.org")
    assert follow_erasures(log_of_both, here) == 2
    assert users_of(here) == ["cid"]
    assert (here / "rejects" / "orders.csv.jsonl").read_bytes() == b'{"row":{"text":"cid"}}\n'
    held = b"".join(file.read_bytes() for file in here.rglob("*") if file.is_file())
    assert b"ann" not in held
    assert b"bea" not in held


def test_an_old_erasure_is_followed_by_a_host_that_was_down_and_a_new_customer_of_the_same_id_stays(
    log_of_both: Store, here: Path
) -> None:
    erased_ms = now_ms() - HOUR_MS // 2
    log_of_both.note_erased({log_of_both.digest("ann").hex(): erased_ms})
    shown(here, now_ms(), "ann")
    tidy(log_of_both, here)
    log = AnswerLog(here / ANSWER_LOG_FILE)
    assert [item.at_ms > erased_ms for item in log.user_items("ann")] == [True]
    log.close()
    assert int((here / MARK).read_text()) == erased_ms


def test_an_erasure_that_this_host_has_not_finished_is_left_to_it(log_of_both: Store, here: Path) -> None:
    change = log_of_both.begin_erasure("ann", place_of(here))
    assert follow_erasures(log_of_both, here) == 0
    assert "ann" in users_of(here)
    log_of_both.end_erasure(change)
    assert follow_erasures(log_of_both, here) == 1


def test_one_worker_of_a_host_follows(log_of_both: Store, here: Path) -> None:
    log_of_both.erase_user("ann")
    with _lock(here / LOCK):
        assert follow_erasures(log_of_both, here) == 0
    assert follow_erasures(log_of_both, here) == 1


def test_an_erasure_that_a_lost_host_began_is_finished_by_another_after_an_hour(log_of_both: Store, here: Path) -> None:
    change = log_of_both.begin_erasure("ann", "a host that burnt")
    tidy(log_of_both, here)
    assert [each.place for each in log_of_both.unfinished_changes()] == [change.place], "it may still come back"
    with log_of_both._user_tables(1) as tables:
        tables.put_change(replace(change, receipt=replace(change.receipt, at_ms=now_ms() - 2 * HOUR_MS)))
    tidy(log_of_both, here)
    assert log_of_both.unfinished_changes() == []
    assert log_of_both.receipt(change.receipt.receipt_id) is not None
    assert users_of(here) == ["bea@example.org", "cid"]
