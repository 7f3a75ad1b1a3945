"""The reader of recent lists finds the last lists of one customer, and never more than the limits."""

from pathlib import Path

import orjson
import pytest

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.answer_log.recent_lists import (
    _LAST,
    MAX_ITEMS,
    MAX_LISTS,
    RecentList,
    RecentListReader,
    answer_items,
    newest_lists,
)
from recsys.errors import LogUnavailable
from tests.recsys.data.answer_log.test_answer_log import answer, item


@pytest.fixture
def log(tmp_path: Path) -> AnswerLog:
    return AnswerLog(tmp_path / ANSWER_LOG_FILE)


def test_the_last_lists_of_a_customer_come_newest_first_and_no_others(log: AnswerLog) -> None:
    lists = [(f"r{n}", ("ann", "ben", None)[n % 3], n) for n in range(3 * MAX_LISTS + 30)]
    log.append([LoggedAnswer(name, 1_000 + n, user, answer(item(f"item-{n}"))) for name, user, n in lists])
    recent = RecentListReader(log.path).read(["ann"], 0)
    of_ann = [RecentList(name, 1_000 + n, (f"item-{n}",)) for name, user, n in lists if user == "ann"]
    assert recent == of_ann[::-1][:MAX_LISTS]
    assert RecentListReader(log.path).read(["ann"], of_ann[-2].at_ms) == of_ann[-1:]
    assert RecentListReader(log.path).read(["nobody"], 0) == []


def test_an_index_leads_to_the_lists_of_one_customer(log: AnswerLog) -> None:
    log.append([LoggedAnswer("r", 1, "ann", answer(item("a")))])
    connection = RecentListReader(log.path)._opened()
    assert connection is not None
    plan = connection.execute("EXPLAIN QUERY PLAN " + _LAST, ("ann", 0, 3))
    steps = [str(row[3]) for row in plan]
    assert any("shown_user (user_id=?)" in step for step in steps), steps
    assert not any("SCAN shown" in step for step in steps), steps


def test_an_answer_of_several_rows_is_one_list_of_all_their_items(log: AnswerLog) -> None:
    rows = [{"placement": "home", "items": [item(name)]} for name in "ab"]
    body = orjson.dumps({"rows": rows, "placement": "home", "model_version": "v", "fallback": "popular"})
    log.append([LoggedAnswer("r", 5, "ann", body)])
    assert (
        RecentListReader(log.path).read(["ann"], 0)
        == [RecentList("r", 5, answer_items(body))]
        == [RecentList("r", 5, ("a", "b"))]
    )


def test_older_lists_beyond_the_limits_are_left_out() -> None:
    short = [RecentList(f"r{n}", n, ("a",)) for n in range(2 * MAX_LISTS)]
    assert newest_lists([*short, *short]) == short[::-1][:MAX_LISTS]
    long = [RecentList(f"r{n}", n, ("a",) * 400) for n in range(9)]
    assert newest_lists(long) == long[::-1][: -(-MAX_ITEMS // 400)]


def test_without_a_log_there_are_no_lists_and_no_file_is_made(tmp_path: Path) -> None:
    assert RecentListReader(tmp_path / ANSWER_LOG_FILE).read(["ann"], 0) == []
    assert not (tmp_path / ANSWER_LOG_FILE).exists()


def test_a_file_that_is_no_log_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / ANSWER_LOG_FILE).write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(LogUnavailable):
        RecentListReader(tmp_path / ANSWER_LOG_FILE).read(["ann"], 0)


def test_a_file_without_tables_yet_holds_no_lists(tmp_path: Path) -> None:
    (tmp_path / ANSWER_LOG_FILE).touch()
    reader = RecentListReader(tmp_path / ANSWER_LOG_FILE)
    assert reader.read(["u"], 0) == []
    log = AnswerLog(tmp_path / ANSWER_LOG_FILE)
    log.append([LoggedAnswer("r", 5, "u", answer(item("a")))])
    assert [recent.request_id for recent in reader.read(["u"], 0)] == ["r"]
    reader.close()
