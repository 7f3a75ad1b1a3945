"""The answer log keeps answers as they were, expires old ones, and leaves no byte of an erased customer."""

import sqlite3
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.answer_log.answer_log import (
    ANSWER_LOG_FILE,
    AnswerLog,
    LoggedAnswer,
    erase_from_answer_log,
    open_answer_log,
)
from recsys.errors import LogUnavailable

Json = dict[str, object]


@pytest.fixture
def log(tmp_path: Path) -> AnswerLog:
    return AnswerLog(tmp_path / ANSWER_LOG_FILE)


def item(item_id: str, rank: int = 1, **more: object) -> Json:
    return {"item_id": item_id, "rank": rank, "source": "discover", "score": 0.5, "reason": {"code": "x"}, **more}


def answer(*items: Json, placement: str = "home") -> bytes:
    return orjson.dumps({"items": items, "placement": placement, "model_version": "v1", "fallback": "personal"})


def logged(request_id: str, user_id: str | None, body: bytes, at_ms: int = 1_000) -> LoggedAnswer:
    return LoggedAnswer(request_id, at_ms, user_id, body)


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
answers = st.lists(
    st.tuples(words, st.integers(0, 2**48), st.none() | words, st.lists(words, max_size=3), words), max_size=6
)


@given(rows=answers, split=st.integers(0, 6))
def test_logged_answers_are_read_back_item_by_item(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str | None, list[str], str]], split: int
) -> None:
    log = AnswerLog(tmp_path_factory.mktemp("shown") / ANSWER_LOG_FILE)
    whole = [
        LoggedAnswer(
            request_id, at, user, answer(*(item(item_id, n + 1) for n, item_id in enumerate(items)), placement=spot)
        )
        for request_id, at, user, items, spot in rows
    ]
    log.append(whole[:split])
    log.append(whole[split:])
    expected = [
        (request_id, at, user, spot, n + 1, item_id, 1.0)
        for request_id, at, user, items, spot in sorted(rows, key=lambda row: row[1])
        for n, item_id in enumerate(items)
    ]
    read = [
        (x.request_id, x.at_ms, x.user_id, x.placement, x.position, x.item_id, x.probability)
        for x in log.items_between(0, 2**53)
    ]
    assert sorted(read, key=str) == sorted(expected, key=str)
    log.close()


def test_an_item_of_several_rows_is_read_back_with_its_row(log: AnswerLog) -> None:
    rows = [{"placement": "buy-again", "items": [item("a")]}, {"placement": "trending", "items": [item("b")]}]
    log.append([logged("r", "u", orjson.dumps({"rows": rows, "model_version": "v", "fallback": "personal"}))])
    assert [(x.row, x.placement, x.item_id) for x in log.request_items("r")] == [
        (1, "buy-again", "a"),
        (2, "trending", "b"),
    ]


def test_a_probability_in_the_answer_is_kept(log: AnswerLog) -> None:
    log.append([logged("r", None, answer(item("a", probability=0.25), item("b", 2)))])
    assert [x.probability for x in log.request_items("r")] == [0.25, 1.0]


def test_the_same_answer_to_many_is_stored_once(log: AnswerLog) -> None:
    log.append([logged(f"r{n}", f"u{n}", answer(item("a"))) for n in range(50)])
    with sqlite3.connect(log.path) as file:
        assert file.execute("SELECT count(*) FROM lists").fetchone() == (1,)
    assert len(list(log.items_between(0, 2_000))) == 50


def test_a_request_id_may_have_several_lists(log: AnswerLog) -> None:
    log.append([logged("page", "u", answer(item("a"))), logged("page", "u", answer(item("b"), placement="product"))])
    assert [x.placement for x in log.request_items("page")] == ["home", "product"]


@pytest.mark.parametrize(
    ("body", "match"), [(b"{", "end of data"), (b"[]", "no answer"), (b'{"items": [{}]}', "no answer")]
)
def test_bytes_that_are_no_answer_are_refused_and_nothing_is_stored(log: AnswerLog, body: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        log.append([logged("good", "u", answer(item("a"))), logged("bad", "u", body)])
    log.append([logged("good", "u", answer(item("a")))])
    assert [x.request_id for x in log.items_between(0, 2_000)] == ["good"]


def test_an_erased_customer_leaves_no_byte_in_the_file(log: AnswerLog, tmp_path: Path) -> None:
    log.append([logged(f"r{n}", "mrs-secret-17", answer(item(f"rare-{n}"))) for n in range(300)])
    log.append([logged(f"s{n}", "somebody-else", answer(item("common"))) for n in range(300)])
    log.close()
    assert b"mrs-secret-17" in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert erase_from_answer_log(tmp_path, "mrs-secret-17") == 300
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"mrs-secret-17" not in left
    assert b"rare-" not in left
    assert len(list(log.user_items("somebody-else"))) == 300
    assert erase_from_answer_log(tmp_path, "mrs-secret-17") == 0


def test_an_answer_that_a_worker_still_held_of_an_erased_customer_is_refused(log: AnswerLog) -> None:
    log.append([logged("r1", "gone", answer(item("a")))])
    before = time.time_ns() // 1_000_000
    assert log.delete_user("gone") == 1
    log.overwrite_deleted()
    log.append([logged("r2", "gone", answer(item("a")), before), logged("r3", "stays", answer(item("a")), before)])
    log.append([logged("r4", "gone", answer(item("a")), before + 60_000)])  # came back as a new customer
    assert [x.request_id for x in log.items_between(0, before + 90_000)] == ["r3", "r4"]


def test_old_answers_expire_and_newer_ones_stay(log: AnswerLog) -> None:
    log.append([logged("old", "u", answer(item("a")), 10)])
    log.append([logged("new", "u", answer(item("a")), 20)])
    assert log.expire(15) == 1
    assert log.expire(15) == 0
    assert [x.request_id for x in log.items_between(0, 99)] == ["new"]
    with sqlite3.connect(log.path) as file:
        assert file.execute("SELECT count(*) FROM lists").fetchone() == (1,)


def test_two_workers_write_into_one_file(log: AnswerLog) -> None:
    other = AnswerLog(log.path)
    for n in range(20):
        (log, other)[n % 2].append([logged(f"r{n}", "u", answer(item(f"i{n}")))])
    assert [x.item_id for x in log.user_items("u")] == [f"i{n}" for n in range(20)]


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / ANSWER_LOG_FILE).write_bytes(b"no database " * 100)
    with pytest.raises(LogUnavailable, match="no SQLite file"):
        AnswerLog(tmp_path / ANSWER_LOG_FILE).append([logged("r", "u", answer(item("a")))])
    with pytest.raises(LogUnavailable, match="no such folder"):
        AnswerLog(tmp_path / "nowhere" / ANSWER_LOG_FILE).request_items("r")
    assert open_answer_log(tmp_path / "nowhere") is None
    assert erase_from_answer_log(tmp_path / "nowhere", "u") == 0
